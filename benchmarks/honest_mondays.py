"""What seventeen Mondays published of their week, against what was known of it later.

    python benchmarks/honest_mondays.py

The exports of the sample are cut to what was known on Monday at 06:54 after each of the weeks W30 to W46, and taken in
one after the other into one warehouse, as `make weekly` does but for the reports. Then all exports are taken in: the
final values. Printed are, per team and metric of time, the bias of the published value, how often its interval and the
range still to come held the final value, and their width, beside Kaplan-Meier's value of the same Monday (what is open
taken as censored at random); how often medians were faster and slower than the week before, as published and as known
later; and what the ledger of published numbers called restated, by cause.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from opslib import metrics
from opslib.analysis.weekly_review.weekly_values import quantile_values
from opslib.metrics import ALL, CATALOGUE
from opslib.sample import write_sample
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week, week_bounds, weeks_between

ROOT = Path(__file__).parents[1]
FIRST, LAST = "2026-W30", "2026-W46"
AFTER_THE_WEEK = timedelta(hours=6, minutes=54)
TIMES = [metric for metric in CATALOGUE.values() if metric.kind == "quantile"]
MEDIANS = [metric.name for metric in TIMES if metric.probability == 0.5 and "_calendar_" not in metric.name]
DATED = {
    "satisfaction": "answered_at",
    "quality_reviews": "reviewed_at",
    "tool_requests": "opened_at",
    "feedback_actions": "raised_at",
    "activity": "active_on",
}
"""The tables of which a Monday knows the rows up to it, with their column; others are plans, known beforehand."""
OWN_OF_EVENTS = {
    "status": "status",
    "team": "team",
    "queue": "queue",
    "priority": "priority",
    "assignee": "assignee_id",
}
_KEY = ["week", "team", "metric"]


class Exports:
    """The exports of a sample, which can be cut to what was known at an instant.

    Args:
        folder: the sample.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tickets = pd.read_csv(folder / "tickets.csv.gz", dtype=str)
        self._events = pd.read_parquet(folder / "ticket_events.parquet")
        self._rows = {name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in DATED}

    def write(self, folder: Path, at: datetime) -> None:
        """Write what was known at an instant, each ticket in the state that it had then."""
        folder.mkdir()
        moment = pd.Timestamp(at)
        for path in self._folder.iterdir():
            if path.name.partition(".")[0] not in {"tickets", "ticket_events", *DATED}:
                shutil.copy(path, folder)
        events = self._events[self._events["occurred_at"] <= moment]
        events.to_parquet(folder / "ticket_events.parquet", index=False)
        for name, rows in self._rows.items():
            rows[pd.to_datetime(rows[DATED[name]], utc=True) <= moment].to_csv(folder / f"{name}.csv", index=False)
        self._tickets_at(events, moment).to_csv(folder / "tickets.csv.gz", index=False)

    def _tickets_at(self, events: pd.DataFrame, moment: pd.Timestamp) -> pd.DataFrame:
        rows = self._tickets[pd.to_datetime(self._tickets["created_at"], utc=True) <= moment].set_index("ticket_id")
        rows = rows.drop(columns=["reopen_count", "transfer_count"])
        for event, column in OWN_OF_EVENTS.items():
            rows[column] = events[events["event"] == event].groupby("ticket_id")["value"].last().reindex(rows.index)
        for event, status in (("merged_into", "merged"), ("deleted", "deleted")):
            rows.loc[rows.index.isin(events.loc[events["event"] == event, "ticket_id"]), "status"] = status
        last = events.groupby("ticket_id")["occurred_at"].max().reindex(rows.index)
        rows["updated_at"] = last.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        for column in ("first_reply_at", "solved_at", "closed_at"):
            rows[column] = rows[column].where(pd.to_datetime(rows[column], utc=True) <= moment)
        rows["solved_at"] = rows["solved_at"].where(rows["status"].isin(["solved", "closed"]))
        return rows.reset_index()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tickets", type=int, default=60_000)
    arguments.add_argument("--first", default=FIRST, help="the first week; the last is W46")
    arguments.add_argument("--folder", type=Path, help="keep exports and warehouse here, and go on from them")
    options = arguments.parse_args()
    organisation = load_organisation(ROOT / "params")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        weeks = weeks_between(options.first, LAST)
        values = published_values(folder, organisation, weeks, options.tickets)
        report(values, weeks)
        print_restatements(Warehouse(folder / "warehouse"))


def published_values(folder: Path, organisation: Organisation, weeks: list[str], tickets: int) -> pd.DataFrame:
    """The values of each week as its Monday published them, with Kaplan-Meier's and the final ones beside them."""
    sample = folder / "sample"
    if not sample.exists():
        write_sample(sample, tickets=tickets)
    exports, parts = Exports(sample), []
    for week in weeks:
        kept = folder / f"published-{week}.parquet"
        if not kept.exists():
            at = week_bounds(week, organisation.zone)[1] + AFTER_THE_WEEK
            known = folder / "exports"
            shutil.rmtree(known, ignore_errors=True)
            exports.write(known, at)
            _take(folder, known, at)
            _values(folder, organisation, week).to_parquet(kept)
            print(f"{week} published", file=sys.stderr)
        parts.append(pd.read_parquet(kept))
    _take(folder, sample, None)
    final = Warehouse(folder / "warehouse").read("facts", "weekly_values")
    final = final[final["channel"] == ALL].set_index(_KEY)[["value", "state"]].add_prefix("final_")
    return pd.concat(parts).merge(final, left_on=_KEY, right_index=True)


def _take(folder: Path, exports: Path, at: datetime | None) -> None:
    """Take exports in as `make weekly` does, but for the reports."""
    folders = {"exports": exports, "warehouse": folder / "warehouse", "reports": folder / "reports"}
    folders["params"] = ROOT / "params"
    words = [word for name, path in folders.items() for word in (f"--{name}", str(path))]
    words += ["--as-of", at.isoformat()] if at else []
    command = [sys.executable, "-c", "from opslib.cli import main; main()", "weekly", "--no-execute", *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    if run.returncode > 2:
        raise SystemExit(run.stdout + run.stderr)


def _values(folder: Path, organisation: Organisation, week: str) -> pd.DataFrame:
    """The week's and the week before's values of all teams as they stand, and Kaplan-Meier's of the same facts."""
    warehouse = Warehouse(folder / "warehouse")
    pair = [shift_week(week, -1), week]
    values = warehouse.read("facts", "weekly_values", weeks=pair)
    engine = warehouse.engine()
    tables = {name: warehouse.scan(engine, "facts", name) for name in ("tickets", "replies")}
    frame = metrics.week_frame(pair, lambda each: week_bounds(each, organisation.zone))
    parts = []
    for metric in TIMES:
        rows = metrics.times(metric, metrics.relation(metric.fact, tables), frame).to_pandas()
        parts.append(quantile_values(rows, [metric]))
    engine.disconnect()
    meier = pd.concat(parts)
    meier = meier[meier["channel"] == ALL].set_index(_KEY)[["value", "low", "high"]].add_prefix("km_")
    values = values[(values["channel"] == ALL) & values["metric"].isin([metric.name for metric in TIMES])]
    return values.merge(meier, left_on=_KEY, right_index=True, how="left").assign(monday_of=week)


def report(values: pd.DataFrame, weeks: list[str]) -> None:
    """Print bias, coverage and width per team and metric, and the directions of the medians."""
    known = values["final_value"].notna() & (values["final_state"] == "settled")
    now = values[(values["week"] == values["monday_of"]) & known & (values["team"] != ALL)]
    now = now[now["n"] > 0]
    print(f"{now['monday_of'].nunique()} Mondays, {weeks[0]} to {weeks[-1]}. Bias and width in %, median width.\n")
    print("| metric | team | weeks | bias | held | width | still held | still width | bounds | KM bias | KM held |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    least = []
    for (metric, team), rows in now.groupby(["metric", "team"]):
        held = _held(rows, "low", "high")
        still = rows[rows["still_low"].notna()]
        least.append((held, f"{metric} of {team}"))
        numbers = [
            f"{len(rows)}",
            f"{100 * _bias(rows, 'value'):+.0f}",
            f"{held:.2f}",
            f"{100 * (rows['high'] / rows['low'] - 1).median():.0f}",
            f"{_held(still, 'still_low', 'still_high'):.2f}" if len(still) else "",
            f"{100 * (still['still_high'] / still['still_low'] - 1).median():.0f}" if len(still) else "",
            f"{(rows['state'] == 'bounds').sum()}",
            f"{100 * _bias(rows, 'km_value'):+.0f}",
            f"{_held(rows, 'km_low', 'km_high'):.2f}",
        ]
        print(f"| {metric} | {team} | {' | '.join(numbers)} |")
    print(
        f"\nLeast coverage: {min(least)[0]:.2f} ({min(least)[1]}); under 0.90: {sum(held < 0.9 for held, _ in least)}"
    )
    print(f"of {len(least)}.\n")
    _print_directions(values)


def _bias(rows: pd.DataFrame, column: str) -> float:
    return float((rows[column] / rows["final_value"] - 1).mean())


def _held(rows: pd.DataFrame, low: str, high: str) -> float:
    """How often the final value lay between; a bound that there is not excludes nothing."""
    final, slack = rows["final_value"], 1e-9
    inside = (rows[low].fillna(0) <= final * (1 + slack)) & (rows[high].fillna(np.inf) >= final * (1 - slack))
    return float(inside.mean())


def _print_directions(values: pd.DataFrame) -> None:
    medians = values[values["metric"].isin(MEDIANS) & (values["team"] != ALL)].copy()
    medians["newest"] = np.where(medians["week"] == medians["monday_of"], "now", "before")
    columns = ["km_value", "value", "final_value"]
    wide = medians.pivot_table(index=["monday_of", "team", "metric"], columns="newest", values=columns)
    print("| medians, business hours, against the week before | faster | slower | right direction |")
    print("|---|---:|---:|---:|")
    later = np.sign((wide["final_value"]["now"] - wide["final_value"]["before"]).to_numpy())
    for label, column in (("Kaplan-Meier", "km_value"), ("as published", "value"), ("once known", "final_value")):
        turn = np.sign((wide[column]["now"] - wide[column]["before"]).to_numpy())
        both = ~np.isnan(turn) & ~np.isnan(later)
        right = f"{100 * (turn[both] == later[both]).mean():.1f} %"
        print(f"| {label} | {int((turn == -1).sum())} | {int((turn == 1).sum())} | {right} |")


def print_restatements(warehouse: Warehouse) -> None:
    """Print what the ledger took in, by kind of entry and cause."""
    ledger = warehouse.read("published", "values")
    print(
        "\nThe ledger, all Mondays: " + ", ".join(f"{n:,} {name}" for name, n in ledger["entry"].value_counts().items())
    )
    causes = ledger.loc[ledger["cause"].notna(), "cause"].value_counts()
    print("\n| cause of a restatement | numbers |\n|---|---:|")
    for cause, count in causes.items():
        print(f"| {cause} | {count:,} |")


if __name__ == "__main__":
    main()
