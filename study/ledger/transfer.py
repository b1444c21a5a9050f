"""A ledger as JSON lines: to split a study over machines, or to keep its record in git.

One line a finished run (configuration, every epoch's scores, test scores and predictions,
provenance; no weights), a study's plan or a search's record; no text of a corpus. Another ledger
takes what it lacks, so that a study or search started there goes on from here.
"""

from __future__ import annotations

import json
import lzma
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rin_core.config import canonical_settings, nondefault_settings
from rin_core.train.checkpoint import write_atomically
from study.ledger.files import LedgerError
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import FORMAT, PACKED, Kind

NUMBERS = ("history", "best_epoch", "stopped", "dev", "test")
TIMES = ("seconds", "tokens_per_second")
#: What a search's trial has from its beginning.
BEGUN = ("arm", "number", "parameters", "fingerprint", "config", "inherited")
#: Options that say where something lies, or runs, and nothing of what a result is.
PLACES = ("--out", "--shared", "--data-root", "--ray-address", "--tracking-uri")
#: The folders of a whole path, of which only the last name means something elsewhere.
_FOLDERS = re.compile(r"(?:(?<==)|^)[/~](?:.*/)?(?=[^/]+/?$)")


@dataclass(slots=True)
class Merged:
    """What an import came to: names of runs, studies and searches."""

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """What both have otherwise, and where that differs first; ours is kept."""


def export_ledger(ledger: Ledger, path: Path, corpora: Iterable[str] = ()) -> dict[Kind, int]:
    """Write every finished run, study and search, each by name, and return how many.

    Args:
        ledger: Where from.
        path: File to write; replaced in one step, and packed if its name ends in ``.xz``.
        corpora: Only what is on these corpora; none means all.

    Raises:
        ValueError: The ledger has nothing, or nothing on one of them; no file is then written.
    """
    if path.is_dir():
        raise ValueError(
            f"{path}: is a folder; name a file in it, as in {path / 'ledger.jsonl.xz'}"
        )
    asked = frozenset(corpora)
    records = list(_records(ledger, asked))
    lacking = asked - {_corpus(record) for record in records}
    if lacking or not records:
        raise ValueError(_nothing(ledger, lacking))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(r, allow_nan=False, separators=(",", ":")) for r in records)
    content = "".join(f"{line}\n" for line in lines).encode()
    write_atomically(path, lzma.compress(content) if path.suffix == PACKED else content)
    kinds: tuple[Kind, ...] = ("unit", "study", "search")
    return {kind: sum(record["record"] == kind for record in records) for kind in kinds}


def merge(ledger: Ledger, records: Iterable[Mapping[str, Any]]) -> Merged:
    """Add checked records.

    Trials that a study planned elsewhere join those that it planned here; a search that went on
    elsewhere goes on here from there.
    """
    merged = Merged()
    for record in records:
        {"unit": _merge_unit, "study": _merge_study, "search": _merge_search}[record["record"]](
            ledger, record["content"], merged
        )
    return merged


def first_difference(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """Say where two results of one fingerprint first differ to the bit; None if nowhere.

    Times are no result: they differ from run to run.
    """
    for name in NUMBERS:
        a, b = ours[name], theirs[name]
        if name != "history":
            if a != b:
                return f"{name} is {_shown(a)} here and {_shown(b)} there"
            continue
        for row, other in zip(a, b, strict=False):
            for key in row.keys() - set(TIMES):
                if row[key] != other.get(key):
                    return (
                        f"epoch {row['epoch']:.0f}: {key} is {row[key]!r} here and "
                        f"{other.get(key)!r} there"
                    )
        if len(a) != len(b):
            return f"{len(a)} epochs here and {len(b)} there"
    return None


def _shown(value: Any) -> str:
    return f"F1 {value['f1']!r}" if isinstance(value, Mapping) else repr(value)


def _records(ledger: Ledger, corpora: frozenset[str]) -> Iterator[dict[str, Any]]:
    def wanted(corpus: str) -> bool:
        return not corpora or corpus in corpora

    for run in ledger.runs():
        result = run.result()
        if result is not None and wanted(result["corpus"]["name"]):
            yield _record("unit", _packed(run, result))
    for name in ledger.studies():
        if (study := ledger.study(name)) and wanted(_corpus_of(study, ledger.study_path(name))):
            yield _record("study", _without_places(study))
    for name in ledger.searches():
        if (search := ledger.search(name)) and wanted(_corpus_of(search, ledger.search_path(name))):
            yield _record("search", _without_places(search))


def _corpus_of(planned: Mapping[str, Any], path: Path) -> str:
    if "corpus" not in planned:
        raise LedgerError(f"{path}: is no record of a study or a search; move it away")
    return str(planned["corpus"])


def _corpus(record: Mapping[str, Any]) -> str:
    content, is_unit = record["content"], record["record"] == "unit"
    return str(content["corpus"]["name"] if is_unit else content["corpus"])


def _nothing(ledger: Ledger, lacking: Iterable[str]) -> str:
    """Say what an export asked for in vain, and what the ledger has."""
    there = sorted({_corpus(record) for record in _records(ledger, frozenset())})
    if not there:
        return f"{ledger.root}: no finished run, study or search to export; check --out"
    wanted = ", ".join(sorted(lacking))
    return f"{ledger.root}: nothing on {wanted} to export; it has {', '.join(there)}"


def _record(kind: Kind, content: Mapping[str, Any]) -> dict[str, Any]:
    return {"record": kind, "format": FORMAT, "content": content}


def _without_places(planned: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan whose command names no place of this machine."""
    words, kept = iter(shlex.split(planned.get("command", ""))), []
    for word in words:
        option, equals, _ = word.partition("=")
        if option.replace("_", "-") not in PLACES:
            kept.append(_FOLDERS.sub("", word))
        elif not equals:
            next(words, None)
    return {**planned, "command": shlex.join(kept)}


def _packed(run: Run, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run as one object; epochs by column, which names each score once."""
    history = result["history"]
    columns = {key: [row[key] for row in history] for key in history[0]}
    packed = {**result, "history": columns, "predictions": run.predictions()}
    if result.get("pretrained"):  # a folder of this machine means nothing on another
        own = {"encoder.model": result["pretrained"]["name"]}
        packed["config"] = {**result["config"], **own}
    return packed


def _merge_unit(ledger: Ledger, content: dict[str, Any], merged: Merged) -> None:
    result, predictions = content["result"], content["predictions"]
    run = ledger.run(result["fingerprint"])
    ours = run.result()
    if ours is None:
        run.import_result(result, predictions)
        merged.added.append(run.fingerprint)
    elif (difference := first_difference(ours, result)) is None:
        merged.known.append(run.fingerprint)
    else:
        merged.conflicts[run.fingerprint] = difference


def _merge_study(ledger: Ledger, content: dict[str, Any], merged: Merged) -> None:
    name = content["experiment"]
    ours = ledger.study(name)
    planned = [] if ours is None else ours["trials"]
    fresh = [trial for trial in content["trials"] if trial not in planned]
    if not fresh:
        merged.known.append(name)
        return
    # The command that is shown for all of them is the one given last.
    later = ours is None or _updated(content) > _updated(ours)
    header = content if ours is None or later else ours
    kept = {k: v for k, v in header.items() if k not in ("experiment", "trials")}
    ledger.record_study(name, kept, fresh if later else _in_order(fresh, planned))
    merged.added.append(name)


def _in_order(
    fresh: Sequence[Mapping[str, Any]], planned: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return trials of an older plan with those planned here.

    The last settings are reported, and an arm is the model it was last: what the older plan has of
    others comes first.
    """
    ours = {_meaning(trial) for trial in planned}
    alike = [trial for trial in fresh if _meaning(trial) in ours]
    return [*(trial for trial in fresh if trial not in alike), *planned, *alike]


def _meaning(trial: Mapping[str, Any]) -> tuple[str, str, str]:
    settings = canonical_settings(trial.get("settings") or {})
    return trial["arm"], settings, nondefault_settings(trial["config"])


def _updated(study: Mapping[str, Any]) -> float:
    """Return when a plan was made, in seconds; clocks of two machines may show different zones."""
    try:
        return datetime.strptime(str(study.get("updated", "")), "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return 0.0


def _merge_search(ledger: Ledger, content: dict[str, Any], merged: Merged) -> None:
    name = content["experiment"]
    ours = ledger.search(name)
    if ours is None:
        ledger.record_search(name, content)
        merged.added.append(name)
    elif _continues(ours, content):
        merged.known.append(name)
    elif _continues(content, ours):
        ledger.record_search(name, content)
        merged.added.append(name)
    else:
        merged.conflicts[name] = (
            f"{len(ours['trials'])} trials here and {len(content['trials'])} there, of which "
            "neither continue the other's"
        )


def _continues(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Tell whether a search's record has all that another has, and perhaps more after it."""
    arms = earlier.get("identities", {})
    if any(later.get("identities", {}).get(arm) != identity for arm, identity in arms.items()):
        return False
    begun = later["trials"][: len(earlier["trials"])]
    pairs = zip(begun, earlier["trials"], strict=False)
    same = all(_same_trial(*pair) for pair in pairs)
    return same and len(begun) == len(earlier["trials"])


def _same_trial(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> bool:
    """Tell whether a trial is another one at the same time or, if that was running, later."""
    if earlier["state"] != "running":
        return later == earlier
    return all(later[name] == earlier[name] for name in BEGUN)
