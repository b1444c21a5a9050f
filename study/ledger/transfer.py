"""A ledger as JSON lines: to split a study over machines, or to keep its record in git.

One line has a finished run (configuration, scores of every epoch, test scores and predictions,
provenance; no weights), the plan of a study or the record of a search; no text of a corpus.
Another ledger adds what it does not have, so that a study or search resumes there.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from rin_core.config import canonical_settings, nondefault_settings
from rin_core.files import write_atomically
from rin_core.plural import plural
from study.ledger.command import without_places
from study.ledger.commands import join_commands
from study.ledger.exported import FORMAT, KINDS, PACKED, SELECTION, Exported, ExportedRun
from study.ledger.ledger import Ledger
from study.ledger.merged_plans import HERE, THERE, merged_decisions, plan_conflict
from study.ledger.origin import CorpusName, GivenCommand, VectorsName
from study.ledger.schema import (
    Epoch,
    PlannedRun,
    Result,
    Search,
    SearchTrial,
    Study,
)
from study.ledger.state import TrialState

AnyName = TypeVar("AnyName", CorpusName, VectorsName)


@dataclass(slots=True)
class Merged:
    """What an import did: names of runs, studies and searches."""

    added: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    conflicts: dict[str, str] = field(default_factory=dict)
    """Records that differ, and where they differ first; ours is kept."""


def export_ledger(ledger: Ledger, path: Path, corpora: Iterable[str] = ()) -> dict[str, int]:
    """Write every finished run, study and search, each by name, and return how many.

    Args:
        ledger: The ledger to export.
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
    missing = asked - {_corpus(record) for record in records}
    if missing or not records:
        raise ValueError(_nothing_to_export(ledger, missing))
    path.parent.mkdir(parents=True, exist_ok=True)
    text = (json.dumps(_line(r), allow_nan=False, separators=(",", ":")) for r in records)
    content = "".join(f"{line}\n" for line in text).encode()
    write_atomically(path, lzma.compress(content) if path.suffix == PACKED else content)
    kinds = [_kind(record) for record in records]
    return {kind: kinds.count(kind) for kind in KINDS}


def merge(ledger: Ledger, records: Iterable[Exported]) -> Merged:
    """Add checked records.

    Runs that a study planned elsewhere join those that it planned here. A search that was
    continued elsewhere replaces its earlier state here.
    """
    merged = Merged()
    for record in records:
        match record:
            case ExportedRun():
                _merge_run(ledger, record, merged)
            case Study():
                _merge_study(ledger, record, merged)
            case Search():
                _merge_search(ledger, record, merged)
    return merged


#: The fields of a result, beside its epochs, that :func:`first_difference` compares.
COMPARED = (
    "best_epoch",
    "end_reason",
    "selection_scores",
    "test_scores",
    "averaged_selection_scores",
    "averaged_test_scores",
)


def first_difference(
    ours: Result, theirs: Result, sides: tuple[str, str] = (HERE, THERE)
) -> str | None:
    """Say where two results of one fingerprint first differ in any bit; None if nowhere.

    Times are not compared: they differ from run to run.

    Args:
        ours: The first result.
        theirs: The second result.
        sides: Where each is, as the message says it.
    """
    here, there = sides
    for a, b in zip(ours.history, theirs.history, strict=False):
        if (difference := _epoch_difference(a, b, sides)) is not None:
            return f"epoch {a.epoch}: {difference}"
    if len(ours.history) != len(theirs.history):
        return f"{plural(len(ours.history), 'epoch')} {here} and {len(theirs.history)} {there}"
    for name in COMPARED:
        a, b = getattr(ours, name), getattr(theirs, name)
        if a != b:
            return f"{name} is {_shown(a)} {here} and {_shown(b)} {there}"
    return None


def _epoch_difference(ours: Epoch, theirs: Epoch, sides: tuple[str, str]) -> str | None:
    here, there = sides
    if ours.train_loss != theirs.train_loss:
        return f"train_loss is {ours.train_loss!r} {here} and {theirs.train_loss!r} {there}"
    for name, value in ours.selection_scores.items():
        if value != (other := theirs.selection_scores[name]):
            return f"{name} is {value!r} {here} and {other!r} {there}"
    return None


def _shown(value: Any) -> str:
    return f"F1 {value['f1']!r}" if isinstance(value, Mapping) else repr(value)


def _records(ledger: Ledger, corpora: frozenset[str]) -> Iterator[Exported]:
    for run in ledger.runs():
        result = run.result()
        if result is not None and (not corpora or result.corpus.name in corpora):
            yield ExportedRun(result, run.predictions())
    plans: list[Study | Search] = [*ledger.studies(), *ledger.searches()]
    for planned in plans:
        if not corpora or planned.corpus in corpora:
            local: dict[str, Any] = {
                "options": without_places(planned.options),
                "commands": [
                    GivenCommand(options=without_places(given.options), makes=given.makes)
                    for given in planned.commands
                ],
            }
            if isinstance(planned, Search):
                local["data"] = _without_path(planned.data)
                local["vectors"] = _without_path(planned.vectors)
            yield planned.model_copy(update=local)


def _corpus(record: Exported) -> str:
    return record.result.corpus.name if isinstance(record, ExportedRun) else record.corpus


def _kind(record: Exported) -> str:
    if isinstance(record, ExportedRun):
        return "run"
    return "study" if isinstance(record, Study) else "search"


def _nothing_to_export(ledger: Ledger, missing: Iterable[str]) -> str:
    there = sorted({_corpus(record) for record in _records(ledger, frozenset())})
    if not there:
        return f"{ledger.root}: no finished run, study or search to export; check --runs"
    wanted = ", ".join(sorted(missing))
    return f"{ledger.root}: nothing on {wanted} to export; it has {', '.join(there)}"


def _line(record: Exported) -> dict[str, Any]:
    content = _packed(record) if isinstance(record, ExportedRun) else record.to_json()
    return {"record": _kind(record), "format": FORMAT, "content": content}


def _packed(run: ExportedRun) -> dict[str, Any]:
    """Return a run as one object; epochs by column, which names each score once."""
    names = {
        "corpus": _without_path(run.result.corpus),
        "vectors": _without_path(run.result.vectors),
    }
    result = run.result.model_copy(update=names)
    rows = [
        {
            **row.model_dump(exclude={"usage", "selection_scores"}),
            **{f"{SELECTION}{name}": value for name, value in row.selection_scores.items()},
        }
        for row in result.history
    ]
    packed = result.to_json()
    packed["history"] = {key: [row[key] for row in rows] for key in rows[0]}
    packed["predictions"] = None if run.predictions is None else run.predictions.to_json()
    if result.pretrained is not None:  # a folder of this machine means nothing on another
        packed["config"] = {**result.config, "encoder.model": result.pretrained.name}
    return packed


def _without_path(name: AnyName | None) -> AnyName | None:
    """Return the name of a corpus or of vectors without the place where this machine has it."""
    return None if name is None else name.model_copy(update={"path": ""})


def _merge_run(ledger: Ledger, theirs: ExportedRun, merged: Merged) -> None:
    run = ledger.run(theirs.result.fingerprint)
    ours = run.result()
    if ours is None:
        run.import_result(theirs.result, theirs.predictions)
        merged.added.append(run.fingerprint)
    elif (difference := first_difference(ours, theirs.result)) is None:
        merged.known.append(run.fingerprint)
    else:
        merged.conflicts[run.fingerprint] = difference


def _merge_study(ledger: Ledger, theirs: Study, merged: Merged) -> None:
    if theirs.experiment in ledger.search_names():
        merged.conflicts[theirs.experiment] = f"a search {HERE} and a study {THERE}"
        return
    ours = ledger.study(theirs.experiment)
    if ours is None:
        ledger.record_study(theirs)
        merged.added.append(theirs.experiment)
        return
    if (difference := plan_conflict(ours, theirs)) is not None:
        merged.conflicts[theirs.experiment] = difference
        return
    decisions = merged_decisions(ledger, ours, theirs, merged.added)
    known: dict[str, list[dict[str, Any]]] = {}
    for run in ours.trials:
        known.setdefault(run.fingerprint, []).append(_plan(run))
    added = [run for run in theirs.trials if _plan(run) not in known.get(run.fingerprint, ())]
    if not added and decisions == ours.decisions:
        merged.known.append(theirs.experiment)
        return
    # The options that are recorded for all of them are those given last.
    if _updated(theirs) > _updated(ours):
        changes = {"trials": added, "commands": join_commands(ours, theirs)}
        whole = theirs.model_copy(update={"decisions": decisions, **changes})
    else:
        trials = _in_order(added, ours.trials)
        changes = {"trials": trials, "commands": join_commands(theirs, ours)}
        whole = ours.model_copy(update={"decisions": decisions, **changes})
    ledger.record_study(whole)
    merged.added.append(theirs.experiment)


def _in_order(added: Sequence[PlannedRun], planned: Sequence[PlannedRun]) -> list[PlannedRun]:
    """Return runs of an older plan with those planned here.

    Reports show the last settings and the last content of the corpus, and an arm means its last
    model. Runs of the older plan that differ in one of these come first.
    """
    ours = {_meaning(run) for run in planned}
    same, differing = list[PlannedRun](), list[PlannedRun]()
    for run in added:
        (same if _meaning(run) in ours else differing).append(run)
    return [*differing, *planned, *same]


def _plan(run: PlannedRun) -> dict[str, Any]:
    """Return what makes a planned run; records of earlier versions have no digests."""
    return run.model_dump(exclude={"content", "digest"})


def _meaning(run: PlannedRun) -> tuple[str, str, str, str]:
    settings = canonical_settings(run.settings), nondefault_settings(run.config)
    return run.arm, *settings, run.content


def _updated(study: Study) -> float:
    """Return when a plan was made, in seconds; clocks of two machines may show different zones."""
    try:
        return datetime.strptime(study.updated, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return 0.0


def _merge_search(ledger: Ledger, theirs: Search, merged: Merged) -> None:
    name = theirs.experiment
    if name in ledger.study_names():
        merged.conflicts[name] = f"a study {HERE} and a search {THERE}"
        return
    ours = ledger.search(name)
    if ours is not None and _continues(ours, theirs):
        merged.known.append(name)
    elif ours is None or _continues(theirs, ours):
        ledger.record_search(theirs)
        merged.added.append(name)
    else:
        merged.conflicts[name] = (
            f"{plural(len(ours.trials), 'trial')} {HERE} and {len(theirs.trials)} {THERE}; "
            "neither search continues the other"
        )


def _continues(later: Search, earlier: Search) -> bool:
    """Tell whether a search has everything that another has, and perhaps more after it."""
    for arm, identity in earlier.identities.items():
        if later.identities.get(arm) != identity:
            return False
    if len(later.trials) < len(earlier.trials):
        return False
    pairs = zip(later.trials, earlier.trials, strict=False)
    return all(_same_trial(*pair) for pair in pairs)


def _same_trial(later: SearchTrial, earlier: SearchTrial) -> bool:
    """Tell whether a trial is another one, at the same time or later."""
    if earlier.state is not TrialState.RUNNING:
        return later == earlier
    decided_at_start = {"arm", "number", "parameters", "fingerprint", "config", "inherited"}
    return later.model_dump(include=decided_at_start) == earlier.model_dump(
        include=decided_at_start
    )
