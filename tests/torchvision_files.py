"""What stands in for torchvision's published detection weights: files of random numbers on loopback."""

import functools
import hashlib
import io
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from conftest import make_photo
from loopback import serving
from torchvision.models import get_model, get_model_weights


@functools.cache
def random_tensors(name):
    """Of a network that sees something everywhere: its norms know photos, what its layers say is spread."""
    torch.manual_seed(0)
    net = get_model(name, weights=None, weights_backbone=None)
    photos = torch.from_numpy(np.stack([make_photo(128, 128, seed) for seed in range(4)]))
    photos = photos.permute(0, 3, 1, 2) / 255
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the first statistics replace what it begins with
    with torch.no_grad():
        maps = list(net.train().backbone(2 * photos - 1).values())
        if name.startswith("ssd"):
            net.head(maps)
            spreads = {layers[1]: 2 for layers in net.head.classification_head.module_list}
        else:
            box, rpn = net.roi_heads.box_predictor, net.rpn.head
            spreads = {block[0]: 1 for block in net.backbone.fpn.layer_blocks}
            spreads |= {rpn.cls_logits: 1, rpn.bbox_pred: 0.2, box.cls_score: 0.6, box.bbox_pred: 1}
        hooks = [layer.register_forward_hook(_spread_to(width)) for layer, width in spreads.items()]
        net.eval()(list(photos))
    for hook in hooks:
        hook.remove()
    return net.state_dict()


def _spread_to(width):
    """A hook that scales a layer so that its answers have this standard deviation."""

    def hook(layer, _, answers):
        scale = width / answers.std()
        layer.weight.mul_(scale)
        return answers * scale

    return hook


def publish(content, folder, name, sha256=None):
    """Write what torch.save makes of `content` as torchvision names its files, with the start of a sha256."""
    data = io.BytesIO()
    torch.save(content, data)
    digest = sha256 or hashlib.sha256(data.getvalue()).hexdigest()
    file = folder / f"{name}-{digest[:8]}.pth"
    file.write_bytes(data.getvalue())
    return file


@contextmanager
def published(content, folder, name, sha256=None, path=None):
    """torchvision finds `content` as its weights of this name, or else what is at the path of the server.

    All caches are in the folder.
    """
    root = folder / "served"
    root.mkdir(exist_ok=True)
    file = publish(content, root, name, sha256)
    with serving(root) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(get_model_weights(name).DEFAULT.value, "url", f"{url}/{path or file.name}")
        patch.setenv("TORCH_HOME", str(folder / "torch"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "home"))
        patch.delenv("IRS_WEIGHTS", raising=False)
        yield
