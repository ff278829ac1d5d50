"""No group of fewer people than the minimum is shown, nor can it be had by subtraction from a total."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.methods.small_groups import fold, groups_to_hide, mask_cells, small_sums


def tickets(counts: dict[tuple[str, ...], int], names: tuple[str, ...] = ("reason",)) -> pd.DataFrame:
    """So many tickets of each group, each by another person."""
    rows = [group for group, count in counts.items() for _ in range(count)]
    return pd.DataFrame(rows, columns=list(names)).assign(requester_id=[f"p{n}" for n in range(len(rows))])


def hidden(rows: pd.DataFrame, *names: str, **options: object) -> set[object]:
    is_hidden = groups_to_hide(rows, list(names), minimum=5, **options)  # type: ignore[arg-type]
    return set(rows.loc[is_hidden, list(names)].itertuples(index=False, name=None))


def test_a_group_of_few_takes_the_smallest_other_with_it() -> None:
    assert hidden(tickets({("a",): 20, ("b",): 7, ("c",): 6, ("d",): 4}), "reason") == {("d",), ("c",)}


def test_of_equals_the_first_by_name_goes_too() -> None:
    assert hidden(tickets({("a",): 6, ("b",): 6, ("c",): 2}), "reason") == {("a",), ("c",)}


def test_groups_of_few_that_are_enough_together_take_no_other() -> None:
    assert hidden(tickets({("a",): 20, ("b",): 3, ("c",): 2}), "reason") == {("b",), ("c",)}


def test_people_are_counted_and_not_their_tickets() -> None:
    rows = tickets({("a",): 9, ("b",): 8, ("c",): 12})
    rows.loc[rows["reason"] == "c", "requester_id"] = "p1"
    rows.loc[rows.index[-1], "requester_id"] = None
    assert hidden(rows, "reason") == {("b",), ("c",)}
    assert hidden(rows.drop(columns="requester_id"), "reason") == set()


def test_nothing_is_hidden_where_no_group_is_small_and_all_where_all_are_few() -> None:
    assert hidden(tickets({("a",): 5, ("b",): 5}), "reason") == set()
    assert hidden(tickets({("a",): 2, ("b",): 1}), "reason") == {("a",), ("b",)}
    assert len(groups_to_hide(tickets({}), ["reason"], minimum=5)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_no_cell_can_be_had_from_the_totals_of_its_row_or_of_its_column(seed: int) -> None:
    """What is left of a total, less all that is shown of it, has as many people as a group must have, or none."""
    rng = np.random.default_rng(seed)
    counts = {cell: int(rng.choice([0, 1, 3, 7, 30])) for cell in product("abcde", "vwxyz")}
    rows = tickets(counts, ("reason", "channel"))
    rows["requester_id"] = rng.integers(0, 60, len(rows)).astype(str)
    is_hidden = groups_to_hide(rows, ["channel", "reason"], minimum=5, totals=[["channel"], ["reason"]])
    people = rows.groupby(["channel", "reason"])["requester_id"].nunique()
    shown = rows[~is_hidden].groupby(["channel", "reason"]).size().index
    assert (people[shown] >= 5).all()
    for total in ("channel", "reason"):
        left = rows[is_hidden].groupby(total)["requester_id"].nunique()
        whole = rows.groupby(total)["requester_id"].nunique()
        assert ((left >= 5) | (left == whole[left.index])).all()
        with_shown = rows.loc[~is_hidden, total].unique()
        assert (left[left.index.isin(with_shown)] >= 5).all()


def test_folded_groups_keep_the_total() -> None:
    folded = fold(tickets({("a",): 20, ("b",): 3, ("c",): 4}), ["reason"], minimum=5)["reason"].value_counts()
    assert folded.to_dict() == {"a": 20, "fewer than 5 people each": 7}


def test_what_is_left_of_the_columns_of_a_row_is_never_of_few_people() -> None:
    rng = np.random.default_rng(1)
    names = ["reason", "channel", "language"]
    rows = pd.DataFrame({name: rng.choice(list("aaaaabbbc"), 90) for name in names})
    rows["requester_id"] = np.arange(90).astype(str)
    masked = mask_cells(rows, names, minimum=5)
    assert (masked["reason"] == rows["reason"]).all(), "the column that is to be kept longest"
    for place in range(len(names)):
        assert (masked.groupby(names[: place + 1]).size() >= 5).all()


def test_sums_of_few_are_told_by_either_stretch() -> None:
    sums = pd.DataFrame({"before": [80.0, 30.0, 9.0, 0.0], "after": [8.0, 6.0, 2.0, 9.0]}, index=list("abcd"))
    assert list(sums.index[small_sums(sums, minimum=5)]) == ["c", "d"]
    assert list(sums.index[small_sums(sums, minimum=5, few=["a"])]) == ["a", "c"]
