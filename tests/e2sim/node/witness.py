"""A slow second opinion on measurements: plain loops over what the simulator's state was in every slot."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from e2sim.node.world import World
from e2sim.scenario import Scenario, parse

TOTALS = ("bits", "dropped", "active_s", "delay_s", "deliveries", "prbs", "ues")


def steady_scenario(ues: int, *, prbs: int = 25, rus: int = 1, **changes: Any) -> Scenario:
    """A full-buffer scenario of two slices whose channel does not change."""
    return parse(
        {
            "name": "steady",
            "description": "no fading, nobody moves",
            "radio": {"num_prbs": prbs, "ru_power_budget_dbm": 40, "prb_power_cap_dbm": 30},
            "layout": {"num_rus": rus, "inter_site_m": 600, "max_distance_m": 300},
            "channel": {"fading": "none"},
            "slices": [
                {"name": "eMBB", "num_ues": ues - ues // 2, "packet_bytes": 1000},
                {"name": "URLLC", "num_ues": ues // 2, "packet_bytes": 32},
            ],
        }
        | changes
    )


@dataclass
class Seen:
    """One slot: who was where, and what each UE got."""

    ue: dict[int, dict[str, float]]
    cell: dict[int, int]
    slice: dict[int, int]
    energy_j: dict[int, float]


@dataclass
class Witness:
    """Runs slots of a world and remembers them."""

    world: World
    slots: list[Seen] = field(default_factory=list)

    def slot(self) -> None:
        """One slot, with what was true of it."""
        simulator = self.world.simulator
        report, gain_db = self.world.observe(), simulator.true_gain_db.copy()
        cells = self.world.cells.copy()
        queues = None if report.queue_bytes is None else report.queue_bytes.copy()
        self.world.advance(decision_due=False)
        force = simulator.in_force
        scenario = self.world.scenario
        ue: dict[int, dict[str, float]] = {}
        for index, ue_id in enumerate(report.ue_ids.tolist()):
            serving = int(force.serving_ru[index])
            cells[index] = serving if serving >= 0 else cells[index]
            ue[ue_id] = self._of_ue(index, gain_db, force, report, queues)
        energy = {
            ru: (130.0 + 4.7 * float(force.power_w[ru].sum())) * scenario.slot_s for ru in range(scenario.num_rus)
        }
        ids = report.ue_ids.tolist()
        self.slots.append(
            Seen(
                ue,
                dict(zip(ids, cells.tolist(), strict=True)),
                dict(zip(ids, report.slice_ids.tolist(), strict=True)),
                energy,
            )
        )

    def _of_ue(self, index: int, gain_db: np.ndarray, force: Any, report: Any, queues: Any) -> dict[str, float]:
        scenario = self.world.scenario
        serving, rate, prbs = int(force.serving_ru[index]), 0.0, 0
        for prb in range(scenario.num_prbs):
            if serving < 0 or force.prb_owner[serving, prb] != index:
                continue
            prbs += 1
            heard = [
                float(force.power_w[ru, prb]) * 10 ** (gain_db[index, ru, prb] / 10) for ru in range(scenario.num_rus)
            ]
            noise = sum(heard) - heard[serving] + scenario.noise_w
            rate += math.log2(1 + heard[serving] / noise)
        bps = rate * scenario.radio.prb_bandwidth_hz
        slice_ = scenario.slices[report.slice_ids[index]]
        served = self.world.simulator.served
        full = slice_.traffic == "full-buffer"
        waiting = 0.0 if queues is None else float(queues[index])
        bits = bps * scenario.slot_s if full else 8 * float(served.delivered_bytes[index])
        got = bits > 0 and bps > 0
        delay = scenario.propagation_delay_s + (8 * slice_.packet_bytes + 8 * waiting) / bps if got else 0.0
        return {
            "bits": bits,
            "dropped": 0.0 if full else 8 * float(served.dropped_bytes[index]),
            "active_s": scenario.slot_s if full or waiting > 0 else 0.0,
            "delay_s": delay,
            "deliveries": float(got),
            "prbs": prbs,
            "ues": 1.0,
        }

    # --- what a report over the last slots should say ------------------------------------------------

    def expected(
        self, slots: int, *, ue: int | None = None, cell: int | None = None, slice_: int | None = None
    ) -> dict:
        """Measurements over the last ``slots`` slots by name, in the standard's units; None where there is no value."""
        seen, scenario = self.slots[-slots:], self.world.scenario
        total = dict.fromkeys(TOTALS, 0.0)
        for slot in seen:
            for ue_id, values in slot.ue.items():
                if (
                    ue not in (None, ue_id)
                    or cell not in (None, slot.cell[ue_id])
                    or slice_ not in (None, slot.slice[ue_id])
                ):
                    continue
                for key, value in values.items():
                    total[key] += value
        cells = scenario.num_rus if cell is None and ue is None else 1
        energy_j = sum(j for slot in seen for ru, j in slot.energy_j.items() if cell in (None, ru))
        return _named(total, slots, slots * scenario.slot_s, scenario.num_prbs * cells, energy_j)


def _named(total: dict[str, float], slots: int, seconds: float, prbs: int, energy_j: float) -> dict[str, float | None]:
    offered = total["bits"] + total["dropped"]
    return {
        "DRB.UEThpDl": total["bits"] / total["active_s"] / 1e3 if total["active_s"] else None,
        "DRB.RlcSduDelayDl": total["delay_s"] / total["deliveries"] * 1e4 if total["deliveries"] else None,
        "DRB.RlcSduTransmittedVolumeDL": round(total["bits"] / 1e3),
        "DRB.RlcPacketDropRateDl": round(1e6 * total["dropped"] / offered) if offered else None,
        "DRB.PacketSuccessRateDl": 100 * total["bits"] / offered if offered else None,
        "DRB.MeanActiveUeDl": total["active_s"] / seconds,
        "RRC.ConnMean": round(total["ues"] / slots),
        "RRU.PrbUsedDl": round(total["prbs"] / slots),
        "RRU.PrbAvailDl": prbs,
        "RRU.PrbTotDl": round(100 * total["prbs"] / slots / prbs),
        "PEE.AvgPower": energy_j / seconds,
        "PEE.Energy": energy_j / 3.6e6,
    }
