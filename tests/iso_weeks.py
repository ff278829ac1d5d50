"""The ISO week of instants, by pandas alone."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd


def week_of(instants: pd.Series, zone: ZoneInfo | str) -> pd.Series:
    """Text such as `2026-W46`, on the wall clock of a zone."""
    return instants.dt.tz_convert(str(zone)).dt.strftime("%G-W%V")
