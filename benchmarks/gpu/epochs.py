"""Line 2: seconds per epoch at K = 1 and 5, of the product and of the dense form."""

from __future__ import annotations

import functools

import torch

from benchmarks.gpu.record import Record, Setting, Verdict
from benchmarks.gpu.work import Training, configured, epoch_rows, loaded, peak_mib
from benchmarks.timing import spread, spread_text

ROUNDS = (1, 5)
FORMS = ("product", "plain", "dense")


def measure(setting: Setting, record: Record) -> Verdict:
    """Train an epoch of each in turn, several times, on the same batches."""
    device, repeats = torch.device(setting.device), 1 if setting.small else 5
    corpus = loaded(setting, configured(setting, {}))
    rows = epoch_rows(corpus, setting)
    trainings = {
        f"{form}, K = {k}": Training(configured(setting, {"model.rounds": k}), corpus, device, form)
        for k in ROUNDS
        for form in FORMS
    }
    memory = {}
    for name, training in trainings.items():  # compile, allocate, read the peak
        memory[name] = peak_mib(device, functools.partial(training.epoch, rows))
    record["MiB allocated at most, all models of this line included"] = memory
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for _ in range(repeats):
        for name, training in trainings.items():
            seconds[name].append(training.epoch(rows))
        record["seconds an epoch"] = {name: spread(values) for name, values in seconds.items()}
    ratios = {
        f"{form} over product, K = {k}": [
            slow / fast
            for slow, fast in zip(
                seconds[f"{form}, K = {k}"], seconds[f"product, K = {k}"], strict=True
            )
        ]
        for k in ROUNDS
        for form in FORMS[1:]
    }
    record["ratios"] = {name: spread(values) for name, values in ratios.items()}
    dense = [ratios[f"dense over product, K = {k}"] for k in ROUNDS]
    text = "; ".join(
        f"K = {k}: {spread_text(seconds[f'product, K = {k}'])} s, "
        f"dense {spread_text(ratio)} times as long"
        for k, ratio in zip(ROUNDS, dense, strict=True)
    )
    return Verdict(all(min(ratio) >= 1 for ratio in dense), text)
