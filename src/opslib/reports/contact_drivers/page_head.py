"""What stands on top of the contact drivers: what they come to, in a sentence, and three numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from opslib.analysis.contact_drivers.movers import ALL, UNLABELLED
from opslib.analysis.findings.quiet_pages import weeks_in_words
from opslib.display import words
from opslib.display.headline import Headline, Line, nothing_here
from opslib.display.verdicts import Verdict
from opslib.labels import label, phrase
from opslib.reports.contact_drivers.frames import NO_CANDIDATES, Drivers

_QUIET = nothing_here("No reason rose, and customers say nothing new")
_NAMED = 3


def headline(contacts: Drivers) -> Headline:
    """What the page comes to, and three numbers: tickets, reasons that moved, escalations proposed.

    What could not be judged is left out.
    """
    if contacts.weeks[-1:] != [contacts.week.week] or contacts.recent.empty:
        return Headline([], has_data=False, verdict="No tickets of this team in these weeks.")
    moved = _moved(contacts)
    lines = [_tickets_line(contacts)]
    if contacts.judges_reasons and contacts.has_labels:
        lines.append(_moved_line(moved[moved["contact_reason"] != ALL]))
    still_open = [
        f"{phrase('contact_reason', subject)} since {words.week_number(week)}"
        for subject, week in contacts.open_escalations.items()
    ]
    is_told = contacts.compares_texts or (contacts.judges_reasons and contacts.has_labels)
    if is_told or len(contacts.escalations) or still_open:
        lines.append(_proposed_line(contacts, still_open))
    return Headline(lines, has_data=True, verdict=_verdict(contacts, moved), lead=_lead(contacts))


def _moved(contacts: Drivers) -> pd.DataFrame:
    return contacts.movers[(contacts.movers["dimension"] == ALL) & contacts.movers["discovery"]]


def _verdict(contacts: Drivers, moved: pd.DataFrame) -> str:
    """What to act on first: an escalation, a reason that rose, a new phrase; else that there is nothing."""
    rows = contacts.escalations if len(contacts.escalations) else contacts.candidates[~contacts.is_relabelled]
    rows = rows[rows["excess_low"] > 0]
    if len(rows):
        first = rows.iloc[0]
        done = "an escalation is proposed" if len(contacts.escalations) else _said_before(contacts, first)
        name = str(first["subject"])
        subject = label("contact_reason", name) if first["kind"] == "reason" else f"“{name}”"
        return (
            f"{subject}: about {words.whole(first['excess'])} more tickets a week "
            f"since {words.day(str(first['onset_on']))}, {_level(first['before_per_week'])} before; {done}."
        )
    risen = moved[(moved["excess"] > 0) & ~moved["contact_reason"].isin([ALL, UNLABELLED])]
    if len(risen):
        first = risen.sort_values("excess", ascending=False).iloc[0]
        return (
            f"{label('contact_reason', first['contact_reason'])} rose this week: {words.whole(first['count'])} "
            f"tickets, {words.whole(first['expected'])} expected. Wait a week before it is escalated."
        )
    whole = moved[(moved["excess"] > 0) & (moved["contact_reason"] == ALL)]
    if len(whole):
        count, expected = (words.whole(whole.iloc[0][name]) for name in ("count", "expected"))
        alone = "no reason rose alone" if contacts.has_labels else "contact reasons are not in this export"
        return f"{count} tickets this week, {expected} expected; {alone}."
    if len(contacts.phrases):
        return f"No reason rose, but customers say something new: “{contacts.phrases['phrase'].iloc[0]}”."
    if not contacts.judges_reasons and not contacts.compares_texts:
        return NO_CANDIDATES
    if len(waiting := contacts.candidates[~contacts.is_relabelled]):
        name = str(waiting.iloc[0]["subject"])
        subject = label("contact_reason", name) if waiting.iloc[0]["kind"] == "reason" else f"“{name}”"
        return f"{subject} may have risen, which could be chance. Wait a week before it is escalated."
    return _QUIET


def _level(a_week: float) -> str:
    return words.whole(a_week) if round(a_week) else "none"


def _said_before(contacts: Drivers, row: pd.Series) -> str:
    before = contacts.open_candidates.get(row.name)
    week = contacts.open_escalations.get(str(before)) if isinstance(before, str) else None
    return f"its escalation was proposed in {words.week_number(week)}" if week else "wait a week before it is escalated"


def _lead(contacts: Drivers) -> str:
    tested = int(contacts.movers["p"].notna().sum())
    if not tested:
        return ""
    return (
        f"{words.whole(tested)} changes were judged. Where nothing had changed, {weeks_in_words('contact_drivers')} "
        "showed something all the same."
    )


def _tickets_line(contacts: Drivers) -> Line:
    whole = contacts.counts[(contacts.counts["dimension"] == ALL) & (contacts.counts["contact_reason"] == ALL)]
    spark = tuple(float(count) for count in whole["count"].iloc[-13:])
    own = _moved(contacts)
    is_signal = bool((own["contact_reason"] == ALL).any())
    return Line(
        label="Tickets held",
        value=words.whole(spark[-1]),
        change=words.movement(spark[-2], spark[-1], "count") if len(spark) > 1 else "",
        signal=is_signal,
        note="",
        spark=spark,
        chips=(Verdict("new", "New signal"),) if is_signal else (),
        facts=("by the week of creation, without spam, merged and deleted",),
        closed=tuple(contacts.week.closures(contacts.weeks[-len(spark) :])),
    )


def _moved_line(reasons: pd.DataFrame) -> Line:
    up, down = (
        [phrase("contact_reason", reason) for reason in reasons.loc[side, "contact_reason"]]
        for side in (reasons["excess"] > 0, reasons["excess"] <= 0)
    )
    sides = [("up", up), ("down", down)]
    return Line(
        label="Reasons that moved",
        value=words.whole(len(reasons)),
        change="",
        signal=bool(len(reasons)),
        note="",
        spark=(),
        chips=(Verdict("new", "New signal") if len(reasons) else Verdict("usual", "Usual"),),
        facts=tuple(f"{side}: {words.listed(_some(names))}" for side, names in sides if names),
    )


def _proposed_line(contacts: Drivers, still_open: Sequence[str]) -> Line:
    new = [phrase("contact_reason", subject) for subject in contacts.escalations["subject"]]
    avoidable = contacts.escalations["excess"].sum()
    facts = [f"first: {new[0]}", f"about {words.whole(avoidable)} avoidable tickets a week"] if new else []
    return Line(
        label="Escalations proposed",
        value=words.whole(len(new)),
        change="",
        signal=bool(new),
        note="",
        spark=(),
        chips=(Verdict("new", "New this week"),) if new else (),
        facts=(*facts, *([f"still open: {words.listed(_some(still_open))}"] if still_open else [])),
    )


def _some(names: Sequence[str]) -> list[str]:
    more = len(names) - _NAMED
    return [*names[:_NAMED], f"{more} more"] if more > 0 else list(names)
