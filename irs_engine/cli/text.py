"""Columns of text for a terminal, where a Chinese character is two cells wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from click import unstyle


def cells(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in unstyle(text)
    )


def align(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """The rows as lines of left-aligned columns."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(text + " " * (width - cells(text)) for text, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join((indent + line).rstrip() for line in lines)
