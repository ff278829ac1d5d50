"""Files that are something else than their name says: what several systems call Excel, and pages instead of exports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_START: Final = 4096
_TABLES: Final = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".xlsm")
_FORMS: Final = {
    r"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|meta|div)\b": "a web page (HTML)",
    r"\s*(<\?xml[^>]*>\s*)?(<\?mso-application[^>]*>\s*)?<(ss:)?Workbook\b": "an XML spreadsheet of 2003",
    r"\s*MIME-Version:": "a web page in a mail (MHTML)",
}


def disguise_of(path: Path, name: str) -> str | None:
    """What a file under the name of a table really is, where that cannot be read, and what to do; None else."""
    if not name.casefold().endswith(_TABLES):
        return None
    with path.open("rb") as stream:
        start = stream.read(_START)
    text = _decoded(start)
    for pattern, form in _FORMS.items():
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            return (
                f"this is {form} under the name of a table; open it in a spreadsheet and save it as CSV or XLSX, or "
                "choose one of these where the export is made. If it is the page of a log-in, export again"
            )
    return None


def is_text(start: bytes) -> bool:
    """Whether the first bytes of a file are those of a text, and not of a workbook."""
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return bool(start) and not re.search(rb"[\x00-\x08\x0e-\x1f]", start)


def _decoded(start: bytes) -> str:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start.decode("utf-16", "replace")
    return start.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
