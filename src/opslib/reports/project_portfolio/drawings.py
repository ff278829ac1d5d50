"""Figures and tables of projects: each draws a frame of `frames`; `show` puts them into sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opslib import labels
from opslib.display import theme, words
from opslib.display.cells import Cell, excerpt, is_known, rows_of, table_of
from opslib.display.charts import draw_bars, draw_line
from opslib.display.colours import BAND, BLUE, INK, RED, SAND
from opslib.display.markup import Markup
from opslib.display.theme import Drawing
from opslib.display.verdicts import Verdict, chip
from opslib.locales import percent
from opslib.reports.project_portfolio.benefit import NOT_LIVE, NOT_MEASURED
from opslib.reports.project_portfolio.frames import HALF_AN_HOUR
from opslib.weeks import monday_of

_LOOKS = {
    "off track": "missed",
    "at risk": "at-risk",
    "on track": "met",
    "done on time": "met",
    "done late": "by-chance",
    "done": "met",
    "cannot be told": "unknown",
    "helped": "met",
    "hurt": "missed",
    "no improvement of that size": "usual",
    "cannot tell yet": "too-few",
    NOT_LIVE: "unknown",
    NOT_MEASURED: "unknown",
}
_LEVELS = {1: "Very low", 2: "Low", 3: "Medium", 4: "High", 5: "Very high"}
_TEXT = 40
_MOST = 12


def verdict(name: str) -> Verdict:
    """A status of a project or a verdict on its benefit as a reader sees it."""
    return Verdict(_LOOKS[name], f"{name[0].upper()}{name[1:]}")


def day(instant: Any) -> str:
    """A day of this or the next year: `Nov 9`; a dash where there is none."""
    return words.NOT_SHOWN if pd.isna(instant) else words.short_day(pd.Timestamp(instant).date().isoformat())


def project_table(frame: pd.DataFrame, folders: dict[str, str]) -> Markup:
    """A row for each project.

    Args:
        frame: of `frames.projects`.
        folders: by project the folder of its page, from the folder of the portfolio's.
    """
    heads = ("Project", "Status", "Promised, forecast", "Last week, next two", "Decision needed", "Did it help?")
    return table_of("Projects, those in trouble first", heads, [_project_row(row, folders) for row in rows_of(frame)])


def _project_row(row: Any, folders: dict[str, str]) -> list[Cell | str]:
    teams = words.listed([labels.label("team", each) for each in row.teams])
    below = ", ".join(filter(None, (row.project_id, teams)))
    own = f"“{row.own_status}”" if row.own_status else ""
    forecast = "" if pd.isna(row.finish_50_on) else f"{day(row.finish_50_on)} – {day(row.finish_80_on)}"
    if row.status.startswith("done"):
        forecast = "" if pd.isna(row.finish_50_on) else f"done {day(row.finish_50_on)}"
    asked = f"by {words.short_day(row.decision_due)}" if row.decision_due else ""
    more = f"{words.number_of(row.decisions - 1, 'more decision')}" if row.decisions > 1 else ""
    link = f'<a href="{escape(folders[row.project_id])}">{escape(row.name)}</a>'
    return [
        Cell(row.name, html=_lines(link, _small(below)), header=True),
        _cell(chip(verdict(row.status)), verdict(row.status).text, own or row.problem),
        _cell(f"<b>{escape(day(row.promised_on))}</b>", day(row.promised_on), forecast),
        Cell(
            " ".join(filter(None, (row.changed, row.ahead))) or words.NOT_SHOWN,
            html=_lines(escape(row.changed), escape(row.ahead)) or escape(words.NOT_SHOWN),
        ),
        _cell(escape(row.decision or "No decision"), row.decision or "No decision", asked, more),
        _cell(chip(verdict(row.benefit)), verdict(row.benefit).text, row.benefit_words),
    ]


def gantt(frame: pd.DataFrame, today: date) -> Drawing:
    """Plan, what was done and the forecast to four chances in five, a line for each.

    Args:
        frame: of `frames.timeline`.
        today: the last day that counts.
    """
    rows = frame.reset_index(drop=True)
    place = np.arange(len(rows))[::-1].astype(np.float64)
    with theme.style():
        figure = theme.new_figure(9.6, 0.8 + 0.36 * len(rows))
        axes = figure.add_subplot()
        spans = (
            ("planned_start", "planned_end", BAND, 0.34),
            ("started", "done_until", BLUE, 0.18),
        )
        for start, end, colour, half in spans:
            _bars(axes, rows[start], rows[end], place, half, colour)
        ahead = rows["ends_80"].notna()
        begin = rows["done_until"].fillna(rows["starts_50"]).fillna(pd.Timestamp(today)).where(ahead)
        _bars(axes, begin, rows["ends_80"], place, 0.18, SAND)
        promised = _number(rows["promised_on"])
        known = ~np.isnan(promised)
        draw_line(
            axes, promised[known] + 1, place[known], marker="D", linestyle="none", color=INK, markersize=5, zorder=4
        )
        now = _number(pd.Series([pd.Timestamp(today)]))[0] + 1
        draw_line(axes, [now, now], [-0.6, len(rows) - 0.4], color=RED, linewidth=1.2, zorder=3)
        _axis_of_days(axes, rows, now)
        axes.set_yticks(
            place, [_short(name) for name in rows["name"].fillna("").where(rows["name"].notna(), rows["id"])]
        )
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.grid(visible=False, axis="y")
        promise = ", ◆ promised" if known.any() else ""
        axes.set_title(f"Pale plan, blue done, sand forecast (4 chances in 5){promise}, red line today")
        return theme.drawing(figure, " ".join(_in_words(row) for row in rows_of(rows)))


def _in_words(row: Any) -> str:
    name = row.name
    parts = []
    if not pd.isna(row.planned_start) and not pd.isna(row.planned_end):
        parts.append(f"planned {day(row.planned_start)} to {day(row.planned_end)}")
    if not pd.isna(row.started):
        parts.append(f"begun {day(row.started)}")
    if row.is_done and not pd.isna(row.done_until):
        parts.append(f"done {day(row.done_until)}")
    if not pd.isna(row.ends_50):
        parts.append(f"forecast {day(row.ends_50)} to {day(row.ends_80)}")
    return f"{name}: {', '.join(parts) or 'no dates'}."


def _bars(axes: Axes, start: pd.Series, end: pd.Series, place: Any, half: float, colour: str) -> None:
    left, right = _number(start), _number(end) + 1
    known = ~np.isnan(left) & ~np.isnan(right) & (right > left)
    draw_bars(axes, left[known], right[known], place[known] - half, place[known] + half, colour)


def _number(days: pd.Series) -> Any:
    values = pd.to_datetime(days).to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))


def _axis_of_days(axes: Axes, rows: pd.DataFrame, now: float) -> None:
    columns = ("planned_start", "planned_end", "started", "done_until", "ends_80", "promised_on")
    known = np.concatenate([[now], *(_number(rows[name]) for name in columns)])
    known = known[~np.isnan(known)]
    low, high = known.min() - 2, known.max() + 4
    first, last = (np.datetime64(int(edge), "D").astype("datetime64[M]") for edge in (low, high))
    months = np.arange(first, last + np.timedelta64(1, "M"))
    ticks = months.astype("datetime64[D]").astype(np.int64).astype(np.float64)
    step = max(1, len(ticks) // 12)
    names = [words.short_day(f"{month}-01").rpartition(" ")[0] or str(month) for month in months]
    axes.set_xlim(low, high)
    shown = [(tick, name) for tick, name in list(zip(ticks, names, strict=True))[::step] if low <= tick <= high]
    axes.set_xticks([tick for tick, _ in shown], [name for _, name in shown])


def driver_table(frame: pd.DataFrame, names: dict[str, str]) -> Markup:
    """The tasks that decide when a project ends.

    Args:
        frame: of `frames.drivers`.
        names: of projects by id.
    """
    rows: list[list[Cell | str]] = [
        [
            Cell(row.name or row.task_id, header=True),
            names.get(row.project_id, row.project_id),
            Cell(percent(row.criticality, 0), number=True),
            Cell(words.value(row.mean_days, "per_ticket"), number=True),
            Cell(words.NOT_SHOWN if pd.isna(row.slack_days) else words.value(row.slack_days, "count"), number=True),
            Cell(day(row.finish_50_on), whole=True),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Task", "Project", "On the longest way in", "Working days left", "Days it may slip", "Ends, even odds")
    return excerpt("Open tasks that decide the end", heads, rows, most=_MOST, plural="tasks")


def owner_table(frame: pd.DataFrame, owned: Mapping[str, Sequence[str]]) -> Markup:
    """Hours by owner and week, of those who have work left.

    Args:
        frame: of `frames.owners`.
        owned: by owner the names of the projects that are hers.
    """
    weeks = sorted(frame["week"].unique())
    rows: list[list[Cell | str]] = []
    for owner, own in frame.groupby("owner", sort=False):
        cells: list[Cell | str] = [Cell(owner_name(str(owner), owned), header=True)]
        by_week = own.set_index("week")
        for week in weeks:
            if week not in by_week.index:
                cells.append(Cell("0", number=True))
                continue
            row = by_week.loc[week]
            text = f"{words.whole(round(row['hours']))} of {words.whole(round(row['capacity_hours']))}"
            over = row["over_hours"] > HALF_AN_HOUR
            cells.append(Cell(text, html=f"<b>{text}</b>" if over else "", number=True))
        rows.append(cells)
    heads = ("Owner", *(f"Week of {words.short_day(monday_of(week).isoformat())}" for week in weeks))
    return excerpt("Hours left to do, of hours there", heads, rows, most=_MOST, plural="owners")


def earned_table(frame: pd.DataFrame) -> Markup:
    """Earned value as it stands.

    Args:
        frame: of `frames.earned`.
    """
    rows: list[list[Cell | str]] = [
        [
            Cell(row.name, header=True),
            *(Cell(_hours(getattr(row, name)), number=True) for name in ("bac", "pv", "ev", "ac")),
            *(Cell(index(getattr(row, name)), number=True) for name in ("spi", "cpi", "tcpi")),
            Cell(_hours(row.eac), number=True),
            Cell(index(row.spi_t), number=True),
            Cell(day(row.ieac_t_on), whole=True),
        ]
        for row in rows_of(frame)
    ]
    heads = (
        *("Project", "Budget, h", "Planned value", "Earned value", "Actual hours", "SPI", "CPI", "TCPI"),
        *("Hours at the end", "SPI(t)", "End by earned schedule"),
    )
    return table_of("Earned value, in hours", heads, rows)


def risk_table(frame: pd.DataFrame, owned: Mapping[str, Sequence[str]], names: dict[str, str] | None = None) -> Markup:
    """Risks, the heaviest first.

    Args:
        frame: of `frames.risks`.
        owned: by owner the names of the projects that are hers.
        names: of projects by id; None leaves the project out.
    """
    rows: list[list[Cell | str]] = []
    for row in rows_of(frame):
        due = words.number_of(row.days_overdue, "day") + " overdue" if row.days_overdue else day(row.due_on)
        rows.append(
            [
                Cell(row.description, header=True),
                *([names.get(row.project_id, row.project_id)] if names is not None else []),
                level(row.likelihood),
                level(row.impact),
                owner_name(row.owner, owned) if isinstance(row.owner, str) and row.owner else words.NOT_SHOWN,
                "Closed" if row.state.startswith("closed") else due,
                row.response if isinstance(row.response, str) and row.response else words.NOT_SHOWN,
            ]
        )
    heads = ["Risk", *(["Project"] if names is not None else []), "Likely", "Impact", "Owner", "Due", "Response"]
    return excerpt("Risks, the heaviest first", heads, rows, most=_MOST, plural="risks")


def problem_table(frame: pd.DataFrame, names: dict[str, str]) -> Markup:
    """What is wrong with plans.

    Args:
        frame: of `frames.problems`.
        names: of projects by id.
    """
    rows: list[list[Cell | str]] = [
        [
            Cell(names.get(row.project_id, row.project_id or words.NOT_SHOWN), header=True),
            row.severity.capitalize(),
            row.says,
        ]
        for row in rows_of(frame)
    ]
    return excerpt("What is wrong with the plans", ("Project", "How bad", "What"), rows, most=_MOST, plural="problems")


def owner_name(pseudonym: str, owned: Mapping[str, Sequence[str]]) -> str:
    """A person by the projects that are hers, else by the beginning of her pseudonym."""
    if owned.get(pseudonym):
        return f"Owner of {words.listed(list(owned[pseudonym]))}"
    return f"Person {pseudonym[1:7]}"


def level(number: Any) -> str:
    """A likelihood or impact from 1 to 5 in words."""
    return _LEVELS.get(int(number), words.NOT_SHOWN) if is_known(number) and number == int(number) else words.NOT_SHOWN


def _hours(number: float) -> str:
    return words.NOT_SHOWN if pd.isna(number) else words.whole(round(number))


def index(number: float) -> str:
    """An index of earned value, with two digits."""
    return words.NOT_SHOWN if pd.isna(number) else f"{number:.2f}"


def _short(name: str) -> str:
    return name if len(name) <= _TEXT else f"{name[: _TEXT - 1]}…"


def _cell(html: str, text: str, *below: str) -> Cell:
    lines = [line for line in below if line]
    return Cell("; ".join([text, *lines]), html=_lines(html, *map(_small, lines)))


def _lines(*html: str) -> str:
    return "<br> ".join(part for part in html if part)


def _small(text: str) -> str:
    return f"<small>{escape(text)}</small>" if text else ""
