"""``--notify URL``: one message when a study ends, fails or is interrupted."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence

#: Seconds that a message may take in all.
TIMEOUT = 10.0


def check_url(url: str) -> None:
    """Raise ``ValueError`` for an address that is not one of HTTP. The message does not show it."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("--notify: must be an address that begins with http:// or https://")


def message(state: str, command: str, text: str, studies: Sequence[str] = ()) -> dict[str, object]:
    """Return the message as Slack, Mattermost and ntfy read it.

    Args:
        state: ``complete``, ``incomplete``, ``interrupted`` or ``failed``.
        command: The command line.
        text: What happened, in one sentence.
        studies: The names of the studies.
    """
    title = f"rin-study: {state}"
    return {
        "text": f"{title}: {text}",  # Slack and Mattermost
        "title": title,
        "message": text,  # ntfy
        "state": state,
        "studies": list(studies),
        "command": command,
    }


def send(url: str, content: Mapping[str, object]) -> str:
    """Post a message as JSON.

    Args:
        url: Where to post. An address of ntfy with a topic, as ``https://ntfy.sh/mine``, gets the
            message at its root with the topic in the message, as ntfy requires.
        content: The message.

    Returns:
        Why it was not sent, without the address, which may be a secret; empty if it was.
    """
    parts = urllib.parse.urlsplit(url)
    body = dict(content)
    topic = parts.path.strip("/")
    if (parts.hostname or "").partition(".")[0] == "ntfy" and topic and "/" not in topic:
        body["topic"] = topic
        url = urllib.parse.urlunsplit(parts._replace(path="/"))
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "rin-study"},
    )
    problems = ["no answer in time"]

    def post() -> None:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):
                problems.clear()
        except urllib.error.HTTPError as error:
            problems[:] = [f"status {error.code}"]
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            if not isinstance(reason, TimeoutError):
                problems[:] = [str(reason) if reason is not error else type(error).__name__]

    # The time-out of urllib is one for each step. A slow server must not hold the study.
    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return "; ".join(problems)
