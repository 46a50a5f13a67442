"""Training runs as job folders: what was asked, how it went, where it stands, what came out.

A run is named by the digest of its configuration. Starting it again continues where it was cut; a finished run returns
its result at once.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario
from oran.errors import ConfigError, ModelNotFound
from rapp import datasets, learners, teachers
from rapp.draws import Stream, draw, generator
from rapp.early_stopping import EarlyStopping, GateWatch, looks
from rapp.files import write_atomically
from rapp.journal import Journal
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import Manifest, ModelFile, ScenarioReference, digest
from xapps.runtime.model_slot import build
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae.batches import TrainingSet, take, take_labels

State = Literal["created", "running", "done"]


class RunConfig(BaseModel):
    """What a training run is asked to do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allocator: str = "ssvae"
    model: str = "ssvae"
    """Name under which the result is stored."""
    preset: str = "sane"
    changes: dict[str, Any] = Field(default_factory=dict)
    """Fields of the preset to replace."""
    seed: int = Field(default=0, ge=0)
    dataset: str = ""
    """Folder of the labelled data set; empty: the run learns without labels, in ``scenario``."""
    labelled_drops: int = Field(default=0, ge=0)
    """The first so many of them; 0: all."""
    more_datasets: tuple[str, ...] = ()
    """Folders of labelled data sets of cells of other sizes, learned from beside it."""
    unlabelled_drops: int = Field(default=2000, ge=0)
    scenario: str = ""
    """Name or YAML file of the radio of a run without labels; empty: the data set's."""
    experience: str = ""
    """Folder of what xApps sent back from the field; empty: none."""
    teacher: str = ""
    """Folder of a finished run that is learned from: see ``rapp.teachers``; empty: none."""
    early_stopping: EarlyStopping | None = None
    """When the run ends before its last epoch; None: it does not."""

    @model_validator(mode="after")
    def _one_source(self) -> RunConfig:
        if bool(self.dataset) == bool(self.scenario):
            raise ConfigError("dataset", self.dataset, f"give a data set or a scenario ({self.scenario!r}), not both")
        return self

    @property
    def run_id(self) -> str:
        chosen = self.model_dump(mode="json")
        later = ("scenario", "experience", "dataset", "more_datasets", "teacher", "early_stopping")
        absent = {name for name in later if not chosen[name]}  # ids outlive new fields
        content = json.dumps({name: value for name, value in chosen.items() if name not in absent}, sort_keys=True)
        return f"{self.allocator}-{self.preset}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a run stands; handed to the callback after every epoch."""

    epoch: int
    epochs: int
    curves: dict[str, float]


class Run:
    """One job folder: ``config.json``, ``curves.json``, ``spent.json``, ``checkpoint.safetensors``; at the end
    ``model.json`` and ``weights.safetensors``; ``verdict.json`` once the gate has spoken."""

    def __init__(self, folder: Path, config: RunConfig) -> None:
        self.folder = folder
        self.config = config

    @classmethod
    def create(cls, root: Path, config: RunConfig) -> Run:
        """The run of a configuration, new or found."""
        folder = root / config.run_id
        folder.mkdir(parents=True, exist_ok=True)
        run = cls(folder, config)
        run._write("config.json", config.model_dump_json(indent=1).encode())
        return run

    @classmethod
    def named(cls, root: Path, run_id: str) -> Run:
        """A run by its id.

        Raises:
            ModelNotFound: there is none.
            ConfigError: its configuration cannot be read.
        """
        if run_id not in {path.name for path in _folders(root)}:
            raise ModelNotFound(f"no run {run_id!r}")
        try:
            config = RunConfig.model_validate_json((root / run_id / "config.json").read_text())
        except ValidationError as error:
            raise ConfigError("config.json", run_id, str(error)) from error
        return cls(root / run_id, config)

    @property
    def state(self) -> State:
        if (self.folder / "model.json").exists():
            return "done"
        return "running" if (self.folder / "checkpoint.safetensors").exists() else "created"

    def execute(self, on_progress: Callable[[RunProgress], None] | None = None) -> ModelFile:
        """Train to the end, from the checkpoint if there is one.

        Raises:
            ConfigError: data set, preset or learner is not what the configuration says.
            ModelError: the checkpoint is damaged.
        """
        if self.state == "done":
            return self.model()
        source = self._source()
        learner = self._learner(source)
        watch = self._watch(source)
        if watch is not None:
            watch.look(learner)  # the one that a cut may have prevented
        spent = self._spent()
        while not (learner.done or (watch is not None and watch.over)):
            start_s, start_cpu_s = time.monotonic(), time.process_time()
            curves = learner.run_epoch()
            spent["seconds"] += time.monotonic() - start_s
            spent["cpu_seconds"] += time.process_time() - start_cpu_s
            self._write("spent.json", json.dumps(spent).encode())
            self._write("curves.json", json.dumps(learner.curves).encode())
            self._write("checkpoint.safetensors", learner.checkpoint())
            if watch is not None:
                watch.look(learner)
            if on_progress is not None:
                on_progress(RunProgress(learner.epoch, learner.num_epochs, curves))
        result = learner.result()
        return self._finish(result if watch is None else watch.best(result), source, spent)

    def model(self) -> ModelFile:
        """What came out of a finished run.

        Raises:
            ModelNotFound: it has not finished.
            DigestMismatch: the weights are not those that it wrote.
        """
        if self.state != "done":
            raise ModelNotFound(f"run {self.folder.name} has not finished")
        weights = (self.folder / "weights.safetensors").read_bytes()
        return ModelFile.parse((self.folder / "model.json").read_text(), weights).verify()

    def curves(self) -> list[dict[str, float]]:
        """One row of figures an epoch, as far as it has come."""
        path = self.folder / "curves.json"
        return json.loads(path.read_text()) if path.exists() else []

    def keep_verdict(self, verdict: dict[str, Any]) -> None:
        """Keep what the gate said of the result beside it, for whoever looks at the run later."""
        self._write("verdict.json", json.dumps(verdict, indent=1).encode())
        self._journal.judged(verdict["accepted"])

    def verdict(self) -> dict[str, Any] | None:
        """What the gate said last; None while it has not spoken."""
        path = self.folder / "verdict.json"
        return json.loads(path.read_text()) if path.exists() else None

    def summary(self, *, with_curves: bool = False) -> dict[str, Any]:
        """What the REST face shows."""
        curves = self.curves()
        shown = {"id": self.folder.name, "state": self.state, "config": self.config.model_dump(mode="json")}
        detail = {"curves": curves, "gate": looks(self.folder)} if with_curves else {}
        return shown | {"epochs_done": len(curves), **detail}

    def _source(self) -> datasets.Dataset | Scenario:
        c = self.config
        return datasets.load(Path(c.dataset)) if c.dataset else scenarios.load(c.scenario)

    def _learner(self, source: datasets.Dataset | Scenario) -> learners.Learner:
        c = self.config
        learner = learners.start(c.allocator, self._material(source), c.preset, c.changes, c.seed)
        checkpoint = self.folder / "checkpoint.safetensors"
        if checkpoint.exists():
            learner.restore(checkpoint.read_bytes(), self.curves())
        return learner

    def _watch(self, source: datasets.Dataset | Scenario) -> GateWatch | None:
        """Who looks at the gate's score in between; None where the configuration asks for nobody."""
        rules = self.config.early_stopping
        if rules is None:
            return None

        def allocator_of(trained: TrainedModel) -> Allocator:
            return build(ModelFile(self._manifest(trained, source, {}), trained.weights)).allocator

        return GateWatch(self.folder, rules, _scenario_of(source), allocator_of)

    def _material(self, source: datasets.Dataset | Scenario) -> learners.Material:
        c = self.config
        experience = Path(c.experience) if c.experience else None
        if isinstance(source, Scenario):
            return learners.Material(source, experience=experience, teacher=self._teacher())
        unlabelled = None
        if c.unlabelled_drops:
            rng = generator(Stream.UNLABELLED, source.manifest.seed)
            unlabelled = draw(source.manifest.scenario, rng, c.unlabelled_drops)
        labelled = slice(c.labelled_drops or None)
        others = (datasets.load(Path(each)) for each in c.more_datasets)
        more = tuple(TrainingSet(each.report, each.label) for each in others)
        label = take_labels(source.label, labelled)
        training_set = TrainingSet(take(source.report, labelled), label, unlabelled, more)
        return learners.Material(source.manifest.scenario, training_set, experience, self._teacher())

    def _teacher(self) -> ModelFile | None:
        """The model of the run that is learned from.

        Raises:
            ConfigError: there is no such run, or it has not finished.
            DigestMismatch: its weights are not those that it wrote.
        """
        if not self.config.teacher:
            return None
        folder = Path(self.config.teacher)
        try:
            return Run.named(folder.parent, folder.name).model()
        except ModelNotFound as error:
            raise ConfigError("teacher", self.config.teacher, str(error)) from error

    @property
    def _journal(self) -> Journal:
        return Journal(self.folder.parent)

    def _spent(self) -> dict[str, float]:
        """What the epochs so far have cost, those before a cut too."""
        path = self.folder / "spent.json"
        return json.loads(path.read_text()) if path.exists() else {"seconds": 0.0, "cpu_seconds": 0.0}

    def _finish(self, trained: TrainedModel, source: datasets.Dataset | Scenario, spent: dict[str, float]) -> ModelFile:
        manifest = self._manifest(trained, source, spent)
        self._write("weights.safetensors", trained.weights)
        self._write("model.json", manifest.model_dump_json(indent=1).encode())  # last: its presence says "done"
        self._journal.trained(spent["seconds"])
        return ModelFile(manifest, trained.weights)

    def _manifest(
        self, trained: TrainedModel, source: datasets.Dataset | Scenario, spent: dict[str, float]
    ) -> Manifest:
        scenario = _scenario_of(source)
        return Manifest(
            name=self.config.model,
            allocator=self.config.allocator,
            sha256=digest(trained.weights),
            architecture=trained.architecture,
            normalisation=trained.normalisation,
            scenario=ScenarioReference(name=scenario.name, digest=scenario.digest),
            training=trained.training | self._provenance(source) | {key: round(each, 1) for key, each in spent.items()},
        )

    def _provenance(self, source: datasets.Dataset | Scenario) -> dict[str, Any]:
        software = {name: version(name) for name in ("torch", "numpy")} | {"python": platform.python_version()}
        shown = {"run": self.folder.name, "seed": self.config.seed, "software": software}
        shown |= teachers.provenance(self._teacher())
        if isinstance(source, Scenario):
            return shown
        made = source.manifest
        labels = {"seed": made.seed, "drops": made.num_drops, "labels_by": made.labels_by}
        return shown | {"dataset": labels | {"solver": made.solver_version}}

    def _write(self, name: str, content: bytes) -> None:
        with write_atomically(self.folder / name) as file:
            file.write(content)


def _scenario_of(source: datasets.Dataset | Scenario) -> Scenario:
    return source if isinstance(source, Scenario) else source.manifest.scenario


def list_runs(root: Path) -> list[Run]:
    """All runs of a folder, newest first."""
    folders = sorted(_folders(root), key=lambda path: path.stat().st_mtime, reverse=True)
    return [Run.named(root, path.name) for path in folders]


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if (path / "config.json").is_file()] if root.is_dir() else []
