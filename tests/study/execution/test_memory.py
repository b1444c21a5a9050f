"""Estimated memory against measured memory."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rin_core.config import Config
from rin_core.data.batches import make_batch
from rin_core.data.loading import load_dataset
from rin_core.model.matmul import kernel_memory
from rin_core.train.loop import Trainer
from study.execution.cluster import ClusterError, Resources, require_card
from study.execution.memory import PROCESS, Footprint, footprint
from study.execution.packing import MEMORY_STEP, asked_memory
from study.execution.worker import Work
from study.ledger.run import Run
from tests.tiny_models import save_bert

MIB = 2**20
CASES = {
    "BiLSTM": {"model.rounds": 0, "model.task_features": False},
    "K = 5, wide": {"model.rounds": 5, "model.feature_size": 260, "encoder.hidden_size": 260},
    "biaffine": {"model.scorer": "biaffine", "model.rounds": 2},
}


def status(name: str) -> int:
    """Return a size of this process in bytes, as Linux keeps it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def measured(overrides: dict[str, object]) -> tuple[int, int, Footprint]:
    """Return a fresh process's size before, and its growth by steps on the longest sentences."""
    torch.set_num_threads(1)
    config = Config().with_overrides(overrides)
    corpus = load_dataset("demo", config)
    estimate = footprint(config, corpus)
    trainer = Trainer(config, corpus, None, torch.device("cpu"))
    size = config.training.batch_size
    longest = np.argsort(corpus.train.lengths_N)
    shortest = make_batch(corpus.train, longest[:2], trainer.device)
    trainer.model(shortest).loss(shortest).backward()  # libraries are loaded, kernels compiled
    trainer.optimizer.zero_grad()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = status("VmRSS")
    batch = make_batch(corpus.train, longest[-size:], trainer.device)
    for _ in range(2):
        trainer.optimizer.zero_grad()
        trainer.model(batch).loss(batch).backward()
        trainer.optimizer.step()
    return before, status("VmHWM") - before, estimate


def in_a_process(overrides: dict[str, object]) -> tuple[int, int, Footprint]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (overrides,))


@pytest.mark.slow
@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES)
def test_no_step_takes_more_than_was_estimated_nor_much_less(overrides):
    before, grown, estimate = in_a_process(overrides)
    wanted = estimate.state + estimate.step
    assert before < PROCESS
    assert grown <= wanted <= 6 * grown + 64 * MIB, (grown / MIB, wanted / MIB)


@pytest.mark.slow
@pytest.mark.parametrize("positions", [40, 512], ids=["windows", "whole sentences"])
def test_a_transformer_too(tmp_path, positions):
    sizes = {"hidden_size": 64, "num_attention_heads": 4, "max_position_embeddings": positions}
    save_bert(tmp_path / "bert", **sizes)
    overrides = {"encoder.kind": "transformer", "encoder.model": str(tmp_path / "bert")}
    _, grown, estimate = in_a_process(overrides)
    wanted = estimate.state + estimate.step
    assert grown <= wanted <= 6 * grown + 64 * MIB, (grown / MIB, wanted / MIB)


def test_a_share_of_a_card_that_is_too_small_is_refused(monkeypatch, tmp_path):
    config = Config()
    corpus = load_dataset("demo", config)
    needed = footprint(config, corpus).card()
    card = SimpleNamespace(total_memory=10 * needed)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: card)
    work = [Work(run=Run(tmp_path / "u"), config=config, corpus_key="demo")]

    def require(share: float, address: str | None = None) -> None:
        given = {"cpus_per_trial": 1, "max_concurrent": None, "address": address}
        resources = Resources(gpus_per_trial=share, **given)
        require_card(resources, work, {"demo": corpus})

    with pytest.raises(ClusterError, match=r"--gpus-per-trial 0\.05: a trial .* at least 0\.1$"):
        require(0.05)
    for enough in (0.1, 1, 0):
        require(enough)
    require(0.05, "auto")  # cards of other machines are not known


def test_a_card_holds_what_the_host_need_not():
    small = Footprint(state=100, step=1000)
    assert small.host(gpu=False) == PROCESS + kernel_memory() + 1100
    assert small.host(gpu=True) == PROCESS
    assert small.card() > 1100


def test_trials_of_one_study_ask_for_the_same_memory_where_it_fits():
    corpus = load_dataset("demo", Config())
    rounds = [Config().override("model.rounds", k) for k in range(7)]
    needs = [footprint(config, corpus).host(gpu=False) for config in rounds]
    assert len(set(needs)) > 1
    (asked,) = {asked_memory(need, share=4 * 2**30) for need in needs}
    assert asked % MEMORY_STEP == 0


@given(needed=st.integers(2**20, 2**40), share=st.integers(2**20, 2**40))
def test_rounded_memory_takes_no_slot_away(needed, share):
    asked = asked_memory(needed, share)
    assert needed <= asked <= max(needed, share)
    assert asked < needed + MEMORY_STEP
