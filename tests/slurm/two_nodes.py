"""A real Slurm with two nodes on this machine, and a study that its time limit cuts: `make slurm`.

It requires root and Debian's ``slurm-wlm``. Each node is a Slurm daemon in namespaces of its own:
it has its own processes, network address and temporary files, as a machine has.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studies import numbers, results

ROOT = Path(__file__).parents[2]
BRIDGE, CONTROLLER = "rinslurm0", "10.213.77.1"
NODES = {"node1": "10.213.77.11", "node2": "10.213.77.12"}
#: Minutes of the job's limit, which is lowered once a run has finished and raised again after that.
#: Slurm signals 60 seconds before it.
LIMIT = 60
ARMS = ["--arms", "gru-[1-6]", "--seeds", "3", "--max-epochs", "10"]

missing = [p for p in ("slurmctld", "slurmd", "munged", "ip", "unshare") if not shutil.which(p)]
pytestmark = [
    pytest.mark.skipif(bool(missing), reason=f"not installed: {' '.join(missing)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="requires root"),
    pytest.mark.timeout(3000),
]

_CONFIGURATION = """
ClusterName=rin
SlurmctldHost={host}({controller})
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldParameters=enable_configless
KillWait=10
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

#: What a node does before its Slurm daemon starts.
_BOOT = """
set -e
hostname {name}
mount --make-rprivate /
mkdir -p /tmp/ray && mount -t tmpfs tmpfs /tmp/ray
mount -t tmpfs tmpfs /dev/shm
mount --bind {folder}/hosts /etc/hosts
ip link set lo up
until ip link set {name}b name eth0 2>/dev/null; do sleep 0.1; done
ip addr add {address}/24 dev eth0
ip link set eth0 up
exec slurmd -D -N {name}
"""


def command(*words: str) -> str:
    """Run a command and return what it prints."""
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Start a controller and two nodes; yield a folder that all of them see."""
    folder = tmp_path / "slurm"
    (folder / "state").mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    cpus, host = os.cpu_count() or 1, socket.gethostname()
    nodes = [
        f"NodeName={name} NodeAddr={address} NodeHostname={name} CPUs={cpus} RealMemory=2000"
        for name, address in NODES.items()
    ]
    path = folder / "slurm.conf"
    path.write_text(
        _CONFIGURATION.format(
            host=host, controller=CONTROLLER, folder=folder, nodes="\n".join(nodes)
        )
    )
    hosts = {"localhost": "127.0.0.1", host: CONTROLLER, **NODES}
    (folder / "hosts").write_text("".join(f"{a} {name}\n" for name, a in hosts.items()))
    monkeypatch.setenv("SLURM_CONF", str(path))
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        with (folder / f"{len(started)}.out").open("wb") as out:
            started.append(subprocess.Popen(words, stdout=out, stderr=out))
        return started[-1]

    with contextlib.ExitStack() as stack:
        command("ip", "link", "add", BRIDGE, "type", "bridge")
        stack.callback(subprocess.run, ["ip", "link", "del", BRIDGE], check=False)
        command("ip", "addr", "add", f"{CONTROLLER}/24", "dev", BRIDGE)
        command("ip", "link", "set", BRIDGE, "up")
        stack.callback(stop, started)
        places = {"socket": "munge.socket", "pid-file": "munged.pid", "log-file": "munged.log"}
        given = [f"--{name}={folder / place}" for name, place in places.items()]
        start("munged", "--foreground", "--force", f"--key-file={key}", *given)
        start("slurmctld", "-D")
        for name, address in NODES.items():
            boot = _BOOT.format(name=name, address=address, folder=folder)
            spaces = [
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount",
                "--uts",
                "--mount-proc",
            ]
            node = start("unshare", *spaces, "bash", "-c", boot)
            time.sleep(1)  # until it has its network namespace
            command("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}b")
            command("ip", "link", "set", f"{name}b", "netns", str(node.pid))
            command("ip", "link", "set", name, "master", BRIDGE, "up")
        deadline = time.monotonic() + 60
        while command("sinfo", "--noheader", "--states=idle", "--format=%D").split() != ["2"]:
            assert time.monotonic() < deadline, command("sinfo", "--long")
            time.sleep(1)
        yield folder


def stop(started: list[subprocess.Popen[bytes]]) -> None:
    """End the daemons; ``unshare`` takes its node along."""
    for process in reversed(started):
        process.terminate()
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def state(job: str) -> str:
    """Return a job's state, and how often it was requeued."""
    fields = dict(f.partition("=")[::2] for f in command("scontrol", "show", "job", job).split())
    return f"{fields['JobState']} {fields['Restarts']}"


def elapsed(job: str) -> int:
    """Return the whole minutes that a job has run."""
    clock = command("squeue", "--noheader", "--jobs", job, "--format=%M").strip().split(":")
    return int(clock[-2]) + 60 * (int(clock[-3]) if len(clock) > 2 else 0)


def test_a_study_over_two_nodes_is_cut_requeued_and_ends_complete(
    slurm: Path, tmp_path: Path
) -> None:
    runs, log = tmp_path / "runs", tmp_path / "job.log"
    options = [*ARMS, "--tracking-uri", "none"]
    submitted = command(
        "sbatch",
        "--parsable",
        *("--cpus-per-task=1", f"--time={LIMIT}", "--signal=B:USR1@60", f"--output={log}"),
        f"--export=ALL,RIN_VENV={Path(sys.prefix)}",
        str(ROOT / "cluster" / "slurm.sh"),
        *("--runs", str(runs), *options),
    )
    job, seen = submitted.strip(), [""]
    deadline, lowered = time.monotonic() + 2400, False
    while not seen[-1].startswith(("COMPLETED", "FAILED", "TIMEOUT", "CANCELLED", "NODE_FAIL")):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(2)
        if not lowered and results(runs):
            lowered = True
            command("scontrol", "update", f"JobId={job}", f"TimeLimit={elapsed(job) + 2}")
        elif lowered and seen[-1] == "PENDING 1":
            command("scontrol", "update", f"JobId={job}", f"TimeLimit={LIMIT}")
        if (now := state(job)) != seen[-1]:
            seen.append(now)
            print(time.strftime("%H:%M:%S"), now, len(results(runs)), flush=True)  # noqa: T201
    text = log.read_text()
    print(text)  # noqa: T201
    assert seen[-1].startswith("COMPLETED"), text
    assert int(seen[-1].split()[1]) == 1, f"was not cut: {seen}"
    found = results(runs)
    assert len(found) == 18
    # The runs are those of a study that nothing has cut, to the bit.
    alone = tmp_path / "alone"
    one = ["--arms", "gru-1", "gru-6", "--seeds", "1", *options[4:]]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
    words = [sys.executable, "-m", "study", "--runs", str(alone), *one]
    subprocess.run(words, check=True, cwd=ROOT, env=environment)
    for fingerprint, result in results(alone).items():
        assert numbers(result) == numbers(found[fingerprint])
