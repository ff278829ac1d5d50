"""The numbers of a run: which weeks are complete, weekly values, changes, and what was published of them."""
