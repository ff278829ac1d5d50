"""What the weekly review shows: a chart or table per frame of `frames`, under the same name."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from opslib import labels
from opslib.analysis.findings.quiet_pages import chance_in_words
from opslib.analysis.weekly_review.false_alarms import MEASURED, rate_in_words
from opslib.analysis.weekly_review.goal_verdicts import AT_RISK, NO_VALUE
from opslib.analysis.weekly_review.restatements import CAUSES, RESTATEMENT, SETTLING
from opslib.analysis.weekly_review.weekly_signals import BACK, NOT_JUDGED, WITHIN
from opslib.analysis.weekly_review.weekly_values import BOUNDS, SETTLED, SO_FAR
from opslib.display import verdicts, words
from opslib.display.cells import (
    Cell,
    is_known,
    paragraphs,
    rows_of,
    spark_words,
    sparkline,
    stacked,
    table_of,
)
from opslib.display.charts import NOTHING
from opslib.display.control_charts import control_chart, control_charts, small_multiples
from opslib.display.decomposition import decomposition_chart
from opslib.display.section import LeftOut, Section
from opslib.display.theme import Drawing, Markup, note
from opslib.display.ticket_table import BRIEF, ticket_table
from opslib.metrics import ALL
from opslib.reports.weekly_review import answers
from opslib.reports.weekly_review.backlog_charts import backlog_age_chart, backlog_chart
from opslib.reports.weekly_review.place_charts import (
    ages_chart,
    arrivals_chart,
    days_chart,
    late_table,
    standing_chart,
)
from opslib.reports.weekly_review.point_list import actions as actions
from opslib.reports.weekly_review.point_list import causes as causes
from opslib.reports.weekly_review.point_list import points as points
from opslib.reports.weekly_review.point_list import team_note as team_note
from opslib.weeks import monday_of

_FAMILIES = {
    "flow": "flow and backlog",
    "speed": "speed",
    "sla": "SLA",
    "satisfaction": "satisfaction",
    "quality": "quality",
    "effort": "effort",
}
_BESIDE = {"last_year": "Same week last year", "quarter": "Quarter to date"}
_MOST_RESTATED = 5
_MOST_NAMED = 4
_MOST_LEFT_ALONE = 6
_LONG_INTERVAL = 14
_WEEKS_TO_REBASE = 8
_FLOW = {
    "opening": "Opening",
    "created": "+ Created",
    "reopened": "+ Reopened",
    "moved_in": "+ Moved in",
    "solved": "− Solved",
    "deleted": "− Deleted",
    "merged": "− Merged",
    "moved_out": "− Moved out",
    "closing": "= Closing",
    "difference": "Unexplained",
}


def section(answer: str, *parts: Any) -> Section:
    """What stands below a heading of the page, with the heading's answer."""
    return Section(*parts, answer=answer)


def fold(answer: str, *parts: Any) -> Section:
    """What a page folds below a heading and the heading's answer; left out where a team had nothing to show."""
    if all(isinstance(part, Markup) and part.text in ("", NOTHING) for part in parts):
        return LeftOut(NOTHING)
    return Section(*parts, answer=answer, folded=True)


def standing(frame: pd.DataFrame, days: pd.DataFrame, ages: pd.DataFrame) -> Section:
    """What the team holds: at its closing time week by week, in and out by day, and how old it is.

    Args:
        frame: week, closes_at, tickets, closed, one row per week.
        days: day, came, went, left, closed, one row per day of the week.
        ages: age, tickets, one row per age.
    """
    if frame.empty:
        return LeftOut("The export does not tell which tickets were open.")
    charts = [standing_chart(frame)]
    charts += [days_chart(days)] if len(days) else []
    charts += [ages_chart(ages, int(ages["tickets"].sum()))] if ages["tickets"].sum() else []
    return Section(*charts, answer=answers.standing(frame))


def places(late: pd.DataFrame, arrivals: pd.DataFrame) -> Section:
    """Where promised first replies are late, and when tickets arrive.

    Args:
        late: channel, priority, queue, due, late, is_few, one row per place.
        arrivals: weekday, hour, tickets, closed, 168 rows.
    """
    parts: list[Drawing | Markup] = [late_table(late)] if len(late) else []
    parts += [arrivals_chart(arrivals)] if arrivals["tickets"].sum() else []
    if not parts:
        return LeftOut("No first reply was promised for this week, and no ticket arrived.")
    sentences = [answers.late_places(late), answers.arrivals(arrivals)]
    return Section(*parts, answer=" ".join(filter(None, sentences)))


def leave_alone(frame: pd.DataFrame) -> Markup:
    """What needs no story this week, in one line; nothing where nothing was judged.

    Args:
        frame: as `signals` takes it.
    """
    if frame.empty:
        return paragraphs()
    usual = frame[(frame["verdict"] == WITHIN) & ~frame["is_missed"] & ~frame["is_late"].astype(bool)]
    named = [f"{row.label} {words.value(row.value, row.unit)}" for row in rows_of(usual.head(_MOST_LEFT_ALONE))]
    more = len(usual) - len(named)
    tail = f", and {more} more" if more > 0 else ""
    return paragraphs(f"Leave alone this week: {', '.join(named)}{tail}. All are as usual." if named else "")


def trust(frame: pd.DataFrame) -> Markup:
    """Which weeks are not complete and why, a sentence each; nothing where all are.

    Args:
        frame: reason, weeks, begins, trusted_from, backlog_trusted_from, one row per reason.
    """
    return stacked(*(note(_trust_in_words(row)) for row in rows_of(frame)))


def _trust_in_words(row: Any) -> str:
    reason = row.reason[0].upper() + row.reason[1:]
    if not row.begins:
        return f"{reason}: {words.week_numbers(list(row.weeks))} {'is' if len(row.weeks) == 1 else 'are'} not complete."
    since, whole = row.trusted_from, row.backlog_trusted_from
    if not isinstance(since, str):
        return f"{reason}: no week of it is complete yet."
    if since == whole:
        return f"{reason}: its numbers can be trusted from {words.week_number(since)} on."
    start = words.week_number(since)
    backlog = f"from {words.week_number(whole)} on" if isinstance(whole, str) else "in no week so far"
    return f"{reason}: backlog, solves and SLA can be trusted {backlog}, all other numbers from {start} on."


def closures(frame: pd.DataFrame) -> Markup:
    """Which holidays closed the team in the week, and what such weeks had before; nothing where none did.

    Args:
        frame: day, name, one row per holiday; metric, label, unit, value, earlier, earlier_weeks, usual, one row per
            number.
    """
    days = frame[frame["day"].notna()] if len(frame) else frame
    if days.empty:
        return paragraphs()
    closed = words.listed([f"{words.day(row.day)} ({row.name})" for row in rows_of(days)])
    numbers = [_closure_in_words(row) for row in rows_of(frame[frame["metric"].notna()])]
    return paragraphs(
        " ".join([f"Closed on {closed}, so what rests on open days is not judged against other weeks.", *numbers])
    )


def _closure_in_words(row: Any) -> str:
    """A number of a holiday week beside those of the holiday weeks before and of usual weeks."""
    text = f"{row.label}: {words.value(row.value, row.unit)}"
    had = words.listed([words.value(each, row.unit) for each in row.earlier])
    if not had:
        return f"{text}, the first holiday week that the export tells."
    whose = (
        "the holiday week before" if len(row.earlier) == 1 else f"the last {_number(len(row.earlier))} holiday weeks"
    )
    when = words.listed([words.week_number(week) for week in row.earlier_weeks])
    usual = f", other weeks about {words.value(row.usual, row.unit)}" if is_known(row.usual) else ""
    return f"{text}; {whose} had {had} ({when}){usual}."


def _number(count: int) -> str:
    return {2: "two", 3: "three"}.get(count, str(count))


def signals(frame: pd.DataFrame) -> Markup:
    """What needs attention: goals missed and signals, and in a sentence each what is as usual or was not judged.

    Args:
        frame: metric, label, family, unit, better, cases, week, before, value, low, high, n, centre, lower, upper,
            verdict, since, direction, why, together, left_out, level_shift, weeks_outside, is_late, rate, team, and how
            it stands to its goal (as `verdicts` names it), one row per metric.
    """
    if frame.empty:
        return note(NOTHING)
    frame = frame.assign(label=_dated_labels(frame))
    is_signal = frame["verdict"].map(words.is_signal).astype(bool)
    is_judged = frame["verdict"] != NOT_JUDGED
    needs_no_story = ~frame["is_missed"]
    sentences = [
        _goals_in_words(frame[frame["goal_verdict"] != ""]),
        _judged_in_words(frame[is_judged], float(frame["rate"].iloc[0])),
        *(
            f"{row.label} is {words.signal(row)}."
            for row in rows_of(frame[(frame["verdict"] == BACK) & needs_no_story])
        ),
        _within_in_words(frame.loc[(frame["verdict"] == WITHIN) & needs_no_story, "label"]),
        _not_judged_in_words(frame[~is_judged & frame["value"].notna() & needs_no_story]),
        " ".join(_limits_in_words(frame[is_judged])),
        *(_rebase_in_words(row) for row in rows_of(frame[frame["weeks_outside"] >= _WEEKS_TO_REBASE])),
        _easy_in_words(frame[frame["too_easy"]]),
    ]
    below = paragraphs(*(sentence for sentence in sentences if sentence))
    needs_story = is_signal | frame["is_missed"]
    if not needs_story.any():
        judged = "No metric that was judged is outside its usual range."
        return stacked(paragraphs(judged), below) if is_judged.any() else below
    rows = [
        [
            Cell(row.label, header=True),
            _two_lines(words.value(row.value, row.unit), verdicts.size(row).partition(",")[0], number=True),
            Cell(words.value(row.before, row.unit), number=True),
            Cell(words.movement(row.before, row.value, row.unit) or words.NOT_SHOWN, number=True),
            Cell(_limits(row), number=True),
            _goal_cell(row),
            _signal_cell(row),
        ]
        for row in rows_of(frame[needs_story])
    ]
    heads = ("Metric", "Value", "Week before", "Change", "Usual", "Goal", "Signal")
    return stacked(table_of("Goals missed, then signals, new ones first", heads, rows), below)


def _goal_cell(row: Any) -> Cell:
    """A cell with the verdict on a goal, and below it the goal, the gap and for how long."""
    return verdicts.cell(verdicts.of_goal(row), *verdicts.goal_facts(row))


def _signal_cell(row: Any) -> Cell:
    """A cell with the verdict on a signal, and below it on which side, or why there is none."""
    said = words.signal(row).partition(": ")[2] or (words.signal(row) if row.verdict == BACK else "")
    return verdicts.cell(verdicts.of_signal(row), said)


def _goals_in_words(rows: pd.DataFrame) -> str:
    """How many goals were met, and which of these are at risk; nothing where the team has none."""
    rows = rows[~rows["is_late"].astype(bool)]
    told = rows[rows["goal_verdict"] != NO_VALUE]
    met = told[~told["is_missed"]]
    if rows.empty:
        return ""
    if told.empty:
        return "No goal could be judged this week."
    at_risk = met.loc[met["goal_verdict"] == AT_RISK, "label"].tolist()
    surely = met.loc[met["goal_verdict"] != AT_RISK, "label"].tolist()
    names = [f"{words.listed(surely)}"] if surely else []
    names += [f"at risk: {words.listed(at_risk)}"] if at_risk else []
    tail = f" ({'; '.join(names)})" if names else ""
    return f"{len(met)} of {len(told)} goals met{tail}."


def _easy_in_words(rows: pd.DataFrame) -> str:
    """The goals that ask for far less than the team does, for whoever sets them."""
    if rows.empty:
        return ""
    names = words.listed([f"{row.label} ({words.goal(row.goal, row.better, row.unit)})" for row in rows_of(rows)])
    return (
        f"For whoever sets goals: met in each of the last 13 weeks, nearly always with half of what they allow left "
        f"over, and so too easy to steer by: {names}."
    )


def _dated_labels(frame: pd.DataFrame) -> pd.Series:
    """Labels; those of what is about the week before name that week."""
    weeks = frame["week"].map(words.week_start)
    return frame["label"].where(~frame["is_late"].astype(bool), frame["label"] + ", " + weeks)


def _judged_in_words(rows: pd.DataFrame, rate: float) -> str:
    """How many metrics were judged, and how often a quiet week gives a false alarm."""
    if rows.empty:
        return "No metric could be judged this week."
    late = rows[rows["is_late"].astype(bool)]
    counts = [_count_of_metrics(len(rows) - len(late))] if len(late) < len(rows) else []
    if len(late):
        counts.append(f"{_count_of_metrics(len(late))} of {words.week_number(late['week'].iloc[0])}, known only now")
    limit = rate_in_words(rate)
    measured = f"; on trial data it was one in {MEASURED[rate]}" if rate in MEASURED else ""
    return (
        f"Judged: {' and '.join(counts)}. Where nothing has moved, the metrics of {limit} at most show a new signal by "
        f"chance{measured}. {chance_in_words(rate)}"
    ).rstrip()


def _count_of_metrics(count: int) -> str:
    return f"{count} metric{'' if count == 1 else 's'}"


def _within_in_words(labels: pd.Series) -> str:
    if labels.empty:
        return ""
    is_short = len(labels) <= 2 * _MOST_NAMED
    names = words.listed(labels.tolist()) if is_short else f"{len(labels)} metrics, marked so under All metrics"
    return f"As usual: {names}."


def _not_judged_in_words(rows: pd.DataFrame) -> str:
    """The metrics that have a number and were not judged, by reason; many of a reason by their families."""
    parts = []
    for why, own in rows.groupby("why", sort=False):
        names = own["label"] if len(own) <= _MOST_NAMED else own["family"].map(_FAMILIES).drop_duplicates()
        count = f"{len(own)} metrics of " if len(own) > _MOST_NAMED else ""
        parts.append(f"{count}{words.listed(names.tolist())}: {why}")
    return f"Not judged: {'; '.join(parts)}." if parts else ""


def _limits_in_words(rows: pd.DataFrame) -> list[str]:
    """What to know of limits before trusting them, a sentence per note with the metrics that it is about."""
    notes = pd.DataFrame(
        [(text, row.label) for row in rows_of(rows) if (text := words.left_out(row))], columns=["text", "label"]
    )
    sentences = [
        f"{str(text)[:1].upper()}{str(text)[1:]}: {words.listed(own.tolist())}."
        for text, own in notes.groupby("text")["label"]
    ]
    shifts = [
        f"{row.label} ({words.week_number(row.level_shift)})" for row in rows_of(rows[rows["level_shift"].notna()])
    ]
    if shifts:
        sentences.append(f"Read these limits with care, as the weeks that set them change level: {'; '.join(shifts)}.")
    return sentences


def _rebase_in_words(row: Any) -> str:
    """The line by which a metric that has long been outside its limits gets new ones."""
    return (
        f"{row.label} has been {words.side(row)} for {words.number_of(row.weeks_outside, 'week')}. If this is its new "
        f"normal, add to "
        f"{row.team} under baselines in params/org.yml, with your reason: "
        f'- {{metric: {row.metric}, from: {monday_of(row.since)}, reason: "…"}}'
    )


def flow(frame: pd.DataFrame) -> Drawing | Markup:
    """What came, what went and what the backlog looks like, a control chart each.

    Args:
        frame: week, metric, label, unit, better, value, low, high, n, cases, missing, centre, lower, upper,
            and the judgements (as `control_charts` names it), one row per metric and week.
    """
    return control_charts(frame)


def speed(frame: pd.DataFrame) -> Drawing | Markup:
    """Reply and resolution times, a control chart each.

    Args:
        frame: week, metric, label, unit, better, value, low, high, n, cases, missing, centre, lower, upper,
            and the judgements (as `control_charts` names it), one row per metric and week.
    """
    return control_charts(frame)


def outlook(frame: pd.DataFrame) -> Markup:
    """What is known so far of the newest week's times, a sentence or two each; nothing where all are settled.

    Args:
        frame: week, metric, label, unit, value, low, high, n, censored, state, settles_on, still_low, still_high,
            weekend, unopened, was, was_as_of, as_of, one row per time.
    """
    rows, said = [], set()
    for row in rows_of(frame[frame["state"] != SETTLED]):
        measure = row.label.partition(",")[0]
        rows.append(_outlook_in_words(row, counts=measure not in said))
        said.add(measure)
    settled = [_settled_in_words(row) for row in rows_of(frame[frame["state"] == SETTLED])]
    return paragraphs(
        *rows,
        f"{words.week_number(frame['week'].iloc[-1]).capitalize()} has settled. {' '.join(settled)}" if settled else "",
    )


def _outlook_in_words(row: Any, *, counts: bool) -> str:
    """A time that is not settled: its value so far, what it waits for, where it will lie and when that is known."""
    now = words.standing(row.value, row.low, row.high, row.unit, state=row.state, settles_on=row.settles_on)
    sentences = [f"{row.label}: {now}."]
    if counts:
        sentences.append(_waiting_in_words(row))
    if row.state != SO_FAR:
        sentences.append("Too few past weeks tell how it will end.")
    elif is_known(row.still_low) and is_known(row.still_high):
        sentences.append(_range_in_words(row))
    if isinstance(row.settles_on, str):
        sentences.append(f"Known on {words.day(row.settles_on)}.")
    return " ".join(filter(None, sentences))


def _waiting_in_words(row: Any) -> str:
    """How many have not ended, and since when they wait."""
    if not is_known(row.censored):
        return ""
    if row.censored == 0:
        return "Nothing is open any more, but a solve may still be reopened." if row.metric.startswith("full") else ""
    things = "tickets" if is_known(row.weekend) else "questions"
    verb = "are not solved" if row.metric.startswith("full") else "still wait"
    count = f"{words.whole(row.censored)} of {words.whole(row.n)} {things}"
    if row.state != SO_FAR and is_known(row.unopened) and row.unopened == row.censored:
        return f"{count} have not had an open hour yet."
    return f"{count} {verb}{', most from the weekend' if 2 * (row.weekend or 0) > row.censored else ''}."


def _range_in_words(row: Any) -> str:
    """Where the final value will lie, by what became of past weeks."""
    low, high = words.value(row.still_low, row.unit), words.value(row.still_high, row.unit)
    guide = "Going by past weeks at this point, the final value will"
    return f"{guide} stay about there." if low == high else f"{guide} lie between {low} and {high}."


def _settled_in_words(row: Any) -> str:
    now, was = words.value(row.value, row.unit), words.value(row.was, row.unit)
    return f"{row.label}: {now} ({pd.Timestamp(row.was_as_of).day_name()}'s estimate {was})."


def sla(frame: pd.DataFrame) -> Drawing | Markup:
    """The attainment of each SLA metric, a control chart each.

    Args:
        frame: week, metric, label, unit, better, value, low, high, n, cases, missing, centre, lower, upper,
            and the judgements (as `control_charts` names it), one row per metric and week.
    """
    return control_charts(frame)


def open_tickets(frame: pd.DataFrame) -> LeftOut | Markup:
    """What to open today: two lists of at most six tickets, each with the way to all of them.

    Args:
        frame: list, title, count, ticket_id, over_seconds, age_days, priority, queue, contact_reason, due_at, status,
            one row per ticket; attrs time_zone and ticket_url.
    """
    if "missing" in frame.attrs:
        return LeftOut(frame.attrs["missing"])
    if frame.empty:
        return note("No open ticket is late without a reply, and none is about to miss a promise.")
    parts = []
    for name, rows in frame.groupby("list", sort=False):
        count, title = int(rows["count"].iloc[0]), str(rows["title"].iloc[0])
        # By how much it is over says when it was due.
        columns = [each for each in BRIEF if each != "due_at" or rows["over_seconds"].isna().all()]
        table = ticket_table(
            f"{title}: {_tickets(count)}",
            rows,
            time_zone=frame.attrs["time_zone"],
            ticket_url=frame.attrs["ticket_url"],
            columns=columns,
        )
        parts.append(stacked(table, _list_links(str(name), title, f"All {words.value(count, 'count')}")))
    html = "".join(f"<div>{part.html}</div>" for part in parts)
    return Markup(f'<div class="two">{html}</div>', "\n".join(part.text for part in parts))


def ticket_lists(frame: pd.DataFrame) -> Markup:
    """The lists of tickets behind the week's numbers.

    Args:
        frame: list, title, count, of, one row per list.
    """
    if frame.empty:
        return note("No list of tickets belongs to this week.")
    rows = [
        [
            Cell(row.title, html=_list_link(f"{row.list}.html", row.title), header=True),
            Cell(words.value(row.count_, "count"), number=True),
            Cell(words.value(row.of, "count") if is_known(row.of) else "", number=True),
            Cell("CSV", html=_list_link(f"{row.list}.csv", "CSV", about=row.title)),
        ]
        for row in rows_of(frame.rename(columns={"count": "count_"}))
    ]
    return table_of("Lists of tickets", ("List", "Tickets", "Of", "Table"), rows)


def _list_links(name: str, title: str, label: str) -> Markup:
    """The way to all tickets of a list, as a page and as a table."""
    links = [_list_link(f"{name}.html", label, about=title), _list_link(f"{name}.csv", "CSV", about=title)]
    return Markup(f"<p>{' · '.join(links)}</p>", f"{label}: lists/{name}.html")


def _list_link(file: str, label: str, *, about: str = "") -> str:
    hidden = f'<span class="visually-hidden">: {escape(about)}</span>' if about else ""
    return f'<a href="lists/{escape(file)}">{escape(label)}{hidden}</a>'


def recorded_sla(frame: pd.DataFrame) -> Markup:
    """How the CRM's own record of its SLA compares, in a sentence or two; nothing where it has none.

    Args:
        frame: tickets, recorded_met, own_met, only_recorded, only_own, reopened, one row or none.
    """
    return paragraphs(*(_record_in_words(row) for row in rows_of(frame)))


def _record_in_words(row: Any) -> str:
    differ = row.only_recorded + row.only_own
    if not differ:
        return f"The CRM's own record of what was resolved within the SLA agrees ({_tickets(row.tickets)})."
    recorded, own = (words.value(share, "share") for share in (row.recorded_met, row.own_met))
    one = "differs" if differ == 1 else "differ"
    text = (
        f"The CRM's own record has {recorded} of {_tickets(row.tickets)} as resolved within the SLA, the targets here "
        f"have {own}: {_tickets(differ)} {one} (met by the record only: {words.whole(row.only_recorded)}, here only: "
        f"{words.whole(row.only_own)})."
    )
    if not is_known(row.reopened) or 2 * row.reopened <= differ:
        return text
    return f"{text} {words.whole(row.reopened)} of these came back after a solve."


def _tickets(number: int) -> str:
    return f"{words.whole(number)} ticket{'s' if number != 1 else ''}"


def reopenings(frame: pd.DataFrame) -> Markup:
    """How far the shares that are not settled may still move, in a sentence or two; nothing where all are settled.

    Args:
        frame: metric, label, unit, settles_on, weeks, moved, one row per share.
    """
    if frame.empty:
        return paragraphs()
    days = [day for day in frame["settles_on"] if isinstance(day, str)]
    until = f" until {words.day(max(days))}" if days else ""
    first = f"Shares marked so far may still move{until}: a solved ticket that comes back counts anew."
    if frame["moved"].isna().all():
        return paragraphs(f"{first} No past week is on record yet that tells by how much.")
    largest = frame.sort_values("moved", ascending=False, kind="stable").iloc[0]
    weeks = int(frame["weeks"].max())
    whose = "In the one week on record they" if weeks == 1 else f"In the last {weeks} weeks on record they"
    moved = words.points(float(largest["moved"]), "share").lstrip("+±")
    return paragraphs(f"{first} {whose} moved by {moved} at most ({largest['label']}).")


def quality(frame: pd.DataFrame) -> Drawing | Markup:
    """Satisfaction, survey response, QA score and critical errors, a control chart each.

    Args:
        frame: week, metric, label, unit, better, value, low, high, n, cases, missing, centre, lower, upper,
            and the judgements (as `control_charts` names it), one row per metric and week.
    """
    return control_charts(frame)


def effort(frame: pd.DataFrame) -> Drawing | Markup:
    """First contact, reopens, escalations and solves per agent hour, a control chart each.

    Args:
        frame: week, metric, label, unit, better, value, low, high, n, cases, missing, centre, lower, upper,
            and the judgements (as `control_charts` names it), one row per metric and week.
    """
    return control_charts(frame)


def metric(frame: pd.DataFrame) -> Drawing | Markup:
    """The control chart of one metric.

    Args:
        frame: week, metric, label, unit, better, value, low, high, n, cases, missing, centre, lower, upper,
            and the judgements (as `control_charts` names it), one row per week.
    """
    return control_chart(frame)


def across_teams(frame: pd.DataFrame) -> Drawing | Markup:
    """One metric of every team, a small chart each on the same scale.

    Args:
        frame: team, team_label, week, metric, label, unit, better, value, low, high, n, missing, goal, centre, lower,
            upper, and the judgement (as `control_charts` names it), one row per team and week.
    """
    return small_multiples(frame)


def backlog(frame: pd.DataFrame) -> Drawing | Markup:
    """Tickets into and out of the backlog, and what was left, week by week.

    Args:
        frame: week, inflow, outflow, closing, up_to_7d, from_8_to_30d, older_than_30d, median_age_days, one row per
            week.
    """
    return backlog_chart(frame)


def backlog_age(frame: pd.DataFrame) -> Drawing | Markup:
    """The backlog by the age of its tickets, week by week.

    Args:
        frame: week, inflow, outflow, closing, up_to_7d, from_8_to_30d, older_than_30d, median_age_days, one row per
            week.
    """
    return backlog_age_chart(frame)


def explain(frame: pd.DataFrame) -> Drawing | Markup:
    """What each group adds to a difference from the usual weeks: by its own rate, and by its share of the whole.

    Args:
        frame: metric, label, unit, by, group, before, after, share_before, share_after, mix, rate, total, against,
            missing, one row per metric and group.
    """
    return decomposition_chart(frame)


def shortfall(frame: pd.DataFrame) -> Markup:
    """What each channel adds to the goals that were missed; nothing where none was.

    Args:
        frame: metric, label, unit, better, cases, goal, channel, value, n, gap, over, one row per goal and channel.
    """
    if frame.empty:
        return paragraphs(frame.attrs.get("missing", "No goal was missed."))
    rows = [
        [
            Cell(row.label, header=True),
            Cell("all channels" if row.channel == ALL else labels.label("channel", row.channel)),
            Cell(f"{words.value(row.n, 'count')} {row.cases}", number=True),
            Cell(words.value(row.value, row.unit), number=True),
            Cell(words.goal(row.goal, row.better, row.unit), number=True),
            Cell(_apart_in_words(row), number=True),
            Cell(_over_in_words(row), number=True),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Goal", "Channel", "Of", "Value", "Goal at", "Apart", "In cases")
    return table_of("Missed goals by channel, what adds most first", heads, rows)


def _apart_in_words(row: Any) -> str:
    """How far a channel is from a goal, and on which side."""
    distance = words.points(abs(row.gap), row.unit).lstrip("+±")
    return f"{distance} {'off' if row.gap > 0 else 'to spare'}"


def _over_in_words(row: Any) -> str:
    """How many cases a channel adds to a shortfall; of scores, which no case meets or misses, nothing."""
    if row.unit != "share" or not is_known(row.over):
        return words.NOT_SHOWN
    return f"{words.value(abs(row.over), 'count')} {'too many' if row.over > 0 else 'to spare'}"


def metric_table(frame: pd.DataFrame) -> Markup:
    """All metrics of a week with interval, goal, change, signal, thirteen weeks as a line, and definition.

    Args:
        frame: metric, label, family, unit, better, cases, definition, week, value, low, high, n, state, settles_on,
            still_low, still_high, before, verdict, since, direction, together, why, missing, history (list of the last
            values), closures (of those weeks, the holidays), last_year, quarter (these have a column where any metric
            has them), and how it stands to its goal (as `verdicts` names it), one row per metric.
    """
    if frame.empty:
        return note(NOTHING)
    beside = [name for name in _BESIDE if frame[name].notna().any()]
    heads = ("Metric", "This week", "95% interval", "Goal", "Change", "Signal", "13 weeks")
    rows = [
        [*_metric_cells(row), *(Cell(words.value(getattr(row, name), row.unit), number=True) for name in beside)]
        for row in rows_of(frame)
    ]
    return table_of("All metrics of the week", [*heads, *(_BESIDE[name] for name in beside)], rows)


def _metric_cells(row: Any) -> list[Cell]:
    """The cells of a metric in the table of all metrics; one that the export lacks has its reason and no number."""
    if isinstance(row.missing, str):
        return [_label_cell(row.label, row.definition), *[Cell("")] * 4, Cell(row.missing), Cell("")]
    count = "" if row.unit == "count" else f" This week: {words.value(row.n, 'count')} counted."
    spark = sparkline(row.history, spark_words(row.label, row.history, row.unit, row.closures), row.closures)
    return [
        _label_cell(row.label, row.definition + count),
        _value_cell(row),
        _interval_cell(row),
        _goal_cell(row),
        Cell(words.movement(row.before, row.value, row.unit) or words.NOT_SHOWN, number=True),
        _signal_cell(row),
        Cell("", html=spark or words.NOT_SHOWN),
    ]


def _interval_cell(row: Any) -> Cell:
    """A metric's interval; one of two long times in two lines, which leaves the signals their room."""
    text = words.NOT_SHOWN if row.state == BOUNDS else words.interval(row.low, row.high, row.unit)
    is_long = len(text) > _LONG_INTERVAL and "–" in text
    return Cell(text, html=escape(text).replace("–", "–<br>") if is_long else "", number=True)


def _value_cell(row: Any) -> Cell:
    """A metric's value; where it is not settled, also that and when it will be."""
    if row.state == SETTLED and not is_known(row.value) and is_known(row.low):
        return Cell("not reached", number=True)
    value = words.standing(row.value, row.low, row.high, row.unit, state=row.state, settles_on=row.settles_on)
    if row.state != SO_FAR or not isinstance(row.settles_on, str) or not is_known(row.value):
        return Cell(value, number=True)
    return _two_lines(value, f"settles {words.day(row.settles_on)}", number=True)


def _two_lines(first: str, second: str, *, number: bool = False) -> Cell:
    """A cell with a smaller second line, where there is one."""
    if not second:
        return Cell(first, number=number, whole=True)
    html = f"{escape(first)},<br> <small>{escape(second)}</small>"
    return Cell(f"{first}, {second}", html=html, number=number, whole=True)


def add_up(frame: pd.DataFrame) -> Markup:
    """The identity of the backlog, to be read downwards, by day and for the week.

    Args:
        frame: day (None for the week), opening, created, reopened, moved_in, solved, deleted, merged, moved_out,
            closing, difference, closed (the holiday on that day, "" for none), one row per day and a last one for the
            week.
    """
    if frame.empty:
        return note(NOTHING)
    heads = [
        "",
        *(_day_head(day, closed) for day, closed in zip(frame["day"], frame["closed"], strict=True)),
    ]
    unexplained = frame["difference"] != 0
    rows = [
        [Cell(label, header=True), *(Cell(words.value(each, "count"), number=True) for each in frame[column])]
        for column, label in _FLOW.items()
        if column != "difference" or unexplained.any()
    ]
    wrong = int(unexplained.sum())
    verdict = f"{wrong} of {len(frame)} columns do not add up: see Unexplained." if wrong else "It adds up exactly."
    return stacked(table_of("The backlog, day by day", heads, rows), paragraphs(verdict))


def _day_head(day: Any, closed: str) -> str:
    """The head of a day's column: its date, and the holiday that closes it."""
    if pd.isna(day):
        return "Week"
    head = f"{pd.Timestamp(day).day_name()[:3]} {pd.Timestamp(day).day}"
    return f"{head} / {closed}, closed" if closed else head


def restatements(frame: pd.DataFrame) -> Markup:
    """Settled numbers that are others now, and in one line how many have settled.

    Args:
        frame: week, metric, label, unit, entry, was, is, cause, was_as_of, as_of, one row per number that settled or
            was restated.
    """
    settled = int((frame["entry"] == SETTLING).sum())
    count = (
        f"{words.whole(settled)} number{' has' if settled == 1 else 's have'} settled since this week ended."
        if settled
        else ""
    )
    restated = frame[frame["entry"] == RESTATEMENT]
    if restated.empty:
        return paragraphs("No number that had settled is another one now.", count)
    ordered = restated.rename(columns={"is": "now"}).sort_values("week", ascending=False, kind="stable")
    newest = ordered.drop_duplicates("metric")
    count_of = ordered["metric"].value_counts()
    lines = [[*_restated_cells(row), Cell(f"{count_of[row.metric]:,}", number=True)] for row in rows_of(newest)]
    heads = ("Metric", "Newest week", "Was", "Is", "Why", "Weeks")
    table = table_of("Numbers that had settled and are others now, a line per metric", heads, lines[:_MOST_RESTATED])
    rest = Markup("", "")
    if len(lines) > _MOST_RESTATED or len(ordered) > len(newest):
        every = table_of(
            "Every number that was restated", heads[:-1], [_restated_cells(row) for row in rows_of(ordered)]
        )
        head = f"All {len(ordered):,} numbers of {len(lines):,} metrics"
        rest = Markup(f"<details><summary>{escape(head)}</summary>{every.html}</details>", f"{head}\n{every.text}")
    return stacked(table, rest, paragraphs(*_causes_in_words(restated["cause"]), count))


def _restated_cells(row: Any) -> list[Cell]:
    """The cells of a restated number."""
    return [
        Cell(row.label, header=True),
        Cell(row.week),
        Cell(words.value(row.was, row.unit), number=True),
        Cell(words.value(row.now, row.unit), number=True),
        Cell(row.cause),
    ]


def _causes_in_words(texts: pd.Series) -> list[str]:
    """How many numbers each cause has moved, and what that cause is; those that moved most first."""
    causes = texts.astype("str").str.split(", ").explode()
    counts = causes[causes.isin(list(CAUSES))].value_counts(sort=True)
    return [
        f"{str(cause).capitalize()}, {count:,} number{'' if count == 1 else 's'}: {CAUSES[str(cause)]}."
        for cause, count in counts.items()
    ]


def missing(frame: pd.DataFrame) -> Markup:
    """What the export does not have.

    Args:
        frame: metric, label, definition, missing (why), one row per metric.
    """
    if frame.empty:
        return note("Nothing is missing: this export has what every metric needs.")
    rows = [[_label_cell(row.label, row.definition), Cell(row.missing)] for row in rows_of(frame)]
    return table_of("Metrics left out of this report, and why", ("Metric", "Why"), rows)


def _label_cell(label: str, definition: str) -> Cell:
    """A metric's name that opens to its definition."""
    fold = f'<details class="definition"><summary>{escape(label)}</summary><p>{escape(definition)}</p></details>'
    return Cell(label, html=fold, header=True)


def _limits(row: Any) -> str:
    """The limits of a signal, in words."""
    if not is_known(row.upper):
        return words.NOT_SHOWN
    return f"{words.value(row.lower, row.unit)} to {words.value(row.upper, row.unit)}"
