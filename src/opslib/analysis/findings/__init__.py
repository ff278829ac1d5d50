"""What needs somebody: findings of all analyses in one frame, their causes, their rank, and what people do about them."""
