"""The list of settings: complete, narrow, and the one that the documentation has."""

import json
from pathlib import Path

import pytest

from rin_core.config import Config
from rin_core.encoder_traits import ENCODERS
from rin_core.errors import ConfigError
from search_spaces.presets import PRESETS
from study.commands.main import main, parse
from study.commands.settings import describe_settings, markdown

DOCUMENT = Path(__file__).parents[3] / "docs" / "settings.md"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(parse(["settings", *arguments])) == 0
    return capsys.readouterr().out


def test_every_setting_has_its_values_and_meaning() -> None:
    rows = {row.setting: row for row in describe_settings()}
    assert list(rows) == list(Config().flat())
    for path, row in rows.items():
        assert 10 < len(row.meaning) < 160, path
        assert row.meaning.endswith("."), path
        assert "``" not in row.meaning
        assert row.values, path
        assert row.encoders, path
        for name, preset in PRESETS.items():
            assert row.presets[name] == preset.settings.get(path, Config().flat()[path])


def test_encoders_are_those_for_which_a_setting_counts() -> None:
    rows = {row.setting: row for row in describe_settings()}
    assert rows["encoder.max_pieces"].encoders == ("transformer",)
    assert rows["data.lowercase"].encoders == ("bilstm",)
    assert rows["training.batch_size"].encoders == tuple(ENCODERS)
    assert rows["encoder.dropout"].encoders == tuple(ENCODERS)


def test_the_list_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert all(path in text for path in Config().flat())
    assert all(f"  {name} " in text for name in PRESETS)


def test_a_part_of_a_name_or_a_pattern_chooses(capsys: pytest.CaptureFixture[str]) -> None:
    for pattern, expected in (
        ("dropout", ["encoder.dropout", "training.word_dropout"]),
        ("*_dim", [path for path in Config().flat() if path.endswith("_dim")]),
        ("training.seed", ["training.seed"]),
    ):
        rows = json.loads(shown(capsys, pattern, "--json"))
        assert [row["setting"] for row in rows] == expected
    with pytest.raises(ConfigError, match=r"^training.lr: no such .* training.learning_rate\?"):
        main(parse(["settings", "training.lr"]))


def test_json_has_values_by_preset(capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = json.loads(shown(capsys, "encoder.characters", "--json"))
    assert row["choices"] == ["none", "cnn", "lstm"]
    assert row["presets"] == {"paper": "none", "demo": "none", "own": "cnn"}


def test_the_document_is_up_to_date() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    missing = [row for row in markdown(describe_settings()).splitlines() if row not in written]
    assert not missing, "put these rows of `rin-study settings --markdown` into docs/settings.md"
    assert markdown(describe_settings()) in written, "the table has other rows, too"
