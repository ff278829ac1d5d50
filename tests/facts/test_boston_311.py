"""A public export with deadlines of its own and a label for each: our attainment against the city's."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from opslib.facts.build import build
from tests.boston_311 import boston_311, standard_tickets

pytestmark = pytest.mark.public_data

NO_DEADLINE = "2059-12-31 19:00:00"


@pytest.fixture(scope="module")
def path() -> Path:
    return boston_311()


@pytest.fixture(scope="module")
def raw(path: Path) -> dict[str, dict[str, str]]:
    """The file by Python's own csv: what the city says of each request."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
        rows = csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline=""))
        return {row["case_enquiry_id"]: row for row in rows}


@pytest.fixture(scope="module")
def sla(path: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """facts/sla by request, with as_of at the last thing that the file knows."""
    warehouse, organisation, tickets = standard_tickets(path, tmp_path_factory.mktemp("boston") / "warehouse")
    build(warehouse, organisation, tickets["closed_at"].max())
    return warehouse.read("facts", "sla").set_index("ticket_id")


def deadline(row: dict[str, str]) -> bool:
    return row["target_dt"] not in ("", NO_DEADLINE)


def test_attainment_agrees_with_the_recorded_label_wherever_there_are_both(
    raw: dict[str, dict[str, str]], sla: pd.DataFrame
) -> None:
    """Not one disagrees. No request was closed in the very second of its deadline, so that edge is not in the file.

    The city labels open requests too: those that are past their deadline are OVERDUE, as they are breached here.
    """
    labels = sla["state"].map({"met": "ONTIME", "breached": "OVERDUE"}).to_dict()
    both = [row for row in raw.values() if deadline(row) and row["ontime"]]
    pairs = Counter((row["case_status"], row["ontime"], labels[row["case_enquiry_id"]]) for row in both)
    assert pairs == {
        ("Closed", "ONTIME", "ONTIME"): 35_573,
        ("Closed", "OVERDUE", "OVERDUE"): 8_073,
        ("Open", "OVERDUE", "OVERDUE"): 3_448,
    }
    assert not any(row["target_dt"] == row["closed_dt"] for row in both)


def test_what_has_no_label_or_no_deadline_is_not_compared(raw: dict[str, dict[str, str]], sla: pd.DataFrame) -> None:
    """158 requests have a deadline but no label, all of them late; what has no deadline at all is labelled ONTIME."""
    unlabelled = [number for number, row in raw.items() if deadline(row) and not row["ontime"]]
    assert sla.loc[unlabelled, "state"].value_counts().to_dict() == {"breached": 158}
    without = [row for row in raw.values() if not deadline(row)]
    assert Counter((row["target_dt"] != "", row["ontime"]) for row in without) == {
        (False, "ONTIME"): 10_981,
        (True, "ONTIME"): 18,
    }
    assert not sla.index.isin([row["case_enquiry_id"] for row in without]).any()
    assert len(sla) == len(raw) - len(without) == 47_252


def test_a_breach_is_the_second_of_the_deadline(raw: dict[str, dict[str, str]], sla: pd.DataFrame) -> None:
    """Local times of the file and instants of the facts, over the change of the clocks in November."""
    breached = sla[sla["state"] == "breached"]
    local = breached["breached_at"].dt.tz_convert("America/New_York").dt.strftime("%Y-%m-%d %H:%M:%S")
    wrong = {number: instant for number, instant in local.items() if instant != raw[str(number)]["target_dt"]}
    assert wrong == {}
    met = sla[sla["state"] == "met"]
    assert met["breached_at"].isna().all()
