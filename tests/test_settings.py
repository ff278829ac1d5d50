from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from opslib.errors import SettingsError
from opslib.settings import Organisation, WeeklyPlan, load, load_organisation, load_weekly_plan

PARAMS = Path(__file__).parents[1] / "params"
ORG = (PARAMS / "org.yml").read_text(encoding="utf-8")


def organisation(tmp_path: Path, *changes: tuple[str, str]) -> Organisation:
    text = ORG
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    path = tmp_path / "org.yml"
    path.write_text(text, encoding="utf-8")
    return load(path, Organisation)


def test_the_shipped_parameters_are_valid():
    assert load_organisation(PARAMS).team_names == ("us-general", "us-creators", "us-safety", "us-commerce")
    assert load_weekly_plan(PARAMS).notebooks[0].notebook == "team/weekly_review"


def test_one_error_lists_all_that_is_wrong_with_the_line_of_each_key(tmp_path):
    with pytest.raises(SettingsError) as error:
        organisation(
            tmp_path,
            ("high: 4h", "high: 4"),
            ("label: Creator support", "labl: Creator support"),
            ("time_zone: America/Chicago", "time_zone: America/Chikago"),
        )
    lines = (tmp_path / "org.yml").read_text().splitlines()
    lines_of_error = str(error.value).splitlines()
    assert len(lines_of_error) == 4
    for problem, key in zip(
        lines_of_error, ("America/Chikago", "high: 4,", "- name: us-creators", "labl:"), strict=True
    ):
        number = int(problem.removeprefix(str(tmp_path / "org.yml") + ":").split(":")[0])
        assert key in lines[number - 1]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("calendar: us-commerce", "calendar: us-comerce", "no calendar 'us-comerce'; there are around-the-clock"),
        ("sla_policy: safety", "sla_policy: safe", "no SLA policy 'safe'; there are safety, standard"),
        ("- name: us-commerce\n    label", "- name: us-general\n    label", "team 'us-general' is there twice"),
        ('"13:00-18:00"', '"11:00-18:00"', "stretches of mon overlap"),
        ('"13:00-18:00"', '"13:00 to 18:00"', "no stretch of a day"),
        ("mon-fri: [", "mon-frid: [", "is no day of the week"),
        ("country: US, subdivision: CA", "country: UX, subdivision: CA", "country 'UX' is not known"),
        ("minimum_group: 5", "minimum_group: 1", "greater than or equal to 2"),
        ("target: 4h", "target: 4 hours", "is no duration"),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path, before, after, words):
    with pytest.raises(SettingsError, match=r"org\.yml:\d+: .*") as error:
        organisation(tmp_path, (before, after))
    assert words in str(error.value)


def test_words_and_times_of_day_are_not_reinterpreted(tmp_path):
    """YAML 1.1 reads `no` as false and 12:30 as 750; a region called `no` must stay a region."""
    read = organisation(tmp_path, ("region: US", "region: no"))
    assert read.teams[0].region == "no"


def test_a_goal_holds_from_its_date_until_the_next(tmp_path):
    goal = "{metric: csat, from: 2026-01-01, target: 85%}"
    team = organisation(tmp_path, (goal, f"{goal}\n      - {{metric: csat, from: 2026-09-01, target: 87%}}")).teams[0]
    assert team.goal("csat", date(2025, 12, 31)) is None
    assert team.goal("csat", date(2026, 8, 31)) == 0.85
    assert team.goal("csat", date(2026, 9, 1)) == 0.87
    assert team.goal("first_reply_median", date(2026, 9, 1)) == 4 * 3600


def test_a_file_that_is_no_yaml_names_the_line(tmp_path):
    (tmp_path / "weekly.yml").write_text("notebooks:\n  - notebook: [team/x\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"weekly\.yml:\d+: not YAML"):
        load(tmp_path / "weekly.yml", WeeklyPlan)


def test_a_missing_file_says_what_it_must_hold(tmp_path):
    with pytest.raises(SettingsError, match="it must hold the Organisation settings"):
        load_organisation(tmp_path)
