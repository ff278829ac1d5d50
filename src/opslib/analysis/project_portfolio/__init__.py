"""Projects computed from their plans: what is wrong with a plan, where it stands, when it ends and what it earns."""
