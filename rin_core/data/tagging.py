"""Part-of-speech tags for sentences that come without: a corpus's, or a text's.

Nothing is ever downloaded to tag anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from rin_core.data.corpus import Corpus, Sentence
from rin_core.data.vocabulary import Vocabulary

#: Where the tags of text without tags come from: nltk's tagger if it is installed, else each
#: word's most frequent tag in the training split, else nowhere, in a file that lacks those.
TagSource = Literal["nltk", "usual", "none"]


def tag_pos(corpus: Corpus) -> tuple[Corpus, str]:
    """Give every sentence part-of-speech tags, or none of them.

    Tags on a part of the sentences would tell the model which part it is looking at.

    Args:
        corpus: The corpus, with or without tags.

    Returns:
        The corpus, and where its tags come from.
    """
    sentences = [s for split in corpus.splits().values() for s in split]
    untagged = sum(s.pos is None for s in sentences)
    if not untagged:
        return corpus, "from the corpus"
    if tags := tag_words([s.words for s in sentences]):
        return _with_tags(corpus, tags), "tagged with nltk's averaged perceptron"
    lacking = "the corpus has none"
    if untagged < len(sentences):
        lacking = f"{untagged} of {len(sentences)} sentences have none"
    return (
        _with_tags(corpus, [None] * len(sentences)),
        f"none: {lacking} and no tagger is installed",
    )


def tag_words(sentences: Sequence[Sequence[str]]) -> list[tuple[str, ...] | None]:
    """Tag sentences if nltk and its data are installed; an empty list if they are not.

    Each sentence is tagged by itself: its tags do not depend on its neighbours.
    """
    try:
        import nltk

        tagged = nltk.pos_tag_sents(sentences)
    except (ImportError, LookupError):
        return []
    return [tuple(tag for _, tag in sentence) for sentence in tagged]


def _with_tags(corpus: Corpus, tags: Iterable[tuple[str, ...] | None]) -> Corpus:
    """Replace the tags of all sentences, in the order of the splits."""
    following = iter(tags)
    splits = {
        name: tuple(replace(s, pos=next(following)) for s in sentences)
        for name, sentences in corpus.splits().items()
    }
    return replace(corpus, **splits)  # type: ignore[arg-type]


def tag_source(vocabulary: Vocabulary) -> TagSource | None:
    """Say where :func:`with_tags` takes tags from; None for a model that was trained without."""
    if not vocabulary.pos:
        return None
    if tag_words([("word",)]):
        return "nltk"
    return "usual" if vocabulary.usual_pos else "none"


def with_tags(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> list[Sentence]:
    """Give every sentence of a text the tags that it lacks, for a model trained with tags.

    Args:
        sentences: Words, with or without tags.
        vocabulary: The model's.
    """
    tagged = list(sentences)
    lacking = [n for n, s in enumerate(tagged) if s.pos is None and s.words]
    for n, tags in zip(lacking, _tags([tagged[n].words for n in lacking], vocabulary), strict=True):
        tagged[n] = replace(tagged[n], pos=tags)
    return tagged


def _tags(untagged: list[tuple[str, ...]], vocabulary: Vocabulary) -> list[tuple[str, ...] | None]:
    source = tag_source(vocabulary) if untagged else None
    if source == "nltk":
        return tag_words(untagged)
    if source == "usual":
        return [vocabulary.usual_tags(words) for words in untagged]
    # Padding's vector, zeros, stands in: random for an unknown tag was worse.
    return [None] * len(untagged)
