"""What needs somebody: findings of all analyses, their causes and rank, and what people do about them."""
