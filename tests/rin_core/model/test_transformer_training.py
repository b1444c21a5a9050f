"""Training with a transformer: which weights change, what a checkpoint keeps, how it resumes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.pretrained import Pretrained
from rin_core.data.vocabulary import Vocabulary
from rin_core.errors import CheckpointError, ConfigError
from rin_core.layout import CHECKPOINT, WEIGHTS
from rin_core.model.capacity import trained_parameters
from rin_core.model.matmul import computes_bfloat16
from rin_core.model.rin import RIN
from rin_core.predict.loading import load_model
from rin_core.train.checkpoint import load_tensors
from rin_core.train.loop import Trainer, train
from rin_core.train.metrics import evaluate
from tests.trainings import Stop, stop_after
from tests.transformer import (
    BACKBONE,
    CPU,
    encoder_of,
    settings,
    small_corpus,
)


class TestTraining:
    @pytest.mark.parametrize("freeze", [False, True])
    def test_which_weights_change(self, tiny_bert: Path, tmp_path: Path, freeze: bool) -> None:
        config = settings(tiny_bert, encoder__freeze=freeze)
        corpus = small_corpus(config)
        train(config, corpus, directory=tmp_path)
        trained, _ = load_tensors(tmp_path / WEIGHTS)
        torch.manual_seed(config.training.seed)
        start = RIN(config, corpus.vocabulary, None, corpus.pretrained).state_dict()
        assert trained.keys() == start.keys()
        same = {name for name in start if start[name].equal(trained[name])}
        backbone = {name for name in start if name.startswith(BACKBONE)}
        counted = sum(start[n].numel() for n in start.keys() - (backbone if freeze else set()))
        assert trained_parameters(config, corpus.vocabulary, corpus.pretrained) == counted
        # Rows of positions, types and pieces that no sentence has, and keys' biases, which
        # softmax cancels, may stay; every tensor of a layer's output must move.
        if freeze:
            assert same == backbone
        else:
            assert not {n for n in same if "output" in n or n not in backbone}

    @pytest.mark.parametrize("freeze", [False, True])
    @pytest.mark.parametrize("last", [1, 3])
    def test_resume_equals_an_unbroken_run(
        self, tiny_bert: Path, tmp_path: Path, freeze: bool, last: int
    ) -> None:
        """Warm-up ends within the second epoch, and the groups' states differ."""
        config = settings(tiny_bert, encoder__freeze=freeze)
        corpus = small_corpus(config)
        whole, broken = tmp_path / "whole", tmp_path / "broken"
        result = train(config, corpus, directory=whole)
        with pytest.raises(Stop):
            train(config, corpus, directory=broken, on_epoch=stop_after(last))
        torch.manual_seed(9)
        resumed = train(config, corpus, directory=broken)
        assert [e.train_loss for e in resumed.history] == [e.train_loss for e in result.history]
        assert (resumed.selection_scores, resumed.test_scores) == (
            result.selection_scores,
            result.test_scores,
        )
        for name in (WEIGHTS, CHECKPOINT):
            found, wanted = load_tensors(broken / name)[0], load_tensors(whole / name)[0]
            assert found.keys() == wanted.keys()
            assert all(found[key].equal(wanted[key]) for key in wanted)

    def test_a_frozen_transformer_is_kept_once(self, tiny_bert: Path, tmp_path: Path) -> None:
        config = settings(tiny_bert, encoder__freeze=True, training__max_epochs=1)
        train(config, small_corpus(config), directory=tmp_path)
        assert any(BACKBONE in name for name in load_tensors(tmp_path / WEIGHTS)[0])
        checkpoint = load_tensors(tmp_path / CHECKPOINT)[0]
        assert checkpoint
        assert not any(BACKBONE in name for name in checkpoint)

    @pytest.mark.parametrize(
        "changes", [{"encoder__freeze": True}, {"encoder__freeze_layers": 1}, {"encoder__lora": 2}]
    )
    def test_a_checkpoint_has_nothing_of_what_is_frozen(
        self, tiny_bert: Path, tmp_path: Path, changes: dict[str, object]
    ) -> None:
        """No weights, no moments and no average of them."""
        if "encoder__lora" in changes:
            pytest.importorskip("peft")
        config = settings(tiny_bert, training__max_epochs=1, training__average="ema", **changes)
        corpus = small_corpus(config)
        train(config, corpus, directory=tmp_path)
        model = RIN(config, corpus.vocabulary, None, corpus.pretrained)
        trained = {n: p.numel() for n, p in model.named_parameters() if p.requires_grad}
        assert len(trained) < len(list(model.parameters()))
        found: dict[str, dict[str, Tensor]] = {}
        for key, tensor in load_tensors(tmp_path / CHECKPOINT)[0].items():
            owner, _, name = key.partition(".")
            found.setdefault(owner, {})[name] = tensor
        assert found["model"].keys() == found["average"].keys() == trained.keys()
        moments = [tensor.numel() for tensor in found["adam"].values() if tensor.ndim]
        assert sum(moments) == 2 * sum(trained.values())

    def test_a_checkpoint_without_a_learned_weight_is_refused(
        self, tiny_bert: Path, tmp_path: Path
    ) -> None:
        """Only what is frozen may be missing."""
        frozen = settings(tiny_bert, encoder__freeze=True, training__max_epochs=1)
        corpus = small_corpus(frozen)
        train(frozen, corpus, directory=tmp_path)
        with pytest.raises(CheckpointError, match="another configuration"):
            train(settings(tiny_bert, training__max_epochs=1), corpus, directory=tmp_path)

    @pytest.mark.parametrize("freeze", [False, True])
    def test_the_weights_file_is_all_a_reader_needs(
        self, tiny_bert: Path, tmp_path: Path, freeze: bool
    ) -> None:
        """The model's folder may be gone."""
        folder = Path(shutil.copytree(tiny_bert, tmp_path / "model"))
        config = settings(folder, encoder__freeze=freeze)
        corpus = small_corpus(config)
        result = train(config, corpus, directory=tmp_path / "run")
        shutil.rmtree(folder)
        weights, metadata = load_tensors(tmp_path / "run" / WEIGHTS)
        pretrained = Pretrained.from_json(metadata["pretrained"])
        model = RIN(
            Config.from_flat(metadata["config"]),
            Vocabulary.from_json(metadata["vocabulary"]),
            pretrained=pretrained,
        )
        model.load_state_dict(weights)
        assert corpus.pretrained is not None
        assert pretrained.tokenizer == corpus.pretrained.tokenizer
        found = evaluate(model, corpus.test, corpus.entity_word, CPU)
        assert found.flat() == result.test_scores

    def test_bfloat16_needs_a_processor_that_has_it(
        self, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
        config = settings(tiny_bert, training__precision="bfloat16")
        with pytest.raises(ConfigError, match=r"precision = 'bfloat16' on cpu: must be 'float32'"):
            train(config, small_corpus(config))

    @pytest.mark.parametrize("name", ["cpu", "cuda"])
    def test_bfloat16_is_the_encoders_alone(self, tiny_bert: Path, name: str) -> None:
        device, models = torch.device(name), []
        if not (computes_bfloat16(device) and (name == "cpu" or torch.cuda.is_available())):
            pytest.skip(f"needs a {name} device with bfloat16")
        for precision in ("float32", "bfloat16"):
            config = settings(tiny_bert, training__precision=precision)
            corpus = small_corpus(config)
            torch.manual_seed(0)
            model = RIN(config, corpus.vocabulary, None, corpus.pretrained).to(device).eval()
            batch = make_batch(corpus.train, np.arange(5), device)
            prediction = model(batch)
            assert prediction.tags_BLT.dtype == torch.float32
            models.append(prediction.tags_BLT)
        assert not models[0].equal(models[1])
        torch.testing.assert_close(models[0], models[1], rtol=0.1, atol=0.1)


@pytest.mark.parametrize("packed", [False, True])
def test_the_first_layers_are_not_trained(tiny_bert: Path, packed: bool) -> None:
    config = settings(
        tiny_bert, encoder__freeze_layers=1, encoder__packed=packed, training__max_epochs=1
    )
    corpus = small_corpus(config)
    trainer = Trainer(config, corpus, None, CPU)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    trainer.run(lambda _: None)
    changed = {n for n, t in trainer.model.state_dict().items() if not t.equal(before[n])}
    assert any("backbone.encoder.layer.1." in name for name in changed)
    assert not any("backbone.embeddings." in name or "layer.0." in name for name in changed)


def test_more_layers_than_there_are_cannot_be_frozen(tiny_bert: Path) -> None:
    with pytest.raises(ConfigError, match=r"freeze_layers = 3: must be at most 2"):
        encoder_of(tiny_bert, encoder__freeze_layers=3)


@pytest.mark.parametrize("packed", [False, True])
def test_lora_trains_its_own_matrices_and_a_model_file_has_them(
    tiny_bert: Path, tmp_path: Path, packed: bool
) -> None:
    pytest.importorskip("peft", reason="make extras")
    config = settings(tiny_bert, encoder__lora=2, encoder__packed=packed, training__max_epochs=2)
    corpus = small_corpus(config)
    trainer = Trainer(config, corpus, tmp_path, CPU)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    whole = trainer.run(lambda _: None)
    changed = {n for n, t in trainer.model.state_dict().items() if not t.equal(before[n])}
    encoder = {name for name in changed if name.startswith("encoder.")}
    # Beside the queries and values of two layers, two matrices each.
    assert len(encoder) == 2 * 2 * 2
    assert all("lora_" in name for name in encoder)
    loaded = load_model(tmp_path / WEIGHTS)
    weights = trainer.model.state_dict()
    assert loaded.model.state_dict().keys() == weights.keys()
    assert all(t.equal(weights[name]) for name, t in loaded.model.state_dict().items())
    again = Trainer(config, corpus, tmp_path, CPU).run(lambda _: None)  # from its checkpoint
    assert again.test_scores == whole.test_scores


def test_lora_and_frozen_layers_exclude_each_other(tiny_bert: Path) -> None:
    pytest.importorskip("peft", reason="make extras")
    with pytest.raises(ConfigError, match=r"lora = 2 with encoder\.freeze_layers = 1"):
        encoder_of(tiny_bert, encoder__freeze_layers=1, encoder__lora=2)
