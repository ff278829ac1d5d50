"""The JSON types in which a notebook hands something to the run: who writes them and who reads them name them here."""

from __future__ import annotations

HEADLINE = "application/vnd.opslib.headline+json"
"""The numbers that stand above a report."""

ESCALATIONS = "application/vnd.opslib.escalations+json"
"""The week's rows of the register of escalations, and their files."""

FINDINGS = "application/vnd.opslib.findings+json"
"""What a notebook found of a kind, as rows of the register of findings."""

SECTION = "application/vnd.opslib.section+json"
"""The answer of a section, and whether its page folds it or leaves it out."""

TEXT = "application/vnd.opslib.text+json"
"""A report as Markdown, for a file beside its page."""
