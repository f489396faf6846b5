"""Operators and networks by name.

`@operator` reads a typed signature once; the command line, the REST checks, the doctor and the contract tests
derive from it.
"""

from __future__ import annotations

import functools
import inspect
import numbers
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from irs_engine.errors import ParameterError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both included: `Annotated[float, Range(0, 100)]`."""

    low: float
    high: float


FINITE = Range(-sys.float_info.max, sys.float_info.max)


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: type  # bool, int, float or str
    default: Any
    help: str = ""
    range: Range | None = None
    choices: tuple[str, ...] = ()  # of a Literal
    optional: bool = False  # None is accepted

    @property
    def accepts(self) -> str:
        """In words: "a number from 0 to 100"."""
        if self.type is bool:
            words = "True or False"
        elif self.choices:
            words = " or ".join(map(repr, self.choices))
        else:
            words = {int: "a whole number", float: "a number", str: "a string"}[self.type]
            if self.range:
                words += f" from {self.range.low:g} to {self.range.high:g}"
        return words + " or None" if self.optional else words

    def check(self, value: Any) -> Any:
        """The value as its declared type, or ParameterError."""
        if value is None and self.optional:
            return None
        if not self._fits(value):
            raise ParameterError(f"{self.name}={value!r}: expected {self.accepts} (default {self.default!r})")
        return self.type(value)

    def _fits(self, value: Any) -> bool:
        if type(value).__name__ in ("bool", "bool_"):  # a bool is an int to Python, not to people
            return self.type is bool
        if self.type is str:
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if self.type is bool or not isinstance(value, numbers.Integral if self.type is int else numbers.Real):
            return False
        number: Any = value
        bounds = self.range or FINITE
        return bounds.low <= number <= bounds.high  # false for nan


@dataclass(frozen=True, slots=True)
class Operator:
    """A verb of the engine: `getattr(engine, operator.name)(image, **options)`."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    enhances: bool = False  # gives a picture of the kind that it was given

    @property
    def defaults(self) -> dict[str, Any]:
        return {p.name: p.default for p in self.parameters}

    def check(self, options: dict[str, Any]) -> dict[str, Any]:
        """Every given option checked and as its declared type; ParameterError names what is accepted."""
        known = {p.name: p for p in self.parameters}
        if unknown := sorted(options.keys() - known.keys()):
            raise ParameterError(f"{self.name} has no parameter {unknown[0]!r}; it takes {', '.join(known)}")
        return {name: known[name].check(value) for name, value in options.items()}


_operators: dict[str, Operator] = {}
_networks: dict[str, Callable[..., Any]] = {}


def operator(function: F) -> F:
    """Register a function or method `(image, *, options...)`; its options are then checked on every call.

    One whose result is annotated `ImageOutput` enhances pictures.
    """
    name = function.__name__
    documented = _documented_arguments(function)
    parameters = tuple(
        _parameter(p, function, documented.get(p.name, ""))
        for p in inspect.signature(function).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    )
    summary = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ")
    returns = inspect.signature(function).return_annotation
    enhances = "ImageOutput" in (returns, getattr(returns, "__name__", None))
    verb = _operators[name] = Operator(name, summary, parameters, enhances)

    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        return function(*args, **verb.check(options))

    return checked  # type: ignore[return-value]


def list_operators() -> list[Operator]:
    return list(_operators.values())


def get_operator(name: str) -> Operator:
    return _find("operator", name, _operators)


def network(constructor: F) -> F:
    """Register a network under the name of its constructor, the `architecture` of a manifest entry."""
    _networks[constructor.__name__] = constructor
    return constructor


def get_network(name: str) -> Callable[..., Any]:
    return _find("network", name, _networks)


def _find(what: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise ParameterError(f"no {what} is called {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
    return known[name]


def _parameter(parameter: inspect.Parameter, function: Callable[..., Any], help: str) -> Parameter:
    annotation = parameter.annotation
    if isinstance(annotation, str):  # from __future__ import annotations
        annotation = eval(annotation, function.__globals__)  # type: ignore[attr-defined]
    found: dict[str, Any] = {}
    while get_origin(annotation) in (Annotated, Union, types.UnionType):
        first, *rest = get_args(annotation)
        if get_origin(annotation) is Annotated:
            found["range"] = next((r for r in rest if isinstance(r, Range)), None)
        elif rest != [type(None)]:
            raise TypeError(f"{function.__name__}: {parameter.name}: of unions only `X | None` is understood")
        else:
            found["optional"] = True
        annotation = first
    if get_origin(annotation) is Literal:
        found["choices"], annotation = get_args(annotation), str
    if annotation not in (bool, int, float, str) or parameter.default is parameter.empty:
        raise TypeError(f"{function.__name__}: {parameter.name}: needs a default and a plain type or Literal")
    return Parameter(parameter.name, annotation, parameter.default, help, **found)


def _documented_arguments(function: Callable[..., Any]) -> dict[str, str]:
    """`{name: text}` from the lines under "Args:"."""
    _, _, lines = (inspect.getdoc(function) or "").partition("Args:\n")
    found: dict[str, str] = {}
    name = ""
    for line in lines.splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == 0:
            break
        if indent == 4:
            name, _, text = line.strip().partition(": ")
            found[name] = text
        else:
            found[name] += " " + line.strip()
    return found
