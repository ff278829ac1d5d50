"""A number that was published once never changes without a word on why."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from opslib.analysis.weekly_review.restatements import FORGOTTEN, RESTATEMENT, since
from opslib.intake.privacy.subjects import Subjects
from opslib.metrics import CATALOGUE
from opslib.settings import Organisation, load_organisation
from opslib.store import memo
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.published import close, restated_by_team, withdraw
from opslib.weekly.numbers.published import publish as open_publication

PARAMS = Path(__file__).parents[3] / "params"
FIRST = datetime(2026, 11, 9, 11, tzinfo=UTC)
SECOND = datetime(2026, 11, 16, 11, tzinfo=UTC)
THIRD = datetime(2026, 11, 23, 11, tzinfo=UTC)
TEAM = "us-safety"


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return load_organisation(PARAMS)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse")
    tickets = pd.DataFrame(
        {
            "ticket_id": ["1", "2"],
            "created_at": pd.to_datetime(["2026-11-03T10:00Z", "2026-11-04T10:00Z"]).astype("datetime64[us, UTC]"),
            "team": TEAM,
            "channel": "email",
            "form": "general",
            "requester_id": ["pa", "pb"],
            "contact_reason": ["login", "refund"],
            "due_at": pd.Series(pd.NaT, index=[0, 1], dtype="datetime64[us, UTC]"),
            "status": ["open", "solved"],
            "week": "2026-W45",
        }
    )
    warehouse.write("standard", "tickets", tickets, partition_by_week=True)
    write_events(warehouse, ("2026-11-03T10:00Z", "created"), ("2026-11-03T12:00Z", "public_comment"))
    write_values(warehouse, created=2, first_reply_median=7200)
    return warehouse


def publish(warehouse: Warehouse, organisation: Organisation, as_of: datetime, shown: bool = True) -> list[str]:
    """A run whose pages are all made, or whose page of the team is blocked or fails."""
    lines = open_publication(warehouse, organisation, as_of, "2026-W45", organisation.team_names)
    close(warehouse, set(organisation.team_names) - (set() if shown else {TEAM}))
    return lines


def write_events(warehouse: Warehouse, *events: tuple[str, str]) -> None:
    rows = pd.DataFrame(events, columns=["occurred_at", "event"])
    rows["occurred_at"] = pd.to_datetime(rows["occurred_at"]).astype("datetime64[us, UTC]")
    rows = rows.assign(ticket_id="1", actor_id="pc", actor_role="agent", value=None, week="2026-W45")
    warehouse.write("standard", "ticket_events", rows.astype({"value": "str"}), partition_by_week=True)


def solve_all(warehouse: Warehouse) -> None:
    """Every ticket of the week is solved before the first publication."""
    solves = pd.DataFrame({"ticket_id": ["1", "2"], "occurred_at": pd.Timestamp("2026-11-05T10:00Z")})
    solves["occurred_at"] = solves["occurred_at"].astype("datetime64[us, UTC]")
    rows = solves.assign(event="status", actor_id="pc", actor_role="agent", value="solved", week="2026-W45")
    warehouse.write("standard", "ticket_events", rows, partition_by_week=True)


def edit_code(monkeypatch: pytest.MonkeyPatch, folder: Path, module: str) -> None:
    """Have a copy of the package stand for its code, in which a module is another."""
    shutil.copytree(memo.PACKAGE, folder / "opslib")
    with (folder / "opslib" / module).open("a") as stream:
        stream.write("\n\nANOTHER = 1\n")
    monkeypatch.setattr(memo, "PACKAGE", folder / "opslib")


def write_values(warehouse: Warehouse, state: str = "settled", **values: float | None) -> None:
    rows = pd.DataFrame({"metric": list(values), "value": list(values.values())}).astype({"value": "float64"})
    rows = rows.assign(team=TEAM, week="2026-W45", channel="all", missing=pd.Series([None] * len(rows), dtype="str"))
    rows["state"] = state
    by_channel = rows.assign(channel="email", value=rows["value"] + 1)
    warehouse.write("facts", "weekly_values", pd.concat([rows, by_channel]), partition_by_week=True)


def content_of(warehouse: Warehouse) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (warehouse.root / "published").rglob("*") if path.is_file()}


def causes(warehouse: Warehouse, as_of: datetime = SECOND) -> dict[str, tuple[float, float, str]]:
    history = warehouse.read("published", "values", teams=[TEAM])
    found = since(history, as_of)
    found = found[found["entry"] == RESTATEMENT].set_index("metric")
    return {name: (row["was"], row["is"], row["cause"]) for name, row in found.iterrows()}


def test_the_first_publication_restates_nothing(warehouse, organisation):
    assert publish(warehouse, organisation, FIRST) == ["2 new numbers, none restated"]
    assert causes(warehouse, FIRST) == {}


def test_the_same_numbers_are_published_once(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    written = content_of(warehouse)
    assert publish(warehouse, organisation, FIRST) == ["no number changed"]
    assert content_of(warehouse) == written, "also of which publication they are"
    assert publish(warehouse, organisation, SECOND) == ["no number changed"]
    assert content_of(warehouse) != written
    assert len(warehouse.read("published", "values")) == 2


def test_where_every_team_is_blocked_or_other_pages_are_made_nothing_is_published(warehouse, organisation):
    said = ["no page with these numbers is made, so none is published"]
    assert open_publication(warehouse, organisation, FIRST, "2026-W45", []) == said
    close(warehouse, [])
    assert not warehouse.has("published", "values")
    publish(warehouse, organisation, FIRST)
    written = content_of(warehouse)
    write_values(warehouse, created=3, first_reply_median=60)
    assert open_publication(warehouse, organisation, SECOND, "2026-W45", []) == said
    close(warehouse, [])
    assert content_of(warehouse) == written


def test_an_event_of_the_time_before_that_comes_in_later_is_named_late(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    write_events(
        warehouse, ("2026-11-03T10:00Z", "created"), ("2026-11-03T11:00Z", "public_comment"),
        ("2026-11-03T12:00Z", "public_comment"),
    )  # fmt: skip
    write_values(warehouse, created=2, first_reply_median=3600)
    assert publish(warehouse, organisation, SECOND) == ["0 new numbers, 1 restated in 1 past weeks"]
    assert causes(warehouse) == {"first_reply_median": (7200, 3600, "late events")}


def test_events_after_the_first_publication_are_no_late_events(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    write_events(
        warehouse, ("2026-11-03T10:00Z", "created"), ("2026-11-03T12:00Z", "public_comment"),
        ("2026-11-12T12:00Z", "status"),
    )  # fmt: skip
    write_values(warehouse, created=2, first_reply_median=7100)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse) == {"first_reply_median": (7200, 7100, "time went on")}


def test_a_ticket_that_was_relabelled_or_added_is_a_changed_row(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    tickets = warehouse.read("standard", "tickets")
    more = pd.concat([tickets, tickets.head(1).assign(ticket_id="3")])
    warehouse.write("standard", "tickets", more, partition_by_week=True)
    write_values(warehouse, created=3, first_reply_median=7200)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse) == {"created": (2, 3, "changed rows")}


def test_what_was_forgotten_on_request_is_named_and_no_late_event_or_changed_row(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    withdraw(warehouse, Subjects(tickets=frozenset({"2"})), FORGOTTEN)
    tickets = warehouse.read("standard", "tickets").assign(week="2026-W45")
    warehouse.write("standard", "tickets", tickets[tickets["ticket_id"] != "2"], partition_by_week=True)
    write_values(warehouse, created=1, first_reply_median=7200)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse)["created"] == (2, 1, "forgotten on request")
    assert "2" not in warehouse.read("published", "grounds")["ticket_id"].tolist()
    # The withdrawal explains the publication after it and no later one.
    write_events(warehouse, ("2026-11-03T10:00Z", "created"), ("2026-11-03T11:00Z", "public_comment"))
    write_values(warehouse, created=1, first_reply_median=3600)
    publish(warehouse, organisation, THIRD)
    assert causes(warehouse, THIRD)["first_reply_median"] == (7200, 3600, "late events")


def test_a_ticket_that_keeps_its_place_without_its_agent_is_no_late_event(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    withdraw(warehouse, Subjects(agents=frozenset({"pc"})), FORGOTTEN)
    events = warehouse.read("standard", "ticket_events").assign(actor_id=None, week="2026-W45")
    warehouse.write("standard", "ticket_events", events.astype({"actor_id": "str"}), partition_by_week=True)
    write_values(warehouse, created=2, first_reply_median=3600)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse)["first_reply_median"] == (7200, 3600, "forgotten on request")


def test_a_ticket_that_was_solved_meanwhile_is_no_changed_row(warehouse, organisation):
    """Its status and times change with every export; the events tell that better."""
    publish(warehouse, organisation, FIRST)
    warehouse.write(
        "standard", "tickets", warehouse.read("standard", "tickets").assign(status="solved"), partition_by_week=True
    )
    write_values(warehouse, created=2, first_reply_median=7000)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse)["first_reply_median"][2] == "time went on"


def test_a_changed_definition_is_named_for_its_metric_only(warehouse, organisation, monkeypatch):
    publish(warehouse, organisation, FIRST)
    metric = CATALOGUE["first_reply_median"]
    other = type(metric)(**(vars(metric) | {"definition": "something else"}))
    monkeypatch.setitem(CATALOGUE, "first_reply_median", other)
    write_values(warehouse, created=2, first_reply_median=60)
    publish(warehouse, organisation, FIRST)
    assert causes(warehouse, FIRST) == {"first_reply_median": (7200, 60, "changed definition")}


def test_a_changed_method_is_named_on_a_monday_on_which_the_exports_reach_further(
    warehouse, organisation, monkeypatch, tmp_path
):
    """All tickets of the week are done, so that nothing but the other code can have changed its number."""
    solve_all(warehouse)
    publish(warehouse, organisation, FIRST)
    edit_code(monkeypatch, tmp_path, "facts/tickets.py")
    write_values(warehouse, created=2, first_reply_median=60)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse) == {"first_reply_median": (7200, 60, "changed definition")}


def test_where_tickets_of_the_week_went_on_as_well_both_are_named(warehouse, organisation, monkeypatch, tmp_path):
    publish(warehouse, organisation, FIRST)
    write_events(
        warehouse, ("2026-11-03T10:00Z", "created"), ("2026-11-03T12:00Z", "public_comment"),
        ("2026-11-12T12:00Z", "status"),
    )  # fmt: skip
    edit_code(monkeypatch, tmp_path, "analysis/methods/survival.py")
    write_values(warehouse, created=2, first_reply_median=60)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse) == {"first_reply_median": (7200, 60, "changed definition, time went on")}


def test_code_that_no_number_rests_on_is_no_changed_method(warehouse, organisation, monkeypatch, tmp_path):
    publish(warehouse, organisation, FIRST)
    edit_code(monkeypatch, tmp_path, "display/charts.py")
    write_values(warehouse, created=2, first_reply_median=60)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse) == {"first_reply_median": (7200, 60, "time went on")}


def test_a_number_that_became_null_is_restated_too(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, created=2, first_reply_median=None)
    publish(warehouse, organisation, SECOND)
    was, now, _ = causes(warehouse)["first_reply_median"]
    assert was == 7200
    assert pd.isna(now)


def test_without_a_record_of_the_last_publication_no_cause_is_made_up(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    warehouse.generations.forget(warehouse.root / "published" / "marks.json")
    (warehouse.root / "published" / "marks.json").unlink()
    write_values(warehouse, created=2, first_reply_median=3600)
    publish(warehouse, organisation, SECOND)
    assert causes(warehouse) == {"first_reply_median": (7200, 3600, "not known")}


def test_what_nothing_on_record_explains_has_no_cause_made_up(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, created=2, first_reply_median=3600)
    publish(warehouse, organisation, FIRST)
    assert causes(warehouse, FIRST) == {"first_reply_median": (7200, 3600, "not known")}


def entries(warehouse: Warehouse, metric: str) -> list[tuple[str, float, float]]:
    rows = warehouse.read("published", "values")
    rows = rows[rows["metric"] == metric].astype({"was": "object"})
    return list(zip(rows["entry"], rows["value"], rows["was"].where(rows["was"].notna(), None), strict=True))


def test_what_moves_before_it_settles_is_no_restatement(warehouse, organisation):
    """Monday's estimate, another one the week after, and the number that it settles at."""
    write_values(warehouse, state="so far", first_reply_median=7200)
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, state="so far", first_reply_median=7000)
    assert publish(warehouse, organisation, SECOND) == ["no number changed"]
    write_values(warehouse, first_reply_median=6900)
    assert publish(warehouse, organisation, THIRD) == ["0 new numbers, 1 settled, none restated"]
    assert entries(warehouse, "first_reply_median") == [("first known", 7200, None), ("settled", 6900, 7200)]
    assert restated_by_team(warehouse, THIRD) == {}


def test_what_changes_after_it_settled_is_restated_and_counted_for_the_index(warehouse, organisation):
    write_values(warehouse, state="so far", first_reply_median=7200, created=2)
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, first_reply_median=6900, created=2)
    publish(warehouse, organisation, SECOND)
    write_values(warehouse, first_reply_median=6000, created=2)
    publish(warehouse, organisation, THIRD)
    assert entries(warehouse, "first_reply_median")[2:] == [("restated", 6000, 6900)]
    assert restated_by_team(warehouse, THIRD) == {TEAM: 1}
    rows = warehouse.read("published", "values").set_index(["metric", "entry"])
    assert rows.loc[("first_reply_median", "restated"), "was_as_of"] == pd.Timestamp(SECOND)
    assert rows.loc[("first_reply_median", "settled"), "was_as_of"] == pd.Timestamp(FIRST)


def test_a_number_of_which_only_bounds_were_known_settles(warehouse, organisation):
    write_values(warehouse, state="bounds", first_reply_median=None)
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, first_reply_median=7200)
    publish(warehouse, organisation, SECOND)
    first, settled = entries(warehouse, "first_reply_median")
    assert (first[0], settled[0], settled[1]) == ("first known", "settled", 7200)


def test_a_number_that_nobody_knew_is_known_first_and_not_restated(warehouse, organisation):
    write_values(warehouse, csat=None)
    assert publish(warehouse, organisation, FIRST) == ["no number changed"]
    write_values(warehouse, csat=0.9)
    publish(warehouse, organisation, SECOND)
    assert [entry for entry, _, _ in entries(warehouse, "csat")] == ["first known"]


@pytest.fixture
def older_ledger(warehouse: Warehouse) -> Warehouse:
    """As it was written before it knew what had settled: 2026-W45 ended on 9 November in New York."""
    rows = pd.DataFrame(
        [
            ("created", 2.0, None, "2026-11-09", None, None),
            ("first_reply_median", 7200.0, None, "2026-11-09", None, None),
            ("first_reply_median", 7100.0, 7200.0, "2026-11-16", "2026-11-09", "late events, changed rows"),
            ("csat", 0.9, None, "2026-11-09", None, None),
            ("csat", 0.8, 0.9, "2026-11-30", "2026-11-25", "changed rows"),
        ],
        columns=["metric", "value", "was", "as_of", "was_as_of", "cause"],
    ).assign(team=TEAM, week="2026-W45")
    for name in ("as_of", "was_as_of"):
        rows[name] = pd.to_datetime(rows[name] + "T11:00Z", utc=True).astype("datetime64[us, UTC]")
    types = {"was": "float64", "cause": "str"}
    warehouse.write("published", "values", rows.astype(types), partition_by_week=True)
    return warehouse


def test_an_older_ledger_is_taken_over_with_what_two_weeks_had_settled(older_ledger, organisation):
    write_values(older_ledger, created=2, first_reply_median=7100, csat=0.8)
    publish(older_ledger, organisation, datetime(2026, 12, 7, 11, tzinfo=UTC))
    rows = older_ledger.read("published", "values")
    taken = [tuple(row) for row in rows[["metric", "entry", "state"]].itertuples(index=False)]
    assert taken == [
        ("created", "first known", "so far"),
        ("first_reply_median", "first known", "so far"),
        ("first_reply_median", "so far", "so far"),
        ("csat", "first known", "so far"),
        ("csat", "restated", "settled"),
        ("created", "settled", "settled"),
        ("first_reply_median", "settled", "settled"),
    ]
    assert rows["cause"].dropna().tolist() == ["changed rows"]


def test_what_stood_in_an_older_ledger_for_two_weeks_and_changes_is_restated(older_ledger, organisation):
    mark = {"as_of": "2026-11-30T11:00:00+00:00", "content": []}
    older_ledger.memo("published").keep("published", {"code": "of then"}, mark)
    write_values(older_ledger, created=3, first_reply_median=7100, csat=0.8)
    publish(older_ledger, organisation, datetime(2026, 12, 7, 11, tzinfo=UTC))
    rows = older_ledger.read("published", "values")
    new = rows[rows["as_of"] == pd.Timestamp("2026-12-07T11:00Z")]
    assert list(zip(new["metric"], new["entry"], new["was"], strict=True)) == [("created", "restated", 2)]


def test_what_no_page_showed_was_never_published(warehouse, organisation):
    """A team's first page fails; the export is mended, so that its numbers are others: nothing is restated."""
    publish(warehouse, organisation, FIRST, shown=False)
    assert not warehouse.has("published", "values")
    write_values(warehouse, created=3, first_reply_median=3600)
    assert publish(warehouse, organisation, FIRST) == ["2 new numbers, none restated"]
    assert [entry for entry, _, _ in entries(warehouse, "created")] == ["first known"]


def test_a_team_without_a_page_keeps_what_was_published_of_it_before_and_why_it_changes(warehouse, organisation):
    """Its number of the second week was shown nowhere: the third restates that of the first, by what came since."""
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, created=9, first_reply_median=7200)
    publish(warehouse, organisation, SECOND, shown=False)
    tickets = warehouse.read("standard", "tickets")
    more = pd.concat([tickets, tickets.head(1).assign(ticket_id="3")])
    warehouse.write("standard", "tickets", more, partition_by_week=True)
    publish(warehouse, organisation, SECOND, shown=False)
    write_values(warehouse, created=3, first_reply_median=7200)
    publish(warehouse, organisation, THIRD)
    assert entries(warehouse, "created") == [("first known", 2, None), ("restated", 3, 2)]
    assert causes(warehouse, THIRD) == {"created": (2, 3, "changed rows")}
    rows = warehouse.read("published", "values").set_index(["metric", "entry"])
    assert rows.loc[("created", "restated"), "was_as_of"] == pd.Timestamp(FIRST)
    assert len(set(warehouse.read("published", "grounds")["publication"])) == 1


def test_a_report_of_an_earlier_week_publishes_no_later_one(warehouse, organisation):
    assert open_publication(warehouse, organisation, FIRST, "2026-W44", organisation.team_names) == [
        "no number changed"
    ]
    close(warehouse, organisation.team_names)
    assert not warehouse.has("published", "values")


def test_what_lies_further_back_than_a_report_looks_is_published_only_where_a_page_showed_it(warehouse, organisation):
    """A review of 2027-W04 goes back to 2026-W45, that of the week after does not."""
    for week, count in (("2027-W05", 0), ("2027-W04", 2), ("2027-W05", 2)):
        open_publication(warehouse, organisation, THIRD, week, organisation.team_names)
        close(warehouse, organisation.team_names)
        rows = warehouse.read("published", "values") if warehouse.has("published", "values") else []
        assert len(rows) == count
    write_values(warehouse, created=3, first_reply_median=7200)
    lines = open_publication(warehouse, organisation, THIRD, "2027-W05", organisation.team_names)
    assert lines == ["0 new numbers, 1 restated in 1 past weeks"]


def test_a_publication_that_a_killed_run_left_open_is_taken_back(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, created=9, first_reply_median=7200)
    open_publication(warehouse, organisation, SECOND, "2026-W45", organisation.team_names)
    write_values(warehouse, created=2, first_reply_median=7200)
    assert publish(warehouse, organisation, SECOND) == ["no number changed"]
    assert entries(warehouse, "created") == [("first known", 2, None)]


def test_the_numbers_of_all_teams_are_published_with_the_last_of_them(warehouse, organisation):
    own = warehouse.read("facts", "weekly_values")
    both = pd.concat([own, own.assign(team="all")])
    warehouse.write("facts", "weekly_values", both.assign(week="2026-W45"), partition_by_week=True)
    publish(warehouse, organisation, FIRST, shown=False)
    assert not warehouse.has("published", "values")
    publish(warehouse, organisation, FIRST)
    assert set(warehouse.read("published", "values")["team"]) == {TEAM, "all"}


def test_history_is_kept_for_good(warehouse, organisation):
    publish(warehouse, organisation, FIRST)
    write_values(warehouse, created=2, first_reply_median=3600)
    publish(warehouse, organisation, SECOND)
    write_values(warehouse, created=2, first_reply_median=1800)
    publish(warehouse, organisation, THIRD)
    history = warehouse.read("published", "values")
    assert history[history["metric"] == "first_reply_median"]["value"].tolist() == [7200, 3600, 1800]
