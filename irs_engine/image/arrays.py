"""Numpy arrays and torch tensors as images. torch is never imported: who gives a tensor has it already."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from irs_engine.errors import ImageError
from irs_engine.image.limits import Limits
from irs_engine.image.raster import Raster

if TYPE_CHECKING:
    import torch

ACCEPTED_ARRAY = "expected RGB uint8 or uint16, shaped (H, W, 3), (H, W, 4), (H, W, 1) or (H, W)"
ACCEPTED_TENSOR = "expected RGB (3, H, W), uint8 or floating point in 0..1"
TOLERANCE = 1e-3  # resizing leaves values slightly outside 0..1; they are clipped


def raster_of_array(array: np.ndarray, limits: Limits) -> Raster:
    """Shares memory with the array where its layout allows."""
    given = f"an array of {array.dtype} {array.shape}"
    if array.dtype.kind == "f":
        raise ImageError(
            f"{given}; {ACCEPTED_ARRAY}: if its values are in 0..1 give (array * 255).round().astype('uint8')"
        )
    if array.dtype.kind == "b":
        raise ImageError(f"{given}; {ACCEPTED_ARRAY}: give array.astype('uint8') * 255")
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise ImageError(f"{given}; {ACCEPTED_ARRAY}: give array.astype('uint8') if its values are 0..255")
    if array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4):
        raise ImageError(f"{given}; {ACCEPTED_ARRAY}: give array.transpose(1, 2, 0)")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        hint = ": one picture at a time" if array.ndim == 4 else ""
        raise ImageError(f"{given}; {ACCEPTED_ARRAY}{hint}")
    limits.check_size(array.shape[1], array.shape[0])

    array = np.asarray(array, array.dtype.newbyteorder("="))
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim == 3 and array.shape[2] == 4:
        return Raster(np.ascontiguousarray(array[..., :3]), np.ascontiguousarray(array[..., 3]))
    return Raster(np.ascontiguousarray(array))


def is_tensor(image: Any) -> bool:
    return isinstance(image, getattr(sys.modules.get("torch"), "Tensor", ()))


def raster_of_tensor(
    tensor: torch.Tensor, limits: Limits, depth: type[np.unsignedinteger] = np.uint16
) -> Raster:
    """uint8 stays; floating point becomes `depth`, np.uint8 or np.uint16."""
    floating = tensor.is_floating_point()
    given = f"a tensor of {tensor.dtype} {tuple(tensor.shape)}".replace("torch.", "")
    if tensor.ndim != 3 or tensor.shape[0] != 3:
        hint = ": one picture at a time, tensor[0]" if tensor.ndim == 4 else ""
        hint = ": give tensor.permute(2, 0, 1)" if tensor.ndim == 3 and tensor.shape[2] == 3 else hint
        raise ImageError(f"{given}; {ACCEPTED_TENSOR}{hint}")
    if not floating and str(tensor.dtype) != "torch.uint8":
        raise ImageError(f"{given}; {ACCEPTED_TENSOR}: give tensor.to(torch.uint8) if its values are 0..255")
    limits.check_size(tensor.shape[2], tensor.shape[1])

    tensor = tensor.detach()
    values = (tensor.float() if floating else tensor).cpu().numpy().transpose(1, 2, 0)
    if floating:
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ImageError(
                f"{given} with NaN or infinite values; {ACCEPTED_TENSOR}: give tensor.nan_to_num()"
            )
        if low < -TOLERANCE or high > 1 + TOLERANCE:
            raise ImageError(
                f"{given} with values {low:.4g}..{high:.4g}; {ACCEPTED_TENSOR}: "
                "give tensor / 255, or undo a normalisation by mean and standard deviation"
            )
        values = (values.clip(0, 1) * np.float32(np.iinfo(depth).max) + np.float32(0.5)).astype(depth)
    return Raster(np.ascontiguousarray(values))
