"""Rows of the networks that put demands into their training: fixed and dynamic DNN."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors

from rapp.figures import alcor_demands
from rapp.figures.alcor_measures import Plan, channels_rng, row
from rapp.files import write_atomically
from xapps.alcor import demand_networks
from xapps.alcor.channels import draw_snr
from xapps.alcor.demand_networks import Effort
from xapps.alcor.perceptron import PerceptronArchitecture
from xapps.alcor.time_sharing import violation_percent

Array = NDArray[np.float64]
Weights = dict[str, np.ndarray]

FIXED_HIDDEN = {10: (400, 200), 20: (400, 200), 50: (400, 400)}
"""Hidden layers by N, as the paper has them: {100, 400, 200, 10}, {400, 400, 200, 20}, {2500, 400, 400, 50}."""
FIXED_TRAININGS = {10: 3, 20: 2, 50: 1}
"""Training seeds by N."""
FIXED_EFFORT = Effort(learning_rate=5e-3, batch=250, own_emphasis=5.0, comparisons=1.0)


def table_4_rows(plan: Plan) -> list[str]:
    """Fixed DNN trained on u2, and dynamic DNN, judged on u1 to u3."""
    fixed = PerceptronArchitecture(users=5, hidden=(100, 50))
    dynamic = PerceptronArchitecture(users=5, hidden=(200, 100), extra_inputs=5)
    wanted = alcor_demands.TABLE_4

    train_fixed = partial(demand_networks.train_fixed, fixed, wanted["u2"], plan.effort)
    train_dynamic = partial(demand_networks.train_dynamic, dynamic, 3.0, plan.effort)
    lines = []
    for title, shape, train in (
        ("fixed DNN (trained on u2)", fixed, train_fixed),
        ("dynamic DNN", dynamic, train_dynamic),
    ):
        kind = f"{title.split()[0]}-5-{plan.effort.steps}"
        networks = [kept(plan, f"{kind}-{seed}", partial(train, seed)) for seed in range(plan.networks)]
        lines.append(
            row(f"{title} ({plan.networks})", [_cell(shape, networks, demand, plan) for demand in wanted.values()])
        )
    return lines


def fixed_rows(plan: Plan, table: dict[int, Array]) -> list[str]:
    """The fixed DNNs of Table II, judged on a table's demands; at N = 50 one, trained for a third of the steps."""
    cells = []
    for users, demand in table.items():
        shape = PerceptronArchitecture(users=users, hidden=FIXED_HIDDEN[users])
        large = users > 20
        effort = replace(FIXED_EFFORT, steps=plan.fixed_steps // 3 if large else plan.fixed_steps)
        train = partial(demand_networks.train_fixed, shape, alcor_demands.TABLE_2[users], effort)
        seeds = range(FIXED_TRAININGS.get(users, 1))
        networks = [
            kept(plan, f"fixed-comparing-{users}-{effort.steps}-{seed}", partial(train, seed)) for seed in seeds
        ]
        cells.append(_cell(shape, networks, demand, plan))
    trainings = " / ".join(str(FIXED_TRAININGS.get(users, 1)) for users in table)
    return [row(f"fixed DNN (trained on Table II; {trainings})", cells)]


def kept(plan: Plan, name: str, make: Callable[[], Weights]) -> Weights:
    """Weights of a network, trained once."""
    digest = hashlib.sha256(json.dumps([name, plan.effort.penalty]).encode()).hexdigest()[:8]
    path = plan.root / f"network-{name}-{digest}.safetensors"
    if path.exists():
        return safetensors.load(path.read_bytes())
    weights = {key: np.ascontiguousarray(value, np.float32) for key, value in make().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(path) as file:
        file.write(safetensors.save(weights))
    return weights


def _cell(shape: PerceptronArchitecture, networks: list[Weights], demand: Array, plan: Plan) -> str:
    snr = draw_snr("iid", channels_rng(plan.seeds[0]), 4 * plan.channels, shape.users)
    rates = [demand_networks.mean_rates(shape, w, snr, demand) for w in networks]
    violation = np.mean([violation_percent(demand, rate) for rate in rates])
    return f"{np.mean([rate.sum() for rate in rates]):.2f} / {violation:.1f}"
