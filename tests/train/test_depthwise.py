import pytest
import torch
import torch.nn.functional as F
from torch import nn

from irs_engine.train.depthwise import DepthwiseConv2d, full_precision_gradients


def gradients(conv, x):
    x = x.clone().requires_grad_()
    conv.zero_grad()
    y = conv(x)
    y.float().square().sum().backward()
    return y, x.grad, conv.weight.grad


@pytest.mark.parametrize("channels", [6, 16, 48])  # the native code takes multiples of 16
@pytest.mark.parametrize("side", [3, 5, 7])
@pytest.mark.parametrize("size", [(9, 7), (1, 1), (2, 3), (5, 1)])
def test_values_and_gradients_are_those_of_torch(channels, side, size):
    torch.manual_seed(0)
    plain = nn.Conv2d(channels, channels, side, padding=side // 2, groups=channels, bias=False)
    ours = full_precision_gradients(nn.Sequential(plain, nn.Conv2d(channels, channels, 1)))[0]
    assert type(ours) is DepthwiseConv2d
    x = torch.randn(2, channels, *size)
    expected = F.conv2d(x, ours.weight, padding=side // 2, groups=channels)
    assert torch.equal(ours(x), expected)
    plain = nn.Conv2d(channels, channels, side, padding=side // 2, groups=channels, bias=False)
    plain.weight.data.copy_(ours.weight.data)
    for a, b in zip(gradients(ours, x), gradients(plain, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_under_autocast_the_gradient_of_the_kernel_is_full_precision():
    torch.manual_seed(0)
    conv = full_precision_gradients(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)))[0]
    x = torch.randn(2, 4, 8, 8).bfloat16()
    _, _, exact = gradients(conv, x.float())
    with torch.autocast("cpu", torch.bfloat16):
        y, by_x, by_weight = gradients(conv, x)
    assert y.dtype == by_x.dtype == torch.bfloat16 and by_weight.dtype == torch.float32
    torch.testing.assert_close(by_weight, exact, rtol=0.02, atol=0.5)


def test_other_convolutions_are_left_alone():
    net = full_precision_gradients(nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)))
    assert [type(m) for m in net] == [nn.Conv2d, nn.Conv2d, nn.BatchNorm2d]
