"""Finding and loading a model, and every way in which that can fail."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from rin_core.config import PROTOCOL_VERSION, Config
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import corpus_vocabulary, encode_corpus, encode_split
from rin_core.data.loading import load_dataset
from rin_core.data.pretrained import load_pretrained
from rin_core.data.vectors import read_every_vector
from rin_core.data.vocabulary import UNKNOWN
from rin_core.data.word_table import save_word_table
from rin_core.errors import CheckpointError
from rin_core.layout import CHECKPOINT, WEIGHTS
from rin_core.predict.loading import (
    ModelError,
    find_weights,
    is_unfinished,
    load_model,
    word_table,
)
from rin_core.train.checkpoint import load_tensors, save_tensors
from rin_core.train.epochs import Epoch
from rin_core.train.loop import Trainer, train
from rin_core.train.metrics import decode
from tests.conftest import Trained

CPU = torch.device("cpu")


class TestLoading:
    def test_the_model_is_the_one_that_was_trained(self, trained: Trained) -> None:
        model, vocabulary, config, tokenizer, _ = load_model(trained.weights)
        assert vocabulary == trained.encoded.vocabulary
        assert config.model.rounds == 2
        assert tokenizer is None
        assert not model.training
        found = decode(model, trained.encoded.test, CPU)
        assert (found.triples_4N == trained.result.test_decoded.triples_4N).all()
        assert (found.tags_NL == trained.result.test_decoded.tags_NL).all()

    def test_the_callers_random_numbers_are_left_alone(self, trained: Trained) -> None:
        torch.manual_seed(3)
        wanted = torch.rand(4)
        torch.manual_seed(3)
        load_model(trained.weights)
        assert torch.rand(4).equal(wanted)


def changed(trained: Trained, path: Path, **entries: Any) -> Path:
    """Copy the weights with other metadata; None leaves an entry out."""
    tensors, metadata = load_tensors(trained.weights)
    merged = {k: v for k, v in (metadata | entries).items() if v is not None}
    save_tensors(path, tensors, merged)
    return path


JSON_VALUES: tuple[object, ...] = (
    3,
    1.5,
    "x",
    [],
    {},
    [1, 2],
    [[1]],
    [None],
    {"a": 1},
    True,
    10**30,
)


class TestWhatIsNoModel:
    @pytest.mark.parametrize("name", ["config", "vocabulary", "protocol", "vectors", "pretrained"])
    def test_metadata_of_another_form(self, trained: Trained, tmp_path: Path, name: str) -> None:
        accepted = []
        for value in JSON_VALUES:
            path = changed(trained, tmp_path / "w.safetensors", **{name: value})
            with suppress(CheckpointError):
                load_model(path)
                accepted.append(value)
        # Nothing pretrained, no setting, and true, which equals protocol 1.
        assert all(value in ([], {}, True) for value in accepted)

    def test_a_vocabulary_of_another_form(self, trained: Trained, tmp_path: Path) -> None:
        written = trained.encoded.vocabulary.to_json()
        for name in written.keys() - {"tagger"}:
            for value in (3, "x", [1, 2], [[1]], [None], {"a": "b"}):
                vocabulary = {**written, name: value}
                path = changed(trained, tmp_path / "w.safetensors", vocabulary=vocabulary)
                with pytest.raises(CheckpointError, match=str(path)):
                    load_model(path)

    @pytest.mark.parametrize("value", [10**6, 10**19, 10**400, "9" * 400, None, [1]])
    def test_settings_of_a_file_have_the_same_bounds(
        self, trained: Trained, tmp_path: Path, value: object
    ) -> None:
        config = load_tensors(trained.weights)[1]["config"] | {"model.rounds": value}
        path = changed(trained, tmp_path / "w.safetensors", config=config)
        with pytest.raises(CheckpointError, match=r"model\.rounds"):
            load_model(path)

    @pytest.mark.parametrize(
        "path", ["encoder.hidden_size", "encoder.word_dim", "model.feature_size"]
    )
    def test_a_configuration_larger_than_the_file_takes_no_memory(
        self, trained: Trained, tmp_path: Path, path: str
    ) -> None:
        """65,536 rows and columns are 16 GiB."""
        config = load_tensors(trained.weights)[1]["config"] | {path: 65_536}
        weights = changed(trained, tmp_path / "w.safetensors", config=config)
        with pytest.raises(CheckpointError, match=r"has [\d,]{9,} values, and the file [\d,]+\)"):
            load_model(weights)

    def test_more_relations_than_the_file_take_no_memory(
        self, trained: Trained, tmp_path: Path
    ) -> None:
        many = [f"r{n}" for n in range(100_000)]
        vocabulary = {**trained.encoded.vocabulary.to_json(), "relations": many}
        weights = changed(trained, tmp_path / "w.safetensors", vocabulary=vocabulary)
        with pytest.raises(CheckpointError, match=r"values, and the file"):
            load_model(weights)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_weights_that_are_no_numbers(
        self, trained: Trained, tmp_path: Path, value: float
    ) -> None:
        tensors, metadata = load_tensors(trained.weights)
        name = min(tensors)
        tensors[name].view(-1)[0] = value
        save_tensors(tmp_path / "w.safetensors", tensors, metadata)
        with pytest.raises(CheckpointError, match=rf"{name}: has values that are not finite"):
            load_model(tmp_path / "w.safetensors")

    def test_a_changed_byte(self, trained: Trained, tmp_path: Path) -> None:
        content = bytearray(trained.weights.read_bytes())
        content[-3] ^= 1
        (tmp_path / "w.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"\(its content is damaged\); is the copy"):
            load_model(tmp_path / "w.safetensors")

    @pytest.mark.parametrize("name", ["config", "vocabulary"])
    def test_what_is_missing_has_a_name(self, trained: Trained, tmp_path: Path, name: str) -> None:
        path = changed(trained, tmp_path / "w.safetensors", **{name: None})
        with pytest.raises(CheckpointError, match=rf"\({name} is missing\)"):
            load_model(path)
        path = changed(trained, tmp_path / "w.safetensors", **{name: [1]})
        with pytest.raises(CheckpointError, match=rf"\({name} = \[1\]: must be an object\)"):
            load_model(path)

    def test_vectors_with_a_name_of_any_length(self, trained: Trained, tmp_path: Path) -> None:
        vectors = {"name": "v", "digest": "a" * 5000}
        path = changed(trained, tmp_path / "w.safetensors", vectors=vectors)
        with pytest.raises(CheckpointError, match="is not a digest"):
            load_model(path)

    def test_metadata_nested_too_deeply(self, trained: Trained, tmp_path: Path) -> None:
        path = tmp_path / "deep.safetensors"
        deep = "[" * 100_000 + "]" * 100_000
        path.write_bytes(save({"a": torch.zeros(1)}, metadata={"rin": f'{{"config": {deep}}}'}))
        with pytest.raises(CheckpointError, match=str(path)):
            load_model(path)

    def test_no_such_file(self, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"x: no such file; expected .*weights.safetensors"):
            load_model(tmp_path / "x")

    @pytest.mark.parametrize("share", [0, 0.3, 0.99])
    def test_a_damaged_file(self, trained: Trained, tmp_path: Path, share: float) -> None:
        content = trained.weights.read_bytes()
        path = tmp_path / "cut.safetensors"
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(CheckpointError, match=r"cut.safetensors: cannot be read as a model"):
            load_model(path)

    def test_a_checkpoint(self, trained: Trained, tmp_path: Path) -> None:
        config = load_model(trained.weights).config
        Trainer(config.override("training.max_epochs", 1), trained.encoded, tmp_path, CPU).run(
            lambda _: None
        )
        with pytest.raises(ModelError, match="is a training checkpoint; the model is in"):
            load_model(tmp_path / CHECKPOINT)

    @pytest.mark.parametrize("epochs", [1, 2])
    def test_a_run_is_unfinished_until_its_last_epoch(
        self, trained: Trained, tmp_path: Path, epochs: int
    ) -> None:
        config = load_model(trained.weights).config.override("training.max_epochs", 2)

        def stop(epoch: Epoch) -> None:
            if epoch.epoch == epochs:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Trainer(config, trained.encoded, tmp_path, CPU).run(stop)
        assert is_unfinished(tmp_path / WEIGHTS) == (epochs == 1)
        assert not is_unfinished(tmp_path / "elsewhere" / WEIGHTS)

    def test_another_programs_file(self, trained: Trained, tmp_path: Path) -> None:
        path = changed(trained, tmp_path / "x", vocabulary=None)
        with pytest.raises(CheckpointError, match="has no model that this version can load"):
            load_model(path)

    def test_another_protocol(self, trained: Trained, tmp_path: Path) -> None:
        path = changed(trained, tmp_path / "x", protocol=PROTOCOL_VERSION + 1)
        message = rf"it has protocol {PROTOCOL_VERSION + 1}, this version has {PROTOCOL_VERSION}\)"
        with pytest.raises(CheckpointError, match=message):
            load_model(path)

    def test_a_file_from_before_protocols_were_noted(
        self, trained: Trained, tmp_path: Path
    ) -> None:
        load_model(changed(trained, tmp_path / "x", protocol=None))

    @pytest.mark.parametrize(
        ("entry", "value", "message"),
        [
            ("config", {"model.flux": 3}, "model.flux: no such setting"),
            ("config", {"model.feature_size": 50}, "size mismatch"),
            ("vocabulary", {"words": []}, "vocabulary"),
            ("vocabulary", [], "vocabulary"),
        ],
        ids=str,
    )
    def test_what_this_version_does_not_know(
        self, trained: Trained, tmp_path: Path, entry: str, value: object, message: str
    ) -> None:
        with pytest.raises(CheckpointError, match=message) as caught:
            load_model(changed(trained, tmp_path / "x", **{entry: value}))
        assert "\n" not in str(caught.value)


class TestFinding:
    def test_file_folder_and_fingerprint(self, trained: Trained, tmp_path: Path) -> None:
        folder = trained.weights.parent
        for model in (str(trained.weights), str(folder), folder.name, folder.name[:3]):
            assert find_weights(model, trained.runs).samefile(trained.weights)

    def test_an_ambiguous_prefix(self, trained: Trained, tmp_path: Path) -> None:
        for name in ("abc0", "abc1"):
            shutil.copytree(trained.weights.parent, tmp_path / "units" / name)
        assert find_weights("abc1", tmp_path) == tmp_path / "units/abc1/weights.safetensors"
        with pytest.raises(ModelError, match="--model abc: matches abc0, abc1; give more digits"):
            find_weights("abc", tmp_path)

    def test_nothing_of_that_name(self, trained: Trained, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match=r"--model zz: no such run in .*units \(1 run there"):
            find_weights("zz", trained.runs)
        with pytest.raises(
            ModelError, match=r"--model x/y: no such run in .* \(0 runs there\); .*file"
        ):
            find_weights("x/y", tmp_path)

    def test_a_unit_without_weights(self, tmp_path: Path) -> None:
        (tmp_path / "units" / "abc").mkdir(parents=True)
        with pytest.raises(ModelError, match=r"abc: has no weights.safetensors"):
            find_weights("abc", tmp_path)


class TestWordVectors:
    """A model that knows every word of its vectors reads them from a file beside it."""

    DIM = 8

    @pytest.fixture(scope="class")
    def runs(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Return a ledger with one run, its word table, and the file it was made of."""
        root = tmp_path_factory.mktemp("vectors")
        sentences = [s for part in demo_corpus().splits().values() for s in part]
        words = sorted({word.lower() for s in sentences for word in s.words})
        rng = np.random.default_rng(0)
        with (root / "vectors.txt").open("w", encoding="utf-8") as file:
            for word in (*words, "zanzibar"):
                file.write(f"{word} {' '.join(map(str, rng.normal(size=self.DIM).round(3)))}\n")
        config = Config().with_overrides(
            {
                "data.vocabulary": "vectors",
                "encoder.word_dim": self.DIM,
                "encoder.characters": "cnn",
                "encoder.hidden_size": 16,
                "model.feature_size": 16,
                "training.word_dropout": 0.1,
                "training.max_epochs": 1,
            }
        )
        encoded = load_dataset("demo", config, embeddings=root / "vectors.txt")
        train(config, encoded, directory=root / "units" / "run")
        assert encoded.vectors is not None
        assert encoded.vectors.other_words
        table = root / "vectors" / f"{encoded.vectors.file_digest}.safetensors"
        save_word_table(table, *read_every_vector(root / "vectors.txt", self.DIM))
        return root

    def test_finds_what_evaluation_found(self, runs: Path) -> None:
        loaded = load_model(runs / "units" / "run" / WEIGHTS)
        encoded = load_dataset("demo", loaded.config, embeddings=runs / "vectors.txt")
        split = encode_split(demo_corpus().test, loaded.vocabulary, "first", spelling=True)
        assert (split.words_S >= len(encoded.vocabulary.words)).any()
        assert not (split.words_S == UNKNOWN).any()
        found = decode(loaded.model, split, CPU)
        trainer = Trainer(loaded.config, encoded, runs / "units" / "run", CPU)
        trainer.model.load_state_dict(load_tensors(runs / "units" / "run" / WEIGHTS)[0])
        wanted = decode(trainer.model, encoded.test, CPU)
        assert (found.tags_NL == wanted.tags_NL).all()
        assert (found.triples_4N == wanted.triples_4N).all()

    def test_knows_a_word_that_no_split_has(self, runs: Path) -> None:
        vocabulary = load_model(runs / "units" / "run" / WEIGHTS).vocabulary
        assert vocabulary.word_ids(["Zanzibar"])[0] > len(vocabulary.words)
        assert vocabulary.word_ids(["Timbuktu"]) == [UNKNOWN]

    def test_the_table_may_lie_beside_the_weights(self, runs: Path, tmp_path: Path) -> None:
        weights = shutil.copy(runs / "units" / "run" / WEIGHTS, tmp_path)
        alone = load_model(Path(weights))
        assert alone.note
        assert alone.vocabulary.vector_words == ()
        table = word_table(runs / "units" / "run" / WEIGHTS)
        assert table is not None
        shutil.copy(table, tmp_path)
        beside = load_model(Path(weights))
        assert not beside.note
        assert "zanzibar" in beside.vocabulary.vector_words


class TestTransformers:
    @pytest.fixture(scope="class")
    @staticmethod
    def weights(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
        config = Config().with_overrides(
            {
                "encoder.kind": "transformer",
                "encoder.model": str(tiny_bert),
                "model.feature_size": 8,
                "training.max_epochs": 1,
            }
        )
        corpus = demo_corpus()
        few = replace(corpus, train=corpus.train[:20], dev=corpus.dev[:5], test=corpus.test[:5])
        vocabulary = corpus_vocabulary(few, config.data)
        encoded = encode_corpus(
            few, config.data, None, vocabulary, load_pretrained(str(tiny_bert), 40)
        )
        folder = tmp_path_factory.mktemp("transformer")
        train(config, encoded, directory=folder)
        return folder / WEIGHTS

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"num_hidden_layers": 10**6}, "num_hidden_layers = 1000000: must be at most 1,000"),
            ({"text_config": {"num_layers": 10**9}}, "num_layers = 1000000000: must be at most"),
            ({"hidden_size": 65_536}, r"has [\d,]+ values, and the file"),
            ({"vocab_size": 10**9}, r"has [\d,]+ values, and the file"),
            ({"num_attention_heads": 0}, "modulo by zero"),
            ({"hidden_act": {"a": 1}}, "hidden_act"),
            ({"num_hidden_layers": "2"}, "num_hidden_layers"),
            ({"model_type": "nonsense"}, "nonsense"),
        ],
        ids=str,
    )
    def test_architectures_that_cannot_be(
        self, weights: Path, tmp_path: Path, change: dict[str, object], message: str
    ) -> None:
        tensors, metadata = load_tensors(weights)
        metadata["pretrained"]["architecture"] |= change
        save_tensors(tmp_path / WEIGHTS, tensors, metadata)
        with pytest.raises(CheckpointError, match=message) as caught:
            load_model(tmp_path / WEIGHTS)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("name", ["text", "before", "after", "pad", "unknown", "limit"])
    def test_tokenizers_that_cannot_be(self, weights: Path, tmp_path: Path, name: str) -> None:
        for value in (None, "x", [[1]], -5, 10**30, {"a": 1}):
            tensors, metadata = load_tensors(weights)
            metadata["pretrained"]["tokenizer"][name] = value
            save_tensors(tmp_path / WEIGHTS, tensors, metadata)
            with pytest.raises(CheckpointError, match=rf"tokenizer\.{name}"):
                load_model(tmp_path / WEIGHTS)
