"""What stands on top of the portfolio: what it comes to, in a sentence, and three numbers."""

from __future__ import annotations

import pandas as pd

from opslib.analysis.project_portfolio.status import UNKNOWN
from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.display.verdicts import Verdict
from opslib.locales import percent
from opslib.reports.project_portfolio import drawings, frames
from opslib.reports.project_portfolio.portfolio import Portfolio

_NOT_KEPT = (
    "No plan of this week was kept: the dates of tasks tell it, and how far running tasks had come then is not known."
)


def headline(portfolio: Portfolio) -> Headline:
    """What the projects of a week come to, and the three numbers above them.

    Args:
        portfolio: of `open_portfolio`.
    """
    rows = frames.projects(portfolio)
    if rows.empty:
        return Headline([], has_data=False, verdict="This export has no projects.")
    lines = [_on_time(rows), _milestone(frames.due(portfolio)), _over_capacity(portfolio)]
    return Headline(lines, has_data=True, verdict=_verdict(rows), lead="" if portfolio.is_as_kept else _NOT_KEPT)


def _verdict(rows: pd.DataFrame) -> str:
    """How many are on time of those of which it can be told, and of the first in trouble how late it will be."""
    judged = rows[rows["status"].isin(frames.JUDGED)]
    on_time, count = int(judged["status"].isin(frames.ON_TIME).sum()), len(judged)
    if not count:
        return "Of no project can it be told whether it is on time."
    some = words.number_of(on_time, "of").partition(" ")[0].capitalize() if on_time else "None"
    of_all = "All" if on_time == count > 1 else f"{some} of"
    told = f"{of_all} {words.number_of(count, 'project')} {'is' if on_time == 1 else 'are'} on time"
    untold = int((rows["status"] == UNKNOWN).sum())
    start = f"{told}; of {words.whole(untold)} it cannot be told." if untold else f"{told}."
    first = rows.iloc[0]
    if first["status"] != "off track" or pd.isna(first["finish_50_on"]) or pd.isna(first["promised_on"]):
        return start
    return (
        f"{start} {first['name']}, promised for {drawings.day(first['promised_on'])}, will likely end between "
        f"{drawings.day(first['finish_50_on'])} and {drawings.day(first['finish_80_on'])}."
    )


def _on_time(rows: pd.DataFrame) -> Line:
    counts = rows["status"].value_counts()
    judged = int(rows["status"].isin(frames.JUDGED).sum())
    on_time = int(rows["status"].isin(frames.ON_TIME).sum())
    others = [name for name in frames.STATUSES if name not in frames.ON_TIME and counts.get(name)]
    return Line(
        label="Projects on time",
        value=f"{words.whole(on_time)} of {words.whole(judged)}" if judged else words.NOT_SHOWN,
        change="",
        signal=False,
        note="",
        spark=(),
        chips=tuple(Verdict(drawings.verdict(name).look, f"{words.whole(counts[name])} {name}") for name in others[:2]),
    )


def _milestone(due: pd.DataFrame) -> Line:
    ahead = due[due["state"] == "due"]
    if ahead.empty:
        return Line("Next milestone", words.NOT_SHOWN, "", False, "none in the next four weeks", ())
    row = ahead.iloc[0]
    value = words.NOT_SHOWN if pd.isna(row["chance"]) else percent(float(row["chance"]), 0)
    return Line(
        label="Next milestone",
        value=value,
        change="",
        signal=False,
        note="",
        spark=(),
        facts=(
            f"{row['name']}, {drawings.day(row['due_on'])}",
            "no forecast" if pd.isna(row["finish_50_on"]) else f"even odds by {drawings.day(row['finish_50_on'])}",
        ),
    )


def _over_capacity(portfolio: Portfolio) -> Line:
    hours, owners = frames.hours_over(portfolio)
    if portfolio.workload.empty:
        return Line("Hours over capacity, next 2 weeks", words.NOT_SHOWN, "", False, "no owners or planned hours", ())
    fact = f"{words.number_of(owners, 'owner')} over" if owners else "nobody has more to do than hours"
    return Line("Hours over capacity, next 2 weeks", words.whole(round(hours)), "", False, "", (), facts=(fact,))
