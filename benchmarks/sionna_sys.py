"""Our radio beside Sionna SYS: ``python -m benchmarks.sionna_sys [--figure docs/img/radio-calibration.png]``.

21 sectors of 10 UEs on 52 PRBs, one antenna each, the same channel in both. A slot is: proportional-fair scheduling,
powers even, SINR with the interference of 20 sectors on every PRB, rates. Sionna computes it from complex channels in
its own blocks (``PFSchedulerSUMIMO``, ``EyePrecodedChannel``, ``LMMSEPostEqualizationSINR``), gathered to the scheduled
UEs first, which is the fastest way through them, and without interference whitening, which counts interference twice
at a single antenna: S / (2 I + N). Ours computes it from power gains in float64. Then path loss, shadowing and SINR
of a hexagonal layout are drawn by both. Prints JSON; says so and ends well where ``sionna-no-rt`` is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import fading, rates, sinr

if TYPE_CHECKING:
    from benchmarks.sionna_peer.radio import SionnaSlots

Array = NDArray[np.float64]

SECTORS, UES_A_SECTOR, PRBS = 21, 10, 52
BATCHES = (1, 8)
SECONDS_EACH = 3.0
FORGETTING = 0.98
SECTOR_OF_UE = np.repeat(np.arange(SECTORS), UES_A_SECTOR)
FIRST_RATE = 1.0
"""Past rate that every UE is taken to have had, as in Sionna's scheduler."""


class OurSlots:
    """Slots of ours on given gains over noise at even power, shape (B, U, R, K) [linear]."""

    def __init__(self, batch: int) -> None:
        self._average = np.full((batch, SECTORS, UES_A_SECTOR), FIRST_RATE)
        self._rate = np.zeros((batch, SECTORS * UES_A_SECTOR))
        self._power = np.ones((batch, SECTORS, PRBS))

    def run(self, gain: Array) -> Array:
        """Rate of every UE in one slot, shape (B, U) [bps/Hz summed over its PRBs]."""
        last = self._rate.reshape(self._average.shape)
        self._average = FORGETTING * self._average + (1.0 - FORGETTING) * last
        own = gain[:, np.arange(SECTORS * UES_A_SECTOR), SECTOR_OF_UE].reshape(-1, SECTORS, UES_A_SECTOR, PRBS)
        fairness = rates.shannon_bps_hz(own) / self._average[..., None]
        owner = fairness.argmax(axis=2) + UES_A_SECTOR * np.arange(SECTORS)[:, None]
        per_prb = rates.shannon_bps_hz(sinr.sinr_of_owners(gain, owner, self._power, 1.0))
        self._rate = rates.sum_over_owned(per_prb, owner, SECTORS * UES_A_SECTOR)
        return self._rate


def channels(rng: np.random.Generator, batch: int) -> NDArray[np.complex128]:
    """Amplitudes over noise: own sector 5 to 25 dB, foreign ones 10 to 40 dB less, Rayleigh on every PRB."""
    own = SECTOR_OF_UE[:, None] == np.arange(SECTORS)
    snr_db = 5.0 + 20.0 * rng.random((batch, SECTORS * UES_A_SECTOR, 1))
    mean_db = np.where(own, snr_db, snr_db - 10.0 - 30.0 * rng.random((*snr_db.shape[:2], SECTORS)))
    g = fading.rayleigh(rng, (*mean_db.shape, PRBS))
    amplitude: NDArray[np.complex128] = g * np.power(10.0, mean_db / 20.0)[..., None]
    return amplitude


def slots_per_cpu_second(step: Callable[[], Any], batch: int) -> float:
    step()  # what is made once is not timed
    count, started = 0, time.process_time()
    while time.process_time() - started < SECONDS_EACH:
        step()
        count += batch
    return count / (time.process_time() - started)


def speed(make_theirs: Callable[[int], SionnaSlots], batch: int) -> dict[str, float]:
    """Slots per CPU-second on a channel that is there, and the largest relative difference of rates on it."""
    h = channels(np.random.default_rng(7), batch)
    gain, ours, theirs = np.abs(h) ** 2, OurSlots(batch), make_theirs(batch)
    tensor = theirs.tensor(h)
    mine, other = ours.run(gain), theirs.run(tensor)
    served = mine > 0
    mine_a_second = slots_per_cpu_second(lambda: ours.run(gain), batch)
    theirs_a_second = slots_per_cpu_second(lambda: theirs.run(tensor), batch)
    return {
        "batch": batch,
        "ours": round(mine_a_second, 1),
        "sionna_sys": round(theirs_a_second, 1),
        "ratio": round(mine_a_second / theirs_a_second, 2),
        "largest_rate_difference_percent": float(100 * np.max(np.abs(other - mine)[served] / mine[served])),
        "same_ues_served": bool(np.array_equal(other > 0, served)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--figure", type=Path, default=None, help="PNG of the calibration; default: no figure")
    parser.add_argument("--drops", type=int, default=40, help="drops of the calibration")
    arguments = parser.parse_args()
    if importlib.util.find_spec("sionna") is None:
        print(json.dumps({"skipped": "sionna-no-rt is not installed: pip install sionna-no-rt==2.2.0"}))
        return
    from benchmarks.sionna_peer import calibration, radio  # they import Sionna, which takes seconds and may be absent

    radio.one_thread()
    found = calibration.compare(np.random.default_rng(11), arguments.drops)
    if arguments.figure is not None:
        calibration.draw(found, arguments.figure)
    report = {
        "sectors": SECTORS, "ues": SECTORS * UES_A_SECTOR, "prbs": PRBS, "sionna": radio.version(),
        "slots_per_cpu_second": [speed(radio.SionnaSlots, batch) for batch in BATCHES],
        "calibration": calibration.table(found),
    }  # fmt: skip
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
