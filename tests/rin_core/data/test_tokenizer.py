"""Raw text to words: cases by hand, and the corpora's own texts."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given

from rin_core.data.loading import load_corpus
from rin_core.data.marks import in_training_spelling
from rin_core.data.tokenizer import word_offsets
from rin_core.data.vocabulary import build_vocabulary
from rin_core.predict.texts import marks_at_letters
from tests.texts import TEXTS

CASES = {
    "": "",
    " \t\n ": "",
    "Ann met Bob.": "Ann met Bob .",
    "Ann met Bob": "Ann met Bob",
    "Two. Sentences here!": "Two . Sentences here !",
    '"Hi," she said (quietly).': '" Hi , " she said ( quietly ) .',
    "“Hi,” she said": "“ Hi , ” she said",
    "``Hi,'' she said": "`` Hi , '' she said",
    "It's Jones' house, isn’t it?": "It 's Jones ' house , is n’t it ?",
    "we'll, they'D, I'm, you've": "we 'll , they 'D , I 'm , you 've",
    "O'Reilly's 'em": "O'Reilly 's 'em",
    "Dr. B. Lee of St. Louis left the U.S.A.": "Dr. B. Lee of St. Louis left the U.S.A .",
    "She left the U.S. in May.": "She left the U.S. in May .",
    "He lives in the U.S.": "He lives in the U.S .",
    "He lives in the U.S. .": "He lives in the U.S. .",
    "ST. LOUIS is no. 1": "ST. LOUIS is no . 1",
    "the C.E.O.'s pay": "the C.E.O. 's pay",
    "It paid $1,121.50 at 7:30, or 5%.": "It paid $ 1,121.50 at 7:30 , or 5 % .",
    "10/03/1983 14L/32R AT&T co-founder": "10/03/1983 14L/32R AT&T co-founder",
    "wait...what--no": "wait ... what -- no",
    "He left the U.S…. “What’”": "He left the U.S …. “ What ’ ”",
    "a\u00a0b\u2003c": "a b c",
    "São Tomé 🎉 東京。": "São Tomé 🎉 東 京 。",
    "航速≥15 节，PCI。": "航 速 ≥ 15 节 ， PCI 。",
    "...": "...",
    ".": ".",
    "Он из «Газпрома», а не из „Яндекса“.": "Он из « Газпрома » , а не из „ Яндекса “ .",
    "»Acme« ‹Beta› ‚Gamma‘, (»Eden«)": "» Acme « ‹ Beta › ‚ Gamma ‘ , ( » Eden « )",
    "¿Ana vive en Lugo? ¡Ana!": "¿ Ana vive en Lugo ? ¡ Ana !",
    "Suã¡rez, Ã«x": "Suã¡rez , Ã«x",
    "The rival—Acme—left. •Beta→Gamma": "The rival — Acme — left . • Beta → Gamma",
    "London–Rome, 1995–96": "London – Rome , 1995–96",
    "He called 'Acme' and ‘Beta’ 'A'.": "He called ' Acme ' and ‘ Beta ’ ' A ' .",
    "give 'em the '60s, 'tis rock 'n' roll": "give 'em the '60s , 'tis rock 'n ' roll",
    "we 're in 's-Hertogenbosch, ‘Twas ’tis": "we 're in 's-Hertogenbosch , ‘Twas ’tis",
    "في بغداد، وهو؛ هل رأيت علي؟": "في بغداد ، وهو ؛ هل رأيت علي ؟",
    "١،٥ کراچی۔ لاہور": "١،٥ کراچی ۔ لاہور",
    "दिल्ली। 'सीता'॥": "दिल्ली । ' सीता ' ॥",
    "አበባ። ប្រទេស៖ ក្រុង។ မြို့၊ ရွာ။": "አበባ ። ប្រទេស ៖ ក្រុង ។ မြို့ ၊ ရွာ ။",
}


def tokenize(text: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in word_offsets(text))


@pytest.mark.parametrize("text", CASES, ids=repr)
def test_cases(text: str) -> None:
    assert tokenize(text) == tuple(CASES[text].split())


@given(TEXTS)
def test_words_are_the_text_without_its_spaces(text: str) -> None:
    offsets = word_offsets(text)
    covered = [place for start, end in offsets for place in range(start, end)]
    assert covered == [place for place, char in enumerate(text) if not char.isspace()]
    assert all(start < end for start, end in offsets)


def as_written(words: tuple[str, ...]) -> str:
    """Put punctuation back to the words it belongs to."""
    text = re.sub(r" ([,.;:!?)%]|'s|n't|'re|'ve|'ll|'d|'m|')(?= |$)", r"\1", " ".join(words))
    text = re.sub(r"(?<![^ ])([($]) ", r"\1", text)
    return text.replace("`` ", '"').replace(" ''", '"')


@pytest.mark.corpus
@pytest.mark.skipif(not os.environ.get("RIN_DATA_ROOT"), reason="RIN_DATA_ROOT is not set")
@pytest.mark.parametrize(
    ("corpus", "unchanged", "restored"),
    [("webnlg_star", 0.97, 0.93), ("webnlg", 0.99, 0.94), ("nyt5k_star", 0.99, 0.92)],
)
def test_the_corpora_are_split_alike(corpus: str, unchanged: float, restored: float) -> None:
    """Words in the corpus's manner stay as they are; joined as people write, they come back.

    The rest is mojibake, periods written twice, and a period that belonged to an abbreviation.
    """
    loaded = load_corpus(corpus)
    sentences = loaded.test
    vocabulary = build_vocabulary(loaded.train, lowercase=True, use_pos=False)

    marks = marks_at_letters(vocabulary)

    def words(text: str) -> tuple[str, ...]:
        return in_training_spelling(text, word_offsets(text, marks), vocabulary)

    same = [words(" ".join(s.words)) == s.words for s in sentences]
    assert sum(same) / len(same) >= unchanged
    back = [words(as_written(s.words)) == s.words for s in sentences]
    assert sum(back) / len(back) >= restored
