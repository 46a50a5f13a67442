"""Cells unlike the ones that were drawn: fewer or more UEs, other powers, other noise. From the drops alone.

A network that has only ever seen one load learns that load, not how to share PRBs. Drops are independent, so UEs of
one drop may be left out, and UEs of other drops may join; budget, cap and noise are numbers of the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.ssvae.batches import Index, num_drops, take

Range = tuple[float, float]

AS_DRAWN: Range = (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """How far the cells of a training differ; all ranges are uniform in dB or in the logarithm."""

    parts: int = 1
    """Groups of drops, each with numbers of its own; the first is as drawn. 1: no variety."""
    ues: Range = (1.0, 1.0)
    """Factor on the number of UEs."""
    power_db: Range = AS_DRAWN
    """Change of the RU's budget."""
    cap_db: Range = AS_DRAWN
    """Change of the cap a PRB."""
    noise_db: Range = AS_DRAWN
    """Rise of noise and interference from outside."""

    def __post_init__(self) -> None:
        if self.parts < 1:
            raise ConfigError("parts", self.parts, "at least 1")
        for name in ("ues", "power_db", "cap_db", "noise_db"):
            low, high = getattr(self, name)
            if not low <= high:
                raise ConfigError(name, (low, high), "from the lower end to the upper one")
        if self.ues[0] <= 0.0:
            raise ConfigError("ues", self.ues, "above 0")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Variety:
        """Reads a preset's entry.

        Raises:
            ConfigError: unknown field or bad value.
        """
        try:
            read: dict[str, Any] = {name: each if name == "parts" else tuple(each) for name, each in values.items()}
            return cls(**read)
        except (TypeError, ValueError) as error:
            raise ConfigError("variety", dict(values), str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def varied(report: RadioReport, variety: Variety, rng: np.random.Generator) -> list[RadioReport]:
    """The drops in groups, arrays (N, U, R, K) each: the first as they are, each other with numbers of its own.

    Where there are fewer drops than groups, there are as many groups as drops.
    """
    groups = np.array_split(np.arange(num_drops(report)), min(variety.parts, num_drops(report)))
    return [take(report, groups[0]), *(_other(report, group, variety, rng) for group in groups[1:])]


def _other(report: RadioReport, group: np.ndarray, variety: Variety, rng: np.random.Generator) -> RadioReport:
    factor = float(np.exp(rng.uniform(*np.log(variety.ues))))
    found = populated(report, group, max(1, round(factor * report.num_ues)), rng)
    power, cap, noise = (
        10.0 ** (rng.uniform(*ends) / 10.0) for ends in (variety.power_db, variety.cap_db, variety.noise_db)
    )
    return replace(
        found,
        ru_power_budget_w=report.ru_power_budget_w * power,
        prb_power_cap_w=report.prb_power_cap_w * cap,
        noise_w=report.noise_w * noise,
    )


def populated(report: RadioReport, group: np.ndarray, count: int, rng: np.random.Generator) -> RadioReport:
    """The drops ``group`` with ``count`` UEs each, drawn from their own and, where those are too few, other drops'."""
    drops = -(-count // report.num_ues)
    pools = [take(report, (group + shift) % num_drops(report)) for shift in range(drops)]
    order = rng.permuted(np.tile(np.arange(drops * report.num_ues), (len(group), 1)), axis=1)[:, :count]
    row = np.arange(len(group))[:, None]

    def pick(fields: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.asarray(np.concatenate(fields, axis=1)[row, order])

    queues = [pool.queue_bytes for pool in pools if pool.queue_bytes is not None]
    return replace(
        pools[0],
        ue_ids=np.broadcast_to(np.arange(count), (len(group), count)),
        slice_ids=pick([pool.slice_ids for pool in pools]),
        weight=pick([pool.weight for pool in pools]),
        min_rate_bps_hz=pick([pool.min_rate_bps_hz for pool in pools]),
        max_delay_s=pick([pool.max_delay_s for pool in pools]),
        gain_db=pick([np.asarray(pool.gain_db) for pool in pools]),
        queue_bytes=pick(queues) if queues else None,
    )


def split(report: RadioReport, count: int) -> tuple[RadioReport, RadioReport]:
    """The drops without the last ``count``, and those."""
    index: tuple[Index, Index] = (slice(0, -count), slice(-count, None))
    return take(report, index[0]), take(report, index[1])
