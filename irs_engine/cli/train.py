"""irs-engine train: detectors and classifiers of one's own, and photos to try it with."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from irs_engine.train.progress import Progress

Command = Callable[..., Any]


class Terminal(Progress):
    """Progress on stderr: lines, and on a terminal what passes as well."""

    def line(self, text: str) -> None:
        click.echo(f"{self._clear()}{text}", err=True)

    def passing(self, text: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"{self._clear()}{text}", nl=False, err=True)

    def done(self) -> None:
        click.echo(self._clear(), nl=False, err=True)

    @staticmethod
    def _clear() -> str:
        return "\r\x1b[K" if sys.stderr.isatty() else ""


@click.group()
def train() -> None:
    """Teach the engine things of your own."""


def _options(data: str, start: str) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--device",
                default="auto",
                show_default=True,
                metavar="auto|cpu|cuda[:N]",
                help="Where to train.",
            ),
            click.option("--start", metavar="FILE", help=start),
            click.option(
                "--out", required=True, metavar="FILE", help="Write the weights here, as .safetensors."
            ),
            click.option("--data", required=True, metavar="DIR", help=data),
        ):
            command = option(command)
        return command

    return decorate


@train.command()
@_options(
    "Photos with boxes, in the layout of COCO, YOLO or Pascal VOC.",
    "Detector to begin with, instead of the one that comes with the package.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=30,
    show_default=True,
    help="How often all photos are learned from.",
)
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Photos of a step.")
def detector(data: str, out: str, **options: Any) -> None:
    """Learn to find things, from photos with boxes around them.

    After each epoch the losses are shown and how good the boxes are in photos that are kept back. The best
    detector so far is always in FILE, and beside it a sheet of photos (.png) with what it finds. Stop it
    whenever you like: the same command goes on.
    """
    _require("pycocotools", "yaml")
    from irs_engine.train.custom_detector import train_detector

    progress = Terminal()
    try:
        train_detector(data, out, progress=progress, **options)
    except KeyboardInterrupt:
        progress.line("stopped; the same command goes on from here")
        raise
    finally:
        progress.done()
    click.echo(out)


@train.command()
@_options(
    "A folder of photos for each class, called by its name; none/ for photos of no class.",
    "Tagger to begin with, instead of the one that comes with the package.",
)
def classifier(data: str, out: str, **options: Any) -> None:
    """Learn new tags, from a folder of photos for each.

    It takes minutes. FILE then tags all that the tagger knows and the new classes as well; beside it is a
    sheet of photos (.png) that were kept back, with what they are taken for.
    """
    from irs_engine.train.custom_classifier import train_classifier

    progress = Terminal()
    try:
        train_classifier(data, out, progress=progress, **options)
    except KeyboardInterrupt:
        progress.line("stopped; nothing was written")
        raise
    finally:
        progress.done()
    click.echo(out)


@train.command()
@click.option("--out", required=True, metavar="DIR", help="A new folder for the photos.")
@click.option("--photos", type=click.IntRange(1), default=120, show_default=True, help="How many.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["detector", "classifier"]),
    default="detector",
    show_default=True,
    help="Photos with boxes around heads, or heads cut out in a folder for each class.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another one draws others."
)
def sample(out: str, photos: int, kind: str, seed: int) -> None:
    """Draw photos to try it with: building sites, people with helmets and without."""
    from irs_engine.train.site_scenes import write_classifier_data, write_detector_data

    progress = Terminal()
    write = write_detector_data if kind == "detector" else write_classifier_data
    try:
        write(Path(out).expanduser(), photos, seed, progress)
    finally:
        progress.done()
    click.echo(out)


def _require(*modules: str) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise click.ClickException(f"{error}; run: pip install 'irs-engine[train]'") from error
