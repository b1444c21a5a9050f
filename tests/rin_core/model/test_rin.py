"""The model against the loops of ``reference.py``, and what must not change its numbers."""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
import pytest
import torch

from rin_core.config import Config, EncoderConfig, ModelConfig
from rin_core.encoder_traits import ENCODERS, EncoderKind
from rin_core.loss.pair_loss import numba_sums, sums_for, torch_sums
from rin_core.model.encoders import PIECE_ENCODERS, WORD_ENCODERS, BiLSTMEncoder
from rin_core.model.rin import RIN
from tests.annotated import (
    CASES,
    CORPUS,
    EVERY,
    WORDS,
    assert_same_opinion,
    batch_of,
    build,
    same,
    settings_of,
    triples_of,
    vocabulary,
)
from tests.reference import Reference


class TestAgainstReference:
    @pytest.mark.parametrize("model", CASES.values(), ids=CASES.keys())
    def test_every_round_the_loss_and_every_gradient(self, model: ModelConfig) -> None:
        rin, batch = build(model), batch_of()
        reference = Reference(model, rin.state_dict())
        examples = [a.example(with_pos=True) for a in CORPUS]

        predictions = rin.refine(batch)
        opinions = [reference.refine(example) for example in examples]
        assert len(predictions) == model.rounds + 1
        for k, prediction in enumerate(predictions):
            assert_same_opinion(prediction, [rounds[k] for rounds in opinions])
        expected = {
            (b, *triple) for b, rounds in enumerate(opinions) for triple in rounds[-1].triples()
        }
        assert triples_of(predictions[-1]) == expected
        assert 0 < len(expected) < 3 * sum(len(a.words.split()) ** 2 for a in CORPUS)

        loss, expected_loss = rin(batch).loss(batch), reference.loss(examples)
        torch.testing.assert_close(loss, expected_loss, rtol=1e-10, atol=0)
        loss.backward()
        expected_loss.backward()
        names = [name for name, _ in rin.named_parameters()]
        assert names == list(reference.weights)
        for name, parameter in rin.named_parameters():
            wanted = reference.weights[name].grad
            assert parameter.grad is not None, name
            assert wanted is not None, f"{name} is a weight that no equation reads"
            torch.testing.assert_close(parameter.grad, wanted, rtol=1e-8, atol=1e-11, msg=name)

    def test_without_part_of_speech(self) -> None:
        model = settings_of(rounds=1)
        rin, batch = build(model, pos=False), batch_of(pos=False)
        reference = Reference(model, rin.state_dict())
        examples = [a.example(with_pos=False) for a in CORPUS]
        assert "encoder.pos.weight" not in rin.state_dict()
        assert_same_opinion(rin(batch), [reference.refine(example)[-1] for example in examples])
        torch.testing.assert_close(rin(batch).loss(batch), reference.loss(examples))

    @pytest.mark.parametrize("name", ["gru, K=3", "rnn, K=1", "linear, K=1", "BiLSTM"])
    def test_float32_with_the_cpu_kernel(self, name: str) -> None:
        model, batch = CASES[name], batch_of()
        exact, rin = build(model), build(model).float()
        assert sums_for(rin(batch).scores.subject_RBL) is numba_sums
        assert sums_for(exact(batch).scores.subject_RBL) is torch_sums
        loss, wanted = rin(batch).loss(batch), exact(batch).loss(batch)
        torch.testing.assert_close(loss, wanted.float(), rtol=1e-5, atol=0)
        loss.backward()
        wanted.backward()
        doubles = dict(exact.named_parameters())
        for key, parameter in rin.named_parameters():
            assert parameter.grad is not None
            grad = doubles[key].grad
            assert grad is not None
            torch.testing.assert_close(parameter.grad, grad.float(), rtol=1e-3, atol=2e-5, msg=key)


class TestRounds:
    def test_k_0_is_the_model_before_any_round(self) -> None:
        full, batch = build(settings_of(rounds=3)), batch_of()
        plain = build(settings_of(rounds=0))
        kept = set(plain.state_dict())
        assert {name.split(".")[0] for name in full.state_dict().keys() - kept} == {
            "interaction", "update_relation", "update_entity",
        }  # fmt: skip
        plain.load_state_dict({k: v for k, v in full.state_dict().items() if k in kept})
        assert same(plain(batch), full.refine(batch)[0])
        assert not same(plain(batch), full(batch))

    def test_all_rounds_share_their_weights(self) -> None:
        long, short, batch = build(settings_of(rounds=3)), build(settings_of(rounds=1)), batch_of()
        short.load_state_dict(long.state_dict())
        assert same(short(batch), long.refine(batch)[1])
        assert same(long(batch), long.refine(batch)[3])

    def test_the_loss_is_the_last_rounds(self) -> None:
        rin, batch = build(settings_of(rounds=2)), batch_of()
        predictions = rin.refine(batch)
        assert rin(batch).loss(batch) == predictions[-1].loss(batch)
        assert len({p.loss(batch).item() for p in predictions}) == 3


VARIANTS = [
    settings_of(rounds=2),
    settings_of(rounds=2, scorer="concat"),
    settings_of(rounds=2, scorer="biaffine"),
    settings_of(rounds=2, architecture="camera_ready", scorer="concat"),
]
variants = pytest.mark.parametrize("model", VARIANTS, ids=lambda m: f"{m.architecture}-{m.scorer}")


class TestBatchMakesNoDifference:
    @pytest.mark.parametrize(
        "rows",
        [EVERY, EVERY[::-1], [2, 3], [3, 1], [1, 1, 1], [0, 3, 0]],
        ids=lambda rows: "-".join(map(str, rows)),
    )
    @variants
    def test_a_sentence_scores_the_same_in_any_company(
        self, model: ModelConfig, rows: list[int]
    ) -> None:
        rin, batch = build(model), batch_of(rows)
        together = rin(batch)
        total = torch.zeros((), dtype=torch.float64)
        for place, row in enumerate(rows):
            n = len(CORPUS[row].words.split())
            alone_batch = batch_of([row])
            alone = rin(alone_batch)
            assert alone_batch.padding_BL is None
            logits = together.scores.logits()[place, :n, :n]
            torch.testing.assert_close(logits, alone.scores.logits()[0], rtol=0, atol=1e-12)
            tags = together.tags_BLT[place, :n]
            torch.testing.assert_close(tags, alone.tags_BLT[0], rtol=0, atol=1e-12)
            mine = {triple[1:] for triple in triples_of(together) if triple[0] == place}
            assert mine == {triple[1:] for triple in triples_of(alone)}
            total += alone.loss(alone_batch)
        torch.testing.assert_close(together.loss(batch) * len(rows), total, rtol=1e-12, atol=0)

    @variants
    def test_what_padding_holds_does_not_matter(self, model: ModelConfig) -> None:
        rin, batch = build(model), batch_of()
        assert batch.padding_BL is not None
        assert batch.pos_BL is not None
        noisy = dataclasses.replace(
            batch,
            words_BL=batch.words_BL.masked_fill(batch.padding_BL, 7),
            pos_BL=batch.pos_BL.masked_fill(batch.padding_BL, 3),
        )
        gradients = []
        for given_batch in (batch, noisy):
            rin.zero_grad()
            rin(given_batch).loss(given_batch).backward()
            gradients.append([p.grad.clone() for p in rin.parameters() if p.grad is not None])
        assert rin(batch).loss(batch) == rin(noisy).loss(noisy)
        assert triples_of(rin(batch)) == triples_of(rin(noisy))
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-13)

    def test_dropout_only_in_training(self) -> None:
        rin, batch = build(settings_of(rounds=2)), batch_of()
        assert rin(batch).loss(batch) == rin(batch).loss(batch)
        rin.train()
        assert rin(batch).loss(batch) != rin(batch).loss(batch)


class TestVectors:
    def test_found_rows_are_taken_and_the_others_left(self) -> None:
        from rin_core.data.vectors import WordVectors

        found = np.zeros(len(WORDS), bool)
        found[[3, 5]] = True
        matrix = np.full((len(WORDS), 4), 9, np.float32) * found[:, None]
        given_vectors = WordVectors(name="v", matrix=matrix, found=found, digest="d")
        encoder = EncoderConfig(word_dim=4, pos_dim=2, hidden_size=6)
        torch.manual_seed(0)
        rin = RIN(Config(encoder=encoder), vocabulary(), given_vectors)
        rows = rin.get_parameter("encoder.words.weight")
        assert (rows[found] == 9).all()
        assert not (rows[~found] == 9).any()
        assert not rows[:2].any(), "padding and unknown words say nothing"
        assert rows[2:].any(dim=1).all()
        wide = Config(encoder=dataclasses.replace(encoder, word_dim=5))
        with pytest.raises(ValueError, match=r"\(10, 4\).*\(10, 5\).*encoder\.word_dim"):
            RIN(wide, vocabulary(), given_vectors)

    @pytest.mark.parametrize("count", [0, 2])
    def test_words_after_the_vocabulary_read_their_own_rows(self, count: int) -> None:
        encoder = build(ModelConfig()).eval().encoder
        assert isinstance(encoder, BiLSTMEncoder)
        own = encoder.words.weight.detach()
        others = torch.arange(count * own.shape[1]).reshape(count, own.shape[1]).to(own)
        words_BL = batch_of().words_BL.clone()
        words_BL[0, :count] = torch.arange(len(WORDS), len(WORDS) + count)
        batch = dataclasses.replace(batch_of(), words_BL=words_BL)
        encoder.add_words(others)
        found = encoder(batch)
        encoder.others_XE = None
        encoder.words = torch.nn.Embedding.from_pretrained(torch.cat([own, others]))
        assert found.equal(encoder(batch))


def test_every_encoder_has_traits_and_a_module() -> None:
    words = {kind for kind, traits in ENCODERS.items() if not traits.reads_pieces}
    assert words == WORD_ENCODERS.keys()
    assert ENCODERS.keys() - words == PIECE_ENCODERS.keys()
    assert ENCODERS.keys() == set(typing.get_args(EncoderKind))
    assert all(traits.settings < Config().flat().keys() for traits in ENCODERS.values())
