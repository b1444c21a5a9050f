"""What each switch of the model takes away, and how the two versions of the paper differ."""

from __future__ import annotations

import pytest
import torch

from rin_core.config import Config
from rin_core.data.tags import TAGS
from rin_core.model.heads import SeparableScorer
from rin_core.model.rin import RIN
from tests.annotated import (
    CASES,
    RELATIONS,
    batch_of,
    build,
    same,
    settings_of,
    vocabulary,
)
from tests.settings import choices

#: Switch, and the columns of W_a that its input takes: R of ŷ, T of ȳ, D of h.
INPUTS = {
    "relation_input": slice(0, 3),
    "entity_input": slice(3, 8),
    "shared_input": slice(8, 14),
}


class TestAblations:
    @pytest.mark.parametrize(("switch", "columns"), INPUTS.items(), ids=INPUTS.keys())
    @pytest.mark.parametrize("cell", ["gru", "rnn"])
    def test_an_input_less_is_its_columns_at_zero(
        self, cell: str, switch: str, columns: slice
    ) -> None:
        full = build(settings_of(cell=cell, rounds=2))
        ablated = build(settings_of(cell=cell, rounds=2, **{switch: False}))
        weights, W_a, batch = full.state_dict(), "interaction.project.weight", batch_of()
        assert weights[W_a].shape == (5, 3 + 5 + 6)
        keep = [c for c in range(14) if c not in range(*columns.indices(14))]
        ablated.load_state_dict({**weights, W_a: weights[W_a][:, keep]})
        assert not same(ablated(batch), full(batch), 1e-4), "the input made no difference"
        full.interaction.project.weight.data[:, columns] = 0
        assert same(ablated(batch), full(batch))

    def test_linear_has_neither_int_nor_gates(self) -> None:
        names = set(build(settings_of(cell="linear", rounds=2)).state_dict())
        common = set(build(settings_of(rounds=0)).state_dict())
        assert names - common == {
            "update_relation.weight", "update_relation.bias",
            "update_entity.weight", "update_entity.bias",
        }  # fmt: skip

    def test_bilstm_feeds_h_into_both_heads(self) -> None:
        rin = build(settings_of(rounds=0, task_features=False))
        assert not [name for name in rin.state_dict() if "features" in name]
        assert isinstance(rin.scorer, SeparableScorer)
        assert rin.scorer.subject.in_features == rin.tagger.output.in_features == 6


class TestVersions:
    def test_without_rounds_the_camera_ready_version_is_bilstm(self) -> None:
        published = settings_of(rounds=0, architecture="camera_ready", scorer="concat")
        same_model = published.canonical()
        assert (same_model.architecture, same_model.task_features) == ("arxiv", False)
        assert same(build(published)(batch_of()), build(same_model)(batch_of()), 0)

    def test_its_gates_read_probabilities_and_its_state_is_h(self) -> None:
        weights = build(settings_of(rounds=1, architecture="camera_ready")).state_dict()
        D, R, T = 6, len(RELATIONS), len(TAGS)
        shapes = {name: tuple(w.shape) for name, w in weights.items() if "update" in name}
        assert shapes == {
            "update_relation.gates.weight": (2 * D, D + R),
            "update_relation.candidate.weight": (D, D + R),
            "update_entity.gates.weight": (2 * D, D + T),
            "update_entity.candidate.weight": (D, D + T),
        }
        assert not [name for name in weights if "features" in name or "interaction" in name]

    def test_rounds_build_on_each_other_through_h(self) -> None:
        """A GRU of zeros halves its state: H̃ᵏ = H̄ᵏ = Hᵏ⁻¹ / 2, and Hᵏ = 2 Hᵏ⁻¹."""
        rin, batch = build(settings_of(rounds=3, architecture="camera_ready")), batch_of()
        heads_read: list[torch.Tensor] = []
        rin.tagger.register_forward_pre_hook(lambda _, inputs: heads_read.append(inputs[0]))
        for update in ("update_relation", "update_entity"):
            rin.get_parameter(f"{update}.gates.weight").data.zero_()
            rin.get_parameter(f"{update}.candidate.weight").data.zero_()  # z = ½ and ȟ = 0
        rin(batch)
        H = heads_read[0]
        for read, factor in zip(heads_read, (1, 0.5, 1, 2), strict=True):
            torch.testing.assert_close(read, factor * H)

    @pytest.mark.parametrize("scorer", choices("model.scorer"))
    def test_another_scorer_leaves_the_encoder_its_start(self, scorer: str) -> None:
        torch.manual_seed(0)
        separable = RIN(Config(), vocabulary()).state_dict()
        torch.manual_seed(0)
        other = RIN(Config().override("model.scorer", scorer), vocabulary())
        for name, weight in other.state_dict().items():
            if name.startswith(("encoder", "relation_features", "entity_features")):
                assert weight.equal(separable[name]), name
        assert (other.get_parameter("scorer.bias") == -6).all()

    @pytest.mark.parametrize("name", ["concat, K=2", "biaffine, K=2", "camera-ready, K=3"])
    def test_float32(self, name: str) -> None:
        exact, rin, batch = build(CASES[name]), build(CASES[name]).float(), batch_of()
        loss, wanted = rin(batch).loss(batch), exact(batch).loss(batch)
        torch.testing.assert_close(loss, wanted.float(), rtol=1e-5, atol=0)
        loss.backward()
        wanted.backward()
        for key, parameter in exact.named_parameters():
            grad, found = parameter.grad, rin.get_parameter(key).grad
            assert grad is not None
            torch.testing.assert_close(found, grad.float(), rtol=1e-3, atol=2e-5, msg=key)
