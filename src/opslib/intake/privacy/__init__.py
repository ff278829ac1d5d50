"""Ids that name a person become pseudonyms, and free text loses what tells who wrote it."""
