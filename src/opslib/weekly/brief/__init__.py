"""The Monday brief: what a week comes to for all teams, read from the warehouse, in the words of its page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from opslib.analysis.findings.register import AREA, SCHEMA, TABLE, empty
from opslib.metrics import CATALOGUE
from opslib.settings import Organisation
from opslib.store.warehouse import NOTES, Warehouse
from opslib.weekly.brief.actions import Actions, actions_of_week, escalation_states
from opslib.weekly.brief.goals import TeamGoals, goal_table, too_easy, week_numbers
from opslib.weekly.brief.opening import Number, also_missed, chance_of_signal, lead, three_numbers, verdict_line
from opslib.weekly.brief.points import Point, first_points
from opslib.weekly.escalations import Escalated
from opslib.weekly.notes import SENTENCES, actions_of


@dataclass(frozen=True)
class Brief:
    """What the page of all teams says of a week.

    `goals` are the names of the metrics for which any team has a goal, `rows` the teams with a cell for each of them;
    `escalations` has the state of each escalation of the week by its id; sentences that there is nothing to say for
    are "".
    """

    verdict: str
    lead: str
    numbers: tuple[Number, ...]
    points: tuple[Point, ...]
    also_missed: str
    goals: tuple[str, ...]
    rows: tuple[TeamGoals, ...]
    too_easy: str
    actions: Actions
    escalations: Mapping[str, str] = field(default_factory=dict)

    @property
    def goal_labels(self) -> list[str]:
        """What readers call the goals."""
        return [CATALOGUE[name].label for name in self.goals]


def brief_of_week(
    warehouse: Warehouse,
    organisation: Organisation,
    week: str,
    *,
    teams: Sequence[str],
    blocked: Collection[str],
    folder: Path,
    today: date,
    closures: str = "",
    escalated: Sequence[Escalated] = (),
) -> Brief:
    """What a week comes to for all teams.

    Args:
        warehouse: its weekly values, signals, findings and notes.
        organisation: its teams with their calendars and goals.
        week: ISO week.
        teams: those that have a page in the week; of the others nothing is said.
        blocked: those that the gate blocks, `*` for all.
        folder: of the week's pages.
        today: the day on which actions are overdue or not.
        closures: the holidays of the week with the teams that each of them closes.
        escalated: what the week's reports propose to hand over.
    """
    labels = {team.name: team.label for team in organisation.teams}
    planned = [name for name in labels if name in teams or name in blocked]
    shown = [name for name in planned if not {name, "*"} & set(blocked)]
    numbers = week_numbers(warehouse, organisation, week, shown)
    weeks = [each for each in warehouse.weeks(AREA, TABLE) if each <= week]
    history = _findings(warehouse, weeks)
    findings = history[(history["week"] == week) & history["team"].isin([*shown, ""])]
    written = actions_of(warehouse)
    points = first_points(
        findings, written, numbers, folder=folder, today=today, authors=_authors(warehouse, week), escalated=escalated
    )
    is_quiet = numbers.weeks and not numbers.missed and not points
    chance = chance_of_signal(organisation.signals.rate) if is_quiet else ""
    actions = actions_of_week(written, history, week, today)
    return Brief(
        verdict=verdict_line(
            numbers,
            points,
            labels,
            blocked=len(planned) - len(shown),
            teams=len(planned),
            overdue=actions.overdue,
        ),
        lead=" ".join(filter(None, (lead(numbers, closures), chance))) if shown else "",
        numbers=three_numbers(numbers, shown, labels, actions) if shown else (),
        points=points,
        also_missed=also_missed(numbers, points, labels, teams=len(shown)),
        goals=tuple(numbers.metrics),
        rows=goal_table(numbers, shown) if numbers.goals else (),
        too_easy=too_easy(numbers, labels),
        actions=actions,
        escalations=escalation_states(escalated, written, today),
    )


def _findings(warehouse: Warehouse, weeks: Sequence[str]) -> pd.DataFrame:
    frames = [
        pq.read_table(path, schema=SCHEMA, partitioning=None).to_pandas()
        for path in warehouse.files(AREA, TABLE, weeks)
    ]
    return pd.concat([frame for frame in frames if len(frame)], ignore_index=True) if any(map(len, frames)) else empty()


def _authors(warehouse: Warehouse, week: str) -> Mapping[str, str]:
    """By team who wrote a sentence on the week."""
    files = warehouse.files(NOTES, SENTENCES, [week])
    rows = pq.read_table(files[0], partitioning=None).to_pylist() if files else []
    return {row["team"]: row["author"] for row in rows}
