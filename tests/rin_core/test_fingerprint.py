"""The canonical form of a configuration, its flat form and its fingerprint."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin_core.config import (
    CellKind,
    Config,
    DataConfig,
    EncoderConfig,
    ModelConfig,
    ScorerKind,
    TrainingConfig,
)
from rin_core.encoder_traits import EncoderKind
from rin_core.errors import ConfigError
from tests.settings import base_of, choices, of_kind

LEDGERS = Path(__file__).parents[2] / "results" / "ledger"


DIGEST = "0123456789abcdef"


#: Do not count alone: needs model.rounds = 0; decides only what is refused; for a transformer.
NOT_ALONE = {"model.task_features", "data.max_missing", "data.dev_fraction"} | {
    "encoder.model", "encoder.freeze", "encoder.character_dim", "encoder.max_pieces",
    "training.encoder_learning_rate", "training.average_decay",
}  # fmt: skip


def config(**overrides: object) -> Config:
    return Config().with_overrides({f"model.{k}": v for k, v in overrides.items()})


class TestCanonical:
    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ({"rounds": 0, "cell": "gru"}, {"rounds": 0, "cell": "rnn"}),
            ({"rounds": 0, "cell": "gru"}, {"rounds": 0, "cell": "linear"}),
            ({"rounds": 0}, {"rounds": 0, "relation_input": False}),
            ({"rounds": 0}, {"rounds": 0, "cell": "rnn", "shared_input": False}),
            ({"cell": "linear"}, {"cell": "linear", "relation_input": False}),
            ({"cell": "linear"}, {"cell": "linear", "entity_input": False, "shared_input": False}),
            (
                {"rounds": 0, "task_features": False},
                {"rounds": 0, "task_features": False, "feature_size": 7},
            ),
            *(
                ({"architecture": "camera_ready"}, {"architecture": "camera_ready", **without})
                for without in (
                    {"feature_size": 7},
                    {"task_features": False},
                    {"relation_input": False},
                    {"entity_input": False, "shared_input": False},
                )
            ),
            (
                {"architecture": "camera_ready", "rounds": 0, "scorer": "concat", "cell": "rnn"},
                {"task_features": False, "rounds": 0, "scorer": "concat"},
            ),
        ],
        ids=str,
    )
    def test_merges_what_computes_the_same(self, a: dict[str, Any], b: dict[str, Any]) -> None:
        assert config(**a) != config(**b)
        assert config(**a).canonical() == config(**b).canonical()
        assert config(**a).fingerprint(DIGEST) == config(**b).fingerprint(DIGEST)

    BERT = Config().with_overrides({"encoder.kind": "transformer"})
    FROZEN = BERT.override("encoder.freeze", True)

    @pytest.mark.parametrize(
        ("base", "path", "value"),
        [
            (Config(), "encoder.model", "some/model"),
            (Config(), "encoder.freeze", True),
            (Config(), "encoder.character_dim", 50),
            (BERT, "encoder.characters", "cnn"),
            (BERT, "data.vocabulary", "vectors"),
            (BERT, "training.word_dropout", 0.1),
            (Config(), "training.average_decay", 0.99),
            (Config(), "encoder.max_pieces", 128),
            (Config(), "training.encoder_learning_rate", 1e-5),
            (BERT, "encoder.model", "/some/folder"),
            (Config(), "encoder.packed", True),
            (BERT, "encoder.word_dim", 50),
            (BERT, "encoder.pos_dim", 5),
            (BERT, "encoder.hidden_size", 50),
            (BERT, "data.lowercase", False),
            (BERT, "data.pos", "off"),
            (FROZEN, "training.encoder_learning_rate", 1e-5),
            (FROZEN, "encoder.freeze_layers", 1),
            (FROZEN, "encoder.lora", 4),
            (Config(), "encoder.lora", 4),
            (Config(), "encoder.freeze_layers", 1),
        ],
    )
    def test_an_encoder_ignores_what_is_the_others(
        self, base: Config, path: str, value: object
    ) -> None:
        changed = base.override(path, value)
        assert changed != base
        assert changed.canonical() == base.canonical()
        assert changed.fingerprint(DIGEST) == base.fingerprint(DIGEST)

    def test_a_transformer_keeps_its_own(self) -> None:
        variants = [
            self.BERT, self.FROZEN, self.BERT.override("encoder.max_pieces", 128),
            self.BERT.override("training.encoder_learning_rate", 1e-5),
            self.BERT.override("encoder.dropout", 0.0), self.FROZEN.override("encoder.dropout", 0),
            self.BERT.override("training.precision", "bfloat16"),
            self.BERT.override("encoder.packed", True),
            self.BERT.override("training.warmup", 0.1), Config(),
        ]  # fmt: skip
        assert len({v.fingerprint(DIGEST) for v in variants}) == len(variants)

    def test_keeps_what_differs_apart(self) -> None:
        variants: list[dict[str, object]] = [
            {}, {"rounds": 0}, {"rounds": 2}, {"cell": "rnn"}, {"cell": "linear"},
            {"cell": "linear", "rounds": 2}, {"relation_input": False}, {"entity_input": False},
            {"shared_input": False}, {"relation_input": False, "entity_input": False},
            {"rounds": 0, "task_features": False}, {"rounds": 0, "feature_size": 7},
            {"feature_size": 7}, {"relation_bias": 0.0}, {"cell": "rnn", "shared_input": False},
            {"scorer": "concat"}, {"scorer": "biaffine"}, {"scorer": "concat", "rounds": 0},
            {"architecture": "camera_ready"}, {"architecture": "camera_ready", "cell": "rnn"},
            {"architecture": "camera_ready", "rounds": 2},
            {"architecture": "camera_ready", "scorer": "concat"},
        ]  # fmt: skip
        assert len({config(**v).fingerprint(DIGEST) for v in variants}) == len(variants)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Draw any legal configuration, from few values of each field so that equals occur."""
    switch, rounds = st.booleans(), draw(st.sampled_from([0, 1, 3]))
    inputs = draw(st.tuples(switch, switch, switch).filter(any))
    cell: CellKind = draw(st.sampled_from(get_args(CellKind)))
    versions = ["arxiv"] if cell == "linear" else ["arxiv", "camera_ready"]
    model = ModelConfig(
        architecture=draw(st.sampled_from(versions)),
        rounds=rounds,
        cell=cell,
        scorer=draw(st.sampled_from(get_args(ScorerKind))),
        relation_input=inputs[0],
        entity_input=inputs[1],
        shared_input=inputs[2],
        task_features=bool(rounds) or draw(switch),
        feature_size=draw(st.sampled_from([10, 100])),
        relation_bias=draw(st.floats(-100, 100).map(lambda x: x + 0.0)),
    )
    kinds: list[EncoderKind] = ["bilstm", "transformer"]
    kind = draw(st.sampled_from(kinds))
    precisions = ["float32", "bfloat16"] if kind == "transformer" else ["float32"]
    training = TrainingConfig(
        learning_rate=draw(st.floats(1e-12, 1e3)),
        seed=draw(st.integers(0, 2**32 - 1)),
        patience=draw(st.integers(1, 100_000)),
        selection=draw(st.sampled_from(["dev", "test"])),
        encoder_learning_rate=draw(st.sampled_from([1e-5, 2e-4])),
        precision=draw(st.sampled_from(precisions)),
        word_dropout=draw(st.sampled_from([0.0, 0.04])),
        average=draw(st.sampled_from(["none", "ema"])),
        average_decay=draw(st.sampled_from([0.999, 0.99])),
    )
    encoder = EncoderConfig(
        kind=kind,
        hidden_size=draw(st.sampled_from([10, 100])),
        model=draw(st.sampled_from(["google-bert/bert-base-cased", "some/folder"])),
        freeze=draw(switch),
        packed=draw(switch),
        freeze_layers=draw(st.integers(0, 1)),
        lora=draw(st.sampled_from([0, 4])),
        case_dim=draw(st.sampled_from([0, 5])),
        characters=draw(st.sampled_from(["none", "cnn", "lstm"])),
        character_dim=draw(st.sampled_from([30, 50])),
        max_pieces=draw(st.sampled_from([128, 512])),
    )
    data = DataConfig(
        entity_word=draw(st.sampled_from(["first", "last"])),
        lowercase=draw(switch),
        vocabulary=draw(st.sampled_from(["train", "vectors"])),
        entity_types=draw(switch),
        pos=draw(st.sampled_from(["auto", "off"])),
    )
    return Config(data=data, encoder=encoder, model=model, training=training)


def varied(base: Config, other: Config, names: set[str]) -> Config:
    """Return a configuration with some fields of another where that is legal, else the first."""
    try:
        return base.with_overrides({k: v for k, v in other.flat().items() if k in names})
    except ConfigError:
        return base


class TestFlat:
    @given(configs())
    @settings(max_examples=40)
    def test_round_trip_also_through_json(self, drawn: Config) -> None:
        assert Config.from_flat(drawn.flat()) == drawn
        assert Config.from_flat(json.loads(json.dumps(drawn.flat()))) == drawn
        assert list(drawn.flat()) == list(Config().flat())

    @given(configs())
    @settings(max_examples=40)
    def test_round_trip_through_text(self, drawn: Config) -> None:
        assert Config.from_flat({k: str(v) for k, v in drawn.flat().items()}) == drawn

    def test_names(self) -> None:
        names = list(Config().flat())
        assert len(set(names)) == len(names)
        assert names[0] == "data.entity_word"
        assert names[-1] == "training.seed"
        assert Config.from_flat({"model.rounds": 4}) == Config().override("model.rounds", 4)


class TestFingerprint:
    #: Changing any of these orphans every finished run: raise PROTOCOL_VERSION on purpose only.
    GOLDEN = "2aaaecd7e8f94518"

    def test_golden(self) -> None:
        assert Config().fingerprint(DIGEST) == self.GOLDEN

    @pytest.mark.parametrize("ledger", sorted(LEDGERS.glob("*.jsonl.xz")), ids=lambda p: p.stem)
    def test_published_runs_keep_theirs(self, ledger: Path) -> None:
        with lzma.open(ledger, "rt", encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        runs = [r["content"] for r in records if r["record"] in ("unit", "run")]
        assert runs
        for run in runs:
            config = Config.from_flat(run["config"])
            assert config.fingerprint(run["corpus"]["digest"]) == run["fingerprint"]

    def test_in_another_process(self) -> None:
        code = f"from rin_core.config import Config; print(Config().fingerprint({DIGEST!r}))"
        command = [sys.executable, "-X", "importtime", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == self.GOLDEN
        assert "| torch\n" not in done.stderr, "settings are read where torch is not wanted"

    @given(configs(), configs(), st.sets(st.sampled_from(list(Config().flat()))))
    @settings(max_examples=100)
    def test_one_for_each_canonical_form(self, a: Config, b: Config, names: set[str]) -> None:
        c = varied(a, b, names)
        same = a.canonical() == c.canonical()
        assert (a.fingerprint(DIGEST) == c.fingerprint(DIGEST)) == same
        assert a.canonical().canonical() == a.canonical()
        assert a.canonical().fingerprint(DIGEST) == a.fingerprint(DIGEST)

    def test_data_and_protocol_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = Config().fingerprint(DIGEST)
        assert Config().fingerprint("f" * 16) != before
        monkeypatch.setattr("rin_core.config.PROTOCOL_VERSION", 10_000)
        assert Config().fingerprint(DIGEST) != before

    def test_a_new_field_at_its_default_changes_no_fingerprint(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, flat = Config().override("model.rounds", 3).fingerprint(DIGEST), Config.flat
        monkeypatch.setattr(Config, "flat", lambda c: flat(c) | {"model.yet_to_come": "as before"})
        assert Config().override("model.rounds", 3).fingerprint(DIGEST) == before

    def test_a_whole_number_for_a_float_is_the_same_setting(self) -> None:
        whole = Config(training=TrainingConfig(clip_norm=5), model=ModelConfig(relation_bias=-6))
        assert whole.fingerprint(DIGEST) == Config().fingerprint(DIGEST)

    def test_what_decides_nothing_does_not_count(self) -> None:
        off = Config().override("data.pos", "off")
        for plain, path, value in (
            (off, "encoder.pos_dim", 7),
            (Config().override("training.average", "ema"), "training.patience", 3),
            (Config(), "data.max_missing", 1),
            (Config(), "data.dev_fraction", 0.1),
        ):
            assert plain.override(path, value).fingerprint(DIGEST) == plain.fingerprint(DIGEST)
        assert off.fingerprint(DIGEST) != Config().fingerprint(DIGEST)

    @pytest.mark.parametrize("path", [name for name in Config().flat() if name not in NOT_ALONE])
    def test_every_field_counts(self, path: str) -> None:
        value = Config().flat()[path]
        if path in of_kind(Literal):
            other: object = next(c for c in choices(path) if c != value)
        elif isinstance(value, bool):
            other = not value
        else:
            other = value / 2 if value else 0.5 if isinstance(value, float) else 1
            other = type(value)(other)
        base = base_of(path)
        assert base.override(path, other).fingerprint(DIGEST) != base.fingerprint(DIGEST)
