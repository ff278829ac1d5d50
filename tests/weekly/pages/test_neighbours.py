from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from opslib.display.headline import nothing_here
from opslib.display.verdicts import Verdict
from opslib.store.files import write_text
from opslib.weekly.edition import Link, Links, links_of
from opslib.weekly.manifest import ManifestError, Record, write_manifest
from opslib.weekly.pages.index import write_index
from opslib.weekly.pages.neighbours import renew, reports_in
from opslib.weekly.pages.template import render_template
from opslib.weekly.plan import Job
from tests.weekly.weekly_notebooks import edition

JOB = Job("team/weekly_review", "2026-W46", "us-general")


def line(
    label: str = "Created", value: str = "1,204", *, signal: bool = False, note: str = "", judged: bool = True
) -> dict[str, Any]:
    return {
        "label": label,
        "value": value,
        "change": "+6%",
        "note": note,
        "signal": signal,
        "judged": judged,
        "spark": [1.0, 2.0],
    }


def make_report(reports: Path, job: Job) -> Path:
    """A page as the renderer writes it, with what it knows of its neighbours at that time."""
    this = edition(job.week)
    html = render_template(
        "report.html.j2",
        title="Weekly review",
        header=this.header(team=job.team, root="../", links=links_of(job, reports, this.teams)),
        footer=this.footer(),
        sample=False,
        body="",
        headlines=[],
        verdict="",
        lead="",
        has_code=False,
    )
    write_text(html, job.page(reports))
    return job.page(reports)


def make_week(reports: Path, week: str, *headline: dict[str, Any], status: Any = "ready", gate: str = "passed") -> None:
    job = replace(JOB, week=week)
    make_report(reports, job)
    records = [Record(job.identifier, job.notebook, job.team, status, 1.0, None, list(headline))]
    this = replace(edition(week), gate=gate)
    write_index(reports, edition=this, records=records, blocked={})
    write_manifest(
        reports / week / "manifest.json",
        edition=this,
        parameters={},
        records=records,
        verdict={"status": gate},
        times={},
    )


def links_in(page: Path) -> list[str]:
    marked = page.read_text(encoding="utf-8").partition("<!-- neighbours -->")[2].partition("<!-- end")[0]
    weeks = marked.partition('aria-label="Weeks"')[2].partition("</ul>")[0]
    return re.findall(r'href="([^"]*)"(?! aria-current)(?! data-key="" aria-current)', weeks)


def test_a_page_learns_of_the_week_after_when_that_is_made(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45")
    old = replace(JOB, week="2026-W45").page(tmp_path)
    assert links_in(old) == []
    make_week(tmp_path, "2026-W46")
    assert links_in(old) == [
        "../../2026-W46/us-general/weekly_review.html",
        "../../2026-W46/us-general/weekly_review.compare.html",
    ]
    assert links_in(JOB.page(tmp_path)) == [
        "../../2026-W45/us-general/weekly_review.html",
        "weekly_review.compare.html",
    ]


def test_only_the_links_of_an_older_page_change(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45")
    old = replace(JOB, week="2026-W45").page(tmp_path)
    before = old.read_text(encoding="utf-8")
    make_week(tmp_path, "2026-W46")
    marks = re.compile(r"<!-- neighbours -->.*?<!-- end of neighbours -->", re.DOTALL)
    after = old.read_text(encoding="utf-8")
    assert before != after
    assert marks.sub("", before) == marks.sub("", after)


def test_a_page_that_is_right_already_is_not_written(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45")
    make_week(tmp_path, "2026-W46")
    stamps = {page: page.stat().st_mtime_ns for page in tmp_path.glob("*/*/weekly_review.html")}
    assert renew(tmp_path, "2026-W46", edition().teams) == []
    assert stamps == {page: page.stat().st_mtime_ns for page in stamps}
    make_report(tmp_path, JOB)
    assert renew(tmp_path, "2026-W46", edition().teams) == [], "the renderer writes what renewing would write"


def test_a_link_to_a_page_that_is_gone_goes_too(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45")
    make_week(tmp_path, "2026-W46")
    replace(JOB, week="2026-W45").page(tmp_path).unlink()
    write_index(tmp_path, edition=edition(), records=[], blocked={})
    assert links_in(JOB.page(tmp_path)) == []
    assert not (tmp_path / "2026-W46/us-general/weekly_review.compare.html").exists()


def test_links_have_keys_and_name_the_week(tmp_path: Path) -> None:
    for week in ("2026-W45", "2026-W46", "2026-W47"):
        make_report(tmp_path, replace(JOB, week=week))
    assert links_of(JOB, tmp_path, edition().teams) == (
        Links(
            "Weeks",
            (
                Link("← Week 45", "../../2026-W45/us-general/weekly_review.html", "older"),
                Link("Week 46", "weekly_review.html", "", is_here=True),
                Link("Week 47 →", "../../2026-W47/us-general/weekly_review.html", "newer"),
                Link("Beside week 45", "weekly_review.compare.html", "beside"),
            ),
        ),
    )


def test_a_report_leads_to_the_same_of_other_teams_and_to_the_others_of_its_team(tmp_path: Path) -> None:
    """A team without this report is led to by one that it has; a team without any is not led to."""
    for name, team in (
        ("routing_audit", "us-general"),
        ("weekly_review", "us-safety"),
        ("routing_audit", "us-commerce"),
    ):
        make_report(tmp_path, Job(f"team/{name}", JOB.week, team))
    make_report(tmp_path, JOB)
    (tmp_path / JOB.week / "us-general" / "weekly_review.compare.html").write_text("no report")
    teams = {"us-general": "General", "us-creators": "Creators", "us-safety": "Safety", "us-commerce": "Commerce"}
    _, others, own = links_of(JOB, tmp_path, teams)
    assert others == Links(
        "Teams",
        (
            Link("General", "../us-general/weekly_review.html", "", is_here=True),
            Link("Safety", "../us-safety/weekly_review.html"),
            Link("Commerce", "../us-commerce/routing_audit.html"),
        ),
    )
    assert [(link.label, link.is_here) for link in own.links] == [("Weekly review", True), ("Routing audit", False)]


def test_two_weeks_are_set_beside_each_other_by_their_headlines(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45", line(value="1,100"), line("Gone", "7"))
    make_week(tmp_path, "2026-W46", line(), line("New", "3"))
    html = (tmp_path / "2026-W46/us-general/weekly_review.compare.html").read_text(encoding="utf-8")
    rows = rows_of(html)
    assert rows == [("Created", "1,100", "1,204"), ("New", "–", "3"), ("Gone", "7", "–")]


def test_a_week_made_late_is_set_beside_the_week_after_it(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W46", line())
    assert not (tmp_path / "2026-W46/us-general/weekly_review.compare.html").exists()
    make_week(tmp_path, "2026-W45", line(value="1,100"))
    html = (tmp_path / "2026-W46/us-general/weekly_review.compare.html").read_text(encoding="utf-8")
    assert rows_of(html) == [("Created", "1,100", "1,204")]


def rows_of(html: str) -> list[tuple[str, str, str]]:
    """Of the table of two weeks each name with the values of both."""
    rows = BeautifulSoup(html, "html.parser").select("#compared tbody tr")
    return [(row.th.get_text(), *(row.find_all("td")[place].get_text() for place in (0, 2))) for row in rows]


def test_a_report_with_metrics_is_compared_by_all_of_them_if_both_weeks_showed_numbers(tmp_path: Path) -> None:
    def write(status: Any) -> list[tuple[str, str, str]]:
        make_week(tmp_path, "2026-W45", line(value="1,100"), status=status)
        record = Record(JOB.identifier, JOB.notebook, JOB.team, "unchanged", 1.0, None, [line()])
        make_report(tmp_path, JOB)
        pair = {
            "label": "<Solved>",
            "was": "7",
            "value": "8",
            "change": "↑ 14%",
            "goal": "≥ 9",
            "verdict_changed": True,
        }
        chips = {"chips": [Verdict("missed", "Missed")], "chips_before": [Verdict("met", "Met")]}
        pairs = {JOB.identifier: [pair | chips]}
        write_index(tmp_path, edition=edition(), records=[record], blocked={}, pairs=pairs)
        html = (tmp_path / "2026-W46/us-general/weekly_review.compare.html").read_text(encoding="utf-8")
        assert "<Solved>" not in html
        return rows_of(html)

    assert write("ready") == [("<Solved>", "7", "8")]
    assert write("blocked") == [("Created", "1,100", "1,204")], "of a week that showed nothing no number is told"


def test_verdicts_of_both_weeks_stand_side_by_side_and_one_that_changed_is_marked(tmp_path: Path) -> None:
    def goal(verdict: str) -> dict[str, Any]:
        chip = {"look": verdict.replace(" ", "-"), "text": verdict.capitalize()}
        return {"goal_verdict": verdict, "is_missed": verdict == "missed", "signal_verdict": "within", "chips": [chip]}

    said = {"facts": ["goal ≥ 85 %", "missed 2 of 13 weeks"]}
    make_week(tmp_path, "2026-W45", line() | goal("met"), line("Same") | goal("missed"))
    make_week(tmp_path, "2026-W46", line() | goal("missed") | said, line("Same") | goal("missed"))
    html = (tmp_path / "2026-W46/us-general/weekly_review.compare.html").read_text(encoding="utf-8")
    first, second = BeautifulSoup(html, "html.parser").select("#compared tbody tr")
    chips = [[chip.get_text() for chip in row.select(".chip")] for row in (first, second)]
    assert chips == [["Met", "Missed"], ["Missed", "Missed"]]
    assert first.find_all("td")[-1].get_text() == "goal ≥ 85 %"
    assert [row.has_attr("data-changed") for row in (first, second)] == [True, False]
    assert "1 of 2 verdicts changed. Two numbers need somebody now." in html


def test_two_weeks_of_which_nothing_is_missed_need_nobody(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45", line() | {"signal_verdict": "new"}, line("Same"))
    make_week(tmp_path, "2026-W46", line() | {"signal_verdict": "within"}, line("Same"))
    html = (tmp_path / "2026-W46/us-general/weekly_review.compare.html").read_text(encoding="utf-8")
    assert f'<p class="verdict">{nothing_here("1 of 2 verdicts changed")}</p>' in html


def test_pages_that_compare_are_no_reports(tmp_path: Path) -> None:
    make_week(tmp_path, "2026-W45")
    make_week(tmp_path, "2026-W46")
    org = Job("org/stakeholder_update", "2026-W46")
    make_report(tmp_path, org)
    assert reports_in(tmp_path, "2026-W46") == [org, JOB]


@pytest.mark.parametrize("content", ["{", "[]", '{"gate": {}}', '{"reports": [1]}'])
def test_a_damaged_manifest_of_last_week_is_named(content: str, tmp_path: Path) -> None:
    manifest = tmp_path / "2026-W45/manifest.json"
    manifest.parent.mkdir()
    manifest.write_text(content)
    with pytest.raises(ManifestError, match="2026-W45"):
        write_index(tmp_path, edition=edition(), records=[], blocked={})


def test_what_a_killed_run_left_half_written_is_no_report(tmp_path: Path) -> None:
    make_report(tmp_path, JOB)
    (JOB.page(tmp_path).parent / ".aside-x1y2.html").write_text("half")
    assert reports_in(tmp_path, JOB.week) == [JOB]
