from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from opslib.analysis.methods.intervals import newcombe_difference, wilson
from opslib.analysis.routing_audit.moves import (
    before_after,
    misrouted,
    misrouted_by_week,
    misrouted_shift,
    misrouting_signals,
    moves,
    stratified_difference,
    transfer_cost,
    transfer_counts,
    transitions,
)

START = pd.Timestamp("2026-03-02T09:00:00Z")


def spells(*stretches: tuple[str, str | None]) -> pd.DataFrame:
    """(ticket, queue) in order of time."""
    frame = pd.DataFrame(stretches, columns=["ticket_id", "queue"])
    frame["start_at"] = START + pd.to_timedelta(np.arange(len(frame)), unit="h")
    return frame


def test_moves_are_changes_of_queue_and_nothing_else():
    """A spell also ends when the status or the agent changes, and a ticket without a queue was nowhere."""
    frame = spells(("1", "a"), ("1", "a"), ("1", "b"), ("2", "a"), ("2", None), ("2", "a"), ("2", "c"), ("1", "a"))
    ticket_moves = moves(frame.sample(frac=1, random_state=1))
    assert ticket_moves[["ticket_id", "origin", "destination"]].to_numpy().tolist() == [
        ["1", "a", "b"],
        ["1", "b", "a"],
        ["2", "a", "c"],
    ]
    assert moves(frame.head(0)).empty


def test_transitions_share_the_moves_out_of_a_queue():
    frame = transitions(moves(spells(("1", "a"), ("1", "b"), ("1", "a"), ("1", "b"), ("2", "a"), ("2", "c"))))
    row = frame[(frame["origin"] == "a") & (frame["destination"] == "b")].iloc[0]
    assert (row["moves"], row["tickets"], row["share"]) == (2, 1, pytest.approx(2 / 3))
    expected = wilson(2, 3).iloc[0]
    assert [row["low"], row["high"]] == pytest.approx([expected["low"], expected["high"]])


def test_transfers_are_counted_and_tickets_that_cannot_tell_are_left_out():
    frame = transfer_counts(pd.DataFrame({"transfers": [0, 1, 1, 5, None], "ping_pongs": [0, 0, 1, 2, None]}))
    assert frame["tickets"].tolist() == [1, 2, 0, 1]
    assert frame["ping_pong"].tolist() == [0, 1, 0, 1]
    assert frame["share"].tolist() == [0.25, 0.5, 0.0, 0.25]


def test_without_events_of_queues_no_ticket_is_said_to_have_come_back():
    frame = transfer_counts(pd.DataFrame({"transfers": [0, 1], "ping_pongs": pd.array([None, None], dtype="Int64")}))
    assert frame["tickets"].tolist() == [1, 1, 0, 0]
    assert frame["ping_pong"].isna().all()


def routed(rows: list[tuple[str | None, str | None, str | None]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["form", "first_queue", "solved_queue"], dtype="str")


def test_misrouted_shares_are_of_the_tickets_that_can_be_judged():
    frame = routed(
        [("x", "a", "b"), ("x", "a", "b"), ("x", "a", "c"), ("x", "a", "a"), ("x", "a", None), (None, "a", "a")]
    )
    forms = misrouted(frame, "form").set_index("form")
    assert forms.loc["x", ["tickets", "misrouted", "belongs_in"]].tolist() == [4, 3, "b"]
    assert forms.loc["(none)", ["tickets", "misrouted", "belongs_in"]].tolist() == [1, 0, ""]
    assert forms.loc["x", "low"] == pytest.approx(wilson(3, 4)["low"].iloc[0])
    assert misrouted(frame.head(0), "form").empty


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["a", "b", None]), st.sampled_from(["a", "b", None])),
        max_size=30,
    )
)
def test_misrouted_counts_are_those_of_counting_by_hand(rows: list[tuple[str, str | None, str | None]]):
    counts = misrouted(routed([*rows]), "form").set_index("form")
    for form in ("x", "y"):
        judged = [(first, last) for each, first, last in rows if each == form and first and last]
        if judged:
            wrong = sum(first != last for first, last in judged)
            assert counts.loc[form, ["tickets", "misrouted"]].tolist() == [len(judged), wrong]
        else:
            assert form not in counts.index


def weekly(shares: dict[str, tuple[int, int]], weeks: int = 9) -> pd.DataFrame:
    """Per reason how many of 20 tickets are misrouted in every week but the last, and in the last."""
    rows = []
    for week in range(weeks):
        for reason, (usual, last) in shares.items():
            wrong = last if week == weeks - 1 else usual
            rows += [(f"2026-W{week + 10}", reason, "a", "b" if n < wrong else "a") for n in range(20)]
    return pd.DataFrame(rows, columns=["week", "contact_reason", "first_queue", "solved_queue"])


def test_a_reason_that_is_suddenly_misrouted_is_a_signal_and_others_are_not():
    tests = misrouting_signals(weekly({"refund": (2, 15), "login": (2, 2), "hacked": (2, 3)}), "2026-W18")
    assert tests.loc[tests["discovery"], "contact_reason"].tolist() == ["refund"]
    assert tests.iloc[0][["misrouted", "tickets", "tickets_before"]].tolist() == [15, 20, 160]
    assert tests.iloc[0]["share_before"] == 0.1


def test_the_p_value_is_the_one_that_fisher_published():
    """Criminal twins, in Fisher's Statistical Methods for Research Workers (section 21.02): 619 / 1,330,665."""
    rows = [("2026-W18", n < 10) for n in range(13)] + [("2026-W17", n < 2) for n in range(17)]
    frame = pd.DataFrame(rows, columns=["week", "wrong"]).assign(contact_reason="twin", first_queue="a")
    frame["solved_queue"] = np.where(frame["wrong"], "b", "a")
    assert misrouting_signals(frame, "2026-W18")["p"].tolist() == [pytest.approx(619 / 1_330_665)]


@pytest.mark.filterwarnings("ignore:The Identity link", "ignore:Perfect separation")
def test_the_shift_of_a_share_has_the_error_of_a_binomial_regression():
    """Weeks that all have one share differ by less than chance; then it is the identity-link model's own error."""
    weeks = pd.DataFrame({"tickets": [200] * 4 + [100] * 4, "misrouted": [20] * 4 + [25] * 4})
    recent = np.arange(8) >= 4
    row = misrouted_shift(weeks, recent).iloc[0]
    counts = np.column_stack([weeks["misrouted"], weeks["tickets"] - weeks["misrouted"]])
    family = sm.families.Binomial(sm.families.links.Identity())
    fitted = sm.GLM(counts, sm.add_constant(recent.astype(float)), family=family).fit()
    assert row["difference"] == pytest.approx(fitted.params[1])
    assert row["dispersion"] == 1
    half = 5.840909 * fitted.bse[1]  # Student's t with 3 degrees of freedom, 0.5% in either tail
    assert [row["low"], row["high"]] == pytest.approx([0.15 - half, 0.15 + half], rel=1e-5)


def test_weeks_that_differ_by_more_than_chance_widen_the_interval_by_pearsons_dispersion():
    weeks = pd.DataFrame({"tickets": [100] * 6, "misrouted": [5, 15, 5, 15, 20, 20]})
    row = misrouted_shift(weeks, np.arange(6) >= 4).iloc[0]
    assert row["dispersion"] == pytest.approx(4 * 25 / (100 * 0.1 * 0.9) / 3)
    calm = misrouted_shift(weeks.assign(misrouted=[10, 10, 10, 10, 20, 20]), np.arange(6) >= 4).iloc[0]
    assert row["high"] - row["low"] == pytest.approx((calm["high"] - calm["low"]) * np.sqrt(row["dispersion"]))


def test_what_began_in_the_midst_of_the_recent_weeks_does_not_hide_itself():
    weeks = pd.DataFrame({"tickets": [100] * 16, "misrouted": [10] * 14 + [60] * 2})
    assert misrouted_shift(weeks, np.arange(16) >= 8)["low"].iloc[0] > 0


@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_null_weeks_are_called_a_shift_in_hardly_more_than_one_of_a_hundred(dispersion: float):
    rng = np.random.default_rng(5)
    false_shifts = 0
    for _ in range(400):
        tickets = rng.poisson(400, 16)
        shape = 400 * 0.12 / max(dispersion - 1, 1e-9)
        share = rng.beta(shape, shape * 0.88 / 0.12, 16) if dispersion > 1 else 0.12
        weeks = pd.DataFrame({"tickets": tickets, "misrouted": rng.binomial(tickets, share)})
        row = misrouted_shift(weeks, np.arange(16) >= 8).iloc[0]
        false_shifts += bool(row["low"] > 0 or row["high"] < 0)
    assert false_shifts <= 10  # a binomial with 400 and 0.01 exceeds 10 in about one run in five hundred


def test_too_few_weeks_or_no_tickets_are_no_shift():
    weeks = pd.DataFrame({"tickets": [100, 100, 0], "misrouted": [10, 20, 0]})
    assert misrouted_shift(weeks.head(2), np.array([False, True])).isna().all(axis=None)
    assert misrouted_shift(weeks, np.array([False, False, True])).isna().all(axis=None)


def test_a_fall_is_no_signal():
    assert not misrouting_signals(weekly({"refund": (15, 2)}), "2026-W18")["discovery"].any()


def test_the_test_is_fishers():
    """Against scipy's own, which enumerates the same tables."""
    from scipy.stats import fisher_exact

    row = misrouting_signals(weekly({"refund": (2, 6)}), "2026-W18").iloc[0]
    assert row["p"] == pytest.approx(fisher_exact([[6, 14], [16, 144]], alternative="greater").pvalue)


def test_null_weeks_raise_no_more_signals_than_the_rate_allows():
    """Forty weeks of forty reasons in which nothing happens: a discovery in at most about one week in ten."""
    rng = np.random.default_rng(11)
    false_weeks = 0
    for _ in range(40):
        shares = rng.uniform(0.03, 0.4, 40)
        counts = rng.poisson(30, (4, 40)) + 1
        wrong = rng.binomial(counts, shares)
        parts = [
            pd.DataFrame(
                {
                    "week": f"2026-W{week + 10}",
                    "contact_reason": np.repeat([f"r{n}" for n in range(40)], counts[week]),
                    "first_queue": "a",
                    "solved_queue": np.concatenate(
                        [
                            np.repeat(["b", "a"], [bad, all_ - bad])
                            for bad, all_ in zip(wrong[week], counts[week], strict=True)
                        ]
                    ),
                }
            )
            for week in range(4)
        ]
        tests = misrouting_signals(pd.concat(parts, ignore_index=True), "2026-W13")
        false_weeks += bool(tests["discovery"].any())
    assert false_weeks <= 8  # a binomial with 40 and 0.1 exceeds 8 in about one run in sixty


def test_groups_with_hardly_any_tickets_are_not_tested():
    frame = weekly({"refund": (2, 15)})
    few = frame[(frame["week"] != "2026-W18") | (frame.groupby("week").cumcount() < 4)]
    assert misrouting_signals(few, "2026-W18").empty


def test_weeks_come_in_order():
    weeks = misrouted_by_week(weekly({"refund": (2, 15)}))
    assert weeks["week"].tolist() == [f"2026-W{week}" for week in range(10, 19)]
    assert weeks["share"].iloc[-1] == 0.75


def expand(tables: list[tuple[int, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(events exposed, exposed, events unexposed, unexposed) per stratum as rows."""
    y, x, s = [], [], []
    for stratum, (a, n1, b, n0) in enumerate(tables):
        y += [1] * a + [0] * (n1 - a) + [1] * b + [0] * (n0 - b)
        x += [1] * n1 + [0] * n0
        s += [stratum] * (n1 + n0)
    return np.array(y), np.array(x), np.array(s)


@pytest.mark.parametrize(
    ("tables", "published"),
    [
        # Tolbutamide by age (University Group Diabetes Program), as in Rothman, Greenland, Lash (2008), chapter 15.
        ([(8, 106, 5, 120), (22, 98, 16, 85)], 0.035),
        # A cream against infection in eight centres (Beitler and Landis 1985), as in Agresti (2013), section 6.4.
        (
            [
                *((11, 36, 10, 37), (16, 20, 22, 32), (14, 19, 7, 19), (2, 16, 1, 17)),
                *((6, 17, 0, 12), (1, 11, 0, 10), (1, 5, 1, 9), (4, 6, 6, 7)),
            ],
            0.130,
        ),
    ],
)
def test_the_stratified_difference_of_shares_is_mantel_and_haenszels(
    tables: list[tuple[int, int, int, int]], published: float
):
    pooled = stratified_difference(*expand(tables)).iloc[0]
    assert round(pooled["difference"], 3) == published
    weights = [n1 * n0 / (n1 + n0) for _, n1, _, n0 in tables]
    parts = [a / n1 - b / n0 for a, n1, b, n0 in tables]
    assert pooled["difference"] == pytest.approx(np.average(parts, weights=weights))


def test_its_interval_is_that_of_least_squares_with_an_intercept_per_stratum():
    rng = np.random.default_rng(5)
    stratum = rng.integers(0, 6, 300)
    exposed = rng.random(300) < 0.1 + 0.1 * stratum
    value = stratum + 0.7 * exposed + rng.normal(0, 1 + exposed, 300)
    design = np.column_stack([exposed, pd.get_dummies(stratum).to_numpy()]).astype(float)
    fitted = sm.OLS(value, design).fit(cov_type="HC1", use_t=True)
    pooled = stratified_difference(value, exposed, stratum).iloc[0]
    assert pooled["difference"] == pytest.approx(fitted.params[0])
    assert [pooled["low"], pooled["high"]] == pytest.approx(fitted.conf_int()[0].tolist())


def test_strata_with_one_group_only_say_nothing_and_are_counted():
    pooled = stratified_difference([1, 2, 5, np.nan], [1, 0, 1, 0], ["a", "a", "b", "b"]).iloc[0]
    assert pooled[["difference", "exposed", "unexposed", "strata", "left_out"]].tolist() == [-1, 1, 1, 1, 1]
    assert stratified_difference([1.0], [1], ["a"])["difference"].isna().all()


def test_the_cost_of_a_transfer_is_compared_within_reason_and_priority():
    """Hard tickets are transferred more and take longer anyway; within the reason a transfer costs nothing here."""
    rng = np.random.default_rng(2)
    hard = np.repeat([True, False], 500)
    transferred = rng.random(1000) < np.where(hard, 0.8, 0.1)
    tickets = pd.DataFrame(
        {
            "ticket_id": [str(n) for n in range(1000)],
            "transfers": transferred.astype(int),
            "contact_reason": np.where(hard, "hard", "easy"),
            "priority": None,
            "full_resolution_business_seconds": np.exp(rng.normal(np.where(hard, 11, 9), 0.3)),
        }
    )
    satisfied = pd.Series(~hard, index=tickets["ticket_id"])
    outcomes = transfer_cost(tickets, satisfied).set_index(["outcome", "unit"])
    assert outcomes.loc[("full_resolution", "times"), "crude"] > 3
    times = outcomes.loc[("full_resolution", "times")]
    assert times["low"] < 1 < times["high"]
    assert outcomes.loc[("satisfied", "share"), "crude"] < -0.5
    assert outcomes.loc[("satisfied", "share"), "adjusted"] == pytest.approx(0)
    assert transfer_cost(tickets).set_index("outcome").loc["satisfied", "exposed"] == 0


def test_before_and_after_stand_beside_the_tickets_that_the_rule_leaves_alone():
    days = np.tile(np.arange(-10, 10), 20)
    affected = np.arange(400) < 200
    late = days >= 0
    tickets = pd.DataFrame(
        {
            "created_at": START + pd.to_timedelta(days, unit="D"),
            "first_queue": np.where(affected & late, "wrong", "right"),
            "solved_queue": "right",
            "full_resolution_business_seconds": np.where(affected & late, 200.0, 100.0),
        }
    )
    comparisons = before_after(tickets, affected, START, days=5).set_index(["group", "outcome"])
    row = comparisons.loc[("affected", "misrouted")]
    assert row[["before", "after", "tickets_before", "tickets_after"]].tolist() == [0, 1, 50, 50]
    expected = newcombe_difference(50, 50, 0, 50).iloc[0]
    assert [row["low"], row["high"]] == pytest.approx([expected["low"], expected["high"]])
    assert comparisons.loc[("affected", "full_resolution"), "difference"] == pytest.approx(2)
    assert comparisons.loc[("others", "misrouted"), "difference"] == 0


def test_times_before_and_after_are_compared_as_welch_did():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(4)
    seconds = np.exp(np.concatenate([rng.normal(9, 0.4, 30), rng.normal(9.3, 0.9, 50)]))
    tickets = pd.DataFrame(
        {
            "created_at": START + pd.to_timedelta(np.repeat([-1, 1], [30, 50]), unit="D"),
            "first_queue": "a",
            "solved_queue": "a",
            "full_resolution_business_seconds": seconds,
        }
    )
    times = before_after(tickets, np.ones(80, bool), START).iloc[1]
    log = np.log(seconds)
    expected = ttest_ind(log[30:], log[:30], equal_var=False).confidence_interval(0.95)
    assert np.log([times["low"], times["high"]]).tolist() == pytest.approx([expected.low, expected.high])
