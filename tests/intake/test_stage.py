from __future__ import annotations

import subprocess
import sys

from opslib.intake import stage


def test_staged_rows_depend_on_every_module_that_they_come_through() -> None:
    """Rows staged by a module that is left out would outlive the mending of it."""
    code = "import sys, opslib.intake.stage; print(*(n for n in sys.modules if n.startswith('opslib.intake.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == [f"opslib.intake.{name}" for name in sorted(stage.CODE)]
