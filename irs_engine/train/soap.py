"""SOAP (Vyas et al. 2024, arXiv 2409.11321): Adam in the eigenbasis of Shampoo's preconditioner.

For small networks the rotation costs little beside the convolutions, and it makes every step count: with a
quarter of the steps ESPCN is better than Adam leaves it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Soap(torch.optim.Optimizer):
    """Every parameter is a matrix, outputs by everything else, and is rotated on both sides; vectors on one.

    Args:
        betas: Of the moments and of the preconditioner.
        every: Steps between two updates of the eigenbases.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        every: int = 10,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "every": every})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    gradient = parameter.grad.reshape(len(parameter), -1)
                    change = self._change(self.state[parameter], gradient, group)
                    if change is not None:
                        parameter.add_(change.view_as(parameter), alpha=-group["lr"])

    def _change(self, state: dict[str, Any], gradient: Tensor, group: dict[str, Any]) -> Tensor | None:
        if not state:  # the first gradient only tells where the axes lie
            _begin(state, gradient)
            return None
        beta1, beta2 = group["betas"]
        state["step"] += 1
        state["mean"].lerp_(gradient, 1 - beta1)
        rotated = _rotate(state, gradient)
        state["square"].mul_(beta2).addcmul_(rotated, rotated, value=1 - beta2)
        mean = _rotate(state, state["mean"]) / (1 - beta1 ** state["step"])
        square = state["square"] / (1 - beta2 ** state["step"])
        change = _rotate_back(state, mean / (square.sqrt() + group["eps"]))
        state["left"].lerp_(gradient @ gradient.T, 1 - beta2)
        state["right"].lerp_(gradient.T @ gradient, 1 - beta2)
        if state["step"] % group["every"] == 0:
            _turn_axes(state)
        return change


def _begin(state: dict[str, Any], gradient: Tensor) -> None:
    state["step"] = 0
    state["mean"], state["square"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
    state["left"], state["right"] = gradient @ gradient.T, gradient.T @ gradient
    state["left_axes"] = torch.linalg.eigh(state["left"])[1]
    state["right_axes"] = torch.linalg.eigh(state["right"])[1]


def _rotate(state: dict[str, Any], x: Tensor) -> Tensor:
    return state["left_axes"].T @ x @ state["right_axes"]


def _rotate_back(state: dict[str, Any], x: Tensor) -> Tensor:
    return state["left_axes"] @ x @ state["right_axes"].T


def _turn_axes(state: dict[str, Any]) -> None:
    """One step of orthogonal iteration; the squares follow the order of the axes."""
    for side, dimension in (("left", 0), ("right", 1)):
        matrix, axes = state[side], state[f"{side}_axes"]
        order = ((axes.T @ matrix) * axes.T).sum(1).argsort(descending=True)
        state["square"] = state["square"].index_select(dimension, order)
        state[f"{side}_axes"] = torch.linalg.qr(matrix @ axes[:, order])[0]
