"""The colours of the house, told apart by people who do not see all of them; pages use them without matplotlib."""

from __future__ import annotations

INK = "#18202a"
MUTED = "#535f6c"
LINE = "#8b97a3"
GRID = "#e3e7eb"
BLUE = "#0a5aa8"
BAND = "#d6e4f2"
SKY = "#56a0d3"
ORANGE = "#b5540a"
GREEN = "#12663a"
RED = "#a12c18"
AMBER = "#7a4f00"
VIOLET = "#5a3fb8"
SAND = "#d9a441"
SAND_TEXT = "#8a6212"  # sand, dark enough for text
