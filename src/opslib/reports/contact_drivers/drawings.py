"""Figures and tables of the contact drivers: each draws a frame of `frames`; `show` puts them into sections."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from opslib.analysis.contact_drivers.follow_up import UNKNOWN
from opslib.analysis.contact_drivers.texts import TOGETHER
from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE
from opslib.analysis.weekly_review.false_alarms import rate_in_words
from opslib.display import theme, words
from opslib.display.cells import Cell, is_known, paragraphs, rows_of, spark_words, sparkline, stacked, table_of
from opslib.display.charts import NOTHING, closed_in_words, draw_range, mark_signals, weeks_below
from opslib.display.heat_map import heat_map
from opslib.display.theme import Drawing, Markup, note
from opslib.labels import field_name, label, phrase
from opslib.reports.contact_drivers.escalation_files import Escalation, avoidable_in_words, since_in_words

_MOST_REASONS = 15
_MOST_MOVERS = 8
_MOST_CHOICES = 6
_FEWEST = 30
_MOST_PHRASES = 12
_MOST_TOPICS = 12
_MOST_WORDS = 5
_LONGEST_NAME = 44
_RENAMED = (
    "Some reasons gained what others lost: it looks as if labels were renamed or are used differently, not as if "
    "customers wrote about something else."
)
UNLABELLED = "Contact reasons are not in this export: all tickets are unlabeled."
_MARK = " *"
_RATE = rate_in_words(FALSE_DISCOVERY_RATE)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OUTCOMES = {
    "misrouted": "misrouted",
    "labelled_other": "labeled as a catch-all",
    "asked_back": "asked back",
}


def pareto(frame: pd.DataFrame) -> Drawing | Markup:
    """Reasons by tickets as bars, and the share that they make up together.

    Args:
        frame: contact_reason, tickets, share, cumulative_share, waited_share.
    """
    if frame.empty:
        return note(NOTHING)
    if set(frame["contact_reason"]) == {"not labelled"}:
        return note(UNLABELLED)
    rows = frame.head(_MOST_REASONS)
    names = [_reason(reason) for reason in rows["contact_reason"]]
    with theme.style():
        figure = theme.new_figure(8.6, 0.27 * len(rows) + 1.0)
        axes = figure.add_subplot()
        place = np.arange(len(rows))[::-1]
        share = rows["share"].to_numpy(dtype=np.float64)
        hours = rows["waited_share"].to_numpy(dtype=np.float64)
        axes.barh(place + 0.18, share, 0.36, color=theme.BLUE)
        has_hours = not np.isnan(hours).all()
        if has_hours:
            axes.barh(place - 0.18, hours, 0.36, color=theme.SAND)
        reach = float(np.nanmax([share.max(), *hours[~np.isnan(hours)]]))
        for y, line in zip(place, rows_of(rows), strict=True):
            axes.text(1.3 * reach, y, words.whole(line.tickets), va="center", ha="right", fontsize=8.5)
            axes.text(1.5 * reach, y, words.percent(line.cumulative_share, 0), va="center", ha="right", fontsize=8.5)
        heads = [(1.3, "tickets", theme.INK), (1.5, "together", theme.INK)]
        for x, text, colour in heads:
            axes.text(x * reach, len(rows) - 0.25, text, ha="right", color=colour, fontweight="bold", fontsize=8.5)
        axes.text(0, len(rows) - 0.25, "share of tickets", color=theme.BLUE, fontweight="bold", fontsize=8.5)
        if has_hours:
            axes.text(
                0.42 * reach, len(rows) - 0.25, "of hours waited", color="#8a6212", fontweight="bold", fontsize=8.5
            )
        axes.set_yticks(place, names)
        axes.tick_params(axis="y", labelsize=9, labelcolor=theme.INK)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.set_xlim(0, 1.52 * reach)
        axes.set_ylim(-0.6, len(rows) + 0.3)
        ticks = np.arange(0, reach + 1e-9, 0.05 if reach < 0.3 else 0.2)
        axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: words.percent(number, 0)))
        first = rows.iloc[0]
        half = int((frame["cumulative_share"] < 0.5).sum()) + 1
        return theme.drawing(
            figure,
            f"Bars of contact reasons by their share of tickets and of the hours waited with us, largest first: "
            f"{_reason(first['contact_reason'])} with {words.whole(first['tickets'])} tickets "
            f"({words.percent(first['share'], 0)}). "
            f"{half} of {len(frame)} reasons make up half of the tickets.",
        )


def pareto_table(frame: pd.DataFrame) -> Markup:
    """How long each reason's tickets waited for us, how many came back, and how many were dissatisfied.

    Args:
        frame: contact_reason, tickets, waited_hours, waited_hours_per_ticket, reopens, answered, dissatisfied_share and
            per_1000 with their bounds, folded.
    """
    if frame.empty:
        return note(NOTHING)
    per_user = frame["per_1000"].notna().any()
    heads = ["Reason", "Tickets", "Hours waited", "Each", "Reopens", "Unhappy"]
    heads += ["Per 1,000"] if per_user else []
    rows = []
    for row in rows_of(frame):
        unhappy = _per_cent(row.dissatisfied_share, row.dissatisfied_low, row.dissatisfied_high)
        cells = [
            Cell(_reason_or_fold(row), header=True),
            Cell(words.whole(row.tickets), number=True),
            Cell(words.value(row.waited_hours, "count"), number=True),
            Cell(
                words.NOT_SHOWN
                if pd.isna(row.waited_hours_per_ticket)
                else words.decimal(row.waited_hours_per_ticket, 1),
                number=True,
            ),
            Cell(words.value(row.reopens, "count"), number=True),
            Cell(unhappy, number=True),
        ]
        if per_user:
            cells.append(Cell(_rate(row.per_1000, row.per_1000_low, row.per_1000_high), number=True))
        rows.append(cells)
    has_surveys = frame["answered"].notna().any()
    below = paragraphs(
        "Hours waited with us: business hours in which tickets were new or open, up to now for those still open. This "
        "is waiting, not hours worked."
        + (" Unhappy is the share of dissatisfied answers to surveys." if has_surveys else ""),
        "" if has_surveys else "Satisfaction is not in this export.",
        "Per 1,000: tickets a week for each thousand users who were active in that week. In brackets: 95% intervals."
        if per_user
        else "Active users of these weeks are not in this export: no rate per 1,000 users.",
    )
    table = table_of("How long each reason waits, and what comes of it", heads, rows)
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
        return note(frame.attrs.get("missing", NOTHING))
    reasons = frame[frame["folded"] == 0]
    if reasons.empty:
        return note(f"Too few customers in every {by} to show its reasons.")
    if (frame[by] == frame[by].iloc[0]).all():
        return note(f"All tickets have the same {by}, {label(by, frame[by].iloc[0])}: there is nothing to compare.")
    order = reasons.groupby("contact_reason")["tickets"].sum().sort_values(ascending=False).index[:_MOST_REASONS]
    sizes = frame.groupby(by)["tickets"].sum().sort_values(ascending=False)
    sizes = sizes[sizes >= _FEWEST]
    if sizes.empty:
        return note(f"No {by} has {_FEWEST} tickets in these weeks.")
    wide = reasons.pivot_table(index="contact_reason", columns=by, values="share").reindex(index=order)
    percents = 100 * wide[[segment for segment in sizes.index if segment in wide]].iloc[:, :8]
    tops = [
        f"{label(by, segment)}: {_reason(percents.index[int(np.nanargmax(shares))])} "
        f"({words.percent(np.nanmax(shares) / 100, 0)})"
        for segment, shares in zip(percents.columns, percents.to_numpy(dtype=np.float64).T, strict=True)
        if not np.isnan(shares).all()
    ]
    heads = [
        f"{_name(label(by, segment), 14)}\n{words.whole(sizes.loc[segment])}"
        for segment in percents.columns.astype("str")
    ]
    return heat_map(
        percents.set_axis([_reason(reason) for reason in percents.index]).set_axis(heads, axis="columns"),
        f"Shares of contact reasons within each {by}; largest in {'; '.join(tops)}.",
        texts=percents.map(words.whole),
        width=2.6 + 0.85 * percents.shape[1],
        title=f"Share of each {by}'s tickets, in %",
    )


def per_user(frame: pd.DataFrame) -> Markup:
    """Contacts a week per 1,000 active users, in all and by segment.

    Args:
        frame: dimension, segment, tickets, weeks, users, rate, low, high.
    """
    few = words.groups_left_out(frame.attrs.get("few"))
    if frame.empty and few:
        return note(few)
    if frame.empty:
        return note("Active users of these weeks are not in this export: which of them write more often is not known.")
    rows = [
        [
            Cell("all" if row.dimension == "all" else _segment(row.dimension, row.segment), header=True),
            Cell(words.whole(row.tickets / row.weeks), number=True),
            Cell(words.whole(row.users), number=True),
            Cell(_rate(row.rate, row.low, row.high), number=True),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Users", "Tickets a week", "Active in a week", "Tickets a week per 1,000 users (95%)")
    return stacked(table_of("How often users write", heads, rows), paragraphs(few))


def movers(frame: pd.DataFrame) -> Markup:
    """What moved in the week, over reasons and segments, and how many tests it took to say so.

    Args:
        frame: dimension, segment, contact_reason, count, trailing_mean, expected, low, high, left_out, excess, ratio,
            p, q, discovery, history.
    """
    tested = int(frame["p"].notna().sum())
    if tested == 0:
        return note(
            "Nothing could be judged: it takes eight complete weeks before this one, and ten tickets of a reason."
        )
    signals = frame[frame["discovery"]]
    many = "is a signal" if len(signals) == 1 else "are signals"
    tests = (
        f"{tested} changes were judged, of reasons in all and by segment; {len(signals) or 'none'} {many}. When "
        f"nothing changes, about {_RATE} or fewer shows any. " + words.groups_left_out(frame.attrs.get("few"))
    ).rstrip()
    if signals.empty:
        return paragraphs("No reason that was judged moved beyond its usual range.", tests)
    closed = frame.attrs.get("closed", ())
    first = signals.groupby("contact_reason")["q"].transform("min")
    whole = signals["dimension"] == "all"
    lines = signals.assign(first=first, part=~whole).sort_values(
        ["first", "contact_reason", "part", "q"], kind="stable"
    )
    # A segment that holds all tickets of a reason says the same once more.
    lines = lines[~lines.duplicated(["contact_reason", "count", "expected"])]
    rows = [
        [
            Cell("all reasons" if row.contact_reason == "all" else _reason(row.contact_reason), header=True),
            Cell("all" if row.dimension == "all" else label(row.dimension, row.segment), whole=True),
            Cell(words.whole(row.count_), number=True),
            Cell(
                f"{words.whole(row.expected)} "
                f"({words.whole(row.low)}–{words.whole(row.high)}){_MARK if row.left_out else ''}",
                number=True,
            ),
            Cell(f"{words.points(row.excess, 'count')}, {_times(row.ratio)}", number=True),
            Cell(_chance(row.q), number=True),
            Cell(
                (line := spark_words(_reason(row.contact_reason), row.history, "count", closed)),
                html=sparkline(row.history, line, closed),
            ),
        ]
        for row in rows_of(lines.rename(columns={"count": "count_"}).head(_MOST_MOVERS))
    ]
    heads = ("Reason", "Where", "Tickets", "Expected (95%)", "Change", "By chance", "13 weeks")
    table = table_of("What moved against the eight weeks before", heads, rows)
    more = f"The strongest {_MOST_MOVERS} of {len(lines)}." if len(lines) > _MOST_MOVERS else ""
    below = paragraphs(
        tests, more, _rises_left_out(lines.head(_MOST_MOVERS)), _RENAMED if _looks_renamed(frame) else ""
    )
    return stacked(table, below)


def _closed(frame: pd.DataFrame) -> str:
    """The weeks of a chart with a closed day, in words."""
    return closed_in_words(list(frame["week"]), list(frame["closed"]))


def history(frame: pd.DataFrame) -> Drawing | Markup:
    """Tickets of a reason per week, over the range that the eight weeks before each made usual.

    Args:
        frame: contact_reason, week, count, expected, low, high, discovery, closed.
    """
    if frame.empty:
        return note(NOTHING)
    frame = frame.reset_index(drop=True)
    name = _reason(frame["contact_reason"].iloc[0])
    place = np.arange(len(frame))
    low, high, expected = (frame[column].to_numpy(dtype=np.float64) for column in ("low", "high", "expected"))
    with theme.style():
        figure = theme.new_figure(8.2, 3.0)
        axes = figure.add_subplot()
        if not np.isnan(low).all():
            draw_range(axes, place, low, high)
            axes.plot(place, expected, color=theme.LINE, linewidth=1.0)
        axes.plot(place, frame["count"], color=theme.BLUE, marker="o", markersize=3.6, linewidth=1.5)
        is_signal = frame["discovery"].to_numpy(dtype=bool)
        mark_signals(axes, place[is_signal], frame["count"].to_numpy()[is_signal])
        axes.set_ylim(0, 1.15 * max(float(frame["count"].max()), float(np.nanmax([*high, 1.0]))))
        axes.set_title(f"{name}: tickets a week")
        weeks_below(axes, list(frame["week"]), list(frame["closed"]))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        last = frame.iloc[-1]
        usual = (
            ""
            if np.isnan(last["low"])
            else f", where {words.whole(last['low'])} to {words.whole(last['high'])} were expected"
        )
        weeks = [words.week_number(week) for week in frame.loc[is_signal, "week"]]
        quiet = "No week could be judged." if np.isnan(low).all() else "No week is a signal."
        return theme.drawing(
            figure,
            f"Tickets about {name} per week, {words.week_span(frame['week'].iloc[0], last['week'])}: "
            f"{words.whole(last['count'])} in the last{usual}. "
            + " ".join([f"Movers in {words.listed(weeks)}." if weeks else quiet, _closed(frame)]).rstrip(),
        )


def warnings(frame: pd.DataFrame) -> Markup:
    """Early warnings of the week's days, each with how what was expected is reckoned.

    Args:
        frame: day, contact_reason, days, count, expected, before, flow, q.
    """
    rule = f"When nothing changes, at most {_RATE} raises any warning."
    if frame.empty and "missing" in frame.attrs:
        return note(frame.attrs["missing"])
    if frame.empty:
        return paragraphs("No day of the week raised a warning.", rule)
    first = (
        frame.sort_values("day", kind="stable").drop_duplicates("contact_reason").rename(columns={"count": "count_"})
    )
    days = frame.groupby("contact_reason")["day"].nunique()
    rows = [
        [
            Cell(_reason(row.contact_reason), header=True),
            Cell(words.day(row.day), whole=True),
            Cell("the day" if row.days == 1 else f"the last {row.days} days"),
            Cell(words.whole(row.count_), number=True),
            Cell(words.decimal(row.expected, 1), number=True),
            Cell(_reckoning(row)),
            Cell(_chance(row.q), number=True),
            Cell(f"{days[row.contact_reason]} of 7", number=True),
        ]
        for row in rows_of(first)
    ]
    heads = (
        "Reason",
        "First day",
        "Counted over",
        "Tickets",
        "Expected",
        "Expected from",
        "By chance",
        "Days warned",
    )
    return stacked(table_of("Early warnings", heads, rows), paragraphs(rule))


def _reckoning(row: Any) -> str:
    """The same weekdays of the weeks before, and how the team's other reasons went against these."""
    last = pd.Timestamp(row.day)
    names = [_WEEKDAYS[(last - pd.Timedelta(days=back)).weekday()] for back in range(row.days - 1, -1, -1)]
    days = f"{names[0]}s" if len(names) == 1 else f"{names[0]} to {names[-1]}"
    mean = sum(row.before) / len(row.before)
    return (
        f"{days} of {len(row.before)} weeks before: {words.decimal(mean, 1)} on average; "
        f"× {words.decimal(row.flow, 2)}, as other reasons went"
    )


def emerging(frame: pd.DataFrame, languages: pd.DataFrame) -> Markup:
    """New words and phrases by language.

    Args:
        frame: phrase, language, tickets, before, first_week, reason, reason_share, example.
        languages: language, texts (missing where of too few people), enough.
    """
    if languages.empty:
        return note("No texts in this export, or none of this team in these weeks.")
    sizes = languages.assign(
        name=[
            f"{label('language', row.language)} ({words.whole(row.texts)})"
            if is_known(row.texts)
            else label("language", row.language)
            for row in rows_of(languages)
        ]
    )
    enough, few = list(sizes.loc[sizes["enough"], "name"]), list(sizes.loc[~sizes["enough"], "name"])
    hides = bool(languages["texts"].isna().any())
    coverage = (
        f"Texts of this week that were compared: {words.listed(enough) or 'none'}."
        + (f" Too few to compare: {words.listed(few)}." if few else "")
        + (" No number stands where too few people write, or where it would tell theirs." if hides else "")
        + f" When nothing is new, at most {_RATE} shows a phrase or matter of a language as new."
    )
    if not enough:
        return paragraphs(
            "Nothing could be judged: no language has thirty texts this week and as many before.", coverage
        )
    if frame.empty:
        return paragraphs("No word or phrase stands out from the eight weeks before.", coverage)
    has_examples = bool((frame["example"] != "").any())
    rows = [
        [
            Cell(row.phrase, header=True),
            Cell(label("language", row.language)),
            Cell(words.whole(row.tickets), number=True),
            Cell(words.decimal(row.before, 1), number=True),
            Cell(words.week_start(row.first_week), whole=True),
            Cell(f"{_reason(row.reason)} ({words.percent(row.reason_share, 0)})"),
            *([Cell(f"“{row.example}”" if row.example else words.NOT_SHOWN)] if has_examples else []),
        ]
        for row in rows_of(frame.head(_MOST_PHRASES))
    ]
    heads = ["Phrase", "Language", "Tickets", "A week before", "First in", "Mostly labeled"]
    heads += ["Such as"] if has_examples else []
    table = table_of("Words and phrases that emerge", heads, rows)
    if len(frame) > _MOST_PHRASES:
        coverage = f"The strongest {_MOST_PHRASES} of {len(frame)}. {coverage}"
    below = paragraphs(coverage)
    return stacked(table, below)


def matters(frame: pd.DataFrame) -> Markup:
    """New matters that are spread over several labels.

    Args:
        frame: matter, language, tickets, before, first_week, labels, spread.
    """
    if frame.empty:
        return note(frame.attrs.get("missing", "Nothing new is spread over three or more labels."))
    rows = [
        [
            Cell(_name(row.matter), header=True),
            Cell(label("language", row.language)),
            Cell(words.whole(row.tickets), number=True),
            Cell(words.decimal(row.before, 1), number=True),
            Cell(words.week_start(row.first_week), whole=True),
            Cell(f"{row.labels}: {row.spread}"),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Words that the tickets share", "Language", "Tickets", "A week before", "First in", "Labels")
    return table_of("New matters over several labels", heads, rows)


def topics(frame: pd.DataFrame) -> Markup:
    """Topics of the texts with their weeks.

    Args:
        frame: language, terms, tickets, expected, low, high, ratio, q, discovery, similarity, reason, reason_share,
            history.
    """
    few = words.groups_left_out(frame.attrs.get("few"))
    if frame.empty and few:
        return note(few)
    if frame.empty:
        return note(
            "Too few texts in any language for topics: at least thirty in the week and fifty in all are needed."
        )
    several = (frame["language"] != frame["language"].iloc[0]).any()
    signals = bool(frame["discovery"].any())
    closed = frame.attrs.get("closed", ())
    rows = []
    for row in rows_of(frame.sort_values("discovery", ascending=False, kind="stable").head(_MOST_TOPICS)):
        heads_of_topic = [label("language", row.language)] if several else []
        heads_of_topic += ["new"] if np.isnan(row.similarity) else []
        turn = ("up" if row.ratio > 1 else "down") if row.discovery else ""
        first_words = ", ".join(str(row.terms).split(", ")[:_MOST_WORDS])
        own = closed[-len(row.history) :]
        line = spark_words(f"topic {first_words}", row.history, "count", own)
        cells = [
            Cell(": ".join(filter(None, [", ".join(heads_of_topic), first_words])), header=True),
            Cell(words.whole(row.tickets), number=True),
            Cell(f"{words.whole(row.expected)} ({words.whole(row.low)}–{words.whole(row.high)})", number=True),
            *([Cell(turn, whole=True)] if signals else []),
            Cell(f"{_reason(row.reason)} ({words.percent(row.reason_share, 0)})" if row.reason else words.NOT_SHOWN),
            Cell(line, html=sparkline(row.history, line, own)),
        ]
        rows.append(cells)
    heads = ["Topic", "Tickets", "Expected (95%)", *(["Signal"] if signals else []), "Mostly labeled", "9 weeks"]
    table = table_of("What the texts are about", heads, rows)
    cut = f"Signals first, then the largest: {len(rows)} of {len(frame)} topics." if len(frame) > len(rows) else ""
    return stacked(table, paragraphs("" if signals else "No topic is a signal.", cut, few))


def labels(accuracy: pd.DataFrame, pairs: pd.DataFrame) -> Markup:
    """Reasons of which the text says something else, after the accuracy that tells how far to trust that.

    Args:
        accuracy: language, texts, labels, accuracy, low, high, baseline.
        pairs: language, contact_reason, text_says, tickets, contradicted, share, low, high.
    """
    if accuracy.empty:
        return note("No label can be checked: two reasons with twenty texts each in one language are needed.")
    sentences = [
        f"{label('language', row.language)}: for {words.whole(row.texts)} texts with {row.labels} reasons, the guess "
        "agrees with the label in "
        f"{words.estimate(row.accuracy, row.low, row.high, 'share')} of cases; always naming the most frequent reason "
        f"would be right in {words.value(row.baseline, 'share')}."
        for row in rows_of(accuracy)
    ]
    weak = [label("language", row.language) for row in rows_of(accuracy) if row.accuracy < 0.6]
    overlap = f"Below 60 % ({words.listed(weak)}) the labels overlap: read the pairs as overlap, not as errors."
    caution = overlap if weak else ""
    frequent = pairs[pairs["contradicted"] >= 3].head(12)
    below = paragraphs(*sentences, caution)
    if frequent.empty:
        none = paragraphs("No label is contradicted by the texts of three or more tickets.")
        return stacked(none, below)
    rows = [
        [
            Cell(_reason(row.contact_reason), header=True),
            Cell(_reason(row.text_says)),
            Cell(label("language", row.language)),
            Cell(f"{words.whole(row.contradicted)} of {words.whole(row.tickets)}", number=True),
            Cell(words.estimate(row.share, row.low, row.high, "share"), number=True),
        ]
        for row in rows_of(frequent)
    ]
    table = table_of(
        "Labels that the text contradicts", ("Label", "The text says", "Language", "Tickets", "Share"), rows
    )
    return stacked(table, below)


def forms(frame: pd.DataFrame) -> Markup:
    """Choices on forms that go with misrouting, with catch-all reasons, or with replies that ask back.

    Args:
        frame: choice, value, outcome, tickets, hits, share, low, high, others_share, discovery, extra.
    """
    if frame.empty:
        return note(
            "Choices cannot be judged: no form, channel, language or region varies in this export, or none has 30 "
            "tickets."
        )
    tested = [OUTCOMES[name] for name in OUTCOMES if name in set(frame["outcome"])]
    lacking = [OUTCOMES[name] for name in OUTCOMES if name not in set(frame["outcome"])]
    wrong = _without_repeats(frame[frame["discovery"]])
    tests = (
        f"{len(frame)} choices and outcomes ({words.listed(tested)}) were judged. "
        f"When no choice matters, at most {_RATE} lists any."
        + (f" Not in this export: {words.listed(lacking)}." if lacking else "")
        + (f" The first {_MOST_CHOICES} of {len(wrong)}." if len(wrong) > _MOST_CHOICES else "")
    )
    if wrong.empty:
        return paragraphs("No choice that was judged goes wrong more often than the others.", tests)
    rows = [
        [
            Cell(choice_name(row), header=True),
            Cell(OUTCOMES[row.outcome], whole=True),
            Cell(f"{words.whole(row.hits)} of {words.whole(row.tickets)}", number=True),
            Cell(words.estimate(row.share, row.low, row.high, "share"), number=True),
            Cell(words.value(row.others_share, "share"), number=True),
            Cell(words.whole(row.extra), number=True),
        ]
        for row in rows_of(wrong.head(_MOST_CHOICES))
    ]
    heads = ("Choice", "Outcome", "Tickets", "Share (95%)", "Others", "Extra")
    table = table_of("Choices that go wrong", heads, rows)
    below = paragraphs(
        tests,
        "A reason within a form is listed only if the form as a whole is not. This is an association, not a cause: "
        "what customers choose depends on what they write about, too.",
    )
    return stacked(table, below)


def candidates(frame: pd.DataFrame) -> Markup:
    """What to hand to the product team, by the tickets that it would avoid.

    Args:
        frame: subject, kind, reason, excess, dissatisfied_ratio, score with their bounds, onset_on, done.
    """
    if frame.empty:
        nothing = (
            "Nothing to escalate: no reason that was judged moved up, took a step up, or has a phrase of its own, and "
            "nothing new is spread over several."
        )
        return note(frame.attrs.get("missing", nothing))
    rows = [
        [
            Cell(
                _reason(row.subject)
                + (f" (under {phrase('contact_reason', row.reason)})" if row.kind == "phrase" and row.reason else ""),
                header=True,
            ),
            Cell(
                f"{words.whole(row.excess)} ({words.whole(row.excess_low)} to {words.whole(row.excess_high)})",
                number=True,
            ),
            Cell(f"{words.decimal(row.dissatisfied_ratio, 2)} ×", number=True),
            Cell(
                f"{words.whole(row.score)} ({words.whole(row.score_low)} to {words.whole(row.score_high)})", number=True
            ),
            Cell(words.short_day(row.onset_on), whole=True),
            Cell(row.done),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Subject", "Avoidable a week", "Unhappy", "Score", "Since", "What is done")
    table = table_of("Candidates for product feedback, largest gain first", heads, rows)
    below = paragraphs(
        "Unhappy: dissatisfied answers within seven days, beside the team's. Score: avoidable tickets times that. In "
        "brackets: 95% intervals."
    )
    return stacked(table, below)


def top_escalation_trend(escalation: Escalation | None) -> Drawing | Markup:
    """Tickets of an escalation's subject per week, with its onset.

    Args:
        escalation: with its evidence; None where there is none.
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
            start + shift,
            0.97 * top,
            f"since {words.short_day(row['onset_on'])}",
            color=theme.ORANGE,
            va="top",
            ha=side,
            fontsize=8.5,
        )
        axes.set_ylim(0, top)
        axes.set_title(f"{_reason(row['subject'])}: tickets a week")
        weeks_below(axes, list(frame["week"]), list(frame["closed"]))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        return theme.drawing(
            figure,
            f"Bars of tickets about {_reason(row['subject'])} per week, "
            f"{words.week_span(frame['week'].iloc[0], frame['week'].iloc[-1])}: "
            f"{words.whole(frame['tickets'].iloc[-1])} in the last, {words.whole(row['before_per_week'])} a week "
            f"before the onset on {words.short_day(row['onset_on'])}. {_closed(frame)}".rstrip(),
        )


def top_escalation(escalation: Escalation | None) -> Markup:
    """An escalation with its evidence: what it would save, since when, whom it touches, examples, and what bears on it.

    Args:
        escalation: with its evidence; None where there is none.
    """
    if escalation is None:
        return note("No escalation to brief on.")
    row = escalation.row
    phrases = [phrase.replace(TOGETHER, "” with “") for phrase in str(row["phrases"]).split(";") if phrase]
    parts = [
        paragraphs(
            f"{_reason(row['subject'])}: {avoidable_in_words(row)}. {_onset(row).capitalize()}.",
            f"Found by: {words.listed(str(row['found_by']).split(' and '))}. It leaves "
            f"{words.decimal(row['dissatisfied_ratio'], 2)} "
            "times as many customers dissatisfied as the team's average ticket.",
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
        frame: subject, escalated_week, before_per_week, excess, latest_per_week, latest_low, latest_high, weeks_since,
            needed_weeks, state.
    """
    if frame.empty:
        return note("Nothing has been proposed for this team so far.")
    rows = [
        [
            Cell(_reason(row.subject), header=True),
            Cell(words.week_start(row.escalated_week), whole=True),
            Cell(words.whole(row.before_per_week), number=True),
            Cell(words.whole(row.before_per_week + row.excess), number=True),
            Cell(words.estimate(row.latest_per_week, row.latest_low, row.latest_high, "count"), number=True),
            Cell(_outcome(row)),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Subject", "Proposed in the week of", "Before", "Then", "Now (95%)", "What became of it")
    below = paragraphs(
        "Tickets a week: before the onset, at the time of the escalation, and on average in as many latest weeks as it "
        "takes to tell. “Back”: more than half of the rise is gone for sure, and the level before is not surely "
        "exceeded; said of what is as high as ever, it is wrong in at most one case of twenty. If the team's other "
        "tickets rise or fall, these levels go with them."
    )
    return stacked(table_of("Register of escalations", heads, rows), below)


def _outcome(row: Any) -> str:
    """The state, and after how many weeks; of what is not known yet, how many it takes."""
    if not row.weeks_since:
        return str(row.state)
    after = "a week after" if row.weeks_since == 1 else f"{row.weeks_since} weeks after"
    if row.state != UNKNOWN:
        return f"{row.state}, {after}"
    if pd.isna(row.needed_weeks):
        return f"{UNKNOWN}, {after}: too few tickets so far to tell"
    if row.weeks_since < row.needed_weeks:
        return f"{UNKNOWN}: {row.weeks_since} of the {row.needed_weeks} weeks that it takes"
    return f"{UNKNOWN}, {after}"


def _rises_left_out(lines: pd.DataFrame) -> str:
    """Which expectations rest on fewer weeks, because the last ones had already risen."""
    rises = lines[lines["left_out"] > 0].drop_duplicates("contact_reason")
    weeks = ["the last week" if row.left_out == 1 else f"the last {row.left_out} weeks" for row in rows_of(rises)]
    names = [f"{_reason(reason)} ({each})" for reason, each in zip(rises["contact_reason"], weeks, strict=True)]
    what = "* Expected without weeks in which it had already risen far above those before:"
    return f"{what} {words.listed(names)}." if names else ""


def _times(ratio: float) -> str:
    """How many times as many; what had next to nothing before is new."""
    return f"{words.decimal(ratio, 1)} ×" if ratio < 100 else "new"


def choice_name(row: Any) -> str:
    """`channel: Email`, or `Web form, reason other`."""
    if row.choice == "form, contact_reason":
        form, _, reason = str(row.value).partition(" · ")
        return f"{label('form', form)}, reason {phrase('contact_reason', reason)}"
    return _segment(row.choice, row.value)


def _without_repeats(choices: pd.DataFrame) -> pd.DataFrame:
    """Without the reasons within a form that goes wrong in the same way as a whole."""
    whole = set(zip(choices["value"], choices["outcome"], strict=True))
    form = choices["value"].astype("str").str.replace(r" · .*", "", regex=True)
    again = pd.Series([pair in whole for pair in zip(form, choices["outcome"], strict=True)], index=choices.index)
    return choices[~(again & (choices["choice"] == "form, contact_reason"))]


def _looks_renamed(frame: pd.DataFrame) -> bool:
    """Whether a third of the tickets went from some reasons to others while their sum stayed about the same."""
    own = frame[(frame["dimension"] == "all") & (frame["contact_reason"] != "all")]
    change = own["count"].to_numpy(dtype=np.float64) - own["trailing_mean"].to_numpy(dtype=np.float64)
    gained, lost = change[change > 0].sum(), -change[change < 0].sum()
    return bool(min(gained, lost) >= 0.3 * own["trailing_mean"].sum() and min(gained, lost) >= 0.5 * max(gained, lost))


def _segments(frame: pd.DataFrame) -> Markup:
    if frame.empty:
        return note("No segment stands out from the team's other tickets, or none has enough customers to be shown.")
    rows = [
        [
            Cell(_segment(row.dimension, row.segment), header=True),
            Cell(words.whole(row.tickets), number=True),
            Cell(words.estimate(row.share, row.low, row.high, "share"), number=True),
            Cell(words.value(row.others_share, "share"), number=True),
        ]
        for row in rows_of(frame)
    ]
    return table_of("Who is affected", ("Segment", "Tickets", "Share (95%)", "Of the team's other tickets"), rows)


def _examples(texts: Sequence[str]) -> Markup:
    if not texts:
        return note("No texts of these tickets in this export: no examples.")
    items = "".join(f"<li><blockquote><p>{escape(text)}</p></blockquote></li>" for text in texts)
    lead = "In the customers' words, redacted, the most typical texts:"
    return Markup(f"<p>{lead}</p><ol>{items}</ol>", "\n".join([lead, *texts]))


def _links(frame: pd.DataFrame) -> Markup:
    if frame.empty:
        return note(frame.attrs.get("missing", "No tool request and no policy change is related to it."))
    rows = [
        [
            Cell(f"{row.kind} {row.id}", header=True),
            Cell(words.full_day(pd.Timestamp(row.at))),
            Cell(row.what),
            Cell(row.status),
            Cell(row.why),
        ]
        for row in rows_of(frame)
    ]
    return table_of("Related tool requests and policy changes", ("What", "On", "About", "Status", "Because it"), rows)


def _onset(row: pd.Series) -> str:
    """Since when, with the interval in which it may have begun."""
    return f"since {since_in_words(row)}"


def _week_place(day: str, weeks: Sequence[str]) -> float:
    """Where on an axis of weeks a day lies: the bars stand at 0, 1, …, and a week is one wide."""
    year, week, weekday = pd.Timestamp(day).isocalendar()
    name = f"{year}-W{week:02d}"
    return (weeks.index(name) if name in weeks else 0) - 0.5 + (weekday - 1) / 7


def _rate(rate: float, low: float, high: float) -> str:
    """Rates of reasons lie far apart; the two figures that tell one decide how its interval is written, too."""
    if np.isnan(rate):
        return words.NOT_SHOWN
    digits = 0 if rate <= 0 else min(3, max(0, 1 - int(np.floor(np.log10(rate)))))
    return f"{words.decimal(rate, digits)} ({words.decimal(low, digits)}–{words.decimal(high, digits)})"


def _per_cent(share: float, low: float, high: float) -> str:
    return (
        words.NOT_SHOWN
        if np.isnan(share)
        else f"{words.percent(share, 0)} ({words.percent_figures(low, 0)}–{words.percent_figures(high, 0)})"
    )


def _chance(q: float) -> str:
    """How often something so strong is seen where nothing has changed."""
    return f"< {words.percent(0.001)}" if q < 0.001 else words.percent(q, 1)


def _name(text: object, longest: int = _LONGEST_NAME) -> str:
    name = str(text)
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _reason_or_fold(row: Any) -> str:
    return f"{row.folded} reasons of {row.contact_reason}" if row.folded else _reason(row.contact_reason)


def _reason(reason: object) -> str:
    """A contact reason, or what else an escalation is about, as a reader calls it."""
    return _name(label("contact_reason", reason))


def _segment(field: str, value: object) -> str:
    return f"{field_name(field).removeprefix('contact ')}: {label(field, value)}"
