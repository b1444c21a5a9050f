"""Which epoch a training selects, when it ends, and whose weights are scored."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from rin_core.data.encoding import EncodedCorpus, EncodedSplit
from rin_core.layout import WEIGHTS
from rin_core.model.rin import RIN
from rin_core.train import loop as training
from rin_core.train.checkpoint import load_tensors
from rin_core.train.loop import train
from tests.trainings import TINY, losses


class Scripted:
    """An ``evaluate`` and ``decode`` that give the scores of a list instead of the model's own."""

    def __init__(self, corpus: EncodedCorpus, **f1: list[float]) -> None:
        self.asked: list[str] = []
        self.names = {id(corpus.dev): "dev", id(corpus.test): "test"}
        self.f1 = {name: iter(values) for name, values in f1.items()}

    def __call__(self, model: RIN, split: EncodedSplit, *_: object) -> Scripted:
        self.asked.append(self.names[id(split)])
        return self

    def flat(self) -> dict[str, float]:
        return {"f1": next(self.f1[self.asked[-1]])}

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(training, "evaluate", self)
        monkeypatch.setattr(training, "decode", self)
        monkeypatch.setattr(training, "score", lambda decoded, *_: decoded)


def scripted(monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus, **f1: list[float]) -> Scripted:
    script = Scripted(corpus, **f1)
    script.install(monkeypatch)
    return script


class TestSelection:
    def test_patience(self, monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
        script = scripted(monkeypatch, corpus, dev=[0.1, 0.5, 0.4, 0.5, 0.3, 0.9], test=[0.7])
        config = TINY.with_overrides({"training.patience": 3, "training.max_epochs": 9})
        result = train(config, corpus)
        assert (len(result.history), result.best_epoch, result.end_reason) == (5, 2, "patience")
        assert (result.selection_scores, result.test_scores) == ({"f1": 0.5}, {"f1": 0.7})
        assert script.asked == ["dev"] * 5 + ["test"]

    def test_a_better_epoch_starts_patience_anew(
        self, monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus
    ) -> None:
        scripted(monkeypatch, corpus, dev=[0.1, 0.0, 0.2, 0.1, 0.1], test=[0.0])
        config = TINY.with_overrides({"training.patience": 2, "training.max_epochs": 9})
        result = train(config, corpus)
        assert (len(result.history), result.best_epoch, result.end_reason) == (5, 3, "patience")

    def test_max_epochs(self, monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
        scripted(monkeypatch, corpus, dev=[0.3, 0.1, 0.4], test=[0.0])
        result = train(TINY.override("training.max_epochs", 3), corpus)
        assert (len(result.history), result.best_epoch, result.end_reason) == (3, 3, "max_epochs")

    def test_nothing_learned(self, monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
        """The loss falls, so patience does not run out; the weights of the lowest loss are kept."""
        scripted(monkeypatch, corpus, dev=[0.0] * 6, test=[0.0])
        config = TINY.with_overrides({"training.patience": 2, "training.max_epochs": 6})
        result = train(config, corpus)
        lowest = losses(result).index(min(losses(result))) + 1
        assert (len(result.history), result.end_reason) == (6, "max_epochs")
        assert result.best_epoch == lowest > 4

    def test_by_test(self, monkeypatch: pytest.MonkeyPatch, corpus: EncodedCorpus) -> None:
        script = scripted(monkeypatch, corpus, test=[0.2, 0.8, 0.3, 0.8])
        config = TINY.with_overrides({"training.selection": "test", "training.max_epochs": 3})
        result = train(config, corpus)
        assert (result.best_epoch, result.selection_scores) == (2, {"f1": 0.8})
        assert set(script.asked) == {"test"}

    def test_by_test_is_scored_for_real(self, corpus: EncodedCorpus) -> None:
        config = TINY.with_overrides({"training.selection": "test", "training.max_epochs": 7})
        result = train(config, corpus)
        assert result.selection_scores == result.test_scores

    @pytest.mark.parametrize("on_disk", [True, False])
    def test_the_selected_epochs_weights_are_scored(
        self,
        monkeypatch: pytest.MonkeyPatch,
        corpus: EncodedCorpus,
        tmp_path: Path,
        on_disk: bool,
    ) -> None:
        """The second of four epochs is best; what is scored at the end are its weights."""
        seen: list[dict[str, Tensor]] = []

        class Watched(Scripted):
            def __call__(self, model: RIN, split: EncodedSplit, *_: object) -> Scripted:
                seen.append({name: t.clone() for name, t in model.state_dict().items()})
                return super().__call__(model, split)

        script = Watched(corpus, dev=[0.1, 0.4, 0.3, 0.2], test=[0.0])
        script.install(monkeypatch)
        config = TINY.override("training.max_epochs", 4)
        train(config, corpus, directory=tmp_path if on_disk else None)
        assert script.asked == ["dev"] * 4 + ["test"]
        assert all(seen[4][name].equal(seen[1][name]) for name in seen[1])
        assert not all(seen[4][name].equal(seen[3][name]) for name in seen[3])
        if on_disk:
            weights, metadata = load_tensors(tmp_path / WEIGHTS)
            assert all(weights[name].equal(seen[1][name]) for name in seen[1])
            assert metadata["epoch"] == 2
