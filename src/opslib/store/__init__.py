"""Where tables lie and how files are written: the warehouse, and files that are never half there."""
