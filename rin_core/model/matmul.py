"""Matrix products in float32, by whichever of torch's two libraries is faster on this processor.

torch sends them to its BLAS. That is mostly MKL, which stops at AVX2 on AMD's processors even where
they have AVX-512; oneDNN, which torch carries too, does not, and takes about half the time for the
products of a round. Everywhere else torch's choice stands, to the bit. The two differ in the last
bits, so :func:`library` is part of a result's provenance.

Shapes: M, K, N of a product [M, K] · [K, N].
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LIBRARIES = ("blas", "onednn")

#: oneDNN compiles a kernel for each shape and keeps 1,024. Batches of some fifty lengths have more
#: between them, and an epoch would compile all of them again; but a kernel takes memory, and a
#: worker that goes from trial to trial would gather them without end.
KERNELS = 2048
#: Bytes of a kernel, from above (0.6 MiB, ``tests/test_matmul.py``).
KERNEL = 700 * 2**10
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))  # read at the first product

# cuDNN would compute an LSTM of float32 in TF32, with 10 bits of mantissa for 23.
torch.backends.cudnn.allow_tf32 = False

_CPU_INFO = Path("/proc/cpuinfo")
_asked_for: list[str] = []


@functools.cache
def processor() -> dict[str, str]:
    """Return ``vendor_id`` and ``model name`` as Linux has them; elsewhere nothing."""
    try:
        fields = [line.partition(":") for line in _CPU_INFO.read_text().splitlines()]
    except OSError:
        return {}
    wanted = ("vendor_id", "model name")
    # From the last processor to the first, whose word counts.
    return {n.strip(): v.strip() for n, _, v in reversed(fields) if n.strip() in wanted}


def library() -> str:
    """Return what computes float32 products on the CPU: ``onednn``, or ``blas``, torch's choice."""
    return _asked_for[-1] if _asked_for else _faster()


def use(name: str) -> None:
    """Compute products from now on with the library of this name, whichever is faster.

    Raises:
        ValueError: There is no such library.
    """
    if name not in LIBRARIES:
        raise ValueError(f"matrix products by {name!r}: must be one of {', '.join(LIBRARIES)}")
    _asked_for[:] = [name]


@functools.cache
def _faster() -> str:
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    amd = processor().get("vendor_id") == "AuthenticAMD"
    mkl = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
    return "onednn" if wide and amd and mkl else "blas"


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return the product [M, N] of [M, K] and [K, N], differentiable in both."""
    if not _is_ours(a):
        return a @ b
    product: Tensor = _Product.apply(a, b)  # type: ignore[no-untyped-call]
    return product


def addmm(c: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return c, which broadcasts to [M, N], plus the product of [M, K] and [K, N]."""
    return c + matmul(a, b) if _is_ours(a) else torch.addmm(c, a, b)


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return the product as :func:`matmul` does, for code that has its own derivative."""
    return _onednn(a, b) if _is_ours(a) else a @ b


def add_product_(c: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Add the product of [M, K] and [K, N] to c [M, N] in place, and return it."""
    return c.add_(_onednn(a, b)) if _is_ours(a) else c.addmm_(a, b)


def _is_ours(a: Tensor) -> bool:
    """Tell whether a product is one of those that oneDNN takes."""
    return a.dtype == torch.float32 and a.device.type == "cpu" and library() == "onednn"


def _onednn(a: Tensor, b: Tensor) -> Tensor:
    """Return a · b; the operator is that of torch's compiled linear layers, x · Wᵀ."""
    # For a second operand with gaps between its rows oneDNN has only its reference kernel.
    if not (b.is_contiguous() or b.T.is_contiguous()):
        b = b.contiguous()
    result: Tensor = torch.ops.mkldnn._linear_pointwise(a, b.T, None, "none", [], "")
    return result


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(a, b)
        return _onednn(a, b)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = ctx.saved_tensors
        (d_product,) = grad_outputs
        wants_a, wants_b = ctx.needs_input_grad
        return (
            _onednn(d_product, b.T) if wants_a else None,
            _onednn(a.T, d_product) if wants_b else None,
        )
