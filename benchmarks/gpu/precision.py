"""Line 3: reduced precision compared with float32, for BiLSTM and transformer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.gpu.record import Record, Setting, Verdict
from benchmarks.gpu.work import configured, loaded, peak_mib
from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.train.epochs import Epoch
from rin_core.train.loop import Trainer

BILSTM: Mapping[str, object] = {"model.rounds": 1}
TRANSFORMER: Mapping[str, object] = {
    "encoder.kind": "transformer",
    "model.rounds": 1,
    "training.learning_rate": 1e-3,
}
EPOCHS = {"BiLSTM": 8, "transformer": 5}
#: Largest difference of dev F1 between two precisions after so few epochs, in points.
CLOSE = 3.0


def measure(setting: Setting, record: Record) -> Verdict:
    """Train a few epochs with each precision, with the same initial weights and batches."""
    device = torch.device(setting.device)
    found: dict[str, dict[str, Any]] = {}

    def train(name: str, config: Config, corpus: EncodedCorpus, **how: bool) -> None:
        found[name] = _trained(config, corpus, device, **how)
        record["runs"] = found

    epochs = dict.fromkeys(EPOCHS, 1) if setting.small else EPOCHS
    config = configured(setting, {**BILSTM, "training.max_epochs": epochs["BiLSTM"]})
    corpus = loaded(setting, config)
    train("BiLSTM, float32", config, corpus)
    # The product refuses this setting: cuDNN's LSTM under autocast computes in float16.
    train("BiLSTM, autocast", config, corpus, reduced=True)
    pairs = [("BiLSTM, float32", "BiLSTM, autocast")]
    if setting.encoder is not None:
        config = configured(setting, {**TRANSFORMER, "training.max_epochs": epochs["transformer"]})
        corpus = loaded(setting, config)
        train("transformer, float32", config, corpus)
        if device.type == "cuda":
            lowered = config.override("training.precision", "bfloat16")
            train("transformer, bfloat16", lowered, corpus)
            pairs.append(("transformer, float32", "transformer, bfloat16"))
        train("transformer, TF32 products", config, corpus, tf32=True)
    return _judged(found, pairs, setting)


def _trained(
    config: Config,
    corpus: EncodedCorpus,
    device: torch.device,
    *,
    reduced: bool = False,
    tf32: bool = False,
) -> dict[str, Any]:
    """Return seconds, memory, losses and scores of a few epochs."""
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    trainer = Trainer(config, corpus, None, device)
    trainer.model.reduced |= reduced
    epochs: list[Epoch] = []
    memory = peak_mib(device, lambda: trainer.run(epochs.append))
    torch.set_float32_matmul_precision("highest")
    warm = [epoch.seconds for epoch in epochs[1:]] or [epochs[0].seconds]
    return {
        "seconds an epoch, scoring included": min(warm),
        "MiB allocated at most": memory,
        "training losses": [epoch.train_loss for epoch in epochs],
        "dev F1 of the last epoch": 100 * epochs[-1].selection_scores["f1"],
    }


def _judged(
    found: Mapping[str, Mapping[str, Any]], pairs: list[tuple[str, str]], setting: Setting
) -> Verdict:
    texts, apart = [], []
    for full, lowered in pairs:
        a, b = found[full], found[lowered]
        seconds = "seconds an epoch, scoring included"
        points = abs(a["dev F1 of the last epoch"] - b["dev F1 of the last epoch"])
        first, other = a["training losses"][0], b["training losses"][0]
        apart.append(points)
        texts.append(
            f"{lowered}: {a[seconds] / b[seconds]:.2f} times as fast as float32 "
            f"({b[seconds]:.2f} s), memory {b['MiB allocated at most']:.0f} against "
            f"{a['MiB allocated at most']:.0f} MiB, first loss differs by "
            f"{abs(first - other) / first:.1e}, dev F1 by {points:.1f}"
        )
    if setting.encoder is None:
        texts.append("no pretrained encoder: give --encoder FOLDER")
    return Verdict(max(apart) <= CLOSE, "; ".join(texts))
