"""The two sentences of the paper's Table 3, with the gold triples and predictions printed there.

Words are tokenized as in the NYT corpus; the paper prints running text, with "Europes" for
"Europe 's". Part-of-speech tags are NLTK's with its errors, as in the preprocessed corpora, because
a model expects the tags it was trained with. Spans are half-open ranges of words.
"""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[int, int]
Fact = tuple[int, str, int]

_CONTAINS = "/location/location/contains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Entities and triples of a sentence, gold or predicted by a model, as printed."""

    label: str
    entities: tuple[Span, ...]
    types: tuple[str, ...] = ()
    """The type of each of ``entities``; none where they have no types."""
    triples: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCase:
    """One sentence of Table 3."""

    title: str
    text: str
    tags: str
    gold: Annotation
    models: tuple[Annotation, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the text."""
        return tuple(self.text.split())

    @property
    def pos(self) -> tuple[str, ...]:
        """A part-of-speech tag for each word."""
        return tuple(self.tags.split())


SOURCE = "Sun et al., Table 3"

_NORWAY = Annotation(
    label="gold",
    entities=((13, 14), (27, 28), (32, 33)),
    triples=((13, _CONTAINS, 27), (13, _CONTAINS, 32)),
)
_SCOTT = Annotation(label="gold", entities=((1, 2), (34, 36)), triples=((35, _CONTAINS, 1),))

PAPER_CASES = (
    PaperCase(
        title="Case 1",
        text=(
            "A cult of victimology arose and was happily exploited by clever radicals among "
            "Europe 's Muslims , especially certain religious leaders like Imam Ahmad Abu Laban "
            "in Denmark and Mullah Krekar in Norway ."
        ),
        tags=(
            "DT NN IN NN NN CC VBD RB VBN IN JJ NNS IN NNP POS NNP , RB JJ JJ NNS IN NNP NNP "
            "NNP NNP IN NNP CC NNP NNP IN NNP ."
        ),
        gold=_NORWAY,
        models=(
            Annotation(
                label="BiLSTM_s",
                entities=_NORWAY.entities,
                triples=((13, _CONTAINS, 27),),
            ),
            Annotation(label="RIN", entities=_NORWAY.entities, triples=_NORWAY.triples),
        ),
    ),
    PaperCase(
        title="Case 2",
        text=(
            "-LRB- Scott -RRB- \\* ` ROOM ' -LRB- No rating , 75 minutes -RRB- Engulfed by "
            "nightmares , blackouts and the anxieties of the age , a Texas woman flees homeland "
            "insecurity for a New York vision quest in this acute , resourceful and bracingly "
            "ambitious debut film ."
        ),
        tags=(
            "JJ NNP NNP NNP `` NNP '' JJ NNP NN , CD NNS JJ NNP IN NNS , NNS CC DT NNS IN DT NN "
            ", DT NNP NN NNS VBP NN IN DT NNP NNP NN NN IN DT NN , JJ CC RB JJ NN NN ."
        ),
        gold=_SCOTT,
        models=(
            Annotation(label="BiLSTM_s", entities=((27, 28), (34, 36)), triples=_SCOTT.triples),
            Annotation(label="RIN", entities=_SCOTT.entities, triples=_SCOTT.triples),
        ),
    ),
)
