"""The example cluster files: against Ray's own schema, and against KubeRay's types."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray.autoscaler
import yaml

from study.commands.main import parse
from study.commands.options import Options

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "cluster"
LOCK = (ROOT / "requirements.lock").read_text()

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
COUNT = {"type": "integer", "minimum": 0}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    """Return a schema of an object that knows these fields and no others."""
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


#: What the manifests use of Kubernetes' pods (core/v1) and KubeRay's CRDs (ray.io/v1).
QUANTITIES = {"type": "object", "additionalProperties": {"type": "string"}}
CONTAINER = closed(
    ["name", "image"],
    name={"type": "string"},
    image={"type": "string"},
    resources=closed([], requests=QUANTITIES, limits=QUANTITIES),
    ports={"type": "array", "items": closed(["containerPort"], containerPort=COUNT, name={})},
    envFrom={
        "type": "array",
        "items": closed(["secretRef"], secretRef=closed(["name"], name={}, optional={})),
    },
    volumeMounts={
        "type": "array",
        "items": closed(["name", "mountPath"], name={}, mountPath={"type": "string"}),
    },
)
POD = closed(
    ["spec"],
    spec=closed(
        ["containers"],
        containers={"type": "array", "minItems": 1, "items": CONTAINER},
        volumes={"type": "array", "items": closed(["name"], name={}, persistentVolumeClaim={})},
    ),
)
WORKERS = closed(
    ["groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"],
    groupName={"type": "string"},
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    rayStartParams=TEXTS,
    template=POD,
)
CLUSTER = closed(
    ["headGroupSpec"],
    rayVersion={"type": "string"},
    enableInTreeAutoscaling={"type": "boolean"},
    autoscalerOptions=closed([], idleTimeoutSeconds=COUNT),
    headGroupSpec=closed(["rayStartParams", "template"], rayStartParams=TEXTS, template=POD),
    workerGroupSpecs={"type": "array", "items": WORKERS},
)
JOB = closed(
    ["entrypoint", "rayClusterSpec"],
    entrypoint={"type": "string"},
    entrypointNumCpus={"type": "number"},
    shutdownAfterJobFinishes={"type": "boolean"},
    ttlSecondsAfterFinished=COUNT,
    backoffLimit=COUNT,
    rayClusterSpec=CLUSTER,
)


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.mark.parametrize("name", ["aws.yaml", "onprem.yaml"])
def test_launcher_files_follow_rays_schema(name: str) -> None:
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(read(name), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**read(name), "workers": 3}, schema)


@pytest.mark.parametrize(
    ("name", "kind", "spec"),
    [("raycluster.yaml", "RayCluster", CLUSTER), ("rayjob.yaml", "RayJob", JOB)],
)
def test_manifests_have_only_fields_that_kuberay_knows(
    name: str, kind: str, spec: dict[str, object]
) -> None:
    manifest = read(name)
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", kind)
    jsonschema.validate(manifest["spec"], spec)


def test_the_cluster_has_the_locked_ray() -> None:
    (locked,) = re.findall(r"^ray(?:\[.*\])?==(\S+)", LOCK, re.MULTILINE)
    assert read("raycluster.yaml")["spec"]["rayVersion"] == locked
    assert read("rayjob.yaml")["spec"]["rayClusterSpec"]["rayVersion"] == locked


def test_the_jobs_command_is_one() -> None:
    program, *arguments = read("rayjob.yaml")["spec"]["entrypoint"].split()
    assert program == "rin-study"
    options = parse(arguments)
    assert isinstance(options, Options)
    assert (options.ray_address, options.shared) == ("auto", "s3://BUCKET/rin")


def test_what_the_image_copies_and_runs_is_there() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (?:--\S+ )?(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()
    assert "USER ray" in text


def test_kuberay_finds_the_dashboard_and_the_probes_program_in_the_image() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    assert "wget" in re.findall(r"apt-get install (.*) \\$", text, re.MULTILINE)[0].split()
    commands = re.findall(r'"\$\((sed .* requirements\.lock)\)"', text)
    torch, ray_default = (
        subprocess.check_output(command, shell=True, cwd=ROOT, text=True) for command in commands
    )
    assert re.fullmatch(r"torch==[\d.]+\n", torch)
    assert re.fullmatch(r"ray\[default\]==[\d.]+\n", ray_default)


def test_nobody_is_led_to_ray_client() -> None:
    docs = (path for path in (ROOT / "docs").glob("*.md") if path.name != "log.md")
    paths = [ROOT / "README.md", *docs, *FOLDER.iterdir()]
    assert not [path.name for path in paths if "ray://" in path.read_text()]


def test_nothing_of_who_builds_the_image_goes_in_and_all_that_git_tracks_does() -> None:
    """What is missing would make every result's code a modified one."""
    names = {line.strip("*/") for line in (ROOT / ".dockerignore").read_text().splitlines()}
    ignored = {line.strip("*/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    assert ignored | {".git/config", ".env"} <= names
    listing = ["git", "-C", str(ROOT), "ls-files"]
    kept_out = [*listing, "--cached", "--ignored", f"--exclude-from={ROOT / '.dockerignore'}"]
    tracked, missing = (
        subprocess.run(command, capture_output=True, text=True, check=False).stdout
        for command in (listing, kept_out)
    )
    assert missing == ""
    assert tracked or not (ROOT / ".git").exists()
