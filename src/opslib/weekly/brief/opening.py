"""How the brief begins: a line that says what the week comes to, what holidays explain, and three numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opslib.analysis.findings.quiet_pages import chance_in_words
from opslib.analysis.weekly_review.false_alarms import rate_in_words
from opslib.display import words
from opslib.display.cells import is_known, spark_words
from opslib.display.headline import nothing_but
from opslib.display.verdicts import Verdict
from opslib.metrics import CATALOGUE
from opslib.weekly.brief.actions import Actions
from opslib.weekly.brief.goals import NOT_IN_EXPORT, Spark, WeekNumbers
from opslib.weekly.brief.points import Point
from opslib.weeks import shift_week

_PROMISES = {
    "first_reply_sla": "First replies later than promised",
    "next_reply_sla": "Next replies later than promised",
    "full_resolution_sla": "Resolutions later than promised",
    "requester_wait_sla": "Customers who waited longer than promised",
    "agent_work_sla": "Tickets with us for longer than promised",
}
_MOST_TEAMS_NAMED = 4


@dataclass(frozen=True)
class Number:
    """One of the three numbers: its name, value and whole, the verdict on it, how it moved, and what else is known.

    A part that there is nothing to say of is "" or None.
    """

    label: str
    value: str
    whole: str = ""
    verdict: Verdict | None = None
    move: str = ""
    fact: str = ""
    spark: Spark | None = None


def verdict_line(
    numbers: WeekNumbers,
    points: Sequence[Point],
    labels: Mapping[str, str],
    *,
    blocked: int = 0,
    teams: int = 0,
    overdue: int = 0,
) -> str:
    """What the week comes to, in a sentence or two.

    Args:
        numbers: of the teams whose pages are shown.
        points: the first findings.
        labels: of teams, by their names.
        blocked: how many teams the gate blocks.
        teams: how many there are in all.
        overdue: how many actions are overdue.
    """
    if teams and blocked >= teams:
        return f"There is no {words.week_number(numbers.week)} yet: the data of {_all(teams)} are blocked."
    if not numbers.weeks and not points:
        return f"No number of {words.week_number(numbers.week)} is known yet."
    if not numbers.missed and not points:
        return _quiet(numbers, nothing_but(blocked=blocked, overdue=overdue))
    now = numbers.tally(numbers.week)
    sentences = [f"{now.met} of {now.judged} goals met{_against_last_week(numbers)}."]
    if now.judged == 1:
        sentences = [f"The one goal is {'met' if now.met else 'missed'}."]
    elif not now.judged:
        sentences = [_unjudged(numbers)]
    if points:
        first = points[0]
        whose = _named(first.teams, labels)
        if first.kind == "data incomplete":
            sentences.append(f"Complete the data of {whose} first: {first.what[0].lower()}{first.what[1:]}.")
        else:
            sentences.append(f"Act on {whose} first: {_reason(first, numbers)}.")
    return " ".join(sentences)


def _quiet(numbers: WeekNumbers, nothing: str) -> str:
    now = numbers.tally(numbers.week)
    if not now.judged:
        return _unjudged(numbers) if numbers.goals else f"{nothing} No team has a goal that could be missed."
    met = {1: "The one goal is met", 2: "Both goals are met"}.get(now.judged, f"All {now.judged} goals are met")
    risk = f", {now.at_risk} of them at risk" if now.at_risk and now.judged > 1 else ", but at risk" * bool(now.at_risk)
    return f"{nothing} {met}{risk}."


def _unjudged(numbers: WeekNumbers) -> str:
    """That no goal was judged, and why, where the export or the week does not tell them."""
    if not numbers.goals:
        return "No team has a goal, so none is judged."
    rows = [numbers.row(*key) for key in numbers.goals]
    reasons = {
        NOT_IN_EXPORT if row is None or isinstance(row.missing, str) else str(row.goal_why or "no value")
        for row in rows
    }
    return f"No goal could be judged this week: {words.listed(sorted(reasons))}."


def _reason(point: Point, numbers: WeekNumbers) -> str:
    row = numbers.row(point.team, point.subject) if point.kind == "goal missed" else None
    if row is None or not is_known(row.value):
        return point.what
    goal = words.goal(row.goal, row.better, row.unit).lstrip("≥≤ ")
    return f"{row.label} is {words.value(row.value, row.unit)}, and the goal is {goal}"


def _against_last_week(numbers: WeekNumbers) -> str:
    """How many of the goals judged now were met the week before; "" where that is not known."""
    before = numbers.tally(shift_week(numbers.week, -1), numbers.judged)
    now = numbers.tally(numbers.week)
    if not before.judged:
        return ""
    of = f" of {before.judged}" if before.judged != now.judged else ""
    if before.met == now.met and not of:
        return ", as many as the week before"
    verb = "down from" if before.met > now.met else "up from" if before.met < now.met else "the week before"
    return f", {verb} {before.met}{of}"


def chance_of_signal(rate: float) -> str:
    """How often the page of a team on which nothing has moved shows something, for a week in which none does."""
    at_most = f"Where nothing has moved, a team's page still shows a signal by chance in {rate_in_words(rate)} at most."
    return f"{at_most} {chance_in_words(rate)}".rstrip()


def lead(numbers: WeekNumbers, closures: str) -> str:
    """What holidays explain of the misses; "" where there are none.

    Args:
        numbers: of the teams whose pages are shown.
        closures: the holidays with the teams that they close, as a sentence without a full stop; "" for none.
    """
    sentences = [f"{closures}."] if closures else []
    missed = numbers.missed
    if closures and missed:
        before = shift_week(numbers.week, -1)
        closed = [key for key in missed if numbers.closed.get((key[0], numbers.week))]
        fresh = [
            key
            for key in closed
            if (row := numbers.row(*key, before)) is not None and not row.is_missed and row.goal_verdict
        ]
        rest = len(missed) - len(fresh)
        count = f"It may explain {len(fresh) or 'none'} of the {len(missed)} goals missed"
        what = f", which {'these teams' if len(fresh) != 1 else 'its team'} met the week before" if fresh else ""
        others = (
            f"; the other {rest} {'were' if rest != 1 else 'was'} missed before it or where nothing was closed"
            if rest and fresh
            else ""
        )
        sentences.append(f"{count}{what}{others}.")
    return " ".join(sentences)


def three_numbers(
    numbers: WeekNumbers, teams: Sequence[str], labels: Mapping[str, str], actions: Actions
) -> tuple[Number, Number, Number]:
    """Goals met, what came later than promised, and actions overdue.

    Args:
        numbers: of the teams whose pages are shown.
        teams: these teams.
        labels: of teams, by their names.
        actions: of all teams.
    """
    return _goals_met(numbers), _late(numbers, teams, labels), _overdue(actions)


def _goals_met(numbers: WeekNumbers) -> Number:
    now = numbers.tally(numbers.week)
    if not now.judged:
        return Number("Goals met", "–", fact="none could be judged" if numbers.goals else "no team has a goal")
    before = numbers.tally(shift_week(numbers.week, -1), numbers.judged)
    move = ""
    if before.judged:
        arrow = "↓ " if before.met > now.met else "↑ " if before.met < now.met else ""
        of = f" of {before.judged}" if before.judged != now.judged else ""
        move = f"{arrow}{before.met}{of} last week"
    risk = (
        Verdict("at-risk", f"{now.at_risk} of the {now.met} at risk" if now.met > 1 else "At risk")
        if now.at_risk
        else None
    )
    history = [numbers.tally(week, numbers.judged) for week in numbers.weeks]
    values = tuple(float(each.met) if each.judged else None for each in history)
    closed = tuple(
        words.listed(sorted({name for (_, at), name in numbers.closed.items() if at == week and name}))
        for week in numbers.weeks
    )
    spark = Spark(values, spark_words(f"Goals met of {now.judged}", values, "count", closed), closed, None, "")
    fact = f"{now.unjudged} more could not be judged" if now.unjudged else ""
    return Number("Goals met", str(now.met), f"of {now.judged}", risk, move, fact, spark)


def _late(numbers: WeekNumbers, teams: Sequence[str], labels: Mapping[str, str]) -> Number:
    """How many promises were broken in all teams: of the first kind of promise that any of them has."""
    late_of = {
        metric: {team: count for team in teams if (count := _broken(numbers.row(team, metric))) is not None}
        for metric in _PROMISES
    }
    metric = next((name for name, counts in late_of.items() if counts), None)
    if metric is None:
        return Number("Later than promised", "–", fact=f"{NOT_IN_EXPORT}: no promise is known")
    label, late = _PROMISES[metric], late_of[metric]
    total, of = sum(late.values()), sum(round(numbers.row(team, metric).denominator) for team in late)
    before = {team: _broken(numbers.row(team, metric, shift_week(numbers.week, -1))) for team in late}
    weeks = (numbers.week, shift_week(numbers.week, -1))
    partly = [team for team in late if any((team, week) in numbers.incomplete for week in weeks)]
    move = ""
    if partly:
        move = f"not compared: data of {_named(partly, labels)} incomplete"
    elif earlier := [count for count in before.values() if count is not None]:
        move = _moved(total - sum(earlier)) if len(earlier) == len(late) else ""
    worst = max(late, key=lambda team: late[team])
    is_told = total and len(teams) > 1
    fact = f"{words.whole(late[worst])} of them in {labels.get(worst, worst)}" if is_told else ""
    return Number(label, words.whole(total), f"of {words.whole(of)}", None, move, fact)


def _broken(row: Any) -> int | None:
    if row is None or not is_known(row.numerator) or not is_known(row.denominator) or not row.denominator:
        return None
    return round(row.denominator - row.numerator)


def _moved(difference: int) -> str:
    if not difference:
        return "as many as last week"
    arrow, side = ("↑", "more") if difference > 0 else ("↓", "fewer")
    return f"{arrow} {words.whole(abs(difference))} {side} than last week"


def _overdue(actions: Actions) -> Number:
    label = "Actions overdue"
    if not actions.count:
        return Number(label, "0", fact="none is written in notes/actions.csv yet")
    late = Verdict("missed", f"The oldest since {words.short_day(actions.oldest)}") if actions.overdue else None
    return Number(label, str(actions.overdue), f"of {actions.open} open", late)


def also_missed(numbers: WeekNumbers, points: Sequence[Point], labels: Mapping[str, str], *, teams: int) -> str:
    """The goals that were missed and are none of the first findings, in a sentence; "" where there are none.

    Args:
        numbers: of the teams whose pages are shown.
        points: the first findings.
        labels: of teams, by their names.
        teams: how many teams are shown.
    """
    listed = {(point.team, point.subject) for point in points if point.kind == "goal missed"}
    teams_of: dict[str, list[str]] = {}
    for team, metric in numbers.missed:
        if (team, metric) not in listed:
            teams_of.setdefault(metric, []).append(team)
    order = list(labels)
    metrics_of: dict[tuple[str, ...], list[str]] = {}
    for metric, names in teams_of.items():
        names.sort(key=lambda name: order.index(name) if name in order else len(order))
        metrics_of.setdefault(tuple(names), []).append(CATALOGUE[metric].label)
    parts = [f"{words.listed(metrics)} in {_where(names, labels, teams)}" for names, metrics in metrics_of.items()]
    return f"Also missed: {'; '.join(parts)}." if parts else ""


def _where(names: Sequence[str], labels: Mapping[str, str], teams: int) -> str:
    if len(names) == teams > 1:
        return f"all {words.number_of(teams, 'team')}"
    return _named(names, labels)


def _named(names: Sequence[str], labels: Mapping[str, str]) -> str:
    """Teams by their labels; of many only how many."""
    if len(names) > _MOST_TEAMS_NAMED:
        return words.number_of(len(names), "team")
    return words.listed([labels.get(name, name) for name in names])


def _all(teams: int) -> str:
    return "the only team" if teams == 1 else f"all {words.number_of(teams, 'team')}"
