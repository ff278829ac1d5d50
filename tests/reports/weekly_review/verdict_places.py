"""Every place of the weekly review that says a verdict, read as a reader reads it, and the verdicts derived anew."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
from bs4 import BeautifulSoup, Tag
from nbformat.v4 import new_code_cell, new_notebook, new_output

from opslib.display.control_charts import describe
from opslib.metrics import CATALOGUE
from opslib.reports import weekly_review
from opslib.reports.weekly_review import Review
from opslib.weekly.headline import headline_of
from opslib.weekly.manifest import Record
from opslib.weeks import monday_of, weeks_between

LABELS = {metric.label: name for name, metric in CATALOGUE.items()}
GOALS = ("Missed", "Missed, could be chance", "Missed, too few to say", "Met, too few to say", "At risk", "Met")
UNKNOWN = "No goal judged"
Verdicts = tuple[str | None, str | None]
"""What is said of a metric: how it stands to its goal, and to its past."""


def derived(review: Review, week: str) -> dict[str, Verdicts]:
    """Of each metric that the export has what every place has to say, slowly: the goal from the weekly values and the
    organisation's file, the signal from the stored table."""
    values = review.week.own_values
    own = values[(values["week"] == week) & values["missing"].isna()].set_index("metric")
    stored = review.verdicts[review.verdicts["week"] == week].set_index("metric")
    store, scopes = review.week.warehouse, set()
    if store.has("facts", "weekly_completeness"):
        partly = store.read("facts", "weekly_completeness", teams=[review.week.team])
        scopes = set(partly.loc[partly["week"] == week, "scope"])
    said: dict[str, Verdicts] = {}
    for metric, row in own.to_dict("index").items():
        name = str(metric)
        told = "all" not in scopes and not ("backlog" in scopes and CATALOGUE[name].rests_on_backlog)
        signal = None if math.isnan(row["value"]) else _signal(stored.loc[name].to_dict(), week)
        said[name] = (_goal(review, name, week, row, told=told), signal)
    return said


def _goal(review: Review, metric: str, week: str, row: dict[Any, Any], *, told: bool) -> str | None:
    goals = [each for each in review.week.settings.goals if each.metric == metric and each.start <= monday_of(week)]
    if not goals:
        return None
    target, lower = max(goals, key=lambda each: each.start).target, CATALOGUE[metric].better == "lower"
    value, low, high = row["value"], row["low"], row["high"]
    if row["state"] == "bounds":
        value = low if lower and low > target else high if lower and high <= target else math.nan
        low = high = math.nan
    if math.isnan(value) or not told:
        return UNKNOWN
    misses = value > target if lower else value < target
    if row["n"] < 30 and CATALOGUE[metric].kind not in ("count", "ratio"):
        return f"{'Missed' if misses else 'Met'}, too few to say"
    still = (row["still_low"], row["still_high"])
    if row["state"] == "so far" and not math.isnan(still[0]):
        ends = [
            end > target if lower else end < target
            for end in (still[0], math.inf if math.isnan(still[1]) else still[1])
        ]
        if not all(end == misses for end in ends):
            return "Missed, could be chance" if misses else "At risk"
    if misses:
        reaches = low <= target if lower else high >= target
        return "Missed, could be chance" if reaches else "Missed"
    reaches = (high > target or (math.isnan(high) and not math.isnan(low))) if lower else low < target
    return "At risk" if reaches else "Met"


def _signal(row: dict[Any, Any], week: str) -> str:
    if row["verdict"] == "outside":
        count = len(weeks_between(row["since"], week))
        ending = {1: "st", 2: "nd", 3: "rd"}.get(count % 10 if count % 100 not in (11, 12, 13) else 0, "th")
        return f"Still outside, {count}{ending} week"
    return {"new": "New signal", "not judged": "Not judged"}.get(row["verdict"], "Usual")


def record_of(review: Review) -> Record:
    """The record that a run keeps of the review, with its headlines as the notebook hands them over."""
    data = weekly_review.headline(review)._repr_mimebundle_()
    cell = new_code_cell("headline", outputs=[new_output("display_data", data=data)])
    status, headline = headline_of(new_notebook(cells=[cell]))
    week, team = review.week.week, review.week.team
    return Record(f"{week}/{team}/weekly_review", "team/weekly_review", team, status, 1.0, None, headline)


def said_by_review(review: Review) -> dict[str, dict[str, Verdicts]]:
    """By place of a review's page, and by metric, what it says of this week."""
    return {
        "tiles": {
            LABELS[line["label"]]: _of_texts([chip["text"] for chip in line["chips"]])
            for line in record_of(review).headline
        },
        "attention": _attention(review),
        "all metrics": _of_table(weekly_review.show.metric_table(weekly_review.metric_table(review)).html),
        "alt text": {str(name): _of_alt(rows) for name, rows in review.chart.groupby("metric")},
    }


def _attention(review: Review) -> dict[str, Verdicts]:
    """What the attention table says of this week; not of the one before, where that is known only now."""
    frame = weekly_review.signals(review)
    rows = _of_table(weekly_review.show.signals(frame).html)
    return {name: said for name, said in rows.items() if name not in set(frame.loc[frame["is_late"], "metric"])}


def said_by_index(page: Path, label: str) -> tuple[dict[str, Verdicts], str]:
    """What the index says of a team's goals in its table, and what it says is missed beyond its first things."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    (row,) = [row for row in soup.select("#matrix tbody tr") if row.th.get_text().strip() == label]
    cells = {LABELS[str(cell["data-label"])]: _of_chips(cell) for cell in row.select("td:not(.none)")}
    return cells, soup.select('section[aria-labelledby="first"] .answer')[-1].get_text()


def said_by_compare(page: Path) -> tuple[dict[str, Verdicts], dict[str, Verdicts]]:
    """What a page that compares says of the week before, and of its own."""
    rows = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select("table tbody tr")
    then, now = ({LABELS[row.th.get_text()]: _of_chips(row.find_all("td")[place]) for row in rows} for place in (1, 4))
    return then, now


def _of_table(html: str) -> dict[str, Verdicts]:
    said = {}
    for row in BeautifulSoup(html, "html.parser").select("tbody tr"):
        head = row.th.summary or row.th
        name = LABELS.get(head.get_text())
        if name:
            said[name] = _of_chips(row)
    return said


def _of_chips(part: Tag) -> Verdicts:
    return _of_texts([chip.get_text() for chip in part.select(".chip")])


def _of_texts(texts: list[str]) -> Verdicts:
    goals = [text for text in texts if text in (*GOALS, UNKNOWN)]
    signals = [text for text in texts if text not in (*GOALS, UNKNOWN)]
    assert len(goals) <= 1, texts
    assert len(signals) <= 1, texts
    return (goals[0] if goals else None, signals[0] if signals else None)


def _of_alt(rows: pd.DataFrame) -> Verdicts:
    """What the words of a chart say of its last week."""
    last, text = rows.iloc[-1], describe(rows)
    week = int(last["week"][6:])
    if isinstance(last["missing"], str) or (pd.isna(last["value"]) and not last["goal_verdict"]):
        return (None, None)
    goal = re.search(r"Goal [^:]*: ([^;.]+)[;.]", text)
    signal = re.search(rf"Signals: .*week {week} \((new signal|still outside, \w+ week)", text)
    usual = re.search(rf"Week {week}: (usual|not judged)", text)
    said = (signal or usual or [None, None])[1] if pd.notna(last["value"]) else None
    return (_capital(goal[1]) if goal else None, _capital(said) if said else None)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
