"""The settings by type, for the tests that try each of them."""

from __future__ import annotations

import typing

from rin_core.config import Config, DataConfig, EncoderConfig, ModelConfig, TrainingConfig

SECTIONS = {
    "data": DataConfig,
    "encoder": EncoderConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
}


def of_kind(wanted: object) -> list[str]:
    """Return the names of the fields of a type; ``Literal`` finds all choices."""
    return [
        f"{section}.{name}"
        for section, cls in SECTIONS.items()
        for name, kind in typing.get_type_hints(cls).items()
        if wanted in (kind, typing.get_origin(kind))
    ]


def base_of(path: str) -> Config:
    """Return a configuration that may have any value of a field."""
    of_transformers = path in (
        *("training.precision", "encoder.packed"),
        *("encoder.freeze_layers", "encoder.lora"),
    )
    return Config().override("encoder.kind", "transformer") if of_transformers else Config()


def choices(path: str) -> tuple[str, ...]:
    section, _, name = path.partition(".")
    found: tuple[str, ...] = typing.get_args(typing.get_type_hints(SECTIONS[section])[name])
    return found
