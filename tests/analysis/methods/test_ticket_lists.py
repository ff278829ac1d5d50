"""What a list of tickets names of them is never of too few people, one column or all together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from opslib.analysis.methods.small_groups import few_people
from opslib.analysis.methods.ticket_lists import GROUPS, groups_to_name

MINIMUM = 5
FEW = few_people(MINIMUM)


def tickets(count: int, seed: int) -> pd.DataFrame:
    """Tickets of half as many people; a tenth of the reasons is not told."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({name: rng.choice(list("aaaaaaabbbcd"), count) for name in GROUPS}).astype("object")
    rows["contact_reason"] = rows["contact_reason"].mask(rng.random(count) < 0.1)
    return rows.assign(requester_id=rng.integers(0, count // 2, count).astype(str))


def test_what_is_named_together_is_of_people_enough_and_so_is_what_is_hidden():
    own = tickets(300, seed=1)
    masked = groups_to_name(own, minimum=MINIMUM).masked(own).fillna("(none)")
    own = own.fillna("(none)")
    is_hidden = masked == FEW
    assert is_hidden.any().any()
    assert not is_hidden[list(GROUPS)].all(axis=1).all()
    for count in range(1, len(GROUPS) + 1):
        for names in combinations(GROUPS, count):
            columns = list(names)
            people = own.groupby(columns)["requester_id"].nunique()
            for key, _ in masked[~is_hidden[columns].any(axis=1)].groupby(columns):
                assert people.loc[key if count > 1 else key[0]] >= MINIMUM, key
    for place in range(len(GROUPS)):
        columns = list(GROUPS[: place + 1])
        assert (masked.groupby(columns)["requester_id"].nunique() >= MINIMUM).all()


def test_what_nobody_wrote_to_the_team_is_not_named_of_tickets_that_it_gave_away():
    own = pd.DataFrame({"queue": ["a"] * 9, "contact_reason": ["x"] * 9, "requester_id": list("123456789")})
    hiding = groups_to_name(own, minimum=MINIMUM)
    elsewhere = pd.DataFrame({"queue": ["a", "a", "b"], "contact_reason": ["x", "y", "x"]})
    assert hiding.masked(elsewhere).to_numpy().tolist() == [["a", "x"], ["a", FEW], [FEW, FEW]]
    assert hiding.masked(elsewhere.head(0)).empty
    assert groups_to_name(own[["requester_id"]], minimum=MINIMUM).masked(elsewhere).equals(elsewhere)
