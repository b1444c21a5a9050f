"""The folder of one run."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rin_core.errors import CheckpointError, RinError
from rin_core.train.checkpoint import load_metadata
from rin_core.train.loop import CHECKPOINT, WEIGHTS, Epoch
from study.ledger.files import read_json, write_json

USAGE = "usage.jsonl"


#: What an attempt leaves behind that a result from elsewhere has nothing to do with.
OF_AN_ATTEMPT = (CHECKPOINT, WEIGHTS, USAGE)


#: How an attempt may have ended without a result.
OUTCOMES = ("failure.json", "stopped.json")


class Superseded(RinError):
    """Another attempt at the same run has taken over; this one must write no more."""


@dataclass(frozen=True, slots=True)
class Run:
    """The folder of one fingerprint."""

    path: Path

    @property
    def fingerprint(self) -> str:
        """Return the unit's name."""
        return self.path.name

    @property
    def weights(self) -> Path:
        """Return where the selected epoch's weights are."""
        return self.path / WEIGHTS

    def result(self) -> dict[str, Any] | None:
        """Return the finished result, or None.

        Raises:
            LedgerError: There is one, and it cannot be read.
        """
        return read_json(self.path / "result.json")

    def predictions(self) -> dict[str, Any] | None:
        """Return what the selected weights said of test; None without a result.

        ``relations`` names them by number; ``triples`` are rows of sentence, subject word,
        relation, object word, and ``spans`` of sentence, start, end.
        """
        return read_json(self.path / "predictions.json")

    def failure(self) -> dict[str, Any] | None:
        """Return why the last attempt failed, or None."""
        return read_json(self.path / "failure.json")

    def pruned(self) -> dict[str, Any] | None:
        """Return after which epoch and why a search stopped it, or None.

        The checkpoint is kept: whoever wants the unit's end trains on from there.
        """
        return read_json(self.path / "stopped.json")

    def history(self) -> list[dict[str, Any]]:
        """Return the epochs so far, finished or not, without reading any weights."""
        if (result := self.result()) is not None:
            return list(result["history"])
        try:
            return epochs_of(load_metadata(self.path / CHECKPOINT))
        except (CheckpointError, FileNotFoundError):
            return []

    def usage(self) -> dict[int, dict[str, float]]:
        """Return what each epoch took of the machine, where that was measured; no result."""
        found = {}
        with suppress(FileNotFoundError):
            for line in (self.path / USAGE).read_text().splitlines():
                with suppress(json.JSONDecodeError):  # a kill may have cut one
                    row = json.loads(line)
                    found[int(row.pop("epoch"))] = row
        return found

    def record_usage(self, epoch: int, usage: Mapping[str, float]) -> None:
        """Record what an epoch took of the machine."""
        with (self.path / USAGE).open("a") as file:
            file.write(json.dumps({"epoch": epoch, **usage}) + "\n")

    def claim(self) -> str:
        """Take the run for a new attempt and return its token.

        When a node is lost, its workers can go on for seconds after others took over. Only
        the latest claim may write. What became of an earlier attempt no longer counts.
        """
        for name in OUTCOMES:
            (self.path / name).unlink(missing_ok=True)
        token = secrets.token_hex(8)
        content = {"token": token, "host": os.uname().nodename, "pid": os.getpid()}
        write_json(self.path / "attempt.json", content)
        return token

    def check(self, token: str) -> None:
        """Raise :class:`Superseded` unless the token is the latest claim's."""
        attempt = read_json(self.path / "attempt.json") or {}
        if attempt.get("token") != token:
            raise Superseded(f"{self.fingerprint}: taken over by process {attempt.get('pid')}")

    def finish(self, result: Mapping[str, Any], predictions: Mapping[str, Any], token: str) -> None:
        """Record the result, last of all; the checkpoint has then done its work."""
        self.check(token)
        write_json(self.path / "predictions.json", predictions, indent=None)
        write_json(self.path / "result.json", result)
        self._clear()

    def import_result(
        self, result: Mapping[str, Any], predictions: Mapping[str, Any] | None
    ) -> None:
        """Record a result that was computed elsewhere, in place of any attempt here.

        The attempt's weights go: they are not those of the result, which travels without.
        """
        for name in OF_AN_ATTEMPT:
            (self.path / name).unlink(missing_ok=True)
        if predictions is not None:
            write_json(self.path / "predictions.json", predictions, indent=None)
        write_json(self.path / "result.json", result)
        self._clear()

    def _clear(self) -> None:
        """Remove what a finished run has no more use for."""
        for name in (CHECKPOINT, *OUTCOMES):
            (self.path / name).unlink(missing_ok=True)

    def publish_epoch(self, token: str) -> None:
        """Hear that an epoch is on disk; raise :class:`Superseded` as :meth:`check` does."""
        self.check(token)

    def refresh(self) -> None:
        """Bring the folder up to date with what other nodes wrote: nothing to do for one folder."""

    def poll(self) -> None:
        """See how far another node has come with the run: nothing to do for one folder."""

    def record_pruned(self, epoch: int, reason: str) -> None:
        """Record that a search stopped the run after an epoch, for a reason."""
        write_json(self.path / "stopped.json", {"epoch": epoch, "reason": reason})

    def record_failure(self, reason: str) -> None:
        """Record why an attempt failed. The next study tries again."""
        write_json(self.path / "failure.json", {"reason": reason})


def epochs_of(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the epochs that a checkpoint records."""
    return [Epoch(**epoch).flat() for epoch in metadata["history"]]
