from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from opslib.analysis.project_portfolio.estimates import Spread, duration_ratios, spread_of
from opslib.analysis.project_portfolio.finish_forecast import FinishForecast, finish_forecast
from opslib.analysis.project_portfolio.plan import Plan
from opslib.analysis.project_portfolio.working_days import WorkingDays
from tests.analysis.project_portfolio.plans import office_days, plan_of, planned, points, project, task

EVERY_DAY = WorkingDays(np.arange(np.datetime64("2025-01-01"), np.datetime64("2040-01-01")))
"""Days without weekends, on which a place is a date: its distribution can be read from the chance of many dates."""
STARTED = {"started_on": "2026-01-05"}


def chances(tasks: list[dict], days_after: list[float], **options: object) -> list[float]:
    """The chance that a project ends within so many working days, of any plan that begins on January 5."""
    last = [pd.Timestamp("2026-01-04") + pd.Timedelta(days=each) for each in days_after]
    result = []
    for end in last:
        plan = plan_of(*tasks, projects=[project(baseline_end_on=end)])
        result.append(float(finish_forecast(plan, EVERY_DAY, **options).projects.loc[0, "chance"]))
    return result


def pert(o: float, m: float, p: float) -> stats.rv_frozen:
    return stats.beta(1 + 4 * (m - o) / (p - o), 1 + 4 * (p - m) / (p - o), o, p - o)


def mean_days(plan: Plan, **options: object) -> pd.Series:
    return finish_forecast(plan, EVERY_DAY, **options).tasks.set_index("task_id")["mean_days"]


def test_a_task_has_the_mean_and_the_quantiles_of_perts_distribution():
    plan = plan_of(task("A", **points(20, 60, 160)))
    forecast = finish_forecast(plan, EVERY_DAY)
    assert forecast.tasks.loc[0, "mean_days"] == pytest.approx((20 + 4 * 60 + 160) / 6, rel=0.01)
    expected = pert(20, 60, 160).ppf([0.1, 0.5, 0.8, 0.9])
    ends = forecast.projects.loc[0, ["finish_10_on", "finish_50_on", "finish_80_on", "finish_90_on"]]
    assert [(end - pd.Timestamp("2026-01-04")).days for end in ends] == pytest.approx(expected, abs=1.5)


def test_a_chain_of_independent_tasks_has_the_sum_of_their_means_and_variances():
    """Twelve beta durations in a row are near enough normal: mean and variance add up."""
    tasks = [task(f"T{n}", f"T{n - 1}" if n else "", **points(4, 8, 20)) for n in range(12)]
    mean = 12 * (4 + 32 + 20) / 6
    variance = 12 * (mean / 12 - 4) * (20 - mean / 12) / 7
    at = [int(mean - 8), int(mean), int(mean + 8)]
    expected = stats.norm(mean, np.sqrt(variance)).cdf(at)
    assert chances(tasks, at, correlation=0.0) == pytest.approx(expected, abs=0.02)


def test_a_chain_of_one_owner_has_the_variance_that_the_correlation_adds():
    """Log-normal durations have a closed form: their correlation follows from that of their logarithms."""
    tasks = [task(f"T{n}", f"T{n - 1}" if n else "", likely_days=100) for n in range(4)]
    sd, rho = 0.3, 0.5
    one = np.exp(sd**2 / 2)
    variance = 4 * one**2 * (np.exp(sd**2) - 1) + 12 * one**2 * (np.exp(rho * sd**2) - 1)
    plan = plan_of(*tasks)
    forecast = finish_forecast(plan, EVERY_DAY, correlation=rho, spread=Spread(0.0, sd, 50)).projects.iloc[0]
    low, middle, high = ((forecast[f"finish_{each}_on"] - pd.Timestamp("2026-01-04")).days for each in (10, 50, 90))
    # A sum of log-normals is nearly log-normal with the same mean and variance (Fenton 1960).
    log_variance = np.log(1 + variance / (4 * one) ** 2)
    median = 100 * 4 * one / np.exp(log_variance / 2)
    assert middle == pytest.approx(median, rel=0.015)
    assert np.log(high / low) == pytest.approx(2 * 1.2816 * np.sqrt(log_variance), rel=0.04)


def test_the_end_of_two_parallel_tasks_is_the_later_one():
    tasks = [task("A", **points(20, 50, 80)), task("B", **points(20, 50, 80))]
    at = [45, 50, 60]
    assert chances(tasks, at, correlation=0.0) == pytest.approx(pert(20, 50, 80).cdf(at) ** 2, abs=0.015)
    # Tasks of one owner are late together, so that the later one is less late.
    assert chances(tasks, [50], correlation=0.8)[0] > chances(tasks, [50], correlation=0.0)[0] + 0.08


def test_a_started_task_is_drawn_as_one_that_has_lasted_so_long():
    """50 days in, of 20 to 160: the rest has the mean of what is longer than 50 days, less 50."""
    plan = plan_of(task("A", **STARTED, **points(20, 60, 160)), as_of="2026-02-23")
    whole = pert(20, 60, 160)
    longer = whole.expect(lambda x: x, lb=50, ub=160, conditional=True)
    assert mean_days(plan)["A"] == pytest.approx(longer - 50, rel=0.02)
    half_done = plan_of(task("A", **STARTED, percent_complete=50, **points(20, 60, 160)), as_of="2026-02-23")
    assert mean_days(half_done)["A"] == pytest.approx(longer / 2, rel=0.02)


def test_a_task_that_outlasted_its_worst_case_goes_on_at_its_pace():
    """30 days in, of 5 to 10, half done: about 30 more, not none."""
    plan = plan_of(task("A", **STARTED, percent_complete=50, **points(5, 7, 10)), as_of="2026-02-03")
    forecast = finish_forecast(plan, EVERY_DAY).tasks.iloc[0]
    assert forecast["drawn_from"] == "pace so far"
    assert 25 < forecast["mean_days"] < 45
    silent = plan_of(task("A", **STARTED, **points(5, 7, 10)), as_of="2026-02-03")
    assert mean_days(silent)["A"] > 1


def overrun(owner_of_last: str) -> Plan:
    done = [
        task(f"D{n}", started_on="2026-01-05", finished_on="2026-01-23", owner="bo", **points(5, 10, 20))
        for n in range(6)
    ]
    return plan_of(*done, task("A", owner=owner_of_last, **points(50, 100, 200)), as_of="2026-01-25")


def test_what_an_owner_finished_late_says_that_their_next_task_will_be_late():
    """The factor's mean by Bayes' rule: √ρ Σx / (1 - ρ + n ρ) of six scores x of 19 days."""
    score = special.ndtri(pert(5, 10, 20).cdf(19)).clip(max=2)
    rho = 0.3
    factor = np.sqrt(rho) * 6 * score / (1 - rho + 6 * rho)
    spread = np.sqrt(rho * (1 - rho) / (1 - rho + 6 * rho) + 1 - rho)
    x = np.linspace(-8, 8, 4001)
    weight = stats.norm(np.sqrt(rho) * factor, spread).pdf(x)
    expected = (pert(50, 100, 200).ppf(special.ndtr(x)) * weight).sum() / weight.sum()
    assert mean_days(overrun("bo"))["A"] == pytest.approx(expected, rel=0.01)
    assert mean_days(overrun("cy"))["A"] == pytest.approx(650 / 6, rel=0.01)
    assert mean_days(overrun("bo"), correlation=0.0)["A"] == pytest.approx(650 / 6, rel=0.01)


def test_a_running_task_that_is_late_says_something_of_its_owners_other_tasks():
    late = task("A", owner="bo", **STARTED, **points(10, 20, 40))
    plan = plan_of(
        late, task("B", owner="bo", **points(50, 100, 200)), task("C", **points(50, 100, 200)), as_of="2026-02-08"
    )
    days = mean_days(plan)
    assert days["B"] > days["C"] * 1.05


def test_a_task_without_estimates_is_drawn_from_how_past_plans_went():
    """Eight finished tasks took twice their five days; the next of ten working days is expected at twenty."""
    done = [
        task(f"D{n}", started_on="2026-01-05", finished_on="2026-01-14", **planned("2026-01-05", "2026-01-09"))
        for n in range(8)
    ]
    plan = plan_of(*done, task("A", **planned("2026-02-01", "2026-02-10")), as_of="2026-01-18")
    ratios = duration_ratios(plan, EVERY_DAY)
    assert ratios["ratio"].tolist() == [2.0] * 8
    assert spread_of(ratios["ratio"])[:2] == pytest.approx((np.log(2), 0.0))
    assert spread_of(ratios["ratio"][:7]) is None
    assert spread_of([9.0] * 50 + [2.0] * 200) == pytest.approx((np.log(2), 0.0, 200))
    forecast = finish_forecast(plan, EVERY_DAY)
    assert forecast.tasks.iloc[-1][["drawn_from", "mean_days"]].tolist() == ["past ratios", pytest.approx(20)]
    assert forecast.projects.loc[0, "finish_50_on"] == pd.Timestamp("2026-02-20")


def test_where_nothing_tells_a_duration_the_project_has_no_forecast_and_the_others_have():
    plan = plan_of(
        task("A", likely_days=5),
        task("B", "A"),
        task("C", project_id="Q", **points(1, 2, 3)),
        task("D", project_id="R", started_on="2026-01-02", finished_on="2026-01-02"),
        projects=[project(each, baseline_end_on="2026-01-08") for each in "PQRS"],
    )
    frame = finish_forecast(plan, office_days(plan)).projects.set_index("project_id")
    assert frame["state"].tolist() == ["no forecast", "open", "finished", "no forecast"]
    assert frame["why"].tolist() == [
        "nothing tells how long tasks take that are not done: A, B",
        "",
        "",
        "it has no tasks",
    ]
    assert frame["chance"].isna().tolist() == [True, False, False, True]
    assert frame.loc["R", ["chance", "finish_50_on"]].tolist() == [1.0, pd.Timestamp("2026-01-02")]


def test_durations_are_working_days():
    """Three days from Wednesday, November 25, with Thanksgiving and a weekend within."""
    plan = plan_of(task("A", **points(3, 3, 3)), as_of="2026-11-24", projects=[project(baseline_end_on="2026-11-30")])
    frame = finish_forecast(plan, office_days(plan)).projects.iloc[0]
    assert frame[["finish_50_on", "chance", "days_late"]].tolist() == [pd.Timestamp("2026-11-30"), 1.0, 0.0]


def test_criticality_and_cruciality_name_what_drives_the_end():
    plan = plan_of(
        task("short", **points(4, 5, 6)),
        task("long", **points(20, 40, 90)),
        task("even", **points(18, 38, 92)),
        task("last", "short;long;even", **points(9, 10, 11)),
    )
    tasks = finish_forecast(plan, office_days(plan), correlation=0.0).tasks.set_index("task_id")
    assert tasks["criticality"]["short"] == 0
    assert tasks["criticality"]["last"] == 1
    assert tasks["criticality"][["long", "even"]].sum() == pytest.approx(1)
    assert 0.4 < tasks["criticality"]["long"] < 0.6
    assert tasks["cruciality"][["long", "even"]].min() > 0.5
    assert tasks["cruciality"][["short", "last"]].abs().max() < 0.15


def draws_of(forecast: FinishForecast) -> list[object]:
    return [*forecast.tasks.set_index("task_id").loc["A", ["mean_days", "finish_80_on"]], *forecast.projects["chance"]]


def test_the_same_plan_gives_the_same_numbers_whatever_the_order_of_its_rows():
    tasks = [task("A", **points(4, 8, 20)), task("B", "A", **points(4, 8, 20)), task("C", "A", **points(1, 9, 20))]
    np.random.seed(1)  # noqa: NPY002 the global state must not matter
    first = plan_of(*tasks)
    again = plan_of(*tasks[::-1])
    assert draws_of(finish_forecast(first, office_days(first))) == draws_of(finish_forecast(again, office_days(again)))


def test_a_task_that_is_added_leaves_the_draws_of_the_others_as_they_were():
    first, more = (
        plan_of(task("A", **points(4, 8, 20))),
        plan_of(task("A", **points(4, 8, 20)), task("B", likely_days=0)),
    )
    assert mean_days(first)["A"] == mean_days(more)["A"]


def test_projects_wait_for_each_others_tasks():
    plan = plan_of(
        task("A", **points(10, 10, 10)),
        task("B", "A", project_id="Q", **points(5, 5, 5)),
        projects=[project("P"), project("Q")],
    )
    ends = finish_forecast(plan, EVERY_DAY).projects["finish_50_on"]
    assert ends.tolist() == [pd.Timestamp("2026-01-14"), pd.Timestamp("2026-01-19")]


@pytest.mark.parametrize("options", [{"draws": 0}, {"correlation": 1.0}, {"correlation": -0.1}])
def test_what_cannot_be_drawn_is_refused(options: dict):
    plan = plan_of(task("A", likely_days=1))
    with pytest.raises(ValueError, match="must be at least"):
        finish_forecast(plan, EVERY_DAY, **options)


def test_a_plan_of_nothing_has_a_forecast_of_nothing():
    plan = plan_of(projects=[project()])
    forecast = finish_forecast(plan, office_days(plan))
    assert forecast.projects["state"].tolist() == ["no forecast"]
    assert len(forecast.tasks) == 0
