"""Runs over pretrained encoders, by what was run: names of arms and studies do not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rin_core.encoder_traits import ENCODERS
from study.ledger.state import TrialState

#: The paper's pretrained encoder, BERT-Base cased, and its arms in the published numbers.
PAPERS_ENCODER, _PAPERS_ARM = "bert-base-cased", "bert"
#: The paper's rate, for all weights (§5.1).
_RATE = 2e-4
#: Rounds K of Table 1, and none.
ROUNDS = (0, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRuns:
    """Runs on one corpus over one fine-tuned encoder that differ in rounds and seeds only."""

    model: str
    """Name of the encoder, without its owner."""
    rates: str
    """Its rates in words; empty for the paper's."""
    frame: pd.DataFrame
    """The runs; the arms are those of :meth:`arm`."""

    @property
    def title(self) -> str:
        """Return the encoder and its rates."""
        rates = self.rates or "the paper's rate"
        return f"{self.model}, {rates}"

    def arm(self, rounds: int) -> str:
        """Return the name of the arm with K rounds; the paper's own are ``bert-1``, ``bert-2``."""
        name = _PAPERS_ARM if self.model == PAPERS_ENCODER else self.model
        return f"{name}-tuned-{rounds}" if self.rates else f"{name}-{rounds}"

    def label(self, rounds: int) -> str:
        """Return the label of the arm with K rounds."""
        return f"RIN ({self.model}, K = {rounds}){', tuned rates' * bool(self.rates)}"


def papers_arm(rounds: int) -> str:
    """Return the arm whose published numbers stand beside K rounds over any encoder."""
    return f"{_PAPERS_ARM}-{rounds}"


def fine_tuned_encoder(config: Mapping[str, Any]) -> str:
    """Return the name of the encoder whose weights are all trained; empty for other models.

    Args:
        config: Every setting, by dotted name.
    """
    partly = ("encoder.freeze", "encoder.freeze_layers", "encoder.lora")
    traits = ENCODERS.get(config["encoder.kind"])  # None: an encoder of a later version
    if traits is None or not traits.reads_pieces or any(config[name] for name in partly):
        return ""
    return str(config["encoder.model"]).rpartition("/")[2]


def rates_text(config: Mapping[str, object]) -> str:
    """Return the learning rates in words; empty for the paper's.

    Args:
        config: Every setting, by dotted name.
    """
    rate, encoder, warmup = (
        config[f"training.{name}"] for name in ("learning_rate", "encoder_learning_rate", "warmup")
    )
    if rate == encoder == _RATE and not warmup:
        return ""
    text = f"tuned rates ({rate:g}, encoder {encoder:g}"
    return f"{text}, warm-up {warmup:g})" if warmup else f"{text})"


def encoder_runs(trials: pd.DataFrame) -> tuple[EncoderRuns, ...]:
    """Group the runs on a corpus by encoder, with the paper's rate and with tuned rates apart.

    Of several groups of an encoder, the one with most finished runs counts: others are the runs
    that chose its rates, or compare something else. A group needs an arm with two of them.

    Args:
        trials: Runs of all studies on the newest content of a corpus.
    """
    own = trials[
        (trials["encoder"] != "") & (trials["selection"] == "dev") & trials["rounds"].isin(ROUNDS)
    ]
    # A run that was only planned in one study may be finished in another.
    finished = own["status"] == TrialState.FINISHED
    own = own.assign(finished=finished).sort_values("finished", kind="stable")
    own = own.drop_duplicates(["settings_except_rounds", "rounds", "seed"], keep="last")
    best: dict[tuple[str, bool], tuple[int, EncoderRuns]] = {}
    for _, group in own.groupby("settings_except_rounds", sort=False):
        done = group[group["finished"]]
        if not (done.groupby("rounds").size() > 1).any():
            continue
        model, rates = str(group["encoder"].iloc[0]), str(group["rates"].iloc[0])
        runs = EncoderRuns(model=model, rates=rates, frame=group.drop(columns="finished"))
        if len(done) >= best.get((model, bool(rates)), (0,))[0]:
            best[model, bool(rates)] = (len(done), runs)
    return tuple(_named(best[key][1]) for key in sorted(best))


def _named(runs: EncoderRuns) -> EncoderRuns:
    """Name arms after the encoder and K, whatever the studies called them."""
    frame = runs.frame.sort_values(["rounds", "seed"])
    arms, labels = frame["rounds"].map(runs.arm), frame["rounds"].map(runs.label)
    frame = frame.assign(arm=arms, label=labels).reset_index(drop=True)
    return EncoderRuns(model=runs.model, rates=runs.rates, frame=frame)
