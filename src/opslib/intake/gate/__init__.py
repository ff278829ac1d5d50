"""The expectations of every standard table, what each saw, and which teams that blocks."""
