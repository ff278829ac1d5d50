"""Benefits measured on a small warehouse: which tickets are counted on which side, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from opslib.analysis.methods.impact.changes import Change
from opslib.analysis.methods.impact.verdicts import CANNOT_TELL, HELPED
from opslib.errors import SettingsError
from opslib.metrics import CATALOGUE, check_goals
from opslib.reports.benefit_words import detectable_sentence, gain_sentence, verdict_sentence
from opslib.reports.benefits import Benefit, BenefitReader, measured_benefits
from opslib.settings import Organisation, load_organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.weeks import monday_of
from tests.reports.review_warehouse import PRESENT, shared_warehouse
from tests.reports.small_warehouse import copy_warehouse

LIVE = "2026-W38"
IMPACT = {
    "worth": {"touches_per_solved": "5%"},
    "minutes": {"touches_per_solved": 6},
    "hourly_cost": 30,
    "incidents": [{"from": date(2026, 10, 14), "until": date(2026, 10, 14), "reason": "the telephone was down"}],
}
PROJECTS = pd.DataFrame(
    {
        "project_id": ["P1", "P2", "P3", "P4", "P5"],
        "name": ["Macros", "Greeting", "To come", "No goal", "Odd goal"],
        "stage": ["live", "live", "running", "live", "live"],
        "goal_metric": ["touches_per_solved", "touches_per_solved", "touches_per_solved", None, "happiness"],
        "went_live_on": [monday_of(LIVE), monday_of(LIVE), None, monday_of(LIVE), monday_of(LIVE)],
        "teams": ["alpha", "beta", "alpha", "quiet", "quiet"],
        "contact_reasons": ["a0;a1", "b0;b1", "a2", None, None],
    }
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Alpha's reasons a0 to a7 and beta's b0 to b7; from the change on a ticket of a0 and a1 takes fewer replies."""
    root = tmp_path_factory.mktemp("benefits")
    folder, _ = copy_warehouse(shared_warehouse(tmp_path_factory), root)
    store = Warehouse(folder)
    tickets = store.read("facts", "tickets").sort_values("ticket_id", kind="stable", ignore_index=True)
    random = np.random.default_rng(11)
    number = tickets.groupby(["week", "team"]).cumcount()
    tickets["contact_reason"] = tickets["team"].str[0] + (number % 8).astype("str")
    helped = tickets["contact_reason"].isin(["a0", "a1"]) & (tickets["week"] >= LIVE)
    tickets["touches"] = 1 + random.binomial(8, np.where(helped, 0.10, 0.25))
    store.write("facts", "tickets", tickets, partition_by_week=True)
    store.write("standard", "projects", PROJECTS)
    policies = {"policy_id": "POL", "effective_at": pd.Timestamp("2026-09-30", tz="UTC"), "summary": "Ask for proof."}
    store.write("standard", "policy_changes", pd.DataFrame([policies | {"contact_reasons": "a7"}]))
    write_json(
        PRESENT | {"projects": list(PROJECTS.columns), "policy_changes": [*policies, "contact_reasons"]},
        store.folder("standard", "columns.json"),
    )
    return store


@pytest.fixture(scope="module")
def organisation(tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    return with_impact(tmp_path_factory, IMPACT)


def with_impact(tmp_path_factory: pytest.TempPathFactory, impact: dict[str, object]) -> Organisation:
    _, params = shared_warehouse(tmp_path_factory)
    yaml, folder = YAML(), tmp_path_factory.mktemp("params")
    tree = yaml.load((params / "org.yml").read_text(encoding="utf-8")) | {"impact": impact}
    with (folder / "org.yml").open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    return load_organisation(Path(folder))


@pytest.fixture(scope="module")
def benefits(warehouse: Warehouse, organisation: Organisation) -> dict[str, Benefit]:
    return {each.change.change_id: each for each in measured_benefits(warehouse, organisation)}


@pytest.fixture
def reader(warehouse: Warehouse, organisation: Organisation) -> Iterator[BenefitReader]:
    with BenefitReader(warehouse, organisation) as reader:
        yield reader


def names(benefit: Benefit) -> list[str]:
    return [each.name for each in benefit.refusals]


def test_the_treated_and_the_controls_are_the_tickets_counted_by_hand(
    warehouse: Warehouse, benefits: dict[str, Benefit]
):
    effect = benefits["P1"].effect
    assert effect is not None
    tickets = warehouse.read("facts", "tickets")
    solved = tickets[tickets["last_solved_at"].notna() & tickets["contact_reason"].isin(["a0", "a1"])]
    local = solved["last_solved_at"].dt.tz_convert("America/New_York").dt.strftime("%G-W%V")
    by_hand = solved.groupby(local)["touches"].mean()
    treated = effect.weekly[effect.weekly["arm"] == "treated"].set_index("week")["value"]
    assert treated.to_dict() == pytest.approx({week: by_hand[week] for week in effect.weeks.weeks})
    assert effect.controls == ("a2", "a3", "a4", "a5", "a6")  # a7 has a policy of its own


def test_the_week_of_the_change_the_ramp_incidents_and_what_is_not_settled_are_left_out(benefits: dict[str, Benefit]):
    effect = benefits["P1"].effect
    assert effect is not None
    assert {"2026-W38", "2026-W39", "2026-W42"} <= set(effect.weeks.left_out)
    assert effect.weeks.left_out["2026-W42"] == "the telephone was down"
    assert not set(effect.weeks.left_out) & set(effect.weeks.weeks)
    assert (effect.weeks.before[0], effect.weeks.before[-1]) == ("2026-W27", "2026-W37")


def test_a_project_that_spares_replies_is_measured_and_one_that_does_not_is_not_called_helped(
    benefits: dict[str, Benefit],
):
    helped, idle = benefits["P1"].effect, benefits["P2"].effect
    assert helped is not None
    assert idle is not None
    assert helped.now is not None
    assert helped.now.change_low < 1.8 / 3 - 1 < helped.now.change_high < 0  # 1 + 8 x 0.10 instead of 1 + 8 x 0.25
    assert names(benefits["P1"]) == []
    assert idle.verdict.name != HELPED


def test_at_the_review_the_verdict_stands_with_hours_and_money(warehouse: Warehouse, organisation: Organisation):
    """Without the incident six weeks have passed since the ramp."""
    impact = organisation.impact.model_copy(update={"incidents": ()})
    with BenefitReader(warehouse, organisation.model_copy(update={"impact": impact})) as reader:
        benefit = reader.benefit_of(next(each for each in reader.changes if each.change_id == "P1"))
    assert benefit.effect is not None
    assert benefit.effect.verdict.name == HELPED
    assert verdict_sentence(benefit).startswith("Helped: at least ")
    assert benefit.gain is not None
    sentence = gain_sentence(benefit.gain, "USD")
    assert sentence.startswith("It saves ")
    assert sentence.endswith("hours a year, USD " + sentence.partition("USD ")[2])
    assert "if it stays as in these 6 weeks" in sentence
    assert detectable_sentence(benefit).startswith("Would be found four times in five: ")


def test_before_it_is_live_it_is_said_what_could_be_found(benefits: dict[str, Benefit]):
    to_come = benefits["P3"]
    assert names(to_come)[0] == "not begun"
    assert to_come.effect is not None
    assert to_come.effect.verdict.name == CANNOT_TELL
    assert set(to_come.effect.planned) >= {6, 13}
    assert "5.0% less" in detectable_sentence(to_come)


def test_a_goal_that_is_missing_or_unknown_is_said_by_name(benefits: dict[str, Benefit]):
    assert names(benefits["P4"]) == ["no metric"]
    assert names(benefits["P5"]) == ["no such metric"]
    assert "'happiness'" in verdict_sentence(benefits["P5"])


def test_a_policy_is_measured_by_its_contacts_and_without_user_counts_that_is_not_in_the_export(
    benefits: dict[str, Benefit],
):
    assert benefits["POL"].metric is CATALOGUE["contacts_per_1000"]
    assert names(benefits["POL"]) == ["not in this export"]


MEASURED = ("first_reply_median", "one_touch_share", "reopen_share", "qa_score", "touches_per_solved")
WHY_NOT = {
    "backlog_closing": "not by this group",
    "created": "no direction",
    "first_reply_sla": "few events",
    "next_reply_median": "no variation",
}


def test_metrics_of_every_kind_are_measured_or_it_is_said_why_not(reader: BenefitReader):
    change = Change("project", "P9", "Part", monday_of(LIVE), teams=("alpha",), reasons=("a2", "a3"))
    for metric in (*MEASURED, *WHY_NOT):
        benefit = reader.benefit_of(replace(change, metric=metric))
        measured = benefit.effect is not None and benefit.effect.now is not None
        assert measured is (metric in MEASURED), metric
        assert measured or names(benefit)[0] == WHY_NOT[metric]
        assert verdict_sentence(benefit)


def test_a_whole_team_is_measured_beside_the_other_teams(reader: BenefitReader):
    effect = reader.benefit_of(
        Change("project", "P9", "Whole", monday_of(LIVE), teams=("beta",), metric="solved")
    ).effect
    assert effect is not None
    assert effect.controls == ()  # alpha's projects and policy have touched it, and the quiet team has no tickets
    assert [each.name for each in effect.refusals][:2] == ["other changes", "no control"]


def test_a_percentile_of_the_touched_reasons_is_that_of_their_tickets_together(
    warehouse: Warehouse, reader: BenefitReader
):
    change = Change("project", "P9", "Part", monday_of(LIVE), reasons=("a0", "a1"), metric="first_reply_median")
    effect = reader.benefit_of(change).effect
    assert effect is not None
    tickets = warehouse.read("facts", "tickets", weeks=["2026-W30"])
    seconds = tickets.loc[tickets["contact_reason"].isin(["a0", "a1"]), "first_reply_business_seconds"]
    treated = effect.weekly[effect.weekly["arm"] == "treated"].set_index("week")["value"]
    assert treated["2026-W30"] == pytest.approx(seconds.median())


def test_another_change_on_the_same_tickets_is_named_and_takes_the_verdict(reader: BenefitReader):
    project = next(each for each in reader.changes if each.change_id == "P1")
    whole = reader.benefit_of(replace(project, reasons=("a0", "a7")))
    assert names(whole)[0] == "other changes"
    assert "policy change POL" in verdict_sentence(whole)
    assert whole.effect is not None
    assert whole.effect.verdict.name == CANNOT_TELL


def test_of_reasons_for_which_too_few_people_wrote_nothing_is_shown(warehouse: Warehouse, organisation: Organisation):
    shy = organisation.model_copy(update={"privacy": organisation.privacy.model_copy(update={"minimum_group": 500})})
    with BenefitReader(warehouse, shy) as reader:
        benefit = reader.benefit_of(next(each for each in reader.changes if each.change_id == "P1"))
    assert (names(benefit), benefit.effect) == (["few people"], None)


def test_reasons_that_no_ticket_has_and_teams_that_there_are_not_touch_nothing(reader: BenefitReader):
    project = next(each for each in reader.changes if each.change_id == "P1")
    assert names(reader.benefit_of(replace(project, reasons=("zz",)))) == ["nothing touched"]
    assert names(reader.benefit_of(replace(project, teams=("gamma",)))) == ["nothing touched"]


@pytest.mark.parametrize(
    ("impact", "says"),
    [
        ({"worth": {"csat": "three points"}}, "three points"),
        ({"worth": {"csat": 0}}, "greater than 0"),
        (
            {"incidents": [{"from": date(2026, 5, 2), "until": date(2026, 5, 1), "reason": "outage"}]},
            "before it begins",
        ),
        ({"ramp": 3}, "ramp"),
    ],
)
def test_what_effects_are_worth_is_checked_as_it_is_read(
    tmp_path_factory: pytest.TempPathFactory, impact: dict[str, object], says: str
):
    with pytest.raises(SettingsError, match=says):
        with_impact(tmp_path_factory, impact)


def test_a_worth_of_a_metric_that_there_is_not_is_an_error_by_name(tmp_path_factory: pytest.TempPathFactory):
    with pytest.raises(SettingsError, match=r"impact\.minutes: there is no metric 'smiles'"):
        check_goals(with_impact(tmp_path_factory, {"minutes": {"smiles": 3}}))
