"""Studies: trials scheduled by Ray Tune, recorded on disk, tracked in MLflow."""

import logging
import os
from typing import TYPE_CHECKING, Any

# Before ray: trials keep the working directory, so that relative paths mean what they say;
# Ray reports no usage, prints no tables, and writes neither logs of results nor snapshots, of
# which the ledger has what counts.
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", str(10**6))
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
# A trial that fails for good before its first epoch's end has nothing to report.
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")
# In Jupyter, the import of ray asks for ipywidgets.
logging.getLogger("ray.widgets").setLevel(logging.ERROR)

if TYPE_CHECKING:
    from study.api import Incomplete, curve, differences, ensemble, epochs, run, trials

__all__ = ["Incomplete", "curve", "differences", "ensemble", "epochs", "run", "trials"]


def __getattr__(name: str) -> Any:
    """Import the Python interface when it is used: workers import this package, too."""
    if name in __all__:
        import study.api as api  # noqa: PLR0402

        return getattr(api, name)
    raise AttributeError(f"module 'study' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
