"""The GPU benchmark, with or without a GPU: what it says, and that its lines are independent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.gpu.__main__ import Options, main
from benchmarks.gpu.launches import union
from benchmarks.gpu.lines import run
from benchmarks.gpu.record import Setting
from benchmarks.gpu.sharing import worthwhile

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def setting(data: str) -> Setting:
    return Setting(
        device="cpu", data=data, data_root=None, embeddings=None, encoder=None, small=True
    )


@without_gpu
def test_lines_that_need_a_gpu_say_so_and_are_no_failure(tmp_path: Path) -> None:
    assert main(Options(lines=(2, 7), out=tmp_path)) == 0
    lines = json.loads((tmp_path / "gpu-no-card.json").read_text())["lines"]
    assert {number: line["state"] for number, line in lines.items()} == {
        "2": "needs a GPU",
        "7": "needs a GPU",
    }
    assert (tmp_path / "gpu-no-card.md").read_text().count("needs a GPU") == 2


def test_an_unknown_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--lines 9"):
        main(Options(lines=(9,), out=tmp_path))


def test_a_failure_is_the_lines_own_result() -> None:
    outcome = run(2, setting("no such corpus"), 120)
    assert outcome["state"] == "failed"
    assert "CorpusError" in outcome["verdict"]
    assert any("Traceback" in line for line in outcome["log"])


def test_a_line_ends_at_its_limit() -> None:
    outcome = run(2, setting("demo"), 0.2)
    assert outcome["state"] == "out of time"
    assert outcome["seconds"] < 30


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({1: 1.0, 2: 1.9, 4: 3.0, 8: 3.1}, 4),
        ({1: 1.0, 2: 1.05, 4: 3.0}, 1),
        ({1: 1.0, 2: 2.0}, 2),
    ],
)
def test_sharing_is_worthwhile_until_a_doubling_adds_little(
    rates: dict[int, float], best: int
) -> None:
    assert worthwhile(rates) == best


def test_kernels_that_overlap_count_once() -> None:
    assert union([(0, 2), (1, 3), (5, 6), (5.5, 5.8)]) == 4
