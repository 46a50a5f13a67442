"""Labelled data sets: drops of a scenario with the exact solver's decisions, made in parallel and resumable.

A data set is a folder: ``manifest.json`` says what it is, ``chunk-0000.npz`` and so on hold the drops. A chunk depends
on the manifest and its number alone, so a build that was cut is continued by building again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from e2sim.scenario import Scenario
from oran.e2sm.rrm import GAIN_STEP_DB, Allocation, RadioReport
from oran.errors import ConfigError, ModelError, SuiteError
from rapp.draws import Stream, draw, generator
from rapp.files import write_atomically
from xapps import allocators
from xapps.ssvae.batches import drops, stack, take

OnProgress = Callable[[int, int], None]
"""Told (drops done, drops in all)."""


class DatasetManifest(BaseModel):
    """What a data set is; two with equal manifests are equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: Scenario
    scenario_digest: str
    seed: int = Field(ge=0)
    num_drops: int = Field(ge=2)
    chunk_drops: int = Field(default=25, ge=1)
    labels_by: str = "exact"
    """Name of a classic allocator."""
    solver_version: str

    @property
    def num_chunks(self) -> int:
        return -(-self.num_drops // self.chunk_drops)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A whole data set in memory."""

    manifest: DatasetManifest
    report: RadioReport
    """Arrays (N, ...)."""
    label: Allocation
    """Arrays (N, ...)."""


def describe(scenario: Scenario, *, seed: int, num_drops: int, labels_by: str = "exact") -> DatasetManifest:
    """The manifest of a data set to be built.

    Raises:
        ConfigError: a number out of range or an allocator that makes no labels.
    """
    if labels_by not in allocators.ALLOCATORS:
        raise ConfigError("labels_by", labels_by, f"known are {', '.join(allocators.ALLOCATORS)}")
    try:
        return DatasetManifest(
            scenario=scenario,
            scenario_digest=scenario.digest,
            seed=seed,
            num_drops=num_drops,
            labels_by=labels_by,
            solver_version=f"highspy {version('highspy')}",
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise ConfigError(str(fault["loc"][-1]), fault["input"], fault["msg"]) from error


def build(
    folder: Path, manifest: DatasetManifest, *, workers: int | None = None, on_progress: OnProgress | None = None
) -> Dataset:
    """Make the chunks that are not there yet, then load all.

    Args:
        workers: processes; None takes one a core, 1 stays in this process.

    Raises:
        ConfigError: the folder holds another data set.
        ModelError: a drop could not be labelled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, manifest)
    missing = [index for index in range(manifest.num_chunks) if not _chunk_path(folder, index).exists()]
    done = manifest.num_drops - sum(_chunk_size(manifest, index) for index in missing)
    for index in _made(folder, manifest, missing, workers or os.cpu_count() or 1):
        done += _chunk_size(manifest, index)
        if on_progress is not None:
            on_progress(done, manifest.num_drops)
    return load(folder)


def load(folder: Path) -> Dataset:
    """A data set from its folder.

    Raises:
        ConfigError: not a data set, or one that is not complete.
    """
    try:
        manifest = DatasetManifest.model_validate_json((folder / "manifest.json").read_text())
        chunks = [_read_chunk(_chunk_path(folder, index)) for index in range(manifest.num_chunks)]
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError("dataset", folder.name, f"is no complete data set: {error}") from error
    gain_db, owner, serving, power_w = (np.concatenate([chunk[i] for chunk in chunks]) for i in range(4))
    report = draw(manifest.scenario, generator(Stream.LABELLED, manifest.seed), 1)
    report = replace(_spread(report, len(gain_db)), gain_db=gain_db)
    return Dataset(manifest, report, Allocation(np.asarray(report.ue_ids), serving, owner, power_w))


def _made(folder: Path, manifest: DatasetManifest, indices: list[int], workers: int) -> Iterator[int]:
    """Numbers of the chunks as they get ready."""
    text = manifest.model_dump_json()
    if workers == 1 or len(indices) < 2:
        for index in indices:
            _raise_fault(_make_chunk(folder, text, index))
            yield index
        return
    with _processes(min(workers, len(indices))) as pool:
        futures = {pool.submit(_make_chunk, folder, text, index): index for index in indices}
        for future in as_completed(futures):
            _raise_fault(future.result())
            yield futures[future]


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    """Fresh processes (forking a process with threads is unsafe); what has not begun is dropped at the first error."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_silence_standard_output)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _silence_standard_output() -> None:
    """HiGHS has a line that it prints whatever its log options say; it would run through the progress bar."""
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def _make_chunk(folder: Path, manifest_json: str, index: int) -> str:
    """Draw, label and write one chunk; returns what went wrong, as our errors do not cross processes."""
    manifest = DatasetManifest.model_validate_json(manifest_json)
    report = draw(manifest.scenario, generator(Stream.LABELLED, manifest.seed, index), _chunk_size(manifest, index))
    labeller = allocators.build(manifest.labels_by)
    try:
        label = stack([labeller.decide(drop) for drop in drops(report)])
    except SuiteError as error:
        return f"chunk {index}: {error}"
    gain = np.rint(np.asarray(report.gain_db) / GAIN_STEP_DB).astype(np.int16)
    with write_atomically(_chunk_path(folder, index)) as file:
        np.savez_compressed(file, gain=gain, owner=label.prb_owner, serving=label.serving_ru, power_w=label.power_w)
    return ""


def _raise_fault(fault: str) -> None:
    if fault:
        raise ModelError(f"a drop could not be labelled: {fault}")


def _read_chunk(path: Path) -> tuple[np.ndarray, ...]:
    with np.load(path, allow_pickle=False) as chunk:
        return chunk["gain"] * GAIN_STEP_DB, chunk["owner"], chunk["serving"], chunk["power_w"]


def _claim(folder: Path, manifest: DatasetManifest) -> None:
    path = folder / "manifest.json"
    if path.exists():
        if path.read_text() != manifest.model_dump_json():
            raise ConfigError("dataset", folder.name, "holds a data set with another manifest")
        return
    with write_atomically(path) as file:
        file.write(manifest.model_dump_json().encode())


def _spread(report: RadioReport, n: int) -> RadioReport:
    """The per-UE fields of one drop repeated for N: a scenario without churn gives every drop the same UEs."""
    return take(report, np.zeros(n, np.int64))


def _chunk_size(manifest: DatasetManifest, index: int) -> int:
    return min(manifest.chunk_drops, manifest.num_drops - index * manifest.chunk_drops)


def _chunk_path(folder: Path, index: int) -> Path:
    return folder / f"chunk-{index:04d}.npz"
