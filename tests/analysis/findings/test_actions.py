"""What people write in notes/ is read however it was saved, and what is wrong is named by its line."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from opslib.analysis.findings.actions import Note, in_order, read_actions, read_note, then_and_now

TEAM_OF = {"F-0000000a": "alpha", "F-0000000b": "beta"}
TEAMS = ("alpha", "beta")


def read(text: str) -> tuple[pd.DataFrame, list[str]]:
    return read_actions(text, place="notes/actions.csv", team_of=TEAM_OF, teams=TEAMS)


@pytest.mark.parametrize(
    "text",
    [
        "finding_id,owner,due,state,remark\nF-0000000a,Lead,2026-11-13,accepted,soon\n",
        "\ufeffFinding_ID;Owner;Due;State;Remark;More\r\nf-0000000A;Lead;11/13/2026;Accepted;soon;x\r\n",
        "sep=;\r\nowner;finding id;state;due;remark\r\nLead;F-0000000a;ACCEPTED;11/13/26;soon\r\n\r\n;;;;\r\n",
        'remark\tdue\tstate\towner\tfinding_id\n"so\non"\t2026-11-13 00:00:00\taccepted\tLead\tF-0000000a\n',
    ],
    ids=["plain", "a spreadsheet's semicolons", "its line on the separator", "tabs and a quoted line end"],
)
def test_the_same_action_is_read_however_it_was_saved(text: str):
    actions, problems = read(text)
    assert problems == []
    (row,) = actions.drop(columns=["line", "remark"]).to_dict("records")
    assert row == {
        "finding_id": "F-0000000a",
        "what": "",
        "team": "alpha",
        "owner": "Lead",
        "due": "2026-11-13",
        "state": "accepted",
    }


def test_what_is_wrong_is_named_by_line_and_column_and_never_quoted():
    """A cell may hold anything, also a customer; the rest of the file is read all the same."""
    actions, problems = read(
        "finding_id,owner,due,state,remark,team\n"
        'F-0000000a,"Jane\nDoe",31.11.2026,proposed,,\n'
        "F-0000000b,Secret Person,2026-11-20,in progress,,\n"
        "F-ffffffff,Lead,,,,\n"
        "Call the editors,Lead,,sent,,nobody\n"
        ",Lead,,sent,,\n"
        "F-0000000b,Lead,11/20/2026,done,,\n"
    )
    assert actions["line"].tolist() == [2, 5, 6, 8]
    assert actions["finding_id"].tolist() == ["F-0000000a", "", "", "F-0000000b"]
    assert actions["what"].tolist() == ["", "F-ffffffff", "Call the editors", ""]
    assert actions["due"].tolist() == ["", "", "", "2026-11-20"]
    assert actions["state"].tolist() == ["proposed", "proposed", "sent", "done"]
    assert problems == [
        "notes/actions.csv, line 2, column due: not a date like 2026-11-16 or 11/16/2026; it has no due date",
        "notes/actions.csv, line 4, column state: not one of proposed, accepted, sent, declined, done; the line is "
        "left out",
        "notes/actions.csv, line 5, column finding_id: no finding F-ffffffff; its page has the name of each finding",
        "notes/actions.csv, line 6, column team: no such team; there are alpha, beta",
        "notes/actions.csv, line 7, column finding_id: empty; write the name of a finding or what is to be done",
    ]


@pytest.mark.parametrize("text", ["", "\ufeff\r\n\r\n"])
def test_an_empty_file_says_nothing(text: str):
    actions, problems = read(text)
    assert actions.empty
    assert problems == []


def test_a_table_without_its_columns_is_named_and_nothing_is_guessed():
    actions, problems = read("who,when\nJane Doe,2026-11-20\n")
    assert actions.empty
    (problem,) = problems
    assert problem.startswith("notes/actions.csv, line 1: no columns finding_id, owner, due, state;")
    assert "Jane" not in problem


def test_overdue_actions_come_first_and_settled_ones_last():
    actions, _ = read(
        "finding_id,owner,due,state\na,,2026-11-13,sent\nb,,2026-11-20,proposed\nc,,2026-11-15,accepted\n"
        "d,,2026-11-14,proposed\ne,,,proposed\nf,,2026-11-16,accepted\n"
    )
    rows = in_order(actions, date(2026, 11, 16))
    assert rows["what"].tolist() == ["d", "c", "f", "b", "e", "a"]
    assert rows["is_overdue"].tolist() == [True, True, False, False, False, False]


def test_what_became_of_a_number_is_its_size_when_it_was_due_and_now():
    history = pd.DataFrame(
        {
            "week": ["2026-W43", "2026-W44", "2026-W46", "2026-W44"],
            "finding_id": ["a", "a", "a", "b"],
            "size": [50.0, 40.0, 10.0, 7.0],
        }
    )
    assert then_and_now(history, "a", "2026-W46", "2026-W45") == (40.0, 10.0)
    assert then_and_now(history, "b", "2026-W46", "2026-W45") == (7.0, 0.0)
    assert then_and_now(history, "a", "2026-W46", "2026-W42") == (None, 10.0)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "---\nauthor: Lead\ntime: 2026-11-13 16:40\n---\n\nOne.\n\nTwo.\n",
            Note("Lead", "2026-11-13 16:40", "One.\n\nTwo."),
        ),
        (
            "\ufeff---\r\nTime: '2026-11-13T16:40'\r\nAuthor: \"Lead\"\r\n---\r\nOne.",
            Note("Lead", "2026-11-13 16:40", "One."),
        ),
        ("Lead, 2026-11-13\nOne.", Note("Lead", "2026-11-13", "One.")),
        ("Two people were out, 3 came.", Note("", "", "Two people were out, 3 came.")),
        ("", Note("", "", "")),
    ],
)
def test_a_note_says_by_whom_and_when_in_its_front_or_its_first_line(text: str, note: Note):
    assert read_note(text) == note
