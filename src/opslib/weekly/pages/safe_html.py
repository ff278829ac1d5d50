"""What may stand in a page: an allow-list for HTML that comes out of notebooks, whose cells may quote customers.

Everything a notebook displays is taken as hostile, markdown too. Scripts, styles, event handlers, forms, frames and
everything that would leave the machine are removed; what stays is text, tables, folds and small drawings. The page's
content security policy is the second shield.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from xml.etree import ElementTree

from bs4 import BeautifulSoup
from bs4.element import Tag
from nh3 import Cleaner

_REMOVED_NAMES = """
    script style template noscript iframe frame frameset object embed applet form textarea select option button input
    link meta base title head math foreignObject foreignobject audio video source track portal noembed
    noframes plaintext xmp
"""
_TEXT_NAMES = """
    a abbr b blockquote br caption code col colgroup dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6
    hr i img ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead
    time tr u ul var
"""
_SVG_NAMES = "svg g path polyline polygon line rect circle ellipse text tspan desc"
_SVG_ATTRIBUTE_NAMES = """
    viewBox width height preserveAspectRatio role aria-label aria-hidden focusable d points x y x1 y1 x2 y2 cx cy r rx
    ry dx dy transform fill fill-opacity stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin
    stroke-dasharray opacity text-anchor dominant-baseline font-size font-weight
"""
_BLOCK_NAMES = "address article aside dialog fieldset footer header hgroup main nav"
_REMOVED_WITH_CONTENT = _REMOVED_NAMES.split()
_UNWRAPPED_BLOCKS = _BLOCK_NAMES.split()
_TEXT_TAGS = frozenset(_TEXT_NAMES.split())
_SVG_TAGS = frozenset(_SVG_NAMES.split())
_SVG_ATTRIBUTES = frozenset(_SVG_ATTRIBUTE_NAMES.split())
_ATTRIBUTES_OF_ALL = frozenset({"class", "title", "lang", "dir"})
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset({"href"}),
    "img": frozenset({"src", "alt", "width", "height"}),
    **dict.fromkeys(("table", "thead", "tbody", "tr"), frozenset({"role"})),
    "td": frozenset({"colspan", "rowspan", "headers", "data-sort", "data-label", "role"}),
    "th": frozenset({"colspan", "rowspan", "scope", "abbr", "data-sort", "role"}),
    "details": frozenset({"open"}),
    "ol": frozenset({"start", "type"}),
    "time": frozenset({"datetime"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
}
_ROLES = frozenset(
    {"img", "group", "note", "presentation", "table", "rowgroup", "row", "cell", "columnheader", "rowheader"}
)
_PICTURE = re.compile(r"^data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*$")
_WEB_LINK = re.compile(r"^(?:https?://|mailto:)", re.IGNORECASE)
_LOCAL_LINK = re.compile(r"^(?:#[\w.:-]*|(?:\.{1,2}/)*[\w][\w./-]*(?:#[\w.:-]*)?)$")
_LONG = 20
_MISSING = frozenset({"", "-", "–", "—", "n/a", "nan", "none", "not shown", "not in this export"})
_NUMBER = re.compile(
    r"^[+\-−±]?\s?[$€£]?\d[\d,.’\u202f\u00a0]*\s?(?:%|pp|points?|d|h|min|s|ms|k|M|×)?(?:\s\d+\s?(?:h|min|s))*(?:\s?[\[(][^\])]*[\])])?$"
)


def clean_output(fragment: str, *, section: str, caption: str | None = None, ticket_root: str = "") -> str:
    """HTML that a cell displayed, made safe and its tables accessible.

    Args:
        fragment: the `text/html` of an output.
        section: what a table is called that has no caption; for screen readers only.
        caption: the caption of a table that brings none of its own.
        ticket_root: how the addresses of tickets in the CRM begin, up to after the name of the host at least; "" where
            they have none.

    Returns:
        HTML in which every table has a caption, scoped headers and right-aligned numbers (class `num`) and lies in a
        `table-box`; links go to anchors, files beside the page and tickets of the CRM only.
    """
    soup = _without_active_parts(fragment)
    for table in soup.find_all("table"):
        _make_accessible(soup, table, section, caption)
    return _cleaner(web_links=False, ticket_root=ticket_root).clean(str(soup))


def clean_markdown(html: str, *, section: str) -> str:
    """HTML made from markdown, made safe; links may go to the web, pictures may not.

    Args:
        html: what the markdown renderer wrote.
        section: what a table is called, for screen readers only.

    Returns:
        HTML in which every table has a caption, scoped headers and right-aligned numbers (class `num`) and lies in a
        `table-box`.
    """
    soup = _without_active_parts(html)
    for table in soup.find_all("table"):
        _make_accessible(soup, table, section, None)
    return _cleaner(web_links=True).clean(str(soup))


def picture(content: str, mime: str) -> str:
    """The address of a figure inside its page.

    Args:
        content: base64 of a bitmap, or the text of an SVG.
        mime: "image/png", "image/jpeg" or "image/svg+xml".

    Returns:
        A `data:` address. An SVG in an `<img>` is inert: browsers run no script in it, load nothing for it, and its ids
        cannot meet those of the next figure; the price is that its text cannot be selected.
    """
    if mime == "image/svg+xml":
        return f"data:{mime};base64,{base64.b64encode(_without_prologue(content).encode()).decode()}"
    return f"data:{mime};base64,{''.join(content.split())}"


def is_svg(content: str) -> bool:
    """Whether the text is an SVG document that a browser will draw."""
    if "<!ENTITY" in content:
        return False
    try:
        return ElementTree.fromstring(content).tag.rpartition("}")[2] == "svg"
    except ElementTree.ParseError:
        return False


def is_number(text: str) -> bool:
    """Whether a table cell reads as a number with its unit.

    >>> [is_number(text) for text in ("1,204", "−3.1%", "2h 05min", "12 [9, 15]", "2026-11-09", "us-general")]
    [True, True, True, True, False, False]
    """
    return bool(_NUMBER.match(text.strip()))


def _without_prologue(svg: str) -> str:
    """The SVG from its root on: matplotlib's XML declaration and DOCTYPE name addresses of the web."""
    start = svg.find("<svg")
    return svg[start:] if start >= 0 else svg


def _without_active_parts(fragment: str) -> BeautifulSoup:
    soup = BeautifulSoup(fragment, "html.parser")
    for element in soup.find_all(_REMOVED_WITH_CONTENT):
        if isinstance(element, Tag) and not element.decomposed:
            element.decompose()
    for image in soup.find_all("img"):
        if _PICTURE.match(str(image.get("src", ""))):
            image["alt"] = image.get("alt") or "A picture without a description"
        else:
            image.replace_with(str(image.get("alt", "")))
    for block in soup.find_all(_UNWRAPPED_BLOCKS):
        block.insert_before("\n")  # else the words before and after it would run together
        block.unwrap()
    return soup


def _make_accessible(soup: BeautifulSoup, table: Tag, section: str, caption: str | None) -> None:
    for attribute in ("border", "style", "id"):
        table.attrs.pop(attribute, None)
    if table.caption is None:
        element = soup.new_tag("caption", attrs={} if caption else {"class": "visually-hidden"})
        element.string = caption or section
        table.insert(0, element)
    head, bodies = table.thead, table.find_all("tbody")
    for header in head.find_all("th") if head else []:
        if not header.get_text(strip=True) and not header.find(True):
            header.name = "td"
        else:
            header["scope"] = "colgroup" if str(header.get("colspan", "1")) != "1" else "col"
    rows = [row for body in bodies for row in body.find_all("tr")]
    for row in rows:
        for header in row.find_all("th"):
            header["scope"] = "rowgroup" if str(header.get("rowspan", "1")) != "1" else "row"
    _align_numbers(head, rows)
    _widen_text(rows)
    _name_rows(rows)
    if "ops-table" in table.get_attribute_list("class"):
        _label_cells(table, rows)
    box = soup.new_tag("div", attrs={"class": "table-box"})
    table.wrap(box)


def _name_rows(rows: list[Tag]) -> None:
    """Where no row has a header, the first column is one if it tells the rows apart in words."""
    first = [row.find(["td", "th"], recursive=False) for row in rows]
    cells = [cell for cell in first if isinstance(cell, Tag)]
    texts = [cell.get_text(" ", strip=True) for cell in cells]
    if len(cells) < len(rows) or len(set(texts)) < len(texts) or any(is_number(text) or not text for text in texts):
        return
    if any(row.find("th") for row in rows) or any(cell.get("colspan") or cell.get("rowspan") for cell in cells):
        return
    for cell in cells:
        cell.name = "th"
        cell["scope"] = "row"


def _label_cells(table: Tag, rows: list[Tag]) -> None:
    """Name in each cell the head of its column, and the roles of all, for screens that show the rows as cards."""
    heads = [cell.get_text(" ", strip=True) for cell in table.find_all("th") if cell.find_parent("thead")]
    cells = [row.find_all(["td", "th"], recursive=False) for row in rows]
    if any(len(row) != len(heads) for row in cells):
        return
    for row in cells:
        for head, cell in zip(heads, row, strict=True):
            cell["role"] = "rowheader" if cell.name == "th" else "cell"
            if cell.name == "td":
                cell["data-label"] = head
    table["role"] = "table"
    for part in table.find_all(["thead", "tbody"]):
        part["role"] = "rowgroup"
    for line in table.find_all("tr"):
        line["role"] = "row"
    for header in table.thead.find_all("th") if table.thead else []:
        header["role"] = "columnheader"


def _align_numbers(head: Tag | None, rows: list[Tag]) -> None:
    cells = [row.find_all(["td", "th"], recursive=False) for row in rows]
    spans = any(str(cell.get(span, "1")) != "1" for row in cells for cell in row for span in ("colspan", "rowspan"))
    if not cells or spans or len({len(row) for row in cells}) != 1:
        return
    headers = [line.find_all(["td", "th"], recursive=False) for line in head.find_all("tr")] if head else []
    for column in range(len(cells[0])):
        texts = [row[column].get_text(" ", strip=True) for row in cells]
        numbers = [is_number(text) for text in texts]
        if not any(numbers) or not all(n or text.lower() in _MISSING for n, text in zip(numbers, texts, strict=True)):
            continue
        above = [line[column] for line in headers if len(line) == len(cells[0])]
        for cell in [row[column] for row in cells] + above:
            _add_class(cell, "num")


def _widen_text(rows: list[Tag]) -> None:
    """Cells of running text ask for width, so that a narrow screen scrolls the table and does not squeeze them."""
    for cell in [cell for row in rows for cell in row.find_all(["td", "th"], recursive=False)]:
        if not cell.find("details") and len(cell.get_text(" ", strip=True)) >= _LONG:
            _add_class(cell, "long")


def _add_class(cell: Tag, name: str) -> None:
    names = [str(value) for value in cell.get_attribute_list("class") if value]
    cell["class"] = " ".join(dict.fromkeys([*names, name]))


def _attribute_value(tag: str, name: str, value: str, *, web_links: bool, ticket_root: str) -> str | None:
    """The value of an attribute that `_cleaner` allows on its tag; None where it is one that could act or lead away."""
    if name == "href":
        is_of_the_web = web_links and bool(_WEB_LINK.match(value))
        is_ticket = ticket_root != "" and value.startswith(ticket_root)
        fits = bool(_LOCAL_LINK.match(value)) or is_of_the_web or is_ticket
    elif name == "src":
        fits = bool(_PICTURE.match(value))
    elif name == "role":
        fits = value in _ROLES
    else:
        fits = tag not in _SVG_TAGS or name not in _SVG_ATTRIBUTES or "url" not in value.lower()
    return value if fits else None


@lru_cache(maxsize=4)
def _cleaner(*, web_links: bool, ticket_root: str = "") -> Cleaner:
    """What lets only the allow-list through; of other tags the text stays, of comments nothing."""
    return Cleaner(
        tags=_TEXT_TAGS | _SVG_TAGS,
        attributes={
            **{tag: _ATTRIBUTES_OF_ALL | _ATTRIBUTES.get(tag, frozenset()) for tag in _TEXT_TAGS},
            **dict.fromkeys(_SVG_TAGS, _ATTRIBUTES_OF_ALL | _SVG_ATTRIBUTES),
        },
        attribute_filter=lambda tag, name, value: _attribute_value(
            tag, name, value, web_links=web_links, ticket_root=ticket_root
        ),
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
    )
