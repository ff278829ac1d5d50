"""Whether measured effects keep their word: where nothing was changed, and where something was.

    python benchmarks/impact.py
    python benchmarks/impact.py --only simulated --series 500

Three tables, each with what was promised beside it:

- simulated: weekly series of one treated and three controls with AR(1) errors, half of whose standard deviation is a
  shock in common, in which nothing happens. How often the 95% interval covers 0, how often the verdict is wrongly
  `helped`, how often a step of the detectable size is found: that of the cell's usual statement (its median), that of
  the series' own, and that stated before the change; and `helped` at either of both reviews.
- many controls: one treated among 10, 20 or 30 that differ in size and drift each their own way, with and without the
  widening by what the controls show.
- planted: the generator's standard sample: a project that spares replies on two contact reasons (truth about -0.078 on
  the logarithm, from the generator's chances of another round), and one that does not, at each review and now.
- samples: null samples of the generator (one per seed) taken in as exports are; each team against the others and each
  reason against the other reasons of its team, for every metric that has a direction, with changes pretended in several
  weeks. Windows overlap: the intervals are somewhat too narrow.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.impact.changes import Change
from opslib.analysis.methods.impact.detectable import detectable, planned_detectable
from opslib.analysis.methods.impact.placebos import placebo_controls, score
from opslib.analysis.methods.impact.step import fit_step
from opslib.analysis.methods.impact.verdicts import HELPED, HURT, REVIEWS
from opslib.analysis.methods.intervals import wilson
from opslib.metrics import CATALOGUE
from opslib.reports.benefits import BenefitReader
from opslib.sample import write_sample
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weeks import monday_of

Floats = npt.NDArray[np.float64]

CORRELATIONS = (0.0, 0.2, 0.4, 0.6)
WINDOWS = ((10, 4), (10, 8), (10, 20), (16, 4), (16, 8), (16, 20), (26, 4), (26, 8), (26, 13), (52, 8), (52, 20))
CONTROLS = 3
COMMON = 0.5
"""The standard deviation of the shock that all have in common, in those of a weekly value."""
MANY = (10, 20, 30)
SEED = 20261130
PARAMS = Path(__file__).parents[1] / "params"
LIVE = ("2026-W33", "2026-W35", "2026-W37", "2026-W39", "2026-W41")
"""The weeks in which nothing is pretended to be something."""
OF_REASONS = ("touches_per_solved", "one_touch_share", "contacts_per_1000", "full_resolution_median", "transfer_share")
EFFECTIVE = Change(
    "project",
    "PRJ-1",
    "with an effect",
    date(2026, 9, 7),
    teams=("us-general",),
    reasons=("password_reset", "login_code"),
    metric="touches_per_solved",
)
INEFFECTIVE = Change(
    "project",
    "none",
    "without one",
    date(2026, 8, 31),
    teams=("us-creators",),
    reasons=("channel_verification", "comment_moderation"),
    metric="touches_per_solved",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", choices=("simulated", "many", "samples", "planted"))
    parser.add_argument("--series", type=int, default=2000, help="simulated series in each cell")
    parser.add_argument("--seeds", type=int, default=6, help="null samples")
    parser.add_argument("--tickets", type=int, default=30_000, help="tickets of each null sample")
    arguments = parser.parse_args()
    if arguments.only in (None, "simulated"):
        show("simulated: 3 controls, per cell", simulated(arguments.series))
        show("helped wrongly at either review (promised: at most 5 %)", both_reviews(arguments.series))
    if arguments.only in (None, "many"):
        show("many controls", many_controls(max(arguments.series // 10, 50)))
    if arguments.only in (None, "samples"):
        for title, table in pooled(samples(arguments.seeds, arguments.tickets)).items():
            show(f"null samples {title}", table)
    if arguments.only in (None, "planted"):
        show("the planted sample", planted())


def show(title: str, table: pd.DataFrame) -> None:
    print(f"\n{title}\n{table.to_string(index=False)}", flush=True)


def simulated(series: int) -> pd.DataFrame:
    """One row per autocorrelation and window; shares in percent."""
    rows = []
    for rho in CORRELATIONS:
        for before, after in WINDOWS:
            values, control = null_arms(
                np.random.default_rng([SEED, before, after, int(100 * rho)]), series, before + after, rho
            )
            fit = fit_step(values, before, control)
            low, high = fit.interval()
            stated = detectable(low, high)
            ahead = planned_detectable(fit_step(values[:, :before], before, control[:, :before]), before, after)
            rows.append(
                {
                    "rho": rho,
                    "weeks": f"{before}+{after}",
                    "covers (93-98)": percent((low <= 0) & (high >= 0)),
                    "helped wrongly (<=5)": percent(low > 0),
                    "hurt wrongly": percent(high < 0),
                    "found (75-85)": percent(low + np.median(stated) > 0),
                    "found, own size": percent(low + stated > 0),
                    "found, size stated before (>=70)": percent(low + ahead > 0),
                    "half-width, sd": round(float(np.mean((high - low) / 2)), 2),
                }
            )
    return pd.DataFrame(rows)


def both_reviews(series: int) -> pd.DataFrame:
    """How often a null is called helped at the first review, the second, or either."""
    rows = []
    for rho in CORRELATIONS:
        for before in (10, 16, 26, 52):
            random = np.random.default_rng([SEED, 1, before, int(100 * rho)])
            values, control = null_arms(random, series, before + REVIEWS[-1], rho)
            lows = []
            for after in REVIEWS:
                weeks = slice(0, before + after)
                lows.append(fit_step(values[:, weeks], before, control[:, weeks]).interval()[0] > 0)
            first, second = lows
            rows.append(
                {
                    "rho": rho,
                    "before": before,
                    "first": percent(first),
                    "second": percent(second),
                    "either (<=5)": percent(first | second),
                }
            )
    return pd.DataFrame(rows)


def many_controls(series: int) -> pd.DataFrame:
    """Coverage of one treated among many controls, as fitted and widened by what the controls show."""
    rows = []
    for number in MANY:
        for before, after in ((16, 8), (26, 8)):
            for rho in (0.3, 0.6):
                random = np.random.default_rng([SEED, 2, number, before, int(100 * rho)])
                rows.append(
                    {"controls": number, "weeks": f"{before}+{after}", "rho": rho}
                    | _widened(random, series, number, before, after, rho)
                )
    return pd.DataFrame(rows)


def _widened(
    random: np.random.Generator, series: int, number: int, before: int, after: int, rho: float
) -> dict[str, Any]:
    covers, covers_widened, ranks = [], [], []
    for _ in range(series):
        weeks = before + after
        own = errors(random, number + 1, weeks, rho) * np.exp(random.normal(0, 0.4, (number + 1, 1)))
        drift = np.cumsum(random.normal(0, 0.1, (number + 1, weeks)), axis=1)
        units = own + drift + COMMON * errors(random, 1, weeks, rho)
        fit = fit_step(units[0], before, units[1:].mean(axis=0))
        placebos = placebo_controls(float(score(fit.chance_below(0.0))[0]), units[1:], before)
        assert placebos is not None
        (low,), (high,), estimate = *fit.interval(), float(fit.estimate[0])
        covers.append(low <= 0 <= high)
        wider = placebos.widening
        covers_widened.append(estimate - wider * (estimate - low) <= 0 <= estimate + wider * (high - estimate))
        if placebos.rank_p is not None:
            ranks.append(placebos.rank_p > 0.05)
    return {
        "covers, as fitted": percent(np.array(covers)),
        "covers, widened (93-98)": percent(np.array(covers_widened)),
        "rank p above .05": percent(np.array(ranks)) if ranks else float("nan"),
    }


def samples(seeds: int, tickets: int) -> pd.DataFrame:
    """Effects of changes that were not: seed, scope, metric, weeks, and what the interval and the reviews say."""
    rows: list[dict[str, Any]] = []
    for seed in range(1, seeds + 1):
        with TemporaryDirectory() as folder:
            warehouse, organisation = taken_in(Path(folder), tickets=tickets, seed=seed, planted=False)
            with BenefitReader(warehouse, organisation) as reader:
                for scope, change in pretended(reader):
                    effect = reader.benefit_of(change).effect
                    if effect is None or effect.now is None:
                        continue
                    held = [found.verdict.name for _, found in effect.held]
                    rows.append(
                        {
                            "seed": seed,
                            "scope": scope,
                            "metric": change.metric,
                            "weeks": f"{len(effect.weeks.before)}+{len(effect.weeks.after)}",
                            "covers": effect.now.low <= 0 <= effect.now.high,
                            "helped": effect.now.verdict.name == HELPED,
                            "hurt": effect.now.verdict.name == HURT,
                            "helped at a review": HELPED in held if held else None,
                            "refused": bool(effect.refusals),
                        }
                    )
        print(f"seed {seed}: {sum(row['seed'] == seed for row in rows)} effects", flush=True)
    return pd.DataFrame(rows)


def pretended(reader: BenefitReader) -> Iterator[tuple[str, Change]]:
    """Changes of each team as a whole, and of each of its contact reasons, in several weeks."""
    judged = [name for name, metric in CATALOGUE.items() if metric.better != "neither" and not metric.twin]
    for week in LIVE:
        day = monday_of(week)
        for team in reader.organisation.team_names:
            for metric in judged:
                yield "team", Change("project", "none", "nothing", day, teams=(team,), metric=metric)
        for reason in reader.reasons():
            for metric in OF_REASONS:
                yield "reason", Change("project", "none", "nothing", day, reasons=(reason,), metric=metric)


def pooled(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Shares in percent with their Wilson intervals, by what they are pooled over."""
    tables = {}
    for title, by in (("by scope", ["scope"]), ("by weeks", ["scope", "weeks"]), ("by metric", ["scope", "metric"])):
        parts = []
        for key, group in rows.groupby(by):
            interval = wilson([float(group["covers"].sum())], [float(len(group))]).iloc[0]
            reviewed = group["helped at a review"].dropna()
            parts.append(
                dict(zip(by, key, strict=True))
                | {
                    "effects": len(group),
                    "covers (93-98)": percent(group["covers"].to_numpy()),
                    "95% of it": f"{100 * interval.iloc[1]:.1f}-{100 * interval.iloc[2]:.1f}",
                    "helped wrongly (<=5)": percent(group["helped"].to_numpy()),
                    "hurt wrongly": percent(group["hurt"].to_numpy()),
                    "helped at a review (<=5)": percent(reviewed.to_numpy(dtype=bool)) if len(reviewed) else None,
                }
            )
        tables[title] = pd.DataFrame(parts)
    return tables


def planted() -> pd.DataFrame:
    """What is said of the project with an effect, and of one without, by the weeks after their ramps."""
    rows = []
    with TemporaryDirectory() as folder:
        warehouse, organisation = taken_in(Path(folder), tickets=60_000, seed=20261116, planted=True)
        with BenefitReader(warehouse, organisation) as reader:
            for change in EFFECTIVE, INEFFECTIVE:
                effect = reader.benefit_of(change).effect
                assert effect is not None
                arms_known = effect.now.weeks_after if effect.now is not None else 0
                rows += [
                    {
                        "project": change.name,
                        "weeks after": found.weeks_after,
                        "step": round(found.step, 3),
                        "low": round(found.low, 3),
                        "high": round(found.high, 3),
                        "verdict": found.verdict.name,
                        "at": "review" if found.weeks_after < arms_known else "now",
                        "refused": "; ".join(each.name for each in effect.refusals),
                    }
                    for found in (*(found for _, found in effect.held), *([effect.now] if effect.now else []))
                ]
    return pd.DataFrame(rows)


def taken_in(root: Path, *, tickets: int, seed: int, planted: bool) -> tuple[Warehouse, Organisation]:
    """A sample, taken in as exports are."""
    write_sample(root / "exports", tickets=tickets, seed=seed, planted=planted)
    opslib = str(Path(sys.executable).with_name("opslib"))
    folders = ("--exports", root / "exports", "--params", PARAMS, "--warehouse", root / "warehouse")
    subprocess.run(
        [opslib, "facts", *map(str, folders), "--source", "standard"],
        check=True,
        capture_output=True,
        cwd=PARAMS.parent,
    )
    return Warehouse(root / "warehouse"), load_organisation(PARAMS)


def null_arms(random: np.random.Generator, series: int, weeks: int, rho: float) -> tuple[Floats, Floats]:
    """Treated and the mean of their controls, shape (series, weeks); every unit's weekly standard deviation is 1."""
    shared = COMMON * errors(random, series, weeks, rho)
    own = np.sqrt(1 - COMMON**2)
    units = [own * errors(random, series, weeks, rho) + shared for _ in range(1 + CONTROLS)]
    return units[0], np.mean(units[1:], axis=0)


def errors(random: np.random.Generator, series: int, weeks: int, rho: float) -> Floats:
    """AR(1) with variance 1 from the first week on."""
    noise = random.normal(size=(series, weeks))
    values = np.empty_like(noise)
    values[:, 0] = noise[:, 0]
    for week in range(1, weeks):
        values[:, week] = rho * values[:, week - 1] + np.sqrt(1 - rho**2) * noise[:, week]
    return values


def percent(hits: npt.NDArray[np.bool_]) -> float:
    return round(100 * float(np.mean(hits)), 1)


if __name__ == "__main__":
    main()
