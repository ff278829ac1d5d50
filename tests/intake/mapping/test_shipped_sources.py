"""The sources that ship, on small files of each form and on the public exports that they are for."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from opslib.intake.mapping.check import check_source
from opslib.intake.mapping.export_files import find_files
from opslib.intake.mapping.map_file import MappedFile, map_file
from opslib.intake.mapping.sources import load_source, source_names
from opslib.settings import load_organisation
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES

ROOT = Path(__file__).parents[3]
PARAMS = ROOT / "params"
PUBLIC = Path(os.environ.get("OPSLIB_PUBLIC_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def exports(tmp_path: Path) -> Any:
    """Write files, then map one of them with a source that ships."""

    def write(**files: Any) -> Path:
        for name, content in files.items():
            text = content if isinstance(content, str) else "\n".join(json.dumps(item) for item in content)
            (tmp_path / name.replace("__", ".")).write_text(text)
        return tmp_path

    return write


def rows(file: MappedFile, *columns: str) -> list[dict[str, Any]]:
    table = pa.concat_tables(file.chunks())
    return (table.select(columns) if columns else table).to_pylist()


def mapped(
    con: duckdb.DuckDBPyConnection, source: str, folder: Path, name: str, *columns: str
) -> dict[str, list[dict[str, Any]]]:
    """The rows of each table that a file feeds, of the given columns if any; the file may not be damaged."""
    files = map_file(con, load_source(PARAMS, source), folder / name, folder)
    made = {
        file.table: rows(file, *(name for name in columns if name in file.present or name[0] == "_")) for file in files
    }
    assert [file.damage for file in files] == [None] * len(files)
    files[0].close()
    return made


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def picked(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("name", source_names(PARAMS))
def test_every_source_that_ships_loads_and_names_an_organisation_that_there_is(name: str) -> None:
    mapping = load_source(PARAMS, name)
    teams = set(load_organisation(PARAMS, mapping.organisation).team_names)
    for feed in mapping.feeds:
        rule = feed.columns.get("team")
        if rule is not None and rule.values:
            assert set(rule.values.values()) <= teams


# ------------------------------------------------------------------------------------------------------------ Zendesk

TICKET = {
    "id": 35436,
    "created_at": "2026-11-02T14:00:00Z",
    "updated_at": "2026-11-03T09:00:00Z",
    "status": "hold",
    "priority": "high",
    "group_id": 111,
    "brand_id": 9,
    "via": {"channel": "email", "source": {"from": {}}},
    "requester_id": 501,
    "assignee_id": 601,
    "subject": "Cannot log in",
    "description": "It says no",
    "tags": ["login"],
    "satisfaction_rating": {"score": "offered"},
    "custom_fields": [{"id": 1, "value": "x"}],
}
GROUPS = [{"id": 111, "name": "General support"}, {"id": 112, "name": "Commerce"}]
USERS = [
    {"id": 501, "role": "end-user", "name": "Jo"},
    {"id": 601, "role": "agent", "name": "Sam", "default_group_id": 111, "iana_time_zone": "America/New_York"},
]


@pytest.mark.parametrize("form", ["lines", "page", "array"])
def test_zendesk_tickets_of_the_api(exports: Any, con: Any, form: str) -> None:
    content = {
        "lines": json.dumps(TICKET),
        "page": json.dumps({"tickets": [TICKET], "count": 1}),
        "array": json.dumps([TICKET]),
    }
    folder = exports(tickets__json=content[form], groups__json=json.dumps({"groups": GROUPS}))
    (ticket,) = mapped(con, "zendesk", folder, "tickets.json")["tickets"]
    assert ticket["ticket_id"] == "35436"
    assert ticket["created_at"] == utc("2026-11-02T14:00:00")
    assert (ticket["status"], ticket["priority"], ticket["team"], ticket["channel"]) == (
        "on_hold",
        "high",
        "us-general",
        "email",
    )
    assert (ticket["requester_id"], ticket["assignee_id"], ticket["subject"]) == ("501", "601", "Cannot log in")


def test_zendesk_tickets_as_csv(exports: Any, con: Any) -> None:
    folder = exports(
        tickets__csv="ID,Created at,Updated at,Status,Priority,Group,Channel,Subject,Solved at\n"
        "7,2026-11-02 14:00,2026-11-03 09:00,Solved,Normal,Commerce,Web,Refund,2026-11-03 09:00\n"
    )
    (ticket,) = mapped(con, "zendesk", folder, "tickets.csv")["tickets"]
    assert picked([ticket], "ticket_id", "status", "priority", "team", "channel") == [
        ("7", "solved", "normal", "us-commerce", "web")
    ]
    assert ticket["solved_at"] == utc("2026-11-03T09:00:00")


AUDITS = [
    {
        "id": 1,
        "ticket_id": 35436,
        "created_at": "2026-11-02T14:00:00Z",
        "author_id": 501,
        "via": {"channel": "email"},
        "events": [
            {"id": 11, "type": "Comment", "public": True, "author_id": 501, "body": "It says no"},
            {"id": 12, "type": "Create", "field_name": "status", "value": "new"},
            {"id": 13, "type": "Create", "field_name": "subject", "value": "Cannot log in"},
            {"id": 14, "type": "Notification", "recipients": [601]},
        ],
    },
    {
        "id": 2,
        "ticket_id": 35436,
        "created_at": "2026-11-02T14:00:00Z",
        "author_id": -1,
        "via": {"channel": "rule"},
        "events": [
            {"id": 21, "type": "Change", "field_name": "group_id", "value": "111", "previous_value": None},
            {"id": 22, "type": "Change", "field_name": "priority", "value": "High"},
        ],
    },
    {
        "id": 3,
        "ticket_id": 35436,
        "created_at": "2026-11-02T15:00:00Z",
        "author_id": 601,
        "via": {"channel": "web"},
        "events": [
            {"id": 31, "type": "Comment", "public": False, "author_id": 601, "body": "hm"},
            {"id": 32, "type": "Comment", "public": True, "author_id": 601, "body": "Try again"},
            {"id": 33, "type": "Change", "field_name": "assignee_id", "value": "601"},
            {"id": 34, "type": "Change", "field_name": "status", "value": "hold", "previous_value": "new"},
            {"id": 35, "type": "Change", "field_name": "satisfaction_score", "value": "offered"},
        ],
    },
]
EXPECTED = [
    ("public_comment", None, "501", "requester"),
    ("created", None, "501", "requester"),
    ("status", "new", "501", "requester"),
    ("team", "us-general", "-1", "automation"),
    ("priority", "high", "-1", "automation"),
    ("internal_note", None, "601", "agent"),
    ("public_comment", None, "601", "agent"),
    ("assignee", "601", "601", "agent"),
    ("status", "on_hold", "601", "agent"),
    ("satisfaction_offered", None, "601", "agent"),
]


@pytest.mark.parametrize("roles", ["users", "tickets", "given"])
def test_zendesk_audits_become_events_in_their_order(exports: Any, con: Any, roles: str) -> None:
    """Who is who is known from the users, from the tickets' requesters, or from the audits themselves."""
    files: dict[str, Any] = {"groups__json": GROUPS}
    audits = AUDITS
    if roles == "users":
        files["users__jsonl"] = files["users__json"] = USERS
    elif roles == "tickets":
        files["tickets__jsonl"] = [TICKET]
        files["tickets__json"] = [TICKET]
    else:
        names = {501: "end-user", 601: "agent", -1: "system"}
        audits = [audit | {"author_role": names[audit["author_id"]]} for audit in AUDITS]
    folder = exports(audits__jsonl=audits, audits__json=audits, **files)
    events = mapped(con, "zendesk", folder, "audits.json")["ticket_events"]
    assert picked(events, "event", "value", "actor_id", "actor_role") == EXPECTED
    assert events[-1]["occurred_at"] == utc("2026-11-02T15:00:00")


def test_zendesk_incremental_ticket_events(exports: Any, con: Any) -> None:
    page = {
        "ticket_events": [
            {
                "id": 1,
                "ticket_id": 7,
                "timestamp": 1793628000,
                "updater_id": 501,
                "child_events": [
                    {"event_type": "Create", "status": "new"},
                    {"event_type": "Comment", "comment_public": True},
                ],
            },
            {
                "id": 2,
                "ticket_id": 7,
                "timestamp": 1793631600,
                "updater_id": 601,
                "child_events": [
                    {"event_type": "Change", "status": "hold", "previous_value": "new"},
                    {"event_type": "Comment", "comment_public": False},
                    {"event_type": "Change", "group_id": 112},
                ],
            },
        ]
    }
    folder = exports(ticket_events__json=json.dumps(page), users__json=USERS, groups__json=GROUPS)
    events = mapped(con, "zendesk", folder, "ticket_events.json")["ticket_events"]
    assert picked(events, "event", "value", "actor_role") == [
        ("created", None, "requester"),
        ("status", "new", "requester"),
        ("public_comment", None, "requester"),
        ("status", "on_hold", "agent"),
        ("internal_note", None, "agent"),
        ("team", "us-commerce", "agent"),
    ]
    assert events[0]["occurred_at"] == datetime.fromtimestamp(1793628000, tz=UTC)


def test_zendesk_comments_ratings_users_and_shifts(exports: Any, con: Any) -> None:
    folder = exports(
        comments__csv="id,ticket_id,author_id,created_at,public\n1,7,501,2026-11-02T14:00:00Z,true\n"
        "2,7,601,2026-11-02T15:00:00Z,false\n",
        satisfaction_ratings__json=[
            {
                "id": 1,
                "ticket_id": 7,
                "score": "offered",
                "created_at": "2026-11-03T09:00:00Z",
                "updated_at": "2026-11-03T09:00:00Z",
            },
            {
                "id": 2,
                "ticket_id": 7,
                "score": "good",
                "comment": "Thanks",
                "created_at": "2026-11-03T09:00:00Z",
                "updated_at": "2026-11-04T10:00:00Z",
            },
            {
                "id": 3,
                "ticket_id": 8,
                "score": "bad",
                "created_at": "2026-11-03T09:00:00Z",
                "updated_at": "2026-11-05T10:00:00Z",
            },
        ],
        users__json=USERS,
        groups__json=GROUPS,
        shifts__json=json.dumps(
            {
                "data": [
                    {
                        "agentId": 601,
                        "startTime": 1793628000,
                        "endTime": 1793656800,
                        "tasks": [
                            {"name": "Tickets", "startTime": 1793628000, "endTime": 1793642400},
                            {"name": "Lunch", "startTime": 1793642400, "endTime": 1793646000},
                        ],
                    }
                ]
            }
        ),
    )
    comments = mapped(con, "zendesk", folder, "comments.csv")["ticket_events"]
    assert picked(comments, "event", "actor_role") == [("public_comment", "requester"), ("internal_note", "agent")]
    ratings = mapped(con, "zendesk", folder, "satisfaction_ratings.json")
    assert picked(ratings["satisfaction"], "ticket_id", "score", "scale_max", "comment") == [
        ("7", 2.0, 2, "Thanks"),
        ("8", 1.0, 2, None),
    ]
    assert ratings["satisfaction"][0]["answered_at"] == utc("2026-11-04T10:00:00")
    assert picked(ratings["ticket_events"], "ticket_id", "event") == [("7", "satisfaction_offered")]
    (agent,) = mapped(con, "zendesk", folder, "users.json")["agents"]
    assert (agent["agent_id"], agent["team"], agent["time_zone"]) == ("601", "us-general", "America/New_York")
    shifts = mapped(con, "zendesk", folder, "shifts.json")["shifts"]
    assert picked(shifts, "agent_id", "activity", "planned") == [("601", "tickets", True), ("601", "break", True)]
    assert (shifts[1]["end_at"] - shifts[1]["start_at"]).total_seconds() == 3600


def test_a_ticket_that_zendesk_merged_is_merged_in_audits_in_ticket_events_and_in_the_tickets(
    exports: Any, con: Any
) -> None:
    """The ticket that it was merged into gets a note of the merge too, and stays what it is."""
    merge = {"channel": "web", "source": {"rel": "merge", "from": {}, "to": {"ticket_id": 7}}}
    into = {"channel": "web", "source": {"rel": "merge", "from": {"ticket_id": 8}, "to": {}}}
    closes = [
        {"id": 81, "type": "Comment", "public": True, "author_id": 601},
        {"id": 82, "type": "Change", "field_name": "status", "value": "closed"},
        {"id": 83, "type": "Change", "field_name": "tags", "value": ["closed_by_merge", "order"]},
    ]
    at = {"created_at": "2026-11-03T09:00:00Z", "author_id": 601}
    tagged = [{"id": 91, "type": "Change", "field_name": "tags", "value": ["vip", "closed_by_merge"]}]
    audits = [
        {"id": 1, "ticket_id": 8, "via": merge, "events": closes, **at},
        {"id": 2, "ticket_id": 7, "via": into, "events": [closes[0] | {"id": 71}], **at},
        {"id": 3, "ticket_id": 9, "via": {"channel": "web", "source": {"rel": None}}, "events": tagged, **at},
    ]
    children = [
        {"id": 5, "event_type": "Change", "status": "closed"},
        {"id": 6, "event_type": "Change", "tags": ["closed_by_merge"], "added_tags": ["closed_by_merge"]},
    ]
    rows = [
        TICKET | {"id": 8, "status": "closed", "tags": ["closed_by_merge"]},
        TICKET | {"tags": ["not_closed_by_merges"]},
    ]
    folder = exports(
        audits__json=audits,
        ticket_events__json=[
            {"id": 4, "ticket_id": 8, "timestamp": 1793628000, "updater_id": 601, "child_events": children}
        ],
        tickets__json=rows,
        tickets__csv="ID,Created at,Status,Group,Tags\n8,2026-11-02 14:00,Closed,Commerce,vip closed_by_merge\n",
        users__json=USERS,
    )
    events = mapped(con, "zendesk", folder, "audits.json")["ticket_events"]
    assert picked(events, "ticket_id", "event", "value", "actor_role", "event_id") == [
        ("8", "public_comment", None, "automation", "81"),
        ("8", "merged_into", "7", "automation", "82"),
        ("8", "status", "closed", "automation", "82"),
        ("7", "public_comment", None, "automation", "71"),
        ("9", "merged_into", None, "agent", "91"),
    ]
    events = mapped(con, "zendesk", folder, "ticket_events.json")["ticket_events"]
    assert picked(events, "event", "value", "event_id") == [("status", "closed", "5"), ("merged_into", None, "6")]
    assert [row["status"] for row in mapped(con, "zendesk", folder, "tickets.json")["tickets"]] == ["merged", "on_hold"]
    assert [row["status"] for row in mapped(con, "zendesk", folder, "tickets.csv")["tickets"]] == ["merged"]


def test_zendesk_survey_responses_have_their_score_and_comment_from_one_array(exports: Any, con: Any) -> None:
    def response(number: int, *answers: dict[str, Any]) -> dict[str, Any]:
        subjects = [{"type": "user", "id": 5}, {"type": "ticket", "id": str(number)}]
        return {"id": f"s{number}", "subjects": subjects, "answers": list(answers)}

    rating = {"type": "rating_scale", "rating": 4, "updated_at": "2026-11-03T10:00:00Z"}
    said = {"updated_at": "2026-11-03T10:01:00Z", "value": 'quick, and "kind"\nthanks', "type": "open_ended"}
    pages = {"survey_responses": [response(7, said, rating), response(8, rating | {"rating": 1}), response(9, said)]}
    folder = exports(survey_responses__json=json.dumps(pages))
    answers = mapped(con, "zendesk", folder, "survey_responses.json")["satisfaction"]
    assert picked(answers, "ticket_id", "score", "scale_max", "comment", "answer_id") == [
        ("7", 4.0, 5, said["value"], "s7"),
        ("8", 1.0, 5, None, "s8"),
    ]
    assert answers[0]["answered_at"] == utc("2026-11-03T10:00:00")


# --------------------------------------------------------------------------------------------------------- ServiceNow


def test_servicenow_incidents_with_names_and_with_labels(exports: Any, con: Any) -> None:
    folder = exports(
        incident__csv="number,opened_at,sys_updated_on,state,hold_reason,assignment_group,caller_id,assigned_to,"
        "category,subcategory,contact_type,priority,short_description,resolved_at,closed_at,reopen_count,reassignment_count,made_sla\n"
        "INC001,2026-11-02 14:00:00,2026-11-03 09:00:00,6,,Service Desk,jo,sam,Software,Email,self-service,"
        "3 - Moderate,No mail,2026-11-03 09:00:00,,1,2,true\n"
        "INC002,11/13/2026 14:05:00,,3,1,Commerce Support,al,,Hardware,,phone,1 - Critical,Broken,,,0,0,false\n",
        incident_list__csv="Number,Opened,State,Assignment group,Priority,Caller\n"
        "INC003,2026-11-02 14:00:00,Canceled,Service Desk,5,x\n",
    )
    one, two = mapped(con, "servicenow", folder, "incident.csv")["tickets"]
    assert picked([one, two], "ticket_id", "status", "team", "priority", "channel", "contact_reason") == [
        ("INC001", "solved", "us-general", "normal", "web", "Software / Email"),
        ("INC002", "pending", "us-commerce", "urgent", "phone", "Hardware"),
    ]
    assert (one["solved_at"], two["created_at"]) == (utc("2026-11-03T09:00:00"), utc("2026-11-13T14:05:00"))
    assert (one["reopen_count"], one["transfer_count"]) == (1, 2)
    assert (one["recorded_sla"], two["recorded_sla"]) == ("met", "breached")
    (three,) = mapped(con, "servicenow", folder, "incident_list.csv")["tickets"]
    assert (three["status"], three["priority"]) == ("deleted", "low")


def test_servicenow_audit_metrics_and_surveys(exports: Any, con: Any) -> None:
    folder = exports(
        incident__csv="sys_id,number,opened_at,state,assignment_group,caller_id\n"
        "abc,INC001,2026-11-02 14:00:00,2,Service Desk,jo\n",
        sys_audit__csv="documentkey,tablename,fieldname,oldvalue,newvalue,user,sys_created_by,sys_created_on\n"
        "abc,incident,state,1,2,sam,sam,2026-11-02 14:10:00\n"
        "abc,incident,assignment_group,,Commerce Support,system,system,2026-11-02 14:20:00\n"
        "abc,incident,comments,,please help,jo,jo,2026-11-02 14:30:00\n"
        "abc,incident,work_notes,,hm,sam,sam,2026-11-02 14:40:00\n"
        "abc,incident,short_description,a,b,sam,sam,2026-11-02 14:50:00\n",
        metric_instance__csv="id,definition,value,start,end\n"
        "INC001,Incident State Duration,On Hold,2026-11-02 15:00:00,\n",
        asmt_metric_result__csv="task_id.number,taken_on,actual_value\nINC001,2026-11-05 10:00:00,4\nINC001,,\n",
    )
    events = mapped(con, "servicenow", folder, "sys_audit.csv")["ticket_events"]
    assert picked(events, "ticket_id", "event", "value", "actor_role") == [
        ("INC001", "status", "open", "agent"),
        ("INC001", "team", "us-commerce", "automation"),
        ("INC001", "queue", "Commerce Support", "automation"),
        ("INC001", "public_comment", None, "requester"),
        ("INC001", "internal_note", None, "agent"),
    ]
    # What one update changes bears one second: the comment first, the state last.
    assert [row["sequence"] for row in events] == [4, 2, 2, 1, 1]
    (held,) = mapped(con, "servicenow", folder, "metric_instance.csv")["ticket_events"]
    assert (held["ticket_id"], held["event"], held["value"]) == ("INC001", "status", "on_hold")
    (answer,) = mapped(con, "servicenow", folder, "asmt_metric_result.csv")["satisfaction"]
    assert (answer["ticket_id"], answer["score"], answer["scale_max"]) == ("INC001", 4.0, 5)


# -------------------------------------------------------------------------------------------------------- public data


def public(name: str) -> Path:
    path = PUBLIC / name
    if not path.is_file():
        pytest.skip(f"the public export {name} is not there; set OPSLIB_PUBLIC_DATA to its folder")
    return path


@pytest.fixture(scope="module")
def questions() -> list[dict[str, str]]:
    """The raw file, read by Python's own csv: an independent count."""
    with gzip.open(public("thunderbird_2024_questions.csv.gz"), "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.public_data
def test_mozilla_support_questions(con: Any, questions: list[dict[str, str]]) -> None:
    columns = ("ticket_id", "team", "status", "created_at", "event", "value", "actor_role", "_unreadable")
    by_table = mapped(con, "mozilla_support", PUBLIC, "thunderbird_2024_questions.csv.gz", *columns)
    tickets, events = by_table["tickets"], by_table["ticket_events"]
    assert len(tickets) == len(questions) == 15_247
    assert {row["_unreadable"] for row in (*tickets, *events)} == {None}
    teams = Counter(row["team"] for row in tickets)
    assert teams["english"] == sum(row["locale"] == "en-US" for row in questions) == 12_597
    assert set(teams) == set(load_organisation(PARAMS, "org_mozilla_support").team_names)
    assert Counter(row["status"] for row in tickets) == {"open": 13_099, "solved": 1_881, "closed": 241, "spam": 26}
    by_id = {row["id"]: row for row in questions}
    for ticket in tickets[::500]:
        assert ticket["created_at"] == datetime.strptime(by_id[ticket["ticket_id"]]["created"], "%Y-%m-%d %H:%M:%S %z")
    kinds = Counter((row["event"], row["value"] if row["event"] == "status" else None) for row in events)
    solved = sum(row["is_solved"] == "true" for row in questions)
    assert kinds[("status", "solved")] == solved == 1_881
    assert kinds[("created", None)] == kinds[("public_comment", None)] == 15_247
    assert {row["event"] for row in events} <= set(EVENTS)
    assert {row["actor_role"] for row in events} <= set(ROLES)


@pytest.mark.public_data
def test_mozilla_support_answers(con: Any, questions: list[dict[str, str]]) -> None:
    with gzip.open(public("thunderbird_2024_answers.csv.gz"), "rt", encoding="utf-8", newline="") as stream:
        answers = list(csv.DictReader(stream))
    asked_by = {row["id"]: row["creator"] for row in questions}
    by_table = mapped(con, "mozilla_support", PUBLIC, "thunderbird_2024_answers.csv.gz", "ticket_id", "actor_role")
    events = by_table["ticket_events"]
    answers_kept = [row for row in answers if row["is_spam"] != "true"]
    own = sum(row["creator"] == asked_by[row["question_id"]] for row in answers_kept)
    assert len(events) == len(answers_kept) == 31_855
    assert Counter(row["actor_role"] for row in events) == {"requester": own, "agent": len(answers_kept) - own}
    assert [row["ticket_id"] for row in events] == [row["question_id"] for row in answers_kept]


@pytest.mark.public_data
def test_boston_311(con: Any) -> None:
    path = public("boston_311_2011h2.zip")
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as stream:
        raw = {
            row["case_enquiry_id"]: row
            for row in csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline=""))
        }
    columns = ("ticket_id", "team", "status", "created_at", "due_at", "_unreadable")
    tickets = mapped(con, "boston_311", PUBLIC, path.name, *columns)["tickets"]
    assert len(tickets) == len(raw) == 58_251
    assert {row["_unreadable"] for row in tickets} == {None}
    assert Counter(row["status"] for row in tickets) == {"closed": 54_570, "open": 3_681}
    dues = [row["target_dt"] for row in raw.values() if row["target_dt"]]
    assert (
        sum(row["due_at"] is not None for row in tickets)
        == len(dues) - sum(due.startswith("2059") for due in dues)
        == 47_252
    )
    assert {row["team"] for row in tickets} == set(load_organisation(PARAMS, "org_boston_311").team_names)
    for ticket in tickets[::997]:
        local = datetime.fromisoformat(raw[ticket["ticket_id"]]["open_dt"]).replace(tzinfo=ZoneInfo("America/New_York"))
        assert ticket["created_at"] == local.astimezone(UTC)


@pytest.mark.public_data
@pytest.mark.parametrize("source", ["mozilla_support", "boston_311"])
def test_the_check_of_the_public_exports_finds_nothing_wrong(source: str) -> None:
    public("boston_311_2011h2.zip")
    public("thunderbird_2024_questions.csv.gz")
    report = check_source(PARAMS, source, [PUBLIC])
    assert report.fits, "\n".join(report.lines())
    expected = find_files(load_source(PARAMS, source), PUBLIC)
    assert [file.path for file in report.files] == expected
    assert len(expected) == {"mozilla_support": 2, "boston_311": 1}[source]


def test_the_value_lists_of_the_shipped_translations_are_the_standard_ones() -> None:
    allowed = {
        "status": {*STATUSES, None},
        "priority": {*PRIORITIES, None},
        "actor_role": {*ROLES, None},
        "event": {*EVENTS, None},
    }
    for name in source_names(PARAMS):
        for feed in load_source(PARAMS, name).feeds:
            for columns in (feed.columns, *(row.columns for row in feed.rows)):
                for column, values in allowed.items():
                    if column in columns:
                        rules = (columns[column], *columns[column].cases)
                        assert {value for rule in rules for value in rule.values.values()} <= values
                        assert {rule.constant for rule in rules} <= values
