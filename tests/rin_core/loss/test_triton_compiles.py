"""Triton compiles the kernel for a GPU, on a machine that has none.

The interpreter accepts Python that the compiler refuses, such as a type annotation that is not
Triton's own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton is not installed")

COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from rin_core.loss.triton_kernel import _kernel
pointers = dict.fromkeys(("subject", "object_", "losses", "rows", "columns"), "*fp32")
signature = {**pointers, "lengths": "*i64", "B": "i32", "L": "i32"}
constants = {"BLOCK": int(sys.argv[1]), "ONE_TILE": sys.argv[2] == "one"}
signature |= dict.fromkeys(constants, "constexpr")
source = ASTSource(fn=_kernel, signature=signature, constexprs=constants)
compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32))
print(".target sm_90" in compiled.asm["ptx"])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("block", "tiles"), [(16, "one"), (64, "many")])
def test_the_kernel_compiles_for_hopper(block: int, tiles: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    arguments = [sys.executable, "-c", COMPILE, str(block), tiles]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr[-2000:]
