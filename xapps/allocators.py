"""Registry of allocators: a new one is two files, one row here and one page in ``docs/``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from oran.errors import ConfigError
from xapps.runtime.contracts import Allocator

ALLOCATORS: dict[str, str] = {
    "round-robin": "xapps.classic.round_robin:RoundRobinAllocator",
    "proportional-fair": "xapps.classic.proportional_fair:ProportionalFairAllocator",
    "local-search": "xapps.classic.local_search:LocalSearchAllocator",
    "joint": "xapps.classic.joint:JointAllocator",
    "equal": "xapps.classic.equal:EqualAllocator",
    "random": "xapps.classic.random_assignment:RandomAllocator",
    "greedy": "xapps.classic.greedy:GreedyAllocator",
    "matching": "xapps.classic.matching:MatchingAllocator",
    "exact": "xapps.classic.exact:ExactAllocator",
    "sweep": "xapps.coordination.policy:SweepAllocator",
    "sweep-all-changes": "xapps.coordination.exhaustive:ExhaustiveSweepAllocator",
    "alcor-pair-greedy": "xapps.alcor.policy:pair_greedy",
    "alcor-wmmse": "xapps.alcor.policy:wmmse",
}
"""Allocators that need no model: name -> ``module:class``."""

LEARNED: dict[str, str] = {
    "dqn": "xapps.dqn.policy:DqnPolicy",
    "ssvae": "xapps.ssvae.policy:SsvaePolicy",
    "diffusion-ql": "xapps.diffusion_ql.policy:DiffusionQlPolicy",
    "alcor": "xapps.alcor.policy:AlcorPolicy",
    "belief": "xapps.belief.policy:BeliefPolicy",
    "coordination": "xapps.coordination.policy:CoordinationPolicy",
}
"""Allocators built from a model file by their ``from_model``: name -> ``module:class``."""


def load_class(name: str) -> Any:
    """The class behind an allocator's name, imported on first use.

    Raises:
        ConfigError: no such allocator.
    """
    path = ALLOCATORS.get(name) or LEARNED.get(name)
    if path is None:
        raise ConfigError("allocator", name, f"known are {', '.join([*ALLOCATORS, *LEARNED])}")
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def build(name: str, **options: Any) -> Allocator:
    """A classic allocator by name; options are its constructor's.

    Raises:
        ConfigError: unknown name, or one that needs a model.
    """
    if name in LEARNED:
        raise ConfigError("allocator", name, "is learned: it comes from a model file, not from a name")
    allocator: Allocator = load_class(name)(**options)
    return allocator
