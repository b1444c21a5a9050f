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
    ],
)
def test_sentences_of_a_text(text: str, sentences: Any) -> None:
    found = [text[start:end] for start, end in sentence_offsets(text)]
    assert (len(found) if isinstance(sentences, int) else found) == sentences
