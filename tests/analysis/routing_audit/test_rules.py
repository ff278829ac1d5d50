from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslib.analysis.routing_audit.rules import (
    NOWHERE,
    UNDECIDED,
    RuleError,
    TicketFields,
    in_force,
    learn_rules,
    parse_conditions,
    queues_of,
    read_rules,
    route,
)
from opslib.tables import PRIORITIES

CREATED = pd.Timestamp("2026-03-13T12:00:00Z")
FIRST = pd.DataFrame(
    {
        "ticket_id": ["1", "2", "3", "4"],
        "created_at": [CREATED] * 4,
        "channel": ["email", "chat", None, "email"],
        "subject": ["Refund not received", "My ORDER-77", None, ""],
        "priority": ["low", "urgent", "normal", None],
        "reopen_count": pd.array([0, 3, None, 1], dtype="Int64"),
        "due_at": pd.to_datetime(["2026-03-14", "2026-03-20T08:00Z", None, "2026-03-14"], utc=True, format="mixed"),
    }
)


def rule_table(*rules: tuple[Any, ...]) -> pd.DataFrame:
    """(rule_id, conditions, queue[, active_from, active_to]) in the order in which they are tried."""
    rows = []
    for place, (rule_id, conditions, queue, *window) in enumerate(rules):
        begins, ends = (*window, None, None)[:2]
        rows.append(
            {
                "rule_id": rule_id,
                "position": place,
                "conditions": conditions if isinstance(conditions, str) else json.dumps(conditions),
                "target_queue": queue,
                "active_from": begins,
                "active_to": ends,
            }
        )
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("condition", "fitting"),
    [
        (["channel", "is", "email"], ["1", "4"]),
        (["channel", "is", "Email"], []),
        (["channel", "is", None], ["3"]),
        (["channel", "is_not", "email"], ["2", "3"]),
        (["channel", "is_not", None], ["1", "2", "4"]),
        (["channel", "in", ["email", "fax"]], ["1", "4"]),
        (["channel", "in", ["chat", None]], ["2", "3"]),
        (["channel", "in", []], []),
        (["subject", "contains", "order"], ["2"]),
        (["subject", "contains", "REFUND NOT"], ["1"]),
        (["subject", "matches", r"ORDER-\d+"], ["2"]),
        (["subject", "matches", "(?i)^refund"], ["1"]),
        (["priority", "greater", "low"], ["2", "3"]),
        (["priority", "less", "normal"], ["1"]),
        (["reopen_count", "greater", 0], ["2", "4"]),
        (["reopen_count", "less", 3], ["1", "4"]),
        (["reopen_count", "is", 3], ["2"]),
        (["due_at", "before", "2026-03-20"], ["1", "4"]),
        (["due_at", "after", "2026-03-14T00:00:00Z"], ["2"]),
        (["due_at", "is", "2026-03-14T01:00:00+01:00"], ["1", "4"]),
    ],
)
def test_an_operator_fits_what_it_says(condition: list[Any], fitting: list[str]):
    """An empty field fits nothing but is_not and null: a rule must not catch what it knows nothing of."""
    mask = TicketFields(FIRST).fits(parse_conditions({"all": [condition]}, "R"))[0]
    assert FIRST["ticket_id"][mask].tolist() == fitting


def test_all_and_any_of_one_object_must_both_hold():
    """CRMs export both lists side by side, and the second is empty where it is not used."""
    both = parse_conditions(
        {"all": [["channel", "is", "email"]], "any": [["priority", "is", "low"], ["due_at", "is", None]]}, "R"
    )
    assert FIRST["ticket_id"][TicketFields(FIRST).fits(both)[0]].tolist() == ["1"]
    assert parse_conditions('{"all": [], "any": []}', "R") == parse_conditions('{"all": []}', "R")


def test_conditions_nest():
    nested = {"any": [{"all": [["channel", "is", "chat"], ["priority", "is", "urgent"]]}, ["channel", "is", None]]}
    assert FIRST["ticket_id"][TicketFields(FIRST).fits(parse_conditions(nested, "R"))[0]].tolist() == ["2", "3"]


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ("{all: []}", "rule R-9: the conditions are not JSON"),
        ({"none": []}, "'none' is neither `all` nor `any`"),
        ({"any": []}, 'for every ticket write {"all": []}'),
        ({"all": [["channel", "is"]]}, "conditions.all[0]"),
        ({"all": [["channel", "is", "a"], {"any": [["channel", "equals", "b"]]}]}, "conditions.all[1].any[0]"),
        ({"all": [["channel", "equals", "b"]]}, "there is no operator 'equals'; there are is, is_not, in"),
        ({"all": [["channel", "is", ["a", "b"]]]}, "for several write `in`"),
        ({"all": [["channel", "less", 3]]}, "`less` does not suit 'channel'; it takes is, is_not or in"),
        ({"all": [["created_at", "before", "soon"]]}, "'soon' is not an instant like"),
        ({"all": [["priority", "greater", "red"]]}, "one of low, normal, high, urgent"),
        ({"all": [["reopen_count", "less", "few"]]}, "'few' is not a number"),
        ({"all": [["due_at", "contains", "2026"]]}, "looks into text"),
        ({"all": [["subject", "matches", "(?=x)"]]}, "no regular expression of RE2"),
        ({"all": [["subject", "contains", ""]]}, "needs a value"),
        ({"all": "channel is email"}, "no list of conditions"),
        ({"all": [["channel", "in", [["a"]]]]}, "is no value"),
    ],
)
def test_what_is_wrong_with_a_condition_is_named_with_its_place(conditions: Any, message: str):
    with pytest.raises(RuleError, match=re.escape(message)) as error:
        parse_conditions(conditions, "R-9")
    assert "R-9" in str(error.value)


def test_all_unreadable_rules_are_listed_at_once():
    table = rule_table(("R-1", {"all": [["a", "b", "c"]]}, "x"), ("R-2", {"all": []}, "x"), ("R-3", "no", "x"))
    with pytest.raises(RuleError) as error:
        read_rules(table)
    assert [name in str(error.value) for name in ("R-1", "R-2", "R-3")] == [True, False, True]


def test_the_first_rule_in_force_at_creation_decides():
    """A rule is in force from its first instant up to its last, which is left out, as spells and weeks are."""
    changed = pd.Timestamp("2026-03-13T12:00:01Z")
    rules = read_rules(
        rule_table(
            ("R-1", {"all": [["channel", "is", "email"]]}, "old", None, changed),
            ("R-1", {"all": [["channel", "is", "email"]]}, "new", changed, None),
            ("R-2", {"all": []}, "fallback"),
        )
    )
    tickets = pd.DataFrame(
        {
            "ticket_id": ["a", "b", "c"],
            "created_at": [CREATED, changed, changed],
            "channel": ["email", "email", "chat"],
        }
    )
    assert queues_of(rules, route(rules, TicketFields(tickets))).tolist() == ["old", "new", "fallback"]
    assert [rule.queue for rule in in_force(rules, changed)] == ["new", "fallback"]


def test_a_ticket_is_undecided_where_an_unknown_field_matters():
    """A column that the export lacks is not an empty one: the rule may have fitted."""
    rules = read_rules(
        rule_table(
            ("R-1", {"all": [["channel", "is", "chat"]]}, "chat"),
            ("R-2", {"all": [["tag", "is", "vip"], ["channel", "is", "email"]]}, "vip"),
            ("R-3", {"any": [["tag", "is", "vip"], ["priority", "is", "normal"]]}, "other"),
        )
    )
    places = route(rules, TicketFields(FIRST))
    assert places.tolist() == [UNDECIDED, 0, 2, UNDECIDED]
    assert queues_of(rules, places).isna().tolist() == [True, False, False, True]


def test_no_rule_fits_and_no_rules_at_all():
    rules = read_rules(rule_table(("R-1", {"all": [["channel", "is", "fax"]]}, "fax")))
    assert set(route(rules, TicketFields(FIRST))) == {NOWHERE}
    assert queues_of([], route([], TicketFields(FIRST))).isna().all()


def test_learnt_rules_send_each_reason_where_most_of_it_is_solved():
    solved = pd.DataFrame(
        {
            "contact_reason": ["a"] * 6 + ["b"] * 6 + ["rare"] * 2 + [None],
            "solved_queue": ["x"] * 4 + ["y"] * 2 + ["y"] * 5 + [None] + ["x"] * 2 + ["x"],
        }
    )
    learnt = learn_rules(solved)
    assert [(str(rule.when), rule.queue) for rule in learnt] == [
        ("contact_reason in a", "x"),
        ("contact_reason in b", "y"),
        ("every ticket", "y"),
    ]
    assert learn_rules(solved.head(0)) == []


CHANNELS = ["email", "chat", "web"]
SUBJECTS = ["", "a", "ab", "Ab c", "bc"]
INSTANTS = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]


def text_conditions() -> st.SearchStrategy[list[Any]]:
    channel = st.sampled_from([*CHANNELS, "fax", None])
    return st.one_of(
        st.tuples(st.just("channel"), st.sampled_from(["is", "is_not"]), channel),
        st.tuples(st.just("channel"), st.just("in"), st.lists(channel, max_size=3)),
        st.tuples(st.just("subject"), st.just("contains"), st.sampled_from(["a", "B", "b c"])),
        st.tuples(st.just("subject"), st.just("matches"), st.sampled_from(["^a", "b$", "a.c"])),
        st.tuples(st.just("priority"), st.sampled_from(["less", "greater", "is"]), st.sampled_from(PRIORITIES)),
        st.tuples(st.just("reopen_count"), st.sampled_from(["less", "greater", "is_not"]), st.integers(0, 3)),
        st.tuples(
            st.just("due_at"),
            st.sampled_from(["before", "after"]),
            st.sampled_from([each.isoformat() for each in INSTANTS]),
        ),
    ).map(list)


def groups() -> st.SearchStrategy[Any]:
    def wrap(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.fixed_dictionaries({"all": st.lists(parts, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(parts, min_size=1, max_size=3)}),
        )

    return wrap(st.recursive(text_conditions(), wrap, max_leaves=4))


def obvious(source: Any, ticket: dict[str, Any]) -> bool:
    """The conditions of one ticket, as slowly and plainly as they can be read."""
    if isinstance(source, dict):
        [(kind, parts)] = source.items()
        return (all if kind == "all" else any)(obvious(part, ticket) for part in parts)
    field, operator, value = source
    has = ticket[field]
    if operator == "is_not":
        return has != value
    if operator in ("is", "in"):
        return has in (value if operator == "in" else [value])
    if has is None:
        return False
    if field == "priority":
        has, value = PRIORITIES.index(has), PRIORITIES.index(value)
    if field == "due_at":
        value = datetime.fromisoformat(value)
    match operator:
        case "contains":
            return value.lower() in has.lower()
        case "matches":
            return re.search(value, has) is not None
        case "before" | "less":
            return has < value
    return has > value


TICKETS = st.fixed_dictionaries(
    {
        "channel": st.sampled_from([*CHANNELS, None]),
        "subject": st.sampled_from([*SUBJECTS, None]),
        "priority": st.sampled_from([*PRIORITIES, None]),
        "reopen_count": st.sampled_from([0, 1, 2, 3, None]),
        "due_at": st.sampled_from([*INSTANTS, None]),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(groups(), min_size=1, max_size=5), st.lists(TICKETS, min_size=1, max_size=12))
def test_columns_at_once_decide_as_ticket_by_ticket(source: list[Any], tickets: list[dict[str, Any]]):
    rules = read_rules(rule_table(*((f"R-{place}", each, "q") for place, each in enumerate(source))))
    frame = pd.DataFrame(tickets).assign(ticket_id=[str(n) for n in range(len(tickets))], created_at=CREATED)
    frame["reopen_count"] = pd.array([each["reopen_count"] for each in tickets], dtype="Int64")
    frame["due_at"] = pd.to_datetime(pd.Series([each["due_at"] for each in tickets]), utc=True)
    expected = [
        next((place for place, each in enumerate(source) if obvious(each, ticket)), NOWHERE) for ticket in tickets
    ]
    assert route(rules, TicketFields(frame)).tolist() == expected
