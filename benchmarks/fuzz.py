"""Whether any broken export ends in a traceback, takes too much memory or loses rows.

    python -m benchmarks.fuzz --files 2000 --seed 1
    python -m benchmarks.fuzz --only 1234

Files of each form and their mappings are broken as files break (`tests/intake/mutations.py`), read and mapped in
processes that may take so much memory and time and no more. A message to the user is right; anything else is printed
with the seed that makes the file again, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path

import duckdb

from tests.intake.mutations import fault, mutant


def read_all(seeds: Iterable[int], bound: int, results: Connection) -> None:
    """Read the files of some seeds in this process; each seed is told before its file is read, and what came of it."""
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        for seed in seeds:
            results.send((seed, "begun"))
            results.send((seed, fault(mutant(seed), Path(folder), con)))


def faults(seeds: list[int], bound: int, seconds: float) -> dict[int, str]:
    """What went wrong, by seed; a process that dies or takes too long costs its file, and another goes on behind it."""
    wrong: dict[int, str] = {}
    context = multiprocessing.get_context("spawn")
    while seeds:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=read_all, args=(seeds, bound, sender))
        process.start()
        sender.close()
        current = seeds[0]
        why = "the process died"
        try:
            while True:
                if not receiver.poll(seconds):
                    why = f"it took more than {seconds:.0f} s"
                    break
                current, result = receiver.recv()
                if result not in (None, "begun"):
                    wrong[current] = str(result)
        except EOFError:
            process.join()
        process.kill()
        process.join()
        if current == seeds[-1] and why == "the process died" and process.exitcode == 0:
            break
        if process.exitcode != 0 and current not in wrong:
            wrong[current] = why
        seeds = seeds[seeds.index(current) + 1 :]
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the seed of one file")
    parser.add_argument("--megabytes", type=int, default=4096, help="of address space that a process may take")
    parser.add_argument("--seconds", type=float, default=60, help="that one file may take")
    arguments = parser.parse_args()
    first = arguments.seed * 1_000_000
    seeds = [arguments.only] if arguments.only is not None else list(range(first, first + arguments.files))
    started = time.perf_counter()
    wrong = faults(seeds, arguments.megabytes << 20, arguments.seconds)
    forms = collections.Counter(mutant(seed).done[0] for seed in seeds)
    for seed, what in sorted(wrong.items()):
        print(f"{seed}: {mutant(seed).name} ({', '.join(mutant(seed).done)}): {what}")
    print(
        f"{len(seeds):,} files ({', '.join(f'{n} {form}' for form, n in forms.most_common())}) in "
        f"{time.perf_counter() - started:.0f} s: {len(wrong)} wrong"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
