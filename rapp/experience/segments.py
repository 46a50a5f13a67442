"""Experience on disk: segments that are written once, whole or not at all, and the oldest of which make room.

A segment is ``00000001.safetensors`` and, written after it, ``00000001.json``: what it holds and its SHA-256. A file
without the other is what a crash left behind, and goes when the folder is opened. Steps differ in their numbers of UEs,
so arrays are laid end to end; ``num_ues``, ``num_rus`` and ``num_prbs`` tell where to cut.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from oran.errors import DigestMismatch, ModelError
from rapp.experience.columns import Columns, joined, split
from rapp.experience.steps import Step
from rapp.files import write_atomically
from xapps.runtime.model_file import digest


class StreamSpan(BaseModel):
    """What a segment holds of one stream."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stream_id: str
    xapp: str
    first: int = Field(ge=1)
    through: int = Field(ge=0)
    """Numbers up to this one were settled when the segment was written: the stream goes on after it."""
    stored: int = Field(ge=0)
    """Of the stream so far, this segment included."""
    dropped: int = Field(ge=0)
    """Of the stream so far, by the xApp."""
    lost: int = Field(ge=0)
    """Of the stream so far, neither stored nor dropped."""


class SegmentManifest(BaseModel):
    """What a segment is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    created_unix_s: float
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1)
    steps: int = Field(ge=1)
    span: StreamSpan
    meids: tuple[str, ...]
    allocators: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    """Strings that the arrays refer to by index."""


class ExperienceFolder:
    """A folder of segments.

    Args:
        max_bytes: of all segments together; the oldest are removed to keep it.
        clock: Unix time [s].
    """

    def __init__(self, root: Path, *, max_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.root = root
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        root.mkdir(parents=True, exist_ok=True)
        self._manifests = manifests(root)
        self._next = 1 + max((each.number for each in self._manifests), default=0)
        self._sweep()
        self.removed_steps = 0
        """Steps that made room for newer ones, since the folder was opened."""

    @property
    def manifests(self) -> Sequence[SegmentManifest]:
        """All segments, oldest first."""
        return tuple(self._manifests)

    @property
    def size_bytes(self) -> int:
        return sum(each.size_bytes for each in self._manifests)

    def last_span(self, stream_id: str) -> StreamSpan | None:
        """Where a stream stands, as far as the segments tell."""
        return next((each.span for each in reversed(self.manifests) if each.span.stream_id == stream_id), None)

    def write(self, steps: Sequence[Step], span: StreamSpan) -> SegmentManifest:
        """Store steps of one stream, at least one; durable when this returns.

        Raises:
            ModelError: the disk refuses.
        """
        arrays, names = joined(steps)
        content = safetensors.save(arrays)
        with self._lock:
            manifest = SegmentManifest(
                number=self._next,
                created_unix_s=self._clock(),
                sha256=digest(content),
                size_bytes=len(content),
                steps=len(steps),
                span=span,
                meids=tuple(sorted({step.meid for step in steps})),
                allocators=tuple(sorted({step.allocator for step in steps})),
                names=names,
            )
            self._write(manifest, content)
            self._next += 1
            self._manifests.append(manifest)
            self._make_room()
        return manifest

    def _write(self, manifest: SegmentManifest, content: bytes) -> None:
        try:
            for path, written in (
                (_data_path(self.root, manifest.number), content),
                (_manifest_path(self.root, manifest.number), manifest.model_dump_json(indent=1).encode()),
            ):
                with write_atomically(path) as file:
                    file.write(written)
        except OSError as error:
            raise ModelError(f"experience cannot be written: {error}") from error

    def _make_room(self) -> None:
        while len(self._manifests) > 1 and self.size_bytes > self._max_bytes:
            oldest = self._manifests.pop(0)
            self.removed_steps += oldest.steps
            _manifest_path(self.root, oldest.number).unlink(missing_ok=True)
            _data_path(self.root, oldest.number).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove data without a manifest, and what was being written."""
        known = {_data_path(self.root, each.number) for each in self._manifests}
        for path in [
            *self.root.glob("*.safetensors"),
            *self.root.glob(".*.safetensors-*"),
            *self.root.glob(".*.json-*"),
        ]:
            if path not in known:
                path.unlink(missing_ok=True)


def manifests(root: Path) -> list[SegmentManifest]:
    """The segments of a folder, oldest first.

    Raises:
        ModelError: a manifest cannot be read.
    """
    found = []
    for path in sorted(root.glob("*.json")):
        try:
            found.append(SegmentManifest.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as error:
            raise ModelError(f"experience segment {path.name} cannot be read: {error}") from error
    return found


def read(root: Path, manifest: SegmentManifest) -> Columns:
    """The steps of a segment.

    Raises:
        ModelError: the file is missing or no such segment; DigestMismatch: its bytes have changed.
    """
    path = _data_path(root, manifest.number)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"experience segment {path.name} cannot be read: {error}") from error
    if digest(content) != manifest.sha256:
        raise DigestMismatch(f"experience segment {path.name}: SHA-256 is {digest(content)}, not {manifest.sha256}")
    try:
        return split(safetensors.load(content), manifest.names)
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise ModelError(f"experience segment {path.name} is none: {error!r}") from error


def _data_path(root: Path, number: int) -> Path:
    return root / f"{number:08d}.safetensors"


def _manifest_path(root: Path, number: int) -> Path:
    return root / f"{number:08d}.json"
