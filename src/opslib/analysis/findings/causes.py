"""What could be behind a missed goal or a signal: one table of candidates, each counted in the goal's own cases."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from opslib.analysis.methods.decomposition import kitagawa
from opslib.analysis.methods.small_groups import distinct_people, few_people, fold
from opslib.weeks import week_of_day

CaseGroup = pd.Series

COLUMNS = (
    *("cause", "subject", "detail", "since", "now", "usual", "usual_low", "usual_high", "unit"),
    *("is_measured", "cases", "cases_usual", "of", "share"),
)
"""The columns of candidates. cause (of `CAUSES`); subject (a reason, rule, group, holiday, id …); detail, what more is
said of it; since (a date, "" where it is not told); now, and usual with the range of the usual weeks, in `unit`;
is_measured, else it only happened at the same time; cases, of those that miss the goal how many are of it, cases_usual
in a usual week, of, how many miss it in all, and share of these: null where it was not measured in cases."""

Cause = Literal["reason", "rule", "volume", "order", "mix", "closed", "handed", "people", "hours", "days", "change"]
CAUSES: dict[str, int] = {
    **dict.fromkeys(("reason", "rule"), 0),
    "volume": 1,
    **dict.fromkeys(("order", "mix", "closed", "handed"), 2),
    **dict.fromkeys(("days", "people", "hours", "change"), 3),
}
"""Each cause and its place: what began, how much came, how it was met, and what was at the same time."""

FEWEST_CASES = 5
_LEAST_OF_A_PRIORITY = 10
_STEEPNESS = 4.0
_MORE_THAN_USUAL = 1.1
_LESS_THAN_USUAL = 0.97


@dataclass(frozen=True)
class Begun:
    """Something that began: a reason that stepped up, or a rule that broke.

    `reasons` and `queue` tell whose tickets are of it; an empty one tells none apart.
    """

    cause: Literal["reason", "rule"]
    subject: str
    since: str
    reasons: tuple[str, ...] = ()
    queue: str = ""
    detail: str = ""

    def members(self, cases: pd.DataFrame) -> CaseGroup | None:
        """Which cases are of it; None where they cannot be told."""
        columns = {"contact_reason": self.reasons, "first_queue": (self.queue,) if self.queue else ()}
        tests = [cases[name].isin(list(values)) for name, values in columns.items() if values and name in cases]
        if not tests or any(values and name not in cases for name, values in columns.items()):
            return None
        return pd.Series(np.logical_and.reduce(tests), index=cases.index)


@dataclass(frozen=True)
class Change:
    """A change from outside: a policy or a tool request, with the reasons that it names."""

    subject: str
    since: str
    detail: str


@dataclass(frozen=True)
class Level:
    """A number of the team's week and what is usual for it."""

    now: float
    usual: float
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True)
class Surroundings:
    """What else is known of a team's week; None where the export does not tell it.

    `created` are tickets, `open_days` days on which the team was open, `closed` the names of its holidays, `people` and
    `hours` those on shift.
    """

    created: Level | None = None
    open_days: Level | None = None
    closed: str = ""
    people: Level | None = None
    hours: Level | None = None
    changes: Sequence[Change] = field(default_factory=tuple)


def candidates(
    cases: pd.DataFrame,
    week: str,
    usual: Collection[str],
    *,
    team: str,
    minimum: int,
    begun: Iterable[Begun] = (),
    around: Surroundings | None = None,
) -> pd.DataFrame:
    """What could be behind a goal that a week misses, the most likely first.

    Args:
        cases: one row per case that a metric counts, of the week, its usual weeks and those before something began:
            week, ticket_id, misses (bool: it misses the goal); as far as the export tells contact_reason, channel,
            priority, created_team, first_queue, requester_id, arrived_closed (bool), target_seconds and
            elapsed_seconds.
        week: the one that is explained.
        usual: the weeks with which it is compared.
        team: whose week it is.
        minimum: how many people a group must have to be named.
        begun: reasons that stepped up and rules that broke.
        around: what else is known of the week.

    Returns:
        `COLUMNS`. First what began, by how many more cases than usual miss the goal; then volume; then how the work was
        done, in that order too; last what was only at the same time.

    Notes:
        A cause counts cases that miss the goal and are of it. Two causes may count the same case: the shares of a table
        are no parts of one whole. What began is a cause only where more of its cases miss the goal than usual; a group
        that was there before only where its cases miss it more often than the others do.
    """
    here = cases[cases["week"] == week]
    before = cases[cases["week"].isin(list(usual))]
    weeks = before["week"].nunique()
    table = _Comparison(here, before, weeks, minimum)
    rows = [row for each in begun if (row := _begun(cases, here, each, minimum)) is not None]
    rows += [row for row in (table.order(), table.mix(), table.closed(), table.handed(team)) if row is not None]
    rows += _around(around or Surroundings())
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    more = (frame["cases"] - frame["cases_usual"].fillna(0.0)).fillna(0.0).astype("float64")
    place = frame["cause"].map(CAUSES).where(frame["is_measured"].astype(bool), max(CAUSES.values()))
    order = pd.DataFrame({"place": place, "more": -more, "at": range(len(frame))})
    return frame.loc[order.sort_values(["place", "more", "at"]).index].reset_index(drop=True)


def _row(cause: Cause, *, subject: str = "", **more: Any) -> dict[str, Any]:
    """A candidate; what is not given is not known."""
    texts = {"detail": "", "since": "", "unit": "count", "is_measured": True}
    numbers = dict.fromkeys(("now", "usual", "usual_low", "usual_high", "cases", "cases_usual", "of", "share"), np.nan)
    return numbers | texts | {"cause": cause, "subject": subject} | more


def _begun(cases: pd.DataFrame, here: pd.DataFrame, each: Begun, minimum: int) -> dict[str, Any] | None:
    """A reason or rule beside the weeks before it began: counted where its cases can be told, else at the same time."""
    first = week_of_day(date.fromisoformat(each.since)) if each.since else ""
    before = cases[cases["week"] < first]
    now, earlier = each.members(here), each.members(before)
    about = {"subject": each.subject, "detail": each.detail, "since": each.since}
    if now is None or earlier is None:
        return _row(each.cause, is_measured=False, **about)
    counted = _Comparison(here, before, before["week"].nunique(), minimum).counted(now, earlier)
    if counted is None or counted["cases"] <= np.nan_to_num(counted["cases_usual"]):
        return None
    return _row(each.cause, **about, **counted)


@dataclass(frozen=True)
class _Comparison:
    """The cases of a week beside those of its usual weeks."""

    here: pd.DataFrame
    before: pd.DataFrame
    weeks: int
    minimum: int

    def closed(self) -> dict[str, Any] | None:
        """Tickets that came while the team was closed."""
        if "arrived_closed" not in self.here or self.here["arrived_closed"].all():
            return None
        return self._standing("closed", self.here["arrived_closed"], self.before["arrived_closed"])

    def handed(self, team: str) -> dict[str, Any] | None:
        """Tickets that came to another team first."""
        if "created_team" not in self.here:
            return None
        sides = [rows["created_team"].notna() & (rows["created_team"] != team) for rows in (self.here, self.before)]
        return self._standing("handed", *sides)

    def order(self) -> dict[str, Any] | None:
        """Work that is taken in an order in which waits hardly differ by priority while the promises do."""
        names = ["priority", "target_seconds", "elapsed_seconds"]
        if not set(names) <= set(self.here):
            return None
        rows = self.here.dropna(subset=names)
        by = rows.groupby("priority", observed=True).agg(
            size=("misses", "size"),
            target=("target_seconds", "median"),
            wait=("elapsed_seconds", "median"),
            missing=("misses", "mean"),
        )
        by = by[by["size"] >= _LEAST_OF_A_PRIORITY].sort_values("target")
        if len(by) < 2 or by["wait"].min() <= 0 or by["target"].min() <= 0:
            return None
        tight, loose = by.iloc[0], by.iloc[-1]
        promised, waited = loose["target"] / tight["target"], by["wait"].max() / by["wait"].min()
        # On a scale of ratios the waits differ by less than half as much as the promises.
        if promised < _STEEPNESS or waited**2 >= promised or tight["missing"] <= loose["missing"]:
            return None
        urgent = by.index[by["target"] < rows["target_seconds"].median()]
        now, earlier = (each["priority"].isin(list(urgent)) for each in (self.here, self.before))
        counted = self.counted(now, earlier)
        if counted is None:
            return None
        usual = self.before.loc[self.before["priority"] == by.index[0], "elapsed_seconds"].dropna()
        return _row(
            "order",
            subject=", ".join(map(str, urgent)),
            detail=str(by.index[0]),
            **counted
            | {
                "now": float(tight["wait"]),
                "usual": float(usual.median()) if len(usual) else np.nan,
                "usual_low": float(tight["target"]),
                "usual_high": np.nan,
                "unit": "seconds",
            },
        )

    def mix(self) -> dict[str, Any] | None:
        """Another mix of channels or reasons: the cases that it adds, at the rates of the groups."""
        if self.here.empty or self.before.empty:
            return None
        rows = [part for by in ("channel", "contact_reason") if (part := self._mix(by)) is not None]
        return max(rows, key=lambda row: row["cases"], default=None)

    def _mix(self, by: str) -> dict[str, Any] | None:
        if by not in self.here or self.here[by].isna().all() or self.before[by].isna().all():
            return None
        columns = [by, "misses", *(name for name in ("requester_id",) if name in self.here)]
        both = pd.concat(
            [self.before[columns].assign(stretch=0), self.here[columns].assign(stretch=1)], ignore_index=True
        )
        both = fold(both.assign(**{by: both[by].astype("object").fillna("none")}), [by], minimum=self.minimum)
        both[by] = both[by].astype("str")
        parts = kitagawa(
            both.assign(misses=both["misses"].astype("float64"), all=1.0),
            by=by,
            numerator="misses",
            denominator="all",
            period="stretch",
            before=0,
            after=1,
        )
        cases = round(float(parts["mix"].sum()) * len(self.here))
        missing = int(self.here["misses"].sum())
        shown = parts[parts[by] != few_people(self.minimum)]
        if cases < 1 or not missing or shown.empty:
            return None
        largest = shown.sort_values("mix", kind="stable").iloc[-1]
        return _row(
            "mix",
            subject=str(largest[by]),
            detail=by,
            now=float(largest["share_after"]),
            usual=float(largest["share_before"]),
            unit="share",
            cases=float(cases),
            of=float(missing),
            share=min(cases / missing, 1.0),
        )

    def _standing(self, cause: Cause, now: CaseGroup, earlier: CaseGroup) -> dict[str, Any] | None:
        """A group that was there before; none where its cases miss the goal no more often than the others."""
        own, others = self.here.loc[now, "misses"], self.here.loc[~now, "misses"]
        counted = self.counted(now, earlier)
        if counted is None or others.empty or own.mean() <= others.mean():
            return None
        return _row(cause, **counted)

    def counted(self, now: CaseGroup, earlier: CaseGroup) -> dict[str, Any] | None:
        """The cases of a group; None where these are too few, or of too few people."""
        own = self.here[now]
        if distinct_people(own).nunique() < max(self.minimum, FEWEST_CASES):
            return None
        usual = self.before.loc[earlier].groupby("week").agg(all=("misses", "size"), missing=("misses", "sum"))
        usual = usual.reindex(self.before["week"].unique(), fill_value=0)
        cases, missing = float(own["misses"].sum()), float(self.here["misses"].sum())
        return {
            "now": float(len(own)),
            "usual": float(usual["all"].mean()) if self.weeks else np.nan,
            "usual_low": float(usual["all"].min()) if self.weeks else np.nan,
            "usual_high": float(usual["all"].max()) if self.weeks else np.nan,
            "cases": cases,
            "cases_usual": float(usual["missing"].mean()) if self.weeks else np.nan,
            "of": missing,
            "share": cases / missing if missing else np.nan,
        }


def _around(around: Surroundings) -> list[dict[str, Any]]:
    """The candidates that are told by what else is known of the week."""
    rows: list[dict[str, Any]] = []
    if (created := around.created) is not None and created.now > _MORE_THAN_USUAL * created.usual:
        rows.append(_row("volume", **_levels(created)))
    if around.closed and around.open_days is not None:
        rows.append(_row("days", subject=around.closed, is_measured=False, **_levels(around.open_days)))
    shifts: tuple[tuple[Cause, Level | None], ...] = (("people", around.people), ("hours", around.hours))
    for cause, level in shifts:
        if level is not None and level.now < _LESS_THAN_USUAL * level.usual:
            rows.append(_row(cause, is_measured=False, **_levels(level)))
    rows += [
        _row("change", subject=each.subject, detail=each.detail, since=each.since, is_measured=False)
        for each in around.changes
    ]
    return rows


def _levels(level: Level) -> dict[str, Any]:
    return {"now": level.now, "usual": level.usual, "usual_low": level.low, "usual_high": level.high}
