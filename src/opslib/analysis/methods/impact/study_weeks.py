"""The weeks that an effect is measured on: those before, those after, and what is left out between and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from opslib.weeks import shift_week, week_of_day, weeks_between

WEEKS_BEFORE = 52
"""How many weeks before a change are looked at, at most."""
RAMP_WEEKS = 1
"""How many weeks after that of the change belong to getting used to it, where nobody says otherwise."""
FEWEST_BEFORE, FEWEST_AFTER = 10, 4
WANTED_BEFORE = 16

GO_LIVE, RAMP, UNSETTLED = "the week of the change", "getting used to the change", "not settled yet"


@dataclass(frozen=True)
class StudyWeeks:
    """ISO weeks in order: before a change and after it; left_out says by week why; gaps are weeks that are missing.

    first_after is the week after the ramp, whether it has come or not; has_begun, whether that of the change has.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    first_after: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    gaps_after: tuple[str, ...] = ()
    has_begun: bool = True

    @property
    def weeks(self) -> tuple[str, ...]:
        """All that are measured, in order."""
        return (*self.before, *self.after)


def study_weeks(
    told: Collection[str],
    went_live_on: date,
    *,
    last: str,
    ramp_weeks: int = RAMP_WEEKS,
    weeks_before: int = WEEKS_BEFORE,
    incidents: Mapping[str, str] | None = None,
    unsettled: Collection[str] = (),
) -> StudyWeeks:
    """Choose the weeks on which the effect of a change is measured.

    Args:
        told: ISO weeks of which there is a value.
        went_live_on: the day of the change.
        last: the last week that is known to its end.
        ramp_weeks: how many weeks after that of the change are left out too.
        weeks_before: the most weeks before it.
        incidents: by week what happened that hit everybody; these weeks are left out on both sides.
        unsettled: weeks whose value may still move.

    Returns:
        The weeks. Where one is missing before the change, only those since then are taken; one that is missing after
        it is a gap, which nothing can be cut at.
    """
    live = week_of_day(went_live_on)
    first_after = shift_week(live, ramp_weeks + 1)
    left_out = dict.fromkeys(weeks_between(shift_week(live, 1), shift_week(first_after, -1)), RAMP)
    left_out = {live: GO_LIVE, **left_out, **(incidents or {})}
    left_out = dict.fromkeys(unsettled, UNSETTLED) | left_out

    before: list[str] = []
    week = shift_week(live, -1)
    while len(before) < weeks_before and (week in told or week in left_out):
        if week not in left_out:
            before.append(week)
        week = shift_week(week, -1)
    to_come = [week for week in weeks_between(first_after, last) if week not in left_out]
    after = tuple(week for week in to_come if week in told)
    first = before[-1] if before else live
    shown = {week: left_out[week] for week in sorted(left_out) if first <= week <= last}
    gaps = tuple(week for week in to_come if week not in told)
    return StudyWeeks(tuple(reversed(before)), after, first_after, shown, gaps, has_begun=live <= last)


def cut_before(weeks: StudyWeeks, since: str) -> StudyWeeks:
    """The same weeks without those before a week, such as the one in which the metric got another meaning."""
    before = tuple(week for week in weeks.before if week >= since)
    left_out = {week: why for week, why in weeks.left_out.items() if week >= since}
    return replace(weeks, before=before, left_out=left_out)
