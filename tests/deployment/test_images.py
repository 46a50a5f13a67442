"""Dockerfiles and the compose file: what they must never do, and what the code asks of them."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions, requires
from pathlib import Path

import pytest
import yaml

from deployment.fleet import ROOT, xapps
from ric.__main__ import main as ric_main
from tests.deployment.conftest import tool

DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
ROOMS = {"ric": ("oran", "ric"), "e2sim": ("oran", "e2sim"), "rapp": ("oran", "e2sim", "xapps", "rapp")}
ROOMS["xapp"] = ("oran", "e2sim", "xapps")
_TOOLS = {"gymnasium", "pettingzoo", "cvxpy", "pyarrow", "matplotlib", "rich"}
NOT_IN_IMAGES = {
    "e2sim": _TOOLS | {"grpc", "httpx"},
    "ric": {"grpc"},
    "rapp": (_TOOLS - {"matplotlib", "rich", "cvxpy"}) | {"ricxappframe", "ricsdl", "mdclogpy", "pydantic_settings"},
    "xapp": _TOOLS | {"fastapi", "uvicorn", "typer", "yaml", "torch"},
}
"""Imports of modules that an image carries along but that its process does not run: training, tools, environments."""


STARTED = {
    "ric": "import ric.__main__",
    "e2sim": "import e2sim.__main__",
    "rapp": "import rapp.__main__",
    "xapp": """
import logging
from oran.rmr import library
library.install_if_absent(logging.getLogger())
import xapps.runtime.process, xapps.kpimon.process
from xapps import allocators
for name in (*allocators.ALLOCATORS, *allocators.LEARNED):
    allocators.load_class(name)
""",
}
"""What the process of each image imports in the end."""

LACKING = """
import sys
class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name in {lacking!r}:
            raise ModuleNotFoundError(name + " is not in the image", name=name)
sys.meta_path.insert(0, Lacking())
"""


def instructions(path):
    """The file's instructions, continued lines joined, comments left out."""
    text = re.sub(r"\\\n", " ", "\n".join(line for line in path.read_text().splitlines() if not line.startswith("#")))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


@pytest.fixture(params=DOCKERFILES, ids=lambda path: path.stem)
def dockerfile(request):
    return request.param


@pytest.fixture
def last_stage(dockerfile):
    found = instructions(dockerfile)
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def test_hadolint_finds_nothing(dockerfile):
    folder = Path(sys.executable).parent
    program = shutil.which("hadolint", path=str(folder)) or tool("hadolint")
    run = subprocess.run([program, dockerfile], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_base_is_an_exact_version_which_every_stage_shares(dockerfile):
    found = instructions(dockerfile)
    base = next(rest for name, rest in found if name == "ARG" and rest.startswith("PYTHON="))
    assert re.fullmatch(r"PYTHON=docker\.io/library/python:3\.11\.\d+-slim-bookworm", base)
    sources = {rest.split()[0] for name, rest in found if name == "FROM"}
    assert sources <= {"${PYTHON}", "${RMR}"}


def test_the_last_stage_builds_nothing_and_runs_as_a_numeric_user(last_stage):
    assert not [rest for name, rest in last_stage if name == "RUN"]
    users = [rest for name, rest in last_stage if name == "USER"]
    assert users == ["10001:10001"]
    after_user = last_stage[last_stage.index(("USER", users[0])) :]
    assert [name for name, _ in after_user].count("ENTRYPOINT") == 1


def test_health_check_entry_point_and_command_are_lists(last_stage):
    health = next(rest for name, rest in last_stage if name == "HEALTHCHECK")
    assert json.loads(health[health.index("CMD ") + 4 :])[0] == "python3"
    for name, rest in last_stage:
        if name in ("ENTRYPOINT", "CMD"):
            assert isinstance(json.loads(rest), list)


def test_images_say_what_they_are(last_stage):
    labels = " ".join(rest for name, rest in last_stage if name == "LABEL")
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels


@pytest.mark.parametrize("kind", sorted(ROOMS))
def test_an_image_holds_the_packages_that_its_rooms_import(kind):
    imported = set().union(*(_imports(ROOT / room) for room in ROOMS[kind]))
    own = set(sys.stdlib_module_names) | {"oran", "e2sim", "ric", "xapps", "rapp"}
    names = imported - own - NOT_IN_IMAGES.get(kind, set())
    provided = {name: {_plain(each) for each in packages_distributions().get(name, ())} for name in names}
    installed = _with_dependencies(_requirements(kind))
    lacking = {name for name, by in provided.items() if not by & installed}
    assert not lacking


@pytest.mark.parametrize("kind", sorted(STARTED))
def test_the_process_of_an_image_imports_nothing_that_the_image_lacks(kind):
    installed = _with_dependencies(_requirements(kind))
    lacking = {name for name, by in packages_distributions().items() if not {_plain(each) for each in by} & installed}
    lacking -= {"oran", "e2sim", "ric", "xapps", "rapp"}
    assert "pytest" in lacking
    run = subprocess.run(
        [sys.executable, "-c", LACKING.format(lacking=lacking) + STARTED[kind]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("kind", sorted(ROOMS))
def test_every_listed_package_has_a_pinned_version(kind):
    pins = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert {name.replace("_", "-") for name in _requirements(kind)} <= pins


def test_without_its_digest_librmr_ends_the_build(tmp_path):
    package = tmp_path / "rmr.deb"
    package.write_bytes(b"content")
    for digest, words in (("", "RMR_SHA256"), ("0" * 64, "has the SHA-256")):
        command = [sys.executable, str(DOCKER / "librmr.py"), package.as_uri(), digest, str(tmp_path / "out")]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode != 0
        assert words in run.stderr
        assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_compose_runs_every_xapp_and_prometheus_scrapes_it_under_its_name(compose):
    scraped = yaml.safe_load((DOCKER / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    targets = {each["labels"]["xapp"]: each["targets"] for each in scraped[0]["static_configs"]}
    for xapp in xapps():
        assert compose["services"][xapp.name]["image"].startswith(f"oran-slicing/{xapp.name}:")
        assert targets[xapp.name] == [f"{xapp.name}:8080"]
    assert set(targets) == {xapp.name for xapp in xapps()}


def test_compose_shows_grafana_every_dashboard(compose):
    mounted = {volume.split(":")[0] for volume in compose["services"]["grafana"]["volumes"]}
    folders = {f"../helm/{path.parents[1].name}/dashboards" for path in ROOT.glob("helm/*/dashboards/*.json")}
    assert folders <= mounted


def test_compose_gives_prometheus_every_rules_file(compose):
    mounted = {volume.split(":")[0] for volume in compose["services"]["prometheus"]["volumes"]}
    assert {f"../helm/{path.parent.name}/rules.yaml" for path in ROOT.glob("helm/*/rules.yaml")} <= mounted


def test_compose_opens_ports_to_this_machine_only_and_leaves_no_password(compose):
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    grafana = compose["services"]["grafana"]["environment"]
    assert grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_compose_hardens_what_stays_up(compose):
    for name, service in compose["services"].items():
        if name == "models":
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name


def test_compose_hands_options_that_the_ric_knows(compose):
    options = {part.split("=")[0].lstrip("-").replace("-", "_") for part in compose["services"]["ric"]["command"]}
    assert options <= set(ric_main.__annotations__)


def test_promtool_accepts_the_scrape_configuration(tmp_path):
    text = (DOCKER / "prometheus/prometheus.yml").read_text().replace("/rules/*.yaml", f"{ROOT}/helm/ssvae/rules.yaml")
    (tmp_path / "prometheus.yml").write_text(text)
    run = subprocess.run(
        [tool("promtool"), "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def _requirements(kind):
    lines = (DOCKER / "requirements" / f"{kind}.txt").read_text().splitlines()
    names = {_named(line) for line in lines if line and not line.startswith("#")}
    separately = {"torch"} if "torch" in (DOCKER / f"{kind}.Dockerfile").read_text() else set()
    return names | separately


def _with_dependencies(names):
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            with suppress(PackageNotFoundError):  # needed on other systems only
                waiting += [_named(each) for each in requires(name) or () if "extra ==" not in each]
    return found & {_plain(each.name) for each in distributions()}


def _named(requirement):
    return _plain(re.match(r"[A-Za-z0-9._-]+", requirement)[0])


def _plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def _imports(folder):
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return {name for name in found if importlib.util.find_spec(name) is not None}
