"""What a notebook calls, against independent counts on the facts behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opslib as ops
from opslib.errors import WarehouseError
from opslib.metrics import CATALOGUE
from opslib.reports.weekly_review import Review, open_review
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from tests.reports.review_warehouse import LAST, shared_warehouse, sla, tickets
from tests.reports.small_warehouse import copy_warehouse

Folders = tuple[Path, Path]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory)


@pytest.fixture(scope="module")
def alpha(folders: Folders) -> Review:
    return open_review(ops.open_week(LAST, "alpha", warehouse=str(folders[0]), params=str(folders[1])))


def value(frame: pd.DataFrame, metric: str, week: str = LAST) -> float:
    return float(frame.loc[(frame["metric"] == metric) & (frame["week"] == week), "value"].iloc[0])


def test_counts_agree_with_a_plain_count_of_the_facts(alpha: Review):
    facts = tickets()
    mine = facts[facts["team"] == "alpha"]
    assert value(ops.weekly_review.flow(alpha), "created") == (mine["week"] == LAST).sum()
    solved = mine[mine["last_solved_at"].dt.tz_convert("America/New_York").dt.strftime("%G-W%V") == "2026-W44"]
    assert value(ops.weekly_review.flow(alpha), "solved", "2026-W44") == len(solved)
    assert value(ops.weekly_review.effort(alpha), "reopen_share", "2026-W44") == pytest.approx(
        (solved["reopens"] > 0).mean()
    )


def test_the_median_counts_waiting_tickets_as_longer_than_all_answered_ones(alpha: Review):
    """Three of forty tickets still wait, each later than all others: the plain median over all is the right one."""
    facts = tickets()
    last = facts[(facts["team"] == "alpha") & (facts["week"] == LAST)]
    plain = last["first_reply_business_seconds"].astype("float64").fillna(10**9).median()
    assert value(ops.weekly_review.speed(alpha), "first_reply_median") == plain
    answered_only = last["first_reply_business_seconds"].dropna().astype("float64").median()
    assert plain != answered_only


def test_what_the_planted_week_changed_is_a_signal_and_the_other_team_is_calm(folders: Folders, alpha: Review):
    verdicts = ops.weekly_review.signals(alpha).set_index("metric")
    assert verdicts.loc["first_reply_median", ["verdict", "turn"]].tolist() == ["new", "worse"]
    assert verdicts.loc["csat", "verdict"] == "within"
    assert "first_reply_calendar_median" not in verdicts.index
    beta = open_review(ops.open_week(LAST, "beta", warehouse=str(folders[0]), params=str(folders[1])))
    assert ops.weekly_review.signals(beta).set_index("metric").loc["first_reply_median", "verdict"] == "within"


def with_minimum_group(review: Review, minimum: int) -> Review:
    """The same review in an organisation that hides groups of fewer people."""
    organisation = review.week.organisation
    privacy = organisation.privacy.model_copy(update={"minimum_group": minimum})
    return open_review(replace(review.week, organisation=organisation.model_copy(update={"privacy": privacy})))


def created_by_channel(review: Review) -> pd.DataFrame:
    rows = ops.weekly_review.values(review, by_channel=True)
    return rows[(rows["week"] == LAST) & (rows["metric"] == "created")].set_index("channel")


def test_values_of_a_channel_with_few_cases_are_missing_with_those_that_would_tell_them(alpha: Review):
    before = created_by_channel(alpha)
    smallest = int(before.drop("all")["n"].min())
    now = created_by_channel(with_minimum_group(alpha, smallest + 1))
    assert now.loc["all", "value"] == before.loc["all", "value"]
    assert now["value"].isna().sum() >= 2
    assert set(now.loc[now["value"].isna(), "missing"]) == {f"not shown: fewer than {smallest + 1}"}


def test_a_change_is_explained_by_no_group_of_few_people_and_adds_up_all_the_same(alpha: Review):
    whole = ops.weekly_review.explain(alpha, "created")
    smallest = int(created_by_channel(alpha).drop("all")["n"].min())
    folded = ops.weekly_review.explain(with_minimum_group(alpha, smallest + 1), "created")
    assert f"fewer than {smallest + 1} people each" in set(folded["group"])
    assert len(folded) < len(whole)
    assert folded["total"].sum() == pytest.approx(whole["total"].sum())
    assert (folded["after"] > smallest).all()


def test_what_moved_or_missed_its_goal_is_explained(alpha: Review):
    explained = list(dict.fromkeys(ops.weekly_review.explain(alpha)["metric"]))
    assert "first_reply_median" in explained
    rows = ops.weekly_review.signals(alpha).set_index("metric")
    assert set(rows.index[rows["is_missed"]]) <= set(explained)


def review_with(alpha: Review, chart: dict[str, dict[str, object]], breakdown: pd.DataFrame | None = None) -> Review:
    """Alpha's review with other columns of some metrics in the last week, by metric, and another breakdown."""
    changed = alpha.chart.copy()
    for metric, columns in chart.items():
        changed.loc[(changed["metric"] == metric) & (changed["week"] == LAST), list(columns)] = list(columns.values())
    review = Review(alpha.week)
    vars(review).update(chart=changed, breakdown=alpha.breakdown if breakdown is None else breakdown)
    return review


def test_a_goal_that_was_missed_is_explained_however_much_is_new(alpha: Review):
    new = {name: {"verdict": "new", "since": LAST} for name in alpha.chart["metric"].unique()}
    review = review_with(alpha, new | {"csat": {"is_missed": True, "verdict": "within"}})
    explained = list(dict.fromkeys(ops.weekly_review.explain(review)["metric"]))
    assert "csat" in explained
    assert len(explained) == 5


def test_a_time_is_not_split_beside_its_sla(alpha: Review):
    judged = {name: {"verdict": "within", "is_missed": False} for name in alpha.chart["metric"].unique()}
    time = {"first_reply_median": {"verdict": "new", "since": LAST}}
    alone = ops.weekly_review.explain(review_with(alpha, judged | time)).set_index("metric")
    both = ops.weekly_review.explain(review_with(alpha, judged | time | {"first_reply_sla": {"verdict": "new"}}))
    both = both.set_index("metric")
    assert alone["missing"].isna().all()
    assert list(alone.index.unique()) == ["first_reply_median"]
    assert both.loc["first_reply_median", "missing"] == "is explained by First reply within SLA"
    assert both.loc[["first_reply_sla"], "missing"].isna().all()


def test_what_has_long_been_outside_is_explained_by_channel_only(alpha: Review):
    outside = {name: {"verdict": "within"} for name in alpha.chart["metric"].unique()}
    review = review_with(alpha, outside | {"created": {"verdict": "outside", "since": "2026-W40"}})
    by_channel, by_reason = (
        set(ops.weekly_review.explain(review, by=by)["metric"]) for by in ("channel", "contact_reason")
    )
    assert by_channel - by_reason == {"created"}


def test_what_the_channel_mix_hides_in_a_metric_with_a_goal_is_explained_while_the_mix_is_outside(alpha: Review):
    """Half of the answers came by chat, which few are content with; now it is a tenth, and as few of them are."""
    own = (alpha.breakdown["metric"] == "csat") & (alpha.breakdown["by"] == "channel")
    is_last = alpha.breakdown.loc[own, "week"] == LAST
    parts = []
    for group, before, now in (("chat", (20.0, 100.0), (2.0, 10.0)), ("email", (95.0, 100.0), (85.0, 90.0))):
        part = alpha.breakdown[own].assign(group=group)
        for place, side in enumerate(("numerator", "denominator")):
            part[side] = np.where(is_last, now[place], before[place])
        parts.append(part)
    breakdown = pd.concat([alpha.breakdown[~own], *parts], ignore_index=True)

    def explained(verdict: str, by: str) -> set[str]:
        mix = {
            "live_channel_share": {"verdict": verdict, "since": "2026-W40"},
            "csat": {"goal": 0.1, "verdict": "within"},
        }
        return set(ops.weekly_review.explain(review_with(alpha, mix, breakdown), by=by)["metric"])

    assert "csat" in explained("outside", "channel")
    assert "csat" not in explained("within", "channel")
    assert "csat" not in explained("outside", "contact_reason")


def test_a_metric_that_is_counted_for_the_whole_team_says_so(alpha: Review):
    (row,) = ops.weekly_review.explain(alpha, "backlog_closing").to_dict("records")
    assert row["missing"] == "cannot be split by channel: it is counted for the team as a whole"
    text = ops.weekly_review.show.explain(ops.weekly_review.explain(alpha, "backlog_closing")).text
    assert text == f"Backlog at the week's end {row['missing']}."


def usual_value(review: Review, metric: str) -> float:
    """The ratio of all weeks on which the limits rest, from the weekly values."""
    row = ops.weekly_review.signals(review).set_index("metric").loc[metric]
    values = ops.weekly_review.values(review)
    own = values[(values["metric"] == metric) & values["week"].between(row["baseline_from"], row["baseline_to"])]
    own = own[~own["week"].isin(row["left_out"].split(", "))]
    return float(own["numerator"].sum() / own["denominator"].sum())


def test_the_change_is_laid_at_the_door_of_the_chats(alpha: Review):
    parts = ops.weekly_review.explain(alpha, "first_reply_sla")
    change = value(ops.weekly_review.sla(alpha), "first_reply_sla") - usual_value(alpha, "first_reply_sla")
    assert parts["total"].sum() == pytest.approx(change)
    assert parts["group"].iloc[0] == "chat"


@pytest.mark.parametrize("metric", ["touches_per_solved", "csat", "qa_score", "created", "first_reply_median"])
@pytest.mark.parametrize("by", ["channel", "contact_reason"])
def test_every_kind_of_metric_can_be_explained(alpha: Review, metric: str, by: str):
    parts = ops.weekly_review.explain(alpha, metric, by=by)
    assert len(parts) in (1, 2)
    if metric in ("touches_per_solved", "csat", "qa_score"):
        values = ops.weekly_review.values(alpha)
        assert parts["total"].sum() == pytest.approx(value(values, metric) - usual_value(alpha, metric))


def test_goals_stand_with_their_verdicts(alpha: Review):
    """Chats wait six hours more, the median of forty tickets with them; satisfaction has nine answers."""
    now = alpha.chart[alpha.chart["week"] == LAST].set_index("metric")
    goals = now.loc[now["goal"].notna(), ["goal", "goal_verdict", "missed_weeks", "missed_run"]]
    assert goals.loc["first_reply_median"].tolist()[:2] == [7200.0, "missed, could be chance"]
    assert goals.loc["csat"].tolist()[:2] == [0.9, "too few to say"]
    assert len(goals) == 2


@pytest.fixture(scope="module")
def monday(folders: Folders, tmp_path_factory: pytest.TempPathFactory) -> Review:
    """Alpha's last week as it may be on a Monday: one time estimated, one bounded, one share known only later."""
    root, params = copy_warehouse(folders, tmp_path_factory.mktemp("monday"))
    warehouse = Warehouse(root)
    values = warehouse.read("facts", "weekly_values")
    last = (values["team"] == "alpha") & (values["week"] == LAST) & (values["channel"] == "all")
    for metric, cells in {
        "first_reply_median": {
            "value": 6000.0,
            "low": 5000.0,
            "high": 8000.0,
            "state": "so far",
            "settles_on": "2026-11-18",
            "still_low": 5800.0,
            "still_high": 6600.0,
        },
        "full_resolution_median": {"value": None, "low": 3600.0, "high": None, "state": "bounds", "still_low": 3600.0},
        "reopen_share": {"value": None, "low": None, "high": None, "state": None, "settles_on": "2026-11-24"},
        "first_reply_sla": {"state": "so far", "settles_on": "2026-11-23"},
    }.items():
        values.loc[last & (values["metric"] == metric), list(cells)] = list(cells.values())
    warehouse.write("facts", "weekly_values", values, partition_by_week=True)
    instants = {"was_as_of": "2026-11-09 12:00", "as_of": "2026-11-16 12:00"}
    ledger = pd.DataFrame(
        [
            ("first_reply_median", "2026-W45", "settled", 3700.0, 3600.0),
            ("first_reply_median", "2026-W44", "settled", 3500.0, 3400.0),
            ("created", "2026-W45", "settled", 40.0, 40.0),
            ("full_resolution_median", "2026-W45", "first known", 9000.0, None),
            ("first_reply_sla", "2026-W44", "settled", 0.906, 0.910),
            ("first_reply_sla", "2026-W43", "settled", 0.901, 0.900),
            ("first_reply_sla", "2026-W36", "settled", 0.8, 0.9),
        ],
        columns=["metric", "week", "entry", "value", "was"],
    ).assign(team="alpha", state="settled", cause=None)
    for name, instant in instants.items():
        ledger[name] = pd.Series(pd.Timestamp(instant, tz="UTC"), index=ledger.index).astype("datetime64[us, UTC]")
    ledger["cause"] = ledger["cause"].astype("str")
    warehouse.write("published", "values", ledger, partition_by_week=True)
    return open_review(ops.open_week(LAST, "alpha", warehouse=str(root), params=str(params)))


def test_the_outlook_tells_the_times_that_are_not_settled_and_what_waits(monday: Review):
    """Three of the forty tickets wait, counted from the facts; what is settled is not told."""
    facts = tickets()
    waiting = facts[(facts["team"] == "alpha") & (facts["week"] == LAST) & (facts["status"] == "open")]
    weekend = waiting["created_at"].dt.tz_convert("America/New_York").dt.day_of_week.isin([5, 6]).sum()
    frame = ops.weekly_review.outlook(monday)
    now = frame[frame["week"] == LAST].set_index("metric")
    assert now.index.tolist() == ["first_reply_median", "full_resolution_median", "full_resolution_p90"]
    assert (now["censored"] == len(waiting)).all()
    assert (now["weekend"] == weekend).all()
    assert (now["unopened"] == (waiting["first_reply_business_censored_seconds"] < 3600).sum()).all()


def test_the_outlook_ends_with_what_settled_of_the_week_before(monday: Review):
    frame = ops.weekly_review.outlook(monday)
    before = frame[frame["week"] != LAST]
    assert before[["week", "metric", "state", "value", "was", "was_as_of"]].to_numpy().tolist() == [
        ["2026-W45", "first_reply_median", "settled", 3700.0, 3600.0, "2026-11-09"]
    ]


def test_what_is_known_a_week_later_is_judged_with_its_own_week_and_not_explained_here(monday: Review):
    rows = ops.weekly_review.signals(monday).set_index("metric")
    assert (rows.loc["reopen_share", "week"], rows.loc["reopen_share", "verdict"]) == ("2026-W45", "within")
    now = ops.weekly_review.values(monday).query("week == @LAST").set_index("metric")["value"]
    assert now[rows.index[rows["is_late"]]].isna().all()
    assert now[rows.index[~rows["is_late"]]].notna().all()
    text = ops.weekly_review.show.signals(rows.reset_index()).text
    assert f"{rows['is_late'].sum()} metrics of week 45, known only now" in text
    assert "Reopened within 7 days" not in set(ops.weekly_review.explain(monday)["label"])


def test_shares_that_a_reopening_may_still_change_have_their_largest_move_on_record(monday: Review):
    """First reply within SLA moved from 91.0 to 90.6% and from 90.0 to 90.1%; ten weeks ago is too old to count."""
    frame = ops.weekly_review.reopenings(monday)
    row = frame.set_index("metric").loc["first_reply_sla"]
    assert (row["weeks"], row["settles_on"]) == (2, "2026-11-23")
    assert row["moved"] == pytest.approx(0.004)
    assert frame.set_index("metric")["moved"].drop("first_reply_sla").isna().all()


def test_a_week_of_which_all_is_settled_has_no_outlook(folders: Folders):
    settled = open_review(ops.open_week("2026-W40", "alpha", warehouse=str(folders[0]), params=str(folders[1])))
    assert ops.weekly_review.outlook(settled).empty
    assert ops.weekly_review.show.outlook(ops.weekly_review.outlook(settled)).html == ""


def test_headlines_of_a_week_that_is_not_settled_say_so(monday: Review, alpha: Review):
    lines = {line.label: line for line in ops.weekly_review.headline(monday).lines}
    reply, resolution = lines["First reply, median"], lines["Full resolution, median"]
    assert (reply.value, resolution.value) == ("1 h 40 min so far", "at least 1 h")
    assert resolution.note == "3 of 40 still wait"
    assert resolution.change == ""
    assert (reply.signal, reply.signal_verdict) == (True, "new")
    assert (resolution.signal, resolution.chips) == (False, ())
    settled = {line.label: line for line in ops.weekly_review.headline(alpha).lines}
    assert "so far" not in settled["First reply, median"].value


def test_a_share_that_is_known_later_says_when(monday: Review):
    table = ops.weekly_review.metric_table(monday)
    markup = ops.weekly_review.show.metric_table(table[table["metric"] == "reopen_share"])
    assert "known Tue Nov 24" in markup.text


def test_every_metric_is_in_the_table_or_named_as_missing(alpha: Review):
    table = ops.weekly_review.metric_table(alpha)
    assert set(ops.weekly_review.missing(alpha)["metric"]) == set(table.loc[table["missing"].notna(), "metric"])
    assert table["metric"].tolist() == list(CATALOGUE)
    assert (table["history"].map(len) == 13).all()


def test_weeks_of_channels_sum_to_the_team(alpha: Review):
    values = ops.weekly_review.values(alpha, by_channel=True)
    created = values[(values["metric"] == "created") & (values["week"] == LAST)].set_index("channel")["value"]
    assert created["chat"] + created["email"] == created["all"]


def test_an_earlier_week_does_not_know_the_later_ones(folders: Folders):
    earlier = open_review(ops.open_week("2026-W44", "alpha", warehouse=str(folders[0]), params=str(folders[1])))
    assert ops.weekly_review.flow(earlier)["week"].max() == "2026-W44"
    assert ops.weekly_review.backlog(earlier)["week"].iloc[-1] == "2026-W44"


def test_an_unknown_metric_is_an_error_that_lists_those_there_are(alpha: Review):
    for ask in (ops.weekly_review.metric, ops.weekly_review.explain):
        with pytest.raises(WarehouseError, match=r"there is no metric 'speed'; there are .*csat"):
            ask(alpha, "speed")


def test_a_metric_across_teams_is_that_of_each_team_alone(alpha: Review, folders: Folders):
    beta = open_review(ops.open_week(LAST, "beta", warehouse=str(folders[0]), params=str(folders[1])))
    both = ops.weekly_review.across_teams(alpha, "created")
    assert list(dict.fromkeys(both["team"])) == ["alpha", "beta"], "quiet has nothing to do"
    own = both[both["team"] == "beta"].drop(columns=["team", "team_label"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(own, ops.weekly_review.metric(beta, "created"))


def test_the_ledger_of_an_older_warehouse_is_read_as_if_it_told_what_had_settled(folders: Folders, tmp_path: Path):
    """2026-W44 ended on 2 November: what was published on the 23rd had settled, what was on the 9th had not."""
    root, params = copy_warehouse(folders, tmp_path)
    rows = pd.DataFrame(
        [
            ("csat", 0.8, 0.9, "2026-11-30", "2026-11-23", "late events"),
            ("created", 2.0, 3.0, "2026-11-16", "2026-11-09", "late events, changed rows"),
        ],
        columns=["metric", "value", "was", "as_of", "was_as_of", "cause"],
    ).assign(team="alpha", week="2026-W44")
    for name in ("as_of", "was_as_of"):
        rows[name] = pd.to_datetime(rows[name], utc=True).astype("datetime64[us, UTC]")
    Warehouse(root).write("published", "values", rows, partition_by_week=True)
    week = ops.open_week(LAST, "alpha", warehouse=str(root), params=str(params))
    frame = ops.weekly_review.restatements(open_review(week))
    assert frame.loc[frame["entry"] == "restated", ["metric", "was", "is", "cause"]].to_numpy().tolist() == [
        ["csat", 0.9, 0.8, "late events"]
    ]


def test_what_the_crm_recorded_of_its_sla_stands_beside_what_is_found_here(
    folders: Folders, alpha: Review, tmp_path: Path
):
    """Five resolutions of the week, one of them promised twice, one without a record; the next is decided too early,
    one is another team's."""
    assert ops.weekly_review.recorded_sla(alpha).empty  # the export has no such column
    root, params = copy_warehouse(folders, tmp_path)
    facts, store = tickets(), Warehouse(root)
    mine = facts.index[(facts["team"] == "alpha") & (facts["week"] == LAST)][:6]
    other = facts.index[(facts["team"] == "beta") & (facts["week"] == LAST)][:1]
    facts["recorded_sla"] = None
    facts.loc[mine, "recorded_sla"] = ["met", "met", "breached", "met", None, "met"]
    facts.loc[other, "recorded_sla"] = "breached"
    facts.loc[mine, "reopens"] = [0, 1, 0, 0, 0, 0]
    promises = sla(facts.loc[[*mine, mine[3], *other]]).assign(metric="full_resolution")
    promises["state"] = ["met", "breached", "breached", "met", "met", "met", "breached", "met"]
    promises["breached_at"] = promises["ended_at"].where(promises["state"] == "breached")
    promises.iloc[5, promises.columns.get_loc("ended_at")] -= pd.Timedelta(days=7)
    store.write("facts", "tickets", facts, partition_by_week=True)
    store.write("facts", "sla", pd.concat([sla(facts), promises]), partition_by_week=True)
    write_json(
        {name: sorted(columns | {"recorded_sla"}) for name, columns in store.present().items()},
        store.folder("standard", "columns.json"),
    )
    review = open_review(ops.open_week(LAST, "alpha", warehouse=str(root), params=str(params)))
    row = ops.weekly_review.recorded_sla(review).to_dict("records")
    assert row == [
        {"tickets": 4, "recorded_met": 0.75, "own_met": 0.25, "only_recorded": 2, "only_own": 0, "reopened": 1}
    ]
