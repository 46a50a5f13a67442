"""Redis, ric, e2sim, rapp and xApps as separate processes of one machine, on ports of 127.0.0.1."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import httpx

from oran.errors import ConfigError
from rapp.local.processes import ManagedProcess, free_ports, wait_until

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0
"""Importing torch on a cold disk takes most of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every port of the suite, chosen once so that a restarted process is found where it was."""

    redis: int
    e2: int
    ric_rmr: int
    ric_a1_rmr: int
    ric_rtmgr_rmr: int
    e2mgr: int
    submgr: int
    appmgr: int
    a1: int
    rtmgr: int
    ric_metrics: int
    store: int
    rapp_http: int

    @classmethod
    def free(cls) -> Ports:
        """Ports that are free now."""
        names = cls.__slots__
        return cls(**dict(zip(names, free_ports(len(names)), strict=True)))


@dataclass(frozen=True, slots=True)
class XappPlace:
    """Where one xApp listens."""

    name: str
    http: int
    rmr: int
    rmr_control: int

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http}"


class LocalSuite:
    """Starts, restarts and stops the suite's processes.

    Args:
        folder: run-time files: ``logs/``, ``redis/``, ``models/``.
        scenario: scenario of the E2 nodes.
        seed: seed of the first node; the next nodes count up.
        e2_scheme: ``tcp``, or ``sctp`` where the kernel has it.
        experience: xApps send what they saw, decided and got for it to the rApp, into ``experience/``.
    """

    def __init__(
        self, folder: Path, scenario: str = "cell", seed: int = 1, e2_scheme: str = "tcp", experience: bool = False
    ) -> None:
        self.folder = folder
        self.scenario = scenario
        self.seed = seed
        self.e2_scheme = e2_scheme
        self.experience = folder / "experience" if experience else None
        self.ports = Ports.free()
        self.processes: dict[str, ManagedProcess] = {}
        self.xapps: dict[str, XappPlace] = {}
        self.nodes: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    # --- urls -----------------------------------------------------------------------------------------

    @property
    def e2_url(self) -> str:
        return f"{self.e2_scheme}://{HOST}:{self.ports.e2}"

    @property
    def a1_url(self) -> str:
        return f"http://{HOST}:{self.ports.a1}"

    @property
    def e2mgr_url(self) -> str:
        return f"http://{HOST}:{self.ports.e2mgr}"

    @property
    def submgr_url(self) -> str:
        return f"http://{HOST}:{self.ports.submgr}"

    @property
    def appmgr_url(self) -> str:
        return f"http://{HOST}:{self.ports.appmgr}"

    @property
    def store_target(self) -> str:
        return f"{HOST}:{self.ports.store}"

    # --- starting -------------------------------------------------------------------------------------

    def start_redis(self) -> None:
        """A Redis of our own that keeps its data in the suite's folder."""
        server = which("redis-server")
        if server is None:
            raise ConfigError("redis-server", None, "is not installed; `make setup` installs it")
        data = self.folder / "redis"
        data.mkdir(exist_ok=True)
        options = ["--port", str(self.ports.redis), "--bind", HOST, "--dir", str(data), "--appendonly", "yes"]
        redis = self._start("redis", [server, *options, "--appendfsync", "always", "--save", ""])
        wait_until(lambda: _listens(self.ports.redis) or not redis.alive, START_TIMEOUT_S, "redis-server")

    def start_ric(self) -> None:
        """The near-RT RIC."""
        ports = self.ports
        options = {
            "--e2": self.e2_url,
            "--redis": f"{HOST}:{ports.redis}",
            "--rmr-port": ports.ric_rmr,
            "--a1-rmr-port": ports.ric_a1_rmr,
            "--rtmgr-rmr-port": ports.ric_rtmgr_rmr,
            "--e2mgr-port": ports.e2mgr,
            "--submgr-port": ports.submgr,
            "--appmgr-port": ports.appmgr,
            "--a1-port": ports.a1,
            "--rtmgr-port": ports.rtmgr,
            "--metrics-port": ports.ric_metrics,
        }
        self._start("ric", self._python("ric", options)).announcement(START_TIMEOUT_S)

    def start_node(self, name: str = "e2sim", gnb_id: int = 1, **options: Any) -> str:
        """A simulated E2 node; returns the URL of its operator face."""
        values = {
            "--ric": self.e2_url,
            "--scenario": self.scenario,
            "--seed": self.seed + len(self.nodes),
            "--gnb-id": gnb_id,
            "--http-port": free_ports(1)[0],
        }
        values |= {f"--{key.replace('_', '-')}": value for key, value in options.items()}
        process = self._start(name, self._python("e2sim", values, "node"))
        self.nodes[name] = process.announcement(START_TIMEOUT_S)["http"]
        return self.nodes[name]

    def start_rapp(self) -> None:
        """The rApp's model store and REST face."""
        options = {
            "--root": self.folder / "models",
            "--runs": self.folder / "runs",
            "--rollouts": self.folder / "rollouts",
            "--grpc": self.store_target,
            "--rest": f"{HOST}:{self.ports.rapp_http}",
        }
        if self.experience is not None:
            options["--experience"] = self.experience
        self._start("rapp", self._python("rapp", options, "serve")).announcement(START_TIMEOUT_S)

    def start_xapp(self, name: str = "ssvae", descriptor: str = "ssvae", **options: Any) -> XappPlace:
        """An xApp from the descriptor of ``xapps/<descriptor>``, under ``name``, with further settings by keyword."""
        places = {"model_store": self.store_target}
        if self.experience is not None:
            places["experience_target"] = self.store_target
        return self._start_xapp("xapps.runtime", name, descriptor, places | options)

    def start_monitor(self, name: str = "kpimon", **options: Any) -> XappPlace:
        """A KPI monitor, with further settings by keyword."""
        return self._start_xapp("xapps.kpimon", name, "kpimon", options)

    def _start_xapp(self, module: str, name: str, descriptor: str, options: dict[str, Any]) -> XappPlace:
        place = XappPlace(name, *free_ports(3))
        folder = Path(__file__).resolve().parents[2] / "xapps" / descriptor / "xapp"
        ports = self.ports
        values = {
            "--config": folder / "config-file.json",
            "--name": name,
            "--bind-host": HOST,
            "--http-port": place.http,
            "--rmr-port": place.rmr,
            "--rmr-control-port": place.rmr_control,
            "--http-name": HOST,
            "--rmr-name": HOST,
            "--route-manager": f"{HOST}:{ports.ric_rtmgr_rmr}",
            "--seed-route-file": self.folder / f"{name}.rt",
            "--app-manager-url": self.appmgr_url,
            "--subscription-manager-url": self.submgr_url,
            "--node-manager-url": self.e2mgr_url,
            "--a1-rmr": f"{HOST}:{ports.ric_a1_rmr}",
            "--dbaas": f"{HOST}:{ports.redis}",
        }
        values |= {f"--{key.replace('_', '-')}": value for key, value in options.items()}
        self.xapps[name] = place
        self._start(name, self._python(module, values))
        return place

    def start_all(self) -> None:
        """Redis, ric, one node, the rApp and the ssvae xApp, in that order."""
        self.start_redis()
        self.start_ric()
        self.start_node()
        self.start_rapp()
        self.start_xapp()

    # --- watching and stopping ------------------------------------------------------------------------

    def restart(self, name: str) -> None:
        """Starts a process again with the same command line; it must have ended."""
        self.processes[name].start()

    def stop(self) -> None:
        """Stops everything, last started first; Redis last."""
        for process in reversed(list(self.processes.values())):
            process.stop()

    def dead(self) -> list[str]:
        """Names of the processes that have ended."""
        return [name for name, process in self.processes.items() if not process.alive]

    def write_state(self, path: Path) -> None:
        """Process ids and addresses, for `make down` and for people."""
        state = {
            "pids": {name: process.pid for name, process in self.processes.items()},
            "urls": {
                "e2": self.e2_url,
                "a1": self.a1_url,
                "node manager": self.e2mgr_url,
                "subscription manager": self.submgr_url,
                "app manager": self.appmgr_url,
                "model store (gRPC)": self.store_target,
                "rapp": f"http://{HOST}:{self.ports.rapp_http}",
                **{f"xApp {name}": place.url for name, place in self.xapps.items()},
                **{f"node {name}": url for name, url in self.nodes.items()},
            },
        }
        path.write_text(json.dumps(state, indent=2) + "\n")

    def _start(self, name: str, argv: list[str]) -> ManagedProcess:
        environment = {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        process = ManagedProcess(name, argv, self.folder / "logs", environment)
        self.processes[name] = process
        process.start()
        return process

    @staticmethod
    def _python(module: str, options: dict[str, Any], *command: str) -> list[str]:
        pairs = [str(part) for pair in options.items() for part in pair]
        return [sys.executable, "-m", module, *command, *pairs]


def get_json(url: str, timeout_s: float = 2.0) -> Any:
    """The JSON of a GET, or None where nobody answers (yet) or the answer is no 200."""
    try:
        answer = httpx.get(url, timeout=timeout_s, trust_env=False)
    except httpx.HTTPError:
        return None
    return answer.json() if answer.status_code == 200 else None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
