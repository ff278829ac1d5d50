"""The processes that make reports side by side, and what happens when one of them dies."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_all_start_methods, get_context
from types import FrameType

from opslib.errors import OpslibError
from opslib.processes import end_children, end_with_parent
from opslib.weekly.outcome import Event, Outcome
from opslib.weekly.plan import Job
from opslib.weekly.report_maker import ReportMaker

_SECONDS_TO_STOP = 3.0
_TRIES = 2


class WorkersError(OpslibError):
    """The machine lets no workers be started."""


def make_reports(
    jobs: Sequence[Job],
    make: ReportMaker,
    *,
    workers: int,
    variables: Mapping[str, str],
    on_event: Callable[[Event], None],
) -> None:
    """Make the reports of jobs in worker processes.

    A worker that dies (killed, out of memory) breaks its pool and takes the jobs beside its own with it: each is tried
    once more in a new pool.

    Args:
        jobs: what to make.
        make: makes one.
        workers: how many at once, at least 1.
        variables: the environment variables by which workers find the kernels.
        on_event: called in this process when a job starts and when it is done.

    Raises:
        WorkersError: no processes can work for this one.
        KeyboardInterrupt: after the workers and kernels are gone.
    """
    tries: Counter[Job] = Counter()
    waiting = list(jobs)
    while waiting:
        pool = _Pool(make, max(1, min(workers, len(waiting))), variables, on_event, tries)
        waiting = pool.run(waiting)


class _Pool:
    """Worker processes that make reports until all are made or one of the processes dies."""

    def __init__(
        self,
        make: ReportMaker,
        workers: int,
        variables: Mapping[str, str],
        on_event: Callable[[Event], None],
        tries: Counter[Job],
    ) -> None:
        self._make = make
        self._workers = workers
        self._on_event = on_event
        self._tries = tries
        self._running: dict[Future[Outcome], Job] = {}
        self._lost: list[Job] = []
        self._others = set(active_children())
        try:
            self._executor = ProcessPoolExecutor(
                workers,
                mp_context=get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn"),
                initializer=_prepare_worker,
                initargs=(workers, dict(variables)),
            )
        except OSError as error:
            raise WorkersError(
                f"reports cannot be made: {(error.strerror or str(error)).lower()} where processes talk to each other; "
                "on Linux that is /dev/shm: have it mounted, with the right to write there"
            ) from error

    def run(self, jobs: Iterable[Job]) -> list[Job]:
        """Make the reports; returns the jobs that are left for another pool."""
        waiting = list(reversed(list(jobs)))
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self._workers and not self._lost:
                    self._submit(waiting.pop())
                if not self._running:
                    break
                for future in wait(self._running, return_when=FIRST_COMPLETED).done:
                    self._collect(future)
            self._executor.shutdown()
        except BaseException:
            self._executor.shutdown(wait=False, cancel_futures=True)
            end_children(set(active_children()) - self._others, seconds=_SECONDS_TO_STOP)
            raise
        return self._lost + list(reversed(waiting))

    def _submit(self, job: Job) -> None:
        self._tries[job] += 1
        self._running[self._executor.submit(self._make, job)] = job
        self._on_event(Event("started", job))

    def _collect(self, future: Future[Outcome]) -> None:
        """Tell what became of a job, or keep it for another pool where its worker has died."""
        job = self._running.pop(future)
        try:
            outcome = future.result()
        except BrokenProcessPool as error:
            if self._tries[job] < _TRIES:
                self._lost.append(job)
                return
            outcome = self._make.write_failure(job, error)
        self._on_event(Event("done", job, outcome))


def _prepare_worker(workers: int, variables: Mapping[str, str]) -> None:
    """Leave Ctrl-C to the parent, which then ends the workers; they go by an exception, so that kernels end too.

    A worker whose run is gone holds no lock any more: it must not write another page.
    """
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    os.environ.update(variables)
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, threads)


def _leave(signum: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + signum)
