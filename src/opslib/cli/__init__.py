"""`opslib …`: what the Makefile calls. Heavy imports stand inside the commands, so that help comes at once."""

from __future__ import annotations

import os
import sys
import warnings

import typer

from opslib.cli import beside, forget, key, routing, run, sources
from opslib.cli.doctor import doctor
from opslib.cli.ending import heard_signals
from opslib.cli.terminal import Exit, fault_in_words, hold_standard_streams, say_error, take_any_text
from opslib.errors import OpslibError
from opslib.processes import ending_with_descendants
from opslib.store.temporary import remove_folders, temporary_folder
from opslib.weeks import NoSuchWeek

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Weekly analysis of user-support operations: exports in, gated numbers and reports out. The exit status is 0 "
    "where all is done, 2 where the input, the parameters or the environment cannot be used, 1 where a report failed "
    "(also where the gate blocked a team beside it), and 3 where the gate blocked a team and all else is done.",
)
for command in (
    run.weekly,
    run.exports,
    run.gate,
    run.facts,
    run.reports,
    beside.review,
    beside.metrics,
    beside.sample,
    forget.forget,
    doctor,
):
    app.command()(command)
app.add_typer(sources.app, name="sources")
app.add_typer(routing.app, name="routing")
app.add_typer(key.app, name="key")


def main() -> None:
    """The entry point: what a user can mend is said in one message, without a traceback."""
    hold_standard_streams()
    # whose files these are must be able to read them, whatever others may
    os.umask(os.umask(0o077) & 0o077)
    take_any_text()
    with (
        temporary_folder() as folders,
        ending_with_descendants(),
        heard_signals(lambda: remove_folders(folders)) as ending,
    ):
        try:
            _require_place()
            _require_whole_python()
            app()
        except (OpslibError, NoSuchWeek) as error:
            say_error(error)
        except BaseException as error:
            is_done = isinstance(error, SystemExit) and not error.code
            if ending.signal is not None and not is_done:
                say_error(f"ended by {ending.signal.name}; what is half done is made anew by the next run")
                sys.exit(ending.status)
            fault = fault_in_words(error)
            if fault is None:
                raise
            say_error(fault)
        else:
            return
    sys.exit(Exit.BAD_INPUT)


def _require_place() -> None:
    """Refuse a folder that is gone, from which no path can be found.

    Raises:
        OpslibError: it is.
    """
    try:
        os.getcwd()
    except OSError as error:
        raise OpslibError("the folder in which this was started is gone: change to one that is there") from error


def _require_whole_python() -> None:
    """Refuse a Python without docstrings, and let no warning of a library end the run, nor a process of it.

    Raises:
        OpslibError: the docstrings are not there.
    """
    if sys.flags.optimize > 1:
        raise OpslibError(
            "Python runs without docstrings, which libraries need: unset PYTHONOPTIMIZE, or leave out -OO"
        )
    if any(option.startswith("error") for option in sys.warnoptions):
        warnings.simplefilter("default")
        os.environ.pop("PYTHONWARNINGS", None)
