"""Figures and tables of the routing audit: each draws a frame of `frames`; `show` puts them into sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opslib import labels
from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE
from opslib.analysis.routing_audit.lint import FAULTS
from opslib.analysis.routing_audit.replay import NO_QUEUE, Replay
from opslib.analysis.weekly_review.false_alarms import rate_in_words
from opslib.display import theme, words
from opslib.display.cells import Cell, bullets, excerpt, is_known, paragraphs, rows_of, stacked, table_of
from opslib.display.charts import closed_in_words, weeks_below
from opslib.display.heat_map import heat_map
from opslib.display.theme import Drawing, Markup, note
from opslib.metrics import NO_GROUP

NOTHING = "No tickets here in these weeks: nothing to show."
NO_COMPARISON = (
    "Not in this export: it does not tell where tickets were sent first, so none can be said to go elsewhere."
)
_WAITING = "These hours are how long tickets took, waiting included; what people worked on them is not in this table."
_RATE = rate_in_words(FALSE_DISCOVERY_RATE)
_MOST = 10
_GRID = 8
_OUTCOMES = {
    ("full_resolution", "times"): "Creation to solve, open hours: times as long",
    ("full_resolution", "seconds"): "Creation to solve, open hours: longer by",
    ("satisfied", "share"): "Satisfied customers",
    ("misrouted", "share"): "Misrouted",
}
_VERDICTS = {
    "mended": "right instead of wrong",
    "spoilt": "wrong instead of right",
    "still elsewhere": "wrong either way",
    "not told": "cannot be judged",
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
        .rename(index=_queue, columns=_queue)
        .rename_axis(index="from", columns="to")
    )
    top = frame.iloc[0]
    return heat_map(
        moves.where(moves > 0),
        f"Grid of {words.whole(int(frame['moves'].sum()))} moves; most, {words.whole(int(top['moves']))}, from "
        f"{_queue(top['origin'])} to {_queue(top['destination'])}, which is {words.value(top['share'], 'share')} of "
        f"the moves out of {_queue(top['origin'])}.",
        texts=moves.map(lambda count: words.whole(count) if count else ""),
        width=9.6,
        gamma=0.5,
    )


def transitions_table(frame: pd.DataFrame) -> Markup:
    """The same moves as a table, with the interval of each share.

    Args:
        frame: origin, destination, moves, tickets, and share, low, high (of the moves out of the origin); most moves
            first.
    """
    if frame.empty:
        return _empty(frame)
    rows: list[list[Cell | str]] = [
        [
            Cell(_queue(row.origin), header=True),
            _queue(row.destination),
            _count(row.moves),
            _count(row.tickets),
            _share_estimate(row),
        ]
        for row in rows_of(frame)
    ]
    heads = ("From", "To", "Moves", "Tickets", "Share of the moves out (95% interval)")
    return excerpt("Moves, the most frequent first", heads, rows, most=_MOST, plural="moves")


def transfers(frame: pd.DataFrame) -> Markup:
    """How often tickets are transferred.

    Args:
        frame: transfers, tickets, share, low, high, ping_pong.
    """
    if frame.empty or not frame["tickets"].sum():
        return _empty(frame)
    tells_queues = bool(frame["ping_pong"].notna().any())
    rows = [
        [
            Cell(row.transfers, header=True),
            _count(row.tickets),
            _share_estimate(row),
            *([_count(row.ping_pong)] if tells_queues else []),
        ]
        for row in rows_of(frame)
    ]
    heads = ["Transfers", "Tickets", "Share (95% interval)"]
    heads += ["Came back to a queue it had left"] if tells_queues else []
    return stacked(
        table_of("Tickets by number of transfers", heads, rows),
        paragraphs(
            "" if tells_queues else "Which of them came back to a queue is not in this export.", few_sentence(frame)
        ),
    )


def misrouted(frame: pd.DataFrame) -> Drawing | Markup:
    """Shares of tickets whose first queue was wrong, with their intervals, the largest groups of misrouted first.

    Args:
        frame: the groups, tickets, misrouted, share, low, high, belongs_in; its first column names the groups.
    """
    groups = frame[frame["misrouted"] > 0].head(_MOST) if len(frame) else frame
    if groups.empty:
        return _empty(frame)
    by, top, first = str(groups.columns[0]), groups.iloc[0], _names(groups)[0]
    with theme.style():
        figure = theme.new_figure(9.6, 0.9 + 0.3 * len(groups))
        _draw_shares(figure.add_subplot(), groups)
        return theme.drawing(
            figure,
            f"Misrouted share by {_spaced(by)}, {len(groups)} with the most misrouted tickets; first {first} "
            f"with {words.estimate(top['share'], top['low'], top['high'], 'share')} of "
            f"{words.whole(top['tickets'])}, most "
            f"of which belong in {_queue(top['belongs_in'])}.",
        )


def misrouted_table(frame: pd.DataFrame) -> Markup:
    """The same as a table, for the few groups of a form or a channel.

    Args:
        frame: the groups, tickets, misrouted, share, low, high, belongs_in; its first column names the groups.
    """
    if frame.empty:
        return _empty(frame)
    by = _spaced(str(frame.columns[0]))
    rows: list[list[Cell | str]] = [
        [
            Cell(group, header=True),
            Cell(f"{words.whole(row.misrouted)} of {words.whole(row.tickets)}", number=True),
            _share_estimate(row),
            _queue(row.belongs_in) or words.NOT_SHOWN,
        ]
        for group, row in _with_groups(frame)
    ]
    heads = (by.capitalize(), "Misrouted", "Share (95% interval)", "Most belong in")
    return excerpt(f"Misrouted tickets by {by}", heads, rows, most=_MOST, plural=f"{by}s")


def misrouted_weeks(frame: pd.DataFrame) -> Drawing | Markup:
    """The misrouted share week by week, with its interval.

    Args:
        frame: week, tickets, share, low, high, closed, in order.
    """
    if frame.empty:
        return _empty(frame)
    with theme.style():
        figure = theme.new_figure(9.6, 2.7)
        _draw_weeks(figure.add_subplot(), frame)
        last = frame.iloc[-1]
        return theme.drawing(
            figure,
            f"Line of the misrouted share, {words.week_span(frame['week'].iloc[0], last['week'])}; last "
            f"{words.estimate(last['share'], last['low'], last['high'], 'share')} of "
            f"{words.whole(int(last['tickets']))} tickets. "
            f"{closed_in_words(list(frame['week']), list(frame['closed']))}".rstrip(),
        )


def signals(frame: pd.DataFrame) -> Markup:
    """Groups whose misrouted share has risen.

    Args:
        frame: the groups, tickets, misrouted, share, low, high, belongs_in, share_before, discovery, ticket_ids; its
            first column names the groups, and each row is a test.
    """
    few = words.groups_left_out(frame.attrs.get("few"))
    if frame.empty:
        return note(few) if few and "missing" not in frame.attrs else _empty(frame)
    by = _spaced(str(frame.columns[0]))
    judged = f"1 {by} was judged" if len(frame) == 1 else f"{len(frame)} {by}s were judged"
    rate = f"{judged}; when nothing has happened, at most {_RATE} shows a signal here. {few}".rstrip()
    discoveries = frame[frame["discovery"]]
    if discoveries.empty:
        return note(f"The misrouted share has not risen beyond chance for any {by} that was judged. {rate}")
    rows = [
        [
            Cell(group, header=True),
            Cell(f"{words.whole(row.misrouted)} of {words.whole(row.tickets)}", number=True),
            _share_estimate(row),
            Cell(words.value(row.share_before, "share"), number=True),
            _queue(row.belongs_in),
            row.ticket_ids,
        ]
        for group, row in _with_groups(discoveries)
    ]
    heads = (by.capitalize(), "Misrouted", "Share (95% interval)", "Before", "Most belong in", "Latest tickets")
    return stacked(table_of("Where the misrouted share has risen this week", heads, rows), paragraphs(rate))


def queues(frame: pd.DataFrame) -> Markup:
    """What enters each queue, what it solves and how long that takes.

    Args:
        frame: queue, entered, sent_on, solved, taken_in, and value, low, high (seconds to the solve). A count that is
            missing in all rows is left out; one that is missing in some is of too few people.
    """
    if frame.empty:
        return _empty(frame)
    heads = {"entered": "Entered", "sent_on": "Sent on", "solved": "Solved", "taken_in": "From elsewhere"}
    columns = [column for column in heads if frame[column].notna().any()]
    rows = [
        [
            Cell(_queue(row.queue), header=True),
            *(_count(getattr(row, column)) for column in columns),
            Cell(words.estimate(row.value, row.low, row.high, "seconds"), number=True),
        ]
        for row in rows_of(frame)
    ]
    names = ("Queue", *(heads[column] for column in columns), "Median time to solve")
    table = excerpt("Queues, the busiest first", names, rows, most=_MOST, plural="queues")
    return stacked(table, paragraphs(few_sentence(frame)))


def cost(frame: pd.DataFrame) -> Markup:
    """What goes along with a transfer.

    Args:
        frame: outcome, unit, with_transfer, without_transfer, crude, adjusted, low, high, exposed, unexposed.
    """
    comparisons = list(rows_of(frame[frame["exposed"] > 0])) if len(frame) else []
    if not comparisons:
        return _empty(frame)
    rows = [
        [
            Cell(_OUTCOMES[row.outcome, row.unit], header=True),
            Cell(_level(row.with_transfer, row.unit), number=True),
            Cell(_level(row.without_transfer, row.unit), number=True),
            Cell(_gap(row.crude, row.unit), number=True),
            Cell(_gap_estimate(row.adjusted, row.low, row.high, row.unit), number=True),
        ]
        for row in comparisons
    ]
    heads = ("What", "Transferred", "Not transferred", "Difference", "Like with like (95% interval)")
    counts = {row.outcome: f"{words.whole(row.exposed)} and {words.whole(row.unexposed)}" for row in comparisons}
    solved = f"Solved tickets that could be compared, transferred and not: {counts.get('full_resolution')}."
    rated = f"Of these with an answer to the survey: {counts.get('satisfied')}."
    below = [
        solved if "full_resolution" in counts else "",
        rated if "satisfied" in counts else "There are no survey answers to compare, or none in this export.",
    ]
    table = table_of("Tickets that were transferred beside those that were not", heads, rows)
    return stacked(table, paragraphs(" ".join(sentence for sentence in below if sentence), _WAITING))


def before_after(frame: pd.DataFrame) -> Markup:
    """Tickets before and after each change of a rule, beside those that the rule does not touch.

    Args:
        frame: rule, changed_at, queue_before, queue_after, group, outcome, unit, before, after, difference, low,
            high.
    """
    if frame.empty:
        return _empty(frame)
    rows = [
        [
            Cell(
                f"{row.rule}, {words.full_day(row.changed_at)}: {_queue(row.queue_before)} → {_queue(row.queue_after)}",
                header=True,
            ),
            "matching the rule" if row.group == "affected" else "all others",
            _OUTCOMES[row.outcome, row.unit].partition(":")[0],
            Cell(f"{_level(row.before, row.unit)} → {_level(row.after, row.unit)}", number=True),
            Cell(_gap_estimate(row.difference, row.low, row.high, row.unit), number=True),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Rule", "Tickets", "What", "Before → after", "Change (95% interval)")
    return table_of("Before and after each change of a rule", heads, rows)


def lint(frame: pd.DataFrame) -> Markup:
    """What is wrong with the rules.

    Args:
        frame: fault, severity, rule, basis, tickets, ticket_ids, why, ours; the most serious first.
    """
    if frame.empty:
        missing = frame.attrs.get("missing")
        return note(str(missing) if missing else "Nothing that was looked for is wrong with the rules.")
    rows = [
        [
            Cell(f"{row.rule or 'all'}{' (this team)' if row.ours else ''}", header=True),
            f"{_spaced(row.fault)} ({row.severity}, {row.basis})",
            row.why,
            _latest_tickets(row.tickets, row.ticket_ids) if is_known(row.tickets) else words.NOT_SHOWN,
        ]
        for row in rows_of(frame.astype({"tickets": "float64"}))
    ]
    heads = ("Rule", "Finding", "Why", "Tickets")
    table = table_of("What is wrong with the routing rules in force, most serious first", heads, rows)
    faults = set(frame["fault"])
    meanings = [f"{_spaced(fault)}: {meaning}." for fault, meaning in FAULTS.items() if fault in faults]
    meaning = " ".join(sentence[0].upper() + sentence[1:] for sentence in meanings)
    return stacked(table, paragraphs(meaning, few_sentence(frame)))


def replay(result: Replay) -> Markup:
    """What a candidate rule set would have changed, in sentences.

    Args:
        result: of `frames.replay`.
    """
    row = result.summary.iloc[0]
    if not row["tickets"]:
        return note(NOTHING)
    sentences = _comparison(row) if is_known(row["misrouted_today"]) else [_candidate_alone(row)]
    if not is_known(row["fallback"]):
        sentences.append(
            "Some tickets, of too few people to be counted here, fit no rule of the candidate but its fallback."
        )
    elif row["fallback"]:
        share = words.value(row["fallback"] / row["tickets"], "share")
        sentences.append(
            f"{words.whole(row['fallback'])} tickets ({share}) fit no rule of the candidate but its fallback."
        )
    if is_known(row["as_it_was"]):
        sentences.append(
            f"The rules of the export send {words.value(row['as_it_was'], 'share')} of the tickets where they really "
            "went, which says how far this replay can be trusted."
        )
    return paragraphs(*sentences)


def replay_load(result: Replay) -> Drawing | Markup:
    """Tickets that enter each queue with the candidate, beside today, or, where that is not known, what it solved.

    Args:
        result: of `frames.replay`.
    """
    loads, beside = _loads(result)
    if loads.empty:
        return note(NOTHING)
    loads = loads.dropna(subset=[beside, "candidate"]).head(_MOST)
    if loads.empty:
        return note(few_sentence(result.load))
    label = "solved there" if beside == "solved" else beside
    with theme.style():
        figure = theme.new_figure(9.6, 1.1 + 0.26 * len(loads))
        axes = figure.add_subplot()
        _draw_loads(axes, loads, beside)
        axes.set_title(f"Tickets that enter each queue (◆ candidate, ● {label})")
        first = loads.iloc[0]
        return theme.drawing(
            figure,
            f"Tickets that enter each of {len(loads)} queues, {label} and with the candidate; first "
            f"{_queue(first['queue'])}: {words.value(first[beside], 'count')} {label}, "
            f"{words.value(first['candidate'], 'count')} with the candidate.",
        )


def replay_load_table(result: Replay) -> Markup:
    """The same in numbers, with the interval of the difference and the share of each queue that is solved elsewhere.

    Args:
        result: of `frames.replay`.
    """
    heads, rows = replay_load_cells(result)
    if not rows:
        return note(NOTHING)
    caption = "Tickets that enter each queue, the largest changes first"
    table = excerpt(caption, heads, rows, most=_MOST, plural="queues")
    return stacked(table, paragraphs(few_sentence(result.load)))


def replay_load_cells(result: Replay) -> tuple[list[str], list[list[Cell]]]:
    """The heads and all rows of `replay_load_table`, the largest changes first.

    Args:
        result: of `frames.replay`.
    """
    loads, beside = _loads(result)
    has_today = beside == "today"
    heads = ["Queue", "Candidate", "Misrouted then", "Solved there"]
    if has_today:
        heads[1:2] = ["Today", "Candidate", "Change (95% interval)", "Misrouted today"]
    rows = []
    for row in rows_of(loads):
        cells = [
            Cell(_queue(row.queue), header=True),
            _count(row.candidate),
            Cell(words.value(row.misrouted_candidate, "share"), number=True),
            _count(row.solved),
        ]
        if has_today:
            cells[1:2] = [
                _count(row.today),
                _count(row.candidate),
                Cell(_gap_estimate(row.difference, row.low, row.high, "count"), number=True),
                Cell(words.value(row.misrouted_today, "share"), number=True),
            ]
        rows.append(cells)
    return heads, rows


def replay_changes(result: Replay) -> Markup:
    """Tickets that would enter another queue: how many by queues and verdict, and the latest of each.

    Args:
        result: of `frames.replay`.
    """
    if result.load["today"].isna().all():
        return note(NO_COMPARISON)
    if result.changed.empty:
        return note("No ticket would enter another queue, as far as the export tells.")
    tickets = result.changed.fillna({"queue_today": NO_QUEUE, "queue_candidate": NO_QUEUE})
    groups = tickets.groupby(["queue_today", "queue_candidate", "verdict"])["ticket_id"]
    counts = groups.agg(tickets="size", latest=lambda ids: ", ".join(list(filter(None, ids))[:3])).reset_index()
    counts = counts.sort_values(["tickets", "queue_today", "queue_candidate"], ascending=[False, True, True])
    rows = [
        [
            Cell(_queue(row.queue_today), header=True),
            _queue(row.queue_candidate),
            _VERDICTS[row.verdict],
            _count(row.tickets),
            row.latest,
        ]
        for row in rows_of(counts)
    ]
    heads = ("Queue today", "Queue of the candidate", "With the candidate", "Tickets", "Latest tickets")
    return excerpt("Tickets that would enter another queue", heads, rows, most=_MOST, plural="pairs of queues")


def replay_warnings(result: Replay) -> Markup:
    """What the past cannot tell about a candidate.

    Args:
        result: of `frames.replay`.
    """
    if not result.warnings:
        return note("This export has all that the comparison needs.")
    return bullets(result.warnings)


def few_sentence(frame: pd.DataFrame) -> str:
    """Why numbers of a frame are not shown; empty where none is missing for this reason.

    Args:
        frame: with `attrs["few"]` where numbers of too few people are missing.
    """
    few = frame.attrs.get("few")
    return f"{words.NOT_SHOWN} stands for numbers of {few}, and for those that would tell them." if few else ""


def _comparison(row: pd.Series) -> list[str]:
    """The candidate beside the rules of the day: tickets that change their queue, and the misrouted shares."""
    today, difference = words.value(row["misrouted_today"], "share"), words.points(row["difference"], "share")
    changes = (
        f"Of {words.whole(row['tickets'])} tickets {words.whole(row['changed'])} would enter another queue: "
        f"{words.whole(row['mended'])} "
        f"of them the right one instead of a wrong one, {words.whole(row['spoilt'])} a wrong one instead of the "
        "right one."
    )
    if not is_known(row["changed"]):
        return [
            f"Of {words.whole(row['tickets'])} tickets some would enter another queue, of too few people to be "
            "counted here."
        ]
    return [
        changes,
        f"Misrouted share of the {words.whole(row['judged'])} that can be judged: {today} as it was, "
        f"{_candidate_estimate(row)} with the candidate; {difference} "
        f"(95% interval {_range(row['low'], row['high'], 'share')}).",
    ]


def _candidate_alone(row: pd.Series) -> str:
    """The misrouted share of the candidate where nothing tells how tickets were routed."""
    return (
        f"The candidate would send {_candidate_estimate(row)} of {words.whole(row['judged'])} solved tickets to "
        "another queue "
        "than the one that solved them. The share under today's rules cannot be told from this export."
    )


def _candidate_estimate(row: pd.Series) -> str:
    return words.estimate(row["misrouted_candidate"], row["candidate_low"], row["candidate_high"], "share")


def _draw_shares(axes: Axes, groups: pd.DataFrame) -> None:
    """A point with its interval per group, the first on top, and beside it the counts and the queue."""
    by = str(groups.columns[0])
    places = np.arange(len(groups))
    axes.hlines(places, 100 * groups["low"], 100 * groups["high"], color=theme.SKY, linewidth=3)
    axes.plot(100 * groups["share"], places, "o", color=theme.BLUE, markersize=5)
    for place, row in enumerate(rows_of(groups)):
        text = f"{words.whole(row.misrouted)} of {words.whole(row.tickets)}, most to {_queue(row.belongs_in)}"
        axes.text(100 * row.high + 1.2, place, text, va="center", fontsize=8, color=theme.MUTED)
    axes.set_yticks(places, _names(groups))
    axes.invert_yaxis()
    axes.set_xlim(0, min(100 * float(groups["high"].max()) * 1.15 + 32, 150))
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100])
    axes.xaxis.set_major_formatter(lambda number, _: words.percent(number / 100, 0))
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_title(f"Misrouted share by {_spaced(by)}")


def _draw_weeks(axes: Axes, weeks: pd.DataFrame) -> None:
    """The share of each week as a line on the band of its interval, with the last value in words."""
    places, last = np.arange(len(weeks)), weeks.iloc[-1]
    axes.fill_between(places, 100 * weeks["low"], 100 * weeks["high"], color=theme.BAND, linewidth=0)
    axes.plot(places, 100 * weeks["share"], color=theme.BLUE, marker="o", markersize=4)
    axes.annotate(
        words.value(last["share"], "share"),
        (places[-1], 100 * last["share"]),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=theme.BLUE,
        fontweight="bold",
        annotation_clip=False,
    )
    axes.set_ylim(0, 100 * float(weeks["high"].max()) * 1.15 + 1)
    weeks_below(axes, list(weeks["week"]), list(weeks["closed"]))
    axes.yaxis.set_major_formatter(lambda number, _: words.percent(number / 100, 0))
    axes.set_title("Misrouted share by week of creation, with its 95% interval")


def _draw_loads(axes: Axes, loads: pd.DataFrame, beside: str) -> None:
    """Two points per queue, joined, the first on top, and beside them how far they are apart."""
    places = np.arange(len(loads))
    axes.hlines(places, loads[beside], loads["candidate"], color=theme.LINE, linewidth=1.5)
    axes.plot(loads[beside], places, "o", color=theme.SKY, markersize=5)
    axes.plot(loads["candidate"], places, "D", color=theme.ORANGE, markersize=5)
    pairs = loads[[beside, "candidate"]]
    top = float(pairs.to_numpy().max())
    differences = loads["candidate"] - loads[beside]
    for place, (difference, end) in enumerate(zip(differences, pairs.max(axis=1), strict=True)):
        text = words.points(difference, "count")
        axes.text(end + top * 0.02, place, text, va="center", fontsize=8, color=theme.MUTED)
    axes.set_yticks(places, [_queue(queue) for queue in loads["queue"]])
    axes.invert_yaxis()
    axes.set_xlim(-0.01 * top, top * 1.12 + 1)
    axes.xaxis.set_major_formatter(lambda number, _: words.value(number, "count"))
    axes.grid(axis="x")


def _empty(frame: pd.DataFrame) -> Markup:
    """A line in place of a frame without rows: what the export lacks, or that there are no tickets."""
    return note(str(frame.attrs.get("missing") or NOTHING))


def _with_groups(frame: pd.DataFrame) -> Sequence[tuple[str, Any]]:
    """The rows of a frame, each with the group that its first column names."""
    names = _names(frame)
    return list(zip(names, rows_of(frame), strict=True))


def _names(frame: pd.DataFrame) -> list[str]:
    """The groups that the first column of a frame names; what has none says so."""
    by = str(frame.columns[0])
    return [f"no {_spaced(by)}" if name == NO_GROUP else labels.label(by, name) for name in frame[by]]


def _queue(name: Any) -> str:
    """A queue as a reader calls it; also a team by its label, and what stands for none or for those of few people."""
    return labels.label("queue", name)


def _count(number: float) -> Cell:
    return Cell(words.value(number, "count"), number=True)


def _share_estimate(row: Any) -> Cell:
    """The share of a row with its interval."""
    return Cell(words.estimate(row.share, row.low, row.high, "share"), number=True)


def _spaced(name: str) -> str:
    """A name of columns or faults with spaces between its words."""
    return name.replace("_", " ")


def _latest_tickets(count: float, ticket_ids: str) -> str:
    """The latest tickets of a finding, and how many there are where that is more."""
    if not count:
        return "none"
    latest = [ticket_id for ticket_id in ticket_ids.split("; ") if ticket_id]
    if not latest:
        return words.whole(count)
    return ", ".join(latest) if count <= len(latest) else f"{words.whole(count)}, latest {', '.join(latest)}"


def _loads(result: Replay) -> tuple[pd.DataFrame, str]:
    """Queues that get anything, the largest changes first, and the column that the candidate is compared with."""
    beside = "today" if result.load["today"].notna().any() else "solved"
    is_in_use = result.load["candidate"].ne(0) | result.load["today"].gt(0)
    loads = result.load[is_in_use]
    order = (loads["candidate"] - loads[beside]).abs().sort_values(ascending=False, kind="stable").index
    return loads.loc[order], beside


def _largest(frame: pd.DataFrame, side: str) -> list[str]:
    sums = frame.groupby(side, observed=True)["moves"].sum().sort_index().sort_values(ascending=False, kind="stable")
    return [str(name) for name in sums.index[:_GRID]]


def _level(number: float, unit: str) -> str:
    """A share, or a time where the unit is a time or how many times as long it is."""
    return words.value(number, "share" if unit == "share" else "seconds")


def _gap(number: float, unit: str) -> str:
    """A difference with its sign, or a ratio."""
    return f"× {words.decimal(number, 2)}" if unit == "times" else words.points(number, unit)


def _gap_estimate(number: float, low: float, high: float, unit: str) -> str:
    """A difference or a ratio with its interval; nothing where there is none."""
    if not is_known(low):
        return words.NOT_SHOWN
    return f"{_gap(number, unit)} ({_range(low, high, unit)})"


def _range(low: float, high: float, unit: str) -> str:
    """The ends of an interval of differences or ratios."""
    first, last = (_gap(limit, unit).removesuffix(" points").removeprefix("× ") for limit in (low, high))
    return f"{first} to {last}"
