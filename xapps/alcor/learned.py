"""The acting half of the learned policies: weights and measurements in, powers out. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from oran.errors import ConfigError, ModelRejected
from xapps.alcor import graph, local, perceptron
from xapps.alcor.graph import GraphArchitecture
from xapps.alcor.graph_serving import GraphForward
from xapps.alcor.links import switched
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.ranking import on_from_the_top
from xapps.alcor.ura import Ura, require_no_weights

Array = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.float32]]

MOST_ON = 24
"""Users whom the graph policy switches on at a time at most, where its shape does not say."""


class GraphUra:
    """The permutation-equivariant policy: any number of users, with weights.

    Args:
        architecture: shape of the network.
        weights: as ``graph.weight_shapes`` lists them.
        ranked: powers are 0 or p_max, since optima are almost binary: the first users of the ranking by logit, as many
            as make the sum rate largest. Otherwise the sigmoid's.

    Raises:
        ModelRejected: weights and architecture do not fit together.
    """

    name = "graph"
    takes_weights = True

    def __init__(self, architecture: GraphArchitecture, weights: Weights, *, ranked: bool = True) -> None:
        self._w = _checked(weights, graph.weight_shapes(architecture))
        self._forward, self._ranked = GraphForward(architecture, self._w), ranked
        self._most = architecture.candidates or MOST_ON

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        snr32 = np.asarray(snr, np.float32)
        utility = None if weight is None else np.asarray(weight, np.float32)
        on = None if active.all() else np.asarray(active, np.float32)
        logit = self._forward.logits(snr32, utility, on)
        if not self._ranked:
            return _sigmoid(logit) * active
        if on is None:
            return on_from_the_top(snr32, utility, logit, self._most)
        return on_from_the_top(snr32, on if utility is None else on * utility, logit, self._most) * active


class PerceptronUra:
    """The paper's centralised policy, for one number of users.

    Args:
        architecture: shape of the network.
        weights: as ``perceptron.weight_shapes`` lists them.
        ranked: as for the graph policy; the paper's powers are the sigmoid's.

    Raises:
        ModelRejected: weights and architecture do not fit together.
    """

    name = "perceptron"
    takes_weights = False

    def __init__(self, architecture: PerceptronArchitecture, weights: Weights, *, ranked: bool = True) -> None:
        self._w = _checked(weights, perceptron.weight_shapes(architecture))
        self._architecture, self._ranked = architecture, ranked

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        require_no_weights(weight, self.name)
        if snr.shape[-1] != self._architecture.users:
            raise ConfigError("users", snr.shape[-1], f"the perceptron was made for {self._architecture.users}")
        snr32, on = np.asarray(snr, np.float32), np.asarray(active, np.float32)
        logit = perceptron.logits(self._architecture, self._w, perceptron.inputs(snr32, on, np))
        if not self._ranked:
            return _sigmoid(logit) * active
        return on_from_the_top(snr32, on, np.where(on > 0, logit, -np.inf), MOST_ON) * active


class LocalUra:
    """The distributed policy: the same small network at every user, iterated on the held channel.

    Args:
        weights: as ``local.weight_shapes`` lists them.
        inner_slots: slots for which a channel is held; the last one's powers are the answer.

    Raises:
        ModelRejected: weights of another network.
    """

    name = "local"
    takes_weights = False

    def __init__(self, weights: Weights, inner_slots: int = local.INNER_SLOTS) -> None:
        self._w = _checked(weights, local.weight_shapes())
        self._inner_slots = inner_slots

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        require_no_weights(weight, self.name)
        on = np.asarray(active, np.float32)
        channel = switched(np.asarray(snr, np.float32), on)
        memory = local.everybody_on(channel, on, np)
        for _ in range(self._inner_slots):
            share = _sigmoid(local.logits(self._w, local.measurements(channel, memory, np))) * on
            memory = local.remembered(channel, share, memory, np)
        return np.asarray(memory.share, np.float64)


LEARNED_KINDS = (GraphUra, PerceptronUra, LocalUra)


def from_weights(architecture: Mapping[str, Any], weights: bytes) -> Ura:
    """The policy of a manifest's architecture and its safetensors bytes.

    ``architecture["powers"]`` is "ranked" (the default) or "sigmoid"; the distributed policy has no ranking.

    Raises:
        ModelRejected: they do not make a network.
    """
    try:
        tensors = safetensors.load(weights)
        ranked = {"ranked": True, "sigmoid": False}[architecture.get("powers", "ranked")]
        match architecture["kind"]:
            case "graph":
                return GraphUra(GraphArchitecture(**architecture["graph"]), tensors, ranked=ranked)
            case "perceptron":
                return PerceptronUra(_perceptron(architecture["perceptron"]), tensors, ranked=ranked)
            case "local":
                return LocalUra(tensors, int(architecture["local"]["inner_slots"]))
            case kind:
                raise ModelRejected(f"no policy of kind {kind!r}")
    except SafetensorError as error:
        raise ModelRejected(f"weights are no safetensors file: {error}") from error
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise ModelRejected(f"architecture lacks or misnames a field: {error}") from error


def _perceptron(fields: Mapping[str, Any]) -> PerceptronArchitecture:
    return PerceptronArchitecture(**dict(fields) | {"hidden": tuple(fields["hidden"])})


def _checked(weights: Weights, expected: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    if expected.keys() != weights.keys():
        raise ModelRejected(
            f"weights missing or superfluous: {', '.join(sorted(expected.keys() ^ weights.keys())[:5])}"
        )
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ModelRejected(f"weight {name} has shape {weights[name].shape}, the architecture says {shape}")
        if not np.isfinite(weights[name]).all():
            raise ModelRejected(f"weight {name} is not finite")
    return {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}


def _sigmoid(logit: NDArray[Any]) -> NDArray[Any]:
    return 0.5 * (1.0 + np.tanh(0.5 * logit))
