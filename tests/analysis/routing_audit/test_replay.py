from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.routing_audit.replay import NO_QUEUE, at_creation, replay, rule_changes
from opslib.analysis.routing_audit.rules import TicketFields, read_rules
from tests.analysis.routing_audit.test_rules import rule_table

START = pd.Timestamp("2026-03-02T09:00:00Z")
EVERY = ("R-9", {"all": []}, "desk")
TODAY = read_rules(rule_table(("R-1", {"all": [["contact_reason", "is", "refund"]]}, "orders"), EVERY))
BETTER = read_rules(rule_table(("R-1", {"all": [["contact_reason", "is", "refund"]]}, "refunds"), EVERY))


def past(reasons: list[str | None], solved: list[str | None], **more: Any) -> pd.DataFrame:
    count = len(reasons)
    return pd.DataFrame(
        {
            "ticket_id": [f"t{number}" for number in range(count)],
            "created_at": START + pd.to_timedelta(np.arange(count), unit="h"),
            "contact_reason": pd.array(reasons, dtype="str"),
            "solved_queue": pd.array(solved, dtype="str"),
            **more,
        }
    )


def test_a_worked_replay():
    """Three refunds of which two belong in refunds, one ticket for the desk that the rules do not touch."""
    tickets = past(["refund", "refund", "refund", "login"], ["refunds", "refunds", "orders", "desk"])
    result = replay(TODAY, BETTER, TicketFields(tickets))
    row = result.summary.iloc[0]
    assert row[["tickets", "judged", "changed", "mended", "spoilt"]].tolist() == [4, 4, 3, 2, 1]
    assert (row["misrouted_today"], row["misrouted_candidate"], row["difference"]) == (0.5, 0.25, -0.25)
    assert result.load[["queue", "today", "candidate", "difference"]].to_numpy().tolist() == [
        ["desk", 1, 1, 0],
        ["orders", 3, 0, -3],
        ["refunds", 0, 3, 3],
    ]
    assert result.changed.set_index("ticket_id")["verdict"].to_dict() == {
        "t0": "mended",
        "t1": "mended",
        "t2": "spoilt",
    }


QUEUES = ["a", "b", "c"]


def random_rules() -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Rules on reason and channel; some are in force only before or only from the second hour on."""
    reason = st.tuples(st.just("contact_reason"), st.sampled_from(["is", "is_not"]), st.sampled_from(["x", "y", None]))
    channel = st.tuples(st.just("channel"), st.just("in"), st.lists(st.sampled_from(["web", "chat"]), max_size=2))
    conditions = st.lists(st.one_of(reason, channel).map(list), max_size=2)
    second = START + pd.Timedelta(hours=1)
    window = st.sampled_from([(None, None), (None, second), (second, None)])
    rule = st.tuples(st.sampled_from(["all", "any"]), conditions, st.sampled_from(QUEUES), window)
    return st.lists(rule.filter(lambda one: bool(one[1]) or one[0] == "all"), min_size=1, max_size=4)


def entered(rules: list[tuple[Any, ...]], ticket: dict[str, Any]) -> str | None:
    """The queue of one ticket, as plainly as the rules can be read."""
    for kind, conditions, queue, (begins, ends) in rules:
        if (begins is not None and ticket["created_at"] < begins) or (
            ends is not None and ticket["created_at"] >= ends
        ):
            continue
        answers = [
            ticket[field] in value if operator == "in" else (ticket[field] == value) == (operator == "is")
            for field, operator, value in conditions
        ]
        if (all if kind == "all" else any)(answers):
            return str(queue)
    return None


@settings(max_examples=120, deadline=None)
@given(
    random_rules(),
    random_rules(),
    st.lists(
        st.fixed_dictionaries(
            {
                "contact_reason": st.sampled_from(["x", "y", None]),
                "channel": st.sampled_from(["web", "chat"]),
                "solved_queue": st.sampled_from([*QUEUES, None]),
            }
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_a_replay_is_that_of_walking_ticket_by_ticket(
    today: list[tuple[Any, ...]], candidate: list[tuple[Any, ...]], rows: list[dict[str, Any]]
):
    tickets = [
        row | {"ticket_id": f"t{n}", "created_at": START + pd.Timedelta(hours=n / 2)} for n, row in enumerate(rows)
    ]
    solving = {ticket["solved_queue"] for ticket in tickets} - {None}
    counts = dict.fromkeys(("judged", "changed", "mended", "spoilt", "wrong_today", "wrong_candidate"), 0)
    load: dict[str, list[int]] = {}
    for ticket in tickets:
        queues = [entered(rules, ticket) for rules in (today, candidate)]
        for side, queue in enumerate(queues):
            load.setdefault(queue or NO_QUEUE, [0, 0])[side] += 1
        counts["changed"] += queues[0] != queues[1]
        if ticket["solved_queue"] is None or any(queue not in solving for queue in queues):
            continue
        was, becomes = (queue != ticket["solved_queue"] for queue in queues)
        for name, holds in (("judged", True), ("wrong_today", was), ("wrong_candidate", becomes)):
            counts[name] += holds
        counts["mended"] += was and not becomes
        counts["spoilt"] += becomes and not was
    frame = pd.DataFrame(tickets).astype(dict.fromkeys(("contact_reason", "channel", "solved_queue"), "str"))
    sides = [
        read_rules(
            rule_table(
                *((f"R-{n}", {kind: parts}, queue, *window) for n, (kind, parts, queue, window) in enumerate(rules))
            )
        )
        for rules in (today, candidate)
    ]
    result = replay(sides[0], sides[1], TicketFields(frame), resamples=20)
    row = result.summary.iloc[0]
    assert row[["judged", "changed", "mended", "spoilt"]].tolist() == [
        counts[name] for name in ("judged", "changed", "mended", "spoilt")
    ]
    if counts["judged"]:
        assert row["misrouted_today"] == pytest.approx(counts["wrong_today"] / counts["judged"])
        assert row["misrouted_candidate"] == pytest.approx(counts["wrong_candidate"] / counts["judged"])
    loads = result.load.set_index("queue")[["today", "candidate"]].to_numpy().tolist()
    assert dict(zip(result.load["queue"], loads, strict=True)) == load
    assert (result.load["difference"] == result.load["candidate"] - result.load["today"]).all()


def test_the_load_tells_how_much_of_each_queue_is_solved_elsewhere():
    tickets = past(["refund", "refund", "refund", "login"], ["refunds", "refunds", "orders", "desk"])
    load = replay(TODAY, BETTER, TicketFields(tickets)).load.set_index("queue")
    assert load["solved"].to_dict() == {"desk": 1, "orders": 1, "refunds": 2}
    assert load.loc["orders", "misrouted_today"] == pytest.approx(2 / 3)
    assert load.loc["refunds", "misrouted_candidate"] == pytest.approx(1 / 3)
    assert load.loc["desk", ["misrouted_today", "misrouted_candidate"]].tolist() == [0, 0]
    assert np.isnan(load.loc["refunds", "misrouted_today"])


def test_the_candidate_alone_has_its_wilson_interval_and_its_fallback_is_counted():
    tickets = past(["refund", "refund", "refund", "login"], ["refunds", "refunds", "orders", "desk"])
    row = replay(TODAY, BETTER, TicketFields(tickets)).summary.iloc[0]
    expected = wilson(1, 4).iloc[0]
    assert [row["candidate_low"], row["candidate_high"]] == pytest.approx([expected["low"], expected["high"]])
    assert row["fallback"] == 1


def test_a_misspelt_queue_is_guessed_at():
    odd = read_rules(rule_table(("R-1", {"all": [["contact_reason", "is", "refund"]]}, "refnds"), EVERY))
    result = replay(TODAY, odd, TicketFields(past(["refund", "login"], ["refunds", "desk"])))
    assert any("No past ticket was solved in refnds (is refunds meant?)" in warning for warning in result.warnings)


def test_a_ticket_of_which_a_field_is_unknown_is_neither_changed_nor_load():
    odd = read_rules(rule_table(("R-1", {"all": [["tag", "is", "vip"]]}, "refunds"), EVERY))
    result = replay(TODAY, odd, TicketFields(past(["refund"], ["refunds"])))
    assert result.changed.empty
    assert result.load.empty


def test_the_same_rules_change_nothing():
    tickets = past(["refund", "login"] * 20, ["refunds", "desk"] * 20)
    result = replay(TODAY, TODAY, TicketFields(tickets))
    assert result.summary.iloc[0][["changed", "difference", "low", "high"]].tolist() == [0, 0, 0, 0]
    assert result.changed.empty
    assert (result.load["difference"] == 0).all()


def test_the_interval_is_that_of_drawing_tickets_anew():
    """The multinomial draw is the bootstrap of the tickets; here beside the plain way of doing it."""
    rng = np.random.default_rng(3)
    solved = rng.choice(["refunds", "orders", "desk"], 400, p=[0.6, 0.3, 0.1]).tolist()
    tickets = past(["refund"] * 400, solved)
    row = replay(TODAY, BETTER, TicketFields(tickets), resamples=20_000).summary.iloc[0]
    steps = np.array([{"refunds": -1, "orders": 1, "desk": 0}[queue] for queue in solved])
    plain = rng.choice(steps, (20_000, 400)).mean(axis=1)
    assert row["difference"] == steps.mean()
    assert [row["low"], row["high"]] == pytest.approx(np.quantile(plain, [0.025, 0.975]).tolist(), abs=0.006)


def test_a_replay_says_the_same_twice():
    tickets = past(["refund", "login"] * 50, ["refunds", "orders"] * 50)
    one, two = (replay(TODAY, BETTER, TicketFields(tickets)) for _ in range(2))
    pd.testing.assert_frame_equal(one.summary, two.summary)
    pd.testing.assert_frame_equal(one.load, two.load)


def test_tickets_that_are_not_solved_count_in_the_load_alone():
    result = replay(TODAY, BETTER, TicketFields(past(["refund", "refund"], ["refunds", None])))
    assert result.summary["judged"].tolist() == [
        0
    ]  # orders has solved nothing: where today's rules send most is unknown
    assert result.load.set_index("queue")["candidate"].to_dict() == {"orders": 0, "refunds": 2}
    assert any("1 of 2 tickets are not solved" in warning for warning in result.warnings)


def test_a_queue_that_has_solved_nothing_is_not_judged():
    """Nothing could have been solved in a queue that there was not: calling all of it misrouted would be unfair."""
    new = read_rules(rule_table(("R-1", {"all": [["contact_reason", "is", "refund"]]}, "brand-new"), EVERY))
    tickets = past(["refund", "refund", "login"], ["orders", "desk", "desk"])
    result = replay(TODAY, new, TicketFields(tickets))
    assert result.summary.iloc[0][["judged", "misrouted_candidate"]].tolist() == [1, 0]
    assert result.changed["verdict"].tolist() == ["not told", "not told"]
    assert any("No past ticket was solved in brand-new" in warning for warning in result.warnings)


def test_values_fields_and_missing_fallbacks_that_the_past_cannot_tell_are_warned_of():
    odd = read_rules(
        rule_table(
            ("R-1", {"all": [["contact_reason", "in", ["refund", "refnud"]], ["tag", "is", "vip"]]}, "refunds"),
            ("R-2", {"all": [["contact_reason", "is", "login"], ["subject", "contains", "@"]]}, "desk"),
        )
    )
    tickets = past(["refund", "login"], ["refunds", "desk"], subject=pd.array(["a", "b"], dtype="str"))
    result = replay(TODAY, odd, TicketFields(tickets))
    text = "\n".join(result.warnings)
    assert "no tag; 1 of 2 tickets meet a rule" in text
    assert "No ticket of these weeks has contact reason refnud" in text
    assert "Some tickets fit no rule of the candidate" in text
    assert "No event says what contact reason was at creation" in text
    assert "Texts are redacted" in text
    assert NO_QUEUE in set(result.load["queue"])


def test_each_ticket_meets_the_rules_of_its_day_and_a_change_is_a_warning():
    changed = START + pd.Timedelta(hours=1)
    rules = read_rules(
        rule_table(
            ("R-1", {"all": [["contact_reason", "is", "refund"]]}, "refunds", None, changed),
            ("R-1", {"all": [["contact_reason", "is", "refund"]]}, "orders", changed),
            EVERY,
        )
    )
    tickets = past(["refund"] * 3, ["refunds"] * 3, first_queue=pd.array(["refunds", "orders", "orders"], dtype="str"))
    result = replay(rules, BETTER, TicketFields(tickets))
    assert result.tickets["queue_today"].tolist() == ["refunds", "orders", "orders"]
    assert result.summary["as_it_was"].tolist() == [1.0]
    assert any(
        "R-1 (refund → orders) was changed on Mar 2, 2026 (another queue)" in warning for warning in result.warnings
    )


def test_changes_of_rules_are_listed_with_what_they_changed():
    one, two = START, START + pd.Timedelta(days=1)
    refund, login = ({"all": [["contact_reason", "is", name]]} for name in ("refund", "login"))
    table = pd.concat(
        [
            rule_table(("R-1", refund, "a", None, one), ("R-1", refund, "b", one)),
            rule_table(("R-2", refund, "a", None, two), ("R-2", login, "a", two)),
            rule_table(("R-3", refund, "a", one, two)),
        ]
    )
    changes = rule_changes(read_rules(table), START, START + pd.Timedelta(days=2))
    assert changes[["rule_id", "change"]].to_numpy().tolist() == [
        ["R-1", "another queue"],
        ["R-3", "added"],
        ["R-2", "other conditions"],
        ["R-3", "removed"],
    ]
    assert rule_changes(read_rules(table), two + pd.Timedelta(days=1), two + pd.Timedelta(days=2)).empty


def test_without_rules_the_queues_that_were_entered_stand_for_them():
    tickets = past(["refund"] * 2, ["refunds"] * 2, first_queue=pd.array(["refunds", "desk"], dtype="str"))
    assert replay(None, BETTER, TicketFields(tickets)).summary["changed"].tolist() == [1]


def test_without_rules_and_first_queues_only_the_candidate_is_judged():
    result = replay(None, BETTER, TicketFields(past(["refund"] * 2 + ["login"], ["refunds", "orders", "desk"])))
    row = result.summary.iloc[0]
    assert (row["judged"], row["misrouted_candidate"]) == (3, pytest.approx(1 / 3))
    assert row[["misrouted_today", "difference", "low"]].isna().all()
    assert any("nothing to compare with" in warning for warning in result.warnings)


def test_no_tickets_make_an_empty_replay():
    result = replay(TODAY, BETTER, TicketFields(past([], [])))
    assert result.summary["tickets"].tolist() == [0]
    assert result.load.empty
    assert result.changed.empty


def test_tickets_are_taken_back_to_their_creation():
    """A rule must not see what came later: the last priority, the solve, the team that ended up with it."""
    facts = past(["refund", "refund"], ["refunds", "refunds"]).assign(
        priority=["urgent", "urgent"],
        team=["b", "b"],
        first_team=["a", "a"],
        first_queue=["orders", "orders"],
        status="closed",
        reopen_count=2,
        solved_at=START,
        language="en",
    )
    present = ["contact_reason", "priority", "team", "queue", "status"]
    fields = at_creation(facts, pd.Series({"t0": "low"}), present=present)
    assert fields.tickets["priority"].tolist() == ["low", "urgent"]
    assert fields.tickets["team"].tolist() == ["a", "a"]
    assert fields.tickets["queue"].tolist() == ["orders", "orders"]
    assert set(fields.tickets["status"]) == {"new"}
    assert fields.tickets["solved_at"].isna().all()
    assert fields.tickets["reopen_count"].tolist() == [0, 0]
    assert not fields.knows("language")
    assert not fields.knows("assignee_id")
