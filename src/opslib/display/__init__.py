"""How anything is drawn: charts, cells, headlines and words, from tidy frames of any subject."""

from opslib.display.cells import frame

__all__ = ["frame"]
