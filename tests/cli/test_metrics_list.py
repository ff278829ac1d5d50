from __future__ import annotations

import pytest
from rich.console import Console

from opslib.cli import beside
from opslib.metrics import CATALOGUE


@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_name_of_a_metric_is_cut(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is cut cannot be written into params/org.yml."""
    console = Console(width=width, record=True)
    monkeypatch.setattr(beside, "console", console)
    beside.metrics()
    text = console.export_text()
    assert [name for name in CATALOGUE if f" {name} " not in text] == []
