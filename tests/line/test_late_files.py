"""A team whose export broke off, and the same team when the rest of it arrives: what its page says, and what is kept.

Two teams that never close; `small` has two tickets a day, one of which waits too long. Of the last week its first file
tells Monday to Wednesday only; a second file tells the rest.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from opslib.store.warehouse import Warehouse
from opslib.weekly.run import Run, Selection, admit_exports, build_facts, publish, render_reports
from tests.line.conftest import few_expectations, lean_review, run_over

WEEK = "2026-W46"
LAST_MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
PER_DAY = {"large": 9, "small": 2}
WEEKS = 9
ORGANISATION = """
organisation: Two desks
time_zone: UTC
calendars:
  - {name: always, time_zone: UTC, hours: [{from: 2020-01-01, always: true}]}
sla_policies:
  - {name: promise, targets: [{metric: first_reply, clock: business, targets: {normal: 4h}}]}
teams:
"""
TEAM = """
  - name: {name}
    label: {label}
    region: US
    calendar: always
    sla_policy: promise
    goals:
      - {{metric: first_reply_sla, from: 2026-01-01, target: 90%}}
      - {{metric: first_reply_median, from: 2026-01-01, target: 48h}}
"""


def tickets(team: str) -> pd.DataFrame:
    """Tickets at the same hours of each day, every second one with a first reply an hour too late; all are solved."""
    rows = []
    days = [LAST_MONDAY + timedelta(days=day) for day in range(-7 * (WEEKS - 1), 7)]
    for day in days:
        for number in range(PER_DAY[team]):
            created = day + timedelta(hours=8, minutes=80 * number + (day.toordinal() * 7) % 50)
            reply = created + timedelta(hours=5 if number % 2 else 1, minutes=(day.toordinal() * 11) % 40)
            rows.append(
                {
                    "ticket_id": f"{team}-{day:%m%d}-{number}",
                    "created_at": created,
                    "updated_at": reply + timedelta(hours=1),
                    "first_reply_at": reply,
                    "solved_at": reply + timedelta(hours=1),
                    "status": "solved",
                    "team": team,
                    "channel": "email",
                    "priority": "normal",
                    "requester_id": f"r-{team}-{day:%m%d}-{number}",
                }
            )
    return pd.DataFrame(rows)


class Monday(NamedTuple):
    """What a run said and left behind."""

    said: dict[str, list[str]]
    warehouse: Warehouse
    page: BeautifulSoup
    index: str
    published: pd.DataFrame
    findings: pd.DataFrame

    @property
    def text(self) -> str:
        """What the page of the small team says."""
        return " ".join(self.page.main.get_text(" ").split())  # type: ignore[union-attr]


def monday(run: Run) -> Monday:
    """All steps of `opslib weekly`, with the page of the small team alone."""
    said: dict[str, list[str]] = {}

    def say(step: str, line: str) -> None:
        said.setdefault(step, []).append(line)

    only = Selection(only=(f"{WEEK}/small/weekly_review",))
    intake = admit_exports(run, say)
    build_facts(run, intake, say)
    publish(run, intake, only, say)
    render_reports(run, intake, only, say)
    week = run.folders.reports / WEEK
    return Monday(
        said,
        run.warehouse,
        BeautifulSoup((week / "small" / "weekly_review.html").read_text(encoding="utf-8"), "html.parser"),
        " ".join(BeautifulSoup((week / "index.html").read_text(encoding="utf-8"), "html.parser").get_text(" ").split()),
        run.warehouse.read("published", "values"),
        run.warehouse.read("published", "findings", weeks=[WEEK]),
    )


@pytest.fixture(scope="module")
def mondays(tmp_path_factory: pytest.TempPathFactory) -> tuple[Monday, Monday]:
    """The run over the export that broke off, and the one after the late file came."""
    folder = tmp_path_factory.mktemp("late")
    exports, params = folder / "exports", folder / "params"
    for path in (exports, params):
        path.mkdir()
    teams = "".join(TEAM.format(name=name, label=name.capitalize()) for name in PER_DAY)
    (params / "org.yml").write_text(ORGANISATION + teams, encoding="utf-8")
    (params / "weekly.yml").write_text("notebooks:\n  - {notebook: team/weekly_review, teams: all}\n", encoding="utf-8")
    for name in PER_DAY:
        rows = tickets(name)
        late = (rows["team"] == "small") & (rows["created_at"] >= LAST_MONDAY + timedelta(days=3))
        write(rows[~late], exports / f"tickets_{name}.csv")
    options: dict[str, Any] = {
        "params": params,
        "week": WEEK,
        "as_of": datetime(2026, 11, 16, 6, tzinfo=UTC),
        "notebooks": lean_review(folder / "notebooks"),
        "expectations": few_expectations(
            folder / "expectations", ("expect_column_values_to_not_be_null", "expect_column_values_to_be_between")
        ),
    }
    first = monday(run_over(exports, folder, **options))
    write(rows[late], exports / "tickets_small_rest.csv")
    return first, monday(run_over(exports, folder, **options))


def write(rows: pd.DataFrame, path: Path) -> None:
    rows.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


def test_a_half_exported_small_team_says_so_itself_and_nothing_of_it_is_a_success(mondays):
    first, _ = mondays
    text = first.text
    head = text.partition("Points for the meeting")[0]
    assert "Data incomplete" in head
    assert "Only 6 tickets, usually 14; no ticket of this team was created after Wed Nov 11" in head
    assert "the export may be incomplete, so nothing of this week is compared" in head
    assert "nothing is compared" in first.page.select_one("p.verdict").get_text()
    looks = {name for chip in first.page.select(".chip") for name in chip["class"]}
    assert looks <= {"chip", "chip-unknown"}
    assert first.page.select(".change") == []
    assert "3 of the 6 first replies below were late" in text
    assert "No goal was judged." in text
    assert "No goal was missed" not in text
    (found,) = first.findings.query("team == 'small'").itertuples()
    assert (found.kind, found.standing) == ("data incomplete", "first")
    assert "Complete the data of Small first" in first.index


def test_only_what_the_page_showed_is_published_and_a_late_file_restates_it_with_its_cause(mondays):
    first, second = mondays
    assert set(first.published["team"]) == {"small"}, "the pages of the others were not made"
    assert set(first.published["entry"]) == {"first known"}
    changed = second.published[second.published["entry"] == "restated"].set_index(["week", "metric"])
    assert set(second.published["team"]) == {"small"}
    assert set(changed["cause"]) == {"changed rows"}
    assert set(changed.reset_index()["week"]) == {WEEK}
    assert changed.loc[(WEEK, "created"), ["was", "value"]].tolist() == [6.0, 14.0]
    kept = second.published[second.published["publication"] == first.published["publication"].max()]
    pd.testing.assert_frame_equal(
        kept.sort_values(["week", "metric"], ignore_index=True),
        first.published.sort_values(["week", "metric"], ignore_index=True),
        check_like=True,
    )


def test_with_the_late_file_the_page_is_judged_and_its_finding_is_the_missed_goal(mondays):
    _, second = mondays
    assert "Data checked" in second.text
    assert "may be incomplete" not in second.text
    found = second.findings.query("team == 'small'").set_index("kind")
    assert "data incomplete" not in found.index
    assert found.loc[["goal missed"], "subject"].tolist() == ["first_reply_sla"]
    assert "7 of 14" in found.loc["goal missed", "what"]
