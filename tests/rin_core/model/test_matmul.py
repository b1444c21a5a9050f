"""Products and gradients of oneDNN equal those of torch's BLAS, whatever the strides."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rin_core.model import matmul as module
from rin_core.model.interaction import GRUUpdate
from rin_core.model.matmul import addmm, addmm_, library, matmul, use

#: Most bytes of a kernel; 0.6 MiB are measured.
KERNEL_BYTES = 700 * 2**10
LAYOUTS: dict[str, Callable[[int, int], Tensor]] = {
    "rows": torch.randn,
    "columns": lambda m, k: torch.randn(k, m).T,
    "slice": lambda m, k: torch.randn(m, k + 7)[:, 3 : k + 3],
    "slice of columns": lambda m, k: torch.randn(k, m + 5)[:, :m].T,
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def exact(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() @ b.double()).float()


@pytest.mark.parametrize("name", ["blas", "onednn"])
@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_every_layout(name: str, left: str, right: str) -> None:
    a, b = LAYOUTS[left](37, 23), LAYOUTS[right](23, 11)
    bias, total = torch.randn(11), torch.randn(37, 11)
    wanted = total + exact(a, b)
    with use(name):
        torch.testing.assert_close(matmul(a, b), exact(a, b))
        torch.testing.assert_close(addmm(bias, a, b), exact(a, b) + bias)
        assert addmm_(total, a, b) is total
    torch.testing.assert_close(total, wanted)


def test_gradients_of_onednn() -> None:
    """Finite differences need float64, which oneDNN has not: held against torch's own."""
    a, b = (torch.randn(*shape, requires_grad=True) for shape in ((37, 23), (23, 11)))
    weights, frozen = torch.randn(37, 11), torch.randn(23, 11)
    with use("onednn"):
        (matmul(a, b) * weights).sum().backward()
        torch.testing.assert_close(a.grad, exact(weights, b.detach().T))
        torch.testing.assert_close(b.grad, exact(a.detach().T, weights))
        matmul(a, frozen).sum().backward()
    assert frozen.grad is None


def test_the_library_makes_no_difference_to_a_round() -> None:
    update = GRUUpdate(20, 20)
    h, x = torch.randn(3, 13, 20, requires_grad=True), torch.randn(39, 20, requires_grad=True)

    def gradients(name: str) -> tuple[Tensor, ...]:
        with use(name):
            return torch.autograd.grad(update(h, x).square().sum(), [h, x, *update.parameters()])

    for ours, theirs in zip(gradients("onednn"), gradients("blas"), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_other_precisions_are_left_to_torch() -> None:
    a, b = torch.randn(5, 4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    with use("onednn"):
        assert torch.equal(matmul(a, b), a @ b)


def test_the_choice_ends_with_its_context() -> None:
    before = library()
    with use("onednn"), use("blas"):
        assert library() == "blas"
    assert library() == before
    with pytest.raises(ValueError, match="must be one of blas, onednn"), use("cublas"):
        pass


@pytest.mark.parametrize(
    ("vendor", "capability", "wanted"),
    [
        ("AuthenticAMD", "AVX512", "onednn"),
        ("AuthenticAMD", "AVX2", "blas"),
        ("GenuineIntel", "AVX512", "blas"),
        (None, "AVX512", "blas"),
    ],
)
def test_where_onednn_is_taken(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    vendor: str | None,
    capability: str,
    wanted: str,
) -> None:
    info = tmp_path / "cpuinfo"
    if vendor:
        info.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: A B: C\n\n" * 2)
    monkeypatch.setattr(module, "_CPU_INFO", info)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    for cached in (module.processor, module._faster):
        cached.cache_clear()
    try:
        assert library() == wanted
        assert module.processor().get("model name") == (vendor and "A B: C")
    finally:
        for cached in (module.processor, module._faster):
            cached.cache_clear()


def kernels_memory(shapes: int) -> int:
    """Return by how many bytes a fresh process grows with products of so many shapes."""
    module.prepare_torch()
    weights = torch.randn(100, 100)
    with use("onednn"):
        before = resident()
        for rows in range(1, shapes + 1):
            matmul(torch.randn(rows, 100), weights)
    return resident() - before


def resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


@pytest.mark.skipif(library() != "onednn", reason="oneDNN is not taken on this processor")
def test_kernels_take_no_more_memory_than_is_counted_for_them() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(kernels_memory, (2 * module.KERNELS,)) < module.KERNELS * KERNEL_BYTES


def test_float32_is_not_tf32_on_a_gpu() -> None:
    module.prepare_torch()
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"
