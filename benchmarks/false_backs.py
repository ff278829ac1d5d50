"""How often an escalation's follow-up says "back" of what is not back, and how soon it does of what is.

    python benchmarks/false_backs.py --paths 400

Thirteen weeks of days are simulated, with a step up some weeks ago; what is found in them is escalated by the rule of
the report, so that the excess is one that was picked. Then come 26 weeks at the escalated level (is "back" ever said?),
at half of the excess, or at the level before. Days are Poisson, and whole weeks are busier or quieter by a gamma
factor, so that the variance of a week's tickets is its dispersion times their mean.

The rule until now said "back" where the Poisson interval of up to four latest weeks held the level before.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pandas as pd

from opslib.analysis.contact_drivers.escalation import candidates, register_rows
from opslib.analysis.contact_drivers.follow_up import BACK, follow_up
from opslib.analysis.contact_drivers.movers import weekly_counts, weekly_movers
from opslib.analysis.methods.intervals import poisson_rate, wilson
from opslib.weeks import shift_week, weeks_between

LAST = "2026-W46"
WEEKS = weeks_between(shift_week(LAST, -12), LAST)
AFTER = weeks_between(shift_week(LAST, 1), shift_week(LAST, 26))
DAYS = list(pd.date_range("2026-08-17", periods=91).strftime("%Y-%m-%d"))
OTHERS = {"a": 6.0, "b": 9.0, "d": 7.0, "e": 5.0, "f": 8.0}
NO_PHRASES = pd.DataFrame(columns=["phrase", "tickets", "reason", "reason_share", "ticket_ids"])


class Kind(NamedTuple):
    """A reason that rose: tickets a week before and beyond, dispersion, and how many weeks ago."""

    before: float
    excess: float
    dispersion: float
    since: int


KINDS = (
    *(Kind(2, 5, 1.0, 6), Kind(2, 8, 1.0, 3), Kind(5, 8, 1.0, 5), Kind(10, 10, 1.0, 6), Kind(10, 15, 1.3, 4)),
    *(Kind(20, 14, 1.0, 6), Kind(10, 30, 1.5, 1), Kind(40, 40, 2.0, 2), Kind(100, 60, 3.0, 3)),
)


class Path(NamedTuple):
    """What became of one escalation: how often it was picked, its size, and in which week "back" was said."""

    size: float
    as_counted: float
    needed: float
    first_old: bool
    ever_old: bool
    ever: bool
    ever_half: bool
    back_after: float


def weeks_of(random: np.random.Generator, mean: np.ndarray, dispersion: float) -> np.ndarray:
    """Tickets a week, of that mean and of that variance over it."""
    busy = np.ones(len(mean)) if dispersion <= 1 else random.gamma(mean / (dispersion - 1), (dispersion - 1) / mean)
    return random.poisson(mean * busy)


def escalated(random: np.random.Generator, kind: Kind) -> pd.Series | None:
    """The row of the register where the reason is escalated in the last of thirteen weeks."""
    mean = kind.before + kind.excess * (np.arange(13) >= 13 - kind.since)
    own = weeks_of(random, mean, kind.dispersion)
    day = np.concatenate([7 * week + random.integers(0, 7, count) for week, count in enumerate(own)])
    parts = [("c", day), *((name, np.repeat(np.arange(91), random.poisson(rate, 91))) for name, rate in OTHERS.items())]
    rows = pd.DataFrame(
        {
            "day": np.concatenate([np.array(DAYS)[days] for _, days in parts]),
            "contact_reason": np.concatenate([np.repeat(name, len(days)) for name, days in parts]),
            "week": np.concatenate([np.array(WEEKS)[days // 7] for _, days in parts]),
        }
    )
    movers = weekly_movers(weekly_counts(rows, WEEKS, dimensions=()), LAST)
    found = candidates(rows, movers, NO_PHRASES, days=DAYS)
    found = found[(found["subject"] == "c") & (found["excess_low"] > 0)]
    if found.empty:
        return None
    row = register_rows(found.assign(escalation_id="c"), team="t", week=LAST).iloc[0]
    return row.drop("others_per_week").combine_first(found.iloc[0])


def old_looks(row: pd.Series, after: np.ndarray) -> Iterator[bool]:
    """Whether the rule until now said "back", week by week."""
    for end in range(1, len(after) + 1):
        last = after[max(0, end - 4) : end]
        yield poisson_rate([float(last.sum())], [float(len(last))])["low"].iloc[0] <= row["before_per_week"]


def back_after(row: pd.Series, weekly: pd.Series) -> float:
    """The first week in which "back" is said; infinite where it never is."""
    looks = range(1, len(weekly) + 1)
    return next((float(end) for end in looks if follow_up(row, weekly.iloc[:end])["state"] == BACK), np.inf)


def paths_of(kind: Kind, paths: int, seed: int) -> list[Path]:
    """Escalations of a kind, and what is said of each."""
    random = np.random.default_rng(seed)
    told: list[Path] = []
    for _ in range(3 * paths):
        if len(told) == paths:
            break
        row = escalated(random, kind)
        if row is None:
            continue
        flat = np.ones(len(AFTER))
        still, half, gone = (
            pd.Series(weeks_of(random, (kind.before + left * kind.excess) * flat, kind.dispersion), index=AFTER)
            for left in (1.0, 0.5, 0.0)
        )
        old = list(old_looks(row, still.to_numpy()))
        told.append(
            Path(
                size=float(row["excess"]),
                as_counted=float(row["excess_as_counted"]),
                needed=float(row["needed_weeks"]) if pd.notna(row["needed_weeks"]) else np.inf,
                first_old=old[0],
                ever_old=any(old),
                ever=back_after(row, still) <= len(AFTER),
                ever_half=back_after(row, half) <= len(AFTER),
                back_after=back_after(row, gone),
            )
        )
    return told


def share(some: pd.Series) -> str:
    row = wilson([int(some.sum())], [len(some)]).iloc[0]
    return f"{100 * row['share']:5.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description='False "back" of escalations, and how soon a true one is said.')
    parser.add_argument("--paths", type=int, default=400, help="escalations per kind")
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(paths_of, kind, options.paths, options.seed + place) for place, kind in enumerate(KINDS)]
        for kind, job in zip(KINDS, jobs, strict=True):
            paths = pd.DataFrame(job.result(), columns=list(Path._fields))
            if paths.empty:
                print(f"{kind}: never escalated", flush=True)
                continue
            in_time = paths["back_after"] <= paths["needed"]
            print(
                f"{kind.before:g} a week and {kind.excess:g} more, dispersion {kind.dispersion:g}, for {kind.since} "
                f"weeks ({len(paths)} escalated): excess as counted {paths['as_counted'].mean():.1f}, after the "
                f"allowance {paths['size'].mean():.1f}\n"
                f"  false back, as it was, after a week  {share(paths['first_old'])}, ever {share(paths['ever_old'])}\n"
                f"  false back in 26 weeks               {share(paths['ever'])}, with half of it left "
                f"{share(paths['ever_half'])}\n"
                f"  true back within the weeks needed    {share(in_time[np.isfinite(paths['needed'])])}, these "
                f"{paths['needed'].median():g} (median), back said after {paths['back_after'].median():g}",
                flush=True,
            )


if __name__ == "__main__":
    main()
