"""Candidates count the cases that miss the goal, by hand; what was not counted says that it was at the same time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opslib.analysis.findings.causes import Begun, Change, Level, Surroundings, candidates

WEEK, USUAL = "2026-W46", ["2026-W44", "2026-W45"]
NEW = Begun("reason", "sync", "2026-11-09", reasons=("sync",))


def cases(week: str, count: int, late: int, **columns: Any) -> pd.DataFrame:
    """So many tickets of a week, of which the first miss the goal, each of another customer."""
    frame = pd.DataFrame({"week": week, "misses": np.arange(count) < late}, index=range(count)).assign(**columns)
    frame["ticket_id"] = frame["requester_id"] = [f"{week} {sorted(columns.items())} {n}" for n in range(count)]
    return frame


def explained(*parts: pd.DataFrame, **more: Any) -> pd.DataFrame:
    together = pd.concat(parts, ignore_index=True)
    return candidates(together, WEEK, USUAL, team="alpha", minimum=5, **more).set_index("cause")


def test_a_reason_that_stepped_up_is_first_with_its_late_tickets_beside_those_of_the_weeks_before():
    rows = explained(
        *(cases(week, 40, 4, contact_reason="login", arrived_closed=False) for week in [*USUAL, WEEK]),
        cases("2026-W45", 2, 1, contact_reason="sync", arrived_closed=False),
        cases(WEEK, 20, 15, contact_reason="sync", arrived_closed=False),
        cases(WEEK, 10, 9, contact_reason="login", arrived_closed=True),
        begun=[NEW],
        around=Surroundings(created=Level(70, 41, 40, 42)),
    )
    assert rows.index[:3].tolist() == ["reason", "volume", "closed"]
    reason = rows.loc["reason"]
    assert reason[["now", "usual", "usual_low", "usual_high"]].tolist() == [20, 1, 0, 2]
    assert reason[["cases", "cases_usual", "of"]].tolist() == [15, 0.5, 28]
    assert reason["share"] == 15 / 28
    assert rows.loc["closed", ["cases", "cases_usual"]].tolist() == [9, 0]
    assert rows.loc["volume", ["now", "usual"]].tolist() == [70, 41]
    assert rows["is_measured"].all()


def test_a_reason_of_too_few_people_or_without_a_late_ticket_more_is_no_cause():
    before = [cases(week, 40, 4, contact_reason="login") for week in [*USUAL, WEEK]]
    few = explained(*before, cases(WEEK, 4, 4, contact_reason="sync"), begun=[NEW])
    on_time = explained(*before, cases(WEEK, 20, 0, contact_reason="sync"), begun=[NEW])
    of_one = cases(WEEK, 20, 20, contact_reason="sync").assign(requester_id="p")
    one_person = explained(*before, of_one, begun=[NEW])
    for rows in (few, on_time, one_person):
        assert "reason" not in rows.index
        assert "sync" not in set(rows["subject"])


def test_what_cannot_be_counted_is_at_the_same_time_and_has_no_share():
    rows = explained(
        *(cases(week, 40, 4, contact_reason="login") for week in [*USUAL, WEEK]),
        begun=[Begun("reason", "“ghost drafts”", "2026-11-09")],
        around=Surroundings(
            open_days=Level(4, 5, 5, 5),
            closed="Veterans Day",
            people=Level(9, 10, 10, 10),
            hours=Level(99, 100, 90, 110),
            changes=[Change("POL-1", "2026-11-02", "ask for a passport")],
        ),
    )
    assert rows.index.tolist() == ["reason", "days", "people", "change"]
    assert not rows["is_measured"].any()
    assert rows[["cases", "share"]].isna().all(axis=None)
    assert rows.loc["days", "subject"] == "Veterans Day"


def test_a_rule_takes_the_tickets_of_its_reasons_that_enter_its_queue():
    rule = Begun("rule", "R-1", "2026-11-09", reasons=("refund",), queue="orders", detail="Point R-1 back to refunds.")
    rows = explained(
        *(cases(week, 10, 1, contact_reason="refund", first_queue="refunds") for week in USUAL),
        cases(WEEK, 10, 8, contact_reason="refund", first_queue="orders"),
        cases(WEEK, 10, 10, contact_reason="refund", first_queue="refunds"),
        cases(WEEK, 10, 10, contact_reason="order", first_queue="orders"),
        begun=[rule],
    )
    assert rows.loc["rule", ["now", "usual", "cases", "cases_usual", "of"]].tolist() == [10, 0, 8, 0, 28]
    assert rows.loc["rule", "detail"] == "Point R-1 back to refunds."


def test_another_mix_adds_the_late_tickets_that_the_groups_rates_alone_would_give():
    """Chat is never late, email always: from one in two to one in four, 40 tickets have ten late ones more."""
    rows = explained(
        *(
            part
            for week in USUAL
            for part in (cases(week, 20, 0, channel="chat"), cases(week, 20, 20, channel="email"))
        ),
        cases(WEEK, 10, 0, channel="chat"),
        cases(WEEK, 30, 30, channel="email"),
    )
    mix = rows.loc["mix"]
    assert mix["cases"] == 10
    assert mix["share"] == 10 / 30
    assert (mix["detail"], mix["subject"]) in {("channel", "chat"), ("channel", "email")}


def test_waits_that_hardly_differ_by_priority_while_the_promises_do_are_the_order_of_work():
    hour = 3600
    parts = [
        cases(week, 20, late, priority=priority, target_seconds=target * hour, elapsed_seconds=wait * hour)
        for week in [*USUAL, WEEK]
        for priority, target, wait, late in (("urgent", 1, 6.0, 19), ("normal", 8, 8.0, 9), ("low", 16, 9.0, 1))
    ]
    rows = explained(*parts)
    assert rows.loc["order", ["now", "cases", "of"]].tolist() == [6 * hour, 19, 29]
    assert rows.loc["order", "subject"] == "urgent"
    by_due_time = [part.assign(elapsed_seconds=part["target_seconds"]) for part in parts]
    assert "order" not in explained(*by_due_time).index


def test_tickets_by_way_of_another_team_are_a_cause_only_where_they_are_late_more_often():
    own = [cases(week, 40, 10, created_team="alpha") for week in [*USUAL, WEEK]]
    late = explained(*own, cases(WEEK, 8, 8, created_team="beta"))
    assert late.loc["handed", ["now", "usual", "cases"]].tolist() == [8, 0, 8]
    assert "handed" not in explained(*own, cases(WEEK, 8, 1, created_team="beta")).index


def test_a_week_without_cases_has_no_candidate_of_them():
    assert explained(cases(WEEK, 0, 0)).empty
