"""The findings of a week: what notebooks hand over, and missed goals, signals and data that are not complete.

Each missed goal and each signal that needs somebody has with it what could be behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from time import perf_counter
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from opslib import metrics
from opslib.analysis.findings import actions, causes, hours
from opslib.analysis.findings.hours import Hours
from opslib.analysis.findings.register import (
    AREA,
    HANDED_OVER,
    SCHEMA,
    TABLE,
    Kind,
    Standing,
    finding,
    finding_id,
    selection_of,
)
from opslib.analysis.weekly_review.completeness import ALL_METRICS
from opslib.analysis.weekly_review.goal_verdicts import BY_CHANCE, MISSED, TOO_FEW
from opslib.analysis.weekly_review.weekly_signals import NEW, OUTSIDE
from opslib.calendars import closed_weeks
from opslib.display.cells import rows_of
from opslib.metrics import ALL, CATALOGUE, Metric
from opslib.settings import Organisation
from opslib.store.memo import Basis, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weekly import notes
from opslib.weekly.numbers import finding_words
from opslib.weekly.numbers.completeness import TABLE as COMPLETENESS
from opslib.weekly.numbers.finding_cases import (
    CHANGES,
    FACTS,
    STANDARD,
    cases_of,
    changes_of,
    has_cases,
    misses,
    open_days_of,
    surroundings,
    tables_of,
    weeks_before,
)
from opslib.weekly.numbers.signals import COLUMNS as SIGNAL_COLUMNS
from opslib.weekly.numbers.signals import TABLE as SIGNALS
from opslib.weekly.numbers.values import TABLE as VALUES
from opslib.weeks import monday_of, week_bounds, week_of_day

_KIND_OF_CAUSE: Mapping[str, Kind] = {"reason": "reason moved", "rule": "broken rule"}
_READ = ("week", "team", "channel", "metric", "value", "low", "high", "n", "numerator", "denominator")
_SAYS_ITSELF = {"live_channel_share": ["channel"]}
"""By metric the column that it is a share of: another mix of that is no cause of it but the same again."""
_USUAL_WEEKS = 8
_WEEKS_BEFORE_BEGIN = 4
_PAGE = "weekly_review.html"
_SECTIONS = {
    "flow": "flow-and-backlog",
    "speed": "speed",
    "sla": "sla",
    "satisfaction": "quality",
    "quality": "quality",
    "effort": "effort",
}
_STANDINGS: Mapping[str, Standing] = {MISSED: "clear", BY_CHANCE: "could be chance", TOO_FEW: "too few to say"}


def keep_findings(
    warehouse: Warehouse, week: str, handovers: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
) -> None:
    """Keep what the notebooks of a week found, in the place of what the same notebooks found before.

    Args:
        warehouse: its `published/findings` of the week is written.
        week: ISO week.
        handovers: by team and kind, of `HANDED_OVER`, rows of the register; what is not named stays.
    """
    before = findings_of(warehouse, week)
    rows = [row for row in before.to_pylist() if (row["team"], row["kind"]) not in handovers]
    _write(warehouse, week, [*rows, *(row for rows_of_team in handovers.values() for row in rows_of_team)])


def findings_of(warehouse: Warehouse, week: str) -> pa.Table:
    """The findings of a week, without noting that they were read: no report depends on who else reads them."""
    files = warehouse.files(AREA, TABLE, [week])
    return pq.read_table(files[0], partitioning=None) if files else SCHEMA.empty_table()


def build_findings(
    warehouse: Warehouse, organisation: Organisation, week: str, as_of: datetime, *, blocked: Collection[str] = ()
) -> list[str]:
    """Add the missed goals, signals, incomplete data and overdue actions of a week to what its notebooks found.

    Args:
        warehouse: holds facts, weekly values and signals; its `published/findings` of the week is written.
        organisation: its teams with their goals, calendars and smallest group.
        week: ISO week.
        as_of: the instant up to which the exports know the world; actions that were due before are overdue.
        blocked: the teams whose data the gate blocks; nothing is found of them.

    Returns:
        One line that says what was found.
    """
    if week not in warehouse.weeks("facts", VALUES):
        return []
    started = perf_counter()
    memo = warehouse.memo(TABLE)
    handed = [row for row in findings_of(warehouse, week).to_pylist() if row["kind"] in HANDED_OVER]
    today = as_of.astimezone(organisation.zone).date()
    late = notes.actions_of(warehouse)
    late = late[actions.is_overdue(late, today)]
    basis = {
        **_basis(warehouse, organisation, week, handed, blocked),
        "overdue": digest_of(late.to_csv(index=False)),
    }
    if memo.holds(week, basis):
        return ["findings as before"]
    memo.forget([week])
    teams = [team for team in organisation.team_names if not {team, "*"} & set(blocked)]
    handed = [row for row in handed if row["team"] in teams]
    own = list(_Search(warehouse, organisation, week, teams, handed).findings()) if teams else []
    _write(warehouse, week, [*handed, *own, *_overdue(late, [*handed, *own], week)])
    memo.keep(week, basis, made=warehouse.files(AREA, TABLE, [week]))
    goals = sum(row["kind"] == "goal missed" for row in own)
    return [f"{len(own) + len(handed)} findings, {goals} of them missed goals ({perf_counter() - started:.1f} s)"]


def _overdue(late: pd.DataFrame, findings: Sequence[Mapping[str, Any]], week: str) -> list[dict[str, Any]]:
    """A finding for what is overdue, once for each thing, with the rank of the finding that it is about."""
    scores = {row["finding_id"]: row["score"] for row in findings}
    rows = late.assign(subject=late["finding_id"].where(late["finding_id"] != "", late["what"]))
    rows = rows.sort_values(["due", "line"]).drop_duplicates(["team", "subject"])
    return [
        finding(
            "overdue action",
            week=week,
            team=row.team,
            subject=row.subject,
            what=finding_words.overdue(row),
            score=scores.get(row.finding_id),
            since=row.due,
            next_step=f"Ask {row.owner} for a new date, or decline it." if row.owner else "Find somebody who does it.",
            section=f"{row.team}/{_PAGE}" if row.team else "index.html",
            tickets={},
        )
        for row in rows_of(rows)
    ]


def _write(warehouse: Warehouse, week: str, rows: Iterable[Mapping[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: (row["team"], row["kind"], row["subject"]))
    warehouse.write_week(AREA, TABLE, week, pa.Table.from_pylist([dict(row) for row in ordered], schema=SCHEMA))


def _basis(
    warehouse: Warehouse,
    organisation: Organisation,
    week: str,
    handed: Sequence[Mapping[str, Any]],
    blocked: Collection[str],
) -> Basis:
    """What the findings of a week rest on."""
    weeks = [each for each in warehouse.weeks("facts", VALUES) if each <= week]
    files = [
        *warehouse.files("facts", VALUES, weeks),
        *warehouse.files("facts", SIGNALS, weeks),
        *warehouse.files("facts", COMPLETENESS),
        *(path for name in FACTS for path in warehouse.files("facts", name)),
        *(path for name in (*STANDARD, *CHANGES, "routing_rules") for path in warehouse.files("standard", name)),
    ]
    return {
        "code": code_of(__name__),
        "parameters": digest_of(organisation.model_dump_json()),
        "handed over": digest_of([str(sorted(row.items())) for row in handed]),
        "blocked": digest_of(sorted(blocked)),
        "columns": digest_of({table: sorted(names) for table, names in warehouse.present().items()}),
        "rows": digest_of_files(files, warehouse.root),
    }


@dataclass(frozen=True)
class _Subject:
    """A missed goal or a signal: what is explained, from which week on, and beside which weeks."""

    team: str
    metric: Metric
    row: Any
    since: str
    usual: tuple[str, ...]
    threshold: float | None


class _Search:
    """Looks for what a week's numbers say; reads each table once."""

    def __init__(
        self,
        warehouse: Warehouse,
        organisation: Organisation,
        week: str,
        teams: Sequence[str],
        handed: Sequence[Mapping[str, Any]],
    ) -> None:
        self.warehouse, self.organisation, self.week, self.teams = warehouse, organisation, week, list(teams)
        self.handed = handed
        self.weeks = [each for each in warehouse.weeks("facts", VALUES) if each <= week]

    def findings(self) -> Iterator[dict[str, Any]]:
        """Rows of the register: incomplete data, missed goals, and signals of metrics that miss no goal."""
        yield from self._incomplete_data()
        goals = list(self._missed_goals())
        missed = {(each.team, each.metric.name) for each in goals}
        signals = [each for each in self._signals() if (each.team, each.metric.name) not in missed]
        explained = self._explained(
            [each for each in goals if not _said_by(each, missed)] + [each for each in signals if not _is_better(each)]
        )
        nothing = (pd.DataFrame(), pd.DataFrame(columns=list(causes.COLUMNS)))
        for each in goals:
            yield self._goal_finding(each, missed, *explained.get((each.team, each.metric.name), nothing))
        for each in signals:
            yield self._signal_finding(each, *explained.get((each.team, each.metric.name), nothing))

    @cached_property
    def values(self) -> pd.DataFrame:
        """Weekly values for channel `all`."""
        rows = self.warehouse.read("facts", VALUES, columns=_READ, weeks=self.weeks)
        return rows[(rows["channel"] == ALL) & rows["team"].isin(self.teams)].reset_index(drop=True)

    @cached_property
    def incomplete(self) -> pd.DataFrame:
        """The weeks that the export holds only in part."""
        columns = ["week", "team", "scope", "reason"]
        if not self.warehouse.has("facts", COMPLETENESS):
            return pd.DataFrame(columns=columns)
        return self.warehouse.read("facts", COMPLETENESS, columns=columns)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """How weeks were judged against those before them."""
        if not self.warehouse.has("facts", SIGNALS):
            return pd.DataFrame(columns=list(SIGNAL_COLUMNS))
        rows = self.warehouse.read("facts", SIGNALS, weeks=self.weeks)
        return rows[rows["team"].isin(self.teams)]

    @cached_property
    def judged(self) -> dict[tuple[str, str], pd.DataFrame]:
        """The same by team and metric."""
        return {(str(team), str(metric)): rows for (team, metric), rows in self.verdicts.groupby(["team", "metric"])}

    @cached_property
    def now(self) -> pd.DataFrame:
        """The week's values by team and metric."""
        return self.values[self.values["week"] == self.week].set_index(["team", "metric"])

    @cached_property
    def unusual(self) -> set[tuple[str, str]]:
        """Weeks of teams that are like no other: with a closed day, or not whole in the export."""
        rows = self.incomplete[self.incomplete["scope"] == ALL_METRICS]
        return set(closed_weeks(self.organisation, self.weeks)) | set(zip(rows["team"], rows["week"], strict=True))

    @cached_property
    def open_days(self) -> dict[str, pd.Series]:
        """By team on how many days of each week it is open."""
        return {team: open_days_of(self.organisation, team, self.weeks) for team in self.teams}

    @cached_property
    def begun(self) -> dict[str, list[causes.Begun]]:
        """By team what its other notebooks found to have begun."""
        return {team: self._begun(team) for team in self.teams}

    def _incomplete_data(self) -> Iterator[dict[str, Any]]:
        # Where an export begins too late for the backlog alone, the week itself is whole and nobody can add to it.
        is_own = (self.incomplete["week"] == self.week) & self.incomplete["team"].isin(self.teams)
        rows = self.incomplete[is_own & (self.incomplete["scope"] == ALL_METRICS)]
        for team, own in rows.groupby("team"):
            reason = own.sort_values("scope")["reason"].iloc[0]
            yield finding(
                "data incomplete",
                week=self.week,
                team=str(team),
                subject="export",
                what=finding_words.incomplete(str(reason)),
                standing="first",
                since=monday_of(self.week).isoformat(),
                next_step="Ask whoever makes the exports for the rest of the week, then run it again.",
                section=f"{team}/{_PAGE}",
                tickets={},
            )

    def _missed_goals(self) -> Iterator[_Subject]:
        rows = self.verdicts[
            (self.verdicts["week"] == self.week) & self.verdicts["is_missed"].fillna(False).astype(bool)
        ]
        keys = list(zip(rows["team"], rows["metric"], strict=True))
        rows = rows.assign(
            **{name: [self.now.loc[key, name] for key in keys] for name in ("value", "low", "high", "n")}
        )
        for row in rows_of(rows):
            metric = CATALOGUE[row.metric]
            yield self._subject(row.team, metric, row, threshold=row.goal)

    def _signals(self) -> Iterator[_Subject]:
        rows = self.verdicts[(self.verdicts["week"] == self.week) & self.verdicts["verdict"].isin([NEW, OUTSIDE])]
        keys = list(zip(rows["team"], rows["metric"], strict=True))
        rows = rows.assign(**{name: [self.now.loc[key, name] for key in keys] for name in ("value", "n")})
        for row in rows_of(rows):
            yield self._subject(row.team, CATALOGUE[row.metric], row, threshold=row.centre)

    def _subject(self, team: str, metric: Metric, row: Any, *, threshold: float | None) -> _Subject:
        """What is explained, from the week on in which it began; beside it the weeks before that, as far as they are
        whole and have no closed day."""
        since = self._onset(team, metric.name)
        is_usual = [each for each in self.weeks if each < since and (team, each) not in self.unusual]
        usual = is_usual[-_USUAL_WEEKS:] or [each for each in weeks_before(since, 1) if each in self.weeks]
        return _Subject(team, metric, row, since, tuple(usual), threshold)

    def _onset(self, team: str, metric: str) -> str:
        """From which week on a metric is outside its limits; weeks that were not judged do not end that."""
        since = self.week
        rows = self.judged.get((team, metric))
        for row in rows_of(rows.sort_values("week", ascending=False)) if rows is not None else ():
            if row.verdict in (NEW, OUTSIDE):
                return str(row.since)
            if row.verdict != "not judged":
                break
        return since

    def _explained(self, subjects: Sequence[_Subject]) -> dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]:
        """By team and metric the cases of the week, and what could be behind those that miss it."""
        if not subjects:
            return {}
        engine = self.warehouse.engine()
        try:
            tables = tables_of(self.warehouse, engine)
            span = sorted({self.week, *(week for each in subjects for week in each.usual)})
            frame = metrics.week_frame(span, lambda week: week_bounds(week, self.organisation.zone))
            exposures = metrics.exposures(
                {name: tables[name] for name in ("solves", "shifts", "agents") if name in tables},
                frame,
                self.organisation,
            )
            explained = {}
            for name in dict.fromkeys(each.metric.name for each in subjects):
                own = [each for each in subjects if each.metric.name == name]
                cases = pd.DataFrame()
                if has_cases(CATALOGUE[name]):
                    weeks = {self.week, *(week for each in own for week in self._compared(each))}
                    cases = cases_of(CATALOGUE[name], tables, weeks, {each.team for each in own}, self.organisation)
                for each in own:
                    explained[each.team, name] = self._explain(each, cases, exposures)
        finally:
            engine.disconnect()
        return explained

    def _compared(self, subject: _Subject) -> list[str]:
        """The usual weeks of a subject, and those before anything of its team began."""
        begins = [week_of_day(date.fromisoformat(each.since)) for each in self.begun[subject.team] if each.since]
        before = {week for begin in begins for week in weeks_before(begin, _WEEKS_BEFORE_BEGIN)}
        return sorted({*subject.usual, *(before & set(self.weeks))})

    def _explain(
        self, subject: _Subject, cases: pd.DataFrame, exposures: pd.DataFrame
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        own = (
            cases[cases["team"] == subject.team]
            if len(cases)
            else pd.DataFrame({"week": pd.Series(dtype="str"), "misses": pd.Series(dtype="bool")})
        )
        if len(cases):
            own = own.assign(misses=misses(subject.metric, own["amount"], subject.threshold))
            own = own.drop(columns=_SAYS_ITSELF.get(subject.metric.name, []))
        here = own[own["week"] == self.week]
        reasons = here["contact_reason"].value_counts() if "contact_reason" in here else pd.Series(dtype="int64")
        around = surroundings(
            self.organisation,
            self.values,
            exposures,
            self._changes,
            self.open_days[subject.team],
            week=self.week,
            team=subject.team,
            usual=list(subject.usual),
            since=subject.since,
            reasons=reasons,
        )
        candidates = causes.candidates(
            own.astype({"misses": bool}),
            self.week,
            subject.usual,
            team=subject.team,
            minimum=self.organisation.privacy.minimum_group,
            begun=self.begun[subject.team],
            around=around,
        )
        return here, candidates

    @cached_property
    def _changes(self) -> pd.DataFrame:
        return changes_of(self.warehouse, self.organisation)

    def _begun(self, team: str) -> list[causes.Begun]:
        """What the team's other notebooks found to have begun."""
        begun = []
        for row in rows_of(pd.DataFrame(self.handed, columns=SCHEMA.names)):
            if row.team != team:
                continue
            if row.kind == "reason moved":
                reason = selection_of(row).get("reason")
                begun.append(causes.Begun("reason", row.subject, row.since, (reason,) if reason else ()))
            elif row.subject in self._rules and row.since:
                queue, asked = self._rules[row.subject]
                begun.append(causes.Begun("rule", row.subject, row.since, asked, queue, detail=row.next_step))
        return begun

    @cached_property
    def _rules(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Of each routing rule the queue to which it sends now, and the reasons that it asks for."""
        from opslib.analysis.routing_audit.rules import conditions_of
        from opslib.reports.routing_audit.tickets import routing_rules

        at = pd.Timestamp(week_bounds(self.week, self.organisation.zone)[1]) - pd.Timedelta(seconds=1)
        rules = [rule for rule in routing_rules(self.warehouse) or [] if rule.active(at)]
        return {
            rule.rule_id: (
                rule.queue,
                tuple(
                    value
                    for condition in conditions_of(rule.when)
                    if condition.field == "contact_reason" and condition.operator in ("is", "in")
                    for value in condition.operands
                    if value is not None
                ),
            )
            for rule in rules
        }

    def _goal_finding(
        self, subject: _Subject, missed: Collection[tuple[str, str]], cases: pd.DataFrame, candidates: pd.DataFrame
    ) -> dict[str, Any]:
        metric, row, team = subject.metric, subject.row, subject.team
        late = int(cases["misses"].sum()) if len(cases) else None
        n = len(cases)
        settings = self.organisation.team(team)
        size, interval = _short(metric, row, late, n)
        weight = settings.goal_weight(metric.name, monday_of(self.week))
        score = None if size is None else size * weight * self._stands_for(team, metric, row.n)
        said = _said_by(subject, missed)
        run = max(int(row.missed_run), 1)
        begin = self.weeks[max(len(self.weeks) - run, 0)]
        return finding(
            "goal missed",
            week=self.week,
            team=team,
            subject=metric.name,
            what=finding_words.missed_goal(metric, row, late, n),
            standing=_STANDINGS.get(row.goal_verdict, "could be chance"),
            size=size,
            interval=interval,
            score=score,
            since=monday_of(begin).isoformat(),
            said_by=finding_id("goal missed", team, said) if said else "",
            causes=finding_words.with_texts(candidates),
            next_step=finding_words.next_step(candidates, metric),
            section=f"{team}/{_PAGE}#s-{_SECTIONS[metric.family]}",
            tickets={"metric": metric.name},
        )

    def _signal_finding(self, subject: _Subject, cases: pd.DataFrame, candidates: pd.DataFrame) -> dict[str, Any]:
        metric, row, team = subject.metric, subject.row, subject.team
        is_better = _is_better(subject)
        is_worse = not is_better and metric.better != "neither"
        size = None
        if is_worse and pd.notna(row.centre):
            if metric.unit == "share":
                size = abs(row.value - row.centre) * float(row.n)
            elif metric.unit == "count":
                size = abs(row.value - row.centre)
        return finding(
            "signal",
            week=self.week,
            team=team,
            subject=metric.name,
            what=finding_words.signal(metric, row),
            standing="no need" if is_better else "clear",
            size=None if size is None else float(round(size)),
            hours=None if is_better else self._hours(subject),
            said_by=self._begun_finding(team, candidates, size),
            since=monday_of(row.since).isoformat(),
            causes=[] if is_better else finding_words.with_texts(candidates),
            next_step="Nothing to do; keep what helped." if is_better else finding_words.next_step(candidates, metric),
            section=f"{team}/{_PAGE}#s-{_SECTIONS[metric.family]}",
            tickets={"metric": metric.name},
        )

    def _hours(self, subject: _Subject) -> Hours | None:
        """What more tickets, or more replies a ticket, cost; None where a metric tells neither."""
        row, own = subject.row, self.values[self.values["team"] == subject.team]
        if row.direction != "up" or subject.metric.name not in ("created", hours.REPLIES):
            return None
        more = float(row.value - row.centre)
        if subject.metric.name == "created":
            return hours.of_tickets(more, (None, None), hours.hours_a_ticket(own, self.week))
        return hours.of_tickets(more * float(row.n), (None, None), hours.hours_a_reply(own, self.week))

    def _begun_finding(self, team: str, candidates: pd.DataFrame, size: float | None) -> str:
        """The finding of a reason or rule that makes up most of a signal; "" for none."""
        if size is None or candidates.empty or candidates["cause"].iloc[0] not in _KIND_OF_CAUSE:
            return ""
        first = candidates.iloc[0]
        is_most = first["cases"] - first["cases_usual"] > size / 2
        return finding_id(_KIND_OF_CAUSE[first["cause"]], team, str(first["subject"])) if is_most else ""

    def _stands_for(self, team: str, metric: Metric, n: float) -> float:
        """How many tickets an answer or review stands for: those solved in the week, over the answers there are."""
        if metric.fact not in ("surveys", "reviews") or ("solved" not in self.now.loc[team].index) or not n:
            return 1.0
        solved = float(self.now["value"].astype("float64")[team, "solved"])
        return max(solved / float(n), 1.0) if solved == solved else 1.0


def _short(
    metric: Metric, row: Any, late: int | None, n: int
) -> tuple[float | None, tuple[float | None, float | None]]:
    """How many tickets are short of a goal, with its interval: of a median, those too many on its late side."""
    if pd.notna(row.short):
        sign = 1.0 if metric.better == "lower" else -1.0
        ends = sorted(max(sign * (end - row.goal) * row.n, 0.0) for end in (row.low, row.high) if pd.notna(end))
        interval = (float(round(ends[0])), float(round(ends[-1]))) if len(ends) == 2 else (None, None)
        return float(row.short), interval
    if metric.kind == "quantile" and late is not None and n:
        return max(float(late - int(n * (1 - metric.probability))), 0.0), (None, None)
    return None, (None, None)


def _said_by(subject: _Subject, missed: Collection[tuple[str, str]]) -> str:
    """The missed goal that says the same: of a time in open hours its SLA, of a twin the other one; "" for none."""
    metric = subject.metric
    is_time = metric.kind == "quantile" and not metric.twin
    names = (f"{metric.name.rpartition('_')[0]}_sla" if is_time else "", metric.twin)
    return next((name for name in names if name and (subject.team, name) in missed), "")


def _is_better(signal: _Subject) -> bool:
    """Whether a signal is for the better."""
    return {"up": "higher", "down": "lower"}.get(signal.row.direction) == signal.metric.better
