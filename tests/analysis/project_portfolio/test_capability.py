from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from opslib.analysis.project_portfolio.capability import (
    before_and_after,
    capability,
    capability_indices,
    defect_rates,
    dmaic_stages,
    instability,
    rolled_yield,
    xmr_limits,
)
from tests.analysis.project_portfolio.plans import plan_of, project, task


@pytest.mark.parametrize(("sigma", "dpmo"), [(1, 691_462), (2, 308_538), (3, 66_807), (4, 6_210), (5, 233), (6, 3.4)])
def test_sigma_levels_as_published(sigma: float, dpmo: float):
    """The usual conversion table with its shift of 1.5 (Harry & Schroeder 2000)."""
    assert defect_rates([dpmo], [1_000_000])["sigma_level"].tolist() == pytest.approx([sigma], abs=0.003)


def test_defects_yield_and_level_by_hand():
    row = defect_rates([30], [500], opportunities=4, shift=0).iloc[0]
    assert row[["dpu", "dpmo", "yield_share"]].tolist() == pytest.approx([0.06, 15_000, 0.985])
    assert row["first_pass_yield"] == pytest.approx(np.exp(-0.06))
    assert stats.norm.cdf(row["sigma_level"]) == pytest.approx(0.985)
    assert rolled_yield([0.9, 0.9]) == pytest.approx(0.81)
    assert defect_rates([0, 0], [10, 0])["dpmo"].isna().tolist() == [False, True]
    with pytest.raises(ValueError, match="no more than units"):
        defect_rates([9], [2], opportunities=4)


def test_capability_of_the_example_of_nist():
    """NIST/SEMATECH e-Handbook 6.1.6: limits 8 and 20, mean 16, s 2: Cp 1.0, Cpk 0.6667."""
    assert capability_indices(16, 2, lower=8, upper=20) == pytest.approx((1.0, 2 / 3))
    assert capability_indices(16, 2, upper=20)[1] == pytest.approx(2 / 3)
    assert capability_indices(16, 2, lower=8)[1] == pytest.approx(4 / 3)


def test_limits_of_individual_values_of_the_example_of_nist():
    """NIST/SEMATECH e-Handbook 6.3.2.2, flow rates: mean 50.81, limits 55.8041 and 45.8159."""
    limits = xmr_limits([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    assert limits[:3] == pytest.approx((50.81, 45.8159, 55.8041), abs=5e-4)


def test_a_stable_process_has_both_capabilities_and_an_interval():
    values = np.random.default_rng(8).normal(16, 2, 400)
    row = capability(values, lower=8, upper=20)
    assert row["why"] == ""
    assert row[["cp", "pp"]].tolist() == pytest.approx([1.0, 1.0], abs=0.1)
    assert row["low"] < 2 / 3 < row["high"]
    assert row["ppk"] == pytest.approx((20 - values.mean()) / (3 * values.std(ddof=1)))
    assert row["outside_share"] == ((values < 8) | (values > 20)).mean()
    one_sided = capability(values, upper=20)
    assert np.isnan(one_sided["cp"])
    assert one_sided["ppk"] == row["ppk"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1.0, 2.0] * 12 + [9.0] + [1.0, 2.0] * 6, "1 of 37 values lies beyond its limits"),
        ([1, 3] * 10 + [6, 4] * 10, "its level is another one from value 21 on"),
        ([4.0] * 30, "the values do not vary"),
        ([1, 2, 1, 2, 1], "5 values are too few for capability, which needs 20"),
    ],
)
def test_capability_is_refused_with_a_sentence_where_the_process_is_not_stable(values: list, why: str):
    row = capability(values, upper=10)
    assert why in row["why"]
    assert row[["cpk", "pp", "ppk", "low"]].isna().all()
    assert row["n"] == len(values)


def test_few_stable_processes_are_refused_however_long_they_are():
    rng = np.random.default_rng(1)
    for size in (20, 60, 300):
        assert np.mean([instability(rng.normal(size=size)) != "" for _ in range(300)]) < 0.06


def test_before_and_after_stand_side_by_side():
    rng = np.random.default_rng(4)
    frame = before_and_after(rng.normal(10, 2, 60), rng.normal(8, 1, 60), upper=12)
    assert frame.index.tolist() == ["before", "after"]
    assert frame["ppk"].is_monotonic_increasing
    with pytest.raises(ValueError, match="needs a lower or an upper"):
        capability([1, 2])
    with pytest.raises(ValueError, match="below the upper"):
        capability([1, 2], lower=3, upper=3)


def test_the_stage_of_dmaic_is_that_of_the_first_open_task_or_of_the_project():
    plan = plan_of(
        task("A", started_on="2026-01-02", finished_on="2026-01-02") | {"name": "Define: charter"},
        task("B") | {"name": "Analyse causes"},
        task("C") | {"name": "Control plan"},
        *(task(f"T{name}", project_id=name) for name in "QRST"),
        projects=[
            project(),
            *(project(n, stage=s) for n, s in zip("QRST", ("planned", "running", "live", None), strict=True)),
        ],
    )
    stages = dmaic_stages(plan).set_index("project_id")
    assert stages["dmaic"].iloc[:4].tolist() == ["analyze", "define", "improve", "control"]
    assert stages.loc["T", "dmaic"] is None or np.isnan(stages.loc["T", "dmaic"])
    assert dmaic_stages(plan_of(task("A")))["dmaic"].tolist() == ["improve"]
    assert stages.loc["P", "why"] == "its first task that is not done"
