"""Small exports as people have them, taken in whole: the states and replies that come out, counted by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from opslib.errors import ExportError
from opslib.facts.build import build
from opslib.store.warehouse import Warehouse
from opslib.weekly.run import Intake, Run, admit_exports
from tests.line.conftest import ROOT, few_expectations, run_over

ORGANISATION = """
organisation: a desk
time_zone: UTC
calendars:
  - {name: always, time_zone: UTC, hours: [{from: 2020-01-01, always: true}]}
teams:
  - {name: desk, label: Desk, region: US, calendar: always}
  - {name: chat, label: Chat, region: US, calendar: always}
"""
EVENTS = "ticket_id,occurred_at,event,actor_role,actor_id,value"
TICKETS = "ticket_id,created_at,status,team"


def take_in(
    folder: Path, files: Mapping[str, str], *, source: str = "standard", whole_gate: bool = False
) -> tuple[Run, Intake]:
    """Write the files as an export, of standard tables or as Zendesk has it, and admit them."""
    exports, params = folder / "exports", folder / "params"
    (params / "sources").mkdir(parents=True)
    zendesk = (ROOT / "params" / "sources" / "zendesk.yml").read_text(encoding="utf-8")
    mapping = zendesk.replace("General support: us-general", "Desk: desk")
    (params / "sources" / "zendesk.yml").write_text(mapping, encoding="utf-8")
    (params / "org.yml").write_text(ORGANISATION, encoding="utf-8")
    (params / "weekly.yml").write_text("notebooks: []\n", encoding="utf-8")
    exports.mkdir()
    for name, text in files.items():
        (exports / name).write_text(text.strip() + "\n", encoding="utf-8")
    expectations = ROOT / "expectations" if whole_gate else few_expectations(folder / "expectations")
    run = run_over(exports, folder, source=source, params=params, expectations=expectations)
    return run, admit_exports(run, lambda step, line: None)


def events_of(warehouse: Warehouse) -> dict[str, list[str]]:
    """What happened to each ticket after its creation, in order, statuses by their value."""
    rows = warehouse.read("standard", "ticket_events").sort_values(["ticket_id", "sequence"])
    rows["what"] = rows["value"].where(rows["event"] == "status", rows["event"])
    rows = rows[~rows["event"].isin(["created"])]
    return {str(ticket): of_it["what"].tolist() for ticket, of_it in rows.groupby("ticket_id")}


def log(*lines: str) -> str:
    """Events as lines `ticket time event value`, at a time of 10 June 2026; comments are an agent's."""
    rows = [EVENTS]
    for line in lines:
        ticket, time, event, value = [*line.split(), ""][:4]
        rows.append(f"{ticket},2026-06-10T{time}Z,{event},agent,a1,{value}")
    return "\n".join(rows)


def rows_of(tickets: str, status: str = "open") -> str:
    return "\n".join([TICKETS, *(f"{ticket},2026-06-10T09:00:00Z,{status},desk" for ticket in tickets.split())])


BY_THE_MINUTE = log(
    "A 09:00 created", "A 12:00 status open", "A 12:00 status pending", "A 12:00 status open",
    "B 09:00 created", "B 12:00 public_comment", "B 12:00 public_comment", "B 12:00 status solved",
)  # fmt: skip
NEWEST_FIRST = log(
    "A 13:00 internal_note",
    "A 12:00 status solved", "A 12:00 public_comment", "A 12:00 status open", "A 09:00 created",
    "B 12:00 status open", "B 12:00 status solved", "B 10:00 status new", "B 09:00 created",
)  # fmt: skip
SORTED_BY_KIND = log(
    "A 09:00 created", "B 09:00 created", "B 11:00 public_comment",
    "A 10:00 status open", "B 11:00 status solved", "A 12:00 status solved",
    "A 09:00 team desk", "B 10:00 team desk", "B 11:00 team chat", "A 12:00 team chat",
)  # fmt: skip
OVERLAPPING = log("A 09:00 created", "A 12:00 public_comment", "B 09:00 created", "B 12:00 status open")
THE_SAME_AND_MORE = log(
    "A 12:00 public_comment", "A 12:00 public_comment", "B 12:00 status open", "B 12:00 status solved"
)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"ticket_events.csv": BY_THE_MINUTE}, {"A": "open pending open", "B": "public_comment public_comment solved"}),
        (
            {"ticket_events.csv": NEWEST_FIRST},
            {"A": "open public_comment solved internal_note", "B": "new solved open"},
        ),
        (
            {"ticket_events.csv": SORTED_BY_KIND},
            {"A": "team open team solved", "B": "team public_comment team solved"},
        ),
        (
            {"ticket_events-1.csv": OVERLAPPING, "ticket_events-2.csv": THE_SAME_AND_MORE},
            {"A": "public_comment public_comment", "B": "open solved"},
        ),
        (  # the second page is the older one
            {
                "ticket_events-1.csv": log("A 14:00 status pending", "A 12:00 status solved"),
                "ticket_events-2.csv": log("A 12:00 status open", "A 10:00 status new", "A 09:00 created"),
            },
            {"A": "new open solved pending"},
        ),
        (  # two logs, and neither knows what the other has at noon
            {
                "ticket_events_status.csv": log("A 09:00 status new", "A 12:00 status solved"),
                "ticket_events_team.csv": log("A 09:00 team desk", "A 12:00 team chat"),
                "ticket_events_text.csv": log("A 12:00 public_comment"),
            },
            {"A": "team new public_comment team solved"},
        ),
        (
            {"ticket_events.csv": log("A 09:00 created", "A 12:00 merged_into B", "A 12:00 status closed")},
            {"A": "merged_into closed"},
        ),
        (  # written twice from its first row to its last
            {"ticket_events.csv": log(*(f"A 1{n}:00 public_comment" for n in range(10) for _ in range(2)))},
            {"A": " ".join(["public_comment"] * 10)},
        ),
    ],
    ids=[
        "by the minute", "newest first", "sorted by kind", "overlapping", "pages newest first", "several logs",
        "merged and closed", "written twice",
    ],
)  # fmt: skip
def test_events_of_one_instant_come_in_the_order_that_the_export_tells(tmp_path, files, expected):
    run, intake = take_in(tmp_path, {"tickets.csv": rows_of("A B")} | files)
    assert {ticket: " ".join(events) for ticket, events in events_of(run.warehouse).items()} == expected
    rows = intake.rows[intake.rows["table"] == "ticket_events"]
    assert (rows["read"] == rows["replaced"] + rows["kept"]).all()


def test_the_sources_own_numbers_tell_the_order_and_what_is_one_event(tmp_path):
    events = (
        EVENTS + ",sequence,event_id\n"
        "A,2026-06-10T09:00:00Z,created,requester,u1,,1,e1\n"
        "A,2026-06-10T12:00:00Z,status,agent,a1,solved,4,e4\n"
        "A,2026-06-10T12:00:00Z,status,agent,a1,open,2,e2\n"
        "A,2026-06-10T12:00:00Z,public_comment,agent,a1,,3,e3\n"
        "A,2026-06-10T12:00:00Z,public_comment,agent,a1,,3,e3\n"
        "A,2026-06-10T12:00:00Z,public_comment,agent,a1,,5,e5\n"
    )
    run, intake = take_in(tmp_path, {"tickets.csv": rows_of("A"), "ticket_events.csv": events})
    assert events_of(run.warehouse) == {"A": ["open", "public_comment", "solved", "public_comment"]}
    assert intake.rows.set_index("table").loc["ticket_events", "replaced"] == 1


ROWS = {  # status, updated_at, solved_at, closed_at; created at 09:00, solved at 10:00 and open from 11:00
    "closed later": "closed,,2026-06-10T12:00:00Z,2026-06-10T14:00:00Z",
    "solved again": "solved,2026-06-10T13:00:00Z,2026-06-10T10:00:00Z,",
    "no instant": "solved,,,",
    "old row": "solved,2026-06-10T10:00:00Z,2026-06-10T10:00:00Z,",
    "agrees": "open,2026-06-10T15:00:00Z,,",
    "deleted": "deleted,2026-06-10T12:30:00Z,,",
}
SOLVED_ROWS = {  # the same, and solved at 10:00 for good
    "reopened": "pending,2026-06-10T16:00:00Z,,",
    "open of old": "open,2026-06-10T09:30:00Z,,",
    "open of no instant": "open,,,",
    "merged": "merged,2026-06-10T11:00:00Z,,",
    "stays merged": "closed,2026-06-10T11:00:00Z,,2026-06-10T11:00:00Z",
}
QUEUES = {"told": ["", "A"], "untold": ["A"], "back": ["A", "", "A"], "moved": ["", "A", "B"]}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Intake]:
    """Tickets whose rows and events disagree, and tickets that go from queue to queue, taken in and made facts of."""
    created = "2026-06-10T09:00:00Z"
    tickets = ["ticket_id,created_at,team,status,updated_at,solved_at,closed_at,queue"]
    tickets += [f"{name},{created},desk,{row}," for name, row in (ROWS | SOLVED_ROWS).items()]
    tickets += [f"{name},{created},chat,open,,,,A" for name in QUEUES]
    events = [EVENTS]
    for name in ROWS | SOLVED_ROWS:
        steps = [("10", "solved"), ("11", "open")] if name in ROWS else [("10", "solved")]
        events += [f"{name},2026-06-10T{hour}:00:00Z,status,agent,a1,{status}" for hour, status in steps]
    events += ["stays merged,2026-06-10T10:30:00Z,merged_into,agent,a1,agrees"]
    for name, queues in QUEUES.items():
        for kind in ("queue", "assignee"):
            events += [f"{name},2026-06-10T{9 + n:02}:00:00Z,{kind},agent,a1,{to}" for n, to in enumerate(queues)]
    files = {"tickets.csv": "\n".join(tickets), "ticket_events.csv": "\n".join(events)}
    run, intake = take_in(tmp_path_factory.mktemp("desk"), files, whole_gate=True)
    build(run.warehouse, run.organisation, intake.as_of)
    return run, intake


def test_rows_and_events_that_disagree_are_named(desk):
    result = next(each for each in desk[1].verdict.results if each.column == "status_agrees_with_its_events")
    assert (result.outcome, result.failed, result.checked) == ("warned", 5, 9)
    named = {"closed later", "solved again", "no instant", "deleted", "reopened"}
    rows = {f"tickets.csv row {row}" for row, name in enumerate(ROWS | SOLVED_ROWS, 1) if name in named}
    assert set(result.examples) == rows, "words are no ids, and not shown"


def test_of_a_row_and_events_that_disagree_the_newer_decides(desk):
    """What the row knows of an end or a reopening that no event tells; an old row and one that agrees do nothing."""
    warehouse = desk[0].warehouse
    facts = warehouse.read("facts", "tickets").set_index("ticket_id")
    spells = warehouse.read("facts", "spells").query("team == 'desk'").sort_values("start_at")
    last = spells.groupby("ticket_id")["status"].last()
    open_tickets = {"old row", "agrees", "reopened"}
    assert set(last[last.isin(["new", "open", "pending", "on_hold"])].index) == open_tickets
    backlog = warehouse.read("facts", "backlog").query("team == 'desk'").iloc[-1]
    assert backlog["closing"] == len(open_tickets)
    assert (backlog["merged"], backlog["deleted"], backlog["reopened"]) == (0, 1, 7)
    last_solves = facts["last_solved_at"].dt.strftime("%H:%M")
    assert last_solves[["closed later", "open of old", "open of no instant"]].tolist() == ["12:00", "10:00", "10:00"]
    assert last[["deleted", "merged", "stays merged"]].tolist() == ["deleted", "merged", "merged"]
    assert facts.loc[["deleted", "merged", "stays merged"], "counts_in_speed"].tolist() == [False] * 3


def test_an_empty_first_queue_is_no_queue_and_getting_one_is_no_transfer(desk):
    warehouse = desk[0].warehouse
    facts = warehouse.read("facts", "tickets").set_index("ticket_id").loc[["told", "untold", "back", "moved"]]
    assert facts["first_queue"].fillna("").tolist() == ["", "A", "A", ""]
    assert facts["transfers"].tolist() == [0, 0, 1, 1]
    assert facts["ping_pongs"].tolist() == [0, 0, 1, 0]
    spells = warehouse.read("facts", "spells").query("ticket_id == 'told'").sort_values("start_at")
    assert spells.iloc[0][["queue", "assignee_id"]].isna().all()


def test_a_changed_answer_is_one_and_an_agent_may_be_in_two_teams(tmp_path):
    """The number of the answer, else when it was asked for, tells that it is the same; without either there are two."""
    answers = "ticket_id,answered_at,score,scale_max,offered_at,answer_id\n"
    first = (
        "A,2026-06-10T10:00:00Z,1,2,,900\n"
        "B,2026-06-10T10:00:00Z,1,2,2026-06-10T09:30:00Z,\n"
        "C,2026-06-10T10:00:00Z,1,2,,\n"
    )
    second = (
        "A,2026-06-10T12:00:00Z,2,2,,900\n"
        "B,2026-06-10T12:00:00Z,2,2,2026-06-10T09:30:00Z,\n"
        "C,2026-06-10T12:00:00Z,2,2,,\n"
    )
    run, _ = take_in(
        tmp_path,
        {
            "tickets.csv": rows_of("A B C"),
            # The file that is read last has the older answers.
            "satisfaction-1.csv": answers + second,
            "satisfaction-2.csv": answers + first,
            "agents-1.csv": "agent_id,team\na1,desk\na1,chat\na2,desk\na3,desk",
            "agents-2.csv": "agent_id,team\na2,chat\na3,desk\na4,chat",
        },
    )
    scores = run.warehouse.read("standard", "satisfaction").groupby("ticket_id")["score"].agg(list)
    assert {str(ticket): sorted(of_it) for ticket, of_it in scores.items()} == {"A": [2], "B": [2], "C": [1, 2]}
    teams = (
        run.warehouse.read("standard", "agents").groupby("agent_id")["team"].agg(lambda of_it: "+".join(sorted(of_it)))
    )
    assert sorted(teams) == ["chat", "chat", "chat+desk", "desk"]


def test_answers_of_a_scale_that_cannot_be_used_stop_nothing_but_satisfaction(tmp_path):
    """Ten answers of a hundred go, with them the one of the team that could be read; 8 of 10 of another stays."""
    tickets = rows_of(" ".join(f"A{n}" for n in range(11))) + "\nB,2026-06-10T09:00:00Z,open,chat"
    answers = [f"A{n},2026-06-10T12:00:00Z,{90 + n},100" for n in range(10)]
    answers += ["A10,2026-06-10T12:00:00Z,4,5", "B,2026-06-10T12:00:00Z,8,10"]
    files = {"tickets.csv": tickets, "satisfaction.csv": "\n".join(["ticket_id,answered_at,score,scale_max", *answers])}
    run, intake = take_in(tmp_path, files, whole_gate=True)
    kept = run.warehouse.read("standard", "satisfaction")
    assert kept[["ticket_id", "score"]].to_numpy().tolist() == [["B", 8.0]]
    assert intake.rows.set_index("table").loc["satisfaction", "set_aside"] == 11
    named = {each.column: each for each in intake.verdict.results if each.table == "satisfaction" and each.failed}
    assert {named[name].outcome for name in ("scale_max", "set_aside_share")} == {"set_aside", "warned"}
    assert named["set_aside_share"].teams == ("desk",)
    assert not any("satisfaction" in reason for reasons in intake.verdict.blocked.values() for reason in reasons)


def test_without_tickets_the_message_says_what_to_add(tmp_path):
    answers = "ticket_id,answered_at,score,scale_max\nA,2026-06-10T12:00:00Z,4,5"
    with pytest.raises(
        ExportError, match=r"^`satisfaction\.csv`: there are no tickets beside it.*add the export of tickets"
    ):
        take_in(tmp_path, {"satisfaction.csv": answers})


def test_ratings_that_tell_of_no_offer_are_no_history_of_the_tickets(tmp_path):
    """The file of ratings would give events, had it any offers; an export of tickets and answers has no events."""
    tickets = "id,created_at,status,group,updated_at\n1,2026-06-10T09:00:00Z,open,Desk,2026-06-10T15:00:00Z"
    rating = {"id": 900, "ticket_id": 1, "created_at": "2026-06-10T10:00:00Z"}
    ratings = [rating | {"score": "good", "updated_at": "2026-06-11T10:00:00Z"}]
    ratings += [rating | {"score": "bad", "updated_at": "2026-06-10T10:00:00Z"}]
    files = {"tickets.csv": tickets, "satisfaction_ratings.json": json.dumps({"satisfaction_ratings": ratings})}
    run, intake = take_in(tmp_path, files, source="zendesk")
    assert set(run.warehouse.present()) == {"tickets", "satisfaction"}
    assert run.warehouse.read("standard", "satisfaction")["score"].tolist() == [2.0]
    assert intake.rows.query("table == 'ticket_events'")[["read", "left_out"]].to_numpy().tolist() == [[2, 2]]
