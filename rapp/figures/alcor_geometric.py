"""GP's row of Table II: a program needs demands that hold in every single channel, so feasible channels are looked for.

The closed-form test (Perron root) sifts thousands of channels a second, so that rates are means over enough feasible
ones, however rare these are. A program that condenses from the least powers climbs slowly, and to a stationary point.
The best of N closed-form points, at which one user is raised as far as the others' demands allow, tells whether it is
stuck.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rapp.figures import alcor_demands
from rapp.figures.alcor_measures import Plan, channels_rng, header, row, spread
from xapps.alcor.channels import draw_snr
from xapps.alcor.links import NOISE_W, rates_bps_hz
from xapps.classic.links.feasibility import demands_feasible, least_powers
from xapps.classic.links.geometric import geometric_program

Array = NDArray[np.float64]

CHUNK = 500
"""Channels that are tested at once."""
MOST_DRAWN = 200_000
CONDENSATIONS = 2
BISECTIONS = 25
PAPER = {10: "3.86", 20: "3.81", 50: "4.73"}
HIGHEST_BPS_HZ = 12.0
"""Beyond what a link without interference has at 15 dB in one channel of 10^50."""


def geometric(plan: Plan) -> list[str]:
    """Feasible share of channels, and what GP and the closed form reach on feasible ones."""
    sizes = list(alcor_demands.TABLE_2)
    sifted = {n: feasible_channels(alcor_demands.TABLE_2[n], plan.feasible, plan.seeds[0]) for n in sizes}
    strict = {n: feasible_channels(alcor_demands.TABLE_3[n], 1, plan.seeds[0], plan.channels) for n in sizes}
    lines = header("", *(f"N = {n}" for n in sizes))
    shares = [f"{100 * len(gain) / drawn:.2f} % ({len(gain)} of {drawn})" for gain, drawn in sifted.values()]
    lines.append(row("Table II, feasible channels", shares))
    lines.append(row("sum of the demands", [f"{alcor_demands.TABLE_2[n].sum():.2f}" for n in sizes]))
    lines.append(row("one user raised, closed form", [_raised_cell(sifted[n][0], n) for n in sizes]))
    lines.append(row("GP", [_program_cell(sifted[n][0], n, plan) for n in sizes]))
    lines.append(row("GP in the paper", [PAPER.get(n, "–") for n in sizes]))
    shares = [f"{len(gain)} of {drawn}" for gain, drawn in strict.values()]
    lines.append(row("Table III, feasible channels", shares))
    return [
        *lines,
        "",
        "Sum rates [bps/Hz] over feasible channels; in brackets: channels, and the closed form on the same.",
    ]


def feasible_channels(demand: Array, wanted: int, seed: int, most: int = MOST_DRAWN) -> tuple[Array, int]:
    """The first channels that allow demands (N,) with constant powers: gains (F, N, N), and how many were drawn."""
    rng, drawn = channels_rng(seed), 0
    found: list[Array] = []
    while len(found) < wanted and drawn < most:
        gain = draw_snr("iid", rng, min(CHUNK, most - drawn), len(demand)) * NOISE_W
        feasible = np.flatnonzero(demands_feasible(gain, NOISE_W, 1.0, demand))[: wanted - len(found)]
        found += list(gain[feasible])
        drawn += int(feasible[-1]) + 1 if len(found) == wanted else len(gain)
    return np.array(found).reshape(-1, len(demand), len(demand)), drawn


def one_raised(gain: Array, demand: Array) -> float:
    """Best sum rate of one channel (N, N) with all users at their demands (N,) but one, who has all he can [bps/Hz]."""
    users = len(demand)
    every, low, high = np.repeat(gain[None], users, axis=0), demand.copy(), np.full(users, HIGHEST_BPS_HZ)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        enough = demands_feasible(every, NOISE_W, 1.0, _raised(demand, middle))
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    power = np.minimum(least_powers(every, NOISE_W, _raised(demand, low)), 1.0)
    return float(rates_bps_hz(every / NOISE_W, power).sum(axis=-1).max())


def _raised(demand: Array, rate: Array) -> Array:
    """Row i: the demands, user i's replaced by rate i; shape (N, N)."""
    return np.where(np.eye(len(demand), dtype=bool), rate, demand)


def _raised_cell(gain: Array, users: int) -> str:
    if not len(gain):
        return "–"
    return spread(np.array([one_raised(each, alcor_demands.TABLE_2[users]) for each in gain]))


def _program_cell(gain: Array, users: int, plan: Plan) -> str:
    demand = alcor_demands.TABLE_2[users]
    tried = gain[: plan.programs if users <= 20 else plan.large_programs]
    powers = [geometric_program(each, NOISE_W, 1.0, demand, condensations=CONDENSATIONS) for each in tried]
    solved = [(g, p) for g, p in zip(tried, powers, strict=True) if p is not None]
    if not solved:
        return "–"
    rates = np.array([rates_bps_hz(g / NOISE_W, p).sum() for g, p in solved])
    beside = np.mean([one_raised(g, demand) for g, _ in solved])
    return f"{spread(rates)} ({len(solved)}; {beside:.2f})"
