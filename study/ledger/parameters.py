"""The parameters of a search: Optuna's distributions, as records have them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from rin_core.steps import MOST_STEPS, is_on_step, step_divides
from study.ledger.fields import LARGEST, Number, Record, Scalar


class FloatRange(Record):
    """Attributes of Optuna's ``FloatDistribution``."""

    low: Number
    high: Number
    log: bool = False
    step: Number | None = None


class IntRange(Record):
    """Attributes of Optuna's ``IntDistribution``."""

    low: Annotated[int, Field(gt=-LARGEST, lt=LARGEST)]
    high: Annotated[int, Field(gt=-LARGEST, lt=LARGEST)]
    log: bool = False
    step: Annotated[int, Field(ge=1, lt=LARGEST)] = 1


class Choices(Record):
    """Attributes of Optuna's ``CategoricalDistribution``."""

    choices: Annotated[list[Scalar], Field(min_length=1)]


class Parameter(Record):
    """One setting that a search tunes: Optuna's distribution, and when it applies."""

    name: Literal["FloatDistribution", "IntDistribution", "CategoricalDistribution"]
    attributes: FloatRange | IntRange | Choices
    when: dict[str, list[Scalar]] = {}

    @field_validator("attributes", mode="before")
    @classmethod
    def _of_its_kind(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = {"FloatDistribution": FloatRange, "IntDistribution": IntRange}
        return kinds.get(info.data.get("name", ""), Choices).model_validate(value)

    @model_validator(mode="after")
    def _check_range(self) -> Parameter:
        given = self.attributes
        if not isinstance(given, Choices):
            if given.low > given.high:
                raise ValueError(f"low = {given.low}: must be at most high = {given.high}")
            if given.log and given.low <= 0:
                raise ValueError(f"low = {given.low}: must be positive with log = true")
            if given.step is not None and given.step <= 0:
                raise ValueError(f"step = {given.step}: must be positive")
            if given.step is not None and not step_divides(given.low, given.high, given.step):
                raise ValueError(
                    f"step = {given.step}: must divide {given.low} to {given.high} into at most "
                    f"{MOST_STEPS} equal steps"
                )
            if given.log and given.step not in (None, 1):
                raise ValueError(f"step = {given.step}: must be absent with log = true")
        return self

    def allows(self, value: Any) -> bool:
        """Tell whether a trial may have this value."""
        if isinstance(self.attributes, Choices):
            return value in self.attributes.choices
        kinds = int if isinstance(self.attributes, IntRange) else (int, float)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return False
        low, high, step = self.attributes.low, self.attributes.high, self.attributes.step
        slack = 1e-9 * max(abs(low), abs(high))
        inside = low - slack <= value <= high + slack
        return inside and (step is None or is_on_step(value, low, step))
