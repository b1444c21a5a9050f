"""Vocabularies, tags and word vectors."""

from __future__ import annotations

import dataclasses
import gzip
import json
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.config import Config
from rin_core.data.corpus import Corpus, Sentence, Span, Triple
from rin_core.data.demo import demo_corpus
from rin_core.data.loading import load_dataset
from rin_core.data.tagging import tag_pos, tag_source, tag_words
from rin_core.data.vectors import VectorsError, load_vectors
from rin_core.data.vocabulary import PAD, UNKNOWN, Vocabulary, build_vocabulary


def sentence(text: str, pos: str | None = None, relation: str = "r") -> Sentence:
    ends = Span(0, 1), Span(0, 1)
    return Sentence(
        words=tuple(text.split()),
        pos=tuple(pos.split()) if pos else None,
        entities=ends[:1],
        triples=(Triple(ends[0], relation, ends[1]),),
    )


def vocabulary(*words: str, lowercase: bool = True) -> Vocabulary:
    specials = ("<pad>", "<unk>")
    return Vocabulary(words=(*specials, *words), pos=(), relations=("r",), lowercase=lowercase)


def typed(*types: str) -> Sentence:
    """Write a sentence with one entity."""
    return Sentence(words=("a",), pos=None, entities=(Span(0, 1),), triples=(), types=types)


class TestBuilding:
    TRAIN = (sentence("b A b", "Y X Y", "late"), sentence("a c", "X Z", "born"))

    def test_order_is_frequency_then_alphabet(self) -> None:
        built = build_vocabulary(self.TRAIN, lowercase=True, use_pos=True)
        assert built.words == ("<pad>", "<unk>", "a", "b", "c")
        assert built.pos == ("<pad>", "<unk>", "X", "Y", "Z")
        assert built.relations == ("born", "late")
        assert built == build_vocabulary(self.TRAIN[::-1], lowercase=True, use_pos=True)

    def test_case(self) -> None:
        built = build_vocabulary(self.TRAIN, lowercase=False, use_pos=False)
        assert built.words == ("<pad>", "<unk>", "b", "A", "a", "c")
        assert built.word_ids(["A", "B"]) == [3, UNKNOWN]
        lowered = build_vocabulary(self.TRAIN, lowercase=True, use_pos=False)
        assert lowered.word_ids(["A", "B", "zz"]) == [2, 3, UNKNOWN]

    def test_tags_only_where_all_sentences_have_them(self) -> None:
        mixed = (*self.TRAIN, sentence("a"))
        assert build_vocabulary(mixed, lowercase=True, use_pos=True).pos == ()
        assert build_vocabulary(self.TRAIN, lowercase=True, use_pos=False).pos == ()

    def test_numbers_are_positions(self) -> None:
        built = build_vocabulary(self.TRAIN, lowercase=True, use_pos=True)
        assert built.pos_ids(["Z", "new"]) == [4, UNKNOWN]
        assert built.relation_ids == {"born": 0, "late": 1}

    def test_a_word_that_reads_like_padding_is_a_word(self) -> None:
        train = (sentence("<pad> <unk> a"),)
        built = build_vocabulary(train, lowercase=True, use_pos=False)
        assert built.words == ("<pad>", "<unk>", "a")
        assert PAD not in built.word_ids(["<pad>", "<unk>", "a"])

    def test_a_relation_may_have_any_name(self) -> None:
        train = (sentence("a b", None, "<unk>"), sentence("a b", None, "r"))
        built = build_vocabulary(train, lowercase=True, use_pos=True)
        assert built.relations == ("<unk>", "r")

    def test_entity_types(self) -> None:
        train = (typed("X"), typed("Y"), typed("Y"), typed())
        built = build_vocabulary(train, lowercase=True, use_pos=False, use_types=True)
        assert built.entity_types == ("Y", "", "X")
        assert built.entity_tags[:5] == ("B-Y", "I-Y", "E-Y", "S-Y", "O")
        assert len(built.entity_tags) == 13
        asked = (typed("X"), typed(""), typed(), typed("new"))
        assert [built.type_ids(s) for s in asked] == [[2], [1], [1], [-1]]
        copy = Vocabulary.from_json(json.loads(json.dumps(built.to_json())))
        assert (copy, copy.type_ids(typed("X"))) == (built, [2])

    @pytest.mark.parametrize("use_types", [True, False])
    def test_tags_have_no_types_unless_the_corpus_and_the_setting_do(self, use_types: bool) -> None:
        train = (typed("" if use_types else "X"), typed())
        built = build_vocabulary(train, lowercase=True, use_pos=False, use_types=use_types)
        assert built.entity_types == ()
        assert built.entity_tags == ("B", "I", "E", "S", "O")
        assert built.type_ids(typed("X")) == [0]

    def test_a_file_from_before_entity_types(self) -> None:
        built = build_vocabulary((typed("X"),), lowercase=True, use_pos=False)
        before = {k: v for k, v in built.to_json().items() if k != "entity_types"}
        assert Vocabulary.from_json(before) == built

    def test_specials_come_first(self) -> None:
        with pytest.raises(ValueError, match=r"words = .*'a'.*must begin with .*<pad>"):
            Vocabulary(words=("a",), pos=(), relations=(), lowercase=True)

    @settings(max_examples=40)
    @given(texts=st.lists(st.lists(st.text("aAbß<", min_size=1), min_size=1), min_size=1))
    def test_json_and_pickle_round_trips(self, texts: list[list[str]]) -> None:
        train = [sentence(" ".join(words), " ".join("N" for _ in words)) for words in texts]
        built = build_vocabulary(train, lowercase=False, use_pos=True)
        for copy in (
            Vocabulary.from_json(json.loads(json.dumps(built.to_json()))),
            pickle.loads(pickle.dumps(built)),
        ):
            assert copy == built
            assert [copy.word_ids(words) for words in texts] == [built.word_ids(w) for w in texts]
            assert copy.relation_ids == built.relation_ids

    def test_usual_tags(self) -> None:
        train = (sentence("may May may run", "MD NNP MD VB"), sentence("run may Oslo", "NN NN NNP"))
        built = build_vocabulary(train, lowercase=True, use_pos=True)
        # "run" has two tags as often, of which NN is the lower number; "Run" is looked up as
        # "run"; what is new gets what May and Oslo, the words seen once, have.
        wanted = ("MD", "NNP", "NN", "NN", "NNP")
        assert built.usual_tags(["may", "May", "run", "Run", "Rome"]) == wanted
        assert Vocabulary.from_json(built.to_json()).usual_tags(["may", "Rome"]) == ("MD", "NNP")

    def test_every_word_of_the_training_split_has_a_usual_tag(self) -> None:
        train = demo_corpus(100).train
        built = build_vocabulary(train, lowercase=True, use_pos=True)
        pairs = [(w, t) for s in train for w, t in zip(s.words, s.pos or (), strict=True)]
        tags = built.usual_tags([word for word, _ in pairs])
        assert sum(tag == own for tag, (_, own) in zip(tags, pairs, strict=True)) > len(pairs) * 0.9

    def test_without_tags_there_are_no_usual_ones(self) -> None:
        assert build_vocabulary(self.TRAIN, lowercase=True, use_pos=False).usual_pos == ()

    def test_a_file_that_predates_usual_tags(self) -> None:
        built = build_vocabulary(self.TRAIN, lowercase=True, use_pos=True)
        old = {key: value for key, value in built.to_json().items() if key != "usual_pos"}
        assert Vocabulary.from_json(old) == dataclasses.replace(built, usual_pos=())

    def test_is_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            vocabulary().lowercase = False  # type: ignore[misc]


class TestTagging:
    def corpus(self, *tags: str | None) -> Corpus:
        train, dev, test = (sentence("a b", pos) for pos in tags)
        return Corpus(name="x", train=(train,), dev=(dev,), test=(test,))

    def test_tags_of_the_corpus(self) -> None:
        demo = demo_corpus(10)
        assert tag_pos(demo) == (demo, "from the corpus")

    def test_no_tagger(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "textblob.en", None)
        bare = self.corpus(None, None, None)
        got, source = tag_pos(bare)
        assert got == bare
        assert source.startswith("none; ")
        assert "make pos" in source

    def test_some_tags_are_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "textblob.en", None)
        got, source = tag_pos(self.corpus("N N", "N N", None))
        assert got == self.corpus(None, None, None)
        assert "1 of 3 sentences have none" in source

    def test_the_tagger_tags_every_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install_tagger(monkeypatch, str.upper)
        monkeypatch.setattr("rin_core.data.tagging.version", lambda _: "0.20")
        got, source = tag_pos(self.corpus("N N", None, None))
        assert got == self.corpus("A B", "A B", "A B")
        assert source == "from textblob's tagger, version 0.20"

    def test_the_real_tagger_gives_penn_tags(self) -> None:
        pytest.importorskip("textblob", reason="make pos installs it")
        words = ("Ann", "quickly", "met", "the", "\u00a0", "a/b", "<&>", "painters", ".")
        (tags,) = tag_words([words])
        assert tags is not None
        assert len(tags) == len(words)
        assert (*tags[:4], *tags[-2:]) == ("NNP", "RB", "VBD", "DT", "NNS", ".")

    @pytest.mark.parametrize(
        ("tagger", "usual", "installed", "source"),
        [
            ("", True, True, "usual"),
            ("textblob", True, True, "textblob"),
            ("textblob", True, False, "usual"),
            ("", False, True, "textblob"),
            ("", False, False, "none"),
        ],
    )
    def test_a_model_reads_tags_as_in_its_training(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tagger: str,
        usual: bool,
        installed: bool,
        source: str,
    ) -> None:
        if installed:
            install_tagger(monkeypatch, str.upper)
        else:
            monkeypatch.setitem(sys.modules, "textblob.en", None)
        corpus = self.corpus("A N", "A N", "A N")
        found = build_vocabulary(corpus.train, lowercase=True, use_pos=True)
        usual_pos = found.usual_pos if usual else ()
        vocabulary = dataclasses.replace(found, tagger=tagger, usual_pos=usual_pos)
        assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
        assert tag_source(vocabulary) == source
        assert tag_source(dataclasses.replace(vocabulary, pos=())) is None

    def test_the_vocabulary_of_a_tagged_corpus_names_the_tagger(
        self, monkeypatch: pytest.MonkeyPatch, make_corpus: Callable[..., Path]
    ) -> None:
        install_tagger(monkeypatch, str.upper)
        monkeypatch.setattr("rin_core.data.tagging.version", lambda _: "0.20")
        record = {"text": "Ann met Bob .", "triple_list": [["Ann", "met", "Bob"]]}
        tagged = record | {"pos": ["N", "V", "N", "."]}
        for number, one in enumerate((record, tagged)):
            folder = make_corpus(f"c{number}", train=[one], dev=[one], test=[one])
            vocabulary = load_dataset(str(folder), Config()).vocabulary
            assert vocabulary.tagger == ("textblob", "")[number]


def install_tagger(monkeypatch: pytest.MonkeyPatch, tag: Callable[[str], str]) -> None:
    """Let a function be the tagger."""
    textblob = types.ModuleType("textblob.en")
    find_tags = lambda words: [[word, tag(word)] for word in words]  # noqa: E731
    textblob.parser = types.SimpleNamespace(find_tags=find_tags)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "textblob", types.ModuleType("textblob"))
    monkeypatch.setitem(sys.modules, "textblob.en", textblob)


ROWS = b"the 1 2 3\nparis -1 0.5 2e-1\nof 4 5 6\n"


def write(path: Path, content: bytes) -> Path:
    if path.suffix == ".gz":
        content = gzip.compress(content)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("rows.txt", content)
    else:
        path.write_bytes(content)
    return path


class TestVectors:
    @pytest.mark.parametrize("name", ["x.txt", "x.txt.gz", "x.zip"])
    def test_rows_come_to_their_words(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path / name, ROWS)
        vectors = load_vectors(path, vocabulary("paris", "new", "the"), 3)
        wanted = [[0, 0, 0], [0, 0, 0], [-1, 0.5, 0.2], [0, 0, 0], [1, 2, 3]]
        np.testing.assert_array_equal(vectors.matrix, np.array(wanted, np.float32))
        assert vectors.matrix.dtype == np.float32
        assert vectors.found.tolist() == [False, False, True, False, True]
        assert vectors.name == name

    @pytest.mark.parametrize("rows", [b"Rome 1 1\nrome 2 2\n", b"rome 2 2\nRome 1 1\n"])
    def test_own_form_before_lower_case(self, tmp_path: Path, rows: bytes) -> None:
        words = vocabulary("Rome", "ROME", "rome", lowercase=False)
        vectors = load_vectors(write(tmp_path / "x", rows), words, 2)
        assert vectors.matrix[2:, 0].tolist() == [1, 2, 2]

    def test_the_first_of_two_equal_rows_counts(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x", b"a 1\na 2\n")
        assert load_vectors(path, vocabulary("a"), 1).matrix[2, 0] == 1

    def test_the_digest_is_of_the_content(self, tmp_path: Path) -> None:
        plain = load_vectors(write(tmp_path / "x", ROWS), vocabulary("of", "new"), 3)
        packed = load_vectors(write(tmp_path / "y.gz", ROWS + b"z 0 0 0"), vocabulary("of", "z"), 3)
        assert len(plain.digest) == 16
        other = load_vectors(write(tmp_path / "z.gz", ROWS), vocabulary("of", "new"), 3)
        assert other.digest == plain.digest
        # The matrices are equal: z has a vector, which happens to be zero.
        assert (packed.matrix == plain.matrix).all()
        assert packed.digest != plain.digest

    @pytest.mark.parametrize(
        "rows",
        [
            b"2 3\n" + ROWS,
            ROWS.replace(b"\n", b" \r\n"),
            ROWS + b"\n",
            ROWS.replace(b"of", b"at name@domain.com"),
            ROWS.replace(b"of", b"\xff\xfe"),
        ],
        ids=["header", "line ends", "blank end", "phrase", "not UTF-8"],
    )
    def test_habits_of_real_files(self, tmp_path: Path, rows: bytes) -> None:
        vectors = load_vectors(write(tmp_path / "x", rows), vocabulary("the", "paris"), 3)
        assert vectors.matrix[2].tolist() == [1, 2, 3]
        assert vectors.found.tolist() == [False, False, True, True]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (ROWS + b"cut 1 2", r"x:4: found 2 values, expected 3; the row is cut short"),
            (ROWS + b"run 1 2 3to 1 2 3", r"x:4: found 6 values, expected 3; the row is too long"),
            (ROWS.replace(b"0.5", b"0.x"), r"x:2: could not convert.*'0\.x'.*expected numbers"),
            (ROWS.replace(b"0.5", b""), r"x:2: could not convert.*expected numbers"),
            (ROWS.replace(b"0.5", b"nan"), r"x:2: has a value that is not finite"),
            (ROWS.replace(b"0.5", b"1e39"), r"x:2: has a value that is not finite"),
            (ROWS.replace(b"paris", b"rome"), r"x: has no vector for any of the 1 words"),
            (b"", r"x: has no vector for any of the 1 words"),
            (b"a 1 2\nb 1 2\n", r"x:1: found 2 values, expected 3; .*--set encoder\.word_dim=2"),
            (b"2 3\nparis \0\0\x80?\0", r"x:2: .*binary format: convert it to text"),
            (b"9 2\na 1 2\n", r"x:2: found 2 values, expected 3; .*--set encoder\.word_dim=2"),
        ],
    )
    def test_broken_rows(self, tmp_path: Path, rows: bytes, message: str) -> None:
        with pytest.raises(VectorsError, match=message):
            load_vectors(write(tmp_path / "x", rows), vocabulary("paris"), 3)

    def test_further_words_are_looked_up(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x", b"2 3\n" + ROWS)
        vectors = load_vectors(path, vocabulary("paris"), 3, check={"of", "The", "new"})
        assert (vectors.checked, vectors.has_header) == (frozenset({"of", "The"}), True)
        assert not load_vectors(write(tmp_path / "y", ROWS), vocabulary("of"), 3).has_header

    def test_unused_rows_are_counted_but_not_parsed(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x", ROWS.replace(b"4 5", b"four five"))
        assert load_vectors(path, vocabulary("paris"), 3).found.sum() == 1

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(VectorsError, match="gone: no such file"):
            load_vectors(tmp_path / "gone", vocabulary("a"), 3)

    def test_broken_packing(self, tmp_path: Path) -> None:
        whole = gzip.compress(ROWS * 500)
        flipped = bytearray(whole)
        flipped[20] ^= 255
        for name, content in {
            "cut.gz": whole[: len(whole) // 2],
            "flipped.gz": bytes(flipped),
            "plain.gz": ROWS,
            "plain.zip": ROWS,
        }.items():
            (tmp_path / name).write_bytes(content)
            with pytest.raises(
                VectorsError, match=rf"{name}: cannot be read \(.*check that the file is complete"
            ):
                load_vectors(tmp_path / name, vocabulary("paris"), 3)

    def test_a_zip_of_several_files(self, tmp_path: Path) -> None:
        path = write(tmp_path / "x.zip", ROWS)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("other.txt", ROWS)
        with pytest.raises(
            VectorsError, match=r"contains rows\.txt, other\.txt; expected one file"
        ):
            load_vectors(path, vocabulary("paris"), 3)
