"""Environment steps per CPU-second beside mobile-env's, at its three sizes: ``python benchmarks/environments.py``.

Needs ``pip install mobile-env``. Ours does more at every step: 25 PRBs with fading of their own, interference between
RUs on each PRB, against one wideband link a pair without interference there; in both the UEs walk. Prints JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import gymnasium
import mobile_env  # noqa: F401 - registers its environments

from e2sim.environment import AllocationEnv
from e2sim.scenario import ChannelConfig, LayoutConfig, RadioConfig, Scenario, SliceConfig

SECONDS_EACH = 1.0
SIZES = (("small", 3, 5), ("medium", 7, 15), ("large", 13, 30))
PRBS = 25


def ours(rus: int, ues: int) -> gymnasium.Env:
    return AllocationEnv(
        Scenario(
            name="benchmark",
            description="UEs that walk among interfering RUs",
            radio=RadioConfig(num_prbs=PRBS),
            layout=LayoutConfig(num_rus=rus, inter_site_m=500, placement="uniform-area", max_distance_m=290),
            channel=ChannelConfig(fading="gauss-markov", walking=True),
            slices=(SliceConfig(name="all", num_ues=ues),),
        )
    )


def steps_per_cpu_second(env: gymnasium.Env) -> float:
    env.reset(seed=1)
    env.action_space.seed(1)
    actions = [env.action_space.sample() for _ in range(32)]
    step, started = 0, time.process_time()
    while time.process_time() - started < SECONDS_EACH:
        _, _, terminated, truncated, _ = env.step(actions[step % len(actions)])
        step += 1
        if terminated or truncated:
            env.reset()
    return step / (time.process_time() - started)


def compare(make_theirs: Callable[[], gymnasium.Env], rus: int, ues: int) -> dict[str, float]:
    theirs, mine = steps_per_cpu_second(make_theirs()), steps_per_cpu_second(ours(rus, ues))
    return {
        "rus": rus, "ues": ues, "prbs": PRBS, "mobile_env": round(theirs, 1), "ours": round(mine, 1),
        "ratio": round(mine / theirs, 2),
    }  # fmt: skip


def main() -> None:
    rows = [
        compare(lambda name=name: gymnasium.make(f"mobile-{name}-central-v0", disable_env_checker=True), rus, ues)
        for name, rus, ues in SIZES
    ]
    print(json.dumps({"unit": "environment steps per CPU-second", "sizes": rows}, indent=2))


if __name__ == "__main__":
    main()
