"""Latency of SS-VAE's decisions at 20 UEs x 25 PRBs beside matching's and exact's on the same drops. Prints JSON.

``python -m benchmarks.ssvae_latency [drops] [run folder]``. Times are processor time of one thread, so that a busy
machine distorts them little; ratios of one run are what compares across machines. Without a run folder the network is
the preset "sane" trained briefly on few drops: its size is that of the served one, and time hardly depends on more.
Each drop is decided once by everybody in turn, as an xApp meets it: no report is seen twice.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from e2sim import scenario
from oran.e2sm.rrm import RadioReport
from rapp.draws import Stream, draw, generator
from rapp.runs import Run
from xapps.allocators import build
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_file import Manifest, ModelFile, digest
from xapps.ssvae.batches import TrainingSet, drops, stack
from xapps.ssvae.decoder import Decoding
from xapps.ssvae.learner import train
from xapps.ssvae.policy import SsvaePolicy
from xapps.ssvae.presets import preset

BEST_OF = 8
SPREAD = 3.0
LABELS = 100
EPOCHS = 6
WARM_UP = 20
EXACT_DROPS = 5


def brief_model(name: str) -> ModelFile:
    """A network of the served size that knows roughly what it does."""
    radio = scenario.load(name)
    report = draw(radio, generator(Stream.LABELLED, 0), LABELS)
    matching = build("matching")
    label = stack([matching.decide(drop) for drop in drops(report)])
    settings = preset("sane").with_changes({"epochs": EPOCHS, "unlabelled_batch_size": 0})
    trained = train(TrainingSet(report, label), settings, seed=0)
    manifest = Manifest(
        name="ssvae",
        allocator="ssvae",
        sha256=digest(trained.weights),
        architecture=trained.architecture,
        normalisation=trained.normalisation,
    )
    return ModelFile(manifest, trained.weights)


def decoding(model: ModelFile, chosen: Decoding) -> SsvaePolicy:
    """The model's policy with another decoding."""
    architecture = model.manifest.architecture | {"decoding": asdict(chosen)}
    return SsvaePolicy.from_model(
        ModelFile(model.manifest.model_copy(update={"architecture": architecture}), model.weights)
    )


def spent_ms(allocator: Allocator, report: RadioReport) -> float:
    """Processor time of a decision."""
    start_s = time.thread_time()
    allocator.decide(report)
    return 1e3 * (time.thread_time() - start_s)


@contextmanager
def silent_standard_output() -> Iterator[None]:
    """HiGHS has a line that it prints whatever its log options say; it would stand in the JSON."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def measure(name: str, count: int, model: ModelFile) -> dict[str, Any]:
    """Percentiles of every allocator, and the medians' ratios to matching's and exact's."""
    reports = list(drops(draw(scenario.load(name), generator(Stream.HELD_OUT, 0), count + WARM_UP)))
    allocators: dict[str, Allocator] = {
        "ssvae": decoding(model, Decoding()),
        "ssvae and the physics": decoding(model, Decoding(physics=True)),
        f"ssvae, best of {BEST_OF}": decoding(model, Decoding(candidates=BEST_OF, spread=SPREAD)),
        f"ssvae and the physics, best of {BEST_OF}": decoding(
            model, Decoding(candidates=BEST_OF, spread=SPREAD, physics=True)
        ),
        "matching": build("matching"),
        "greedy": build("greedy"),
    }
    taken: dict[str, list[float]] = {each: [] for each in allocators}
    for report in reports:
        for each, allocator in allocators.items():
            taken[each].append(spent_ms(allocator, report))
    with silent_standard_output():
        exact = build("exact")
        taken["exact"] = [spent_ms(exact, report) for report in reports[:EXACT_DROPS]]
    taken = {each: values[WARM_UP:] if each != "exact" else values for each, values in taken.items()}
    median = {each: float(np.median(values)) for each, values in taken.items()}
    return {
        each: {
            "p50_ms": round(median[each], 3),
            "p99_ms": round(float(np.percentile(values, 99)), 3),
            "of_matching": round(median[each] / median["matching"], 3),
            "of_exact": round(median[each] / median["exact"], 5),
        }
        for each, values in taken.items()
    }


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    chosen = Run.named(Path(sys.argv[2]).parent, Path(sys.argv[2]).name).model() if len(sys.argv) > 2 else None
    found = {name: measure(name, count, chosen or brief_model(name)) for name in ("cell", "edge")}
    print(json.dumps({"drops": count, "scenarios": found}, indent=1))


if __name__ == "__main__":
    main()
