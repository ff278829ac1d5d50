"""What a broken export gets: a clear word or quarantine, and every other team's numbers all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from opslib.errors import ExportError
from opslib.weekly.run import Intake, Run, Selection, admit_exports, build_facts, publish
from tests.line.conftest import TEAMS, WEEK, few_expectations, run_over

TEAM = "us-safety"


def read(exports: Path, team: str = TEAM) -> pd.DataFrame:
    return pd.read_csv(exports / f"tickets_{team}.csv.gz", dtype=str, keep_default_na=False)


def write(exports: Path, rows: pd.DataFrame, team: str = TEAM, *, encoding: str = "utf-8") -> None:
    (exports / f"tickets_{team}.csv.gz").unlink()
    rows.to_csv(exports / f"tickets_{team}.csv", index=False, encoding=encoding)


def admitted(exports: Path, folder: Path) -> tuple[Run, Intake]:
    run = run_over(exports, folder)
    return run, admit_exports(run, lambda step, line: None)


def kept(run: Run) -> pd.Series:
    return run.warehouse.read("standard", "tickets", columns=["team"])["team"].value_counts()


def quarantined(run: Run, table: str = "tickets") -> pd.DataFrame:
    files = sorted((run.folders.quarantine / table).glob("*.parquet"))
    return pd.concat([pq.read_table(path).to_pandas() for path in files], ignore_index=True)


def renamed_column(exports: Path, team: str = TEAM) -> None:
    write(exports, read(exports, team).rename(columns={"created_at": "created"}), team)


def truncated_gzip(exports: Path, team: str = TEAM) -> None:
    path = exports / f"tickets_{team}.csv.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def day_first_dates(exports: Path, team: str = TEAM) -> None:
    rows = read(exports, team)
    rows["created_at"] = pd.to_datetime(rows["created_at"], format="ISO8601", utc=True).dt.strftime("%d/%m/%Y %H:%M")
    write(exports, rows, team)


def zero_rows(exports: Path, team: str = TEAM) -> None:
    write(exports, read(exports, team).iloc[:0], team)


def a_week_missing(exports: Path, team: str = TEAM) -> None:
    rows = read(exports, team)
    created = pd.to_datetime(rows["created_at"], format="ISO8601", utc=True)
    write(exports, rows[~created.between("2026-11-09T05:00Z", "2026-11-16T05:00Z", inclusive="left")], team)


def no_gzip(exports: Path, team: str = TEAM) -> None:
    (exports / f"tickets_{team}.csv.gz").write_bytes(b"not a gzip at all")


BLOCKING: list[tuple[Callable[[Path], None], str]] = [
    (renamed_column, "the needed column `created_at` is not there"),
    (truncated_gzip, "tickets_us-safety.csv.gz"),
    (no_gzip, "tickets_us-safety.csv.gz"),
    (day_first_dates, "set aside"),
    (zero_rows, "tickets_us-safety.csv"),
    (a_week_missing, "week"),
]


@pytest.mark.parametrize(("fault", "words"), BLOCKING, ids=[fault.__name__ for fault, _ in BLOCKING])
def test_a_fault_in_one_teams_file_blocks_that_team_and_no_other(exports, tmp_path, fault, words):
    whole = read(exports)
    fault(exports)
    run, intake = admitted(exports, tmp_path)
    assert sorted(intake.verdict.blocked) == [TEAM]
    assert intake.verdict.exit_status == 3
    reasons = " ".join(intake.verdict.blocked[TEAM])
    assert words in reasons
    assert set(kept(run).index) >= set(TEAMS) - {TEAM}
    assert (intake.rows["read"] == intake.rows[["left_out", "replaced", "set_aside", "kept"]].sum(axis=1)).all()
    if fault is day_first_dates:
        aside = quarantined(run)
        assert (len(aside), set(aside["team"])) == (len(whole), {TEAM})
        assert aside["reason"].str.contains(r"created_at.*\d\d/\d\d/2026").all(), "the value that was not read"
    if fault is truncated_gzip:
        assert 0 < len(quarantined(run)) < len(whole), "what could be read"
        assert TEAM not in kept(run).index


def test_what_may_be_in_a_file_stops_nothing(exports, tmp_path):
    """A repeated row, a later row of a ticket, and the encodings that a CRM writes; the week is the last whole one."""
    rows = {team: read(exports, team) for team in TEAMS}
    repeated, renewed, *encoded = TEAMS
    write(exports, pd.concat([rows[repeated], rows[repeated].head(7)]), repeated)
    later = rows[renewed].head(1).assign(updated_at="2026-11-16T10:59:00Z", subject="the later subject")
    write(exports, pd.concat([later, rows[renewed]]), renewed, encoding="utf-8-sig")
    for team, encoding in zip(encoded, ("utf-16", "cp1252"), strict=True):
        for name in ("subject", "description"):
            rows[team][name] = rows[team][name].str.encode("cp1252", "ignore").str.decode("cp1252")
        rows[team].loc[rows[team].index[0], "subject"] = f"Größe falsch in {encoding}"
        write(exports, rows[team], team, encoding=encoding)
    run, intake = admitted(exports, tmp_path)
    assert (intake.week, intake.verdict.blocked) == (WEEK, {})
    assert kept(run).to_dict() == {team: len(of_it) for team, of_it in rows.items()}
    files = intake.rows.set_index("file")
    first = files.loc[f"tickets_{repeated}.csv", ["read", "replaced", "set_aside"]]
    assert first.tolist() == [len(rows[repeated]) + 7, 7, 0]
    assert files.loc[f"tickets_{renewed}.csv", "replaced"] == 1
    tickets = run.warehouse.read("standard", "tickets", columns=["ticket_id", "subject"]).set_index("ticket_id")
    assert tickets.loc[later["ticket_id"].iloc[0], "subject"] == "the later subject"
    assert {"Größe falsch in utf-16", "Größe falsch in cp1252"} <= set(tickets["subject"])


def test_rows_that_cannot_be_right_go_to_quarantine_and_the_others_go_on(exports, tmp_path):
    """One ticket twice as of one moment with other content, solved before it was created, of a team nobody knows."""
    doubled, impossible, misspelt = TEAMS[:3]
    rows = {team: read(exports, team) for team in (doubled, impossible, misspelt)}
    twice = rows[doubled].head(3)
    twice = twice.assign(priority=twice["priority"].map(lambda value: "low" if value != "low" else "high"))
    write(exports, pd.concat([rows[doubled], twice]), doubled)
    solved = rows[impossible].index[rows[impossible]["solved_at"] != ""][:4]
    rows[impossible].loc[solved, "solved_at"] = "2020-01-01T00:00:00Z"
    write(exports, rows[impossible], impossible)
    rows[misspelt].loc[rows[misspelt].index[:5], "team"] = "us-safetyy"
    write(exports, rows[misspelt], misspelt)
    run, intake = admitted(exports, tmp_path)
    aside = quarantined(run)
    reasons = {team: of_it.set_index("ticket_id")["reason"] for team, of_it in aside.groupby("team")}
    assert set(reasons) == {doubled, impossible, "us-safetyy"}
    assert sorted(reasons[doubled].index) == sorted(twice["ticket_id"])
    assert reasons[doubled].str.contains("the same ticket_id again in row").all()
    assert sorted(reasons[impossible].index) == sorted(rows[impossible].loc[solved, "ticket_id"])
    assert reasons[impossible].str.contains("solved_at").all()
    assert sorted(reasons["us-safetyy"].index) == sorted(rows[misspelt]["ticket_id"].head(5))
    assert reasons["us-safetyy"].str.contains("team").all()
    assert kept(run)[doubled] == len(rows[doubled])
    assert kept(run)[impossible] == len(rows[impossible]) - 4
    assert kept(run)[misspelt] == len(rows[misspelt]) - 5
    assert set(intake.verdict.blocked) <= {impossible, misspelt}
    events = run.warehouse.read("standard", "ticket_events", columns=["ticket_id"])
    assert not events["ticket_id"].isin([*reasons[impossible].index, *reasons["us-safetyy"].index]).any()


def test_exports_without_any_ticket_say_so_and_stop(exports, tmp_path):
    for team in TEAMS:
        write(exports, read(exports, team).iloc[:0], team)
    for path in exports.glob("*"):
        if not path.name.startswith("tickets"):
            path.unlink()
    with pytest.raises(ExportError, match=r"no file of the exports can be read whole: .* has a header but no rows"):
        admitted(exports, tmp_path)


@pytest.mark.parametrize(
    ("instants", "week", "words"),
    [
        (["2026-05-04T09:00Z", "2026-05-05T09:00Z"], "2026-W18", "no complete week.*up to the end of 2026-W19"),
        (["2026-05-04T09:00Z", "2026-05-18T09:00Z"], "2026-W30", "no day of 2026-W30: .* 2026-W19 to 2026-W21"),
        (["2126-05-04T09:00Z"], None, "every row of the exports is dated after now"),
    ],
)
def test_exports_without_a_day_of_the_week_say_what_they_hold(tmp_path, instants, week, words):
    run = short_run(tmp_path, instants, week=week)
    with pytest.raises(ExportError, match=words):
        admit_exports(run, lambda step, line: None)


def short_run(folder: Path, instants: list[str], *, team: str = TEAM, week: str | None = None) -> Run:
    """A run over a ticket at each instant."""
    (folder / "exports").mkdir()
    tickets = pd.DataFrame({"ticket_id": range(len(instants)), "created_at": instants, "status": "open", "team": team})
    tickets.to_csv(folder / "exports" / "tickets.csv", index=False)
    expectations = few_expectations(folder / "expectations")
    return run_over(folder / "exports", folder, week=week, expectations=expectations)


def test_two_tickets_of_a_week_that_has_not_ended_go_through_the_line(tmp_path):
    """No week is complete: the one there is has values as far as it goes, is marked, and is not published."""
    run = short_run(tmp_path, ["2026-05-04T09:00Z", "2026-05-05T09:00Z"])
    lines: list[str] = []
    intake = admit_exports(run, lambda step, line: lines.append(line))
    (said,) = (line for line in lines if "no complete week" in line)
    assert "1 on Mon May 4, 2026, 1 on Tue May 5, 2026" in said
    assert "the days there are of 2026-W19" in said
    admit_exports(run, lambda step, line: lines.append(line))
    assert lines.count(said) == 2, "also where nothing has changed"
    build_facts(run, intake, lambda step, line: lines.append(line))
    publish(run, intake, Selection(), lambda step, line: lines.append(line))
    assert lines[-1] == "no week is complete, so no number is published"
    assert intake.verdict.blocked == {}, "what a silence is cannot be told by two tickets"
    values = run.warehouse.read("facts", "weekly_values").set_index(["team", "channel", "metric"])
    assert values.loc[(TEAM, "all", "created"), ["week", "value"]].tolist() == ["2026-W19", 2.0]
    marks = run.warehouse.read("facts", "weekly_completeness")
    assert "the export ends on Tue May 5, 5 am" in marks.loc[marks["team"] == TEAM, "reason"].str.cat()


def test_where_every_row_is_set_aside_all_teams_are_blocked_and_nothing_is_built(tmp_path):
    run = short_run(tmp_path, ["2026-05-04T09:00Z", "2026-05-14T09:00Z"], team="")
    lines: list[str] = []
    intake = admit_exports(run, lambda step, line: None)
    build_facts(run, intake, lambda step, line: lines.append(line))
    publish(run, intake, Selection(), lambda step, line: lines.append(line))
    assert (sorted(intake.verdict.blocked), intake.verdict.exit_status) == (sorted(TEAMS), 3)
    assert intake.verdict.blocked[TEAM] == ("tickets: all of 2 rows set aside; expected: a row is kept",)
    assert lines == ["no ticket was kept, so there is nothing to build"]


def test_a_file_that_is_damaged_and_alone_is_the_message(tmp_path):
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "tickets.csv.gz").write_bytes(b"not a gzip at all")
    with pytest.raises(ExportError, match=r"no file of the exports can be read whole: tickets\.csv\.gz: "):
        admit_exports(run_over(tmp_path / "exports", tmp_path), lambda step, line: None)
