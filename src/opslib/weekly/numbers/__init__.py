"""The numbers of a run: which weeks are complete, weekly values, signals, and what was published of them."""
