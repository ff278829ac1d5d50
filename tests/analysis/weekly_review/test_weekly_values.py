"""Weekly values against independent counts and hand-computed intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.methods.survival import quantile
from opslib.analysis.weekly_review.weekly_values import (
    COLUMNS,
    long_sums,
    quantile_values,
    roll_up,
    weekly_values,
    with_intervals,
)
from opslib.metrics import ALL, CATALOGUE


def sums(*rows: tuple[str, str, str, str, float, float]) -> pd.DataFrame:
    names = ["week", "team", "channel", "metric", "numerator", "denominator"]
    return pd.DataFrame(rows, columns=names).assign(squares=0.0)


def test_channels_and_teams_are_summed_and_so_are_both():
    rolled = roll_up(
        sums(
            ("2026-W01", "a", "chat", "csat", 3, 4),
            ("2026-W01", "a", "email", "csat", 1, 6),
            ("2026-W01", "b", "chat", "csat", 5, 5),
        )
    ).set_index(["team", "channel"])
    assert rolled.loc[("a", ALL), "numerator"] == 4
    assert rolled.loc[(ALL, "chat"), "denominator"] == 9
    assert rolled.loc[(ALL, ALL), ["numerator", "denominator"]].tolist() == [9, 15]
    assert len(rolled) == 8
    assert rolled.index.is_unique


def test_a_row_without_a_team_counts_nowhere():
    rolled = roll_up(sums(("2026-W01", None, "chat", "csat", 3, 4), ("2026-W01", "a", "chat", "csat", 1, 1)))
    assert rolled.loc[(rolled["team"] == ALL) & (rolled["channel"] == ALL), "denominator"].tolist() == [1]


def test_columns_per_metric_become_rows():
    wide = pd.DataFrame({"week": ["2026-W01"], "team": ["a"], "channel": ["chat"]})
    for place, name in enumerate(["csat", "created"]):
        for sum_ in ("numerator", "denominator", "squares"):
            wide[f"{name}|{sum_}"] = place
    assert long_sums(wide)[["metric", "numerator"]].to_numpy().tolist() == [["csat", 0.0], ["created", 1.0]]


def test_a_share_has_wilsons_interval():
    """81 of 263: the worked example of Newcombe (1998)."""
    csat = with_intervals(sums(("2026-W01", "a", ALL, "csat", 81, 263)), CATALOGUE).iloc[0]
    assert [round(csat[name], 4) for name in ("value", "low", "high")] == [0.308, 0.2553, 0.3662]
    assert csat["n"] == 263


def test_a_share_of_nothing_is_no_number():
    csat = with_intervals(sums(("2026-W01", "a", ALL, "csat", 0, 0)), CATALOGUE).iloc[0]
    assert np.isnan(csat["value"])
    assert csat["n"] == 0


def test_a_mean_has_students_interval():
    values = np.array([1.0, 2.0, 2.0, 5.0])
    rows = sums(("2026-W01", "a", ALL, "touches_per_solved", values.sum(), len(values)))
    touches = with_intervals(rows.assign(squares=(values**2).sum()), CATALOGUE).iloc[0]
    half = 3.182446 * values.std(ddof=1) / 2  # t(0.975) with 3 degrees of freedom
    assert touches["value"] == pytest.approx(2.5)
    assert touches["spread"] == pytest.approx(values.std(ddof=1))
    assert (touches["low"], touches["high"]) == (
        pytest.approx(max(2.5 - half, 0), abs=1e-5),
        pytest.approx(2.5 + half, abs=1e-5),
    )


def test_a_count_is_no_estimate_and_has_no_interval():
    created = with_intervals(sums(("2026-W01", "a", ALL, "created", 12, 12)), CATALOGUE).iloc[0]
    assert created["value"] == 12
    assert np.isnan(created["low"])


def test_percentiles_are_taken_over_channels_and_teams_too():
    rng = np.random.default_rng(3)
    times = pd.DataFrame(
        {
            "week": rng.choice(["2026-W01", "2026-W02"], 400),
            "team": rng.choice(["a", "b"], 400),
            "channel": rng.choice(["chat", "email"], 400),
            "seconds": rng.integers(1, 10_000, 400),
            "ended": True,
        }
    )
    percentiles = quantile_values(times, [CATALOGUE["first_reply_median"], CATALOGUE["first_reply_p90"]])
    percentiles = percentiles.set_index(["metric", "week", "team", "channel"])
    plain = times[(times["week"] == "2026-W02") & (times["team"] == "a")]
    assert percentiles.loc[("first_reply_median", "2026-W02", "a", ALL), "value"] == plain["seconds"].median()
    everything = percentiles.loc[("first_reply_median", "2026-W01", ALL, ALL)]
    assert everything["value"] == times[times["week"] == "2026-W01"]["seconds"].median()
    assert everything["low"] < everything["value"] < everything["high"]
    assert len(percentiles) == 2 * 2 * 9


def test_a_median_that_is_not_reached_is_null_with_a_bound():
    times = pd.DataFrame(
        {
            "week": "2026-W01",
            "team": "a",
            "channel": "chat",
            "seconds": range(1, 11),
            "ended": [n < 3 for n in range(10)],
        }
    )
    median = quantile_values(times, [CATALOGUE["first_reply_median"]]).iloc[0]
    assert np.isnan(median["value"])
    assert median["low"] == quantile(times["seconds"], times["ended"]).low
    assert (median["n"], median["censored"]) == (10, 7)


def complete(*parts: pd.DataFrame, missing: dict[str, str] | None = None, of_team: dict | None = None) -> pd.DataFrame:
    return weekly_values(
        parts,
        weeks=["2026-W01", "2026-W02"],
        teams=["a", "b"],
        catalogue={name: CATALOGUE[name] for name in ("created", "csat", "first_reply_median")},
        missing=missing or {},
        missing_of_team=of_team or {},
    )


def test_every_week_team_and_metric_has_a_row():
    values = complete(with_intervals(sums(("2026-W01", "a", ALL, "created", 3, 3)), CATALOGUE))
    assert list(values.columns) == list(COLUMNS)
    assert len(values) == 2 * 3 * 3
    assert not values.duplicated(["week", "team", "channel", "metric"]).any()


def test_a_count_without_rows_is_zero_and_a_share_without_rows_is_null():
    values = complete().set_index(["metric", "team", "week"])
    assert values.loc[("created", "b", "2026-W02"), "value"] == 0
    assert np.isnan(values.loc[("csat", "b", "2026-W02"), "value"])
    assert values.loc[("csat", "b", "2026-W02"), "n"] == 0


def test_what_the_export_lacks_is_never_zero():
    values = complete(missing={"created": "not in this export: no tickets"})
    without_tickets = values[values["metric"] == "created"]
    assert without_tickets["value"].isna().all()
    assert without_tickets["n"].isna().all()
    assert set(without_tickets["missing"]) == {"not in this export: no tickets"}


def test_a_team_without_a_target_is_named_and_the_others_are_not_touched():
    values = complete(of_team={("b", "csat"): "no such target"})
    csat = values[values["metric"] == "csat"].groupby("team")["missing"].first()
    assert csat["b"] == "no such target"
    assert csat.drop("b").isna().all()


def test_weeks_and_teams_that_were_not_asked_for_are_left_out():
    rows = sums(("2026-W03", "a", ALL, "created", 3, 3), ("2026-W01", "stranger", ALL, "created", 3, 3))
    values = complete(with_intervals(rows, CATALOGUE))
    assert set(values["week"]) == {"2026-W01", "2026-W02"}
    assert set(values["team"]) == {"a", "b", ALL}
