"""What a week comes to: its first points with their causes, what people do about them, and what they say of it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from opslib.analysis.findings import register
from opslib.analysis.findings.actions import then_and_now
from opslib.analysis.findings.causes import COLUMNS as CAUSE_COLUMNS
from opslib.analysis.findings.ranking import first_lines
from opslib.display.cells import is_known, rows_of
from opslib.errors import NotInExport
from opslib.reports.actions import team_actions, with_actions
from opslib.reports.week import Week
from opslib.reports.weekly_review.frames import Review
from opslib.store.warehouse import NOTES
from opslib.weeks import week_of_day

MOST_POINTS = 3
_NOT_LOOKED_FOR = "Nobody has looked for points yet: `make weekly` does, after the team's other notebooks."


def points(review: Review, *, most: int = MOST_POINTS) -> pd.DataFrame:
    """The findings of the team that are read first.

    Args:
        review: of `open_review`.
        most: how many at most.

    Returns:
        finding_id, kind, subject, what, size (tickets a week) with size_low and size_high, hours (a week) with
        hours_low and hours_high, and hours_missing (why there are none), listed, since (a date), standing,
        causes (a frame, see `causes`), next_step, section, tickets (what selects those behind it), lists (the names of
        those that hold these, with how many), owner, due, state, is_overdue (of its first action; "" where nobody took
        it on), weeks (the control-chart frame of its metric, empty without one); none of them with the reason in
        `attrs["missing"]` where nobody has looked yet.
    """
    week = review.week
    rows = _findings(week, [week.week])
    found = first_lines(rows, most=most, most_of_a_team=most)

    def by_metric(name: str) -> pd.DataFrame:
        return review.chart[review.chart["metric"] == name]

    frame = found.drop(columns=["week", "team", "score", "said_by", "rank"]).assign(
        causes=pd.Series([_causes(row) for row in rows_of(found)], dtype="object"),
        tickets=pd.Series([register.selection_of(row) for row in rows_of(found)], dtype="object"),
        weeks=pd.Series([by_metric(row.subject) for row in rows_of(found)], dtype="object"),
        lists=pd.Series([_lists_of(review, row) for row in rows_of(found)], dtype="object"),
    )
    frame = with_actions(week, frame)
    if not week.warehouse.files(register.AREA, register.TABLE, [week.week]):
        frame.attrs["missing"] = _NOT_LOOKED_FOR
    return frame


def causes(review: Review, finding_id: str) -> pd.DataFrame:
    """What could be behind a finding, the most likely first.

    Args:
        review: of `open_review`.
        finding_id: the name of a finding of the week.

    Returns:
        text; cause, subject, detail, since; now, and usual with usual_low and usual_high, in unit; is_measured, else it
        was only at the same time; cases (of those that miss the goal), cases_usual, of (all that miss it), share.
    """
    rows = _findings(review.week, [review.week.week])
    own = [row for row in rows_of(rows) if row.finding_id == finding_id]
    return _causes(own[0]) if own else pd.DataFrame(columns=["text", *CAUSE_COLUMNS])


def actions(review: Review) -> pd.DataFrame:
    """What people do about the team's findings, overdue ones first.

    Args:
        review: of `open_review`.

    Returns:
        finding_id, what (the action, or the sentence of its finding), owner, due (a date), state, remark, is_overdue,
        then (the size of the finding when it was due, in tickets a week) and now (0 where it is found no more); null
        where it has none.
    """
    week = review.week
    rows = team_actions(week)
    weeks = [each for each in week.warehouse.weeks(register.AREA, register.TABLE) if each <= week.week]
    history = _findings(week, weeks) if len(rows) else register.empty()
    sentences = history.sort_values("week").drop_duplicates("finding_id", keep="last").set_index("finding_id")["what"]
    sizes = [
        then_and_now(history, row.finding_id, week.week, week_of_day(date.fromisoformat(row.due)) if row.due else "")
        for row in rows_of(rows)
    ]
    what = rows["what"].where(
        rows["what"] != "", rows["finding_id"].map(sentences.to_dict()).fillna(rows["finding_id"])
    )
    then_now = pd.DataFrame(sizes, columns=["then", "now"], index=rows.index, dtype="float64")
    frame = rows.assign(what=what).join(then_now)
    return frame[["finding_id", "what", "owner", "due", "state", "remark", "is_overdue", "then", "now"]]


def team_note(review: Review) -> pd.DataFrame:
    """What somebody wrote of the team's week.

    Args:
        review: of `open_review`.

    Returns:
        author, at (date and time as they were written), text; one row or none.
    """
    week = review.week
    try:
        rows = week.warehouse.read(NOTES, "sentences", weeks=[week.week], teams=[week.team])
    except NotInExport:
        rows = pd.DataFrame(columns=["author", "at", "text"])
    return rows[["author", "at", "text"]].reset_index(drop=True)


def _lists_of(review: Review, row: Any) -> list[tuple[str, int]]:
    """The list behind a finding, its own or that of its metric, with how many tickets it has; none where it has no
    list."""
    if is_known(row.listed):
        return [(row.finding_id, int(row.listed))]
    lists = review.lists.set_index("list")["count"]
    name = register.selection_of(row).get("metric", "")
    return [(name, int(lists[name]))] if name in lists.index else []


def _findings(week: Week, weeks: list[str]) -> pd.DataFrame:
    """The team's findings of some weeks; none where nobody has looked yet."""
    try:
        return week.warehouse.read(register.AREA, register.TABLE, weeks=weeks, teams=[week.team])
    except NotInExport:
        return register.empty()


def _causes(row: object) -> pd.DataFrame:
    return pd.DataFrame(register.causes_of(row), columns=["text", *CAUSE_COLUMNS])
