"""Why customers write: reasons with how long each waited for us, and the forms on which a choice goes wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from opslib.analysis.contact_drivers.movers import ALL, UNLABELLED
from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.analysis.methods.intervals import newcombe_difference, poisson_rate, wilson
from opslib.analysis.methods.small_groups import few_people, groups_to_hide

HOUR = 3600.0
OUTCOMES = {
    "misrouted": "solved in another queue than the first",
    "labelled_other": "labeled as a catch-all reason",
    "asked_back": "first reply asks for more information",
}
_CATCH_ALL = ("other", "others", "misc", "miscellaneous", "general", "unknown", "n/a")


def pareto(
    tickets: pd.DataFrame, *, minimum_group: int, activity: pd.DataFrame | None = None, by: str | None = None
) -> pd.DataFrame:
    """Rank contact reasons by their tickets, with the hours that these waited with us.

    Args:
        tickets: one row per ticket: contact_reason, requester_id, agent_work_business_seconds, reopens, satisfied (1.0,
            0.0, or NaN where no survey was answered), and the column named by `by`. A column that the export lacks may
            be left out, all but contact_reason.
        minimum_group: reasons, and values of `by`, of fewer requesters are summed as `fewer than … people each`, and
            so are the next larger ones where the sums would else tell a smaller group.
        activity: active users of the same stretch: users, and the column `by` where there is one (week and
            other columns are summed over). None: the rate is left out.
        by: a column such as channel, language or region: a ranking within each of its values; None: one for all.

    Returns:
        The column `by` (`all` without one), contact_reason, tickets, share, cumulative_share, waited_hours (business
        hours for which the tickets were new or open, those of open ones so far: waiting, not work), waited_share,
        waited_hours_per_ticket, reopens, answered, dissatisfied, dissatisfied_share with dissatisfied_low and
        dissatisfied_high (Wilson 95%), per_1000, per_1000_low, per_1000_high (tickets per 1,000 active users, exact
        Poisson 95%), folded (how many reasons the row sums).
        What the export lacks is NaN. The folded row stands last.
    """
    if minimum_group < 1:
        raise ValueError(f"minimum_group must be at least 1, not {minimum_group}")
    group = by or ALL
    rows = tickets.reset_index(drop=True)
    fold = few_people(minimum_group)
    labels = _labels(rows, by, minimum_group)
    is_few = labels["contact_reason"] == fold
    facts = pd.DataFrame(
        {
            **labels,
            "hours": _number(rows, "agent_work_business_seconds") / HOUR,
            "reopens": _number(rows, "reopens"),
            "answered": _number(rows, "satisfied").notna().astype(np.float64),
            "dissatisfied": (_number(rows, "satisfied") == 0).astype(np.float64),
        }
    )
    keys = [group, "contact_reason"]
    reasons = rows["contact_reason"].astype("str").fillna(UNLABELLED)
    folded = reasons[is_few].groupby(labels.loc[is_few, group]).nunique()
    sums = facts.groupby(keys, observed=True).agg(
        tickets=("hours", "size"),
        waited_hours=("hours", _sum),
        reopens=("reopens", _sum),
        answered=("answered", "sum"),
        dissatisfied=("dissatisfied", "sum"),
    )
    frame = sums.reset_index()
    is_folded = frame["contact_reason"] == fold
    frame["folded"] = frame[group].map(folded).where(is_folded).fillna(0).astype(np.int64)
    last = frame["contact_reason"] == fold
    frame = frame.assign(last=last).sort_values(
        [group, "last", "tickets", "contact_reason"], ascending=[True, True, False, True], kind="stable"
    )
    total = frame.groupby(group)[["tickets", "waited_hours"]].transform("sum")
    frame["share"] = frame["tickets"] / total["tickets"]
    frame["cumulative_share"] = frame.groupby(group)["tickets"].cumsum() / total["tickets"]
    frame["waited_share"] = frame["waited_hours"] / total["waited_hours"].where(total["waited_hours"] > 0)
    frame["waited_hours_per_ticket"] = frame["waited_hours"] / frame["tickets"]
    if not _number(rows, "satisfied").notna().any():
        frame[["answered", "dissatisfied"]] = np.nan
    frame = frame.reset_index(drop=True)
    unhappy = wilson(frame["dissatisfied"].fillna(0), frame["answered"].fillna(0))
    frame[["dissatisfied_share", "dissatisfied_low", "dissatisfied_high"]] = unhappy.to_numpy()
    frame[["per_1000", "per_1000_low", "per_1000_high"]] = _rates_per_user(frame, activity, by)
    columns = [group, "contact_reason", "tickets", "share", "cumulative_share", "waited_hours", "waited_share"]
    columns += ["waited_hours_per_ticket", "reopens", "answered", "dissatisfied", "dissatisfied_share"]
    columns += ["dissatisfied_low", "dissatisfied_high", "per_1000", "per_1000_low", "per_1000_high", "folded"]
    return frame[columns]


def _labels(rows: pd.DataFrame, by: str | None, minimum_group: int) -> pd.DataFrame:
    """The group and the reason of each ticket, those of too few people under one name."""
    group, fold = by or ALL, few_people(minimum_group)
    person = rows[["requester_id"]] if "requester_id" in rows else rows[[]]
    labels = person.assign(
        **{group: rows[by].astype("str").fillna("not given") if by else ALL},
        contact_reason=rows["contact_reason"].astype("str").fillna(UNLABELLED),
    )
    if by:
        labels[group] = labels[group].mask(groups_to_hide(labels, [group], minimum=minimum_group), fold)
    # Beside the reasons of each group stand the group's own total and, on the same page, those of each reason.
    totals = [[group], ["contact_reason"]] if by else [()]
    is_few = groups_to_hide(labels, [group, "contact_reason"], minimum=minimum_group, totals=totals)
    return labels.assign(contact_reason=labels["contact_reason"].mask(is_few, fold))[[group, "contact_reason"]]


def is_catch_all(reasons: pd.Series) -> pd.Series:
    """Which labels say nothing of the matter: other, misc, general, unknown, or none.

    Args:
        reasons: labels.

    Returns:
        One bool per label.

    >>> is_catch_all(pd.Series(["refund", "Other", "other_request", None])).tolist()
    [False, True, True, True]
    """
    names = reasons.astype("str").str.lower().str.strip()
    words = names.str.replace(r"[\s_\-/:].*", "", regex=True)
    return cast(pd.Series, reasons.isna() | names.isin(_CATCH_ALL) | words.isin(_CATCH_ALL[:4]))


def form_choices(
    tickets: pd.DataFrame,
    *,
    minimum_group: int,
    choices: Sequence[Sequence[str]] = (
        ("form",),
        ("form", "contact_reason"),
        ("channel",),
        ("language",),
        ("region",),
    ),
    fewest: int = 30,
    rate: float = 0.10,
) -> pd.DataFrame:
    """Test which choices on a form go with misrouting, with a catch-all reason, or with a reply that asks back.

    Args:
        tickets: one row per ticket: the columns of `choices`, contact_reason, requester_id, and the outcomes misrouted,
            labelled_other and asked_back as 1.0, 0.0 or NaN (not known, or not in this export).
        minimum_group: choices that fewer requesters made are left out, with the next larger one where all others
            together would else tell them.
        choices: columns whose values, alone or together, are a choice; those that the export lacks are left out.
        fewest: choices of fewer tickets are left out.
        rate: false discovery rate over all choices and outcomes.

    Returns:
        One row per choice and outcome: choice (`form`, `form, contact_reason`), value, outcome, tickets, hits, share,
        low, high (Wilson 95%), others_share (all other tickets with that field filled in), difference, difference_low,
        difference_high (Newcombe 95%), p, q, discovery, extra (hits beyond the others' share), largest extra first.
        A choice of reason is not tested for being a catch-all.

    Notes:
        p is that of `fisher_mid_p`. The score test is far off in the upper tail of a choice of a dozen tickets, and
        accused some choice in one case of six where outcomes fell at random.
    """
    columns = ["choice", "value", "outcome", "tickets", "hits", "share", "low", "high", "others_share", "difference"]
    columns += ["difference_low", "difference_high", "p", "q", "discovery", "extra"]
    outcomes = {name: _number(tickets, name).to_numpy() for name in OUTCOMES if name in tickets}
    person = pd.factorize(tickets["requester_id"])[0] if "requester_id" in tickets else np.arange(len(tickets))
    parts = []
    for fields in choices:
        if any(name not in tickets or tickets[name].notna().sum() == 0 for name in fields):
            continue
        value, names = _choices(tickets, fields)
        parts += [
            _counts_of_choices(value, names, person, outcome, minimum_group, fewest).assign(
                choice=", ".join(fields), outcome=name
            )
            for name, outcome in outcomes.items()
            if name != "labelled_other" or "contact_reason" not in fields
        ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(parts, ignore_index=True)
    own = (frame["hits"], frame["tickets"])
    others = (frame["other_hits"], frame["other_tickets"])
    frame[["share", "low", "high"]] = wilson(*own)[["share", "low", "high"]].to_numpy()
    frame["others_share"] = frame["other_hits"] / frame["other_tickets"]
    gap = newcombe_difference(*own, *others)
    frame[["difference", "difference_low", "difference_high"]] = gap[["difference", "low", "high"]].to_numpy()
    frame["p"] = fisher_mid_p(*own, *others)
    frame["extra"] = frame["hits"] - frame["tickets"] * frame["others_share"]
    test = benjamini_hochberg(frame["p"], rate=rate)
    frame["q"] = test["q"]
    frame["discovery"] = test["discovery"] & (frame["difference"] > 0)
    return frame.sort_values(["discovery", "extra"], ascending=False, kind="stable", ignore_index=True)[columns]


def fisher_mid_p(
    hits: npt.ArrayLike, tickets: npt.ArrayLike, other_hits: npt.ArrayLike, other_tickets: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Two-sided mid-p of Fisher's exact test of two by two tables: twice the smaller tail, given the margins.

    Args:
        hits: of each group, shape (n,).
        tickets: size of the group.
        other_hits: of all others.
        other_tickets: how many these are.

    Returns:
        Shape (n,).

    References:
        Lancaster, H. O. (1961). Significance tests in discrete distributions. Journal of the American Statistical
        Association 56, 223-234. Agresti, A. (2013). Categorical Data Analysis, 3rd edition, section 3.5.

    >>> fisher_mid_p([3], [4], [1], [4]).round(4).tolist()  # three of four cups of tea right (Fisher 1935)
    [0.2571]
    """
    own, size, others, other_size = (
        np.asarray(each, dtype=np.int64) for each in (hits, tickets, other_hits, other_tickets)
    )
    chance = stats.hypergeom(size + other_size, own + others, size)
    half = chance.pmf(own) / 2
    p: npt.NDArray[np.float64] = np.minimum(1.0, 2 * np.minimum(chance.sf(own) + half, chance.cdf(own - 1) + half))
    return p


def _choices(tickets: pd.DataFrame, fields: Sequence[str]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.object_]]:
    """The number of each ticket's choice in the order of their names, -1 where a field is empty; and the names."""
    value = tickets[fields[0]].astype("str")
    for field in fields[1:]:
        value = value + " · " + tickets[field].astype("str")
    code, names = pd.factorize(value, sort=True)
    return code, np.asarray(names, dtype=object)


def _counts_of_choices(
    value: npt.NDArray[np.intp],
    names: npt.NDArray[np.object_],
    person: npt.NDArray[np.intp],
    outcome: npt.NDArray[np.float64],
    minimum_group: int,
    fewest: int,
) -> pd.DataFrame:
    """Tickets and hits of each choice and of all others, where enough people chose it."""
    complete = (value >= 0) & ~np.isnan(outcome)
    value, person, outcome = value[complete], person[complete], outcome[complete]
    tickets, hits = np.bincount(value, minlength=len(names)), np.bincount(value, outcome, minlength=len(names))
    each = np.unique(value * (np.int64(person.max(initial=0)) + 1) + person)
    people = np.bincount(each // (np.int64(person.max(initial=0)) + 1), minlength=len(names))
    is_shown = people >= minimum_group
    if (people[~is_shown] > 0).any():
        rows = pd.DataFrame({"value": value, "requester_id": person})
        is_shown[np.unique(value[groups_to_hide(rows, ["value"], minimum=minimum_group)])] = False
    large = np.flatnonzero(is_shown & (tickets < tickets.sum()) & (tickets >= fewest))
    return pd.DataFrame(
        {
            "value": names[large],
            "tickets": tickets[large],
            "hits": hits[large].astype(np.int64),
            "other_tickets": tickets.sum() - tickets[large],
            "other_hits": hits.sum() - hits[large],
        }
    )


def _rates_per_user(frame: pd.DataFrame, activity: pd.DataFrame | None, by: str | None) -> np.ndarray:
    if activity is None or (by is not None and by not in activity):
        return np.full((len(frame), 3), np.nan)
    if by is None:
        users = pd.Series(float(activity["users"].sum()), index=frame.index)
    else:
        users = frame[by].map(activity.groupby(activity[by].astype("str"))["users"].sum()).astype(np.float64)
    rates = poisson_rate(frame["tickets"], users.where(users > 0), per=1000)
    return rates.to_numpy()


def _number(rows: pd.DataFrame, column: str) -> pd.Series:
    if column not in rows:
        return pd.Series(np.nan, index=rows.index)
    return rows[column].astype(np.float64)


def _sum(values: pd.Series) -> float:
    return float(values.sum(min_count=1))
