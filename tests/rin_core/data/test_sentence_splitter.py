"""Where the sentences of a text begin and end."""

from __future__ import annotations

from typing import Any

import pytest

from rin_core.data.sentence_splitter import sentence_offsets


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Ann met Bob. They left.", ["Dr. Ann met Bob.", "They left."]),
        ("A title\n\nIt is 3.5 m long (see Fig. 2).\r\n", 2),
        ("他来了。她走了！", ["他来了。", "她走了！"]),
        ("Why? 'Never.' Yes!", ["Why?", "'Never.'", "Yes!"]),
        (" \n ", []),
        ("ends in the U.S. ", ["ends in the U.S."]),
        ("Am 13. Oktober 1990, im 20. Jahrhundert, kamen rd. 200 (Nr. 5). Er ging.", 2),
        ("¿Ana vive aquí? ¡Ana! Sí.", ["¿Ana vive aquí?", "¡Ana!", "Sí."]),
        ("« Oui. » Il part. « Non »", ["« Oui. »", "Il part.", "« Non »"]),
        (
            "„Ja.“ Er ging. »Nein.« Eva blieb. »So",
            ["„Ja.“", "Er ging.", "»Nein.«", "Eva blieb.", "»So"],
        ),
        ("«Да.» Он ушёл. «Нет» сказал", ["«Да.»", "Он ушёл.", "«Нет» сказал"]),
        ("هل رأيت علي؟ نعم. يعيش هنا", ["هل رأيت علي؟", "نعم.", "يعيش هنا"]),
        ("کراچی بڑا ہے۔ لاہور بھی", ["کراچی بڑا ہے۔", "لاہور بھی"]),
        ("रमेश यहाँ है। सीता वहाँ।मोहन", ["रमेश यहाँ है।", "सीता वहाँ।", "मोहन"]),
        ("ሰላም። እሺ", ["ሰላም።", "እሺ"]),
        ("ក្រុង។ ភូមិ", ["ក្រុង។", "ភូមិ"]),
        ("မြို့၊ ရွာ။ တော", ["မြို့၊ ရွာ။", "တော"]),
        ("Prof. Dr.-Ing. Ann Lee wurde 1913. Oktober war kalt.", 2),
    ],
)
def test_sentences_of_a_text(text: str, sentences: Any) -> None:
    found = [text[start:end] for start, end in sentence_offsets(text)]
    assert (len(found) if isinstance(sentences, int) else found) == sentences
