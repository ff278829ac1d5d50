"""Samples that several tests look at; each is made once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.samples import shared_sample

INSTANTS = {
    "tickets": ["created_at", "updated_at", "first_reply_at", "solved_at", "closed_at"],
    "satisfaction": ["answered_at", "offered_at"],
    "quality_reviews": ["reviewed_at"],
    "shifts": ["start_at", "end_at"],
    "articles": ["updated_at", "published_at"],
    "policy_changes": ["effective_at"],
    "tool_requests": ["opened_at", "closed_at"],
    "feedback_actions": ["raised_at", "done_at"],
}


@dataclass
class Exports:
    """The files of a sample, read the plain way: no opslib code between the bytes and the frames."""

    folder: Path
    _frames: dict[str, pd.DataFrame] = field(default_factory=dict)

    def read(self, table: str) -> pd.DataFrame:
        """A table, which is read once; what a test writes into it stays its own."""
        if table not in self._frames:
            self._frames[table] = self._read(table)
        return self._frames[table].copy(deep=False)

    def _read(self, table: str) -> pd.DataFrame:
        [path] = self.folder.glob(f"{table}.*")
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".json":
            return pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
        frame = pd.read_csv(path, dtype={"ticket_id": str, "contact_reasons": str})
        for column in INSTANTS.get(table, []):
            frame[column] = pd.to_datetime(frame[column], format="%Y-%m-%dT%H:%M:%SZ", utc=True)
        return frame

    def truth(self) -> dict[str, Any]:
        return json.loads((self.folder / "ground_truth.json").read_text(encoding="utf-8"))

    def planted(self, kind: str) -> dict[str, Any]:
        [truth] = [one for one in self.truth()["planted"] if one["kind"] == kind]
        return truth


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(shared_sample(tmp_path_factory, 3000))


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """Large enough for the planted truths to stand out from noise."""
    return Exports(shared_sample(tmp_path_factory, 30_000))


@pytest.fixture(scope="session")
def null(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(shared_sample(tmp_path_factory, 30_000, planted=False))
