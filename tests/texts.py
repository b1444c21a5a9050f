"""Arbitrary texts: words, marks, Chinese, emoji, white space of every kind."""

from __future__ import annotations

from hypothesis import strategies as st

_PIECES = [
    *"aBé1 .,:;'\"()[]$%-–ß?!\n\t\u3000\u2028“”„‘’`…«»‹‚¿¡—•؟،।သ။东京。！？”」🎉",
    "Ann", " met ", "U.S. ", "Dr. ", "n't", "'s", "``", "''", "...", "--", ". ", '." ', "\r\n",
    "👩‍👧", "। ", "؟ ", "‘a", "'a", " » ",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(_PIECES)).map("".join) | st.text()
