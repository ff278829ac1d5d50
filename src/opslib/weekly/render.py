"""Run the notebooks of a week in worker processes, and write a page for each, whatever happens to it.

A job goes one way: blocked, or executed (papermill) and then drawn (page.py); what comes out is written aside and
renamed. `execute` is the only place that starts a kernel.
"""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
import traceback as tracebacks
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_all_start_methods, get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from types import FrameType
from typing import Any

import nbformat
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from opslib import SUBJECTS
from opslib.store.warehouse import READS, slices_read
from opslib.weekly.cache import Cache
from opslib.weekly.edition import Edition, links_of
from opslib.weekly.escalations import handover_of
from opslib.weekly.kernels import KERNEL, KERNEL_NAME, PRELOAD, install_kernelspec, shared_server
from opslib.weekly.outcome import Event, Outcome, Status
from opslib.weekly.pages.page import headline_of, plain_text, render_template, title_of, to_html
from opslib.weekly.plan import Job, check_parameters, parameters_of

_ROOT = "../"
_SECONDS_TO_STOP = 3.0
_TRIES = 2
_CALLED = re.compile(r"\bops\.(\w+)")
_IMPORTED = re.compile(r"\b(?:import|from) ([\w.]+)")
_PRELOADED_BY_WORKERS = (
    "__main__",
    "opslib.weekly.render",  # before papermill: what it imports is lighter then, see opslib.weekly
    "opslib.weekly.kernels.provisioner",
    "opslib.weekly.kernels.ready",
    "papermill",
    "nbconvert.exporters.html",
    "IPython.lib.lexers",  # colours the folded code
)


def run(
    jobs: Sequence[Job],
    *,
    notebooks: Path,
    reports: Path,
    edition: Edition,
    parameters: Mapping[str, Any],
    blocked: Mapping[str, Sequence[str]],
    workers: int,
    on_event: Callable[[Event], None],
    cache: Cache | None = None,
    timeout_seconds: int = 600,
    memory_bytes: int | None = None,
    kernels: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Make the reports of the jobs.

    Args:
        jobs: what `plan` returned.
        notebooks: the folder of `team/` and `org/`.
        reports: where pages go, as `<identifier>.html`.
        edition: what the pages' header and footer say.
        parameters: given to every notebook beside week and team; paths among them absolute, as a notebook runs in its
            own folder.
        blocked: reasons by team; "*" blocks all. A blocked job is not executed, its page says why. A report about all
            teams is blocked where every team is.
        workers: how many notebooks run at once.
        on_event: called in this process when a job starts and when it is done.
        cache: what was made before; a job of which nothing has changed is not run again. None makes all.
        timeout_seconds: for one cell.
        memory_bytes: private writable memory that a notebook may use; None is no limit.
        kernels: of `warm`, where they have been begun with this limit; None begins them.

    Returns:
        Outcomes in the order of the jobs. A job that fails has a page that says what happened, the others are not
        touched.

    Raises:
        PlanError: parameters do not fit; nothing has then run.
        KeyboardInterrupt: after the workers and kernels are gone; no half page is left.
    """
    waiting = [job for job in jobs if not _reasons(job, blocked, edition.teams)]
    check_parameters(waiting, notebooks, parameters)
    outcomes: dict[Job, Outcome] = {}

    def done(outcome: Outcome) -> None:
        outcomes[outcome.job] = outcome
        on_event(Event("done", outcome.job, outcome))

    for job in jobs:
        if reasons := _reasons(job, blocked, edition.teams):
            done(write_blocked(job, reports, edition, reasons))
            if cache is not None:
                cache.forget(job)
    make = _Make(notebooks, reports, edition, dict(parameters), cache, timeout_seconds)
    for job in list(waiting):
        if (unchanged := make.recalled(job)) is not None:
            waiting.remove(job)
            done(unchanged)
    tried: dict[Job, int] = {}
    with ExitStack() as begun:
        if waiting and kernels is None:
            kernels = begun.enter_context(warm([make.source(job) for job in waiting], memory_bytes=memory_bytes))
        while waiting:
            at_once = max(1, min(workers, len(waiting)))
            waiting = _run_pool(waiting, make, at_once, kernels or {}, on_event, done, tried)
    return [outcomes[job] for job in jobs]


@contextmanager
def warm(notebooks: Iterable[Path], *, memory_bytes: int | None = None) -> Iterator[dict[str, str]]:
    """Begin to load what workers and kernels need; they load while the caller goes on.

    Args:
        notebooks: what will be run.
        memory_bytes: private writable memory that a notebook may use; None is no limit.

    Yields:
        Environment variables by which the workers of `run` find the kernels.
    """
    preload = _preload(notebooks)
    if "forkserver" in get_all_start_methods():
        get_context("forkserver").set_forkserver_preload(list(_PRELOADED_BY_WORKERS))
        ensure_running()
    with tempfile.TemporaryDirectory(prefix="ops-", dir=_short_folder()) as prefix:
        install_kernelspec(Path(prefix), memory_bytes=memory_bytes, preload=preload)
        paths = [str(Path(prefix) / "share" / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]
        with shared_server(preload=preload) as variables:
            yield {**variables, "JUPYTER_PATH": os.pathsep.join(paths)}


def _preload(notebooks: Iterable[Path]) -> list[str]:
    """What kernels are forked with: what all need, what these notebooks import, and what stands behind their calls."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(set(notebooks)))
    imported = set(_IMPORTED.findall(text))
    called = sorted(set(_CALLED.findall(text)) & set(SUBJECTS))
    named = [name for name in PRELOAD if name in imported and name not in KERNEL]
    return [
        *KERNEL,
        "pyarrow.dataset",
        "opslib.reports.week",
        *(f"opslib.reports.{name}" for name in called),
        *named,
    ]


def execute(notebook: Path, parameters: Mapping[str, Any], *, cwd: Path, timeout_seconds: int) -> NotebookNode:
    """Run one notebook with papermill in a preloaded kernel.

    Args:
        notebook: what to run.
        parameters: injected after its parameters cell.
        cwd: where it runs; this process goes there meanwhile.
        timeout_seconds: for one cell.

    Returns:
        The executed notebook.

    Raises:
        papermill.exceptions.PapermillExecutionError: a cell raised.
    """
    from papermill import execute_notebook

    from opslib.weekly.kernels.ready import ReadyManager

    return execute_notebook(
        notebook,
        None,
        dict(parameters),
        kernel_name=KERNEL_NAME,
        kernel_manager_class=ReadyManager,
        progress_bar=False,
        cwd=str(cwd),
        execution_timeout=timeout_seconds,
        shutdown_kernel="immediate",
        # parallel kernels would fight over one history database
        extra_arguments=["--HistoryManager.enabled=False"],
    )


@dataclass(frozen=True)
class _Make:
    """What a worker needs to know to make the page of any job."""

    notebooks: Path
    reports: Path
    edition: Edition
    parameters: dict[str, Any]
    cache: Cache | None
    timeout_seconds: int

    def recalled(self, job: Job) -> Outcome | None:
        """What became of the job the last time, where nothing that it depends on has changed."""
        if self.cache is None:
            return None
        before = self.cache.recall(job, self.source(job), parameters_of(job, self.parameters))
        if before is None:
            return None
        status: Status = "no_data" if before.status == "no_data" else "unchanged"
        return Outcome(job, status, 0.0, job.page(self.reports), None, before.headline, before.handover)

    def __call__(self, job: Job) -> Outcome:
        start = time.perf_counter()
        given = parameters_of(job, self.parameters)
        notebook = self.source(job)
        try:
            with tempfile.TemporaryDirectory(prefix="ops-", dir=_short_folder()) as name:
                os.environ["IPYTHONDIR"] = os.environ["JUPYTER_RUNTIME_DIR"] = name
                os.environ[READS] = str(Path(name) / "reads")
                executed = self._executed(notebook, given)
                slices = slices_read(Path(name) / "reads")
            status, headline = headline_of(executed)
            handover = handover_of(executed, job)
            html = to_html(
                executed,
                title=title_of(executed, job.name.replace("_", " ").capitalize()),
                header=self.edition.header(team=job.team, root=_ROOT, links=links_of(job, self.reports)),
                footer=self.edition.footer(given),
                sample=self.edition.sample,
            )
        except Exception as error:  # the boundary between reports: whatever one raises must not reach the others
            if self.cache is not None:
                self.cache.forget(job)
            return write_failure(job, self.reports, self.edition, given, error, _source_of(notebook), _since(start))
        write_page(job.page(self.reports), html)
        if self.cache is not None:
            self.cache.remember(
                job, notebook, given, slices=slices, status=status, headline=headline, handover=handover
            )
        return Outcome(job, status, _since(start), job.page(self.reports), None, headline, handover)

    def source(self, job: Job) -> Path:
        """The notebook of a job."""
        return (self.notebooks / f"{job.notebook}.ipynb").resolve()

    def _executed(self, notebook: Path, given: Mapping[str, Any]) -> NotebookNode:
        """The executed notebook; a lost kernel is the one thing that trying again can help against."""
        for _ in range(_TRIES - 1):
            try:
                return execute(notebook, given, cwd=notebook.parent, timeout_seconds=self.timeout_seconds)
            except DeadKernelError:
                continue
        return execute(notebook, given, cwd=notebook.parent, timeout_seconds=self.timeout_seconds)


def write_failure(
    job: Job,
    reports: Path,
    edition: Edition,
    parameters: Mapping[str, Any],
    error: BaseException,
    notebook: NotebookNode | None,
    seconds: float,
) -> Outcome:
    """The page of a job that failed: what happened on top, the code and the traceback folded."""
    from papermill.exceptions import PapermillExecutionError

    source, section, title = "", None, job.name.replace("_", " ").capitalize()
    if notebook is not None:
        title = title_of(notebook, title)
    if isinstance(error, PapermillExecutionError):
        last_line = plain_text(f"{error.ename}: {error.evalue}").strip().splitlines()[0]
        trace, source = plain_text("\n".join(error.traceback)), error.source
        section = _section_of(notebook, error.source)
    else:
        said = plain_text(str(error)).strip().splitlines()
        last_line = f"{type(error).__name__}: {said[-1]}" if said else type(error).__name__
        trace = plain_text("".join(tracebacks.format_exception(error)))
    html = render_template(
        "failed.html.j2",
        title=title,
        header=edition.header(team=job.team, root=_ROOT, links=links_of(job, reports)),
        footer=edition.footer(parameters),
        sample=edition.sample,
        last_line=last_line,
        section=section,
        notebook=job.notebook,
        source=source,
        traceback=trace.replace(str(Path.home()), "~"),
    )
    write_page(job.page(reports), html)
    return Outcome(job, "failed", seconds, job.page(reports), last_line)


def write_page(path: Path, html: str) -> None:
    """Write a page aside and rename it, so that no reader ever meets half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        aside.write_text(html, encoding="utf-8")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _run_pool(
    jobs: list[Job],
    make: _Make,
    workers: int,
    variables: Mapping[str, str],
    on_event: Callable[[Event], None],
    done: Callable[[Outcome], None],
    tried: dict[Job, int],
) -> list[Job]:
    """Run jobs until all are done or the pool breaks; returns those to be run in a new pool.

    A worker that dies (killed, out of memory) breaks the pool and takes the jobs beside its own with it: each is tried
    once more.
    """
    before = set(active_children())
    context = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_prepare_worker, initargs=(workers, dict(variables))
    )
    waiting, running, lost = list(reversed(jobs)), dict[Future[Outcome], Job](), list[Job]()
    try:
        while waiting or running:
            while waiting and len(running) < workers and not lost:
                job = waiting.pop()
                tried[job] = tried.get(job, 0) + 1
                running[pool.submit(make, job)] = job
                on_event(Event("started", job))
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    done(future.result())
                except BrokenProcessPool as error:
                    if tried[job] < _TRIES:
                        lost.append(job)
                    else:
                        given = parameters_of(job, make.parameters)
                        done(write_failure(job, make.reports, make.edition, given, error, None, 0.0))
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        _stop(set(active_children()) - before)
        raise
    return lost + list(reversed(waiting))


def _stop(processes: set[Any]) -> None:
    """End worker processes; their kernels end with them."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _SECONDS_TO_STOP
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _prepare_worker(workers: int, variables: Mapping[str, str]) -> None:
    """Leave Ctrl-C to the parent, which then ends the workers; they go by an exception, so that kernels end too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    os.environ.update(variables)
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, threads)


def _leave(signum: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + signum)


def _short_folder() -> str | None:
    """Unix sockets take about 100 characters of path; a long TMPDIR would be too much."""
    folder = tempfile.gettempdir()
    return folder if len(folder) < 50 else "/tmp"


def _reasons(job: Job, blocked: Mapping[str, Sequence[str]], teams: Iterable[str]) -> list[str]:
    """Why the job is blocked; a report about all teams is so only where no team is left."""
    if job.team is not None:
        concerned = ["*", job.team]
    else:
        concerned = ["*", *(teams if all(team in blocked for team in teams) else ())]
    return list(dict.fromkeys(reason for team in concerned for reason in blocked.get(team, ())))


def write_blocked(job: Job, reports: Path, edition: Edition, reasons: Sequence[str]) -> Outcome:
    """The page of a job that the gate blocks: why, and where to read more."""
    html = render_template(
        "blocked.html.j2",
        title=job.name.replace("_", " ").capitalize(),
        header=edition.header(team=job.team, root=_ROOT, links=links_of(job, reports)),
        footer=edition.footer(),
        sample=edition.sample,
        reasons=reasons,
    )
    write_page(job.page(reports), html)
    return Outcome(job, "blocked", 0.0, job.page(reports), reasons[0])


def _source_of(notebook: Path) -> NotebookNode | None:
    try:
        return nbformat.read(notebook, as_version=4)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError):
        return None


def _section_of(notebook: NotebookNode | None, source: str) -> str | None:
    """The last heading above the cell with that source."""
    section = None
    for cell in notebook.cells if notebook is not None else []:
        if cell.cell_type == "markdown":
            headings = [line.lstrip("# ").strip() for line in cell.source.splitlines() if line.startswith("#")]
            section = headings[-1] if headings else section
        elif cell.source == source:
            return section
    return None


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 3)
