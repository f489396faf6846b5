"""What the gate lets in, decided before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from irs_engine.errors import ImageFormatError, ImageSizeError

FORMATS = ("JPEG", "PNG", "BMP", "WEBP")

# A bomb is small and decodes to a lot. Deflate cannot exceed 1032:1, which bombs come close to and large flat
# drawings do not; below 64 MiB nobody is hurt.
FREE_GROWTH_BYTES = 64 * 2**20
MAX_GROWTH = 800


@dataclass(frozen=True)
class Limits:
    """Largest and smallest image accepted; sizes are in pixels.

    The defaults let pass every photo that a camera or a phone makes, 200 megapixels included. `max_bytes` and
    `formats` are for encoded data only.
    """

    max_bytes: int = 2**30
    max_pixels: int = 2**28  # 268 million: 0.8 GB as RGB
    max_side: int = 65_535  # what JPEG can say
    min_side: int = 1
    formats: tuple[str, ...] = FORMATS

    def check_bytes(self, count: int) -> None:
        if count > self.max_bytes:
            raise ImageSizeError(f"{count:,} bytes; {self.max_bytes:,} are accepted (Limits.max_bytes)")

    def check_format(self, name: str) -> None:
        if name not in self.formats:
            raise ImageFormatError(f"a {name} file; accepted here: {', '.join(self.formats)}")

    def check_size(self, width: int, height: int) -> None:
        what = f"{width} x {height} pixels"
        if min(width, height) < 1:
            raise ImageSizeError(f"{what}: there is nothing in it")
        if min(width, height) < self.min_side:
            raise ImageSizeError(f"{what}; the shorter side needs {self.min_side} or more (Limits.min_side)")
        if max(width, height) > self.max_side:
            raise ImageSizeError(
                f"{what}; a side has {self.max_side} at most (Limits.max_side); scale it down first"
            )
        if width * height > self.max_pixels:
            raise ImageSizeError(
                f"{what} are {width * height:,}; at most {self.max_pixels:,} are accepted "
                "(Limits.max_pixels); scale it down first"
            )


DEFAULT_LIMITS = Limits()


def check_growth(decoded: int, encoded: int) -> None:
    """Refuse data that decodes to far more bytes than pictures do."""
    if decoded > max(FREE_GROWTH_BYTES, MAX_GROWTH * encoded):
        raise ImageSizeError(
            f"{encoded:,} bytes would decode to {decoded:,}, as decompression bombs do; "
            "if this is a picture, decode it elsewhere and give its pixels"
        )
