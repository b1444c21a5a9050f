"""``--register NAME``: the best model of a study becomes a version in MLflow's model registry."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from rin_core.cli import without_credentials
from rin_core.problems import short
from study.commands.options import Options
from study.commands.printing import say
from study.tracking.open import is_mlflow


def check_register(options: Options, name: str) -> None:
    """Raise ``ValueError`` if there will be no model to register, or not under this name."""
    if not name.strip(".") or not name.isprintable() or set(name) & set("/:'\""):
        raise ValueError(
            f"--register {short(name)}: must be a name without slashes, colons and quotes"
        )
    if not is_mlflow(options.uri()):
        raise ValueError(
            f"--register {name}: requires MLflow; omit --tracking-uri "
            f"{without_credentials(options.uri())}"
        )
    if len(dict.fromkeys(options.space)) * len(options.data) > 1:
        raise ValueError(
            f"--register {name}: requires a single study; name one space and one corpus"
        )


def register(
    options: Options, name: str, code: int, studies: Sequence[str], console: Console
) -> None:
    """Register the best model of a complete study.

    Args:
        options: Of the command.
        name: Of the registered model.
        code: The exit code of the study; a model is registered if it is 0.
        studies: Names of the studies, of which there is one.
        console: Where to print.

    Raises:
        TrackingError: MLflow has no model of the study, or cannot be used.
    """
    if code:
        say(console, f"--register {name}: not registered, because the study is not complete")
        return
    from study.tracking.mlflow.registry import register_model  # imports MLflow

    address = register_model(options.uri(), studies[0], name)
    say(console, f"  registered model: {address}")
