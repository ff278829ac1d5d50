"""Groups of people that are too small to be shown, also by subtraction from the totals beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd


def few_people(minimum: int) -> str:
    """What stands in the place of groups that are too small.

    >>> few_people(5)
    'fewer than 5 people each'
    """
    return f"fewer than {minimum} people each"


def fold(
    rows: pd.DataFrame, groups: Sequence[str], *, minimum: int, totals: Sequence[Sequence[str]] = ((),)
) -> pd.DataFrame:
    """Put the groups of too few people together under one name, by the last of the columns that make them.

    Args:
        rows: as for `groups_to_hide`.
        groups: the columns that make a group together.
        minimum: how many people a group must have.
        totals: as for `groups_to_hide`.

    Returns:
        The rows, with `few_people` in the last column of those whose group must not be shown.
    """
    is_hidden = groups_to_hide(rows, groups, minimum=minimum, totals=totals)
    if not is_hidden.any():
        return rows
    return rows.assign(**{groups[-1]: rows[groups[-1]].astype("object").mask(is_hidden, few_people(minimum))})


def small_sums(sums: pd.DataFrame, *, minimum: float, few: Collection[object] = ()) -> pd.Series:
    """Tell which groups are too small by their sums, which are no fewer than the people behind them.

    Args:
        sums: one row per group, by its name, a column per stretch of time: how many cases.
        minimum: how many a group must have in each stretch in which it has any.
        few: the names of groups that are known to be of too few people.

    Returns:
        One bool per group: too few, or needed so that the sums of what is hidden are not too few themselves.

    >>> small_sums(pd.DataFrame({"before": [40.0, 9.0, 2.0], "after": [30.0, 6.0, 7.0]}), minimum=5).tolist()
    [False, True, True]
    """
    is_small = ((sums > 0) & (sums < minimum)).any(axis=1) | sums.index.isin(list(few))
    order = sums.sum(axis=1).sort_values(kind="stable").index
    while is_small.any() and not is_small.all():
        together = sums[is_small].sum()
        if is_small.sum() > 1 and not ((together > 0) & (together < minimum)).any():
            break
        is_small.loc[next(place for place in order if not is_small.loc[place])] = True
    return is_small


def distinct_people(rows: pd.DataFrame) -> pd.Series:
    """Number the people who wrote tickets: a ticket of nobody known is another person each time.

    Args:
        rows: one row per ticket: requester_id; without it each row is another person.

    Returns:
        A number per row, the same for the same person.

    >>> distinct_people(pd.DataFrame({"requester_id": ["a", "b", "a", None]})).tolist()
    [0, 1, 0, -4]
    """
    places = np.arange(len(rows))
    person = pd.factorize(rows["requester_id"])[0] if "requester_id" in rows else places
    return pd.Series(np.where(person >= 0, person, -1 - places), index=rows.index)


def mask_cells(rows: pd.DataFrame, columns: Sequence[str], *, minimum: int) -> pd.DataFrame:
    """Leave of each row only as many columns as do not make it one of too few people.

    Args:
        rows: one row per ticket: the columns, and requester_id as for `groups_to_hide`.
        columns: what may tell who somebody is, that first which is to be kept longest.
        minimum: how many people any combination of what is left must have.

    Returns:
        The rows, with `few_people` in place of what would make a combination of fewer people.
    """
    for place in range(len(columns)):
        rows = fold(rows, columns[: place + 1], minimum=minimum, totals=[columns[:place]])
    return rows


def groups_to_hide(
    rows: pd.DataFrame, groups: Sequence[str], *, minimum: int, totals: Sequence[Sequence[str]] = ((),)
) -> pd.Series:
    """Tell of which rows the group must not be shown.

    Args:
        rows: one row per ticket: the columns of `groups`, and requester_id; without it each row is another person.
        groups: the columns that make a group together; an empty value is a group too.
        minimum: how many people a group must have.
        totals: the columns, of `groups`, of each total that is shown beside the groups; `()` is the sum of all.

    Returns:
        One bool per row: its group has fewer people, or goes with such groups, because they could else be had from a
        total and the groups that are shown: what is hidden of any total has as many people as a group must have, or is
        all of it.

    Notes:
        Complementary suppression: the smallest of the shown groups of a total is hidden too, the first by name among
        equals, until enough people are, and so on for each total until none needs more.

    References:
        Hundepool, A. et al. (2012). Statistical Disclosure Control, chapter 4 (secondary suppression). Wiley.

    >>> tickets = pd.DataFrame({"reason": ["a"] * 9 + ["b"] * 6 + ["c"]})
    >>> hidden = groups_to_hide(tickets, ["reason"], minimum=5)
    >>> sorted(tickets.loc[hidden, "reason"].unique())
    ['b', 'c']
    """
    keys = list(groups)
    if rows.empty:
        return pd.Series(False, index=rows.index)
    code = rows.groupby(keys, dropna=False, sort=True, observed=True).ngroup()
    pairs = pd.DataFrame({"group": code, "person": distinct_people(rows)}).drop_duplicates()
    people = pairs.groupby("group").size().sort_index().to_numpy()
    hidden = people < minimum
    first = rows.assign(_group=code).drop_duplicates("_group").sort_values("_group")
    parts = [
        first.groupby(list(total), dropna=False, observed=True).ngroup().to_numpy()
        if total
        else np.zeros(len(first), dtype="int64")
        for total in totals
    ]
    # The smallest groups first, by name among equals.
    order = np.argsort(people, kind="stable")
    needs_more = bool(hidden.any())
    while needs_more:
        needs_more = False
        for part in parts:
            gone = pairs[hidden[pairs["group"]]]
            of_part = pd.DataFrame({"part": part[gone["group"]], "person": gone["person"]}).drop_duplicates()
            counts = np.bincount(of_part["part"], minlength=part.max() + 1)
            left = order[~hidden[order] & ((counts > 0) & (counts < minimum))[part[order]]]
            if len(left):
                hidden[left[np.unique(part[left], return_index=True)[1]]] = True
                needs_more = True
    return pd.Series(hidden[code], index=rows.index)
