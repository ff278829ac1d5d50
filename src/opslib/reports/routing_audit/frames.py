"""What the notebook on routing calls: open an audit of a team's week, then ask it.

Every function takes the audit and returns a frame, or a replay, that `ops.routing.show` draws. What the export cannot
tell comes back empty with a sentence in `frame.attrs["missing"]`, which is drawn in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.methods.survival import grouped_quantiles
from opslib.analysis.routing_audit import moves as routing
from opslib.analysis.routing_audit.lint import COLUMNS, EXAMPLES
from opslib.analysis.routing_audit.lint import lint as lint_rules
from opslib.analysis.routing_audit.replay import Replay, rule_changes
from opslib.analysis.routing_audit.replay import replay as replay_rules
from opslib.analysis.routing_audit.rules import Rule, TicketFields, learn_rules, read_rules
from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.metrics import is_satisfied
from opslib.reports.routing_audit.rule_files import read_candidate
from opslib.reports.routing_audit.tickets import fields_at_creation, routed_tickets
from opslib.reports.week import Week
from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week, week_bounds

NO_MOVES = "Not in this export: it has no events that tell a queue, so where a ticket first was is not known."
NO_RULES = "Not in this export: it has no routing rules."


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
        ours = (self.tickets[["team", "first_team", "solved_team"]] == self.week.team).any(axis=1)
        return self.tickets[ours & self.tickets["week"].isin(self.weeks)].reset_index(drop=True)

    @cached_property
    def ours(self) -> pd.DataFrame:
        """Those that the team got first or solved, of all weeks."""
        ours = (self.tickets[["first_team", "solved_team"]] == self.week.team).any(axis=1)
        return self.tickets[ours].reset_index(drop=True)

    @cached_property
    def spells(self) -> pd.DataFrame:
        """What became of the team's tickets of the audit's weeks: facts/spells with queue and team."""
        columns = ["ticket_id", "start_at", "queue", "team"]
        found = self.warehouse.read("facts", "spells", columns=columns, weeks=self.weeks)
        return found[found["ticket_id"].isin(self.own["ticket_id"])]

    @cached_property
    def tells_moves(self) -> bool:
        """Whether the export tells in which queue a ticket first was."""
        return bool(self.tickets["first_queue"].notna().any())

    @cached_property
    def rules(self) -> list[Rule] | None:
        """All versions of all routing rules; None where the export has none."""
        if not self.warehouse.columns("routing_rules") or not self.warehouse.has("standard", "routing_rules"):
            return None
        return read_rules(self.warehouse.read("standard", "routing_rules"))

    @cached_property
    def findings(self) -> pd.DataFrame:
        """What is wrong with the rules in force at the week's end; see `lint`."""
        found = lint_rules(self.rules or (), self.fields(self.tickets), at=self.end)
        senders = self.tickets[["first_queue", "first_team"]].value_counts().reset_index()
        first = senders.drop_duplicates("first_queue").set_index("first_queue")["first_team"]
        target = {rule.rule_id: rule.queue for rule in self.rules or ()}
        involved = (found["rule_id"] + "; " + found["others"]).str.split("; ")
        ours = [any(first.get(target.get(name, "")) == self.week.team for name in names) for names in involved]
        return found.assign(ours=np.array(ours, dtype=bool))

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


def headline(opened: Audit) -> Headline:
    """The numbers that stand above the audit."""
    if opened.own.empty:
        return Headline([], has_data=False)
    lines = []
    if opened.tells_moves:
        lines.append(_misrouted_line(opened))
        own = opened.own[opened.own["transfers"].notna()]
        if len(own):
            for label, some in (
                ("Handed on at least once", own["transfers"] > 0),
                ("Ping-pong", own["ping_pongs"] > 0),
            ):
                share = wilson(int(some.sum()), len(own)).iloc[0]
                told = words.value(share["share"], "share")
                note = f"{words.interval(share['low'], share['high'], 'share')} of {len(own):,} tickets"
                lines.append(Line(label, told, "lower", "", False, note, ()))
    else:
        lines.append(Line("Tickets", f"{len(opened.own):,}", "", "", False, "no event tells their first queue", ()))
    if opened.rules is not None:
        found = lint(opened)
        faults = found[(found["severity"] == "fault") & found["ours"]]
        named = words.listed(list(dict.fromkeys(faults["rule_id"])))
        lines.append(
            Line("Rules of this team at fault", str(len(faults)), "lower", "", len(faults) > 0, named or "none", ())
        )
    return Headline(lines, has_data=True)


def transitions(opened: Audit, *, by: routing.Unit = "queue") -> pd.DataFrame:
    """Moves of the team's tickets between queues or teams; as `analysis.routing.transitions`."""
    return _told(routing.transitions(routing.moves(opened.spells, by)), opened.tells_moves)


def transfers(opened: Audit) -> pd.DataFrame:
    """The team's tickets by number of transfers; as `analysis.routing.transfer_counts`."""
    found = routing.transfer_counts(opened.own)
    return _told(found if found["tickets"].sum() else found.head(0), opened.tells_moves)


def queues(opened: Audit) -> pd.DataFrame:
    """What enters and leaves each queue.

    Returns:
        queue, entered, sent_on (entered, solved elsewhere), solved, taken_in (solved, entered elsewhere): missing where
        the export does not tell; value, low, high: Kaplan–Meier median of the open seconds to the solve of the tickets
        that entered the queue, or, where that is not told, that are in it.
    """
    own = opened.own
    wrong = routing.is_misrouted(own).fillna(False).astype(bool)
    solved = own[own["solved_queue"].notna()]
    counts = pd.DataFrame({"solved": solved["solved_queue"].value_counts()})
    told = {
        "entered": own["first_queue"].value_counts(),
        "sent_on": own.loc[wrong, "first_queue"].value_counts(),
        "taken_in": own.loc[wrong, "solved_queue"].value_counts(),
    }
    counts = counts.join(pd.DataFrame(told), how="outer").fillna(0)
    if not opened.tells_moves:
        counts[list(told)] = np.nan
    ended, running = (own[f"full_resolution_business_{each}seconds"] for each in ("", "censored_"))
    where = "first_queue" if opened.tells_moves else "queue"
    timed = own.assign(seconds=ended.fillna(running), ended=ended.notna()).dropna(subset=["seconds", where])
    if timed.empty:
        return counts.head(0).rename_axis("queue").reset_index().assign(value=np.nan, low=np.nan, high=np.nan)
    times = grouped_quantiles(timed, by=[where], duration="seconds", ended="ended", p=[0.5])
    counts = counts.join(times.set_index(where)[["value", "low", "high"]])
    order = ["solved", "entered"] if opened.tells_moves else ["solved"]
    counts = counts.rename_axis("queue").reset_index()
    return counts.sort_values([*order, "queue"], ascending=[False] * len(order) + [True], ignore_index=True)


def misrouted(opened: Audit, *, by: str = "contact_reason") -> pd.DataFrame:
    """Shares of wrong first queues by reason, channel or form; as `analysis.routing.misrouted`."""
    if by not in opened.warehouse.columns("tickets"):
        return _told(routing.misrouted(opened.own.head(0), by), False, f"Not in this export: tickets have no {by}.")
    return _told(routing.misrouted(opened.own, by), opened.tells_moves)


def misrouted_weeks(opened: Audit, *, weeks: int = 26) -> pd.DataFrame:
    """The team's misrouted share of so many weeks; as `analysis.routing.misrouted_by_week`."""
    first = shift_week(opened.week.week, 1 - weeks)
    found = routing.misrouted_by_week(opened.ours[opened.ours["week"] >= first])
    return _told(found, opened.tells_moves)


def signals(opened: Audit, *, by: str = "contact_reason") -> pd.DataFrame:
    """Groups of which more was misrouted this week; as `analysis.routing.misrouting_signals`, and the tickets.

    Of every week only the tickets that were solved by its end are looked at. So a week says the same whenever it is
    asked, and is compared with weeks of which no more was known: what is handed on takes longer to solve.
    """
    ends = {each: week_bounds(each, opened.week.organisation.zone)[1] for each in opened.ours["week"].unique()}
    known = opened.ours["last_solved_at"] < opened.ours["week"].map(ends)
    found = routing.misrouting_signals(opened.ours[known], opened.week.week, by=by)
    here = opened.ours[known & (opened.ours["week"] == opened.week.week)]
    wrong = here[routing.is_misrouted(here).fillna(False).astype(bool)].sort_values("created_at", ascending=False)
    latest = wrong.groupby(by)["ticket_id"].agg(lambda ids: ", ".join(ids.head(EXAMPLES)))
    return _told(found.assign(ticket_ids=found[by].map(latest).astype("str").fillna("")), opened.tells_moves)


def cost(opened: Audit) -> pd.DataFrame:
    """What goes along with a transfer in the team; as `analysis.routing.transfer_cost`."""
    satisfied = None
    if opened.warehouse.columns("satisfaction"):
        answers = opened.warehouse.read("standard", "satisfaction").sort_values("answered_at", kind="stable")
        last = answers.drop_duplicates("ticket_id", keep="last").set_index("ticket_id")
        satisfied = is_satisfied(last["score"], last["scale_max"])
    return _told(routing.transfer_cost(opened.own, satisfied), bool(opened.own["transfers"].notna().any()))


def before_after(opened: Audit, *, weeks: int = 26) -> pd.DataFrame:
    """The team's tickets before and after each change of a rule's queue in so many weeks.

    Returns:
        rule_id, changed_at, queue_before, queue_after and the columns of `analysis.routing.before_after`, for changes
        that touch at least one of the team's tickets on either side.
    """
    columns = ["rule_id", "changed_at", "queue_before", "queue_after", "group", "outcome", "unit", "before", "after"]
    nothing = pd.DataFrame(columns=[*columns, "difference", "low", "high", "tickets_before", "tickets_after"])
    if opened.rules is None or not opened.tells_moves:
        return _told(nothing, False, NO_RULES if opened.rules is None else NO_MOVES)
    changes = rule_changes(opened.rules, opened.end - pd.Timedelta(weeks=weeks), opened.end)
    changes = changes[changes["change"] == "another queue"]
    own = opened.ours
    fields = opened.fields(own)
    parts = []
    for change in changes.to_dict("records"):
        version = next(
            rule
            for rule in opened.rules
            if rule.rule_id == change["rule_id"] and change["changed_at"] in (rule.active_from, rule.active_to)
        )
        affected = fields.fits(version.when)[0]
        found = routing.before_after(own, affected, change["changed_at"], days=7 * opened.span)
        touched = found.loc[found["group"] == "affected", ["tickets_before", "tickets_after"]].to_numpy().min()
        if touched > 0:
            told = {name: change[name] for name in ("rule_id", "changed_at", "queue_before", "queue_after")}
            parts.append(found.assign(**told))
    if not parts:
        return _told(nothing, False, "No rule that takes tickets of this team was given another queue in this time.")
    return pd.concat(parts, ignore_index=True)[list(nothing.columns)]


def lint(opened: Audit) -> pd.DataFrame:
    """What is wrong with the rules in force at the week's end, by logic and by all tickets up to then.

    Returns:
        As `analysis.rule_lint.lint`, and `ours`: whether the rule, or one that it has to do with, sends to a queue from
        which the team gets or in which it solves tickets. The rules are the organisation's, and all are shown.
    """
    if opened.rules is None:
        return _told(pd.DataFrame(columns=[*COLUMNS, "ours"]), False, NO_RULES)
    return opened.findings


def replay(opened: Audit, *, candidate: str = "") -> Replay:
    """Send the tickets of the audit's weeks, of all teams, through the rules of their day and through a candidate.

    Args:
        opened: of `audit`.
        candidate: a YAML file of rules; empty: the simplest rule set that the weeks before suggest, each reason to the
            queue that solved most of it.

    Returns:
        As `analysis.routing_replay.replay`.

    Raises:
        SettingsError: the file is missing or wrong; the message says in which line.
    """
    if candidate:
        rules = read_candidate(Path(candidate), today=opened.rules or ())
        asked = [*rules, *(opened.rules or ())]
        tickets = routed_tickets(opened.warehouse, last=opened.week.week, weeks=opened.span, rules=asked)
    else:
        inside = opened.tickets["week"].isin(opened.weeks)
        rules, tickets = learn_rules(opened.tickets[~inside]), opened.tickets[inside]
    return replay_rules(opened.rules, rules, opened.fields(tickets))


def _misrouted_line(opened: Audit) -> Line:
    weeks = misrouted_weeks(opened, weeks=2 * opened.span)
    recent = weeks["week"].isin(opened.weeks).to_numpy()
    now = weeks[recent]
    wrong, judged = int(now["misrouted"].sum()), int(now["tickets"].sum())
    share, low, high = wilson(wrong, judged).iloc[0]
    shift = routing.misrouted_shift(weeks, recent).iloc[0]
    change = "" if np.isnan(shift["difference"]) else words.points(shift["difference"], "share")
    moved = bool(shift["low"] > 0 or shift["high"] < 0)
    return Line(
        label=f"Misrouted, last {opened.span} weeks",
        value=words.value(share, "share"),
        better="lower",
        change=change,
        signal=moved,
        note=f"{words.interval(low, high, 'share')}; against the {opened.span} weeks before"
        + (", more than chance" if moved else ""),
        spark=tuple(float(each) for each in weeks["share"]),
        unit="share",
    )


def _told(frame: pd.DataFrame, known: bool, missing: str = NO_MOVES) -> pd.DataFrame:
    """The frame, or none of it with the reason where the export does not tell."""
    if known:
        return frame
    found = frame.head(0)
    found.attrs["missing"] = missing
    return found
