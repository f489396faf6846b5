"""How strongly a JPEG was compressed, by its own quantisation tables."""

from __future__ import annotations

import struct

ENTRIES = 64

# Sum of the luma table of ITU T.81, annex K.1, which libjpeg calls quality 50 and scales for all others.
STANDARD_SUM = 3688


def read_tables(segment: bytes) -> dict[int, list[int]]:
    """The tables of a DQT segment (without its length) by number; what is broken is left out."""
    tables: dict[int, list[int]] = {}
    position = 0
    while position < len(segment):
        wide, number = divmod(segment[position], 16)
        form = f">{ENTRIES}{'H' if wide else 'B'}"
        end = position + 1 + struct.calcsize(form)
        if wide > 1 or end > len(segment):
            break
        tables[number] = list(struct.unpack(form, segment[position + 1 : end]))
        position = end
    return tables


def quality_of(table: list[int] | None) -> int | None:
    """The quality, 1 to 100, at which libjpeg would quantise as coarsely as this table on average.

    Other programs have tables of their own shape; what counts here is how much of the picture is lost.
    """
    if table is None or sum(table) < ENTRIES:
        return None
    scale = 100 * sum(table) / STANDARD_SUM
    quality = 100 - scale / 2 if scale <= 100 else 5000 / scale
    return max(1, min(100, round(quality)))
