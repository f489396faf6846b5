"""One command for every operator that enhances pictures, made from its signature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from irs_engine.cli.batch import Batch, Source, output_path
from irs_engine.cli.options import engine_options, operator_options
from irs_engine.engine import Engine
from irs_engine.errors import IrsError
from irs_engine.registry import Operator, list_operators

SUFFIXES = {b"\xff\xd8": "jpg", b"\x89P": "png", b"BM": "bmp", b"RI": "webp"}  # by the first two bytes


def enhancements() -> list[click.Command]:
    return [_command(operator) for operator in list_operators() if operator.enhances]


def _command(operator: Operator) -> click.Command:
    @click.command(
        operator.name.replace("_", "-"),
        help=f"{operator.summary}\n\nPATH is a picture, a folder, "
        "or - for standard input. Results keep the format, depth, profile and EXIF data of the pictures.",
    )
    @click.argument("paths", nargs=-1, required=True, metavar="PATH...")
    @click.option("-r", "--recursive", is_flag=True, help="Look into subfolders too.")
    @click.option("-o", "--output", required=True, metavar="DIR", help="Write the results to this folder.")
    @operator_options(operator)
    @engine_options
    def command(
        paths: tuple[str, ...], recursive: bool, output: str, device: str, precision: str, **options: Any
    ) -> int:
        verb = getattr(Engine(device=device, precision=precision), operator.name)
        batch = Batch(paths, recursive=recursive, as_json=False)
        taken: set[Path] = set()
        with batch:
            for source in batch.sources:
                try:
                    result = verb(_encoded(source), **options)
                    path = output_path(output, _named(source, result), taken)
                    path.write_bytes(result)
                except (IrsError, OSError) as error:
                    batch.fail(source.path, error)
                else:
                    batch.done(str(path))
        return batch.exit_code()

    return command


def _named(source: Source, result: bytes) -> Source:
    """Standard input has no name that says its format: its first bytes do."""
    return replace(source, name=f"stdin.{SUFFIXES[result[:2]]}") if source.path == "-" else source


def _encoded(source: Source) -> bytes:
    """The bytes of a picture, so that the result is in its format."""
    from irs_engine.image import DEFAULT_LIMITS, read_file

    return source.image if isinstance(source.image, bytes) else read_file(source.image, DEFAULT_LIMITS)
