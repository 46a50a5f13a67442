"""The tables of paper 5, measured anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rapp.figures import alcor_demands
from rapp.figures.alcor_geometric import geometric
from rapp.figures.alcor_measures import (
    Plan,
    Policies,
    dead_users,
    graph_policies,
    header,
    held_violation_percent,
    learned_policies,
    row,
    sharing_cell,
    spread,
    sum_rates,
    windows,
)
from rapp.figures.alcor_networks import fixed_rows, table_4_rows
from rapp.figures.alcor_steps import silencing, steps
from xapps.alcor.time_sharing import WEIGHTING, TimeSharingRule, violation_percent
from xapps.alcor.ura import BestUserUra, PairGreedyUra, WmmseUra
from xapps.alcor.window import Trajectory

Array = NDArray[np.float64]

SIZES = (5, 10, 20, 50)
CELL_SIZES = (7, 14, 21, 35, 49)
KAPPAS = (0.25, 0.5, 0.75, 1.0)


def unconstrained(plan: Plan) -> list[str]:
    """Sum rates without demands at N = 5 to 50, one graph policy for all."""
    policies: dict[str, Policies] = {"WMMSE-100": [WmmseUra()], f"graph ({plan.trainings})": graph_policies(plan)}
    fast = range(plan.trainings)
    policies |= {
        f"graph-fast ({len(fast)})": learned_policies(plan, "graph-fast", fast),
        "pair-greedy": [PairGreedyUra()],
    }
    policies |= {"WMMSE-50": [WmmseUra(50)], "WMMSE-5": [WmmseUra(5)], "best user": [BestUserUra()]}
    reference = {n: sum_rates(policies["WMMSE-100"], n, 1.0, plan) for n in SIZES}
    lines = header("policy", *(f"N = {n}" for n in SIZES))
    for name, each in policies.items():
        found = {n: sum_rates(each, n, 1.0, plan) for n in SIZES}
        lines.append(row(name, [f"{spread(found[n])} ({np.mean(found[n] / reference[n]):.3f})" for n in SIZES]))
    return [*lines, "", "In brackets: training seeds, and sum rates relative to WMMSE-100 on the same channels."]


def table_1(plan: Plan) -> list[str]:
    """URA at N = 20 for four kappa."""
    rows: dict[str, tuple[Policies, str]] = {"WMMSE-100": ([WmmseUra()], "5.88 / 6.8 / 7.29 / 7.72")}
    rows["graph"] = (graph_policies(plan), "–")
    seeds = range(plan.trainings)
    for preset, chosen, paper in (
        ("perceptron", plan.perceptrons, "5.88 / 6.38 / 6.56 / 6.71"),
        ("perceptron-non-diverse", plan.non_diverse, "5.63 / 6.30 / 6.56 / 6.72"),
        ("local", seeds, "5.82 / 6.31 / 6.52 / 6.66"),
        ("local-non-diverse", plan.non_diverse, "5.45 / 6.09 / 6.35 / 6.62"),
    ):
        rows[f"{preset} ({len(chosen)})"] = (learned_policies(plan, preset, chosen, "sigmoid"), paper)
        if preset.startswith("perceptron"):
            rows[f"{preset}, ranked ({len(chosen)})"] = (learned_policies(plan, preset, chosen), "–")
    rows |= {"pair-greedy": ([PairGreedyUra()], "–"), "best user": ([BestUserUra()], "–")}
    lines = header("policy", *(f"κ = {kappa:g}" for kappa in KAPPAS), "dead users", "paper")
    for name, (policies, paper) in rows.items():
        cells = [spread(sum_rates(policies, 20, kappa, plan)) for kappa in KAPPAS]
        lines.append(row(name, [*cells, str(dead_users(policies, 20, plan)), paper]))
    return [
        *lines,
        "",
        "In brackets: training seeds. Dead users: of all of them together. Ranked: see above.",
    ]


def table_2(plan: Plan) -> list[str]:
    """Moderate demands."""
    paper = "5.41 / 6.56 / 6.67 without violation; fixed DNN 6.82 / 6.73 / 6.16; GP 3.86 / 3.81 / 4.73"
    return _demands_table(plan, alcor_demands.TABLE_2, paper)


def table_3(plan: Plan) -> list[str]:
    """Demands of a few users that are hard to meet."""
    return _demands_table(plan, alcor_demands.TABLE_3, "3.85 / 5.35 / 6.09 (violation 0.01 / 0.00 / 1.37 %)")


def table_4(plan: Plan) -> list[str]:
    """N = 5: three demand vectors, several black boxes, networks that learn demands."""
    policies: dict[str, Policies] = {
        "graph": graph_policies(plan),
        "WMMSE-100": [WmmseUra()],
        "pair-greedy": [PairGreedyUra()],
    }
    lines = header("scheme", "u1", "u2", "u3")
    for name, each in policies.items():
        for title, rule in {"weighting": WEIGHTING, "silencing, ascent": silencing("ascent", 5)}.items():
            cells = [sharing_cell(each, demand, rule, plan) for demand in alcor_demands.TABLE_4.values()]
            lines.append(row(f"{name}, {title}", cells))
    lines += table_4_rows(plan)
    paper = "centralised 5.80/5.20/4.90, WMMSE 5.27/5.09/4.81, dynamic DNN 5.66/5.53 (49.5 %)/5.41 (70.8 %)"
    return [*lines, "", f"Sum rate [bps/Hz] / violation by eq. 12 [%]. Paper: {paper}."]


def algorithm(plan: Plan) -> list[str]:
    """Algorithm 1 and its variants at N = 5, u = (.5, .5, 1, 1, 2)."""
    rules = {"as printed": TimeSharingRule(rule="printed"), "corrected": TimeSharingRule(rule="corrected")}
    rules |= {f"one batch, γ = {gamma:g}": TimeSharingRule(rule="past", gamma=gamma) for gamma in (0.3, 1.0, 2.0)}
    rules |= {f"ascent, γ = {gamma:g}": TimeSharingRule(rule="ascent", gamma=gamma) for gamma in (1.0, 2.0, 4.0)}
    rules["ascent, dead band 0.05"] = TimeSharingRule(rule="ascent", dead_band_bps_hz=0.05)
    rules["weighting"] = WEIGHTING
    policies = graph_policies(plan)
    lines = header("rule", "sum rate", "all slots [%]", "slots at λᵏ⁺¹ [%]", "held fixed [%]", "iterations to settle")
    return [*lines, *(row(name, _rule_cells(policies, rule, plan)) for name, rule in rules.items())]


def seven_cell(plan: Plan) -> list[str]:
    """Section IV-B without demands."""
    lines = header("policy", *(f"N = {n}" for n in CELL_SIZES), "dead users at 21")
    policies: dict[str, Policies] = {
        "WMMSE-100": [WmmseUra()],
        f"graph-cells ({plan.trainings})": learned_policies(plan, "graph-cells"),
        "pair-greedy": [PairGreedyUra()],
        "best user": [BestUserUra()],
    }
    for name, each in policies.items():
        cells = [spread(sum_rates(each, n, 1.0, plan, "seven-cell"), 1) for n in CELL_SIZES]
        lines.append(row(name, [*cells, str(dead_users(each, 21, plan, "seven-cell"))]))
    return lines


TABLES: dict[str, Callable[[Plan], list[str]]] = {
    "unconstrained": unconstrained,
    "table-1": table_1,
    "table-2": table_2,
    "table-3": table_3,
    "table-4": table_4,
    "algorithm": algorithm,
    "steps": steps,
    "geometric": geometric,
    "seven-cell": seven_cell,
}


def _demands_table(plan: Plan, table: dict[int, Array], paper: str) -> list[str]:
    rules: dict[str, Callable[[int], TimeSharingRule]] = {
        "weighting": lambda users: WEIGHTING,
        "silencing, ascent": partial(silencing, "ascent"),
        "silencing, one batch": partial(silencing, "past"),
    }
    boxes: dict[str, Policies] = {"graph": graph_policies(plan), "pair-greedy": [PairGreedyUra()]}
    lines = header("policy", *(f"N = {n}" for n in table))
    for name, policies in boxes.items():
        for title, rule in rules.items():
            if name == "graph" or title != "silencing, one batch":
                cells = [sharing_cell(policies, demand, rule(users), plan) for users, demand in table.items()]
                lines.append(row(f"{name}, {title}", cells))
    lines += fixed_rows(plan, table)
    text = f"Sum rate [bps/Hz] / violation by eq. 12 [%]. Steps of silencing: see below. Paper: {paper}."
    return [*lines, "", text]


def _rule_cells(policies: Policies, rule: TimeSharingRule, plan: Plan) -> list[str]:
    demand, since = alcor_demands.ALGORITHM, plan.settle * rule.batches
    found = windows(policies, demand, rule, plan)
    ahead = [
        violation_percent(demand, each.rate[since + rule.batches - 1 :: rule.batches].mean(axis=0)) for each in found
    ]
    held = [
        held_violation_percent(policies[k % len(policies)], demand, rule, each, plan, seed)
        for k, (seed, each) in enumerate(zip(plan.seeds, found, strict=True))
    ]
    return [
        spread(np.array([each.mean_rate(since).sum() for each in found])),
        f"{np.mean([each.violation_percent(demand, since) for each in found]):.2f}",
        f"{np.mean(ahead):.2f}",
        f"{np.mean(held):.2f}",
        _settled(found, demand, rule),
    ]


def _settled(found: Sequence[Trajectory], demand: Array, rule: TimeSharingRule) -> str:
    after = [each.settled_after(demand) for each in found]
    return " / ".join("–" if batch is None else str(batch // rule.batches) for batch in after)
