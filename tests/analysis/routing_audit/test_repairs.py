"""Another queue for a rule: counted by hand, and as a replay of just that change would count it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.routing_audit.repairs import repaired, repairs
from opslib.analysis.routing_audit.replay import replay
from opslib.analysis.routing_audit.rules import Rule, TicketFields, read_rules
from tests.analysis.routing_audit.test_rules import rule_table

END = pd.Timestamp("2026-03-30T00:00:00Z")
START = END - pd.Timedelta(weeks=4)
EVERY = ("R-9", {"all": []}, "desk")
REFUND = {"all": [["contact_reason", "is", "refund"]]}


def solved(*stretches: tuple[str, str, int], weeks: float = 4, **more: Any) -> pd.DataFrame:
    """Tickets of reasons, solved in queues, so many of each, spread evenly over the weeks before the end."""
    rows = [(reason, queue) for reason, queue, count in stretches for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["contact_reason", "solved_queue"], dtype="str")
    back = pd.to_timedelta((np.arange(len(frame)) % 97 + 0.5) / 97 * weeks * 7, unit="D")
    ids = [f"t{number}" for number in range(len(frame))]
    return frame.assign(ticket_id=ids, created_at=(END - back).as_unit("us"), requester_id=ids, **more)


def tried(rules: list[Rule], tickets: pd.DataFrame, *, minimum_group: int = 5) -> pd.DataFrame:
    frame = repairs(rules, TicketFields(tickets), start=START, end=END, minimum_group=minimum_group)
    return frame.set_index("rule_id")


def test_a_rule_is_worth_fixing_where_another_queue_surely_does_better():
    """Thirty of forty refunds belong in refunds, and two more a week than chance would make of an even split."""
    rules = read_rules(rule_table(("R-1", REFUND, "orders"), EVERY))
    tickets = solved(("refund", "refunds", 30), ("refund", "orders", 6), ("refund", "risk", 4), ("login", "desk", 50))
    row = tried(rules, tickets).loc["R-1"]
    assert row[["queue", "better_queue", "tickets", "elsewhere", "mended", "spoilt"]].tolist() == [
        *("orders", "refunds", 40, 34, 30, 6)
    ]
    assert (row["a_week"], row["weeks"], row["is_worth"]) == (6.0, 4.0, True)
    desk = tried(rules, tickets).loc["R-9"]
    assert desk[["better_queue", "mended", "spoilt", "is_worth"]].tolist() == ["", 0, 0, False]


@pytest.mark.parametrize(
    ("mended", "spoilt"),
    [(3, 0), (12, 8), (6, 20), (142, 103)],
    ids=["under one a week", "could be chance", "does harm", "spoils nearly as many"],
)
def test_what_mends_little_or_by_chance_is_not_worth_it(mended: int, spoilt: int):
    rules = read_rules(rule_table(("R-1", REFUND, "orders"), EVERY))
    tickets = solved(("refund", "refunds", mended), ("refund", "orders", spoilt), ("login", "orders", 2))
    row = tried(rules, tickets, minimum_group=2)
    assert row.loc["R-1", ["mended", "spoilt"]].tolist() == [mended, spoilt]
    assert not row.loc["R-1", "is_worth"]


def test_the_most_harm_comes_first_and_numbers_of_few_people_are_missing():
    rules = read_rules(rule_table(("R-1", REFUND, "orders"), ("R-2", {"all": [["contact_reason", "is", "fee"]]}, "a")))
    tickets = solved(("refund", "refunds", 20), ("fee", "b", 60), ("login", "orders", 9), ("login", "a", 9))
    assert list(tried(rules, tickets).index) == ["R-2", "R-1"]
    few = tickets.assign(requester_id=["p"] * len(tickets))
    hidden = tried(rules, few)
    assert hidden[["tickets", "solved", "elsewhere", "mended", "spoilt", "a_week"]].isna().all(axis=None)
    assert (hidden["better_queue"] == "").all()
    assert not hidden["is_worth"].any()


def test_each_repair_counts_what_a_replay_of_it_alone_counts():
    rng = np.random.default_rng(8)
    tickets = solved(("x", "a", 300)).assign(
        contact_reason=rng.choice(["x", "y", "z"], 300),
        channel=rng.choice(["web", "chat"], 300),
        solved_queue=pd.array(rng.choice(["a", "b", "c", None], 300), dtype="str"),
    )
    rules = read_rules(
        rule_table(
            ("R-1", {"all": [["contact_reason", "is", "x"], ["channel", "is", "web"]]}, "a"),
            ("R-2", {"any": [["contact_reason", "is", "x"], ["contact_reason", "is", "y"]]}, "b"),
            ("R-3", {"all": []}, "c"),
        )
    )
    frame, fields = tried(rules, tickets), TicketFields(tickets)
    for rule, row in frame.iterrows():
        alone = replay(rules, repaired(rules, {str(rule): row["better_queue"]}, end=END), fields, resamples=10)
        assert alone.summary[["mended", "spoilt"]].iloc[0].tolist() == row[["mended", "spoilt"]].tolist()
    together = replay(rules, repaired(rules, frame["better_queue"].to_dict(), end=END), fields, resamples=10)
    assert together.summary["mended"].iloc[0] == frame["mended"].sum()


def test_tickets_that_entered_a_queue_where_nothing_is_solved_were_sent_wrong():
    """A misspelt queue solves nothing, and yet the tickets were there."""
    rules = read_rules(rule_table(("R-1", REFUND, "refnds"), EVERY))
    tickets = solved(("refund", "refunds", 20), first_queue="refnds")
    assert tried(rules, tickets).loc["R-1", ["mended", "is_worth"]].tolist() == [20, True]
    assert tried(rules, tickets.assign(first_queue="desk")).loc["R-1", "mended"] == 0


def test_only_the_version_in_force_is_repaired_and_counted_in_its_own_weeks():
    changed = END - pd.Timedelta(weeks=2)
    text = changed.isoformat()
    rules = read_rules(rule_table(("R-1", REFUND, "refunds", None, text), ("R-1", REFUND, "orders", text, None), EVERY))
    row = tried(rules, solved(("refund", "refunds", 97), ("login", "orders", 9))).loc["R-1"]
    assert row[["queue", "queue_before", "better_queue", "weeks"]].tolist() == ["orders", "refunds", "refunds", 2.0]
    assert 48 <= row["mended"] <= 49
    assert row["since"] == changed
    assert [rule.queue for rule in repaired(rules, {"R-1": "risk"}, end=END)] == ["refunds", "risk", "desk"]


def test_since_is_the_week_from_which_on_more_goes_elsewhere():
    rules = read_rules(rule_table(("R-1", REFUND, "orders"), EVERY))
    tickets = solved(("refund", "orders", 194), weeks=8)
    late = tickets["created_at"] >= END - pd.Timedelta(weeks=3)
    tickets["solved_queue"] = tickets["solved_queue"].mask(late, "refunds")
    assert tried(rules, tickets).loc["R-1", "since"] == END - pd.Timedelta(weeks=3)
    assert pd.isna(tried(rules, tickets.assign(solved_queue="refunds")).loc["R-1", "since"])
    assert pd.isna(tried(rules, tickets.assign(solved_queue="orders")).loc["R-1", "since"])
