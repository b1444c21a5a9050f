"""Valid text or bytes, damaged as a broken program or a hostile person would."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

Draw = st.DrawFn

_TOKEN = re.compile(
    rb'"(?:[^"\\\n]|\\.)*"|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\b(?:true|false|null)\b'
    rb"|[\[{]|[^\s\[\]{},:=\"']+"
)
_CLOSING = {b"[": b"]", b"{": b"}"}

#: What takes the place of a value: of JSON, of TOML or of a column.
LITERALS: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b'""', b"[]", b"{}", b"[[]]", b"[null]", b'{"a": 1}'),
    *(b"-1", b"0", b"1", b"2", b"0.5", b"-0.0", b"1.5", b"1e308", b"1e309", b"-1e-320"),
    *(b"1e-300", b"NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"1000000", b"4294967296"),
    *(b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809"),
    *(b"1" + b"0" * 19, b"9" * 400, b"9" * 5000, b"0x7fffffffffffffff", b"2026-11-26"),
    *(b'"x"', b'"\\ud800"', b'"\\u0000"', b'"\\u202e"', '"e\u0301\u2028"'.encode(), b'"a\\nb"'),
    *(b'"../../x"', b'"/etc/passwd"', b'"<script>"', b'"=1+1"', b'"\\\\input{x}"', b'"%s{0}"'),
    *(b'"1"', b'"NaN"', b'" "', b'"' + b"a" * 5000 + b'"', b"[" * 3000 + b"]" * 3000),
    b'{"a":' * 3000 + b"1" + b"}" * 3000,
)


def _places(content: bytes) -> list[tuple[int, int]]:
    """Return where tokens start and end; that of a bracket ends with its partner."""
    found = []
    for match in _TOKEN.finditer(content):
        start, end = match.span()
        if (closing := _CLOSING.get(match.group())) is not None:
            depth = 0
            for place in range(start, min(len(content), start + 20_000)):
                letter = content[place : place + 1]
                depth += (letter == match.group()) - (letter == closing)
                if depth == 0:
                    end = place + 1
                    break
        found.append((start, end))
    return found


def _replace_token(draw: Draw, content: bytes) -> bytes:
    if not (places := _places(content)):
        return content
    start, end = draw(st.sampled_from(places))
    return content[:start] + draw(st.sampled_from(LITERALS)) + content[end:]


def _copy_token(draw: Draw, content: bytes) -> bytes:
    """Put a token in the place of another."""
    if not (places := _places(content)):
        return content
    (start, end), (other, to) = draw(st.sampled_from(places)), draw(st.sampled_from(places))
    return content[:start] + content[other:to] + content[end:]


def _change_number(draw: Draw, content: bytes) -> bytes:
    places = [(a, b) for a, b in _places(content) if content[a:b].lstrip(b"-+")[:1].isdigit()]
    if not places:
        return content
    start, end = draw(st.sampled_from(places))
    number = draw(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
    return content[:start] + repr(number).encode() + content[end:]


def _drop_token(draw: Draw, content: bytes) -> bytes:
    if not (places := _places(content)):
        return content
    start, end = draw(st.sampled_from(places))
    after = re.match(rb"\s*[,:=]?\s*", content[end:])
    assert after is not None
    return content[:start] + content[end + after.end() :]


def _drop_line(draw: Draw, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[draw(st.integers(0, max(0, len(lines) - 1))) :][:1]
    return b"".join(lines)


def _repeat_line(draw: Draw, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True) or [b"\n"]
    place = draw(st.integers(0, len(lines) - 1))
    times = draw(st.sampled_from([1, 2, 50]))
    return b"".join([*lines[:place], *[lines[place]] * times, *lines[place:]])


def _truncate(draw: Draw, content: bytes) -> bytes:
    return content[: draw(st.integers(0, len(content)))]


def _zero(draw: Draw, content: bytes) -> bytes:
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, len(content)))
    return content[:start] + bytes(end - start) + content[end:]


def _flip(draw: Draw, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw(st.sampled_from([1, 1, 8])) if content else 0):
        changed[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _insert(draw: Draw, content: bytes) -> bytes:
    place = draw(st.integers(0, len(content)))
    added = draw(st.sampled_from(LITERALS) | st.binary(max_size=20) | st.text().map(_encoded))
    return content[:place] + added + content[place:]


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _recode(draw: Draw, content: bytes) -> bytes:
    """Write it as another system would."""
    recoded: Callable[[bytes], bytes] = draw(
        st.sampled_from(
            [
                lambda c: b"\xef\xbb\xbf" + c,
                lambda c: c.replace(b"\n", b"\r\n"),
                lambda c: c.decode("latin-1").encode("utf-16"),
                lambda c: c.replace(b" ", b"\xc2\xa0"),
                lambda c: c.replace(b'"', b"'"),
            ]
        )
    )
    return recoded(content)


_OF_TOKENS = (_replace_token, _replace_token, _replace_token, _copy_token, _change_number)
_MUTATIONS = (
    *_OF_TOKENS,
    *(_drop_token, _drop_line, _repeat_line, _truncate, _zero, _flip, _insert, _recode),
)


@st.composite
def mutated(draw: Draw, seeds: Sequence[bytes]) -> bytes:
    """Draw a damaged form of one of some valid contents."""
    content = draw(st.sampled_from(list(seeds)))
    for _ in range(draw(st.integers(1, 3))):
        content = draw(st.sampled_from(_MUTATIONS))(draw, content)
    return content
