"""The sizes of splits, and words that training does not know."""

from __future__ import annotations

import pytest

from rin_core.data.corpus import Corpus, Sentence, Span, Triple
from rin_core.data.summary import Unknown, summarise, unseen_words

ANN, LIMA = Span(0, 2), Span(3, 4)


def sentence(text: str, types: tuple[str, ...] = ()) -> Sentence:
    """Return a sentence with a triple from its first two words to its fourth."""
    triples = (Triple(ANN, "in", LIMA), Triple(LIMA, "of", ANN))
    return Sentence(
        words=tuple(text.split()), pos=None, entities=(ANN, LIMA), triples=triples, types=types
    )


CORPUS = Corpus(
    name="x",
    train=(sentence("Ann Lee visits Lima", ("PER", "LOC")),),
    dev=(sentence("ann Poe visits Rome .", ("PER", "")),),
    test=(
        sentence("Eva Lee visits Oslo"),
        Sentence(words=("x",), pos=None, entities=(), triples=(), missing=(("a", "at", "b"),)),
    ),
)


def test_counts() -> None:
    train, _, test = summarise(CORPUS, lowercase=True, entity_word="first").values()
    assert (train.sentences, train.triples, train.relations) == (1, 2, 2)
    assert (train.entities, train.entity_types) == (2, 2)
    assert (train.mean_entity, train.longest_entity) == (1.5, 2)
    assert (test.sentences, test.triples, test.relations, test.entity_types) == (2, 3, 3, 0)
    assert (test.mean_length, test.longest) == (2.5, 4)


@pytest.mark.parametrize(
    ("lowercase", "entity_word", "words", "arguments"),
    [(True, "first", 3, 1), (False, "first", 4, 2), (True, "last", 3, 2)],
)
def test_unknown_words(lowercase: bool, entity_word: str, words: int, arguments: int) -> None:
    found = summarise(CORPUS, lowercase=lowercase, entity_word=entity_word)
    assert found["train"].words == Unknown(total=4, unknown=0, with_vector=None)
    assert found["dev"].words == Unknown(total=5, unknown=words, with_vector=None)
    assert found["dev"].arguments == Unknown(total=2, unknown=arguments, with_vector=None)


def test_unknown_words_with_a_vector() -> None:
    found = summarise(CORPUS, lowercase=True, entity_word="first", with_vector={"rome", "lima"})
    assert found["dev"].words == Unknown(total=5, unknown=3, with_vector=1)
    assert found["dev"].arguments.share == 0.5
    assert found["dev"].arguments.share_with_vector == 1
    assert found["test"].arguments.share_with_vector == 0


def test_unseen_words() -> None:
    assert unseen_words(CORPUS, lowercase=True) == {"poe", "rome", ".", "eva", "oslo", "x"}
    assert "ann" in unseen_words(CORPUS, lowercase=False)
