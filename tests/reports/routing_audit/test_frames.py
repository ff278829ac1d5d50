from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opslib.display import words
from opslib.display.theme import Drawing, Markup
from opslib.errors import SettingsError
from opslib.reports.routing_audit import drawings, frames, headline
from opslib.reports.week import Week
from opslib.settings import load_organisation
from opslib.store.warehouse import Warehouse
from tests.reports.routing_warehouse import AS_OF, CANDIDATE, LAST, WEEKS, write_routing_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse, shared_warehouse

DRAWN = {
    "signals": ("signals", drawings.signals),
    "misrouted_weeks": ("misrouted_weeks", drawings.misrouted_weeks),
    "misrouted": ("misrouted", drawings.misrouted),
    "misrouted_table": ("misrouted", drawings.misrouted_table),
    "transitions": ("transitions", drawings.transitions),
    "transitions_table": ("transitions", drawings.transitions_table),
    "transfers": ("transfers", drawings.transfers),
    "queues": ("queues", drawings.queues),
    "cost": ("cost", drawings.cost),
    "before_after": ("before_after", drawings.before_after),
    "lint": ("lint", drawings.lint),
}


def week_of(folders: Folders, team: str) -> Week:
    return Week(LAST, Warehouse(folders[0]), load_organisation(folders[1]), AS_OF, team)


def audit_like(audit: frames.Audit, *, team: str = "shop", week: str = LAST) -> frames.Audit:
    """The same warehouse, asked for another team or week."""
    return frames.open_audit(Week(week, audit.warehouse, audit.week.organisation, AS_OF, team), weeks=4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory, write_routing_warehouse)


@pytest.fixture(scope="module")
def candidate(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("rules") / "candidate.yml"
    path.write_text(CANDIDATE, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def audit(folders: Folders) -> frames.Audit:
    return frames.open_audit(week_of(folders, "shop"), weeks=4)


def test_a_wrong_queue_is_a_signal_in_its_first_week(audit: frames.Audit):
    first = audit_like(audit, week="2026-W45")
    tests = frames.signals(first)
    assert tests.loc[tests["discovery"], "contact_reason"].tolist() == ["refund"]
    before = audit_like(audit, week="2026-W44")
    assert not frames.signals(before)["discovery"].any()


def test_the_audit_is_about_the_teams_own_tickets_of_its_weeks(audit: frames.Audit):
    assert audit.weeks == WEEKS[-4:]
    assert set(audit.own["contact_reason"]) == {"refund", "delivery"}
    reasons = frames.misrouted(audit).set_index("contact_reason")
    assert reasons.loc["refund", ["tickets", "misrouted", "belongs_in"]].tolist() == [80, 40, "refunds"]
    assert reasons.loc["delivery", "misrouted"] == 0


def test_queues_say_what_came_in_and_what_went_wrong(audit: frames.Audit):
    queues = frames.queues(audit).set_index("queue")
    assert queues.loc["orders", ["entered", "sent_on", "solved", "taken_in"]].tolist() == [120, 40, 80, 0]
    assert queues.loc["refunds", ["entered", "sent_on", "solved", "taken_in"]].tolist() == [40, 0, 80, 40]
    assert queues.loc["refunds", "value"] == 2 * 3600


def test_numbers_of_too_few_people_are_shown_by_no_frame_nor_told_by_its_totals(
    audit: frames.Audit, candidate: str, monkeypatch: pytest.MonkeyPatch
):
    """With a minimum of 45: forty moves, forty misrouted and forty who entered a queue are then too few."""
    monkeypatch.setattr(frames.Audit, "minimum_group", 45)
    few = "fewer than 45 people each"
    assert set(frames.transitions(audit)["destination"]) == {few}
    queues = frames.queues(audit).set_index("queue")
    assert queues["entered"].isna().all(), "120 of 160 would tell the forty"
    assert (queues[["sent_on", "taken_in"]].fillna(0) == 0).all(axis=None)
    assert queues["value"].isna().all()
    assert queues["solved"].isna().all(), "the eighty tickets are of forty people"
    text = drawings.queues(frames.queues(audit)).text
    assert "fewer than 45" in text
    assert "40" not in text
    transfers = frames.transfers(audit).set_index("transfers")["tickets"]
    assert transfers.isna().sum() != 1
    assert not ((transfers > 0) & (transfers < 45)).any()
    monkeypatch.setattr(frames.Audit, "minimum_group", 81)
    reasons = frames.misrouted(audit)
    assert reasons[["contact_reason", "tickets"]].to_numpy().tolist() == [["fewer than 81 people each", 160]]
    assert frames.signals(audit_like(audit, week="2026-W45")).empty
    replayed = frames.replay(audit, candidate=candidate)
    assert replayed is not None
    assert replayed.changed["ticket_id"].isin([""]).all()


def test_moves_are_those_of_the_spells(audit: frames.Audit):
    moves = frames.transitions(audit)
    assert moves[["origin", "destination", "moves"]].to_numpy().tolist() == [["orders", "refunds", 40]]
    assert frames.transitions(audit, by="team").empty
    assert frames.transfers(audit)["tickets"].tolist() == [120, 40, 0, 0]


def test_moves_between_teams_are_not_in_an_export_without_events_of_teams(audit: frames.Audit):
    """Nothing moved, but nothing could have been told, either; moves between queues could."""
    assert drawings.transitions_table(frames.transitions(audit, by="team")).text == frames.NO_TEAM_MOVES
    assert "no events with teams" not in drawings.transitions_table(frames.transitions(audit)).text


def test_where_events_tell_teams_and_none_moved_nothing_is_said_to_be_missing(folders: Folders, tmp_path: Path):
    audit = frames.open_audit(week_of(copy_warehouse(folders, tmp_path), "shop"), weeks=4)
    events = audit.warehouse.read("standard", "ticket_events")
    events["event"] = events["event"].replace("priority", "team")
    audit.warehouse.write("standard", "ticket_events", events, partition_by_week=True)
    table = frames.transitions(audit, by="team")
    assert table.empty
    assert "missing" not in table.attrs


def test_moves_between_teams_have_the_labels_of_the_teams(folders: Folders, tmp_path: Path):
    audit = frames.open_audit(week_of(copy_warehouse(folders, tmp_path), "shop"), weeks=4)
    spells = audit.warehouse.read("facts", "spells")
    spells["team"] = spells["team"].mask(spells["queue"] == "refunds", "desk")
    audit.warehouse.write("facts", "spells", spells, partition_by_week=True)
    labels = {team.name: team.label for team in audit.week.organisation.teams}
    table = frames.transitions(audit, by="team")
    assert table[["origin", "destination"]].to_numpy().tolist() == [[labels["shop"], labels.get("desk", "desk")]]


def test_a_count_of_transfers_without_queues_tells_transfers_and_no_ping_pong(tmp_path: Path):
    audit = frames.open_audit(week_of(write_routing_warehouse(tmp_path, events=False, rules=False), "shop"), weeks=4)
    assert drawings.transfers(frames.transfers(audit)).text == frames.NO_TRANSFERS
    assert drawings.cost(frames.cost(audit)).text == frames.NO_TRANSFERS
    facts = audit.warehouse.read("facts", "tickets")
    facts["transfers"] = (facts["contact_reason"] == "refund").astype("int64")
    audit.warehouse.write("facts", "tickets", facts, partition_by_week=True)
    counted = audit_like(audit)
    text = drawings.transfers(frames.transfers(counted)).text
    assert "1 | 80 | 50.0%" in text
    assert "Which of them came back to a queue is not in this export." in text
    labels = [line.label for line in headline(counted).lines]
    assert "Handed on at least once" in labels
    assert "Came back to a queue" not in labels


def test_the_change_of_the_rule_stands_before_and_after(audit: frames.Audit):
    comparisons = frames.before_after(audit)
    row = comparisons[(comparisons["group"] == "affected") & (comparisons["outcome"] == "misrouted")].iloc[0]
    assert row[["rule_id", "queue_before", "queue_after", "before", "after"]].tolist() == [
        *("R-2", "refunds", "orders", 0.0, 1.0)
    ]


def test_faulty_rules_are_found_and_the_teams_own_are_marked(audit: frames.Audit):
    findings = frames.lint(audit)
    faults = findings[findings["severity"] == "fault"].set_index("rule_id")
    assert faults["fault"].to_dict() == {"R-3": "shadowed", "R-4": "dead", "R-2": "misroutes"}
    assert faults["ours"].all()
    desk = audit_like(audit, team="desk")
    assert not frames.lint(desk).set_index("rule_id").loc["R-2", "ours"]


def test_priorities_are_those_of_the_first_event(audit: frames.Audit):
    """The tickets say high, as they stand today; the events say low at creation, and that is what a rule saw."""
    assert set(audit.fields(audit.own).tickets["priority"]) == {"low"}


def test_a_candidate_file_is_replayed_and_without_one_nothing_is(audit: frames.Audit, candidate: str, tmp_path: Path):
    assert frames.replay(audit, candidate="") is None
    result = frames.replay(audit, candidate=candidate)
    assert result is not None
    row = result.summary.iloc[0]
    assert row[["tickets", "changed", "mended", "spoilt", "as_it_was"]].tolist() == [240, 40, 40, 0, 1]
    assert row["high"] < 0
    with pytest.raises(SettingsError, match="there is no such file"):
        frames.replay(audit, candidate=str(tmp_path / "other.yml"))


@pytest.mark.parametrize("name", DRAWN)
def test_every_answer_can_be_shown(audit: frames.Audit, name: str):
    question, draw = DRAWN[name]
    picture = draw(getattr(frames, question)(audit))
    assert isinstance(picture, Drawing | Markup)
    assert repr(picture) != drawings.NOTHING


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "refunds") for name in ("misrouted", "misrouted_table", "transitions", "transitions_table", "queues")),
        *(("before_after", "R-2"), ("lint", "R-2"), ("signals", "refund")),
    ],
)
def test_names_of_an_export_are_text_and_no_markup(audit: frames.Audit, name: str, text: str):
    question, draw = DRAWN[name]
    frame = getattr(frames, question)(audit_like(audit, week="2026-W45") if name == "signals" else audit)
    names = {name: f"<b>{name}" for name in (text, *frame.get("rule", [])) if name.startswith(text)}
    picture = draw(frame.replace(names))
    content = picture.svg if isinstance(picture, Drawing) else picture.html
    assert f"&lt;b&gt;{text}" in content
    assert "<b>" not in content


def test_a_replay_is_shown_in_words_figure_and_table(audit: frames.Audit):
    result = frames.repaired_rules(audit)
    assert result is not None
    assert "40 would enter another queue" in drawings.replay(result).text
    assert "commerce" not in drawings.replay_load(result).alt
    assert "Refunds | right instead of wrong | 40" in drawings.replay_changes(result).text
    assert "what contact reason was at creation" in drawings.replay_warnings(result).text
    table = drawings.replay_load_table(result).text.splitlines()
    assert table[1].startswith("Queue | Today | Candidate | Change (95% interval) | Misrouted today |")
    assert table[2].startswith("Orders | 120 | 80 | −40 (−52 to −29) | 33.3% | 0.0% | 80")


def test_a_signal_names_the_queue_where_its_tickets_belong_and_the_latest_of_them(audit: frames.Audit):
    first = audit_like(audit, week="2026-W45")
    row = frames.signals(first).iloc[0]
    assert row["belongs_in"] == "refunds"
    assert row["ticket_ids"] == "8-57, 8-54, 8-51, 8-48, 8-45"
    assert "8-57, 8-54" in drawings.signals(frames.signals(first)).text


def test_a_week_is_compared_with_weeks_of_which_no_more_was_known(folders: Folders, tmp_path: Path):
    """What is transferred takes longer; counted when solved at last, it would make every earlier week look worse."""
    week = week_of(copy_warehouse(folders, tmp_path), "desk")
    frame = week.warehouse.read("facts", "tickets")
    frame.loc[frame["first_queue"] != frame["solved_queue"], "last_solved_at"] += pd.Timedelta(days=7)
    week.warehouse.write("facts", "tickets", frame, partition_by_week=True)
    tests = frames.signals(frames.Audit(week, 4))
    assert tests[["contact_reason", "tickets", "misrouted", "share_before"]].to_numpy().tolist() == [
        ["login", 13, 0, 0]
    ]


def test_every_finding_stands_beside_its_tickets(audit: frames.Audit):
    rows = [line.split(" | ") for line in drawings.lint(frames.lint(audit)).text.splitlines()[2:5]]
    assert [row[:2] for row in rows] == [
        ["R-3 (refund, email → refunds) (this team)", "shadowed (fault, exact)"],
        ["R-4 (urgent → orders) (this team)", "dead (fault, tickets)"],
        ["R-2 (refund → orders) (this team)", "misroutes (fault, tickets)"],
    ]
    assert rows[1][3] == "none"
    assert rows[0][3].startswith("100, latest 9-")
    assert rows[2][3].startswith("40, latest 9-")


def test_a_column_that_tickets_lack_is_named(audit: frames.Audit):
    assert drawings.misrouted(frames.misrouted(audit, by="brand")).text == "Not in this export: tickets have no brand."


def test_the_headline_names_the_share_and_the_rule_to_fix(audit: frames.Audit):
    head = headline(audit)
    wrong, harm, together = head.lines
    assert (wrong.label, wrong.value, wrong.signal) == ("Tickets in a wrong queue first", "25.0%", True)
    assert wrong.facts == ("40 of 160, last four weeks", "0.0% in the four weeks before")
    assert (harm.label, harm.value) == ("Sent wrong by R-2", "20 a week")
    assert harm.facts[0] == f"to Orders, since {words.day('2026-11-02')}"
    assert (together.value, together.change) == ("11.7%", "from 28.3%")
    assert together.facts[0] == "40 made right, 0 made wrong"
    assert head.verdict == (
        "One rule is worth fixing, R-2: 40 tickets would have gone right instead of wrong in four weeks, 0 wrong "
        "instead of right."
    )
    assert head.status == "ready"


def test_a_team_whose_rules_are_well_says_so_and_names_those_of_others(audit: frames.Audit):
    head = headline(audit_like(audit, team="desk"))
    assert head.verdict == "Nothing needs anybody here this week. No rule of this team needs fixing."
    assert "R-2 of another team should be fixed." in head.lead


def test_an_export_without_events_says_so_instead_of_a_share(tmp_path_factory: pytest.TempPathFactory, candidate: str):
    """The fact repeats the queue of today as the first one where nothing tells it; that is no well-routed ticket."""
    folders = shared_warehouse(tmp_path_factory, write_routing_warehouse, events=False, rules=False)
    bare = frames.open_audit(week_of(folders, "shop"), weeks=4)
    for name in ("signals", "misrouted", "misrouted_weeks", "transitions"):
        frame = getattr(frames, name)(bare)
        assert frame.empty
        assert frame.attrs["missing"].startswith("Not in this export")
        assert DRAWN[name][1](frame).text.startswith("Not in this export")
    assert drawings.lint(frames.lint(bare)).text == frames.NO_RULES
    assert drawings.before_after(frames.before_after(bare)).text == frames.NO_RULES
    queues = frames.queues(bare)
    assert queues["entered"].isna().all()
    assert queues.set_index("queue").loc["refunds", "solved"] == 80
    assert "Refunds" in drawings.queues(queues).text
    assert frames.repaired_rules(bare) is None
    replayed = frames.replay(bare, candidate=candidate)
    assert replayed is not None
    assert replayed.summary["misrouted_candidate"].iloc[0] == pytest.approx(28 / 240)
    assert "solved tickets to another queue" in drawings.replay(replayed).text
    assert "solved there" in drawings.replay_load(replayed).alt
    assert "Today" not in drawings.replay_load_table(replayed).text
    assert drawings.replay_changes(replayed).text == drawings.NO_COMPARISON
    assert headline(bare).status == "ready"
    assert headline(bare).verdict.startswith("This export does not tell how tickets were routed")


def test_a_team_without_tickets_has_nothing_to_show(folders: Folders):
    quiet = frames.Audit(week_of(folders, "quiet"), 4)
    assert headline(quiet).status == "no_data"
    for name, (question, draw) in DRAWN.items():
        if name != "lint":
            frame = getattr(frames, question)(quiet)
            assert draw(frame).text == frame.attrs.get("missing", drawings.NOTHING)
    assert isinstance(frames.queues(quiet), pd.DataFrame)
