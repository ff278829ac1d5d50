"""Facts: what happened to each ticket, reply and promise, and what each team held on each day."""

from __future__ import annotations
