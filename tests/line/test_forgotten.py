"""A person or ticket that is forgotten is found nowhere any more, and does not come back with the same exports."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from opslib.errors import OpslibError
from opslib.intake.exclusions import Exclusions, Limits
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.tombstones import BY_AGE, Tombstones
from opslib.intake.stage import Staged, stage
from opslib.settings import Keep
from opslib.store.files import write_json
from opslib.weekly import erasure as module
from opslib.weekly.erasure import Request, remove_old_reports
from opslib.weekly.run import Intake, Run, admit_exports, open_erasure
from tests.line.conftest import ROOT, few_expectations, run_over

REQUESTER, AGENT, TICKET = "cust-7700431", "agent-canary", "990017"
OWN = ("990010", "990011")
"""The tickets of the requester."""
WORDS = "the violet kettle sings at four whenever my neighbour waters her plants"
LATE = "990099"
MONDAY = datetime(2026, 11, 9, 14, tzinfo=UTC)


def write_exports(folder: Path, *, late: bool = False) -> None:
    """Forty tickets of a week: two of the requester, one to be forgotten, the agent on some; later one more of hers."""
    folder.mkdir(exist_ok=True)
    ids = [str(990000 + number) for number in range(40)] + [LATE] * late
    created = {id_: MONDAY + timedelta(hours=3 * number) for number, id_ in enumerate(ids)}
    tickets = pd.DataFrame(
        {
            "ticket_id": ids,
            "created_at": [created[id_].isoformat() for id_ in ids],
            "status": "solved",
            "team": "us-safety",
            "requester_id": [REQUESTER if id_ in (*OWN, LATE) else f"cust-{id_}" for id_ in ids],
            "assignee_id": [AGENT if int(id_) % 5 == 0 else "agent-other" for id_ in ids],
            "subject": [f"Kettle of {id_}" if id_ in OWN else "Cannot log in" for id_ in ids],
            "description": [WORDS if id_ == OWN[0] else f"Nothing works for {id_}" for id_ in ids],
        }
    )
    # A row that nobody can read stands in quarantine, with what the requester wrote.
    broken = tickets.iloc[[10]].assign(ticket_id="", subject=f"again: {WORDS}")
    pd.concat([tickets, broken]).to_csv(folder / "tickets.csv", index=False)
    events = [
        row
        for id_ in ids
        for row in (
            (
                id_,
                created[id_],
                "created",
                tickets.loc[tickets.ticket_id == id_, "requester_id"].iloc[0],
                "requester",
                "",
            ),
            (
                id_,
                created[id_] + timedelta(minutes=5),
                "assignee",
                "",
                "automation",
                AGENT if int(id_) % 5 == 0 else "",
            ),
            (id_, created[id_] + timedelta(minutes=30), "public_comment", AGENT, "agent", ""),
            (id_, created[id_] + timedelta(hours=2), "status", "agent-other", "agent", "solved"),
        )
    ]
    events.append(("990001", MONDAY + timedelta(days=3), "merged_into", "agent-other", "agent", TICKET))
    columns = ["ticket_id", "occurred_at", "event", "actor_id", "actor_role", "value"]
    rows = pd.DataFrame(events, columns=columns).assign(
        occurred_at=lambda each: each["occurred_at"].map(datetime.isoformat)
    )
    rows.to_csv(folder / "ticket_events.csv.gz", index=False)
    at = (MONDAY + timedelta(days=4)).isoformat()
    answers = pd.DataFrame({"ticket_id": [*OWN, "990003"], "answered_at": at, "score": [1, 2, 5]})
    answers.assign(comment=[f"never again {WORDS}", "", "fine"]).to_csv(folder / "satisfaction.csv", index=False)
    agents = pd.DataFrame({"agent_id": [AGENT, "agent-other"], "team": "us-safety"})
    agents.to_csv(folder / "agents.csv", index=False)
    shift = {"start_at": at, "end_at": (MONDAY + timedelta(days=4, hours=8)).isoformat(), "activity": "tickets"}
    agents[["agent_id"]].assign(**shift).to_csv(folder / "shifts.csv", index=False)
    review = {"review_id": ["r1", "r2"], "ticket_id": ["990005", "990006"], "reviewer_id": ["lead-1", "lead-1"]}
    review |= {"reviewed_at": at, "criterion": "tone", "score": 3, "max_score": 4, "agent_id": [AGENT, "agent-other"]}
    pd.DataFrame(review).to_csv(folder / "quality_reviews.csv", index=False)
    request = {"request_id": "t1", "kind": "bug", "platform": "crm", "opened_at": at, "status": "open"}
    pd.DataFrame([request | {"ticket_ids": f"990002;{TICKET};{OWN[1]}"}]).to_csv(
        folder / "tool_requests.csv", index=False
    )


def write_reports(folder: Path) -> None:
    """Pages and files of a past week that name them, as reports do."""
    week = folder / "2026-W46"
    team = week / "us-safety"
    (week / "escalations").mkdir(parents=True)
    team.mkdir()
    page = (
        f'<html><body><p class="n">17 of 990 tickets, 990,017 in all</p><td>41, latest 990020, {TICKET}, {OWN[0]}</td>'
        f'<li>Kettle — {WORDS[:60]}…</li><code>{OWN[1]}</code><a href="#t-{TICKET}">one</a></body></html>'
    )
    (team / "routing_audit.html").write_text(page)
    (team / "weekly_review.html").write_text("<html><body><p>990,017 tickets, none of them named</p></body></html>")
    (week / "index.html").write_text("<html>\n<!-- weeks -->\n<!-- end of weeks --></html>")
    (week / "escalations" / "e1.csv").write_bytes(f"\ufeffticket_id,day\r\n{OWN[0]},Mon\r\n990020,Tue\r\n".encode())
    (week / "escalations" / "e1.md").write_text(
        f"# Kettles\n\n1. Kettle \\— {WORDS.replace(' ', ' ', 1)}\n2. Others say no\n"
    )
    write_json({"reports": [{"identifier": "a", "headline": [{"note": f"see {TICKET}"}]}]}, week / "manifest.json")
    memo = folder / ".runs" / "2026-W46" / "us-safety"
    memo.mkdir(parents=True)
    write_json({"note": {"handover": {"files": {"e1.md": WORDS}}}}, memo / "contact_drivers.json")
    write_json({"note": {}}, memo / "routing_audit.json")


def write_fact(line: Line) -> None:
    """A fact as the line makes them: to build all of them takes longer than all else here."""
    tickets = line.run.warehouse.read("standard", "tickets")
    fact = tickets[["ticket_id", "team", "requester_id"]].assign(solved_agent_id=tickets["assignee_id"])
    line.run.warehouse.write("facts", "tickets", fact.assign(week="2026-W46"), partition_by_week=True)


def content_of(path: Path) -> str:
    if path.suffix == ".parquet":
        rows = pq.read_table(path, partitioning=None)
        return "\n".join(str(rows[name].to_pylist()) for name in rows.column_names)
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")


def holding(folder: Path, *needles: str) -> list[str]:
    """The files below a folder in which any of the needles stands, unpacked."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [
        f"{path.relative_to(folder)}: {needle}"
        for path in files
        for content in [content_of(path)]
        for needle in needles
        if needle in content
    ]


def quiet(step: str, line: str) -> None:
    """Nobody listens."""


class Line:
    """Exports, what was made of them, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.exports = folder, folder / "exports"

    @property
    def run(self) -> Run:
        run = run_over(self.exports, self.folder)
        return replace(run, folders=replace(run.folders, expectations=self.folder / "expectations"))

    def take_in(self) -> Intake:
        with self.run.warehouse.locked():
            return admit_exports(self.run, quiet)

    def forget(self, *, dry_run: bool = False, **ids: tuple[str, ...]) -> list[str]:
        opened, _ = self.erasure()
        return opened.forget(Request(**ids), dry_run=dry_run)

    def erasure(self):
        folders = self.run.folders
        return open_erasure(
            source=None, params=ROOT / "params", warehouse=folders.warehouse, reports=folders.reports, secret=None
        )

    @property
    def needles(self) -> tuple[str, ...]:
        opened, _ = self.erasure()
        people = map(opened.pseudonymiser.one, (REQUESTER, AGENT))
        return (REQUESTER, AGENT, TICKET, *OWN, LATE, "violet kettle", "Kettle of", *people)

    def found(self) -> list[str]:
        """Where any of them is found, but for the exports; the number that looks like an id is a count."""
        return [
            line
            for folder in (self.folder / "data", self.folder / "reports")
            for line in holding(folder, *self.needles)
        ]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forgotten")
    few_expectations(folder / "expectations")
    line = Line(folder)
    write_exports(line.exports)
    line.take_in()
    write_fact(line)
    write_reports(folder / "reports")
    return folder


@pytest.fixture
def line(made: Path, tmp_path: Path) -> Line:
    shutil.copytree(made, tmp_path / "line", copy_function=shutil.copy2)
    return Line(tmp_path / "line")


def test_no_byte_of_whom_is_forgotten_is_left_and_none_comes_back(line: Line) -> None:
    asked = {"requesters": (REQUESTER,), "tickets": (TICKET,), "agents": (AGENT,)}
    before = line.found()
    for place in ("staged", "standard", "facts", "quarantine", "routing_audit.html", "e1.csv"):
        assert any(place in each for each in before), place
    states = {path: path.stat().st_mtime_ns for path in line.folder.rglob("*") if path.is_file()}
    counted = line.forget(dry_run=True, **asked)
    assert {path: path.stat().st_mtime_ns for path in states} == states
    done = line.forget(**asked)
    assert [each.replace("would be taken out", "taken out") for each in counted] == done[: len(counted)]
    assert "rows of standard/tickets: 3 taken out" in done
    assert line.found() == []
    log = json.loads((line.folder / "data/warehouse/forgotten/log.json").read_text())["erasures"]
    assert log[0]["removed"]["rows of standard/tickets"] == 3
    write_exports(line.exports, late=True)
    intake = line.take_in()
    assert line.found() == []
    account = intake.rows.set_index(["file", "table"])
    # Of the late ticket too: it is hers.
    assert account.loc[("tickets.csv", "tickets"), ["read", "forgotten"]].tolist() == [42, 5]
    assert account.loc[("ticket_events.csv.gz", "ticket_events"), "forgotten"] == 4 * 4
    assert account.loc[("satisfaction.csv", "satisfaction"), "forgotten"] == 2
    assert (account["read"] == account.drop(columns="read").sum(axis="columns")).all()
    kept = line.run.warehouse.read("standard", "tickets")
    assert len(kept) == 37
    assert kept.loc[kept["ticket_id"] == "990005", "assignee_id"].isna().all()
    assert line.run.warehouse.read("standard", "tool_requests")["ticket_ids"].tolist() == ["990002"]
    assert line.run.warehouse.read("standard", "quality_reviews")["review_id"].tolist() == ["r2"]


def test_pages_keep_their_numbers_and_what_names_nobody(line: Line) -> None:
    week = line.folder / "reports" / "2026-W46"
    other = (week / "us-safety" / "weekly_review.html").stat().st_mtime_ns
    line.forget(requesters=(REQUESTER,), tickets=(TICKET,))
    page = (week / "us-safety" / "routing_audit.html").read_text()
    assert "17 of 990 tickets, 990,017 in all" in page
    assert "41, latest 990020, removed on request, removed on request<" in page
    assert "<li>removed on request</li>" in page
    assert (week / "us-safety" / "weekly_review.html").stat().st_mtime_ns == other
    rows = list(csv.reader((week / "escalations" / "e1.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert rows == [["ticket_id", "day"], ["990020", "Tue"]]
    assert "Others say no" in (week / "escalations" / "e1.md").read_text()
    # What a page was made of is no longer remembered, so that the next run of the week makes it anew.
    assert not list((line.folder / "reports" / ".runs").rglob("*.json"))


def test_a_run_that_is_killed_meanwhile_is_finished_by_the_next(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    take_out, files = module.take_out, []

    def take_out_some(path: Path, *more: object) -> bool:
        files.append(path)
        if len(files) > 4:
            raise KeyboardInterrupt
        return take_out(path, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "take_out", take_out_some)
        with pytest.raises(KeyboardInterrupt):
            line.forget(requesters=(REQUESTER,), tickets=(TICKET,), agents=(AGENT,))
    assert line.found()
    line.take_in()
    assert line.found() == []


def test_an_id_that_is_not_there_stays_out_all_the_same(line: Line) -> None:
    lines = line.forget(tickets=(LATE,))
    assert any("nothing of it was found" in each for each in lines)
    write_exports(line.exports, late=True)
    line.take_in()
    assert LATE not in line.run.warehouse.read("standard", "tickets")["ticket_id"].tolist()


def test_under_another_key_nobody_comes_back_without_a_word(line: Line) -> None:
    line.forget(tickets=(TICKET,))
    with pytest.raises(OpslibError, match="forgotten under another key"):
        Tombstones(line.run.warehouse, Pseudonymiser(b"another key of sixteen"))


def staged(line: Line, limits: Limits, keep: Keep) -> list[Staged]:
    pseudonymiser = line.erasure()[0].pseudonymiser
    exclusions = Exclusions(line.run.warehouse, Tombstones(line.run.warehouse, pseudonymiser), limits, keep)
    return stage(line.run.warehouse, line.run.source, line.exports, pseudonymiser, exclusions=exclusions)


def test_tickets_and_texts_leave_when_they_are_too_old_and_come_back_when_more_is_kept(line: Line) -> None:
    """Created at hours 0, 3, 6 … of the week: eight tickets a day."""
    keep = Keep(text="8 weeks", tickets="1 year")
    limits = Limits(text=MONDAY + timedelta(days=2), tickets=MONDAY + timedelta(days=1))

    def rows(staged: list[Staged], table: str) -> pd.DataFrame:
        item = next(each for each in staged if each.table == table)
        return pd.read_parquet(line.run.warehouse.root / item.parquet).assign(expired=item.expired)

    staged(line, Limits(), keep)
    items = staged(line, limits, keep)
    tickets, events = rows(items, "tickets"), rows(items, "ticket_events")
    assert (len(tickets), tickets["expired"].iloc[0]) == (41 - 8, 8)
    # The merged ticket is one of the first day.
    assert (len(events), events["expired"].iloc[0]) == (4 * 32, 4 * 8 + 1)
    is_old = tickets["created_at"] < limits.text
    assert tickets.loc[is_old, ["subject", "description"]].isna().all(axis=None)
    assert tickets.loc[~is_old, "description"].notna().all()
    assert [item.expired for item in staged(line, limits, keep)] == [item.expired for item in items]
    (line.exports / "ticket_events.csv.gz").touch()
    with gzip.open(line.exports / "ticket_events.csv.gz", "at") as stream:
        stream.write("\n")
    again = next(each for each in staged(line, limits, keep) if each.table == "ticket_events")
    assert (again.damage, again.rows_read, again.expired) == (None, 161, 33)
    longer = staged(line, Limits(), Keep())
    assert (len(rows(longer, "tickets")), sum(item.expired for item in longer)) == (41, 0)


def test_a_run_applies_what_the_parameters_say_and_makes_nothing_anew_where_nothing_is_due(line: Line) -> None:
    """The tenth of November begins at 05:00 UTC: five tickets of the ninth are older."""
    days = (datetime.now(line.run.organisation.zone).date() - date(2026, 11, 10)).days
    keep = Keep(tickets=f"{days} days", text=f"{days - 1} days")

    def take_in() -> tuple[Intake, list[str]]:
        privacy = line.run.organisation.privacy.model_copy(update={"keep": keep})
        run = replace(line.run, organisation=line.run.organisation.model_copy(update={"privacy": privacy}))
        said: list[str] = []
        with run.warehouse.locked():
            return admit_exports(run, lambda step, words: said.append(f"{step} {words}")), said

    intake, _ = take_in()
    account = intake.rows.set_index(["file", "table"])
    assert account.loc[("tickets.csv", "tickets"), ["read", "kept", "expired"]].tolist() == [41, 35, 5]
    assert account.loc[("ticket_events.csv.gz", "ticket_events"), "expired"] == 4 * 5 + 1
    tickets = line.run.warehouse.read("standard", "tickets")
    # Eight more were written before the eleventh.
    assert (len(tickets), tickets["description"].isna().sum()) == (35, 8)
    assert any("as before" in each for each in take_in()[1])


def test_what_is_older_than_asked_for_goes_with_a_dry_run_that_counts(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = line.run.folders
    options = [
        "--params",
        str(folders.params),
        "--warehouse",
        str(folders.warehouse),
        "--reports",
        str(folders.reports),
    ]

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["opslib", "forget", *arguments, *options])
        from opslib.cli import main

        main_ended = 0
        try:
            main()
        except SystemExit as end:
            main_ended = int(end.code or 0)
        out, err = capsys.readouterr()
        return main_ended, out + err

    assert call()[0] == 2
    assert "a whole number and its unit" in call("--older-than", "3 fortnights")[1]
    status, out = call("--older-than", "1 day", "--dry-run")
    assert status == 0
    assert "rows of standard/tickets: 40 would be taken out" in out
    assert "nothing is older than it is kept" in call("--older-than", "keep")[1]
    status, out = call("--requester", REQUESTER)
    assert (status, "1 requester; tickets in all: 2" in out) == (0, True)


def test_weeks_that_are_kept_no_longer_leave_no_link_behind(tmp_path: Path) -> None:
    marks = "<!-- weeks -->\n<!-- end of weeks -->"
    for week in ("2026-W44", "2026-W45", "2026-W46"):
        (tmp_path / week / "us-safety").mkdir(parents=True)
        (tmp_path / week / "us-safety" / "weekly_review.html").write_text("<html>a report</html>")
        (tmp_path / week / "us-safety" / "weekly_review.compare.html").write_text("<html>two reports</html>")
        (tmp_path / ".runs" / week).mkdir(parents=True)
        before = '<a class="before" href="../2026-W44/us-safety/weekly_review.html">2026-W44</a>' * (week == "2026-W45")
        (tmp_path / week / "index.html").write_text(f"<html>{marks}{before}</html>")
    # The Sunday of W44 is 1 November.
    keep, day = Keep(reports="2 weeks", text="1 week"), date(2026, 11, 16)
    assert remove_old_reports(tmp_path, keep, day - timedelta(days=1), {}, dry_run=True)["pages"] == 0
    assert remove_old_reports(tmp_path, keep, day, {}, dry_run=True)["pages"] == 3
    assert (tmp_path / "2026-W44").exists()
    assert remove_old_reports(tmp_path, keep, day, {}, dry_run=False)["pages"] == 3
    assert sorted(path.name for path in tmp_path.glob("2026*")) == ["2026-W45", "2026-W46"]
    assert [path.name for path in (tmp_path / ".runs").iterdir()] == ["2026-W46"]
    assert not any("2026-W44/" in path.read_text() for path in tmp_path.rglob("*.html"))
    assert "2026-W46" in (tmp_path / "index.html").read_text()


def test_rows_set_aside_leave_when_their_export_is_too_old(line: Line) -> None:
    def files() -> list[str]:
        return [path.parent.name for path in line.run.folders.quarantine.rglob("*.parquet")]

    assert files() == ["tickets"]
    opened, _ = line.erasure()
    keep, now = Keep(quarantine="4 weeks"), datetime.now(UTC)
    young = Limits(quarantine=now - timedelta(days=28))
    opened.take_out_the_old(keep, young, now.date(), BY_AGE, dry_run=False)
    assert files() == ["tickets"]
    old = Limits(quarantine=now + timedelta(hours=1))
    assert opened.take_out_the_old(keep, old, now.date(), BY_AGE, dry_run=True) == [
        "files of rows set aside: 1 would be taken out"
    ]
    opened.take_out_the_old(keep, old, now.date(), BY_AGE, dry_run=False)
    assert files() == []
