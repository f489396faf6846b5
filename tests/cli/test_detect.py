import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

DATA = Path(__file__).parent.parent / "data"
CAT = str(DATA / "cat.jpg")


@pytest.fixture(autouse=True)
def small_weights(detector_weights, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(detector_weights))
    monkeypatch.setenv("IRS_DEVICE", "cpu")


def test_one_picture_is_a_table(run):
    code, out, err = run("detect", CAT, "--threshold", 30)
    head, *rows = out.splitlines()
    assert (code, err) == (0, "") and head == f"{CAT}  451 x 300" and rows
    assert all(" x " in row for row in rows)
    assert "nothing: lower --threshold" in run("detect", CAT, "--threshold", 100)[1]


def test_json_is_what_python_gives(run):
    found = json.loads(run("detect", CAT, "--threshold", 30, "--json")[1])
    assert found["path"] == CAT and found["size"] == [451, 300]
    assert found["objects"][0].keys() == {"id", "en", "zh", "category", "box", "confidence"}


def test_folder_goes_on_after_a_bad_file_and_writes_pictures(run, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    shutil.copy(CAT, folder / "a.jpg")
    (folder / "bad.png").write_bytes(b"not a picture")
    code, out, err = run("detect", folder, "--threshold", 30, "--tiles", "-o", tmp_path / "out")
    assert code == 1 and out.startswith(f"{folder / 'a.jpg'}: ") and "bad.png" in err
    with Image.open(tmp_path / "out" / "a.jpg") as drawn:
        assert drawn.size == (960, 639)


def test_a_detector_of_ones_own(run, tmp_path, detector_weights):
    own = tmp_path / "own.safetensors"
    shutil.copy(detector_weights / "detector_s.safetensors", own)
    assert run("detect", CAT, "--detector", own)[0] == 0
    code, _, err = run("detect", CAT, "--detector", tmp_path / "gone.safetensors")
    assert code == 1 and "gone.safetensors" in err and "weights list" in err
    own.write_bytes(b"no weights")
    code, _, err = run("detect", CAT, "--detector", own)
    assert code == 1 and "not a readable safetensors file" in err
