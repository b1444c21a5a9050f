"""What looks wrong in the texts of a corpus: records that are too long, and unusual words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rin_core.data.corpus import Corpus, Finding, shown
from rin_core.data.finding_texts import MANY, found_in, note, sentence_text, warning
from rin_core.data.split_sentences import sentence_spans

_PIECE = re.compile(r"^(?:##\w|Ġ|▁)|^(?:\[(?:CLS|SEP|PAD|UNK|MASK)\]|</?s>|<pad>|<unk>)$")
_SPACED = re.compile(r"\s")
#: A sentence of more words is very long.
LONG_SENTENCE = 200


def long_sentences(corpus: Corpus) -> Iterator[Finding]:
    """Find sentences that need much memory and time."""
    found = found_in(corpus, lambda s: len(s.words) > LONG_SENTENCE)
    if found.count:
        text = (
            f"sentences of more than {LONG_SENTENCE} words: {found}: split documents into "
            "sentences, as rin-study convert --split-sentences does, because memory and time grow "
            "with the longest sentence of a batch"
        )
        yield warning("long-sentences", text, count=found.count)


def several_sentences(corpus: Corpus) -> Iterator[Finding]:
    """Find records that predict would split: the model is trained on other units than it reads."""
    found = found_in(corpus, lambda s: len(sentence_spans(s.words)) > 1)
    total = len(corpus.sentences())
    if found.first and found.count >= MANY * total:
        text = (
            f"records that predict would split into sentences: {found.count:,} of {total:,}, the "
            f"first is {sentence_text(found.first)}: the model learns each as one sentence, so use "
            "predict --one-sentence, or split the corpus with rin-study convert --split-sentences"
        )
        yield note("several-sentences", text, count=found.count)


def decomposed_words(corpus: Corpus) -> Iterator[Finding]:
    """Find letters that are written as a letter and an accent, as macOS writes file names."""
    words = (word for sentence in corpus.sentences() for word in sentence.words)
    decomposed = [w for w in words if not w.isascii() and unicodedata.normalize("NFC", w) != w]
    if decomposed:
        text = (
            f"words with accents as separate characters: {len(decomposed):,}, the first is "
            f"{shown(decomposed[0])}: the model reads them as different words than those with "
            "composed letters; write the file in Unicode normalization form NFC"
        )
        yield warning("decomposed-words", text, count=len(decomposed))


def odd_words(corpus: Corpus) -> Iterator[Finding]:
    """Find words that predict never makes of a text: parts of words, and several words in one."""
    for code, pattern, what, remedy in (
        (
            "word-pieces",
            _PIECE,
            "pieces or marks of a transformer's tokenizer",
            "write whole words",
        ),
        ("words-with-spaces", _SPACED, "spaces inside", "split them, and correct the spans"),
    ):
        found = [
            (sentence, word)
            for sentence in corpus.sentences()
            if (word := next(filter(pattern.search, sentence.words), None))
        ]
        if found:
            sentence, word = found[0]
            text = (
                f"sentences of words with {what}: {len(found):,}, the first word is "
                f"{shown(word)} in {sentence_text(sentence)}: {remedy}"
            )
            yield warning(code, text, count=len(found))
