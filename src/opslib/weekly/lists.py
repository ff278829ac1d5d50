"""The lists of tickets beside a week's reports: a page and a CSV for each, `reports/<week>/<team>/lists/`.

The run makes them, and not the notebooks: one look at each fact counts the tickets of all teams, which costs a third
of what each team's notebook would spend on it, and a report does not come to depend on every ticket of every week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

from opslib.analysis.findings.register import AREA, TABLE, selection_of
from opslib.analysis.methods.ticket_lists import count_behind, why_no_list
from opslib.display import words
from opslib.display.cells import is_known, rows_of
from opslib.display.spreadsheet import as_csv
from opslib.display.ticket_table import WHOLE, ticket_table
from opslib.metrics import CATALOGUE
from opslib.reports.ticket_lists import TicketList, WeekTickets
from opslib.reports.tickets_behind import list_of
from opslib.reports.week import Week
from opslib.settings import Organisation
from opslib.store.files import remove_file, write_text
from opslib.store.memo import Memo, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weekly.edition import Edition
from opslib.weekly.numbers.findings import findings_of
from opslib.weekly.pages.template import TEMPLATES, render_template
from opslib.weekly.plan import LISTS
from opslib.weekly.unchanged import FOLDER

ROWS_ON_A_PAGE = 500
_WRITERS = 8
_FACTS = ("tickets", "replies", "sla", "solves", "spells", "weekly_values", "text_languages")
_STANDARD = ("satisfaction", "ticket_events", "routing_rules")
_ROOT = "../../"
"""The way from a list to the folder of its week."""


@dataclass(frozen=True)
class ListWriter:
    """Writes the lists of a week's teams.

    `reports` is the folder of all weeks.
    """

    warehouse: Warehouse
    organisation: Organisation
    reports: Path
    edition: Edition

    def write(self, teams: Sequence[str]) -> list[str]:
        """Write the lists of some teams, and remove those that are no more.

        Args:
            teams: those whose reports are shown; the lists of all others that are named in the organisation stay.

        Returns:
            One line that says what was done; none where nothing had to be.
        """
        week = self.edition.week
        if week not in self.warehouse.weeks("facts", "weekly_values") or not teams:
            return []
        memo = Memo(self.reports / FOLDER / week / f"{LISTS}.json")
        basis = self._basis()
        due = [team for team in teams if not memo.holds(team, basis)]
        if not due:
            return []
        started = perf_counter()
        # A twin's tickets are those of the metric whose twin it is, by another clock.
        names = [each.name for each in CATALOGUE.values() if why_no_list(each) is None and not each.twin]
        tickets = WeekTickets(week, self.warehouse, self.organisation, self.edition.as_of)
        tickets.count_all(names)
        lists = written = 0
        # What takes time of a small file is waiting until the disk has it.
        with ThreadPoolExecutor(_WRITERS) as pool:
            for team in due:
                texts: dict[Path, str] = {}
                for each in (*_lists_of(tickets, names, team), *self._lists_of_findings(tickets, team)):
                    lists += 1
                    page, csv = self._paths(team, each)
                    texts[page] = self._page(team, each)
                    if not each.missing:
                        texts[csv] = as_csv(each.rows)
                written += sum(pool.map(write_text, texts.values(), texts))
                self._remove_others(team, list(texts))
                memo.keep(team, basis, made=texts)
        return [f"{lists} lists of tickets, {written} files written ({perf_counter() - started:.1f} s)"]

    def _lists_of_findings(self, tickets: WeekTickets, team: str) -> Iterator[TicketList]:
        """The lists that are a finding's own, by its name."""
        week = Week(tickets.week, self.warehouse, self.organisation, self.edition.as_of, team)
        for row in rows_of(findings_of(self.warehouse, tickets.week).to_pandas()):
            if row.team == team and is_known(row.listed):
                yield replace(list_of(week, tickets, selection_of(row)), name=row.finding_id)

    def remove(self, teams: Iterable[str]) -> None:
        """Remove the lists of teams whose reports are not shown."""
        memo = Memo(self.reports / FOLDER / self.edition.week / f"{LISTS}.json")
        for team in teams:
            if self._folder(team).is_dir():
                self._remove_others(team, [])
                memo.forget([team])

    def _folder(self, team: str) -> Path:
        return self.reports / self.edition.week / team / LISTS

    def _paths(self, team: str, each: TicketList) -> list[Path]:
        return [self._folder(team) / f"{each.name}.{kind}" for kind in ("html", "csv")]

    def _remove_others(self, team: str, made: Sequence[Path]) -> None:
        for path in sorted(self._folder(team).glob("*")):
            if path not in made and path.suffix in (".html", ".csv"):
                remove_file(path)

    def _page(self, team: str, each: TicketList) -> str:
        rows = each.rows.head(ROWS_ON_A_PAGE)
        table = ticket_table(
            each.title,
            rows,
            time_zone=self.organisation.time_zone,
            ticket_url=self.organisation.ticket_url,
            columns=WHOLE,
        )
        footer = self.edition.footer() | {"made_at": "", "inputs": [], "versions": {}, "commit": None}
        return render_template(
            "tickets.html.j2",
            title=each.title,
            header=self.edition.header(team=team, root=_ROOT),
            footer=footer,
            sample=self.edition.sample,
            sentence=each.sentence,
            missing=each.missing,
            count=each.count,
            count_in_words=words.value(each.count, "count"),
            shown=len(rows),
            unit="ticket" if each.rows["ticket_id"].is_unique else "row",
            csv=f"{each.name}.csv",
            table=table.html,
            few=self.organisation.privacy.minimum_group,
        )

    def _basis(self) -> dict[str, str]:
        """What the lists rest on, but for what a page's head says of the gate, which goes with the exports."""
        files = [path for name in _FACTS for path in self.warehouse.files("facts", name)]
        files += [path for name in _STANDARD for path in self.warehouse.files("standard", name)]
        files += self.warehouse.files(AREA, TABLE, [self.edition.week])
        return {
            "code": code_of(__name__),
            "templates": digest_of_files(sorted(TEMPLATES.glob("*.*"))),
            "parameters": digest_of(self.organisation.model_dump_json()),
            "edition": digest_of([self.edition.as_of.isoformat(), self.edition.gate, self.edition.gate_note]),
            "rows": digest_of_files(files, self.warehouse.root),
        }


def lists_in(reports: Path, week: str) -> dict[str, list[str]]:
    """The lists of a week that lie beside its reports, by team: the names of their files."""
    folders = sorted((reports / week).glob(f"*/{LISTS}"))
    return {each.parent.name: sorted(path.name for path in each.glob("*.*")) for each in folders}


def _lists_of(tickets: WeekTickets, names: Sequence[str], team: str) -> Iterator[TicketList]:
    """The lists that get a page: those that there are, and those that are kept back where a page shows their number."""
    for each in tickets.behind(names, team):
        own = tickets.values.get((team, each.name))
        count = None if own is None else count_behind(CATALOGUE[each.name], own.numerator, own.denominator)
        if not each.missing or count:
            yield each
    if tickets.is_newest:
        yield from tickets.open_lists(team)
