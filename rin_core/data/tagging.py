"""Part-of-speech tags for sentences without them. Nothing is ever downloaded.

The tagger is that of the package textblob: Brill's rules and a lexicon, which are text files of the
package. It takes no model file, and its tags are the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Literal

from rin_core.data.corpus import Corpus, Sentence
from rin_core.data.vocabulary import Vocabulary

#: The package that has the tagger.
TAGGER = "textblob"
#: Installs it in a checkout.
HOW_TO_INSTALL = "make pos"
#: Source of the tags of untagged text: the tagger, each word's most frequent tag in the training
#: split, or none. See :func:`tag_source`.
TagSource = Literal["textblob", "usual", "none"]


def tag_pos(corpus: Corpus) -> tuple[Corpus, str]:
    """Give every sentence part-of-speech tags, or none of them.

    Tags on a part of the sentences would tell the model which part it is looking at.

    Args:
        corpus: The corpus, with or without tags.

    Returns:
        The corpus, and where its tags come from.
    """
    sentences = corpus.sentences()
    untagged = sum(s.pos is None for s in sentences)
    if not untagged:
        return corpus, "from the corpus"
    if tags := tag_words([s.words for s in sentences]):
        return _with_tags(corpus, tags), f"from {TAGGER}'s tagger, version {version(TAGGER)}"
    reason = "the corpus has none"
    if untagged < len(sentences):
        reason = f"{untagged} of {len(sentences)} sentences have none"
    untagged_corpus = _with_tags(corpus, [None] * len(sentences))
    text = f"none; they are optional ({reason}; '{HOW_TO_INSTALL}' installs a tagger)"
    return untagged_corpus, text


def tag_words(sentences: Iterable[Sequence[str]]) -> list[tuple[str, ...] | None]:
    """Tag sentences if the tagger is installed; an empty list if it is not.

    Each sentence is tagged by itself: its tags do not depend on its neighbours.
    """
    try:
        from textblob.en import parser
    except ImportError:
        return []
    return [tuple(tag for _, tag in parser.find_tags(list(words))) for words in sentences]


def _with_tags(corpus: Corpus, tags: Iterable[tuple[str, ...] | None]) -> Corpus:
    """Replace the tags of all sentences, in the order of the splits."""
    following = iter(tags)
    splits = {
        name: tuple(replace(s, pos=next(following)) for s in sentences)
        for name, sentences in corpus.splits().items()
    }
    return replace(corpus, **splits)  # type: ignore[arg-type]


def tag_source(vocabulary: Vocabulary) -> TagSource | None:
    """Return where :func:`with_tags` takes tags from; None for a model trained without tags.

    A model reads tags best from where its training had them: from the tagger, or from the corpus,
    whose words have a most frequent tag. The other source is for old model files, or for a machine
    without the tagger.
    """
    if not vocabulary.pos:
        return None
    if vocabulary.usual_pos and not vocabulary.tagger:
        return "usual"
    if tag_words([("word",)]):
        return "textblob"
    return "usual" if vocabulary.usual_pos else "none"


def with_tags(sentences: Sequence[Sentence], vocabulary: Vocabulary) -> list[Sentence]:
    """Give every sentence without tags some, for a model that was trained with tags.

    Args:
        sentences: Words, with or without tags.
        vocabulary: The model's.
    """
    tagged = list(sentences)
    untagged = [n for n, s in enumerate(tagged) if s.pos is None and s.words]
    source = tag_source(vocabulary) if untagged else None
    if source == "textblob":
        for n, tags in zip(untagged, tag_words([tagged[n].words for n in untagged]), strict=True):
            tagged[n] = replace(tagged[n], pos=tags)
    elif source == "usual":
        for n in untagged:
            tagged[n] = replace(tagged[n], pos=vocabulary.usual_tags(tagged[n].words))
    # Without tags the model reads zeros, padding's vector; the unknown tag's vector was worse.
    return tagged
