"""Characters and case of words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rin_core.data.batches import make_batch
from rin_core.data.corpus import Sentence
from rin_core.data.encoding import encode_split
from rin_core.data.spelling import CASES, LONGEST_FORM, case_of, spell
from rin_core.data.vocabulary import PAD, UNKNOWN, build_vocabulary

SENTENCES = (("Oslo", "oslo", "is", "OSLO"), ("Oslo",))


def sentence(words: tuple[str, ...]) -> Sentence:
    return Sentence(words=words, pos=None, entities=(), triples=())


VOCABULARY = build_vocabulary([sentence(s) for s in SENTENCES], lowercase=True, use_pos=False)


@pytest.mark.parametrize(
    ("word", "case"),
    [
        ("of", "lower"), ("naïve-1", "lower"), ("Oslo", "title"), ("A", "title"),
        ("O'neill", "title"), ("NASA", "upper"),
        ("F-16S", "upper"), ("McCoy", "mixed"), ("iPhone", "mixed"),
        ("1999", "digits"), ("1,121", "digits"), ("--", "other"), ("东京", "lower"),
    ],
)  # fmt: skip
def test_case(word: str, case: str) -> None:
    assert case_of(word) == case


def test_the_lower_cased_vocabulary_keeps_the_characters_as_written() -> None:
    assert set(VOCABULARY.characters[2:]) == set("OsloiSLO")


def test_a_form_is_numbered_once_and_as_written() -> None:
    spelling = spell(SENTENCES, VOCABULARY)
    assert spelling.forms_S.tolist() == [1, 2, 3, 4, 1]
    assert [CASES[k] for k in spelling.cases_F] == ["<pad>", "title", "lower", "lower", "upper"]
    assert not spelling.characters_FC[0].any()
    for form, word in enumerate(["Oslo", "oslo", "is", "OSLO"], 1):
        numbers = spelling.characters_FC[form]
        assert "".join(VOCABULARY.characters[k] for k in numbers[numbers != PAD]) == word


def test_unknown_characters() -> None:
    spelling = spell([("Oz",)], VOCABULARY)
    assert spelling.characters_FC[1, 1] == UNKNOWN
    assert spelling.characters_FC[1, 0] > UNKNOWN


def test_of_a_long_form_both_ends_are_read() -> None:
    long = "O" + "s" * 50 + "o"
    numbers = spell([(long,)], VOCABULARY).characters_FC[1]
    written = "".join(VOCABULARY.characters[k] for k in numbers)
    assert len(written) == LONGEST_FORM
    assert (written[0], written[-1]) == ("O", "o")


def test_a_batch_has_the_forms_of_its_sentences_alone() -> None:
    split = encode_split([sentence(s) for s in SENTENCES], VOCABULARY, "first", spelling=True)
    batch = make_batch(split, np.array([1]), torch.device("cpu"))
    assert batch.spelling is not None
    assert batch.spelling.characters_UC.shape == (1, len("Oslo"))
    assert batch.spelling.form_BL.tolist() == [[0]]
    assert encode_split([sentence(SENTENCES[0])], VOCABULARY, "first").spelling is None
