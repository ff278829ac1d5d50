"""The sections of the routing audit: each function shows the frames of a question, with the answer in a sentence."""

from __future__ import annotations

import pandas as pd

from opslib import labels
from opslib.analysis.routing_audit.replay import Replay
from opslib.display import words
from opslib.display.cells import bullets, excerpt, is_known, paragraphs
from opslib.display.section import LeftOut, Section
from opslib.reports.findings import FindingsHandover
from opslib.reports.routing_audit import drawings, repair_points

NO_REPAIR = "No rule of this team would do better with another queue."
NO_CANDIDATE = (
    "There is no candidate. `opslib routing replay --rules mine.yml` writes today's rules to a file; change a line and "
    "run it again, and it says what that would have done."
)
_ROWS = 10


def repairs(frame: pd.DataFrame, joint: Replay | None, cost: pd.DataFrame) -> Section:
    """Rules that another queue would mend, with all repairs together and what a hand-over goes along with.

    Args:
        frame: of `rules_to_fix.repairs`.
        joint: of `frames.repaired_rules`.
        cost: of `frames.cost`.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", NO_REPAIR)))
    return Section(
        repair_points.points(frame),
        paragraphs(_longer(cost)),
        answer=" ".join(filter(None, ["Most harm first.", _together(joint)])),
    )


def other_faults(frame: pd.DataFrame) -> Section:
    """Other rules at fault, in one table.

    Args:
        frame: of `rules_to_fix.other_faults`.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", "No other rule is at fault.")))
    heads, rows = repair_points.faults(frame)
    worth = int(frame["is_worth"].sum())
    little = len(frame) - worth
    answer = [f"{words.number_of(worth, 'rule')} of other teams to fix"] if worth else []
    answer += [f"{words.number_of(little, 'rule')} with little or no harm"] if little else []
    text = f"{words.listed(answer)}; tickets made right and wrong are those of another queue."
    table = excerpt("Other rules at fault", heads, rows, most=_ROWS, plural="rules")
    return Section(table, answer=text[0].upper() + text[1:])


def wrong_queue(weeks: pd.DataFrame, total: pd.DataFrame) -> Section:
    """The misrouted share week by week; folded where it is as usual.

    Args:
        weeks: of `frames.misrouted_weeks`.
        total: of `frames.misrouted_total`.
    """
    if weeks.empty:
        return _nothing(weeks)
    if total.empty or not total["tickets"].iloc[0]:
        return LeftOut(drawings.NOTHING)
    row = total.iloc[0]
    share = words.estimate(row["share"], row["low"], row["high"], "share")
    before = f", {words.value(row['share_before'], 'share')} before" if is_known(row["share_before"]) else ""
    usual = "" if row["is_signal"] else "; that is usual"
    answer = f"{share} of {words.whole(row['tickets'])} tickets lately{before}{usual}."
    return Section(drawings.misrouted_weeks(weeks), answer=answer, folded=not row["is_signal"])


def signals(by_reason: pd.DataFrame, by_form: pd.DataFrame) -> Section:
    """Reasons and forms of which more was misrouted this week than before; folded where there is none.

    Args:
        by_reason: of `frames.signals`.
        by_form: the same by form.
    """
    frames = [frame for frame in (by_reason, by_form) if "missing" not in frame.attrs]
    if not frames:
        return _nothing(by_reason)
    names = [
        labels.label(str(frame.columns[0]), group)
        for frame in frames
        if len(frame)
        for group in frame.loc[frame["discovery"].astype(bool), frame.columns[0]]
    ]
    answer = f"{words.listed(names)}." if names else "Nothing that was judged."
    return Section(*map(drawings.signals, frames), answer=answer, folded=not names)


def places(by_reason: pd.DataFrame, by_form: pd.DataFrame, by_channel: pd.DataFrame) -> Section:
    """Reasons, forms and channels by their misrouted tickets, folded.

    Args:
        by_reason: of `frames.misrouted`.
        by_form: the same by form.
        by_channel: the same by channel.
    """
    if by_reason.empty and by_form.empty and by_channel.empty:
        return _nothing(by_reason)
    drawn = [drawings.misrouted(by_reason)]
    drawn += [drawings.misrouted_table(frame) for frame in (by_form, by_channel) if len(frame)]
    first = next(frame for frame in (by_reason, by_form, by_channel) if len(frame)).iloc[0]
    name = labels.label(str(first.index[0]), first.iloc[0])
    answer = f"{name} most: {words.whole(first['misrouted'])} of {words.whole(first['tickets'])}."
    return Section(*drawn, answer=answer, folded=True)


def travel(
    queue_moves: pd.DataFrame, team_moves: pd.DataFrame, transfers: pd.DataFrame, queues: pd.DataFrame
) -> Section:
    """How tickets move between queues and teams, folded.

    Args:
        queue_moves: of `frames.transitions`.
        team_moves: the same by team.
        transfers: of `frames.transfers`.
        queues: of `frames.queues`.
    """
    if "missing" in queue_moves.attrs and "missing" in transfers.attrs:
        return _nothing(queue_moves)
    if queue_moves.empty:
        return Section(drawings.transfers(transfers), drawings.queues(queues), folded=True)
    return Section(
        drawings.transitions(queue_moves),
        drawings.transitions_table(team_moves),
        drawings.transfers(transfers),
        drawings.queues(queues),
        answer=_most_moves(queue_moves),
        folded=True,
    )


def _most_moves(frame: pd.DataFrame) -> str:
    """Where most tickets that can be told of go; "" where all are of too few people."""
    is_few = frame[["origin", "destination"]].isin([frame.attrs.get("few")]).any(axis="columns")
    if is_few.all():
        return ""
    top = frame[~is_few].iloc[0]
    origin, destination = (labels.label("queue", top[side]) for side in ("origin", "destination"))
    return f"Most moves, {words.whole(top['moves'])}: {origin} to {destination}."


def cost(frame: pd.DataFrame) -> Section:
    """What a hand-over goes along with, folded.

    Args:
        frame: of `frames.cost`.
    """
    if frame.empty or not frame["exposed"].gt(0).any():
        return _nothing(frame)
    return Section(drawings.cost(frame), answer=_longer(frame).partition(";")[0], folded=True)


def before_after(frame: pd.DataFrame) -> Section:
    """Tickets before and after each change of a rule, folded.

    Args:
        frame: of `frames.before_after`.
    """
    if frame.empty:
        return _nothing(frame)
    changes = frame[["rule_id", "changed_at"]].drop_duplicates()
    said = [f"{row['rule_id']} on {words.full_day(row['changed_at'])}" for _, row in changes.iterrows()]
    return Section(drawings.before_after(frame), answer=f"{words.listed(said)}.", folded=True)


def lint(frame: pd.DataFrame) -> Section:
    """All that was seen in the rules, folded.

    Args:
        frame: of `frames.lint`.
    """
    if frame.empty and "missing" in frame.attrs:
        return _nothing(frame)
    counts = frame["severity"].value_counts()
    things = (("fault", "fault", "faults"), ("look", "to look at", "to look at"), ("note", "note", "notes"))
    said = [f"{counts[name]} {one if counts[name] == 1 else many}" for name, one, many in things if name in counts]
    return Section(drawings.lint(frame), answer=f"{words.listed(said)}." if said else "Nothing is wrong.", folded=True)


def load(joint: Replay | None) -> Section:
    """Which queues get more and which less with all repairs, folded.

    Args:
        joint: of `frames.repaired_rules`.
    """
    if joint is None:
        return LeftOut(NO_REPAIR)
    return Section(drawings.replay_load_table(joint), answer=_moved(joint), folded=True)


def limits(joint: Replay | None) -> Section:
    """What a replay of the repairs cannot tell, folded.

    Args:
        joint: of `frames.repaired_rules`.
    """
    if joint is None or not joint.warnings:
        return LeftOut(NO_REPAIR if joint is None else "This export has all that the replay needs.")
    return Section(bullets(joint.warnings), answer=f"{words.number_of(len(joint.warnings), 'limit')}.", folded=True)


def candidate(result: Replay | None) -> Section:
    """What a candidate rule set would have done.

    Args:
        result: of `frames.replay`.
    """
    if result is None:
        return LeftOut(NO_CANDIDATE)
    return Section(
        drawings.replay(result),
        drawings.replay_load(result),
        drawings.replay_load_table(result),
        drawings.replay_changes(result),
        drawings.replay_warnings(result),
        answer=_together(result, "the candidate"),
    )


def findings(handover: FindingsHandover) -> Section:
    """What the weekly review ranks beside missed goals, folded.

    Args:
        handover: of `findings.findings`.
    """
    return Section(handover, answer=f"{words.number_of(len(handover.rows), 'finding')}.".capitalize(), folded=True)


def _nothing(frame: pd.DataFrame) -> LeftOut:
    return LeftOut(str(frame.attrs.get("missing", drawings.NOTHING)))


def _together(joint: Replay | None, what: str = "all repairs together") -> str:
    """The misrouted share of all teams with some rules beside today's, and tickets made right and wrong."""
    if joint is None:
        return ""
    row = joint.summary.iloc[0]
    if not is_known(row["changed"]) or not is_known(row["misrouted_today"]):
        return ""
    return (
        f"With {what} {words.value(row['misrouted_candidate'], 'share')} of all teams' tickets "
        f"would go into a wrong queue first, now {words.value(row['misrouted_today'], 'share')}: "
        f"{words.whole(row['mended'])} made right, {words.whole(row['spoilt'])} made wrong."
    )


def _longer(cost: pd.DataFrame) -> str:
    """How much longer tickets take that are handed on, like with like; "" where that is not known."""
    rows = cost[(cost["outcome"] == "full_resolution") & (cost["unit"] == "times")] if len(cost) else cost
    if rows.empty or not is_known(rows["low"].iloc[0]):
        return ""
    row = rows.iloc[0]
    span = f"{words.decimal(row['low'], 1)}–{words.decimal(row['high'], 1)}"
    return (
        "Tickets of the same reason and priority that were handed on took "
        f"{words.decimal(row['adjusted'], 1)} times as long ({span}); that goes along with it, and is not proven to be "
        "caused by it."
    )


def _moved(joint: Replay) -> str:
    """The queue that gains most."""
    gains = joint.load.dropna(subset="difference").sort_values("difference", ascending=False, kind="stable")
    if gains.empty or gains["difference"].iloc[0] <= 0:
        return ""
    first = gains.iloc[0]
    return f"{labels.label('queue', first['queue'])} gets most more: {words.points(first['difference'], 'count')}."
