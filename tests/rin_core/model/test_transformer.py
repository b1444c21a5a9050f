"""The transformer encoder against its own library run sentence by sentence; training with it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Sentence
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import (
    EncodedCorpus,
    EncodedSplit,
    corpus_vocabulary,
    encode_corpus,
    encode_split,
)
from rin_core.data.installed import SMALL, installed_folder
from rin_core.data.loading import load_dataset
from rin_core.data.pretrained import Pretrained, load_pretrained
from rin_core.data.vocabulary import Vocabulary
from rin_core.errors import CheckpointError, ConfigError
from rin_core.model.capacity import trained_parameters
from rin_core.model.matmul import computes_bfloat16
from rin_core.model.rin import RIN
from rin_core.model.transformer import TransformerEncoder
from rin_core.train.checkpoint import load_metadata, load_tensors
from rin_core.train.loop import CHECKPOINT, WEIGHTS, train
from rin_core.train.metrics import evaluate
from tests.tiny_models import POSITIONS, save_bert
from tests.trainings import Stop, stop_after

CPU = torch.device("cpu")
VOCABULARY = Vocabulary(words=("<pad>", "<unk>"), pos=(), relations=("r",), lowercase=True)
BACKBONE = "encoder.backbone."


def split_of(pretrained: Pretrained, *sentences: str) -> EncodedSplit:
    found = [
        Sentence(words=tuple(words.split()), pos=None, entities=(), triples=())
        for words in sentences
    ]
    return encode_split(found, VOCABULARY, "first", pretrained.tokenizer)


def settings(folder: Path | str, **changes: object) -> Config:
    fields = {
        "encoder.kind": "transformer",
        "encoder.model": str(folder),
        "model.feature_size": 16,
        "training.batch_size": 5,
        "training.learning_rate": 0.01,
        "training.encoder_learning_rate": 0.003,
        "training.warmup": 0.2,
        "training.weight_decay": 0.01,
        "training.max_epochs": 4,
    }
    return Config().with_overrides(fields | {k.replace("__", "."): v for k, v in changes.items()})


def encoder_of(folder: Path | str, **changes: object) -> tuple[TransformerEncoder, Pretrained]:
    config = settings(folder, **changes).encoder
    pretrained = load_pretrained(str(folder), config.max_pieces)
    return TransformerEncoder(config, pretrained), pretrained


def slow_features(folder: Path | str, words: list[str]) -> Tensor:
    """Run the library on one sentence and pick the states of its words' first pieces [L, D]."""
    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0]
    word_ids = inputs.word_ids()
    return torch.stack([states[word_ids.index(word)] for word in range(len(words))])


SENTENCES = ("Paris is the city", "xyz", "Ann was born in Rome , the city", "é a . b", "of the")


class TestFeatures:
    @pytest.mark.parametrize("tiny", ["tiny_bert", "tiny_roberta"])
    def test_are_those_of_the_library(self, tiny: str, request: pytest.FixtureRequest) -> None:
        """In a padded batch as alone."""
        folder: Path = request.getfixturevalue(tiny)
        encoder, pretrained = encoder_of(folder)
        batch = make_batch(split_of(pretrained, *SENTENCES), np.arange(len(SENTENCES)), CPU)
        with torch.inference_mode():
            H_BLD = encoder.eval()(batch)
        assert H_BLD.shape == (5, 8, encoder.hidden_size)
        for row, text in enumerate(SENTENCES):
            wanted = slow_features(folder, text.split())
            torch.testing.assert_close(H_BLD[row, : len(wanted)], wanted, rtol=1e-4, atol=1e-5)

    def test_a_long_sentence_is_read_in_windows(self, tiny_bert: Path) -> None:
        """100 letters at 40 pieces a window: 38, half a window apart, the last one full."""
        encoder, pretrained = encoder_of(tiny_bert)
        letters = [chr(ord("a") + k % 26) for k in range(100)]
        split = split_of(pretrained, "Paris is", " ".join(letters))
        with torch.inference_mode():
            H_BLD = encoder.eval()(make_batch(split, np.array([1, 0]), CPU))
        room, starts = POSITIONS - 2, [0, 19, 38, 57, 62]
        windows = [slow_features(tiny_bert, letters[s : s + room]) for s in starts]
        for word in range(100):
            middle = [abs(s + room / 2 - word) for s in starts]
            best = middle.index(min(middle))
            wanted = windows[best][word - starts[best]]
            torch.testing.assert_close(H_BLD[0, word], wanted, rtol=1e-4, atol=1e-5)
        wanted = slow_features(tiny_bert, ["Paris", "is"])
        torch.testing.assert_close(H_BLD[1, :2], wanted, rtol=1e-4, atol=1e-5)

    def test_dropout_is_of_the_output(self, tiny_bert: Path) -> None:
        encoder, pretrained = encoder_of(tiny_bert, encoder__freeze=True, encoder__dropout=0.5)
        batch = make_batch(split_of(pretrained, *SENTENCES), np.arange(5), CPU)
        whole = encoder.eval()(batch)
        dropped = encoder.train()(batch)
        kept = dropped != 0
        assert 0.3 < kept.float().mean() < 0.7
        torch.testing.assert_close(dropped[kept], 2 * whole[kept])

    def test_a_frozen_one_has_no_dropout_inside(self, tiny_bert: Path) -> None:
        for freeze in (True, False):
            encoder, pretrained = encoder_of(
                tiny_bert, encoder__freeze=freeze, encoder__dropout=0.0
            )
            batch = make_batch(split_of(pretrained, *SENTENCES), np.arange(5), CPU)
            encoder.train()
            torch.manual_seed(0)
            first, second = encoder(batch), encoder(batch)
            assert first.equal(second) == freeze
            assert first.requires_grad != freeze

    def test_the_rest_of_the_model_starts_the_same_whatever_the_transformer(
        self, tiny_bert: Path, tmp_path: Path
    ) -> None:
        deeper = save_bert(tmp_path / "deeper", num_hidden_layers=3)
        starts = []
        for folder in (tiny_bert, deeper):
            torch.manual_seed(0)
            model = RIN(settings(folder), VOCABULARY, None, load_pretrained(str(folder), 512))
            starts.append({n: t for n, t in model.state_dict().items() if BACKBONE not in n})
        assert starts[0].keys() == starts[1].keys()
        assert all(starts[0][name].equal(starts[1][name]) for name in starts[0])

    def test_what_is_not_there_is_named(self, tiny_bert: Path) -> None:
        with pytest.raises(
            ValueError, match=r"encoder\.kind = 'transformer': .* without its tokenizer"
        ):
            RIN(settings(tiny_bert), VOCABULARY)
        encoder, _ = encoder_of(tiny_bert)
        sentence = Sentence(words=("a",), pos=None, entities=(), triples=())
        batch = make_batch(encode_split([sentence], VOCABULARY, "first"), np.array([0]), CPU)
        with pytest.raises(ValueError, match=r"batch\.pieces = None: encode the split with"):
            encoder(batch)


def small_corpus(config: Config) -> EncodedCorpus:
    whole = demo_corpus()
    train_ = tuple(s for s in whole.train if len(s.words) <= 12)[:25]
    corpus = dataclasses.replace(whole, train=train_, dev=train_[:15], test=train_[10:])
    pretrained = load_pretrained(config.encoder.model, config.encoder.max_pieces)
    vocabulary = corpus_vocabulary(corpus, config.data)
    return encode_corpus(corpus, config.data, None, vocabulary, pretrained)


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
        assert pretrained.tokenizer == corpus.pretrained.tokenizer  # type: ignore[union-attr]
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


class TestIdentity:
    def test_the_model_counts_and_its_place_does_not(self, tiny_bert: Path, tmp_path: Path) -> None:
        moved = Path(shutil.copytree(tiny_bert, tmp_path / "moved"))
        other = save_bert(tmp_path / "other", seed=1)
        configs = [settings(folder) for folder in (tiny_bert, moved, other)]
        prints = [c.fingerprint(small_corpus(c).digest) for c in configs]
        assert prints[0] == prints[1] != prints[2]

    def test_a_run_goes_on_from_a_moved_folder(self, tiny_bert: Path, tmp_path: Path) -> None:
        config = settings(tiny_bert)
        with pytest.raises(Stop):
            train(config, small_corpus(config), directory=tmp_path, on_epoch=stop_after(2))
        moved = settings(Path(shutil.copytree(tiny_bert, tmp_path / "moved")))
        seen: list[int] = []
        train(
            moved,
            small_corpus(moved),
            directory=tmp_path,
            on_epoch=lambda epoch: seen.append(epoch.epoch),
        )
        assert seen == [3, 4]
        assert load_metadata(tmp_path / CHECKPOINT)["config"]["encoder.model"].endswith("moved")

    def test_a_bilstm_knows_nothing_of_it(self, tiny_bert: Path) -> None:
        plain = load_dataset("demo", Config())
        named = load_dataset("demo", Config().override("encoder.model", str(tiny_bert)))
        assert (plain.digest, plain.pretrained) == (named.digest, None)
        assert plain.train.pieces is None


class TestNotes:
    def test_long_sentences_are_counted_by_split(self, tiny_bert: Path) -> None:
        corpus = load_dataset("demo", settings(tiny_bert))
        assert corpus.notes[0].startswith("encoder: tiny/bert, 0.0 million weights")
        tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
        longer = [
            sum(pieces_of(tokenizer, s) > POSITIONS - 2 for s in sentences)
            for sentences in demo_corpus().splits().values()
        ]
        assert min(longer) > 0
        assert corpus.notes[1:] == (
            f"{longer[0]} / {longer[1]} / {longer[2]} sentences (train / dev / test) are longer "
            "than the encoder's 40 pieces: read in overlapping windows",
        )

    def test_nothing_is_said_of_none(self, tmp_path: Path) -> None:
        roomy = save_bert(tmp_path, max_position_embeddings=512)
        assert len(load_dataset("demo", settings(roomy)).notes) == 1


def pieces_of(tokenizer: Any, sentence: Sentence) -> int:
    words = list(sentence.words)
    return len(tokenizer(words, is_split_into_words=True, add_special_tokens=False).input_ids)


@pytest.mark.skipif(
    installed_folder(SMALL) is None, reason="needs a pretrained encoder: make encoders"
)
class TestRealModel:
    @pytest.fixture
    def minilm(self) -> Path:
        folder = installed_folder(SMALL)
        assert folder is not None
        return folder

    def test_features_are_those_of_the_library(self, minilm: Path) -> None:
        encoder, pretrained = encoder_of(minilm)
        text = "Alan Shepard was born in New Hampshire on 1923-11-18 ."
        batch = make_batch(split_of(pretrained, text, "Elliot See"), np.arange(2), CPU)
        with torch.inference_mode():
            H_BLD = encoder.eval()(batch)
        wanted = slow_features(minilm, text.split())
        torch.testing.assert_close(H_BLD[0], wanted, rtol=1e-3, atol=1e-4)

    def test_it_knows_words_that_training_never_showed(self, minilm: Path) -> None:
        """The same word in the same sense is nearer to itself than to another word."""
        encoder, pretrained = encoder_of(minilm)
        split = split_of(
            pretrained,
            "she deposited money at the bank",
            "the bank raised its interest rates",
            "they fished from the grassy river bank",
        )
        with torch.inference_mode():
            H_BLD = encoder.eval()(make_batch(split, np.arange(3), CPU))
        money, rates, river = H_BLD[0, 5], H_BLD[1, 1], H_BLD[2, 6]
        near, far = (torch.cosine_similarity(money, other, dim=0) for other in (rates, river))
        assert near > far + 0.05

    @pytest.mark.slow
    def test_fine_tuning_lowers_the_loss(self, minilm: Path) -> None:
        config = settings(
            minilm,
            training__batch_size=10,
            training__learning_rate=5e-3,
            training__encoder_learning_rate=1e-4,
            training__max_epochs=5,
        )
        losses = [epoch.train_loss for epoch in train(config, small_corpus(config)).history]
        assert losses[-1] < 0.5 * losses[0]
