"""The standard tables: every column's type, meaning and whether it is needed.

The mapping of exports, the expectations, the sample and the docs all read this module, so a column is described once.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import pyarrow as pa

ColumnType = Literal[
    "id", "ids", "person", "category", "text", "free_text", "instant", "date", "integer", "number", "boolean"
]

_ARROW: dict[str, pa.DataType] = {
    "id": pa.string(),
    "ids": pa.string(),
    "person": pa.string(),
    "category": pa.string(),
    "text": pa.string(),
    "free_text": pa.string(),
    "instant": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}

ACTIVE = ("new", "open", "pending", "on_hold")
"""The statuses of tickets that are in the backlog."""

STATUSES = (*ACTIVE, "solved", "closed", "deleted", "merged", "spam")
PRIORITIES = ("low", "normal", "high", "urgent")
SLA_OUTCOMES = ("met", "breached")
ROLES = ("requester", "agent", "automation")
EVENTS = (
    "created",
    "public_comment",
    "internal_note",
    "status",
    "team",
    "queue",
    "assignee",
    "priority",
    "sla_policy",
    "satisfaction_offered",
    "merged_into",
    "deleted",
)

ORDER_OF_AN_INSTANT = (
    "created",
    "public_comment",
    "internal_note",
    "team",
    "queue",
    "assignee",
    "priority",
    "sla_policy",
    "status",
    "satisfaction_offered",
    "merged_into",
    "deleted",
)
"""How events of one instant follow each other where nothing in the export tells: what a status ends comes before it."""


_COMMENTS = frozenset({"public_comment", "internal_note"})
_OF_A_VALUE = frozenset({"status", "team", "queue", "assignee", "priority", "sla_policy"})


def telling_events(kinds: Iterable[str], columns: Container[str]) -> frozenset[str]:
    """The kinds of events from which anything can be learnt: a change to an unknown value tells nothing.

    Args:
        kinds: the kinds of events that an export has.
        columns: the columns of its events.

    >>> sorted(telling_events(["created", "status", "public_comment"], {"ticket_id", "event", "value"}))
    ['created', 'status']
    """
    told = frozenset(kinds)
    if "value" not in columns:
        told -= _OF_A_VALUE
    if "actor_role" not in columns:
        told -= _COMMENTS
    return told


@dataclass(frozen=True)
class Column:
    """One column of a standard table.

    `person` ids are pseudonymised at intake; so are other ids (`id`, and `ids`, a list of them) that are personal data
    themselves. Texts of all kinds are redacted. Instants are UTC with whole seconds. A list has its items separated by
    `;`.
    """

    name: str
    type: ColumnType
    meaning: str
    needed: bool = False
    values: tuple[str, ...] = ()

    @property
    def arrow(self) -> pa.DataType:
        """The Arrow type of the column's values."""
        return _ARROW[self.type]


@dataclass(frozen=True)
class Table:
    """A standard table: its columns, its key and the instant that dates its rows."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    dated_by: str | None = None
    needed: bool = False

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"the table {self.name} has no column {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """The names of the columns that every export must give."""
        return tuple(column.name for column in self.columns if column.needed)

    def of_type(self, *types: ColumnType) -> tuple[str, ...]:
        """The names of the columns that have one of the types."""
        return tuple(column.name for column in self.columns if column.type in types)

    @property
    def schema(self) -> pa.Schema:
        """The columns with their Arrow types."""
        return pa.schema([(column.name, column.arrow) for column in self.columns])


def _table(
    name: str,
    meaning: str,
    key: str,
    columns: str,
    *,
    values: Mapping[str, tuple[str, ...]] | None = None,
    dated_by: str | None = None,
    needed: bool = False,
) -> Table:
    """Read the compact form below: one column a line, `name type meaning`, a `!` after the name where it is needed."""
    parsed_columns = []
    for line in columns.strip().splitlines():
        word, type_, column_meaning = line.strip().split(maxsplit=2)
        column = word.removesuffix("!")
        allowed = (values or {}).get(column, ())
        parsed_columns.append(Column(column, cast(ColumnType, type_), column_meaning, word != column, allowed))
    return Table(name, meaning, tuple(key.split()), tuple(parsed_columns), dated_by, needed)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table(
            "tickets",
            "one row per ticket as the CRM shows it at the time of the export",
            "ticket_id",
            """
            ticket_id!      id        the CRM's number of the ticket
            created_at!     instant   when it was created
            status!         category  status at the time of the export
            team!           category  team that holds it at the time of the export, a name in params/org.yml
            updated_at      instant   last change; the later row of a ticket replaces the earlier one
            queue           category  queue that holds it at the time of the export
            channel         category  how it came in: email, chat, web, phone, social
            priority        category  priority at the time of the export
            form            category  the form that the requester filled in
            requester_id    person    who asks
            assignee_id     person    agent who holds it at the time of the export
            contact_reason  category  why the customer writes, as labelled in the CRM
            language        category  language of the ticket, a BCP 47 tag
            region          category  where the requester is
            subject         free_text subject line
            description     free_text the first message
            first_reply_at  instant   first public reply by an agent (used where there are no events)
            solved_at       instant   last solved (used where there are no events)
            closed_at       instant   closed (used where there are no events)
            due_at          instant   the deadline that the source gives
            reopen_count    integer   reopens (used where there are no events)
            transfer_count  integer   transfers (used where there are no events)
            recorded_sla    category  whether the source's own SLA on the resolution was met or breached
            """,
            values={"status": STATUSES, "priority": PRIORITIES, "recorded_sla": SLA_OUTCOMES},
            dated_by="created_at",
            needed=True,
        ),
        _table(
            "ticket_events",
            "one row per thing that happened to a ticket",
            "ticket_id occurred_at event actor_id actor_role value",
            """
            ticket_id!    id        the ticket
            occurred_at!  instant   when it happened
            event!        category  what happened
            actor_id      person    who did it
            actor_role    category  role of the actor at that time
            value         category  the new status, team, queue, assignee, priority or policy; the ticket merged into
            event_id      id        the source's own number of the event: the same number again is the same event
            sequence      integer   the order of events of one instant, where the source tells it: the least comes first
            """,
            values={"event": EVENTS, "actor_role": ROLES},
            dated_by="occurred_at",
        ),
        _table(
            "agents",
            "one row per agent and team",
            "agent_id team",
            """
            agent_id!  person    the agent
            team!      category  team at the time of the export
            site       category  where the agent works
            time_zone  category  tz-database zone of the agent
            hired_on   date      first working day
            left_on    date      last working day
            """,
        ),
        _table(
            "shifts",
            "one row per planned or worked stretch of an agent's day",
            "agent_id start_at activity planned",
            """
            agent_id!  person    the agent
            start_at!  instant   when it starts
            end_at!    instant   when it ends
            activity!  category  what the agent does: tickets, chat, phone, break, training, meeting, absence
            planned    boolean   true: the roster; false: what was worked
            """,
            dated_by="start_at",
        ),
        _table(
            "satisfaction",
            "one row per answered survey",
            "ticket_id answered_at answer_id",
            """
            ticket_id!    id        the ticket
            answered_at!  instant   when the customer answered
            score!        number    the answer, from 1 to scale_max; good and bad are 2 and 1 of a scale of 2
            offered_at    instant   when the survey was offered
            scale_max     integer   the best score, from 2 to 10; 5 where it is missing
            comment       free_text what the customer wrote
            answer_id     id        the source's own number of the answer: one that was changed keeps it
            """,
            dated_by="answered_at",
        ),
        _table(
            "quality_reviews",
            "one row per criterion of a quality review",
            "review_id criterion",
            """
            review_id!    id        the review
            ticket_id!    id        the ticket that was reviewed
            reviewer_id!  person    who reviewed
            reviewed_at!  instant   when
            criterion!    category  what was judged
            score!        number    points given
            max_score!    number    points that can be given
            agent_id      person    whose work was reviewed
            min_score     number    the fewest points that can be given: 0 where it is missing, 1 on a scale of 1 to 5
            weight        number    how much the criterion counts in its review: 1 where it is missing
            critical      boolean   a failed critical criterion makes the review 0
            calibration   boolean   done to compare reviewers; never touches a QA score
            """,
            dated_by="reviewed_at",
        ),
        _table(
            "activity",
            "one row per week, or per day, and kind of user: how many people used the product",
            "active_on channel language region",
            """
            active_on!  date      the Monday of the week, or the day, in which they were active
            users!      integer   different people who were active then; kinds of one date share no person and add up
            channel     category  where they used it, in the words of tickets.channel; empty where it is not split by it
            language    category  their language, in the words of tickets.language
            region      category  where they are, in the words of tickets.region
            """,
        ),
        _table(
            "routing_rules",
            "one row per version of a routing rule",
            "rule_id active_from",
            """
            rule_id!       id        the rule
            position!      integer   rules are tried in this order
            conditions!    text      JSON: all/any of [field, operator, value]
            target_queue!  category  where a matching ticket goes
            active_from!   instant   in force from
            active_to      instant   in force until
            """,
        ),
        _table(
            "articles",
            "one row per article of the knowledge base",
            "article_id",
            """
            article_id!      id        the article
            kind!            category  policy, macro, help_article or process
            title!           text      title
            updated_at!      instant   last changed
            published_at     instant   first published
            review_due_on    date      to be reviewed by
            contact_reasons  text      the reasons it serves, separated by ;
            uses             integer   times it was used or opened
            """,
        ),
        _table(
            "policy_changes",
            "one row per change of a policy",
            "policy_id effective_at",
            """
            policy_id!       id        the policy
            effective_at!    instant   in force from
            summary!         free_text what changed
            contact_reasons  text      the reasons it touches, separated by ;
            article_ids      ids       the articles that speak of it, separated by ;
            """,
        ),
        _table(
            "projects",
            "one row per project",
            "project_id",
            """
            project_id!         id        the project
            name!               text      name
            stage!              category  planned, running, live, closed
            baseline_start_on!  date      planned start
            baseline_end_on!    date      planned end
            owner               person    who answers for it
            budget_hours        number    planned effort
            goal_metric         category  the metric that it is to move
            went_live_on        date      when its change reached customers
            teams               text      the teams it touches, separated by ;
            contact_reasons     text      the reasons it touches, separated by ;
            ramp_weeks          integer   weeks until people are used to it
            promised_change     number    promised of the goal metric: -0.12 is 12 % less (of a share 12 points)
            """,
        ),
        _table(
            "project_tasks",
            "one row per task of a project",
            "task_id",
            """
            task_id!           id        the task
            project_id!        id        its project
            name!              text      name
            depends_on         ids       tasks that come first, separated by ;
            baseline_start_on  date      planned start
            baseline_end_on    date      planned end
            optimistic_days    number    working days if all goes well
            likely_days        number    working days, most likely
            pessimistic_days   number    working days if much goes wrong
            started_on         date      when it was started
            finished_on        date      when it was finished
            percent_complete   number    0 to 100
            budget_hours       number    planned effort
            actual_hours       number    effort so far
            """,
        ),
        _table(
            "tool_requests",
            "one row per bug or wish for the tools",
            "request_id",
            """
            request_id!      id        the request
            kind!            category  bug or feature
            platform!        category  the tool
            opened_at!       instant   when it was raised
            status!          category  open, planned, in_progress, done, rejected
            severity         category  low, medium, high
            contact_reasons  text      the reasons it bears on, separated by ;
            ticket_ids       ids       the tickets it cost, separated by ;
            promised_on      date      when it is to be done
            closed_at        instant   when it was closed
            """,
        ),
        _table(
            "feedback_actions",
            "one row per action agreed in a feedback session",
            "action_id",
            """
            action_id!  id        the action
            raised_at!  instant   when it was agreed
            theme!      category  what it is about
            action!     free_text what is to be done
            owner!      person    by whom
            due_on!     date      by when
            team        category  the team
            done_at     instant   when it was done
            metric      category  the metric that it is to move
            """,
        ),
    )
}
