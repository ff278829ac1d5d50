"""Mappings that tests write into a params/sources of their own."""

from __future__ import annotations

TICKETS = """
description: a test
{head}
feeds:
  - table: tickets
    files: ["t*"]
    columns:
      ticket_id: id
      created_at: {created}
      status: {{constant: open}}
      team: {{constant: us-general}}
{more}
"""


def tickets(created: str = "created", head: str = "", more: str = "") -> str:
    """A mapping to tickets: what creation is made from, keys of the source, and lines of further columns."""
    return TICKETS.format(created=created, head=head, more="".join(f"      {line}\n" for line in more.splitlines()))


WIDE = """
description: a wide file of tickets
feeds:
  - table: tickets
    files: ["t*"]
    where: [{column: kind, is_not: test}]
    columns: {ticket_id: id, created_at: created, status: state, team: {constant: us-general}, requester_id: asker}
  - table: ticket_events
    files: ["t*"]
    where: [{column: kind, is_not: test}]
    columns: {ticket_id: id}
    rows:
      - columns: {event: {constant: created}, occurred_at: created, actor_id: asker, actor_role: {constant: requester}}
      - columns: {event: {constant: status}, value: {constant: On-hold}, occurred_at: held}
      - where: [{column: state, is: solved}]
        columns:
          event: {constant: status}
          value: {constant: solved}
          occurred_at: solved
          actor_id: {from: solver.login}
          actor_role: {cases: [{where: [{column: solver_id, same_as: asker}], constant: requester}, {constant: agent}]}
    lookups:
      solver: {files: ["people*"], key: solver_id, match: id}
"""
