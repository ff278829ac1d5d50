"""Which weeks the exports hold only in part: told once for all teams, read by signals and reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.weekly_review import completeness as analysis
from opslib.calendars import day_table, open_seconds_at
from opslib.intake.gate import few_rows
from opslib.locales import decimal, full_day, time_of_day, weekday
from opslib.metrics import ALL
from opslib.settings import Organisation
from opslib.store.memo import Basis, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.values import last_week_of, reported_weeks

TABLE = "weekly_completeness"
_LIFETIME = "full_resolution_calendar_seconds"
_LIFETIME_SO_FAR = "full_resolution_calendar_censored_seconds"

Mask = npt.NDArray[np.bool_]


def build_weekly_completeness(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> list[str]:
    """Write `facts/weekly_completeness`: the weeks of a team that are not complete, with the reason; no row for others.

    Args:
        warehouse: Holds the facts.
        organisation: Teams with their calendars, zone, and `limits.volume_ratio_low`.
        as_of: The instant up to which the exports know the world.

    Returns:
        One line that says what was done.
    """
    started = perf_counter()
    memo, basis = warehouse.memo(TABLE), _basis(warehouse, organisation, as_of)
    if memo.holds(TABLE, basis):
        return ["weekly completeness as before"]
    memo.forget([TABLE])
    weeks = reported_weeks(warehouse, organisation, as_of)
    names = ["created_at", "week", "team", "first_team", _LIFETIME, _LIFETIME_SO_FAR]
    tickets = warehouse.read("facts", "tickets", columns=names)
    arrivals = pd.DataFrame({"team": tickets["first_team"].fillna(tickets["team"]), "at": tickets["created_at"]})
    arrivals = arrivals[arrivals["team"].isin(organisation.team_names)]
    silences = _silences(warehouse, arrivals, weeks, organisation, as_of)
    parts = [
        _at_the_start(tickets, weeks, organisation),
        _at_the_end(weeks, organisation, as_of),
        _named_for_all(silences, organisation),
        _named_for_all(_on_cut_days(arrivals, silences, weeks, organisation, as_of), organisation),
        pd.DataFrame(columns=analysis.COLUMNS),
    ]
    rows = pd.concat([part for part in parts if len(part)] or parts[-1:], ignore_index=True)[analysis.COLUMNS]
    rows = rows.groupby(analysis.COLUMNS[:-1], sort=True)["reason"].agg(analysis.AND.join).reset_index().astype("str")
    warehouse.write("facts", TABLE, rows, partition_by_week=True)
    memo.keep(TABLE, basis, made=warehouse.files("facts", TABLE))
    count = rows["week"].nunique()
    return [
        f"weekly completeness: {count} of {len(weeks)} weeks not complete ({decimal(perf_counter() - started, 1)} s)"
    ]


def _at_the_start(tickets: pd.DataFrame, weeks: pd.DataFrame, organisation: Organisation) -> pd.DataFrame:
    """The weeks of every team at the start of the export."""
    if weeks.empty:
        return pd.DataFrame(columns=analysis.COLUMNS)
    seconds = tickets[_LIFETIME].fillna(tickets[_LIFETIME_SO_FAR])
    lifetimes = pd.DataFrame({"seconds": seconds, "ended": tickets[_LIFETIME].notna()})[seconds.notna()]
    first_at = tickets["created_at"].min()
    rows = analysis.start_of_export(
        tickets["week"].value_counts().reindex(weeks["week"], fill_value=0).tolist(),
        weeks,
        first_at=first_at,
        days=analysis.days_until_whole(lifetimes.astype({"seconds": "float64"})),
        low_share=organisation.limits.volume_ratio_low,
    )
    begin = first_at.tz_convert(organisation.time_zone)
    reason = f"the export begins on {full_day(begin)}"
    rows["reason"] = reason
    rows.loc[~rows["whole"], "reason"] = f"{reason}, and tickets live longer than it reaches back"
    teams = pd.DataFrame({"team": [*organisation.team_names, ALL]})
    return rows.merge(teams, how="cross")


def _at_the_end(weeks: pd.DataFrame, organisation: Organisation, as_of: datetime) -> pd.DataFrame:
    """The week of every team in which the export ends, where no week is complete."""
    rows = weeks.loc[weeks["week"] > last_week_of(organisation, as_of), ["week"]]
    reason = f"the export ends on {_in_words(pd.Timestamp(as_of), organisation.zone)}"
    rows = rows.assign(scope=analysis.ALL_METRICS, reason=reason)
    return rows.merge(pd.DataFrame({"team": [*organisation.team_names, ALL]}), how="cross")


def _silences(
    warehouse: Warehouse, arrivals: pd.DataFrame, weeks: pd.DataFrame, organisation: Organisation, as_of: datetime
) -> pd.DataFrame:
    """The weeks of a team in which its tickets break off, with the reason and with where they do."""
    if arrivals.empty or weeks.empty:
        return pd.DataFrame(columns=[*analysis.COLUMNS, "begins_at", "ends_at"])
    rows = analysis.silences(arrivals, weeks, pd.Timestamp(as_of), rate=organisation.limits.false_alarm_rate)
    rows = rows[_is_open(warehouse, organisation, rows, as_of)].reset_index(drop=True)
    rows["reason"] = [
        _silence_in_words(*ends, organisation.zone) for ends in zip(rows["begins_at"], rows["ends_at"], strict=True)
    ]
    return rows


def _on_cut_days(
    arrivals: pd.DataFrame, silences: pd.DataFrame, weeks: pd.DataFrame, organisation: Organisation, as_of: datetime
) -> pd.DataFrame:
    """The weeks of a team that have a day with far fewer tickets than the same weekdays before, with the reason."""
    if arrivals.empty or weeks.empty:
        return pd.DataFrame(columns=analysis.COLUMNS)
    local = arrivals["at"].dt.tz_convert(organisation.time_zone)
    days = arrivals.assign(day=local.dt.date).groupby(["team", "day"]).size().rename("rows").reset_index()
    cut = few_rows.cut_days(days, list(weeks["week"]), organisation, as_of)
    noon = pd.to_datetime(cut["day"]).dt.tz_localize(organisation.time_zone) + pd.Timedelta(hours=12)
    around = cut.assign(noon=noon, place=cut.index).merge(silences[["team", "begins_at", "ends_at"]], on="team")
    ends = around["ends_at"].fillna(pd.Timestamp(as_of))
    told = around.loc[(around["begins_at"] <= around["noon"]) & (around["noon"] <= ends), "place"]
    cut = cut[~cut.index.isin(told)].reset_index(drop=True)
    reasons = [f"tickets of this team were cut off: {few_rows.cut_day_in_words(each)}" for each in cut.itertuples()]
    return pd.DataFrame({"team": cut["team"], "week": cut["week"], "reason": pd.Series(reasons, dtype="str")})


def _named_for_all(rows: pd.DataFrame, organisation: Organisation) -> pd.DataFrame:
    """The weeks of a team that tell of no metric, and the same for all teams together, which then lack that team."""
    rows = rows.assign(scope=analysis.ALL_METRICS)
    labels = {team.name: team.label for team in organisation.teams}
    together = rows.assign(
        team=ALL, reason=rows["team"].map(labels).astype("str") + ": " + rows["reason"].astype("str")
    )
    return pd.concat([rows, together], ignore_index=True)


def _is_open(warehouse: Warehouse, organisation: Organisation, silences: pd.DataFrame, as_of: datetime) -> Mask:
    """Whether a team was open in a silence for at least half as long as at the same hours of the week before."""
    if silences.empty:
        return np.ones(0, dtype=bool)
    calendars = {team.name: team.calendar for team in organisation.teams}
    ends = silences["ends_at"].fillna(pd.Timestamp(as_of))
    week = pd.Timedelta(weeks=1)
    instants = [silences["begins_at"], ends, silences["begins_at"] - week, ends - week]
    rows = pd.DataFrame({"calendar": pd.concat([silences["team"].map(calendars)] * 4, ignore_index=True)})
    rows["at"] = pd.concat(instants, ignore_index=True).astype("datetime64[s, UTC]").astype("int64")
    rows["place"] = np.arange(len(rows))
    first, last = instants[2].min().date(), ends.max().date() + timedelta(days=1)
    days = day_table([organisation.calendar(name) for name in {*calendars.values()}], first, last)
    engine = warehouse.engine()
    try:
        table = open_seconds_at(ibis.memtable(rows), "at", "calendar", ibis.memtable(days))
        counts: pd.DataFrame = engine.to_pandas(table.order_by("place").select("at_open"))
    finally:
        engine.disconnect()
    begins, until, begins_before, until_before = np.asarray(counts["at_open"], dtype=np.int64).reshape(4, -1)
    is_open: Mask = 2 * (until - begins) >= until_before - begins_before
    return is_open


def _silence_in_words(begins_at: pd.Timestamp, ends_at: Any, zone: ZoneInfo) -> str:
    if pd.isna(ends_at):
        return f"no ticket of this team was created after {_in_words(begins_at, zone)}"
    return f"no ticket of this team was created from {_in_words(begins_at, zone)} to {_in_words(ends_at, zone)}"


def _in_words(at: pd.Timestamp, zone: ZoneInfo) -> str:
    local = at.tz_convert(zone)
    return f"{weekday(local)}, {time_of_day(local)}"


def _basis(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> Basis:
    """What it is told from."""
    return {
        "code": code_of(__name__),
        "parameters": digest_of(
            organisation.model_dump_json(include={"time_zone", "limits", "teams", "calendars", "locale"})
        ),
        "as_of": as_of.isoformat(),
        "rows": digest_of_files(warehouse.files("facts", "tickets"), warehouse.root),
    }
