"""What the speed benchmarks share: other runtimes for the same network, and taking turns."""

from __future__ import annotations

import importlib
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

WARM_UP = 3  # rounds that are not counted
ACTIVATIONS_OF_NCNN = {nn.Tanh: "TanH", nn.ReLU: "ReLU"}


def in_turn(contenders: dict[str, Callable[[], object]], runs: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each, in turn in every round, so that a noisy neighbour disturbs all alike."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(runs + WARM_UP):
        for name, work in contenders.items():
            time.sleep(0.02)  # the threads of the one before may still be spinning
            start = time.perf_counter()
            work()
            if number >= WARM_UP:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: {"min": min(t), "median": float(np.median(t))} for name, t in times.items()}


def runtimes(net: nn.Module, x: np.ndarray, threads: int) -> dict[str, Callable[[np.ndarray], list]]:
    """The network in the runtimes that are installed, by name: an array like `x` to the list of outputs."""
    found: dict[str, Callable[[np.ndarray], list]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net.onnx")
        try:
            torch.onnx.export(net, (torch.from_numpy(x),), path, opset_version=17, dynamo=False)
        except Exception as error:
            print(f"no ONNX file, so no other runtimes: {error}")
            return found
        _add_onnxruntime(found, path, threads)
        _add_openvino(found, path, threads)
        _add_opencv(found, path, x)
    return found


def _installed(name: str) -> Any:
    """The module, or None after a word that it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed")
        return None


def _add_onnxruntime(found: dict, path: str, threads: int) -> None:
    onnxruntime = _installed("onnxruntime")
    if onnxruntime is None:
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    found["onnxruntime"] = lambda a: session.run(None, {name: a})


def _add_openvino(found: dict, path: str, threads: int) -> None:
    openvino = _installed("openvino")
    if openvino is None:
        return
    core = openvino.Core()
    for precision, hint in (("fp32", "f32"), ("bf16", "bf16")):
        options = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint}
        request = core.compile_model(path, "CPU", options).create_infer_request()
        found[f"OpenVINO {precision}"] = lambda a, request=request: list(
            request.infer({0: a}, share_inputs=True, share_outputs=True).values()
        )


def ncnn_runtime(net: nn.Sequential, threads: int) -> Callable[[np.ndarray], np.ndarray] | None:
    """A chain of convolutions and activations in ncnn, (C, H, W) to (C, H, W); None where it is missing.

    ncnn reads no ONNX, so its two files are written here.
    """
    ncnn = _installed("ncnn")
    if ncnn is None:
        return None
    lines, weights = ["Input x 0 1 x0 0=0"], b""
    for number, layer in enumerate(net):
        ends = f"1 1 x{number} x{number + 1}"
        if isinstance(layer, nn.Conv2d):
            kernel, padding = layer.kernel_size[0], layer.padding[0]
            form = f"0={layer.out_channels} 1={kernel} 4={padding} 5=1 6={layer.weight.numel()}"
            lines.append(f"Convolution c{number} {ends} {form}")
            weights += (
                bytes(4) + layer.weight.detach().numpy().tobytes() + layer.bias.detach().numpy().tobytes()
            )
        elif isinstance(layer, nn.PixelShuffle):
            lines.append(f"PixelShuffle p{number} {ends} 0={layer.upscale_factor}")
        else:
            lines.append(f"{ACTIVATIONS_OF_NCNN[type(layer)]} a{number} {ends}")
    model = ncnn.Net()
    model.opt.num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        description, values = os.path.join(folder, "net.param"), os.path.join(folder, "net.bin")
        with open(description, "w") as file:
            file.write("\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines, ""]))
        with open(values, "wb") as file:
            file.write(weights)
        model.load_param(description)
        model.load_model(values)

    def run(x: np.ndarray) -> np.ndarray:
        extractor = model.create_extractor()
        extractor.input("x0", ncnn.Mat(x))
        return np.array(extractor.extract(f"x{len(net)}")[1])

    return run


def _add_opencv(found: dict, path: str, x: np.ndarray) -> None:
    import cv2

    def run(a: np.ndarray) -> list:
        net.setInput(a)
        return list(net.forward(net.getUnconnectedOutLayersNames()))

    try:
        net = cv2.dnn.readNetFromONNX(path)
        run(x)
    except cv2.error as error:
        print(f"OpenCV does not run this network: {error}")
        return
    found["OpenCV dnn"] = run
