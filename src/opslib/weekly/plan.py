"""Which notebook runs for which week and team, and whether its parameters fit, before anything runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslib.errors import OpslibError
from opslib.weeks import is_week

if TYPE_CHECKING:
    from opslib.settings import Organisation, WeeklyPlan

_OPTIONAL = re.compile(r"^Optional\[(.*)\]$")
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
    """One report: a notebook for a week and, for a notebook of notebooks/team, a team."""

    notebook: str
    week: str
    team: str | None = None

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
        """
        return f"{self.week}/{self.team or 'org'}/{self.name}"

    def page(self, reports: Path) -> Path:
        """Where the report's page lies."""
        return reports / f"{self.identifier}.html"


def plan(
    weekly_plan: WeeklyPlan,
    organisation: Organisation,
    week: str,
    teams: Iterable[str] | None = None,
    *,
    notebooks: Iterable[str] | None = None,
) -> list[Job]:
    """The reports of a week.

    Args:
        weekly_plan: params/weekly.yml.
        organisation: params/org.yml.
        week: ISO week, like "2026-W46".
        teams: only these teams; notebooks of the whole organisation are then left out. None is every team.
        notebooks: only these notebooks, by their name in the plan. None is every notebook.

    Returns:
        Jobs in the order of the plan, then of the organisation's teams.

    Raises:
        PlanError: a team or notebook is not known, or nothing is left to render; the message lists what there is.
    """
    if not is_week(week):
        raise PlanError(f"{week!r} is not a week; write it like 2026-W46")
    known = organisation.team_names
    wanted = list(known) if teams is None else list(teams)
    problems = _unknown("team", wanted, known, "params/org.yml")
    for entry in weekly_plan.notebooks:
        if entry.teams != "all":
            problems += _unknown("team", entry.teams, known, f"params/org.yml, but {entry.notebook} is planned for it")
    planned = [entry.notebook for entry in weekly_plan.notebooks]
    chosen = planned if notebooks is None else list(notebooks)
    problems += _unknown("notebook", chosen, planned, "params/weekly.yml")
    if problems:
        raise PlanError("\n".join(problems))
    jobs = []
    for entry in weekly_plan.notebooks:
        if entry.notebook not in chosen:
            continue
        if entry.notebook.startswith("org/"):
            jobs += [Job(entry.notebook, week)] if teams is None else []
        else:
            for_teams = known if entry.teams == "all" else entry.teams
            jobs += [Job(entry.notebook, week, team) for team in known if team in for_teams and team in wanted]
    if not jobs:
        raise PlanError(
            f"nothing to render: the plan has {', '.join(planned)}, none of them for {', '.join(wanted) or 'no team'}"
        )
    return jobs


def parameters_of(job: Job, common: Mapping[str, Any]) -> dict[str, Any]:
    """What is handed to a job's notebook: what all share, the week and, for a team's notebook, the team."""
    own = {"week": job.week} if job.team is None else {"week": job.week, "team": job.team}
    return {**common, **own}


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
            declared = inspect_notebook(path)
        except ValueError as error:
            problems.append(f"{notebook}: its parameters cannot be read ({error}); save it once from JupyterLab")
            continue
        given = parameters_of(first_of[notebook], common)
        problems += [f"{notebook}: {problem}" for problem in parameter_problems(declared, given)]
    if problems:
        raise PlanError("\n".join(problems))


def parameter_problems(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the parameters given to a notebook.

    Args:
        declared: as `papermill.inspect_notebook` returns it: name, inferred_type_name and default of each.
        given: names and values.

    Returns:
        One sentence per problem; empty where they fit.

    Notes:
        papermill reads one assignment a line and no `|` in an annotation: write `Optional[str]` for a parameter that
        may be None.
    """
    if not declared:
        return ["it has no parameters; tag the cell that holds them with `parameters`"]
    problems = [
        f"it has no parameter {name!r}; it has {', '.join(sorted(declared))}"
        for name in sorted(set(given) - set(declared))
    ]
    for name, parameter in sorted(declared.items()):
        allowed = _allowed_types(parameter)
        value = given.get(name)
        if name not in given:
            if parameter["default"] == "None" and allowed is not None and type(None) not in allowed:
                problems.append(f"parameter {name!r} ({parameter['inferred_type_name']}) is needed and not given")
        elif allowed is not None and (
            not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)
        ):
            problems.append(
                f"parameter {name!r} takes {parameter['inferred_type_name'] or _type_of_default(parameter)}, "
                f"not {type(value).__name__} ({value!r})"
            )
    return problems


def _allowed_types(parameter: Mapping[str, Any]) -> tuple[type, ...] | None:
    """The types of an annotation like `str | None`, else of the default; None where they cannot be told."""
    written = parameter["inferred_type_name"]
    written = _type_of_default(parameter) if written in (None, "None", "") else written
    allowed: list[type] = []
    if optional := _OPTIONAL.match(written):
        written = f"{optional[1]}|None"
    for part in written.split("|"):
        bare = part.strip().partition("[")[0]
        if bare not in _TYPES:
            return None
        allowed.extend(_TYPES[bare])
    return tuple(allowed)


def _type_of_default(parameter: Mapping[str, Any]) -> str:
    try:
        value = ast.literal_eval(parameter["default"])
    except (SyntaxError, ValueError):
        return "anything"
    return "anything" if value is None else type(value).__name__


def _unknown(kind: str, asked: Iterable[str], known: Iterable[str], place: str) -> list[str]:
    known = list(known)
    return [
        f"no {kind} {name!r} in {place}; there are {', '.join(known) or 'none'}" for name in asked if name not in known
    ]
