"""A Prometheus server of our own: started on one machine's ports, asked over its HTTP interface."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import yaml
from numpy.typing import NDArray

from oran.errors import ConfigError, PlatformError
from rapp.local.processes import ManagedProcess, free_ports, wait_until

SCRAPE_S = 1.0
START_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped."""

    job: str
    url: str
    """With the path of the metrics."""
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series of an answer."""

    labels: Mapping[str, str]
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]


class PrometheusServer:
    """Starts and stops with ``with``.

    Args:
        folder: for configuration, data and log.
        targets: scraped every second.
        rule_files: recording rules and alerts.

    Raises:
        ConfigError: the program is not installed.
    """

    def __init__(self, folder: Path, targets: list[Target], rule_files: list[Path]) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise ConfigError("prometheus", None, "is not installed; scripts/setup_charts.sh installs it")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(targets, rule_files)))
        port = free_ports(1)[0]
        options = {
            "config.file": folder / "prometheus.yml",
            "storage.tsdb.path": folder / "data",
            "web.listen-address": f"127.0.0.1:{port}",
        }
        command = [program, *(f"--{name}={value}" for name, value in options.items())]
        self._process = ManagedProcess("prometheus", command, folder)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20.0, trust_env=False)

    def __enter__(self) -> PrometheusServer:
        self._process.start()
        wait_until(lambda: self._ready() or not self._process.alive, START_TIMEOUT_S, "prometheus")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._process.stop()

    def targets_up(self) -> dict[str, bool]:
        """Whether the last scrape of each job succeeded."""
        return {series.labels["job"]: bool(series.value[-1]) for series in self.query("up")}

    def query(self, expression: str) -> list[Series]:
        """The newest values.

        Raises:
            PlatformError: Prometheus refuses the expression.
        """
        return [_series(each, [each["value"]]) for each in self._ask("query", query=expression)]

    def query_range(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[Series]:
        """Values over time; a query that gives a scalar per step has no labels.

        Raises:
            PlatformError: Prometheus refuses the expression.
        """
        answer = self._ask("query_range", query=expression, start=start_s, end=end_s, step=step_s)
        return [_series(each, each["values"]) for each in answer]

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that are pending or firing."""
        found: list[dict[str, Any]] = self._get("alerts", {})["alerts"]
        return found

    def _ask(self, path: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(path, query)["result"]
        return found

    def _get(self, path: str, query: dict[str, Any]) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=query)
        if answer.status_code != 200:
            raise PlatformError(f"prometheus {path} {query}: {answer.text}", answer.status_code)
        return answer.json()["data"]

    def _ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False


def _configuration(targets: list[Target], rule_files: list[Path]) -> dict[str, Any]:
    period = f"{SCRAPE_S:g}s"
    return {
        "global": {"scrape_interval": period, "scrape_timeout": period, "evaluation_interval": period},
        "rule_files": [str(path.resolve()) for path in rule_files],
        "scrape_configs": [_scrape(target) for target in targets],
    }


def _scrape(target: Target) -> dict[str, Any]:
    host, _, path = target.url.removeprefix("http://").partition("/")
    static = {"targets": [host], "labels": dict(target.labels)}
    return {"job_name": target.job, "metrics_path": f"/{path}", "static_configs": [static]}


def _series(found: dict[str, Any], points: list[tuple[float, str]]) -> Series:
    values = np.array([[time_s, float(value)] for time_s, value in points])
    return Series(found["metric"], values[:, 0], values[:, 1])
