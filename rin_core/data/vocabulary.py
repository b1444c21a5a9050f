"""Words, tags, relations and entity types as numbers.

Only the training split is counted. A tag that occurs only in dev or test becomes ``<unk>``; a
triple with such a relation counts as missed, and so does an entity of such a type. A word that is
not in the training split can have a pretrained vector, and is then known by it; otherwise it
becomes ``<unk>``, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rin_core.data.corpus import Sentence
from rin_core.data.tags import tag_names

PAD, UNKNOWN = 0, 1

SPECIAL = ("<pad>", "<unk>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What the training split contains, numbered by position."""

    words: tuple[str, ...]
    """Words, after ``<pad>`` and ``<unk>``."""
    pos: tuple[str, ...]
    """Tags, after ``<pad>`` and ``<unk>``; empty where the corpus has none."""
    relations: tuple[str, ...]
    """Relations, without padding."""
    lowercase: bool
    """Whether words are lower-cased before they are looked up."""
    characters: tuple[str, ...] = ()
    """Characters of the words as written, after ``<pad>`` and ``<unk>``; empty in older files."""
    vector_words: tuple[str, ...] = ()
    """Words that are not in the training split and have a pretrained vector. They follow the
    words in number, and are not in a model's file: their vectors have a file of their own."""
    usual_pos: tuple[tuple[str, int], ...] = ()
    """Each word as written with the number of the tag it has most often, for text without tags;
    ``<unk>`` stands for words seen once. Empty without tags, and in older model files."""
    tagger: str = ""
    """Package that tagged the training split; empty if its tags are the corpus's own."""
    entity_types: tuple[str, ...] = ()
    """Types of entities, as part of their tags; empty where they are not. The empty text is the
    type of entities without one, in a corpus where others have one."""
    _words: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _pos: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _relations: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _characters: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _usual_pos: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _entity_types: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, entries in (("words", self.words), ("pos", self.pos or SPECIAL)):
            if entries[: len(SPECIAL)] != SPECIAL:
                raise ValueError(f"{name} = {entries[:2]}…: must begin with {SPECIAL}")
        # A word of a text that happens to read "<pad>" must never become padding.
        for name, entries, start in (
            ("_words", (*self.words, *self.vector_words), len(SPECIAL)),
            ("_characters", self.characters, len(SPECIAL)),
            ("_pos", self.pos, len(SPECIAL)),
            ("_relations", self.relations, 0),
            ("_entity_types", self.entity_types, 0),
        ):
            index = {entry: number for number, entry in enumerate(entries) if number >= start}
            object.__setattr__(self, name, index)
        object.__setattr__(self, "_usual_pos", dict(self.usual_pos))

    @property
    def relation_ids(self) -> Mapping[str, int]:
        """The number of each relation."""
        return self._relations

    @property
    def entity_tags(self) -> tuple[str, ...]:
        """The tags of the entity tagger: B, I, E and S, of each type if there are types, and O."""
        return tag_names(self.entity_types)

    def type_ids(self, sentence: Sentence) -> list[int]:
        """Return the number of each entity's type: 0 without types, -1 for an unknown type."""
        if not self.entity_types:
            return [0] * len(sentence.entities)
        return [self._entity_types.get(name, -1) for name in sentence.entity_types]

    def word_ids(self, words: Iterable[str]) -> list[int]:
        """Return the number of each word, :data:`UNKNOWN` for one not in the vocabulary."""
        number = self._words.get
        if self.lowercase:
            return [number(word.lower(), UNKNOWN) for word in words]
        if self.vector_words:  # most files of vectors have lower-case words alone
            return [number(word, number(word.lower(), UNKNOWN)) for word in words]
        return [number(word, UNKNOWN) for word in words]

    def is_in_training(self, number: int) -> bool:
        """Return whether the training split has the word of a number."""
        return UNKNOWN < number < len(self.words)

    def character_ids(self, word: str) -> list[int]:
        """Return the number of each character, :data:`UNKNOWN` for one not in the vocabulary."""
        return [self._characters.get(character, UNKNOWN) for character in word]

    def pos_ids(self, tags: Iterable[str]) -> list[int]:
        """Return the number of each tag, :data:`UNKNOWN` for one not in the vocabulary."""
        return [self._pos.get(tag, UNKNOWN) for tag in tags]

    def usual_tags(self, words: Iterable[str]) -> tuple[str, ...]:
        """Return the tag each word has most often in the training split, whatever its context.

        A form that is not in the split is looked up in lower case: a sentence may start with it.
        """
        usual, unknown = self._usual_pos, self._usual_pos[SPECIAL[UNKNOWN]]
        numbers = (usual.get(word, usual.get(word.lower(), unknown)) for word in words)
        return tuple(self.pos[number] for number in numbers)

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary in JSON's types."""
        return {
            "words": list(self.words),
            "pos": list(self.pos),
            "relations": list(self.relations),
            "lowercase": self.lowercase,
            "characters": list(self.characters),
            "usual_pos": dict(self.usual_pos),
            "entity_types": list(self.entity_types),
            "tagger": self.tagger,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Rebuild a vocabulary from :meth:`to_json`; ``ValueError`` where it is something else."""
        if not isinstance(data, dict):
            raise ValueError("vocabulary: must be an object")
        found = {"characters": [], "usual_pos": {}, "entity_types": [], "tagger": "", **data}
        for name in ("words", "pos", "relations", "characters", "entity_types"):
            texts = found.get(name)
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise ValueError(f"vocabulary.{name}: must be a list of texts")
        usual, tags = found["usual_pos"], len(found["pos"])
        if not isinstance(usual, dict) or not all(
            type(number) is int and 0 <= number < tags for number in usual.values()
        ):
            raise ValueError("vocabulary.usual_pos: must be an object of numbers of tags")
        if usual and SPECIAL[UNKNOWN] not in usual:
            raise ValueError(f"vocabulary.usual_pos: must have {SPECIAL[UNKNOWN]}")
        if type(found.get("lowercase")) is not bool or not isinstance(found["tagger"], str):
            raise ValueError("vocabulary: lowercase must be true or false, and tagger text")
        return cls(
            words=tuple(found["words"]),
            pos=tuple(found["pos"]),
            relations=tuple(found["relations"]),
            lowercase=found["lowercase"],
            characters=tuple(found["characters"]),
            usual_pos=tuple(usual.items()),
            entity_types=tuple(found["entity_types"]),
            tagger=found["tagger"],
        )


def build_vocabulary(
    train: Sequence[Sentence], *, lowercase: bool, use_pos: bool, use_types: bool = False
) -> Vocabulary:
    """Number the words, tags, relations and entity types of the training split.

    Args:
        train: Sentences of the training split.
        lowercase: Take words that differ only in case for one.
        use_pos: Number the tags too; there are none if a sentence has none.
        use_types: Number the entity types too; there are none if no entity has one.

    Returns:
        The vocabulary, the most frequent entry first, equals in alphabetical order.
    """
    written = Counter(word for s in train for word in s.words)
    words, characters = Counter[str](), Counter[str]()
    for word, count in written.items():  # a corpus has far fewer words than places of words
        words[word.lower() if lowercase else word] += count
        for character in word:
            characters[character] += count
    tagged = use_pos and all(s.pos is not None for s in train)
    tags = Counter(tag for s in train for tag in s.pos or ())
    relations = Counter(triple.relation for s in train for triple in s.triples)
    typed = use_types and any(any(s.types) for s in train)
    types = Counter(name for s in train for name in s.entity_types)
    vocabulary = Vocabulary(
        words=_after_special(words),
        pos=_after_special(tags) if tagged else (),
        relations=tuple(_by_frequency(relations)),
        lowercase=lowercase,
        entity_types=tuple(_by_frequency(types)) if typed else (),
        characters=_after_special(characters),
    )
    return replace(vocabulary, usual_pos=_usual_pos(train, vocabulary)) if tagged else vocabulary


def _usual_pos(train: Sequence[Sentence], vocabulary: Vocabulary) -> tuple[tuple[str, int], ...]:
    """Return each word's most frequent tag; of equally frequent ones the lower number."""
    pairs = Counter[tuple[str, int]]()
    for sentence in train:
        pairs.update(zip(sentence.words, vocabulary.pos_ids(sentence.pos or ()), strict=True))
    counts: dict[str, Counter[int]] = {}
    for (word, tag), count in pairs.items():
        counts.setdefault(word, Counter())[tag] = count
    # An unknown word behaves like words that occur once: most are names.
    once = (tag for tags in counts.values() if tags.total() == 1 for tag in tags)
    counts[SPECIAL[UNKNOWN]] = Counter(once)
    return tuple(
        (word, min(tags, key=lambda tag: (-tags[tag], tag), default=UNKNOWN))
        for word, tags in sorted(counts.items())
    )


def _after_special(counts: Counter[str]) -> tuple[str, ...]:
    """Return the entries after those for padding and the unknown, whose names they cannot take."""
    return (*SPECIAL, *(entry for entry in _by_frequency(counts) if entry not in SPECIAL))


def _by_frequency(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda entry: (-counts[entry], entry))
