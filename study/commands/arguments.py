"""The arguments of each command besides a study; :mod:`study.commands.main` knows who runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from study.commands.options import (
    ChosenPreset,
    DataRoot,
    LedgerFolder,
    RecordedCorpus,
    RecordedVectors,
    Settings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Print the state of a study or a search: trials, best results, compute by outcome.

    Without a name, list the studies and searches.
    """

    experiment: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(metavar="[NAME]", help_behavior_hint="(default: list all)"),
    ] = None
    """Name of the study or the search."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettings:
    """List the settings that --set takes: values, defaults, presets and meaning."""

    pattern: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="[PATTERN]", help_behavior_hint="(default: all)"),
    ] = "*"
    """Only these settings: a part of the name, or a shell pattern, as in 'training.*'."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print them as JSON."""
    markdown: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print them as a table in Markdown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Train pruned trials of a search to the end, to see whether one was better than the best.

    The exit code is 0 if all of them finished, 1 if not, and 130 after Ctrl-C. To resume, run the
    same command again.
    """

    experiment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SEARCH")]
    """Name of the search."""
    n: Annotated[int, tyro.conf.arg(metavar="N")] = 4
    """Number of trials. Those with the most epochs come first, then those with the best dev F1."""
    data: RecordedCorpus = None
    data_root: DataRoot = None
    embeddings: RecordedVectors = None
    max_concurrent: Annotated[
        int | None, tyro.conf.arg(metavar="N", help_behavior_hint="(default: as many as fit)")
    ] = None
    """Maximum number of trials at the same time."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """Train finished runs again, in a temporary folder, and compare every number.

    The exit code is 0 if all numbers are bit-identical, else 1. Bit-identical numbers require the
    recorded CPU model. On another CPU, the results differ as much as with another seed. If all
    numbers are identical, weights and predictions that the ledger does not have are saved in it.
    """

    fingerprints: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="FINGERPRINT", help_behavior_hint="(repeatable)"),
    ]
    """The runs, or the first characters of their fingerprints."""
    data: RecordedCorpus = None
    data_root: DataRoot = None
    embeddings: RecordedVectors = None
    gpu: tyro.conf.FlagCreatePairsOff[bool] = False
    """Compute on the GPU."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Train one configuration without Ray. To resume it, run the same command again."""

    data: Annotated[str, tyro.conf.arg(metavar="CORPUS")] = "demo"
    """Corpus: demo, a name under the data root, or a folder."""
    data_root: DataRoot = None
    embeddings: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: random vectors)")
    ] = None
    """GloVe vectors (plain, .gz or .zip): a path, or a path under the data root."""
    preset: ChosenPreset = None
    set: Settings = ()
    """A setting, as in model.rounds=3. 'rin-study settings' lists all settings."""
    max_epochs: Annotated[
        int | None,
        tyro.conf.arg(metavar="N", help_behavior_hint="(default: the setting training.max_epochs)"),
    ] = None
    """The same as --set training.max_epochs=N."""
    threads: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """CPU threads."""
    gpu: tyro.conf.FlagCreatePairsOff[bool] = False
    """Compute on the GPU."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStudy:
    """Show what trained models predict for sentences after each round, side by side.

    Without --sentence, --test and --find: the two sentences of the paper's Table 3, from NYT.
    """

    models: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FINGERPRINT")]
    """Finished runs, or the first characters of their fingerprints. List the weaker model first."""
    runs: LedgerFolder = Path("runs")
    sentence: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="TEXT")
    ] = ()
    """Text of one or more sentences, split as rin_core.predict splits it."""
    one_sentence: tyro.conf.FlagCreatePairsOff[bool] = False
    """Take each text of --sentence as one sentence."""
    pretokenized: tyro.conf.FlagCreatePairsOff[bool] = False
    """Split words of --sentence at spaces only, not at punctuation."""
    data: Annotated[
        str | None, tyro.conf.arg(metavar="CORPUS", help_behavior_hint="(default: none)")
    ] = None
    """Corpus of --test and --find: demo, a name under the data root, or a folder."""
    data_root: DataRoot = None
    test: Annotated[
        tuple[int, ...], tyro.conf.arg(metavar="N", help_behavior_hint="(default: none)")
    ] = ()
    """Sentences of the test split, by index from 0."""
    find: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Find this many test sentences that the last model gets right and the first does not."""
    name: Annotated[
        str | None,
        tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: from the other options)"),
    ] = None
    """Name of the page and of the file with its numbers."""
    replace: tyro.conf.FlagCreatePairsOff[bool] = False
    """Replace a case study of this name that has other sentences or models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """List triples of test that nearly all runs of a study predict and that are not annotated.

    Each may be a missing annotation, one that contradicts others, or a mistake of all models.
    """

    experiment: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(metavar="[NAME]", help_behavior_hint="(default: the one updated last)"),
    ] = None
    """Name of the study."""
    share: Annotated[float, tyro.conf.arg(metavar="SHARE")] = 0.9
    """Which part of the runs must predict a triple, above 0.5 and at most 1."""
    n: Annotated[int, tyro.conf.arg(metavar="N")] = 20
    """Number of triples to print."""
    output: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")
    ] = None
    """File for all of them, as JSON lines; - is standard output."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Write finished runs, studies and searches to a file of JSON lines, without weights.

    A name that ends in .parquet gets a table instead, for pandas, Polars, DuckDB or R: one row for
    each trial of a study, scores in points. Import does not read it.
    """

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """File to write. JSON lines are compressed if the name ends in .xz."""
    data: Annotated[
        tuple[str, ...], tyro.conf.arg(metavar="CORPUS", help_behavior_hint="(default: all)")
    ] = ()
    """Only results on these corpora."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Add the runs, studies and searches of exported files to the ledger.

    Studies then skip these runs. Records that contradict the ledger are not imported, and the exit
    code is 1. The MLflow and Optuna databases are updated, too. If the ledger has none yet,
    rin-study sync creates them.
    """

    files: Annotated[
        tyro.conf.Positional[tuple[Path, ...]],
        tyro.conf.arg(metavar="FILE", help_behavior_hint="(repeatable)"),
    ]
    """Files that export wrote."""
    data_root: DataRoot = None
    embeddings: RecordedVectors = None
    tracking_uri: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="URI",
            help_behavior_hint="(default: $MLFLOW_TRACKING_URI, else mlflow.db in --runs, if any)",
        ),
    ] = None
    """MLflow server or database for the imported runs, or none to leave MLflow unchanged."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Record corpora in a ledger, for reports without a study.

    A study records its corpora itself.
    """

    data: Annotated[tuple[str, ...], tyro.conf.arg(metavar="CORPUS")]
    """Corpora: demo, names under the data root, or folders."""
    data_root: DataRoot = None
    embeddings: Annotated[
        Path | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")
    ] = None
    """Pretrained word vectors: reports then show which words have one."""
    set: Settings = ()
    """A setting: data.dev_fraction=0.1 cuts a missing dev or test split from train."""
    runs: LedgerFolder = Path("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Convert:
    """Write a corpus in any of the known formats as SpERT JSON.

    A corpus becomes a folder with train.json, dev.json and test.json. One file becomes one file.
    """

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="IN")]
    """A name under the data root, a folder, or a file."""
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")]
    """The folder or file to write. It must not exist."""
    split_sentences: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write one record per sentence. What lies across two sentences is left out and counted."""
    data_root: DataRoot = None
    set: Settings = ()
    """A setting: data.dev_fraction=0.1 cuts a missing dev or test split from train."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """Rebuild the MLflow and Optuna databases from the ledger.

    Existing databases, damaged or not, are renamed. Nothing is trained.
    """

    runs: LedgerFolder = Path("runs")
