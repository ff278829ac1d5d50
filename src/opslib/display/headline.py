"""The few numbers that stand above a report, and in the index of all reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from opslib.display import mime, words
from opslib.display.cells import spark_words
from opslib.display.verdicts import Verdict

NOTHING = "Nothing needs anybody this week."
"""The first line of a page in a quiet week."""


def nothing_but(*, blocked: int = 0, overdue: int = 0) -> str:
    """That nothing needs anybody, but for teams without data and for actions.

    Args:
        blocked: teams whose data the gate blocks.
        overdue: actions that are overdue.

    >>> nothing_but(overdue=1)
    'One action is overdue; nothing else needs anybody this week.'
    """
    parts = [f"the data of {words.number_of(blocked, 'team')} are blocked"] if blocked else []
    if overdue:
        parts.append(f"{words.number_of(overdue, 'action')} {'is' if overdue == 1 else 'are'} overdue")
    said = words.listed(parts)
    return f"{said[0].upper()}{said[1:]}; nothing else needs anybody this week." if parts else NOTHING


def nothing_here(why: str) -> str:
    """The first line of a page on one part of the work, where nothing of that needs anybody.

    Args:
        why: what was looked for and not found, without a full stop.
    """
    return f"Nothing needs anybody here this week. {why}."


@dataclass(frozen=True)
class Line:
    """One headline: what it is, its value and change in words, what was decided of it, and the weeks behind it.

    `unit` is that of the weeks, as `words.value` takes it; `judged`, whether it could be told that it is no signal;
    `signal_verdict`, `goal_verdict` and `is_missed`, what was decided, "" where nothing was; `chips`, these as readers
    see them; `facts`, what stands below, a short line each; `closed`, as `cells.sparkline` takes it.
    """

    label: str
    value: str
    change: str
    signal: bool
    note: str
    spark: tuple[float | None, ...]
    unit: str = "count"
    judged: bool = True
    signal_verdict: str = ""
    goal_verdict: str = ""
    is_missed: bool = False
    chips: tuple[Verdict, ...] = ()
    facts: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


class Headline:
    """What a notebook says of itself; a page shows it on top, JupyterLab as a list.

    Args:
        lines: the few numbers, the most important first.
        has_data: whether there was anything to report; where not, an index of reports marks the report so.
        verdict: what all of it comes to, one sentence or two.
        lead: what explains that, one sentence.
    """

    def __init__(self, lines: Sequence[Line], *, has_data: bool, verdict: str = "", lead: str = "") -> None:
        self.lines = tuple(lines)
        self.status = "ready" if has_data else "no_data"
        self.verdict = verdict
        self.lead = lead

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        headlines = [
            asdict(line)
            | {
                "spark": list(line.spark),
                "chips": [chip._asdict() for chip in line.chips],
                "facts": list(line.facts),
                "spark_label": spark_words(line.label, line.spark, line.unit, line.closed) if line.spark else "",
            }
            for line in self.lines
        ]
        items = "".join(
            f"<li>{escape(line.label)}: <strong>{escape(line.value)}</strong> {escape(line.change)} "
            f"<em>{escape(_said(line))}</em></li>"
            for line in self.lines
        )
        said = "".join(f"<p>{escape(text)}</p>" for text in (self.verdict, self.lead) if text)
        return {
            mime.HEADLINE: {
                "headlines": headlines,
                "status": self.status,
                "verdict": self.verdict,
                "lead": self.lead,
            },
            "text/html": f"{said}<ul>{items}</ul>" if items else f"<p>{escape(str(self))}</p>",
            "text/plain": str(self),
        }

    def __repr__(self) -> str:
        if self.status == "no_data":
            return "Nothing to report."
        said = [text for text in (self.verdict, self.lead) if text]
        return "\n".join(
            said + [f"{line.label}: {line.value} {line.change} {_said(line)}".rstrip() for line in self.lines]
        )


def _said(line: Line) -> str:
    """The verdicts on a line, its note and its facts."""
    return "; ".join(filter(None, [*(chip.text for chip in line.chips), line.note, *line.facts]))
