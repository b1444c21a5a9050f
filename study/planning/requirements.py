"""Refuse, before anything is trained, settings that training would refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from search_spaces.search import Search
from study.planning.grid import PlannedTrial

Device = Literal["cpu", "cuda"]
#: Settings that a machine or an encoder may be unable to do.
DEMANDING = ("training.precision", "encoder.freeze_layers", "encoder.lora")


def device_here(gpus_per_trial: float | None) -> Device:
    """Return what trials on this machine compute with.

    Args:
        gpus_per_trial: As given; ``None`` takes a GPU where there is one.
    """
    import torch

    if gpus_per_trial is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    return "cuda" if gpus_per_trial > 0 else "cpu"


def check_trials(
    trials: Iterable[PlannedTrial], corpora: dict[str, EncodedCorpus], device: Device | None
) -> None:
    """Check the settings of trials; see :func:`check_settings`.

    Args:
        trials: Those without a result.
        corpora: Their encoded corpora by key.
        device: What computes them; ``None`` if other machines do.
    """
    checked = set()
    for planned in trials:
        config, flat = planned.trial.config, planned.trial.config.flat()
        demands = (planned.corpus_key, *(flat[name] for name in DEMANDING))
        if demands not in checked:
            check_settings(config, corpora[planned.corpus_key], device)
            checked.add(demands)


def check_search(
    search: Search, starts: Iterable[tuple[Config, EncodedCorpus]], device: Device | None
) -> None:
    """Check each arm's first settings, and the values that a search may try.

    Args:
        search: The search.
        starts: Of each arm, its first settings and its corpus.
        device: What computes the trials; ``None`` if other machines do.

    Raises:
        ConfigError: As :func:`check_settings`.
    """
    for start, corpus in starts:
        check_settings(start, corpus, device)
        for name in DEMANDING:
            if (parameter := search.parameters.get(name)) is None:
                continue
            distribution = parameter.distribution
            ends = [getattr(distribution, end, None) for end in ("low", "high")]
            for value in getattr(distribution, "choices", ends):
                check_settings(start.override(name, value), corpus, device)


def check_settings(config: Config, corpus: EncodedCorpus, device: Device | None) -> None:
    """Raise an error for settings that the device or the encoder cannot do.

    Which processors and packages other machines have is not known here. There, training refuses.

    Args:
        config: Settings.
        corpus: Encoded for them.
        device: What computes; ``None`` if another machine does.

    Raises:
        ConfigError: Names the setting and the remedy.
    """
    from rin_core.model.precision import require_precision  # imports torch
    from rin_core.model.transformer import check_transformer

    if device is not None:
        import torch

        require_precision(config, torch.device(device))
    if corpus.pretrained is not None:
        encoder = config.encoder
        if device is None:
            encoder = dataclasses.replace(encoder, lora=0)
        check_transformer(encoder, corpus.pretrained)


def faster_settings(configs: Iterable[Config], device: Device | None) -> list[str]:
    """Return the settings, as ``--set`` takes them, that train transformers faster on a CPU.

    Args:
        configs: Of trials without a result.
        device: What computes them; ``None`` if other machines do.
    """
    transformers = [config for config in configs if config.encoder.traits.reads_pieces]
    if device != "cpu" or not transformers:
        return []
    import torch

    from rin_core.model.matmul import computes_bfloat16

    found = []
    if not all(config.encoder.packed for config in transformers):
        found.append("encoder.packed=true")
    trained = [config for config in transformers if not config.encoder.freeze]
    bfloat16 = all(config.training.precision == "bfloat16" for config in trained)
    if not bfloat16 and computes_bfloat16(torch.device("cpu")):
        found.append("training.precision=bfloat16")
    return found
