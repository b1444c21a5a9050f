"""The embedded corpus: sentences about people, firms, places and works, from a small grammar.

It lets a study run without a download and still find something out. The grammar, not noise, makes
the task hard: a name that is a person in one sentence is a city in another; the relation of a
wording depends on the types of both arguments; clauses stand between an argument and its verb; and
some statements assert nothing. Every annotation follows from its sentence. Names are recombined
for each sentence, so a model cannot memorise them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from rin_core.data.corpus import Corpus, Sentence, Span, Triple
from rin_core.data.demo_grammar import (
    CLAUSES,
    CLOSERS,
    CONNECTIVES,
    CUES,
    MODIFIERS,
    NAME_TAGS,
    OPENERS,
    WORD_TAGS,
    Rule,
)
from rin_core.data.demo_names import DAYS, NAMERS, Name

_SLOT = re.compile(r"([POSCNBF])(\d?)(\??)(!?)")
#: Chance of a modifier in a clause, in a modifier, in a modifier's modifier.
_MODIFIED = (0.4, 0.2, 0.0)


@dataclass(slots=True)
class _Draft:
    """A sentence under construction."""

    rng: Random
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    names: set[tuple[str, ...]] = field(default_factory=set)
    surnames: list[str] = field(default_factory=list)

    def add_word(self, token: str) -> None:
        """Add a word of a template, and keep commas and articles where they belong."""
        word, _, tag = token.partition("/")
        last = self.words[-1] if self.words else ""
        if (word == "," == last) or (word == "the" and last == "'s"):
            return
        if word == "." and last == ",":
            self.words.pop()
            self.tags.pop()
        if word == "YEAR":
            word, tag = str(self.rng.randrange(1951, 2020)), "CD"
        elif word == "DAY":
            word, tag = self.rng.choice(DAYS), "NNP"
        self.words.append(word)
        self.tags.append(tag or WORD_TAGS[word])

    def add_name(self, name: Name) -> Span:
        """Add an entity."""
        span = Span(len(self.words), len(self.words) + len(name.words))
        self.words += name.words
        self.tags += [NAME_TAGS.get(word, "NNP") for word in name.words]
        self.spans.append(span)
        return span

    def invent(self, kind: str) -> Name:
        """Make up a name that no other entity of the sentence has."""
        while True:
            name = NAMERS[kind](self.rng, self.surnames)
            # "Keller" beside "Anna Keller" would read as one person.
            again = kind == "P" and name.words[-1] in self.surnames
            if name.words not in self.names and not again:
                break
        self.names.add(name.words)
        if kind == "P":
            self.surnames.append(name.words[-1])
        return name


class _Head(NamedTuple):
    """The name a modifier is about, with the words that give its type away."""

    name: Name
    cue: str


def _tell(draft: _Draft, rule: Rule, depth: int = 0, head: _Head | None = None) -> dict[str, Span]:
    """Write a rule out, and return the positions of its slots and of its head."""
    spans: dict[str, Span] = {}
    for token in rule.tokens:
        if token == "_" and head:
            spans["_"] = _write(draft, head)
        elif slot := _SLOT.fullmatch(token):
            spans[slot[1] + slot[2]] = _mention(draft, rule, slot, depth)
        else:
            draft.add_word(token)
    draft.triples += [Triple(spans[f.subject], f.relation, spans[f.object]) for f in rule.facts]
    return spans


def _write(draft: _Draft, head: _Head) -> Span:
    for word in head.cue.split():
        draft.add_word(word)
    return draft.add_name(head.name)


def _mention(draft: _Draft, rule: Rule, slot: re.Match[str], depth: int) -> Span:
    """Fill a slot with a name, with a cue where needed and perhaps a modifier."""
    kind, digit, is_open, is_bare = slot.groups()
    name, rng = draft.invent(kind), draft.rng
    has_cue = is_open and kind in CUES and (not name.evident or rng.random() < 0.15)
    head = _Head(name, rng.choice(CUES[kind]) if has_cue else "")
    if is_bare or rng.random() >= _MODIFIED[depth]:
        return _write(draft, head)
    # A second founder or birthplace would contradict the first.
    told = rule.relations_of(kind + digit)
    fitting = [m for m in MODIFIERS[kind] if not told & m.relations_of("_")]
    return _tell(draft, _choose(rng, fitting), depth + 1, head)["_"]


def _choose(rng: Random, rules: Sequence[Rule]) -> Rule:
    return rng.choices(rules, [rule.weight for rule in rules])[0]


def _sentence(rng: Random) -> Sentence:
    draft = _Draft(rng)
    frame = rng.random()
    if frame < 0.25:
        _tell(draft, _choose(rng, OPENERS))
    _tell(draft, _choose(rng, CLAUSES))
    if rng.random() < 0.2:
        _tell(draft, _choose(rng, CONNECTIVES))
        _tell(draft, _choose(rng, CLAUSES))
    if frame > 0.7:
        _tell(draft, _choose(rng, CLOSERS))
    draft.add_word(".")
    draft.words[0] = draft.words[0][0].upper() + draft.words[0][1:]
    return Sentence(
        words=tuple(draft.words),
        pos=tuple(draft.tags),
        entities=tuple(sorted(draft.spans)),
        triples=tuple(dict.fromkeys(draft.triples)),
    )


def demo_corpus(sentences: int = 2000, seed: int = 0) -> Corpus:
    """Make the embedded corpus, the same for the same arguments.

    Args:
        sentences: How many, all different; 80 % train, 10 % dev, 10 % test.
        seed: Seed of the corpus.

    Raises:
        ValueError: Too few sentences to fill three splits.

    Examples:
        >>> corpus = demo_corpus(sentences=20)
        >>> len(corpus.train), len(corpus.dev), len(corpus.test)
        (16, 2, 2)
        >>> corpus == demo_corpus(sentences=20)
        True
    """
    if sentences < 10:
        raise ValueError(f"sentences = {sentences}: must be at least 10, to fill three splits")
    rng = Random(seed)
    made: dict[tuple[str, ...], Sentence] = {}
    while len(made) < sentences:
        sentence = _sentence(rng)
        made.setdefault(sentence.words, sentence)
    every, tenth = tuple(made.values()), sentences // 10
    return Corpus(
        name="demo",
        train=every[: -2 * tenth],
        dev=every[-2 * tenth : -tenth],
        test=every[-tenth:],
    )
