from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.routing_audit.lint import FAULTS, lint
from opslib.analysis.routing_audit.rules import TicketFields, read_rules
from opslib.tables import PRIORITIES
from tests.analysis.routing_audit.test_rules import rule_table

AT = pd.Timestamp("2026-11-16T12:00:00Z")


def tickets(*rows: dict[str, Any], times: int = 1) -> pd.DataFrame:
    """Tickets of the last days, each row repeated."""
    frame = pd.DataFrame([row for row in rows for _ in range(times)])
    frame["ticket_id"] = [f"t{number}" for number in range(len(frame))]
    frame["created_at"] = AT - pd.to_timedelta(np.arange(1, len(frame) + 1), unit="min")
    return frame


def findings_of(rules: list[tuple[Any, ...]], frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return lint(read_rules(rule_table(*rules)), TicketFields(frame), at=AT, **{"minimum_group": 1, **options})


def by_fault(frame: pd.DataFrame, fault: str) -> list[tuple[str, str, str]]:
    return frame.loc[frame["fault"] == fault, ["rule_id", "others", "basis"]].apply(tuple, axis=1).tolist()


MIXED = tickets(
    {"contact_reason": "gift_card", "language": "pt", "first_queue": "refunds", "solved_queue": "payments"},
    {"contact_reason": "gift_card", "language": "en", "first_queue": "payments", "solved_queue": "payments"},
    {"contact_reason": "damaged", "language": "en", "first_queue": "orders", "solved_queue": "orders"},
    times=15,
)
EVERY = ("R-9", {"all": []}, "frontdesk")


def test_a_rule_that_an_earlier_one_takes_over_is_shadowed_by_logic_and_by_name():
    rules = [
        ("R-1", {"all": [["contact_reason", "in", ["damaged", "wrong"]]]}, "orders"),
        ("R-2", {"all": [["contact_reason", "is", "damaged"], ["language", "is", "en"]]}, "refunds"),
        EVERY,
    ]
    findings = findings_of(rules, MIXED)
    assert by_fault(findings, "shadowed") == [("R-2", "R-1", "exact")]
    row = findings[findings["fault"] == "shadowed"].iloc[0]
    assert row["tickets"] == 15
    assert row["ticket_ids"].split("; ") == ["t30", "t31", "t32", "t33", "t34"]


def test_a_rule_can_be_shadowed_by_two_that_take_it_together():
    rules = [
        ("R-1", {"all": [["language", "is", "en"]]}, "a"),
        ("R-2", {"all": [["language", "is_not", "en"]]}, "b"),
        ("R-3", {"all": [["contact_reason", "is", "damaged"]]}, "c"),
    ]
    assert by_fault(findings_of(rules, MIXED), "shadowed") == [("R-3", "R-1; R-2", "exact")]
    assert by_fault(findings_of(rules, MIXED), "no_fallback") == []


def test_conditions_that_contradict_each_other_are_unreachable_whatever_comes():
    rules = [
        ("R-1", {"all": [["reopen_count", "greater", 2], ["reopen_count", "less", 3]]}, "a"),
        ("R-2", {"all": [["due_at", "after", "2026-03-02"], ["due_at", "before", "2026-03-01"]]}, "a"),
        ("R-3", {"all": [["priority", "less", "low"]]}, "a"),
        ("R-4", {"all": [["subject", "contains", "refund"], ["subject", "is", None]]}, "a"),
        ("R-5", {"all": [["language", "in", []]]}, "a"),
        EVERY,
    ]
    assert [rule for rule, _, basis in by_fault(findings_of(rules, MIXED), "unreachable") if basis == "exact"] == [
        *("R-1", "R-2", "R-3", "R-4", "R-5")
    ]


def test_texts_that_contain_each_other_are_understood():
    """Whatever contains `refund not received` contains `refund`; the other way round is left to the tickets."""
    rules = [
        ("R-1", {"all": [["subject", "contains", "refund"]]}, "a"),
        ("R-2", {"all": [["subject", "contains", "Refund not received"]]}, "b"),
        EVERY,
    ]
    assert by_fault(findings_of(rules, MIXED.assign(subject="Hello")), "shadowed") == [("R-2", "R-1", "exact")]
    assert by_fault(findings_of([rules[1], rules[0], EVERY], MIXED.assign(subject="Hello")), "shadowed") == []


def test_a_rule_that_no_ticket_fits_is_dead_by_evidence_and_says_which_value_never_came():
    rules = [("R-1", {"all": [["language", "is", "fr"]]}, "a"), EVERY]
    findings = findings_of(rules, MIXED)
    assert by_fault(findings, "dead") == [("R-1", "", "tickets")]
    assert "language is never fr" in findings.iloc[0]["why"]
    assert "45 tickets" in findings.iloc[0]["why"]


def test_a_rule_of_yesterday_is_not_dead_yet():
    """Too few tickets came since it is in force to say so."""
    rules = [("R-1", {"all": [["language", "is", "fr"]]}, "a", AT - pd.Timedelta(minutes=10)), EVERY]
    assert by_fault(findings_of(rules, MIXED), "dead") == []


def test_an_exception_is_a_conflict_only_where_its_tickets_belong_to_the_general_rule():
    """`Spanish first` is how exceptions are rule_parts; only where tickets end tells a wrong one from a right one."""
    special = ("R-1", {"all": [["contact_reason", "is", "gift_card"], ["language", "is", "pt"]]}, "refunds")
    general = ("R-2", {"all": [["contact_reason", "is", "gift_card"]]}, "payments")
    wrong = findings_of([special, general, EVERY], MIXED)
    assert by_fault(wrong, "conflict") == [("R-1", "R-2", "tickets")]
    assert by_fault(wrong, "split_reason") == []
    assert by_fault(wrong, "misroutes") == []
    right = findings_of([special, general, EVERY], MIXED.assign(solved_queue=MIXED["first_queue"]))
    assert by_fault(right, "conflict") == []
    assert by_fault(right, "split_reason") == [("R-1", "R-2", "exact")]
    assert by_fault(right, "overlap") == []


def test_an_exception_that_no_ticket_has_met_yet_still_sends_its_reason_elsewhere():
    """Both values occur, only never together: the rule may be there for a case that has not come."""
    rules = [
        ("R-1", {"all": [["contact_reason", "is", "damaged"], ["language", "is", "pt"]]}, "refunds"),
        ("R-2", {"all": [["contact_reason", "is", "damaged"]]}, "orders"),
        EVERY,
    ]
    findings = findings_of(rules, MIXED)
    assert by_fault(findings, "split_reason") == [("R-1", "R-2", "exact")]
    assert findings.loc[findings["fault"] == "dead", ["rule_id", "severity"]].values.tolist() == [["R-1", "look"]]


def test_the_same_conditions_with_two_queues_are_a_conflict_by_logic():
    rules = [
        ("R-1", {"all": [["language", "in", ["en", "pt"]]]}, "a"),
        ("R-2", {"any": [["language", "is", "pt"], ["language", "is", "en"]]}, "b"),
        EVERY,
    ]
    assert by_fault(findings_of(rules, MIXED), "conflict") == [("R-2", "R-1", "exact")]


def test_a_partial_overlap_says_that_order_decides():
    rules = [
        ("R-1", {"all": [["language", "is", "en"]]}, "a"),
        ("R-2", {"all": [["contact_reason", "is", "damaged"]]}, "b"),
        EVERY,
    ]
    findings = findings_of(rules, MIXED)
    assert by_fault(findings, "overlap") == [("R-1", "R-2", "exact")]
    assert findings[findings["fault"] == "overlap"].iloc[0]["tickets"] == 15


def test_a_rule_whose_tickets_are_solved_elsewhere_misroutes():
    rules = [("R-1", {"all": [["language", "is", "pt"]]}, "refunds"), ("R-2", {"all": []}, "orders")]
    findings = findings_of(rules, MIXED)
    assert by_fault(findings, "misroutes") == [("R-1", "", "tickets")]
    assert "15 solved tickets" in findings.iloc[0]["why"]
    assert "100% (80 to 100)" in findings.iloc[0]["why"]
    assert findings.iloc[0]["severity"] == "fault"


def test_a_value_that_stopped_occurring_is_named_with_its_last_day():
    frame = MIXED.copy()
    frame.loc[frame["language"] == "pt", "created_at"] -= pd.Timedelta(days=90)
    rules = [("R-1", {"all": [["language", "in", ["pt", "en", "fr"]]]}, "a"), EVERY]
    findings = findings_of(rules, frame)
    assert by_fault(findings, "stale_value") == [("R-1", "", "tickets")]
    assert "language pt (last seen Aug 18, 2026) and language fr (never seen)" in findings.iloc[-1]["why"]


def test_a_missing_fallback_is_proven_with_a_ticket_that_fits_nothing():
    rules = [("R-1", {"all": [["language", "is", "en"]]}, "a"), ("R-2", {"all": [["language", "is", "pt"]]}, "b")]
    findings = findings_of(rules, MIXED)
    assert by_fault(findings, "no_fallback") == [("", "", "exact")]
    assert "language is something else" in findings[findings["fault"] == "no_fallback"].iloc[0]["why"]
    complete = [*rules, ("R-3", {"all": [["language", "is_not", "en"]]}, "c")]
    assert by_fault(findings_of(complete, MIXED), "no_fallback") == []


def test_a_field_that_the_export_lacks_is_named_and_makes_no_rule_dead():
    rules = [("R-1", {"all": [["tag", "is", "vip"]]}, "a"), EVERY]
    findings = findings_of(rules, MIXED)
    assert findings["fault"].tolist() == ["not_in_export"]


def test_rules_that_are_in_order_have_no_findings():
    rules = [
        ("R-1", {"all": [["contact_reason", "is", "gift_card"]]}, "payments"),
        ("R-2", {"all": [["contact_reason", "is", "damaged"]]}, "orders"),
        EVERY,
    ]
    assert findings_of(rules, MIXED).empty


def test_old_versions_are_not_judged():
    rules = [("R-1", {"all": [["language", "is", "fr"]]}, "a", None, AT - pd.Timedelta(days=1)), EVERY]
    assert findings_of(rules, MIXED).empty


UNIVERSE = {
    "channel": ["email", "chat", "another", None],
    "priority": [*PRIORITIES, None],
    "reopen_count": [-1, 0, 1, 2, 3, 4, None],
    "language": ["en", "es", "another", None],
}
ALL_TICKETS = tickets(*(dict(zip(UNIVERSE, row, strict=True)) for row in product(*UNIVERSE.values())))
ALL_TICKETS["reopen_count"] = ALL_TICKETS["reopen_count"].astype("Int64")


def conditions() -> st.SearchStrategy[list[Any]]:
    return st.one_of(
        st.tuples(st.just("channel"), st.sampled_from(["is", "is_not"]), st.sampled_from(["email", "chat", None])),
        st.tuples(st.just("language"), st.just("in"), st.lists(st.sampled_from(["en", "es"]), min_size=1, max_size=2)),
        st.tuples(st.just("language"), st.sampled_from(["is", "is_not"]), st.sampled_from(["en", "es"])),
        st.tuples(
            st.just("priority"), st.sampled_from(["less", "greater", "is", "is_not"]), st.sampled_from(PRIORITIES)
        ),
        st.tuples(st.just("reopen_count"), st.sampled_from(["less", "greater", "is", "is_not"]), st.integers(0, 3)),
    ).map(list)


def nodes() -> st.SearchStrategy[Any]:
    def wrap(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.one_of(
            st.fixed_dictionaries({"all": st.lists(parts, max_size=3)}),
            st.fixed_dictionaries({"any": st.lists(parts, min_size=1, max_size=3)}),
        )

    return wrap(st.recursive(conditions(), wrap, max_leaves=4))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(nodes(), st.sampled_from(["a", "b"])), min_size=1, max_size=5))
def test_exact_findings_are_those_of_enumerating_every_possible_ticket(rule_parts: list[tuple[Any, str]]):
    """The universe has a ticket for every class of values that these conditions can tell apart, so it decides."""
    rules = [(f"R-{place}", when, queue) for place, (when, queue) in enumerate(rule_parts)]
    fields = TicketFields(ALL_TICKETS)
    fits = [fields.fits(rule.when)[0] for rule in read_rules(rule_table(*rules))]
    unreachable, shadowed = set(), set()
    covered = np.zeros(len(ALL_TICKETS), bool)
    for place, fit in enumerate(fits):
        if not fit.any():
            unreachable.add(f"R-{place}")
        elif not (fit & ~covered).any():
            shadowed.add(f"R-{place}")
        covered |= fit
    live = [place for place in range(len(rules)) if f"R-{place}" not in unreachable | shadowed]
    overlap = {
        f"R-{one}"
        for one in live
        for other in live
        if one < other and rules[one][2] != rules[other][2] and rules[other][1] != {"all": []}
        if (fits[one] & fits[other]).any() and (fits[one] & ~fits[other]).any()
    }
    findings = findings_of(rules, ALL_TICKETS)
    exact = findings[findings["basis"] == "exact"]
    by_kind = {fault: set(exact.loc[exact["fault"] == fault, "rule_id"]) for fault in FAULTS}
    assert by_kind["unreachable"] == unreachable
    assert by_kind["shadowed"] == shadowed
    assert by_kind["overlap"] == overlap
    assert bool(len(by_kind["no_fallback"])) == (not covered.all())


REASONS, LANGUAGES, QUEUES = ["x", "y", "gone"], ["en", "es", None], ["a", "b"]


def plain_rules() -> st.SearchStrategy[list[tuple[Any, str]]]:
    """Rules that name reasons and languages; `gone` stopped occurring, `never` never did."""
    reason = st.lists(st.sampled_from([*REASONS, "never"]), min_size=1, max_size=2, unique=True)
    parts = st.one_of(
        reason.map(lambda values: [["contact_reason", "in", values]]),
        st.sampled_from(["en", "es"]).map(lambda value: [["language", "is", value]]),
        st.tuples(reason, st.sampled_from(["en", "es", "fr"])).map(
            lambda both: [["contact_reason", "in", both[0]], ["language", "is", both[1]]]
        ),
    )
    rule = st.tuples(parts.map(lambda conditions: {"all": conditions}), st.sampled_from(QUEUES))
    return st.lists(rule, min_size=1, max_size=4)


def fits(when: Any, ticket: dict[str, Any]) -> bool:
    return all(ticket[field] in (value if operator == "in" else [value]) for field, operator, value in when["all"])


A_CONFLICT = [
    ({"all": [["contact_reason", "in", ["x"]], ["language", "is", "es"]]}, "a"),
    ({"all": [["contact_reason", "in", ["x", "y"]]]}, "b"),
]


@settings(max_examples=100, deadline=None)
@given(plain_rules(), st.integers(0, 10_000), st.sampled_from([0.05, 0.5, 0.95]))
@example(A_CONFLICT, 1, 0.05)
def test_findings_by_tickets_are_those_of_walking_ticket_by_ticket(
    rule_parts: list[tuple[Any, str]], seed: int, share_a: float
):
    """Dead, stale, conflict, misroutes, split reasons, overlaps and a missing fallback, by_kind from plain dicts."""
    rng = np.random.default_rng(seed)
    frame = tickets(*({} for _ in range(150)))
    frame["contact_reason"] = rng.choice(["x", "y", "gone"], 150, p=[0.5, 0.4, 0.1])
    frame["language"] = pd.Series(rng.choice(["en", "es", ""], 150, p=[0.8, 0.12, 0.08]), dtype="str").replace("", None)
    frame["solved_queue"] = np.where(rng.random(150) < share_a, "a", "b")
    frame.loc[frame["contact_reason"] == "gone", "created_at"] -= pd.Timedelta(days=90)
    rules = [(f"R-{place}", when, queue) for place, (when, queue) in enumerate(rule_parts)]
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    deciding = [next((n for n, rule in enumerate(rules) if fits(rule[1], row)), None) for row in rows]
    frame["first_queue"] = [rules[n][2] if n is not None else "a" for n in deciding]
    findings = findings_of(rules, frame)
    by_kind = {fault: findings[findings["fault"] == fault] for fault in FAULTS}
    idle = {*by_kind["unreachable"]["rule_id"], *by_kind["shadowed"]["rule_id"]}

    fitting = [[row for row in rows if fits(rule[1], row)] for rule in rules]
    dead = {rule[0] for rule, those in zip(rules, fitting, strict=True) if not those} - idle
    assert set(by_kind["dead"]["rule_id"]) == dead
    idle |= dead

    recent = [row for row in rows if row["created_at"] > AT - pd.Timedelta(days=56)]
    stale = {
        rule_id
        for rule_id, when, _ in rules
        for field, operator, value in when["all"]
        for each in (value if operator == "in" else [value])
        if rule_id not in idle and all(row[field] != each for row in recent)
    }
    assert set(by_kind["stale_value"]["rule_id"]) == stale

    without_rule = [row for row, number in zip(rows, deciding, strict=True) if number is None]
    assert by_kind["no_fallback"]["tickets"].tolist() == [
        len(without_rule)
    ]  # no rule fits all, and a language may be any other
    latest = sorted(without_rule, key=lambda row: row["created_at"], reverse=True)[:5]
    assert by_kind["no_fallback"]["ticket_ids"].iloc[0] == "; ".join(row["ticket_id"] for row in latest)

    live = [number for number, rule in enumerate(rules) if rule[0] not in idle]
    conflicts, overlaps = set(), set()
    for place, first in enumerate(live):
        for later in live[place + 1 :]:
            here, there = rules[first][2], rules[later][2]
            if here == there:
                continue
            both = [
                row
                for row, number in zip(rows, deciding, strict=True)
                if number == first and fits(rules[later][1], row)
            ]
            wrong = sum(row["solved_queue"] == there for row in both)
            right = sum(row["solved_queue"] == here for row in both)
            if wrong >= 5 and wilson(wrong, wrong + right)["low"].iloc[0] > 0.5:
                conflicts.add((rules[first][0], rules[later][0], wrong))
            elif both and any(
                fits(rules[first][1], ticket) and not fits(rules[later][1], ticket) for ticket in EVERY_PLAIN
            ):
                overlaps.add((rules[first][0], rules[later][0]))
    by_tickets = by_kind["conflict"][by_kind["conflict"]["basis"] == "tickets"]
    assert set(zip(by_tickets["rule_id"], by_tickets["others"], by_tickets["tickets"], strict=True)) == conflicts
    others = by_kind["overlap"].set_index("rule_id")["others"].str.split("; ").to_dict()
    assert overlaps <= {(first, later) for first, those in others.items() for later in those}

    for number, (rule_id, _, queue) in enumerate(rules):
        sent = [row for row, by in zip(rows, deciding, strict=True) if by == number]
        wrong = sum(row["solved_queue"] != queue for row in sent)
        misroutes = len(sent) >= 10 and wilson(wrong, len(sent))["low"].iloc[0] > 0.5
        misroutes = misroutes and rule_id not in {first for first, _, _ in conflicts}
        assert (rule_id in set(by_kind["misroutes"]["rule_id"])) == misroutes

    names = [reasons_in(when) for _, when, _ in rules]
    unmet = {
        rule_id
        for rule_id, when, _ in rules
        if rule_id in dead
        and all(any(fits({"all": [part]}, row) for row in rows) for part in when["all"] if part[1] in ("is", "in"))
    }
    live = [number for number, rule in enumerate(rules) if rule[0] not in idle - unmet]
    split = {
        reason
        for reason in ("x", "y", "gone", "never")
        if len({rules[number][2] for number in live if reason in names[number]}) > 1
    }
    pairs = {(first, later) for first, later, _ in conflicts}
    sentences = " ".join(by_kind["split_reason"]["why"])
    for reason in split:
        senders = tuple(rules[number][0] for number in live if reason in names[number])
        assert (reason in sentences.replace(",", "").split()) == (senders not in pairs)


EVERY_PLAIN = [
    {"contact_reason": reason, "language": language}
    for reason in (*REASONS, "never", "other", None)
    for language in ("en", "es", "fr", "other", None)
]


def reasons_in(when: Any) -> list[str]:
    """The reasons that a rule names."""
    return [each for field, _, value in when["all"] if field == "contact_reason" for each in value]


TEXTS = ["", "a", "b", "ab", "ba", "aab", "abc", "xay", None]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "all": st.lists(
                    st.one_of(
                        st.tuples(st.just("subject"), st.just("contains"), st.sampled_from(["a", "b", "ab", "abc"])),
                        st.tuples(st.just("subject"), st.just("matches"), st.sampled_from(["^a", "b$"])),
                        st.tuples(st.just("subject"), st.sampled_from(["is", "is_not"]), st.sampled_from(["a", "ab"])),
                    ).map(list),
                    min_size=1,
                    max_size=3,
                )
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_called_exact_of_texts_is_never_contradicted_by_a_text(rule_parts: list[Any]):
    """Texts cannot all be enumerated, so exact findings on them must be sound, not complete."""
    rules = [(f"R-{place}", when, "q") for place, when in enumerate(rule_parts)]
    frame = tickets(*({"subject": text} for text in TEXTS))
    fits = [TicketFields(frame).fits(rule.when)[0] for rule in read_rules(rule_table(*rules))]
    findings = findings_of(rules, frame)
    for rule_id in findings.loc[(findings["fault"] == "unreachable") & (findings["basis"] == "exact"), "rule_id"]:
        assert not fits[int(rule_id[2:])].any()
    for rule_id in findings.loc[(findings["fault"] == "shadowed") & (findings["basis"] == "exact"), "rule_id"]:
        place = int(rule_id[2:])
        assert not (fits[place] & ~np.logical_or.reduce(fits[:place])).any()


def test_rules_too_entangled_for_logic_are_left_to_the_tickets():
    """Twelve free choices are 4,096 boxes, more than the budget; then nothing is claimed that tickets do not show."""
    entangled = {
        "all": [
            {"any": [["subject", "contains", f"{n}x"], ["description", "contains", f"{n}y"]]} for n in range(100, 112)
        ]
    }
    frame = tickets({"subject": "hello", "description": "there"}, times=40)
    rules = [("R-1", {"all": [["subject", "contains", "hell"]]}, "b"), ("R-2", entangled, "a"), EVERY]
    findings = findings_of(rules, frame)
    assert by_fault(findings, "unreachable") == []
    assert by_fault(findings, "dead") == [("R-2", "", "tickets")]


def test_no_number_and_no_ticket_stands_for_a_group_of_too_few_people():
    """Three people wrote all Portuguese tickets, however many these are: what a rule asks for makes them a group."""
    stale = tickets({"contact_reason": "other", "language": "fr", "first_queue": None, "solved_queue": None}, times=7)
    frame = pd.concat([MIXED, stale.assign(created_at=AT - pd.Timedelta(days=90))], ignore_index=True)
    frame["ticket_id"] = [f"id-{number}" for number in range(len(frame))]
    writers = np.where(frame["language"].isin(["pt", "fr"]), frame.index % 3, 100 + frame.index)
    frame["requester_id"] = [f"p{number}" for number in writers]
    rules = [
        ("R-1", {"all": [["language", "in", ["pt", "fr"]]]}, "refunds"),
        ("R-2", {"all": [["contact_reason", "is", "gift_card"]]}, "payments"),
        ("R-3", {"all": [["language", "is", "pt"], ["contact_reason", "is", "gift_card"]]}, "orders"),
        ("R-4", {"all": [["contact_reason", "is", "damaged"]]}, "orders"),
    ]
    of_few = findings_of(rules, frame, minimum_group=5)
    of_all = findings_of(rules, frame, minimum_group=1)
    assert of_few["fault"].tolist() == of_all["fault"].tolist(), "what is wrong is told in any case"
    about_few = of_few[of_all["tickets"] > 0]
    assert {"shadowed", "conflict", "stale_value"} <= set(about_few["fault"])
    assert about_few["tickets"].isna().all()
    assert (about_few["ticket_ids"] == "").all()
    for row in of_few.to_dict("records"):
        assert "id-" not in row["why"]
        assert not {"15", "7"} & set(row["why"].replace(",", " ").split()), row["why"]
    [conflict] = of_few.loc[(of_few["fault"] == "conflict") & (of_few["basis"] == "tickets"), "why"]
    assert "a few, of fewer than 5 people, were solved in payments" in conflict
    [stale_value] = of_few.loc[of_few["fault"] == "stale_value", "why"]
    assert "language fr (seen of fewer than 5 people)" in stale_value
