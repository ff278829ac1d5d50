"""Which notebook runs for which week and team or project, and whether its parameters fit, before anything runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from opslib import SUBJECTS
from opslib.errors import OpslibError
from opslib.store.files import folder_of
from opslib.weekly.notebook_file import NoNotebookError, read_notebook, text_of
from opslib.weeks import is_week

if TYPE_CHECKING:
    from opslib.settings import Organisation, WeeklyPlan

_CALL = re.compile(r"\bops\.(\w+)")
ORGANISATION = "org"
"""The folder of notebooks that run once for all, and of their reports."""

LISTS = "lists"
"""The folder of lists of tickets beside a team's reports; `folder_of` gives no value this name."""

_OPTIONAL = re.compile(r"^Optional\[(.*)\]$")
_READERS = frozenset({"weekly_review"})
"""The notebooks that show what all notebooks of a team found."""
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "None": (type(None),),
    "list": (list, tuple),
    "dict": (dict,),
}


class PlanError(OpslibError):
    """What was asked to be rendered does not exist, or the notebook does not take the parameters given."""


@dataclass(frozen=True, order=True)
class Job:
    """One report: a notebook for a week and, unless it is for all, a team or the value of another parameter.

    `value` is of the parameter that the notebook's folder is named after: a project of `project/status`.
    """

    notebook: str
    week: str
    team: str | None = None
    value: str | None = None

    @property
    def parameter(self) -> str:
        """The folder of the notebook: `team`, `org`, or the parameter that `value` is of."""
        return self.notebook.partition("/")[0]

    @property
    def folder(self) -> str:
        """Where the report lies in its week, as a path: `us-general`, `org` or `project/PRJ-2`."""
        return f"{self.parameter}/{folder_of(self.value)}" if self.value is not None else self.team or ORGANISATION

    @property
    def root(self) -> str:
        """The way from the report to the folder of its week."""
        return "../" * (self.folder.count("/") + 1)

    def in_week(self, week: str) -> Job:
        """The same report of another week."""
        return replace(self, week=week)

    @property
    def name(self) -> str:
        """The notebook without its folder: `weekly_review`."""
        return self.notebook.rpartition("/")[2]

    @property
    def identifier(self) -> str:
        """The file name under reports/, the row in the list and the value of `--only`.

        >>> Job("team/weekly_review", "2026-W46", "us-general").identifier
        '2026-W46/us-general/weekly_review'
        >>> Job("org/stakeholder_update", "2026-W46").identifier
        '2026-W46/org/stakeholder_update'
        >>> Job("project/status", "2026-W46", value="PRJ-2").identifier
        '2026-W46/project/PRJ-2/status'
        """
        return f"{self.week}/{self.folder}/{self.name}"

    def page(self, reports: Path) -> Path:
        """Where the report's page lies."""
        return reports / f"{self.identifier}.html"


def plan(
    weekly_plan: WeeklyPlan,
    organisation: Organisation,
    week: str,
    teams: Iterable[str] | None = None,
    ranges: Mapping[tuple[str, str], Sequence[str]] = MappingProxyType({}),
) -> list[Job]:
    """The reports of a week.

    Args:
        weekly_plan: params/weekly.yml.
        organisation: params/org.yml.
        week: ISO week, like "2026-W46".
        teams: only these teams; notebooks that are for no team are then left out. None is every team.
        ranges: the values that a word stands for, by parameter and word, such as ("project", "running").

    Returns:
        Jobs in the order of the plan, then of the organisation's teams.

    Raises:
        PlanError: a team is not known, or nothing can be left to render; the message lists what there is.
    """
    if not is_week(week):
        raise PlanError(f"{week!r} is not a week; write it like 2026-W46")
    all_teams = organisation.team_names
    choice = list(all_teams) if teams is None else list(teams)
    problems = _unknown_teams(choice, all_teams, "params/org.yml")
    for entry in weekly_plan.notebooks:
        if entry.parameter == "team" and not isinstance(entry.values, str):
            place = f"params/org.yml, but {entry.notebook} is planned for it"
            problems += _unknown_teams(entry.values, all_teams, place)
    if problems:
        raise PlanError("\n".join(problems))
    jobs: list[Job] = []
    ranges_left = False
    for entry in weekly_plan.notebooks:
        if entry.parameter == "team":
            plan_teams = all_teams if isinstance(entry.values, str) else entry.values
            jobs += [Job(entry.notebook, week, team) for team in all_teams if team in plan_teams and team in choice]
        elif teams is not None:
            continue
        elif entry.parameter is None:
            jobs.append(Job(entry.notebook, week))
        else:
            is_word = isinstance(entry.values, str)
            values = ranges.get((entry.parameter, str(entry.values)), ()) if is_word else entry.values
            jobs += [Job(entry.notebook, week, value=value) for value in dict.fromkeys(values)]
            ranges_left |= is_word
    if not jobs and not ranges_left:
        names = ", ".join(entry.notebook for entry in weekly_plan.notebooks)
        raise PlanError(f"nothing to render: the plan has {names}, none of them for {', '.join(choice) or 'no team'}")
    return jobs


def in_turn(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """The reports of a week in the turn in which they are made: those that read what others find come last.

    Args:
        jobs: what `plan` returned.

    >>> first, last = in_turn([Job("team/weekly_review", "2026-W46", "a"), Job("team/routing_audit", "2026-W46", "a")])
    >>> [job.name for job in first], [job.name for job in last]
    (['routing_audit'], ['weekly_review'])
    """
    return [job for job in jobs if job.name not in _READERS], [job for job in jobs if job.name in _READERS]


def subjects_of(notebooks: Iterable[Path]) -> list[str]:
    """The subjects that notebooks ask, such as `contact_drivers` for one that calls `ops.contact_drivers.…`."""
    calls = {name for path in notebooks for name in _CALL.findall(text_of(path))}
    return [subject for subject in SUBJECTS if subject in calls]


def parameters_of(job: Job, common: Mapping[str, Any]) -> dict[str, Any]:
    """What is handed to a job's notebook: what all share, and what is its own."""
    return {**common, **own_parameters(job)}


def own_parameters(job: Job) -> dict[str, str]:
    """The week and, for a notebook that is not for all, the team or the value of its parameter."""
    name, value = ("team", job.team) if job.value is None else (job.parameter, job.value)
    return {"week": job.week} if value is None else {"week": job.week, name: value}


def check_parameters(jobs: Iterable[Job], notebooks: Path, common: Mapping[str, Any]) -> None:
    """Hold what will be handed to each notebook against the parameters that it declares.

    Args:
        jobs: what is to be rendered.
        notebooks: the folder of `team/` and `org/`.
        common: parameters that all notebooks get beside week and team.

    Raises:
        PlanError: a notebook is missing, declares no parameters, does not know one of those given, needs one that is
            not given (its default is None and its type does not allow it), or declares another type. All problems are
            listed, by name.
    """
    from papermill.inspection import inspect_notebook

    problems: list[str] = []
    first_of = {job.notebook: job for job in reversed(list(jobs))}
    for notebook in sorted(first_of):
        path = notebooks / f"{notebook}.ipynb"
        if not path.is_file():
            there = sorted(p.relative_to(notebooks).with_suffix("").as_posix() for p in notebooks.glob("*/*.ipynb"))
            problems.append(f"{notebook}: there is no {path}; there are {', '.join(there) or 'no notebooks'}")
            continue
        try:
            read_notebook(path)
        except NoNotebookError:
            continue  # its report says so, and the others are not touched
        try:
            declarations = inspect_notebook(path)
        except ValueError as error:
            problems.append(f"{notebook}: its parameters cannot be read ({error}); save it once from JupyterLab")
            continue
        values = parameters_of(first_of[notebook], common)
        problems += [f"{notebook}: {problem}" for problem in parameter_problems(declarations, values)]
    if problems:
        raise PlanError("\n".join(problems))


def parameter_problems(declarations: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters that a notebook is to get.

    Args:
        declarations: as `papermill.inspect_notebook` returns it: name, inferred_type_name and default of each.
        values: names and values.

    Returns:
        One sentence per problem; empty where they fit.

    Notes:
        papermill reads one assignment a line and no `|` in an annotation: write `Optional[str]` for a parameter that
        may be None.
    """
    if not declarations:
        return ["it has no parameters; tag the cell that holds them with `parameters`"]
    problems = [
        f"it has no parameter {name!r}; it has {', '.join(sorted(declarations))}"
        for name in sorted(set(values) - set(declarations))
    ]
    for name, parameter in sorted(declarations.items()):
        types = _allowed_types(parameter)
        value = values.get(name)
        if name not in values:
            if parameter["default"] == "None" and types is not None and type(None) not in types:
                problems.append(f"parameter {name!r} ({parameter['inferred_type_name']}) is needed and not given")
        elif types is not None and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            problems.append(
                f"parameter {name!r} takes {parameter['inferred_type_name'] or _type_of_default(parameter)}, "
                f"not {type(value).__name__} ({value!r})"
            )
    return problems


def _allowed_types(parameter: Mapping[str, Any]) -> tuple[type, ...] | None:
    """The types of an annotation like `str | None`, else of the default; None where they cannot be told."""
    annotation = parameter["inferred_type_name"]
    annotation = _type_of_default(parameter) if annotation in (None, "None", "") else annotation
    types: list[type] = []
    if optional := _OPTIONAL.match(annotation):
        annotation = f"{optional[1]}|None"
    for part in annotation.split("|"):
        bare = part.strip().partition("[")[0]
        if bare not in _TYPES:
            return None
        types.extend(_TYPES[bare])
    return tuple(types)


def _type_of_default(parameter: Mapping[str, Any]) -> str:
    try:
        value = ast.literal_eval(parameter["default"])
    except (SyntaxError, ValueError):
        return "anything"
    return "anything" if value is None else type(value).__name__


def _unknown_teams(teams: Iterable[str], all_teams: Sequence[str], place: str) -> list[str]:
    return [
        f"no team {name!r} in {place}; there are {', '.join(all_teams) or 'none'}"
        for name in teams
        if name not in all_teams
    ]
