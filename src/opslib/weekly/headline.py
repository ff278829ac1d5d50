"""What a notebook that has run says of itself: its status and the few numbers that stand above its page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from opslib.display import mime
from opslib.locales import significant

if TYPE_CHECKING:
    from nbformat import NotebookNode

ReportStatus = Literal["ready", "no_data"]


def headline_of(nb: NotebookNode) -> tuple[ReportStatus, list[dict[str, Any]]]:
    """What a notebook says about itself in its headline bundles (`display.mime.HEADLINE`).

    Args:
        nb: an executed notebook.

    Returns:
        The status ("ready" or "no_data") and the headlines: dicts of label, value, change, note (text), signal (bool),
        judged (bool: whether it could be told that it is no signal), signal_verdict and goal_verdict (what was decided,
        "" where nothing was), is_missed (bool: the goal), chips (each with look and text), facts (texts), spark
        (numbers, None where a week has none), closed (of the last weeks, the holidays that close the team) and
        spark_label (what it shows, in words). "ready" and none where it says nothing.
    """
    status: ReportStatus = "ready"
    headlines: list[dict[str, Any]] = []
    for bundle in bundles_of(nb, mime.HEADLINE):
        if bundle.get("status") == "no_data":
            status = "no_data"
        headlines += [_headline(item) for item in bundle.get("headlines", [])]
    return status, headlines


def verdict_of(nb: NotebookNode) -> tuple[str, str]:
    """What a notebook says that all of it comes to, and what explains that; "" where it says nothing."""
    bundles = bundles_of(nb, mime.HEADLINE)
    verdict, lead = (
        " ".join(filter(None, (str(each.get(name) or "") for each in bundles))) for name in ("verdict", "lead")
    )
    return verdict, lead


def bundles_of(nb: NotebookNode, mime_type: str) -> list[dict[str, Any]]:
    """What a notebook that has run displayed under a JSON type of our own, in its order."""
    outputs = (output for cell in nb.cells for output in cell.get("outputs", []))
    bundles = (output.get("data", {}).get(mime_type) for output in outputs)
    return [json.loads(bundle) if isinstance(bundle, str) else bundle for bundle in bundles if bundle is not None]


def spark_label(label: str, values: Sequence[float | None]) -> str:
    """What a sparkline of numbers without a unit shows, in words."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return f"{label}: no values"
    low, high, latest = (significant(number) for number in (min(numbers), max(numbers), numbers[-1]))
    return f"{label}, last {len(values)} weeks: lowest {low}, highest {high}, latest {latest}"


def _headline(item: Mapping[str, Any]) -> dict[str, Any]:
    change = "" if item.get("change") is None else str(item["change"])
    signal = item.get("signal")
    note = str(item.get("note") or (signal if isinstance(signal, str) else ""))
    judged = bool(item.get("judged", True))
    label, spark = str(item.get("label", "")), [_finite(value) for value in item.get("spark") or []]
    return {
        "label": label,
        "value": str(item.get("value", "")),
        "change": change,
        "note": note,
        "signal": bool(signal),
        "judged": judged,
        "signal_verdict": str(item.get("signal_verdict") or ""),
        "goal_verdict": str(item.get("goal_verdict") or ""),
        "is_missed": bool(item.get("is_missed")),
        "chips": [{name: str(chip.get(name, "")) for name in ("look", "text")} for chip in item.get("chips") or []],
        "facts": [str(fact) for fact in item.get("facts") or []],
        "spark": spark,
        "closed": [str(names) for names in item.get("closed") or []],
        "spark_label": str(item.get("spark_label") or spark_label(label, spark)),
    }


def _finite(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < float("inf") else None
