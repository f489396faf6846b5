"""The native extension and the list of packages; everything else is in pyproject.toml."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pybind11
from pybind11.setup_helpers import ParallelCompile
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
SANITIZE = os.environ.get("IRS_SANITIZE", "0") not in ("", "0")

# No contraction to FMA, so that every instruction set gives the same bits. Nobody looks at traps or errno,
# and not promising them lets more loops vectorise without changing a value. Python's own flags let whole
# numbers wrap around, which keeps loops over `3 * x` from being vectorised.
GCC_FLAGS = ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-trapping-math", "-fno-math-errno", "-fno-wrapv"]
GCC_FLAGS += ["-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-g0"]
MSVC_FLAGS = ["/std:c++17", "/O2", "/EHsc", "/fp:precise", "/utf-8", "/bigobj", "/W3"]
SANITIZERS = ["-g", "-fno-omit-frame-pointer"]
SANITIZERS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]


def in_csrc(pattern: str) -> list[str]:
    """Files below csrc, relative to this one as setuptools wants them."""
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "csrc").rglob(pattern))


SOURCES = in_csrc("*.cpp")
HEADERS = in_csrc("*.h")


class BuildExt(build_ext):
    """Adds what depends on the compiler, and the stamp that `irs_engine._stamp` compares at import."""

    def build_extension(self, ext: Extension) -> None:
        if self.compiler.compiler_type == "msvc":
            ext.extra_compile_args += MSVC_FLAGS
        else:
            ext.extra_compile_args += GCC_FLAGS
            if sys.platform == "linux":
                ext.extra_compile_args += ["-pthread"]
                ext.extra_link_args += ["-pthread"]
        if SANITIZE:
            self.build_temp += "-sanitize"
            ext.extra_compile_args += SANITIZERS
            ext.extra_link_args += SANITIZERS
        stamp = runpy.run_path(str(ROOT / "irs_engine" / "_stamp.py"))["source_stamp"](ROOT)
        version = self.distribution.get_version()
        ext.define_macros += [("IRS_VERSION", f'"{version}"'), ("IRS_STAMP", f'"{stamp}"')]
        super().build_extension(ext)


def needs_recompile(obj: str, src: str) -> bool:
    """Headers count for every source; module.cpp carries the stamp, which changes with any file."""
    if src.endswith("module.cpp") or not os.path.exists(obj):
        return True
    newest = max(os.path.getmtime(path) for path in [src, "setup.py", *HEADERS])
    return os.path.getmtime(obj) < newest


ParallelCompile("IRS_BUILD_JOBS", needs_recompile=needs_recompile).install()

setup(
    packages=[*find_packages(include=["irs_engine", "irs_engine.*"]), "irs_engine_weights"],
    package_dir={"irs_engine_weights": "weights"},
    package_data={
        "irs_engine": ["py.typed", "*.pyi", "**/*.tsv", "server/console/static/**/*", "album/page/*"],
        "irs_engine_weights": ["*.safetensors", "manifest.json", "*.md"],
    },
    ext_modules=[
        Extension(
            "irs_engine._native",
            SOURCES,
            include_dirs=["csrc", pybind11.get_include()],
            depends=[*HEADERS, "setup.py", "pyproject.toml", "irs_engine/_stamp.py"],
            language="c++",
        )
    ],
    cmdclass={"build_ext": BuildExt},
    zip_safe=False,
)
