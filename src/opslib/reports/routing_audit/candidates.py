"""`opslib routing …`: candidate rule files, written from today's rules or learnt from the past, and replayed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from opslib.analysis.methods.small_groups import distinct_people, few_people, groups_to_hide
from opslib.analysis.routing_audit.lint import lint
from opslib.analysis.routing_audit.replay import NO_QUEUE, Replay
from opslib.analysis.routing_audit.replay import replay as replay_rules
from opslib.analysis.routing_audit.rules import conditions_of, learn_rules
from opslib.display import words
from opslib.display.cells import Cell
from opslib.errors import NotInExport, WarehouseError
from opslib.reports.routing_audit import drawings
from opslib.reports.routing_audit.rule_files import candidate_text, read_candidate
from opslib.reports.routing_audit.tickets import fields_at_creation, routed_tickets, routing_rules
from opslib.settings import Organisation
from opslib.store.files import write_text
from opslib.store.warehouse import Warehouse
from opslib.weeks import last_complete_week, shift_week, week_bounds

LEARNABLE = ("contact_reason", "form", "channel", "language", "region")
_FAULTS_BY_ITSELF = ("unreachable", "shadowed", "dead", "conflict", "no_fallback")


@dataclass(frozen=True)
class Replayed:
    """A replay and what is wrong with the candidate by itself; as text it is what the terminal shows."""

    candidate: Path
    first: str
    last: str
    result: Replay
    faults: pd.DataFrame

    def __str__(self) -> str:
        parts = [
            f"{self.candidate} on the tickets of {self.first} to {self.last}",
            drawings.replay(self.result).text,
            "",
            _aligned(*drawings.replay_load_cells(self.result)),
            *filter(None, [drawings.few_sentence(self.result.load)]),
            "",
            drawings.replay_changes(self.result).text,
            "",
            "What the past cannot tell:",
            *(f"  - {warning}" for warning in self.result.warnings),
            "",
            "What is wrong with the candidate itself:"
            if len(self.faults)
            else "Nothing is wrong with the candidate itself.",
            *(
                f"  - {row['rule_id'] or 'all rules'}: {row['fault'].replace('_', ' ')} ({row['basis']}). {row['why']}"
                for row in self.faults.to_dict("records")
            ),
        ]
        return "\n".join(parts)


def replay_files(
    warehouse: Warehouse, organisation: Organisation, candidate: Path, weeks: int, *, week: str | None = None
) -> Replayed:
    """Replay a candidate file on complete weeks of a warehouse.

    Args:
        warehouse: with the facts.
        organisation: of its params file.
        candidate: YAML file of rules, as `rule_files.read_candidate` reads it.
        weeks: how many weeks.
        week: the last of them; None: the last complete one that has tickets.

    Returns:
        The replay; print it.

    Raises:
        SettingsError: the candidate is missing or wrong; all that is wrong is listed with file and line.
        WarehouseError: the warehouse is empty, or does not know the week.
    """
    today = routing_rules(warehouse)
    rules = read_candidate(candidate, today=today or ())
    last = _last_week(warehouse, organisation, week)
    tickets = routed_tickets(warehouse, last=last, weeks=weeks, rules=[*rules, *(today or ())])
    fields = fields_at_creation(warehouse, tickets)
    minimum_group = organisation.privacy.minimum_group
    findings = lint(rules, fields, at=_end_of(last, organisation), minimum_group=minimum_group)
    return Replayed(
        candidate=candidate,
        first=shift_week(last, 1 - weeks),
        last=last,
        result=without_small_changes(replay_rules(today, rules, fields), tickets, minimum_group=minimum_group),
        faults=findings[findings["fault"].isin(_FAULTS_BY_ITSELF)],
    )


def without_small_changes(result: Replay, tickets: pd.DataFrame, *, minimum_group: int) -> Replay:
    """Put together, in a replay, the changes of too few people, and leave out the numbers that would tell them.

    Args:
        result: of `replay`.
        tickets: the tickets that were replayed, with requester_id where the export tells who asks.
        minimum_group: how many people a group must have.

    Returns:
        The replay: of changes that too few people would see, queues, rules and tickets are not named; of a queue that
        too few people are in, enter or leave, the numbers are missing, and those of the next larger one where the sum
        of all queues would else tell them. Where all changes, or all tickets for the fallback, are of too few people,
        the summary has no number of them.

    Notes:
        A rule can ask for any reason, language or region, so a queue may be a group of people. Verdicts are none: they
        say how tickets that are shown fared.
    """
    if result.tickets.empty:
        return result
    who = [name for name in ("ticket_id", "requester_id") if name in tickets]
    people = tickets[who].drop_duplicates("ticket_id")
    changed = result.changed.merge(people, on="ticket_id", how="left")
    few = few_people(minimum_group)
    is_hidden = groups_to_hide(
        changed,
        ["queue_today", "queue_candidate", "verdict"],
        minimum=minimum_group,
        totals=[(), ["queue_today"], ["queue_candidate"]],
    )
    texts = dict.fromkeys(("queue_today", "queue_candidate", "rule_today", "rule_candidate", "solved_queue"), few)
    texts |= {"ticket_id": "", "verdict": "not told"}
    columns = {name: changed[name].astype("object").mask(is_hidden, text) for name, text in texts.items()}
    columns |= {
        name: changed[name].mask(is_hidden) for name in ("created_at", "misrouted_today", "misrouted_candidate")
    }
    return replace(
        result,
        changed=result.changed.assign(**columns) if is_hidden.any() else result.changed,
        summary=_without_small_sums(result.summary, changed, minimum_group),
        load=_without_small_queues(
            result.load, result.tickets.merge(people, on="ticket_id", how="left"), changed, minimum_group
        ),
    )


def _without_small_sums(summary: pd.DataFrame, changed: pd.DataFrame, minimum_group: int) -> pd.DataFrame:
    """The summary without how many tickets change, or fit the fallback alone, where they are of too few people."""
    few_changes = len(changed) > 0 and distinct_people(changed).nunique() < minimum_group
    summary = summary.assign(fallback=summary["fallback"].where(~summary["fallback"].between(1, minimum_group - 1)))
    numbers = ["changed", "mended", "spoilt", "misrouted_candidate", "candidate_low", "candidate_high"]
    # The share of today is no secret, but beside that of the candidate it would tell how many change.
    numbers += ["difference", "low", "high"]
    return summary.assign(**dict.fromkeys(numbers, np.nan)) if few_changes else summary


def _without_small_queues(
    load: pd.DataFrame, tickets: pd.DataFrame, changed: pd.DataFrame, minimum_group: int
) -> pd.DataFrame:
    """The queues, without the numbers of those that too few people are in, enter or leave."""
    sides = {"today": "queue_today", "candidate": "queue_candidate", "solved": "solved_queue"}
    entries = {
        name: tickets.assign(queue=tickets[side].fillna(NO_QUEUE) if name != "solved" else tickets[side])
        for name, side in sides.items()
        if load[name].notna().any()
    }
    moves = [changed.assign(queue=changed[side].fillna(NO_QUEUE)) for side in (sides["today"], sides["candidate"])]
    hidden = {name: _queues_of_few(rows, minimum_group) for name, rows in entries.items()}
    moved = _queues_of_few(pd.concat(moves, ignore_index=True), minimum_group)
    hidden["candidate"] = hidden.get("candidate", set()) | moved
    beside = hidden["candidate"] | hidden.get("today", set())
    masks = {name: load["queue"].isin(sorted(queues)) for name, queues in hidden.items()}
    masks |= dict.fromkeys(("difference", "low", "high"), load["queue"].isin(sorted(beside)))
    masks |= {f"misrouted_{name}": masks[name] for name in ("today", "candidate") if name in masks}
    masked = load.assign(**{name: load[name].mask(mask) for name, mask in masks.items() if mask.any()})
    if any(mask.any() for mask in masks.values()):
        masked.attrs["few"] = few_people(minimum_group)
    return masked


def _queues_of_few(rows: pd.DataFrame, minimum_group: int) -> set[str]:
    """The queues of rows whose people are too few, or that would tell these beside the sum of all queues."""
    own = rows.dropna(subset="queue")
    return set(own.loc[groups_to_hide(own, ["queue"], minimum=minimum_group), "queue"].unique())


def learn_file(
    warehouse: Warehouse,
    organisation: Organisation,
    path: Path,
    *,
    by: str = "contact_reason",
    weeks: int | None = None,
    week: str | None = None,
) -> str:
    """Write the simplest rule set that the past suggests as a candidate file: each value of a field to one queue.

    Args:
        warehouse: with the facts.
        organisation: of its params file.
        path: the file to write.
        by: the field that decides.
        weeks: how many weeks to learn from; None for all there are.
        week: the last of them; None: the last complete one that has tickets. What was solved later is not looked at.

    Returns:
        What was learnt from, in a sentence.

    Raises:
        NotInExport: the tickets of this export have no such field.
        WarehouseError: the warehouse is empty, does not know the week, or has no solved ticket to learn from.
    """
    if by not in LEARNABLE or by not in warehouse.columns("tickets"):
        fields = words.listed([name for name in LEARNABLE if name in warehouse.columns("tickets")])
        raise NotInExport(f"not in this export: rules cannot be learned by {by!r}, only by {fields}")
    last = _last_week(warehouse, organisation, week)
    tickets = routed_tickets(warehouse, last=last, weeks=weeks)
    end = _end_of(last, organisation)
    solves = tickets[tickets["solved_queue"].notna() & (tickets["last_solved_at"] < end) & tickets[by].notna()]
    rules = learn_rules(solves, field=by, least=organisation.privacy.minimum_group)
    if not rules:
        raise WarehouseError(f"no ticket up to {last} is solved and has a {by}: there is nothing to learn from")
    values = sum(len(condition.operands) for rule in rules for condition in conditions_of(rule.when))
    basis = (
        f"{values} of {solves[by].nunique()} values of {by} to the queue that solved most of each, by "
        f"{words.whole(len(solves))} "
        f"tickets of {solves['week'].min()} to {last}; the rest, too rare to tell, to {rules[-1].queue}"
    )
    write_text(f"# Learnt: {basis}.\n{candidate_text(rules, end)}", path)
    return basis


def start_file(warehouse: Warehouse, path: Path) -> Path:
    """Write the rules in force as a candidate file to start from.

    Raises:
        NotInExport: the export has no routing rules.
    """
    rules = routing_rules(warehouse)
    if rules is None:
        raise NotInExport("not in this export: it has no routing rules to start from")
    as_of = pd.Timestamp(warehouse.facts_of_the_run()["as_of"])
    write_text(candidate_text(rules, as_of), path)
    return path


def _last_week(warehouse: Warehouse, organisation: Organisation, week: str | None) -> str:
    """The week itself, or the last complete one that has tickets: exports of an old period end long before today."""
    as_of = datetime.fromisoformat(warehouse.facts_of_the_run()["as_of"])
    tolerance = timedelta(hours=organisation.limits.week_ends_within_hours)
    ended = last_complete_week(as_of, organisation.zone, tolerance)
    complete = [each for each in warehouse.weeks("facts", "tickets") if each <= ended]
    if not complete:
        raise WarehouseError(f"{warehouse.root} has no complete week with tickets")
    if week is not None and week not in complete:
        raise WarehouseError(f"the warehouse knows complete weeks from {complete[0]} to {complete[-1]}, not {week}")
    return week or complete[-1]


def _end_of(week: str, organisation: Organisation) -> pd.Timestamp:
    return pd.Timestamp(week_bounds(week, organisation.zone)[1])


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table for the terminal, its columns aligned."""
    if not rows:
        return "No queue gets any ticket."
    return str(pd.DataFrame([[cell.text for cell in row] for row in rows], columns=list(heads)).to_string(index=False))
