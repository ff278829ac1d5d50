"""The numbers of a run: weekly values, changes from week to week, and what was published of them."""
