"""Teachers of the detector: two small public networks, read from their own ONNX files and run by OpenVINO.

They answer for square views, (N, side, side, 3) RGB uint8, side divisible by 32; in "f32" or "bf16".
Their values are only ever used to compute targets; nothing of them enters a shipped weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irs_engine.vision.nets.detector_net import SIDE, STRIDES

JOINED = ("hardswish_14.tmp_0", "hardswish_22.tmp_0", "hardswish_30.tmp_0", "tmp_0")  # PicoDet's neck
PICODET, YOLOX = "picodet_s_416_coco.onnx", "yolox_nano.onnx"  # names of the files
MAP_CHANNELS = 96
Run = Callable[[np.ndarray], list[np.ndarray]]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass
class Dense:
    """What a teacher says of every place of the four grids, in the order of `detector_net.grid`."""

    scores: Tensor  # (N, places, classes) in 0..1
    sides: Tensor  # (N, places, 4 BINS) logits
    maps: list[Tensor]  # (N, MAP_CHANNELS, h, w), what its heads read


class PicoDet:
    """PicoDet-S 416 (Yu et al. 2021): grids and bins as ours."""

    def __init__(self, path: str | Path, side: int = SIDE, precision: str = "f32"):
        self._run, shapes = _compiled(path, JOINED, side, precision)
        # Scores and sides come in an order of the exporter's own; their shapes tell them apart.
        self._order = [
            sorted((i for i, shape in enumerate(shapes) if test(shape)), key=lambda i: -size(shapes[i]))
            for test, size in (
                (lambda shape: len(shape) == 3 and shape[2] == 80, lambda shape: shape[1]),
                (lambda shape: len(shape) == 3 and shape[2] == 32, lambda shape: shape[1]),
                (lambda shape: len(shape) == 4, lambda shape: shape[2]),
            )
        ]

    def __call__(self, views: np.ndarray) -> Dense:
        normal = (views.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        answers = [self._answer(row) for row in normal.transpose(0, 3, 1, 2)]
        scores, sides, *maps = (
            torch.from_numpy(np.concatenate(column)) for column in zip(*answers, strict=True)
        )
        return Dense(scores, sides, maps)

    def _answer(self, picture: np.ndarray) -> list[np.ndarray]:
        found = self._run(np.ascontiguousarray(picture[None]))
        scores, sides, maps = ([found[i] for i in numbers] for numbers in self._order)
        return [np.concatenate(scores, 1), np.concatenate(sides, 1), *maps]


class YoloxNano:
    """YOLOX-nano 416 (Ge et al. 2021)."""

    STRIDES = (8, 16, 32)

    def __init__(self, path: str | Path, side: int = SIDE, precision: str = "f32"):
        self._run, _ = _compiled(path, (), side, precision)
        places, strides = [], []
        for stride in self.STRIDES:
            count = side // stride
            y, x = np.mgrid[:count, :count]
            places.append(np.stack([x, y], 2).reshape(-1, 2))
            strides.append(np.full((count * count, 1), stride))
        self._places, self._strides = np.concatenate(places), np.concatenate(strides)

    def __call__(self, views: np.ndarray) -> tuple[Tensor, Tensor]:
        """(N, m, 4) boxes (left, top, right, bottom in pixels) and (N, m, 80) scores in 0..1."""
        pictures = views[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)  # BGR, 0..255
        found = np.concatenate([self._run(np.ascontiguousarray(row[None]))[0] for row in pictures])
        centres = (found[..., :2] + self._places) * self._strides
        half = np.exp(found[..., 2:4]) * self._strides / 2
        boxes = np.concatenate([centres - half, centres + half], 2)
        return torch.from_numpy(boxes).float(), torch.from_numpy(found[..., 4:5] * found[..., 5:])


def _compiled(
    path: str | Path, more: Sequence[str], side: int, precision: str
) -> tuple[Run, list[tuple[int, ...]]]:
    """The network as a function of one picture to its outputs and those called `more`, and their shapes."""
    import openvino

    core = openvino.Core()
    model = core.read_model(str(path))
    model.add_outputs(list(more))
    if side != SIDE:
        _resize(model, side)
    options = {
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(model, "CPU", options).create_infer_request()
    shapes = [tuple(output.shape) for output in model.outputs]

    def run(picture: np.ndarray) -> list[np.ndarray]:
        found = request.infer({0: picture})
        return [found[i].copy() for i in range(len(shapes))]  # the request writes over its own

    return run, shapes


def _resize(model: Any, side: int) -> None:
    """Make a network for pictures of SIDE x SIDE one for side x side."""
    import openvino

    # The exporter wrote the grids into the shapes in which channels are shuffled.
    grids = {math.ceil(SIDE / stride): math.ceil(side / stride) for stride in STRIDES}
    for op in model.get_ops():
        pattern = op.input_value(1).get_node() if op.get_type_name() == "Reshape" else None
        if pattern is not None and pattern.get_type_name() == "Constant":
            shape = [grids.get(int(length), int(length)) for length in pattern.data]
            op.input(1).replace_source_output(openvino.opset13.constant(shape, np.int64).output(0))
    # `Model.reshape` looks at the graph as it is before, which these shapes do not fit.
    model.inputs[0].get_node().set_partial_shape(openvino.PartialShape([1, 3, side, side]))
    model.validate_nodes_and_infer_types()


def filters_of(path: str | Path) -> list[Tensor]:
    """The filters of an ONNX file, (outputs, inputs, h, w) each; of grouped ones, inputs of a group."""
    import openvino

    constants = (
        op for op in openvino.Core().read_model(str(path)).get_ops() if op.get_type_name() == "Constant"
    )
    arrays = [
        torch.from_numpy(op.data.copy()) for op in constants if op.get_output_size() and len(op.shape) >= 4
    ]
    return [array.flatten(0, array.ndim - 4).float() for array in arrays if array.numel() > 1]
