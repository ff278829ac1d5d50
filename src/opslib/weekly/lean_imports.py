"""A grammar that is not built: most of the time that importing papermill, nbformat or Great Expectations takes.

All three import jsonschema, which builds a grammar of IRIs with `rfc3987_syntax` to check a format that no notebook and
no suite has. jsonschema does without where that package cannot be imported, and `skip_iri_grammar` has it so.
"""

from __future__ import annotations

import sys

MEASURED = {"jsonschema": "4.26", "rfc3987-syntax": "1.1"}
"""The versions, major and minor, with which it was measured what this saves."""


def skip_iri_grammar() -> None:
    """Let this process, from now on, do without `rfc3987_syntax`; what has been imported before stays.

    Called once by a process that belongs to the run, before it imports one of the three, and never in a kernel.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
