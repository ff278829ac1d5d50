"""The answer sheet: what was planted, when it begins, how large it is and where an analysis should see it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opslib.sample import centre, rules, truth
from opslib.sample.personal import Planted


def ground_truth(
    *,
    tickets: int,
    seed: int,
    planted: bool,
    personal: Iterable[tuple[str, Planted]],
    hostile: Iterable[tuple[str, Planted]],
) -> dict[str, Any]:
    """The content of ground_truth.json; `personal` and `hostile` pair ticket ids with what their texts hold."""
    return {
        "tickets": tickets,
        "seed": seed,
        "as_of": centre.AS_OF.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "first_week": "2026-W21",
        "last_complete_week": "2026-W46",
        "planted": _signals() if planted else [],
        "rule_faults": _rule_faults() if planted else [],
        "planted_personal_data": [_row(ticket_id, one) for ticket_id, one in personal],
        "planted_hostile": [_row(ticket_id, one) for ticket_id, one in hostile],
    }


def _row(ticket_id: str, one: Planted) -> dict[str, str]:
    return {"ticket_id": ticket_id, "kind": one.kind, "text": one.text}


def _week(number: int) -> str:
    return f"2026-W{number}"


def _signals() -> list[dict[str, Any]]:
    return [
        {
            "kind": "emerging_reason",
            "team": "us-creators",
            "begins": _week(truth.EMERGING_WEEK),
            "size": {
                "share_of_other_tickets_by_week": list(truth.EMERGING_SHARES),
                "labelled_with_own_reason": truth.EMERGING_LABELLED,
            },
            "contact_reason": centre.EMERGING.name,
            "terms": ["studio sync", "ghost drafts", "sync loop", "blank timeline"],
            "look_in": "tickets.contact_reason, tickets.subject and tickets.description; the rest is labelled other",
        },
        {
            "kind": "misrouting_rule",
            "team": "us-commerce",
            "begins": _week(truth.MISROUTING_WEEK),
            "size": {"misrouted_share_of_the_reason_before": "about 0.1", "after": "about 0.95"},
            "rule_id": truth.MISROUTING_RULE,
            "contact_reason": truth.MISROUTED_REASON,
            "wrong_queue": truth.MISROUTED_TO,
            "right_queue": "commerce-refunds",
            "look_in": "first and solving queue in ticket_events; the rule's second version in routing_rules",
        },
        {
            "kind": "policy_change_with_stale_articles",
            "team": "us-general",
            "begins": _week(truth.POLICY_WEEK),
            "size": {"volume_of_the_reason_times": truth.POLICY_VOLUME},
            "policy_id": truth.POLICY_ID,
            "contact_reason": truth.POLICY_REASON,
            "stale_articles": list(truth.STALE_ARTICLES),
            "look_in": "policy_changes.article_ids against articles.updated_at; tickets of the reason per week",
        },
        {
            "kind": "csat_moves_by_mix_only",
            "team": truth.MIX_TEAM,
            "begins": _week(truth.MIX_WEEK),
            "size": {
                "channels": list(centre.CHANNELS),
                "shares_before": list(centre.SAFETY.channels),
                "shares_after": list(truth.MIX_AFTER),
                "satisfied_by_channel_always": centre.SAFETY_SATISFIED,
                "answered_by_channel_always": centre.SAFETY_ANSWERED,
                "csat_change_expected": _mix_effect(),
            },
            "look_in": "satisfaction by tickets.channel: rates stay, shares shift",
        },
        {
            "kind": "project_with_effect",
            "team": "us-general",
            "begins": _week(truth.PROJECT_WEEK),
            "size": {
                "handling_time_times": truth.PROJECT_HANDLING,
                "chance_of_another_round_times": truth.PROJECT_ROUNDS,
            },
            "project_id": truth.PROJECT_ID,
            "contact_reasons": list(truth.PROJECT_REASONS),
            "look_in": "time from the first assignment to the public comment that follows, and touches per ticket; "
            "the team's other reasons are the control",
        },
        {
            "kind": "slipping_project",
            "team": "us-commerce",
            "begins": "2026-W36",
            "size": {"duration_and_effort_times": 1.65},
            "project_id": truth.SLIPPING_PROJECT,
            "look_in": "project_tasks: baseline_end_on against finished_on, budget_hours against actual_hours",
        },
        {
            "kind": "inconsistent_reviewer",
            "team": None,
            "begins": "2026-W21",
            "size": {"spread_of_one_score": 0.26, "spread_of_others": 0.06, "mean_share_of_points": -0.08},
            "reviewer_id": truth.INCONSISTENT_REVIEWER,
            "look_in": "quality_reviews with calibration = true: the same tickets, scored by all reviewers",
        },
    ]


def _mix_effect() -> float:
    """The change of CSAT that the shift of channels alone makes, at constant rates."""

    def csat(shares: tuple[float, ...]) -> float:
        answers = [share * centre.SAFETY_ANSWERED[name] for share, name in zip(shares, centre.CHANNELS, strict=True)]
        good = [one * centre.SAFETY_SATISFIED[name] for one, name in zip(answers, centre.CHANNELS, strict=True)]
        return sum(good) / sum(answers)

    return round(csat(truth.MIX_AFTER) - csat(centre.SAFETY.channels), 4)


def _rule_faults() -> list[dict[str, Any]]:
    first, second = rules.CONFLICTING_RULES
    return [
        {"fault": "dead", "rule_id": rules.DEAD_RULE, "why": "no ticket has come by fax"},
        {"fault": "shadowed", "rule_id": rules.SHADOWED_RULE, "why": "R-131 takes every ticket that it could take"},
        {
            "fault": "conflict",
            "rule_id": first,
            "with": second,
            "why": "gift_card in Portuguese goes to commerce-refunds, in every other language to commerce-payments",
        },
        {
            "fault": "misrouting",
            "rule_id": truth.MISROUTING_RULE,
            "active_from": _week(truth.MISROUTING_WEEK),
            "why": f"{truth.MISROUTED_REASON} goes to {truth.MISROUTED_TO}",
        },
    ]
