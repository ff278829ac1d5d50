"""What a source's file in params/sources says, and the rows of an export as the columns of our tables."""
