from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.contact_drivers.drivers import fisher_mid_p, form_choices, is_catch_all, pareto
from opslib.analysis.methods.intervals import wilson


def contacts(counts: dict[str, int], **columns: object) -> pd.DataFrame:
    reasons = [reason for reason, count in counts.items() for _ in range(count)]
    frame = pd.DataFrame({"contact_reason": reasons, "requester_id": [f"p{n}" for n in range(len(reasons))]})
    return frame.assign(**{"agent_work_business_seconds": 3600.0, "reopens": 0, "satisfied": np.nan} | columns)


def test_cumulative_shares_are_those_of_the_published_pareto_table():
    """The defects of the qcc package's Pareto chart, whose output prints these cumulative percentages."""
    published = {"contact num": 94, "price code": 80, "supplier code": 66, "part num": 33, "schedule date": 27}
    frame = pareto(contacts(published), minimum_group=5)
    assert frame["contact_reason"].tolist() == list(published)
    assert (100 * frame["cumulative_share"]).round(2).tolist() == [31.33, 58.0, 80.0, 91.0, 100.0]


def test_hours_waited_add_up_to_those_of_all_tickets_and_missing_times_are_no_zeros():
    rows = contacts({"a": 10, "b": 6})
    rows["agent_work_business_seconds"] = [7200.0] * 10 + [np.nan] * 6
    rows["reopens"] = [1] * 4 + [0] * 12
    frame = pareto(rows, minimum_group=5).set_index("contact_reason")
    assert frame.loc["a", ["waited_hours", "waited_hours_per_ticket", "waited_share", "reopens"]].tolist() == [
        20,
        2,
        1,
        4,
    ]
    assert np.isnan(frame.loc["b", "waited_hours"])


def test_dissatisfaction_is_of_those_who_answered():
    rows = contacts({"a": 20, "b": 10})
    rows.loc[:9, "satisfied"] = [0.0] * 3 + [1.0] * 7
    frame = pareto(rows, minimum_group=5).set_index("contact_reason")
    assert frame.loc["a", ["answered", "dissatisfied"]].tolist() == [10, 3]
    expected = wilson([3], [10]).iloc[0].tolist()
    assert frame.loc["a", ["dissatisfied_share", "dissatisfied_low", "dissatisfied_high"]].tolist() == expected
    assert np.isnan(frame.loc["b", "dissatisfied_share"])


def test_without_surveys_nobody_is_counted_as_satisfied():
    frame = pareto(contacts({"a": 20}).drop(columns="satisfied"), minimum_group=5)
    assert frame[["answered", "dissatisfied", "dissatisfied_share"]].isna().all(axis=None)


def test_reasons_of_few_people_are_summed_in_one_row_at_the_end():
    """Six tickets of one person are one person, whom a row of its own would show."""
    rows = contacts({"a": 9, "b": 6, "c": 2, "d": 3})
    rows.loc[rows["contact_reason"] == "b", "requester_id"] = "the same"
    frame = pareto(rows, minimum_group=5)
    assert frame["contact_reason"].tolist() == ["a", "fewer than 5 people each"]
    assert frame["tickets"].tolist() == [9, 11]
    assert frame["folded"].tolist() == [0, 3]


@pytest.mark.parametrize("seed", range(3))
def test_no_ranking_tells_of_fewer_people_than_the_minimum_nor_do_two_beside_each_other(seed: int):
    """A reason's total in the one ranking less its tickets in the other's channels is of people enough, or none."""
    rng = np.random.default_rng(seed)
    rows = contacts({"a": 60, "b": 30, "c": 14, "d": 8, "e": 3})
    rows["channel"] = rng.choice(["mail", "chat", "phone", "fax"], len(rows), p=[0.6, 0.25, 0.1, 0.05])
    whole = pareto(rows, minimum_group=5).set_index("contact_reason")["tickets"]
    parts = pareto(rows, minimum_group=5, by="channel").set_index(["channel", "contact_reason"])["tickets"]
    few = "fewer than 5 people each"
    assert whole.sum() == parts.sum() == len(rows)
    assert (whole >= 5).all()
    channels = parts.groupby("channel").sum()
    assert (channels >= 5).all()
    named = parts[(parts.index.get_level_values(0) != few) & (parts.index.get_level_values(1) != few)]
    assert (named >= 5).all()
    by_reason = named.groupby("contact_reason").sum()
    for total, shown in ((whole, by_reason), (channels, named.groupby("channel").sum())):
        rest = (total - shown).drop(few, errors="ignore").dropna()
        assert ((rest == 0) | (rest >= 5)).all(), rest


def test_rates_per_thousand_users_stand_only_where_users_are_known():
    rows = contacts({"a": 12, "b": 8}, channel=["email"] * 10 + ["chat"] * 10)
    users = pd.DataFrame({"channel": ["email", "email"], "users": [1500, 500]})
    whole = pareto(rows, minimum_group=5, activity=users).set_index("contact_reason")
    assert whole.loc["a", "per_1000"] == pytest.approx(6.0)
    assert whole.loc["a", "per_1000_low"] == pytest.approx(3.1004, abs=1e-3)
    split = pareto(rows, minimum_group=1, activity=users, by="channel").set_index(["channel", "contact_reason"])
    assert split.loc[("email", "a"), "per_1000"] == pytest.approx(5.0)
    assert np.isnan(split.loc[("chat", "b"), "per_1000"])


def test_rankings_within_a_segment_sum_to_one_each():
    rows = contacts({"a": 12, "b": 8}, region=(["east"] * 7 + ["west"] * 3) * 2)
    frame = pareto(rows, minimum_group=1, by="region")
    assert frame.groupby("region")["share"].sum().tolist() == pytest.approx([1.0, 1.0])
    assert frame.groupby("region")["tickets"].sum().to_dict() == {"east": 14, "west": 6}


def test_no_tickets_give_no_rows():
    assert pareto(contacts({}), minimum_group=5).empty


def test_labels_that_say_nothing_are_known_in_the_spellings_of_crms():
    names = pd.Series(["Other", "other: billing", "MISC", "n/a", "general", None, "general_refund", "mother", "refund"])
    assert is_catch_all(names).tolist() == [True, True, True, True, True, True, False, False, False]


def misrouted(rng: np.random.Generator, shares: dict[str, float], count: int = 300) -> pd.DataFrame:
    form = rng.choice(list(shares), count)
    hit = rng.random(count) < np.array([shares[name] for name in form])
    rows = contacts(dict.fromkeys("abc", count // 3), form=form)
    return rows.assign(misrouted=hit.astype(float), labelled_other=0.0)


def test_the_form_that_misroutes_is_found_and_its_extra_tickets_counted():
    frame = form_choices(misrouted(np.random.default_rng(1), {"good": 0.05, "fine": 0.05, "bad": 0.4}), minimum_group=5)
    first = frame.iloc[0]
    assert (first["choice"], first["value"], first["outcome"]) == ("form", "bad", "misrouted")
    assert first["discovery"]
    assert first["extra"] == pytest.approx(first["hits"] - first["tickets"] * first["others_share"])
    assert not frame.query("value == 'good'")["discovery"].any()


def test_where_forms_are_alike_any_is_accused_in_at_most_one_case_of_ten():
    rng = np.random.default_rng(2)
    shares = dict.fromkeys("defgh", 0.15)
    runs = [form_choices(misrouted(rng, shares), minimum_group=5)["discovery"].any() for _ in range(60)]
    assert sum(runs) <= 13


def test_fishers_p_is_that_of_the_lady_tasting_tea():
    """Three of four cups right: 17 in 70 to do as well (Fisher 1935); the mid-p counts half of the 16 that do the same.

    All four right: 1 in 70, half of which is counted, on either side.
    """
    frame = fisher_mid_p([3, 4], [4, 4], [1, 0], [4, 4])
    assert frame == pytest.approx([2 * (1 + 16 / 2) / 70, 2 * (1 / 2) / 70])


def test_small_choices_are_accused_no_more_often_than_large_ones():
    """Forty forms of some eight tickets each beside a large one, all misrouted one time in ten."""
    rng = np.random.default_rng(5)
    shares = {f"f{number}": 0.1 for number in range(40)}
    runs = []
    for _ in range(60):
        rows = misrouted(rng, shares | {"large": 0.1}, 900)
        rows["form"] = rows["form"].where(rng.random(len(rows)) < 0.35, "large")
        runs.append(form_choices(rows, minimum_group=5, choices=[("form",)])["discovery"].any())
    assert sum(runs) <= 12


def test_choices_of_few_people_and_fields_without_values_are_left_out():
    rows = misrouted(np.random.default_rng(3), {"good": 0.1, "bad": 0.5}).assign(priority=None)
    rows.loc[:2, "form"] = "rare"
    frame = form_choices(rows, minimum_group=5)
    assert "rare" not in set(frame["value"])
    assert "priority" not in set(frame["choice"])
    assert "labelled_other" not in set(frame.query("choice == 'form, contact_reason'")["outcome"])
    assert form_choices(rows[["contact_reason", "misrouted"]], minimum_group=5).empty


def test_choices_are_counted_as_by_going_through_them_one_by_one():
    rng = np.random.default_rng(4)
    rows = contacts({"a": 60, "b": 40}, form=rng.choice(["x", "y", None], 100), channel=rng.choice(["m", "n"], 100))
    rows["requester_id"] = rng.choice([f"p{number}" for number in range(40)], 100)
    rows["misrouted"] = rng.choice([0.0, 1.0, np.nan], 100)
    frame = form_choices(rows, minimum_group=8, fewest=12)
    pairs = 0
    for fields in (["form"], ["form", "contact_reason"], ["channel"]):
        complete = rows.dropna(subset=[*fields, "misrouted"])
        for values, own in complete.groupby(fields):
            if own["requester_id"].nunique() < 8 or len(own) < 12:
                continue
            line = frame[(frame["choice"] == ", ".join(fields)) & (frame["value"] == " · ".join(values))].iloc[0]
            others = complete.drop(own.index)
            pairs += 1
            assert (line["tickets"], line["hits"]) == (len(own), own["misrouted"].sum())
            assert line["others_share"] == pytest.approx(others["misrouted"].mean())
            assert (
                line[["low", "high"]].tolist() == wilson([line["hits"]], [len(own)])[["low", "high"]].iloc[0].tolist()
            )
    assert pairs == len(frame) > 4


def test_choices_of_few_tickets_and_what_no_requester_chooses_are_not_judged():
    rows = contacts({"a": 100}, form=["x"] * 29 + ["y"] * 71, priority=["high", "low"] * 50)
    frame = form_choices(rows.assign(misrouted=[1.0, 0.0] * 50), minimum_group=5)
    assert set(frame.loc[frame["choice"] == "form", "value"]) == {"y"}
    assert "priority" not in set(frame["choice"])
