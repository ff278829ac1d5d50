"""Which weeks an effect is measured on, counted by hand."""

from __future__ import annotations

from datetime import date

from opslib.analysis.methods.impact.study_weeks import GO_LIVE, RAMP, UNSETTLED, cut_before, study_weeks
from opslib.weeks import weeks_between

TOLD = set(weeks_between("2026-W01", "2026-W20"))
LIVE = date(2026, 3, 12)  # the Thursday of 2026-W11


def test_the_week_of_the_change_and_the_ramp_are_left_out():
    weeks = study_weeks(TOLD, LIVE, last="2026-W20", ramp_weeks=2)
    assert weeks.before == tuple(weeks_between("2026-W01", "2026-W10"))
    assert weeks.after == tuple(weeks_between("2026-W14", "2026-W20"))
    assert weeks.left_out == {"2026-W11": GO_LIVE, "2026-W12": RAMP, "2026-W13": RAMP}
    assert weeks.first_after == "2026-W14"


def test_incidents_and_weeks_that_are_not_settled_are_left_out_on_both_sides_and_are_no_gap():
    weeks = study_weeks(
        TOLD - {"2026-W08"},
        LIVE,
        last="2026-W20",
        incidents={"2026-W08": "outage", "2026-W15": "outage"},
        unsettled={"2026-W10", "2026-W20"},
    )
    assert weeks.before == ("2026-W01", *weeks_between("2026-W02", "2026-W07"), "2026-W09")
    assert weeks.after == ("2026-W13", "2026-W14", *weeks_between("2026-W16", "2026-W19"))
    assert weeks.left_out["2026-W08"] == "outage"
    assert weeks.left_out["2026-W20"] == UNSETTLED
    assert weeks.gaps_after == ()


def test_a_week_that_is_missing_before_cuts_the_window_and_one_after_is_a_gap():
    weeks = study_weeks(TOLD - {"2026-W05", "2026-W16"}, LIVE, last="2026-W20")
    assert weeks.before == tuple(weeks_between("2026-W06", "2026-W10"))
    assert weeks.gaps_after == ("2026-W16",)


def test_no_more_weeks_before_are_taken_than_asked_for_and_a_window_can_be_cut():
    weeks = study_weeks(TOLD, LIVE, last="2026-W20", weeks_before=4)
    assert weeks.before == tuple(weeks_between("2026-W07", "2026-W10"))
    assert cut_before(weeks, "2026-W09").before == ("2026-W09", "2026-W10")


def test_a_change_to_come_has_weeks_before_it_only():
    weeks = study_weeks(TOLD, date(2026, 5, 18), last="2026-W20")
    assert (len(weeks.before), weeks.after, weeks.left_out) == (20, (), {})
