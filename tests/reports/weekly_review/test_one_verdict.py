"""All places that say a verdict say the same one, for every team and week, and it is the one derived anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import opslib as ops
from opslib.metrics import CATALOGUE
from opslib.reports import weekly_review
from opslib.reports.weekly_review import Review, open_review
from opslib.settings import load_organisation
from opslib.store.files import write_text
from opslib.store.warehouse import Warehouse
from opslib.weekly.brief import brief_of_week
from opslib.weekly.comparison import metric_pairs
from opslib.weekly.manifest import write_manifest
from opslib.weekly.numbers.signals import build_weekly_signals
from opslib.weekly.pages.index import write_index
from opslib.weeks import shift_week
from tests.reports.review_warehouse import LAST, shared_warehouse
from tests.reports.small_warehouse import copy_warehouse
from tests.reports.weekly_review.verdict_places import (
    Verdicts,
    derived,
    record_of,
    said_by_compare,
    said_by_index,
    said_by_review,
)
from tests.weekly.weekly_notebooks import edition

GOALS = """
    goals:
      - {metric: first_reply_median, from: 2026-01-01, target: 2h}
      - {metric: first_reply_median, from: 2026-11-03, target: 50min}
      - {metric: first_reply_sla, from: 2026-01-01, target: 90%}
      - {metric: full_resolution_median, from: 2026-01-01, target: 3h}
      - {metric: full_resolution_p90, from: 2026-10-26, target: 5h}
      - {metric: csat, from: 2026-01-01, target: 90%}
      - {metric: qa_score, from: 2026-01-01, target: 85%}
      - {metric: reopen_share, from: 2026-01-01, target: 4%}
      - {metric: transfer_share, from: 2026-01-01, target: 30%}
      - {metric: first_reply_calendar_median, from: 2026-01-01, target: 1h}
      - {metric: backlog_closing, from: 2026-01-01, target: 2}
"""
WEEKS = [shift_week(LAST, -back) for back in (2, 1, 0)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two teams with many goals, one of them another since a Tuesday; a last week as a Monday has it."""
    root, params = copy_warehouse(shared_warehouse(tmp_path_factory), tmp_path_factory.mktemp("goals"))
    text = (params / "org.yml").read_text(encoding="utf-8")
    head, _, rest = text.partition("    goals:\n")
    rest = rest[rest.index("  - {name: beta") :]
    beta = "  - name: beta\n    label: Beta\n    region: US\n    calendar: always\n    sla_policy: promise"
    rest = rest.replace(
        "  - {name: beta, label: Beta, region: US, calendar: always, sla_policy: promise}", beta + GOALS
    )
    write_text(head.rstrip() + GOALS + rest, params / "org.yml")
    warehouse = Warehouse(root)
    values = warehouse.read("facts", "weekly_values")
    own = (values["channel"] == "all") & (values["week"] == LAST)
    for team, metric, cells in (
        ("alpha", "first_reply_median", {"state": "so far", "still_low": 2000.0, "still_high": 30000.0}),
        ("alpha", "full_resolution_median", {"state": "bounds", "value": None, "low": 20000.0, "high": None}),
        ("beta", "full_resolution_median", {"state": "bounds", "value": None, "low": 3600.0, "high": None}),
        ("beta", "first_reply_median", {"state": "so far", "still_low": 3100.0, "still_high": 3900.0}),
        ("beta", "reopen_share", {"state": "so far", "value": None, "low": None, "high": None}),
    ):
        values.loc[own & (values["team"] == team) & (values["metric"] == metric), list(cells)] = list(cells.values())
    values.loc[own, "settles_on"] = "2026-11-23"
    warehouse.write("facts", "weekly_values", values, partition_by_week=True)
    build_weekly_signals(warehouse, load_organisation(params))
    return root, params


@pytest.fixture(scope="module")
def reviews(folders: tuple[Path, Path]) -> dict[tuple[str, str], Review]:
    root, params = map(str, folders)
    return {
        (team, week): open_review(ops.open_week(week, team, warehouse=root, params=params))
        for team in ("alpha", "beta")
        for week in WEEKS
    }


def test_every_place_of_a_review_says_the_verdicts_that_follow_from_the_weekly_values(
    reviews: dict[tuple[str, str], Review],
):
    seen = set()
    for (team, week), review in reviews.items():
        expected = derived(review, week)
        seen |= {goal for goal, _ in expected.values()}
        places = said_by_review(review)
        for place, said in places.items():
            assert said == {name: expected.get(name, (None, None)) for name in said}, (team, week, place)
        assert_nothing_is_left_out(review, expected, places)
    assert seen == {
        *("Missed", "Missed, could be chance", "Missed, too few to say", "Met, too few to say", "At risk", "Met"),
        *("No goal judged", None),
    }, "the weeks have a case of each"


def assert_nothing_is_left_out(
    review: Review, expected: dict[str, Verdicts], places: dict[str, dict[str, Verdicts]]
) -> None:
    """Each goal has its tile, each missed one and each signal its line, and none of these needs no story."""
    goals = {name for name, (goal, _) in expected.items() if goal}
    missed = {name for name in goals if str(expected[name][0]).startswith("Missed")}
    twins = {name for name in expected if CATALOGUE[name].twin}
    signals = {name for name, (_, signal) in expected.items() if signal and ("signal" in signal or "outside" in signal)}
    assert goals <= set(places["tiles"])
    assert set(places["all metrics"]) >= set(expected)
    assert set(places["attention"]) == (missed | signals) - twins
    below = weekly_review.show.signals(weekly_review.signals(review)).text.partition("goals met")[2]
    assert not [
        name for name in missed if f"{CATALOGUE[name].label}," in below.partition("As usual: ")[2].split(".")[0]
    ]
    assert missed - twins <= set(weekly_review.explain(review)["metric"])


def test_index_and_compare_say_what_the_reviews_say(
    folders: tuple[Path, Path], reviews: dict[tuple[str, str], Review], tmp_path: Path
):
    warehouse, organisation = Warehouse(folders[0]), load_organisation(folders[1])
    for week in WEEKS:
        this = replace(edition(week), teams={"alpha": "Alpha", "beta": "Beta"})
        records = [record_of(review) for (_, of_week), review in reviews.items() if of_week == week]
        for record in records:
            write_text("<html></html>", tmp_path / f"{record.identifier}.html")
        brief = brief_of_week(
            warehouse,
            organisation,
            week,
            teams=["alpha", "beta"],
            blocked=(),
            folder=tmp_path / week,
            today=date(2026, 11, 16),
        )
        pairs = metric_pairs(warehouse, organisation, week)
        write_index(
            tmp_path,
            edition=this,
            records=records,
            blocked={},
            brief=brief,
            pairs={f"{week}/{team}/weekly_review": rows for team, rows in pairs.items()},
        )
        write_manifest(
            tmp_path / week / "manifest.json",
            edition=this,
            parameters={},
            records=records,
            verdict={"status": "passed"},
            times={},
        )
    for (team, week), review in reviews.items():
        expected = derived(review, week)
        goals = {name: (goal, None) for name, (goal, _) in expected.items() if goal}
        missed = {name for name, (goal, _) in goals.items() if str(goal).startswith("Missed")}
        cells, also_missed = said_by_index(tmp_path / week / "index.html", team.capitalize())
        assert cells == goals, (team, week)
        assert [name for name in missed if CATALOGUE[name].label not in also_missed] == [], (team, week)
        if week != WEEKS[0]:
            then, now = said_by_compare(tmp_path / week / team / "weekly_review.compare.html")
            before = derived(review, shift_week(week, -1))
            assert set(then) == set(now) == set(expected) | set(before)
            assert now == {name: expected.get(name, (None, None)) for name in now}
            assert then == {name: before.get(name, (None, None)) for name in then}
