"""Raw text to words, split like the corpora: a few rules in the style of the Penn Treebank.

A text is split at spaces, then punctuation is split off words unless it belongs to them: ``1,121``
and ``7:30`` keep theirs, ``U.S.`` and ``Dr.`` keep the period unless they end the text, and ``n't``
and ``'s`` become separate words. Double quotes become `` and ''. WebNLG
and NYT agree on all this but for brackets, which NYT spells -LRB- and -RRB-; give its texts as
``tokens``. Chinese and Japanese characters become one word each. Nothing but these rules is
applied: no language model, no sentence splitting.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_QUOTES = str.maketrans({"“": "``", "”": "''", "„": "``", "’": "'", "‘": "'", "…": "..."})
_OPENING_QUOTE = re.compile(r"(?<![^\s(\[{`-])\"")
_ALONE = re.compile(
    r"``|''|\.{2,}|--+"  # quotes, dots, dashes
    r"|[()\[\]{}<>;!?≤≥±×≈]"
    r"|(?<!\w)[$€£#]|[$€£%#](?!\w)"
    r"|(?<!\d)[,:]|[,:](?!\d)"  # but 1,121 and 7:30
    # Chinese and Japanese have no spaces: each character and each wide mark is a word.
    r"|[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"
)
_SUFFIX = re.compile(r"(?i)(?<=[\w.])(n't|'(?:s|m|d|re|ve|ll)|')$")
_CLOSING = frozenset(("''", "'", ")", "]", "}", ">"))
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


def tokenize(text: str) -> tuple[str, ...]:
    """Split a text into words.

    Args:
        text: Any text; white space of any kind separates words and is dropped.

    Returns:
        The words; none where the text is blank.

    Examples:
        >>> tokenize("Ann Lee isn't in Oslo.")
        ('Ann', 'Lee', 'is', "n't", 'in', 'Oslo', '.')
    """
    quoted = _OPENING_QUOTE.sub("``", text.translate(_QUOTES)).replace('"', "''")
    chunks = _ALONE.sub(r" \g<0> ", quoted).split()
    last = _last_word(chunks)
    return tuple(
        word for place, chunk in enumerate(chunks) for word in _split(chunk, place == last)
    )


def word_offsets(text: str) -> tuple[tuple[int, int], ...]:
    """Return where each word of :func:`tokenize` is in the text: start and end, in characters.

    The text there is the word as written, with its own quotation marks.

    Examples:
        >>> text = 'He said "no".'
        >>> [text[start:end] for start, end in word_offsets(text)]
        ['He', 'said', '"', 'no', '"', '.']
    """
    # The words together are the text without spaces, with some marks written as several characters.
    widths = ((i, 2 if c == '"' else len(c.translate(_QUOTES))) for i, c in enumerate(text))
    origin = [i for i, width in widths if not text[i].isspace() for _ in range(width)]
    ends = list(itertools.accumulate(map(len, tokenize(text)), initial=0))
    return tuple((origin[a], origin[b - 1] + 1) for a, b in itertools.pairwise(ends))


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


def _split(chunk: str, is_last: bool) -> Iterator[str]:
    """Split off the period that ends a sentence, and the clitic before it."""
    stem, period = chunk, ""
    if chunk.endswith(".") and chunk.strip(".") and (is_last or not keeps_period(chunk)):
        stem, period = chunk[:-1], "."
    if (suffix := _SUFFIX.search(stem)) and suffix.start():
        stem = stem[: suffix.start()]
        yield from filter(None, (stem, suffix[0], period))
    else:
        yield from filter(None, (stem, period))
