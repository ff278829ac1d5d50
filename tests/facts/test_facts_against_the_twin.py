"""All facts of thousands of random tickets against the slow twin."""

from __future__ import annotations

import math
import random
from typing import Any

import pandas as pd
import pytest

from opslib.facts.backlog import IDENTITY, PARTS
from opslib.facts.build import build
from opslib.store.warehouse import Warehouse
from tests.facts import random_tickets, twin
from tests.facts.support_centre import fill

FIXED, FRESH = 1_000, 1_200


@pytest.fixture(scope="module")
def seed() -> int:
    """New in every run; it begins the ids of the tickets, so that a failure names it."""
    return random.SystemRandom().randrange(100, 1_000_000)


@pytest.fixture(scope="module")
def tickets(seed: int) -> list[Any]:
    found_once = [each for each in random_tickets.make(12, 400) if each[0]["ticket_id"] == "12-00317"]
    assert len(found_once) == 1, "solved, back with a question, then closed at no known instant"
    return random_tickets.make(1, FIXED) + found_once + random_tickets.make(seed, FRESH)


@pytest.fixture(scope="module")
def warehouse(tickets: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    warehouse = Warehouse(tmp_path_factory.mktemp("warehouse"))
    organisation = random_tickets.organisation()
    fill(warehouse, organisation, tickets)
    build(warehouse, organisation, random_tickets.AS_OF)
    return warehouse


@pytest.fixture(scope="module")
def lives(tickets: list[Any]) -> list[twin.Life]:
    centre = twin.Centre(random_tickets.organisation(), random_tickets.FIRST, random_tickets.AS_OF)
    begun = [each for each in tickets if each[0]["created_at"] <= random_tickets.AS_OF]
    assert 2_000 < len(begun) < len(tickets), "some tickets are created after as_of"
    return [twin.Life(own, events, centre) for own, events in begun]


def _cell(value: Any) -> Any:
    """A cell as the twin has it: seconds for instants, None for what is missing."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return int(value.timestamp())
    if hasattr(value, "item"):
        value = value.item()
    return int(value) if isinstance(value, float) else value


def _rows(frame: pd.DataFrame, columns: list[str]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for ticket_id, *cells in frame[["ticket_id", *columns]].itertuples(index=False):
        rows.setdefault(ticket_id, []).append(dict(zip(columns, map(_cell, cells), strict=True)))
    return rows


def _assert_same(rows: dict[str, Any], expected: dict[str, Any], tickets: list[Any]) -> None:
    wrong = [ticket_id for ticket_id in expected if rows.get(ticket_id) != expected[ticket_id]]
    if wrong:
        first = wrong[0]
        story = next(events for own, events in tickets if own["ticket_id"] == first)
        got, want = rows.get(first), expected[first]
        if isinstance(got, dict):
            both = ((got, want), (want, got))
            got, want = ({key: value for key, value in one.items() if value != other[key]} for one, other in both)
        lines = [f"{e['occurred_at']:%m-%d %H:%M:%S} {e['event']} {e['actor_role']} {e['value']}" for e in story]
        own = next(own for own, _ in tickets if own["ticket_id"] == first)
        message = "\n".join([f"found {got}", f"expected {want}", f"{own}", *lines])
        pytest.fail(f"{len(wrong)} tickets differ, first {first}:\n{message}")


def test_tickets_agree_with_the_twin(warehouse: Warehouse, lives: list[twin.Life], tickets: list[Any]) -> None:
    expected = {life.own["ticket_id"]: twin.ticket_facts(life) for life in lives}
    everyone = [life.own for life in lives]
    namesakes: dict[Any, list[Any]] = {}
    for own in everyone:
        namesakes.setdefault((own.get("requester_id"), own.get("contact_reason")), []).append(own)
    for own in everyone:
        fact, others = expected[own["ticket_id"]], namesakes[own.get("requester_id"), own.get("contact_reason")]
        now = int(random_tickets.AS_OF.timestamp())
        fact["first_contact_resolution"] = twin.first_contact(own, fact, others, now)
    columns = list(next(iter(expected.values())))
    rows = {key: own[0] for key, own in _rows(warehouse.read("facts", "tickets"), columns).items()}
    assert len(rows) == len(lives)
    _assert_same(rows, expected, tickets)


def test_spells_agree_with_the_twin(warehouse: Warehouse, lives: list[twin.Life], tickets: list[Any]) -> None:
    expected = {life.own["ticket_id"]: twin.spell_facts(life) for life in lives}
    frame = warehouse.read("facts", "spells").rename(columns={"assignee_id": "assignee"})
    rows = _rows(frame, list(next(iter(expected.values()))[0]))
    _assert_same(rows, expected, tickets)


def test_solves_agree_with_the_twin(warehouse: Warehouse, lives: list[twin.Life], tickets: list[Any]) -> None:
    expected = {life.own["ticket_id"]: rows for life in lives if (rows := twin.solve_facts(life))}
    rows = _rows(warehouse.read("facts", "solves"), list(next(iter(expected.values()))[0]))
    assert len(rows) == len(expected)
    assert any(len(solves) > 1 and solves[0]["reopened_at"] for solves in expected.values())
    _assert_same(rows, expected, tickets)


def test_replies_agree_with_the_twin(warehouse: Warehouse, lives: list[twin.Life], tickets: list[Any]) -> None:
    expected = {life.own["ticket_id"]: rows for life in lives if (rows := twin.reply_facts(life))}
    rows = _rows(warehouse.read("facts", "replies"), list(next(iter(expected.values()))[0]))
    assert len(rows) == len(expected)
    _assert_same(rows, expected, tickets)


def test_sla_agrees_with_the_twin(warehouse: Warehouse, lives: list[twin.Life], tickets: list[Any]) -> None:
    def ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return sorted(rows, key=lambda row: (row["policy"], row["metric"], row["started_at"], str(row)))

    expected = {life.own["ticket_id"]: ordered(rows) for life in lives if (rows := twin.sla_facts(life))}
    columns = list(next(iter(expected.values()))[0])
    rows = {key: ordered(own) for key, own in _rows(warehouse.read("facts", "sla"), columns).items()}
    assert len(rows) == len(expected)
    states = {row["state"] for rows in expected.values() for row in rows}
    assert states == {"met", "breached", "running"}
    _assert_same(rows, expected, tickets)


def test_the_backlog_agrees_with_the_twin(warehouse: Warehouse, lives: list[twin.Life]) -> None:
    expected = twin.backlog_facts(lives)
    frame = warehouse.read("facts", "backlog")
    for row in frame.to_dict("records"):
        twins = expected[row["team"], row["day"]]
        counts = (*IDENTITY, *PARTS)
        assert {name: row[name] for name in counts} == {name: twins[name] for name in counts}, row
        ages = sorted(age for key, many in twins.items() if key.startswith("age ") for age in [int(key[4:])] * many)
        assert row["older_than_7d"] == sum(age >= 7 for age in ages)
        assert row["older_than_30d"] == sum(age >= 30 for age in ages)
        if ages:
            assert row["median_age_days"] == (ages[(len(ages) - 1) // 2] + ages[len(ages) // 2]) / 2
        else:
            assert math.isnan(row["median_age_days"])
    assert all(frame[part].sum() > 100 for part in PARTS)
    terms = {key: count for key, count in expected.items() if count["closing"] or count["created"]}
    assert set(terms) <= set(zip(frame["team"], frame["day"], strict=True))


def test_no_business_breach_lies_outside_opening_hours(warehouse: Warehouse, lives: list[twin.Life]) -> None:
    """A business clock stands still outside hours, so the second before a breach must have counted."""
    by_id = {life.own["ticket_id"]: life for life in lives}
    frame = warehouse.read("facts", "sla")
    breached = frame[(frame["state"] == "breached") & (frame["clock"] == "business")]
    assert len(breached) > 100
    for ticket_id, at in zip(breached["ticket_id"], breached["breached_at"], strict=True):
        second = int(at.timestamp())
        assert by_id[ticket_id].seconds(second - 1, second, "business") == 1
