"""How often the pages of a week in which nothing happened find something all the same, missed goals apart.

    python benchmarks/quiet_pages.py --seeds 1 2 3

For each seed, side by side in processes, a sample with nothing planted is gated and made into facts; then for every
week that has ten before it, and every team, the frames behind its pages are asked for what they find, as a run does.
Nothing is rendered but the newest week of one team for each seed, to show that its pages say what the frames say.

Counted are pages, one of a team's week each. `weekly review` is the page of all findings: what other reports hand over
stands on it. Its findings are by kind those that need somebody and that no other finding says. `contact drivers` and
`routing audit` count what stands on those pages, also where it needs nobody yet. A missed goal is no false alarm:
goals are what they are. Printed with Wilson intervals; the pages say what `analysis/findings/quiet_pages.py` has of it.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import partial
from html import unescape
from os import cpu_count
from pathlib import Path

import pandas as pd
from false_routing_signals import facts_of, quiet

from opslib.analysis.findings.ranking import first_lines
from opslib.analysis.methods.intervals import wilson
from opslib.reports import contact_drivers, routing_audit, weekly_review
from opslib.reports.week import Week
from opslib.reports.weekly_review.points import MOST_POINTS
from opslib.weekly import run as steps
from opslib.weekly.brief import brief_of_week
from opslib.weekly.numbers.findings import build_findings, findings_of, keep_findings

FIRST = 10
"""Weeks before there is enough to compare with."""
GOAL = "goal missed"
REVIEW, DRIVERS, ROUTING, BRIEF = "weekly review", "contact drivers", "routing audit", "Monday brief"
Found = tuple[str, str, str, str]
"""Report, team ("" for all), kind, and what was found."""


def found(run: steps.Run, week: str, as_of: datetime) -> Iterator[Found]:
    """What the reports of a week find."""
    for team in run.organisation.team_names:
        own = Week(week, run.warehouse, run.organisation, as_of, team)
        contacts, audit = contact_drivers.open_drivers(own), routing_audit.open_audit(own)
        handed = [contact_drivers.findings(contacts), routing_audit.findings(audit)]
        keep_findings(run.warehouse, week, {(team, each.kind): each.rows for each in handed})
        yield from ((DRIVERS, team, kind, what) for kind, what in _of_drivers(contacts))
        yield from ((ROUTING, team, kind, what) for kind, what in _of_routing(audit))
    build_findings(run.warehouse, run.organisation, week, as_of)
    rows = first_lines(findings_of(run.warehouse, week).to_pandas(), most=10_000, most_of_a_team=10_000)
    yield from ((REVIEW, *each) for each in rows[["team", "kind", "what"]].itertuples(index=False, name=None))
    brief = brief_of_week(
        run.warehouse,
        run.organisation,
        week,
        teams=run.organisation.team_names,
        blocked=(),
        folder=run.folders.reports / week,
        today=as_of.date(),
    )
    yield from ((BRIEF, "", point.kind, point.what) for point in brief.points)


def _of_drivers(contacts: contact_drivers.Drivers) -> Iterator[tuple[str, str]]:
    moved = contacts.movers[contacts.movers["discovery"]]
    yield from (("reason moved this week", str(reason)) for reason in moved["contact_reason"])
    yield from (("new phrase", str(phrase)) for phrase in contacts.phrases["phrase"])
    yield from (("new matter", str(matter)) for matter in contacts.matters["matter"])
    yield from (("escalation proposed", str(subject)) for subject in contacts.escalations["subject"])


def _of_routing(audit: routing_audit.Audit) -> Iterator[tuple[str, str]]:
    yield from (("rule to fix", rule) for rule in routing_audit.repairs(audit)["rule_id"])
    for by in ("contact_reason", "form"):
        tests = routing_audit.signals(audit, by=by)
        yield from (("more sent wrong this week", group) for group in tests.loc[tests["discovery"], by])
    if routing_audit.misrouted_total(audit)["is_signal"].any():
        yield "more sent wrong in eight weeks", ""


def pages_of_seed(seed: int, tickets: int) -> tuple[pd.DataFrame, int, int]:
    """What was found in the weeks of a seed's sample, how many weeks these are, and of how many teams."""
    with tempfile.TemporaryDirectory() as name:
        run = facts_of(Path(name), seed, tickets, planted=False)
        as_of = datetime.fromisoformat(run.warehouse.facts_of_the_run()["as_of"])
        weeks = run.warehouse.weeks("facts", "weekly_values")[FIRST:]
        rows = [(seed, week, *each) for week in weeks for each in found(run, week, as_of)]
        frame = pd.DataFrame(rows, columns=["seed", "week", "report", "team", "kind", "what"])
        compare_pages(run, frame[frame["week"] == weeks[-1]], weeks[-1])
        return frame, len(weeks), len(run.organisation.team_names)


def compare_pages(run: steps.Run, frame: pd.DataFrame, week: str) -> None:
    """Render the reports of one team's week, and refuse pages that say something else than the frames."""
    team = run.organisation.team_names[0]
    steps.render_reports(run, steps.last_intake(run), steps.Selection(teams=(team,)), quiet)
    folder = run.folders.reports / week / team
    own = frame[(frame["report"] == REVIEW) & (frame["team"] == team)]
    review = (folder / "weekly_review.html").read_text(encoding="utf-8")
    points = review.count('class="point"')
    assert points == min(len(own), MOST_POINTS), (points, own)
    as_of = datetime.fromisoformat(run.warehouse.facts_of_the_run()["as_of"])
    opened = Week(week, run.warehouse, run.organisation, as_of, team)
    for name, line in (
        ("weekly_review", weekly_review.headline(weekly_review.open_review(opened))),
        ("contact_drivers", contact_drivers.headline(contact_drivers.open_drivers(opened))),
        ("routing_audit", routing_audit.headline(routing_audit.open_audit(opened))),
    ):
        html = (folder / f"{name}.html").read_text(encoding="utf-8")
        [said] = re.findall(r'<p class="verdict">(.*?)</p>', html)
        assert unescape(said) == line.verdict, (name, said, line.verdict)


def print_rates(found_in: pd.DataFrame, weeks: int, teams: int) -> None:
    """The share of pages with anything but missed goals, of each report and by kind."""
    pages = found_in[found_in["kind"] != GOAL].drop_duplicates(["seed", "week", "report", "team", "kind"])
    for report in (REVIEW, DRIVERS, ROUTING, BRIEF):
        own, of = pages[pages["report"] == report], weeks if report == BRIEF else weeks * teams
        print(_rate(f"{report}: any", len(own.drop_duplicates(["seed", "week", "team"])), of))
        for kind, rows in own.groupby("kind"):
            print(_rate(f"  {kind}", len(rows), of))
    goals = found_in[(found_in["kind"] == GOAL) & (found_in["report"] == REVIEW)]
    goals = goals.drop_duplicates(["seed", "week", "team"])
    print(_rate("beside them, pages with a missed goal", len(goals), weeks * teams))


def _rate(what: str, count: int, of: int) -> str:
    share = wilson(count, of).iloc[0]
    return f"{what:<40}{count:>4} of {of}  {share['share']:6.1%}  ({share['low']:.1%} to {share['high']:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="one sample each")
    parser.add_argument("--tickets", type=int, default=60_000)
    parser.add_argument("--list", action="store_true", help="name all that was found, missed goals apart")
    options = parser.parse_args()
    parts = []
    with ProcessPoolExecutor(min(len(options.seeds), cpu_count() or 1)) as pool:
        for seed, part in zip(
            options.seeds, pool.map(partial(pages_of_seed, tickets=options.tickets), options.seeds), strict=True
        ):
            parts.append(part)
            print(f"seed {seed}: {part[1]} weeks of {part[2]} teams", flush=True)
    every = pd.concat([frame for frame, _, _ in parts], ignore_index=True)
    weeks, teams = sum(part[1] for part in parts), parts[0][2]
    print(f"\n{weeks} weeks of {teams} teams in which nothing happened")
    print_rates(every, weeks, teams)
    if options.list:
        print("\n" + every[every["kind"] != GOAL].to_string(index=False))


if __name__ == "__main__":
    main()
