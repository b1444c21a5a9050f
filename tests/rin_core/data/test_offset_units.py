"""Character offsets that count something else than characters, in each format that has them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rin_core.data.corpus import CorpusError, Finding
from rin_core.data.readers.offset_units import cuts_word, whole_words
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.split import read_files, read_split
from tests.corpora import write_lines
from tests.formats import labelled

NAMES = (
    ("Jörg Müller", "Oslo"),
    ("Ann Lee", "São Paulo"),
    ("Zoë", "Bern"),
    ("Bob", "Malmö"),
    ("Eve", "Rom"),
)
Entity = tuple[int, int, str]
Change = Callable[[str, int, int], tuple[int, int]]


def sentence(name: str, place: str, before: str) -> tuple[str, list[Entity]]:
    """Return a text and its entities, each with its own text."""
    text = f"{before}In {place}, {name} left."
    return text, [(k := text.index(part), k + len(part), part) for part in (place, name)]


def written(before: str = "") -> list[tuple[str, list[Entity]]]:
    return [sentence(name, place, before) for name, place in NAMES]


def by_width(width: Callable[[str], int]) -> Change:
    """Return offsets that count the width of the text before them."""
    return lambda text, start, end: (width(text[:start]), width(text[:end]))


def shift(first: int, last: int) -> Change:
    return lambda text, start, end: (start + first, end + last)


def composed(text: str) -> int:
    return len(unicodedata.normalize("NFC", text))


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def same(text: str) -> str:
    return text


#: What is before each text, how the text is changed, and what the offsets count.
FAULTS: dict[str, tuple[str, Callable[[str], str], Change]] = {
    "UTF-16": ("🎉 ", same, by_width(lambda text: len(text.encode("utf-16-le")) // 2)),
    "UTF-8": ("ß ", same, by_width(lambda text: len(text.encode()))),
    "line ends as one": ("A\r\n", same, by_width(lambda text: len(text.replace("\r", "")))),
    "line ends as two": ("A\n", same, by_width(lambda text: len(text.replace("\n", "\r\n")))),
    "composed": ("e\u0301 ", decomposed, by_width(composed)),
    "decomposed": ("é ", same, by_width(lambda text: len(decomposed(text)))),
    "invisible": ("\u200bA \u200b", same, by_width(lambda text: len(text.replace("\u200b", "")))),
    "HTML": ("A &amp; B: ", same, by_width(lambda text: len(text.replace("&amp;", "&")))),
    "blanks": ("A   B: ", same, by_width(lambda text: len(" ".join(text.split("   "))))),
    "from 1": ("", same, shift(1, 1)),
    "from 1, inclusive": ("", same, shift(1, 0)),
    "inclusive": ("", same, shift(0, -1)),
    "too few": ("", same, shift(-1, -1)),
    "one before": ("", same, shift(-1, 0)),
    "one after": ("", same, shift(0, 1)),
}


def doccano(text: str, spans: list[Entity]) -> dict[str, Any]:
    entities = [{"start_offset": a, "end_offset": b, "label": "X"} for a, b, _ in spans]
    return {"text": text, "entities": entities, "relations": []}


def label_studio(text: str, spans: list[Entity]) -> dict[str, Any]:
    results = [labelled(f"e{k}", *span) for k, span in enumerate(spans)]
    return {"data": {"text": text}, "annotations": [{"result": results}]}


def label_studio_text(text: str, spans: list[Entity]) -> dict[str, Any]:
    """Return a record whose entities have the text at their wrong offsets."""
    return label_studio(text, [(a, b, text[max(a, 0) : b]) for a, b, _ in spans])


def tplinker(text: str, spans: list[Entity]) -> dict[str, Any]:
    (a, b, first), (c, d, second) = spans
    ends = {"subject": first, "object": second, "subj_char_span": [a, b], "obj_char_span": [c, d]}
    return {"text": text, "relation_list": [{**ends, "predicate": "r"}]}


@pytest.mark.parametrize("record", [doccano, label_studio, label_studio_text, tplinker])
@pytest.mark.parametrize(("before", "change", "count"), FAULTS.values(), ids=FAULTS)
def test_what_offsets_count_is_found(
    tmp_path: Path,
    record: Callable[[str, list[Entity]], dict[str, Any]],
    before: str,
    change: Callable[[str], str],
    count: Change,
) -> None:
    records, expected = [], []
    for text, entities in [(change(text), entities) for text, entities in written(before)]:
        right = [(text.index(change(part)), change(part)) for _, _, part in entities]
        spans = [(*count(text, a, a + len(part)), part) for a, part in right]
        records.append(record(text, spans))
        expected += sorted(part for _, part in right)
    found, findings = entities_of(write_lines(tmp_path / "train.json", records))
    assert found == expected
    (unit,) = [finding for finding in findings if finding.code == "offset-units"]
    assert f"of {unit.count} entities" in unit.text
    assert " in train.json:1" in unit.text
    assert {f.code for f in findings} <= {"offset-units", "tokenized"}


@pytest.mark.parametrize("own_text", [True, False])
@pytest.mark.parametrize("name", ["UTF-16", "from 1", "line ends as two"])
def test_in_brat(tmp_path: Path, name: str, own_text: bool) -> None:
    before, _, count = FAULTS[name]
    lines, ann = "", list[Entity]()
    for text, entities in written(before):
        ann += [(len(lines) + start, len(lines) + end, part) for start, end, part in entities]
        lines += f"{text}\n"
    rows = []
    for k, (start, end, part) in enumerate(ann):
        a, b = count(lines, start, end)
        rows.append(f"T{k}\tX {a} {b}\t{part if own_text else ' '.join(lines[a:b].split())}\n")
    (tmp_path / "d.txt").write_bytes(lines.encode())
    (tmp_path / "d.ann").write_text("".join(rows), encoding="utf-8")
    found, findings = entities_of(tmp_path)
    assert found == [part for names in NAMES for part in sorted(names)]
    (unit,) = [finding for finding in findings if finding.code == "offset-units"]
    assert unit.level == ("note" if own_text else "warning"), "words are no proof"


def entities_of(path: Path) -> tuple[list[str], tuple[Finding, ...]]:
    """Return the sorted entities of each sentence of a corpus, and the findings."""
    splits, findings = read_files({"train": (path,)})
    found = []
    for read in splits["train"]:
        found += sorted(" ".join(read.words[slice(*span)]) for span in read.entities)
    return found, findings


def test_only_the_file_that_has_it_is_read_so(tmp_path: Path) -> None:
    paths = []
    for split, change in (("train", shift(0, 0)), ("test", shift(1, 1))):
        records = [
            doccano(text, [(*change(text, a, b), part) for a, b, part in entities])
            for text, entities in written()
        ]
        paths.append(write_lines(tmp_path / f"{split}.json", records))
    splits, findings = read_files({"train": (paths[0],), "test": (paths[1],)})
    assert splits["train"] == splits["test"]
    assert [f.count for f in findings if f.code == "offset-units"] == [10]


def test_a_few_wrong_offsets_are_no_unit_and_a_warning_from_a_share_on(tmp_path: Path) -> None:
    wrong = doccano("Ann met Bob", [(0, 3, ""), (9, 11, "")])
    right = doccano("Ann met Bob", [(0, 3, ""), (8, 11, "")])
    levels = []
    for count in (3, 20):
        reading = Reading()
        read_split(write_lines(tmp_path / "x", [right] * count + [wrong]), reading)
        (finding,) = reading.findings()
        assert finding.code == "cut-words"
        assert f"1 of {2 * count + 2}, the first is ('ob', 'Bob') in x:{count + 1}" in finding.text
        levels.append(finding.level)
    assert levels == ["warning", "note"]


def test_widened_entities_are_a_warning_from_a_share_on(tmp_path: Path) -> None:
    """Languages without spaces have whole sentences as one word of spaces."""
    part = doccano("สมชายอยู่ ใน", [(0, 5, "")])
    whole = doccano("Ann met Bob", [(0, 3, ""), (8, 11, "")])
    found = []
    for count in (3, 20):
        reading = Reading()
        read_split(write_lines(tmp_path / "x", [whole] * count + [part]), reading)
        (finding,) = reading.findings()
        assert f"1 of {2 * count + 1}, the first is ('สมชาย', 'สมชายอยู่') in x:" in finding.text
        found.append((finding.code, finding.level, "give tokens" in finding.text))
    assert found == [("widened-entities", "warning", True), ("widened-entities", "note", False)]


def test_blanks_at_the_ends_are_counted(tmp_path: Path) -> None:
    spans = [(0, 4, ""), (7, 11, "")]
    reading = Reading()
    (read,) = read_split(write_lines(tmp_path / "x", [doccano("Ann met Bob", spans)]), reading)
    assert [tuple(span) for span in read.entities] == [(0, 1), (2, 3)]
    assert reading.counts["blanks-at-ends"] == (2, "'Ann ' in x:1")


def test_a_cut_word_does_not_hide_punctuation(tmp_path: Path) -> None:
    """Which words a text has is decided by whole words: no way to split it helps a cut one."""
    texts = ["Ann left Oslo.", "Bob left Rome.", "Eve left Bern."]
    path = write_lines(tmp_path / "x", [doccano(t, [(9, 12, ""), (0, 3, "")]) for t in texts])
    found, findings = entities_of(path)
    assert found == ["Ann", "Oslo", "Bob", "Rome", "Bern", "Eve"]
    assert {f.code for f in findings} == {"tokenized", "cut-words"}


def test_parts_of_words_that_are_no_unit_stay(tmp_path: Path) -> None:
    """Stems before endings of one or two letters, as in Korean or Turkish."""
    endings = ["a", "i", "u", "n", "a", "e"]
    texts = [f"Oslo{ending} gitti" for ending in endings]
    path = write_lines(tmp_path / "x", [doccano(t, [(0, 4, "")]) for t in texts])
    _, findings = entities_of(path)
    assert [(f.code, f.count) for f in findings] == [("cut-words", 6)]


@pytest.mark.parametrize(
    "parts",
    [
        # Korean has a dozen endings of one syllable.
        [(f"김{k}철수", ending) for k, ending in enumerate("은는이가을를의에도와과로")],
        [(name, ending) for name in ("Oslo", "Bern", "Rom", "Lima") for ending in "sne"],
    ],
    ids=["Korean", "few letters"],
)
def test_endings_of_one_letter_are_no_unit(tmp_path: Path, parts: list[tuple[str, str]]) -> None:
    records = [doccano(f"A {name}{ending} B", [(2, 2 + len(name), "")]) for name, ending in parts]
    found, (finding,) = entities_of(write_lines(tmp_path / "x", records))
    assert found == [f"{name}{ending}" for name, ending in parts]
    assert (finding.code, finding.level, finding.count) == ("cut-words", "warning", 12)
    assert "give tokens" in finding.text


def test_offsets_outside_the_text_are_refused_in_their_own_unit(tmp_path: Path) -> None:
    text = "🎉 In Oslo, Ann left."
    spans = [(6, 10, ""), (12, 15, "")]
    records = [doccano(text, spans)] * 5
    records.append(doccano(text, [(12, 99, "")]))
    with pytest.raises(CorpusError, match=r"x:6: .*start 12 and end 99, expected .* <= 21,"):
        read_split(write_lines(tmp_path / "x", records))


@pytest.mark.parametrize(
    ("text", "place", "cuts"),
    [
        ("Ann", 1, True),
        ("Ann", 0, False),
        ("Ann", 3, False),
        ("A-B", 1, False),
        ("o\u0308l", 1, True),
        ("o\u0308l", 2, True),
        ("上海", 1, False),
        ("上a", 1, False),
        ("ไทย", 1, False),
        ("1b", 1, True),
    ],
)
def test_where_a_word_is_cut(text: str, place: int, cuts: bool) -> None:
    assert cuts_word(text, place) == cuts
    assert (whole_words(text, place, place) == (place, place)) != cuts
