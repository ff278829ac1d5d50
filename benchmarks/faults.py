"""Whether a warehouse that was damaged, a run that was killed and a disk that was full are made good by the next run.

    python -m benchmarks.faults --seed 1
    python -m benchmarks.faults --only memo/facts.json
    python -m benchmarks.faults --part "damaged reports" --part "killed weekly"

A sample of 600 tickets is made facts of, and reports of one team and week. Then each kind of file of warehouse and
reports is damaged, one at a time and in three ways of six; runs are killed at random moments, half of them with
reports; and runs meet a full disk at ten points (on a small tmpfs, where this machine lets it be mounted). The next run
has to end with the bytes of one that nobody disturbed, but for the time of day that pages and manifests tell, and with
no process and no temporary file left. What did not is printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from opslib.intake.privacy.key import ANOTHER_KEY_FILE, KEY_FILE
from opslib.sample import write_sample
from tests.line.conftest import ROOT, few_expectations
from tests.line.disturbed_runs import (
    DAMAGES,
    SERVER,
    TEMPORARY,
    Runs,
    content,
    differences,
    kinds_of_files,
    left_processes,
    log_of,
)

WAYS = 3
KILLS = 20
FULL_DISKS = 10
REPORTS = ("weekly", "--team", "us-safety", "--week", "2026-W46", "--notebooks", str(ROOT / "notebooks"))


def damaged(runs: Runs, area: str, whole: Path, data: Path, only: str | None) -> Iterator[tuple[str, str]]:
    """What did not heal of each kind of file of an area, damaged in each way; nothing behind the name where it did."""
    right = content(whole)
    ways = list(DAMAGES) * 2
    for number, (name, path) in enumerate(kinds_of_files(whole / area).items()):
        if only is not None and only not in name:
            continue
        for way in ways[number % len(DAMAGES) :][:WAYS]:
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(whole, data)
            (data / "log.txt").unlink()
            DAMAGES[way](data / area / path)
            # A memo or a key that is not there is no damage but a warehouse that has none yet; a page is made anew
            # like one whose numbers have changed.
            needs_word = area == "warehouse" and way != "gone"
            yield f"{area}/{name}, {way}", outcome(runs, data, right, needs_word=needs_word)


def killed(
    runs: Runs, right: dict[str, str], data: Path, seconds: float, chance: random.Random
) -> Iterator[tuple[str, str]]:
    """What did not heal of runs killed at random moments."""
    for number in range(KILLS // 2):
        moment = (number + chance.random()) / (KILLS // 2) * seconds
        runs.fresh(data)
        runs.killed(data, moment)
        yield f"{runs.command[0]} killed after {moment:.1f} s", outcome(runs, data, right)


def full(runs: Runs, right: dict[str, str], data: Path, megabytes: float) -> Iterator[tuple[str, str]]:
    """What did not heal of runs whose disk was full, from nearly nothing to nearly enough."""
    for number in range(FULL_DISKS):
        size = megabytes * (number + 0.5) / FULL_DISKS
        with small_disk(data, size) as grow:
            (data / "warehouse").mkdir()
            shutil.copy(runs.key, data / "warehouse" / KEY_FILE)
            first = runs.start(data)
            first.join(300)
            said = log_of(data)
            grow(megabytes * 4)
            name = f"disk full at {size:.1f} MB (exit {first.exitcode})"
            wrong = "a traceback" if "Traceback" in said or first.exitcode not in (0, 2) else ""
            yield name, wrong or outcome(runs, data, right)


def outcome(runs: Runs, data: Path, right: dict[str, str], *, needs_word: bool = False) -> str:
    """Run over what was disturbed and say what is not as it should be; nothing where all is."""
    run = runs.start(data)
    run.join(300)
    said = log_of(data)
    if run.exitcode != 0:
        return f"exit {run.exitcode}: {said.strip().splitlines()[-1]}"
    # What lay in the place of the key could be one that is needed elsewhere, and is put beside it.
    (data / "warehouse" / ANOTHER_KEY_FILE).unlink(missing_ok=True)
    if other := differences(right, content(data)):
        return f"other bytes: {', '.join(other[:4])}"
    if left := left_processes(data):
        return f"still runs: {', '.join(left)}"
    if left := [path.name for path in (data / TEMPORARY).iterdir()]:
        return f"temporary: {', '.join(left)}"
    if needs_word and not any(line.startswith(("repair", "key")) for line in said.splitlines()):
        return "nothing was said"
    return ""


@contextmanager
def small_disk(folder: Path, megabytes: float) -> Iterator[Callable[[float], None]]:
    """A folder on a disk of its own of that size; yields what makes it larger."""

    def mount(options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    mount(f"size={int(megabytes * 1024)}k")
    try:
        yield lambda larger: mount(f"remount,size={int(larger * 1024)}k")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--only", help="kinds of files whose name holds this; no kills, no full disk")
    parser.add_argument(
        "--part", action="append", help="`damaged warehouse`, `killed weekly` and so on; all unless said"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = folder / KEY_FILE
        key.write_text("a key for this benchmark only, not a secret\n")
        write_sample(folder / "sample", tickets=600)
        facts = Runs(folder / "sample", few_expectations(folder / "expectations"), key)
        reports = replace(facts, command=REPORTS)
        data = folder / "data"
        first = SERVER.Process(target=int)
        first.start()
        first.join()
        parts: dict[str, Iterator[tuple[str, str]]] = {}
        for runs, area in ((facts, "warehouse"), (reports, "reports")):
            seconds = runs.whole(runs.fresh(data))
            whole = shutil.copytree(data, folder / area)
            right = content(whole)
            megabytes = sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) / 2**20
            print(
                f"seed {options.seed}; {runs.command[0]} takes {seconds:.1f} s and leaves {len(right)} files, "
                f"{megabytes:.1f} MB"
            )
            parts[f"damaged {area}"] = damaged(runs, area, whole, data, options.only)
            if options.only is None:
                parts[f"killed {runs.command[0]}"] = killed(runs, right, data, seconds, random.Random(options.seed))
                if runs is facts:
                    parts["disk full"] = full(runs, right, data, megabytes)
        faults = 0
        for part, results in parts.items():
            if options.part and part not in options.part:
                continue
            started, count, healed = time.perf_counter(), 0, 0
            try:
                for what, wrong in results:
                    count += 1
                    healed += not wrong
                    if wrong:
                        print(f"  {what}: {wrong}", flush=True)
            except subprocess.CalledProcessError:
                print(f"{part:<18} left out: no file system can be mounted here")
                continue
            faults += count - healed
            print(f"{part:<18} {healed} of {count} healed ({time.perf_counter() - started:.0f} s)", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
