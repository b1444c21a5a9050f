"""What can go wrong, done to a running study: each returns what it did, or nothing if it could not.

A fault leaves the world as it would be left outside: a dead driver stays dead, a full disk is
emptied by somebody after a while. Whoever asked for the fault starts the study again.
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from study.ledger.layout import ATTEMPT, CHECKPOINT, HISTORY, PREDICTIONS, RESULT, WEIGHTS
from tests.chaos.world import HEADROOM, ROOT, World, faketime

MINUTE = 60.0
BLOCK = 2**28
NO_MEMORY = b"a node ran out of memory"
"""What the driver says then."""

Fault = Callable[[World], str]
FAULTS: dict[str, Fault] = {}


def fault(function: Fault) -> Fault:
    """Register a fault under its name in words."""
    FAULTS[function.__name__.replace("_", " ")] = function
    return function


def to_a_trial(harm: Callable[[World, int], None]) -> Fault:
    """Return a fault that harms the process of one trial, whichever the world chooses."""

    @functools.wraps(harm)
    def chosen(world: World) -> str:
        if not (trials := world.trials()):
            return ""
        folder, pid = world.rng.choice(trials)
        try:
            harm(world, pid)
        except (ProcessLookupError, FileNotFoundError):  # it has just ended
            return ""
        return f"{folder.name} in process {pid}"

    return chosen


@fault
@to_a_trial
def kill_a_trial(_: World, pid: int) -> None:
    """SIGKILL to the process of a trial."""
    os.kill(pid, signal.SIGKILL)


@fault
@to_a_trial
def abort_a_trial(_: World, pid: int) -> None:
    """SIGABRT, as an assertion in native code would end it."""
    os.kill(pid, signal.SIGABRT)


@fault
@to_a_trial
def freeze_a_trial(world: World, pid: int) -> None:
    """A trial that stands still for a while, as on a machine that swaps."""
    _stop(world, pid, world.rng.uniform(1, 4))


@fault
@to_a_trial
def stop_a_trial_for_a_minute(world: World, pid: int) -> None:
    """A trial that stands still for longer than most programs wait."""
    _stop(world, pid, MINUTE)


@fault
def stop_the_driver_for_a_minute(world: World) -> str:
    """A driver that stands still while Ray and its trials go on."""
    if not world.running() or not world.trials():
        return ""
    assert world.driver is not None
    _stop(world, world.driver.pid, MINUTE)
    return f"process {world.driver.pid}" if world.driver else "process that then ended"


def _stop(world: World, pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    world.wait(seconds)
    os.kill(pid, signal.SIGCONT)


@fault
@to_a_trial
def starve_a_trial_of_memory(_: World, pid: int) -> None:
    """The next large allocation of a trial fails."""
    status = Path(f"/proc/{pid}/status").read_text()
    most = int(status.split("VmSize:")[1].split()[0]) * 1024 + 2**16
    resource.prlimit(pid, resource.RLIMIT_AS, (most, most))


@fault
def run_out_of_memory(world: World) -> str:
    """Another program takes memory until Ray's monitor ends a trial, and then gives it back."""
    if not world.trials():
        return ""
    before, taken = world.log.read_bytes().count(NO_MEMORY), list[bytes]()
    while world.log.read_bytes().count(NO_MEMORY) == before:
        if len(taken) * BLOCK > 2 * HEADROOM or not world.wait(0.4):
            return ""
        taken.append(b"1" * BLOCK)
    return f"{len(taken) * BLOCK / 2**30:.1f} GiB"


def to_the_driver(how: signal.Signals) -> Fault:
    """Return a fault that ends the driver with a signal."""

    def end(world: World) -> str:
        if not world.running():
            return ""
        world.kill_driver(how)
        return how.name

    return end


FAULTS["kill the driver"] = to_the_driver(signal.SIGKILL)
FAULTS["interrupt the driver"] = to_the_driver(signal.SIGINT)  # Ctrl-C
FAULTS["terminate the driver"] = to_the_driver(signal.SIGTERM)  # a batch job's time is over


@fault
def kill_the_raylet(world: World) -> str:
    """SIGKILL to Ray's own process on the node, and so the loss of all its workers."""
    assert world.driver is not None
    listed = subprocess.run(
        ["pgrep", "--session", str(world.driver.pid), "--full", "raylet/raylet"],
        capture_output=True,
        text=True,
        check=False,
    )
    if not (pids := listed.stdout.split()):
        return ""
    os.kill(int(pids[0]), signal.SIGKILL)
    return f"process {pids[0]}"


@fault
def kill_the_mlflow_server(world: World) -> str:
    """SIGKILL to MLflow's server, which comes back after a while."""
    world.server.kill()
    away = world.rng.uniform(1, 5)
    world.wait(away)
    world.server.start()
    return f"away for {away:.1f} s"


@fault
def fill_the_disk(world: World) -> str:
    """No room on the file system of the output folder, for a while."""
    filler = world.out / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(b"0" * 2**20)
            file.flush()
    full = world.rng.uniform(0.5, 3)
    world.wait(full)
    filler.unlink()
    return f"for {full:.1f} s"


@fault
def make_the_output_read_only(world: World) -> str:
    """A study started where it may not write."""
    world.kill_driver()
    if not _remount(world, "ro"):
        return ""
    world.start()
    world.wait(120)
    _remount(world, "rw")
    return f"exit code {world.exits[-1]}"


def _remount(world: World, how: str) -> bool:
    command = ["mount", "-o", f"remount,{how}", str(world.out)]
    for _ in range(50):  # refused while a file is open for writing
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return True
        time.sleep(0.1)
    return False


@fault
def corrupt_a_checkpoint(world: World) -> str:
    """Some bytes of a checkpoint change while nobody looks."""
    with _checkpoint(world) as path:
        if path is None:
            return ""
        content = bytearray(path.read_bytes())
        places = [world.rng.randrange(len(content)) for _ in range(world.rng.choice((1, 3, 100)))]
        for place in places:
            content[place] ^= 1 << world.rng.randrange(8)
        path.write_bytes(content)
        return f"{len(places)} bits of {path.parent.name}"


@fault
def truncate_a_checkpoint(world: World) -> str:
    """A checkpoint loses its end."""
    with _checkpoint(world) as path:
        if path is None:
            return ""
        size = path.stat().st_size
        kept = world.rng.randrange(size)
        os.truncate(path, kept)
        return f"{kept} of {size} bytes of {path.parent.name} left"


@contextlib.contextmanager
def _checkpoint(world: World) -> Iterator[Path | None]:
    if not list(world.out.glob(f"units/*/{CHECKPOINT}")):  # a driver is not killed for nothing
        yield None
        return
    world.kill_driver()
    paths = sorted(world.out.glob(f"units/*/{CHECKPOINT}"))
    yield world.rng.choice(paths) if paths else None


@fault
def lose_a_file_of_a_run(world: World) -> str:
    """At the next start a run lacks a file that is not its result."""
    return _lose(world, (HISTORY, ATTEMPT, CHECKPOINT, WEIGHTS, PREDICTIONS))


@fault
def lose_a_result(world: World) -> str:
    """At the next start a finished run lacks its result."""
    return _lose(world, (RESULT,))


def _lose(world: World, names: Sequence[str]) -> str:
    if not any(path for name in names for path in world.out.glob(f"units/*/{name}")):
        return ""
    world.kill_driver()
    paths = sorted(path for name in names for path in world.out.glob(f"units/*/{name}"))
    if not paths:
        return ""
    name = world.rng.choice(sorted({path.name for path in paths}))
    path = world.rng.choice([path for path in paths if path.name == name])
    path.unlink()
    return f"{path.parent.name}/{name}"


@fault
def change_the_corpus(world: World) -> str:
    """The corpus changes between two starts, and is put right before the third."""
    world.kill_driver()
    train = world.corpus / "train.json"
    before = train.read_text()
    train.write_text(before.replace('"tokens": ["', '"tokens": ["Indeed", "', 1))
    world.start()
    world.wait(world.rng.uniform(8, 15))
    world.kill_driver()
    train.write_text(before)
    return "one sentence"


def to_the_clock(sign: str) -> Fault:
    """Return a fault after which a driver, Ray and its trials read another time for a while."""

    def change(world: World) -> str:
        if faketime() is None:
            return ""
        world.kill_driver()
        world.clock = f"{sign}{world.rng.randrange(24, 48)}h"
        world.start()
        world.wait(world.rng.uniform(10, 15))
        shown, world.clock = world.clock, ""
        return shown

    return change


FAULTS["set back the clock"] = to_the_clock("-")
FAULTS["set the clock forward"] = to_the_clock("+")  # for later drivers it was set back then


@fault
def lose_the_gpu(world: World) -> str:
    """The next epoch of one trial fails as CUDA does when the card is gone (simulated)."""
    return _request(world, "gpu")


@fault
def make_the_loss_nan(world: World) -> str:
    """One trial's weights turn to NaN before its next epoch."""
    return _request(world, "nan")


def _request(world: World, what: str) -> str:
    (world.requests / what).touch()
    world.wait(5)
    taken = not (world.requests / what).exists()
    (world.requests / what).unlink(missing_ok=True)
    return "one epoch" if taken else ""


@fault
def start_a_second_driver(world: World) -> str:
    """The same command again, while the first still runs."""
    if not (world.out / ".lock").exists() or not world.running():
        return ""
    second = subprocess.run(
        world.command(),
        cwd=ROOT,
        env=world.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if not world.running() and second.returncode == 0:
        return ""  # the first had just ended
    assert second.returncode == 1, second.stdout + second.stderr
    assert "another study is writing here" in second.stderr
    return f"refused with exit code {second.returncode}"


def available() -> str:
    """Return why the faults cannot be made here; nothing where they can."""
    if os.geteuid() != 0:
        return "a full disk and a read-only one need root"
    missing = [tool for tool in ("mount", "pgrep", "ps") if shutil.which(tool) is None]
    return f"{', '.join(missing)} not installed" if missing else ""
