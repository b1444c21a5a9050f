"""Sentences that were probably not annotated: a model learns them as sentences without entities."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rin_core.data.corpus import Corpus, Finding, Sentence
from rin_core.data.finding_texts import Sentences, found_in, note, sentence_text, warning

#: A shorter run of sentences without entities is no sign.
SHORTEST_RUN = 10
#: A run is reported if chance gives one so long with a smaller probability.
_RARE = 1e-4
#: From this share on, sentences without entities are reported.
_MANY = 0.3


def unlabelled_run(split: str, sentences: Sentences) -> Iterator[Finding]:
    """Find a run of sentences without entities that chance does not give."""
    runs = [list(run) for has, run in groupby(sentences, _is_unlabelled) if has]
    run = max(runs, key=len, default=[])
    others = len(sentences) - len(run)
    share = (sum(map(len, runs)) - len(run) + 1) / (others + 2)
    if others and len(run) >= SHORTEST_RUN and len(sentences) * share ** len(run) < _RARE:
        text = (
            f"{split}: {len(run)} of {len(sentences):,} sentences in a row have no entity, from "
            f"{sentence_text(run[0])} on: if they were not annotated, remove them"
        )
        yield warning("unlabelled-run", text, split, len(run))


def unlabelled_sentences(corpus: Corpus) -> Iterator[Finding]:
    """Find that many sentences have no entity."""
    found = found_in(corpus, _is_unlabelled)
    total = len(corpus.sentences())
    if found.count >= _MANY * total:
        text = (
            f"sentences without an entity: {found.count:,} of {total:,}, {found}: if they were not "
            "annotated, remove them"
        )
        yield note("unlabelled-sentences", text, count=found.count)


def _is_unlabelled(sentence: Sentence) -> bool:
    return not (sentence.entities or sentence.missing)
