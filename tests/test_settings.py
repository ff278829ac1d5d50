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
        ("locale: en_US", "locale: de_XX", "'de_XX' is no locale that is known; of its language there are de_DE, de"),
        ("locale: en_US", "locale: english", "'english' is no locale that is known; write it like en_US, en_GB or de"),
        ("labels: {}", "labels: {contact_reson: {a: A}}", "labels.contact_reson: there is no such field; the fields"),
        ("labels: {}", "labels: {queue: {a: ''}}", "labels.queue.a: '' is no label; write one line"),
        ("labels: {}", "labels: {queue: {a: Same, b: Same}}", "labels.queue: two values are called 'Same'"),
        ("labels: {}", "labels: {team: {us-safety: Safe}}", "the label of 'us-safety' stands under `teams`"),
        ("rate: 0.20", "rate: 0", "signals.rate: 0 is no rate; write a number between 0 and 1"),
        ("rate: 0.20", "rate: 1", "signals.rate: 1 is no rate"),
        ("rate: 0.20", "rate: 10%", "signals.rate: '10%' is no rate"),
        ("rate: 0.20", "rate: seldom", "signals.rate: 'seldom' is no rate"),
        ("rate: 0.20", "rate: .nan", "signals.rate: nan is no rate"),
        ("rate: 0.20", "rate:", "signals.rate: None is no rate"),
        ("  rate: 0.20", "  rates: 0.20", "signals.rates: there is no such key"),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path, before, after, words):
    with pytest.raises(SettingsError, match=r"org\.yml:\d+: .*") as error:
        organisation(tmp_path, (before, after))
    assert words in str(error.value)


DECISION = '{metric: created, from: 2026-08-03, reason: "refunds have a form of their own"}'
GOALS = "    goals:\n      - {metric: first_reply_median"


def decided(tmp_path: Path, *baselines: str) -> Organisation:
    """The shipped organisation, whose first team has these baselines."""
    lines = "".join(f"      - {each}\n" for each in baselines)
    return organisation(tmp_path, (GOALS, f"    baselines:\n{lines}{GOALS}"))


def test_a_decision_says_from_when_on_a_metric_has_a_new_normal_and_why(tmp_path):
    later = '{metric: created, from: 2026-09-07, reason: "and so have returns"}'
    general, creators, *_ = decided(tmp_path, DECISION, later).teams
    assert [(each.metric, each.start) for each in general.baselines] == [
        ("created", date(2026, 8, 3)),
        ("created", date(2026, 9, 7)),
    ]
    assert general.baselines[0].reason == "refunds have a form of their own"
    assert creators.baselines == ()


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        ("2026-08-03", "3 August", ".0.from", "'3 August' is no date; write it like 2026-08-31"),
        ("2026-08-03", "2026-W32", ".0.from", "'2026-W32' is no date"),
        ("2026-08-03", "2026-02-30", ".0.from", "'2026-02-30' is no date"),
        ("2026-08-03", "20260803", ".0.from", "20260803 is no date"),
        ("from: 2026-08-03, ", "", ".0.from", "this key is needed"),
        ("from: 2026-08-03", "since: 2026-08-03", ".0.since", "there is no such key"),
        (', reason: "refunds have a form of their own"', "", ".0.reason", "this key is needed"),
        ("refunds have a form of their own", "  ", ".0.reason", "say in a few words why"),
        ("refunds have a form of their own", "…", ".0.reason", "say in a few words why"),
        ('"refunds have a form of their own"', "", ".0.reason", "say in a few words why"),
        (DECISION, "created", ".0", "here stand keys with their values"),
        (DECISION, f"{DECISION}\n      - {DECISION}", "", "created from 2026-08-03 is there twice"),
    ],
)
def test_a_decision_that_does_not_fit_is_named_with_its_line(tmp_path, before, after, key, words):
    assert before in DECISION
    with pytest.raises(SettingsError) as error:
        decided(tmp_path, DECISION.replace(before, after))
    (problem,) = (line for line in str(error.value).splitlines() if words in line)
    path, number, place, _ = problem.split(":", 3)
    assert (path, place) == (str(tmp_path / "org.yml"), f" teams.0.baselines{key}")
    first = next(at for at, line in enumerate(ORG.splitlines(), 1) if line.startswith("    goals:"))
    assert int(number) == first + (1 if key else 0)


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


TENS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(8))
HOSTILE = {
    "aliases of aliases": (TENS, r"org\.yml:5: not YAML: it has more than 100,000 values"),
    "an alias of itself": ("teams: &a [*a]", r"org\.yml:1: not YAML: an alias stands within what it is the name of"),
    "lists in lists": ("teams: " + "[" * 900 + "]" * 900, r"org\.yml:1: not YAML: its values stand more than 50 deep"),
    "tables in tables": (
        "\n".join(" " * n + "a:" for n in range(900)),
        r"org\.yml:50: not YAML: its values stand more",
    ),
    "a number of 5,000 digits": (ORG.replace("2020-01-01", "9" * 5000, 1), r"org\.yml:\d+: calendars\.0\.hours"),
    "a control character": ("teams: a\0b", r"org\.yml: not YAML: unacceptable character"),
    "a merge of no table": ("a: {<<: 5}", r"org\.yml:1: not YAML: expected a mapping"),
    "megabytes": ("# comment\n" * 1_200_000, r"org\.yml: the file has more than 10 MB"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_asks_for_minutes_or_memory_is_refused_with_its_line(tmp_path, kind):
    text, words = HOSTILE[kind]
    (tmp_path / "org.yml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load(tmp_path / "org.yml", Organisation)


def test_how_long_things_are_kept_is_read_with_their_units(tmp_path):
    kept = organisation(
        tmp_path, ("keep: {}", "keep: {text: 26 weeks, tickets: 3 years, quarantine: 1 day}")
    ).privacy.keep
    assert [str(each) for each in (kept.text, kept.tickets, kept.quarantine, kept.reports)] == [
        *("26 weeks", "3 years", "1 day", "None")
    ]
    assert kept.tickets.before(date(2028, 2, 29)) == date(2025, 2, 28)
    assert kept.text.before(date(2026, 11, 30)) == date(2026, 6, 1)


@pytest.mark.parametrize(
    "time", ["26", "26w", "0 weeks", "-1 week", "1.5 years", "fortnight", "[1, week]", "9999999 days"]
)
def test_a_time_that_is_none_is_named_with_its_line(tmp_path, time):
    with pytest.raises(
        SettingsError, match=r"org\.yml:8: privacy\.keep\.text: .* is no stretch of time; write a whole"
    ):
        organisation(tmp_path, ("keep: {}", f"keep: {{text: {time}}}"))
