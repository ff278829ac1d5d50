"""What the notebook on routing calls: open an audit of a team's week, then ask it.

Every function takes the audit and returns a frame, or a replay, that `ops.routing_audit.show` draws. What the export
cannot tell comes back empty with a sentence in `frame.attrs["missing"]`, which is drawn in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.methods.small_groups import few_people, fold, groups_to_hide
from opslib.analysis.methods.survival import grouped_quantiles
from opslib.analysis.routing_audit import moves
from opslib.analysis.routing_audit.lint import COLUMNS, EXAMPLES
from opslib.analysis.routing_audit.lint import lint as lint_rules
from opslib.analysis.routing_audit.repairs import repaired
from opslib.analysis.routing_audit.repairs import repairs as try_repairs
from opslib.analysis.routing_audit.replay import Replay, rule_changes
from opslib.analysis.routing_audit.replay import replay as replay_rules
from opslib.analysis.routing_audit.rules import Rule, TicketFields
from opslib.metrics import is_satisfied
from opslib.reports.routing_audit.candidates import without_small_changes
from opslib.reports.routing_audit.rule_files import read_candidate
from opslib.reports.routing_audit.tickets import fields_at_creation, routed_tickets, routing_rules
from opslib.reports.week import Week, answer
from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week, week_bounds

NO_MOVES = "Not in this export: it has no events with queues, so the first queue of a ticket is not known."
NO_TEAM_MOVES = "Not in this export: it has no events with teams, so moves between teams are not known."
NO_TRANSFERS = "Not in this export: neither events nor counts tell which tickets were transferred."
NO_RULES = "Not in this export: it has no routing rules."
LEAST_SHOWN = 30
"""How many tickets a group must have for its misrouted share to be shown."""
_BEFORE_AFTER = (
    *("rule_id", "rule", "changed_at", "queue_before", "queue_after", "group", "outcome", "unit", "before", "after"),
    *("difference", "low", "high", "tickets_before", "tickets_after"),
)


@dataclass(frozen=True)
class Audit:
    """A team's routing over some weeks up to a week. Slices are read when they are first asked for."""

    week: Week
    span: int

    @property
    def warehouse(self) -> Warehouse:
        """Where it is read from."""
        return self.week.warehouse

    @property
    def minimum_group(self) -> int:
        """How many people a group must have to be shown."""
        return self.week.organisation.privacy.minimum_group

    @property
    def weeks(self) -> list[str]:
        """The weeks that it is about."""
        return [shift_week(self.week.week, -back) for back in reversed(range(self.span))]

    @property
    def end(self) -> pd.Timestamp:
        """The end of the week, or up to when the export knows the world where that is earlier."""
        end = week_bounds(self.week.week, self.week.organisation.zone)[1]
        return pd.Timestamp(min(end, self.week.as_of))

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """Tickets of all teams and all weeks up to the week, without those that were merged, deleted or spam."""
        return routed_tickets(self.warehouse, last=self.week.week, rules=self.rules or ())

    @cached_property
    def own(self) -> pd.DataFrame:
        """Those that the team got first, solved or holds, of the audit's weeks."""
        is_own = (self.tickets[["team", "first_team", "solved_team"]] == self.week.team).any(axis=1)
        return self.tickets[is_own & self.tickets["week"].isin(self.weeks)].reset_index(drop=True)

    @cached_property
    def history(self) -> pd.DataFrame:
        """Those that the team got first or solved, of all weeks."""
        is_own = (self.tickets[["first_team", "solved_team"]] == self.week.team).any(axis=1)
        return self.tickets[is_own].reset_index(drop=True)

    @cached_property
    def spells(self) -> pd.DataFrame:
        """Where the team's tickets of the audit's weeks were: ticket_id, start_at, queue, team of facts/spells."""
        columns = ["ticket_id", "start_at", "queue", "team"]
        spells = self.warehouse.read("facts", "spells", columns=columns, weeks=self.weeks)
        return spells[spells["ticket_id"].isin(self.own["ticket_id"])]

    @cached_property
    def has_first_queues(self) -> bool:
        """Whether the export tells in which queue a ticket first was."""
        return bool(self.tickets["first_queue"].notna().any())

    @property
    def has_transfers(self) -> bool:
        """Whether the export tells which of the team's tickets were transferred."""
        return bool(self.own["transfers"].notna().any())

    @cached_property
    def rules(self) -> list[Rule] | None:
        """All versions of all routing rules; None where the export has none."""
        return routing_rules(self.warehouse)

    @cached_property
    def all_fields(self) -> TicketFields:
        """All of `tickets` as they were when they were created."""
        return self.fields(self.tickets)

    @cached_property
    def team_of_queue(self) -> dict[str, str]:
        """The team that most of a queue's tickets reach first, or, where nothing tells that, that solves most there."""
        sides = ("first_queue", "first_team") if self.has_first_queues else ("solved_queue", "solved_team")
        pairs = self.tickets[list(sides)].value_counts().reset_index().drop_duplicates(sides[0])
        return dict(zip(pairs[sides[0]].astype(str), pairs[sides[1]].astype(str), strict=True))

    @cached_property
    def findings(self) -> pd.DataFrame:
        """What is wrong with the rules in force at the week's end: the columns of `COLUMNS`, and ours (see `lint`)."""
        findings = lint_rules(self.rules or (), self.all_fields, at=self.end, minimum_group=self.minimum_group)
        queue_of = {rule.rule_id: rule.queue for rule in self.rules or ()}
        involved = (findings["rule_id"] + "; " + findings["others"]).str.split("; ")
        team_of = self.team_of_queue
        ours = [any(team_of.get(queue_of.get(rule, "")) == self.week.team for rule in rules) for rules in involved]
        if findings["tickets"].isna().any():
            findings.attrs["few"] = few_people(self.minimum_group)
        return findings.assign(ours=np.array(ours, dtype=bool))

    @cached_property
    def repairs(self) -> pd.DataFrame:
        """What another queue would have changed for each rule in force: `analysis.routing_audit.repairs.COLUMNS`.

        And team, which gets its tickets now, or would get them where no ticket reaches its queue, and ours.
        """
        start = pd.Timestamp(week_bounds(self.weeks[0], self.week.organisation.zone)[0])
        frame = try_repairs(
            self.rules or (), self.all_fields, start=start, end=self.end, minimum_group=self.minimum_group
        )
        owners, others = (frame[name].map(self.team_of_queue).astype("object") for name in ("queue", "better_queue"))
        team = owners.fillna(others).fillna("").astype("str")
        return frame.assign(ours=team == self.week.team, team=team)

    @cached_property
    def repaired(self) -> Replay | None:
        """All repairs that are worth it, of all teams, replayed together; None where there is none."""
        worth = self.repairs[self.repairs["is_worth"]]
        if worth.empty:
            return None
        queues = dict(zip(worth["rule_id"], worth["better_queue"], strict=True))
        tickets = self.tickets[self.tickets["week"].isin(self.weeks)]
        return _replayed(self, repaired(self.rules or (), queues, end=self.end), tickets)

    def fields(self, tickets: pd.DataFrame) -> TicketFields:
        """Tickets as they were when they were created."""
        return fields_at_creation(self.warehouse, tickets)


def open_audit(week: Week, *, weeks: int = 8) -> Audit:
    """Open an audit of a team's routing.

    Args:
        week: of `open_week`.
        weeks: how many weeks up to it are looked at.

    Returns:
        The audit, to be handed to the other functions of this module.
    """
    return Audit(week, weeks)


def transitions(audit: Audit, *, by: moves.Unit = "queue") -> pd.DataFrame:
    """Count moves of the team's tickets between queues or teams.

    Returns:
        origin and destination (queues, or the labels of teams), moves, tickets, and the share of the moves out of the
        origin that go to the destination with its interval (share, low, high); most moves first. Moves of too few
        people are put together, by a name that stands in `attrs["few"]`.
    """
    table = moves.transitions(_without_small_groups(audit, moves.moves(audit.spells, by)))
    table.attrs["few"] = few_people(audit.minimum_group)
    if by == "team":
        is_known = len(table) > 0 or audit.week.has_events("team", audit.weeks)
        names = {team.name: team.label for team in audit.week.organisation.teams}
        table[["origin", "destination"]] = table[["origin", "destination"]].replace(names)
        return answer(table, is_known=is_known, missing=NO_TEAM_MOVES)
    return answer(table, is_known=audit.has_first_queues, missing=NO_MOVES)


def transfers(audit: Audit) -> pd.DataFrame:
    """Count the team's tickets by number of transfers.

    Returns:
        transfers ("0", "1", "2", "3 or more"), tickets, share, low, high, ping_pong (tickets that came back to a queue
        that they had left; missing where the export does not tell). Numbers of too few people are missing.
    """
    counts = moves.transfer_counts(audit.own)
    with_count = audit.own[audit.own["transfers"].notna()]
    back = with_count[with_count["ping_pongs"].fillna(0) > 0]
    for column, rows in (("tickets", with_count), ("ping_pong", back)):
        names = rows["transfers"].clip(upper=3).map(dict(enumerate(counts["transfers"])))
        is_hidden = counts["transfers"].isin(_of_few_people(audit, rows, names))
        counts[column] = counts[column].mask(is_hidden)
        if is_hidden.any():
            counts.attrs["few"] = few_people(audit.minimum_group)
        if column == "tickets":
            counts.loc[is_hidden, ["share", "low", "high"]] = np.nan
    return answer(counts, is_known=audit.has_transfers or audit.own.empty, missing=NO_TRANSFERS)


def queues(audit: Audit) -> pd.DataFrame:
    """What enters and leaves each queue.

    Returns:
        queue, entered, sent_on (entered, solved elsewhere), solved, taken_in (solved, entered elsewhere): missing where
        the export does not tell, or too few people are in it; value, low, high: Kaplan–Meier median of the open seconds
        to the solve of the tickets that entered the queue, or, where that is not known, that are in it.
    """
    counts = _queue_counts(audit)
    if not audit.has_first_queues:
        counts[["entered", "sent_on", "taken_in"]] = np.nan
    side = "first_queue" if audit.has_first_queues else "queue"
    times = _times_to_solve(audit.own, side)
    times.loc[times.index.isin(_of_few_people(audit, audit.own, audit.own[side])), ["value", "low", "high"]] = np.nan
    if times.empty:
        return counts.head(0).rename_axis("queue").reset_index().assign(value=np.nan, low=np.nan, high=np.nan)
    table = counts.join(times).rename_axis("queue").reset_index()
    order = ["solved", "entered"] if audit.has_first_queues else ["solved"]
    table = table.sort_values([*order, "queue"], ascending=[False] * len(order) + [True], ignore_index=True)
    sides = ["solved", "entered", "sent_on", "taken_in"]
    if table[sides].dropna(axis="columns", how="all").isna().any(axis=None):
        table.attrs["few"] = few_people(audit.minimum_group)
    return table


def misrouted(audit: Audit, *, by: str = "contact_reason") -> pd.DataFrame:
    """Find where first queues are wrong, by contact reason, channel, form or another column of tickets.

    Returns:
        `by`, tickets (judged), misrouted, share, low, high, belongs_in (the queue that solves most of the misrouted, ""
        for none); most misrouted tickets first. Groups of too few people are put together, those of fewer than 30
        tickets left out.
    """
    if by not in audit.warehouse.columns("tickets"):
        nothing = audit.own.head(0).reindex(columns=["first_queue", "solved_queue", by])
        return answer(
            moves.misrouted(nothing, by),
            is_known=False,
            missing=f"Not in this export: tickets have no {by.replace('_', ' ')}.",
        )
    judged = audit.own[moves.is_misrouted(audit.own).notna()]
    groups = fold(judged.assign(**{by: judged[by].astype("str")}), [by], minimum=audit.minimum_group)
    table = moves.misrouted(groups, by)
    table = table[table["tickets"] >= LEAST_SHOWN].reset_index(drop=True)
    few = f"No {by.replace('_', ' ')} has {LEAST_SHOWN} solved tickets in these weeks."
    return answer(
        table,
        is_known=audit.has_first_queues and (len(table) > 0 or audit.own.empty),
        missing=few if audit.has_first_queues else NO_MOVES,
    )


def misrouted_weeks(audit: Audit, *, weeks: int = 26) -> pd.DataFrame:
    """The team's misrouted share of so many weeks.

    Returns:
        week, tickets (judged), misrouted, share, low, high, in order; closed (the holidays that close the team on one
        of the week's days, "" for none).
    """
    first = shift_week(audit.week.week, 1 - weeks)
    by_week = moves.misrouted_by_week(audit.history[audit.history["week"] >= first])
    return answer(audit.week.with_closures(by_week), is_known=audit.has_first_queues, missing=NO_MOVES)


def misrouted_total(audit: Audit) -> pd.DataFrame:
    """The misrouted share of the team's tickets over the audit's weeks, and over as many before.

    Returns:
        One row: tickets (judged), misrouted, share, low, high; share_before, difference with difference_low and
        difference_high; is_signal (whether that is more than chance).
    """
    weeks = misrouted_weeks(audit, weeks=2 * audit.span)
    recent = weeks["week"].isin(audit.weeks).to_numpy()
    sums, before = (weeks.loc[side, ["misrouted", "tickets"]].sum() for side in (recent, ~recent))
    shift = moves.misrouted_shift(weeks, recent).iloc[0]
    row = {
        "tickets": int(sums["tickets"]),
        "misrouted": int(sums["misrouted"]),
        **wilson(int(sums["misrouted"]), int(sums["tickets"])).iloc[0],
        "share_before": before["misrouted"] / before["tickets"] if before["tickets"] else np.nan,
        "difference": shift["difference"],
        "difference_low": shift["low"],
        "difference_high": shift["high"],
        "is_signal": bool(shift["low"] > 0 or shift["high"] < 0),
    }
    return answer(pd.DataFrame([row]), is_known=audit.has_first_queues, missing=NO_MOVES)


def signals(audit: Audit, *, by: str = "contact_reason") -> pd.DataFrame:
    """Test of which groups more was misrouted this week than before.

    Of every week only the tickets that were solved by its end are looked at. So a week says the same whenever it is
    asked, and is compared with weeks of which no more was known: what is transferred takes longer to solve.

    Returns:
        `by`, tickets, misrouted, share, low, high, belongs_in of the week; tickets_before, share_before; p, q,
        discovery; ticket_ids (the latest of the misrouted, separated by commas); smallest p first. Groups of too few
        people in the week are left out.
    """
    ends = {week: week_bounds(week, audit.week.organisation.zone)[1] for week in audit.history["week"].unique()}
    in_time = audit.history[audit.history["last_solved_at"] < audit.history["week"].map(ends)]
    tests = moves.misrouting_signals(in_time, audit.week.week, by=by)
    tickets = in_time[in_time["week"] == audit.week.week]
    judged = tickets[moves.is_misrouted(tickets).notna()]
    small = judged.loc[groups_to_hide(judged, [by], minimum=audit.minimum_group), by].astype("str").fillna("(none)")
    tests = tests[~tests[by].isin(list(small.unique()))].reset_index(drop=True)
    wrong = tickets[moves.is_misrouted(tickets).fillna(False).astype(bool)].sort_values("created_at", ascending=False)
    latest = wrong.groupby(by)["ticket_id"].agg(lambda ids: ", ".join(ids.head(EXAMPLES)))
    ticket_ids = tests[by].map(latest).astype("str").fillna("")
    tests = tests.assign(ticket_ids=ticket_ids)
    if len(small):
        tests.attrs["few"] = few_people(audit.minimum_group)
    return answer(tests, is_known=audit.has_first_queues, missing=NO_MOVES)


def cost(audit: Audit) -> pd.DataFrame:
    """What goes along with a transfer in the team.

    Returns:
        One row per outcome: outcome, unit (seconds, times, share), with_transfer, without_transfer (medians of times,
        else means), crude, adjusted (within reason and priority), low, high, exposed, unexposed, strata, left_out.
    """
    satisfied = None
    if audit.warehouse.columns("satisfaction"):
        answers = audit.warehouse.read("standard", "satisfaction").sort_values("answered_at", kind="stable")
        last = answers.drop_duplicates("ticket_id", keep="last").set_index("ticket_id")
        satisfied = is_satisfied(last["score"], last["scale_max"])
    return answer(
        moves.transfer_cost(audit.own, satisfied), is_known=audit.has_transfers or audit.own.empty, missing=NO_TRANSFERS
    )


def before_after(audit: Audit, *, weeks: int = 26) -> pd.DataFrame:
    """The team's tickets before and after each change of a rule's queue in so many weeks.

    Returns:
        rule_id, rule (its name in words), changed_at, queue_before, queue_after; group (affected, others), outcome
        (misrouted, full_resolution), unit (share, times), before, after, difference, low, high, tickets_before,
        tickets_after; for changes that touch tickets of as many people as a group must have on either side.
    """
    nothing = pd.DataFrame(columns=list(_BEFORE_AFTER))
    if audit.rules is None or not audit.has_first_queues:
        return answer(nothing, is_known=False, missing=NO_RULES if audit.rules is None else NO_MOVES)
    changes = rule_changes(audit.rules, audit.end - pd.Timedelta(weeks=weeks), audit.end)
    changes = changes[changes["change"] == "another queue"]
    fields = audit.fields(audit.history)
    parts = []
    for change in changes.to_dict("records"):
        version = _version_at(audit.rules, change["rule_id"], change["changed_at"])
        affected = fields.fits(version.when)[0]
        part = moves.before_after(audit.history, affected, change["changed_at"], days=7 * audit.span)
        tickets = part.loc[part["group"] == "affected", ["tickets_before", "tickets_after"]]
        people = audit.history.loc[affected, ["ticket_id", "requester_id"]] if _names_people(audit.history) else None
        is_large = people is None or people["requester_id"].nunique() >= audit.minimum_group
        if tickets.to_numpy().min() >= audit.minimum_group and is_large:
            about = {name: change[name] for name in ("rule_id", "changed_at", "queue_before", "queue_after")}
            parts.append(part.assign(rule=replace(version, queue=change["queue_after"]).name, **about))
    if not parts:
        return answer(
            nothing,
            is_known=False,
            missing="No rule that takes tickets of this team was given another queue in this time.",
        )
    return pd.concat(parts, ignore_index=True)[list(_BEFORE_AFTER)]


def lint(audit: Audit) -> pd.DataFrame:
    """What is wrong with the rules in force at the week's end, by logic and by all tickets up to then.

    Returns:
        fault, severity (fault, look, note), rule_id, rule (its name in words), others, queue, basis (exact,
        tickets), tickets (missing where of too few people), ticket_ids, why, and ours: whether the rule, or one that it
        has to do with, sends to a queue whose tickets reach the team first. The rules are the organisation's, and all
        are there; the most serious come first.
    """
    if audit.rules is None:
        return answer(pd.DataFrame(columns=[*COLUMNS, "ours"]), is_known=False, missing=NO_RULES)
    return audit.findings


def replay(audit: Audit, *, candidate: str) -> Replay | None:
    """Send the tickets of the audit's weeks, of all teams, through the rules of their day and through a candidate.

    Args:
        audit: of `open_audit`.
        candidate: a YAML file of rules; empty: there is none.

    Returns:
        What would change, as frames, and what the past cannot tell; the columns stand at `Replay`. None without a
        candidate.

    Raises:
        SettingsError: the file is missing or wrong; the message says in which line.
    """
    if not candidate:
        return None
    rules = read_candidate(Path(candidate), today=audit.rules or ())
    fields_of = [*rules, *(audit.rules or ())]
    tickets = routed_tickets(audit.warehouse, last=audit.week.week, weeks=audit.span, rules=fields_of)
    return _replayed(audit, rules, tickets)


def repaired_rules(audit: Audit) -> Replay | None:
    """Replay all repairs that are worth it together, of all teams: one may undo another.

    Returns:
        As `replay`; None where no repair is worth it.
    """
    return audit.repaired


def _replayed(audit: Audit, rules: Sequence[Rule], tickets: pd.DataFrame) -> Replay:
    result = replay_rules(audit.rules, rules, audit.fields(tickets))
    return without_small_changes(result, tickets, minimum_group=audit.minimum_group)


def _names_people(tickets: pd.DataFrame) -> bool:
    return "requester_id" in tickets


def _without_small_groups(audit: Audit, ticket_moves: pd.DataFrame) -> pd.DataFrame:
    """Moves, those out of a queue that too few people made put together, and those of too few out of any queue."""
    if _names_people(audit.own):
        people = audit.own[["ticket_id", "requester_id"]]
        rows = ticket_moves.merge(people, on="ticket_id", how="left")
    else:
        rows = ticket_moves.assign(requester_id=ticket_moves["ticket_id"])
    from_few = groups_to_hide(rows, ["origin"], minimum=audit.minimum_group)
    few = few_people(audit.minimum_group)
    rows[["origin", "destination"]] = rows[["origin", "destination"]].astype("object").mask(from_few, few)
    return fold(rows, ["origin", "destination"], minimum=audit.minimum_group, totals=[["origin"], ["destination"]])


def _of_few_people(audit: Audit, tickets: pd.DataFrame, names: pd.Series) -> list[object]:
    """Of names that tickets bear, those that too few people have, or that would tell these beside the total."""
    rows = tickets.assign(_name=names).dropna(subset="_name")
    return list(rows.loc[groups_to_hide(rows, ["_name"], minimum=audit.minimum_group), "_name"].unique())


def _queue_counts(audit: Audit) -> pd.DataFrame:
    """solved, entered, sent_on and taken_in by queue; missing where they are of too few people."""
    tickets = audit.own
    wrong = tickets[moves.is_misrouted(tickets).fillna(False).astype(bool)]
    sides = {
        "solved": (tickets, "solved_queue"),
        "entered": (tickets, "first_queue"),
        "sent_on": (wrong, "first_queue"),
        "taken_in": (wrong, "solved_queue"),
    }
    counts = pd.DataFrame({name: rows[side].value_counts() for name, (rows, side) in sides.items()}).fillna(0)
    for name, (rows, side) in sides.items():
        counts.loc[counts.index.isin(_of_few_people(audit, rows, rows[side])), name] = np.nan
    return counts


def _times_to_solve(tickets: pd.DataFrame, queue: str) -> pd.DataFrame:
    """Median open seconds to the solve with its interval (value, low, high) by queue, unsolved tickets censored."""
    ended, running = (tickets[f"full_resolution_business_{each}seconds"] for each in ("", "censored_"))
    timed = tickets.assign(seconds=ended.fillna(running), ended=ended.notna()).dropna(subset=["seconds", queue])
    if timed.empty:
        return pd.DataFrame(columns=["value", "low", "high"])
    times = grouped_quantiles(timed, by=[queue], duration="seconds", ended="ended", p=[0.5])
    return times.set_index(queue)[["value", "low", "high"]]


def _version_at(rules: Sequence[Rule], rule_id: str, instant: pd.Timestamp) -> Rule:
    """The first version of a rule that begins or ends at an instant."""
    versions = (rule for rule in rules if rule.rule_id == rule_id)
    return next(version for version in versions if instant in (version.active_from, version.active_to))
