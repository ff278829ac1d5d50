"""The status of projects by rule, and two marks of a series: does it change beyond chance, will it hit its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.level_signals import FEWEST_WEEKS, Panel, judge
from opslib.analysis.project_portfolio.milestones import OVERDUE, PROMISED_DATE
from opslib.locales import percent, significant, whole

ON_TRACK, AT_RISK, OFF_TRACK = "on track", "at risk", "off track"
DONE_ON_TIME, DONE_LATE, DONE, UNKNOWN = "done on time", "done late", "done", "cannot be told"
IMPROVING, CONCERNING, COMMON = "improving", "concerning", "common cause"
"""Marks of variation."""
PASSES, FAILS, HIT_OR_MISS = "passes by itself", "fails by itself", "hit or miss"
"""Marks of assurance."""
NOT_TOLD = "cannot be told"
MARKS_RATE = 0.0027
"""The chance that a week of a series on which nothing moved is marked: that of three-sigma limits."""
COLUMNS = ("project_id", "status", "reasons", "chance", "cpi", "overdue_milestones")


@dataclass(frozen=True)
class Thresholds:
    """From where on a project is at risk or off track.

    Args:
        on_track_chance: chance of the promised date from which it is on track.
        off_track_chance: chance below which it is off track.
        at_risk_cpi: cost performance index below which it is at risk.
        off_track_cpi: below which it is off track.

    Raises:
        ValueError: the two of a pair stand in the wrong order, or a chance is none.
    """

    on_track_chance: float = 0.7
    off_track_chance: float = 0.3
    at_risk_cpi: float = 0.9
    off_track_cpi: float = 0.6

    def __post_init__(self) -> None:
        """Hold the numbers against each other."""
        if not 0 <= self.off_track_chance <= self.on_track_chance <= 1:
            raise ValueError("chances must be 0 <= off_track_chance <= on_track_chance <= 1")
        if not 0 <= self.off_track_cpi <= self.at_risk_cpi:
            raise ValueError("cpi must be 0 <= off_track_cpi <= at_risk_cpi")

    @property
    def rule(self) -> str:
        """The rule as sentences."""
        high, low = percent(self.on_track_chance, 0), percent(self.off_track_chance, 0)
        return (
            f"On track: a chance of the promised date of {high} or more, and a CPI of "
            f"{significant(self.at_risk_cpi)} or more. Off track: a chance below {low}, a CPI below "
            f"{significant(self.off_track_cpi)}, or a milestone is overdue. At risk: all between. "
            "What cannot be told counts for neither."
        )


def project_status(
    forecast: pd.DataFrame,
    *,
    cpi: pd.Series | None = None,
    milestones: pd.DataFrame | None = None,
    thresholds: Thresholds | None = None,
) -> pd.DataFrame:
    """The status of each project by rule.

    Args:
        forecast: `finish_forecast`'s projects: project_id, state, chance, promised_on, finish_50_on.
        cpi: the newest cost performance index by project_id; None, or no entry: it does not count.
        milestones: `milestones`: project_id, kind, state; None: they do not count.
        thresholds: None: the usual ones.

    Returns:
        project_id, status (on track, at risk, off track; done on time, done late, done where no date was promised or no
        end is told; cannot be told where there is no forecast and nothing else says off track), reasons (what decided,
        as a sentence in pieces separated by `; `), chance, cpi, overdue_milestones (with a promised date that has
        passed).
    """
    limits = thresholds or Thresholds()
    frame = forecast[["project_id", "chance"]].copy()
    frame["cpi"] = frame["project_id"].map(cpi).astype("float64") if cpi is not None else np.nan
    late = pd.DataFrame(columns=["project_id", "kind", "state"]) if milestones is None else milestones
    late = late[late["state"] == OVERDUE]
    frame["overdue_milestones"] = frame["project_id"].map(late["project_id"].value_counts()).fillna(0).astype(np.int64)
    has_passed = frame["project_id"].isin(late.loc[late["kind"] == PROMISED_DATE, "project_id"])
    is_promised = forecast["promised_on"].notna()
    columns = (forecast["state"], is_promised, frame["chance"], frame["cpi"], frame["overdue_milestones"], has_passed)
    decided = [_decide(*of, limits=limits) for of in zip(*columns, strict=True)]
    frame["status"] = [status for status, _ in decided]
    frame["reasons"] = ["; ".join(reasons) for _, reasons in decided]
    return frame[list(COLUMNS)]


def _decide(
    state: str, is_promised: bool, chance: float, cpi: float, overdue: int, has_passed: bool, *, limits: Thresholds
) -> tuple[str, list[str]]:
    """The status of one project and what decided it."""
    if state == "finished":
        if np.isnan(chance):
            return DONE, ["when it ended is not told" if is_promised else "no date was promised"]
        return (DONE_ON_TIME, ["it ended by its promised date"]) if chance >= 1 else (DONE_LATE, ["it ended later"])
    off, risk = [], []
    if has_passed:
        off.append("its promised date has passed")
    overdue -= has_passed
    if overdue:
        off.append("a milestone is overdue" if overdue == 1 else f"{whole(overdue)} milestones are overdue")
    if chance < limits.off_track_chance:
        off.append(f"the chance of its date is below {percent(limits.off_track_chance, 0)}")
    elif chance < limits.on_track_chance:
        risk.append(f"the chance of its date is below {percent(limits.on_track_chance, 0)}")
    if cpi < limits.off_track_cpi:
        off.append(f"its CPI is below {significant(limits.off_track_cpi)}")
    elif cpi < limits.at_risk_cpi:
        risk.append(f"its CPI is below {significant(limits.at_risk_cpi)}")
    if off:
        return OFF_TRACK, off + risk
    if np.isnan(chance):
        return UNKNOWN, ["there is no forecast of its end", *risk]
    if risk:
        return AT_RISK, risk
    return ON_TRACK, [f"the chance of its date is {percent(limits.on_track_chance, 0)} or more"]


class Marks(NamedTuple):
    """The two marks of a series, and the limits within which it moves by chance (NaN where nothing can be told)."""

    variation: str
    assurance: str
    lower: float
    upper: float


def marks_of_signal(side: int, lower: float, upper: float, target: float | None, *, higher_is_better: bool) -> Marks:
    """The two marks that a judged week gives.

    Args:
        side: 1 where the week is called out above its level, -1 below, 0 where it is usual.
        lower: limits of a usual week; NaN where it was not judged.
        upper: limits of a usual week.
        target: the goal in force; None where there is none.
        higher_is_better: which way is good.

    Returns:
        variation: improving or concerning where the week is called out, common cause where it is not; assurance:
        passes by itself where all usual weeks meet the target, fails by itself where none does, hit or miss between.

    References:
        NHS England (2019). Making data count: strengthening your decisions.

    >>> marks_of_signal(0, 0.82, 0.91, 0.8, higher_is_better=True)[:2]
    ('common cause', 'passes by itself')
    """
    if np.isnan(lower) or np.isnan(upper):
        return Marks(NOT_TOLD, NOT_TOLD, lower, upper)
    variation = COMMON if side == 0 else IMPROVING if (side > 0) == higher_is_better else CONCERNING
    if target is None or np.isnan(target):
        return Marks(variation, NOT_TOLD, lower, upper)
    worst, best = (lower, upper) if higher_is_better else (upper, lower)
    sign = 1 if higher_is_better else -1
    passes, fails = sign * (worst - target) >= 0, sign * (best - target) < 0
    return Marks(variation, PASSES if passes else FAILS if fails else HIT_OR_MISS, lower, upper)


def series_marks(
    values: npt.ArrayLike, target: float | None = None, *, higher_is_better: bool = True, rate: float = MARKS_RATE
) -> Marks:
    """The two marks of the newest week of a series that nobody has judged, such as a project's SPI.

    Args:
        values: week by week, the newest last, NaN where there is none; those of a goal metric are judged already
            (`marks_of_signal`).
        target: what each week is to reach.
        higher_is_better: which way is good.
        rate: chance of a mark of variation where nothing has moved.

    Returns:
        `cannot be told` of fewer than eight earlier weeks, or of a series that does not vary.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.size <= FEWEST_WEEKS or np.isnan(series[-1]):
        return Marks(NOT_TOLD, NOT_TOLD, np.nan, np.nan)
    one = series[None, None, :]
    panel = Panel(
        value=np.nan_to_num(one),
        variance=np.ones_like(one),
        extra=np.zeros_like(one),
        usable=~np.isnan(one),
        starts=np.zeros(one.shape, dtype=np.int64),
        family=np.zeros(1, dtype=np.int64),
        has_floor=np.zeros(1, dtype=bool),
        is_time=np.zeros(1, dtype=bool),
    )
    judged = judge(panel, rate=rate)
    side, lower, upper = (each[0, 0, -1] for each in (judged.side, judged.lower, judged.upper))
    return marks_of_signal(int(side), float(lower), float(upper), target, higher_is_better=higher_is_better)
