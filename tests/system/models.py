"""Models that need no training."""

from __future__ import annotations

import numpy as np
from safetensors import numpy as safetensors

from xapps.runtime.model_file import ModelFile
from xapps.ssvae.network import Architecture, initialise


def untrained(name: str) -> ModelFile:
    """A network of the scenario *tiny*'s two slices that decides for any number of UEs, if not well."""
    architecture = Architecture(slices=2, width=8, layers=1, latent=4)
    weights = initialise(architecture, np.random.default_rng(5))
    return ModelFile.pack(
        safetensors.save({name: np.asarray(value, np.float32) for name, value in weights.items()}),
        name=name,
        allocator="ssvae",
        architecture={"network": architecture.to_dict()},
        normalisation={"snr_mean_db": 10.0, "snr_std_db": 8.0},
    )
