"""What another queue for a rule would have changed: rule by rule, and which of these repairs are worth it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import xlogy

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.methods.small_groups import distinct_people
from opslib.analysis.routing_audit.replay import misrouted_in
from opslib.analysis.routing_audit.rules import Rule, TicketFields, in_order, queues_of, route

COLUMNS = (
    *("rule_id", "rule", "queue", "better_queue", "queue_before", "tickets", "solved", "elsewhere", "mended", "spoilt"),
    *("a_week", "weeks", "is_worth", "since"),
)
_NUMBERS = ("tickets", "solved", "elsewhere", "mended", "spoilt", "a_week")
_LEAST_A_WEEK = 1.0
_LEAST_MENDED = 2 / 3  # of those that a repair mends or spoils
_STEP = 10.0  # of twice the log-likelihood: where the best of many weeks is picked, one in twenty reaches about nine


def repairs(
    rules: Iterable[Rule], fields: TicketFields, *, start: pd.Timestamp, end: pd.Timestamp, minimum_group: int
) -> pd.DataFrame:
    """Try for each rule in force the queue that solves most of its tickets.

    Args:
        rules: all versions of all rules.
        fields: tickets of the past as they were at their creation, with first_queue and solved_queue.
        start: from here on tickets are counted.
        end: up to here, and the instant whose rules are repaired.
        minimum_group: how many people must have written a rule's tickets for its numbers to be shown.

    Returns:
        A row per rule in force, the most harm first: rule_id, rule (its name in words), queue, better_queue (the queue,
        other than its own, that solves most; "" for none), queue_before (that of the version before; "" for none);
        tickets, solved, elsewhere (solved in another queue than it sends to), mended and spoilt by the repair; a_week
        (mended less spoilt, a week of those in which it was in force); weeks (how many these are); is_worth; since (the
        instant from which on it sends more elsewhere, NaT where it always did or nothing tells). Numbers of too
        few people are missing.

    Notes:
        Each version meets the tickets of its time; the repair is of the version in force at the end. A repair is worth
        it where it mends a ticket a week more than it spoils, and surely two for each that it spoils: a 95% Wilson
        bound of the share mended among those that it mends or spoils is above two thirds. A rule for what nothing else
        fits has tickets of every kind, so that any other queue mends some of them and spoils nearly as many. A rule
        that was given another queue is broken since then; of others the weeks are split where that explains most (the
        larger likelihood of two binomial shares).
    """
    versions = in_order(rules)
    tickets = _decided(versions, fields, end)
    live = [place for place, rule in enumerate(versions) if rule.active(end - pd.Timedelta(seconds=1))]
    by_place = dict(list(tickets[tickets["place"].isin(live)].groupby("place")))
    rows = [_repair(versions, place, by_place.get(place, tickets.head(0)), start, end, minimum_group) for place in live]
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(_NUMBERS, "float64") | {"is_worth": "bool"})
    harm = frame["a_week"].fillna(-np.inf)
    return frame.loc[harm.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def tickets_of_rule(
    rules: Iterable[Rule], fields: TicketFields, rule_id: str, *, start: pd.Timestamp, end: pd.Timestamp
) -> pd.DataFrame:
    """The tickets that `repairs` counts of one rule: those that its version in force has decided.

    Args:
        rules: all versions of all rules.
        fields: as `repairs` takes them.
        rule_id: the rule.
        start: from here on tickets are counted.
        end: up to here.

    Returns:
        place (of the row in the fields' tickets), person, solved_queue, is_wrong (Boolean: solved in another queue than
        it was sent to; missing where that is not known).
    """
    versions = in_order(rules)
    at = end - pd.Timedelta(seconds=1)
    own = [place for place, rule in enumerate(versions) if rule.rule_id == rule_id and rule.active(at)]
    tickets = _decided(versions, fields, end)
    tickets = tickets[tickets["place"].isin(own) & (tickets["created_at"] >= start)]
    return tickets.drop(columns=["place", "created_at"]).rename_axis("place").reset_index()


def _decided(versions: Sequence[Rule], fields: TicketFields, end: pd.Timestamp) -> pd.DataFrame:
    """The tickets up to an instant that any version has decided, with its place among them."""
    places = route(versions, fields)
    known = (
        fields.tickets if fields.knows("requester_id") else fields.tickets.drop(columns="requester_id", errors="ignore")
    )
    tickets = pd.DataFrame(
        {
            "place": places,
            "created_at": fields.tickets["created_at"],
            "person": distinct_people(known).to_numpy(),
            "solved_queue": fields.tickets["solved_queue"].astype("str"),
            "is_wrong": misrouted_in(queues_of(versions, places), fields).to_numpy(),
        }
    )
    return tickets[(places >= 0) & (tickets["created_at"] < end).to_numpy()]


def repaired(rules: Iterable[Rule], queues: dict[str, str], *, end: pd.Timestamp) -> list[Rule]:
    """The rules with another queue for some.

    Args:
        rules: all versions of all rules.
        queues: the new queue of a rule, by its name.
        end: the versions in force just before are changed, others stay as they were.
    """
    at = end - pd.Timedelta(seconds=1)
    return [
        replace(rule, queue=queues[rule.rule_id]) if rule.rule_id in queues and rule.active(at) else rule
        for rule in in_order(rules)
    ]


def _repair(
    versions: Sequence[Rule],
    place: int,
    tickets: pd.DataFrame,
    start: pd.Timestamp,
    end: pd.Timestamp,
    minimum_group: int,
) -> dict[str, object]:
    """The row of one rule, of the tickets that its version in force got."""
    rule = versions[place]
    before = [each for each in versions if each.rule_id == rule.rule_id and each.active_to == rule.active_from]
    own = tickets[tickets["created_at"] >= start]
    begun = start if rule.active_from is None else max(start, rule.active_from)
    weeks = max((end - begun) / pd.Timedelta(days=7), 1 / 7)
    solved = own["solved_queue"].value_counts().drop(rule.queue, errors="ignore")
    better = str(solved[solved == solved.max()].index.min()) if len(solved) else ""
    is_wrong = own["is_wrong"].fillna(False).astype(bool)
    mended = int((is_wrong & (own["solved_queue"] == better)).sum())
    spoilt = int((own["solved_queue"] == rule.queue).sum()) if better else 0
    is_few = 0 < own["person"].nunique() < minimum_group
    a_week = (mended - spoilt) / weeks
    counts = (len(own), int(own["solved_queue"].notna().sum()), int(is_wrong.sum()), mended, spoilt, a_week)
    return {
        "rule_id": rule.rule_id,
        "rule": rule.name,
        "queue": rule.queue,
        "better_queue": "" if is_few else better,
        "queue_before": before[0].queue if before and rule.active_from is not None else "",
        **(dict.fromkeys(_NUMBERS, np.nan) if is_few else dict(zip(_NUMBERS, counts, strict=True))),
        "weeks": weeks,
        "is_worth": not is_few and a_week >= _LEAST_A_WEEK and _lower_bound(mended, mended + spoilt) > _LEAST_MENDED,
        "since": _since(rule, before, tickets, end),
    }


def _since(rule: Rule, before: Sequence[Rule], tickets: pd.DataFrame, end: pd.Timestamp) -> pd.Timestamp | None:
    """From when on a rule sends more elsewhere: its change of queue, else the week that splits its weeks best."""
    if rule.active_from is not None and before and before[0].queue != rule.queue:
        return rule.active_from
    judged = tickets[tickets["is_wrong"].notna()]
    if judged.empty:
        return None
    days = (end - judged["created_at"]).dt.days.to_numpy()
    weeks = days.max() // 7 - days // 7
    total = np.bincount(weeks).astype("float64")
    wrong = np.bincount(weeks, judged["is_wrong"].to_numpy(dtype="float64"))
    earlier_total, earlier_wrong = total.cumsum()[:-1], wrong.cumsum()[:-1]
    later_total, later_wrong = total.sum() - earlier_total, wrong.sum() - earlier_wrong
    if not len(earlier_total):
        return None
    split = _likelihood(earlier_wrong, earlier_total) + _likelihood(later_wrong, later_total)
    gain = 2 * (split - _likelihood(wrong.sum(), total.sum()))
    gain = np.where(later_wrong * earlier_total > earlier_wrong * later_total, gain, 0)
    best = int(gain.argmax())
    return end - (len(gain) - best) * pd.Timedelta(days=7) if gain[best] > _STEP else None


def _likelihood(part: npt.ArrayLike, whole: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The logarithm of the largest likelihood of binomial shares."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.asarray(xlogy(part, share) + xlogy(whole - part, 1 - share))


def _lower_bound(part: int, whole: int) -> float:
    """The lower end of the 95% interval of a share."""
    return float(wilson(part, whole)["low"].iloc[0]) if whole else 0.0
