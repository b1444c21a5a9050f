"""Input that means harm, or comes out of a broken program: bounded, and told in one line."""

import contextlib
import json
import time
from pathlib import Path

import pytest

from rin_core.data.corpus import CorpusError
from rin_core.data.readers.json_records import LARGEST_RECORD
from rin_core.data.readers.sentences import LONGEST_SENTENCE
from rin_core.data.readers.split import read_split
from rin_core.data.vocabulary import SPECIAL, Vocabulary
from rin_core.predict.records import RecordReader
from rin_core.predict.texts import MOST_SENTENCES, TextSplitter

SPLITTER = TextSplitter(
    Vocabulary(words=(*SPECIAL, "w"), pos=(), relations=("met",), lowercase=True)
)


def spert(words: int) -> dict[str, object]:
    return {"tokens": ["w"] * words, "entities": [], "relations": []}


HOSTILE = {
    "deep": (b"[" * 100_000, r"train\.json:1: not readable as JSON \(.*recursion"),
    "deep in a line": (b'{"text": ' + b"[" * 100_000, r"train\.json:1: not .* JSON"),
    "huge number": (
        b'{"text": "a", "triple_list": [' + b"9" * 5000 + b"]}",
        "not readable as JSON",
    ),
    "NUL": (b"\x00" * 100, "not valid JSON"),
    "not UTF-8": (b'{"text": "\xff\xfe"}', r"train\.json:1: not UTF-8 text"),
    "an unpaired surrogate": (
        b'{"text": "a \\ud800 b", "triple_list": []}',
        "an unpaired surrogate in",
    ),
    "a sentence without end": (
        json.dumps(spert(30_000)).encode(),
        rf"a sentence of 30000 words, expected at most {LONGEST_SENTENCE}: split the text",
    ),
    "a line without end": (
        b'{"text": "' + b"a" * (100 * 2**20) + b'"}',
        r"train\.json:1: a record of 100\.0 MiB, expected at most 4: one sentence per line",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_corpora_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    content, message = HOSTILE[name]
    path = tmp_path / "train.json"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=message) as caught:
        read_split(path)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < len(str(path)) + 300


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_is_asked_no_hostile_question(name: str) -> None:
    content, _ = HOSTILE[name]
    good = b'{"text": "Ann met Bob .", "id": 1}'
    reader = RecordReader(SPLITTER, skips=True)
    first, last = reader.read([good, content, good], "input")
    assert (first.fields["id"], last.fields["id"], reader.skipped) == (1, 1, 1)
    assert reader.first_fault.startswith("input:2: ")


def test_a_document_may_be_annotated_though_not_trained_on(tmp_path: Path) -> None:
    line = json.dumps(spert(10_000)).encode()
    (record,) = RecordReader(SPLITTER).read([line], "input")
    assert len(record.sentences[0].words) == 10_000
    (tmp_path / "train.json").write_bytes(line)
    with pytest.raises(CorpusError, match="a sentence of 10000 words"):
        read_split(tmp_path / "train.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("w " * 20_001, "a sentence of 20001 words, expected at most 20000"),
        ("He. " * (MOST_SENTENCES + 1), "a text of 10001 sentences, expected at most 10000"),
        ("w" * 2**22, r"a line of 4\.0 MiB, expected at most 4: one paragraph per line"),
        ("w\0", "not text, but a binary file"),
    ],
    ids=["words", "sentences", "size", "binary"],
)
def test_a_text_is_limited(text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=f"^input:1: {message}") as caught:
        list(RecordReader(SPLITTER).read([f"{text} ".encode()], "input"))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "text", [" " * 2**21, "A. " * 2**18, "." * 2**18, '." ' * 2**17, "’" * 2**18]
)
def test_a_text_without_words_of_its_own_takes_no_time(text: str) -> None:
    """Patterns that search a text again from each character would take hours."""
    started = time.process_time()
    with contextlib.suppress(CorpusError):
        SPLITTER.split(text)
    assert time.process_time() - started < 10


def test_the_limits_leave_room_for_real_text(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(spert(LONGEST_SENTENCE)))
    assert len(read_split(path)[0].words) == LONGEST_SENTENCE
    assert path.stat().st_size < LARGEST_RECORD / 100
    # A list is one line, and may be as long as a corpus is.
    path.write_text(json.dumps([spert(1000) for _ in range(1000)]))
    assert path.stat().st_size > LARGEST_RECORD
    assert len(read_split(path)) == 1000
