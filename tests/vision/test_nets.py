import pytest
import torch

from irs_engine.errors import WeightsError
from irs_engine.registry import get_network
from irs_engine.vision.nets.layers import HalvingConv, fuse
from irs_engine.vision.nets.packed import pack
from irs_engine.vision.nets.tagger_net import TaggerNet, build_tagger_net


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = TaggerNet({"a": 3, "b": 5}).eval()
    for module in net.modules():  # statistics as after training, so that fusing has something to fold
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return net


def test_heads_and_shapes(net):
    with torch.inference_mode():
        found = net(torch.randn(2, 3, 224, 288))
        small = net.stages[0](torch.randn(1, 3, 64, 96))
    assert {name: tuple(value.shape) for name, value in found.items()} == {"a": (2, 3), "b": (2, 5)}
    assert small.shape == (1, net.widths[0], 16, 24)


def test_fusing_changes_nothing_but_speed(net):
    x = torch.randn(1, 3, 96, 64)
    with torch.inference_mode():
        before = net(x)
        after = fuse(net)(x)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    for head in before:  # fp32 sums in another order
        torch.testing.assert_close(after[head], before[head], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packing_changes_nothing_but_speed(net, dtype):
    x = torch.randn(2, 3, 96, 64).to(dtype).contiguous(memory_format=torch.channels_last)
    fused = fuse(net).to(dtype, memory_format=torch.channels_last)
    with torch.inference_mode():
        before = fused(x)
        after = pack(fused)(x)
        again = fused(x)
    tolerance = 1e-4 if dtype == torch.float32 else 0.1  # bf16 has 8 bits, and rounds at other places
    for head in before:
        torch.testing.assert_close(after[head], before[head], rtol=tolerance, atol=tolerance)
        assert torch.equal(after[head], again[head])


def test_halving_keeps_the_even_pixels():
    conv = HalvingConv(1, 1)
    conv.weight.data.zero_()
    conv.weight.data[0, 0, 0, 0] = 1  # the first tap of the window
    x = torch.arange(64.0).view(1, 1, 8, 8)
    assert torch.equal(conv(x), x[:, :, ::2, ::2])


def test_a_saved_network_comes_back(net):
    tensors = {
        name: value.half() if value.is_floating_point() else value for name, value in net.state_dict().items()
    }
    tensors["calibration.a"] = torch.tensor([1.0, 0.0])
    again = build_tagger_net(tensors)
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():  # half precision of the weights
        torch.testing.assert_close(again(x)["b"], net(x)["b"], rtol=0.05, atol=0.05)


def test_weights_that_do_not_fit_are_refused(net):
    tensors = dict(net.state_dict())
    del tensors["stages.0.0.0.weight"]
    with pytest.raises(WeightsError, match=r"stages\.0\.0\.0\.weight"):
        build_tagger_net(tensors)


def test_it_is_registered():
    assert get_network("TaggerNet") is TaggerNet
