"""Words, tags, relations and types as numbers."""

from __future__ import annotations

import dataclasses
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.data.corpus import Sentence, Span, Triple
from rin_core.data.demo import demo_corpus
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


class TestWordsWithAVector:
    """Words that only a file of vectors has follow those of the training split in number."""

    def test_in_lower_case(self) -> None:
        lowered = dataclasses.replace(vocabulary("oslo"), vector_words=("rome",))
        assert lowered.word_ids(["Oslo", "ROME", "bonn"]) == [2, 3, UNKNOWN]
        known = [lowered.is_in_training(number) for number in (0, UNKNOWN, 2, 3)]
        assert known == [False, False, True, False]

    def test_as_written(self) -> None:
        cased = dataclasses.replace(
            vocabulary("Oslo", "the", lowercase=False), vector_words=("oslo", "rome")
        )
        assert cased.word_ids(["Oslo", "OSLO", "The", "Rome", "Bonn"]) == [2, 4, 3, 5, UNKNOWN]
        assert "vector_words" not in cased.to_json()
