"""Statistics that more than one subject uses, each tested against published numbers."""
