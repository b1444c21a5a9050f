"""The base of all records, and the types of their fields: names, counts, finite numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from rin_core.problems import short
from rin_core.terminal import visible

_RATIOS = ("precision", "recall", "f1")
SCORES = tuple(p + name for p in ("", "exact_", "entity_", "relation_") for name in _RATIOS)
"""Names of the scores of one split."""
TYPED_SCORES = tuple(p + name for p in ("strict_", "entity_boundaries_") for name in _RATIOS)
"""Names of the scores that only a model with entity types has, too."""

Split = Literal["dev", "test"]

_ROUNDING = 1e-9
_LONGEST_NAME = 200
_LONGEST_LINE = 1_000
LATEST = 2**37  # in the year 6325; a calendar of four digits ends soon after
LARGEST = 2**63


class Record(BaseModel):
    """Base of all records: no conversions, no unknown fields, no NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    @property
    def owner(self) -> str:
        """Return the name of the run, study, search or corpus whose record it is.

        It is empty for a record that does not have the name.
        """
        return ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they are written."""
        return self.model_dump(mode="json")

    def check_numbers(self) -> None:
        """Check that no number contradicts another one, in a record that has no checksum.

        Raises:
            ValueError: One does.
        """


def _file_name(value: str) -> str:
    printable = value.isprintable() and value.strip(".")
    if not printable or Path(value).name != value or len(value.encode()) > _LONGEST_NAME:
        raise ValueError(f"{short(value)}: must be a name, without folders")
    return value


def _finite(value: Any) -> Any:
    """Refuse what JSON has no form for, and numbers that no machine has."""
    if isinstance(value, dict):
        for inner in value.values():
            _finite(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _finite(inner)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value}: must be a finite number")
    elif isinstance(value, int):
        if abs(value) >= LARGEST:
            raise ValueError(f"{short(value)}: must be less than 2^63")
    elif value is not None and not isinstance(value, str):
        raise ValueError(f"{short(value)}: must be JSON")
    return value


def _scalar(value: Any) -> Any:
    if isinstance(value, dict | list | tuple):
        raise ValueError(f"{short(value)}: must be text, a number, true, false or null")
    return _finite(value)


def _all_scores(values: dict[str, float]) -> dict[str, float]:
    names = SCORES if values.keys().isdisjoint(TYPED_SCORES) else SCORES + TYPED_SCORES
    for name in names:
        if name not in values:
            raise ValueError(f"{name} is missing")
    if len(values) > len(names):
        raise ValueError(f"{min(values.keys() - set(names))}: no such score")
    return values


def check_scores(scores: dict[str, float], place: str) -> None:
    """Check that each F1 is that of its precision and recall.

    Args:
        scores: Of one split.
        place: Their name, for the message.

    Raises:
        ValueError: One is not.
    """
    for name, value in scores.items():
        if not name.endswith("f1"):
            continue
        prefix = name.removesuffix("f1")
        precision, recall = scores[f"{prefix}precision"], scores[f"{prefix}recall"]
        total = precision + recall
        expected = 2 * precision * recall / total if total else 0.0
        if abs(value - expected) > _ROUNDING:
            raise ValueError(
                f"{place}.{name} = {value}: must be {expected:.6g}, from precision and recall"
            )


def points(score: float) -> float:
    """Return a score as the reports have it, 0 to 100, without the noise of the product."""
    return round(100 * score, 10)


def _visible_options(options: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    return {
        visible(name): [visible(text) for text in given]
        if isinstance(given, list)
        else visible(given)
        for name, given in options.items()
    }


def _float_range(value: Any) -> Any:
    """Refuse whole numbers beyond the floats, on which the conversion would fail."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LARGEST:
        raise ValueError(f"{short(value)}: must be a finite number")
    return value


Line = Annotated[str, Field(max_length=_LONGEST_LINE), AfterValidator(visible)]
"""Text that people see on a terminal, in a figure or on a page."""
Text = Annotated[str, AfterValidator(visible)]
"""The same, of any length: the message of an error."""
Name = Annotated[str, AfterValidator(_file_name)]
"""The name of a file or a folder, without a path."""
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
Count = Annotated[int, Field(ge=0, lt=LARGEST)]
Number = Annotated[float, BeforeValidator(_float_range)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Seconds = Annotated[Number, Field(ge=0)]
Scores = Annotated[dict[str, Fraction], AfterValidator(_all_scores)]
Scalar = Annotated[Any, AfterValidator(_scalar)]
Json = Annotated[Any, AfterValidator(_finite)]
Settings = dict[str, Scalar]
"""Values by dotted name, as :meth:`rin_core.config.Config.flat` has them."""
Options = Annotated[dict[str, str | list[str]], AfterValidator(_visible_options)]
"""The options of a command line, by name; see :mod:`study.ledger.command`."""
