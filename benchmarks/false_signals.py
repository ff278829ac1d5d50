"""How often the reports raise a signal where there is none, and how soon they find what there is.

    python benchmarks/false_signals.py
    python benchmarks/false_signals.py --subjects weekly_review

Of the weekly review: the pages and points of null samples (in which nothing is planted) that it calls out, the steps
that it finds, and the planted truths, beside the control charts that one would draw otherwise (`review_signals.py`).

Of contact drivers three tables:

- Null weeks: samples in which nothing is planted (one per seed), taken in as exports are. Every week with enough weeks
  before it is tested for every team, as in its report. A family is a team's week; under no change the false discovery
  rate of a family is its chance of any discovery, so that the share of families with one should not exceed the rate
  stated (Wilson 95 % in brackets). Weeks overlap in what they are measured against: the intervals are somewhat too
  narrow.
- Simulated quiet weeks: reasons that differ in size and in burstiness, tested as a report tests them.
- Planted truths: the week in which each begins, and the first week in which each statistic finds it.

Forms are tested on the tickets of the null samples with outcomes that fall on one ticket in ten at random: in the
sample, as in life, reasons and forms differ in how often they are misrouted, so that a signal on them as they are
is no error. Labels are shown with shares and intervals and claim no discovery: they are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import review_signals
from review_signals import share_in_words

from opslib.analysis.contact_drivers.drivers import OUTCOMES, form_choices
from opslib.analysis.contact_drivers.movers import ALL, weekly_movers
from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE
from opslib.reports import contact_drivers as drivers
from opslib.reports.contact_drivers import Drivers
from opslib.reports.week import open_week
from opslib.sample import write_sample
from opslib.settings import load_organisation
from opslib.weekly.escalations import keep
from opslib.weekly.outcome import Outcome
from opslib.weekly.plan import Job
from opslib.weeks import shift_week, weeks_between

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "params"
SUBJECTS = ("weekly_review", "contact_drivers")
FIRST, LAST = "2026-W21", "2026-W46"
FIRST_TESTED = shift_week(FIRST, 8)
FIRST_WITH_TOPICS = shift_week(FIRST, 9)
STATISTICS = (
    *(
        "movers of the week",
        "early warnings of the seven days",
        "new phrases, per language",
        "new phrases or matters, per language",
        "topics that moved",
    ),
    *("escalations that would be written", "escalations written, the register minded"),
    "form choices, outcomes at random",
)


Truth = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """A team's week of a sample."""

    root: Path
    team: str
    week: str

    def contacts(self) -> Drivers:
        return drivers.open_drivers(
            open_week(self.week, self.team, warehouse=str(self.root / "warehouse"), params=str(PARAMS))
        )


def make(root: Path, tickets: int, seed: int, *, planted: bool) -> Path:
    """A sample, taken in as exports are."""
    write_sample(root / "exports", tickets=tickets, seed=seed, planted=planted)
    folders = ["--exports", root / "exports", "--warehouse", root / "warehouse", "--params", PARAMS]
    opslib = Path(sys.executable).parent / "opslib"
    subprocess.run([opslib, "facts", *map(str, folders)], check=True, capture_output=True, cwd=ROOT)
    return root


def null_signals(families: list[Family]) -> list[tuple[str, bool]]:
    """For each statistic and family whether there is a signal; the weeks of one team in order."""
    signals = []
    for family in families:
        contacts = family.contacts()
        phrases, languages, matters = drivers.emerging(contacts), drivers.languages(contacts), drivers.matters(contacts)
        candidates = drivers.candidates(contacts)
        signals += [
            ("movers of the week", bool(drivers.movers(contacts)["discovery"].any())),
            ("early warnings of the seven days", len(drivers.warnings(contacts)) > 0),
            *(
                ("new phrases, per language", bool((phrases["language"] == language).any()))
                for language in languages.loc[languages["enough"], "language"]
            ),
            *(
                ("new phrases or matters, per language", language in {*phrases["language"], *matters["language"]})
                for language in languages.loc[languages["enough"], "language"]
            ),
            ("escalations that would be written", bool((candidates["excess_low"] > 0).any())),
            ("escalations written, the register minded", hand_over(contacts, family)),
            ("form choices, outcomes at random", random_forms(contacts)),
        ]
        if family.week >= FIRST_WITH_TOPICS:
            signals.append(("topics that moved", bool(drivers.topics(contacts)["discovery"].any())))
    return signals


def hand_over(contacts: Drivers, family: Family) -> bool:
    """Whether the week escalates anything; the register is written for the next, as a run writes it."""
    escalations = drivers.handover(contacts)
    job, reports = Job("team/contact_drivers", family.week, family.team), family.root / "reports"
    record = {"register": escalations.rows, "files": escalations.files}
    keep(
        contacts.week.warehouse, reports, family.week, [Outcome(job, "ready", 0.0, job.page(reports), handover=record)]
    )
    return any(row["escalated_week"] == family.week for row in escalations.rows)


def random_forms(contacts: Drivers) -> bool:
    """Whether any choice is accused where outcomes fall on tickets at random."""
    random = np.random.default_rng(int(contacts.week.week[-2:]))
    rows = contacts.recent
    outcomes = {name: (random.random(len(rows)) < 0.1).astype(float) for name in OUTCOMES}
    choices = form_choices(rows.assign(**outcomes), minimum_group=contacts.minimum_group)
    return bool(choices["discovery"].any())


def quiet_week(random: np.random.Generator, dispersion: np.ndarray, *, log_normal: bool = False) -> pd.DataFrame:
    """Counts of nine weeks in which nothing moves, of reasons of very different size, in three channels."""
    weeks = weeks_between(shift_week(LAST, -8), LAST)
    shape = (len(dispersion), len(weeks))
    mean = np.exp(random.normal(3.6, 0.6, len(dispersion)))[:, None] * np.exp(random.normal(0, 0.1, len(weeks)))
    size = np.maximum(dispersion, 1e-6)[:, None]
    sigma = np.sqrt(np.log1p(size))
    burst = (
        np.exp(sigma * random.normal(size=shape) - sigma**2 / 2) if log_normal else random.gamma(1 / size, size, shape)
    )
    cells = random.poisson((mean * burst)[:, None, :] * np.array([0.5, 0.3, 0.2])[None, :, None])
    whole = np.concatenate([cells, cells.sum(axis=0, keepdims=True)])
    whole = np.concatenate([whole.sum(axis=1, keepdims=True), whole], axis=1)
    reasons = [*(f"r{number}" for number in range(len(dispersion))), ALL]
    index = pd.MultiIndex.from_product([reasons, [ALL, "c0", "c1", "c2"]], names=["contact_reason", "segment"])
    frame = pd.DataFrame(whole.reshape(len(index), -1), index=index, columns=pd.Index(weeks, name="week"))
    long = frame.reset_index().melt(id_vars=["contact_reason", "segment"], var_name="week", value_name="count")
    return long.assign(dimension=np.where(long["segment"] == ALL, ALL, "channel"))


def simulated(kind: str, weeks: int, seed: int) -> int:
    """In how many quiet weeks anything moves."""
    random = np.random.default_rng(seed)
    some = 0
    for _ in range(weeks):
        dispersion = {
            "Poisson": np.zeros(12),
            "all alike (0.03)": np.full(12, 0.03),
            "log-normal, one e-fold": np.exp(random.normal(-3.5, 1.0, 12)),
            "log-normal, 1.6 e-folds": np.exp(random.normal(-3.5, 1.6, 12)),
            "a quarter bursty (0.25)": np.where(random.random(12) < 0.25, 0.25, 0.003),
            "log-normal bursts": np.exp(random.normal(-3.5, 1.0, 12)),
            "thirty reasons": np.exp(random.normal(-3.5, 1.0, 30)),
        }[kind]
        counts = quiet_week(random, dispersion, log_normal=kind == "log-normal bursts")
        some += bool(weekly_movers(counts, LAST)["discovery"].any())
    return some


SIMULATED = (
    *("Poisson", "all alike (0.03)", "log-normal, one e-fold", "log-normal, 1.6 e-folds", "a quarter bursty (0.25)"),
    *("log-normal bursts", "thirty reasons"),
)


def _truths(root: Path) -> list[Truth]:
    return list(json.loads((root / "exports" / "ground_truth.json").read_text(encoding="utf-8"))["planted"])


def planted_truths(root: Path) -> Iterator[tuple[str, str, str, str]]:
    """Truth, statistic, the week in which it begins, the first week with a signal."""
    truths = {one["kind"]: one for one in _truths(root)}
    for kind, looks in LOOKS.items():
        truth = truths[kind]
        begins = truth["begins"]
        weeks = [shift_week(begins, step) for step in range(-2, 4)]
        contacts_of = {week: Family(root, truth["team"], week).contacts() for week in weeks}
        for statistic, look in looks.items():
            signals = [week for week, contacts in contacts_of.items() if look(contacts, truth)]
            yield kind, statistic, begins, signals[0] if signals else "not found"


def _is_mover(contacts: Drivers, truth: Truth) -> bool:
    own = drivers.movers(contacts).query("dimension == 'all' and discovery and excess > 0")
    return truth["contact_reason"] in set(own["contact_reason"])


def _is_warning(contacts: Drivers, truth: Truth) -> bool:
    return truth["contact_reason"] in set(drivers.warnings(contacts)["contact_reason"])


def _is_phrase(contacts: Drivers, truth: Truth) -> bool:
    phrases = " ".join(drivers.emerging(contacts)["phrase"])
    return any(word in phrases for term in truth["terms"] for word in [term, *term.split()])


def _is_topic(contacts: Drivers, truth: Truth) -> bool:
    topics = drivers.topics(contacts).query("discovery and ratio > 1")
    words = {word for term in truth["terms"] for word in term.split()}
    return any(words & set(terms.split(", ")) for terms in topics["terms"])


def _is_escalation(contacts: Drivers, truth: Truth) -> bool:
    candidates = drivers.candidates(contacts).query("excess_low > 0")
    return truth["contact_reason"] in set(candidates["reason"])


def _is_choice(contacts: Drivers, truth: Truth) -> bool:
    """The reason on the form that it mostly comes by is a choice that goes wrong."""
    choices = drivers.forms(contacts).query("choice == 'form, contact_reason' and outcome == 'misrouted'")
    own = choices[choices["value"].str.endswith(f" · {truth['contact_reason']}")].sort_values("tickets")
    return bool(own["discovery"].tail(1).any())


Look = Callable[[Drivers, Truth], bool]
LOOKS: dict[str, dict[str, Look]] = {
    "emerging_reason": {
        "mover": _is_mover,
        "early warning": _is_warning,
        "phrase": _is_phrase,
        "topic": _is_topic,
        "escalation": _is_escalation,
    },
    "policy_change_with_stale_articles": {
        "mover": _is_mover,
        "early warning": _is_warning,
        "escalation": _is_escalation,
    },
    "misrouting_rule": {"form choice": _is_choice},
}


def print_drivers(pool: ProcessPoolExecutor, options: argparse.Namespace, roots: list[Path], planted: Path) -> None:
    """The three tables of contact drivers."""
    teams = sorted(load_organisation(PARAMS).team_names)
    weeks = weeks_between(FIRST_TESTED, LAST)
    counts = [pool.submit(simulated, kind, options.simulated, options.seeds[0]) for kind in SIMULATED]
    print(f"Simulated quiet weeks with any mover (stated: {100 * FALSE_DISCOVERY_RATE:.0f} %)")
    for kind, count in zip(SIMULATED, counts, strict=True):
        print(f"  {kind:42s} {share_in_words(count.result(), options.simulated)}", flush=True)

    print(f"Null weeks, {len(weeks)} of {len(teams)} teams in {len(roots)} samples, with any discovery")
    # One after the other within a sample: all teams share its register.
    jobs = [pool.submit(null_signals, [Family(root, team, week) for team in teams for week in weeks]) for root in roots]
    signals = pd.DataFrame([row for each in jobs for row in each.result()], columns=["statistic", "any"])
    for statistic in STATISTICS:
        own = signals.loc[signals["statistic"] == statistic, "any"]
        print(f"  {statistic:42s} {share_in_words(int(own.sum()), len(own))}", flush=True)

    print("Planted truths")
    for kind, statistic, begins, first in planted_truths(planted):
        print(f"  {kind:36s} {statistic:16s} begins {begins}  first found {first}", flush=True)


def print_review(pool: ProcessPoolExecutor, roots: list[Path], planted: Path) -> None:
    """The three tables of the weekly review."""
    organisation = load_organisation(PARAMS)
    rate = organisation.signals.rate
    found = [pool.submit(review_signals.found_steps, root, organisation, rate=rate) for root in roots]
    print(f"Weekly review, null weeks from {review_signals.FIRST_JUDGED} on, {len(roots)} samples (stated: {rate:.0%})")
    review_signals.print_counts(pd.concat([review_signals.points(root, organisation) for root in roots]))
    print("Steps put into the null samples, in standard deviations of a team's weekly metric, found")
    review_signals.print_steps(pd.concat([each.result() for each in found]))
    print("Planted truths in weekly metrics")
    for kind, metric, begins, first in review_signals.planted(planted, _truths(planted)):
        print(f"  {kind:36s} {metric:26s} begins {begins}  first new {first}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="False signals in null weeks, and when planted truths are found.")
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--tickets", type=int, default=60_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(101, 107)), help="one null sample each")
    parser.add_argument("--planted-seed", type=int, default=20261116)
    parser.add_argument("--simulated", type=int, default=400, help="quiet weeks simulated per kind")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, help="where the samples go (removed afterwards)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="opslib-signals-", dir=options.folder))
    try:
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            roots = [make(folder / f"null-{seed}", options.tickets, seed, planted=False) for seed in options.seeds]
            planted = make(folder / "planted", options.tickets, options.planted_seed, planted=True)
            if "weekly_review" in options.subjects:
                print_review(pool, roots, planted)
            if "contact_drivers" in options.subjects:
                print_drivers(pool, options, roots, planted)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
