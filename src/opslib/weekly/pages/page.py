"""A notebook as a page that works from disk: own nbconvert template, one stylesheet, no network, no code in sight.

Figures are embedded as `<img>` with a data: address and not inline: an SVG in an `<img>` is inert (no script, no
loads, no ids that meet), costs the page no thousands of elements, and the stylesheet turns it for the dark theme with
a filter that keeps the hues.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import jinja2
from markupsafe import Markup
from nbformat import NotebookNode

from opslib.weekly.pages.safe_html import clean_markdown, clean_output, is_svg, picture

HEADLINE_MIME = "application/vnd.opslib.headline+json"
TEMPLATES = Path(__file__).parent / "templates"
HIDDEN_TAGS = ("parameters", "injected-parameters", "remove_cell")

ReportStatus = Literal["ready", "no_data"]
_HEADING = re.compile(r"<h([1-6])(?: [^>]*)?>(.*?)</h\1>", re.DOTALL)
_TAGS = re.compile(r"<[^>]*>")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def to_html(
    nb: NotebookNode,
    *,
    title: str,
    header: Mapping[str, Any],
    footer: Mapping[str, Any],
    sample: bool,
) -> str:
    """The page of a notebook that has run.

    Args:
        nb: the executed notebook. Its level-1 heading is left out, `title` stands instead.
        title: what the page is called.
        header: organisation, week, dates, team, as_of, gate (status, text, note, href), links (label, href);
            as of `Edition.header`.
        footer: inputs (name, sha256), commit, versions, parameters, made_at; as of `Edition.footer`.
        sample: whether the numbers come from the built-in sample, which the page then says at the top.

    Returns:
        One HTML document that loads nothing.

    Notes:
        All that the notebook shows is taken as hostile: markdown and HTML pass an allow-list, text is escaped, and the
        content security policy lets only this page's own stylesheet and script in, by their hashes.
    """
    body, contents = _body(nb)
    _, headlines = headline_of(nb)
    return render_template(
        "report.html.j2",
        title=title,
        header=header,
        footer=footer,
        sample=sample,
        body=Markup(body),
        contents=contents,
        headlines=headlines,
        has_code='<details class="code"' in body,
    )


def headline_of(nb: NotebookNode) -> tuple[ReportStatus, list[dict[str, Any]]]:
    """What a notebook says about itself in the bundle `application/vnd.opslib.headline+json`.

    Args:
        nb: an executed notebook.

    Returns:
        The status ("ready" or "no_data") and the headlines: dicts of label, value, change, note (text), tone ("better",
        "worse" or ""), signal (bool), spark (numbers, None where a week has none) and spark_label (what it shows, in
        words). "ready" and none where it says nothing.
    """
    status: ReportStatus = "ready"
    headlines: list[dict[str, Any]] = []
    for told in bundles_of(nb, HEADLINE_MIME):
        if told.get("status") == "no_data":
            status = "no_data"
        headlines += [_headline(item) for item in told.get("headlines", [])]
    return status, headlines


def bundles_of(nb: NotebookNode, mime: str) -> list[dict[str, Any]]:
    """What a notebook that has run displayed under a JSON type of our own, in its order."""
    outputs = (output for cell in nb.cells for output in cell.get("outputs", []))
    found = (output.get("data", {}).get(mime) for output in outputs)
    return [json.loads(each) if isinstance(each, str) else each for each in found if each is not None]


def title_of(nb: NotebookNode, otherwise: str) -> str:
    """The notebook's first level-1 heading as plain text."""
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (match := re.search(r"^#\s+(.+?)\s*#*$", cell.source, re.MULTILINE)):
            return re.sub(r"[*_`]", "", match[1])
    return otherwise


def plain_text(text: str) -> str:
    """Terminal output without its colours and control characters."""
    return _CONTROL.sub("", _ANSI.sub("", text))


def render_template(name: str, **values: Any) -> str:
    """A page of templates/, with the shell, the stylesheet and the script that all pages share."""
    return str(_environment().get_template(name).render(**values))


def sparkline(values: Sequence[float | None], label: str) -> Markup:
    """A line of a few weeks, as tall as the text.

    Args:
        values: oldest first; None where there is no value, which breaks the line.
        label: what it shows, for those who do not see it.

    Returns:
        Inline SVG; empty where fewer than two values are known.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Markup("")
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    width, height, edge = 84.0, 22.0, 2.5
    step = (width - 2 * edge) / (len(values) - 1)
    points = [
        None
        if value is None
        else (
            edge + i * step,
            height / 2 if high == low else height - edge - (value - low) / span * (height - 2 * edge),
        )
        for i, value in enumerate(values)
    ]
    path, pen_down = "", False
    for point in points:
        path += "" if point is None else f"{'L' if pen_down else 'M'}{point[0]:.1f} {point[1]:.1f}"
        pen_down = point is not None
    last = next(point for point in reversed(points) if point is not None)
    return Markup(
        '<svg class="spark" viewBox="0 0 {w:.0f} {h:.0f}" role="img" aria-label="{label}">'
        '<path d="{path}"></path><circle cx="{x:.1f}" cy="{y:.1f}" r="2.2"></circle></svg>'
    ).format(w=width, h=height, label=label, path=path, x=last[0], y=last[1])


def spark_label(label: str, values: Sequence[float | None]) -> str:
    """What a sparkline of numbers without a unit shows, in words."""
    known = [value for value in values if value is not None]
    if not known:
        return f"{label}: no values"
    low, high, latest = (f"{value:,.4g}" for value in (min(known), max(known), known[-1]))
    return f"{label}, last {len(values)} weeks: lowest {low}, highest {high}, latest {latest}"


@dataclass
class _Contents:
    """Headings as they come along while the template runs, for anchors and for the table of contents."""

    entries: list[dict[str, Any]]
    section: str
    figures: int = 0

    def markdown(self, source: str, attachments: Mapping[str, Any] | None = None) -> str:
        from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

        renderer = IPythonRenderer(
            escape=False, allow_harmful_protocols=False, exclude_anchor_links=True, attachments=dict(attachments or {})
        )
        cleaned = clean_markdown(str(MarkdownWithMath(renderer=renderer).render(source)), section=self.section)
        return _HEADING.sub(self._heading, cleaned)

    def _heading(self, match: re.Match[str]) -> str:
        level, inner = int(match[1]), match[2]
        text = html.unescape(_TAGS.sub("", inner)).strip()
        if level == 1 or not text:
            return ""
        taken = {entry["anchor"] for entry in self.entries}
        slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
        anchor = next(a for a in (slug, *(f"{slug}-{n}" for n in range(2, 1000))) if f"s-{a}" not in taken)
        self.section = text
        self.entries.append({"anchor": f"s-{anchor}", "text": text, "level": level})
        return (
            f'<h{level} id="s-{anchor}">{inner} <a class="anchor" href="#s-{anchor}" '
            f'aria-label="Link to the section {html.escape(text)}">#</a></h{level}>'
        )

    def output_html(self, fragment: str, metadata: Mapping[str, Any]) -> str:
        caption = metadata.get("text/html", {}).get("caption")
        return clean_output(fragment, section=self.section, caption=str(caption) if caption else None)

    def figure(self, content: str, mime: str, metadata: Mapping[str, Any]) -> str:
        if mime == "image/svg+xml" and not is_svg(content):
            return '<p class="note">A figure that is no readable SVG was left out.</p>'
        self.figures += 1
        alt = metadata.get(mime, {}).get("alt") or f"Figure of the section {self.section}; it has no description"
        return (
            f'<div class="figure-box" data-label="Figure {self.figures}: {html.escape(self.section)}">'
            f'<img class="figure" src="{picture(content, mime)}" alt="{html.escape(str(alt))}"></div>'
        )


def _body(nb: NotebookNode) -> tuple[str, list[dict[str, Any]]]:
    """The notebook's cells as HTML, and its headings."""
    from nbconvert.exporters.html import HTMLExporter
    from nbconvert.exporters.templateexporter import TemplateExporter
    from nbconvert.filters.highlight import Highlight2HTML
    from traitlets.config import Config

    contents = _Contents([], "Report")
    exporter = HTMLExporter(
        config=Config(
            {
                "TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": set(HIDDEN_TAGS)},
                "HTMLExporter": {"embed_images": False},
            }
        ),
        extra_template_basedirs=[str(TEMPLATES)],
        template_name="report",
    )
    exporter.register_filter("report_markdown", contents.markdown)
    exporter.register_filter("report_html", contents.output_html)
    exporter.register_filter("report_figure", contents.figure)
    exporter.register_filter("report_text", lambda text: html.escape(plain_text(text)))
    exporter.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3", parent=exporter))
    # HTMLExporter would parse the finished page once more with BeautifulSoup, for what our template has done already
    body, _ = TemplateExporter.from_notebook_node(exporter, nb)
    return body, contents.entries


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
        sparkline=sparkline,
    )
    return environment


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _headline(item: Mapping[str, Any]) -> dict[str, Any]:
    change = "" if item.get("change") is None else str(item["change"])
    signal = item.get("signal")
    note = str(item.get("note") or (signal if isinstance(signal, str) else ""))
    label, spark = str(item.get("label", "")), [_finite(value) for value in item.get("spark") or []]
    return {
        "label": label,
        "value": str(item.get("value", "")),
        "change": change,
        "note": note,
        "tone": _tone(item.get("better"), change),
        "signal": bool(signal),
        "spark": spark,
        "spark_label": str(item.get("spark_label") or spark_label(label, spark)),
    }


def _tone(better: object, change: str) -> str:
    """Whether a change is for the better, from which direction is better and the sign of the change."""
    if isinstance(better, bool):
        return "better" if better else "worse"
    rises = change.lstrip().startswith(("+", "▲", "↑"))
    falls = change.lstrip().startswith(("-", "−", "–", "▼", "↓"))
    if better not in ("lower", "higher") or rises == falls:
        return ""
    return "better" if rises == (better == "higher") else "worse"


def _finite(value: object) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < float("inf") else None
