import shutil
import subprocess

import pytest

from irs_engine import _native


def test_generic_is_always_there_and_comes_first():
    assert _native.isas()[0] == "generic"
    assert _native.isa() in _native.isas()


def test_every_usable_one_can_be_forced(python):
    for isa in _native.isas():
        assert python("from irs_engine import _native; print(_native.isa())", IRS_ISA=isa) == (0, isa)


def test_the_strongest_is_the_default(python):
    assert python("from irs_engine import _native; print(_native.isa())") == (0, _native.isas()[-1])


@pytest.mark.parametrize("isa", ["avx1024", "AVX2", "neon " if _native.isas()[-1] == "neon" else "neon"])
def test_forcing_what_the_cpu_lacks_says_what_it_runs(python, isa):
    status, output = python("from irs_engine import _native", IRS_ISA=isa)
    assert status == 1
    assert f"IRS_ISA: this CPU runs {', '.join(_native.isas())}; got '{isa}'" in output


def test_switching_refuses_the_unknown_and_keeps_the_old():
    before = _native.isa()
    with pytest.raises(ValueError, match="this CPU runs generic"):
        _native.set_isa("mmx")
    assert _native.isa() == before


@pytest.mark.skipif(not shutil.which("objdump"), reason="objdump (binutils) is not installed")
def test_shared_templates_hold_no_wide_instructions():
    """The linker keeps one copy of a template for everyone; an AVX one crashes older CPUs."""
    listing = subprocess.run(
        ["objdump", "-d", "-C", "--no-show-raw-insn", _native.__file__],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    function, wide = "", set()
    for line in listing.splitlines():
        if line.endswith(">:"):
            function = line.partition(" ")[2]
        elif "%ymm" in line or "%zmm" in line:
            wide.add(function)
    if not wide and "avx2" in _native.isas():
        pytest.fail("no kernel uses AVX at all")
    assert not [name for name in wide if "irs::avx2::" not in name and "irs::avx512::" not in name]
