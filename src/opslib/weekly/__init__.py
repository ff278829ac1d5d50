"""The weekly run: which notebooks for whom, their execution, their pages, and the pages around them."""
