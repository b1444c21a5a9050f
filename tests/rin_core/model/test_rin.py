"""The model against the loops of ``reference.py``, and what must not change its numbers."""

from __future__ import annotations

import dataclasses
import typing

import numpy as np
import pytest
import torch

from rin_core.config import Config, EncoderConfig, ModelConfig
from rin_core.data.batches import Batch, make_batch
from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.encoding import EncodedSplit, encode_split
from rin_core.data.tags import TAGS
from rin_core.data.vocabulary import Vocabulary
from rin_core.encoder_traits import ENCODERS, EncoderKind
from rin_core.loss.pair_loss import numba_sums, sums_for, torch_sums
from rin_core.model.encoders import PIECE_ENCODERS, WORD_ENCODERS, BiLSTMEncoder
from rin_core.model.rin import RIN, Prediction
from tests.reference import Example, Opinion, Reference

CPU = torch.device("cpu")
RELATIONS = ("lives_in", "same", "part_of")
WORDS = ("<pad>", "<unk>", "ada", "of", "york", "lives", "in", "paris", "sleeps", "here")
POS = ("<pad>", "<unk>", "N", "P", "V")


@dataclasses.dataclass(frozen=True)
class Annotated:
    """A sentence written by hand: its words, their part of speech and their BIESO tags."""

    words: str
    pos: str
    tags: str
    spans: tuple[tuple[int, int], ...] = ()
    triples: tuple[tuple[int, str, int], ...] = ()
    """Subject and object are numbers of spans."""

    def sentence(self) -> Sentence:
        spans = [Span(*span) for span in self.spans]
        return Sentence(
            words=tuple(self.words.split()),
            pos=tuple(self.pos.split()),
            entities=tuple(spans),
            triples=tuple(Triple(spans[s], r, spans[o]) for s, r, o in self.triples),
        )

    def example(self, with_pos: bool) -> Example:
        return Example(
            words=[WORDS.index(word) if word in WORDS else 1 for word in self.words.split()],
            pos=[POS.index(tag) for tag in self.pos.split()] if with_pos else None,
            tags=["BIESO".index(tag) for tag in self.tags.split()],
            triples={
                (self.spans[s][0], RELATIONS.index(r), self.spans[o][0]) for s, r, o in self.triples
            },
        )


CORPUS = (
    Annotated(
        "ada of york lives in paris",
        "N P N V P N",
        "B I E O O S",
        ((0, 3), (5, 6)),
        ((0, "lives_in", 1), (0, "part_of", 1), (1, "lives_in", 0), (1, "same", 1)),
    ),
    Annotated("paris", "N", "S", ((0, 1),), ((0, "same", 0),)),
    Annotated("nobody sleeps here", "N V P", "O O O"),
    Annotated(
        "york in york", "N P N", "S O S", ((0, 1), (2, 3)), ((0, "same", 0), (1, "part_of", 0))
    ),
    Annotated("ada lives here in york", "N V P P N", "S O B E S", ((0, 1), (2, 4), (4, 5))),
)
EVERY = np.arange(len(CORPUS))


def vocabulary(pos: bool = True) -> Vocabulary:
    return Vocabulary(words=WORDS, pos=POS if pos else (), relations=RELATIONS, lowercase=True)


def encoded(pos: bool = True) -> EncodedSplit:
    return encode_split([a.sentence() for a in CORPUS], vocabulary(pos), "first")


def batch_of(rows: list[int] | np.ndarray = EVERY, pos: bool = True) -> Batch:
    return make_batch(encoded(pos), np.asarray(rows), CPU)


def build(model: ModelConfig, pos: bool = True) -> RIN:
    """Make a float64 model whose weights are large enough for every term to matter."""
    encoder = EncoderConfig(word_dim=4, pos_dim=2, hidden_size=6)
    rin = RIN(Config(encoder=encoder, model=model), vocabulary(pos)).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in rin.parameters():
            parameter.uniform_(-0.9, 0.9, generator=generator)
        for _ in range(3):  # towards logits around 0, so that some triples hold and some do not
            logits = rin(batch_of(pos=pos)).scores.logits().flatten(0, 2)
            rin.scorer.bias -= logits[logits.isfinite().all(1)].mean(0)
    return rin


def settings_of(**changes: object) -> ModelConfig:
    return ModelConfig(**{"feature_size": 5, **changes})  # type: ignore[arg-type]


ROUNDS = [(cell, rounds) for cell in ("gru", "rnn", "linear") for rounds in (0, 1, 3)]
CASES = {
    **{f"{cell}, K={k}": settings_of(cell=cell, rounds=k) for cell, k in ROUNDS},
    "-ŷ": settings_of(rounds=2, relation_input=False),
    "-ȳ": settings_of(rounds=2, entity_input=False),
    "-H": settings_of(rounds=2, shared_input=False),
    "-ŷ -H": settings_of(rounds=1, relation_input=False, shared_input=False),
    "-ȳ -H, rnn": settings_of(rounds=2, cell="rnn", entity_input=False, shared_input=False),
    "BiLSTM": settings_of(rounds=0, task_features=False),
    "concat": settings_of(rounds=0, scorer="concat"),
    "concat, K=2": settings_of(rounds=2, scorer="concat"),
    "concat with a bias": settings_of(rounds=1, scorer="concat_bias"),
    "biaffine": settings_of(rounds=0, scorer="biaffine"),
    "biaffine, K=2": settings_of(rounds=2, scorer="biaffine"),
    "biaffine, -H": settings_of(rounds=1, scorer="biaffine", cell="rnn", shared_input=False),
    "camera-ready, K=0": settings_of(rounds=0, architecture="camera_ready", scorer="concat"),
    "camera-ready, K=1": settings_of(rounds=1, architecture="camera_ready"),
    "camera-ready, K=3": settings_of(rounds=3, architecture="camera_ready", scorer="concat"),
    "camera-ready, rnn": settings_of(rounds=2, architecture="camera_ready", cell="rnn"),
}


def assert_same_opinion(prediction: Prediction, opinions: list[Opinion]) -> None:
    """Compare a batch with the reference, sentence by sentence."""
    p_BLLR = torch.sigmoid(prediction.scores.logits())
    y_BLT = torch.softmax(prediction.tags_BLT, dim=-1)
    for b, opinion in enumerate(opinions):
        n = len(opinion.y)
        p_iLtj = torch.stack(
            [torch.stack([torch.stack(p_it) for p_it in p_i]) for p_i in opinion.p]
        )
        torch.testing.assert_close(
            p_BLLR[b, :n, :n], p_iLtj.transpose(1, 2), rtol=1e-10, atol=1e-12
        )
        torch.testing.assert_close(y_BLT[b, :n], torch.stack(opinion.y), rtol=1e-10, atol=1e-12)
        assert not p_BLLR[b, n:].any()
        assert not p_BLLR[b, :, n:].any()


def triples_of(prediction: Prediction) -> set[tuple[int, ...]]:
    return {tuple(column) for column in prediction.scores.triples().T.tolist()}


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


def same(a: Prediction, b: Prediction, tolerance: float = 1e-13) -> bool:
    pairs = [(a.tags_BLT, b.tags_BLT)]
    pairs += [(a.scores.logits(), b.scores.logits())]
    return all(torch.allclose(x, y, rtol=0, atol=tolerance) for x, y in pairs)


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
        for update in (rin.update_relation, rin.update_entity):
            update.gates.weight.data.zero_()
            update.candidate.weight.data.zero_()  # z = ½ and ȟ = 0
        rin(batch)
        H = heads_read[0]
        for read, factor in zip(heads_read, (1, 0.5, 1, 2), strict=True):
            torch.testing.assert_close(read, factor * H)

    @pytest.mark.parametrize("scorer", ["separable", "concat", "concat_bias", "biaffine"])
    def test_another_scorer_leaves_the_encoder_its_start(self, scorer: str) -> None:
        torch.manual_seed(0)
        separable = RIN(Config(), vocabulary()).state_dict()
        torch.manual_seed(0)
        other = RIN(Config().override("model.scorer", scorer), vocabulary())
        for name, weight in other.state_dict().items():
            if name.startswith(("encoder", "relation_features", "entity_features")):
                assert weight.equal(separable[name]), name
        assert (other.scorer.bias == -6).all()

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
        rows = RIN(Config(encoder=encoder), vocabulary(), given_vectors).encoder.words.weight
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
