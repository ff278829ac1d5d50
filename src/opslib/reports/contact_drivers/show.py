"""What a reader sees of contact drivers: frames of `analysis.drivers`, `movers`, `language` and `escalation` drawn."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from opslib.display import theme, words
from opslib.display.cells import Cell, paragraphs, rows_of, spark_words, sparkline, stacked, table_of
from opslib.display.charts import NOTHING, draw_range, mark_signals, weeks_below
from opslib.display.heat_map import heat_map
from opslib.display.theme import Drawing, Markup, note
from opslib.reports.contact_drivers.escalation_files import Escalation

_SHOWN_REASONS = 15
_SHOWN_PHRASES = 12
_SHOWN_TOPICS = 12
_SHOWN_WORDS = 5
_LONGEST_NAME = 44
_RENAMED = (
    "What some reasons gained, others lost: it looks as if labels were renamed or are used in another way, rather than "
    "as if customers wrote about something else."
)
_OUTCOMES = {
    "misrouted": "misrouted",
    "labelled_other": "labelled as a catch-all",
    "asked_back": "asked back",
}


def pareto(frame: pd.DataFrame) -> Drawing | Markup:
    """Reasons by tickets as bars, and the share that they make up together.

    Args:
        frame: as of `analysis.drivers.pareto`.
    """
    if frame.empty:
        return note(NOTHING)
    if set(frame["contact_reason"]) == {"not labelled"}:
        return note("Contact reasons are not in this export: all tickets are unlabelled.")
    shown = frame.head(_SHOWN_REASONS)
    names = [_name(reason) for reason in shown["contact_reason"]]
    with theme.style():
        figure = theme.new_figure(8.6, 0.27 * len(shown) + 1.0)
        axes = figure.add_subplot()
        place = np.arange(len(shown))[::-1]
        share = shown["share"].to_numpy(dtype=np.float64)
        hours = shown["hours_share"].to_numpy(dtype=np.float64)
        axes.barh(place + 0.18, share, 0.36, color=theme.BLUE)
        told = not np.isnan(hours).all()
        if told:
            axes.barh(place - 0.18, hours, 0.36, color=theme.SAND)
        reach = float(np.nanmax([share.max(), *hours[~np.isnan(hours)]]))
        for y, line in zip(place, rows_of(shown), strict=True):
            axes.text(1.3 * reach, y, f"{line.tickets:,.0f}", va="center", ha="right", fontsize=8.5)
            axes.text(1.5 * reach, y, f"{100 * line.cumulative_share:.0f} %", va="center", ha="right", fontsize=8.5)
        heads = [(1.3, "tickets", theme.INK), (1.5, "together", theme.INK)]
        for x, text, colour in heads:
            axes.text(x * reach, len(shown) - 0.25, text, ha="right", color=colour, fontweight="bold", fontsize=8.5)
        axes.text(0, len(shown) - 0.25, "share of tickets", color=theme.BLUE, fontweight="bold", fontsize=8.5)
        if told:
            axes.text(
                0.42 * reach, len(shown) - 0.25, "of agent hours", color="#8a6212", fontweight="bold", fontsize=8.5
            )
        axes.set_yticks(place, names)
        axes.tick_params(axis="y", labelsize=9, labelcolor=theme.INK)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.set_xlim(0, 1.52 * reach)
        axes.set_ylim(-0.6, len(shown) + 0.3)
        ticks = np.arange(0, reach + 1e-9, 0.05 if reach < 0.3 else 0.2)
        axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{100 * number:.0f} %"))
        first = shown.iloc[0]
        half = int((frame["cumulative_share"] < 0.5).sum()) + 1
        return theme.drawing(
            figure,
            f"Bars of contact reasons by their share of tickets and of agent hours, largest first: "
            f"{first['contact_reason']} with {first['tickets']:,.0f} tickets ({100 * first['share']:.0f} %). "
            f"{half} of {len(frame)} reasons make up half of the tickets.",
        )


def pareto_table(frame: pd.DataFrame) -> Markup:
    """What each reason costs.

    Args:
        frame: as of `analysis.drivers.pareto`.
    """
    if frame.empty:
        return note(NOTHING)
    per_user = frame["per_1000"].notna().any()
    heads = ["Reason", "Tickets", "Hours", "Each", "Reopens", "Unhappy"]
    heads += ["Per 1,000"] if per_user else []
    rows = []
    for row in rows_of(frame):
        unhappy = _per_cent(row.dissatisfied_share, row.dissatisfied_low, row.dissatisfied_high)
        cells = [
            Cell(_folded(row), header=True),
            Cell(f"{row.tickets:,.0f}", number=True),
            Cell(words.value(row.agent_work_hours, "count"), number=True),
            Cell(words.NOT_SHOWN if pd.isna(row.hours_per_ticket) else f"{row.hours_per_ticket:.1f}", number=True),
            Cell(words.value(row.reopens, "count"), number=True),
            Cell(unhappy, number=True),
        ]
        if per_user:
            cells.append(Cell(_rate(row.per_1000, row.per_1000_low, row.per_1000_high), number=True))
        rows.append(cells)
    told = frame["answered"].notna().any()
    below = paragraphs(
        "Hours are the business hours in which the tickets were new or open: they lay with us; in all, and for each."
        + (" Unhappy is the share of dissatisfied among the answered surveys." if told else ""),
        "" if told else "Satisfaction is not in this export.",
        "Per 1,000 users: tickets a week for each thousand who were active in it. In brackets: 95 % intervals."
        if per_user
        else "Active users of these weeks are not in this export: no rate per 1,000 users.",
    )
    table = table_of("What each reason costs", heads, rows)
    return stacked(table, below)


def per_segment(frame: pd.DataFrame, *, by: str) -> Drawing | Markup:
    """How the reasons are shared out within each channel, language or region, as a table of shades.

    Args:
        frame: a row per segment and reason: the column `by`, contact_reason, tickets, share (of the segment's tickets)
            and folded (0, or how many reasons a row stands for that are too small to be told).
        by: channel, language or region, a column of the frame.

    Returns:
        The figure, or one line where there is nothing to compare.
    """
    if frame.empty:
        return note(f"No {by} in this export, or no tickets of this team in these weeks.")
    reasons = frame[frame["folded"] == 0]
    if reasons.empty:
        return note(f"Too few customers in every {by} to show its reasons.")
    if (frame[by] == frame[by].iloc[0]).all():
        return note(f"All tickets have the same {by}, {frame[by].iloc[0]}: there is nothing to compare.")
    order = reasons.groupby("contact_reason")["tickets"].sum().sort_values(ascending=False).index[:_SHOWN_REASONS]
    sizes = frame.groupby(by)["tickets"].sum().sort_values(ascending=False)
    wide = reasons.pivot_table(index="contact_reason", columns=by, values="share").reindex(index=order)
    percents = 100 * wide[[segment for segment in sizes.index if segment in wide]].iloc[:, :8]
    tops = [
        f"{segment}: {percents.index[int(np.nanargmax(shares))]} ({np.nanmax(shares):.0f} %)"
        for segment, shares in zip(percents.columns, percents.to_numpy(dtype=np.float64).T, strict=True)
        if not np.isnan(shares).all()
    ]
    heads = [f"{_name(segment, 14)}\n{sizes.loc[segment]:,}" for segment in percents.columns.astype("str")]
    return heat_map(
        percents.set_axis([_name(reason) for reason in percents.index]).set_axis(heads, axis="columns"),
        f"Shares of contact reasons within each {by}; largest in {'; '.join(tops)}.",
        texts=percents.map("{:.0f}".format),
        width=2.6 + 0.85 * percents.shape[1],
        title=f"Share of each {by}'s tickets, in %",
    )


def per_user(frame: pd.DataFrame) -> Markup:
    """Contacts a week per 1,000 active users, in all and by segment.

    Args:
        frame: as of `drivers_report.per_user`.
    """
    if frame.empty:
        return note("Active users of these weeks are not in this export: which of them write more often is not known.")
    rows = [
        [
            Cell("all" if row.dimension == "all" else f"{row.dimension}: {row.segment}", header=True),
            Cell(f"{row.tickets / row.weeks:,.0f}", number=True),
            Cell(f"{row.users:,.0f}", number=True),
            Cell(_rate(row.rate, row.low, row.high), number=True),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Users", "Tickets a week", "Active in a week", "Tickets a week per 1,000 users (95 %)")
    return table_of("How often users write", heads, rows)


def moved(frame: pd.DataFrame) -> Markup:
    """What moved in the week, over reasons and segments, and how many tests it took to say so.

    Args:
        frame: as of `drivers_report.moved`.
    """
    tested = int(frame["p"].notna().sum())
    if tested == 0:
        return note("No test of movement: it needs eight complete weeks before this one, and ten tickets of a reason.")
    found = frame[frame["discovery"]]
    many = "is a discovery" if len(found) == 1 else "are discoveries"
    said = (
        f"{tested} changes were tested, of reasons in all and by segment; {len(found)} {many} at a false discovery "
        "rate of 10 %. Of weeks in which nothing changes, about one in ten or fewer shows any."
    )
    if found.empty:
        return paragraphs("No reason moved beyond what the weeks before make usual.", said)
    first = found.groupby("contact_reason")["q"].transform("min")
    whole = found["dimension"] == "all"
    shown = found.assign(first=first, part=~whole).sort_values(["first", "contact_reason", "part", "q"], kind="stable")
    # A segment that holds all tickets of a reason says the same once more.
    shown = shown[~shown.duplicated(["contact_reason", "count", "expected"])]
    rows = [
        [
            Cell(_name("all reasons" if row.contact_reason == "all" else row.contact_reason), header=True),
            Cell("all" if row.dimension == "all" else str(row.segment), whole=True),
            Cell(f"{row.count_:,.0f}", number=True),
            Cell(f"{row.expected:,.0f} ({row.low:,.0f}–{row.high:,.0f})", number=True),
            Cell(f"{words.points(row.excess, 'count')}, {_times(row.ratio)}", number=True),
            Cell(_chance(row.q), number=True),
            Cell(
                spark_words(str(row.contact_reason), row.history, "count"),
                html=sparkline(row.history, spark_words(str(row.contact_reason), row.history, "count")),
            ),
        ]
        for row in rows_of(shown.rename(columns={"count": "count_"}).head(25))
    ]
    heads = ("Reason", "Where", "Tickets", "Expected (95 %)", "Change", "q", "13 weeks")
    table = table_of("What moved against the eight weeks before", heads, rows)
    more = f"The strongest 25 of {len(shown)}." if len(shown) > 25 else ""
    below = paragraphs(said, more, _RENAMED if _looks_renamed(frame) else "")
    return stacked(table, below)


def history(frame: pd.DataFrame) -> Drawing | Markup:
    """Tickets of a reason per week, over the range that the eight weeks before each made usual.

    Args:
        frame: as of `drivers_report.history`.
    """
    if frame.empty:
        return note(NOTHING)
    frame = frame.reset_index(drop=True)
    name = str(frame["contact_reason"].iloc[0])
    place = np.arange(len(frame))
    low, high, expected = (frame[column].to_numpy(dtype=np.float64) for column in ("low", "high", "expected"))
    with theme.style():
        figure = theme.new_figure(8.2, 3.0)
        axes = figure.add_subplot()
        if not np.isnan(low).all():
            draw_range(axes, place, low, high)
            axes.plot(place, expected, color=theme.LINE, linewidth=1.0)
        axes.plot(place, frame["count"], color=theme.BLUE, marker="o", markersize=3.6, linewidth=1.5)
        marked = frame["discovery"].to_numpy(dtype=bool)
        mark_signals(axes, place[marked], frame["count"].to_numpy()[marked])
        axes.set_ylim(0, 1.15 * max(float(frame["count"].max()), float(np.nanmax([*high, 1.0]))))
        axes.set_title(f"{_name(name)}: tickets a week")
        weeks_below(axes, list(frame["week"]))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        last = frame.iloc[-1]
        usual = "" if np.isnan(last["low"]) else f", where {last['low']:,.0f} to {last['high']:,.0f} were expected"
        weeks = list(frame.loc[marked, "week"])
        return theme.drawing(
            figure,
            f"Tickets about {name} per week, {frame['week'].iloc[0]} to {last['week']}: {last['count']:,.0f} in the "
            f"last{usual}. " + (f"Movers in {words.listed(weeks)}." if weeks else "No week is a signal."),
        )


def warnings(frame: pd.DataFrame) -> Markup:
    """Early warnings of the week's days.

    Args:
        frame: as of `analysis.movers.early_warnings`.
    """
    rule = "Seven quiet days raise any warning in at most one week of ten."
    if frame.empty:
        return paragraphs("No day of the week raised a warning.", rule)
    first = (
        frame.sort_values("day", kind="stable").drop_duplicates("contact_reason").rename(columns={"count": "count_"})
    )
    warned = frame.groupby("contact_reason")["day"].nunique()
    rows = [
        [
            Cell(_name(row.contact_reason), header=True),
            Cell(row.day, whole=True),
            Cell("the day" if row.days == 1 else f"the last {row.days} days"),
            Cell(f"{row.count_:,.0f}", number=True),
            Cell(f"{row.expected:,.1f}", number=True),
            Cell(_chance(row.q), number=True),
            Cell(f"{warned[row.contact_reason]} of 7", number=True),
        ]
        for row in rows_of(first)
    ]
    heads = ("Reason", "First day", "Counted over", "Tickets", "Expected", "q", "Days warned")
    return stacked(table_of("Early warnings", heads, rows), paragraphs(rule))


def emerging(frame: pd.DataFrame, languages: pd.DataFrame) -> Markup:
    """New words and phrases by language.

    Args:
        frame: as of `analysis.language.emerging_phrases`.
        languages: as of `analysis.language.languages_looked_at`.
    """
    if languages.empty:
        return note("No texts in this export, or none of this team in these weeks.")
    looked = [f"{row.language} ({row.texts:,})" for row in rows_of(languages[languages["enough"]])]
    few = [f"{row.language} ({row.texts:,})" for row in rows_of(languages[~languages["enough"]])]
    said = (
        f"Texts of this week looked at: {words.listed(looked) or 'none'}."
        + (f" Too few to compare: {words.listed(few)}." if few else "")
        + " Phrases of a language are tested together at a false discovery rate of 10 %."
    )
    if frame.empty:
        return paragraphs("No word or phrase stands out from the eight weeks before.", said)
    rows = [
        [
            Cell(row.phrase, header=True),
            Cell(row.language),
            Cell(f"{row.tickets:,}", number=True),
            Cell(f"{row.before:,.1f}", number=True),
            Cell(words.short_week(row.first_week), whole=True),
            Cell(f"{_name(row.reason)} ({100 * row.reason_share:.0f} %)"),
        ]
        for row in rows_of(frame.head(_SHOWN_PHRASES))
    ]
    heads = ("Phrase", "Language", "Tickets", "A week before", "First in", "Mostly labelled")
    table = table_of("Words and phrases that emerge", heads, rows)
    if len(frame) > _SHOWN_PHRASES:
        said = f"The strongest {_SHOWN_PHRASES} of {len(frame)}. {said}"
    below = paragraphs(said)
    return stacked(table, below)


def topics(frame: pd.DataFrame) -> Markup:
    """Topics of the texts with their weeks.

    Args:
        frame: as of `analysis.language.topics`.
    """
    if frame.empty:
        return note("Too few texts of any language for topics: it takes thirty in the week and fifty in all.")
    several = (frame["language"] != frame["language"].iloc[0]).any()
    signals = bool(frame["discovery"].any())
    rows = []
    for row in rows_of(frame.sort_values("discovery", ascending=False, kind="stable").head(_SHOWN_TOPICS)):
        fresh = "new: " if np.isnan(row.similarity) else ""
        turn = f"{'up' if row.ratio > 1 else 'down'}, q {_chance(row.q)}" if row.discovery else ""
        first_words = ", ".join(str(row.terms).split(", ")[:_SHOWN_WORDS])
        line = spark_words(f"topic {first_words}", row.history, "count")
        cells = [
            Cell(f"{f'{row.language}: ' if several else ''}{fresh}{first_words}", header=True),
            Cell(f"{row.tickets:,}", number=True),
            Cell(f"{row.expected:,.0f} ({row.low:,.0f}–{row.high:,.0f})", number=True),
            *([Cell(turn, whole=True)] if signals else []),
            Cell(f"{_name(row.reason)} ({100 * row.reason_share:.0f} %)" if row.reason else words.NOT_SHOWN),
            Cell(line, html=sparkline(row.history, line)),
        ]
        rows.append(cells)
    heads = ["Topic", "Tickets", "Expected (95 %)", *(["Signal"] if signals else []), "Mostly labelled", "9 weeks"]
    table = table_of("What the texts are about", heads, rows)
    cut = f"Signals first, then the largest: {len(rows)} of {len(frame)} topics." if len(frame) > len(rows) else ""
    return stacked(table, paragraphs("" if signals else "No topic moved beyond what the weeks before make usual.", cut))


def labels(accuracy: pd.DataFrame, pairs: pd.DataFrame) -> Markup:
    """Reasons of which the text says something else, after the accuracy that tells how far to trust that.

    Args:
        accuracy: first frame of `analysis.language.label_check`.
        pairs: second frame.
    """
    if accuracy.empty:
        return note("No label can be checked: it takes two reasons with twenty texts each in one language.")
    said = [
        f"{row.language}: from {row.texts:,} texts the classifier names the label of {row.labels} reasons in "
        f"{words.estimate(row.accuracy, row.low, row.high, 'share')} of cases; always naming the most frequent would "
        f"be right in {words.value(row.baseline, 'share')}."
        for row in rows_of(accuracy)
    ]
    weak = [str(row.language) for row in rows_of(accuracy) if row.accuracy < 0.6]
    overlap = f"Below 60 % ({words.listed(weak)}) labels overlap: read the pairs as overlap, not as errors."
    caution = overlap if weak else ""
    shown = pairs[pairs["contradicted"] >= 3].head(12)
    below = paragraphs(*said, caution)
    if shown.empty:
        none = paragraphs("No label is contradicted by the texts of three tickets or more.")
        return stacked(none, below)
    rows = [
        [
            Cell(_name(row.contact_reason), header=True),
            Cell(_name(row.text_says)),
            Cell(row.language),
            Cell(f"{row.contradicted:,} of {row.tickets:,}", number=True),
            Cell(words.estimate(row.share, row.low, row.high, "share"), number=True),
        ]
        for row in rows_of(shown)
    ]
    table = table_of(
        "Labels that the text contradicts", ("Label", "The text says", "Language", "Tickets", "Share"), rows
    )
    return stacked(table, below)


def forms(frame: pd.DataFrame) -> Markup:
    """Choices on forms that go with misrouting, with catch-all reasons, or with replies that ask back.

    Args:
        frame: as of `analysis.drivers.form_choices`.
    """
    if frame.empty:
        return note("Forms cannot be judged: this export has no form, channel, priority or language that varies.")
    told = [_OUTCOMES[name] for name in _OUTCOMES if name in set(frame["outcome"])]
    lacking = [_OUTCOMES[name] for name in _OUTCOMES if name not in set(frame["outcome"])]
    found = _without_repeats(frame[frame["discovery"]])
    said = (
        f"{len(frame)} choices and outcomes ({words.listed(told)}) were tested at a false discovery rate of 10 %."
        + (f" Not in this export: {words.listed(lacking)}." if lacking else "")
    )
    if found.empty:
        return paragraphs("No choice goes wrong more often than the others.", said)
    rows = [
        [
            Cell(_choice(row), header=True),
            Cell(_OUTCOMES[row.outcome], whole=True),
            Cell(f"{row.hits:,} of {row.tickets:,}", number=True),
            Cell(words.estimate(row.share, row.low, row.high, "share"), number=True),
            Cell(words.value(row.others_share, "share"), number=True),
            Cell(f"{row.extra:,.0f}", number=True),
        ]
        for row in rows_of(found.head(_SHOWN_REASONS))
    ]
    heads = ("Choice", "Outcome", "Tickets", "Share (95 %)", "Others", "Extra")
    table = table_of("Choices that go wrong", heads, rows)
    below = paragraphs(
        said,
        "A reason within a form stands here only where the form as a whole does not. An association: what is chosen "
        "depends on the matter, too.",
    )
    return stacked(table, below)


def escalations(frame: pd.DataFrame) -> Markup:
    """What to hand to the product team, by the tickets that it would avoid.

    Args:
        frame: as of `drivers_report.escalations`.
    """
    if frame.empty:
        return note("Nothing to escalate: no reason moved up, took a step up, or has a phrase of its own.")
    rows = [
        [
            Cell(
                _name(row.subject) + (f" (under {row.reason})" if row.kind == "phrase" and row.reason else ""),
                header=True,
            ),
            Cell(f"{row.excess:,.0f} ({row.excess_low:,.0f} to {row.excess_high:,.0f})", number=True),
            Cell(f"{row.effort_ratio * row.dissatisfied_ratio:.2f} ×", number=True),
            Cell(f"{row.score:,.0f} ({row.score_low:,.0f} to {row.score_high:,.0f})", number=True),
            Cell(str(row.onset_on), whole=True),
            Cell(row.done),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Subject", "Avoided a week", "Weight", "Score", "Since", "What is done")
    table = table_of("Candidates for product feedback, most to gain first", heads, rows)
    below = paragraphs(
        "Avoided a week: tickets beyond the level before, of the reason itself and of catch-all labels where the text "
        "says its new phrases; of a phrase, the tickets that say it. Weight: effort times dissatisfaction of its "
        "tickets, against the team's average ticket. "
        "Score: avoided tickets times weight. In brackets: 95 % intervals."
    )
    return stacked(table, below)


def trend(escalation: Escalation | None) -> Drawing | Markup:
    """Tickets of an escalation's subject per week, with its onset.

    Args:
        escalation: as of `drivers_report.top_escalation`.
    """
    if escalation is None:
        return note("No escalation to draw.")
    frame, row = escalation.trend, escalation.row
    place = np.arange(len(frame))
    with theme.style():
        figure = theme.new_figure(7.6, 2.9)
        axes = figure.add_subplot()
        axes.bar(place, frame["tickets"], 0.7, color=theme.SKY)
        axes.axhline(float(row["before_per_week"]), color=theme.LINE, linewidth=1.2, linestyle=(0, (4, 2)))
        start = _week_place(str(row["onset_on"]), list(frame["week"]))
        axes.axvline(start, color=theme.ORANGE, linewidth=1.5)
        top = float(frame["tickets"].max()) * 1.22 + 1
        side = "right" if start > len(frame) / 2 else "left"
        shift = -0.12 if side == "right" else 0.12
        axes.text(
            start + shift, 0.97 * top, f"since {row['onset_on']}", color=theme.ORANGE, va="top", ha=side, fontsize=8.5
        )
        axes.set_ylim(0, top)
        axes.set_title(f"{_name(row['subject'])}: tickets a week")
        weeks_below(axes, list(frame["week"]))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        return theme.drawing(
            figure,
            f"Bars of tickets about {row['subject']} per week, {frame['week'].iloc[0]} to {frame['week'].iloc[-1]}: "
            f"{frame['tickets'].iloc[-1]:,.0f} in the last, {row['before_per_week']:,.0f} a week before the onset on "
            f"{row['onset_on']}.",
        )


def brief(escalation: Escalation | None) -> Markup:
    """An escalation with its evidence: what it would save, since when, whom it touches, examples, and what bears on it.

    Args:
        escalation: as of `drivers_report.top_escalation`.
    """
    if escalation is None:
        return note("No escalation to brief on.")
    row = escalation.row
    phrases = [phrase for phrase in str(row["phrases"]).split(";") if phrase]
    parts = [
        paragraphs(
            f"{row['subject']}: {row['excess']:,.0f} tickets a week ({row['excess_low']:,.0f} to "
            f"{row['excess_high']:,.0f}) beyond the {row['before_per_week']:,.0f} before, {_onset(row)}.",
            f"Found by: {words.listed(str(row['found_by']).split(' and '))}. Against the team's average ticket it "
            f"takes {row['effort_ratio']:.2f} times the effort and leaves {row['dissatisfied_ratio']:.2f} times as "
            "many dissatisfied.",
            f"Customers say: {words.listed([f'“{phrase}”' for phrase in phrases])}." if phrases else "",
        ),
        _segments(escalation.segments),
        _examples(escalation.examples),
        _links(escalation.links),
    ]
    return stacked(*parts)


def register(frame: pd.DataFrame) -> Markup:
    """What was escalated before, and what became of the volume.

    Args:
        frame: as of `analysis.escalation.REGISTER_COLUMNS`.
    """
    if frame.empty:
        return note("Nothing has been escalated for this team so far.")
    rows = [
        [
            Cell(_name(row.subject), header=True),
            Cell(row.escalated_week, whole=True),
            Cell(f"{row.before_per_week:,.0f}", number=True),
            Cell(f"{row.before_per_week + row.excess:,.0f}", number=True),
            Cell(words.estimate(row.latest_per_week, row.latest_low, row.latest_high, "count"), number=True),
            Cell(f"{row.state}, {_after(row.weeks_since)}" if row.weeks_since else row.state),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Subject", "Escalated in", "Before", "Then", "Now (95 %)", "What became of it")
    below = paragraphs("Tickets a week: before the onset, at the escalation, and in the latest weeks, four at most.")
    return stacked(table_of("Register of escalations", heads, rows), below)


def _after(weeks: int) -> str:
    return "a week after" if weeks == 1 else f"{weeks} weeks after"


def _times(ratio: float) -> str:
    """How many times as many; what had next to nothing before is new."""
    return f"{ratio:.1f} ×" if ratio < 100 else "new"


def _choice(row: Any) -> str:
    """`channel: email`, or `web_form, reason other`."""
    if row.choice == "form, contact_reason":
        return str(row.value).replace(" · ", ", reason ", 1)
    return f"{row.choice}: {row.value}".replace("contact_reason", "reason")


def _without_repeats(found: pd.DataFrame) -> pd.DataFrame:
    """Without the reasons within a form that goes wrong in the same way as a whole."""
    whole = set(zip(found["value"], found["outcome"], strict=True))
    form = found["value"].astype("str").str.split(" · ").str[0]
    again = pd.Series([pair in whole for pair in zip(form, found["outcome"], strict=True)], index=found.index)
    return found[~(again & (found["choice"] == "form, contact_reason"))]


def _looks_renamed(frame: pd.DataFrame) -> bool:
    """Whether a third of the tickets went from some reasons to others while their sum stayed about the same."""
    own = frame[(frame["dimension"] == "all") & (frame["contact_reason"] != "all")]
    change = own["count"].to_numpy(dtype=np.float64) - own["trailing_mean"].to_numpy(dtype=np.float64)
    gained, lost = change[change > 0].sum(), -change[change < 0].sum()
    return bool(min(gained, lost) >= 0.3 * own["trailing_mean"].sum() and min(gained, lost) >= 0.5 * max(gained, lost))


def _segments(frame: pd.DataFrame) -> Markup:
    if frame.empty:
        return note("No segment tells it from the team's other tickets, or has enough customers to be shown.")
    rows = [
        [
            Cell(f"{row.dimension}: {row.segment}", header=True),
            Cell(f"{row.tickets:,}", number=True),
            Cell(words.estimate(row.share, row.low, row.high, "share"), number=True),
            Cell(words.value(row.others_share, "share"), number=True),
        ]
        for row in rows_of(frame)
    ]
    return table_of("Whom it touches", ("Segment", "Tickets", "Share (95 %)", "Of the team's other tickets"), rows)


def _examples(texts: Sequence[str]) -> Markup:
    if not texts:
        return note("No texts in this export: no examples.")
    items = "".join(f"<li><blockquote><p>{escape(text)}</p></blockquote></li>" for text in texts)
    said = "In the customers' words, redacted, the most typical of different texts:"
    return Markup(f"<p>{said}</p><ol>{items}</ol>", "\n".join([said, *texts]))


def _links(frame: pd.DataFrame) -> Markup:
    if frame.empty:
        return note("No tool request and no policy change bears on it.")
    rows = [
        [
            Cell(f"{row.kind} {row.id}", header=True),
            Cell(f"{pd.Timestamp(row.at):%Y-%m-%d}"),
            Cell(row.what),
            Cell(row.status),
            Cell(row.why),
        ]
        for row in rows_of(frame)
    ]
    return table_of("What bears on it", ("What", "On", "About", "Status", "Because it"), rows)


def _onset(row: Any) -> str:
    low, high = row["onset_low"] if isinstance(row, pd.Series) else row.onset_low, None
    high = row["onset_high"] if isinstance(row, pd.Series) else row.onset_high
    on = row["onset_on"] if isinstance(row, pd.Series) else row.onset_on
    if not isinstance(low, str):
        return f"since the week of {on}"
    return f"since {on}" if low == high else f"since {on} ({low} to {high})"


def _week_place(day: str, weeks: Sequence[str]) -> float:
    """Where on an axis of weeks a day lies: the bars stand at 0, 1, …, and a week is one wide."""
    year, week, weekday = pd.Timestamp(day).isocalendar()
    name = f"{year}-W{week:02d}"
    return (weeks.index(name) if name in weeks else 0) - 0.5 + (weekday - 1) / 7


def _rate(rate: float, low: float, high: float) -> str:
    """Rates of reasons lie far apart; the two figures that tell one decide how its interval is written, too."""
    if np.isnan(rate):
        return words.NOT_SHOWN
    digits = 0 if rate <= 0 else min(4, max(0, 1 - int(np.floor(np.log10(rate)))))
    return f"{rate:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def _per_cent(share: float, low: float, high: float) -> str:
    return words.NOT_SHOWN if np.isnan(share) else f"{100 * share:.0f} % ({100 * low:.0f}–{100 * high:.0f})"


def _chance(q: float) -> str:
    return "< 0.001" if q < 0.001 else f"{q:.3f}"


def _name(text: object, longest: int = _LONGEST_NAME) -> str:
    said = str(text)
    return said if len(said) <= longest else said[: longest - 1] + "…"


def _folded(row: Any) -> str:
    return f"{row.folded} reasons of {row.contact_reason}" if row.folded else _name(row.contact_reason)
