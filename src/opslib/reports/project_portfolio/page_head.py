"""What stands on top of the portfolio: what it comes to, in a sentence, and three numbers."""

from __future__ import annotations

import pandas as pd

from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.display.verdicts import Verdict
from opslib.locales import percent
from opslib.reports.project_portfolio import drawings, frames
from opslib.reports.project_portfolio.portfolio import Portfolio

_NOT_KEPT = "The plans of this week were not kept at the time; this is how they are known now."


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
    """How many are on time, and of the first in trouble how late it will be."""
    on_time, count = int(rows["status"].isin(frames.ON_TIME).sum()), len(rows)
    of_all = "All" if on_time == count else f"{words.number_of(on_time, 'of').partition(' ')[0].capitalize()} of"
    start = f"{of_all} {words.number_of(count, 'project')} {'is' if on_time == 1 else 'are'} on time."
    first = rows.iloc[0]
    if first["status"] != "off track" or pd.isna(first["finish_50_on"]) or pd.isna(first["promised_on"]):
        return start
    return (
        f"{start} {first['name']}, promised for {drawings.day(first['promised_on'])}, ends between "
        f"{drawings.day(first['finish_50_on'])} and {drawings.day(first['finish_80_on'])} at even to good odds."
    )


def _on_time(rows: pd.DataFrame) -> Line:
    counts = frames.counts(rows)
    on_time = sum(counts.get(name, 0) for name in frames.ON_TIME)
    others = [name for name in frames.STATUSES if name not in frames.ON_TIME and counts.get(name)]
    return Line(
        label="Projects on time",
        value=f"{words.whole(on_time)} of {words.whole(len(rows))}",
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
        facts=(f"{row['name']}, {drawings.day(row['due_on'])}", f"even odds by {drawings.day(row['finish_50_on'])}"),
    )


def _over_capacity(portfolio: Portfolio) -> Line:
    hours, owners = frames.hours_over(portfolio)
    if portfolio.workload.empty:
        return Line("Hours over capacity, next 2 weeks", words.NOT_SHOWN, "", False, "no owners or planned hours", ())
    fact = f"{words.number_of(owners, 'owner')} over" if owners else "nobody has more to do than hours"
    return Line("Hours over capacity, next 2 weeks", words.whole(round(hours)), "", False, "", (), facts=(fact,))
