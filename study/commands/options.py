"""Options of ``rin-study`` and those that several commands share."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from rin_core.cli import without_credentials
from rin_core.problems import short
from search_spaces.presets import find_preset
from study.ledger.command import nondefault_options
from study.ledger.databases import MLFLOW, OPTUNA, sqlite_path, sqlite_uri
from study.ledger.fields import Options as Recorded
from study.tracking.open import check_scheme

if TYPE_CHECKING:
    from study.execution.cluster import Resources
    from study.planning.requirements import Device

#: The largest value of a numeric option; a larger one is a typing error.
LARGEST_OPTION = 1_000_000
#: Folders of the reports that do not belong to a study.
RESERVED_NAMES = ("corpora", "cases", "notebooks")

DataRoot = Annotated[
    Path | None,
    tyro.conf.arg(
        metavar="FOLDER",
        help="Folder that contains the corpora.",
        help_behavior_hint="(default: $RIN_DATA_ROOT)",
    ),
]
RecordedCorpus = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="CORPUS",
        help="Corpus: a name under the data root, or a folder.",
        help_behavior_hint="(default: the recorded name)",
    ),
]
RecordedVectors = Annotated[
    Path | None,
    tyro.conf.arg(
        metavar="FILE",
        help="Word vectors that the run was trained with.",
        help_behavior_hint="(default: the recorded name, in the data root or its embeddings/)",
    ),
]
LedgerFolder = Annotated[
    Path, tyro.conf.arg(metavar="FOLDER", help="The output folder with the ledger.")
]
Settings = Annotated[
    tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="SETTING=VALUE")
]
ChosenPreset = Annotated[
    str | None,
    tyro.conf.arg(
        metavar="NAME",
        help="Settings to start from: paper, demo or own. 'rin-study settings' shows them.",
        help_behavior_hint="(default: demo for demo, paper for webnlg* and nyt*, else own)",
    ),
]


def _option(metavar: str, default: str | None = None) -> object:
    """Return how tyro shows an option; ``default`` replaces ``None`` in the help."""
    if default is None:
        return tyro.conf.arg(metavar=metavar)
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=f"(default: {default})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Run a study or a search of RIN.

    A study trains every arm of a space, on every corpus, with every seed. A search tunes every arm
    with the same number of trials (Optuna samples, ASHA prunes). It then trains each arm's best
    settings and its initial settings on fresh seeds.

    Finished runs are never repeated. To resume, run the same command again.
    """

    space: Annotated[tuple[str, ...], _option("SPACE")] = ("rounds_curve",)
    """What to compare or tune: names from --list, or FILE.toml. Several studies, or one search."""
    list: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the built-in spaces with their arms and numbers of trials, and exit."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the trials, their settings and their states, and exit."""
    data: Annotated[tuple[str, ...], _option("CORPUS")] = ("demo",)
    """Corpora: demo, names under the data root, or folders."""
    data_root: DataRoot = None
    embeddings: Annotated[Path | None, _option("FILE", "random vectors")] = None
    """GloVe vectors (plain, .gz or .zip): a path, or a path under the data root."""
    seeds: Annotated[str | None, _option("SEEDS", "those of the space")] = None
    """A count (5 is 0-4), a range (2-4) or a list (0,3). In a search: the fresh seeds; 0: none."""
    trials: Annotated[int | None, _option("N", "the space's budget")] = None
    """Trials of each arm of a search. A larger number extends a finished search."""
    hours: Annotated[float | None, _option("H", "no limit")] = None
    """Start no new trials after this many hours. A study requires --until-decided for this."""
    until_decided: tyro.conf.FlagCreatePairsOff[bool] = False
    """Add seeds until the primary contrasts are decided: looks after 5, 7, 10, 14, 20 seeds."""
    margin: Annotated[float | None, _option("POINTS", "0.5, or the recorded one")] = None
    """With --until-decided: the largest difference that counts as equal, in points of F1."""
    max_seeds: Annotated[int | None, _option("N", "20")] = None
    """With --until-decided: stop at the last look with at most this many seeds."""
    arms: Annotated[tuple[str, ...], _option("ARM", "all")] = ()
    """Only these arms, by name or shell pattern, as in 'gru-*'. --list shows the names."""
    set: Settings = ()
    """A setting of all trials, as in encoder.dropout=0.3. 'rin-study settings' lists them."""
    preset: ChosenPreset = None
    max_epochs: Annotated[int | None, _option("N", "the setting training.max_epochs")] = None
    """The same as --set training.max_epochs=N."""
    max_concurrent: Annotated[int | None, _option("N", "as many as fit")] = None
    """Maximum number of trials at the same time."""
    cpus_per_trial: Annotated[float, _option("CPUS")] = 1.0
    """CPUs of a trial, and its number of torch threads."""
    gpus_per_trial: Annotated[float | None, _option("GPUS", "1 if there is a GPU, else 0")] = None
    """GPUs of a trial; with a fraction, trials share a GPU."""
    memory_per_trial: Annotated[float | None, _option("GIB", "1, or less on a small machine")] = (
        None
    )
    """Main memory that a trial reserves; a transformer on a CPU needs several GiB."""
    ray_address: Annotated[str | None, _option("ADDRESS", "start Ray on this machine")] = None
    """A running Ray cluster, as in auto or host:6379. Run the command on one of its nodes."""
    tracking_uri: Annotated[
        str | None, _option("URI", "$MLFLOW_TRACKING_URI, else mlflow.db in --runs")
    ] = None
    """MLflow server or database, or none to disable tracking."""
    experiment: Annotated[str | None, _option("NAME", "space and corpus")] = None
    """Name of the study or search, in MLflow and in reports."""
    runs: Annotated[Path, _option("FOLDER")] = Path("runs")
    """The output folder: the ledger, the MLflow and Optuna databases, and the reports."""
    notify: Annotated[str | None, _option("URL", "no message")] = None
    """Post a JSON message at the end: to a webhook of Slack or Mattermost, or https://ntfy.sh/TOPIC."""
    register: Annotated[str | None, _option("NAME", "register nothing")] = None
    """Register the best model as the next version of this model in MLflow's registry."""
    shared: Annotated[str | None, _option("URI", "all nodes access --runs")] = None
    """Store for nodes that cannot access --runs: an fsspec URI, as in s3://bucket/rin."""

    def check(self) -> None:
        """Raise ``ValueError`` for an invalid option."""
        for name in ("max_concurrent", "max_epochs", "cpus_per_trial", "memory_per_trial"):
            value = getattr(self, name)
            if value is not None and not value > 0:  # also false for NaN
                raise ValueError(f"--{name.replace('_', '-')} {value}: must be positive")
        for field in dataclasses.fields(Options):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and value > LARGEST_OPTION:
                raise ValueError(
                    f"--{field.name.replace('_', '-')} {short(value)}: must be at most "
                    f"{LARGEST_OPTION:,}"
                )
        for name in ("margin", "max_seeds"):
            if getattr(self, name) is not None and not self.until_decided:
                raise ValueError(f"--{name.replace('_', '-')}: requires --until-decided")
        if self.until_decided and self.seeds is not None:
            raise ValueError("--seeds: --until-decided chooses the seeds; --max-seeds limits them")
        if self.preset is not None:
            find_preset(self.preset)
        if not self.space:
            raise ValueError("--space: must name at least one space; --list shows them")
        if not self.data:
            raise ValueError("--data: must name at least one corpus, as in --data demo")
        if self.gpus_per_trial is not None and not self.gpus_per_trial >= 0:
            raise ValueError(f"--gpus-per-trial {self.gpus_per_trial}: must be 0 or more")
        if self.experiment is not None:
            self._check_name(self.experiment)
        named_uri(self.tracking_uri)

    @staticmethod
    def _check_name(name: str) -> None:
        if Path(name).name != name or not name.strip(".") or not name.isprintable():
            raise ValueError(f"--experiment {short(name)}: must be a name without folders")
        if name in RESERVED_NAMES or name.startswith("paper-"):
            raise ValueError(f"--experiment {name!r}: the reports already use that folder name")

    def overrides(self) -> dict[str, object]:
        """Return the settings of all trials."""
        return parse_overrides(self.set, self.max_epochs)

    def record(self) -> Recorded:
        """Return spaces, corpora and the other options that were given, without credentials."""
        fields = dataclasses.fields(Options)
        defaults = {f.name: f.default for f in fields if f.name not in ("space", "data")}
        # The address of --notify is a secret; --register does not change a result.
        recorded_fields = (f for f in fields if f.name not in ("notify", "register"))
        values = {f.name: getattr(self, f.name) for f in recorded_fields}
        recorded = nondefault_options(values, defaults)
        for name, value in recorded.items():
            if isinstance(value, str):
                recorded[name] = without_credentials(value)
        return recorded

    def uri(self) -> str:
        """Return the tracking URI; without the option it is MLflow's."""
        return named_uri(self.tracking_uri) or database_uri(self.runs)

    def device(self) -> Device | None:
        """Return what computes the trials; ``None`` if machines of a cluster do."""
        from study.planning.requirements import device_here  # imports Optuna

        return None if self.ray_address else device_here(self.gpus_per_trial)

    def resources(self) -> Resources:
        """Return the resources of a trial."""
        from study.execution.cluster import Resources  # imports Ray, which takes seconds

        return Resources(
            cpus_per_trial=self.cpus_per_trial,
            gpus_per_trial=self.gpus_per_trial,
            memory_per_trial=self.memory_per_trial,
            max_concurrent=self.max_concurrent,
            address=self.ray_address,
        )


def named_uri(given: str | None) -> str | None:
    """Return the tracking URI of the option or of ``MLFLOW_TRACKING_URI``; None if neither is set.

    Raises:
        ValueError: It is Optuna's database, or has an unknown scheme.
    """
    uri = given or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return None
    source = "--tracking-uri" if given else "MLFLOW_TRACKING_URI"
    shown = without_credentials(uri)
    path = sqlite_path(uri)
    if path is not None and path.name == OPTUNA:
        raise ValueError(f"{source} {shown}: is Optuna's own database; name another file")
    try:
        check_scheme(uri)
    except ValueError as error:
        raise ValueError(f"{source} {shown}: {error}") from None
    return uri


def database_uri(runs: Path) -> str:
    """Return the tracking URI of a ledger's own database."""
    return sqlite_uri(runs.resolve() / MLFLOW)


def parse_overrides(settings: tuple[str, ...], max_epochs: int | None = None) -> dict[str, object]:
    """Split ``SETTING=VALUE`` texts; :meth:`Config.with_overrides` checks both parts.

    Args:
        settings: The texts of ``--set``.
        max_epochs: What ``--max-epochs`` gives, if anything.

    Raises:
        ValueError: A text without ``=``.
    """
    overrides: dict[str, object] = {}
    for text in settings:
        field, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set {short(text)}: must be SETTING=VALUE, as in model.rounds=3")
        overrides[field.strip()] = value.strip()
    if max_epochs is not None:
        overrides["training.max_epochs"] = max_epochs
    return overrides
