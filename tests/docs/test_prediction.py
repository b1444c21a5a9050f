"""The example of prediction in the guide: what the command writes now, with another model."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from rin_core.predict import __main__ as predict
from tests.conftest import Trained
from tests.docs.test_documents import ROOT

GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
FOUND = ("pos", "entities", "triples")


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    (block,) = re.findall(r"(?m)^    \{\"text\".*\n(?:     .*\n)+", GUIDE)
    return json.loads(block)  # type: ignore[no-any-return]


def test_the_example_is_the_answer_to_its_text(
    example: dict[str, Any], trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert f'"{example["text"]}"' in GUIDE, "the command has the same text"
    options = ["--model", str(trained.weights), "--json", example["text"]]
    assert predict.main(predict.parse(options)) == 0
    answer = json.loads(capsysbinary.readouterr().out)
    assert list(answer) == list(example)
    assert len(answer["sentences"]) == len(example["sentences"]) == 2
    for ours, shown in zip(answer["sentences"], example["sentences"], strict=True):
        assert list(ours) == list(shown)
        assert {k: v for k, v in ours.items() if k not in FOUND} == {
            k: v for k, v in shown.items() if k not in FOUND
        }


def test_the_fields_of_the_example_are_those_that_the_command_writes(
    example: dict[str, Any], trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    texts = [" ".join(s.words) for s in trained.corpus.train[:60]]
    assert predict.main(predict.parse(["--model", str(trained.weights), "--json", *texts])) == 0
    rows = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    for kind in ("entities", "triples"):
        found = [item for row in rows for s in row["sentences"] for item in s[kind]]
        shown = [item for s in example["sentences"] for item in s[kind]]
        assert {fields(item) for item in found} == {fields(item) for item in shown}


def test_places_of_the_example_are_those_of_its_text(example: dict[str, Any]) -> None:
    for sentence in example["sentences"]:
        arguments = [t[key] for t in sentence["triples"] for key in ("subject", "object")]
        for part in (sentence, *sentence["entities"], *arguments):
            assert example["text"][part["start_char"] : part["end_char"]] == part["text"]
        for part in (*sentence["entities"], *arguments):
            words = sentence["tokens"][part["start"] : part["end"]]
            assert " ".join(words) == part["text"]


def fields(item: object) -> object:
    """Return the names of an object's fields, and of the objects in it, in order."""
    if not isinstance(item, dict):
        return None
    return tuple((name, fields(value)) for name, value in item.items())
