"""Settings that a machine or an encoder cannot do are refused before anything is trained."""

import dataclasses
import functools
import sys
from pathlib import Path

import pytest
import ray
import torch
from optuna.distributions import CategoricalDistribution, IntDistribution

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from rin_core.errors import ConfigError
from search_spaces import find_space
from search_spaces.search import Parameter, Search
from study.commands.options import Options
from study.execution import cluster, worker
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.planning.requirements import (
    check_search,
    check_settings,
    device_here,
    faster_settings,
)
from tests.commands import command

LORA = {"encoder.lora": 4}
BFLOAT16 = {"training.precision": "bfloat16"}
LAYERS = {"encoder.freeze_layers": 3}


@pytest.fixture
def no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})


@pytest.fixture
def no_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)


def planned(model: Path, **changes: object) -> tuple[Config, EncodedCorpus]:
    config = Config().with_overrides({"encoder.kind": "transformer", "encoder.model": str(model)})
    return config.with_overrides(changes), read_demo(config)


@functools.cache
def read_demo(config: Config) -> EncodedCorpus:
    return load_dataset("demo", config)


@pytest.mark.parametrize("changes", [BFLOAT16, LORA, LAYERS], ids=str)
@pytest.mark.usefixtures("no_bfloat16", "no_peft")
def test_the_setting_is_named(tiny_bert: Path, changes: dict[str, object]) -> None:
    (name,) = changes
    with pytest.raises(ConfigError, match=f"^{name} = ") as caught:
        check_settings(*planned(tiny_bert, **changes), "cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("no_bfloat16", "no_peft")
def test_other_machines_have_their_own_processors_and_packages(tiny_bert: Path) -> None:
    check_settings(*planned(tiny_bert, **BFLOAT16), "cuda")
    check_settings(*planned(tiny_bert, **BFLOAT16), None)
    check_settings(*planned(tiny_bert, **LORA), None)
    with pytest.raises(ConfigError, match=r"encoder\.freeze_layers = 3: must be at most 2"):
        check_settings(*planned(tiny_bert, **LAYERS), None)


def test_what_can_be_done_is_not_refused(tiny_bert: Path) -> None:
    pytest.importorskip("peft")
    before = torch.get_rng_state()
    for changes in (LORA, {"encoder.freeze_layers": 2}):
        check_settings(*planned(tiny_bert, **changes), "cpu")
    assert torch.get_rng_state().equal(before)


@pytest.mark.usefixtures("no_bfloat16")
@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("training.precision", CategoricalDistribution(["float32", "bfloat16"])),
        ("encoder.freeze_layers", IntDistribution(0, 3)),
    ],
)
def test_values_that_a_search_may_try_are_checked(
    tiny_bert: Path, name: str, distribution: CategoricalDistribution
) -> None:
    search = find_space("learning_rate")
    assert isinstance(search, Search)
    start = planned(tiny_bert)
    check_search(search, [start], "cpu")
    wider = dataclasses.replace(search, parameters={name: Parameter(distribution)})
    with pytest.raises(ConfigError, match=f"^{name} = "):
        check_search(wider, [start], "cpu")


def test_trials_compute_where_the_options_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_gpu, usual in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=has_gpu: found)
        assert [device_here(gpus) for gpus in (None, 0.0, 0.5)] == [usual, "cpu", "cuda"]
        assert Options().device() == usual
        assert Options(ray_address="auto").device() is None


KIND = ("--set", "encoder.kind=transformer")


@pytest.mark.parametrize(
    "given",
    [
        ("--space", "rounds_curve", "--arms", "gru-1", "--seeds", "1", *KIND),
        ("--dry-run", "--space", "rounds_curve", "--arms", "gru-1", "--seeds", "1", *KIND),
        ("--space", "learning_rate", "--arms", "transformer-1"),
        ("train", *KIND),
    ],
    ids=["study", "dry run", "search", "train"],
)
@pytest.mark.usefixtures("no_bfloat16")
def test_a_command_refuses_before_ray_starts(
    tiny_bert: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: tuple[str, ...],
) -> None:
    monkeypatch.setattr(cluster, "start_ray", lambda _: pytest.fail("Ray started"))
    where = ("--data", "demo", "--runs", str(tmp_path / "runs"))
    for setting in (f"encoder.model={tiny_bert}", "training.precision=bfloat16"):
        given += ("--set", setting)
    code, shown = command(capsys, *given, *where)
    assert code == 2
    errors = [line for line in shown.splitlines() if line.startswith("error")]
    assert len(errors) == 1
    assert errors[0].startswith("error: training.precision = 'bfloat16' on cpu")
    assert not Ledger(tmp_path / "runs").study_names()


@pytest.mark.usefixtures("no_bfloat16")
def test_another_node_refuses_without_a_retry(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is recorded, and the trial ends: Ray restarts only trials that raise one."""
    config, corpus = planned(tiny_bert, **BFLOAT16)
    run = Run(tmp_path / config.fingerprint(corpus.digest))
    run.path.mkdir()
    monkeypatch.setattr(ray, "get", lambda found: found)
    monkeypatch.setattr(ray, "get_gpu_ids", list)
    described = {"run": worker.run_config(run, config, "corpus")}
    worker.trainable(described, {"corpus": corpus}, 1, None, None)
    failure = run.failure()
    assert failure is not None
    assert failure.reason.startswith("training.precision = 'bfloat16' on cpu")


def test_settings_that_train_a_transformer_faster_are_named_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words, plain = Config(), Config().override("encoder.kind", "transformer")
    packed = plain.override("encoder.packed", True)
    lowered = packed.with_overrides(BFLOAT16)
    both = ["encoder.packed=true", "training.precision=bfloat16"]
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert faster_settings([words, plain, lowered], "cpu") == both
    assert faster_settings([packed], "cpu") == both[1:]
    for configs in ([words], [lowered], []):
        assert faster_settings(configs, "cpu") == []
    frozen = plain.override("encoder.freeze", True)  # computed once, in float32 or not
    assert faster_settings([frozen], "cpu") == both[:1]
    assert faster_settings([plain], "cuda") == faster_settings([plain], None) == []
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert faster_settings([plain], "cpu") == both[:1]
