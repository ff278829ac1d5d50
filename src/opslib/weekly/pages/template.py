"""The templates of all pages: one shell, one stylesheet, two scripts, and the policy that lets in nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from opslib import labels, locales
from opslib.display.cells import sparkline

TEMPLATES = Path(__file__).parent / "templates"


def render_template(name: str, **values: Any) -> str:
    """A page of templates/, with the shell, the stylesheet and the script that all pages share."""
    return str(_environment().get_template(name).render(**values))


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    style, script, theme = (
        (TEMPLATES / name).read_text(encoding="utf-8").strip() for name in ("style.css", "page.js", "theme.js")
    )
    environment.globals.update(
        style=Markup(style),
        script=Markup(script),
        theme=Markup(theme),
        policy=(
            f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(theme)} {_hash(script)}; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        decimal_sign=locales.decimal_sign,
        week_number=locales.week_number,
        week_start=locales.week_start,
        whole=locales.whole,
        called=labels.label,
        sparkline=lambda *line, **more: Markup(sparkline(*line, **more)),
    )
    return environment


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
