"""The columns that a suite may name beside those of its table: of a row as SQL, of a team by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opslib.intake.notation import quoted_list
from opslib.settings import Organisation
from opslib.tables import ACTIVE, PRIORITIES, STATUSES, Table


@dataclass(frozen=True)
class DerivedColumn:
    """A boolean column of a row that Great Expectations judges; null where there is nothing to judge.

    `sql` speaks of `c` (the row), `d` (the rows that share its key), and of the ticket, the agent and the project that
    the row names: `t`, `a` and `p`. It needs the source to give `columns` and the export to have `tables`. What fails
    by an `inherited` column goes with another row, for no reason of its own.
    """

    sql: str
    columns: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    inherited: bool = False


_TICKET_IS_KNOWN = DerivedColumn("t.id is not null", ("ticket_id",), ("tickets",))
_TICKET_IS_KEPT = DerivedColumn("t.kept", ("ticket_id",), ("tickets",), inherited=True)
_AGENT_IS_KNOWN = DerivedColumn(
    "case when c.agent_id is not null then a.id is not null end", ("agent_id",), ("agents",)
)


def _not_before_ticket(column: str) -> DerivedColumn:
    return DerivedColumn(f"c.{column} >= t.created_at - interval 1 minute", ("ticket_id", column), ("tickets",))


def _items_are_in(column: str, query: str, *tables: str) -> DerivedColumn:
    """Whether every item of a list column is among the rows of a query; null where the list is empty."""
    items = f"unnest(string_split(c.{column}, ';')) as u(item)"
    return DerivedColumn(
        f"(select bool_and(trim(u.item) in ({query})) from {items} where trim(u.item) <> '')", (column,), tables
    )


def _event_value(event: str, values: Sequence[str] | None = None) -> DerivedColumn:
    allowed = "true" if values is None else f"c.value in ({quoted_list(values)})"
    return DerivedColumn(
        f"case when c.event = '{event}' then c.value is not null and coalesce({allowed}, false) end", ("event", "value")
    )


def _agrees_with_events_sql() -> str:
    """Whether a ticket and the last of its events say the same of its being in the backlog.

    Null where one of them tells nothing, where the row is older than the event, and where an instant holds both.
    """
    active = quoted_list(ACTIVE)
    is_over = f"c.status in ({quoted_list(sorted(set(STATUSES) - set(ACTIVE)))})"
    newest = "coalesce(greatest(c.updated_at, c.solved_at, c.closed_at) >= greatest(e.opened, e.ended), true)"
    instants = (
        f"max(s.occurred_at) filter (s.event = 'status' and s.value in ({active})) as opened, "
        f"max(s.occurred_at) filter (s.event <> 'status' or s.value not in ({active})) as ended"
    )
    return (
        f"(select case when {newest} and (c.status in ({active}) or {is_over}) then case "
        f"when coalesce(e.opened > e.ended, e.ended is null) then not ({is_over}) "
        f"when coalesce(e.ended > e.opened, e.opened is null) then {is_over} or c.updated_at is null end end "
        f"from (select {instants} from candidate_ticket_events s where s.ticket_id = c.ticket_id "
        "and s.event in ('status', 'merged_into', 'deleted')) e where e.opened is not null or e.ended is not null)"
    )


def derived_columns(table: Table, organisation: Organisation) -> dict[str, DerivedColumn]:
    """Give the boolean columns that the suite of a table may name beside the table's own columns.

    Args:
        table: the standard table.
        organisation: teams and time zone.

    Returns:
        The columns by the names that a suite calls them by.
    """
    teams = organisation.team_names
    others = tuple(name for name in table.names if name not in table.needed_columns)
    key_is_given = " and ".join(f"c.{name} is not null" for name in table.key if table[name].needed)
    columns = {
        "key_is_unique": DerivedColumn(
            f"case when c._repeats is not null then false when {key_is_given} "
            "then d.first is null or (d.identical and d.first = c._position) end",
            tuple(name for name in table.key if table[name].needed),
        ),
        "needed_values_are_readable": DerivedColumn(f"coalesce(not {_unreadable_sql(table.needed_columns)}, true)"),
        "other_values_are_readable": DerivedColumn(f"coalesce(not {_unreadable_sql(others)}, true)"),
    }
    match table.name:
        case "tickets":
            columns["solved_ticket_has_its_time"] = DerivedColumn(
                "case when c.status in ('solved', 'closed') then coalesce(c.solved_at, c.closed_at) is not null end",
                ("status", "solved_at"),
            )
            columns["status_agrees_with_its_events"] = DerivedColumn(
                _agrees_with_events_sql(), ("ticket_id", "status"), ("ticket_events",)
            )
        case "ticket_events":
            columns |= {
                "ticket_is_known": _TICKET_IS_KNOWN,
                "ticket_is_kept": _TICKET_IS_KEPT,
                "is_not_before_its_ticket": _not_before_ticket("occurred_at"),
                "new_status_is_known": _event_value("status", STATUSES),
                "new_team_is_known": _event_value("team", teams),
                "new_priority_is_known": _event_value("priority", PRIORITIES),
                "merge_names_its_target": _event_value("merged_into"),
                "comment_stands_once": DerivedColumn(
                    "case when c.event in ('public_comment', 'internal_note') "
                    "then d.first is null or c.event_id is not null end",
                    ("event",),
                ),
                "comment_says_who_wrote": DerivedColumn(
                    "case when c.event = 'public_comment' then c.actor_role is not null end", ("event", "actor_role")
                ),
            }
        case "shifts":
            columns |= {
                "agent_is_known": _AGENT_IS_KNOWN,
                "is_at_most_a_day_long": DerivedColumn(
                    "c.end_at - c.start_at <= interval 24 hours", ("start_at", "end_at")
                ),
                "does_not_overlap": DerivedColumn(
                    "c.start_at >= max(c.end_at) filter (c._repeats is null) over (partition by c.agent_id, c.planned "
                    "order by c.start_at, c.end_at rows between unbounded preceding and 1 preceding)",
                    ("agent_id", "start_at", "end_at"),
                ),
            }
        case "satisfaction":
            columns |= {
                "ticket_is_known": _TICKET_IS_KNOWN,
                "ticket_is_kept": _TICKET_IS_KEPT,
                "is_not_before_its_ticket": _not_before_ticket("answered_at"),
                "score_is_within_its_scale": DerivedColumn(
                    "c.score between 1 and coalesce(c.scale_max, 5) and isfinite(c.score)", ("score",)
                ),
            }
        case "quality_reviews":
            columns |= {
                "ticket_is_known": _TICKET_IS_KNOWN,
                "ticket_is_kept": _TICKET_IS_KEPT,
                "is_not_before_its_ticket": _not_before_ticket("reviewed_at"),
                "agent_is_known": _AGENT_IS_KNOWN,
                "score_is_within_its_range": DerivedColumn(
                    "c.score between coalesce(c.min_score, 0) and c.max_score", ("score", "max_score")
                ),
                "min_score_is_below_max_score": DerivedColumn("c.min_score < c.max_score", ("min_score", "max_score")),
                "reviewer_is_not_the_agent": DerivedColumn("c.reviewer_id <> c.agent_id", ("reviewer_id", "agent_id")),
            }
        case "activity":
            columns["is_no_total_beside_its_parts"] = DerivedColumn(
                "coalesce(c.channel, c.language, c.region) is not null "
                "or count(coalesce(c.channel, c.language, c.region)) over (partition by c.active_on) = 0",
                ("active_on",),
            )
        case "policy_changes":
            columns["articles_are_known"] = _items_are_in(
                "article_ids", "select id from gate_index_articles", "articles"
            )
        case "projects":
            columns["teams_are_known"] = _items_are_in("teams", f"select unnest([{quoted_list(teams)}])")
        case "project_tasks":
            columns |= {
                "project_is_known": DerivedColumn("p.id is not null", ("project_id",), ("projects",)),
                "project_is_kept": DerivedColumn("p.kept", ("project_id",), ("projects",), inherited=True),
                "tasks_it_waits_for_are_known": _items_are_in(
                    "depends_on",
                    "select cast(task_id as varchar) from candidate_project_tasks where task_id is not null",
                ),
                "does_not_wait_for_itself": DerivedColumn(
                    "not list_contains(list_transform(string_split(c.depends_on, ';'), lambda x: trim(x)), c.task_id)",
                    ("depends_on", "task_id"),
                ),
                "finished_task_is_complete": DerivedColumn(
                    "case when c.finished_on is not null then c.percent_complete >= 100 end",
                    ("finished_on", "percent_complete"),
                ),
            }
        case "tool_requests":
            columns["tickets_are_known"] = _items_are_in("ticket_ids", "select id from gate_index_tickets", "tickets")
        case "feedback_actions":
            zone = organisation.time_zone
            columns["is_not_due_before_it_was_agreed"] = DerivedColumn(
                f"c.due_on >= cast(timezone('{zone}', c.raised_at) as date)", ("due_on", "raised_at")
            )
    return columns


TEAM_COLUMNS = {
    "rows_in_table": "the number of rows in the table",
    "team_has_rows": "the team has rows",
    "team_keeps_its_name": "the team has rows under the name that it has in params/org.yml",
    "set_aside_share": "the share of rows set aside",
    "set_aside_share_of_the_week": "the share of the week's rows set aside",
    "share_without_team": "the share of rows that name no team",
    "share_of_unknown_teams": "the share of rows that name a team which params/org.yml does not have",
    "unknown_ticket_share": "the share of rows of tickets that are not in this export",
    "export_hours_short_of_week_end": "the silence of the export before the end of the week (hours beyond the usual)",
    "hours_short_of_week_end": "the silence of the team before the end of the week (hours beyond the usual)",
    "week_is_there": "the week is there",
    "missing_weeks": "the number of weeks missing before",
    "volume_ratio": "the number of rows against the usual week",
    "cut_days": "the number of days with far fewer rows than the same weekdays before",
}
"""What the suite of a table may judge teams by, and how a reader would call it."""


def _unreadable_sql(columns: Sequence[str]) -> str:
    return f"regexp_matches(c._unreadable, '(^|; )({'|'.join(columns)}): ')"
