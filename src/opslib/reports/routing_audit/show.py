"""Figures and tables of the routing audit. What each takes is what `opslib.reports.routing_audit.frames` returns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opslib.analysis.routing_audit.lint import FAULTS
from opslib.analysis.routing_audit.replay import NO_QUEUE, Replay
from opslib.display import theme, words
from opslib.display.cells import frame as table_of_frame
from opslib.display.charts import weeks_below
from opslib.display.heat_map import heat_map
from opslib.display.theme import Drawing, Markup, note

NOTHING = "No tickets here in these weeks: nothing to show."
NO_COMPARISON = (
    "Not in this export: it does not tell where tickets were sent first, so none can be said to go elsewhere."
)
_MOST = 10
_GRID = 8
Row = Mapping[Hashable, Any]
_OUTCOMES = {
    ("full_resolution", "times"): "Full resolution, open hours: times as long",
    ("full_resolution", "seconds"): "Full resolution, open hours: longer by",
    ("satisfied", "share"): "Satisfied customers",
    ("misrouted", "share"): "Misrouted",
}


def transitions(frame: pd.DataFrame) -> Drawing | Markup:
    """Moves from queue to queue, or team to team, as a grid of the eight busiest on either side.

    Args:
        frame: a row per pair: origin, destination, moves, and share (of the moves out of the origin); most moves first.

    Returns:
        The figure, or one line where there is nothing to draw.
    """
    if frame.empty:
        return _empty(frame)
    moves = (
        frame.pivot_table(index="origin", columns="destination", values="moves", aggfunc="sum", fill_value=0)
        .reindex(index=_largest(frame, "origin"), columns=_largest(frame, "destination"), fill_value=0)
        .rename_axis(index="from", columns="to")
    )
    top = frame.iloc[0]
    return heat_map(
        moves.where(moves > 0),
        f"Grid of {int(frame['moves'].sum()):,} moves; most, {int(top['moves']):,}, from {top['origin']} to "
        f"{top['destination']}, which is {words.value(top['share'], 'share')} of the moves out of {top['origin']}.",
        texts=moves.map(lambda count: f"{count:,}" if count else ""),
        width=9.6,
        gamma=0.5,
    )


def transitions_table(frame: pd.DataFrame) -> Markup:
    """The same moves as a table, with the interval of each share.

    Args:
        frame: as of `analysis.routing.transitions`.
    """
    if frame.empty:
        return _empty(frame)
    told = pd.DataFrame(
        {
            "From": frame["origin"],
            "To": frame["destination"],
            "Moves": _counts(frame["moves"]),
            "Tickets": _counts(frame["tickets"]),
            "Share of the moves out (95 % interval)": _estimates(frame),
        }
    )
    return _first_of(told, caption="Moves, the most frequent first", more="moves")


def transfers(frame: pd.DataFrame) -> Markup:
    """How often tickets are handed on.

    Args:
        frame: as of `analysis.routing.transfer_counts`.
    """
    if frame.empty or not frame["tickets"].sum():
        return _empty(frame)
    told = pd.DataFrame(
        {
            "Transfers": frame["transfers"],
            "Tickets": _counts(frame["tickets"]),
            "Share (95 % interval)": _estimates(frame),
            "Came back to a queue it had left": _counts(frame["ping_pong"]),
        }
    )
    return table_of_frame(told, caption="Tickets by number of transfers")


def misrouted(frame: pd.DataFrame) -> Drawing | Markup:
    """Shares of tickets whose first queue was wrong, with their intervals, the largest groups of misrouted first.

    Args:
        frame: as of `analysis.routing.misrouted`; its first column names the groups.
    """
    shown = frame[frame["misrouted"] > 0].head(_MOST) if len(frame) else frame
    if shown.empty:
        return _empty(frame)
    by = str(shown.columns[0])
    with theme.style():
        figure = theme.new_figure(9.6, 0.9 + 0.3 * len(shown))
        axes = figure.add_subplot()
        place = np.arange(len(shown))
        axes.hlines(place, 100 * shown["low"], 100 * shown["high"], color=theme.SKY, linewidth=3)
        axes.plot(100 * shown["share"], place, "o", color=theme.BLUE, markersize=5)
        for at, row in zip(place.tolist(), shown.to_dict("records"), strict=True):
            text = f"{row['misrouted']:,} of {row['tickets']:,}, most to {row['belongs_in']}"
            axes.text(100 * row["high"] + 1.2, at, text, va="center", fontsize=8, color=theme.MUTED)
        axes.set_yticks(place, [str(name) for name in shown[by]])
        axes.invert_yaxis()
        axes.set_xlim(0, min(100 * float(shown["high"].max()) * 1.15 + 32, 150))
        _percent_axis(axes)
        axes.set_title(f"Misrouted share by {_said(by)}")
        top = shown.iloc[0]
        return theme.drawing(
            figure,
            f"Misrouted share by {_said(by)}, {len(shown)} with the most misrouted tickets; first {top[by]} "
            f"with {words.estimate(top['share'], top['low'], top['high'], 'share')} of {top['tickets']:,}, most "
            f"of which belong in {top['belongs_in']}.",
        )


def misrouted_table(frame: pd.DataFrame) -> Markup:
    """The same as a table, for the few groups of a form or a channel.

    Args:
        frame: as of `analysis.routing.misrouted`; its first column names the groups.
    """
    if frame.empty:
        return _empty(frame)
    by = str(frame.columns[0])
    told = pd.DataFrame(
        {
            _said(by).capitalize(): frame[by],
            "Misrouted": [f"{row['misrouted']:,} of {row['tickets']:,}" for row in frame.to_dict("records")],
            "Share (95 % interval)": _estimates(frame),
            "Most belong in": frame["belongs_in"].replace("", words.NOT_SHOWN),
        }
    )
    return _first_of(told, caption=f"Misrouted tickets by {_said(by)}", more=f"{_said(by)}s")


def misrouted_weeks(frame: pd.DataFrame) -> Drawing | Markup:
    """The misrouted share week by week, with its interval.

    Args:
        frame: as of `analysis.routing.misrouted_by_week`.
    """
    if frame.empty:
        return _empty(frame)
    with theme.style():
        figure = theme.new_figure(9.6, 2.7)
        axes = figure.add_subplot()
        place = np.arange(len(frame))
        axes.fill_between(place, 100 * frame["low"], 100 * frame["high"], color=theme.BAND, linewidth=0)
        axes.plot(place, 100 * frame["share"], color=theme.BLUE, marker="o", markersize=4)
        last = frame.iloc[-1]
        axes.annotate(
            words.value(last["share"], "share"),
            (place[-1], 100 * last["share"]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=theme.BLUE,
            fontweight="bold",
            annotation_clip=False,
        )
        weeks_below(axes, list(frame["week"]))
        axes.set_ylim(0, 100 * float(frame["high"].max()) * 1.15 + 1)
        axes.yaxis.set_major_formatter(lambda number, _: f"{number:.0f} %")
        axes.set_title("Misrouted share by week of creation, with its 95 % interval")
        return theme.drawing(
            figure,
            f"Line of the misrouted share, {frame['week'].iloc[0]} to {last['week']}; last "
            f"{words.estimate(last['share'], last['low'], last['high'], 'share')} of {int(last['tickets']):,} tickets.",
        )


def signals(frame: pd.DataFrame) -> Markup:
    """Groups whose misrouted share has risen.

    Args:
        frame: as of `analysis.routing.misrouting_signals`.
    """
    if frame.empty:
        return _empty(frame)
    found = frame[frame["discovery"]]
    by = str(frame.columns[0])
    tests = "1 test" if len(frame) == 1 else f"{len(frame)} tests, one per {_said(by)}"
    said = f"{tests}; where nothing has happened, at most one week in ten shows a signal here."
    if found.empty:
        return note(f"For no {_said(by)} has the misrouted share risen by more than chance does. {said}")
    told = pd.DataFrame(
        {
            _said(by).capitalize(): found[by],
            "Misrouted": [f"{row.misrouted:,} of {row.tickets:,}" for row in found.itertuples()],
            "Share (95 % interval)": _estimates(found),
            "Before": [words.value(each, "share") for each in found["share_before"]],
            "Most belong in": found["belongs_in"],
            "Latest of them": found["ticket_ids"],
        }
    )
    return _below(table_of_frame(told, caption="Where the misrouted share has risen this week"), said)


def queues(frame: pd.DataFrame) -> Markup:
    """What enters each queue, what it solves and how long that takes.

    Args:
        frame: as of `routing_report.queues`.
    """
    if frame.empty:
        return _empty(frame)
    told = pd.DataFrame({"Queue": frame["queue"]})
    for name, column in (
        ("Entered", "entered"),
        ("Sent on", "sent_on"),
        ("Solved", "solved"),
        ("Taken in", "taken_in"),
    ):
        if frame[column].notna().any():
            told[name] = _counts(frame[column])
    told["Median time to solve"] = [
        words.estimate(row["value"], row["low"], row["high"], "seconds") for row in frame.to_dict("records")
    ]
    return _first_of(told, caption="Queues, the busiest first", more="queues")


def cost(frame: pd.DataFrame) -> Markup:
    """What goes along with a transfer.

    Args:
        frame: as of `analysis.routing.transfer_cost`.
    """
    known = frame[frame["exposed"] > 0] if len(frame) else frame
    if known.empty:
        return _empty(frame)
    rows = known.to_dict("records")
    told = pd.DataFrame(
        {
            "What": [_OUTCOMES[row["outcome"], row["unit"]] for row in rows],
            "Handed on": [_level(row, row["with_transfer"]) for row in rows],
            "Not": [_level(row, row["without_transfer"]) for row in rows],
            "Difference": [_gap(row["crude"], row["unit"]) for row in rows],
            "Like with like (95 % interval)": [_adjusted(row) for row in rows],
        }
    )
    counts = [f"{row['exposed']:,} and {row['unexposed']:,}" for row in rows]
    solved = next((count for row, count in zip(rows, counts, strict=True) if row["outcome"] == "full_resolution"), "")
    rated = next((count for row, count in zip(rows, counts, strict=True) if row["outcome"] == "satisfied"), "")
    said = [
        f"Solved tickets that could be compared, handed on and not: {solved}." if solved else "",
        f"Of these with an answer to the survey: {rated}." if rated else "No survey answers to compare.",
    ]
    table = table_of_frame(told, caption="Tickets that were handed on beside those that were not")
    return _below(table, " ".join(each for each in said if each))


def before_after(frame: pd.DataFrame) -> Markup:
    """Tickets before and after each change of a rule, beside those that the rule does not touch.

    Args:
        frame: as of `routing_report.before_after`.
    """
    if frame.empty:
        return _empty(frame)
    rows = frame.to_dict("records")
    told = pd.DataFrame(
        {
            "Rule": [
                f"{row['rule_id']}, {row['changed_at']:%Y-%m-%d}: {row['queue_before']} → {row['queue_after']}"
                for row in rows
            ],
            "Tickets": ["that it fits" if row["group"] == "affected" else "of all others" for row in rows],
            "What": [_OUTCOMES[row["outcome"], row["unit"]].partition(":")[0] for row in rows],
            "Before → after": [f"{_level(row, row['before'])} → {_level(row, row['after'])}" for row in rows],
            "Change (95 % interval)": [_change(row) for row in rows],
        }
    )
    return table_of_frame(told, caption="Before and after each change of a rule")


def lint(frame: pd.DataFrame) -> Markup:
    """What is wrong with the rules.

    Args:
        frame: as of `routing_report.lint`.
    """
    if frame.empty:
        missing = frame.attrs.get("missing")
        return note(str(missing) if missing else "Nothing is wrong with the rules, by their logic and by the tickets.")
    rows = frame.to_dict("records")
    told = pd.DataFrame(
        {
            "Rule": [f"{row['rule_id'] or 'all'}{' (this team)' if row['ours'] else ''}" for row in rows],
            "Finding": [f"{row['fault'].replace('_', ' ')} ({row['severity']}, {row['basis']})" for row in rows],
            "Why": frame["why"],
            "Tickets": [_proof(row) for row in rows],
        }
    )
    table = table_of_frame(told, caption="What is wrong with the routing rules in force, the gravest first")
    meant = [f"{fault.replace('_', ' ')}: {said}." for fault, said in FAULTS.items() if fault in set(frame["fault"])]
    return _below(table, " ".join(each[0].upper() + each[1:] for each in meant))


def replay(found: Replay) -> Markup:
    """What a candidate rule set would have changed, in sentences.

    Args:
        found: as of `analysis.routing_replay.replay`.
    """
    row = found.summary.iloc[0]
    if not row["tickets"]:
        return note(NOTHING)
    today = words.value(row["misrouted_today"], "share")
    alone = words.estimate(row["misrouted_candidate"], row["candidate_low"], row["candidate_high"], "share")
    if row["misrouted_today"] == row["misrouted_today"]:
        said = [
            f"Of {row['tickets']:,.0f} tickets {row['changed']:,.0f} would enter another queue: {row['mended']:,.0f} "
            f"of them the right one instead of a wrong one, {row['spoilt']:,.0f} a wrong one instead of the right one.",
            f"Misrouted share of the {row['judged']:,.0f} that can be judged: {today} as it was, {alone} with the "
            f"candidate; {words.points(row['difference'], 'share')} (95 % interval "
            f"{_range(row['low'], row['high'], 'share')}).",
        ]
    else:
        said = [
            f"The candidate would send {alone} of {row['judged']:,.0f} solved tickets to another queue than the one "
            "that solved them. The share under today's rules cannot be told from this export."
        ]
    if row["fallback"]:
        share = words.value(row["fallback"] / row["tickets"], "share")
        said.append(f"{row['fallback']:,.0f} tickets ({share}) fit no rule of the candidate but its fallback.")
    if row["as_it_was"] == row["as_it_was"]:
        said.append(
            f"The rules of the export send {words.value(row['as_it_was'], 'share')} of the tickets where they really "
            "went, which says how far a replay can be believed."
        )
    return Markup("".join(f"<p>{escape(one)}</p>" for one in said), "\n".join(said))


def load(found: Replay) -> Drawing | Markup:
    """Tickets that enter each queue with the candidate, beside today, or where that is not told beside what it solved.

    Args:
        found: as of `analysis.routing_replay.replay`.
    """
    frame, beside = _loads(found)
    if frame.empty:
        return note(NOTHING)
    frame = frame.head(_MOST)
    names = {"today": "today", "solved": "solved there"}
    with theme.style():
        figure = theme.new_figure(9.6, 1.1 + 0.26 * len(frame))
        axes = figure.add_subplot()
        place = np.arange(len(frame))
        axes.hlines(place, frame[beside], frame["candidate"], color=theme.LINE, linewidth=1.5)
        axes.plot(frame[beside], place, "o", color=theme.SKY, markersize=5)
        axes.plot(frame["candidate"], place, "D", color=theme.ORANGE, markersize=5)
        top = float(frame[[beside, "candidate"]].to_numpy().max())
        for at, row in zip(place.tolist(), frame.to_dict("records"), strict=True):
            text = words.points(row["candidate"] - row[beside], "count")
            end = max(row[beside], row["candidate"]) + top * 0.02
            axes.text(end, at, text, va="center", fontsize=8, color=theme.MUTED)
        axes.set_yticks(place, list(frame["queue"]))
        axes.invert_yaxis()
        axes.set_xlim(0, top * 1.12 + 1)
        axes.grid(axis="x")
        axes.set_title(f"Tickets that enter each queue (◆ candidate, ● {names[beside]})")
        first = frame.iloc[0]
        return theme.drawing(
            figure,
            f"Tickets that enter each of {len(frame)} queues, {names[beside]} and with the candidate; first "
            f"{first['queue']}: {words.value(first[beside], 'count')} {names[beside]}, "
            f"{words.value(first['candidate'], 'count')} with the candidate.",
        )


def load_table(found: Replay) -> pd.DataFrame:
    """The same in numbers, with the interval of the difference and the share of each queue that is solved elsewhere.

    Args:
        found: as of `analysis.routing_replay.replay`.
    """
    frame, beside = _loads(found)
    rows = frame.to_dict("records")
    told = pd.DataFrame({"Queue": frame["queue"]})
    if beside == "today":
        told["Today"] = [words.value(row["today"], "count") for row in rows]
    told["Candidate"] = [words.value(row["candidate"], "count") for row in rows]
    if beside == "today":
        told["Change (95 % interval)"] = [
            f"{words.points(row['difference'], 'count')} "
            f"({words.points(row['low'], 'count')} to {words.points(row['high'], 'count')})"
            for row in rows
        ]
        told["Misrouted today"] = [words.value(row["misrouted_today"], "share") for row in rows]
    told["Misrouted by the candidate"] = [words.value(row["misrouted_candidate"], "share") for row in rows]
    told["Solved there"] = [words.value(row["solved"], "count") for row in rows]
    return told.reset_index(drop=True)


def loads(found: Replay) -> Markup:
    """`load_table` as a table of the page."""
    told = load_table(found)
    if told.empty:
        return note(NOTHING)
    return _first_of(told, caption="Tickets that enter each queue, the largest changes first", more="queues")


def changed(found: Replay) -> Markup:
    """Tickets that would enter another queue: how many by queues and verdict, and the latest of each.

    Args:
        found: as of `analysis.routing_replay.replay`.
    """
    if found.load["today"].isna().all():
        return note(NO_COMPARISON)
    if found.changed.empty:
        return note("No ticket would enter another queue, as far as the export tells.")
    rows = found.changed.fillna({"queue_today": NO_QUEUE, "queue_candidate": NO_QUEUE})
    grouped = rows.groupby(["queue_today", "queue_candidate", "verdict"])["ticket_id"]
    counts = grouped.agg(tickets="size", latest=lambda ids: ", ".join(ids.head(3))).reset_index()
    counts = counts.sort_values(["tickets", "queue_today", "queue_candidate"], ascending=[False, True, True])
    told = counts.rename(
        columns={
            "queue_today": "Queue today",
            "queue_candidate": "Queue of the candidate",
            "verdict": "Verdict",
            "tickets": "Tickets",
            "latest": "Latest of them",
        }
    )
    return _first_of(told, caption="Tickets that would enter another queue", more="pairs of queues")


def warnings(found: Replay) -> Markup:
    """What the past cannot tell about a candidate.

    Args:
        found: as of `analysis.routing_replay.replay`.
    """
    if not found.warnings:
        return note("Nothing stands in the way of reading these figures.")
    items = "".join(f"<li>{escape(one)}</li>" for one in found.warnings)
    return Markup(f"<ul>{items}</ul>", "\n".join(found.warnings))


def _empty(frame: pd.DataFrame) -> Markup:
    return note(str(frame.attrs.get("missing") or NOTHING))


def _below(table: Markup, sentence: str) -> Markup:
    return Markup(f"{table.html}<p>{escape(sentence)}</p>", f"{table.text}\n{sentence}")


def _first_of(told: pd.DataFrame, *, caption: str, more: str) -> Markup:
    """The first rows as a table, and how many there are in all where that is more."""
    table = table_of_frame(told.head(_MOST), caption=caption)
    if len(told) <= _MOST:
        return table
    return _below(table, f"The first {_MOST} of {len(told):,} {more}; the frame has them all.")


def _counts(column: pd.Series) -> list[str]:
    return [words.value(each, "count") for each in column]


def _said(by: str) -> str:
    return by.replace("_", " ")


def _proof(row: Row) -> str:
    if not row["tickets"]:
        return "none"
    latest = ", ".join(str(row["ticket_ids"]).split("; "))
    return latest if row["tickets"] <= len(latest.split(", ")) else f"{row['tickets']:,}, latest {latest}"


def _loads(found: Replay) -> tuple[pd.DataFrame, str]:
    """Queues that get anything, the largest changes first, and what the candidate is compared with."""
    beside = "today" if found.load["today"].notna().any() else "solved"
    frame = found.load[found.load["candidate"].gt(0) | found.load["today"].gt(0)]
    order = (frame["candidate"] - frame[beside]).abs().sort_values(ascending=False, kind="stable").index
    return frame.loc[order], beside


def _largest(frame: pd.DataFrame, side: str) -> list[str]:
    sums = frame.groupby(side, observed=True)["moves"].sum().sort_index().sort_values(ascending=False, kind="stable")
    return [str(name) for name in sums.index[:_GRID]]


def _estimates(frame: pd.DataFrame) -> Sequence[str]:
    rows = frame[["share", "low", "high"]].to_dict("records")
    return [words.estimate(row["share"], row["low"], row["high"], "share") for row in rows]


def _percent_axis(axes: Axes) -> None:
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100])
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:.0f} %")
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")


def _level(row: Row, number: float) -> str:
    return words.value(number, "share" if row["unit"] == "share" else "seconds")


def _gap(number: float, unit: str) -> str:
    return f"× {number:.2f}" if unit == "times" else words.points(number, unit)


def _adjusted(row: Row) -> str:
    unit = str(row["unit"])
    return f"{_gap(float(row['adjusted']), unit)} ({_range(float(row['low']), float(row['high']), unit)})"


def _change(row: Row) -> str:
    unit, low, high = str(row["unit"]), float(row["low"]), float(row["high"])
    if low != low:
        return words.NOT_SHOWN
    return f"{_gap(float(row['difference']), unit)} ({_range(low, high, unit)})"


def _range(low: float, high: float, unit: str) -> str:
    first, last = (_gap(each, unit).removesuffix(" points").removeprefix("× ") for each in (low, high))
    return f"{first} to {last}"
