"""The secret that the keys of the pseudonyms are derived from, as the environment has it; it imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from typing import Final

KEY_VARIABLE: Final = "OPSLIB_KEY"
HOW_TO_MAKE_A_KEY: Final = 'make one with: python -c "import secrets; print(secrets.token_hex(32))"'


def take_secret(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """Take `OPSLIB_KEY` out of the environment, so that no kernel or worker that is started later has it."""
    return environment.pop(KEY_VARIABLE, None)
