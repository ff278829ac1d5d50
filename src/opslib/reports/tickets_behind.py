"""The tickets behind a number, asked for by its name: a metric, a list of the week, a reason, a rule, an escalation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from opslib import labels
from opslib.analysis.findings import register
from opslib.analysis.methods.small_groups import distinct_people
from opslib.analysis.methods.ticket_lists import why_no_list
from opslib.display import words
from opslib.display.cells import rows_of
from opslib.errors import NotInExport, OpslibError, WarehouseError
from opslib.metrics import CATALOGUE
from opslib.reports.contact_drivers.frames import open_drivers
from opslib.reports.routing_audit.frames import NO_RULES, open_audit
from opslib.reports.routing_audit.rules_to_fix import sent_wrong
from opslib.reports.ticket_lists import OPEN_LISTS, TicketList, WeekTickets
from opslib.reports.week import Week
from opslib.weeks import monday_of

_SUBJECTS = ("metric", "moved", "reason", "rule", "escalation")
_NO_TICKETS = "There are no tickets behind this."
_WITHOUT: Mapping[str, str] = {
    "data incomplete": "What an export lacks cannot be listed.",
    "overdue action": "An action is no number; the finding that it is about has a list.",
}
_NONE_WRONG = "No ticket of these weeks is known to have been sent to a wrong queue by it."


def tickets_behind(
    week: Week,
    subject: str | Mapping[str, Any],
    *,
    channel: str | None = None,
    queue: str | None = None,
    priority: str | None = None,
    contact_reason: str | None = None,
) -> pd.DataFrame:
    """The tickets that make the interesting side of a number, the worst first.

    Args:
        week: a week of a team, of `open_week`.
        subject: a metric's name, a list of what is open at the end of the export (`late_without_reply`,
            `about_to_breach`, `oldest_open`), or a selection such as a finding keeps: a dict with one of
            metric, moved (a reason, phrase or matter that moved in the week), reason, rule and escalation, and with
            week and team where these are others; or the name of a finding of the week.
        channel: only of a metric: those that came so.
        queue: only those in that queue.
        priority: only those of that priority.
        contact_reason: only those with that reason.

    Returns:
        ticket_id, created_at, age_days, over_seconds (by how much it is over its target or goal, on that clock),
        priority, queue, channel, contact_reason, due_at, breached_at, status (now), owner (a pseudonym). `attrs` has
        title, sentence (which tickets these are) and, where there is no list, missing (why).

    Raises:
        OpslibError: there is no such metric or list, or the warehouse does not know that week.

    Notes:
        A promise lists what broke it, a time what lies beyond the goal (or beyond the median or percentile itself), a
        share that should be high those that failed it; as many as the page counts. A queue, reason or channel with
        which, alone or together, fewer people than `privacy.minimum_group` have written to the team is not named, nor
        is a group of fewer listed, nor are fewer dissatisfied customers. No text and no requester is ever told.
    """
    if isinstance(subject, str):
        selection = _selection_of(week, subject) if subject.startswith("F-") else {"metric": subject}
    else:
        selection = dict(subject)
    opened = replace(week, week=str(selection.get("week") or week.week), team=str(selection.get("team") or week.team))
    opened.organisation.team(opened.team)
    known = opened.warehouse.weeks("facts", "weekly_values")
    if opened.week not in known:
        raise WarehouseError(f"the warehouse knows complete weeks from {known[0]} to {known[-1]}, not {opened.week}")
    groups = {"channel": channel, "queue": queue, "priority": priority, "contact_reason": contact_reason}
    tickets = WeekTickets(opened.week, opened.warehouse, opened.organisation, opened.as_of)
    narrowed = {name: value for name, value in groups.items() if value is not None}
    found = list_of(opened, tickets, selection, narrowed)
    rows = found.rows.copy()
    rows.attrs |= {"title": found.title, "sentence": found.sentence}
    if found.missing:
        rows.attrs["missing"] = found.missing
    return rows


def _selection_of(week: Week, finding: str) -> dict[str, Any]:
    """What selects the tickets of a finding of the week."""
    try:
        rows = week.warehouse.read(register.AREA, register.TABLE, weeks=[week.week])
    except NotInExport:
        rows = register.empty()
    own = [row for row in rows_of(rows) if row.finding_id == finding]
    if not own:
        raise OpslibError(f"there is no finding {finding!r} in {week.week}; its pages have the names of all")
    return dict(register.selection_of(own[0]))


def list_of(
    week: Week, tickets: WeekTickets, selection: Mapping[str, Any], groups: Mapping[str, str] = MappingProxyType({})
) -> TicketList:
    """The list that a selection asks for.

    Args:
        week: of a team.
        tickets: of the same week.
        selection: as `tickets_behind` takes it, and as findings keep it.
        groups: values by column, to which the list of a metric is narrowed.

    Raises:
        OpslibError: there is no such metric, list or rule.
    """
    name = next((each for each in _SUBJECTS if selection.get(each)), None)
    if name is None:
        return TicketList("", "", "", tickets.nothing, _WITHOUT.get(str(selection.get("kind")), _NO_TICKETS))
    subject = str(selection[name])
    if groups and (name != "metric" or subject in OPEN_LISTS):
        raise OpslibError(f"only the list of a metric can be narrowed to {', '.join(groups)}, not that of {subject!r}")
    match name:
        case "reason":
            narrowed = tickets.narrowed("created", week.team, {"contact_reason": subject})
            return replace(narrowed, title=f"Tickets about {labels.phrase('contact_reason', subject)}")
        case "moved":
            return _tickets_of_subject(week, tickets, subject)
        case "rule":
            return _tickets_of_rule(week, tickets, subject)
        case "escalation":
            return _tickets_of_escalation(week, tickets, subject)
    if subject in OPEN_LISTS:
        return next(each for each in tickets.open_lists(week.team) if each.name == subject)
    if subject not in CATALOGUE:
        listed = [*OPEN_LISTS, *(each for each, metric in CATALOGUE.items() if why_no_list(metric) is None)]
        raise OpslibError(f"there is no metric or list {subject!r}; lists of tickets have {', '.join(listed)}")
    return tickets.narrowed(subject, week.team, groups)


def _tickets_of_rule(week: Week, tickets: WeekTickets, rule_id: str) -> TicketList:
    """The tickets that a routing rule sent to a wrong queue, in as many weeks as the routing audit counts."""
    audit = open_audit(week)
    title = f"Tickets that rule {rule_id} sent to a wrong queue"
    if audit.rules is None:
        return TicketList(rule_id, title, "", tickets.nothing, NO_RULES)
    if rule_id not in {rule.rule_id for rule in audit.rules}:
        names = ", ".join(sorted({rule.rule_id for rule in audit.rules}))
        raise OpslibError(f"there is no rule {rule_id!r}; there are {names}")
    rows = sent_wrong(audit, rule_id)
    since = words.day(monday_of(audit.weeks[0]).isoformat())
    sentence = f"{title}, of those created from {since} on: another queue solved them"
    empty = TicketList(rule_id, title, sentence, tickets.nothing)
    if rows.attrs["is_hidden"]:
        return replace(empty, missing=_few(tickets))
    if rows.empty:
        return replace(empty, missing=_NONE_WRONG)
    return _of_people_enough(tickets, week.team, rows, empty)


def _tickets_of_subject(week: Week, tickets: WeekTickets, subject: str) -> TicketList:
    """The tickets of a reason, phrase or matter that moved, since its onset."""
    contacts = open_drivers(week)
    found = contacts.candidates[contacts.candidates["subject"] == subject]
    if found.empty:
        return TicketList(
            subject, "Tickets of what moved", "", tickets.nothing, f"Nothing of that name moved in {week.week}."
        )
    row = found.iloc[0]
    title = f"Tickets of {labels.label('contact_reason', subject) if row['kind'] == 'reason' else f'“{subject}”'}"
    sentence = f"{title}, since {words.day(str(row['onset_on']))}"
    empty = TicketList(subject, title, sentence, tickets.nothing)
    return _of_people_enough(tickets, week.team, contacts.tickets_since(row), empty)


def _tickets_of_escalation(week: Week, tickets: WeekTickets, escalation_id: str) -> TicketList:
    """The tickets of an escalation of the week, since its onset."""
    contacts = open_drivers(week)
    found = contacts.escalations[contacts.escalations["escalation_id"] == escalation_id]
    title = f"Tickets of the escalation {escalation_id}"
    if found.empty:
        why = f"{week.week} has no escalation of that name."
        return TicketList(escalation_id, title, "", tickets.nothing, why)
    row = found.iloc[0]
    sentence = f"{title}, since {row['onset_on']}"
    empty = TicketList(escalation_id, title, sentence, tickets.nothing)
    return _of_people_enough(tickets, week.team, contacts.tickets_since(row), empty)


def _of_people_enough(tickets: WeekTickets, team: str, rows: pd.DataFrame, empty: TicketList) -> TicketList:
    """The list with these rows, where enough people wrote them."""
    if 0 < distinct_people(rows).nunique() < tickets.organisation.privacy.minimum_group:
        return replace(empty, missing=_few(tickets))
    return replace(empty, rows=tickets.with_details(rows[["ticket_id"]], team))


def _few(tickets: WeekTickets) -> str:
    return f"Fewer than {tickets.organisation.privacy.minimum_group} people wrote these tickets: not listed."
