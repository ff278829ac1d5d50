"""The catalogue of metrics: what each means, in words that reports print, and how it is counted, in Ibis over facts.

A count, share or mean is a sum of its numerator over the rows in which its denominator counts; a quantile is taken over
times, those that have ended and those that run still. What is counted is dated by one instant and belongs to one team,
which each metric names. Intervals and roll-ups are `analysis.weekly_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import pandas as pd
import pyarrow as pa

from opslib.errors import SettingsError
from opslib.settings import Organisation

if TYPE_CHECKING:
    import ibis.expr.types as ir

Unit = Literal["seconds", "share", "count", "per_ticket", "score"]
Better = Literal["lower", "higher", "neither"]
Family = Literal["flow", "speed", "sla", "satisfaction", "quality", "effort"]
Kind = Literal["count", "share", "quantile", "mean"]
Rows = Callable[["ir.Table"], "ir.Value"]

ALL = "all"
NO_GROUP = "(none)"


@dataclass(frozen=True)
class Metric:
    """One metric.

    `fact` names a relation of `relation`; `dated_by` is its column that says to which week a row belongs (`week` is the
    week of creation), `team` the column with the team to which it is credited. A count, share or mean has a `numerator`
    and a `denominator` (numbers per row; a row whose denominator is null or 0 does not count). A quantile has columns
    `ended` and `censored` with seconds, of which one is null, and a `probability`. A week's value is known only
    `settles_days` after its end. `needs` are standard tables or
    columns (`table.column`), alternatives separated by `|`.
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
    settles_days: int = 0
    needs: tuple[str, ...] = ()

    def lacking(self, present: Mapping[str, frozenset[str]]) -> str | None:
        """Why an export cannot tell the metric, in words; None where it has what the metric needs.

        Args:
            present: for each standard table the columns that the export gives.

        >>> CATALOGUE["csat"].lacking({"tickets": frozenset({"ticket_id"})})
        'not in this export: no satisfaction'
        """
        lacking = [need for need in self.needs if not any(_has(present, one) for one in need.split("|"))]
        if not lacking:
            return None
        return "not in this export: " + "; ".join(f"no {need.replace('|', ' or ')}" for need in lacking)


def _has(present: Mapping[str, frozenset[str]], need: str) -> bool:
    table, _, column = need.partition(".")
    return table in present and (not column or column in present[table])


# --- what is counted -----------------------------------------------------------------------------------------------


FOLLOW_UP_DAYS = 7
USUAL_SCALE = 5.0
"""The best score of a survey whose export gives none."""

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


def relation(name: str, tables: Mapping[str, ir.Table]) -> ir.Table:
    """The rows that metrics count.

    Args:
        name: `tickets`, `replies`, `sla`, `backlog`, `surveys` (answers), `offers` (of surveys) or `reviews`.
        tables: the facts `tickets`, `replies`, `sla`, `backlog` and the standard tables `satisfaction` and
            `quality_reviews`, as far as the relation needs them.

    Returns:
        One row per thing counted, with the columns that the catalogue names, `channel` and `contact_reason` (null for
        the backlog).
    """
    import ibis

    if name == "backlog":
        return tables["backlog"].mutate(channel=ibis.null("string"), contact_reason=ibis.null("string"))
    tickets = tables["tickets"].mutate(
        created_team=lambda t: t.first_team.coalesce(t.team),
        finished_team=lambda t: t.solved_team.coalesce(t.team),
    )
    if name == "tickets":
        return tickets
    if name == "offers":
        return _offers(tickets, tables["satisfaction"])
    if name == "surveys":
        return _surveys(tickets, tables["satisfaction"])
    if name == "reviews":
        return _reviews(tickets, tables["quality_reviews"])
    rows = tables[name]
    if name == "sla":
        rows = rows.mutate(decided_at=ibis.ifelse(rows.state == "breached", rows.breached_at, rows.ended_at))
    channels = tickets.select("channel", "contact_reason", held_id="ticket_id")
    return rows.inner_join(channels, rows.ticket_id == channels.held_id)


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
    """Quality reviews with their `score`: the mean share of the points, 0 where a critical criterion failed."""
    import ibis

    criteria = criteria.filter(~criteria.calibration.fill_null(False))
    criteria = criteria.mutate(points_share=criteria.score / criteria.max_score)
    criteria = criteria.mutate(failed=criteria.critical.fill_null(False) & (criteria.points_share < 0.5))
    reviews = criteria.group_by("review_id").agg(
        reviewed_id=criteria.ticket_id.min(),
        reviewed_at=criteria.reviewed_at.min(),
        mean_share=criteria.points_share.mean(),
        failed=criteria.failed.any(),
    )
    reviews = reviews.mutate(score=ibis.ifelse(reviews.failed, 0.0, reviews.mean_share))
    holders = tickets.select("channel", "contact_reason", held_id="ticket_id", team=tickets.finished_team)
    return reviews.inner_join(holders, reviews.reviewed_id == holders.held_id)


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
    rows = in_weeks(rows, metrics[0].dated_by, weeks)
    rows = rows.mutate(week=rows["_week"], team=rows[metrics[0].team], **{by: rows[by].fill_null(NO_GROUP)})
    sides = {}
    for metric in metrics:
        assert metric.numerator is not None
        assert metric.denominator is not None
        sides[f"{metric.name}|above"] = metric.numerator(rows).cast("float64")
        sides[f"{metric.name}|below"] = metric.denominator(rows).cast("float64")
    rows = rows.select("week", "team", by, **sides)
    sums = {}
    for metric in metrics:
        above, below = rows[f"{metric.name}|above"], rows[f"{metric.name}|below"]
        counts = (below > 0).fill_null(False) & above.notnull()
        sums[f"{metric.name}|numerator"] = _exactly(above).sum(where=counts).fill_null(0.0)
        sums[f"{metric.name}|denominator"] = below.sum(where=counts).fill_null(0.0)
        sums[f"{metric.name}|squares"] = _exactly(above * above).sum(where=counts).fill_null(0.0)
    return rows.group_by("week", "team", by).agg(**sums)


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
    rows = in_weeks(rows, metric.dated_by, weeks)
    ended, censored = rows[metric.ended], rows[metric.censored]
    rows = rows.select(
        week=rows["_week"],
        team=rows[metric.team],
        **{by: rows[by].fill_null(NO_GROUP)},
        seconds=ended.coalesce(censored).cast("int64"),
        ended=ended.notnull(),
    )
    return rows.filter(rows.seconds.notnull() & rows.team.notnull())


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
        The rows; those dated by a date have also `ends_week`: true on the last day of the week.
    """
    import ibis

    dates = rows[dated_by]
    if dates.type().is_string():
        return rows.filter(dates.isin(list(weeks["week"]))).mutate(_week=dates)
    start, end = ("first_day", "last_day") if dates.type().is_date() else ("start_at", "end_at")
    edges = weeks[["week", start, end]].rename(columns={"week": "_week", start: "_start", end: "_end"})
    bounds = ibis.memtable(pa.Table.from_pandas(edges, preserve_index=False))
    rows = rows.filter(dates.notnull())
    dated = rows.asof_join(bounds, on=rows[dated_by] >= bounds["_start"])
    if dates.type().is_date():
        inside = (dated[dated_by] <= dated["_end"]).fill_null(False)
        dated = dated.mutate(ends_week=dated[dated_by] == dated["_end"])
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


def _more_than_none(name: str) -> Rows:
    return lambda table: (table[name] > 0).cast("int64")


def _flag(name: str) -> Rows:
    return lambda table: table[name].cast("int64")


def _of_sla(metric: str, *states: str) -> Rows:
    return lambda table: ((table.metric == metric) & table.state.isin(states)).cast("int64")


# --- the catalogue -------------------------------------------------------------------------------------------------

_REPLIES = "ticket_events|tickets.first_reply_at"
_SOLVES = "ticket_events|tickets.solved_at|tickets.closed_at"
_BY_SOLVE = {"fact": "tickets", "dated_by": "last_solved_at", "team": "finished_team"}
_CLOCK = {
    "business": "in the business hours of the team that held it",
    "calendar": "in elapsed time, nights and weekends included",
}
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
    )
    yield of_day(
        "reopened",
        "Tickets reopened",
        "lower",
        "Times that a solved or closed ticket came back to the team's backlog in the week.",
        _column("reopened"),
        needs=("ticket_events",),
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
    )
    yield Metric(
        "backlog_closing",
        "Backlog at the week's end",
        "count",
        "lower",
        "flow",
        "count",
        "backlog",
        "Tickets of the team that are new, open, pending or on hold at the last midnight of the week.",
        dated_by="day",
        numerator=_column("closing"),
        denominator=lambda t: t.ends_week.cast("int64"),
    )


def _speed() -> Iterable[Metric]:
    what = {
        "first_reply": (
            "First reply",
            (
                "From creation to the first public comment of an agent; automation is no reply. Tickets without a "
                "reply count with the time they have waited so far."
            ),
            (_REPLIES,),
        ),
        "first_resolution": (
            "First resolution",
            "From creation to the first solve. Tickets not solved count with the time they have been open so far.",
            (_SOLVES,),
        ),
        "full_resolution": (
            "Full resolution",
            (
                "From creation to the last solve. Tickets not solved, or reopened, count with the time since "
                "creation so far."
            ),
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
        label, definition, needs = what[measure]
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
                f"The time within which {share} created in the week had it, {_CLOCK[clock]} (Kaplan–Meier). "
                f"{definition} Merged and deleted tickets and spam are left out."
            ),
            ended=f"{measure}_{clock}_seconds",
            censored=f"{measure}_{clock}_censored_seconds",
            probability=probability,
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
            "The time within which half of the requesters' later questions, on tickets created in the week, were "
            "answered, in business hours (Kaplan–Meier). From the requester's public comment to the agent's next."
        ),
        ended="business_seconds",
        censored="business_censored_seconds",
        needs=("ticket_events",),
    )


def _sla() -> Iterable[Metric]:
    what = {
        "first_reply": ("First reply within SLA", "a first reply target", (_REPLIES,)),
        "next_reply": ("Next reply within SLA", "a next reply target (the worst reply decides)", ("ticket_events",)),
        "full_resolution": (
            "Full resolution within SLA",
            "a full resolution target (its clock stands still while the ticket is solved) or a deadline",
            (_SOLVES,),
        ),
        "requester_wait": (
            "Requester wait within SLA",
            "a target for the time in new, open and on hold",
            ("ticket_events",),
        ),
        "agent_work": ("Agent work within SLA", "a target for the time in new and open", ("ticket_events",)),
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
                f"Of the tickets with {target} that was decided in the week (kept, or broken when it ran out),"
                " the share that kept it: met / (met + breached). What is open and within its target is not decided;"
                " targets are those of the priority when the policy was applied."
            ),
            dated_by="decided_at",
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
        needs=("ticket_events", _SOLVES),
        **_BY_SOLVE,  # type: ignore[arg-type]
    )
    shares: tuple[tuple[str, str, Better, str, Rows, str, tuple[str, ...]], ...] = (
        (
            "one_touch_share",
            "Solved with one reply",
            "higher",
            "had exactly one public comment of an agent and were never reopened",
            _flag("one_touch"),
            "one_touch",
            ("ticket_events",),
        ),
        (
            "first_contact_resolution",
            "First-contact resolution",
            "higher",
            (
                "were solved with one reply and whose requester opened no other ticket for the same reason within 7"
                " days (known once these have passed)"
            ),
            _flag("first_contact_resolution"),
            "first_contact_resolution",
            ("ticket_events", "tickets.requester_id", "tickets.contact_reason"),
        ),
        (
            "transfer_share",
            "Transferred",
            "lower",
            "changed team or queue after their first assignment",
            _more_than_none("transfers"),
            "transfers",
            ("ticket_events|tickets.transfer_count",),
        ),
        (
            "ping_pong_share",
            "Sent back and forth",
            "lower",
            "came back to a queue that they had left",
            _more_than_none("ping_pongs"),
            "ping_pongs",
            ("ticket_events",),
        ),
        (
            "reopen_share",
            "Reopened",
            "lower",
            "had been reopened at least once",
            _more_than_none("reopens"),
            "reopens",
            ("ticket_events|tickets.reopen_count",),
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
            needs=(*needs, _SOLVES),
            **_BY_SOLVE,  # type: ignore[arg-type]
        )


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
            "Of the surveys answered in the week, the share with 4 or 5 of 5 (or good, of good and bad), credited "
            "to the team that held the ticket when the survey was offered."
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
        needs=("satisfaction", "ticket_events"),
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
            "Mean of the quality reviews done in the week; a review is the mean over its criteria of points given /"
            " points possible, and 0 where a critical criterion got less than half. Calibration reviews do not "
            "count."
        ),
        dated_by="reviewed_at",
        numerator=_column("score"),
        denominator=_one,
        needs=("quality_reviews",),
    )


CATALOGUE: dict[str, Metric] = {
    metric.name: metric for metric in (*_flow(), *_speed(), *_sla(), *_opinions(), *_effort())
}


def check_goals(organisation: Organisation) -> None:
    """Hold the goals and baselines of all teams against the catalogue.

    Raises:
        SettingsError: a goal or baseline names a metric that there is not, or a goal is a share above 100 %; all are
            listed.
    """
    errors = []
    for team in organisation.teams:
        for goal in team.goals:
            metric = CATALOGUE.get(goal.metric)
            if metric is None:
                errors.append(f"team {team.name!r}: a goal names the metric {goal.metric!r}, which there is not")
            elif metric.unit in ("share", "score") and not 0 <= goal.target <= 1:
                errors.append(
                    f"team {team.name!r}: the goal for {goal.metric} must be a share like 90%, not {goal.target:g}"
                )
        errors += [
            f"team {team.name!r}: a baseline names the metric {each.metric!r}, which there is not"
            for each in team.baselines
            if each.metric not in CATALOGUE
        ]
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
            "first_day": first,
            "last_day": last,
        }
    )
