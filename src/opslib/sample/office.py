"""What the teams do beside tickets: articles, policies, projects, requests for tools, actions from feedback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from opslib.sample import centre, truth
from opslib.sample.words import phrase

TODAY = centre.AS_OF.astimezone(centre.ORGANISATION_ZONE).date()
_KINDS = ("help_article", "macro", "process", "policy")
_STALE_SINCE = date(2026, 2, 11)
_QUIET_POLICY = "POL-2026-06"  # a change whose articles were kept up to date
_QUIET_POLICY_ON = date(2026, 6, 29)
_QUIET_REASON = "return_label"


def draw_articles(rng: np.random.Generator, planted: bool) -> pd.DataFrame:
    """The articles table: two per contact reason and some of the policy that changes."""
    rows = []
    for position, reason in enumerate(reason for team in centre.TEAMS for reason in team.reasons):
        for copy in range(2):
            kind = _KINDS[(position + 2 * copy) % 3]
            rows.append(_article(rng, f"ART-{2000 + 2 * position + copy}", kind, reason.name))
    for number, kind in enumerate(("policy", "help_article", "macro", "process")):
        row = _article(rng, f"ART-{1003 + number}", kind, truth.POLICY_REASON)
        stale = planted and row["article_id"] in truth.STALE_ARTICLES
        change_day = centre.monday(truth.POLICY_WEEK) + timedelta(days=number)
        row["updated_at"] = _noon(_STALE_SINCE if stale else change_day)
        row["review_due_on"] = (_STALE_SINCE if stale else change_day) + timedelta(days=365)
        rows.append(row)
    return pd.DataFrame(rows).sort_values("article_id", ignore_index=True)


def _article(rng: np.random.Generator, article_id: str, kind: str, reason: str) -> dict[str, object]:
    published = date(2023, 3, 1) + timedelta(days=int(rng.integers(0, 900)))
    updated = max(published, date(2026, 10, 30) - timedelta(days=int(rng.integers(0, 400))))
    if reason == _QUIET_REASON:
        updated = _QUIET_POLICY_ON + timedelta(days=1)
    if reason == truth.POLICY_REASON:
        updated = centre.monday(truth.POLICY_WEEK) + timedelta(days=1)
    titles = {
        "policy": "Policy: {}",
        "macro": "Reply: {}",
        "help_article": "Help with {}",
        "process": "How we work on {}",
    }
    return {
        "article_id": article_id,
        "kind": kind,
        "title": titles[kind].format(phrase(reason)),
        "updated_at": _noon(updated),
        "published_at": _noon(published),
        "review_due_on": updated + timedelta(days=365),
        "contact_reasons": reason,
        "uses": int(np.exp(rng.normal(5.5, 1.0))),
    }


def policy_changes(articles: pd.DataFrame, planted: bool) -> pd.DataFrame:
    """The policy_changes table; with `planted` also the one whose articles went stale."""

    def articles_of(reason: str) -> str:
        return ";".join(articles.loc[articles["contact_reasons"] == reason, "article_id"])

    rows = [
        {
            "policy_id": _QUIET_POLICY,
            "effective_at": _noon(_QUIET_POLICY_ON),
            "summary": "Return labels are sent by email and no longer put into the parcel.",
            "contact_reasons": _QUIET_REASON,
            "article_ids": articles_of(_QUIET_REASON),
        }
    ]
    if planted:
        rows.append(
            {
                "policy_id": truth.POLICY_ID,
                "effective_at": _iso(truth.begins(truth.POLICY_WEEK)),
                "summary": "Accounts with unusual activity must verify their identity with a passport or an ID card.",
                "contact_reasons": truth.POLICY_REASON,
                "article_ids": articles_of(truth.POLICY_REASON),
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _Task:
    name: str
    after: tuple[int, ...]  # places of the tasks that come first
    days: int  # planned working days
    hours: int


_PROJECTS: tuple[tuple[str, str, str, str, date, tuple[_Task, ...]], ...] = (
    (
        truth.PROJECT_ID,
        "Sign-in macros",
        "us-general",
        "touches_per_solved",
        date(2026, 7, 6),
        (
            _Task("Read 200 sign-in tickets", (), 5, 40),
            _Task("Write the replies", (0,), 10, 60),
            _Task("Legal and tone review", (1,), 8, 16),
            _Task("Build the macros", (1,), 7, 45),
            _Task("Pilot with four agents", (2, 3), 10, 50),
            _Task("Train the team", (4,), 5, 60),
        ),
    ),
    (
        "PRJ-2",
        "Safety intake form",
        "us-safety",
        "transfer_share",
        date(2026, 9, 14),
        (
            _Task("Map report types to queues", (), 10, 60),
            _Task("Draft the form", (0,), 10, 50),
            _Task("Test with reporters", (1,), 10, 80),
            _Task("Build the form", (1,), 20, 160),
            _Task("Translate", (2,), 8, 30),
            _Task("Accessibility check", (3,), 5, 30),
            _Task("Go live", (3, 4, 5), 3, 20),
        ),
    ),
    (
        truth.SLIPPING_PROJECT,
        "Refund status page",
        "us-commerce",
        "contacts_per_1000",
        date(2026, 8, 31),
        (
            _Task("Agree on refund states", (), 8, 50),
            _Task("Connect the payment ledger", (0,), 15, 140),
            _Task("Design the page", (0,), 10, 70),
            _Task("Build the page", (1, 2), 15, 130),
            _Task("Load and privacy tests", (3,), 8, 60),
            _Task("Write help article and macros", (2,), 5, 25),
            _Task("Roll out in steps", (4, 5), 5, 40),
        ),
    ),
)
_TOUCHED_REASONS = {
    truth.PROJECT_ID: truth.PROJECT_REASONS,
    "PRJ-2": ("harassment_report", "threat_report", "impersonation", "scam_report", "hate_speech"),
    truth.SLIPPING_PROJECT: ("refund_request", "refund_not_received"),
}
_SLIPPING_PACE = 1.65  # times the planned days and hours


def draw_projects(rng: np.random.Generator, planted: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The projects and project_tasks tables as they stand at the export."""
    projects, tasks = [], []
    for number, (project_id, name, team, metric, start, steps) in enumerate(_PROJECTS):
        slips = planted and project_id == truth.SLIPPING_PROJECT
        planned_ends: list[date] = []
        ends: list[date] = []
        for place, step in enumerate(steps):
            pace = _SLIPPING_PACE if slips else 1 + 0.06 * float(rng.normal())
            planned_start = _after([planned_ends[other] for other in step.after], start)
            planned_end = _working_days(planned_start, step.days - 1)
            start_day = _after([ends[other] for other in step.after], start)
            days = max(1, round(step.days * pace))
            end = _working_days(start_day, days - 1)
            planned_ends.append(planned_end)
            ends.append(end)
            share = 1.0 if end < TODAY else max(0.0, min(0.95, np.busday_count(start_day, TODAY) / days))
            has_started = start_day < TODAY
            tasks.append(
                {
                    "task_id": f"{project_id}-T{place + 1}",
                    "project_id": project_id,
                    "name": step.name,
                    "depends_on": ";".join(f"{project_id}-T{other + 1}" for other in step.after),
                    "baseline_start_on": planned_start,
                    "baseline_end_on": planned_end,
                    "optimistic_days": round(step.days * 0.7, 1),
                    "likely_days": float(step.days),
                    "pessimistic_days": round(step.days * 1.9, 1),
                    "started_on": start_day if has_started else None,
                    "finished_on": end if end < TODAY else None,
                    "percent_complete": round(100 * share),
                    "budget_hours": step.hours,
                    "actual_hours": round(step.hours * share * (pace if slips else 1.0), 1) if has_started else 0.0,
                }
            )
        live = centre.monday(truth.PROJECT_WEEK) if project_id == truth.PROJECT_ID else None
        projects.append(
            {
                "project_id": project_id,
                "name": name,
                "stage": "live" if live else "running",
                "baseline_start_on": start,
                "baseline_end_on": max(planned_ends),
                "owner": ("agent-tess-okoro", "agent-ian-blake", "agent-vera-stahl")[number],
                "budget_hours": sum(step.hours for step in steps),
                "goal_metric": metric,
                "went_live_on": live,
                "teams": team,
                "contact_reasons": ";".join(_TOUCHED_REASONS[project_id]),
            }
        )
    return pd.DataFrame(projects), pd.DataFrame(tasks)


def owner_rows() -> pd.DataFrame:
    """The owners of the projects as rows of the agents table."""
    teams = [project[2] for project in _PROJECTS]
    return pd.DataFrame(
        {
            "agent_id": ["agent-tess-okoro", "agent-ian-blake", "agent-vera-stahl"],
            "team": teams,
            "site": "New York",
            "time_zone": centre.ORGANISATION_ZONE.key,
            "hired_on": date(2021, 9, 6),
            "left_on": None,
        }
    )


_TOOL_REQUESTS = (  # kind, platform, what it bears on, severity
    ("bug", "crm", "login_code", "high"),
    ("bug", "crm", "order_not_arrived", "medium"),
    ("feature", "crm", "refund_request;refund_not_received", "medium"),
    ("bug", "telephony", "payment_declined", "high"),
    ("feature", "macros", "password_reset;login_code", "low"),
    ("bug", "chat", "app_crash", "medium"),
    ("feature", "chat", "feature_question", "low"),
    ("bug", "forms", "harassment_report;threat_report", "high"),
    ("feature", "forms", "suspension_appeal", "medium"),
    ("bug", "crm", "copyright_claim", "low"),
    ("feature", "reporting", "payout_delay", "medium"),
    ("bug", "editor", "upload_failure", "medium"),
    ("bug", "payments", "double_charge", "high"),
    ("feature", "crm", "identity_verification", "medium"),
    ("bug", "telephony", "gift_card", "low"),
    ("feature", "reporting", "analytics_gap", "low"),
    ("bug", "crm", "spam_account_report", "medium"),
    ("feature", "crm", "address_change", "low"),
)


def draw_tool_requests(
    rng: np.random.Generator, created: np.ndarray, reason: np.ndarray, ids: np.ndarray, planted: bool
) -> pd.DataFrame:
    """The tool_requests table, each linked to tickets of its reasons that came after it was opened.

    Args:
        rng: random numbers.
        created: epoch seconds of creation of the tickets.
        reason: their reasons, positions in centre.REASONS.
        ids: their ticket ids.
        planted: whether the emerging reason has a request too.
    """
    specifications = list(_TOOL_REQUESTS)
    if planted:
        specifications.append(("bug", "editor", centre.EMERGING.name, "high"))
    rows = []
    for number, (kind, platform, reasons, severity) in enumerate(specifications):
        opening = centre.START + int(rng.integers(0, 150)) * centre.DAY + 15 * centre.HOUR
        if reasons == centre.EMERGING.name:
            opening = truth.begins(truth.EMERGING_WEEK) + 8 * centre.DAY + 15 * centre.HOUR
        open_days = int(rng.integers(10, 120))
        closing = opening + open_days * centre.DAY
        positions = [centre.REASON_NAMES.index(name) for name in reasons.split(";")]
        until = min(closing, centre.END)
        affected = np.flatnonzero(np.isin(reason, positions) & (created >= opening) & (created < until))
        cost = affected[rng.random(len(affected)) < 0.12][:60]
        is_closed = closing < centre.END
        status = (
            ("rejected" if number % 7 == 4 else "done") if is_closed else ("open", "planned", "in_progress")[number % 3]
        )
        promise = datetime.fromtimestamp(opening, UTC).date() + timedelta(days=open_days + int(rng.integers(-14, 10)))
        rows.append(
            {
                "request_id": f"TR-{401 + number}",
                "kind": kind,
                "platform": platform,
                "opened_at": _iso(opening),
                "status": status,
                "severity": severity,
                "contact_reasons": reasons,
                "ticket_ids": ";".join(ids[cost]),
                "promised_on": None if status == "open" else promise,
                "closed_at": _iso(closing) if is_closed else None,
            }
        )
    return pd.DataFrame(rows)


_ACTIONS = {
    "tone": "Open with the customer's own words and drop the standard greeting.",
    "accuracy": "Check the article before quoting a deadline.",
    "completeness": "Answer every question of the message, in its order.",
    "process": "Set the ticket on hold, not pending, while another team is asked.",
    "privacy": "Repeat the privacy module and never quote payment data.",
}


def draw_actions(rng: np.random.Generator, agents: pd.DataFrame) -> pd.DataFrame:
    """The feedback_actions table: two or three actions a fortnight in every team."""
    rows = []
    for team in centre.TEAM_NAMES:
        owners = agents.loc[(agents["team"] == team) & agents["left_on"].isna(), "agent_id"].to_numpy()
        for fortnight in range(12):
            for _ in range(2 + fortnight % 2):
                raised_on = centre.monday(22 + 2 * fortnight) + timedelta(days=int(rng.integers(0, 4)))
                due = raised_on + timedelta(days=14 + int(rng.integers(0, 14)))
                done_on = raised_on + timedelta(days=int(rng.integers(5, 34)))
                theme = tuple(_ACTIONS)[int(rng.integers(0, len(_ACTIONS)))]
                rows.append(
                    {
                        "raised_at": _noon(raised_on),
                        "theme": theme,
                        "action": _ACTIONS[theme],
                        "owner": owners[int(rng.integers(0, len(owners)))],
                        "due_on": due,
                        "team": team,
                        "done_at": _noon(done_on) if done_on < TODAY and rng.random() < 0.8 else None,
                        "metric": "qa_score" if theme != "process" else "on_hold",
                    }
                )
    actions = pd.DataFrame(rows).sort_values(["raised_at", "team"], kind="stable", ignore_index=True)
    actions.insert(0, "action_id", [f"FA-{number + 1:03d}" for number in range(len(actions))])
    return actions


def _after(ends: list[date], otherwise: date) -> date:
    return _working_days(max(ends), 1) if ends else otherwise


def _working_days(day: date, days: int) -> date:
    result = np.busday_offset(day, days, roll="forward").item()
    assert isinstance(result, date)
    return result


def _noon(day: date) -> str:
    return _iso(centre.local(day, 12 * 60, centre.ORGANISATION_ZONE))


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
