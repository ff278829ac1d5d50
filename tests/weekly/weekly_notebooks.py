"""Small notebooks that end in each way a report can end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from opslib.weekly.edition import Edition

PARAMETERS = 'week: str = "2026-W46"\nteam: str = "us-general"\nwarehouse: str = "data/warehouse"'
HEADLINE = """
from IPython.display import display
bundle = {"status": STATUS, "headlines": [{"label": "Created", "value": "12", "change": "+3", "better": "lower"}]}
display({"application/vnd.opslib.headline+json": bundle}, raw=True)
"""


def edition(week: str = "2026-W46") -> Edition:
    return Edition(
        organisation="Test support",
        week=week,
        time_zone="America/New_York",
        teams={"us-general": "US General", "us-safety": "US Safety"},
        as_of=datetime(2026, 11, 16, 11, tzinfo=UTC),
        made_at=datetime(2026, 11, 16, 12, tzinfo=UTC),
        inputs={"tickets.csv": "a" * 64},
        versions={"opslib": "0.1.0"},
    )


def write_notebook(path: Path, *cells: str, title: str = "Weekly review", parameters: str = PARAMETERS) -> Path:
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# {title}"),
            new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            new_markdown_cell("## What happened?"),
            *(new_code_cell(source) for source in cells),
        ]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path
