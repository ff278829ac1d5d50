"""Pages of every kind for the browser tests, made from small notebooks whose contents are hostile."""

from __future__ import annotations

import io
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import pandas as pd
from matplotlib.figure import Figure
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from opslib.display import mime
from opslib.display.verdicts import Verdict
from opslib.intake.gate.verdict import Result
from opslib.intake.gate.verdict import Verdict as GateVerdict
from opslib.store.files import write_text
from opslib.weekly.brief import Brief
from opslib.weekly.brief.actions import ActionLine, Actions
from opslib.weekly.brief.goals import GoalCell, Spark, TeamGoals
from opslib.weekly.brief.opening import Number
from opslib.weekly.brief.points import Point
from opslib.weekly.edition import Edition, Link, comparison_of, links_of
from opslib.weekly.headline import headline_of
from opslib.weekly.manifest import records_of_week, write_manifest
from opslib.weekly.outcome import Outcome
from opslib.weekly.pages.index import write_data_quality, write_how_we_decide, write_index
from opslib.weekly.pages.page import to_html
from opslib.weekly.pages.write import write_blocked, write_failure
from opslib.weekly.plan import Job

SCRIPT = "<script>document.title='hacked'</script>"
IMAGE = "<img src=x onerror=\"document.title='hacked'\">"
HOSTILE = (
    f"{SCRIPT}{IMAGE}<a href=\"javascript:document.title='hacked'\">click</a><iframe src=https://example.com></iframe>"
)
ALT = "Closing backlog over 13 weeks: 412 tickets last week, inside the control limits of 318 and 447."
WEEK = "2026-W46"
TEAMS = {
    "us-general": "US General",
    "us-creators": "US Creators",
    "us-safety": "US Safety",
    "us-commerce": "US Commerce",
}


def edition(week: str = WEEK) -> Edition:
    return Edition(
        organisation="Sample platform support",
        week=week,
        time_zone="America/New_York",
        teams=TEAMS,
        as_of=datetime(2026, 11, 16, 11, 0, tzinfo=UTC),
        made_at=datetime(2026, 11, 16, 12, 5, tzinfo=UTC),
        gate="blocked",
        gate_note="61 expectations, 2 warnings",
        inputs={
            f"{name}.parquet": f"{i:064x}" for i, name in enumerate(("tickets", "ticket_events", "agents"), 3735928559)
        },
        versions={"opslib": "0.1.0", "pandas": "3.1.0", "duckdb": "2.0.0"},
        commit="8f14e45fceea167a5a36dedd4bea2543fffffff0",
        sample=True,
    )


def figure_svg() -> str:
    """Thirteen weeks of a backlog with limits, as matplotlib writes it."""
    with matplotlib.rc_context({"svg.fonttype": "none", "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(8.5, 3.2), layout="constrained")
        axes = figure.subplots()
        values = [382 + 34 * math.sin(i / 1.9) for i in range(13)]
        axes.plot(range(13), values, marker="o", color="#0072b2")
        axes.axhspan(318, 447, color="#999999", alpha=0.15, linewidth=0)
        axes.axhline(400, color="#d55e00", linestyle="--", linewidth=1)
        axes.set_ylabel("tickets")
        axes.set_title("Closing backlog", loc="left")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def metrics() -> pd.DataFrame:
    names = ["First reply time, median", "Full resolution, median", "SLA attained", "Reopened", "CSAT"]
    names += [f"Another metric {number}" for number in range(7)]
    weeks = [f"W{week}" for week in range(37, 47)]
    columns = {
        week: [f"{2 + i * 7 + j % 3}h {5 + 3 * j:02d}min" for i in range(len(names))] for j, week in enumerate(weeks)
    }
    return pd.DataFrame({"Metric": names, **columns, "Change": ["−4.0%", "+2.1%", "+0.3 pp", "–", *(["−1.2 pp"] * 8)]})


def tickets(rows: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Ticket": [f"T{1000 + i}" for i in range(rows)],
            "Subject": [f"Cannot sign in {i}" if i else HOSTILE for i in range(rows)],
            "Age, days": [f"{(i * 37) % 101 + 0.5:.1f}" for i in range(rows)],
            "Replies": [f"{(i * 7) % 23:,}" for i in range(rows)],
        }
    )


def html_output(fragment: str, caption: str | None = None) -> NotebookNode:
    metadata = {"text/html": {"caption": caption}} if caption else {}
    return new_output("display_data", {"text/html": fragment, "text/plain": "table"}, metadata=metadata)


def report_notebook(figures: int = 3) -> NotebookNode:
    """A notebook after its run: figures, tables, headlines, and every way in which a ticket's text reaches a page."""
    bundle = {
        "status": "ready",
        "headlines": [
            _headline("Created", "1,204", "+6.1%", "lower", False, [1010, 1100, 1060, 1180, 1135, 1204]),
            _headline(
                "First reply, median", "2h 14min", "−12.0%", "lower", False, [9700, 9100, 9300, None, 9000, 8040]
            ),
            _headline("SLA attained", "91.3%", "−3.4 pp", "higher", True, [0.95, 0.951, 0.949, 0.95, 0.947, 0.913]),
            _headline("Closing backlog", "412", "+1.2%", "lower", False, [382, 401, 415, 398, 407, 412]),
        ],
    }
    svg = new_output("display_data", {"image/svg+xml": figure_svg()}, metadata={"image/svg+xml": {"alt": ALT}})
    cells: list[NotebookNode] = [
        new_markdown_cell("# Weekly review\n\nFor the leader of the team: **what changed, and is the change real?**"),
        new_code_cell('week: str = "2026-W46"', metadata={"tags": ["parameters"]}),
        new_code_cell('week = "SECRET-PARAMETER"', metadata={"tags": ["injected-parameters"]}),
        new_code_cell("import opslib as ops"),
        new_code_cell("ops.headline(review)", outputs=[new_output("display_data", {mime.HEADLINE: bundle})]),
        new_markdown_cell(
            "## Is the backlog growing?\n\nA line above the band is a signal, a line inside it is noise."
        ),
    ]
    for number in range(figures):
        cells.append(new_code_cell(f"ops.charts.control_chart(backlog, {number})", outputs=[svg]))
    meaning = "<div>Met targets among met and breached ones.</div>"
    definition = f'<details class="definition"><summary>SLA attained</summary>{meaning}</details>'
    table = metrics().to_html(index=False, classes="frame").replace("<td>SLA attained</td>", f"<th>{definition}</th>")
    long = tickets().to_html(index=False, escape=False)
    cells += [
        new_markdown_cell("## The metrics\n\n### By week"),
        new_code_cell("ops.tables.metrics(review)", outputs=[html_output(table, "Ten weeks of the metrics")]),
        new_markdown_cell("## Oldest tickets"),
        new_code_cell("ops.tables.oldest(review)", outputs=[html_output(long, "Oldest open tickets")]),
        new_markdown_cell(
            f"## What customers write\n\n{HOSTILE}\n\n[link](javascript:alert(1)) ![x](https://example.com/x.png)"
        ),
        new_code_cell(
            'print("subjects")',
            outputs=[
                new_output("stream", name="stdout", text=f"\x1b[31m{HOSTILE}\x1b[0m\n"),
                new_output("stream", name="stderr", text=f"Warning: {HOSTILE}\n"),
                new_output("execute_result", {"text/plain": HOSTILE}, execution_count=1),
                html_output(
                    f"<style>body{{display:none}}</style><div onclick=\"document.title='hacked'\">{HOSTILE}</div>"
                ),
                new_output("display_data", {"application/javascript": "document.title='hacked'", "text/plain": "x"}),
                new_output("display_data", {"text/markdown": HOSTILE}),
                new_output(
                    "display_data",
                    {"image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">{SCRIPT}</svg>'},
                    metadata={"image/svg+xml": {"alt": f'A drawing"><script>{SCRIPT}'}},
                ),
            ],
        ),
    ]
    return new_notebook(cells=cells)


def gate_result(table: str, expectation: str, **fields: Any) -> Result:
    usual = {
        "type": "expect_something",
        "column": "",
        "severity": "warning",
        "scope": "rows",
        "notes": "",
        "checked": 61203,
        "failed": 0,
        "observed": "all 61,203 rows fit",
        "examples": (),
        "teams": (),
        "outcome": "passed",
    }
    return Result(table=table, expectation=expectation, **{**usual, **fields})


def verdict() -> GateVerdict:
    trend = {f"2026-W{week}": count for week, count in zip(range(39, 47), (0, 3, 1, 0, 2, 9, 4, 12), strict=True)}
    negative = gate_result(
        "tickets",
        "solved_at is not before created_at",
        column="solved_at",
        severity="critical",
        outcome="set_aside",
        failed=12,
        observed=f"12 rows are solved before they were created {SCRIPT}",
        examples=tuple(f"T{i}" for i in range(9)),
        notes="Such a row would give a negative time.",
        failures_by_week={**trend, "undated": 2},
        teams=("us-general",),
    )
    late = gate_result(
        "ticket_events",
        "events reach the end of the week",
        severity="critical",
        scope="teams",
        outcome="blocked",
        checked=4,
        failed=1,
        observed="the last event of US Safety is 3 days before the end of the week",
        teams=("us-safety",),
    )
    unique = gate_result("tickets", "ticket_id is unique", notes="Two rows of a ticket would count it twice.")
    absent = gate_result(
        "satisfaction", "score is on its scale", outcome="absent", checked=0, observed="not in this export"
    )
    return GateVerdict(
        week=WEEK,
        as_of=datetime(2026, 11, 16, 11, 0, tzinfo=UTC),
        results=(unique, negative, late, absent),
        blocked={"us-safety": ("the last event is 3 days before the end of the week",)},
        rows={"tickets": 61203},
    )


def accounting() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "file": ["tickets.parquet", "ticket_events.parquet"],
            "table": ["tickets", "ticket_events"],
            "read": [61230, 402118],
            "kept": [61203, 402118],
            "replaced": [15, 0],
            "set_aside": [12, 0],
            "left_out": [0, 0],
        }
    )


def brief() -> Brief:
    """A brief of many teams, with hostile text wherever it takes any from the export or from people."""
    missed = Verdict("missed", "Missed")
    spark = Spark((0.5, None, 0.7), "Satisfaction: lowest 50%", ("", "", "Veterans Day"), 0.9, "missed")
    cell = GoalCell("csat", "70.0%", missed, ("20.0 points short", "139 answers"), spark)
    points = [
        Point(
            finding_id=f"F-{place}",
            team=team,
            teams=(team,),
            kind="goal missed",
            subject="csat",
            what=f"CSAT 70%, goal ≥ 90% {HOSTILE}",
            verdict=missed,
            share=100 // place,
            size="20 short",
            facts=("42 of 139 answers",),
            causes=(("Cause", HOSTILE),),
            links=(Link("Why", f"{team}/weekly_review.html"),),
            next_step=HOSTILE,
            owner=HOSTILE,
            due="Fri Nov 13",
            state="accepted",
            is_overdue=True,
        )
        for place, team in enumerate(("us-general", "us-commerce"), 1)
    ]
    teams = ("us-general", "us-commerce", *(f"team-{number}" for number in range(12)))
    action = ActionLine("us-safety", HOSTILE, HOSTILE, HOSTILE, "Fri Nov 13", "three days overdue", True, HOSTILE)
    return Brief(
        verdict="0 of 14 goals met.",
        lead="Veterans Day closed all.",
        numbers=(Number("Goals met", "0", "of 14", missed, "↓ 3", "x", spark), Number("Late", "9"), Number("Due", "1")),
        points=tuple(points),
        also_missed="Also missed: much.",
        goals=("csat", "qa_score"),
        rows=tuple(TeamGoals(team, (cell, None)) for team in teams),
        too_easy="",
        actions=Actions(1, 1, 1, "2026-11-13", "1 is overdue.", (action,)),
    )


def write_site(reports: Path) -> dict[str, Path]:
    """Two weeks with an index, a ready, a failed and a blocked report and a data quality page."""
    for week in ("2026-W45", WEEK):
        paths = _write_week(reports, week)
    return {**paths, "forward": reports / "index.html"}


def _write_week(reports: Path, week: str) -> dict[str, Path]:
    this = edition(week)
    outcomes = []
    for team in ("us-general", "us-commerce"):
        nb = report_notebook()
        job = Job("team/weekly_review", week, team)
        html = to_html(
            nb,
            title="Weekly review",
            header=this.header(team=team, root="../", links=links_of(job, reports, this.teams)),
            footer=this.footer({"week": week, "team": team}),
            sample=True,
        )
        write_text(html, job.page(reports))
        outcomes.append(Outcome(job, "ready", 3.2, job.page(reports), None, headline_of(nb)[1]))
    failing = Job("team/weekly_review", week, "us-creators")
    broken = ValueError(f"no column 'solved_at' in the slice {SCRIPT}")
    outcomes.append(write_failure(failing, reports, this, {"week": week}, broken, report_notebook(), 1.0))
    gate = verdict()
    outcomes.append(
        write_blocked(Job("team/weekly_review", week, "us-safety"), reports, this, gate.blocked["us-safety"])
    )
    records = records_of_week(reports, week, outcomes)
    pair = {"label": "Tickets created", "was": "1,100", "value": "1,204", "change": "↑ 9%", "goal": ""}
    quiet = pair | {"chips": [Verdict("usual", "Usual")], "chips_before": [], "verdict_changed": False}
    changed = pair | {"label": HOSTILE, "chips": [Verdict("missed", "Missed")], "chips_before": [Verdict("met", "Met")]}
    index = write_index(
        reports,
        edition=this,
        records=records,
        blocked=gate.blocked,
        brief=brief(),
        pairs={
            f"{week}/us-general/weekly_review": [changed | {"goal": "≥ 90%", "verdict_changed": True}, *[quiet] * 9]
        },
    )
    values: dict[str, Any] = {"status": "blocked"}
    write_manifest(
        reports / week / "manifest.json",
        edition=this,
        parameters={"week": week},
        records=records,
        verdict=values,
        times={"reports": 7.5},
    )
    write_how_we_decide(reports, edition=this, rate=0.2, minimum_group=5)
    return {
        "report": outcomes[0].path,
        "failed": outcomes[2].path,
        "blocked": outcomes[3].path,
        "index": index,
        "compare": comparison_of(outcomes[0].job, reports),
        "data_quality": write_data_quality(reports, edition=this, verdict=gate, accounting=accounting()),
    }


def _headline(label: str, value: str, change: str, better: str, signal: bool, spark: list[Any]) -> dict[str, Any]:
    return {"label": label, "value": value, "change": change, "better": better, "signal": signal, "spark": spark}


def store_notebook(notebook: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
