"""Words to pieces and windows, against the tokenizer's own alignment and slow loops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from rin_core.data import pretrained
from rin_core.data.batches import PieceBatch, piece_batch
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import Array, word_places
from rin_core.data.pieces import Pieces, PieceTokenizer
from rin_core.data.pretrained import load_pretrained
from tests.tiny_models import POSITIONS

CPU = torch.device("cpu")
NOTHING = "\u200b"  # a zero-width space: WordPiece drops it
SENTENCES = [
    *(list(s.words[:5]) for s in demo_corpus().dev[:40]),
    ["Paris", "is", "the", "city", "of", "Ab"],
    ["xyz"],
    ["☃", "in", "é☃", "ü"],
]


@pytest.fixture(params=["bert", "roberta"])
def tiny(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(f"tiny_{request.param}")
    return folder


@pytest.fixture(scope="module")
def bert(tiny_bert: Path) -> PieceTokenizer:
    return load_pretrained(str(tiny_bert), 512).tokenizer


def window(pieces: Pieces, sentence: int, number: int) -> list[int]:
    """Return the pieces of one of a sentence's windows."""
    start = pieces.sentence_starts[sentence] + number
    begin, end = pieces.window_starts[start : start + 2]
    found: list[int] = pieces.pieces_Q[begin:end].tolist()
    return found


def word_starts(sentences: Sequence[Sequence[str]]) -> Array:
    return np.cumsum([0, *map(len, sentences)])


def slow_first(encoding: Any, words: int) -> list[int]:
    """Find the first piece of each word as the tokenizer tells it."""
    word_ids = encoding.word_ids()
    return [next(p for p, w in enumerate(word_ids) if w == word) for word in range(words)]


class TestAlignment:
    def test_a_word_is_its_first_piece(self, tiny: Path) -> None:
        short = [words for words in SENTENCES if sum(map(len, words)) < POSITIONS - 4]
        found = load_pretrained(str(tiny), 512).tokenizer.encode(short)
        slow = AutoTokenizer.from_pretrained(tiny, add_prefix_space=True)
        assert len(short) > 10
        starts = word_starts(short)
        for n, words in enumerate(short):
            own = slice(starts[n], starts[n + 1])
            wanted = slow(words, is_split_into_words=True)
            assert window(found, n, 0) == wanted.input_ids
            assert found.place_S[own].tolist() == slow_first(wanted, len(words))
            assert not found.window_S[own].any()
        assert found.windowed == 0

    def test_case_reaches_the_tokenizer(self, bert: PieceTokenizer) -> None:
        upper, lower = bert.encode([["Paris"]]), bert.encode([["paris"]])
        assert len(upper.pieces_Q) == 3
        assert len(lower.pieces_Q) == 7

    def test_a_word_of_no_pieces_is_unknown(self, bert: PieceTokenizer) -> None:
        found = bert.encode([["the", NOTHING, "city"]])
        plain = bert.encode([["the", "city"]])
        first, last = plain.pieces_Q[1], plain.pieces_Q[2]
        assert window(found, 0, 0) == [*bert.before, first, bert.unknown, last, *bert.after]
        assert found.place_S.tolist() == [1, 2, 3]

    def test_it_survives_json(self, bert: PieceTokenizer) -> None:
        again = PieceTokenizer.from_json(json.loads(json.dumps(bert.to_json())))
        assert again == bert


words_strategy = st.lists(
    st.text("abAB", min_size=1, max_size=12) | st.just(NOTHING), min_size=1, max_size=60
)


class TestWindows:
    @given(words_strategy, st.integers(8, 30))
    @settings(max_examples=60)
    def test_every_word_is_read_with_context(
        self, bert: PieceTokenizer, words: list[str], limit: int
    ) -> None:
        """Whatever the windows, a word's place holds its own piece, and none are wasted."""
        whole = window(PieceTokenizer(**{**fields(bert), "limit": 10_000}).encode([words]), 0, 0)
        lengths = [len(word) if word != NOTHING else 1 for word in words]
        found = PieceTokenizer(**{**fields(bert), "limit": limit}).encode([words])
        count, room = sum(lengths), limit - 2
        windows = [window(found, 0, k) for k in range(found.sentence_starts[-1])]
        assert all(w[0] == whole[0] and w[-1] == whole[-1] for w in windows)
        assert all(len(w) == min(limit, count + 2) for w in windows)
        assert found.windowed == (count > room) == (len(windows) > 1)
        for word, first in enumerate(np.cumsum([0, *lengths[:-1]])):
            number, place = int(found.window_S[word]), int(found.place_S[word])
            begin = first + 1 - place  # where the window starts, from what it says of the word
            assert windows[number][1:-1] == whole[1:-1][begin : begin + room]
            assert windows[number][place] == whole[1 + first]
            before, after = first - begin, begin + len(windows[number]) - 3 - first
            assert before >= min(first, room // 4 - 1)
            assert after >= min(count - 1 - first, room // 4 - 1)

    def test_the_models_own_limit_holds(self, tiny_bert: Path) -> None:
        limits = [load_pretrained(str(tiny_bert), n).tokenizer.limit for n in (8, 40, 512)]
        assert limits == [8, POSITIONS, POSITIONS]

    def test_a_model_without_end_has_the_tokenizers_limit(
        self, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        load = pretrained._load_model

        def without_end(name: str, folder: Path) -> Any:
            model = load(name, folder)
            model.config.max_position_embeddings = -1  # as some models write "none"
            return model

        monkeypatch.setattr(pretrained, "_load_model", without_end)
        assert load_pretrained(str(tiny_bert), 600).tokenizer.limit == 512

    def test_robertas_positions_begin_behind_paddings(
        self, tiny_roberta: Path, tmp_path: Path
    ) -> None:
        folder = Path(shutil.copytree(tiny_roberta, tmp_path / "roberta"))
        settings = folder / "tokenizer_config.json"
        known = json.loads(settings.read_text())
        del known["model_max_length"]
        settings.write_text(json.dumps(known))
        assert load_pretrained(str(folder), 512).tokenizer.limit == 64, "of 66, and 2 are no word's"


def fields(tokenizer: PieceTokenizer) -> dict[str, Any]:
    return {**tokenizer.to_json(), "before": tokenizer.before, "after": tokenizer.after}


class TestBatch:
    SENTENCES = (["a"], ["Paris"] * 3, ["b"] * 70, ["abc", "the"], ["aB"] * 50)

    def batch(self, pieces: Pieces, rows: list[int]) -> PieceBatch:
        sentences = np.array(rows)
        places = word_places(word_starts(self.SENTENCES), sentences)
        return piece_batch(pieces, sentences, places, CPU)

    def test_against_a_slow_gather(self, bert: PieceTokenizer) -> None:
        found = bert.encode(self.SENTENCES)
        assert found.windowed == 2
        for rows in ([0], [2], [3, 2, 0], [4, 1, 2], [0, 1, 3]):
            batch = self.batch(found, rows)
            numbers = np.diff(found.sentence_starts)
            windows = [window(found, row, k) for row in rows for k in range(numbers[row])]
            P = max(map(len, windows))
            padded = [w + [found.pad] * (P - len(w)) for w in windows]
            assert batch.pieces_WP.tolist() == padded
            assert batch.present_WP.sum(1).tolist() == list(map(len, windows))
            flat, skipped = list(chain.from_iterable(padded)), 0
            for place, row in enumerate(rows):
                for word in range(len(self.SENTENCES[row])):
                    at = word_starts(self.SENTENCES)[row] + word
                    number = int(found.window_S[at])
                    piece = window(found, row, number)[found.place_S[at]]
                    where = int(batch.first_BL[place, word])
                    assert flat[where] == piece
                    assert where // P == skipped + number
                skipped += int(numbers[row])

    def test_padding_points_into_its_own_sentence(self, bert: PieceTokenizer) -> None:
        batch = self.batch(bert.encode(self.SENTENCES), [1, 0])
        P = batch.pieces_WP.shape[1]
        assert (batch.first_BL // P).tolist() == [[0, 0, 0], [1, 1, 1]]

    def test_read_only_arrays_will_do(self, bert: PieceTokenizer) -> None:
        found = bert.encode(self.SENTENCES)
        for name in ("pieces_Q", "window_starts", "sentence_starts", "window_S", "place_S"):
            getattr(found, name).setflags(write=False)
        assert self.batch(found, [0, 2]).pieces_WP.dtype == torch.int64
