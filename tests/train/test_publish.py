import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from irs_engine.train import publish as module
from irs_engine.train.publish import publish


@pytest.fixture
def trained(tmp_path):
    path = tmp_path / "trained.safetensors"
    save_file(
        {"heads.places.weight": np.zeros((365, 4), np.float16), "heads.places.bias": np.zeros(365)}, path
    )
    return path


def test_the_entry_describes_the_copy_and_keeps_the_others(trained, tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"other": {"file": "other.safetensors"}}')
    entry = publish(trained, "tagger_s", folder, "TaggerNet", {"top1": 1.5})
    copy = (folder / "tagger_s.safetensors").read_bytes()
    assert copy == trained.read_bytes() and entry["sha256"] == hashlib.sha256(copy).hexdigest()
    assert entry["bytes"] == len(copy) and entry["labels"] == ["places"] and entry["figures"] == {"top1": 1.5}
    assert set(json.loads((folder / "manifest.json").read_text())) == {"other", "tagger_s"}


def test_a_file_too_large_for_the_repository_is_refused(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 100)
    with pytest.raises(ValueError, match="at most 100"):
        publish(trained, "tagger_s", tmp_path, "TaggerNet", {})
