from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opslib.display.theme import Drawing, Markup
from opslib.errors import SettingsError
from opslib.reports.routing_audit import frames as ops_routing
from opslib.reports.routing_audit import show
from opslib.reports.week import Week
from tests.reports.routing_warehouse import AS_OF, CANDIDATE, LAST, WEEKS, write

SHOWN = {
    "signals": ("signals", show.signals),
    "misrouted_weeks": ("misrouted_weeks", show.misrouted_weeks),
    "misrouted": ("misrouted", show.misrouted),
    "misrouted_table": ("misrouted", show.misrouted_table),
    "transitions": ("transitions", show.transitions),
    "transitions_table": ("transitions", show.transitions_table),
    "transfers": ("transfers", show.transfers),
    "queues": ("queues", show.queues),
    "cost": ("cost", show.cost),
    "before_after": ("before_after", show.before_after),
    "lint": ("lint", show.lint),
}


def opened(root: Path, team: str = "shop", week: str = LAST, **missing: bool) -> ops_routing.Audit:
    store, organisation = write(root, **missing)
    return ops_routing.open_audit(Week(week, team, store, organisation, AS_OF), weeks=4)


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> ops_routing.Audit:
    return opened(tmp_path_factory.mktemp("routing"))


def test_a_wrong_queue_is_a_signal_in_its_first_week(audit: ops_routing.Audit):
    first = ops_routing.Audit(Week("2026-W45", "shop", audit.warehouse, audit.week.organisation, AS_OF), 4)
    found = ops_routing.signals(first)
    assert found.loc[found["discovery"], "contact_reason"].tolist() == ["refund"]
    before = ops_routing.Audit(Week("2026-W44", "shop", audit.warehouse, audit.week.organisation, AS_OF), 4)
    assert not ops_routing.signals(before)["discovery"].any()


def test_the_audit_is_about_the_teams_own_tickets_of_its_weeks(audit: ops_routing.Audit):
    assert audit.weeks == WEEKS[-4:]
    assert set(audit.own["contact_reason"]) == {"refund", "delivery"}
    found = ops_routing.misrouted(audit).set_index("contact_reason")
    assert found.loc["refund", ["tickets", "misrouted", "belongs_in"]].tolist() == [80, 40, "refunds"]
    assert found.loc["delivery", "misrouted"] == 0


def test_queues_say_what_came_in_and_what_went_wrong(audit: ops_routing.Audit):
    found = ops_routing.queues(audit).set_index("queue")
    assert found.loc["orders", ["entered", "sent_on", "solved", "taken_in"]].tolist() == [120, 40, 80, 0]
    assert found.loc["refunds", ["entered", "sent_on", "solved", "taken_in"]].tolist() == [40, 0, 80, 40]
    assert found.loc["refunds", "value"] == 2 * 3600


def test_moves_are_those_of_the_spells(audit: ops_routing.Audit):
    found = ops_routing.transitions(audit)
    assert found[["origin", "destination", "moves"]].to_numpy().tolist() == [["orders", "refunds", 40]]
    assert ops_routing.transitions(audit, by="team").empty
    assert ops_routing.transfers(audit)["tickets"].tolist() == [120, 40, 0, 0]


def test_the_change_of_the_rule_stands_before_and_after(audit: ops_routing.Audit):
    found = ops_routing.before_after(audit)
    row = found[(found["group"] == "affected") & (found["outcome"] == "misrouted")].iloc[0]
    assert row[["rule_id", "queue_before", "queue_after", "before", "after"]].tolist() == [
        *("R-2", "refunds", "orders", 0.0, 1.0)
    ]


def test_faulty_rules_are_found_and_the_teams_own_are_marked(audit: ops_routing.Audit):
    found = ops_routing.lint(audit)
    faults = found[found["severity"] == "fault"].set_index("rule_id")
    assert faults["fault"].to_dict() == {"R-3": "shadowed", "R-4": "dead", "R-2": "misroutes"}
    assert faults["ours"].all()
    desk = ops_routing.Audit(Week(LAST, "desk", audit.warehouse, audit.week.organisation, AS_OF), 4)
    assert not ops_routing.lint(desk).set_index("rule_id").loc["R-2", "ours"]


def test_priorities_are_those_of_the_first_event(audit: ops_routing.Audit):
    """The tickets say high, as they stand today; the events say low at creation, and that is what a rule saw."""
    assert set(audit.fields(audit.own).tickets["priority"]) == {"low"}


def test_a_candidate_file_is_replayed(audit: ops_routing.Audit, tmp_path: Path):
    (tmp_path / "candidate.yml").write_text(CANDIDATE, encoding="utf-8")
    found = ops_routing.replay(audit, candidate=str(tmp_path / "candidate.yml"))
    row = found.summary.iloc[0]
    assert row[["tickets", "changed", "mended", "spoilt", "as_it_was"]].tolist() == [240, 40, 40, 0, 1]
    assert row["high"] < 0
    with pytest.raises(SettingsError, match="there is no such file"):
        ops_routing.replay(audit, candidate=str(tmp_path / "other.yml"))


def test_without_a_candidate_the_weeks_before_are_learnt_from(audit: ops_routing.Audit):
    found = ops_routing.replay(audit)
    assert found.summary["mended"].tolist() == [40]
    assert set(found.tickets["rule_candidate"]) == {"learnt-1", "learnt-2", "learnt-3"}


@pytest.mark.parametrize("name", SHOWN)
def test_every_answer_can_be_shown(audit: ops_routing.Audit, name: str):
    question, draw = SHOWN[name]
    shown = draw(getattr(ops_routing, question)(audit))
    assert isinstance(shown, Drawing | Markup)
    assert "<script>" not in str(shown._repr_mimebundle_())
    assert len(repr(shown)) > 30


def test_a_replay_is_shown_in_words_figure_and_table(audit: ops_routing.Audit):
    found = ops_routing.replay(audit)
    assert "40 would enter another queue" in show.replay(found).text
    assert "commerce" not in show.load(found).alt
    assert "mended" in show.changed(found).text
    assert "contact_reason" in show.warnings(found).text
    table = show.loads(found).text.splitlines()
    assert table[1].startswith("Queue | Today | Candidate | Change (95 % interval) | Misrouted today |")
    assert table[2].startswith("orders | 120 | 80 | −40 (−52 to −29) | 33.3 % | 0.0 % | 80")


def test_a_signal_names_the_queue_where_its_tickets_belong_and_the_latest_of_them(audit: ops_routing.Audit):
    first = ops_routing.Audit(Week("2026-W45", "shop", audit.warehouse, audit.week.organisation, AS_OF), 4)
    row = ops_routing.signals(first).iloc[0]
    assert row["belongs_in"] == "refunds"
    assert row["ticket_ids"] == "8-57, 8-54, 8-51, 8-48, 8-45"
    assert "8-57, 8-54" in show.signals(ops_routing.signals(first)).text


def test_a_week_is_compared_with_weeks_of_which_no_more_was_known(tmp_path: Path):
    """What is handed on takes longer; counted when solved at last, it would make every earlier week look worse."""
    store, organisation = write(tmp_path)
    frame = store.read("facts", "tickets")
    frame.loc[frame["first_queue"] != frame["solved_queue"], "last_solved_at"] += pd.Timedelta(days=7)
    store.write("facts", "tickets", frame, partition_by_week=True)
    found = ops_routing.signals(ops_routing.Audit(Week(LAST, "desk", store, organisation, AS_OF), 4))
    assert found[["contact_reason", "tickets", "misrouted", "share_before"]].to_numpy().tolist() == [
        ["login", 13, 0, 0]
    ]


def test_every_finding_stands_beside_its_tickets(audit: ops_routing.Audit):
    rows = [line.split(" | ") for line in show.lint(ops_routing.lint(audit)).text.splitlines()[2:5]]
    assert [row[:2] for row in rows] == [
        ["R-3 (this team)", "shadowed (fault, exact)"],
        ["R-4 (this team)", "dead (fault, tickets)"],
        ["R-2 (this team)", "misroutes (fault, tickets)"],
    ]
    assert [row[3].startswith(said) for row, said in zip(rows, ("100, latest", "none", "40, latest"), strict=True)]


def test_the_headline_names_the_share_and_the_rules_at_fault(audit: ops_routing.Audit):
    found = ops_routing.headline(audit)
    lines = {line.label: line for line in found.lines}
    assert lines["Misrouted, last 4 weeks"].value == "25.0 %"
    assert lines["Misrouted, last 4 weeks"].note.startswith("18.9–32.2 %; against the 4 weeks before, more than chance")
    assert lines["Misrouted, last 4 weeks"].signal
    assert lines["Rules of this team at fault"].value == "3"
    assert found.status == "ready"


def test_an_export_without_events_says_so_instead_of_a_share(tmp_path: Path):
    """The fact repeats the queue of today as the first one where nothing tells it; that is no well-routed ticket."""
    bare = opened(tmp_path, events=False, rules=False)
    for name in ("signals", "misrouted", "misrouted_weeks", "transitions"):
        frame = getattr(ops_routing, name)(bare)
        assert frame.empty
        assert frame.attrs["missing"].startswith("Not in this export")
        assert SHOWN[name][1](frame).text.startswith("Not in this export")
    assert show.lint(ops_routing.lint(bare)).text == ops_routing.NO_RULES
    assert show.before_after(ops_routing.before_after(bare)).text == ops_routing.NO_RULES
    queues = ops_routing.queues(bare)
    assert queues["entered"].isna().all()
    assert queues.set_index("queue").loc["refunds", "solved"] == 80
    assert "refunds" in show.queues(queues).text
    replayed = ops_routing.replay(bare)
    assert replayed.summary["misrouted_candidate"].iloc[0] == pytest.approx(28 / 240)
    assert "solved tickets to another queue" in show.replay(replayed).text
    assert "solved there" in show.load(replayed).alt
    assert "Today" not in show.loads(replayed).text
    assert show.changed(replayed).text == show.NO_COMPARISON
    assert ops_routing.headline(bare).status == "ready"


def test_a_team_without_tickets_has_nothing_to_show(tmp_path: Path):
    store, organisation = write(tmp_path)
    quiet = ops_routing.Audit(Week(LAST, "quiet", store, organisation, AS_OF), 4)
    assert ops_routing.headline(quiet).status == "no_data"
    for name, (question, draw) in SHOWN.items():
        if name != "lint":
            shown = draw(getattr(ops_routing, question)(quiet))
            assert isinstance(shown, Markup)
            assert isinstance(shown.text, str)
    assert isinstance(ops_routing.queues(quiet), pd.DataFrame)
