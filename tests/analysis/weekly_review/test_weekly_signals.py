"""Which weekly values are held against their past and which are not, why, and their limits in the metrics' units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opslib.analysis.weekly_review import weekly_signals as signals
from opslib.analysis.weekly_review.weekly_values import BOUNDS, SETTLED, SO_FAR
from opslib.metrics import CATALOGUE, Metric
from opslib.weeks import weeks_between

WEEKS = weeks_between("2026-W10", "2026-W36")
LAST = WEEKS[-1]
COMPLETE = pd.DataFrame(columns=["week", "team", "scope", "reason"])
HOUR = 3600.0


def series(metric: str, values: Sequence[float], team: str = "alpha", **columns: Any) -> pd.DataFrame:
    """Weekly values that end with the last week."""
    frame = pd.DataFrame({"week": WEEKS[-len(values) :], "team": team, "metric": metric, "value": list(values)})
    usual = {"numerator": frame["value"], "denominator": 1.0, "spread": np.nan, "missing": None, "state": SETTLED}
    return frame.assign(**{**usual, "extra_variance": np.nan, **columns})


def share(metric: str, met: Sequence[int], total: int | Sequence[int], team: str = "alpha") -> pd.DataFrame:
    totals = np.broadcast_to(np.asarray(total, dtype=float), len(met))
    return series(metric, np.asarray(met) / totals, team, numerator=np.asarray(met, dtype=float), denominator=totals)


def quiet(metric: str, team: str = "alpha", *, weeks: int = len(WEEKS)) -> pd.DataFrame:
    """A series in which nothing has moved, in the unit of its metric; another one for each metric and team."""
    random = np.random.default_rng([len(team), *metric.encode()])
    one = CATALOGUE[metric]
    if one.kind == "share":
        return share(metric, random.binomial(180, 0.8, weeks).tolist(), 180, team)
    if one.unit == "seconds":
        return series(metric, np.exp(random.normal(np.log(4 * HOUR), 0.2, weeks)).tolist(), team)
    if one.kind == "mean":
        return series(metric, random.normal(0.8, 0.02, weeks).tolist(), team, denominator=40.0, spread=0.13)
    if one.name == "net_flow":
        return series(metric, random.normal(0, 9, weeks).round().tolist(), team)
    return series(metric, random.poisson(120, weeks).astype(float).tolist(), team, denominator=900.0)


def judged(*frames: pd.DataFrame, incomplete: pd.DataFrame | None = COMPLETE, **arguments: Any) -> pd.DataFrame:
    """The signals by week, team and metric; of teams alpha and beta at a rate of 0.10 if not told otherwise."""
    usual: dict[str, Any] = {"catalogue": CATALOGUE, "teams": ["alpha", "beta"], "rate": 0.10}
    values = pd.concat([frame.dropna(axis=1, how="all") for frame in frames], ignore_index=True)
    values = values.reindex(columns=frames[0].columns)
    rows = signals.weekly_signals(values, incomplete=incomplete, **{**usual, **arguments})
    assert tuple(rows.columns) == signals.COLUMNS
    return rows.set_index(["week", "team", "metric"])


def at(rows: pd.DataFrame, week: str, metric: str, team: str = "alpha") -> pd.Series:
    return rows.loc[(week, team, metric)]


# --- which values count ---------------------------------------------------------------------------------------------


def test_a_week_that_is_not_complete_is_no_baseline_and_says_why_where_the_reason_reaches():
    """The weeks at the beginning tell all metrics wrong, a week more those that rest on older tickets."""
    metrics = ("created", "first_reply_median", "csat", "solved", "backlog_closing", "first_reply_sla")
    incomplete = pd.DataFrame(
        [
            (WEEKS[0], "alpha", "all", "the export begins here"),
            (WEEKS[0], "alpha", "backlog", "older tickets are not in it"),
            (WEEKS[1], "alpha", "backlog", "older tickets are not in it"),
            (WEEKS[1], "gamma", "all", "a team that is not judged"),
            ("2020-W01", "alpha", "all", "a week that is not in the values"),
        ],
        columns=["week", "team", "scope", "reason"],
    )
    rows = judged(*(quiet(metric, team) for metric in metrics for team in ("alpha", "beta")), incomplete=incomplete)
    assert {at(rows, WEEKS[0], metric)["why"] for metric in metrics} == {"the export begins here"}
    second = {metric: at(rows, WEEKS[1], metric)["why"] for metric in metrics}
    resting = {"solved", "backlog_closing", "first_reply_sla"}
    assert {metric for metric, why in second.items() if why == "older tickets are not in it"} == resting
    assert {second[metric] for metric in metrics if metric not in resting} == {
        "no limits yet (0 of the 8 weeks that they need)"
    }
    begins = {metric: at(rows, WEEKS[12], metric)["baseline_from"] for metric in metrics}
    assert begins == {metric: WEEKS[2] if metric in resting else WEEKS[1] for metric in metrics}
    assert {at(rows, WEEKS[12], metric, "beta")["baseline_from"] for metric in metrics} == {WEEKS[0]}


def test_where_nothing_tells_which_weeks_are_complete_the_first_two_are_not():
    rows = judged(quiet("created"), incomplete=None)
    assert at(rows, WEEKS[9], "created")["why"] == "no limits yet (7 of the 8 weeks that they need)"
    assert at(rows, WEEKS[10], "created")[["baseline_from", "baseline_weeks"]].tolist() == [WEEKS[2], 8]
    assert at(judged(quiet("created")), WEEKS[8], "created")["baseline_weeks"] == 8


def test_a_holiday_leaves_out_what_rests_on_open_days_and_nothing_else():
    of_days = ("created", "solved", "unanswered_questions", "first_reply_median", "first_reply_sla", "solves_per_agent")
    of_work = ("csat", "qa_score", "transfer_share", "touches_per_solved", "solves_per_agent_hour")
    holiday = WEEKS[18]
    rows = judged(
        *(quiet(metric, team) for metric in (*of_days, *of_work) for team in ("alpha", "beta")),
        closed={("alpha", holiday): "Labor Day", ("alpha", "2020-W01"): "of no week", ("gamma", LAST): "of no team"},
    )
    assert {at(rows, holiday, metric)["why"] for metric in of_days} == {"holiday week (Labor Day)"}
    assert {at(rows, holiday, metric)["verdict"] for metric in of_days} == {"not judged"}
    assert {at(rows, holiday, metric)["why"] for metric in of_work} == {""}
    assert {at(rows, holiday, metric, "beta")["why"] for metric in of_days} == {""}
    for metric in of_days:
        with_it, without = (at(rows, WEEKS[19], metric, team) for team in ("beta", "alpha"))
        assert "not judged" not in (with_it["verdict"], without["verdict"])
        assert without["baseline_to"] == WEEKS[17], metric
        assert with_it["baseline_to"] == WEEKS[18], metric


def test_a_twin_is_not_judged_beside_its_metric_and_costs_it_nothing():
    alone = judged(quiet("first_reply_median"))
    rows = judged(quiet("first_reply_median"), quiet("first_reply_calendar_median"))
    twin = rows.xs("first_reply_calendar_median", level="metric")
    assert set(twin["verdict"]) == {"not judged"}
    assert set(twin["why"]) == {f"see {CATALOGUE['first_reply_median'].label}"}
    assert twin[["lower", "upper", "p"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(rows.drop("first_reply_calendar_median", level="metric"), alone)


def test_what_the_export_lacks_has_no_row_and_what_one_week_lacks_says_so():
    csat = quiet("csat").assign(missing="not in this export: no satisfaction")
    csat[["value", "numerator", "denominator", "state"]] = None
    created = quiet("created")
    created.loc[created["week"] == WEEKS[5], "value"] = np.nan
    rows = judged(created, csat)
    assert set(rows.index.get_level_values("metric")) == {"created"}
    assert at(rows, WEEKS[5], "created")[["verdict", "why"]].tolist() == ["not judged", "no value"]
    assert at(rows, WEEKS[9], "created")["baseline_weeks"] == 8


def test_a_team_that_is_no_page_has_no_row_and_lends_nothing():
    rows = judged(quiet("created"), quiet("created", "all"))
    pd.testing.assert_frame_equal(rows, judged(quiet("created")))


def test_without_values_there_are_no_signals():
    rows = signals.weekly_signals(quiet("created").head(0), CATALOGUE, teams=["alpha"], rate=0.10)
    assert rows.empty
    assert tuple(rows.columns) == signals.COLUMNS


# --- what is not settled --------------------------------------------------------------------------------------------


def test_a_value_that_is_not_settled_is_judged_with_what_is_to_come_and_sets_no_limits():
    settled = quiet("full_resolution_median")
    settled.loc[settled["week"] == WEEKS[20], "value"] = 9 * HOUR
    so_far = settled.copy()
    so_far.loc[so_far["week"] == WEEKS[20], ["state", "extra_variance"]] = [SO_FAR, 0.25]
    sure, unsure = (at(judged(frame), WEEKS[20], "full_resolution_median") for frame in (settled, so_far))
    assert sure["verdict"] == "new"
    assert unsure["verdict"] == "within"
    assert unsure["centre"] == sure["centre"]
    widths = [np.log(each["upper"] / each["centre"]) for each in (sure, unsure)]
    assert widths[1] > widths[0]
    later = at(judged(so_far), WEEKS[21], "full_resolution_median")
    assert later["baseline_to"] == WEEKS[19]


def test_of_a_value_of_which_only_bounds_are_known_nothing_is_said():
    frame = quiet("first_reply_median")
    frame.loc[frame["week"] == LAST, ["value", "state"]] = [np.nan, BOUNDS]
    assert at(judged(frame), LAST, "first_reply_median")[["verdict", "why"]].tolist() == ["not judged", "not known yet"]


def test_a_share_that_waits_for_its_week_to_settle_says_so_and_an_old_week_without_tickets_has_no_value():
    """First-contact resolution is told seven days after the week: last week's waits, an empty one waits for nothing."""
    frame = quiet("first_contact_resolution")
    frame.loc[frame["week"].isin([WEEKS[20], LAST]), "value"] = np.nan
    frame.loc[frame["week"] == LAST, "state"] = SO_FAR
    rows = judged(frame)
    assert at(rows, LAST, "first_contact_resolution")["why"] == "not known yet"
    assert at(rows, WEEKS[20], "first_contact_resolution")["why"] == "no value"


# --- limits in units ------------------------------------------------------------------------------------------------


def test_ten_first_reply_medians_have_the_worked_limits():
    """At the rate at which each of 22 metrics is judged: 2.68 to 6.45 h, so that 6.5 h is new and 5.5 h is not."""
    medians = [4.1, 3.6, 4.4, 3.9, 5.0, 4.2, 3.7, 4.6, 4.0, 4.3]
    for value, verdict in ((6.5, "new"), (5.5, "within")):
        hours = [one * HOUR for one in (*medians, value)]
        row = at(judged(series("first_reply_median", hours), rate=0.10 / 22), LAST, "first_reply_median")
        assert row["verdict"] == verdict
        assert row[["lower", "upper"]].tolist() == pytest.approx([2.68 * HOUR, 6.45 * HOUR], rel=2e-3)
        assert row["centre"] == pytest.approx(np.exp(9.6145), rel=1e-4)
        assert row["baseline_weeks"] == 10


def test_shares_of_a_reply_sla_have_the_worked_p():
    met, total = [180, 171, 190, 176, 168, 185, 179, 182, 150], [210, 205, 221, 208, 200, 214, 209, 212, 210]
    row = at(judged(share("first_reply_sla", met, total)), LAST, "first_reply_sla")
    assert row[["verdict", "direction"]].tolist() == ["new", "down"]
    assert row["p"] == pytest.approx(0.0024, rel=0.03)
    assert row["centre"] == pytest.approx(sum(met[:-1]) / sum(total[:-1]), abs=0.002)
    assert 150 / 210 < row["lower"] < row["centre"] < row["upper"] < 1


def limits_by_hand(y: np.ndarray, v: np.ndarray, *, has_floor: bool) -> tuple[float, float, float]:
    """Centre and limits of the last week on the working scale: one metric, one team, no outlier, no correlation."""
    weights, n = 1 / v[:-1], len(y) - 1
    centre = (weights * y[:-1]).sum() / weights.sum()
    variance = (weights * (y[:-1] - centre) ** 2).sum() / (n - 1)
    variance = max(variance, 1.0) if has_floor else variance
    half = stats.t.isf(0.10 / 4, n - 1) * np.sqrt(variance * (v[-1] + 1 / weights.sum()))
    return centre - half, centre, centre + half


COUNTS = np.array([41.0, 38, 47, 40, 44, 36, 46, 39, 43, 52])  # neighbours are on opposite sides: no correlation
USERS = np.array([900.0, 950, 1000, 900, 1020, 870, 1100, 930, 980, 400])
CONTACTS = replace(CATALOGUE["contacts_per_1000"], twin="")
MET = np.array([15.0, 16, 15, 16, 15, 16, 15, 16, 15, 12])
ONES = np.ones(10)


@pytest.mark.parametrize(
    ("metric", "value", "columns", "y", "v", "has_floor", "units"),
    [
        (CATALOGUE["created"], COUNTS, {}, 2 * np.sqrt(COUNTS), ONES, True, lambda y: (y / 2) ** 2),
        (CATALOGUE["net_flow"], COUNTS - 42, {}, COUNTS - 42, ONES, False, lambda y: y),
        (CATALOGUE["backlog_days"], COUNTS / 9, {}, 2 * np.sqrt(COUNTS / 9), ONES, False, lambda y: (y / 2) ** 2),
        (
            CONTACTS,
            1000 * COUNTS / USERS,
            {"numerator": COUNTS, "denominator": USERS},
            2 * np.sqrt(1000 * COUNTS / USERS),
            1000 / USERS,
            True,
            lambda y: (y / 2) ** 2,
        ),
        (
            CATALOGUE["touches_per_solved"],
            COUNTS / 20,
            {"denominator": USERS, "spread": 1.2},
            COUNTS / 20,
            1.44 / USERS,
            True,
            lambda y: y,
        ),
        (
            CATALOGUE["csat"],
            MET / 20,
            {"numerator": MET, "denominator": 20.0},
            np.arcsin(np.sqrt((MET + 3 / 8) / 20.75)),
            ONES / 82,
            True,
            lambda y: (20.75 * np.sin(y) ** 2 - 3 / 8) / 20,
        ),
        (
            CATALOGUE["first_reply_median"],
            np.array([0.0, *COUNTS[1:]]),
            {},
            np.log([30, *COUNTS[1:]]),
            ONES,
            False,
            np.exp,
        ),
    ],
    ids=["count", "difference", "ratio", "rate", "mean", "share", "time"],
)
def test_limits_are_those_by_hand_on_the_working_scale_of_the_kind(
    metric: Metric,
    value: np.ndarray,
    columns: dict[str, Any],
    y: np.ndarray,
    v: np.ndarray,
    has_floor: bool,
    units: Any,
):
    """Of the time a week at 0 seconds counts as 30."""
    rows = judged(series(metric.name, value.tolist(), **columns), catalogue={metric.name: metric})
    row = at(rows, LAST, metric.name)
    assert row[["lower", "centre", "upper"]].tolist() == pytest.approx(
        [units(each) for each in limits_by_hand(y, v, has_floor=has_floor)]
    )


def test_a_mean_of_one_review_is_taken_for_as_unsure_as_reviews_have_been_so_far():
    usual = quiet("qa_score", weeks=12).assign(denominator=20.0, spread=0.1)
    poor = usual.copy()
    poor.loc[poor["week"] == LAST, ["value", "denominator", "spread"]] = [0.6, 1.0, np.nan]
    one = at(judged(poor), LAST, "qa_score")
    assert one["verdict"] == "within"
    assert one["lower"] < 0.6
    poor.loc[poor["week"] == LAST, ["denominator", "spread"]] = [20.0, 0.1]
    assert at(judged(poor), LAST, "qa_score")["verdict"] == "new"


@pytest.mark.parametrize(("size", "spread"), [(1.0, np.nan), (20.0, 0.0)], ids=["one review a week", "all alike"])
def test_a_mean_whose_rows_never_differed_is_not_said_to_wait_for_weeks(size: float, spread: float):
    row = at(judged(quiet("qa_score").assign(denominator=size, spread=spread)), LAST, "qa_score")
    assert row[["verdict", "why"]].tolist() == ["not judged", "nothing tells yet how much it varies"]


@pytest.fixture(scope="module")
def restless() -> pd.DataFrame:
    """All metrics of the catalogue for two teams, some near the ends of their scales, some missing in some weeks."""
    random = np.random.default_rng(6)
    frames = []
    for place, metric in enumerate(CATALOGUE.values()):
        for team in ("alpha", "beta"):
            size = len(WEEKS)
            total = random.integers(0, [4, 300][place % 2], size)
            if metric.kind == "share":
                value = np.divide(random.binomial(total, 0.97), total, out=np.full(size, np.nan), where=total > 0)
            elif metric.unit == "seconds":
                value = np.exp(random.normal(5, 2, size))
            elif metric.unit == "score":
                value = random.uniform(0.9, 1, size)
            elif metric.name == "net_flow":
                value = random.normal(0, 30, size).round()
            else:
                value = random.poisson(1.5, size) * 1.0
            value = np.where((random.random(size) < 0.04) | ((total == 0) & (metric.kind == "mean")), np.nan, value)
            spread = random.uniform(0, 0.2, size).round(1)
            frame = series(metric.name, value.tolist(), team, denominator=total * 1.0, spread=spread)
            frames.append(frame.assign(numerator=value * total))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def of_restless(restless: pd.DataFrame) -> pd.DataFrame:
    return judged(restless)


def test_limits_lie_where_values_of_the_metric_can(of_restless: pd.DataFrame):
    rows = of_restless[of_restless["lower"].notna()].reset_index()
    assert set(rows["metric"]) == {name for name, metric in CATALOGUE.items() if not metric.twin}
    assert (rows["lower"] <= rows["centre"]).all()
    assert (rows["centre"] <= rows["upper"]).all()
    unit = rows["metric"].map({name: metric.unit for name, metric in CATALOGUE.items()})
    assert (rows.loc[unit == "seconds", "lower"] > 0).all()
    assert (rows.loc[rows["metric"] != "net_flow", "lower"] >= 0).all()
    assert (rows.loc[rows["metric"] == "net_flow", "lower"] < 0).all()
    assert (rows.loc[unit.isin(["share", "score"]), "upper"] <= 1).all()


def test_whatever_is_not_judged_says_why_and_nothing_else_does(of_restless: pd.DataFrame):
    not_judged = of_restless["verdict"] == "not judged"
    assert not_judged.any()
    assert (not_judged == (of_restless["why"] != "")).all()
    assert (not_judged == of_restless["p"].isna()).all()
    outside = of_restless["verdict"].isin(["new", "outside"])
    assert (outside == (of_restless["direction"] != "")).all()
    assert (of_restless["since"].notna() == of_restless["verdict"].isin(["new", "outside", "back"])).all()


def test_a_week_rests_on_no_later_one(restless: pd.DataFrame, of_restless: pd.DataFrame):
    until = WEEKS[18]
    then = judged(restless[restless["week"] <= until])
    now = of_restless[of_restless.index.get_level_values("week") <= until]
    assert (then["verdict"] != "not judged").any()
    pd.testing.assert_frame_equal(now, then, check_exact=True)


def test_the_order_of_rows_tells_nothing(restless: pd.DataFrame, of_restless: pd.DataFrame):
    pd.testing.assert_frame_equal(judged(restless.sample(frac=1, random_state=1)), of_restless, check_exact=True)


# --- what a row says ------------------------------------------------------------------------------------------------


def test_a_decision_begins_the_baseline_anew_and_counts_its_weeks():
    step = quiet("created")
    step.loc[step["week"] >= WEEKS[14], "value"] += 100
    frames = step, quiet("solved"), step.assign(team="beta")
    decided = judged(*frames, baselines={("alpha", "created"): [WEEKS[14]]})
    why = [at(decided, week, "created")["why"] for week in WEEKS[14:23]]
    assert why == [*(f"no limits yet ({weeks} of the 8 weeks that they need)" for weeks in range(8)), ""]
    row = at(decided, WEEKS[22], "created")
    assert row[["verdict", "baseline_from", "baseline_to", "baseline_weeks"]].tolist() == [
        *("within", WEEKS[14], WEEKS[21]),
        8,
    ]
    assert at(decided, WEEKS[22], "created", "beta")[["verdict", "since"]].tolist() == ["outside", WEEKS[14]]
    assert at(decided, WEEKS[22], "solved")["baseline_weeks"] == 22
    assert at(decided, WEEKS[13], "created")["baseline_weeks"] == 13


def test_of_several_decisions_the_last_before_a_week_holds_and_those_outside_the_export_do_nothing():
    begins = [WEEKS[12], "2020-W01", WEEKS[3], "2030-W01"]
    rows = judged(quiet("created"), baselines={("alpha", "created"): begins, ("gamma", "created"): [WEEKS[12]]})
    assert at(rows, WEEKS[11], "created")["baseline_from"] == WEEKS[3]
    assert at(rows, LAST, "created")["baseline_from"] == WEEKS[12]
    alone = judged(quiet("created"), baselines={("alpha", "created"): ["2020-W01", "2030-W01"]})
    pd.testing.assert_frame_equal(alone, judged(quiet("created")))


def test_a_percentile_that_a_rule_holds_at_a_length_names_the_length():
    hours = [72.0, 40, 55, 72.9, 33, 71.1, 47, 72, 38, 72.5, 60, 44, 60]
    row = at(judged(series("full_resolution_p90", [hour * HOUR for hour in hours])), LAST, "full_resolution_p90")
    assert row[["verdict", "why"]].tolist() == ["not judged", "a rule holds it at 72 h"]
    assert np.isnan(row["upper"])


def test_what_was_always_the_same_is_not_judged_where_nothing_tells_how_much_it_may_vary():
    rows = judged(series("net_flow", [3.0] * 12), series("reopened", [3.0] * 12))
    assert at(rows, LAST, "net_flow")[["verdict", "why"]].tolist() == ["not judged", "the same in every week so far"]
    assert at(rows, LAST, "reopened")["verdict"] == "within"


def test_a_row_names_the_weeks_that_the_limits_leave_out_and_where_the_baseline_steps():
    frame = quiet("created")
    frame.loc[frame["week"].isin([WEEKS[3], WEEKS[6]]), "value"] = [400, 500]
    row = at(judged(frame), LAST, "created")
    assert row["left_out"] == f"{WEEKS[3]}, {WEEKS[6]}"
    assert pd.isna(row["level_shift"])
    assert row["baseline_weeks"] == len(WEEKS) - 3
    early = quiet("created")
    early.loc[early["week"] < WEEKS[5], "value"] += 80
    row = at(judged(early), WEEKS[10], "created")
    assert (row["level_shift"], row["left_out"]) == (WEEKS[5], "")


def test_a_visit_outside_the_limits_is_new_then_outside_then_back():
    frame = quiet("created")
    frame.loc[frame["week"].isin(WEEKS[20:22]), "value"] = 20
    rows = judged(frame).xs(("alpha", "created"), level=["team", "metric"]).loc[WEEKS[20:]]
    told = rows.loc[rows["verdict"] != "within", ["verdict", "since", "direction"]]
    assert told.iloc[0].tolist() == ["new", WEEKS[20], "down"]
    assert told.iloc[1].tolist() == ["outside", WEEKS[20], "down"]
    assert told.iloc[-1].tolist()[::2] == ["back", ""]
    (back,) = rows.index[rows["verdict"] == "back"]
    assert rows.loc[back, "since"] == WEEKS[WEEKS.index(back) - 1]
