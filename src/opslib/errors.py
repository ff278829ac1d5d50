"""The errors that a user of opslib can meet and mend."""

from __future__ import annotations


class OpslibError(Exception):
    """Something the user can mend: the message says where, what was expected and what to do."""


class SettingsError(OpslibError):
    """One or more values in params/ are not usable; the message lists all of them with file and line."""


class ExportError(OpslibError):
    """An export file cannot be read or lacks what its source mapping needs."""


class GateError(OpslibError):
    """The expectations themselves are not usable (an empty suite, an unknown expectation, too few that ran)."""


class WarehouseError(OpslibError):
    """The warehouse holds something else than what was asked of it."""


class NotInExport(OpslibError):
    """What was asked cannot be had from this export; reports say so in one line instead of a number."""
