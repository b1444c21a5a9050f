"""Finding and loading a model, and every way in which that can fail."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from rin_core.config import PROTOCOL_VERSION
from rin_core.errors import CheckpointError
from rin_core.predict.loading import ModelError, find_weights, is_unfinished, load_model
from rin_core.train.checkpoint import load_tensors, save_tensors
from rin_core.train.loop import CHECKPOINT, Trainer
from rin_core.train.metrics import decode
from tests.conftest import Trained

CPU = torch.device("cpu")


class TestLoading:
    def test_the_model_is_the_one_that_was_trained(self, trained: Trained) -> None:
        model, vocabulary, config, tokenizer = load_model(trained.weights)
        assert vocabulary == trained.encoded.vocabulary
        assert config.model.rounds == 2
        assert tokenizer is None
        assert not model.training
        found = decode(model, trained.encoded.test, CPU)
        assert (found.triples_4N == trained.result.test_decoded.triples_4N).all()
        assert (found.tags_NL == trained.result.test_decoded.tags_NL).all()

    def test_the_callers_random_numbers_are_left_alone(self, trained: Trained) -> None:
        torch.manual_seed(3)
        wanted = torch.rand(4)
        torch.manual_seed(3)
        load_model(trained.weights)
        assert torch.rand(4).equal(wanted)


def changed(trained: Trained, path: Path, **entries: Any) -> Path:
    """Copy the weights with other metadata; None leaves an entry out."""
    tensors, metadata = load_tensors(trained.weights)
    merged = {k: v for k, v in (metadata | entries).items() if v is not None}
    save_tensors(path, tensors, merged)
    return path


class TestWhatIsNoModel:
    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"x: no such file; expected .*weights.safetensors"):
            load_model(tmp_path / "x")

    @pytest.mark.parametrize("share", [0, 0.3, 0.99])
    def test_a_damaged_file(self, trained: Trained, tmp_path: Path, share: float) -> None:
        content = trained.weights.read_bytes()
        path = tmp_path / "cut.safetensors"
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(CheckpointError, match=r"cut.safetensors: cannot be read as a model"):
            load_model(path)

    def test_a_checkpoint(self, trained: Trained, tmp_path: Path) -> None:
        config = load_model(trained.weights).config
        Trainer(config.override("training.max_epochs", 1), trained.encoded, tmp_path, CPU).run(
            lambda _: None
        )
        with pytest.raises(ModelError, match="is a training checkpoint; the model is in"):
            load_model(tmp_path / CHECKPOINT)
        assert is_unfinished(tmp_path / "weights.safetensors")
        assert not is_unfinished(trained.weights.with_name("elsewhere") / "weights.safetensors")

    def test_another_programs_file(self, trained: Trained, tmp_path: Path) -> None:
        path = changed(trained, tmp_path / "x", vocabulary=None)
        with pytest.raises(CheckpointError, match="has no model that this version can load"):
            load_model(path)

    def test_another_protocol(self, trained: Trained, tmp_path: Path) -> None:
        path = changed(trained, tmp_path / "x", protocol=PROTOCOL_VERSION + 1)
        message = rf"it has protocol {PROTOCOL_VERSION + 1}, this version has {PROTOCOL_VERSION}\)"
        with pytest.raises(CheckpointError, match=message):
            load_model(path)

    def test_a_file_from_before_protocols_were_noted(
        self, trained: Trained, tmp_path: Path
    ) -> None:
        load_model(changed(trained, tmp_path / "x", protocol=None))

    @pytest.mark.parametrize(
        ("entry", "value", "message"),
        [
            ("config", {"model.flux": 3}, "model.flux: no such field"),
            ("config", {"model.feature_size": 50}, "size mismatch"),
            ("vocabulary", {"words": []}, "'pos'"),
            ("vocabulary", [], "indices"),
        ],
        ids=str,
    )
    def test_what_this_version_does_not_know(
        self, trained: Trained, tmp_path: Path, entry: str, value: object, message: str
    ) -> None:
        with pytest.raises(CheckpointError, match=message) as caught:
            load_model(changed(trained, tmp_path / "x", **{entry: value}))
        assert "\n" not in str(caught.value)


class TestFinding:
    def test_file_folder_and_fingerprint(self, trained: Trained, tmp_path: Path) -> None:
        folder = trained.weights.parent
        for model in (str(trained.weights), str(folder), folder.name, folder.name[:3]):
            assert find_weights(model, trained.runs).samefile(trained.weights)

    def test_an_ambiguous_prefix(self, trained: Trained, tmp_path: Path) -> None:
        for name in ("abc0", "abc1"):
            shutil.copytree(trained.weights.parent, tmp_path / "units" / name)
        assert find_weights("abc1", tmp_path) == tmp_path / "units/abc1/weights.safetensors"
        with pytest.raises(ModelError, match="--model abc: matches abc0, abc1; give more digits"):
            find_weights("abc", tmp_path)

    def test_nothing_of_that_name(self, trained: Trained, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"--model zz: no such run in .*units \(1 runs"):
            find_weights("zz", trained.runs)
        with pytest.raises(
            ModelError, match=r"--model x/y: no such run in .* \(0 runs there\); .*file"
        ):
            find_weights("x/y", tmp_path)

    def test_a_unit_without_weights(self, tmp_path: Path) -> None:
        (tmp_path / "units" / "abc").mkdir(parents=True)
        with pytest.raises(ModelError, match=r"abc: has no weights.safetensors"):
            find_weights("abc", tmp_path)
