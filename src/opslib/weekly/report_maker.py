"""One report, made in a worker: its notebook runs, what it shows becomes a page, what it read is remembered."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslib.locales import whole, write_in
from opslib.settings import NotebookLimits
from opslib.store.temporary import short_parent
from opslib.store.warehouse import READS, slices_read
from opslib.weekly.cache import Cache, MadeReport
from opslib.weekly.edition import Edition
from opslib.weekly.escalations import handover_of
from opslib.weekly.findings import findings_of
from opslib.weekly.headline import headline_of
from opslib.weekly.kernels import KERNEL_NAME, outputs
from opslib.weekly.notebook_file import NoNotebookError, StoppedCellError, place_of, read_notebook
from opslib.weekly.outcome import Outcome, Status
from opslib.weekly.pages.write import write_failure, write_report
from opslib.weekly.plan import Job, parameters_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TRIES = 2


@dataclass(frozen=True)
class ReportMaker:
    """Makes the report of any job; it is sent to the workers, who call it.

    `notebooks` is the folder of `team/` and `org/`, `reports` that of all weeks; `parameters` are those that all
    notebooks get beside week and team; `cache` is None where every report is made anew; `limits` are those of its
    outputs and of its cells.
    """

    notebooks: Path
    reports: Path
    edition: Edition
    parameters: dict[str, Any]
    cache: Cache | None
    timeout_seconds: int
    limits: NotebookLimits

    def recall(self, job: Job) -> Outcome | None:
        """What became of the job the last time, where nothing that it depends on has changed."""
        if self.cache is None:
            return None
        before = self.cache.recall(job, self.source(job), parameters_of(job, self.parameters))
        if before is None:
            return None
        status: Status = "no_data" if before.status == "no_data" else "unchanged"
        return Outcome(
            job, status, 0.0, job.page(self.reports), None, before.headline, before.handover, before.findings
        )

    def forget(self, job: Job) -> None:
        """Have the report made again next time."""
        if self.cache is not None:
            self.cache.forget(job)

    def __call__(self, job: Job) -> Outcome:
        """Run the notebook and write the page, or the page that says why there is none."""
        start = time.perf_counter()
        write_in(self.edition.locale)
        parameters, notebook = parameters_of(job, self.parameters), self.source(job)
        try:
            with tempfile.TemporaryDirectory(prefix="ops-", dir=short_parent()) as name:
                os.environ["IPYTHONDIR"] = os.environ["JUPYTER_RUNTIME_DIR"] = name
                os.environ[READS] = str(Path(name) / "reads")
                os.environ[outputs.LIMITS] = f"{self.limits.output_megabytes} {self.limits.outputs}"
                executed = self._execute(notebook, parameters)
                slices = slices_read(Path(name) / "reads")
            status, headline = headline_of(executed)
            made = MadeReport(status, headline, handover_of(executed, job), findings_of(executed, job))
            page = write_report(job, self.reports, self.edition, parameters, executed)
        except Exception as error:  # the boundary between reports: whatever one raises must not reach the others
            self.forget(job)
            return self.write_failure(job, error, _notebook_or_none(notebook), _seconds_since(start))
        if self.cache is not None:
            self.cache.remember(job, notebook, parameters, slices=slices, made=made)
        return Outcome(job, status, _seconds_since(start), page, None, headline, made.handover, made.findings)

    def write_failure(
        self, job: Job, error: BaseException, notebook: NotebookNode | None = None, seconds: float = 0.0
    ) -> Outcome:
        """The page that says what went wrong; its title is the notebook's where that is at hand."""
        parameters = parameters_of(job, self.parameters)
        return write_failure(job, self.reports, self.edition, parameters, error, notebook, seconds)

    def source(self, job: Job) -> Path:
        """The notebook of a job."""
        return (self.notebooks / f"{job.notebook}.ipynb").resolve()

    def _execute(self, notebook: Path, parameters: Mapping[str, Any]) -> NotebookNode:
        """The executed notebook; a lost kernel is the one thing that trying again can help against.

        Raises:
            NoNotebookError: the file holds something else.
            StoppedCellError: a cell took too long, or its kernel was lost each time.
        """
        from nbclient.exceptions import CellTimeoutError, DeadKernelError

        on_disk = read_notebook(notebook)
        cells: list[NotebookNode] = []

        def note(cell: NotebookNode, cell_index: int) -> None:
            cells.append(cell)

        for remaining in reversed(range(_TRIES)):
            try:
                return execute(
                    notebook,
                    parameters,
                    cwd=notebook.parent,
                    timeout_seconds=self.timeout_seconds,
                    on_cell=note,
                )
            except CellTimeoutError as error:
                what = f"took longer than {whole(self.timeout_seconds)} s; --timeout says how long a cell may take"
                raise StoppedCellError(f"Timeout: {place_of(cells[-1], on_disk)} {what}", cells[-1].source) from error
            except DeadKernelError as error:
                if not remaining and cells:
                    what = "lost its kernel, as where a library crashes or the machine runs out of memory"
                    place = place_of(cells[-1], on_disk)
                    raise StoppedCellError(f"Kernel lost: {place} {what}", cells[-1].source) from error
        raise AssertionError("the last try returns or raises")


def execute(
    notebook: Path,
    parameters: Mapping[str, Any],
    *,
    cwd: Path,
    timeout_seconds: int,
    on_cell: Callable[..., None] | None = None,
) -> NotebookNode:
    """Run one notebook with papermill in a preloaded kernel; nothing else here starts a kernel.

    Args:
        notebook: what to run.
        parameters: injected after its parameters cell.
        cwd: where it runs; this process goes there meanwhile.
        timeout_seconds: for one cell.
        on_cell: called with `cell` and `cell_index` before each cell that is run.

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
        on_cell_start=on_cell,
        extra_arguments=[
            # parallel kernels would fight over one history database
            "--HistoryManager.enabled=False",
            f"--IPKernelApp.extensions={outputs.__name__}",
        ],
    )


def _notebook_or_none(path: Path) -> NotebookNode | None:
    try:
        return read_notebook(path)
    except NoNotebookError:
        return None


def _seconds_since(start: float) -> float:
    return round(time.perf_counter() - start, 3)
