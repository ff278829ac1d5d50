"""An export file in any form it comes in, as batches of rows of text with their row numbers."""
