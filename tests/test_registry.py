from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Optional

import numpy as np
import pytest

from irs_engine import registry
from irs_engine.errors import ParameterError
from irs_engine.registry import Range, get_network, get_operator, list_operators, network, operator


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_operators", {})
    monkeypatch.setattr(registry, "_networks", {})


@pytest.fixture
def defog():
    @operator
    def defog(
        image: Any,
        *,
        gamma: Annotated[float, Range(0.1, 10)] = 1.5,
        natural_look: bool = True,
        radius: Optional[Annotated[int, Range(1, 64)]] = None,  # noqa: UP045
        model: Literal["a", "b"] = "a",
    ) -> dict[str, Any]:
        """Remove haze
        from a picture.

        Longer words.

        Args:
            gamma: How much
                to remove.
            natural_look: Keep it natural.
        Returns:
            not an argument
        """
        return {
            "image": image,
            "gamma": gamma,
            "natural_look": natural_look,
            "radius": radius,
            "model": model,
        }

    return defog


def test_signature_becomes_parameters(defog):
    found = get_operator("defog")
    assert [op.name for op in list_operators()] == ["defog"]
    assert found.summary == "Remove haze from a picture."
    gamma, natural, radius, model = found.parameters
    assert (gamma.type, gamma.default, gamma.range, gamma.help) == (
        float,
        1.5,
        Range(0.1, 10),
        "How much to remove.",
    )
    assert (natural.type, natural.default, natural.help) == (bool, True, "Keep it natural.")
    assert (radius.type, radius.optional, radius.default, radius.range) == (int, True, None, Range(1, 64))
    assert (model.type, model.choices, model.help) == (str, ("a", "b"), "")
    assert (
        gamma.accepts == "a number from 0.1 to 10" and radius.accepts == "a whole number from 1 to 64 or None"
    )


def test_call_gives_declared_types(defog):
    got = defog("x", gamma=2, radius=np.int64(3), natural_look=np.bool_(False))
    assert got == {"image": "x", "gamma": 2.0, "natural_look": False, "radius": 3, "model": "a"}
    assert [type(v) for v in got.values()] == [str, float, bool, int, str]
    assert defog("x", gamma=np.float32(0.5))["gamma"] == 0.5 and defog("x", radius=None)["radius"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gamma", 0.05),
        ("gamma", 10.001),
        ("gamma", math.nan),
        ("gamma", math.inf),
        ("gamma", "2"),
        ("gamma", None),
        ("gamma", True),
        ("gamma", 1j),
        ("gamma", [2]),
        ("radius", 0),
        ("radius", 65),
        ("radius", 3.0),
        ("radius", True),
        ("natural_look", 1),
        ("natural_look", "yes"),
        ("natural_look", None),
        ("model", "c"),
        ("model", None),
        ("model", 1),
    ],
)
def test_refused(defog, name, value):
    with pytest.raises(ParameterError) as raised:
        defog("x", **{name: value})
    parameter = next(p for p in get_operator("defog").parameters if p.name == name)
    assert f"{name}={value!r}" in str(raised.value) and parameter.accepts in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_unknown_option(defog):
    with pytest.raises(
        ParameterError, match="no parameter 'gama'; it takes gamma, natural_look, radius, model"
    ):
        defog("x", gama=2)


def test_methods_are_operators_too():
    class Engine:
        @operator
        def shrink(self, image: Any, *, times: Annotated[int, Range(1, 8)] = 2) -> Any:
            """Shrink."""
            return self, image, times

    engine = Engine()
    assert engine.shrink("x", times=3) == (engine, "x", 3)
    with pytest.raises(ParameterError):
        engine.shrink("x", times=9)


def test_signatures_that_cannot_be_derived_from():
    with pytest.raises(TypeError, match="needs a default"):

        @operator
        def one(image, *, strength: float):
            pass

    with pytest.raises(TypeError, match="of unions only"):

        @operator
        def two(image, *, strength: float | str = 1):
            pass

    assert list_operators() == []


def test_unknown_operator_lists_those_there_are(defog):
    with pytest.raises(ParameterError, match="no operator is called 'defrost'; there are: defog"):
        get_operator("defrost")


def test_networks():
    @network
    class Net:
        pass

    assert get_network("Net") is Net
    with pytest.raises(ParameterError, match="there are: Net"):
        get_network("Nat")
