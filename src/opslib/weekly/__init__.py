"""The weekly run: which notebooks for whom, their execution, their pages, and the pages around them."""

import sys

# jsonschema, which comes with papermill and nbformat, would build a grammar of IRIs: most of the time that importing
# them takes, for a check of formats that no notebook has. It does without where the package is not to be had.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
