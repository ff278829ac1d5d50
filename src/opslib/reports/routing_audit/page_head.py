"""What stands on top of the routing audit: what it comes to, in a sentence, and three numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opslib import labels
from opslib.analysis.methods.intervals import wilson
from opslib.display import words
from opslib.display.headline import Headline, Line, nothing_here
from opslib.display.verdicts import Verdict
from opslib.reports.routing_audit.frames import Audit, misrouted_total, misrouted_weeks, repaired_rules, signals
from opslib.reports.routing_audit.rules_to_fix import repairs

NOTHING_TOLD = "This export does not tell how tickets were routed: it has no events with queues and no routing rules."
_TRUSTED = 0.95
_NO_RULE = "No rule of this team needs fixing"
_ASK = "Ask whoever exports the CRM for either, put the files into the export folder and run `make weekly`."


def headline(audit: Audit) -> Headline:
    """What the page comes to, and the numbers that stand above it."""
    if audit.own.empty:
        return Headline([], has_data=False, verdict="No tickets of this team in these weeks.")
    if audit.rules is None and not audit.has_first_queues:
        lines = [_tickets_line(audit), *_transfer_lines(audit.own)]
        return Headline(lines, has_data=True, verdict=NOTHING_TOLD, lead=_ASK)
    lines = [_misrouted_line(audit) if audit.has_first_queues else _tickets_line(audit)]
    if audit.rules is None:
        verdict = f"{lines[0].value} of the tickets went into a wrong queue first; no rule can be named for it."
        lead = "This export has no routing rules. Where tickets go wrong is below."
        return Headline([*lines, *_transfer_lines(audit.own)], has_data=True, verdict=verdict, lead=lead)
    worth, joint = repairs(audit), repaired_rules(audit)
    lines.append(_harm_line(worth.iloc[0]) if len(worth) else _faultless_line())
    if joint is not None:
        row = joint.summary.iloc[0]
        if pd.notna(row["changed"]) and pd.notna(row["misrouted_today"]):
            lines.append(_joint_line(audit, row))
    lines += _transfer_lines(audit.own)[: 3 - len(lines)]
    return Headline(lines, has_data=True, verdict=_verdict(audit, worth), lead=_lead(audit, worth))


def _verdict(audit: Audit, worth: pd.DataFrame) -> str:
    """How many rules are worth fixing, and what the first of them would have changed; else what else went wrong."""
    if worth.empty:
        return _more_wrong(audit) or nothing_here(_NO_RULE)
    first = worth.iloc[0]
    count = words.number_of(len(worth), "rule")
    start = (
        f"One rule is worth fixing, {first['rule_id']}:"
        if len(worth) == 1
        else f"{count[0].upper()}{count[1:]} are worth fixing. {first['rule_id']} alone:"
    )
    return (
        f"{start} {words.whole(first['mended'])} tickets would have gone right instead of wrong in "
        f"{words.number_of(audit.span, 'week')}, {words.whole(first['spoilt'])} wrong instead of right."
    )


def _more_wrong(audit: Audit) -> str:
    """What of this week was sent wrong more often than before though no rule needs fixing; "" for nothing."""
    for by in ("contact_reason", "form"):
        tests = signals(audit, by=by)
        for _, row in tests[tests["discovery"].astype(bool)].head(1).iterrows():
            share, before = (words.value(row[name], "share") for name in ("share", "share_before"))
            return (
                f"{share} of the tickets with {labels.phrase(by, row[by])} went into a wrong queue first, {before} "
                f"before. {_NO_RULE}."
            )
    total = misrouted_total(audit)
    if total["is_signal"].any() and (total["difference"] > 0).any():
        return f"More tickets than before went into a wrong queue first. {_NO_RULE}."
    return ""


def _lead(audit: Audit, worth: pd.DataFrame) -> str:
    """What was tried on which tickets, how far that can be trusted, and that rules of other teams need fixing."""
    tried = audit.repairs
    tickets = int(tried["tickets"].sum())
    others = tried[tried["is_worth"] & ~tried["ours"]]
    sentences = []
    if len(worth):
        sentences.append(
            f"{'The' if len(worth) == 1 else 'Each'} repair is the queue that solves most of the rule's tickets, tried "
            f"on the {words.whole(tickets)} tickets of the last {words.number_of(audit.span, 'week')}."
        )
    if len(others):
        name = words.listed(list(others["rule_id"]))
        sentences.append(f"{name} of {'another team' if len(others) == 1 else 'other teams'} should be fixed.")
    if not audit.has_first_queues:
        sentences.append("No event says where tickets really went; this is where the rules send them.")
    share = _as_it_was(audit)
    if share < _TRUSTED:
        sentences.append(
            f"Take it with care: these rules send only {words.value(share, 'share')} of the tickets where they really "
            "went."
        )
    return " ".join(sentences)


def _as_it_was(audit: Audit) -> float:
    """The share of tickets that the rules send where they really went; 1 where nothing tells."""
    joint = repaired_rules(audit)
    return 1.0 if joint is None else float(np.nan_to_num(joint.summary["as_it_was"].iloc[0], nan=1.0))


def _tickets_line(audit: Audit) -> Line:
    return Line("Tickets", words.whole(len(audit.own)), "", False, "no event tells their first queue", ())


def _misrouted_line(audit: Audit) -> Line:
    """The misrouted share of the audit's weeks against as many before."""
    row = misrouted_total(audit).iloc[0]
    is_signal = bool(row["is_signal"])
    is_known = pd.notna(row["share_before"])
    before = f"{words.value(row['share_before'], 'share')} in the {words.number_of(audit.span, 'week')} before"
    return Line(
        label="Tickets in a wrong queue first",
        value=words.value(row["share"], "share"),
        change="" if pd.isna(row["difference"]) else words.points(row["difference"], "share"),
        signal=is_signal,
        note="",
        spark=tuple(float(each) for each in misrouted_weeks(audit, weeks=2 * audit.span)["share"]),
        unit="share",
        chips=(Verdict("outside", "Outside its usual range") if is_signal else Verdict("usual", "Usual"),),
        facts=(
            f"{words.whole(row['misrouted'])} of {words.whole(row['tickets'])}, last "
            f"{words.number_of(audit.span, 'week')}",
            *([before] if is_known else []),
        ),
    )


def _harm_line(row: pd.Series) -> Line:
    """How many tickets a week the rule that does most harm sends wrong."""
    a_week = row["elsewhere"] / row["weeks"]
    since = f"since {words.day(row['since'])}" if row["since"] else f"ever since {words.day(row['begins'])}"
    target = labels.label("queue", row["queue"])
    return Line(
        label=f"Sent wrong by {row['rule_id']}",
        value=f"{words.whole(round(a_week))} a week",
        change="",
        signal=False,
        note="",
        spark=(),
        facts=(f"to {target}, {since}", f"{words.whole(row['elsewhere'])} of {words.whole(row['solved'])} solved"),
    )


def _faultless_line() -> Line:
    return Line("Rules to fix", "0", "", False, "no other queue would do better for any", ())


def _joint_line(audit: Audit, row: pd.Series) -> Line:
    """The misrouted share of all teams with all repairs together."""
    count = int(audit.repairs["is_worth"].sum())
    return Line(
        label=f"All teams, with {_the_repairs(count)}",
        value=words.value(row["misrouted_candidate"], "share"),
        change=f"from {words.value(row['misrouted_today'], 'share')}",
        signal=False,
        note="",
        spark=(),
        facts=(
            f"{words.whole(row['mended'])} made right, {words.whole(row['spoilt'])} made wrong",
            f"in {words.number_of(audit.span, 'week')}",
        ),
    )


def _the_repairs(count: int) -> str:
    return "the repair" if count == 1 else "both repairs" if count == 2 else f"all {count} repairs"


def _transfer_lines(tickets: pd.DataFrame) -> list[Line]:
    """The shares of tickets that were handed on, and that came back to a queue they had left, where that is known."""
    lines = []
    for label, column in (("Handed on at least once", "transfers"), ("Came back to a queue", "ping_pongs")):
        counts = tickets[column].dropna()
        if counts.empty:
            continue
        share, low, high = wilson(int((counts > 0).sum()), len(counts)).iloc[0]
        note = f"{words.interval(low, high, 'share')} of {words.whole(len(counts))} tickets"
        lines.append(Line(label, words.value(share, "share"), "", False, note, ()))
    return lines
