"""How often a weekly review calls out a change where there is none, and how soon it finds what there is.

A part of `false_signals.py`: counts over null samples, steps put into their weekly values, and planted truths; each by
the rule of the reports and by the charts that one would draw otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods import level_signals as levels
from opslib.analysis.methods.intervals import wilson
from opslib.analysis.weekly_review.weekly_signals import NEW, NOT_JUDGED, OUTSIDE, Series, working_series
from opslib.calendars import closed_weeks
from opslib.metrics import ALL, CATALOGUE
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week

FIRST_JUDGED = "2026-W31"
STEPS = (2.0, 2.5, 3.0)
"""Sizes of steps, in standard deviations of the team's own weekly values on their working scale."""
STARTS = ("2026-W33", "2026-W36", "2026-W39", "2026-W42")
OURS, CHARTS = "opslib", "3-sigma charts with run rules, 13 weeks"
FAMILIES = ("times", "SLA", "flow", "quality and effort")
TRUTHS = (
    ("misrouting_rule", "transfer_share"),
    ("emerging_reason", "created"),
    ("csat_moves_by_mix_only", "live_channel_share"),
    ("csat_moves_by_mix_only", "first_contact_resolution"),
    ("csat_moves_by_mix_only", "csat"),
)
"""Planted truths by their kind, with a weekly metric of their team that they move."""

Bools = npt.NDArray[np.bool_]


def series_of(warehouse: Warehouse, organisation: Organisation) -> Series:
    """The weekly values of a warehouse as they are judged."""
    values = warehouse.read("facts", "weekly_values")
    values = values[values["channel"] == ALL]
    return working_series(
        values,
        CATALOGUE,
        teams=organisation.team_names,
        closed=closed_weeks(organisation, sorted(set(values["week"]))),
        incomplete=warehouse.read("facts", "weekly_completeness"),
    )


def points(root: Path, organisation: Organisation) -> pd.DataFrame:
    """Every value that is judged from the first judged week on: rule, page, family, metric, new and out (bool)."""
    warehouse = Warehouse(root / "warehouse")
    series = series_of(warehouse, organisation)
    signals = warehouse.read("facts", "weekly_signals")
    judged = signals[(signals["week"] >= FIRST_JUDGED) & (signals["verdict"] != NOT_JUDGED)]
    page = root.name + " " + judged["week"] + " " + judged["team"]
    family = dict(zip(series.axes.metrics, series.panel.family, strict=True))
    ours = pd.DataFrame(
        {
            "rule": OURS,
            "page": page,
            "family": judged["metric"].map(family),
            "metric": judged["metric"],
            "new": judged["verdict"] == NEW,
            "out": judged["verdict"].isin([NEW, OUTSIDE]),
        }
    )
    fired = chart_signals(series)
    teams, names, weeks = series.axes.teams, series.axes.metrics, series.axes.weeks
    place = {
        name: {each: at for at, each in enumerate(own)} for name, own in zip("tmw", (teams, names, weeks), strict=True)
    }
    at = judged["team"].map(place["t"]), judged["metric"].map(place["m"]), judged["week"].map(place["w"])
    hit = fired[tuple(each.to_numpy() for each in at)]
    return pd.concat([ours, ours.assign(rule=CHARTS, new=hit, out=hit)], ignore_index=True)


def chart_signals(series: Series) -> Bools:
    """What control charts would call out, shape (teams, metrics, weeks).

    Limits of three sigma over the thirteen weeks before, sigma by the moving range (individuals) and for shares by the
    binomial; and the run rules: eight weeks on one side, six rising or falling, two of three beyond two sigma.
    """
    value, weeks = series.panel.value, series.panel.value.shape[-1]
    is_share = np.array([metric.kind == "share" for metric in series.metrics])
    fired = np.zeros(value.shape, dtype=bool)
    for week in range(levels.FEWEST_WEEKS, weeks):
        past = value[..., max(0, week - 13) : week]
        centre = _mean(past)
        sigma = _mean(np.abs(np.diff(past, axis=-1))) / 1.128
        sigma = np.where(is_share, np.sqrt(series.panel.variance[..., week]), sigma)
        sigma = np.where(sigma > 0, sigma, np.nan)
        z = (value[..., max(0, week - 7) : week + 1] - centre[..., None]) / sigma[..., None]
        last, sides = z[..., -1], np.sign(z)
        run = (np.abs(sides[..., -8:].sum(axis=-1)) == 8) if z.shape[-1] >= 8 else np.zeros(last.shape, dtype=bool)
        slope = np.sign(np.diff(np.where(np.isfinite(z), z, 0.0)[..., -6:], axis=-1))
        trend = np.abs(slope.sum(axis=-1)) == 5
        pair = (np.abs(last) > 2) & ((z[..., -3:] * sides[..., -1:] > 2).sum(axis=-1) >= 2)
        fired[..., week] = (np.abs(last) > 3) | run | trend | pair
    return fired


def _mean(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    there = np.isfinite(values)
    count = there.sum(axis=-1)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def found_steps(root: Path, organisation: Organisation, *, rate: float) -> pd.DataFrame:
    """Steps put into the null sample's weekly values, one metric at a time, in every team.

    Returns:
        rule, family, size (standard deviations), found (weeks from the step on in which it is first called out on its
        side: 0, 1, ..; NaN where not within two further weeks). What is out already, or not judged, in the week of the
        step is left out.
    """
    series = series_of(Warehouse(root / "warehouse"), organisation)
    rows = list(_steps(series, rate))
    return pd.DataFrame(rows, columns=["rule", "family", "size", "found"])


def _steps(series: Series, rate: float) -> Iterator[tuple[str, str, float, float]]:
    panel, weeks = series.panel, series.axes.weeks
    usable = np.where(panel.usable, panel.value, np.nan)
    spread = pd.DataFrame(usable.reshape(-1, len(weeks))).std(axis=1).to_numpy().reshape(usable.shape[:-1])
    before, charts_before = levels.judge(panel, rate=rate), chart_signals(series)
    for start in STARTS:
        at = weeks.index(start)
        sides = 1 if STARTS.index(start) % 2 else -1
        for metric in range(len(series.metrics)):
            teams = np.flatnonzero(before.judged[:, metric, at] & (before.side[:, metric, at] == 0))
            for size in STEPS:
                value = panel.value[..., : at + 3].copy()
                value[:, metric, at:] += sides * size * spread[:, metric, None]
                moved = cut(series, at + 3, value)
                judged, charts = levels.judge(moved.panel, rate=rate), chart_signals(moved)
                for team in teams:
                    family = FAMILIES[panel.family[metric]]
                    yield OURS, family, size, _first(judged.side[team, metric, at:] == sides)
                    if not charts_before[team, metric, at]:
                        yield CHARTS, family, size, _first(charts[team, metric, at:])


def cut(series: Series, weeks: int, value: npt.NDArray[np.float64]) -> Series:
    """A series up to so many weeks, with other values."""
    panel = series.panel
    own = {name: getattr(panel, name)[..., :weeks] for name in ("variance", "extra", "usable", "starts")}
    return series._replace(
        panel=levels.Panel(value=value, family=panel.family, has_floor=panel.has_floor, is_time=panel.is_time, **own)
    )


def _first(out: Bools) -> float:
    return float(np.argmax(out)) if out.any() else np.nan


def planted(root: Path, truths: Iterable[Mapping[str, object]]) -> Iterator[tuple[str, str, str, str]]:
    """Truth and metric, the week in which it begins, the first new signal from two weeks before on, in words."""
    signals = Warehouse(root / "warehouse").read("facts", "weekly_signals")
    by_kind = {str(truth["kind"]): truth for truth in truths}
    for kind, metric in TRUTHS:
        team, begins = str(by_kind[kind]["team"]), str(by_kind[kind]["begins"])
        own = signals[(signals["team"] == team) & (signals["metric"] == metric) & (signals["verdict"] == NEW)]
        weeks = sorted(own.loc[own["week"] >= shift_week(begins, -2), "week"])
        yield kind, metric, begins, weeks[0] if weeks else "not found"


def print_counts(rows: pd.DataFrame) -> None:
    """Pages with any signal, signals a page, and where they lie, by rule."""
    for rule in (OURS, CHARTS):
        own = rows[rows["rule"] == rule]
        pages = own.groupby("page")[["new", "out"]].any()
        for name, words in (("new", "any new signal"), ("out", "any, those that go on too")):
            some, of = int(pages[name].sum()), len(pages)
            print(
                f"  {rule}: pages with {words:26s} {share_in_words(some, of)}   {own[name].sum() / of:.2f} a page",
                flush=True,
            )
        of_family = own.groupby("family")["new"].agg(new="sum", points="size")
        said = ", ".join(f"{FAMILIES[row.Index]} {row.new} of {row.points}" for row in of_family.itertuples())
        print(f"    points called new: {said}", flush=True)


def print_steps(rows: pd.DataFrame) -> None:
    """Which steps are found in their week, or within one or two more, by rule, size and family."""
    print(f"  {'rule':42s} {'size':>5s} {'family':20s} {'steps':>6s}   same week, +1, +2")
    for rule in (OURS, CHARTS):
        own = rows[rows["rule"] == rule]
        for size in STEPS:
            for family in ("all", *FAMILIES):
                part = own[(own["size"] == size) & ((own["family"] == family) | (family == "all"))]
                shares = " ".join(f"{(part['found'] <= weeks).mean():.2f}" for weeks in range(3))
                print(f"  {rule:42s} {size:5.1f} {family:20s} {len(part):6d}   {shares}", flush=True)


def share_in_words(some: int, of: int) -> str:
    """A share with its 95 % interval (Wilson)."""
    row = wilson([some], [of]).iloc[0]
    return f"{some:4d} of {of:4d}  {100 * row['share']:5.1f} % ({100 * row['low']:.1f}–{100 * row['high']:.1f})"
