"""The goals of a week's teams: how each stood in the last weeks, how many were met, and the table of teams by goals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from opslib.analysis.weekly_review.completeness import ALL_METRICS
from opslib.analysis.weekly_review.goal_verdicts import AT_RISK, JUDGED, NO_VALUE, WEEKS, with_kinds
from opslib.analysis.weekly_review.weekly_signals import NOT_JUDGED
from opslib.analysis.weekly_review.weekly_values import BOUNDS
from opslib.calendars import closed_weeks
from opslib.display import verdicts, words
from opslib.display.cells import is_known, rows_of, spark_words
from opslib.display.verdicts import Verdict
from opslib.metrics import ALL, CATALOGUE
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.completeness import TABLE as COMPLETENESS
from opslib.weekly.numbers.signals import TABLE as SIGNALS
from opslib.weekly.numbers.values import TABLE as VALUES
from opslib.weeks import monday_of, shift_week

NOT_IN_EXPORT = "not in this export"
_VALUES = [
    *("week", "team", "channel", "metric", "value", "low", "high", "numerator", "denominator", "n", "missing"),
    *("state", "settles_on"),
]
_JUDGEMENTS = ["week", "team", "metric", "verdict", "since", "direction", "together", *JUDGED]


class Tally(NamedTuple):
    """Of the goals of a week how many were met, how many of those are at risk, were judged, and were not."""

    met: int
    at_risk: int
    judged: int
    unjudged: int


@dataclass(frozen=True)
class Spark:
    """A line of the last weeks: as `cells.sparkline` takes them."""

    values: tuple[float | None, ...]
    label: str
    closed: tuple[str, ...]
    goal: float | None
    look: str


@dataclass(frozen=True)
class GoalCell:
    """A team's goal as the table shows it; without a verdict and line where nothing is known of it."""

    metric: str
    value: str
    verdict: Verdict | None = None
    facts: tuple[str, ...] = ()
    spark: Spark | None = None


@dataclass(frozen=True)
class TeamGoals:
    """A row of the table: a cell for each goal that any team has, None where this team has none."""

    team: str
    cells: tuple[GoalCell | None, ...]


@dataclass(frozen=True)
class WeekNumbers:
    """The numbers of a week and of the twelve before, of all channels, with what was decided of them.

    `rows` has `_VALUES` and `_JUDGEMENTS`, a row per week, team and metric; `closed` the holidays by team and week;
    `incomplete` the teams and weeks that the export holds only in part; `goals` the teams and metrics that have a goal
    in force in the week.
    """

    week: str
    weeks: tuple[str, ...]
    rows: pd.DataFrame
    closed: Mapping[tuple[str, str], str]
    incomplete: frozenset[tuple[str, str]]
    goals: frozenset[tuple[str, str]]
    _of: dict[tuple[str, str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._of.update({(row.team, row.metric, row.week): row for row in rows_of(self.rows)})

    def row(self, team: str, metric: str, week: str | None = None) -> Any:
        """What is known of a team's metric in a week, this one where none is named; None where nothing is."""
        return self._of.get((team, metric, week or self.week))

    def tally(self, week: str, of: Collection[tuple[str, str]] | None = None) -> Tally:
        """How many goals were met in a week.

        Args:
            week: ISO week.
            of: teams and metrics; None is all that have a goal now.
        """
        rows = [self.row(team, metric, week) for team, metric in (self.goals if of is None else of)]
        judged = [row for row in rows if is_judged(row)]
        met = [row for row in judged if not row.is_missed]
        at_risk = sum(row.goal_verdict == AT_RISK for row in met)
        return Tally(len(met), at_risk, len(judged), len(rows) - len(judged))

    @property
    def judged(self) -> list[tuple[str, str]]:
        """The teams and metrics whose goal was judged in the week, in the order of the catalogue."""
        return sorted((key for key in self.goals if is_judged(self.row(*key))), key=_in_catalogue)

    @property
    def missed(self) -> list[tuple[str, str]]:
        """The teams and metrics whose goal was missed in the week."""
        return [key for key in self.judged if self.row(*key).is_missed]

    @property
    def metrics(self) -> list[str]:
        """The metrics for which any team has a goal, in the order of the catalogue."""
        return [name for name in CATALOGUE if any(metric == name for _, metric in self.goals)]


def is_judged(row: Any) -> bool:
    """Whether it could be told of a row if its goal was met."""
    return row is not None and row.goal_verdict not in ("", NO_VALUE)


def week_numbers(
    warehouse: Warehouse, organisation: Organisation, week: str, teams: Sequence[str], *, weeks: int = WEEKS
) -> WeekNumbers:
    """Read the numbers of a week and of those before it.

    Args:
        warehouse: its weekly values and signals; where it has none of the week, nothing is known.
        organisation: its teams with their calendars and goals.
        week: ISO week.
        teams: whose numbers are read.
        weeks: how many, that one included.
    """
    shown = [each for each in warehouse.weeks("facts", VALUES) if each <= week][-weeks:]
    if week not in shown or week not in warehouse.weeks("facts", SIGNALS):
        empty = with_kinds(pd.DataFrame(columns=[*_VALUES, *_JUDGEMENTS[3:]]))
        return WeekNumbers(week, (), empty, {}, frozenset(), frozenset())
    values = warehouse.read("facts", VALUES, columns=_VALUES, weeks=shown)
    values = values[(values["channel"] == ALL) & values["team"].isin(list(teams))]
    judgements = warehouse.read("facts", SIGNALS, columns=_JUDGEMENTS, weeks=shown)
    monday = monday_of(week)
    goals = {
        (team.name, goal.metric)
        for team in organisation.teams
        for goal in team.goals
        if team.name in teams and goal.metric in CATALOGUE and team.goal(goal.metric, monday) is not None
    }
    incomplete: set[tuple[str, str]] = set()
    if warehouse.has("facts", COMPLETENESS):
        partly = warehouse.read("facts", COMPLETENESS)
        partly = partly[partly["scope"] == ALL_METRICS]
        incomplete = set(zip(partly["team"], partly["week"], strict=True))
    about = pd.DataFrame(
        [(each.name, each.label, each.unit, each.better, each.cases) for each in CATALOGUE.values()],
        columns=["metric", "label", "unit", "better", "cases"],
    )
    rows = values.merge(about, on="metric").merge(judgements, on=["week", "team", "metric"], how="left")
    rows = with_kinds(rows.assign(verdict=rows["verdict"].fillna(NOT_JUDGED).mask(rows["missing"].notna(), "")))
    return WeekNumbers(
        week, tuple(shown), rows, closed_weeks(organisation, shown), frozenset(incomplete), frozenset(goals)
    )


def goal_table(numbers: WeekNumbers, teams: Sequence[str]) -> tuple[TeamGoals, ...]:
    """The goals of teams, a row each, a cell for each of `numbers.metrics`.

    Args:
        numbers: of `week_numbers`.
        teams: in the order of the rows.
    """
    columns = numbers.metrics
    return tuple(
        TeamGoals(
            team,
            tuple(_cell(numbers, team, metric) if (team, metric) in numbers.goals else None for metric in columns),
        )
        for team in teams
    )


def too_easy(numbers: WeekNumbers, labels: Mapping[str, str]) -> str:
    """The goals that ask for far less than the teams do, as a sentence for whoever sets them; "" where none does."""
    easy = [
        (team, row)
        for team, metric in sorted(numbers.goals, key=_in_catalogue)
        if _is_easy(row := numbers.row(team, metric))
    ]
    names = [
        f"{row.label} of {labels.get(team, team)} ({words.goal(row.goal, row.better, row.unit)})" for team, row in easy
    ]
    if not names:
        return ""
    return (
        f"For whoever sets goals: {words.listed(names)} {'is' if len(names) == 1 else 'are'} too easy to steer by, "
        "met in each of the last 13 weeks and nearly always with half of what the goal allows left over."
    )


def _is_easy(row: Any) -> bool:
    return row is not None and bool(row.too_easy)


def _cell(numbers: WeekNumbers, team: str, metric: str) -> GoalCell:
    row = numbers.row(team, metric)
    if row is None or isinstance(row.missing, str):
        return GoalCell(metric, NOT_IN_EXPORT)
    verdict = verdicts.of_goal(row)
    value = words.value(row.value, row.unit)
    if not is_known(row.value) and row.state != BOUNDS and isinstance(row.settles_on, str):
        value = f"known {words.short_day(row.settles_on)}"
    elif not is_known(row.value):
        value = words.standing(row.value, row.low, row.high, row.unit, state=row.state, settles_on=None)
    history = tuple(_value_of(numbers.row(team, metric, week)) for week in numbers.weeks)
    closed = tuple(numbers.closed.get((team, week), "") for week in numbers.weeks)
    label = f"{spark_words(row.label, history, row.unit, closed)}; goal {words.goal(row.goal, row.better, row.unit)}"
    look = verdict.look if verdict is not None else ""
    spark = Spark(history, label, closed, row.goal if is_known(row.goal) else None, look)
    facts = [verdicts.gap(row) or f"goal {words.goal(row.goal, row.better, row.unit)}", verdicts.misses(row)]
    facts += [verdicts.size(row).partition(",")[0]] if is_known(row.value) and row.n else []
    why = row.goal_why if row.goal_verdict == NO_VALUE and not isinstance(row.settles_on, str) else ""
    facts += [verdicts.outlook(row) or why, _before(numbers, row)]
    return GoalCell(metric, value, verdict, tuple(filter(None, facts)), spark)


def _before(numbers: WeekNumbers, row: Any) -> str:
    """The last value of a metric of which nothing is known yet."""
    earlier = numbers.row(row.team, row.metric, shift_week(row.week, -1))
    if is_known(row.value) or not is_judged(earlier):
        return ""
    verdict = verdicts.of_goal(earlier)
    assert verdict is not None
    return f"{words.week_number(earlier.week)}: {words.value(earlier.value, earlier.unit)}, {verdict.text.lower()}"


def _value_of(row: Any) -> float | None:
    return float(row.value) if row is not None and is_known(row.value) else None


def _in_catalogue(key: tuple[str, str]) -> tuple[int, str]:
    return list(CATALOGUE).index(key[1]), key[0]
