from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import nile

from opslib.analysis.contact_drivers import escalation
from opslib.analysis.contact_drivers.escalation import (
    REGISTER_COLUMNS,
    affected_segments,
    candidates,
    change_point,
    escalations_of_the_week,
    linked_causes,
    members,
    register_rows,
)
from opslib.analysis.contact_drivers.follow_up import WAITING
from opslib.analysis.contact_drivers.movers import weekly_counts, weekly_movers
from opslib.analysis.contact_drivers.texts import normalise

DAYS = list(pd.date_range("2026-08-17", periods=91).strftime("%Y-%m-%d"))
NO_PHRASES = pd.DataFrame(columns=["phrase", "tickets", "reason", "reason_share", "ticket_ids"])


def test_the_nile_breaks_after_its_28th_year():
    """Annual flow at Aswan 1871-1970: after 1898, with means 1097.75 and 849.97 (Cobb 1978; R's strucchange)."""
    step = change_point(nile.load_pandas().data["volume"])
    assert step.position == 28
    assert (round(step.before, 2), round(step.after, 2)) == (1097.75, 849.97)
    assert step.low <= 28 <= step.high
    assert step.high - step.low <= 8
    assert step.p <= 0.001


def test_the_position_is_that_of_the_highest_likelihood_over_all_positions():
    rng = np.random.default_rng(1)
    for _ in range(20):
        counts, over = rng.poisson(6, 30).astype(float), rng.uniform(50, 150, 30)
        best, likeliest = -np.inf, 0
        for place in range(3, 28):
            value = 0.0
            for part in (slice(0, place), slice(place, None)):
                rate = counts[part].sum() / over[part].sum()
                value += (counts[part] * np.log(rate * over[part]) - rate * over[part]).sum()
            if value > best:
                best, likeliest = value, place
        assert change_point(counts, over).position == likeliest


def test_where_nothing_changes_a_step_is_found_as_often_as_its_p_says():
    rng = np.random.default_rng(2)
    p = [change_point(rng.poisson(0.06 * over), over).p for over in rng.uniform(50, 150, (200, 91))]
    assert 0.02 <= np.mean(np.array(p) < 0.1) <= 0.16


def test_the_interval_holds_the_true_day_in_about_nineteen_of_twenty_cases():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(150):
        rate = np.where(np.arange(91) < 60, 4.0, 7.0)
        step = change_point(rng.poisson(rate))
        hits += step.low <= 60 <= step.high
    assert hits / 150 >= 0.88


def test_days_without_exposure_are_passed_over():
    counts = np.r_[np.full(20, 5), np.full(20, 15)]
    with_gap = np.insert(counts, 10, [0, 0, 0])
    over = np.insert(np.ones(40), 10, [0, 0, 0])
    assert change_point(with_gap, over).position == 23
    with pytest.raises(ValueError, match="at least 6"):
        change_point([1, 2, 3])


def contacts(rng: np.random.Generator, rates: dict[str, float], *, rise: str = "", times: float = 1.0) -> pd.DataFrame:
    rows = []
    for place, day in enumerate(DAYS):
        for reason, rate in rates.items():
            now = rate * times if reason == rise and place >= 70 else rate
            rows += [(day, reason)] * int(rng.poisson(now))
    frame = pd.DataFrame(rows, columns=["day", "contact_reason"])
    week = pd.to_datetime(frame["day"]).dt.isocalendar()
    frame["week"] = week["year"].astype("str") + "-W" + week["week"].astype("str").str.zfill(2)
    frame["ticket_id"] = [f"t{number}" for number in range(len(frame))]
    frame["agent_work_business_seconds"] = rng.gamma(2.0, 3600.0, len(frame))
    frame["satisfied"] = np.where(rng.random(len(frame)) < 0.3, (rng.random(len(frame)) < 0.8) * 1.0, np.nan)
    return frame


def movers_of(frame: pd.DataFrame, week: str) -> pd.DataFrame:
    return weekly_movers(weekly_counts(frame, sorted(frame["week"].unique())), week)


RATES = {"a": 6.0, "b": 9.0, "c": 4.0, "d": 7.0, "e": 5.0, "other": 2.0}


def test_a_reason_that_took_a_step_up_is_the_candidate_with_its_day_and_its_excess():
    frame = contacts(np.random.default_rng(4), RATES, rise="c", times=2.5)
    rows = candidates(frame, movers_of(frame, "2026-W46"), NO_PHRASES, days=DAYS)
    first = rows.iloc[0]
    assert first["subject"] == "c"
    assert first["onset_low"] <= DAYS[70] <= first["onset_high"]
    assert first["excess_low"] <= 7 * 4.0 * 1.5 <= first["excess_high"]
    assert first["score_low"] < first["score"] < first["score_high"]
    assert "step up" in first["found_by"]


def test_what_leaves_more_dissatisfied_comes_before_what_is_larger():
    frame = contacts(np.random.default_rng(5), RATES, rise="c", times=2.5)
    late = frame["day"] >= DAYS[70]
    extra = frame[late & (frame["contact_reason"] == "b")]
    both = pd.concat([frame, extra.assign(ticket_id="x" + extra["ticket_id"])], ignore_index=True)
    unhappy = (both["contact_reason"] == "c") & both["satisfied"].notna()
    both.loc[unhappy, "satisfied"] = 0.0
    rows = candidates(both, movers_of(both, "2026-W46"), NO_PHRASES, days=DAYS)
    assert rows["subject"].tolist()[:2] == ["c", "b"]
    assert rows["excess"].iloc[0] < rows["excess"].iloc[1]


def test_nothing_in_a_score_depends_on_how_long_the_tickets_have_lain():
    """Two reasons rise by as much; one is young: its tickets have waited little, and only the quick answers are there.

    Of the slow answers those are bad, so that a young reason would look well liked.
    """
    frame = contacts(np.random.default_rng(21), RATES, rise="c", times=3.0)
    answer_days = np.where(frame.index % 3 == 0, 2.0, 12.0)
    frame["satisfied"] = np.where(answer_days < 7, 1.0 * (frame.index % 4 > 0), 0.0)
    lain = 90 - pd.Index(DAYS).get_indexer(frame["day"])
    scores = []
    for seen_after in (0, 60):
        known = answer_days <= lain + seen_after
        seen = frame.assign(answer_days=answer_days, satisfied=frame["satisfied"].where(known))
        hours = 3600.0 * (lain + seen_after)
        rows = candidates(
            seen.assign(agent_work_business_seconds=hours), movers_of(frame, "2026-W46"), NO_PHRASES, days=DAYS
        )
        scores.append(rows.set_index("subject").loc["c", ["score", "score_low", "score_high"]].tolist())
    assert scores[0] == pytest.approx(scores[1])


def test_an_excess_that_was_picked_is_told_smaller_than_it_was_counted():
    """Over many quiet and risen reasons: those escalated are on average no larger than they are in truth."""
    rng = np.random.default_rng(22)
    told = []
    for _ in range(60):
        frame = contacts(rng, RATES, rise="c", times=1.45)
        rows = candidates(frame, movers_of(frame, "2026-W46"), NO_PHRASES, days=DAYS).set_index("subject")
        if "c" in rows.index:
            told.append(rows.loc["c", ["excess_as_counted", "excess"]].astype(float))
    counted, allowed = pd.DataFrame(told).mean()
    truth = 7 * 4.0 * 0.45
    assert len(told) >= 15
    assert counted > 1.25 * truth
    assert abs(allowed - truth) < 0.6 * (counted - truth)


def test_where_nothing_moves_there_is_a_candidate_in_few_cases():
    rng = np.random.default_rng(6)
    some = 0
    for _ in range(25):
        frame = contacts(rng, RATES)
        some += len(candidates(frame, movers_of(frame, "2026-W46"), NO_PHRASES, days=DAYS)) > 0
    assert some <= 9


def phrases_of(frame: pd.DataFrame, is_member: pd.Series, reason: str) -> pd.DataFrame:
    ids = tuple(frame.loc[is_member, "ticket_id"])
    return pd.DataFrame(
        {
            "phrase": ["ghost drafts"],
            "tickets": [len(ids)],
            "reason": [reason],
            "reason_share": [1.0],
            "ticket_ids": [ids],
        }
    )


def test_a_catch_all_is_no_candidate_but_the_phrase_under_it_is():
    frame = contacts(np.random.default_rng(7), RATES, rise="other", times=6.0).assign(text=" nothing new ")
    new = (frame["contact_reason"] == "other") & (frame["day"] >= DAYS[84])
    frame.loc[new, "text"] = " hello . ghost drafts . again . "
    rows = candidates(frame, movers_of(frame, "2026-W46"), phrases_of(frame, new, "other"), days=DAYS)
    assert "other" not in set(rows["subject"])
    row = rows[rows["subject"] == "ghost drafts"].iloc[0]
    assert (row["kind"], row["reason"], row["phrases"]) == ("phrase", "", "ghost drafts")
    assert row["tickets"] == new.sum()


def test_a_reason_gets_the_unlabelled_tickets_that_say_its_phrases():
    frame = pd.DataFrame(
        {
            "contact_reason": ["drafts", "other", "other", "refund", None],
            "text": normalise(pd.Series(["xy", "my ghost drafts.", "ghostly drafts", "2ghost drafts", "ghost drafts"])),
        }
    )
    assert members(frame, "reason", "drafts", ["ghost drafts"]).tolist() == [True, True, False, False, True]
    assert members(frame, "phrase", "", ["ghost drafts"]).tolist() == [False, True, False, False, True]
    assert members(frame, "phrase", "refund", ["ghost drafts"]).tolist() == [False, True, False, True, True]
    assert members(frame, "reason", "refund", []).tolist() == [False, False, False, True, False]
    assert members(frame, "phrase", "", ["("]).tolist() == [False] * 5
    divided = frame.assign(text=normalise(pd.Series(["ghost, drafts"] * 5)))
    assert not members(divided, "phrase", "refund", ["ghost drafts"]).any()


def test_what_is_new_in_a_broad_reason_does_not_disappear_in_it():
    frame = contacts(np.random.default_rng(9), RATES).assign(text=" hello ")
    broad = frame["contact_reason"].value_counts().index[0]
    of_the_week = frame.index[(frame["contact_reason"] == broad) & (frame["day"] >= DAYS[84])]
    new = frame.index.isin(of_the_week[: int(0.4 * len(of_the_week))])
    frame.loc[new, "text"] = " hello . ghost drafts . again . "
    still = movers_of(frame, "2026-W46").assign(discovery=False)
    rows = candidates(frame, still, phrases_of(frame, pd.Series(new, index=frame.index), broad), days=DAYS)
    row = rows[rows["subject"] == "ghost drafts"].iloc[0]
    assert (row["kind"], row["reason"], row["tickets"]) == ("phrase", broad, new.sum())
    assert row["found_by"].startswith(f"new phrases under {broad}")
    assert broad not in set(rows["subject"])


def test_a_phrase_of_most_of_a_reasons_tickets_or_of_a_reason_that_moved_is_no_matter_of_its_own():
    rng = np.random.default_rng(9)
    for times, share in ((4.0, 0.4), (1.0, 0.8)):
        frame = contacts(rng, RATES, rise="b", times=times)
        since = (frame["contact_reason"] == "b") & (frame["day"] >= DAYS[70])
        says_it = since & (rng.random(len(frame)) < share)
        frame["text"] = np.where(says_it, " hello . ghost drafts . again . ", " hello ")
        phrases = phrases_of(frame, says_it & (frame["day"] >= DAYS[84]), "b")
        rows = candidates(frame, movers_of(frame, "2026-W46"), phrases, days=DAYS)
        assert "ghost drafts" not in set(rows["subject"])
        if times > 1:
            assert rows.loc[rows["subject"] == "b", "phrases"].tolist() == ["ghost drafts"]


def test_what_began_in_a_reason_long_after_its_own_step_is_a_matter_of_its_own():
    frame = contacts(np.random.default_rng(9), RATES, rise="b", times=4.0).assign(text=" hello ")
    of_the_week = frame.index[(frame["contact_reason"] == "b") & (frame["day"] >= DAYS[84])]
    new = frame.index.isin(of_the_week[: int(0.4 * len(of_the_week))])
    frame.loc[new, "text"] = " hello . ghost drafts . again . "
    movers = movers_of(frame, "2026-W46").assign(discovery=False)
    table = candidates(frame, movers, phrases_of(frame, pd.Series(new, index=frame.index), "b"), days=DAYS)
    rows = table.set_index("subject")
    assert rows.loc["b", "onset_on"] < DAYS[74]
    assert rows.loc["ghost drafts", "onset_on"] >= DAYS[81]


def test_a_greeting_that_all_reasons_share_makes_no_candidate():
    frame = contacts(np.random.default_rng(8), RATES).assign(text=" hello ")
    new = (frame["day"] >= DAYS[84]) & (frame.index % 2 == 0)
    greeting = phrases_of(frame, new, "b").assign(phrase=" good tidings ", reason_share=0.25)
    frame.loc[new, "text"] = " good tidings "
    moved = movers_of(frame, "2026-W46")
    with_it = candidates(frame, moved, greeting, days=DAYS)
    assert with_it.equals(candidates(frame, moved, NO_PHRASES, days=DAYS))


def test_segments_show_where_a_subject_lies_beside_the_others():
    frame = pd.DataFrame({"channel": ["email"] * 30 + ["chat"] * 30, "region": None})
    frame["requester_id"] = [f"p{n}" for n in range(60)]
    is_member = pd.Series([True] * 20 + [False] * 10 + [True] * 4 + [False] * 26)
    rows = affected_segments(frame, is_member, minimum_group=5)
    assert rows[["segment", "tickets"]].to_numpy().tolist() == [], (
        "24 tickets less 20 by email are those of four people"
    )
    frame.loc[54:59, "channel"], is_member[54:60] = "phone", True
    rows = affected_segments(frame, is_member, minimum_group=5)
    assert rows[["segment", "tickets"]].to_numpy().tolist() == [["email", 20]]
    assert rows["lift"].iloc[0] == pytest.approx((20 / 30) / (10 / 30))


def test_links_are_the_same_reason_shared_tickets_or_the_date():
    monday = pd.Timestamp("2026-10-05", tz="UTC")
    requests = pd.DataFrame(
        {
            "request_id": ["T1", "T2", "T3"],
            "kind": "bug",
            "platform": "crm",
            "opened_at": monday,
            "status": "open",
            "contact_reasons": ["a;b", "c", "c"],
            "ticket_ids": ["", "t1; t2;t3;t9", "t1"],
        }
    )
    changes = pd.DataFrame(
        {
            "policy_id": ["P1", "P2", "P3"],
            "effective_at": [monday - pd.Timedelta(days=2), monday + pd.Timedelta(days=9), monday],
            "summary": "says",
            "contact_reasons": ["", "b", None],
        }
    )
    rows = linked_causes(
        "b",
        ["t1", "t2", "t3"],
        onset_low=monday,
        onset_high=monday + pd.Timedelta(days=1),
        tool_requests=requests,
        policy_changes=changes,
    )
    assert set(rows["id"]) == {"T1", "T2", "P1", "P2", "P3"}
    why = rows.set_index("id")["why"]
    assert why["T2"] == "names 3 of these tickets"
    assert why["P1"] == "in force from about the onset"
    assert linked_causes("b", [], onset_low=monday, onset_high=monday).empty


def ranked(subjects: str, *, unsure: str = "") -> pd.DataFrame:
    """Candidates by rank; the excess of those unsure may be nothing."""
    row = dict.fromkeys(escalation.CANDIDATE_COLUMNS, 0.0) | {"kind": "reason", "phrases": "", "reason": ""}
    rows = [row | {"subject": each, "excess_low": -1.0 if each in unsure else 9.0} for each in subjects]
    return pd.DataFrame(rows)


def test_the_first_five_that_are_sure_and_no_matter_of_labels_are_escalated():
    candidates = ranked("abcdefgh", unsure="b")
    is_relabelled = candidates["subject"] == "c"
    assert "".join(escalations_of_the_week(candidates, is_relabelled, [])["subject"]) == "adefg"


def test_a_subject_that_is_open_is_not_escalated_again_and_makes_no_room_for_another():
    candidates = ranked("abcdefgh")
    nothing = pd.Series(False, index=candidates.index)
    assert "".join(escalations_of_the_week(candidates, nothing, ["b", "e"])["subject"]) == "acd"
    assert escalations_of_the_week(candidates.head(0), nothing.head(0), ["b"]).empty


def test_what_is_escalated_enters_the_register_with_its_week_and_waits_for_the_next():
    rows = register_rows(ranked("ba").assign(escalation_id=["id-b", "id-a"]), team="alpha", week="2026-W41")
    assert rows.columns.tolist() == list(REGISTER_COLUMNS)
    assert rows[["team", "subject", "escalated_week", "latest_week", "weeks_since", "state"]].to_numpy().tolist() == [
        ["alpha", subject, "2026-W41", "2026-W41", 0, WAITING] for subject in "ab"
    ]
    assert rows[["latest_per_week", "latest_low", "latest_high"]].isna().all(axis=None)
