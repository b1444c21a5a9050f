"""Separate hosts on this machine: network namespaces with addresses of their own on a bridge.

A host may also have a file system of its own where the others' files are not seen. Needs root
and iproute2; :func:`possible` says what is missing.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@functools.cache
def possible() -> str:
    """Return why hosts cannot be made here; nothing where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    name = f"rin{secrets.token_hex(3)}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return "network namespaces are not allowed here"
    subprocess.run(["ip", "netns", "del", name], check=True)
    return ""


@dataclass(frozen=True, slots=True)
class Host:
    """One network namespace."""

    name: str
    address: str
    hidden: tuple[Path, ...] = ()
    """Folders that are empty on this host."""

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a program on the host."""
        hide = " && ".join(f"mount -t tmpfs tmpfs {folder}" for folder in self.hidden)
        seen = ["unshare", "--mount", "sh", "-c", f'{hide or "true"} && exec "$@"', "sh"]
        with log.open("ab") as file:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.name, *seen, *command],
                env={**os.environ, **environment},
                stdout=file,
                stderr=file,
            )

    def kill(self) -> None:
        """Kill every process on the host at once, as if its power were cut."""
        while pids := self.pids():
            subprocess.run(["kill", "-9", *pids], check=False, capture_output=True)
            time.sleep(0.05)

    def pids(self) -> list[str]:
        """Return the processes that run there."""
        shown = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False
        )
        return shown.stdout.split()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def hosts(count: int, hidden: Sequence[Path] = ()) -> Iterator[list[Host]]:
    """Make hosts that reach one another and nothing else; take them down with all that runs there.

    Args:
        count: How many.
        hidden: Folders that all but the first find empty.
    """
    tag, subnet = secrets.token_hex(2), f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}"
    bridge = f"rb{tag}"
    _ip("link", "add", bridge, "type", "bridge")
    made: list[Host] = []
    try:
        _ip("link", "set", bridge, "up")
        for number in range(count):
            name = f"rin-{tag}-{number}"
            host = Host(name, f"{subnet}.{number + 1}", tuple(hidden) if number else ())
            made.append(host)
            _connect(host, bridge, f"rv{tag}{number}")
        yield made
    finally:
        for host in made:
            host.kill()
            subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", bridge], check=False, capture_output=True)


def _connect(host: Host, bridge: str, cable: str) -> None:
    _ip("netns", "add", host.name)
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("link", "set", cable, "master", bridge, "up")
    for arguments in (
        ("link", "set", "lo", "up"),
        ("addr", "add", f"{host.address}/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
    ):
        _ip("-n", host.name, *arguments)
