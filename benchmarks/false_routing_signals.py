"""How often the routing audit raises a signal where nothing happened, and when it finds what did.

    python benchmarks/false_routing_signals.py --seeds 1 2

For each seed a sample with nothing planted, gated and made into facts as `make weekly` does, then the audit of every
team and week that has a week before it. A family is what one table of the report tests at once: the reasons, or the
forms, of a team's week. The rate is stated for the family: where nothing happened, at most one family in ten has any
discovery. Printed: families, tests, families with a discovery and their share with its Wilson interval; the headline's
comparison of eight weeks with the eight before, an interval of 99 %, so wrong in one week of a hundred (weeks that
follow each other share most of their tickets, so the interval of that share is too short); and faults that the lint
finds in rules that have none, per week.

The same on the sample with everything planted: per fault of a rule, and for the reason that is sent to the wrong queue,
the week in which it begins and the first in which it is found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pandas as pd

from opslib.analysis.methods.intervals import wilson
from opslib.reports.routing_audit import frames
from opslib.reports.routing_audit.frames import Audit
from opslib.reports.week import Week
from opslib.sample import write_sample
from opslib.weekly import run as steps
from opslib.weeks import shift_week

ROOT = Path(__file__).parents[1]
PLANTED_SEED = 20261116
SPAN = 8
NAME_OF_FINDING = {"misrouting": "misroutes"}


def quiet(step: str, line: str) -> None:
    """Say nothing."""


def facts_of(folder: Path, seed: int, tickets: int, *, planted: bool) -> steps.Run:
    """A sample and its facts."""
    write_sample(folder / "exports", tickets=tickets, seed=seed, planted=planted)
    run = steps.open_run(
        source=None,
        exports=folder / "exports",
        params=ROOT / "params",
        warehouse=folder / "warehouse",
        reports=folder / "reports",
        notebooks=ROOT / "notebooks",
        expectations=ROOT / "expectations",
        notes=ROOT / "notes",
        week=None,
        as_of=None,
        workers=None,
        sample_tickets=tickets,
        secret=None,
        say=quiet,
    )
    steps.build_facts(run, steps.admit_exports(run, quiet), quiet)
    return run


def audits(run: steps.Run) -> Iterator[Audit]:
    """The audit of every team and week that has a week before it."""
    as_of = datetime.fromisoformat(run.warehouse.facts_of_the_run()["as_of"])
    for week in run.warehouse.weeks("facts", "weekly_values")[1:]:
        for team in run.organisation.team_names:
            yield Audit(Week(week, run.warehouse, run.organisation, as_of, team), SPAN)


def null_counts(run: steps.Run) -> pd.DataFrame:
    """What each audit of a sample with nothing planted raises: family, tests, discoveries."""
    rows = []
    first = run.warehouse.weeks("facts", "weekly_values")[0]
    for audit in audits(run):
        for by in ("contact_reason", "form"):
            tests = frames.signals(audit, by=by)
            rows.append((f"signals by {by}", len(tests), int(tests["discovery"].sum())))
        if shift_week(audit.week.week, 1 - 2 * SPAN) >= first:
            headline = frames.misrouted_total(audit).iloc[0]
            rows.append(("headline, 8 weeks against 8", 1, int(headline["is_signal"])))
        if audit.week.team == run.organisation.team_names[0]:
            faults = frames.lint(audit).query("severity == 'fault'")
            rows.append(("faults of the rules, all teams", 1, len(faults)))
    return pd.DataFrame(rows, columns=["family", "tests", "discoveries"])


def print_false_signals(counts: pd.DataFrame) -> None:
    """One line per kind of family."""
    print(f"{'family':<32}{'families':>9}{'tests':>7}{'with any':>9}  share (95 % interval)")
    for family, rows in counts.groupby("family"):
        wrong, total = int((rows["discoveries"] > 0).sum()), len(rows)
        share, low, high = 100 * wilson(wrong, total).iloc[0]
        print(f"{family:<32}{total:>9}{rows['tests'].sum():>7}{wrong:>9}  {share:.1f} % ({low:.1f} to {high:.1f})")


def first_signals(run: steps.Run) -> pd.DataFrame:
    """When each planted truth of routing begins, and the first week in which the audit finds it."""
    truth = json.loads((run.folders.exports / "ground_truth.json").read_text())
    [planted] = [one for one in truth["planted"] if one["kind"] == "misrouting_rule"]
    since = {one["rule_id"]: one.get("active_from", truth["first_week"]) for one in truth["rule_faults"]}
    begins = {f"signal {planted['contact_reason']}": planted["begins"]}
    begins |= {
        f"{NAME_OF_FINDING.get(one['fault'], one['fault'])} {one['rule_id']}": since[one["rule_id"]]
        for one in truth["rule_faults"]
    }
    first_week_of: dict[str, str] = {}
    for audit in audits(run):
        if audit.week.team != planted["team"]:
            continue
        reasons = frames.signals(audit).query("discovery")["contact_reason"]
        faults = frames.lint(audit).query("severity == 'fault'")
        names_of_week = [f"signal {reason}" for reason in reasons]
        names_of_week += [f"{row.fault} {row.rule_id}" for row in faults.itertuples()]
        for name in names_of_week:
            first_week_of.setdefault(name, audit.week.week)
    names = [*begins, *sorted(set(first_week_of) - set(begins))]
    return pd.DataFrame(
        {
            "what": names,
            "begins": [begins.get(each, "never") for each in names],
            "first signal": [first_week_of.get(each, "never") for each in names],
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="one null sample each")
    parser.add_argument("--tickets", type=int, default=60_000)
    parser.add_argument("--folder", type=Path, help="where the samples go (removed afterwards)")
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="opslib-null-", dir=options.folder))
    try:
        print(
            f"{len(options.seeds)} samples of {options.tickets:,} tickets with nothing planted, seeds {options.seeds}"
        )
        runs = (facts_of(root / str(seed), seed, options.tickets, planted=False) for seed in options.seeds)
        print_false_signals(pd.concat([null_counts(run) for run in runs], ignore_index=True))
        print("\nthe sample with everything planted, by the audit of the team that it was planted in")
        print(
            first_signals(facts_of(root / "planted", PLANTED_SEED, options.tickets, planted=True)).to_string(
                index=False
            )
        )
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
