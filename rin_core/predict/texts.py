"""Raw text as sentences of words that a model can read, each word with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from rin_core.data.corpus import CorpusError, Sentence
from rin_core.data.marks import in_training_spelling
from rin_core.data.readers.unannotated import unannotated
from rin_core.data.sentence_splitter import sentence_offsets
from rin_core.data.tokenizer import AT_LETTERS, USUAL, space_offsets, word_offsets
from rin_core.data.vocabulary import SPECIAL, Vocabulary

#: Most sentences of a text.
MOST_SENTENCES = 10_000
#: If the tokenizer would split more than this share of a corpus's words, the corpus was split at
#: spaces only. It splits at most 4 % of the words of published corpora with separate punctuation.
ATTACHED_SHARE = 0.1
#: If more than this share of a corpus's words have a mark at a letter, it was not split off there.
AT_LETTERS_SHARE = 0.0005


@dataclass(frozen=True, slots=True)
class TextSentence:
    """A sentence of a text."""

    text: str
    """The whole text, as it was given."""
    offsets: tuple[tuple[int, int], ...]
    """Where each word is in the text: start and end, in characters."""
    sentence: Sentence
    """The words that the model reads: as written, apart from :mod:`rin_core.data.marks`."""

    @property
    def pos(self) -> tuple[str, ...] | None:
        """The tags that were given, one a word."""
        return self.sentence.pos

    @property
    def words(self) -> tuple[str, ...]:
        """The words as they are written."""
        return tuple(self.text[start:end] for start, end in self.offsets)


@dataclass(frozen=True, slots=True)
class TextSplitter:
    """Split text for one model: into sentences, and these into words.

    Args:
        vocabulary: The model's. It decides how words are split and how marks are written.
        one_sentence: Take a text as one sentence.
        pretokenized: Split words at spaces only, whatever the vocabulary has.
    """

    vocabulary: Vocabulary
    one_sentence: bool = False
    pretokenized: bool = False
    at_spaces: bool = field(init=False)
    """Whether words are split at spaces only."""
    marks: str = field(init=False)
    """The marks that are split off between letters or before one."""

    def __post_init__(self) -> None:
        at_spaces = self.pretokenized or was_split_at_spaces(self.vocabulary)
        object.__setattr__(self, "at_spaces", at_spaces)
        object.__setattr__(self, "marks", "" if at_spaces else marks_at_letters(self.vocabulary))

    def split(self, text: str) -> tuple[TextSentence, ...]:
        """Split a text; a blank one has no sentences.

        Raises:
            CorpusError: There are too many sentences, or too many words in one.
        """
        spans = [(0, len(text))] if self.one_sentence else list(sentence_offsets(text))
        if self.at_spaces:  # a sentence does not end within a word
            spans = _joined(spans)
        if len(spans) > MOST_SENTENCES:
            raise CorpusError(
                f"a text of {len(spans)} sentences, expected at most {MOST_SENTENCES}: "
                "split it into several records"
            )
        sentences = (self._sentence(text, start, end) for start, end in spans)
        return tuple(sentence for sentence in sentences if sentence.offsets)

    def _sentence(self, text: str, start: int, end: int) -> TextSentence:
        part = text[start:end]
        found = space_offsets(part) if self.at_spaces else word_offsets(part, self.marks)
        words = in_training_spelling(part, found, self.vocabulary)
        offsets = tuple((start + first, start + past) for first, past in found)
        return TextSentence(text, offsets, unannotated(words))


def was_split_at_spaces(vocabulary: Vocabulary) -> bool:
    """Return whether words of the training split have punctuation attached, or unsplit Chinese.

    Examples:
        >>> words = (*SPECIAL, "Ann", "met", "Bob", ".", "Oslo,")
        >>> was_split_at_spaces(Vocabulary(words=words, pos=(), relations=(), lowercase=False))
        True
    """
    words = vocabulary.words[len(SPECIAL) :]
    # The word that follows makes a final period that of an abbreviation, where it can be one.
    attached = sum(len(word_offsets(f"{word} x")) > 2 for word in words)
    return attached > ATTACHED_SHARE * len(words)


def marks_at_letters(vocabulary: Vocabulary) -> str:
    """Return the marks that the words of the training split do not have at their letters.

    A hyphen and a slash stay at theirs unless the training split has them as words, as spaCy does.

    Examples:
        >>> words = (*SPECIAL, "'Acme", "'", "London", "–", "Rome")
        >>> marks_at_letters(Vocabulary(words=words, pos=(), relations=(), lowercase=False))
        '–'
    """
    words = vocabulary.words[len(SPECIAL) :]
    most = AT_LETTERS_SHARE * len(words)
    return "".join(
        mark
        for mark, pattern in AT_LETTERS.items()
        if (mark in USUAL or mark in words) and sum(map(bool, map(pattern.search, words))) <= most
    )


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join sentences that have no space between them."""
    joined = spans[:1]
    for (_, end), (start, past) in pairwise(spans):
        if start == end:
            joined[-1] = joined[-1][0], past
        else:
            joined.append((start, past))
    return joined
