"""A public export that tells the last queue and no event: rules learnt from its first half, scored on its second."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from opslib.facts.build import build
from opslib.reports.routing_audit.candidates import Replayed, learn_file, replay_files
from opslib.store.files import write_json
from tests.boston_311 import boston_311, standard_tickets

pytestmark = pytest.mark.public_data

FIRST_HALF, SECOND_HALF = "2011-W39", "2011-W52"
AS_OF = datetime(2019, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def path() -> Path:
    return boston_311()


@pytest.fixture(scope="module")
def replayed(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    folder = tmp_path_factory.mktemp("boston")
    warehouse, organisation, _ = standard_tickets(path, folder / "warehouse")
    write_json({"as_of": AS_OF.isoformat()}, warehouse.root / "warehouse.json")
    build(warehouse, organisation, AS_OF)
    learn_file(warehouse, organisation, folder / "learnt.yml", week=FIRST_HALF)
    return replay_files(warehouse, organisation, folder / "learnt.yml", 13, week=SECOND_HALF)


@pytest.fixture(scope="module")
def raw(path: Path) -> pd.DataFrame:
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
        cases = pd.read_csv(stream, dtype=str).drop_duplicates("case_enquiry_id")
    return cases.assign(opened=pd.to_datetime(cases["open_dt"]), closed=pd.to_datetime(cases["closed_dt"]))


def test_the_score_of_learnt_rules_is_that_of_the_raw_file(replayed: Replayed, raw: pd.DataFrame):
    """The same by three lines of pandas on the file itself: type to most frequent queue, by what was closed by then."""
    cut, end = pd.Timestamp("2011-10-03"), pd.Timestamp("2012-01-02")
    closed = raw["case_status"] == "Closed"
    learnt = raw[closed & (raw["opened"] < cut) & (raw["closed"] < cut)]
    counts = learnt.groupby(["type", "queue"]).size().rename("n").reset_index()
    counts = counts.sort_values(["type", "n", "queue"], ascending=[True, False, True])
    best = counts.drop_duplicates("type").set_index("type")["queue"]
    best = best[learnt["type"].value_counts().reindex(best.index) >= 5]
    later = raw[(raw["opened"] >= cut) & (raw["opened"] < end)]
    sent = later["type"].map(best)
    scored = closed[later.index]
    queue = sent.fillna(learnt["queue"].value_counts().idxmax())
    wrong = int((queue != later["queue"])[scored].sum())
    row = replayed.result.summary.iloc[0]
    assert row["tickets"] == len(later)
    assert row["judged"] == int(scored.sum())
    assert row["misrouted_candidate"] * row["judged"] == pytest.approx(wrong)
    assert row["fallback"] == int(sent.isna().sum())
    load = replayed.result.load.set_index("queue")["candidate"]
    assert load.to_dict() == queue.value_counts().to_dict()


def test_what_the_export_cannot_tell_is_a_sentence(replayed: Replayed):
    row = replayed.result.summary.iloc[0]
    assert row[["misrouted_today", "difference", "as_it_was"]].isna().all()
    assert replayed.result.changed.empty
    text = str(replayed)
    assert "The share under today's rules cannot be told from this export." in text
    assert "it does not tell where tickets were sent first" in text
