"""The control for capacity has as many parameters as RIN."""

from __future__ import annotations

import pytest

from rin_core.config import Config
from rin_core.data.vocabulary import SPECIAL, Vocabulary
from rin_core.errors import ConfigError
from rin_core.model.capacity import (
    equal_width,
    parameters_after_encoder,
    trained_parameters,
)
from rin_core.model.rin import RIN

NONE, ONE = (Config().override("model.rounds", rounds) for rounds in (0, 1))


def vocabulary(relations: int) -> Vocabulary:
    words, pos = ((*SPECIAL, *prefix) for prefix in ("abc", "NV"))
    named = tuple(f"r{number}" for number in range(relations))
    return Vocabulary(words=words, pos=pos, relations=named, lowercase=True)


@pytest.mark.parametrize("relations", [2, 24, 170])
@pytest.mark.parametrize("features", [64, 100])
def test_the_numbers_of_parameters_differ_by_at_most_one_percent(
    relations: int, features: int
) -> None:
    own, none, one = (
        vocabulary(relations),
        *(c.override("model.feature_size", features) for c in (NONE, ONE)),
    )
    wide = none.override("model.feature_size", equal_width(none, one, own))
    built = [RIN(config, own) for config in (wide, one)]
    counts = [
        sum(p.numel() for name, p in model.named_parameters() if not name.startswith("encoder."))
        for model in built
    ]
    assert counts[0] == pytest.approx(counts[1], rel=0.01)
    assert counts == [parameters_after_encoder(config, own) for config in (wide, one)]


def test_every_number_of_rounds_has_the_same_parameters() -> None:
    own, five = vocabulary(5), Config().override("model.rounds", 5)
    assert parameters_after_encoder(five, own) == parameters_after_encoder(ONE, own)


def test_what_cannot_be_matched_is_an_error() -> None:
    with pytest.raises(ConfigError, match="transformer"):
        equal_width(NONE.override("encoder.kind", "transformer"), ONE, vocabulary(5))
    with pytest.raises(ConfigError, match="feature_size"):
        equal_width(NONE, ONE.override("model.feature_size", 9000), vocabulary(5))


@pytest.mark.parametrize("rounds", [0, 2])
def test_trained_parameters_are_those_of_the_model_that_trains(rounds: int) -> None:
    own, config = vocabulary(5), Config().override("model.rounds", rounds)
    model = RIN(config, own)
    assert trained_parameters(config, own) == sum(p.numel() for p in model.parameters())
    wider = config.override("model.feature_size", 120)
    assert trained_parameters(wider, own) > trained_parameters(config, own)
