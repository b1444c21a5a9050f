"""The project's metadata: the lock answers pyproject.toml, and the citation has its version."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = "".join(
    (ROOT / f"requirements{name}.lock").read_text() for name in ("", "-pos", "-pretrained")
)
#: Version and number of hashes of each locked package.
LOCKED = {
    name: (version, block.count("--hash=sha256:"))
    for name, version, block in re.findall(
        r"^(\S+)==(\S+)((?: \\\n    --hash=\S+)*)", LOCK, re.MULTILINE
    )
}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def test_the_lock_has_every_direct_dependency(project: dict[str, Any]) -> None:
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    required = [Requirement(text) for group in groups for text in group]
    for requirement in required:
        name = canonicalize_name(requirement.name)
        if name == project["name"]:
            continue
        assert name in LOCKED, f"{name} is not locked: run `make lock`"
        assert requirement.specifier.contains(LOCKED[name][0]), f"{name}: run `make lock`"


def test_every_locked_package_has_a_hash_and_none_is_of_cuda() -> None:
    assert len(LOCKED) == len(re.findall(r"^[^\s#]+==", LOCK, re.MULTILINE))
    assert [name for name, (_, hashes) in LOCKED.items() if not hashes] == []
    assert [name for name in LOCKED if name.startswith(("nvidia", "cuda", "triton"))] == []


def test_the_citation_has_the_version_and_licence_of_the_package(project: dict[str, Any]) -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert [author["name"] for author in project["authors"]] == [
        author["name"] for author in citation["authors"]
    ]
