"""A store that all nodes of a cluster can access, if they do not see the driver's folder.

Any file system that fsspec knows: ``s3://bucket/rin``, ``gs://…``, ``file:///mnt/…``. Credentials
come from the environment, as each of them reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import fsspec

from rin_core.cli import without_credentials
from rin_core.files import new_version


class StoreError(ValueError):
    """The store cannot be used; the message names it and the remedy."""


@dataclass(slots=True)
class Store:
    """Files under a URI, read and replaced whole.

    Raises:
        StoreError: No installed package can open such a URI, or it has no slash.
    """

    uri: str
    _fs: fsspec.AbstractFileSystem = field(init=False, repr=False, compare=False)
    _root: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        scheme, colon, rest = self.uri.partition(":")
        remote = {*fsspec.available_protocols()} - {"file", "local"}
        if colon and scheme in remote and not rest.startswith(("//", ":")):  # "::" chains two
            # fsspec would make a local folder "s3:", which no other node sees.
            shown = without_credentials(self.uri)
            raise StoreError(f"--shared {shown}: expected {scheme}:// with two slashes")
        try:
            options = {"use_listings_cache": False, "auto_mkdir": True}
            self._fs, self._root = fsspec.core.url_to_fs(self.uri, **options)
        except (ImportError, ValueError) as error:
            raise StoreError(
                f"--shared {without_credentials(self.uri)}: {error}; expected a URI such as "
                "s3://bucket/rin, and the package that opens it, on every node"
            ) from error

    def check(self) -> None:
        """Write and read a file, so that a wrong address is found before anything is trained.

        Raises:
            StoreError: That failed.
        """
        try:
            self._replace(".check", lambda part: self._fs.pipe_file(part, b"1"))
            if self._fs.cat_file(self._path(".check")) != b"1":
                raise OSError("a file that was read differs from the file that was written")
        except Exception as error:  # each file system raises its own
            raise StoreError(
                f"--shared {without_credentials(self.uri)}: {without_credentials(str(error))}; "
                "choose a place that can be written, with credentials in the environment"
            ) from error

    def send(self, file: Path, name: str) -> None:
        """Put a file under a name, in one step; a checkpoint may not fit into memory twice."""
        self._replace(name, lambda part: self._fs.put_file(str(file), part))

    def fetch(self, name: str, file: Path) -> bool:
        """Fetch a file in one step; return whether it exists."""
        try:
            with new_version(file) as part:
                self._fs.get_file(self._path(name), str(part))
        except FileNotFoundError:
            return False
        return True

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        found: bool = self._fs.exists(self._path(name))
        return found

    def remove(self, names: Iterable[str]) -> None:
        """Delete files; those that do not exist are skipped."""
        for name in names:
            if self.has(name):
                self._fs.rm_file(self._path(name))

    def folders(self) -> set[str]:
        """Return the names of all folders."""
        try:
            listed = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return set()
        return {Path(e["name"].rstrip("/")).name for e in listed if e["type"] == "directory"}

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _replace(self, name: str, write: Callable[[str], object]) -> None:
        """Write under another name and move: some file systems show incomplete files."""
        path = self._path(name)
        write(f"{path}.part")
        self._fs.mv(f"{path}.part", path)
