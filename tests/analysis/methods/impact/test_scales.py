"""The scales: what a week is on them, and that what is said of a step is the step."""

from __future__ import annotations

import numpy as np
import pytest

from opslib.analysis.methods.impact.scales import IDENTITY, LOG, LOGIT, Scale, scale_of
from opslib.metrics import CATALOGUE


def test_weeks_are_put_on_the_scales_by_hand():
    assert Scale(LOGIT).of([3], [10]) == pytest.approx([np.log(3.5 / 7.5)])
    assert Scale(LOG).of([30, 0], [10, 1]) == pytest.approx([np.log(3), np.log(0.5)])
    assert Scale(IDENTITY).of([-4, 9], [1, 10]) == pytest.approx([-4, 0.9])
    assert np.isnan(Scale(LOGIT).of([0], [0])).all()


@pytest.mark.parametrize(
    ("scale", "level", "change"),
    [
        (Scale(LOG), 12.0, -0.3),
        (Scale(LOG), 12.0, 0.5),
        (Scale(LOGIT), 0.2, 0.05),
        (Scale(LOGIT), 0.97, -0.2),
        (Scale(IDENTITY), 3.0, -7.0),
    ],
)
def test_a_change_becomes_a_step_and_the_same_change_again(scale: Scale, level: float, change: float):
    assert scale.change_of(scale.step_of(change, level), level) == pytest.approx(change)


def test_a_change_that_there_cannot_be_is_an_infinite_step():
    assert Scale(LOG).step_of(-1.5, 2.0) == -np.inf
    assert Scale(LOGIT).step_of(0.5, 0.8) == np.inf


def test_levels_are_those_of_the_unit():
    assert Scale(LOGIT).level([1, 5], [10, 20]) == pytest.approx(0.2)
    assert Scale(LOG).level([1, 100], [1, 1]) == pytest.approx(10)
    assert Scale(IDENTITY).level([1, 3], [1, 1]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("touches_per_solved", LOG),
        ("first_reply_median", LOG),
        ("contacts_per_1000", LOG),
        ("csat", LOGIT),
        ("qa_score", IDENTITY),
        ("net_flow", IDENTITY),
    ],
)
def test_each_metric_has_its_scale(metric: str, name: str):
    assert scale_of(CATALOGUE[metric]).name == name


def test_every_metric_with_a_direction_has_a_scale():
    assert {scale_of(metric).name for metric in CATALOGUE.values() if metric.better != "neither"} == {
        LOG,
        LOGIT,
        IDENTITY,
    }


@pytest.mark.parametrize(
    ("scale", "above", "below", "is_enough"),
    [
        (Scale(LOGIT), [0, 1], [20, 20], False),
        (Scale(LOGIT), [1, 1], [20, 20], True),
        (Scale(LOGIT), [20, 20], [20, 21], False),
        (Scale(LOG), [0, 1], [1, 1], False),
        (Scale(LOG), [1, 1], [1, 1], True),
    ],
)
def test_fewer_than_one_event_a_week_on_the_rarer_side_are_too_few(
    scale: Scale, above: list[float], below: list[float], is_enough: bool
):
    assert scale.has_enough_events(above, below, is_count=True) is is_enough
