"""Settings: defaults, overrides and limits."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Literal

import pytest

from rin_core.config import Config, ModelConfig
from rin_core.errors import ConfigError
from rin_core.fields import all_settings
from tests.settings import SECTIONS, base_of, choices, of_kind


class TestDefaults:
    def test_are_the_papers(self) -> None:
        flat = Config().flat()
        paper = {
            "encoder.word_dim": 100, "encoder.pos_dim": 10, "encoder.hidden_size": 100,
            "encoder.dropout": 0.1, "model.rounds": 1, "model.cell": "gru",
            "training.batch_size": 50, "training.learning_rate": 1e-3,
            "training.max_epochs": 100, "training.clip_norm": 5.0, "training.selection": "dev",
        }  # fmt: skip
        assert {name: flat[name] for name in paper} == paper

    def test_every_field_is_of_its_type(self) -> None:
        for path, value in Config().flat().items():
            section, _, name = path.partition(".")
            kind = typing.get_type_hints(SECTIONS[section])[name]
            assert value in choices(path) if path in of_kind(Literal) else type(value) is kind

    def test_are_frozen(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            Config().model.rounds = 2  # type: ignore[misc]


class TestOverride:
    @pytest.mark.parametrize(
        ("path", "text", "value"),
        [
            ("model.rounds", "3", 3),
            ("training.learning_rate", "5e-4", 5e-4),
            ("training.clip_norm", "1", 1.0),
            ("model.relation_input", "false", False),
            ("model.relation_input", "No", False),
            ("model.relation_input", "0", False),
            ("data.lowercase", "True", True),
            ("data.lowercase", "1", True),
            ("data.lowercase", "yes", True),
            ("model.cell", "rnn", "rnn"),
            ("model.rounds", 3, 3),
            ("training.learning_rate", 1, 1.0),
        ],
    )
    def test_text_as_typed_and_values(self, path: str, text: object, value: object) -> None:
        changed = Config().override(path, text).flat()
        assert changed[path] == value
        assert type(changed[path]) is type(value)
        others = {name: v for name, v in Config().flat().items() if name != path}
        assert others.items() <= changed.items()

    @pytest.mark.parametrize("path", of_kind(int))
    @pytest.mark.parametrize("value", ["1.5", "many", "", 2.0, True, None])
    def test_whole_numbers(self, path: str, value: object) -> None:
        with pytest.raises(ConfigError, match=f"^{path} = {value!r}: must be a whole number$"):
            Config().override(path, value)

    @pytest.mark.parametrize("path", of_kind(float))
    @pytest.mark.parametrize("value", ["much", "", True, None, [1.0]])
    def test_numbers(self, path: str, value: object) -> None:
        with pytest.raises(ConfigError, match=f"^{path} = .*: must be a number$"):
            Config().override(path, value)

    @pytest.mark.parametrize("path", of_kind(bool))
    @pytest.mark.parametrize("value", ["maybe", "", "2", 1, 0, None])
    def test_switches(self, path: str, value: object) -> None:
        with pytest.raises(ConfigError, match=f"^{path} = .*: must be true or false$"):
            Config().override(path, value)

    @pytest.mark.parametrize("path", of_kind(Literal))
    def test_every_choice_is_taken_and_no_other(self, path: str) -> None:
        base = base_of(path)
        for choice in choices(path):
            assert base.override(path, choice).flat()[path] == choice
        for value in ("nonsense", "", None, 3, choices(path)[0].upper()):
            wanted = f"^{path} = .*: must be one of {', '.join(choices(path))}$"
            with pytest.raises(ConfigError, match=wanted):
                Config().override(path, value)

    def test_together_what_could_not_be_one_by_one(self) -> None:
        both = Config().with_overrides({"model.task_features": False, "model.rounds": 0})
        assert not both.model.task_features
        with pytest.raises(ConfigError, match=r"task_features.*rounds = 1.*rounds = 0"):
            Config().override("model.task_features", False)

    def test_reduced_precision_is_a_transformers(self) -> None:
        with pytest.raises(ConfigError, match=r"precision = 'bfloat16': must be 'float32' with"):
            Config().override("training.precision", "bfloat16")

    @pytest.mark.parametrize(
        ("path", "meant"),
        [
            ("model.round", "model.rounds"),
            ("rounds", "model.rounds"),
            ("encoder.rounds", "model.rounds"),
            ("training.lerning_rate", "training.learning_rate"),
            ("seed", "training.seed"),
            ("training.lr", "training.learning_rate"),
            ("lr", "training.learning_rate"),
            ("training.bs", "training.batch_size"),
            ("training.epochs", "training.max_epochs"),
            ("epochs", "training.max_epochs"),
            ("batch", "training.batch_size"),
            ("model.hidden", "encoder.hidden_size"),
            ("encoder.char_dim", "encoder.character_dim"),
            ("encoder.bias", "model.relation_bias"),
            ("training.dropout", "encoder.dropout"),
            ("data.types", "data.entity_types"),
            ("training.Learning-Rate", "training.learning_rate"),
        ],
    )
    def test_a_misspelt_name(self, path: str, meant: str) -> None:
        with pytest.raises(ConfigError, match=rf"^{path}: no such setting; did you mean {meant}\b"):
            Config().override(path, 1)

    @pytest.mark.parametrize("path", ["", "xyz", "model", "model.", ".rounds.x", "a.b.c"])
    def test_no_such_name(self, path: str) -> None:
        with pytest.raises(ConfigError, match="no such setting"):
            Config().override(path, 1)

    @pytest.mark.parametrize("value", [10**400, -(10**400), "9" * 400, "x" * 400, [[1] * 400]])
    @pytest.mark.parametrize(
        "path", ["model.rounds", "training.learning_rate", "encoder.freeze", "model.cell"]
    )
    def test_a_very_long_value_is_cut_in_a_line_that_names_the_field(
        self, path: str, value: object
    ) -> None:
        with pytest.raises(ConfigError, match=f"^{path} = .*: must be ") as caught:
            Config().override(path, value)
        assert len(str(caught.value)) < 200

    def test_a_very_long_name_is_cut(self) -> None:
        with pytest.raises(ConfigError, match=r"^'aaa.*: no such setting") as caught:
            Config().override("a" * 100_000, 1)
        assert len(str(caught.value)) < 200

    def test_control_characters_of_a_name_are_escapes(self) -> None:
        with pytest.raises(ConfigError, match=r"^'a\\x05\\nata.pos': no such setting"):
            Config().override("a\x05\nata.pos", 1)

    def test_a_name_like_none_lists_all(self) -> None:
        with pytest.raises(ConfigError, match=r"lists all \d+"):
            Config().override("qqqq", 1)


class TestLimits:
    @pytest.mark.parametrize(
        ("path", "good", "bad"),
        [
            ("data.max_missing", [0.0, 1.0], [-0.01, 1.01, float("nan")]),
            ("data.dev_fraction", [0.0, 0.5], [-0.01, 0.51, float("nan")]),
            ("data.train_share", [1e-9, 1.0], [0.0, 1.01, float("nan")]),
            ("encoder.word_dim", [1, 65_536], [0, -1, 65_537]),
            ("encoder.pos_dim", [1], [0, -1]),
            ("encoder.case_dim", [0], [-1]),
            ("encoder.character_dim", [2], [1]),
            ("encoder.hidden_size", [2, 64, 65_536], [0, -2, 1, 101, 65_538]),
            ("encoder.dropout", [0.0, 0.99], [1.0, -0.1, float("nan")]),
            ("encoder.model", ["a/b", "/some/folder"], ["", " ", "x" * 5000]),
            ("encoder.max_pieces", [8, 512], [7, 0]),
            ("model.rounds", [0, 9, 100], [-1, 101]),
            ("model.feature_size", [1], [0]),
            ("model.relation_bias", [-100.0, 0.0, 100.0], [-101.0, float("inf"), float("nan")]),
            ("training.batch_size", [1, 100_000], [0, 100_001]),
            ("training.max_epochs", [1, 100_000], [0, 100_001]),
            ("training.patience", [1], [0]),
            ("training.learning_rate", [1e-9, 10.0], [0.0, -1.0, float("inf"), float("nan")]),
            ("training.clip_norm", [1e-9, 10.0], [0.0, -1.0, float("inf"), float("nan")]),
            ("training.encoder_learning_rate", [1e-9, 10.0], [0.0, -1.0, 1001.0]),
            ("training.warmup", [0.0, 1.0], [-0.1, 1.1, float("nan")]),
            ("training.word_dropout", [0.0, 0.99], [-0.1, 1.0, float("nan")]),
            ("training.average_decay", [0.01, 0.9999], [0.0, 1.0, float("nan")]),
            ("training.weight_decay", [0.0, 10.0], [-0.1, float("inf"), float("nan")]),
            ("training.seed", [0, 2**32 - 1], [-1, 2**32]),
        ],
    )
    def test_ends(self, path: str, good: list[Any], bad: list[Any]) -> None:
        for value in good:
            assert Config().override(path, value).flat()[path] == value
        for value in bad:
            with pytest.raises(ConfigError, match=f"^{path} = {repr(value)[:20]}.*: must be "):
                Config().override(path, value)

    def test_every_number_has_both_ends_and_the_message_names_them(self) -> None:
        for path, setting in all_settings(Config).items():
            if setting.kind not in (int, float):
                continue
            limits = setting.interval
            assert limits is not None, path
            low, high = (limits.ge, limits.gt), (limits.le, limits.lt)
            assert all(sum(end is not None for end in ends) == 1 for ends in (low, high)), path
            (end,) = (e for e in high if e is not None)
            beyond = 2 * int(typing.cast("int", end)) + 2
            with pytest.raises(ConfigError) as error:
                Config().override(path, beyond)
            assert str(error.value).endswith(f"must be {setting.allowed}"), path

    def test_int_needs_an_input(self) -> None:
        with pytest.raises(ConfigError, match=r"all off.*model\.rounds = 0"):
            ModelConfig(relation_input=False, entity_input=False, shared_input=False)
        ModelConfig(relation_input=True, entity_input=False, shared_input=False)
        ModelConfig(relation_input=False, entity_input=True, shared_input=False)
        ModelConfig(relation_input=False, entity_input=False, shared_input=True)

    def test_the_camera_ready_version_has_gates(self) -> None:
        wanted = r"model\.cell = 'linear': must be gru or rnn.*'camera_ready'"
        with pytest.raises(ConfigError, match=wanted):
            ModelConfig(architecture="camera_ready", cell="linear")
        ModelConfig(architecture="camera_ready", cell="rnn", task_features=False)
