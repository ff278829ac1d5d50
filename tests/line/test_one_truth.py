"""What a week comes to is worked out here from the weekly values, and every place of every page has just that.

The sample's weeks in which a rule broke, before the newest one, and the newest; all teams. Goals are held against
`params/org.yml` here, and what could be behind a miss is counted from the facts, by loops; signals are those of the
stored column.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

import opslib as ops
from opslib.analysis.findings.ranking import first_lines
from opslib.analysis.findings.register import causes_of
from opslib.calendars import week_days
from opslib.display import words
from opslib.display.cells import rows_of
from opslib.metrics import CATALOGUE
from opslib.reports import weekly_review
from opslib.reports.weekly_review import Review, open_review
from opslib.settings import Organisation, load_organisation
from opslib.store.files import write_text
from opslib.store.warehouse import Warehouse
from opslib.weekly.brief import Brief, brief_of_week
from opslib.weekly.comparison import metric_pairs
from opslib.weekly.numbers.findings import build_findings, keep_findings
from opslib.weekly.pages.index import write_index
from opslib.weekly.run import SAMPLE_MARK
from opslib.weeks import monday_of, shift_week, week_bounds
from tests.line.conftest import ROOT, TEAMS
from tests.open_time import OpenMinutes
from tests.reports.weekly_review.verdict_places import (
    LABELS,
    Verdicts,
    derived,
    record_of,
    said_by_index,
    said_by_review,
)
from tests.weekly.weekly_notebooks import edition
from tests.whole_line import whole_line

PARAMS = ROOT / "params"
WEEKS = ("2026-W38", "2026-W45", "2026-W46")
TODAY = date(2026, 11, 16)
SLA = "first_reply_sla"
FEWEST = 5
"""As many people a group has at least that is named."""


class Told(NamedTuple):
    """A week of all teams: its reviews, what has to be said of each metric, its brief and its findings."""

    week: str
    reviews: dict[str, Review]
    expected: dict[str, dict[str, Verdicts]]
    brief: Brief
    findings: pd.DataFrame
    folder: Path

    @property
    def missed(self) -> set[tuple[str, str]]:
        """The goals missed, by team and metric."""
        return {
            (team, metric)
            for team, metrics in self.expected.items()
            for metric, (goal, _) in metrics.items()
            if str(goal).startswith("Missed")
        }

    @property
    def goals(self) -> dict[tuple[str, str], str]:
        """What is said of each goal, by team and metric."""
        return {
            (team, metric): goal
            for team, metrics in self.expected.items()
            for metric, (goal, _) in metrics.items()
            if goal is not None
        }

    @property
    def signals(self) -> set[tuple[str, str]]:
        """The signals, new and still there, by team and metric."""
        return {
            (team, metric)
            for team, metrics in self.expected.items()
            for metric, (_, signal) in metrics.items()
            if signal and ("New signal" in signal or "outside" in signal)
        }


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return load_organisation(PARAMS)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A copy of the whole line's, with the findings of all three weeks."""
    line = whole_line(tmp_path_factory).warehouse
    root = tmp_path_factory.mktemp("one_truth") / "warehouse"
    shutil.copytree(line, root, ignore=shutil.ignore_patterns("staged", "quarantine"))
    return Warehouse(root)


@pytest.fixture(scope="module")
def told(warehouse: Warehouse, organisation: Organisation, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    folder = tmp_path_factory.mktemp("pages")
    as_of = datetime.fromisoformat(warehouse.facts_of_the_run()["as_of"])
    by_week = {}
    for week in WEEKS:
        build_findings(warehouse, organisation, week, as_of)
        folders = {"warehouse": str(warehouse.root), "params": str(PARAMS)}
        reviews = {team: open_review(ops.open_week(week, team, **folders)) for team in TEAMS}
        records = [record_of(review) for review in reviews.values()]
        for record in records:
            write_text("<html></html>", folder / f"{record.identifier}.html")
        brief = brief_of_week(
            warehouse, organisation, week, teams=list(TEAMS), blocked=(), folder=folder / week, today=TODAY
        )
        labels = {team.name: team.label for team in organisation.teams}
        write_index(
            folder,
            edition=replace(edition(week), teams=labels),
            records=records,
            blocked={},
            brief=brief,
            pairs={},
        )
        by_week[week] = Told(
            week,
            reviews,
            {team: derived(review, week) for team, review in reviews.items()},
            brief,
            warehouse.read("published", "findings", weeks=[week]),
            folder / week,
        )
    return by_week


@pytest.mark.parametrize("week", WEEKS)
def test_every_place_of_each_teams_review_has_the_goals_missed_and_the_signals_and_no_others(told, week):
    this = told[week]
    assert len(this.missed) > 3
    for team, review in this.reviews.items():
        expected = this.expected[team]
        goals = {name for name, (goal, _) in expected.items() if goal}
        missed = {name for of_team, name in this.missed if of_team == team}
        twins = {name for name in expected if CATALOGUE[name].twin}
        places = said_by_review(review)
        for place, said in places.items():
            assert said == {name: expected.get(name, (None, None)) for name in said}, (team, place)
        signals = {name for of_team, name in this.signals if of_team == team}
        assert goals <= set(places["tiles"])
        assert set(places["attention"]) == (missed | signals) - twins
        assert set(places["all metrics"]) >= set(expected)
        verdict = weekly_review.headline(review).verdict
        judged = {name for name, (goal, _) in expected.items() if goal and goal != "No goal judged"}
        assert (f"{len(missed)} of {len(judged)} goals" in verdict) == (0 < len(missed) < len(judged)), verdict
        assert verdict.startswith("All ") is False or not missed
        first = verdict.partition(":")[0]
        assert not missed or LABELS[first] in missed
        untouched = weekly_review.show.leave_alone(weekly_review.signals(review)).text
        assert not [name for name in missed | signals if f" {CATALOGUE[name].label} " in untouched]


@pytest.mark.parametrize("week", WEEKS)
def test_the_index_has_the_same_in_its_matrix_its_three_numbers_and_its_first_things(
    told, week, warehouse, organisation
):
    this = told[week]
    page = this.folder / "index.html"
    for team in organisation.teams:
        cells, _ = said_by_index(page, team.label)
        assert cells == {name: (goal, None) for (of, name), goal in this.goals.items() if of == team.name}
    judged = {key for key, goal in this.goals.items() if goal != "No goal judged"}
    goals, late, _ = this.brief.numbers
    assert (goals.value, goals.whole) == (str(len(judged - this.missed)), f"of {len(judged)}")
    at_risk = sum(self == "At risk" for self in this.goals.values())
    assert (goals.verdict is None) == (at_risk == 0)
    sla = warehouse.read("facts", "weekly_values", weeks=[week])
    sla = sla[(sla["metric"] == "first_reply_sla") & (sla["channel"] == "all") & sla["team"].isin(TEAMS)]
    broken = sum(row.denominator - row.numerator for row in rows_of(sla))
    assert (late.value, late.whole) == (words.whole(broken), f"of {words.whole(sla['denominator'].sum())}")
    listed = {(point.team, point.subject) for point in this.brief.points if point.kind == "goal missed"}
    assert listed <= this.missed
    assert {(each.team, each.subject) for each in this.brief.points if each.kind == "signal"} <= this.signals
    for point in this.brief.points:
        if point.kind == "goal missed":
            assert point.verdict.text == this.goals[point.team, point.subject]
    also = this.brief.also_missed
    assert [CATALOGUE[name].label for _, name in this.missed - listed if CATALOGUE[name].label not in also] == []
    never = {name for _, name in this.goals} - {name for _, name in this.missed}
    assert [CATALOGUE[name].label for name in never if CATALOGUE[name].label in also] == []


@pytest.mark.parametrize("week", WEEKS)
def test_the_register_has_a_finding_for_each_and_for_nothing_else(told, week):
    this = told[week]
    kinds = {kind: set(zip(own["team"], own["subject"], strict=True)) for kind, own in this.findings.groupby("kind")}
    assert kinds["goal missed"] == this.missed
    twins = {(team, name) for team, name in this.signals if CATALOGUE[name].twin}
    assert this.signals - this.missed - twins <= kinds.get("signal", set()) <= this.signals


def test_the_comparison_says_of_both_weeks_what_their_pages_say(told, warehouse, organisation):
    this, then = told["2026-W46"], told["2026-W45"]
    for team, rows in metric_pairs(warehouse, organisation, this.week).items():
        assert {LABELS[row["label"]] for row in rows} == set(this.expected[team]) | set(then.expected[team])
        for side, expected in (("chips", this.expected[team]), ("chips_before", then.expected[team])):
            said = {LABELS[row["label"]]: [chip.text for chip in row[side]] for row in rows}
            assert said == {name: [text for text in expected.get(name, ()) if text is not None] for name in said}, (
                team,
                side,
            )


@pytest.mark.parametrize("week", WEEKS)
def test_causes_of_late_replies_are_those_counted_one_by_one_and_the_same_on_page_and_index(
    told, week, warehouse, organisation
):
    this = told[week]
    found = set()
    for row in rows_of(this.findings[this.findings["subject"] == SLA]):
        cases = decided(warehouse, organisation, row.team, week)
        own = {cause["cause"]: cause for cause in causes_of(row)}
        late = [case for case in cases if case.is_late]
        for cause, is_of in (("handed", lambda case: case.is_handed), ("closed", lambda case: case.is_closed)):
            part, others = [case for case in cases if is_of(case)], [case for case in cases if not is_of(case)]
            is_worse = others and part and rate(part) > rate(others)
            is_cause = len({case.requester for case in part}) >= FEWEST and is_worse
            assert (cause in own) == bool(is_cause), (row.team, cause)
            if is_cause:
                assert own[cause]["cases"] == sum(is_of(case) for case in late), (row.team, cause)
                assert own[cause]["of"] == len(late)
        usual = usual_weeks(warehouse, organisation, row.team, week)
        created = {each: created_in(warehouse, row.team, each) for each in [*usual, week]}
        mean = sum(created[each] for each in usual) / len(usual)
        assert ("volume" in own) == (created[week] > 1.1 * mean), row.team
        assert ("days" in own) == bool(holidays(organisation, row.team, week)), row.team
        found |= own.keys()
        first = causes_of(row)[0]
        shown = weekly_review.points(this.reviews[row.team])
        if row.finding_id in set(shown["finding_id"]):
            assert first["text"] in weekly_review.show.points(shown).text
        for point in this.brief.points:
            if point.finding_id == row.finding_id:
                measured = [each["text"] for each in causes_of(row) if each["is_measured"]]
                assert not measured or dict(point.causes)["Cause"].startswith(measured[0])
    assert found >= {"closed", *(["days"] if week == "2026-W46" else [])}


class Case(NamedTuple):
    """A promise of a first reply that was kept or broken in the week."""

    requester: str
    is_late: bool
    is_handed: bool
    is_closed: bool


def rate(cases: list[Case]) -> float:
    return sum(case.is_late for case in cases) / len(cases)


@cache
def tickets_by_id(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    columns = ["ticket_id", "requester_id", "created_at", "team", "first_team"]
    rows: dict[str, dict[str, Any]] = (
        warehouse.read("facts", "tickets", columns=columns).set_index("ticket_id").to_dict("index")
    )
    return rows


@cache
def minutes_of(calendar: str) -> OpenMinutes:
    return OpenMinutes(load_organisation(PARAMS).calendar(calendar), date(2026, 5, 18), TODAY + timedelta(days=1))


def decided(warehouse: Warehouse, organisation: Organisation, team: str, week: str) -> list[Case]:
    """The promises of first replies that a team kept or broke in a week, one after the other."""
    start, end = week_bounds(week, organisation.zone)
    tickets = tickets_by_id(warehouse)
    clock = minutes_of(organisation.team(team).calendar)
    cases = []
    promises = warehouse.read("facts", "sla", teams=[team])
    for row in rows_of(promises[promises["metric"] == "first_reply"]):
        at = row.breached_at if row.state == "breached" else row.ended_at
        if row.state == "running" or not start <= at < end:
            continue
        ticket = tickets[row.ticket_id]
        first = ticket["first_team"] if isinstance(ticket["first_team"], str) else ticket["team"]
        minute = (int(ticket["created_at"].timestamp()) - clock.first_second) // 60
        cases.append(Case(ticket["requester_id"], row.state == "breached", first != team, not clock.is_open[minute]))
    return cases


def holidays(organisation: Organisation, team: str, week: str) -> list[str]:
    calendar = organisation.calendar(organisation.team(team).calendar)
    return [name for name in week_days(calendar, week).values() if name]


def created_in(warehouse: Warehouse, team: str, week: str) -> float:
    rows = warehouse.read("facts", "weekly_values", weeks=[week], teams=[team])
    rows = rows[(rows["metric"] == "created") & (rows["channel"] == "all")]
    return float(rows["value"].iloc[0])


def usual_weeks(warehouse: Warehouse, organisation: Organisation, team: str, week: str) -> list[str]:
    """The last eight weeks before this one, or before its signal began, that are whole and have no holiday."""
    signals = warehouse.read("facts", "weekly_signals", teams=[team])
    rows = signals[(signals["metric"] == SLA) & (signals["week"] <= week)].sort_values("week", ascending=False)
    since = week
    for row in rows_of(rows):
        if row.verdict in ("new", "outside"):
            since = row.since
        if row.verdict != "not judged":
            break
    partly = warehouse.read("facts", "weekly_completeness")
    partly = set(partly.loc[(partly["team"] == team) & (partly["scope"] == "all"), "week"])
    weeks = [each for each in warehouse.weeks("facts", "weekly_values") if each < since and each not in partly]
    return [each for each in weeks if not holidays(organisation, team, each)][-8:]


def test_what_is_planted_is_among_the_first_points_of_its_team_in_its_week_or_the_next(
    warehouse, organisation, tmp_path_factory
):
    """A small sample shows two of the truths: the rule that broke, and the channels that customers came to use."""
    sample = whole_line(tmp_path_factory).sample
    planted = {each["kind"]: each for each in json.loads((sample / SAMPLE_MARK).read_text("utf-8"))["planted"]}
    rule, mix = planted["misrouting_rule"], planted["csat_moves_by_mix_only"]
    week = shift_week(rule["begins"], 1)
    folders = {"warehouse": str(warehouse.root), "params": str(PARAMS)}
    audit = ops.routing_audit.open_audit(ops.open_week(week, rule["team"], **folders))
    handed = {(rule["team"], "broken rule"): ops.routing_audit.findings(audit).rows}
    point = first_points(warehouse, organisation, week, rule["team"], handed).loc["broken rule"]
    assert point["subject"] == rule["rule_id"]
    assert point["since"] == monday_of(rule["begins"]).isoformat()
    point = first_points(warehouse, organisation, mix["begins"], mix["team"], {}).loc["signal"]
    assert (point["subject"], point["since"]) == ("live_channel_share", monday_of(mix["begins"]).isoformat())


def first_points(
    warehouse: Warehouse, organisation: Organisation, week: str, team: str, handed: dict[tuple[str, str], list[Any]]
) -> pd.DataFrame:
    """The first three points of one team, by kind."""
    others = set(TEAMS) - {team}
    as_of = datetime.fromisoformat(warehouse.facts_of_the_run()["as_of"])
    keep_findings(warehouse, week, handed)
    build_findings(warehouse, organisation, week, as_of, blocked=others)
    rows = warehouse.read("published", "findings", weeks=[week])
    return first_lines(rows, most=3, most_of_a_team=3).set_index("kind")
