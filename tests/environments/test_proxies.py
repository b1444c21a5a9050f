"""HTTP proxies set in the environment, also for servers on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from study.tracking.base import ExperimentSpec, TrackingError
from study.tracking.open import open_tracker
from tests.servers import free_port

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    return monkeypatch


def refused(folder: Path) -> str:
    spec = ExperimentSpec(
        name="x", description="", runs={}, tags={}, artifacts=folder / "artifacts", corpus=None
    )
    with pytest.raises(TrackingError) as raised:
        open_tracker(f"http://127.0.0.1:{free_port()}", spec)
    return str(raised.value)


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_an_error_names_the_proxy_that_gets_the_request(
    proxies: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    proxies.setenv(variable, f"http://127.0.0.1:{free_port()}")
    assert "no_proxy=127.0.0.1" in refused(tmp_path)


def test_an_error_names_no_proxy_if_none_gets_the_request(
    proxies: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "proxy" not in refused(tmp_path)
    proxies.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    proxies.setenv("no_proxy", "127.0.0.1")
    assert "no_proxy" not in refused(tmp_path)
