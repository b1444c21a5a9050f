"""Text as a model reads it: sentences, words, and the marks of its training split."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin_core.data.demo import demo_corpus
from rin_core.data.loading import load_corpus
from rin_core.data.sentence_splitter import sentence_offsets
from rin_core.data.tokenizer import word_offsets
from rin_core.data.vocabulary import SPECIAL, Vocabulary, build_vocabulary
from rin_core.predict.texts import TextSplitter, marks_at_letters, was_split_at_spaces
from tests.texts import TEXTS


def vocabulary(words: str, *, lowercase: bool = False) -> Vocabulary:
    return Vocabulary(
        words=(*SPECIAL, *words.split()), pos=(), relations=("met",), lowercase=lowercase
    )


# --- sentences --------------------------------------------------------------------------------


@given(TEXTS)
def test_a_sentence_ends_between_words(text: str) -> None:
    """Sentences are in order, have all that is not space, and cut no word of the whole text."""
    spans = list(sentence_offsets(text))
    inside = {place for start, end in spans for place in range(start, end)}
    assert {place for place, char in enumerate(text) if not char.isspace()} <= inside
    assert len(inside) == sum(end - start for start, end in spans)
    ends = [place for span in spans for place in span]
    assert ends == sorted(ends)
    for start, end in word_offsets(text):
        assert not any(start < place < end for place in ends)


@given(TEXTS)
def test_a_sentence_of_spaced_text_ends_at_a_space(text: str) -> None:
    found = TextSplitter(vocabulary("a"), pretokenized=True).split(text)
    assert [word for sentence in found for word in sentence.words] == text.split()


# --- marks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("training", "text", "read"),
    [
        ("``  ''  '", '"Ann," (he) said “so”.', "`` Ann , '' ( he ) said `` so '' ."),
        ('" ', "\"Ann,\" he ``said'' “so”.", '" Ann , " he " said " " so " .'),
        ("“ ”", "\"Ann\" '' “so”", "“ Ann ” ” “ so ”"),
        ("''", '"Ann" said “so”', "'' Ann '' said '' so ''"),
        ("`` '' \"", '"Ann" “so”', "\" Ann \" `` so ''"),
        ("x", '"Ann" “so” ’', '" Ann " “ so ” ’'),
        ("-LRB- -RRB-", "(a) [b]", "-LRB- a -RRB- [ b ]"),
        ("-lrb- -rrb-", "(a)", "( a )"),
        ("( )", "-LRB-a (b)", "-LRB-a ( b )"),
        ("n't 's ...", "isn’t Ann’s…", "is n't Ann 's ..."),
        ("n’t …", "isn't so...", "is n’t so …"),
        ("`` ''", '( "a" ) " b " "', "( `` a '' ) `` b '' ``"),
    ],
)
def test_marks_are_those_of_training(training: str, text: str, read: str) -> None:
    (found,) = TextSplitter(vocabulary(f"{training} a b he said so")).split(text)
    assert found.sentence.words == tuple(read.split())
    assert "".join(found.words) == "".join(text.split())


def test_lower_case_marks_of_a_lower_case_vocabulary() -> None:
    (found,) = TextSplitter(vocabulary("-lrb- a b c d e f g h", lowercase=True)).split("(a")
    assert found.sentence.words == ("-LRB-", "a")


MARKS = ["``", "''", '"', "“", "”", "'", "`", "-LRB-", "-RRB-", "(", ")", "...", "…", "n't", "n’t"]


@given(TEXTS, st.sets(st.sampled_from(MARKS)))
def test_a_word_of_training_stays_as_it_is_written(text: str, marks: set[str]) -> None:
    known = vocabulary(" ".join(sorted(marks)) + " Ann met")
    for sentence in TextSplitter(known).split(text):
        for written, read in zip(sentence.words, sentence.sentence.words, strict=True):
            assert read == written or (written not in known.words and read in known.words)


# --- evidence ---------------------------------------------------------------------------------


def test_a_vocabulary_with_attached_punctuation_splits_at_spaces() -> None:
    spaced = vocabulary("Ann met Bob. in Oslo, near Dr. Lee.")
    assert was_split_at_spaces(spaced)
    (one, two) = TextSplitter(spaced).split('Ann met "Bob", he said. He left.')
    assert one.words == ("Ann", "met", '"Bob",', "he", "said.")
    assert two.words == ("He", "left.")


def test_chinese_words_are_split_at_spaces_and_characters_are_not() -> None:
    assert was_split_at_spaces(vocabulary("北京 是 首都 。"))
    characters = vocabulary("北 京 是 首 都 。")
    assert not was_split_at_spaces(characters)
    one, two = TextSplitter(characters).split("北京是首都。是！")
    assert one.words == tuple("北京是首都。")
    assert two.words == ("是", "！")


@pytest.mark.parametrize(
    ("training", "read"),
    [
        ("a", "She called ' Acme ' on the London – Rome route"),
        ("'Acme ' a", "She called 'Acme ' on the London – Rome route"),
        ("Paris–Roubaix a", "She called ' Acme ' on the London–Rome route"),
    ],
)
def test_marks_at_letters_are_split_off_as_in_training(training: str, read: str) -> None:
    known = vocabulary(f"{training} b c d e f g h i j k l")
    (found,) = TextSplitter(known).split("She called 'Acme' on the London–Rome route")
    assert found.words == tuple(read.split())


@pytest.mark.parametrize(
    ("training", "read"),
    [
        (
            "Madrid - based and / or",
            "The Madrid - based state - of - the - art and / or 11-month .",
        ),
        ("Madrid - based", "The Madrid - based state - of - the - art and/or 11-month ."),
        ("Madrid - co-founder", "The Madrid-based state-of-the-art and/or 11-month ."),
        ("Madrid based", "The Madrid-based state-of-the-art and/or 11-month ."),
    ],
)
def test_hyphens_and_slashes_are_split_off_as_in_training(training: str, read: str) -> None:
    """Prodigy splits them off between letters, as spaCy does; the corpora of the paper do not."""
    others = ("state-of-the-art", "on-line", "and/or")
    known = replace(vocabulary(f"{training} b c d e f g h i j k l"), vector_words=others)
    (found,) = TextSplitter(known).split("The Madrid-based state-of-the-art and/or 11-month.")
    assert found.words == tuple(read.split())


@pytest.mark.corpus
@pytest.mark.skipif(not os.environ.get("RIN_DATA_ROOT"), reason="RIN_DATA_ROOT is not set")
@pytest.mark.parametrize(
    ("corpus", "marks"),
    [("webnlg_star", "–"), ("webnlg", ""), ("nyt5k_star", "'–"), ("scierc", "'–"), ("ade", "'–-/")],
)
def test_marks_at_letters_of_the_corpora(corpus: str, marks: str) -> None:
    train = load_corpus(corpus, max_missing=1).train
    assert marks_at_letters(build_vocabulary(train, lowercase=True, use_pos=False)) == marks


def test_the_demo_corpus_has_separate_punctuation() -> None:
    train = demo_corpus().train
    assert not was_split_at_spaces(build_vocabulary(train, lowercase=True, use_pos=False))
