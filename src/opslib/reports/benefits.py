"""The measured benefit of projects, changes of policy and actions: read from the facts, measured by one method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opslib import metrics
from opslib.analysis.methods.impact.changes import Change, changes_of, same_tickets, touches
from opslib.analysis.methods.impact.effects import Arms, Effect, measure_effect
from opslib.analysis.methods.impact.gains import YearlyGain, yearly_gain
from opslib.analysis.methods.impact.study_weeks import StudyWeeks, cut_before, study_weeks
from opslib.analysis.methods.impact.verdicts import Refusal
from opslib.analysis.methods.small_groups import distinct_people
from opslib.analysis.methods.survival import grouped_quantiles
from opslib.analysis.weekly_review.completeness import ALL_METRICS
from opslib.analysis.weekly_review.weekly_values import SETTLED
from opslib.display import words
from opslib.errors import NotInExport
from opslib.metrics import ALL, CATALOGUE, NO_GROUP, Metric, week_frame
from opslib.settings import Impact, Organisation
from opslib.store.warehouse import Slice, Warehouse
from opslib.tables import TABLES
from opslib.weeks import monday_of, shift_week, week_bounds, week_of_day, weeks_between

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

_TABLES = ("projects", "policy_changes", "feedback_actions", "routing_rules")
_FACTS = ("tickets", "replies", "sla", "solves", "backlog")
_STANDARD = ("satisfaction", "quality_reviews", "shifts", "agents", "activity")
_TREATED, _REST = "treated", "control "
_NAMED = 3


@dataclass(frozen=True)
class Benefit:
    """What a change did, as far as it can be told.

    effect is None where nothing could be measured; refusals say why no verdict is given; beside are the other changes
    on the same tickets; gain is what it is worth in a year, None where no verdict or no price says so. by_reason:
    whether it was measured on contact reasons, not on whole teams.
    """

    change: Change
    metric: Metric | None
    effect: Effect | None
    refusals: tuple[Refusal, ...]
    beside: tuple[Change, ...]
    gain: YearlyGain | None
    by_reason: bool


def measured_benefits(
    warehouse: Warehouse, organisation: Organisation, *, kinds: Iterable[str] = ("project", "policy change", "action")
) -> list[Benefit]:
    """Measure what every change did to the metric that it was to move.

    Args:
        warehouse: holds the facts and their weekly values.
        organisation: teams, zone, and what effects are worth.
        kinds: of changes: `project`, `policy change`, `action`.

    Returns:
        One per change of these kinds, in the order of their tables; of one that has not begun, what could be found.

    Raises:
        WarehouseError: nothing has been taken in yet.
        NotInExport: there are no facts.
    """
    with BenefitReader(warehouse, organisation) as reader:
        wanted = set(kinds)
        return [reader.benefit_of(change) for change in reader.changes if change.kind in wanted]


class BenefitReader:
    """Measures changes on one warehouse; what several ask for is read once. Use it in a `with` block.

    Args:
        warehouse: holds the facts and their weekly values.
        organisation: teams, zone, and what effects are worth.
        until: the last week that counts; None is the newest.
    """

    def __init__(self, warehouse: Warehouse, organisation: Organisation, *, until: str | None = None) -> None:
        self.warehouse = warehouse
        self.organisation = organisation
        self.as_of = datetime.fromisoformat(warehouse.facts_of_the_run()["as_of"])
        self._until = until
        self._sums: dict[tuple[str, bool], pd.DataFrame] = {}
        self._engine: ibis.BaseBackend | None = None

    def __enter__(self) -> BenefitReader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.disconnect()
            self._engine = None

    @cached_property
    def changes(self) -> list[Change]:
        """All changes that the export tells of; one that begins after the last week has not begun."""
        present = self.warehouse.present()
        tables = {name: self.warehouse.read("standard", name) for name in _TABLES if name in present}
        last = monday_of(self.weeks[-1]) + timedelta(days=6)
        changes = changes_of(tables, self.organisation.zone)
        return [replace(each, began_on=None) if each.began_on and each.began_on > last else each for each in changes]

    @cached_property
    def weeks(self) -> list[str]:
        """The weeks that are reported and count, in order."""
        weeks = self.warehouse.weeks("facts", "weekly_values")
        return [week for week in weeks if self._until is None or week <= self._until]

    @cached_property
    def _values(self) -> pd.DataFrame:
        columns = ["week", "team", "channel", "metric", "missing", "state"]
        rows = self.warehouse.read("facts", "weekly_values", columns=columns, weeks=self.weeks)
        return rows[rows["channel"] == ALL]

    @cached_property
    def _incomplete(self) -> pd.DataFrame:
        try:
            return self.warehouse.read("facts", "weekly_completeness", weeks=self.weeks)
        except NotInExport:
            return pd.DataFrame(columns=["week", "team", "scope"])

    def reasons(self) -> list[str]:
        """The contact reasons that tickets have, in order."""
        return sorted(self._home)

    def benefit_of(self, change: Change) -> Benefit:
        """Measure what a change did to the metric that it was to move.

        Args:
            change: of `changes`, or any other that names teams, reasons and a metric as they do.
        """
        metric = CATALOGUE.get(change.metric)
        refusal = self._not_measurable(change, metric)
        if refusal is not None or metric is None:
            return Benefit(change, metric, None, (refusal,) if refusal else (), (), None, bool(change.reasons))
        by_reason = bool(change.reasons)
        known = [reason for reason in change.reasons if reason in self._home]
        if by_reason and not known:
            none = Refusal("nothing touched", f"No ticket has the contact reason {_list(change.reasons)}.")
            return Benefit(change, metric, None, (none,), (), None, by_reason)
        if by_reason and self._are_too_few(known):
            few = self.organisation.privacy.minimum_group
            hidden = Refusal("few people", f"Fewer than {few} people have written for these reasons: nothing is shown.")
            return Benefit(change, metric, None, (hidden,), (), None, by_reason)
        homes = sorted({self._home[reason] for reason in known})
        teams = list(change.teams) or homes or list(self.organisation.team_names)
        own_reasons = sorted(reason for reason, team in self._home.items() if team in teams)
        sums = self._weekly_sums(metric, by_reason=by_reason)

        last = self.weeks[-1]
        began_on = change.began_on or monday_of(shift_week(last, 1))
        begun = replace(change, began_on=began_on)
        until = monday_of(last) + timedelta(days=6)
        beside = same_tickets(begun, self.changes, until=until, reasons=own_reasons)
        controls = self._controls(begun, teams, own_reasons, until)
        involved = teams if by_reason else [*teams, *controls]
        weeks, refusals = self._study_weeks(begun, metric, sums, teams, involved, by_reason=by_reason)
        if change.began_on is None:
            refusals = [Refusal("not begun", "It has not gone live, or nobody says when it did."), *refusals]
        if beside and change.began_on is not None:
            refusals.append(Refusal("other changes", _others(beside)))
        arms = self._arms(sums, metric, weeks, teams, change.reasons, controls)
        size = change.promised if change.promised is not None else self._settings.worth.get(metric.name)
        effect = measure_effect(arms, metric, size=size, refusals=refusals)
        minutes = self._settings.minutes.get(metric.name)
        gain = None
        if minutes is not None:
            gain = yearly_gain(effect, minutes=minutes, hourly_cost=self._settings.hourly_cost)
        return Benefit(change, metric, effect, effect.refusals, tuple(beside), gain, by_reason)

    @property
    def _settings(self) -> Impact:
        return self.organisation.impact

    def _not_measurable(self, change: Change, metric: Metric | None) -> Refusal | None:
        """Why the metric cannot be measured on what the change touches, whatever the weeks say."""
        if not change.metric:
            return Refusal("no metric", "Nobody says which metric it is to move.")
        if metric is None:
            return Refusal("no such metric", f"It is to move {change.metric!r}, and there is no such metric.")
        if metric.better == "neither":
            return Refusal("no direction", f"More of “{metric.label}” is neither better nor worse in itself.")
        unknown = [team for team in change.teams if team not in self.organisation.team_names]
        if unknown:
            return Refusal("nothing touched", f"It touches {_list(unknown)}, of which there are no numbers.")
        own = self._values[self._values["metric"] == metric.name]
        missing = own.loc[own["team"] == ALL, "missing"].dropna()
        if len(missing):
            return Refusal("not in this export", f"{metric.label}: {missing.iloc[0]}.")
        if change.reasons and metric.fact == "backlog":
            return Refusal(
                "not by this group",
                f"“{metric.label}” is counted for whole teams, and the change touches a few contact reasons of one.",
            )
        return None

    def _controls(self, change: Change, teams: Sequence[str], reasons: Sequence[str], until: date) -> list[str]:
        """The untouched: other reasons of the teams, or other teams, that no other change touched in this time."""
        assert change.began_on is not None
        since = change.began_on - timedelta(weeks=4)
        recent = [
            other
            for other in self.changes
            if other.began_on is not None
            and since <= other.began_on <= until
            and (other.kind != "action" or other.metric == change.metric)
            and (other.kind, other.change_id) != (change.kind, change.change_id)
        ]
        if change.reasons:
            rest = [each for each in reasons if each not in change.reasons and each != NO_GROUP]
            return [each for each in rest if not any(o.reasons and touches(o, teams, [each]) for o in recent)]
        others = [team for team in self.organisation.team_names if team not in teams]
        at_home = {team: [reason for reason, home in self._home.items() if home == team] for team in others}
        return [each for each in others if not any(touches(o, [each], at_home[each]) for o in recent)]

    def _study_weeks(
        self,
        change: Change,
        metric: Metric,
        sums: pd.DataFrame,
        teams: Sequence[str],
        involved: Sequence[str],
        *,
        by_reason: bool,
    ) -> tuple[StudyWeeks, list[Refusal]]:
        """The weeks to measure on, and why they do not do as far as dates tell."""
        assert change.began_on is not None
        scopes = [ALL_METRICS, *(["backlog"] if metric.rests_on_backlog else [])]
        partial = self._incomplete[self._incomplete["team"].isin(teams) & self._incomplete["scope"].isin(scopes)]
        own = self._values[(self._values["metric"] == metric.name) & self._values["team"].isin(involved)]
        weeks = study_weeks(
            set(self.weeks) - set(partial["week"]),
            change.began_on,
            last=self.weeks[-1],
            ramp_weeks=self._settings.ramp_weeks if change.ramp_weeks is None else change.ramp_weeks,
            weeks_before=self._settings.weeks_before,
            incidents=self._incidents(),
            unsettled=set(own.loc[own["state"].notna() & (own["state"] != SETTLED), "week"]),
        )
        refusals = []
        for day in [] if by_reason else self._new_clocks(metric, involved):
            week = week_of_day(day)
            if week <= shift_week(weeks.first_after, -1):
                weeks = cut_before(weeks, shift_week(week, 1))
            elif week in weeks.after:
                refusals.append(
                    Refusal("definition change", f"Business hours changed in {week}, and this time is counted in them.")
                )
        return weeks, refusals

    def _incidents(self) -> dict[str, str]:
        return {
            week: each.reason
            for each in self._settings.incidents
            for week in weeks_between(week_of_day(each.start), week_of_day(each.until))
        }

    def _new_clocks(self, metric: Metric, teams: Sequence[str]) -> list[date]:
        """The days from which on a team's business hours, in which the metric counts, were others."""
        if "business" not in metric.ended and metric.family != "sla":
            return []
        calendars = {self.organisation.team(team).calendar for team in teams}
        return sorted({h.start for name in calendars for h in self.organisation.calendar(name).hours[1:]})

    def _arms(
        self,
        sums: pd.DataFrame,
        metric: Metric,
        weeks: StudyWeeks,
        teams: Sequence[str],
        reasons: Sequence[str],
        controls: Sequence[str],
    ) -> Arms:
        """The weekly sums of the treated and of each control, by the study's weeks."""
        if reasons:
            rows = sums[sums["team"].isin(teams)]
            arm = rows["reason"].where(~rows["reason"].isin(reasons), _TREATED)
            arm = arm.where((arm == _TREATED) | ~arm.isin(controls), _REST + arm)
        else:
            rows = sums
            arm = (_REST + rows["team"]).where(~rows["team"].isin(teams), _TREATED)
        names = [_TREATED, *(_REST + each for each in controls)]
        rows = rows.assign(arm=arm)
        rows = rows[rows["arm"].isin(names) & rows["week"].isin(weeks.weeks)]
        if metric.kind == "quantile":
            numerator = _percentiles(rows, metric).reindex(index=names, columns=list(weeks.weeks))
            denominator = numerator.where(numerator.isna(), 1.0)
        else:
            both = rows.groupby(["arm", "week"])[["numerator", "denominator"]].sum()
            numerator, denominator = (
                both[side]
                .reset_index()
                .pivot_table(index="arm", columns="week", values=side)
                .reindex(index=names, columns=list(weeks.weeks))
                for side in ("numerator", "denominator")
            )
            if metric.kind == "count":
                numerator = numerator.fillna(0.0)
                denominator = numerator * 0 + 1.0
            if metric.exposure:
                numerator = numerator.fillna(0.0)
                sizes = self._exposure(metric, teams, by_reason=bool(reasons), controls=controls, names=names)
                denominator = sizes.reindex(columns=list(weeks.weeks)) / metric.per
        above, below = numerator.to_numpy(dtype=np.float64), denominator.to_numpy(dtype=np.float64)
        return Arms(weeks, above[0], below[0], tuple(controls), above[1:], below[1:])

    def _exposure(
        self, metric: Metric, teams: Sequence[str], *, by_reason: bool, controls: Sequence[str], names: Sequence[str]
    ) -> pd.DataFrame:
        """What a rate divides by, a row per arm and a column per week: of several teams that of the whole."""
        rows = self._exposures[self._exposures["exposure"] == metric.exposure]
        sizes = rows.pivot_table(index="team", columns="week", values="size")
        own = teams[0] if len(teams) == 1 else ALL
        of_arms = [own, *([own] * len(controls) if by_reason else controls)]
        frame = sizes.reindex(of_arms)
        frame.index = pd.Index(names)
        return frame

    @cached_property
    def _exposures(self) -> pd.DataFrame:
        return metrics.exposures(self._tables(), self._frame_of_weeks, self.organisation)

    @cached_property
    def _frame_of_weeks(self) -> pd.DataFrame:
        return week_frame(self.weeks, lambda week: week_bounds(week, self.organisation.zone))

    @cached_property
    def _writers(self) -> pd.DataFrame:
        """team, contact_reason and requester_id (where the export has it) of all tickets that have a reason."""
        columns = ["team", "contact_reason"]
        if "requester_id" in self.warehouse.columns("tickets"):
            columns.append("requester_id")
        weeks = [week for week in self.warehouse.weeks("facts", "tickets") if week <= self.weeks[-1]]
        rows = self.warehouse.read("facts", "tickets", columns=columns, weeks=weeks)
        return rows[rows["contact_reason"].notna() & rows["team"].notna()]

    @cached_property
    def _home(self) -> dict[str, str]:
        """By contact reason the team that has most of its tickets: strays are no group of the others."""
        counts = self._writers.value_counts(["contact_reason", "team"]).reset_index(name="tickets")
        counts = counts.sort_values(["tickets", "team"], ascending=[False, True], kind="stable")
        first = counts.drop_duplicates("contact_reason")
        return {str(r): str(t) for r, t in zip(first["contact_reason"], first["team"], strict=True)}

    def _are_too_few(self, reasons: Sequence[str]) -> bool:
        """Whether fewer people have written for these reasons than may be shown as a group."""
        rows = self._writers[self._writers["contact_reason"].isin(reasons)]
        return bool(distinct_people(rows).nunique() < self.organisation.privacy.minimum_group)

    def _tables(self) -> Mapping[str, ir.Table]:
        if self._engine is None:
            self._engine = self.warehouse.engine()
        places = dict.fromkeys(_FACTS, "facts")
        places |= {name: "standard" for name in _STANDARD if self.warehouse.has("standard", name)}
        return {name: self._scanned(area, name, self._engine) for name, area in places.items()}

    def _scanned(self, area: str, name: str, engine: ibis.BaseBackend) -> ir.Table:
        """A table of the engine; texts of customers, which no metric counts, are nothing that a report rests on."""
        table = self.warehouse.scan(engine, area, name)
        texts = TABLES[name].of_type("free_text") if name in TABLES else ()
        columns = tuple(column for column in table.columns if column not in texts)
        weeks = tuple(week for week in self.warehouse.weeks(area, name) if week <= self.weeks[-1])
        self.warehouse.note_read(Slice(area, name, columns, weeks or None))
        return table

    def _weekly_sums(self, metric: Metric, *, by_reason: bool) -> pd.DataFrame:
        """What the metric counts per week, team and (where asked for) contact reason, from one query.

        Returns:
            week, team, reason, and numerator and denominator, or of a percentile seconds and ended, a row per time.
        """
        key = metric.name, by_reason
        if key not in self._sums:
            tables = self._tables()
            rows = metrics.relation(metric.fact, tables, live_channels=self.organisation.live_channels)
            by = "contact_reason" if by_reason else "channel"
            if metric.kind == "quantile":
                frame = metrics.times(metric, rows, self._frame_of_weeks, by=by).to_pandas()
            else:
                weeks = metrics.settled(metric, self._frame_of_weeks, as_of=self.as_of)
                frame = metrics.cells([metric], rows, weeks, by=by).to_pandas()
                frame = frame.rename(columns=lambda name: name.removeprefix(f"{metric.name}|"))
            self._sums[key] = frame.rename(columns={by: "reason"})
        return self._sums[key]


def _percentiles(times: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The percentile of each arm and week, arms in rows; NaN where it is not reached."""
    if times.empty:
        return pd.DataFrame()
    quantiles = grouped_quantiles(times, by=["arm", "week"], duration="seconds", ended="ended", p=[metric.probability])
    return quantiles.pivot_table(index="arm", columns="week", values="value")


def _others(beside: Sequence[Change]) -> str:
    """Which other changes spoil what is seen."""
    named = list(dict.fromkeys(f"{each.kind} {each.change_id} ({_day_of(each)})" for each in beside))
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"Others changed the same tickets at the same time: {', '.join(named[:_NAMED])}{more}."


def _day_of(change: Change) -> str:
    """The day on which a change began, as readers see it."""
    assert change.began_on is not None
    return words.short_day(change.began_on.isoformat())


def _list(names: Iterable[str]) -> str:
    return ", ".join(names)
