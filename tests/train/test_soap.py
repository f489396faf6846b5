from copy import deepcopy

import torch

from irs_engine.train.soap import Soap


def steep_valley(optimiser_of, steps=150):
    """Least squares whose directions differ a thousand times in steepness, and lie askew."""
    torch.manual_seed(0)
    turn = torch.linalg.qr(torch.randn(12, 12))[0]
    inputs = torch.randn(400, 12) * torch.logspace(0, -1.5, 12) @ turn
    truth = torch.randn(12, 5)
    weight = torch.zeros(5, 12, requires_grad=True)
    bias = torch.zeros(5, requires_grad=True)
    optimiser = optimiser_of([weight, bias])
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 0.1 * (1 - step / steps)
        optimiser.zero_grad()
        loss = (inputs @ weight.T + bias - inputs @ truth).square().mean()
        loss.backward()
        optimiser.step()
    return loss.item()


def test_it_goes_down_a_steep_valley_faster_than_adam():
    assert steep_valley(Soap) < 0.5 * steep_valley(torch.optim.Adam)


def test_its_axes_stay_orthonormal_and_its_state_goes_on():
    torch.manual_seed(0)
    weight = torch.randn(6, 3, 2, 2, requires_grad=True)
    first = Soap([weight], every=2)
    for _ in range(7):
        weight.grad = torch.randn_like(weight)
        first.step()
    axes = first.state[weight]["right_axes"]
    torch.testing.assert_close(axes.T @ axes, torch.eye(12), atol=1e-4, rtol=0)

    copy = weight.detach().clone().requires_grad_()
    second = Soap([copy], every=2)
    second.load_state_dict(deepcopy(first.state_dict()))
    copy.grad = weight.grad = torch.randn_like(weight)
    first.step(), second.step()
    torch.testing.assert_close(copy, weight)


def test_longer_sides_are_not_rotated():
    weight = torch.randn(6, 4, requires_grad=True)
    weight.grad = torch.randn_like(weight)
    optimiser = Soap([weight], widest=4)
    optimiser.step()
    assert "right_axes" in optimiser.state[weight] and "left_axes" not in optimiser.state[weight]


def test_without_rotation_it_is_adamw_that_begins_a_step_later():
    torch.manual_seed(0)
    ours = torch.randn(6, 4, requires_grad=True)
    theirs = ours.detach().clone().requires_grad_()
    options = {"lr": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.1}
    soap, adamw = Soap([ours], widest=0, **options), torch.optim.AdamW([theirs], **options)
    for step in range(8):
        ours.grad = torch.randn_like(ours)
        theirs.grad = ours.grad.clone() if step else None
        soap.step(), adamw.step()
    torch.testing.assert_close(ours, theirs)
