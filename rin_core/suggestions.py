"""What a mistyped name may mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Longer lists hide the name that was meant.
_MOST_LISTED = 6


def suggestion(name: str, known: Iterable[str], more: str = "") -> str:
    """Return the names that a mistyped name may mean; without any, the names that there are.

    Args:
        name: As typed.
        known: All valid names.
        more: Where to find the list, for lists that are too long.

    Examples:
        >>> suggestion("gru1", ["gru-1", "gru-2", "bilstm"])
        'did you mean gru-1?'
        >>> suggestion("nosuch", ["gru-1", "gru-2", "bilstm"])
        'there are gru-1, gru-2, bilstm'
        >>> suggestion("nosuch", map(str, range(9)), "--list shows them")
        'there are 9; --list shows them'
        >>> suggestion("nosuch", [])
        'there are none'
    """
    names = list(dict.fromkeys(known))
    by_case = {one.lower(): one for one in reversed(names)}
    close = difflib.get_close_matches(name.lower(), by_case, n=3)
    # A name that is much closer than the others is meant alone.
    best = difflib.get_close_matches(name.lower(), close, n=1, cutoff=0.85) or close
    if best:
        return f"did you mean {' or '.join(by_case[one] for one in best)}?"
    if not names:
        return "there are none"
    if more and len(names) > _MOST_LISTED:
        return f"there are {len(names)}; {more}"
    return f"there are {', '.join(names)}"
