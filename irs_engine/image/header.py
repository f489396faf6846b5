"""What a file says of itself before its pixels are touched; each format adds what its decoder needs."""

from __future__ import annotations

from dataclasses import dataclass

from irs_engine.image import exif as exif_data


@dataclass(frozen=True)
class Header:
    width: int  # as stored, before rotation
    height: int
    exif: bytes | None = None
    icc: bytes | None = None

    @property
    def orientation(self) -> int:
        return exif_data.orientation(self.exif)

    @property
    def shown_size(self) -> tuple[int, int]:
        """(width, height) after rotation."""
        return (self.width, self.height) if self.orientation < 5 else (self.height, self.width)
