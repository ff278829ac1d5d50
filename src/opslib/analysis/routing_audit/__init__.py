"""How tickets moved between queues, what the rules did to them, and what other rules would have done."""
