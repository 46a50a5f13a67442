"""Training runs of ALCOR: no labels, no data set, hence a job folder of their own kind.

A run is named by what it does; started again it continues where it was cut, and a finished one returns at once.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rapp.files import write_atomically
from xapps.alcor.learner import AlcorLearner
from xapps.alcor.presets import preset
from xapps.runtime.model_file import ModelFile

Progress = Callable[[int, int, dict[str, float]], None]


def trained(
    root: Path,
    preset_name: str,
    *,
    seed: int,
    changes: Mapping[str, Any] | None = None,
    on_progress: Progress = lambda epoch, epochs, curves: None,
) -> ModelFile:
    """The model of a preset and a seed; its folder keeps ``curves.json``, ``weights.safetensors`` and ``model.json``.

    Raises:
        ConfigError: no such preset or field.
        ModelError: the checkpoint is damaged.
        DigestMismatch: the weights are not those that the run wrote.
    """
    settings = preset(preset_name).with_changes(changes or {})
    content = json.dumps([settings.changes(), seed], sort_keys=True)
    folder = root / f"alcor-{preset_name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "model.json").exists():
        weights = (folder / "weights.safetensors").read_bytes()
        return ModelFile.parse((folder / "model.json").read_text(), weights).verify()
    learner = AlcorLearner(settings, seed=seed)
    _resume(folder, learner)
    start_s = time.process_time()
    while not learner.done:
        curves = learner.run_epoch()
        _write(folder / "curves.json", json.dumps(learner.curves).encode())
        _write(folder / "checkpoint.safetensors", learner.checkpoint())
        on_progress(learner.epoch, learner.num_epochs, curves)
    return _finish(folder, learner, time.process_time() - start_s)


def _resume(folder: Path, learner: AlcorLearner) -> None:
    checkpoint = folder / "checkpoint.safetensors"
    if checkpoint.exists():
        learner.restore(checkpoint.read_bytes(), json.loads((folder / "curves.json").read_text()))


def _finish(folder: Path, learner: AlcorLearner, cpu_s: float) -> ModelFile:
    result = learner.result()
    training = result.training | {"run": folder.name, "cpu_s": round(cpu_s, 1)}
    model = ModelFile.pack(
        result.weights, name="alcor", allocator="alcor", architecture=result.architecture, training=training
    )
    _write(folder / "weights.safetensors", result.weights)
    _write(folder / "model.json", model.manifest.model_dump_json(indent=1).encode())  # last: its presence says "done"
    return model


def _write(path: Path, content: bytes) -> None:
    with write_atomically(path) as file:
        file.write(content)
