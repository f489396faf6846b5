"""What must work where torch is not installed, and what must not be imported before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "torchvision", "cv2", "numpy", "PIL", "irs_engine._native"}


def run(code, *args):
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


WITHOUT_TORCH = "import sys; sys.modules['torch'] = sys.modules['torchvision'] = None\n"
COMMAND = WITHOUT_TORCH + "from irs_engine.cli import main; main(sys.argv[1:])"


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["tag", "--help"],
        ["train", "detector", "--help"],
        ["music", "recognize", "--help"],
        ["tags", "--search", "猫"],
        ["doctor", "--fast"],
        ["weights", "list"],
    ],
)
def test_command_without_torch(args, tagger_weights, monkeypatch):
    monkeypatch.setenv("IRS_WEIGHTS", str(tagger_weights.parent))
    code, out, err = run(COMMAND, *args)
    assert (code, err) == (0, "") and out


def test_resize_without_torch():
    code, out, err = run(
        WITHOUT_TORCH
        + """
import numpy as np, irs_engine.resize
pixels = np.full((8, 8, 3), 200, np.uint8)
print((irs_engine.resize.resize(pixels, (4, 4)) == 200).all())
"""
    )
    assert (code, out, err) == (0, "True\n", "")


def test_tag_without_torch_says_so():
    code, _, err = run(COMMAND, "tag", str(Path(__file__).parent / "data" / "cat.jpg"))
    assert code == 1 and "torch" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "code",
    [
        "import irs_engine; dir(irs_engine)",
        "from irs_engine.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from irs_engine.cli import main\ntry: main(['tag', '--help'])\nexcept SystemExit: pass",
        "from irs_engine.cli import main\ntry: main(['train', 'sample', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_imported(code):
    _, out, err = run(f"import sys\n{code}\nprint(*sys.modules)")
    assert not err and not HEAVY & set(out.splitlines()[-1].split())
