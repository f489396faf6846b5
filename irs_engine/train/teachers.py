"""Teachers of the tagger: public networks read from their own files and run as plain torch modules.

A teacher answers two questions about a picture: its logits, and what it sees on the way (the maps at the end
of its stages). Its values are only ever used to compute targets; nothing of them enters a shipped weight.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from irs_engine.vision.scoring import GATES
from irs_engine.vision.vocabulary import load_vocabulary


class TfliteMobileNet(nn.Module):
    """A quantised MobileNetV2 classifier (.tflite), dequantised layer by layer.

    Input: (N, 3, H, W) in -1..1, any size divisible by 32. Output: logits and the outputs of the 17
    bottlenecks, the last convolution map included as the 18th.
    """

    def __init__(self, path: str | Path):
        super().__init__()
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        interpreter = Interpreter(
            str(path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        interpreter.allocate_tensors()
        details = {t["index"]: t for t in interpreter.get_tensor_details()}
        self.steps: list[tuple[str, int, tuple[int, ...]]] = []  # kind, output tensor, input tensors
        self.layers = nn.ModuleDict()
        for op in interpreter._get_ops_details():
            kind, output = op["op_name"], int(op["outputs"][0])
            inputs = tuple(int(i) for i in op["inputs"] if i >= 0)
            if kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
                image, weight, bias = inputs
                self.layers[str(output)] = _QuantisedConv(
                    _real(interpreter, details[weight]),
                    _real(interpreter, details[bias]),
                    depthwise=kind == "DEPTHWISE_CONV_2D",
                    stride=_stride(details[image]["shape"], details[output]["shape"]),
                    value_range=_value_range(details[output]),
                )
                self.steps.append(("conv", output, (image,)))
            elif kind == "ADD":
                self.steps.append(("add", output, inputs))
            elif kind in ("AVERAGE_POOL_2D", "MEAN"):
                self.steps.append(("pool", output, inputs[:1]))
            elif kind in ("RESHAPE", "QUANTIZE"):
                self.steps.append(("same", output, inputs[:1]))
            elif kind in ("SOFTMAX", "LOGISTIC"):
                break  # what comes before it are the logits, and they are what is wanted
            else:
                raise ValueError(f"{path}: operator {kind} is not known here")
        self.input = int(interpreter.get_input_details()[0]["index"])
        self.maps = self._bottleneck_outputs()
        self.requires_grad_(False).eval()

    def _bottleneck_outputs(self) -> list[int]:
        """Tensor numbers of the linear outputs of the bottlenecks and of the last convolution."""
        pool = next(i for i, step in enumerate(self.steps) if step[0] == "pool")
        maps = []
        for i, (kind, output, _) in enumerate(self.steps[:pool]):
            following = self.steps[i + 1]
            linear = kind == "conv" and not self.layers[str(output)].rectified
            if kind == "add" or (linear and not (following[0] == "add" and output in following[2])):
                maps.append(output)
        return [*maps, self.steps[pool][2][0]]

    def forward(self, x: Tensor, last_map: int | None = None) -> tuple[Tensor | None, list[Tensor]]:
        """Logits and maps; with `last_map`, the maps up to that one only and no logits."""
        values = {self.input: x}
        for kind, output, inputs in self.steps:
            if last_map is not None and self.maps[last_map] in values:
                return None, [values[i] for i in self.maps[: last_map + 1]]
            first = values[inputs[0]]
            if kind == "conv":
                values[output] = self.layers[str(output)](first)
            elif kind == "add":
                values[output] = first + values[inputs[1]]
            elif kind == "pool":
                values[output] = first.mean((2, 3), keepdim=True)
            else:
                values[output] = first
        return values[self.steps[-1][1]].flatten(1), [values[i] for i in self.maps]


class _QuantisedConv(nn.Module):
    """Convolution with TensorFlow's SAME padding and the saturation of its quantised output (which holds the
    ReLU6).
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, *, depthwise: bool, stride: int, value_range: tuple[float, float]
    ):
        super().__init__()
        if weight.ndim == 2:  # fully connected
            weight = weight[:, None, None, :]
        weight = weight.permute(3, 0, 1, 2) if depthwise else weight.permute(0, 3, 1, 2)  # -> O, I, kh, kw
        self.weight = nn.Parameter(weight.contiguous())
        self.bias = nn.Parameter(bias.reshape(-1))
        self.stride, self.value_range = stride, value_range
        self.groups = weight.shape[0] if depthwise else 1

    @property
    def rectified(self) -> bool:
        return self.value_range[0] >= 0

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.shape[-1]
        total = max(
            kernel - (self.stride if x.shape[-1] % self.stride == 0 else x.shape[-1] % self.stride), 0
        )
        before, after = total // 2, total - total // 2
        if before != after:
            x, before = F.pad(x, (before, after, before, after)), 0
        x = F.conv2d(x, self.weight, self.bias, self.stride, before, groups=self.groups)
        return x.clamp_(*self.value_range) if self.rectified else x


def _real(interpreter, detail: dict) -> Tensor:
    """A constant tensor with its quantisation taken off."""
    values = interpreter.get_tensor(detail["index"]).astype(np.float32)
    scheme = detail["quantization_parameters"]
    shape = [1] * values.ndim
    if len(scheme["scales"]) > 1:
        shape[scheme["quantized_dimension"]] = -1
    scales = np.reshape(scheme["scales"], shape) if len(scheme["scales"]) > 1 else scheme["scales"]
    zeros = np.reshape(scheme["zero_points"], shape) if len(scheme["scales"]) > 1 else scheme["zero_points"]
    return torch.from_numpy(((values - zeros) * scales).astype(np.float32))


def _stride(source: np.ndarray, target: np.ndarray) -> int:
    return 1 if len(target) < 4 else round(int(source[1]) / int(target[1]))


def _value_range(detail: dict) -> tuple[float, float]:
    scale, zero = detail["quantization"]
    limits = np.iinfo(detail["dtype"])
    return (limits.min - zero) * scale, (limits.max - zero) * scale


class SqueezeNetPlaces(nn.Module):
    """SqueezeNet 1.1 with batch normalisation, 365 scenes; arrays p000..p151 of an .npz in the order of its
    how-to.

    Input: (N, 3, H, W) in -1..1, RGB, 224 px in its own training. Output: logits (N, 365) and the 512-channel
    map before the classifier.
    """

    POOL_AFTER = ("conv1", "fire3", "fire5")

    def __init__(self, arrays: str | Path, mean_bgr: str | Path):
        super().__init__()
        with np.load(arrays) as file:
            self._values = iter([torch.from_numpy(file[name]) for name in sorted(file.files)])
        self.units = nn.ModuleDict({"conv1": self._unit(stride=2)})
        for number in range(2, 10):
            self.units[f"fire{number}"] = nn.ModuleList([self._unit(), self._unit(), self._unit()])
        self.classifier = self._convolution()
        self.register_buffer("mean", torch.from_numpy(np.load(mean_bgr)).float()[None])
        del self._values
        self.requires_grad_(False).eval()

    def _convolution(self, stride: int = 1) -> nn.Conv2d:
        weight, bias = next(self._values), next(self._values)
        weight = weight.flip(2, 3)  # the framework it comes from convolves, torch correlates
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], stride, weight.shape[2] // 2)
        conv.weight, conv.bias = nn.Parameter(weight.contiguous()), nn.Parameter(bias)
        return conv

    def _unit(self, stride: int = 1) -> nn.Conv2d:
        """Convolution with its batch normalisation folded in: beta, gamma, mean, 1 / deviation."""
        conv = self._convolution(stride)
        beta, gamma, mean, inverse = (next(self._values) for _ in range(4))
        scale = gamma * inverse
        assert conv.bias is not None
        conv.weight = nn.Parameter(conv.weight.detach() * scale[:, None, None, None])
        conv.bias = nn.Parameter((conv.bias.detach() - mean) * scale + beta)
        return conv

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(self.mean, Tensor)
        mean = F.interpolate(self.mean, x.shape[-2:], mode="area")
        x = ((x.flip(1) + 1) * 127.5 - mean) / 255
        for name, unit in self.units.items():
            if not isinstance(unit, nn.ModuleList):
                x = _leaky(unit(x))
            else:
                squeeze, one, three = unit
                x = _leaky(squeeze(x))
                x = torch.cat([_leaky(one(x)), _leaky(three(x))], 1)
            if name in self.POOL_AFTER:
                x = F.max_pool2d(x, 3, 2)
        return _leaky(self.classifier(x)).mean((2, 3)), x


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.55)  # the mean slope of the randomised ReLU it was trained with


def _classes_below(tag: str) -> list[int]:
    """The ImageNet classes that are kinds of a tag."""
    vocabulary = load_vocabulary()
    labels = vocabulary.labels("imagenet")
    return [i for i, id in enumerate(labels) if id and tag in (id, *vocabulary.ancestors(id))]


class Faculty(nn.Module):
    """All teachers of the tagger, asked about the same views.

    The specialists know nothing but their own kingdom and always name something of it, so they are asked only
    about views in which the first ImageNet network sees that kingdom.

    Args:
        folder: Where the teachers' files lie.
        second_opinion: Ask two ImageNet networks and average their probabilities, instead of one.
        ask: How probably a view must show their kingdom for specialists to be asked about it.
    """

    IMAGENET = ("tf2_mobilenet_v2_1.0_224_ptq.tflite", "mobilenet_v2_1.0_224_quant.tflite")
    SPECIALISTS: ClassVar[dict[str, str]] = {
        "birds": "bird_classifier.tflite",
        "insects": "mobilenet_v2_1.0_224_inat_insect_quant.tflite",
    }
    HEADS: ClassVar[dict[str, int]] = {
        "imagenet": 1000,
        "objects": 630,
        "places": 365,
        "birds": 964,
        "insects": 1021,
    }
    MAP_CHANNELS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320, 1280)

    def __init__(self, folder: str | Path, second_opinion: bool = False, ask: float = 0.3):
        super().__init__()
        folder = Path(folder)
        self.imagenet = nn.ModuleList(
            TfliteMobileNet(folder / name) for name in self.IMAGENET[: 1 + second_opinion]
        )
        self.objects = TfliteMobileNet(folder / "object_labeler.tflite")
        self.places = SqueezeNetPlaces(
            folder / "squeezenet_places365_f32.npz", folder / "places365_mean_bgr.npy"
        )
        self.specialists = nn.ModuleDict(
            {head: TfliteMobileNet(folder / name) for head, name in self.SPECIALISTS.items()}
        )
        self.ask = ask
        self._kingdoms = {head: _classes_below(GATES[head]) for head in self.SPECIALISTS}

    @torch.no_grad()
    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Logits by head, background class removed, and the maps of the first ImageNet network.

        The logits of a specialist are 0 where it was not asked.
        """
        first, maps = self.imagenet[0](x)
        opinions = [first[:, 1:], *(network(x)[0][:, 1:] for network in self.imagenet[1:])]
        imagenet = (
            torch.stack([o.log_softmax(1) for o in opinions]).logsumexp(0)
            if len(opinions) > 1
            else first[:, 1:]
        )
        logits = {
            "imagenet": imagenet,
            "objects": self.objects(x)[0][:, :630],
            "places": self.places(x)[0],
        }
        seen = imagenet.softmax(1)
        for head, network in self.specialists.items():
            logits[head] = imagenet.new_zeros(len(x), self.HEADS[head])
            asked = seen[:, self._kingdoms[head]].sum(1) >= self.ask
            if asked.any():
                logits[head][asked] = network(x[asked])[0][:, : self.HEADS[head]].to(imagenet.dtype)
        return logits, maps

    @torch.no_grad()
    def early_maps(self, x: Tensor, last_map: int) -> list[Tensor]:
        return self.imagenet[0](x, last_map)[1]
