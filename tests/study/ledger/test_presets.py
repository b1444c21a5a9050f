"""Records name the presets that records without one do not mean."""

import pytest

from study.ledger.presets import preset_to_record, recorded_preset


@pytest.mark.parametrize("corpus", ["demo", "mine", "nyt"])
@pytest.mark.parametrize("name", ["demo", "paper", "own"])
def test_what_is_recorded_is_read_again(corpus: str, name: str) -> None:
    settings = preset_to_record(corpus, name)
    assert recorded_preset(corpus, {"training.patience": 3, **settings}) == name


@pytest.mark.parametrize(("corpus", "name"), [("demo", "demo"), ("mine", "paper")])
def test_old_records_say_nothing(corpus: str, name: str) -> None:
    assert preset_to_record(corpus, name) == {}
    assert recorded_preset(corpus, {}) == name
