"""The tickets behind a number are as many as the number, and tell nobody who wrote them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opslib as ops
from opslib.analysis.methods.ticket_lists import COLUMNS, count_behind, side_of, why_no_list
from opslib.errors import OpslibError, WarehouseError
from opslib.facts.build import build
from opslib.metrics import CATALOGUE
from opslib.reports.ticket_lists import OPEN_LISTS, WeekTickets
from opslib.reports.week import Week
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.completeness import build_weekly_completeness
from opslib.weekly.numbers.values import build_weekly_values
from tests.facts import random_tickets
from tests.facts.support_centre import event_at, fill, organisation, question_at, ticket
from tests.reports import review_warehouse
from tests.reports.review_warehouse import LAST

LISTED = [name for name, metric in CATALOGUE.items() if why_no_list(metric) is None]


@pytest.fixture(scope="module")
def random_week(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, pd.DataFrame]:
    """A warehouse of random tickets, with answers to surveys, and its weekly values."""
    warehouse, centre = Warehouse(tmp_path_factory.mktemp("warehouse")), random_tickets.organisation()
    tickets = random_tickets.make(5, 700)
    fill(warehouse, centre, tickets)
    build(warehouse, centre, random_tickets.AS_OF)
    facts = warehouse.read("facts", "tickets")
    answered = facts[facts["last_solved_at"].notna()].reset_index(drop=True)
    scores = np.random.default_rng(3).integers(1, 6, len(answered)).astype("float64")
    at = answered["last_solved_at"] + pd.Timedelta(hours=2)
    answers = pd.DataFrame({"ticket_id": answered["ticket_id"], "answered_at": at, "score": scores, "scale_max": 5})
    warehouse.write("standard", "satisfaction", answers)
    present = {table: sorted(columns) for table, columns in warehouse.present().items()}
    write_json(present | {"satisfaction": list(answers)}, warehouse.root / "standard" / "columns.json")
    build_weekly_completeness(warehouse, centre, random_tickets.AS_OF)
    build_weekly_values(warehouse, centre, random_tickets.AS_OF)
    return warehouse, warehouse.read("facts", "weekly_values")


def test_every_list_has_as_many_rows_as_the_number_on_the_page(random_week: tuple[Warehouse, pd.DataFrame]):
    warehouse, values = random_week
    centre = random_tickets.organisation()
    compared: dict[str, int] = {}
    for week in warehouse.weeks("facts", "weekly_values")[3:5]:
        tickets = WeekTickets(week, warehouse, centre, random_tickets.AS_OF)
        tickets.count_all(LISTED)
        own = values[(values["week"] == week) & (values["channel"] == "all")].set_index(["team", "metric"])
        for team in centre.team_names:
            for each in tickets.behind(LISTED, team):
                number = own.loc[(team, each.name)]
                count = count_behind(CATALOGUE[each.name], number["numerator"], number["denominator"])
                if each.missing or count is None:
                    assert each.rows.empty or side_of(CATALOGUE[each.name]) == "beyond"
                    continue
                assert each.count == count, (week, team, each.name)
                compared[each.name] = compared.get(each.name, 0) + count
    counted = {name for name in LISTED if side_of(CATALOGUE[name]) != "beyond"}
    assert {name for name, count in compared.items() if count} == counted


def test_a_list_of_times_has_what_lies_beyond_the_number_and_the_slowest_first(
    random_week: tuple[Warehouse, pd.DataFrame],
):
    warehouse, values = random_week
    week, team = warehouse.weeks("facts", "weekly_values")[-2], "t-always"
    facts = warehouse.read("facts", "tickets", weeks=[week])
    solved = facts["full_resolution_calendar_seconds"].notna()
    holder = facts["solved_team"].fillna(facts["team"]).where(solved, facts["team"])
    seconds = facts["full_resolution_calendar_seconds"].fillna(facts["full_resolution_calendar_censored_seconds"])
    own = values[(values["metric"] == "full_resolution_calendar_median") & (values["channel"] == "all")]
    median = own[(own["week"] == week) & (own["team"] == team)]["value"].iloc[0]
    beyond = seconds[(holder == team) & (seconds > median)].astype("float64") - median
    tickets = WeekTickets(week, warehouse, random_tickets.organisation(), random_tickets.AS_OF)
    (found,) = tickets.behind(["full_resolution_calendar_median"], team)
    assert len(beyond) > 3
    assert found.rows["over_seconds"].tolist() == sorted(beyond, reverse=True)


AS_OF = datetime(2026, 11, 13, 15, tzinfo=UTC)
"""A Friday at 16:00 in Amsterdam, an hour before the team closes for the weekend."""


@pytest.fixture(scope="module")
def friday(tmp_path_factory: pytest.TempPathFactory) -> WeekTickets:
    """Five tickets of `promised`: first reply due after four open hours (09:00–17:00), resolution after sixteen."""
    warehouse, centre = Warehouse(tmp_path_factory.mktemp("warehouse")), organisation()
    promised = {"team": "promised", "priority": "normal"}
    tickets = [
        ticket("late", "2026-11-13 08:00", *question_at("2026-11-13 08:00"), **promised),
        ticket("monday", "2026-11-13 13:00", *question_at("2026-11-13 13:00"), **promised),
        ticket(
            "answered",
            "2026-11-13 13:30",
            *question_at("2026-11-13 13:30"),
            event_at("2026-11-13 13:40", "public_comment", "agent"),
            **promised,
        ),
        ticket(
            "old",
            "2026-11-02 10:00",
            *question_at("2026-11-02 10:00"),
            event_at("2026-11-02 10:30", "public_comment", "agent"),
            event_at("2026-11-02 10:30", "status", "agent", "pending"),
            **promised | {"status": "pending"},
        ),
        ticket("gone", "2026-11-02 10:00", *question_at("2026-11-02 10:00"), **promised | {"status": "solved"}),
    ]
    fill(warehouse, centre, tickets)
    build(warehouse, centre, AS_OF)
    return WeekTickets("2026-W46", warehouse, centre, AS_OF)


def test_what_is_open_is_listed_by_what_runs_out_first(friday: WeekTickets):
    late, due, old = friday.open_lists("promised")
    assert [late.name, due.name, old.name] == list(OPEN_LISTS)
    # 08:00 UTC is 09:00 in Amsterdam: due at 13:00 there, and three open hours over at 16:00.
    assert late.rows[["ticket_id", "over_seconds"]].values.tolist() == [["late", 3 * 3600.0]]
    assert late.rows["due_at"].tolist() == [pd.Timestamp("2026-11-13 12:00", tz="UTC")]
    assert old.rows["ticket_id"].tolist() == ["old"]
    # Of `late`, agent work has used seven of its eight open hours. `monday` has until Monday for a reply, but waits 24
    # hours on Saturday.
    dues = dict(zip(due.rows["ticket_id"], due.rows["due_at"].astype(str), strict=True))
    assert dues["monday"] == "2026-11-14 13:00:00+00:00"
    assert dues["late"] == "2026-11-13 16:00:00+00:00"
    assert "old" not in dues, "its promises are broken, or stand still while the customer has to answer"
    assert due.rows["due_at"].is_monotonic_increasing


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Week:
    warehouse, params = review_warehouse.shared_warehouse(tmp_path_factory)
    return ops.open_week(LAST, "alpha", warehouse=str(warehouse), params=str(params))


def test_tickets_behind_takes_a_metric_a_list_or_what_a_finding_keeps(review: Week):
    late = ops.tickets_behind(review, "first_reply_sla")
    own = review.own_values.set_index(["week", "metric"]).loc[(LAST, "first_reply_sla")]
    assert len(late) == own["denominator"] - own["numerator"] > 0
    assert list(late) == list(COLUMNS)
    assert late["over_seconds"].is_monotonic_decreasing
    assert late["breached_at"].notna().all()

    by_chat = ops.tickets_behind(review, {"kind": "goal missed", "metric": "first_reply_sla"}, channel="chat")
    assert set(by_chat["ticket_id"]) == set(late.loc[late["channel"] == "chat", "ticket_id"])
    about = ops.tickets_behind(review, {"kind": "reason moved", "reason": "refund", "team": "beta", "week": "2026-W45"})
    facts = review.warehouse.read("facts", "tickets", weeks=["2026-W45"], teams=["beta"])
    assert set(about["ticket_id"]) == set(facts.loc[facts["contact_reason"] == "refund", "ticket_id"])
    assert ops.tickets_behind(review, "oldest_open").empty


def test_what_has_no_list_says_why(review: Week):
    for name, metric in CATALOGUE.items():
        if (why := why_no_list(metric)) is not None:
            rows = ops.tickets_behind(review, name)
            assert rows.empty
            assert rows.attrs["missing"] == why
    assert ops.tickets_behind(review, "reopen_share").attrs["missing"].startswith("Known only 7 days after")
    assert "routing rules" in ops.tickets_behind(review, {"rule": "R-1"}).attrs["missing"]
    assert ops.tickets_behind(review, {"kind": "data incomplete"}).attrs["missing"]
    with pytest.raises(OpslibError, match=r"no metric or list 'speed'.*oldest_open.*first_reply_sla"):
        ops.tickets_behind(review, "speed")
    with pytest.raises(WarehouseError, match="2030-W01"):
        ops.tickets_behind(review, {"metric": "created", "week": "2030-W01"})


def test_a_group_of_too_few_people_is_neither_named_nor_listed(review: Week, tmp_path: Path):
    facts = review.warehouse.read("facts", "tickets")
    own = facts[(facts["team"] == "alpha") & (facts["week"] == LAST)]
    rare = list(own["ticket_id"].iloc[:3])
    params = tmp_path / "params"
    params.mkdir()
    (params / "org.yml").write_text(review_warehouse.ORGANISATION, encoding="utf-8")
    changed = Warehouse(tmp_path / "warehouse")
    for table in ("sla", "spells", "solves", "replies", "weekly_values"):
        changed.write("facts", table, review.warehouse.read("facts", table), partition_by_week=True)
    reasons = facts["contact_reason"].mask(facts["ticket_id"].isin(rare), "of few")
    changed.write("facts", "tickets", facts.assign(contact_reason=reasons), partition_by_week=True)
    write_json({table: sorted(each) for table, each in review.warehouse.present().items()},
               changed.root / "standard" / "columns.json")  # fmt: skip
    week = Week(LAST, changed, review.organisation, review.as_of, "alpha")
    created = ops.tickets_behind(week, "created").set_index("ticket_id")
    assert set(created.loc[rare, "contact_reason"]) == {"fewer than 5 people each"}
    alone = ops.tickets_behind(week, {"reason": "of few"})
    assert alone.empty
    assert "Fewer than 5 people" in alone.attrs["missing"]
    assert not {"requester_id", "subject", "description", "region"} & set(created.columns)
