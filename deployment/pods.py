"""The charts' pods run by podman, without a cluster: ``python -m deployment.pods``.

Renders the umbrella as Helm does, gives every pod an address on podman's bridge, and stands in for what a cluster adds:
the services' names (as host aliases), the pod's own address, volumes. The pods themselves are the charts': image, user,
read-only root, dropped capabilities, config maps. Then the charts' own ``helm test`` pods are run.

Needs podman, Helm (scripts/setup_charts.sh) and the images (``make images``); E2 goes over TCP, since kernels of
laptops and of build machines may have no SCTP.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from deployment.fleet import ROOT
from oran.errors import ConfigError, SuiteError

Object = dict[str, Any]

TOOLS = Path(os.environ.get("CHART_TOOLS") or Path.home() / ".cache" / "oran-slicing-suite" / "tools")
TCP = ("--set=ric.e2.transport=tcp", "--set=e2sim.ric.transport=tcp")
PLACEHOLDER = "registry.example.org/oran-slicing"
LEFT_OUT = ("resources", "ports", "startupProbe", "livenessProbe", "readinessProbe")
"""Limits need cgroups that build machines may not delegate; ports would be published on the host."""
STARTS_FIRST = ("ric-redis", "ric")
"""A cluster restarts what came too early; here it comes in order."""


class PodsFailed(SuiteError):
    """A pod did not come up, or one of the charts' tests failed."""


@dataclass(frozen=True, slots=True)
class Network:
    """Addresses of the pods on podman's bridge."""

    prefix: str = "10.88.0"
    first: int = 100

    def addresses(self, names: Iterable[str]) -> dict[str, str]:
        """One address a pod, in order."""
        return {name: f"{self.prefix}.{self.first + index}" for index, name in enumerate(names)}


@dataclass(slots=True)
class Outcome:
    """What became of the charts' tests."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Test pod -> the end of what it said."""

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "failed": self.failed}


def rendered(options: Sequence[str]) -> list[Object]:
    """The objects of the umbrella chart.

    Raises:
        ConfigError: Helm is missing or refuses the values.
    """
    path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
    helm = next((found for name in ("helm4", "helm3", "helm") if (found := shutil.which(name, path=path))), None)
    if helm is None:
        raise ConfigError("helm", "missing", "scripts/setup_charts.sh brings it")
    run = subprocess.run(
        [helm, "template", "suite", str(ROOT / "helm" / "suite"), "-n", "ricxapp", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise ConfigError("values", " ".join(options), run.stderr.strip().splitlines()[-1])
    return [each for each in yaml.safe_load_all(run.stdout) if each]


def workloads(objects: Sequence[Object], folder: Path) -> dict[str, Object]:
    """Pods of Deployments and StatefulSets by name, in the order of their start; their volumes are in ``folder``."""
    chosen = [each for each in objects if each["kind"] in ("Deployment", "StatefulSet")]
    found = {each["metadata"]["name"]: _pod(each, folder) for each in chosen}
    return dict(sorted(found.items(), key=lambda item: (*(item[0] != name for name in STARTS_FIRST), item[0])))


def tests(objects: Sequence[Object]) -> dict[str, Object]:
    """The pods of ``helm test`` by name."""
    return {
        each["metadata"]["name"]: each
        for each in objects
        if each["kind"] == "Pod" and "test" in each["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    }


def aliases(objects: Sequence[Object], pods: dict[str, Object], addresses: dict[str, str]) -> list[Object]:
    """What the cluster's DNS would answer: every service under its three names at its pod's address."""
    names: dict[str, list[str]] = {}
    for service in (each for each in objects if each["kind"] == "Service"):
        selector, metadata = service["spec"]["selector"], service["metadata"]
        for pod, document in pods.items():
            if selector.items() <= document["metadata"]["labels"].items():
                host, namespace = metadata["name"], metadata["namespace"]
                names.setdefault(addresses[pod], []).extend(
                    [host, f"{host}.{namespace}", f"{host}.{namespace}.svc.cluster.local"]
                )
    return [{"ip": address, "hostnames": hosts} for address, hosts in names.items()]


def playable(pod: Object, address: str, hosts: Sequence[Object], objects: Sequence[Object]) -> str:
    """The YAML that ``podman kube play`` takes: the pod with its address and aliases, and the config maps it names."""
    pod = copy.deepcopy(pod)
    pod["spec"]["hostAliases"] = list(hosts)
    pod["spec"]["containers"] = [_container(each, address) for each in pod["spec"]["containers"]]
    text = json.dumps(pod)
    maps = [each for each in objects if each["kind"] == "ConfigMap" and each["metadata"]["name"] in text]
    return yaml.safe_dump_all([*maps, pod])


@contextmanager
def playing(documents: dict[str, str], addresses: dict[str, str], folder: Path) -> Iterator[None]:
    """Pods run while the block does.

    Raises:
        PodsFailed: podman refuses one.
    """
    started: list[Path] = []
    try:
        for name, text in documents.items():
            path = folder / f"{name}.yaml"
            path.write_text(text)
            started.append(path)
            _podman("kube", "play", "--network", "podman", "--ip", addresses[name], str(path))
        yield
    finally:
        for path in reversed(started):
            subprocess.run(["podman", "kube", "down", str(path)], capture_output=True, check=False)


def run_tests(objects: Sequence[Object], hosts: Sequence[Object], address: str, folder: Path) -> Outcome:
    """The charts' own tests, one after the other."""
    outcome = Outcome()
    for name, pod in tests(objects).items():
        with playing({name: playable(pod, address, hosts, objects)}, {name: address}, folder):
            container = f"{name}-{pod['spec']['containers'][0]['name']}"
            status = _podman("wait", container).strip()
            said = subprocess.run(["podman", "logs", container], capture_output=True, text=True, check=False)
        if status == "0":
            outcome.passed.append(name)
        else:
            outcome.failed[name] = (said.stdout + said.stderr)[-600:]
    return outcome


def tried(objects: Sequence[Object], folder: Path, keep_s: float) -> Outcome:
    """All pods at once, and the tests against them."""
    pods = workloads(objects, folder)
    addresses = Network().addresses([*pods, "tests"])
    hosts = aliases(objects, pods, addresses)
    documents = {name: playable(pod, addresses[name], hosts, objects) for name, pod in pods.items()}
    with playing(documents, addresses, folder):
        outcome = run_tests(objects, hosts, addresses["tests"], folder)
        time.sleep(keep_s)
    return outcome


def main(
    registry: Annotated[str, typer.Option(help="Where the images are")] = "localhost/oran-slicing",
    values: Annotated[list[str], typer.Option("--set", help="Further values of the umbrella")] = [],  # noqa: B006 - typer copies
    keep_s: Annotated[float, typer.Option(min=0, help="Time to keep the pods after their tests [s]")] = 0.0,
) -> None:
    """Run the pods of helm/suite under podman and the charts' tests against them; exits 1 if one fails."""
    if shutil.which("podman") is None:
        raise ConfigError("podman", "missing", "it runs the pods")
    objects = rendered([*TCP, *(f"--set={each}" for each in values)])
    _rename_images(objects, registry)
    with tempfile.TemporaryDirectory() as name:
        outcome = tried(objects, Path(name), keep_s)
    typer.echo(json.dumps(outcome.to_dict(), indent=1))
    raise typer.Exit(1 if outcome.failed else 0)


def _pod(workload: Object, folder: Path) -> Object:
    """The pod that a workload would start, with a folder where it would claim a volume."""
    template, name = workload["spec"]["template"], workload["metadata"]["name"]
    spec = dict(template["spec"])
    claimed = [each["metadata"]["name"] for each in workload["spec"].get("volumeClaimTemplates", ())]
    claimed += [each["name"] for each in spec.get("volumes", ()) if "persistentVolumeClaim" in each]
    kept = [each for each in spec.get("volumes", ()) if "persistentVolumeClaim" not in each]
    spec["volumes"] = kept + [_volume(each, folder / f"{name}-{each}") for each in claimed]
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _volume(name: str, path: Path) -> Object:
    path.mkdir()
    path.chmod(0o777)  # a cluster gives a volume to the pod's fsGroup
    return {"name": name, "hostPath": {"path": str(path), "type": "Directory"}}


def _container(container: Object, address: str) -> Object:
    """A container without what podman has no use for; the tests ask what its readiness probe would."""
    kept = {key: value for key, value in container.items() if key not in LEFT_OUT}
    if "args" in kept:
        kept["args"] = [text.replace("$(POD_IP)", address) for text in kept["args"]]
    kept["env"] = [each for each in kept.get("env", ()) if "valueFrom" not in each]
    return kept


def _rename_images(objects: Sequence[Object], registry: str) -> None:
    """Point the placeholder registry of the values at where the images are."""
    for each in objects:
        spec = each.get("spec", {})
        for container in spec.get("template", {}).get("spec", spec).get("containers", ()):
            container["image"] = container["image"].replace(PLACEHOLDER, registry)


def _podman(*arguments: str) -> str:
    run = subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise PodsFailed(f"podman {' '.join(arguments[:2])}: {run.stderr.strip()[-500:]}")
    return run.stdout


if __name__ == "__main__":
    try:
        typer.run(main)
    except SuiteError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - for whoever typed it
        raise SystemExit(2) from error
