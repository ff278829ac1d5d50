"""The catalogue counts what it says, on rows made by hand."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from opslib.errors import SettingsError
from opslib.metrics import (
    CATALOGUE,
    Family,
    cells,
    check_goals,
    in_weeks,
    is_satisfied,
    relation,
    settled,
    times,
    week_frame,
)
from opslib.settings import load_organisation
from opslib.weeks import week_bounds
from tests.reports.review_warehouse import ORGANISATION, PRESENT

WEEKS = week_frame(["2026-W45", "2026-W46"], lambda week: week_bounds(week, "America/New_York"))


def table(frame: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


def tickets(*rows: dict[str, object]) -> ibis.Table:
    """facts/tickets with what the rows do not say filled in."""
    usual = {
        "week": "2026-W46",
        "team": "a",
        "first_team": "a",
        "solved_team": "a",
        "first_reply_team": None,
        "first_solved_team": None,
        "survey_team": "a",
        "channel": "chat",
        "contact_reason": "refund",
        "counts_in_speed": True,
        "last_solved_at": "2026-11-10T12:00Z",
        "transfers": 0,
        "first_reply_business_seconds": None,
        "first_reply_business_censored_seconds": None,
        "full_resolution_calendar_seconds": None,
        "first_contact_resolution": True,
    }
    frame = pd.DataFrame([usual | row for row in rows])
    frame["last_solved_at"] = pd.to_datetime(frame["last_solved_at"], utc=True)
    for column in (name for name in frame if name.endswith("_seconds")):
        frame[column] = frame[column].astype("Int64")
    for column in ("first_reply_team", "first_solved_team"):
        frame[column] = frame[column].astype("str")
    frame["first_contact_resolution"] = frame["first_contact_resolution"].astype("boolean")
    return table(frame)


def sums_of(
    name: str, tables: dict[str, ibis.Table], *, by: str = "channel"
) -> dict[tuple[str, str], tuple[float, float]]:
    """(week, team) to (numerator, denominator), over the groups."""
    metric = CATALOGUE[name]
    frame = cells([metric], relation(metric.fact, tables), WEEKS, by=by).to_pandas()
    sums = frame.groupby(["week", "team"])[[f"{name}|numerator", f"{name}|denominator"]].sum()
    return {key: tuple(row) for key, row in zip(sums.index, sums.to_numpy().tolist(), strict=True)}


def test_every_metric_says_what_it_is():
    for name, metric in CATALOGUE.items():
        assert metric.name == name
        assert metric.label
        assert metric.definition.endswith(".")
        assert len(metric.definition.split()) >= 8, name
        if metric.kind == "quantile":
            assert metric.ended
            assert metric.censored
        else:
            assert metric.numerator is not None
            assert metric.denominator is not None


def test_every_family_of_the_review_has_metrics_and_every_goal_of_the_organisation_is_one():
    assert {metric.family for metric in CATALOGUE.values()} == set(get_args(Family))
    organisation = load_organisation(Path(__file__).parents[1] / "params")
    goals = {goal.metric for team in organisation.teams for goal in team.goals}
    assert goals
    assert goals <= CATALOGUE.keys()


def test_a_goal_for_a_metric_that_there_is_not_is_an_error_that_lists_those_there_are(tmp_path: Path):
    (tmp_path / "org.yml").write_text(ORGANISATION.replace("metric: csat", "metric: csatt"))
    with pytest.raises(SettingsError, match=r"(?s)'csatt', which there is not.*there are .*csat, "):
        check_goals(load_organisation(tmp_path))


def test_a_goal_for_a_share_above_one_is_an_error(tmp_path: Path):
    (tmp_path / "org.yml").write_text(ORGANISATION.replace("target: 90%", "target: 90"))
    with pytest.raises(SettingsError, match="csat must be a share"):
        check_goals(load_organisation(tmp_path))


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("craeted", "(?s)a baseline names the metric 'craeted', which there is not.*there are .*created, "),
        ("first_reply_calendar_p90", "first_reply_calendar_p90, which is not judged; name first_reply_p90"),
    ],
)
def test_a_baseline_of_what_is_never_judged_is_an_error(tmp_path: Path, metric: str, words: str):
    decision = f'    baselines: [{{metric: {metric}, from: 2026-08-03, reason: "a new form"}}]\n    goals:'
    (tmp_path / "org.yml").write_text(ORGANISATION.replace("    goals:", decision, 1))
    with pytest.raises(SettingsError, match=words):
        check_goals(load_organisation(tmp_path))


def test_a_metric_names_what_the_export_lacks():
    present = {table: frozenset(columns) for table, columns in PRESENT.items()}
    assert CATALOGUE["csat"].lacking(present) is None
    del present["satisfaction"]
    assert CATALOGUE["csat"].lacking(present) == "not in this export: no satisfaction surveys"


def test_what_any_metric_lacks_has_words():
    """Of tables alone, and where a table is there without the column or the kind of events."""
    without_columns = {need.split(".")[0]: frozenset() for each in CATALOGUE.values() for need in each.needs}
    for metric in CATALOGUE.values():
        for present in ({}, without_columns):
            reason = metric.lacking(present)
            assert reason is None or not re.search(r"[._]", reason.removesuffix("."))


def test_one_of_several_sources_is_enough():
    """A reply may be told by events or by a column of the ticket."""
    columns_only = {"tickets": frozenset({"ticket_id", "first_reply_at"})}
    assert CATALOGUE["first_reply_median"].lacking(columns_only) is None
    assert "no history of the tickets or times of the first reply" in str(CATALOGUE["first_reply_median"].lacking({}))


def test_created_counts_for_the_team_that_got_the_ticket_first():
    facts = tickets({"first_team": "a", "team": "b"}, {"first_team": None, "team": "b"})
    assert sums_of("created", {"tickets": facts}) == {("2026-W46", "a"): (1, 1), ("2026-W46", "b"): (1, 1)}


def test_a_solve_on_sunday_night_in_new_york_belongs_to_that_week():
    """In UTC it is Monday already; weeks are those of the organisation's zone."""
    facts = tickets(
        {"last_solved_at": "2026-11-09T04:59:59Z", "transfers": 1},
        {"last_solved_at": "2026-11-09T05:00:00Z"},
        {"last_solved_at": None, "transfers": 1},
    )
    assert sums_of("transfer_share", {"tickets": facts}) == {("2026-W45", "a"): (1, 1), ("2026-W46", "a"): (0, 1)}


def test_live_channels_are_those_of_the_organisation():
    facts = tickets({"channel": "sms"}, {"channel": "chat"}, {"channel": None})
    metric = CATALOGUE["live_channel_share"]
    for channels, live in ((("phone", "chat"), 1), (("sms", "chat"), 2), ((), 0)):
        rows = relation("tickets", {"tickets": facts}, live_channels=channels)
        frame = cells([metric], rows, WEEKS).to_pandas()
        sums = frame[["live_channel_share|numerator", "live_channel_share|denominator"]].sum()
        assert sums.tolist() == [live, 2], channels


def test_rows_outside_the_weeks_are_left_out():
    facts = tickets({"last_solved_at": "2026-11-01T12:00Z"}, {"last_solved_at": "2026-11-16T05:00Z"})
    assert in_weeks(facts, "last_solved_at", WEEKS).count().to_pandas() == 0


def test_first_contact_resolution_of_a_week_is_known_a_week_later():
    """A ticket with two replies is known to be none at once; counted early it would make every latest week look bad."""
    early = settled(CATALOGUE["first_contact_resolution"], WEEKS, as_of=datetime(2026, 11, 16, 12, tzinfo=UTC))
    assert early["week"].tolist() == ["2026-W45"]
    assert settled(CATALOGUE["transfer_share"], WEEKS, as_of=datetime(2026, 11, 16, 12, tzinfo=UTC)) is WEEKS


def test_an_answer_counts_for_the_response_rate_if_it_comes_within_seven_days():
    facts = tickets(*({"ticket_id": f"t{n}"} for n in range(3)), {"ticket_id": "t3", "survey_team": None})
    answers = pd.DataFrame(
        {
            "ticket_id": ["t0", "t0", "t1"],
            "answered_at": pd.to_datetime(["2026-11-11T12:00Z", "2026-11-30T12:00Z", "2026-11-17T12:01Z"]),
        }
    )
    sums = sums_of("survey_response_rate", {"tickets": facts, "satisfaction": table(answers)})
    assert sums == {("2026-W46", "a"): (1, 3)}


def test_waiting_tickets_come_with_the_time_they_have_waited():
    facts = tickets(
        {"first_reply_business_seconds": 60},
        {"first_reply_business_censored_seconds": 500},
        {"channel": None},
    )
    frame = (
        times(CATALOGUE["first_reply_median"], relation("tickets", {"tickets": facts}), WEEKS).to_pyarrow().to_pandas()
    )
    assert sorted(zip(frame["seconds"], frame["ended"], strict=True)) == [(60, True), (500, False)]


def test_a_time_is_credited_to_the_team_that_ended_it_and_to_the_holder_while_it_runs():
    """A hand-over of today takes no number of last week away from the team that answered or solved it."""
    seconds = "full_resolution_calendar_seconds"
    facts = tickets(
        {
            "first_reply_team": "replied",
            "first_solved_team": "first",
            "solved_team": "last",
            "team": "today",
            seconds: 60,
        },
        {"first_reply_team": "replied", "first_solved_team": "first", "solved_team": "last", "team": "reopened"},
        {"first_solved_team": "bot", "solved_team": "bot", "team": "handed over since", seconds: 60},
        {"solved_team": None, "team": "waits with"},
    )
    rows = relation("tickets", {"tickets": facts}).to_pyarrow().to_pandas()
    teams = rows[
        [CATALOGUE[name].team for name in ("first_reply_p90", "first_resolution_median", "full_resolution_p90")]
    ]
    assert teams.to_numpy().tolist() == [
        ["replied", "first", "last"],
        ["replied", "first", "reopened"],
        ["bot", "bot", "bot"],
        ["waits with", "waits with", "waits with"],
    ]


def test_a_question_belongs_to_the_week_in_which_it_was_asked():
    """By the week of its ticket's creation a week would never be complete: old tickets are asked about for ever."""
    asked = pd.to_datetime(["2026-11-08T20:00Z", "2026-11-11T12:00Z"])
    rows = pd.DataFrame({"ticket_id": "t", "team": "a", "week": "2026-W40", "asked_at": asked})
    rows["business_seconds"] = pd.array([60, None], dtype="Int64")
    rows["business_censored_seconds"] = pd.array([None, 90], dtype="Int64")
    metric = CATALOGUE["next_reply_median"]
    questions = relation("replies", {"tickets": tickets({"ticket_id": "t"}), "replies": table(rows)})
    frame = times(metric, questions, WEEKS).to_pyarrow().to_pandas()
    waits = sorted(zip(frame["week"], frame["seconds"], frame["ended"], strict=True))
    assert waits == [("2026-W45", 60, True), ("2026-W46", 90, False)]


ANSWERS = [
    *((score, 2, score == 2) for score in (1, 2)),
    *((score, 5, score >= 4) for score in (1, 2, 3, 4, 5)),
    *((score, 7, score >= 6) for score in (1, 2, 3, 4, 5, 6, 7)),
    *((score, 10, score >= 8) for score in range(1, 11)),
    *((score, None, score >= 4) for score in (1, 2, 3, 4, 5)),
    (1.7, 2, False),
    (3.9, 5, False),
    *((score, scale, None) for score, scale in ((0, 5), (6, 5), (3, 2), (-1, 10), (11, 10), (6, None), (None, 5))),
]
"""(score, best score, whether the customer is satisfied): the best fifth, good of good and bad; None: no answer."""


def test_the_best_fifth_of_any_scale_and_good_of_two_are_satisfied():
    frame = pd.DataFrame({"score": [score for score, _, _ in ANSWERS], "scale_max": [best for _, best, _ in ANSWERS]})
    frame = frame.astype({"score": "float64", "scale_max": "Int64"})
    expected = [None if satisfied is None else float(satisfied) for _, _, satisfied in ANSWERS]
    in_pandas = is_satisfied(frame["score"], frame["scale_max"])
    assert [None if pd.isna(value) else value for value in in_pandas] == expected

    surveys = ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
    column = is_satisfied(surveys.score, surveys.scale_max).cast("float64")
    assert surveys.select(satisfied=column).to_pyarrow()["satisfied"].to_pylist() == expected


def test_a_score_that_is_not_on_its_scale_is_no_answer():
    """The gate sets such rows aside; were it to let one pass, it must count neither as satisfied nor as not."""
    facts = tickets(*({"ticket_id": f"t{n}"} for n in range(6)))
    answers = pd.DataFrame(
        {
            "ticket_id": [f"t{n}" for n in range(6)],
            "answered_at": pd.to_datetime(["2026-11-11T12:00Z"] * 6),
            "score": [2.0, 1.0, 4.0, 3.0, 5.0, 9.0],
            "scale_max": [2, 2, 5, 5, 5, 5],
        }
    )
    assert sums_of("csat", {"tickets": facts, "satisfaction": table(answers)}) == {("2026-W46", "a"): (3, 5)}


def test_satisfaction_is_credited_to_the_team_that_held_the_ticket_when_it_was_asked():
    facts = tickets({"ticket_id": "t", "survey_team": "asked", "solved_team": "solved", "team": "today"})
    answers = pd.DataFrame(
        {"ticket_id": ["t"], "answered_at": pd.to_datetime(["2026-11-11T12:00Z"]), "score": [5.0], "scale_max": [5]}
    )
    sums = sums_of("csat", {"tickets": facts, "satisfaction": table(answers)})
    assert list(sums) == [("2026-W46", "asked")]


def test_a_failed_critical_criterion_makes_the_review_zero_and_calibration_counts_nowhere():
    facts = tickets(*({"ticket_id": f"t{n}"} for n in range(3)))
    rows = [
        ("r0", "t0", 8.0, 10.0, False, False),
        ("r0", "t0", 1.0, 1.0, True, False),
        ("r1", "t1", 10.0, 10.0, False, False),
        ("r1", "t1", 0.0, 1.0, True, False),
        ("r2", "t2", 1.0, 10.0, False, True),
    ]
    names = ["review_id", "ticket_id", "score", "max_score", "critical", "calibration"]
    reviews = pd.DataFrame(rows, columns=names).assign(reviewed_at=pd.Timestamp("2026-11-11T12:00Z"))
    reviews = reviews.assign(min_score=float("nan"), weight=float("nan"))
    sums = sums_of("qa_score", {"tickets": facts, "quality_reviews": table(reviews)})
    assert sums == {("2026-W46", "a"): (pytest.approx(0.9), 2)}


def test_a_promise_counts_in_the_week_in_which_it_was_decided():
    """By week of creation the latest week would count what was quick, and miss what is still open."""
    facts = tickets(*({"ticket_id": f"t{n}"} for n in range(3)))
    rows = pd.DataFrame(
        {
            "ticket_id": ["t0", "t1", "t2"],
            "team": "a",
            "metric": "first_reply",
            "state": ["met", "breached", "running"],
            "ended_at": pd.to_datetime(["2026-11-10T12:00Z", "2026-11-12T12:00Z", None]),
            "breached_at": pd.to_datetime([None, "2026-11-05T12:00Z", None], utc=True),
        }
    )
    sums = sums_of("first_reply_sla", {"tickets": facts, "sla": table(rows)})
    assert sums == {("2026-W45", "a"): (0, 1), ("2026-W46", "a"): (1, 1)}


def test_the_backlog_of_a_week_is_that_of_its_last_day():
    days = pd.date_range("2026-11-09", "2026-11-15")
    frame = pd.DataFrame({"day": days.date, "team": "a", "closing": range(7), "solved": 1})
    for term in ("created", "reopened", "moved_in", "deleted", "merged", "moved_out"):
        frame[term] = 2 if term == "created" else 0
    frame["unanswered"] = range(10, 17)
    backlog = {"backlog": table(frame)}
    assert sums_of("unanswered_questions", backlog) == {("2026-W46", "a"): (16, 1)}
    assert sums_of("backlog_closing", backlog) == {("2026-W46", "a"): (6, 1)}
    assert sums_of("solved", backlog)[("2026-W46", "a")][0] == 7
    assert sums_of("net_flow", backlog)[("2026-W46", "a")][0] == 7


def test_an_export_without_events_cannot_tell_reopens_and_shows_no_zero():
    present = {"tickets": frozenset({"ticket_id", "created_at", "closed_at"})}
    assert CATALOGUE["reopened"].lacking(present) == "not in this export: no history of the tickets"
    assert CATALOGUE["created"].lacking(present) is None
