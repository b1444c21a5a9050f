"""Checkpoint files: written whole or not at all, and read back or refused."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from rin_core.errors import CheckpointError
from rin_core.files import write_atomically
from rin_core.train.checkpoint import (
    load_metadata,
    load_tensors,
    optimizer_tensors,
    restore_optimizer,
    save_tensors,
)


class TestFiles:
    def test_round_trip(self, tmp_path: Path) -> None:
        tensors = {"a": torch.arange(6.0).view(2, 3).T, "b": torch.tensor(3, dtype=torch.int64)}
        metadata = {"list": [1, 2.5, None], "text": "ŷ", "nested": {"x": True}}
        save_tensors(tmp_path / "new" / "folder" / "x.safetensors", tensors, metadata)
        found, texts = load_tensors(tmp_path / "new" / "folder" / "x.safetensors")
        assert texts == metadata == load_metadata(tmp_path / "new" / "folder" / "x.safetensors")
        assert all(found[name].equal(tensor) for name, tensor in tensors.items())

    def test_others_may_read_it_like_any_file(self, tmp_path: Path) -> None:
        write_atomically(tmp_path / "plain", b"")
        save_tensors(tmp_path / "x", {"w": torch.ones(1)}, {})
        modes = [(tmp_path / name).stat().st_mode for name in ("x", "plain")]
        assert modes[0] == modes[1]

    def test_a_full_disk_leaves_the_old_checkpoint(self, tmp_path: Path) -> None:
        """A limit on the size of files stands for the disk; exceeding it also sends a signal."""
        path = tmp_path / "x.safetensors"
        save_tensors(path, {"w": torch.ones(1)}, {})
        before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, limits[1]))
            with pytest.raises(OSError, match="cannot be written"):
                save_tensors(path, {"w": torch.ones(2**16)}, {})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    def test_a_missing_file_is_not_a_damaged_one(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            load_tensors(tmp_path / "none")

    def test_one_flipped_bit_anywhere_is_noticed(self, tmp_path: Path) -> None:
        path = tmp_path / "x.safetensors"
        save_tensors(path, {"w": torch.arange(6.0), "n": torch.tensor(3)}, {"epoch": 1})
        whole = path.read_bytes()
        for place in range(len(whole)):
            damaged = bytearray(whole)
            damaged[place] ^= 1
            path.write_bytes(damaged)
            try:
                tensors, metadata = load_tensors(path)
            except CheckpointError:
                continue
            # Only the label of the digest, or of the text, is unguarded: no number is wrong.
            assert tensors["n"] == 3
            assert torch.equal(tensors["w"], torch.arange(6.0))
            assert "digest" not in str(load_metadata(path))
            assert metadata.get("epoch") in (1, None)

    def test_text_is_not_a_checkpoint(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("not a checkpoint at all")
        for load in (load_tensors, load_metadata):
            with pytest.raises(CheckpointError, match="x: cannot be read"):
                load(tmp_path / "x")

    @pytest.mark.parametrize("text", ["[]", "3", "null", '"x"', "[1", "\\ud800"])
    def test_metadata_that_are_no_object(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "x"
        path.write_bytes(save({"w": torch.ones(1)}, metadata={"rin": text}))
        for load in (load_tensors, load_metadata):
            with pytest.raises(CheckpointError, match=r"x: cannot be read .*delete it"):
                load(path)

    def test_optimizer_goes_on_as_before(self, tmp_path: Path) -> None:
        def steps(model: torch.nn.Module, optimizer: torch.optim.Optimizer, count: int) -> None:
            for _ in range(count):
                optimizer.zero_grad()
                model(torch.ones(3)).square().sum().backward()
                optimizer.step()

        def fresh() -> tuple[torch.nn.Linear, torch.optim.Adam]:
            torch.manual_seed(0)
            model = torch.nn.Linear(3, 2)
            return model, torch.optim.Adam(model.parameters(), lr=0.1)

        model, optimizer = fresh()
        steps(model, optimizer, 3)
        save_tensors(tmp_path / "x", optimizer_tensors(optimizer), {})
        other, other_optimizer = fresh()
        other.load_state_dict(model.state_dict())
        restore_optimizer(other_optimizer, load_tensors(tmp_path / "x")[0])
        steps(model, optimizer, 3)
        steps(other, other_optimizer, 3)
        assert model.weight.equal(other.weight)
        assert other_optimizer.param_groups[0]["lr"] == 0.1


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        metadata = {"config": {"x": 1}, "data": "d", "epoch": 3, "vocabulary": {"words": ["w"]}}
        save_tensors(tmp_path / name, {"w": torch.ones(2), "v": torch.zeros(1)}, metadata)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
