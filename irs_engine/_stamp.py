"""Refuses a native module that was built from other sources than those beside it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path


def source_stamp(root: Path) -> str:
    """Hash of the version and of every file below csrc; setup.py builds it into the native module."""
    version = re.search(r'^version = "(.*)"$', (root / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version, "pyproject.toml has no version"
    digest = hashlib.sha256(version[1].encode())
    csrc = root / "csrc"
    for path in sorted(path for path in csrc.rglob("*") if path.suffix in (".h", ".cpp")):
        digest.update(path.relative_to(csrc).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def refuse_stale(stamp: str) -> None:
    """Called by the native module while it is being imported; takes a millisecond or two, in a checkout.

    Only a checkout can go stale: a wheel carries the module and the Python files in one piece, and no csrc.
    """
    root = Path(__file__).resolve().parent.parent
    if (root / "csrc" / "core" / "foreach_isa.h").exists() and stamp != source_stamp(root):
        raise ImportError(
            f"irs_engine._native was built from other sources than those in {root}; "
            "run: pip install -e . (with --no-build-isolation if the build requirements are installed)"
        )
