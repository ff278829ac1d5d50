"""Why customers write: reasons, what moved, what the texts say, and what a product team should hear of."""
