"""The transformer encoder against its own library run sentence by sentence."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.corpus import Sentence
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import (
    encode_split,
)
from rin_core.data.installed import SMALL, installed_folder
from rin_core.data.loading import load_dataset
from rin_core.data.pretrained import load_pretrained
from rin_core.layout import CHECKPOINT
from rin_core.model.rin import RIN
from rin_core.train.checkpoint import load_metadata
from rin_core.train.loop import train
from tests.tiny_models import POSITIONS, save_bert
from tests.trainings import Stop, stop_after
from tests.transformer import (
    BACKBONE,
    CPU,
    SENTENCES,
    VOCABULARY,
    encoder_of,
    settings,
    slow_features,
    small_corpus,
    split_of,
)


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
