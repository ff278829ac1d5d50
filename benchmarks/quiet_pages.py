"""How often the pages of a week in which nothing happened find something all the same, missed goals apart.

    python benchmarks/quiet_pages.py --seeds 1 2

For each seed a sample with nothing planted is gated and made into facts; then for every week but the first and every
team its reports are asked for what they found, as a run does. Counted are findings that need somebody and that no
other finding says: signals, reasons that moved, broken rules. A missed goal is no false alarm: goals are what they are.
Printed: pages (a team's week) with any, by kind and in all, with Wilson intervals, and what they were.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path

from false_routing_signals import facts_of

from opslib.analysis.findings.ranking import first_lines
from opslib.analysis.methods.intervals import wilson
from opslib.reports import contact_drivers, routing_audit
from opslib.reports.week import Week
from opslib.weekly.numbers.findings import build_findings, findings_of, keep_findings
from opslib.weekly.run import Run

KINDS = ("signal", "reason moved", "broken rule")
FIRST = 5
"""Weeks before there is anything to compare with."""


def found(run: Run, week: str) -> dict[str, list[str]]:
    """By team the kinds of what its reports found in a week."""
    as_of = datetime.fromisoformat(run.warehouse.facts_of_the_run()["as_of"])
    for team in run.organisation.team_names:
        own = Week(week, run.warehouse, run.organisation, as_of, team)
        handed = [
            contact_drivers.findings(contact_drivers.open_drivers(own)),
            routing_audit.findings(routing_audit.open_audit(own)),
        ]
        keep_findings(run.warehouse, week, {(team, each.kind): each.rows for each in handed})
    build_findings(run.warehouse, run.organisation, week, as_of)
    rows = first_lines(findings_of(run.warehouse, week).to_pandas(), most=10_000, most_of_a_team=10_000)
    return {team: list(rows.loc[rows["team"] == team, "kind"]) for team in run.organisation.team_names}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--tickets", type=int, default=60_000)
    options = parser.parse_args()
    pages, noisy, lines = 0, Counter[str](), 0
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            run = facts_of(Path(name), seed, options.tickets, planted=False)
            for week in run.warehouse.weeks("facts", "weekly_values")[FIRST:]:
                for every in found(run, week).values():
                    kinds = [kind for kind in every if kind in KINDS]
                    pages += 1
                    lines += len(kinds)
                    noisy.update({*every, *(["any"] if kinds else [])})
            print(f"seed {seed}: {noisy['any']} of {pages} pages so far", flush=True)
    print(f"\n{pages} pages of weeks in which nothing happened")
    for kind in (*KINDS, "any", "goal missed"):
        share = wilson([noisy[kind]], [pages]).iloc[0]
        print(f"  {kind:14s} {noisy[kind]:4d}  {share['share']:6.1%}  ({share['low']:.1%} to {share['high']:.1%})")
    print(f"  {lines / pages:.2f} findings a page, missed goals apart")


if __name__ == "__main__":
    main()
