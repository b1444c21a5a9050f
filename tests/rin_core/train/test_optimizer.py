"""Step sizes by group and by step, and which weights decay."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from rin_core.model.rin import RIN
from rin_core.train import loop as training
from rin_core.train.loop import train
from rin_core.train.optimizer import make_optimizer, set_step_sizes, warmup_factor

BILSTM = Config().with_overrides({"encoder.hidden_size": 8, "model.feature_size": 8})


@pytest.fixture(scope="module")
def transformer(tiny_bert: Path) -> tuple[Config, EncodedCorpus]:
    config = Config().with_overrides(
        {
            "encoder.kind": "transformer",
            "encoder.model": str(tiny_bert),
            "model.feature_size": 8,
            "training.learning_rate": 1e-2,
            "training.encoder_learning_rate": 1e-4,
        }
    )
    return config, load_dataset("demo", config)


def build(config: Config, corpus: EncodedCorpus) -> RIN:
    return RIN(config, corpus.vocabulary, None, corpus.pretrained)


class TestGroups:
    def test_one_for_a_bilstm_in_the_order_of_the_model(self) -> None:
        """Checkpoints name the optimizer's state by number."""
        model = RIN(BILSTM, load_dataset("demo", BILSTM).vocabulary)
        (group,) = make_optimizer(model, BILSTM.training).param_groups
        assert list(map(id, group["params"])) == list(map(id, model.parameters()))

    def test_the_pretrained_weights_have_their_own_step_size(
        self, transformer: tuple[Config, EncodedCorpus]
    ) -> None:
        config, corpus = transformer
        model = build(config, corpus)
        optimizer = make_optimizer(model, config.training)
        rates = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
        named = dict(model.named_parameters())
        assert rates.keys() == {id(p) for p in named.values()}
        for name, parameter in named.items():
            wanted = 1e-4 if name.startswith("encoder.backbone.") else 1e-2
            assert rates[id(parameter)] == wanted, name

    def test_frozen_weights_are_in_none(self, transformer: tuple[Config, EncodedCorpus]) -> None:
        config, corpus = transformer
        model = build(config.override("encoder.freeze", True), corpus)
        optimizer = make_optimizer(model, config.training)
        found = {id(p) for g in optimizer.param_groups for p in g["params"]}
        named = model.named_parameters()
        assert found == {id(p) for n, p in named if not n.startswith("encoder.backbone.")}

    def test_only_matrices_decay(self, transformer: tuple[Config, EncodedCorpus]) -> None:
        config, corpus = transformer
        model = build(config, corpus)
        training_ = config.override("training.weight_decay", 0.5).training
        for group in make_optimizer(model, training_).param_groups:
            for parameter in group["params"]:
                assert group["weight_decay"] == (0.5 if parameter.ndim > 1 else 0)

    def test_decay_is_of_the_weight_and_not_of_the_gradient(self) -> None:
        """With no gradient a step takes away step size times decay of the weight (AdamW)."""
        model = RIN(BILSTM, load_dataset("demo", BILSTM).vocabulary)
        settings = BILSTM.with_overrides(
            {"training.weight_decay": 0.5, "training.learning_rate": 0.1}
        )
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        make_optimizer(model, settings.training).step()
        for name, parameter in model.named_parameters():
            share = 0.95 if parameter.ndim > 1 else 1.0
            torch.testing.assert_close(parameter.detach(), share * before[name])

    def test_without_decay_it_is_plain_adam_to_the_bit(self) -> None:
        def steps(plain: bool) -> list[torch.Tensor]:
            torch.manual_seed(0)
            model = RIN(BILSTM, load_dataset("demo", BILSTM).vocabulary)
            rate = BILSTM.training.learning_rate
            optimizer = (
                torch.optim.Adam(model.parameters(), lr=rate, fused=True)
                if plain
                else make_optimizer(model, BILSTM.training)
            )
            for _ in range(3):
                for parameter in model.parameters():
                    parameter.grad = torch.randn_like(parameter)
                optimizer.step()
            return [p.detach() for p in model.parameters()]

        assert all(a.equal(b) for a, b in zip(steps(True), steps(False), strict=True))


class TestWarmup:
    @pytest.mark.parametrize(
        ("steps", "warmup", "wanted"),
        [
            (8, 0.0, [1, 1, 1, 1, 1, 1, 1, 1]),
            (8, 0.5, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
            (4, 1.0, [0.25, 0.5, 0.75, 1]),
            (10, 0.25, [0.4, 0.8, 1, 1, 1, 1, 1, 1, 1, 1]),
            (4, 0.1, [1, 1, 1, 1]),
        ],
    )
    def test_a_line_up_to_one(self, steps: int, warmup: float, wanted: list[float]) -> None:
        found = [warmup_factor(step, steps, warmup) for step in range(steps)]
        assert found == pytest.approx(wanted)

    def test_every_step_of_a_run(
        self, transformer: tuple[Config, EncodedCorpus], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two epochs of 8 steps, half of them growing: both step sizes on the same line."""
        config, corpus = transformer
        config = config.with_overrides(
            {
                "training.batch_size": -(-len(corpus.train) // 8),
                "training.max_epochs": 2,
                "training.warmup": 0.5,
            }
        )
        seen: list[set[float]] = []

        def watch(optimizer: torch.optim.Optimizer, factor: float) -> None:
            set_step_sizes(optimizer, factor)
            seen.append({group["lr"] for group in optimizer.param_groups})

        monkeypatch.setattr(training, "set_step_sizes", watch)
        train(config, corpus)
        factors = [*(k / 8 for k in range(1, 9)), *[1.0] * 8]
        assert seen == [{1e-2 * f, 1e-4 * f} for f in factors]
