"""What the kernels that Numba compiles share: constants, rules of arithmetic, and exponentials.

Numba compiles these functions into each kernel that calls them. It keeps compiled kernels until
their own file changes, so after a change here, remove the ``.nbi`` files of the caches.

Kernels with ``nogil=True`` take a range of rows, which :func:`in_parallel` shares out over torch's
threads.

Loops become vector instructions only if their indices are plain. So callers pass the rest of an
array, ``x[start:]``, and do not index by a sum, which Numba must check for negative numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from rin_core.cache import set_numba_cache

set_numba_cache(Path(__file__))

Array = NDArray[Any]


def in_parallel(kernel: Callable[[int, int, int], None], count: int) -> None:
    """Call a kernel for the rows from 0 to a count, a part of them on each of torch's threads.

    Args:
        kernel: Takes the number of the part, its first row, and the row after its last.
        count: Number of rows.
    """
    threads = torch.get_num_threads()
    ends = [count * part // threads for part in range(threads + 1)]
    parts = (range(threads), ends[:-1], ends[1:])
    if threads == 1:
        kernel(0, 0, count)
    else:
        list(_pool(threads).map(kernel, *parts))  # raises what a kernel raises


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="kernels")


F32, I32 = np.float32, np.int32
ZERO, ONE = F32(0), F32(1)

# e^v = 2^k · e^f with k = round(v / ln 2): Cody and Waite's two-part ln 2, Cephes' polynomial.
LOG2_E, LN2_HIGH, LN2_LOW = F32(1.4426950408889634), F32(0.693359375), F32(-2.12194440e-4)
E5, E4, E3 = F32(1.9875691500e-4), F32(1.3981999507e-3), F32(8.3334519073e-3)
E2, E1, E0 = F32(4.1665795894e-2), F32(1.6666665459e-1), F32(5.0000001201e-1)
ROUNDER = F32(1.5 * 2**23)  # adding it to a float32 and taking it away rounds to an integer
EXP_FLOOR = F32(-87.0)  # below, e^v leaves the normal float32 numbers

# Reassociation lets the compiler sum in vector lanes. It must not touch the exponential,
# whose correction terms it would cancel. NaN must reach the loss (a diverged model is an
# error), so nothing may assume that there is none.
EXACT = {"contract", "nsz"}
SUMMING = EXACT | {"reassoc", "arcp"}


@njit(cache=True, fastmath=EXACT, error_model="numpy", inline="always")
def exponentials(x: Array, out: Array, bits: Array, power: Array, n: int) -> None:
    """Write e^x into ``out``; ``power`` is the float view of ``bits``."""
    for i in range(n):
        v = EXP_FLOOR if x[i] < EXP_FLOOR else x[i]  # lets NaN pass
        k = (v * LOG2_E + ROUNDER) - ROUNDER
        f = (v - k * LN2_HIGH) - k * LN2_LOW
        p = ((((E5 * f + E4) * f + E3) * f + E2) * f + E1) * f + E0
        out[i] = p * (f * f) + f + ONE
        bits[i] = (I32(k) + I32(127)) << I32(23)
    for i in range(n):
        out[i] *= power[i]


# Numba has no bfloat16, so kernels read and write numbers as bits, as whole numbers of the same
# width: a bfloat16 is the upper half of a float32.
_SHIFT, _BELOW_HALF = I32(16), I32(0x7FFF)


@njit(cache=True, fastmath=EXACT, error_model="numpy", inline="always")
def load(values: Array, bits: Array, n: int) -> None:
    """Read the first n numbers, float32 or bfloat16, as the bits of float32."""
    if values.itemsize == 2:
        for j in range(n):
            bits[j] = I32(values[j]) << _SHIFT
    else:
        for j in range(n):
            bits[j] = values[j]


@njit(cache=True, fastmath=EXACT, error_model="numpy", inline="always")
def store(bits: Array, values: Array, n: int) -> None:
    """Write n numbers from the bits of float32; a bfloat16 is rounded to the nearest even one."""
    if values.itemsize == 2:
        for j in range(n):
            values[j] = (bits[j] + _BELOW_HALF + ((bits[j] >> _SHIFT) & I32(1))) >> _SHIFT
    else:
        for j in range(n):
            values[j] = bits[j]


@njit(cache=True, fastmath=EXACT, error_model="numpy", inline="always")
def drop(x: Array, draws: Array, least: Any, factor: Any, n: int) -> None:
    """Multiply n numbers by a factor where the draw is at least ``least``; elsewhere write 0."""
    for j in range(n):
        x[j] = x[j] * factor if draws[j] >= least else ZERO
