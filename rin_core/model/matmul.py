"""Matrix products in float32, by the faster of torch's two libraries.

torch computes them with its BLAS, which is mostly MKL. MKL uses AVX2 on AMD processors even where
they have AVX-512. oneDNN, which torch ships too, uses AVX-512 and takes about half the time for the
products of a round. On every other processor torch's own choice stands. The two libraries differ in
the last bits, so :func:`library` is part of a result's provenance.

Shapes: M, K, N of a product [M, K] · [K, N].
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

LIBRARIES = ("blas", "onednn")
#: oneDNN compiles a kernel for each shape and keeps 1,024 by default. Batches of some fifty lengths
#: have more shapes, so every epoch would compile them again. More kernels take more memory.
KERNELS = 2048

_CPU_INFO = Path("/proc/cpuinfo")
_chosen: ContextVar[str | None] = ContextVar("library of matrix products", default=None)


def prepare_torch() -> None:
    """Make float32 mean float32 on a GPU, and let oneDNN keep enough kernels on a CPU.

    A model calls this when it is built, because oneDNN reads its setting at the first product.
    """
    # cuDNN would compute an LSTM in TF32, with 10 bits of mantissa instead of 23.
    torch.backends.cudnn.allow_tf32 = False
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))


@functools.cache
def processor() -> dict[str, str]:
    """Return ``vendor_id`` and ``model name`` of the first processor; on other systems nothing."""
    try:
        fields = [line.partition(":") for line in _CPU_INFO.read_text().splitlines()]
    except OSError:
        return {}
    wanted = ("vendor_id", "model name")
    return {n.strip(): v.strip() for n, _, v in reversed(fields) if n.strip() in wanted}


def computes_bfloat16(device: torch.device) -> bool:
    """Tell whether a device has instructions for products in bfloat16, and torch uses them."""
    if device.type == "cuda":
        return True
    found = torch.cpu.get_capabilities()
    return device.type == "cpu" and bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def library() -> str:
    """Return the library of float32 products on the CPU: ``onednn`` or ``blas``."""
    return _chosen.get() or _faster()


@functools.cache
def _faster() -> str:
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    amd = processor().get("vendor_id") == "AuthenticAMD"
    mkl = torch.backends.mkl.is_available()
    return "onednn" if wide and amd and mkl else "blas"


@contextmanager
def use(name: str) -> Iterator[None]:
    """Compute products with the named library, to repeat a recorded result to the bit.

    Raises:
        ValueError: There is no such library.
    """
    if name not in LIBRARIES:
        raise ValueError(f"matrix products by {name!r}: must be one of {', '.join(LIBRARIES)}")
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return the product [M, N] of [M, K] and [K, N], differentiable in both."""
    if not _takes_onednn(a):
        return a @ b
    if not torch.is_grad_enabled():  # as inside other autograd functions
        return _onednn(a, b)
    product: Tensor = _Product.apply(a, b)  # type: ignore[no-untyped-call]
    return product


def addmm(c: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return c, which broadcasts to [M, N], plus the product of [M, K] and [K, N]."""
    return c + matmul(a, b) if _takes_onednn(a) else torch.addmm(c, a, b)


def addmm_(c: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Add the product of [M, K] and [K, N] to c [M, N] in place, without a gradient."""
    return c.add_(_onednn(a, b)) if _takes_onednn(a) else c.addmm_(a, b)


def _takes_onednn(a: Tensor) -> bool:
    return a.dtype == torch.float32 and a.device.type == "cpu" and library() == "onednn"


def _onednn(a: Tensor, b: Tensor) -> Tensor:
    """Return a · b by the operator of torch's compiled linear layers, x · Wᵀ."""
    # For a second operand with gaps between its rows oneDNN has only its slow reference kernel.
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
