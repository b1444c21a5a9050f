"""Raw text to words, split like the corpora: a few rules in the style of the Penn Treebank.

A text is split at spaces, then punctuation is split off words unless it belongs to them: ``1,121``
and ``7:30`` keep theirs, ``U.S.`` and ``Dr.`` keep the period unless they end the text, and ``n't``
and ``'s`` become separate words. The marks of some other scripts are split off, too, and Chinese
and Japanese characters become one word each. Words stay as they are written;
:mod:`rin_core.data.marks` has what corpora write instead of some marks. Nothing but these rules is
applied: no language model, no sentence splitting.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import cache

# One character each, so that places stay the same.
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_ALONE = re.compile(
    r"``|''|’’|‘‘|[\"“”„]|[.…]{2,}|…|--+|[—―•→]"  # quotes, dots, dashes
    # Between letters, these are part of a text in a wrong encoding, such as Ã« for ë.
    r"|(?<!\w)[«»‹›‚¿¡]|[«»‹›](?!\w)"
    r"|[()\[\]{}<>;!?≤≥±×≈]"
    r"|(?<!\w)[$€£#]|[$€£%#](?!\w)"
    r"|(?<!\d)[,:،]|[,:،](?!\d)"  # but 1,121 and 7:30
    # Arabic, Urdu; Hindi and others of India; Amharic; Khmer; Burmese.
    r"|[؛؟۔।॥\u1362-\u1367។៕៖၊။]"
    # Chinese and Japanese have no spaces: each character and each wide mark is a word.
    r"|[\u2e80-\u2fff\u3001-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"
)
_LETTER = r"[^\W\d_]"
#: Words that begin with an apostrophe.
_ELIDED = r"(?i:s|m|d|re|ve|ll|t|n|em|tis|twas|til|cause|cuz|bout|round)\b"
#: Marks at a letter that some corpora split off and others do not.
AT_LETTERS = {
    "'": re.compile(rf"(?<!\w)['‘](?={_LETTER})(?!{_ELIDED})"),
    **{mark: re.compile(rf"(?<={_LETTER}){mark}(?={_LETTER})") for mark in ("–", "-", "/")},
}
#: Those that are split off if nothing is known about the corpus.
USUAL = "'–"
_WORD = re.compile(r"\S+")
_SUFFIX = re.compile(r"(?i)((?<=[\w.])(?:n't|'(?:s|m|d|re|ve|ll))|(?<=[^'])')$")
_CLOSING = frozenset(("''", '"', "”", "'", ")", "]", "}", ">", "»", "«", "›", "‹", "“"))
_INITIALS = re.compile(r"(?:\w\.)+$")
# In this case or in capitals: "no." and "ill." may well end a sentence, "No." and "Ill." do not.
_LISTED = """
    Mr. Mrs. Ms. Dr. Prof. Rev. Hon. Gov. Sen. Rep. Gen. Col. Maj. Capt. Cmdr. Adm. Lt. Sgt. St.
    Ste. Messrs. Jr. Sr. Ph.D. Inc. Corp. Co. Ltd. Bros. No. Ave. Blvd. Rd. Mt. Ft. S.p.A. S.r.l.
    vs. v. etc. cf. al.
    Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec.
    Ala. Ariz. Ark. Calif. Colo. Conn. Del. Fla. Ga. Ill. Ind. Kan. Ky. La. Md. Mass. Mich. Minn.
    Miss. Mo. Mont. Neb. Nev. Okla. Ore. Pa. Tenn. Tex. Va. Vt. Wash. Wis. Wyo.
"""
_ABBREVIATIONS = frozenset(_LISTED.split())


def word_offsets(text: str, marks: str = USUAL) -> tuple[tuple[int, int], ...]:
    """Split a text into words.

    Args:
        text: Any text; white space of any kind separates words and is dropped.
        marks: Those of :data:`AT_LETTERS` that are split off.

    Returns:
        Where each word is in the text: start and end, in characters. None where the text is blank.

    Examples:
        >>> text = 'He said "no".'
        >>> [text[start:end] for start, end in word_offsets(text)]
        ['He', 'said', '"', 'no', '"', '.']
    """
    plain = text.translate(_APOSTROPHES)
    chunks = list(_chunks(text, marks))
    last = _last_word([plain[start:end] for start, end in chunks])
    return tuple(
        offsets
        for place, (start, end) in enumerate(chunks)
        for offsets in _split(plain[start:end], start, place == last)
    )


def space_offsets(text: str) -> tuple[tuple[int, int], ...]:
    """Split a text at white space only; returns what :func:`word_offsets` returns."""
    return tuple(word.span() for word in _WORD.finditer(text))


@cache
def _alone(marks: str) -> re.Pattern[str]:
    """Return what finds the marks that stand alone."""
    patterns = (_ALONE, *(AT_LETTERS[mark] for mark in marks))
    return re.compile("|".join(pattern.pattern for pattern in patterns))


def _chunks(text: str, marks: str) -> Iterator[tuple[int, int]]:
    """Yield the marks that stand alone, and what is between them and white space."""
    place = 0
    for mark in _alone(marks).finditer(text):
        yield from (word.span() for word in _WORD.finditer(text, place, mark.start()))
        yield mark.span()
        place = mark.end()
    yield from (word.span() for word in _WORD.finditer(text, place))


def _last_word(chunks: list[str]) -> int:
    """Return the place of the word whose period ends the text, -1 where none does."""
    place = len(chunks) - 1
    while place >= 0 and chunks[place] in _CLOSING:
        place -= 1
    return place


def keeps_period(word: str) -> bool:
    """Return whether the period of a word belongs to it, as in ``Dr.`` and ``U.S.``."""
    written = word.title() if word.isupper() else word
    return written in _ABBREVIATIONS or _INITIALS.match(word) is not None


def _split(chunk: str, start: int, is_last: bool) -> Iterator[tuple[int, int]]:
    """Split off the period that ends a sentence, and the clitic before it."""
    end = len(chunk)
    if chunk.endswith(".") and chunk.strip(".…") and (is_last or not keeps_period(chunk)):
        end -= 1
    suffix = _SUFFIX.search(chunk, 0, end)
    inside = suffix.start() if suffix else 0
    places = (0, inside, end, len(chunk))
    for first, past in itertools.pairwise(places):
        if first < past:
            yield start + first, start + past
