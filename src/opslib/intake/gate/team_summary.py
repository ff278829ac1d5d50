"""How a table stands for each team: is the week there, is it usual, how far does it reach, how much was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from opslib.intake.disclosure import NO_VALUES, OWNER_SEES, Counted
from opslib.intake.gate.derived import TEAM_COLUMNS
from opslib.intake.gate.few_rows import chance, cut_day_in_words, cut_days, relative_variance
from opslib.intake.gate.phrases import FEW, rows_in_words, value_in_words
from opslib.locales import time_of_day, weekday, whole
from opslib.settings import Organisation
from opslib.weeks import shift_week, week_bounds

LEAST_HISTORY_WEEKS = 3
# 20 cases keep the ratio of a usual week within the limits; from 100 on a silence of half a day is no chance either.
JUDGED_FROM = {"volume_ratio": 20, "hours_short_of_week_end": 100}
NEXT_TO_NOTHING = 1 / 20
MANY = 1 / 2
_HOURS_OF_A_WEEK = 168


def team_summary(
    counts: pd.DataFrame,
    *,
    organisation: Organisation,
    week: str,
    as_of: datetime,
    team_column: str,
    by_team: bool,
    rows_without_team: int | None,
    rows_of_unknown_tickets: int | None,
    by_day: pd.DataFrame | None = None,
    unknown_teams: Counted = NO_VALUES,
    repeated_keys: Sequence[str] = (),
) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
    """Sum up a table for each team, on the rows that were kept.

    Args:
        counts: a row per team (`_team`, null: none of the organisation's) and ISO week (`_week`, null: undated) with
            the rows `kept`, their `cases` (as many as tickets where rows come by ticket), the rows set aside for
            reasons of their `own`, `every` row, and the `last` kept instant.
        organisation: teams, time zone and trailing weeks.
        week: the ISO week that is reported.
        as_of: the instant up to which the export knows the world.
        team_column: what the export calls the team.
        by_team: whether the rows tell their team; where they do not, all of them stand for every team.
        rows_without_team: rows that name no team at all; None: not judged.
        rows_of_unknown_tickets: rows of tickets that are not in this export; None: not judged.
        by_day: team, day and rows of the days of the trailing weeks and of the week; None: not judged.
        unknown_teams: the names of teams that params/org.yml does not have, most frequent first, with their rows.
        repeated_keys: what it means that many rows repeat a key.

    Returns:
        A row per team, in the organisation's order, with the columns of `TEAM_COLUMNS` (null: not judged); and what to
        say of a team, by column and team.

    Notes:
        A share of rows set aside is judged only where they are too many to be named one by one, or half of all.
        A team without a row may be one of the names that the organisation does not have, where as many rows bear these.
    """
    teams = organisation.team_names
    together = counts.assign(_team=None).groupby("_week", dropna=False, as_index=False)
    all_rows = _TeamRows(
        together.agg({"kept": "sum", "cases": "sum", "own": "sum", "every": "sum", "last": "max"}), week, organisation
    )
    values: dict[str, dict[str, Any]] = {name: {} for name in TEAM_COLUMNS}
    sentences: dict[str, dict[str, str]] = {name: {} for name in TEAM_COLUMNS}
    without_team = None if rows_without_team is None else _share_to_judge(rows_without_team, all_rows.every)
    cut = None if by_day is None else cut_days(by_day, [week], organisation, as_of)
    unknown_rows = sum(rows for _, rows in unknown_teams.shown) + unknown_teams.other_rows
    unknown_names = unknown_teams.in_words(FEW, hint=OWNER_SEES)
    renamed = (
        f"; the name of an unknown team came: {unknown_names}: rename the team in params/org.yml, "
        "or map the name with `values` under `team`"
        if unknown_rows
        else ""
    )
    unknown_share = (
        rows_of_unknown_tickets / all_rows.every if rows_of_unknown_tickets is not None and all_rows.every else None
    )
    for team in teams:
        own_rows = _TeamRows(counts[counts["_team"] == team], week, organisation) if by_team else all_rows
        values["rows_in_table"][team] = all_rows.every
        is_renamed = not own_rows.every and (unknown_rows >= FEW or 0 < unknown_rows == all_rows.every)
        values["team_has_rows"][team] = None if is_renamed else own_rows.every > 0
        values["team_keeps_its_name"][team] = not is_renamed if own_rows.every or is_renamed else None
        values["share_without_team"][team] = without_team
        values["share_of_unknown_teams"][team] = _share_to_judge(unknown_rows, all_rows.every)
        values["unknown_ticket_share"][team] = unknown_share
        values["set_aside_share"][team] = _share_to_judge(own_rows.own, own_rows.every)
        values["set_aside_share_of_the_week"][team] = _share_to_judge(own_rows.own_in_week, own_rows.every_in_week)
        values["export_hours_short_of_week_end"][team] = all_rows.hours_short(as_of)
        values["hours_short_of_week_end"][team] = (
            own_rows.hours_short(as_of) if own_rows.has_enough("hours_short_of_week_end") else None
        )
        values["week_is_there"][team] = not own_rows.is_missing(week) if own_rows.can_tell_missing else None
        values["missing_weeks"][team] = len(own_rows.gaps) if own_rows.can_tell_missing else None
        of_team = None if cut is None else cut[cut["team"] == team]
        values["cut_days"][team] = None if of_team is None or not by_team else len(of_team)
        sentences["cut_days"][team] = "" if of_team is None else "; ".join(map(cut_day_in_words, of_team.itertuples()))
        values["volume_ratio"][team] = own_rows.ratio if own_rows.has_enough("volume_ratio") else None
        usual = f"usually {whole(own_rows.usual)}"
        sentences["rows_in_table"][team] = rows_in_words(all_rows.every)
        sentences["unknown_ticket_share"][team] = (
            f"{whole(rows_of_unknown_tickets or 0)} of {rows_in_words(all_rows.every)} are of tickets not in this "
            "export"
        )
        sentences["share_without_team"][team] = (
            f"{whole(rows_without_team or 0)} of {rows_in_words(all_rows.every)} have no {team_column}: give them a "
            "team with "
            f"`missing: {teams[0]}` under `team` of the source, or raise `limits.without_team_share` in params/org.yml"
        )
        sentences["share_of_unknown_teams"][team] = (
            f"{whole(unknown_rows)} of {rows_in_words(all_rows.every)} name a team that params/org.yml does not have: "
            f"{unknown_names}: add the team there, map the name with `values` under `team`, or leave "
            "the rows out with `where`"
        )
        sentences["team_has_rows"][team] = "no rows"
        sentences["team_keeps_its_name"][team] = f"no rows{renamed}"
        aside = f"{whole(own_rows.own)} of {rows_in_words(own_rows.every)} set aside"
        sentences["set_aside_share"][team] = "; ".join([aside, *repeated_keys])
        sentences["set_aside_share_of_the_week"][team] = (
            f"{whole(own_rows.own_in_week)} of {rows_in_words(own_rows.every_in_week)} of {week} set aside"
        )
        sentences["week_is_there"][team] = f"{rows_in_words(own_rows.in_week)} in {week}, {usual}{renamed}"
        sentences["missing_weeks"][team] = f"next to no rows in {', '.join(own_rows.gaps)}, {usual}"
        sentences["volume_ratio"][team] = f"{rows_in_words(own_rows.in_week)} in {week}, {usual}"
        for name in ("export_hours_short_of_week_end", "hours_short_of_week_end"):
            rows = all_rows if name.startswith("export") else own_rows
            if values[name][team] is not None:
                sentences[name][team] = f"last row {rows.last_row}, {whole(values[name][team])} h earlier than usual"
    frame = pd.DataFrame({name: pd.Series([by[team] for team in teams]) for name, by in values.items()})
    flags = {"team_has_rows", "team_keeps_its_name", "week_is_there"}
    return frame.astype({name: "boolean" if name in flags else "Float64" for name in TEAM_COLUMNS}), sentences


def range_in_words(column: pd.Series) -> str:
    """What a column of the summary that passed looked like."""
    values, nulls = column.dropna(), int(column.isna().sum())
    if values.empty:
        return "not judged: too few rows or too short a history"
    span = (
        f"{len(values)} teams"
        if column.dtype == "boolean"
        else f"{value_in_words(float(values.min()))} to {value_in_words(float(values.max()))}"
    )
    return span + (f"; {nulls} not judged" if nulls else "")


class _TeamRows:
    """The rows of one team (or of all) by week: how many, how usual, and how far they reach."""

    def __init__(self, counts: pd.DataFrame, week: str, organisation: Organisation) -> None:
        self.zone = organisation.zone
        self.week = week
        self.every = int(counts["every"].sum())
        self.own = int(counts["own"].sum())
        dated = counts.dropna(subset=["_week"]).set_index("_week")
        rows_of_week = dated["kept"]
        self.cases: pd.Series = dated["cases"]
        self.own_in_week = int(dated["own"].get(week, 0))
        self.every_in_week = int(dated["every"].get(week, 0))
        self.in_week = int(rows_of_week.get(week, 0))
        self.last: pd.Series = dated["last"].dropna()
        trailing = [shift_week(week, -back) for back in range(organisation.limits.trailing_weeks, 0, -1)]
        rows = rows_of_week.reindex(trailing, fill_value=0)
        has_begun = rows >= max(1.0, rows.max() / 10)
        self.history = rows[has_begun.cummax()]
        self.usual = float(self.history.median()) if len(self.history) else 0.0
        self.rate = organisation.limits.false_alarm_rate / (len(organisation.teams) * (len(trailing) + 1))

    def has_enough(self, column: str) -> bool:
        """Whether there are weeks and cases enough for a column to be judged."""
        usual = self.cases.reindex(self.history.index, fill_value=0).median()
        return len(self.history) >= LEAST_HISTORY_WEEKS and usual >= JUDGED_FROM[column]

    @property
    def can_tell_missing(self) -> bool:
        """Whether a week without a case is no chance."""
        return len(self.history) >= LEAST_HISTORY_WEEKS and self._chance_of(0) < self.rate

    def is_missing(self, week: str) -> bool:
        """Whether a week has next to no rows, and fewer cases than chance gives."""
        rows = self.in_week if week == self.week else int(self.history[week])
        return self.is_gap(rows) and self._chance_of(int(self.cases.get(week, 0))) < self.rate

    def _chance_of(self, cases: int, share: float = 1.0) -> float:
        """The chance of so few cases or fewer in such a share of a usual week."""
        usual_weeks = [label for label, rows in self.history.items() if not self.is_gap(int(rows))]
        past = self.cases.reindex(usual_weeks, fill_value=0).to_numpy(dtype="float64")
        if not len(past):
            return 1.0
        variance = relative_variance(past[None, None], np.ones((1, 1, len(past)), dtype=bool))[0]
        return float(chance(cases, share * past.mean(), variance, len(past)))

    def is_gap(self, rows: int) -> bool:
        """Whether so few rows are next to no week at all."""
        return rows < max(1.0, NEXT_TO_NOTHING * self.usual)

    @property
    def gaps(self) -> list[str]:
        """The ISO weeks of the history that have next to no rows."""
        return [str(label) for label in self.history.index if self.is_missing(str(label))]

    @property
    def ratio(self) -> float | None:
        """Rows against the usual; None where the week is missing, which another column says."""
        return None if self.is_gap(self.in_week) else self.in_week / self.usual

    @property
    def last_row(self) -> str:
        """The local time of the last row, for messages."""
        if not len(self.last):
            return "nowhere"
        local = self.last.max().tz_convert(self.zone)
        return f"{weekday(local)}, {time_of_day(local)}"

    def hours_short(self, as_of: datetime) -> float | None:
        """Hours from the last row to the end of the week, beyond the longest such silence of the trailing weeks.

        None where no week tells what is usual, or so long a silence may be chance.
        """
        usual: list[float] = [
            (week_bounds(str(label), self.zone)[1] - self.last[label].to_pydatetime()).total_seconds() / 3600
            for label in self.history.index.intersection(self.last.index)
            if not self.is_gap(int(self.history[label]))
        ]
        if not usual:
            return None
        reached = min(self.last.max().to_pydatetime(), as_of)
        silence: float = (week_bounds(self.week, self.zone)[1] - reached).total_seconds() / 3600
        beyond = max(0.0, silence - max(usual))
        is_chance = beyond > 0 and self._chance_of(0, min(beyond / _HOURS_OF_A_WEEK, 1.0)) >= self.rate
        return None if is_chance else beyond


def _share_to_judge(own: int, every: int) -> float | None:
    """The share of rows set aside; None where they are few enough to be named one by one, or where there is no row."""
    return own / every if every and (own == 0 or own >= FEW or own >= MANY * every) else None
