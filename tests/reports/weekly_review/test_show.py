"""Tables say what the frame says, escaped, with the marks that screen readers and pages need."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from opslib.analysis.findings.quiet_pages import chance_in_words
from opslib.display import words
from opslib.display.cells import frame
from opslib.display.theme import Markup
from opslib.reports.weekly_review import show

NO_GOAL = {
    **dict.fromkeys(("goal", "gap", "short", "missed_weeks", "goal_weeks", "missed_run"), np.nan),
    **dict.fromkeys(("is_missed", "too_easy", "is_open"), False),
    **dict.fromkeys(("goal_verdict", "goal_why"), ""),
}
MISSED = {
    "goal_verdict": "missed",
    "is_missed": True,
    "gap": 0.008,
    "short": 29.0,
    "missed_weeks": 9.0,
    "goal_weeks": 13.0,
    "missed_run": 3.0,
}
HOSTILE = '<img src=x onerror="alert(1)">'


def cells(markup: Markup) -> list[list[str]]:
    soup = BeautifulSoup(markup.html, "html.parser")
    return [
        [cell.get_text().replace(",  ", ", ") for cell in row.find_all(["th", "td"])] for row in soup.find_all("tr")
    ]


def signal_rows(**changes: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "metric": ["first_reply_median", "csat"],
            "label": ["First reply, median", "Customer satisfaction"],
            "unit": ["seconds", "share"],
            "better": ["lower", "higher"],
            "value": [7200.0, 0.9],
            "before": [3600.0, 0.89],
            "centre": [3600.0, 0.9],
            "lower": [3000.0, 0.8],
            "upper": [4200.0, 0.95],
            "family": ["speed", "satisfaction"],
            "week": "2026-W46",
            "is_late": False,
            "verdict": ["new", "within"],
            "direction": ["up", ""],
            "since": ["2026-W46", None],
            "together": False,
            "why": "",
            "left_out": "",
            "level_shift": None,
            "weeks_outside": [1, 0],
            "low": [6000.0, 0.86],
            "high": [8000.0, 0.93],
            "n": [40.0, 30.0],
            "cases": ["tickets", "answers"],
            "state": "settled",
            "settles_on": None,
            **NO_GOAL,
            "rate": 0.20,
            "team": "alpha",
        }
    )
    return frame.assign(**changes)


def test_signals_are_a_table_and_the_others_a_sentence():
    markup = show.signals(signal_rows())
    assert cells(markup)[1:] == [
        [
            *("First reply, median", "2 h, 40 tickets", "1 h", "↑ 100%", "50 min to 1 h 10 min", "–"),
            "New signal above its usual level",
        ]
    ]
    assert markup.text.splitlines()[-2:] == [
        "Judged: 2 metrics. Where nothing has moved, the metrics of one week in five at most show a new signal by "
        f"chance; on trial data it was one in 14. {chance_in_words(0.2)}",
        "As usual: Customer satisfaction.",
    ]


def test_a_missed_goal_needs_a_story_however_usual_it_is():
    """A quiet metric whose goal is missed is in the table, and neither among those as usual nor those not judged."""
    rows = signal_rows(**{name: [NO_GOAL[name], value] for name, value in (MISSED | {"goal": 0.95}).items()})
    for verdict in ("within", "back", "not judged"):
        text = show.signals(rows.assign(verdict=["within", verdict], since=[None, "2026-W44"], why="no events")).text
        assert re.search(r"^Customer satisfaction \| 90.0%, 30 answers .* Missed; goal ≥ 95%; 0.8 points", text, re.M)
        assert "0 of 1 goals met." in text
        assert text.count("Customer satisfaction") == 1


def test_goals_met_are_named_with_those_at_risk_and_those_that_are_too_easy():
    rows = signal_rows(verdict="within", goal=[14400.0, 0.85], goal_verdict=["met", "at risk"], too_easy=[True, False])
    text = show.signals(rows.assign(gap=[-7200.0, -0.05])).text
    assert "2 of 2 goals met (First reply, median; at risk: Customer satisfaction)." in text
    assert "so too easy to steer by: First reply, median (≤ 4 h)." in text


def test_a_missed_goal_is_shown_by_channel_in_its_own_unit():
    rows = pd.DataFrame(
        [
            ("In time", "share", "higher", "tickets", 0.9, "all", 0.6, 100.0, 0.3, 30.0),
            ("In time", "share", "higher", "tickets", 0.9, HOSTILE, 0.96, 50.0, -0.06, -3.0),
            ("First reply", "seconds", "lower", "tickets", 3600.0, "all", 7200.0, 40.0, 3600.0, np.nan),
        ],
        columns=["label", "unit", "better", "cases", "goal", "channel", "value", "n", "gap", "over"],
    )
    markup = show.shortfall(rows)
    assert HOSTILE not in markup.html
    assert cells(markup)[1:] == [
        ["In time", "all channels", "100 tickets", "60.0%", "≥ 90%", "30.0 points off", "30 too many"],
        ["In time", HOSTILE, "50 tickets", "96.0%", "≥ 90%", "6.0 points to spare", "3 to spare"],
        ["First reply", "all channels", "40 tickets", "2 h", "≤ 1 h", "1 h off", "–"],
    ]
    none = rows.head(0)
    assert show.shortfall(none).text == "No goal was missed."
    none.attrs["missing"] = "No goal was judged."
    assert show.shortfall(none).text == "No goal was judged."


def test_a_quiet_week_says_that_nothing_is_outside():
    markup = show.signals(signal_rows(verdict="within", weeks_outside=0))
    assert markup.text.startswith("No metric that was judged is outside its usual range.")
    assert "<table" not in markup.html


def test_what_became_known_a_week_later_is_dated_and_counted_by_itself():
    markup = show.signals(
        signal_rows(
            label=["First reply, median", "Reopened within 7 days"],
            week=["2026-W46", "2026-W45"],
            is_late=[False, True],
            verdict=["within", "new"],
            direction=["", "up"],
            since=[None, "2026-W45"],
            value=[7200.0, 0.091],
            before=[3600.0, 0.06],
            lower=[3000.0, 0.05],
            upper=[4200.0, 0.07],
        )
    )
    assert cells(markup)[1:] == [
        [
            "Reopened within 7 days, Nov 2",
            "9.1%, 30 answers",
            "6.0%",
            "↑ 3.1 points",
            "5.0% to 7.0%",
            "–",
            "New signal above its usual level",
        ]
    ]
    assert (
        "Judged: 1 metric and 1 metric of week 45, known only now. Where nothing has moved, the metrics of one week in "
        "five at most show a new signal by chance; on trial data it was one in 14."
    ) in markup.text


def test_what_was_not_judged_is_not_called_calm():
    text = show.signals(signal_rows(verdict="not judged", why="holiday week", weeks_outside=0)).text
    assert text.splitlines() == [
        "No metric could be judged this week.",
        "Not judged: First reply, median and Customer satisfaction: holiday week.",
    ]


def test_what_came_back_and_what_limits_leave_out_is_said():
    rows = signal_rows(verdict=["back", "within"], since=["2026-W44", None], left_out=["", "2026-W33"])
    text = show.signals(rows.assign(level_shift=["2026-W37", None])).text
    assert "First reply, median is usual again since week 44." in text
    assert "The limits leave out week 33 (far outside its neighbors): Customer satisfaction." in text
    assert "as the weeks that set them change level: First reply, median (week 37)." in text


@pytest.mark.parametrize("weeks", [7, 8])
def test_after_eight_weeks_outside_the_page_offers_the_line_that_begins_anew(weeks: int):
    rows = signal_rows(verdict=["outside", "within"], since=["2026-W39", None], weeks_outside=[weeks, 0])
    line = '- {metric: first_reply_median, from: 2026-09-21, reason: "…"}'
    assert (line in show.signals(rows).text) == (weeks >= 8)


def metric_rows(**changes: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "metric": ["csat"],
            "label": ["Customer satisfaction"],
            "family": ["satisfaction"],
            "unit": ["share"],
            "better": ["higher"],
            "definition": ["Of the surveys answered, the share that is satisfied."],
            "value": [0.842],
            "low": [0.81],
            "high": [0.871],
            "n": [4108.0],
            "week": ["2026-W46"],
            "cases": ["answers"],
            **NO_GOAL | MISSED,
            "goal": [0.85],
            "state": ["settled"],
            "settles_on": [None],
            "still_low": [np.nan],
            "still_high": [np.nan],
            "before": [0.8],
            "verdict": ["within"],
            "since": [None],
            "direction": [""],
            "together": [False],
            "why": [""],
            "missing": [None],
            "history": [[0.8, np.nan, 0.842]],
            "closures": [["", "Labor Day", ""]],
            "last_year": np.nan,
            "quarter": np.nan,
        }
    )
    return frame.assign(**changes)


def test_a_metric_has_interval_goal_change_line_and_definition():
    markup = show.metric_table(metric_rows())
    row = cells(markup)[1]
    assert row[1:6] == [
        *("84.2%", "81.0–87.1%"),
        "Missed goal ≥ 85% 0.8 points, 29 answers short missed 9 of 13 weeks, the last 3 in a row",
        *("↑ 4.2 points", "Usual"),
    ]
    soup = BeautifulSoup(markup.html, "html.parser")
    assert (
        soup.details.p.get_text() == "Of the surveys answered, the share that is satisfied. This week: 4,108 counted."
    )
    assert soup.svg["aria-label"] == (
        "Customer satisfaction, last 3 weeks: lowest 80.0%, highest 84.2%, latest 84.2%; weeks with a closed day: "
        "Labor Day"
    )
    assert soup.path["d"].count("M") == 2, "a missing week breaks the line"


def test_a_metric_that_the_export_lacks_has_a_reason_and_no_number():
    gone = metric_rows(missing="not in this export: no satisfaction", value=np.nan, low=np.nan, high=np.nan, n=pd.NA)
    name, *others = cells(show.metric_table(gone))[1]
    assert name.startswith("Customer satisfaction")
    assert others == [*[""] * 4, "not in this export: no satisfaction", ""]


def test_a_median_that_is_not_reached_says_so():
    row = cells(show.metric_table(metric_rows(unit="seconds", better="lower", value=np.nan, low=3600.0, high=np.nan)))[
        1
    ]
    assert row[1:3] == ["not reached", "at least 1 h"]


@pytest.mark.parametrize(
    ("changes", "value", "interval"),
    [
        (
            {"value": 13000.0, "low": 10800.0, "high": 16200.0, "state": "so far", "settles_on": "2026-11-18"}
            | {"still_low": 11880.0, "still_high": 15000.0},
            "3 h 37 min so far, settles Wed Nov 18",
            "3 h–4 h 30 min",
        ),
        (
            {"value": np.nan, "low": 3600.0, "high": np.nan, "state": "bounds", "still_low": 3600.0},
            "at least 1 h",
            "–",
        ),
        (
            {"value": np.nan, "low": 18000.0, "high": 20000.0, "state": "bounds", "still_low": 18000.0}
            | {"still_high": 20000.0},
            "5–5.6 h",
            "–",
        ),
        (
            {"value": np.nan, "low": np.nan, "high": np.nan, "state": None, "settles_on": "2026-11-24"},
            "known Tue Nov 24",
            "–",
        ),
    ],
)
def test_a_value_that_is_not_settled_never_stands_bare(changes: dict[str, object], value: str, interval: str):
    frame = metric_rows(unit="seconds", better="lower", goal=14400.0, before=12000.0).assign(**changes)
    assert cells(show.metric_table(frame))[1][1:3] == [value, interval]


def outlook_rows(**changes: object) -> pd.DataFrame:
    row = {
        "week": "2026-W46",
        "metric": "first_reply_median",
        "label": "First reply, median",
        "unit": "seconds",
        "value": 12960.0,
        "low": 10440.0,
        "high": 16200.0,
        "n": 790,
        "censored": 176,
        "state": "so far",
        "settles_on": "2026-11-18",
        "still_low": 11880.0,
        "still_high": 14400.0,
        "weekend": 120.0,
        "unopened": 120.0,
        "was": np.nan,
        "was_as_of": None,
        "as_of": None,
    }
    return pd.DataFrame([row | changes])


def test_a_time_that_is_not_settled_is_told_with_what_waits_its_range_and_its_day():
    assert show.outlook(outlook_rows()).text == (
        "First reply, median: 3 h 36 min so far. 176 of 790 tickets still wait, most from "
        "the weekend. Going by past weeks at this point, the final value will lie between 3 h 18 min and 4 h. "
        "Known on Wed Nov 18."
    )


def test_without_past_weeks_a_time_has_a_bound_and_nothing_more():
    rows = outlook_rows(
        state="bounds",
        value=np.nan,
        low=3600.0,
        high=np.nan,
        settles_on=None,
        n=100,
        censored=60,
        unopened=60.0,
        still_low=3600.0,
        still_high=np.nan,
    )
    assert show.outlook(rows).text == (
        "First reply, median: at least 1 h. 60 of 100 tickets have not had an open hour yet. "
        "Too few past weeks tell how it will end."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weekend": 88.0}, "176 of 790 tickets still wait."),
        ({"metric": "full_resolution_median"}, "176 of 790 tickets are not solved, most from the weekend."),
        (
            {"metric": "full_resolution_median", "censored": 0},
            "Nothing is open any more, but a solve may still be reopened.",
        ),
        ({"metric": "next_reply_median", "weekend": np.nan, "unopened": np.nan}, "176 of 790 questions still wait."),
        ({"still_high": 11890.0}, "the final value will stay about there."),
    ],
)
def test_what_waits_is_named(changes: dict[str, object], sentence: str):
    assert sentence in show.outlook(outlook_rows(**changes)).text


def test_where_it_is_not_known_what_waits_nothing_is_said_of_it():
    text = show.outlook(outlook_rows(metric="full_resolution_median", censored=np.nan)).text
    assert "open any more" not in text
    assert "not solved" not in text


def test_the_counts_of_a_measure_are_told_once():
    both = pd.concat([outlook_rows(), outlook_rows(metric="first_reply_p90", label="First reply, 90th percentile")])
    assert show.outlook(both).text.count("still wait") == 1


def test_what_has_settled_since_is_told_beside_its_estimate():
    settled = outlook_rows(
        week="2026-W45",
        state="settled",
        value=13320.0,
        was=12960.0,
        settles_on=None,
        was_as_of="2026-11-09",
        as_of="2026-11-16",
    )
    assert show.outlook(settled).text == (
        "Week 45 has settled. First reply, median: 3 h 42 min (Monday's estimate 3 h 36 min)."
    )
    assert show.outlook(settled.head(0)).html == ""


def reopening_rows(**changes: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "metric": ["first_reply_sla", "full_resolution_sla"],
            "label": ["First reply within SLA", "Full resolution within SLA"],
            "unit": "share",
            "settles_on": "2026-11-23",
            "weeks": [6, 6],
            "moved": [0.0, 0.0042],
        }
    )
    return frame.assign(**changes)


def test_what_the_crm_recorded_of_its_sla_is_told_in_a_sentence():
    row = {"tickets": 1480, "recorded_met": 0.91, "own_met": 0.9, "only_recorded": 14, "only_own": 1, "reopened": 9}
    frame = pd.DataFrame([row])
    assert show.recorded_sla(frame).text == (
        "The CRM's own record has 91.0% of 1,480 tickets as resolved within the SLA, the targets here have 90.0%: "
        "15 tickets differ (met by the record only: 14, here only: 1). 9 of these came back after a solve."
    )
    assert show.recorded_sla(frame.assign(reopened=None)).text.endswith("here only: 1).")
    assert show.recorded_sla(frame.assign(only_recorded=0, only_own=0, tickets=1)).text == (
        "The CRM's own record of what was resolved within the SLA agrees (1 ticket)."
    )
    assert show.recorded_sla(frame.head(0)).html == ""


def test_how_far_reopenings_moved_shares_before_is_said():
    assert show.reopenings(reopening_rows()).text == (
        "Shares marked so far may still move until Mon Nov 23: a solved ticket that comes back counts anew. "
        "In the last 6 weeks on record they moved by 0.4 points at most (Full resolution within SLA)."
    )
    assert show.reopenings(reopening_rows(weeks=0, moved=np.nan)).text.endswith(
        "No past week is on record yet that tells by how much."
    )
    assert show.reopenings(reopening_rows().head(0)).html == ""


def add_up_frame(**changes: object) -> pd.DataFrame:
    frame = pd.DataFrame(
        {"day": [date(2026, 11, 9), None], "closed": "", "opening": 1200, "created": 4, "solved": 3, "closing": 1201}
    )
    for term in ("reopened", "moved_in", "deleted", "merged", "moved_out", "difference"):
        frame[term] = 0
    return frame.assign(**changes)


def test_the_backlog_is_read_downwards():
    markup = cells(show.add_up(add_up_frame()))
    assert markup[0] == ["", "Mon 9", "Week"]
    assert markup[1] == ["Opening", "1,200", "1,200"]
    assert markup[-1] == ["= Closing", "1,201", "1,201"]


def test_what_does_not_add_up_is_shown():
    markup = show.add_up(add_up_frame(difference=[0, 2]))
    assert cells(markup)[-1] == ["Unexplained", "0", "2"]
    assert "1 of 2 columns do not add up" in markup.text


def test_names_and_values_from_the_data_are_escaped():
    frames = [
        show.signals(signal_rows(label=HOSTILE)),
        show.metric_table(metric_rows(label=HOSTILE, definition=HOSTILE)),
        show.missing(pd.DataFrame({"label": [HOSTILE], "definition": [HOSTILE], "missing": [HOSTILE]})),
        frame(pd.DataFrame({HOSTILE: [HOSTILE]}), caption=HOSTILE),
    ]
    for markup in frames:
        assert "<img" not in markup.html
        assert "&lt;img" in markup.html


def test_headers_have_scopes_numbers_are_aligned_and_every_table_has_a_caption():
    for markup in (show.signals(signal_rows()), show.metric_table(metric_rows()), show.add_up(add_up_frame())):
        soup = BeautifulSoup(markup.html, "html.parser")
        assert soup.caption.get_text()
        assert {header["scope"] for header in soup.find_all("th")} == {"col", "row"}
        assert soup.find_all("td", class_="num")


@pytest.mark.parametrize("table", [show.signals, show.metric_table, show.add_up])
def test_an_empty_frame_is_said_in_one_line(table):
    assert table(pd.DataFrame()).text == "No tickets of this team in this week: nothing to show here."


def ledger_rows(*entries: str) -> pd.DataFrame:
    rows = pd.DataFrame({"entry": entries}, dtype="str")
    return rows.assign(
        week="2026-W44",
        metric="csat",
        label="Customer satisfaction",
        unit="share",
        was=0.9,
        cause=rows["entry"].map({"restated": "changed scores, late events"}),
        **{"is": 0.8},
    )


def test_only_restatements_are_listed_and_the_settled_are_counted():
    markup = show.restatements(ledger_rows("restated", "settled", "settled"))
    was, now = words.value(0.9, "share"), words.value(0.8, "share")
    assert cells(markup)[1:] == [["Customer satisfaction", "2026-W44", was, now, "changed scores, late events", "1"]]
    assert "2 numbers have settled since this week ended." in markup.text
    assert (
        "Changed scores, 1 number: answers to surveys or quality reviews were added, changed or taken away."
        in markup.text
    )
    assert "Late events, 1 number:" in markup.text


def test_of_many_restated_numbers_five_lines_are_shown_and_the_rest_is_folded():
    """A changed definition restates eight metrics in three weeks: a line per metric with its newest week."""
    weeks, metrics = ["2026-W42", "2026-W44", "2026-W43"], [f"metric {number}" for number in range(8)]
    rows = pd.DataFrame([(week, name) for name in metrics for week in weeks], columns=["week", "metric"])
    rows = rows.assign(label=rows["metric"], unit="count", entry="restated", was=4.0, cause="changed definition")
    markup = show.restatements(rows.assign(**{"is": 5.0}))
    soup = BeautifulSoup(markup.html, "html.parser")
    first, every = soup.find_all("table")
    lines = [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in first.tbody.find_all("tr")]
    assert lines == [[f"metric {number}", "2026-W44", "4", "5", "changed definition", "3"] for number in range(5)]
    assert every.parent.name == "details"
    assert every.parent.summary.get_text() == "All 24 numbers of 8 metrics"
    assert len(every.tbody.find_all("tr")) == 24
    assert "Changed definition, 24 numbers:" in markup.text


def test_a_day_on_which_the_team_is_closed_bears_the_holiday_in_its_head():
    heads = cells(show.add_up(add_up_frame(closed=["Veterans Day", ""])))[0]
    assert heads == ["", "Mon 9 / Veterans Day, closed", "Week"]


def closure_rows(**changes: object) -> pd.DataFrame:
    numbers = {"metric": "first_reply_median", "label": "First reply, median", "unit": "seconds", "value": 35400.0}
    past = {"earlier": [27720.0, 15120.0], "earlier_weeks": ["2026-W37", "2026-W27"], "usual": 3600.0}
    rows = pd.DataFrame([{"day": "2026-11-11", "name": "Veterans Day"}, numbers | past | changes])
    return rows.reindex(columns=["day", "name", *numbers, *past])


def test_a_holiday_week_is_told_beside_the_last_ones_and_usual_weeks():
    times = {hours: words.value(3600 * hours, "seconds") for hours in (9 + 5 / 6, 7.7, 4.2, 1)}
    now, first, second, usual = times.values()
    assert show.closures(closure_rows()).text == (
        f"Closed on {words.day('2026-11-11')} (Veterans Day), so what rests on open days is not judged against other "
        f"weeks. First reply, median: {now}; the last two holiday weeks had {first} and {second} "
        f"({words.week_number('2026-W37')} and {words.week_number('2026-W27')}), other weeks about {usual}."
    )
    one = show.closures(closure_rows(earlier=[27720.0], earlier_weeks=["2026-W37"], usual=np.nan)).text
    assert one.endswith(f"the holiday week before had {first} ({words.week_number('2026-W37')}).")
    assert show.closures(closure_rows(earlier=[], earlier_weeks=[])).text.endswith("that the export tells.")
    assert show.closures(closure_rows().head(0)).html == ""


def test_last_year_and_the_quarter_have_columns_only_where_the_history_has_them():
    assert cells(show.metric_table(metric_rows()))[0][-1] == "13 weeks"
    heads, row = cells(show.metric_table(metric_rows(quarter=0.5)))
    assert (heads[-1], row[-1]) == ("Quarter to date", words.value(0.5, "share"))
    assert "Same week last year" not in heads


def test_a_week_in_which_numbers_only_settled_lists_none():
    text = show.restatements(ledger_rows("settled")).text
    assert text == "No number that had settled is another one now.\n1 number has settled since this week ended."
    assert show.restatements(ledger_rows()).text == "No number that had settled is another one now."


def trust_rows(**changes: object) -> pd.DataFrame:
    row = {"reason": "the start", "weeks": ["2026-W23", "2026-W24"], "begins": True, "trusted_from": "2026-W25"}
    return pd.DataFrame([row | {"backlog_trusted_from": "2026-W27"} | changes])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "The start: backlog, solves and SLA can be trusted from week 27 on, all other numbers from week 25 on."),
        ({"backlog_trusted_from": "2026-W25"}, "The start: its numbers can be trusted from week 25 on."),
        (
            {"backlog_trusted_from": None},
            "The start: backlog, solves and SLA can be trusted in no week so far, all other numbers from week 25 on.",
        ),
        ({"trusted_from": None}, "The start: no week of it is complete yet."),
        ({"begins": False}, "The start: weeks 23 and 24 are not complete."),
        ({"begins": False, "weeks": ["2026-W46"]}, "The start: week 46 is not complete."),
    ],
)
def test_weeks_that_are_not_complete_are_said_in_a_sentence(changes: dict[str, object], sentence: str):
    assert show.trust(trust_rows(**changes)).text == sentence
    assert show.trust(trust_rows().head(0)).html == ""
