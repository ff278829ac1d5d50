"""What is built again, what is left alone, and that both give the same bytes."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from opslib.errors import NotInExport, WarehouseError
from opslib.facts import backlog
from opslib.facts import build as building
from opslib.facts.build import build
from opslib.store.warehouse import Warehouse
from tests.compiled_once import compile_steps
from tests.facts import random_tickets
from tests.facts.support_centre import at, event_at, fill, organisation, question_at, ticket

AS_OF = random_tickets.AS_OF


def _bytes(warehouse: Warehouse) -> dict[str, str]:
    root = warehouse.root / "facts"
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.glob("**/*.parquet")
    }


class _WatchedWarehouse(Warehouse):
    """A warehouse that notes the weeks of facts/tickets that are tables."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.weeks_written: set[str] = set()

    def write_week(self, area: str, table: str, week: str, rows: Any) -> bool:
        if (area, table) == ("facts", "tickets"):
            self.weeks_written.add(week)
        return super().write_week(area, table, week, rows)


def _build(warehouse: Warehouse, organisation: Any = None, as_of: Any = AS_OF) -> list[str]:
    """The weeks that a run builds."""
    watched = _WatchedWarehouse(warehouse.root)
    build(watched, organisation or random_tickets.organisation(), as_of)
    return sorted(watched.weeks_written)


def test_a_new_event_touches_its_week_only_and_gives_the_bytes_of_a_run_from_scratch(tmp_path: Path) -> None:
    tickets = [each for each in random_tickets.make(7, 200) if each[0]["created_at"] < at("2026-03-25 00:00")]
    grown, anew = Warehouse(tmp_path / "grown"), Warehouse(tmp_path / "anew")
    fill(grown, random_tickets.organisation(), tickets)
    first = _build(grown)
    assert len(first) == 5
    assert _build(grown) == [], "nothing has changed"

    number = next(number for number, (own, events) in enumerate(tickets) if own["created_at"] >= at("2026-03-17 00:00"))
    own, events = tickets[number]
    late = {"ticket_id": own["ticket_id"], "sequence": 99, "occurred_at": at("2026-04-01 00:00"), "actor_id": "agent 1",
            "event": "public_comment", "actor_role": "agent", "value": None}  # fmt: skip
    tickets[number] = (own, [*events, late])
    fill(grown, random_tickets.organisation(), tickets)
    assert len(_build(grown)) == 1
    fill(anew, random_tickets.organisation(), tickets)
    _build(anew)
    assert _bytes(grown) == _bytes(anew)


def test_the_bytes_do_not_depend_on_which_weeks_are_built_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small weeks share a pass; later, when one of them has grown or is alone in having changed, they do not."""
    tickets = [each for each in random_tickets.make(11, 150) if each[0]["created_at"] < at("2026-03-23 00:00")]
    together, apart = Warehouse(tmp_path / "together"), Warehouse(tmp_path / "apart")
    for warehouse in (together, apart):
        fill(warehouse, random_tickets.organisation(), tickets)
    weeks = _build(together)
    monkeypatch.setattr(building, "ROWS_OF_A_PASS", 1)
    assert _build(apart) == weeks
    assert len(weeks) > 2
    assert _bytes(together) == _bytes(apart)


def test_a_week_that_is_not_known_yet_is_empty(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    tickets = [
        ticket(name, when, *question_at(when)) for name, when in (("a", "2026-03-02 09:00"), ("b", "2026-03-11 09:00"))
    ]
    fill(warehouse, organisation(), tickets)
    build(warehouse, organisation(), at("2026-03-03 00:00"))
    assert warehouse.read("facts", "tickets", weeks=["2026-W11"]).empty
    assert warehouse.read("facts", "tickets")["ticket_id"].tolist() == ["a"]


def test_as_of_moves_only_weeks_with_open_tickets(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    solved = event_at("2026-03-02 10:00", "status", "agent", "solved")
    tickets = [
        ticket("settled", "2026-03-02 09:00", *question_at("2026-03-02 09:00"), solved),
        ticket("open", "2026-03-10 09:00", *question_at("2026-03-10 09:00")),
    ]
    fill(warehouse, organisation(), tickets)
    assert _build(warehouse, organisation(), at("2026-03-20 00:00")) == ["2026-W10", "2026-W11"]
    assert _build(warehouse, organisation(), at("2026-03-21 00:00")) == ["2026-W11"]


def test_a_follow_up_in_a_later_week_takes_back_a_first_contact_resolution(tmp_path: Path) -> None:
    """The only fact of a ticket that another week's export can change."""

    def one_touch(name: str, when: str) -> Any:
        reply = [event_at(when, "public_comment", "agent"), event_at(when, "status", "agent", "solved")]
        return ticket(name, when, *question_at(when), *reply, requester_id="r", contact_reason="login", status="solved")

    warehouse, tickets = Warehouse(tmp_path), [one_touch("first", "2026-03-06 15:00")]
    fill(warehouse, organisation(), tickets)
    _build(warehouse, organisation(), at("2026-03-20 00:00"))
    assert warehouse.read("facts", "tickets")["first_contact_resolution"].tolist() == [True]
    fill(warehouse, organisation(), [*tickets, one_touch("second", "2026-03-10 15:00")])
    assert _build(warehouse, organisation(), at("2026-03-20 00:00")) == ["2026-W10", "2026-W11"]
    resolutions = warehouse.read("facts", "tickets").set_index("ticket_id")["first_contact_resolution"]
    assert not resolutions["first"]


def test_changed_hours_build_everything_anew(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    fill(warehouse, organisation(), [ticket("one", "2026-03-02 09:00", *question_at("2026-03-02 09:00"))])
    _build(warehouse, organisation())
    assert _build(warehouse, organisation()) == []
    always = [team.model_dump() | {"calendar": "always", "goals": []} for team in organisation().teams]
    assert _build(warehouse, organisation(teams=always)) == ["2026-W10"]


def test_a_run_that_was_killed_between_two_facts_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tickets = [each for each in random_tickets.make(3, 200) if each[0]["created_at"] < at("2026-03-16 00:00")]
    killed, whole = Warehouse(tmp_path / "killed"), Warehouse(tmp_path / "whole")
    for warehouse in (killed, whole):
        fill(warehouse, random_tickets.organisation(), tickets)
    tables_written = []

    def write_week(self: Warehouse, area: str, table: str, week: str, rows: Any) -> bool:
        if len(tables_written) == 7:
            raise KeyboardInterrupt
        tables_written.append(table)
        return original(self, area, table, week, rows)

    original = Warehouse.write_week
    monkeypatch.setattr(Warehouse, "write_week", write_week)
    with pytest.raises(KeyboardInterrupt):
        _build(killed)
    monkeypatch.setattr(Warehouse, "write_week", original)
    _build(killed)
    _build(whole)
    assert _bytes(killed) == _bytes(whole)


def test_a_week_that_is_gone_from_the_export_is_gone_from_the_facts(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    tickets = [
        ticket(name, when, *question_at(when)) for name, when in (("a", "2026-03-02 09:00"), ("b", "2026-03-10 09:00"))
    ]
    fill(warehouse, organisation(), tickets)
    _build(warehouse, organisation())
    shutil.rmtree(warehouse.folder("standard", "tickets") / "week=2026-W11")
    lines = build(warehouse, organisation(), AS_OF)
    assert warehouse.weeks("facts", "tickets") == ["2026-W10"]
    assert lines[0] == "facts: 0 weeks built, 1 unchanged, 1 removed"
    assert warehouse.read("facts", "backlog")["created"].sum() == 1


def test_tickets_after_as_of_are_counted_and_left_out(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path)
    tickets = [
        ticket(name, when, *question_at(when)) for name, when in (("a", "2026-03-02 09:00"), ("b", "2026-03-04 09:00"))
    ]
    fill(warehouse, organisation(), tickets)
    lines = build(warehouse, organisation(), at("2026-03-03 00:00"))
    assert "facts: 1 tickets created after 2026-03-03T00:00:00Z left out" in lines
    assert warehouse.read("facts", "tickets")["ticket_id"].tolist() == ["a"]


def test_an_empty_warehouse_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotInExport, match="make facts"):
        build(Warehouse(tmp_path), organisation(), AS_OF)


def test_a_ticket_that_does_not_add_up_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that forgets every creation: the closing count still sees the ticket."""
    warehouse = Warehouse(tmp_path)
    fill(warehouse, organisation(), [ticket("odd one", "2026-03-02 09:00", *question_at("2026-03-02 09:00"))])

    def without_creations(count: Callable[..., ir.Table]) -> Callable[..., ir.Table]:
        return lambda *tables, **options: count(*tables, **options).mutate(created=ibis.literal(0, type="int64"))

    for name in ("changes", "ticket_changes"):
        monkeypatch.setattr(backlog, name, without_creations(getattr(backlog, name)))
    monkeypatch.setattr(building, "compile_steps", compile_steps)
    with pytest.raises(WarehouseError, match="odd one"):
        build(warehouse, organisation(), AS_OF)
