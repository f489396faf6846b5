"""Flags that several commands share, and those that an operator's signature gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from irs_engine.registry import Operator, Parameter

Command = Callable[..., Any]


def operator_options(operator: Operator) -> Callable[[Command], Command]:
    """One flag for each parameter of the operator."""

    def decorate(command: Command) -> Command:
        for parameter in reversed(operator.parameters):
            command = parameter_option(parameter)(command)
        return command

    return decorate


def looking_options(operator: Operator, output: str) -> Callable[[Command], Command]:
    """All that a command takes which looks at pictures; `output` says what -o writes."""

    def decorate(command: Command) -> Command:
        for option in (
            engine_options,
            click.option("-o", "--output", metavar="DIR", help=output),
            click.option("--json", "as_json", is_flag=True, help="One JSON object per picture and line."),
            operator_options(operator),
            click.option("-r", "--recursive", is_flag=True, help="Look into subfolders too."),
            click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
        ):
            command = option(command)
        return command

    return decorate


def parameter_option(parameter: Parameter) -> Callable[[Command], Command]:
    """The flag of one parameter."""
    flag = f"--{parameter.name.replace('_', '-')}"
    if parameter.type is bool:
        flag += f"/--no-{flag[2:]}"
    kind: Any = parameter.type
    if parameter.choices:
        kind = click.Choice(parameter.choices)
    elif parameter.range:
        ranges: Any = click.IntRange if parameter.type is int else click.FloatRange
        kind = ranges(parameter.type(parameter.range.low), parameter.type(parameter.range.high))
    return click.option(
        flag, parameter.name, type=kind, default=parameter.default, show_default=True, help=parameter.help
    )


def engine_options(command: Command) -> Command:
    """--device and --precision, passed on as they are: the engine checks them."""
    command = click.option(
        "--precision",
        default="auto",
        show_default=True,
        metavar="auto|fp32|bf16",
        help="Numbers that the networks compute with.",
    )(command)
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda[:N]",
        help="Where the networks run.",
    )(command)


def detector_option(command: Command) -> Command:
    """--detector, weights for the engine."""
    return click.option(
        "--detector",
        metavar="FILE|NAME",
        help="Find things with this one: trained by `train detector`, or a name from `weights list`.",
    )(command)


def classifier_option(command: Command) -> Command:
    """--classifier, likewise."""
    return click.option(
        "--classifier", metavar="FILE", help="Tag with this one too: trained by `train classifier`."
    )(command)
