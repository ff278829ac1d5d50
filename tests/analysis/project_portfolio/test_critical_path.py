from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.project_portfolio.critical_path import planned_path, remaining_path
from opslib.analysis.project_portfolio.estimates import pert_mean, pert_variance
from opslib.analysis.project_portfolio.network import Network, in_circles
from tests.analysis.project_portfolio.plans import office_days, plan_of, planned, points, task

GENERAL_FOUNDRY = {
    "A": ("", 2),
    "B": ("", 3),
    "C": ("A", 2),
    "D": ("B", 4),
    "E": ("C", 4),
    "F": ("C", 3),
    "G": ("D;E", 5),
    "H": ("F;G", 2),
}
"""Render, Stair & Hanna, Quantitative Analysis for Management, the General Foundry example, weeks."""
GENERAL_FOUNDRY_PATH = {
    "A": (0, 2, 0, 2),
    "B": (0, 3, 1, 4),
    "C": (2, 4, 2, 4),
    "D": (3, 7, 4, 8),
    "E": (4, 8, 4, 8),
    "F": (4, 7, 10, 13),
    "G": (8, 13, 8, 13),
    "H": (13, 15, 13, 15),
}
GENERAL_FOUNDRY_POINTS = {
    "A": (1, 2, 3),
    "B": (2, 3, 4),
    "C": (1, 2, 3),
    "D": (2, 4, 6),
    "E": (1, 4, 7),
    "F": (1, 2, 9),
    "G": (3, 4, 11),
    "H": (1, 2, 3),
}
RELIABLE_CONSTRUCTION = {
    "A": ("", 2),
    "B": ("A", 4),
    "C": ("B", 10),
    "D": ("C", 6),
    "E": ("C", 4),
    "F": ("E", 5),
    "G": ("D", 7),
    "H": ("E;G", 9),
    "I": ("C", 7),
    "J": ("F;I", 8),
    "K": ("J", 4),
    "L": ("J", 5),
    "M": ("H", 2),
    "N": ("K;L", 6),
}
"""Hillier & Lieberman, Introduction to Operations Research, chapter 10, weeks."""
PRODUCT_LAUNCH = {
    "A": ("", (5, 5, 7)),
    "B": ("", (1, 2, 5)),
    "C": ("A", (5, 5, 5)),
    "D": ("A", (4, 8, 13)),
    "E": ("B;C", (1, 10, 17)),
    "F": ("D", (1, 5, 7)),
    "G": ("D", (2, 6, 9)),
    "H": ("E;F", (4, 4, 6)),
    "I": ("G;H", (2, 7, 10)),
    "J": ("I", (2, 4, 7)),
    "K": ("I", (6, 10, 13)),
    "L": ("J", (2, 6, 6)),
    "M": ("K", (2, 2, 3)),
    "N": ("L;M", (7, 7, 12)),
}
"""A textbook exercise solved at wizedu.com/questions/717873, days."""


def path_of(activities: dict[str, tuple[str, float | tuple[float, float, float]]]) -> pd.DataFrame:
    tasks = []
    for name, (waits_for, lasts) in activities.items():
        estimate = {"likely_days": lasts} if isinstance(lasts, int) else points(*lasts)
        tasks.append(task(name, waits_for, **estimate))
    plan = plan_of(*tasks)
    return planned_path(plan, office_days(plan)).set_index("task_id")


def test_general_foundry_as_published():
    path = path_of(GENERAL_FOUNDRY)
    columns = ["early_start", "early_finish", "late_start", "late_finish"]
    assert {name: tuple(row) for name, row in zip(path.index, path[columns].to_numpy(), strict=True)} == (
        GENERAL_FOUNDRY_PATH
    )
    assert path.index[path["is_critical"]].tolist() == ["A", "C", "E", "G", "H"]
    assert path["total_slack_days"].to_dict() == {**dict.fromkeys("ACEGH", 0.0), "B": 1.0, "D": 1.0, "F": 6.0}
    assert path["free_slack_days"].to_dict() == {**dict.fromkeys("ABCEGH", 0.0), "D": 1.0, "F": 6.0}


def test_general_foundry_by_three_points_as_published():
    """Published: 15 weeks, variance 3.11 along the critical path."""
    o, m, p = np.array(list(GENERAL_FOUNDRY_POINTS.values())).T
    assert pert_mean(o, m, p).tolist() == [2, 3, 2, 4, 4, 3, 5, 2]
    variance = dict(zip(GENERAL_FOUNDRY_POINTS, pert_variance(o, p), strict=True))
    assert sum(variance[name] for name in "ACEGH") == pytest.approx(3.11, abs=0.005)


def test_reliable_construction_as_published():
    path = path_of(RELIABLE_CONSTRUCTION)
    assert path["early_finish"].max() == 44
    assert path.index[path["is_critical"]].tolist() == list("ABCEFJLN")
    slack = {name: days for name, days in path["total_slack_days"].items() if days}
    assert slack == {"D": 4, "G": 4, "H": 4, "M": 4, "I": 2, "K": 1}


def test_a_pert_exercise_as_published():
    path = path_of(PRODUCT_LAUNCH)
    assert path["days"].round(2).tolist() == [
        *(5.33, 2.33, 5.0, 8.17, 9.67, 4.67, 5.83, 4.33, 6.67, 4.17, 9.83, 5.33, 2.17, 7.83)
    ]
    assert path.loc[["A", "B", "C", "D", "E", "F"], "late_finish"].round(2).tolist() == [
        *(5.33, 10.33, 10.33, 15.33, 20.0, 20.0)
    ]
    assert path.loc[["B", "D", "F"], "total_slack_days"].round(2).tolist() == [8.0, 1.83, 1.83]


def all_paths(task: int, network: Network) -> list[list[int]]:
    if not network.successors[task]:
        return [[task]]
    return [[task, *rest] for then in network.successors[task] for rest in all_paths(then, network)]


def test_the_passes_agree_with_a_list_of_all_paths():
    """Slow and obvious: the end is the longest path, and a task's slack what its longest path is short of it."""
    rng = np.random.default_rng(5)
    for size in (1, 2, 5, 9, 12, 12, 12):
        order = rng.permutation(size)
        pairs = [(order[a], order[b]) for b in range(size) for a in range(b) if rng.random() < 0.3]
        durations = rng.integers(0, 9, size).astype(float)
        network = Network(size, [a for a, _ in pairs], [b for _, b in pairs])
        starts = [task for task in range(size) if not network.predecessors[task]]
        paths = [path for task in starts for path in all_paths(task, network)]
        lengths = [durations[path].sum() for path in paths]
        early = network.early_finishes(durations, np.zeros(size))
        late = network.late_finishes(durations, np.full(size, early.max()))
        assert early.max() == max(lengths)
        for each in range(size):
            through = max(length for path, length in zip(paths, lengths, strict=True) if each in path)
            assert late[each] - early[each] == max(lengths) - through


def test_tasks_in_a_circle_have_no_order():
    assert in_circles(5, [0, 1, 2, 3, 4], [1, 2, 0, 4, 0]) == [[0, 1, 2]]
    with pytest.raises(ValueError, match="circle"):
        Network(2, [0, 1], [1, 0])


def test_what_is_left_starts_now_and_a_started_task_has_its_rest_to_do():
    """Monday, January 12: A is done, half of B (10 days) is left, C waits for both, D is planned for February."""
    plan = plan_of(
        task("A", started_on="2026-01-05", finished_on="2026-01-09", **planned("2026-01-05", "2026-01-08")),
        task("B", started_on="2026-01-05", percent_complete=50, likely_days=10),
        task("C", "A;B", likely_days=3),
        task("D", **planned("2026-02-02", "2026-02-03")),
        task("E", "A", likely_days=20),
        as_of="2026-01-11",
    )
    path = remaining_path(plan, office_days(plan)).set_index("task_id")
    assert path["days"].to_dict() == {"A": 0, "B": 5, "C": 3, "D": 2, "E": 20}
    # Martin Luther King's day, January 19, and Presidents' day, February 16, are closed.
    assert path["finish_on"].dt.strftime("%m-%d").to_dict() == {
        "A": "01-09",
        "B": "01-16",
        "C": "01-22",
        "D": "02-03",
        "E": "02-09",
    }
    assert path.loc["B", "start_on"] == pd.Timestamp("2026-01-05")
    assert path.index[path["is_critical"]].tolist() == ["E"]
    assert path.loc[["B", "C", "D"], "total_slack_days"].tolist() == [12, 12, 4]
    assert np.isnan(path.loc["A", "total_slack_days"])


def test_the_rest_of_a_task_that_began_too_early_waits_for_what_it_waits_for():
    plan = plan_of(
        task("A", likely_days=5),
        task("B", "A", started_on="2026-01-05", percent_complete=50, likely_days=4),
        as_of="2026-01-11",
    )
    path = remaining_path(plan, office_days(plan)).set_index("task_id")
    assert path.loc["B", "early_finish"] - path.loc["A", "early_finish"] == 2


def test_downstream_of_a_task_of_unknown_length_nothing_is_told():
    plan = plan_of(task("A"), task("B", "A", likely_days=2), task("C", likely_days=1))
    path = planned_path(plan, office_days(plan)).set_index("task_id")
    assert path["early_finish"].isna().tolist() == [True, True, False]
    assert not path["is_critical"].any()


def test_a_plan_without_tasks_has_no_path():
    plan = plan_of()
    days = office_days(plan)
    assert len(planned_path(plan, days)) == len(remaining_path(plan, days)) == 0
