"""Sionna SYS behind the few calls that the comparison needs; importing this needs ``sionna-no-rt``."""

from __future__ import annotations

from importlib.metadata import version as installed_version

import numpy as np
import torch
from numpy.typing import NDArray
from sionna.phy import config
from sionna.phy.channel.tr38901 import PanelArray, UMa
from sionna.phy.mimo import StreamManagement
from sionna.phy.ofdm import EyePrecodedChannel, LMMSEPostEqualizationSINR, ResourceGrid
from sionna.sys import PFSchedulerSUMIMO

from benchmarks.sionna_sys import FORGETTING, PRBS, SECTORS, UES_A_SECTOR

Array = NDArray[np.float64]
Truths = NDArray[np.bool_]


def version() -> str:
    return installed_version("sionna-no-rt")


def one_thread() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)


class SionnaSlots:
    """Slots of Sionna SYS on given channels; every sector's stream goes to the UE scheduled on the PRB."""

    def __init__(self, batch: int) -> None:
        grid = ResourceGrid(1, PRBS, 180e3, num_tx=SECTORS, num_streams_per_tx=1)
        streams = StreamManagement(np.eye(SECTORS, dtype=np.int32), 1)
        self._precoded = EyePrecodedChannel(grid, streams)
        self._sinr = LMMSEPostEqualizationSINR(grid, streams)
        self._scheduler = PFSchedulerSUMIMO(UES_A_SECTOR, PRBS, 1, batch_size=[batch, SECTORS], beta=FORGETTING)
        self._power = torch.ones(batch, SECTORS, 1, 1, PRBS)
        self._rate = torch.zeros(batch, SECTORS, UES_A_SECTOR)
        self._first_ue = UES_A_SECTOR * torch.arange(SECTORS)
        self._own = (torch.arange(SECTORS * UES_A_SECTOR), torch.arange(SECTORS).repeat_interleave(UES_A_SECTOR))

    def tensor(self, h: NDArray[np.complex128]) -> torch.Tensor:
        """Channels (B, U, R, K) in Sionna's precision."""
        return torch.as_tensor(h, dtype=config.cdtype)

    def run(self, h: torch.Tensor) -> Array:
        """Rate of every UE in one slot, shape (B, U) [bps/Hz summed over its PRBs]."""
        batch = len(h)
        own = h[:, self._own[0], self._own[1]].abs().square().reshape(batch, SECTORS, UES_A_SECTOR, PRBS)
        achievable = torch.log2(1.0 + own).transpose(-1, -2)[:, :, None]  # (B, R, 1, K, U)
        scheduled = self._scheduler(self._rate, achievable)[:, :, 0, :, :, 0]  # (B, R, K, U)
        index = scheduled.to(torch.int8).argmax(dim=-1)  # of the UE in its sector
        at = (torch.arange(batch)[:, None, None], (index + self._first_ue[:, None]), slice(None), torch.arange(PRBS))
        to_scheduled = h[at].permute(0, 1, 3, 2)  # (B, R receivers, R transmitters, K)
        effective = self._precoded(to_scheduled[:, :, None, :, None, None, :], self._power)
        sinr = self._sinr(effective, torch.ones(1), interference_whitening=False)[:, 0, :, :, 0]  # (B, K, R)
        rate = torch.log2(1.0 + sinr).transpose(-1, -2)
        self._rate = torch.zeros_like(self._rate).scatter_add_(2, index, rate)
        found: Array = self._rate.reshape(batch, -1).numpy().astype(np.float64)
        return found


class UrbanMacro:
    """Large-scale state of TR 38.901 UMa links without antenna gain, as Sionna draws it."""

    def __init__(self, carrier_hz: float, seed: int) -> None:
        config.seed = seed
        self._channel = UMa(carrier_hz, "low", _omni(carrier_hz), _omni(carrier_hz), "downlink", spec_version="16.1")

    def drop(self, ue_m: Array, site_m: Array, heights_m: tuple[float, float]) -> tuple[Array, Array, Truths]:
        """Path loss and shadowing [dB], and line of sight of UEs (B, U, 2) and sites (R, 2), shapes (B, U, R)."""
        batch, ues = ue_m.shape[:2]
        ue = _at_height(ue_m, heights_m[0])
        site = _at_height(np.broadcast_to(site_m, (batch, *site_m.shape)), heights_m[1])
        outdoors = torch.zeros(batch, ues, dtype=torch.bool)
        self._channel.set_topology(
            ue, site, torch.zeros_like(ue), torch.zeros_like(site), torch.zeros_like(ue), outdoors
        )
        scenario = self._channel._scenario  # what was drawn has no public name
        shadow_db = -10.0 * np.log10(_links(self._channel.sample_lsp().sf))
        return _links(scenario.basic_pathloss), shadow_db, _links(scenario.los).astype(np.bool_)


def _omni(carrier_hz: float) -> PanelArray:
    return PanelArray(
        num_rows_per_panel=1,
        num_cols_per_panel=1,
        polarization="single",
        polarization_type="V",
        antenna_pattern="omni",
        carrier_frequency=carrier_hz,
    )


def _at_height(xy_m: Array, height_m: float) -> torch.Tensor:
    return torch.as_tensor(np.concatenate([xy_m, np.full((*xy_m.shape[:-1], 1), height_m)], -1), dtype=config.dtype)


def _links(of_sites: torch.Tensor) -> Array:
    """(B, R, U) gives (B, U, R)."""
    return np.swapaxes(of_sites.numpy().astype(np.float64), 1, 2)
