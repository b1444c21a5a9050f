"""The benchmark of encoders: every way runs on a tiny model, and ratios are of the same round."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.encoders import Options, main, ratios
from rin_core.model.matmul import computes_bfloat16
from tests.transformer import CPU


@pytest.mark.slow
def test_every_way_is_measured(tiny_bert: Path, tmp_path: Path) -> None:
    main(Options(encoder=str(tiny_bert), batches=1, repeats=2, out=tmp_path))
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    ways = {"padded, float32", "packed, float32", "library, float32", "frozen", "BiLSTM"}
    if computes_bfloat16(CPU):
        ways |= {"packed, bfloat16"}
    assert found["seconds an epoch"].keys() == ways
    for seconds in found["seconds an epoch"].values():
        assert len(seconds["cpu"]) == len(seconds["wall"]) == 2
        assert min(*seconds["cpu"], *seconds["wall"]) > 0


def test_a_ratio_is_of_one_round() -> None:
    seconds = {"frozen": [2.0, 30.0, 4.0], "BiLSTM": [2.0, 20.0, 2.0]}
    (row,) = ratios({name: {"cpu": cpu, "wall": cpu} for name, cpu in seconds.items()})
    assert (row["values"], row["holds"]) == ([1.0, 1.5, 2.0], False)
