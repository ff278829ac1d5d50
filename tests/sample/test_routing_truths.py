"""What is planted about routing is found from the exports alone, and nothing is found where nothing is planted."""

from __future__ import annotations

import pandas as pd
import pytest

from opslib.analysis.routing_audit.lint import lint
from opslib.analysis.routing_audit.moves import misrouting_signals
from opslib.analysis.routing_audit.rules import TicketFields, queues_of, read_rules, route
from opslib.sample import truth
from opslib.weeks import shift_week, week_bounds, weeks_between
from tests.iso_weeks import week_of
from tests.sample.conftest import Exports

ZONE = "America/New_York"
AT = pd.Timestamp("2026-11-16T05:00:00Z")
WEEKS = weeks_between("2026-W21", "2026-W46")


def tickets_of(exports: Exports) -> pd.DataFrame:
    """Tickets with their first and solving queue, read the plain way from the events."""
    tickets, events = exports.read("tickets"), exports.read("ticket_events")
    events = events.assign(row=range(len(events))).sort_values(["ticket_id", "occurred_at", "row"], kind="stable")
    events["queue"] = events["value"].where(events["event"] == "queue")
    events["queue"] = events.groupby("ticket_id")["queue"].ffill()
    solves = events[(events["event"] == "status") & (events["value"] == "solved")].drop_duplicates(
        "ticket_id", keep="last"
    )
    firsts = events[events["event"] == "queue"].drop_duplicates("ticket_id")
    rows = tickets[~tickets["status"].isin(["merged", "deleted", "spam"])].copy()
    rows["first_queue"] = rows["ticket_id"].map(firsts.set_index("ticket_id")["value"])
    rows["solved_queue"] = rows["ticket_id"].map(solves.set_index("ticket_id")["queue"])
    rows["last_solved_at"] = rows["ticket_id"].map(solves.set_index("ticket_id")["occurred_at"])
    rows["week"] = week_of(rows["created_at"], ZONE)
    return rows.reset_index(drop=True)


@pytest.fixture(scope="module")
def with_truths(planted: Exports) -> pd.DataFrame:
    return tickets_of(planted)


@pytest.fixture(scope="module")
def without(null: Exports) -> pd.DataFrame:
    return tickets_of(null)


def signals(tickets: pd.DataFrame, team: str, week: str) -> list[str]:
    """The reasons that are signals; of every week what was solved by its end, as the report asks it."""
    ends = {each: pd.Timestamp(week_bounds(each, ZONE)[1]) for each in tickets["week"].unique()}
    solved_in_time = tickets[(tickets["last_solved_at"] < tickets["week"].map(ends)) & (tickets["team"] == team)]
    rows = misrouting_signals(solved_in_time, week)
    return rows.loc[rows["discovery"], "contact_reason"].tolist()


def test_the_rules_of_the_export_replay_what_happened(planted: Exports, with_truths: pd.DataFrame):
    rules = read_rules(planted.read("routing_rules"))
    assert queues_of(rules, route(rules, TicketFields(with_truths))).tolist() == with_truths["first_queue"].tolist()


def test_every_planted_fault_of_the_rules_is_found_and_no_other(planted: Exports, with_truths: pd.DataFrame):
    faults_and_hints = lint(
        read_rules(planted.read("routing_rules")), TicketFields(with_truths), at=AT, minimum_group=5
    )
    faults = faults_and_hints[faults_and_hints["severity"] == "fault"]
    kinds = {"dead": "dead", "shadowed": "shadowed", "conflict": "conflict", "misrouting": "misroutes"}
    expected = {(kinds[one["fault"]], one["rule_id"]) for one in planted.truth()["rule_faults"]}
    assert set(zip(faults["fault"], faults["rule_id"], strict=True)) == expected
    conflict = faults.set_index("fault").loc["conflict"]
    assert conflict["others"] == "R-133"
    examples = set("; ".join(faults["ticket_ids"]).split("; ")) - {""}
    assert examples <= set(with_truths["ticket_id"])


def test_rules_with_nothing_planted_have_no_faults(null: Exports, without: pd.DataFrame):
    rows = lint(read_rules(null.read("routing_rules")), TicketFields(without), at=AT, minimum_group=5)
    assert (rows["severity"] == "fault").sum() == 0


def test_the_wrong_queue_is_a_signal_in_the_week_in_which_it_begins(planted: Exports, with_truths: pd.DataFrame):
    one = planted.planted("misrouting_rule")
    assert signals(with_truths, one["team"], one["begins"]) == [truth.MISROUTED_REASON]
    assert signals(with_truths, one["team"], shift_week(one["begins"], -1)) == []


def test_weeks_with_nothing_planted_raise_no_more_signals_than_the_rate_allows(without: pd.DataFrame):
    """Twenty-five weeks of four teams at 10 %: a binomial with 100 and 0.1 exceeds 16 in about one run in fifty."""
    teams = sorted(without["team"].unique())
    weeks_with = sum(bool(signals(without, team, week)) for week in WEEKS[1:] for team in teams)
    assert weeks_with <= 16
