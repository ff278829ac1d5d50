"""A notebook as a page that works from disk: own nbconvert template, one stylesheet, no network, no code in sight.

Figures are embedded as `<img>` with a data: address and not inline: an SVG in an `<img>` is inert (no script, no
loads, no ids that meet), costs the page no thousands of elements, and the stylesheet turns it for the dark theme with
a filter that keeps the hues.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from opslib.weekly.headline import headline_of, verdict_of
from opslib.weekly.pages.safe_html import clean_markdown, clean_output, is_svg, picture
from opslib.weekly.pages.template import TEMPLATES, render_template

if TYPE_CHECKING:
    from nbformat import NotebookNode

HIDDEN_TAGS = ("parameters", "injected-parameters", "remove_cell")

_WIDTH = re.compile(r'<svg[^>]* width="([\d.]+)pt"')
_WIDEST_PANEL = 300.0
"""Points: narrower figures stand beside each other, and below each other on a phone."""
_SECTION_MARK = "<!-- section -->"
_PROSE = re.compile(r'<div class="prose">.*?</div>', re.DOTALL)
"""What a notebook says before its first section: who reads it and what for, which a page says at its foot."""
_NO_PROSE = re.compile(r'<div class="prose">\s*</div>')
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
    ticket_root: str = "",
) -> str:
    """The page of a notebook that has run.

    Args:
        nb: the executed notebook. Its level-1 heading is left out, `title` stands instead.
        title: what the page is called.
        header: organisation, week, dates, team, as_of, gate (status, text, note, href), links and neighbours (label,
            href, key).
        footer: inputs (name, sha256), commit, versions, parameters, as_of, made_at, gate.
        sample: whether the numbers come from the built-in sample, which the page then says at the top.
        ticket_root: how the addresses of tickets in the CRM begin; "" where they have none.

    Returns:
        One HTML document that loads nothing.

    Notes:
        All that the notebook shows is taken as hostile: markdown and HTML pass an allow-list, text is escaped, and the
        content security policy lets only this page's own stylesheet and script in, by their hashes.
    """
    body = _body(nb, ticket_root)
    _, headlines = headline_of(nb)
    verdict, lead = verdict_of(nb)
    return render_template(
        "report.html.j2",
        title=title,
        header=header,
        footer=footer,
        sample=sample,
        body=Markup(body),
        headlines=headlines,
        verdict=verdict,
        lead=lead,
        has_code='<details class="code"' in body,
    )


def title_of(nb: NotebookNode, otherwise: str) -> str:
    """The notebook's first level-1 heading as plain text."""
    for cell in nb.cells:
        if cell.cell_type == "markdown" and (match := re.search(r"^#\s+(.+?)\s*#*$", cell.source, re.MULTILINE)):
            return re.sub(r"[*_`]", "", match[1])
    return otherwise


def plain_text(text: str) -> str:
    """Terminal output without its colours and control characters."""
    return _CONTROL.sub("", _ANSI.sub("", text))


@dataclass
class _Contents:
    """Headings as they come along while the template runs, for anchors and sections, and what sections say of
    themselves."""

    entries: list[dict[str, Any]]
    section: str
    ticket_root: str = ""
    figures: int = 0
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def markdown(self, source: str, attachments: Mapping[str, Any] | None = None) -> str:
        from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

        renderer = IPythonRenderer(
            escape=False, allow_harmful_protocols=False, exclude_anchor_links=True, attachments=dict(attachments or {})
        )
        safe = clean_markdown(str(MarkdownWithMath(renderer=renderer).render(source)), section=self.section)
        return f'<div class="prose">{_HEADING.sub(self._heading, safe)}</div>'

    def _heading(self, match: re.Match[str]) -> str:
        level, inner = int(match[1]), match[2]
        text = html.unescape(_TAGS.sub("", inner)).strip()
        if level == 1 or not text:
            return ""
        anchors = {entry["anchor"] for entry in self.entries}
        slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
        anchor = next(a for a in (slug, *(f"{slug}-{n}" for n in range(2, 1000))) if f"s-{a}" not in anchors)
        self.section = text
        self.entries.append({"anchor": f"s-{anchor}", "text": text, "level": level})
        heading = (
            f'<h{level} id="s-{anchor}">{inner} <a class="anchor" href="#s-{anchor}" '
            f'aria-label="Link to the section {html.escape(text)}">#</a></h{level}>'
        )
        return heading if level > 2 else f'</div>{_SECTION_MARK}{heading}<div class="prose">'

    def say(self, bundle: Mapping[str, Any] | str) -> str:
        """Keep what a section says of itself until the sections are put together."""
        said = json.loads(bundle) if isinstance(bundle, str) else dict(bundle)
        section = next((entry["anchor"] for entry in reversed(self.entries) if entry["level"] == 2), "")
        self.said.setdefault(section, []).append(said)
        return ""

    def output_html(self, fragment: str, metadata: Mapping[str, Any]) -> str:
        caption = metadata.get("text/html", {}).get("caption")
        return clean_output(
            fragment,
            section=self.section,
            caption=str(caption) if caption else None,
            ticket_root=self.ticket_root,
        )

    def figure(self, content: str, mime: str, metadata: Mapping[str, Any]) -> str:
        if mime == "image/svg+xml" and not is_svg(content):
            return '<p class="note">A figure that is no readable SVG was left out.</p>'
        self.figures += 1
        width = _WIDTH.search(content[:2_000]) if mime == "image/svg+xml" else None
        look = "figure-box panel" if width and float(width[1]) <= _WIDEST_PANEL else "figure-box"
        alt = metadata.get(mime, {}).get("alt") or f"Figure of the section {self.section}; it has no description"
        return (
            f'<div class="{look}" data-label="Figure {self.figures}: {html.escape(self.section)}">'
            f'<img class="figure" src="{picture(content, mime)}" alt="{html.escape(str(alt))}"></div>'
        )


def _body(nb: NotebookNode, ticket_root: str) -> str:
    """The notebook's cells as HTML."""
    from nbconvert.exporters.html import HTMLExporter
    from nbconvert.exporters.templateexporter import TemplateExporter
    from nbconvert.filters.highlight import Highlight2HTML
    from traitlets.config import Config

    contents = _Contents([], "Report", ticket_root)
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
    exporter.register_filter("report_section", contents.say)
    exporter.register_filter("report_text", lambda text: html.escape(plain_text(text)))
    exporter.register_filter("highlight_code", Highlight2HTML(pygments_lexer="ipython3", parent=exporter))
    # HTMLExporter would parse the finished page once more with BeautifulSoup, for what our template has done already
    body, _ = TemplateExporter.from_notebook_node(exporter, nb)
    return _in_sections(body, contents)


_LINK = re.compile(r' ?<a class="anchor".*?</a>', re.DOTALL)


def _foldable(heading: str, inside: str, *, look: str, answer: str = "") -> str:
    """A section that opens at its heading; the link to it stands beside that, as a heading that opens holds none."""
    link = _LINK.search(heading)
    said = f' <span class="answer">{answer}</span>' if answer else ""
    summary = f"<summary>{_LINK.sub('', heading)}{said}</summary>"
    opened = " open" if look == "part" else ""
    return f'<details class="{look}"{opened}>{summary}{link[0].strip() if link else ""}{inside}</details>'


def _in_sections(body: str, contents: _Contents) -> str:
    """A body cut at its headings of level 2: sections, folds, and at the end one list of what is not there."""
    first, *rest = _NO_PROSE.sub("", body).split(_SECTION_MARK)
    readers = "".join(_PROSE.findall(first))
    first = _PROSE.sub("", first)
    entries = [entry for entry in contents.entries if entry["level"] == 2]
    parts: list[str] = []
    missing: dict[str, list[str]] = {}
    folds: list[str] = []
    for entry, section in zip(entries, rest, strict=True):
        said = contents.said.get(entry["anchor"], [])
        heading, _, inside = section.partition("</h2>")
        reasons = [str(each["missing"]) for each in said if each.get("missing")]
        if said and len(reasons) == len(said):
            missing.setdefault(" ".join(dict.fromkeys(reasons)), []).append(entry["text"])
            continue
        answer = html.escape(" ".join(str(each["answer"]) for each in said if each.get("answer")))
        if said and all(each.get("folded") or each.get("missing") for each in said):
            folds.append(_foldable(f"{heading}</h2>", inside, look="fold", answer=answer))
            continue
        if folds:
            parts.append(f'<div class="folds">{"".join(folds)}</div>')
            folds = []
        line = f'<p class="answer">{answer}</p>' if answer else ""
        whole = f"{heading}</h2>"
        opened = f"{whole}{line}{inside}" if not parts else _foldable(whole, f"{line}{inside}", look="part")
        parts.append(f'<section aria-labelledby="{entry["anchor"]}">{opened}</section>')
    if missing:
        lines = "".join(
            f"<li><strong>{html.escape('; '.join(names))}</strong> {html.escape(why)}</li>"
            for why, names in missing.items()
        )
        count = sum(map(len, missing.values()))
        folds.append(
            '<details class="fold"><summary><h2 id="s-not-on-this-page">Not on this page</h2> '
            f'<span class="answer">{count} section{"" if count == 1 else "s"}</span></summary>'
            f'<ul class="left-out">{lines}</ul></details>'
        )
    if folds:
        parts.append(f'<div class="folds">{"".join(folds)}</div>')
    if readers:
        parts.append(f'<div class="readers">{readers}</div>')
    return first + "".join(parts)
