"""The catalogue of metrics: what each means, in words that reports print, and how it is counted, in Ibis over facts.

A count, share or mean is a sum of its numerator over the rows in which its denominator counts; a rate or ratio divides
such a sum by another, of its rows or of an `exposure` (people, hours, users); a quantile is taken over times, those
that have ended and those that run still. What is counted is dated by one instant and belongs to one team,
which each metric names. Intervals and roll-ups are `analysis.weekly_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from opslib.errors import SettingsError
from opslib.settings import LIVE_CHANNELS, Organisation

if TYPE_CHECKING:
    import ibis.expr.types as ir

Unit = Literal["seconds", "share", "count", "per_ticket", "score", "days", "rate"]
Better = Literal["lower", "higher", "neither"]
Family = Literal["flow", "speed", "sla", "satisfaction", "quality", "effort"]
Kind = Literal["count", "share", "quantile", "mean", "rate", "ratio"]
Exposure = Literal["", "agents", "hours", "users"]
Rows = Callable[["ir.Table"], "ir.Value"]

ALL = "all"
NO_GROUP = "(none)"
_EVENTS = " events"

_WORDS = {
    "activity": "counts of active users",
    "quality_reviews": "quality reviews",
    "quality_reviews.critical": "critical errors in the quality reviews",
    "satisfaction": "satisfaction surveys",
    "shifts": "shifts",
    "ticket_events": "history of the tickets",
    "ticket_events.assignee events": "changes of assignee in the history of the tickets",
    "ticket_events.internal_note events": "internal notes in the history of the tickets",
    "ticket_events.public_comment events": "public comments in the history of the tickets",
    "ticket_events.queue events": "changes of queue",
    "ticket_events.satisfaction_offered events": "offers of surveys in the history of the tickets",
    "ticket_events.status events": "changes of status in the history of the tickets",
    "ticket_events.team events": "changes of team",
    "tickets.assignee_id": "assignees",
    "tickets.channel": "channels",
    "tickets.closed_at": "closing times",
    "tickets.contact_reason": "contact reasons",
    "tickets.first_reply_at": "times of the first reply",
    "tickets.reopen_count": "counts of reopenings",
    "tickets.requester_id": "requesters",
    "tickets.solved_at": "solving times",
    "tickets.transfer_count": "counts of transfers",
}
"""What a metric needs, in a reader's words."""


_CASES = {
    "next_reply_sla": "replies",
    "offers": "surveys",
    "replies": "questions",
    "reviews": "reviews",
    "solves": "solves",
    "surveys": "answers",
}
"""By metric or fact what is counted, where that is not tickets."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    `fact` names a relation of `relation`; `dated_by` is its column that says to which week a row belongs (`week` is the
    week of creation), `team` the column with the team to which it is credited. A count, share or mean has a `numerator`
    and a `denominator` (numbers per row; a row whose denominator is null or 0 does not count). So has a rate (events
    over what they come from, times `per`) or a ratio (which is no estimate, and has no interval); where it names an
    `exposure`, its numerators are divided by that of the team's week instead. A quantile has columns
    `ended` and `censored` with seconds, of which one is null, and a `probability`. A week's value is known only
    `settles_days` after its end; one that is known at once may be moved by reopenings for `reopens_days`. A metric with
    a `twin` says what that one says, by another clock or over another base, and is not judged beside it. `needs` are
    standard tables, columns (`table.column`) or kinds of events (`ticket_events.status events`), alternatives separated
    by `|`.
    """

    name: str
    label: str
    unit: Unit
    better: Better
    family: Family
    kind: Kind
    fact: str
    definition: str
    dated_by: str = "week"
    team: str = "team"
    numerator: Rows | None = None
    denominator: Rows | None = None
    ended: str = ""
    censored: str = ""
    probability: float = 0.5
    exposure: Exposure = ""
    per: float = 1.0
    settles_days: int = 0
    reopens_days: int = 0
    twin: str = ""
    needs: tuple[str, ...] = ()

    @property
    def cases(self) -> str:
        """What the metric's values are counted in, in a reader's words."""
        return _CASES.get(self.name) or _CASES.get(self.fact, "tickets")

    @property
    def rests_on_backlog(self) -> bool:
        """Whether tickets from before a week count in it: those of the backlog, and those solved or decided in it."""
        return self.fact == "backlog" or self.dated_by == "decided_at" or "solved" in self.dated_by

    def lacking(self, present: Mapping[str, frozenset[str]]) -> str | None:
        """Why an export cannot tell the metric, in words; None where it has what the metric needs.

        Args:
            present: for each standard table the columns that the export gives.

        >>> CATALOGUE["csat"].lacking({"tickets": frozenset({"ticket_id"})})
        'not in this export: no satisfaction surveys'
        """
        lacking = [need for need in self.needs if not any(_has(present, one) for one in need.split("|"))]
        if not lacking:
            return None
        return "not in this export: " + "; ".join(f"no {_in_words(present, need)}" for need in lacking)


def _has(present: Mapping[str, frozenset[str]], need: str) -> bool:
    table, _, column = need.partition(".")
    return table in present and (not column or column in present[table])


def _in_words(present: Mapping[str, frozenset[str]], need: str) -> str:
    """The alternatives of a need; the table alone where a kind of its events is wanted and there are none at all."""
    names = [
        one.partition(".")[0] if one.endswith(_EVENTS) and not _has(present, one.partition(".")[0]) else one
        for one in need.split("|")
    ]
    return " or ".join(_WORDS[name] for name in dict.fromkeys(names))


# --- what is counted -----------------------------------------------------------------------------------------------


FOLLOW_UP_DAYS = 7
USUAL_SCALE = 5.0
"""The best score of a survey whose export gives none."""

HANDLING = ("tickets", "chat", "phone")
"""The activities of a shift in which agents handle tickets."""
PACE_DAYS = 28
"""Over how many days the solves per day are taken by which a backlog is divided."""
_SUNDAY = 6

Answers = TypeVar("Answers")


def is_satisfied(score: Answers, scale_max: Answers) -> Answers:
    """Whether a survey's answer is that of a satisfied customer.

    Args:
        score: the answers; a column of an Ibis table or a pandas series.
        scale_max: their best possible scores, of the same kind; missing is 5.

    Returns:
        True or false (1.0 or 0.0 in pandas); missing where the score is missing or not on its scale.

    Notes:
        Satisfied are the best fifth of a scale (4 and 5 of 5, 8 to 10 of 10), and good of good and bad, which are 2
        and 1 of a scale of 2.

    >>> is_satisfied(pd.Series([4.0, 3.0, 2.0, 9.0]), pd.Series([5, 5, 2, 5])).tolist()
    [1.0, 0.0, 1.0, nan]
    """
    if isinstance(score, pd.Series) and isinstance(scale_max, pd.Series):
        scores, best = score.astype("float64"), scale_max.astype("float64").fillna(USUAL_SCALE)
        answers = _is_best_fifth(scores, best).astype("float64").where(_is_on_scale(scores, best))
        return cast(Answers, answers)
    import ibis

    column, best = cast("ir.Value", score), cast("ir.Value", scale_max).cast("float64").fill_null(USUAL_SCALE)
    rule = ibis.ifelse(_is_on_scale(column, best), _is_best_fifth(column, best), ibis.null("boolean"))
    return cast(Answers, rule)


def _is_on_scale(score: Any, best: Any) -> Any:
    return (score >= 1) & (score <= best)


def _is_best_fifth(score: Any, best: Any) -> Any:
    return (score >= 0.8 * best) & ((best != 2) | (score >= 2))


def satisfied_scores(scale_max: int) -> str:
    """The answers of a scale that are those of satisfied customers, in words.

    >>> satisfied_scores(5), satisfied_scores(3), satisfied_scores(2)
    ('4 and 5 of 5', '3 of 3', 'good of good and bad')
    """
    if scale_max == 2:
        return "good of good and bad"
    scores = pd.Series(np.arange(1.0, scale_max + 1))
    satisfied = scores[is_satisfied(scores, pd.Series(float(scale_max), index=scores.index)) == 1].astype(int).tolist()
    others = {1: "", 2: f"{satisfied[0]} and "}.get(len(satisfied), f"{satisfied[0]} to ")
    return f"{others}{satisfied[-1]} of {scale_max}"


def relation(name: str, tables: Mapping[str, ir.Table], *, live_channels: Collection[str] = LIVE_CHANNELS) -> ir.Table:
    """The rows that metrics count.

    Args:
        name: `tickets`, `replies`, `sla`, `solves`, `backlog`, `surveys` (answers), `offers` (of surveys) or `reviews`.
        tables: the facts `tickets`, `replies`, `sla`, `solves`, `backlog` and the standard tables `satisfaction` and
            `quality_reviews`, as far as the relation needs them.
        live_channels: the channels in which agent and customer talk at the same time.

    Returns:
        One row per thing counted, with the columns that the catalogue names, `channel` and `contact_reason` (null for
        the backlog).
    """
    import ibis

    if name == "backlog":
        return _backlog(tables["backlog"])
    if name == "tickets":
        return _with_creditors(tables["tickets"], live_channels)
    tickets = _holders(tables["tickets"])
    if name == "offers":
        return _offers(tickets, tables["satisfaction"])
    if name == "surveys":
        return _surveys(tickets, tables["satisfaction"])
    if name == "reviews":
        return _reviews(tickets, tables["quality_reviews"])
    rows = tables[name]
    if name == "solves":
        rows = _solves(tickets, rows)
    if name == "sla":
        rows = rows.mutate(decided_at=ibis.ifelse(rows.state == "breached", rows.breached_at, rows.ended_at))
    channels = tickets.select("channel", "contact_reason", held_id="ticket_id")
    return rows.inner_join(channels, rows.ticket_id == channels.held_id)


def _backlog(days: ir.Table) -> ir.Table:
    """Team-days with `ends_week`, and `solved_per_day`: the mean over `PACE_DAYS` up to the day, null while there are
    not so many."""
    import ibis

    so_far = ibis.window(group_by="team", order_by="day", preceding=PACE_DAYS - 1, following=0)
    solved, length = days.solved.sum().over(so_far), days.count().over(so_far)
    return days.mutate(
        channel=ibis.null("string"),
        contact_reason=ibis.null("string"),
        ends_week=days.day.day_of_week.index() == _SUNDAY,
        solved_per_day=ibis.ifelse(length == PACE_DAYS, solved / float(PACE_DAYS), ibis.null("float64")),
    )


def _solves(tickets: ir.Table, solves: ir.Table) -> ir.Table:
    """The solves of tickets that count, with `back_soon`: whether the ticket was reopened within the days of a
    follow-up, null where no reopening is told."""
    import ibis

    counting = tickets.filter(tickets.counts_in_speed).select(counting_id="ticket_id")
    rows = solves.semi_join(counting, solves.ticket_id == counting.counting_id)
    is_soon = (rows.reopened_at <= rows.solved_at + ibis.interval(days=FOLLOW_UP_DAYS)).fill_null(False)
    return rows.mutate(back_soon=ibis.ifelse(rows.tells_reopens, is_soon, ibis.null("boolean")))


def _with_creditors(tickets: ir.Table, live_channels: Collection[str]) -> ir.Table:
    """Add whether a ticket came live, and the teams to which it is credited: who held it when it was created, when it
    was finished, and when each of its times ended, or holds it while that runs.

    Where nobody replied to a finished ticket, the team that finished it decided that.
    """
    import ibis

    finished_team = tickets.solved_team.coalesce(tickets.team)
    resolved_team = ibis.ifelse(tickets.full_resolution_calendar_seconds.notnull(), finished_team, tickets.team)
    came_live = tickets.channel.isin(list(live_channels))
    return tickets.mutate(
        came_live=ibis.ifelse(tickets.channel.notnull(), came_live, ibis.null("boolean")),
        created_team=tickets.first_team.coalesce(tickets.team),
        finished_team=finished_team,
        replied_team=tickets.first_reply_team.coalesce(resolved_team),
        first_resolved_team=tickets.first_solved_team.coalesce(tickets.team),
        resolved_team=resolved_team,
    )


def _holders(tickets: ir.Table) -> ir.Table:
    """What other facts take from their tickets."""
    columns = ["ticket_id", "channel", "contact_reason", "counts_in_speed", "last_solved_at", "survey_team"]
    return tickets.select(*columns, finished_team=tickets.solved_team.coalesce(tickets.team))


def _offers(tickets: ir.Table, answers: ir.Table) -> ir.Table:
    """The tickets whose customers were offered a survey, with `was_answered` within the days of a follow-up."""
    import ibis

    answers = answers.group_by(answered_id=answers.ticket_id).agg(answered_at=answers.answered_at.min())
    offers = tickets.filter(tickets.survey_team.notnull())
    offers = offers.left_join(answers, offers.ticket_id == answers.answered_id)
    in_time = offers.answered_at <= offers.last_solved_at + ibis.interval(days=FOLLOW_UP_DAYS)
    return offers.mutate(was_answered=in_time.fill_null(False))


def _surveys(tickets: ir.Table, answers: ir.Table) -> ir.Table:
    """The answers with `satisfied`, and the team that held the ticket when the survey was offered."""
    holders = tickets.select(
        "channel",
        "contact_reason",
        held_id="ticket_id",
        team=tickets.survey_team.coalesce(tickets.finished_team),
    )
    answers = answers.mutate(satisfied=is_satisfied(answers.score, answers.scale_max))
    return answers.inner_join(holders, answers.ticket_id == holders.held_id)


def _reviews(tickets: ir.Table, criteria: ir.Table) -> ir.Table:
    """Quality reviews with `score` and `failed`: whether a critical criterion failed, null where none was judged.

    A score is the weighted mean over the criteria of (score - min_score) / (max_score - min_score), and 0 where a
    critical criterion got less than half of its points.
    """
    import ibis

    criteria = criteria.filter(~criteria.calibration.fill_null(False))
    least = criteria.min_score.fill_null(0.0)
    share = (criteria.score - least) / (criteria.max_score - least)
    criteria = criteria.mutate(
        points_share=share,
        counting_weight=ibis.ifelse(share.notnull(), criteria.weight.fill_null(1.0), ibis.null("float64")),
        failed=ibis.ifelse(criteria.critical.fill_null(False), share < 0.5, ibis.null("boolean")),
    )
    reviews = criteria.group_by("review_id").agg(
        reviewed_id=criteria.ticket_id.min(),
        reviewed_at=criteria.reviewed_at.min(),
        mean_share=(criteria.points_share * criteria.counting_weight).sum() / criteria.counting_weight.sum(),
        failed=criteria.failed.any(),
    )
    reviews = reviews.mutate(score=ibis.ifelse(reviews.failed.fill_null(False), 0.0, reviews.mean_share))
    holders = tickets.select("channel", "contact_reason", held_id="ticket_id", team=tickets.finished_team)
    return reviews.inner_join(holders, reviews.reviewed_id == holders.held_id)


def exposures(tables: Mapping[str, ir.Table], weeks: pd.DataFrame, organisation: Organisation) -> pd.DataFrame:
    """What rates and ratios divide by, per week and team: people who solved, hours worked, users.

    People of team `all` are counted once. Hours belong to the team for which the agent solved most tickets in that
    week, or, of an agent who solved none, to that of the table `agents`: who moves on takes no past week along. The
    users of a team are those of its region where the export splits them by it, else all.

    Args:
        tables: the fact `solves`; `shifts`, `agents` and `activity` as far as the export has them.
        weeks: week, start_at and end_at (UTC instants, half open), first_day and last_day (dates).
        organisation: its teams with their regions, and the smallest group of people that is shown.

    Returns:
        exposure (`agents`, `hours` or `users`), week, team (`all` for the whole), size, is_shown (false where it rests
        on too few people).
    """
    solves = in_weeks(tables["solves"], "solved_at", weeks)
    solves = solves.filter(solves.agent_id.notnull() & solves.team.notnull())
    people = solves.group_by(week=solves["_week"], team=solves.team, agent_id=solves.agent_id)
    solvers: pd.DataFrame = people.agg(solves=solves.count()).to_pandas()
    parts = [solvers.assign(exposure="agents", size=1.0)]
    if "shifts" in tables:
        parts.append(_hours(tables, solvers, weeks).assign(exposure="hours"))
    rows = pd.concat(parts, ignore_index=True)
    rows = pd.concat([rows, rows.assign(team=ALL)], ignore_index=True)
    sums: pd.DataFrame = rows.groupby(["exposure", "week", "team"]).agg(
        size=("size", "sum"), people=("agent_id", "nunique")
    )
    sums = sums.reset_index()
    sums["size"] = sums["size"].mask(sums["exposure"] == "agents", sums["people"]).astype("float64")
    # Seconds are whole, so that their sum does not depend on the order in which the engine gives them.
    sums["size"] = sums["size"].mask(sums["exposure"] == "hours", sums["size"] / 3600)
    sums["is_shown"] = sums.pop("people") >= organisation.privacy.minimum_group
    if "activity" not in tables:
        return sums
    users = _users(tables["activity"], weeks, organisation)
    return pd.concat([sums, users.assign(exposure="users", is_shown=True)], ignore_index=True)


def _hours(tables: Mapping[str, ir.Table], solvers: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Seconds (`size`) per week, team and agent in which tickets were handled; planned ones where none are worked."""
    import ibis

    shifts = tables["shifts"].filter(tables["shifts"].activity.isin(HANDLING))
    shifts = shifts.mutate(worked=~shifts.planned.fill_null(True))
    shifts = shifts.filter(shifts.worked == shifts.worked.max().over(ibis.window()))
    shifts = in_weeks(shifts, "start_at", weeks)
    seconds = shifts.end_at.delta(shifts.start_at, unit="second")
    hours: pd.DataFrame = (
        shifts.group_by(week=shifts["_week"], agent_id=shifts.agent_id).agg(size=seconds.sum()).to_pandas()
    )
    most = solvers.sort_values(["solves", "team"], ascending=[False, True], kind="stable")
    most = most.drop_duplicates(["week", "agent_id"])[["week", "agent_id", "team"]]
    hours = hours.merge(most, on=["week", "agent_id"], how="left")
    if "agents" in tables:
        teams_of = tables["agents"].select("agent_id", "team").distinct().to_pandas()
        idle = hours[hours["team"].isna()].drop(columns="team").merge(teams_of, on="agent_id")
        idle["size"] /= idle.groupby(["week", "agent_id"])["team"].transform("size")
        hours = pd.concat([hours, idle], ignore_index=True)
    return hours[hours["team"].notna()]


def _users(activity: ir.Table, weeks: pd.DataFrame, organisation: Organisation) -> pd.DataFrame:
    """Users per week and team: the mean over the dates that the week has, one of a weekly export, seven of a daily."""
    rows = in_weeks(activity, "active_on", weeks)
    frame = rows.select("active_on", "users", "region", week=rows["_week"]).to_pandas()
    dates = frame.groupby("week")["active_on"].nunique()
    whole = frame.groupby("week")["users"].sum()
    regions = frame.pivot_table(index="week", columns="region", values="users", aggfunc="sum").reindex(dates.index)
    sizes = {team.name: regions.get(team.region, whole) for team in organisation.teams}
    parts = [
        pd.DataFrame({"week": dates.index, "team": team, "size": (users / dates).to_numpy(dtype="float64")})
        for team, users in (sizes | {ALL: whole}).items()
    ]
    return pd.concat(parts, ignore_index=True)


def cells(metrics: Iterable[Metric], rows: ir.Table, weeks: pd.DataFrame, *, by: str = "channel") -> ir.Table:
    """Sums per week, team and channel of counts, shares and means that have the same fact, date and team.

    Args:
        metrics: of one `fact`, `dated_by` and `team`; none of them a quantile.
        rows: those that the metrics count, with the columns that they name, `channel` and `contact_reason`.
        weeks: week, start_at and end_at (UTC instants, half open), first_day and last_day (dates).
        by: `channel` or `contact_reason`.

    Returns:
        week, team, the column `by`, and for each metric `<name>|numerator`, `<name>|denominator` and `<name>|squares`
        (the sum of the squared numerators), float64.
    """
    metrics = list(metrics)
    sides = _sides(metrics, rows)
    # Only what is summed is dated: Ibis takes time for each column that a step hands on.
    group = rows[by].fill_null(NO_GROUP)
    rows = rows.select(_dated=rows[metrics[0].dated_by], team=rows[metrics[0].team], **{by: group}, **sides)
    rows = in_weeks(rows, "_dated", weeks)
    sums = {}
    for metric in metrics:
        above, below = rows[f"{metric.name}|above"], rows[f"{metric.name}|below"]
        counts = (below > 0).fill_null(False) & above.notnull()
        sums[f"{metric.name}|numerator"] = _exactly(above).sum(where=counts).fill_null(0.0)
        sums[f"{metric.name}|denominator"] = _exactly(below).sum(where=counts).fill_null(0.0)
        sums[f"{metric.name}|squares"] = _exactly(above * above).sum(where=counts).fill_null(0.0)
    return rows.group_by(rows["_week"].name("week"), "team", by).agg(**sums)


def _sides(metrics: Iterable[Metric], rows: ir.Table) -> dict[str, ir.Value]:
    """By metric what each row adds above (`<name>|above`) and below (`<name>|below`); of a time its seconds and 1."""
    sides = {}
    for metric in metrics:
        if metric.kind == "quantile":
            above: ir.Value = rows[metric.ended].coalesce(rows[metric.censored])
            below: ir.Value = above.notnull()
        else:
            assert metric.numerator is not None
            assert metric.denominator is not None
            above, below = metric.numerator(rows), metric.denominator(rows)
        sides[f"{metric.name}|above"] = above.cast("float64")
        sides[f"{metric.name}|below"] = below.cast("float64")
    return sides


def rows_counted(metrics: Iterable[Metric], rows: ir.Table, week: pd.Series, *, also: Collection[str] = ()) -> ir.Table:
    """The rows of one week that count in metrics that have the same fact, date and team: what `cells` would sum.

    Args:
        metrics: of one `fact`, `dated_by` and `team`; of a quantile each row's time stands above.
        rows: those that the metrics count, with the columns that they name and ticket_id.
        week: a row of a frame of weeks: week, start_at and end_at (UTC instants, half open).
        also: further columns that are handed on.

    Returns:
        ticket_id, team, the columns `also`, and for each metric `<name>|above` and `<name>|below` (float64): a row
        counts in it where below is above 0 and above is not null.
    """
    metrics = list(metrics)
    dated = rows[metrics[0].dated_by]
    inside = (
        dated == week["week"]
        if dated.type().is_string()
        else (dated >= pd.Timestamp(week["start_at"])) & (dated < pd.Timestamp(week["end_at"]))
    )
    columns = {name: rows[name] for name in also}
    team = rows[metrics[0].team]
    return rows.select("ticket_id", _is_of_week=inside, team=team, **columns, **_sides(metrics, rows)).filter(
        lambda table: table["_is_of_week"] & table["team"].notnull()
    )


def _exactly(value: ir.Value) -> ir.Value:
    """A number to the nearest 2**-30, so that its sum is exact and does not depend on the order in which it is added.

    Threads add in any order; without this, the last digit of a score would change from run to run.
    """
    return (value * float(1 << 30)).round() / float(1 << 30)


def times(metric: Metric, rows: ir.Table, weeks: pd.DataFrame, *, by: str = "channel") -> ir.Table:
    """The times over which a quantile is taken.

    Args:
        metric: a quantile.
        rows: those that the metric counts, with the columns that it names, `channel` and `contact_reason`.
        weeks: week, start_at and end_at (UTC instants, half open), first_day and last_day (dates).
        by: `channel` or `contact_reason`.

    Returns:
        week, team, the column `by`, seconds (int64) and ended (false: it ran for that long and had not ended).
    """
    ended, censored = rows[metric.ended], rows[metric.censored]
    rows = rows.select(
        _dated=rows[metric.dated_by],
        team=rows[metric.team],
        **{by: rows[by].fill_null(NO_GROUP)},
        seconds=ended.coalesce(censored).cast("int64"),
        ended=ended.notnull(),
    )
    rows = in_weeks(rows.filter(rows.seconds.notnull() & rows.team.notnull()), "_dated", weeks)
    return rows.select("team", by, "seconds", "ended", week="_week")


def settled(metric: Metric, weeks: pd.DataFrame, *, as_of: datetime) -> pd.DataFrame:
    """The weeks whose value is known at an instant.

    First-contact resolution takes seven days to tell, but a ticket with two replies is known at once to be none:
    counted early, the latest week would always look bad.

    Args:
        metric: the metric.
        weeks: week, end_at (UTC).
        as_of: the instant up to which the exports know the world.

    Returns:
        Those of the rows of `weeks` that ended `metric.settles_days` before as_of, or earlier.
    """
    if metric.settles_days == 0:
        return weeks
    return weeks[weeks["end_at"] + pd.Timedelta(days=metric.settles_days) <= pd.Timestamp(as_of)]


def in_weeks(rows: ir.Table, dated_by: str, weeks: pd.DataFrame) -> ir.Table:
    """The rows that belong to one of the weeks, with it as `_week`.

    Args:
        rows: have the column `dated_by`: text with a week, an instant, or a date.
        dated_by: its name.
        weeks: week, start_at and end_at (UTC instants, half open), first_day and last_day (dates).

    Returns:
        The rows.
    """
    import ibis

    dates = rows[dated_by]
    if dates.type().is_string():
        return rows.filter(dates.isin(list(weeks["week"]))).mutate(_week=dates)
    start, end = ("first_day", "last_day") if dates.type().is_date() else ("start_at", "end_at")
    edges = weeks[["week", start, end]].rename(columns={"week": "_week", start: "_start", end: "_end"})
    edge = pa.date32() if dates.type().is_date() else pa.timestamp("us", "UTC")
    schema = pa.schema([("_week", pa.string()), ("_start", edge), ("_end", edge)])  # no weeks would have none
    bounds = ibis.memtable(pa.Table.from_pandas(edges, schema, preserve_index=False))
    rows = rows.filter(dates.notnull())
    dated = rows.asof_join(bounds, on=rows[dated_by] >= bounds["_start"])
    if dates.type().is_date():
        inside = (dated[dated_by] <= dated["_end"]).fill_null(False)
    else:
        inside = (dated[dated_by] < dated["_end"]).fill_null(False)
    return dated.filter(inside).drop("_start", "_end")


def _one(table: ir.Table) -> ir.Value:
    import ibis

    return ibis.literal(1)


def _column(name: str) -> Rows:
    return lambda table: table[name]


def _tells(name: str) -> Rows:
    """1 where the column tells something and the ticket counts."""
    return lambda table: (table[name].notnull() & table.counts_in_speed).cast("int64")


def _where_told(name: str) -> Rows:
    """1 where the column tells something."""
    return lambda table: table[name].notnull().cast("int64")


def _at_week_end(name: str) -> Rows:
    """The column on the last day of the week, 0 on the others; null where it tells nothing."""
    return lambda table: table[name] * table.ends_week.cast("int64")


def _told_at_week_end(name: str) -> Rows:
    """1 on the last day of the week where the column tells something."""
    return lambda table: (table[name].notnull() & table.ends_week).cast("int64")


def _more_than_none(name: str) -> Rows:
    return lambda table: (table[name] > 0).cast("int64")


def _flag(name: str) -> Rows:
    return lambda table: table[name].cast("int64")


def _of_sla(metric: str, *states: str) -> Rows:
    return lambda table: ((table.metric == metric) & table.state.isin(states)).cast("int64")


# --- the catalogue -------------------------------------------------------------------------------------------------

_REPLIES = "ticket_events.public_comment events|tickets.first_reply_at"
_SOLVES = "ticket_events.status events|tickets.solved_at|tickets.closed_at"
_COMMENTS = "ticket_events.public_comment events"
_STATUSES = "ticket_events.status events"
_REOPENS = f"{_STATUSES}|tickets.reopen_count"
_BY_SOLVE = {"fact": "tickets", "dated_by": "last_solved_at", "team": "finished_team"}
_CLOCK = {
    "business": "in the business hours of the team that held it",
    "calendar": "in elapsed time, nights and weekends included",
}
_SO_FAR = "Until a week is settled, what is open is expected to go on as in the past weeks at the same age."
_REOPENS_DAYS = {0.5: FOLLOW_UP_DAYS, 0.9: 2 * FOLLOW_UP_DAYS}
_QUANTILE = {0.5: ("median", "half of the tickets"), 0.9: ("90th percentile", "nine of ten tickets")}


def _flow() -> Iterable[Metric]:
    def of_day(
        name: str, label: str, better: Better, definition: str, numerator: Rows, needs: tuple[str, ...] = ()
    ) -> Metric:
        return Metric(
            name,
            label,
            "count",
            better,
            "flow",
            "count",
            "backlog",
            definition,
            dated_by="day",
            numerator=numerator,
            denominator=_one,
            needs=needs,
        )

    yield Metric(
        "created",
        "Tickets created",
        "count",
        "neither",
        "flow",
        "count",
        "tickets",
        "Tickets created in the week, by the team that got them first.",
        team="created_team",
        numerator=_one,
        denominator=_one,
    )
    yield of_day(
        "solved",
        "Tickets solved",
        "higher",
        (
            "Times that a ticket of the team was solved (or closed without it) in the week; solved, reopened and "
            "solved again counts twice."
        ),
        _column("solved"),
        needs=(_SOLVES,),
    )
    yield of_day(
        "reopened",
        "Tickets reopened",
        "lower",
        "Times that a solved or closed ticket came back to the team's backlog in the week.",
        _column("reopened"),
        needs=(_STATUSES,),
    )
    yield of_day(
        "net_flow",
        "Net flow",
        "lower",
        (
            "Change of the backlog over the week: created, reopened and moved in, less solved, deleted, merged and "
            "moved out."
        ),
        lambda t: t.created + t.reopened + t.moved_in - t.solved - t.deleted - t.merged - t.moved_out,
        needs=(_SOLVES,),
    )
    at_end: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
        (
            "backlog_closing",
            "Backlog at the week's end",
            "closing",
            "Tickets of the team that are new, open, pending or on hold at the last midnight of the week.",
            (_SOLVES,),
        ),
        (
            "backlog_unassigned",
            "Backlog without an owner",
            "unassigned",
            "Tickets of the team's backlog at the last midnight of the week that are assigned to nobody.",
            ("ticket_events.assignee events", _SOLVES),
        ),
        (
            "backlog_unreplied",
            "Backlog without a reply",
            "unreplied",
            "Tickets of the team's backlog at the last midnight of the week that no agent has answered publicly yet.",
            (_REPLIES, _SOLVES),
        ),
    )
    for name, label, column, definition, needs in at_end:
        yield Metric(
            name,
            label,
            "count",
            "lower",
            "flow",
            "count",
            "backlog",
            definition,
            dated_by="day",
            numerator=_at_week_end(column),
            denominator=_told_at_week_end(column),
            needs=needs,
        )
    yield Metric(
        "backlog_days",
        "Backlog in days of work",
        "days",
        "lower",
        "flow",
        "ratio",
        "backlog",
        (
            "Backlog at the week's end divided by the tickets that the team solved per day over the last four weeks,"
            " this one included, weekends and holidays counted: how long it would last at that pace if nothing new came"
            " in. No interval: nothing in it is estimated."
        ),
        dated_by="day",
        numerator=_at_week_end("closing"),
        denominator=_at_week_end("solved_per_day"),
        needs=(_SOLVES,),
    )
    yield Metric(
        "live_channel_share",
        "Came by phone or chat",
        "share",
        "neither",
        "flow",
        "share",
        "tickets",
        (
            "Of the tickets created in the week whose channel is known, the share that came by a live channel: phone"
            " and chat, unless live_channels in params/org.yml names others. By the team that got them first."
        ),
        team="created_team",
        numerator=_flag("came_live"),
        denominator=_where_told("came_live"),
        needs=("tickets.channel",),
    )
    yield Metric(
        "contacts_per_1000",
        "Contacts per 1,000 users",
        "rate",
        "lower",
        "flow",
        "rate",
        "tickets",
        (
            "Tickets created in the week, by the team that got them first, per 1,000 users who were active in it: those"
            " of the team's region where the export splits users by it, else all. The interval is that of chance"
            " alone."
        ),
        team="created_team",
        numerator=_one,
        denominator=_one,
        exposure="users",
        per=1000.0,
        twin="created",
        needs=("activity",),
    )


def _speed() -> Iterable[Metric]:
    what = {
        "first_reply": (
            "First reply",
            (
                "From creation to the first public comment of an agent; automation is no reply. Where a customer comes "
                "back to a ticket that was solved without a reply, from there. Tickets without a reply count with the "
                "time they have waited so far. Credited to the team that replied; while nobody has, to the team that "
                "holds the ticket."
            ),
            "replied_team",
            (_REPLIES,),
        ),
        "first_resolution": (
            "First resolution",
            (
                "From creation to the first solve. Tickets not solved count with the time they have been open so far. "
                "Credited to the team that solved it first; while nobody has, to the team that holds the ticket."
            ),
            "first_resolved_team",
            (_SOLVES,),
        ),
        "full_resolution": (
            "Full resolution",
            (
                "From creation to the last solve. Tickets not solved, or reopened, count with the time since "
                "creation so far. Credited to the team that solved it last; while it is open, to the team that holds "
                "the ticket."
            ),
            "resolved_team",
            (_SOLVES,),
        ),
    }
    measures = (
        ("first_reply", "business", 0.5),
        ("first_reply", "business", 0.9),
        ("first_resolution", "business", 0.5),
        ("full_resolution", "business", 0.5),
        ("full_resolution", "business", 0.9),
        ("first_reply", "calendar", 0.5),
        ("first_reply", "calendar", 0.9),
        ("full_resolution", "calendar", 0.5),
        ("full_resolution", "calendar", 0.9),
    )
    for measure, clock, probability in measures:
        label, definition, team, needs = what[measure]
        short, share = _QUANTILE[probability]
        ending = "median" if probability == 0.5 else "p90"
        name = f"{measure}_{ending}" if clock == "business" else f"{measure}_calendar_{ending}"
        yield Metric(
            name,
            f"{label}, {short}" + ("" if clock == "business" else " (calendar)"),
            "seconds",
            "lower",
            "speed",
            "quantile",
            "tickets",
            (
                f"The time within which {share} created in the week had it, {_CLOCK[clock]}. "
                f"{definition} {_SO_FAR} Merged and deleted tickets and spam are left out."
            ),
            team=team,
            ended=f"{measure}_{clock}_seconds",
            censored=f"{measure}_{clock}_censored_seconds",
            probability=probability,
            reopens_days=_REOPENS_DAYS[probability] if measure == "full_resolution" else 0,
            twin="" if clock == "business" else f"{measure}_{ending}",
            needs=needs,
        )
    yield Metric(
        "next_reply_median",
        "Next reply, median",
        "seconds",
        "lower",
        "speed",
        "quantile",
        "replies",
        (
            "The time within which half of the later questions that customers asked in the week were answered, in "
            "business hours. From the customer's public comment to the agent's next; what is not "
            "answered counts with the time it has waited so far. Credited to the team that replied; while nobody has, "
            f"to the team that holds the ticket. {_SO_FAR}"
        ),
        dated_by="asked_at",
        ended="business_seconds",
        censored="business_censored_seconds",
        needs=(_COMMENTS,),
    )
    yield Metric(
        "unanswered_questions",
        "Unanswered questions at the week's end",
        "count",
        "lower",
        "speed",
        "count",
        "backlog",
        (
            "Tickets in the team's backlog at the last midnight of the week whose customer had written again after an "
            "agent's reply and had no answer yet. A later hand-over or answer does not change it."
        ),
        dated_by="day",
        numerator=_column("unanswered"),
        denominator=lambda t: t.ends_week.cast("int64"),
        needs=(_COMMENTS,),
    )


def _sla() -> Iterable[Metric]:
    tickets = "tickets with"
    what = {
        "first_reply": ("First reply within SLA", f"{tickets} a first reply target", (_REPLIES,)),
        "next_reply": (
            "Next reply within SLA",
            "later questions of customers (each one counts) with a next reply target",
            (_COMMENTS,),
        ),
        "full_resolution": (
            "Full resolution within SLA",
            f"{tickets} a full resolution target (its clock stands still while the ticket is solved) or a deadline",
            (_SOLVES,),
        ),
        "requester_wait": (
            "Requester wait within SLA",
            f"{tickets} a target for the time in new, open and on hold",
            (_STATUSES,),
        ),
        "agent_work": (
            "Agent work within SLA",
            f"{tickets} a target for the time in new and open",
            (_STATUSES,),
        ),
    }
    for measure, (label, target, needs) in what.items():
        yield Metric(
            f"{measure}_sla",
            label,
            "share",
            "higher",
            "sla",
            "share",
            "sla",
            (
                f"Of the {target} that were decided in the week (kept, or broken when it ran out),"
                " the share that was kept: met / (met + breached). What is open and within its target is not decided;"
                " targets are those of the priority when the policy was applied. Credited to the team that held the"
                " ticket when it was decided."
            ),
            dated_by="decided_at",
            reopens_days=FOLLOW_UP_DAYS,  # a solve keeps the promise of a reply too, until the customer is back
            numerator=_of_sla(measure, "met"),
            denominator=_of_sla(measure, "met", "breached"),
            needs=needs,
        )


def _effort() -> Iterable[Metric]:
    yield Metric(
        "touches_per_solved",
        "Replies per solved ticket",
        "per_ticket",
        "lower",
        "effort",
        "mean",
        definition="Public comments of agents per ticket that was last solved in the week.",
        numerator=_column("touches"),
        denominator=_tells("touches"),
        reopens_days=FOLLOW_UP_DAYS,
        needs=(_COMMENTS, _SOLVES),
        **_BY_SOLVE,  # type: ignore[arg-type]
    )
    shares: tuple[tuple[str, str, Better, str, Rows, str, tuple[str, ...]], ...] = (
        (
            "one_touch_share",
            "Solved with one reply",
            "higher",
            (
                "had exactly one public comment of an agent and were never reopened (one-touch as dbt's package for"
                " Zendesk counts it)"
            ),
            _flag("one_touch"),
            "one_touch",
            (_COMMENTS, _REOPENS),
        ),
        (
            "under_two_replies_share",
            "Solved with fewer than two replies",
            "higher",
            (
                "had one public comment of an agent or none, reopened or not (one-touch as Zendesk Explore counts it,"
                " which takes in what was solved without a word)"
            ),
            lambda table: (table.touches < 2).cast("int64"),
            "touches",
            (_COMMENTS,),
        ),
        (
            "first_contact_resolution",
            "First-contact resolution",
            "higher",
            (
                "were solved at the first contact: by phone or chat (live_channels in params/org.yml) not reopened"
                " within 7 days of a solve, in writing with exactly one reply and never reopened; and whose requester"
                " opened no other ticket for the same reason within 7 days (known once these have passed)"
            ),
            _flag("first_contact_resolution"),
            "first_contact_resolution",
            (_COMMENTS, _REOPENS, "tickets.requester_id", "tickets.contact_reason"),
        ),
        (
            "transfer_share",
            "Transferred",
            "lower",
            "changed team or queue after their first assignment",
            _more_than_none("transfers"),
            "transfers",
            ("ticket_events.team events|ticket_events.queue events|tickets.transfer_count",),
        ),
        (
            "ping_pong_share",
            "Sent back and forth",
            "lower",
            "came back to a queue that they had left",
            _more_than_none("ping_pongs"),
            "ping_pongs",
            ("ticket_events.queue events",),
        ),
    )
    for name, label, better, what, numerator, column, needs in shares:
        yield Metric(
            name,
            label,
            "share",
            better,
            "effort",
            "share",
            definition=f"Of the tickets last solved in the week, the share that {what}.",
            numerator=numerator,
            denominator=_tells(column),
            settles_days=FOLLOW_UP_DAYS if name == "first_contact_resolution" else 0,
            reopens_days=0 if name == "first_contact_resolution" else FOLLOW_UP_DAYS,
            needs=(*needs, _SOLVES),
            **_BY_SOLVE,  # type: ignore[arg-type]
        )
    yield Metric(
        "escalation_rate",
        "Escalated",
        "share",
        "lower",
        "effort",
        "share",
        "tickets",
        (
            "Of the tickets that the team got first and that were last solved in the week, by whomever, the share that"
            " it handed to another team after an agent had commented or noted something on them (ITIL's functional"
            " escalation). What is passed on unread is a transfer, no escalation."
        ),
        dated_by="last_solved_at",
        team="created_team",
        numerator=_flag("escalated"),
        denominator=_tells("escalated"),
        reopens_days=FOLLOW_UP_DAYS,
        needs=("ticket_events.team events", f"{_COMMENTS}|ticket_events.internal_note events"),
    )
    yield Metric(
        "reopen_share",
        "Reopened within 7 days",
        "share",
        "lower",
        "effort",
        "share",
        "solves",
        (
            "Of the times that the team solved a ticket in the week, the share that was reopened within 7 days (known"
            " once these have passed). A ticket solved twice counts twice, each time for the team that solved it."
        ),
        dated_by="solved_at",
        numerator=_flag("back_soon"),
        denominator=_where_told("back_soon"),
        settles_days=FOLLOW_UP_DAYS,
        needs=(_STATUSES,),
    )
    productivity: tuple[tuple[str, str, Exposure, str, tuple[str, ...]], ...] = (
        (
            "solves_per_agent",
            "Solves per agent",
            "agents",
            "agent who solved at least one for the team; who solves for two teams counts in both, and once in all",
            (),
        ),
        (
            "solves_per_agent_hour",
            "Solves per agent hour",
            "hours",
            (
                "hour that its agents worked on tickets, chat or phone by the table shifts (planned hours where the"
                " export has no worked ones), hours without a solve included"
            ),
            ("shifts",),
        ),
    )
    for name, label, exposure, what, needs in productivity:
        yield Metric(
            name,
            label,
            "rate",
            "neither",
            "effort",
            "ratio",
            "solves",
            (
                f"Times that a ticket of the team was solved in the week, by its agents or in their name, per {what}."
                " Not shown for fewer people than privacy.minimum_group in params/org.yml. No interval: nothing in it"
                " is estimated. It tells as much of the tickets as of the people: easy ones are solved fast."
            ),
            dated_by="solved_at",
            numerator=_one,
            denominator=_where_told("agent_id"),
            exposure=exposure,
            needs=("ticket_events|tickets.assignee_id", _SOLVES, *needs),
        )


_SATISFIED = "; ".join(satisfied_scores(scale) for scale in (5, 10, 7, 3, 2))


def _opinions() -> Iterable[Metric]:
    yield Metric(
        "csat",
        "Customer satisfaction",
        "share",
        "higher",
        "satisfaction",
        "share",
        "surveys",
        (
            "Of the surveys answered in the week, the share of satisfied customers: at least four fifths of the best"
            f" answer, which is {_SATISFIED}. Credited to the team that held the ticket when the survey was offered."
        ),
        dated_by="answered_at",
        numerator=_flag("satisfied"),
        denominator=_one,
        needs=("satisfaction",),
    )
    yield Metric(
        "survey_response_rate",
        "Survey response rate",
        "share",
        "higher",
        "satisfaction",
        "share",
        "offers",
        (
            "Of the tickets last solved in the week whose customers were offered a survey, the share with an answer"
            " within 7 days of the solve (known once these have passed)."
        ),
        dated_by="last_solved_at",
        team="survey_team",
        numerator=_flag("was_answered"),
        denominator=_one,
        settles_days=FOLLOW_UP_DAYS,
        needs=("satisfaction", "ticket_events.satisfaction_offered events"),
    )
    yield Metric(
        "qa_score",
        "QA score",
        "score",
        "higher",
        "quality",
        "mean",
        "reviews",
        (
            "Mean of the quality reviews done in the week. A review is the weighted mean over its criteria of (points -"
            " least) / (most - least), with the weights of the export (1 where it has none), and 0 where a critical"
            " criterion got less than half of its points. Calibration reviews do not count."
        ),
        dated_by="reviewed_at",
        numerator=_column("score"),
        denominator=_one,
        needs=("quality_reviews",),
    )
    yield Metric(
        "critical_error_rate",
        "Reviews with a critical error",
        "share",
        "lower",
        "quality",
        "share",
        "reviews",
        (
            "Of the quality reviews done in the week that judged a critical criterion, the share in which one got less"
            " than half of its points (1 less COPC's critical error accuracy). Calibration reviews do not count."
        ),
        dated_by="reviewed_at",
        numerator=_flag("failed"),
        denominator=_where_told("failed"),
        needs=("quality_reviews.critical",),
    )


CATALOGUE: dict[str, Metric] = {
    metric.name: metric for metric in (*_flow(), *_speed(), *_sla(), *_opinions(), *_effort())
}


def check_goals(organisation: Organisation) -> None:
    """Hold the goals and baselines of all teams, and what effects are worth, against the catalogue.

    Raises:
        SettingsError: a goal, a baseline or the section `impact` names a metric that there is not, a baseline one that
            is judged by its twin, or a goal is a share above 100%; all are listed.
    """
    impact = organisation.impact
    errors = [
        f"impact.{key}: there is no metric {name!r}"
        for key, names in (("worth", impact.worth), ("minutes", impact.minutes))
        for name in names
        if name not in CATALOGUE
    ]
    for team in organisation.teams:
        for goal in team.goals:
            metric = CATALOGUE.get(goal.metric)
            if metric is None:
                errors.append(f"team {team.name!r}: a goal names the metric {goal.metric!r}, which there is not")
            elif metric.unit in ("share", "score") and not 0 <= goal.target <= 1:
                errors.append(
                    f"team {team.name!r}: the goal for {goal.metric} must be a share like 90%, not {goal.target:g}"
                )
        for each in team.baselines:
            metric = CATALOGUE.get(each.metric)
            if metric is None:
                errors.append(f"team {team.name!r}: a baseline names the metric {each.metric!r}, which there is not")
            elif metric.twin:
                errors.append(
                    f"team {team.name!r}: a baseline names {each.metric}, which is not judged; name {metric.twin}"
                )
    if errors:
        raise SettingsError("\n".join([*errors, f"there are {', '.join(sorted(CATALOGUE))}"]))


def week_frame(weeks: Iterable[str], bounds: Callable[[str], tuple[datetime, datetime]]) -> pd.DataFrame:
    """The weeks with their bounds, as `cells` and `times` take them.

    Args:
        weeks: ISO weeks, in order.
        bounds: the instants at which a week begins and ends, like `weeks.week_bounds` for a zone.

    Returns:
        week, start_at, end_at (UTC), first_day, last_day (dates).
    """
    weeks = list(weeks)
    edges = [bounds(week) for week in weeks]
    first = [date.fromisocalendar(int(week[:4]), int(week[6:]), 1) for week in weeks]
    last = [date.fromisocalendar(int(week[:4]), int(week[6:]), 7) for week in weeks]
    return pd.DataFrame(
        {
            "week": pd.Series(weeks, dtype="str"),
            "start_at": pd.Series([start for start, _ in edges], dtype="datetime64[us, UTC]"),
            "end_at": pd.Series([end for _, end in edges], dtype="datetime64[us, UTC]"),
            "first_day": pd.Series(first, dtype="object"),
            "last_day": pd.Series(last, dtype="object"),
        }
    )
