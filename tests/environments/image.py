"""The steps of a container image's recipe, in a root file system without a container engine.

The root file system has this machine's programs and Python's packages, which cannot be written
there, in place of the base image and of what its steps download. Such steps are not run.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "cluster" / "Dockerfile"
#: What needs a network, or the packages of a distribution.
DOWNLOADS = ("apt-get ", "pip install ")
FROM_ETC = ("login.defs", "hosts", "nsswitch.conf", "localtime")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Arguments: the new root, whether its code is read-only, that folder, then the command.
ENTER = """
set -e
root=$1; read_only=$2; code=$3; shift 3
while read -r path; do
  mkdir -p "$root$path"
  mount --bind "$path" "$root$path"
  mount -o remount,ro,bind "$root$path"
done
mkdir -p "$root/proc" "$root/dev" "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
chmod 1777 "$root/tmp"
if [ "$read_only" = yes ]; then
  mount --bind "$root$code" "$root$code"
  mount -o remount,ro,bind "$root$code"
fi
exec chroot "$@"
"""


class Step(NamedTuple):
    """An instruction of a recipe and its text, in one line."""

    instruction: str
    text: str


def steps(recipe: Path = RECIPE) -> list[Step]:
    """Return the steps of a recipe."""
    lines = [line for line in recipe.read_text().splitlines() if not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Step(*line.split(maxsplit=1)) for line in whole.splitlines() if line]


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether a file stays out of the image, as the rules of ``.dockerignore`` say.

    Examples:
        >>> [is_ignored(p, ["build/", "**/a*/"]) for p in ("build/x", "x/build", "x/ab/c")]
        [True, False, True]
    """
    parts = path.split("/")
    names = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    return any(_fits(name.split("/"), p.strip("/").split("/")) for name in names for p in patterns)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    first = bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0])
    return first and _fits(parts[1:], pattern[1:])


def context() -> Iterator[str]:
    """Yield the files that a builder gets of this folder."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    for folder, folders, names in os.walk(ROOT):
        at = Path(folder).relative_to(ROOT)
        folders[:] = [name for name in folders if not is_ignored((at / name).as_posix(), patterns)]
        found = ((at / name).as_posix() for name in names)
        yield from (name for name in found if not is_ignored(name, patterns))


@dataclass(slots=True)
class Image:
    """A root file system, and what its recipe has said so far."""

    root: Path
    folder: str = "/"
    user: str = "root"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    command: str = ""
    """What a container runs if it is given nothing else."""
    skipped: list[str] = field(default_factory=list)
    """Steps that were not run."""

    def build(self) -> None:
        """Take all steps of the recipe."""
        self._begin()
        for instruction, text in steps():
            if instruction in ("FROM", "ARG"):
                self.skipped.append(f"{instruction} {text}")
            elif instruction == "RUN" and any(word in text for word in DOWNLOADS):
                self.skipped.append(text)
            elif instruction == "RUN":
                self.run("sh", "-c", text).check_returncode()
            elif instruction == "WORKDIR":
                self.folder = text
                (self.root / text.strip("/")).mkdir(parents=True, exist_ok=True)
            elif instruction == "COPY":
                self._copy(text)
            elif instruction == "USER":
                self.user = text
            elif instruction == "ENV":
                self.environment |= dict([text.split("=", 1)])
            elif instruction == "CMD":
                self.command = shlex.join(re.findall(r'"([^"]*)"', text))
            else:
                raise ValueError(f"{instruction}: no such step is known here")

    def run(self, *command: str, read_only: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command in the image, as its user and in its folder."""
        there = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        names = {"HOME": "/root" if self.user == "root" else f"/home/{self.user}"}
        variables = [f"{k}={v}" for k, v in (self.environment | names).items()]
        user = [f"--userspec={self.user}:{self.user}", str(self.root), "env", "-i", *variables]
        given = [str(self.root), "yes" if read_only else "no", self.folder]
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", ENTER, "sh", *given, *user, "sh", "-c", there],
            input="".join(f"{path}\n" for path in _given()),
            capture_output=True,
            text=True,
            check=False,
        )

    def _begin(self) -> None:
        (self.root / "etc").mkdir(parents=True)
        for name in FROM_ETC:
            if (Path("/etc") / name).exists():
                shutil.copy(Path("/etc") / name, self.root / "etc")
        (self.root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.root / "etc" / "group").write_text("root:x:0:\n")
        for name in ("bin", "lib", "lib64", "sbin"):
            if (Path("/") / name).is_symlink():
                (self.root / name).symlink_to((Path("/") / name).readlink())

    def _copy(self, text: str) -> None:
        *options, source, _ = text.split()
        target = self.root / self.folder.strip("/")
        for name in context() if source == "." else [source]:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name, follow_symlinks=False)
        for option in options:
            owner = option.removeprefix("--chown=")
            self.run("chown", "--recursive", owner, self.folder).check_returncode()


def _given() -> list[str]:
    """Return the folders of this machine that the image sees: programs, Python and its packages."""
    folders = ["/usr", sys.base_prefix, sys.prefix]
    folders += [path for path in sys.path if path.endswith("site-packages")]
    folders += [str(p) for p in map(Path, ("/bin", "/lib", "/lib64", "/sbin")) if _is_own(p)]
    found = list(dict.fromkeys(folders))
    inside = {p for p in found for q in found if p != q and Path(p).is_relative_to(q)}
    return [path for path in found if path not in inside]


def _is_own(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
