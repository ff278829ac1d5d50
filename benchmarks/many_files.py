"""How long a thousand daily files take to be read, against the same rows in four files, and one new file afterwards.

    python benchmarks/many_files.py
    python benchmarks/many_files.py --days 200

The rows are invented in the shape of a support forum's exports: questions, of which each looks up the answer that
solved it, and answers, of which each looks up its question. They are staged (read, mapped, pseudonymised, redacted) by
one process, first from four files, then from two files a day, then again after a day was added.

The ratio of the second to the first is what many small files cost; it should stay under two. It is told in seconds of
the clock and of the processor: the second does not hang on what else the machine does.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from opslib.intake.mapping.sources import load_source
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.stage import stage
from opslib.store.warehouse import Warehouse

PARAMS = Path(__file__).parents[1] / "params"
START = datetime(2024, 1, 1, tzinfo=UTC)
QUESTIONS = [
    "id", "title", "content", "creator", "created", "updated", "topic", "tags", "locale", "is_solved", "solution",
    "solved_by", "is_spam", "is_locked", "num_answers",
]  # fmt: skip
ANSWERS = ["id", "question_id", "content", "creator", "created", "updated", "is_spam", "num_helpful", "num_unhelpful"]
WORDS = [
    "mail",
    "folder",
    "account",
    "password",
    "server",
    "cannot",
    "send",
    "receive",
    "update",
    "calendar",
    "import",
    "lost",
    "sync",
    "error",
    "window",
]
Rows = list[list[object]]


def rows_of(day: int, a_day: int) -> tuple[Rows, Rows]:
    """The questions and answers of one day."""
    chance = random.Random(day)
    questions: Rows = []
    answers: Rows = []
    for number in range(a_day):
        question = 1_000_000 + day * a_day + number
        asked = START + timedelta(days=day, minutes=1440 * number // a_day)
        asker = f"user{chance.randrange(20_000)}"
        replies = []
        for reply in range(2):
            answer, replied = question * 10 + reply, asked + timedelta(hours=chance.randrange(1, 40))
            replies.append(answer)
            text = " ".join(chance.choices(WORDS, k=40))
            creator = asker if chance.random() < 0.3 else f"helper{chance.randrange(40)}"
            answers.append([answer, question, text, creator, replied, replied, "False", 0, 0])
        is_solved = chance.random() < 0.3
        text = " ".join(chance.choices(WORDS, k=80))
        solution = [replies[0], "helper1"] if is_solved else ["", ""]
        about = [question, text[:60], f"<p>{text}</p>", asker, asked, asked, "email", "", "en-US", is_solved]
        questions.append([*about, *solution, "False", "False", len(replies)])
    return questions, answers


def write(path: Path, header: list[str], rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def write_days(folder: Path, days: range, a_day: int, *, files: int) -> None:
    """The rows of some days in that many pairs of files."""
    folder.mkdir(exist_ok=True)
    for part in range(files):
        first, end = (days.start + len(days) * at // files for at in (part, part + 1))
        parts = [rows_of(day, a_day) for day in range(first, end)]
        name = f"forum_{START + timedelta(days=first):%Y-%m-%d}"
        write(folder / f"{name}_questions.csv", QUESTIONS, [row for questions, _ in parts for row in questions])
        write(folder / f"{name}_answers.csv", ANSWERS, [row for _, answers in parts for row in answers])


class Staging(NamedTuple):
    """What the staging of a folder took, in seconds, and the rows and files that were read."""

    clock: float
    processor: float
    rows: int
    files: int

    def __str__(self) -> str:
        return f"{self.files:,} files, {self.rows:,} rows: {self.clock:.1f} s, {self.processor:.1f} s of the processor"


def staging(exports: Path, warehouse: Path) -> Staging:
    """Stage a folder, and say what that took."""
    read: list[str] = []
    clock, processor = time.perf_counter(), time.process_time()
    source = load_source(PARAMS, "mozilla_support")
    staged = stage(Warehouse(warehouse), source, exports, Pseudonymiser(b"benchmark" * 4), on_file=read.append)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return Staging(clock, processor, sum(item.rows_read for item in staged), len(read))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=1000, help="two files each")
    parser.add_argument("--questions", type=int, default=40, help="a day")
    arguments = parser.parse_args()
    days = range(arguments.days)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_days(folder / "few", days, arguments.questions, files=2)
        write_days(folder / "many", days, arguments.questions, files=len(days))
        few = staging(folder / "few", folder / "warehouse-few")
        print(few)
        many = staging(folder / "many", folder / "warehouse-many")
        ratios = f"{many.clock / few.clock:.2f} and {many.processor / few.processor:.2f}"
        print(f"{many}, {ratios} times as long")
        next_day = range(days.stop, days.stop + 1)
        write_days(folder / "many", next_day, arguments.questions, files=1)
        print(f"after two new files: {staging(folder / 'many', folder / 'warehouse-many')}")


if __name__ == "__main__":
    main()
