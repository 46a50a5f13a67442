"""Where learning can win, measured and written into ``docs/hard.md``: ``python -m rapp figures hard``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from rapp.evaluation import Trial, interval
from rapp.figures import hard_cells, hard_channel, hard_each, hard_queues
from rapp.figures.hard_cells import CLASSICAL, LEARNED, SHARE_OF_DROPS, Contender
from rapp.figures.tables import Plan, Say, fill, machine

EQUAL_TIME = 1.05
"""A classical search counts as taking equal time up to this factor."""

MANY_SEEDS = "all four"
"""The cause for which a belief is learned with every seed; for the others the first has to do."""

LOCAL = "local-search"
SWEEPS = [contender for contender in CLASSICAL if not contender.classical]

CELLS = {3: "interfering", 7: "interfering-7", 19: "interfering-19"}


def hard(plan: Plan, say: Say, only: Sequence[str] = ()) -> None:
    """Measure the tables and draw the figures.

    Raises:
        ConfigError: an unknown table, or the page has no place for one.
    """
    measured: dict[str, Found] = {}
    tables: dict[str, Callable[[], list[str]]] = {
        "imperfect": lambda: _imperfect(plan, say),
        "interfering": lambda: _cells(plan, "interfering", say, "joint", measured),
        "three-slices": lambda: _cells(plan, "three slices", say, "joint", measured),
        "seven": lambda: _cells(plan, "interfering-7", say, "", measured),
        "nineteen": lambda: _cells(plan, "interfering-19", say, "", measured),
        "each-learned": lambda: hard_each.table(plan, say),
        "queues": lambda: _queues(plan, say),
        "scaling": lambda: _scaling(plan, say, measured),
    }
    fill(plan.docs / "hard.md", tables, lambda _: _provenance(plan), {}, only)


def _provenance(plan: Plan) -> str:
    seeds = " ".join(f"--seeds {seed}" for seed in plan.seeds)
    return f"*`python -m rapp figures hard --held-out {plan.held_out} {seeds}`; {machine()}, one thread.*"


# --- imperfect channel ------------------------------------------------------------------------------------------------

Row = tuple[str, list[Trial]]


def _imperfect(plan: Plan, say: Say) -> list[str]:
    columns = {cause: _imperfect_rows(plan, cause, say) for cause in hard_channel.CAUSES}
    titles = [title for title, _ in columns["all four"]]
    lines = [f"| decided by | {' | '.join(columns)} | p50 [ms] |", f"| --- |{' ---: |' * (len(columns) + 1)}"]
    for index, title in enumerate(titles):
        cells = [_share(rows[index][1], rows[0][1][0]) for rows in columns.values()]
        latency = np.median([trial.latency_ms for trial in columns["all four"][index][1]])
        lines.append(f"| {title} | {' | '.join(cells)} | {latency:.1f} |")
    _draw_imperfect(plan, columns)
    legend = f"{_num_imperfect(plan)} drops. The learned belief (one report) less others, in points, 95 %:"
    return [*lines, "", legend, "", *_differences(columns)]


def _num_imperfect(plan: Plan) -> int:
    return max(3 * plan.held_out // 5, 2)


def _imperfect_rows(plan: Plan, cause: str, say: Say) -> list[Row]:
    truth = hard_channel.held_out(cause, _num_imperfect(plan)).simulator.true_gain_db
    known = hard_channel.knowledge(cause)
    margin = hard_channel.tuned_margin(cause)

    def tried(title: str, decide: hard_channel.Decide) -> Trial:
        say(f"{cause}: {title}")
        return hard_channel.tried(title, decide, hard_channel.held_out(cause, _num_imperfect(plan)))

    rows: list[Row] = [
        (title, [tried(title, decide)])
        for title, decide in (
            ("*matching, told the true channel*", hard_channel.told_truth(truth)),
            ("*matching on what is seen*", hard_channel.naive),
            ("*matching, shrunk gains, tuned margin*", hard_channel.cautious(known, margin)),
            ("robust, Bayes' rule told the truth about the reports", hard_channel.by_bayes(known)),
            (
                "robust, Bayes' rule told a third of the speed, 5 dB less error",
                hard_channel.by_bayes(hard_channel.mistaken(cause)),
            ),
            ("robust, Bayes' rule told the truth, 3 reports", hard_channel.by_bayes(known, 3)),
        )
    ]
    seeds = plan.seeds if cause == MANY_SEEDS else plan.seeds[:1]
    policies = [hard_channel.trained(plan.root / "hard", cause, seed)[0] for seed in seeds]
    for title, reports in (("**robust, learned belief**", 1), ("**robust, learned belief, 3 reports**", 3)):
        rows.append((title, [tried(title, hard_channel.by_learning(policy, reports)) for policy in policies]))
    return rows


def _share(trials: Sequence[Trial], best: Trial) -> str:
    """Score relative to perfect knowledge, and drops in which everybody is satisfied."""
    shares = [100.0 * trial.score.mean() / best.score.mean() for trial in trials]
    spread = f" ± {np.std(shares, ddof=1):.1f}" if len(shares) > 1 else ""
    satisfied = np.mean([(trial.score > 0).mean() for trial in trials])
    return f"{np.mean(shares):.1f}{spread} % ({satisfied:.0%})"


def _differences(columns: dict[str, list[Row]]) -> list[str]:
    lines = ["| less | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for index in (1, 2, 3, 4):
        cells = []
        for rows in columns.values():
            learned = np.mean([trial.score for trial in rows[6][1]], axis=0)
            low, high = interval(learned - rows[index][1][0].score)
            scale = 100.0 / rows[0][1][0].score.mean()
            cells.append(f"{scale * low:+.1f} … {scale * high:+.1f}")
        lines.append(f"| {columns['all four'][index][0]} | {' | '.join(cells)} |")
    return lines


def _draw_imperfect(plan: Plan, columns: dict[str, list[Row]]) -> None:
    mpl.use("Agg")
    figure, axes = plt.subplots(figsize=(8.0, 3.6))
    shown = {
        1: "matching on what is seen",
        2: "matching, shrunk, tuned margin",
        3: "robust, Bayes (told)",
        6: "robust, learned",
        7: "robust, learned, 3 reports",
    }
    width = 0.8 / len(shown)
    for place, (index, label) in enumerate(shown.items()):
        heights = [
            100.0 * np.mean([trial.score.mean() for trial in rows[index][1]]) / rows[0][1][0].score.mean()
            for rows in columns.values()
        ]
        axes.bar(np.arange(len(columns)) + (place - 2) * width, heights, width, label=label)
    axes.set_xticks(range(len(columns)), list(columns))
    axes.set_ylabel("score, % of perfect knowledge")
    axes.set_ylim(0, 118)
    axes.legend(fontsize=7, ncols=3, loc="upper center")
    _save(plan, figure, "hard-imperfect.png")


# --- interfering RUs --------------------------------------------------------------------------------------------------


Found = list[tuple[Contender, list[Trial]]]


def _contenders(plan: Plan, name: str, say: Say, measured: dict[str, Found]) -> Found:
    """All contenders on a scenario's drops, measured once."""
    if name not in measured:
        measured[name] = _contended(plan, name, say)
    return measured[name]


def _contended(plan: Plan, name: str, say: Say) -> Found:
    num_drops = max(plan.held_out // SHARE_OF_DROPS[name], 2)
    foresights = [hard_cells.trained(plan.root / "hard", seed)[0] for seed in plan.seeds]
    able = [each for each in (*CLASSICAL, *LEARNED) if hard_cells.scenario_of(name).num_rus <= each.most_rus]
    everybody = [(each, foresights if each.passes else [None]) for each in able]
    say(f"{name}: {num_drops} drops")
    trials = iter(hard_cells.contest(name, [c.allocator(w) for c, weights in everybody for w in weights], num_drops))
    return [(contender, [next(trials) for _ in weights]) for contender, weights in everybody]


def _cells(plan: Plan, name: str, say: Say, exact: str, measured: dict[str, Found]) -> list[str]:
    """A table of everybody, relative to ``exact``'s kept trial, or to local search where there is none."""
    num_drops = max(plan.held_out // SHARE_OF_DROPS[name], 2)
    found = _contenders(plan, name, say, measured)
    [local] = next(trials for contender, trials in found if contender.title == LOCAL)
    base = hard_cells.reference(plan.root / "trials", name, exact, num_drops) if exact else local
    header = f"| allocator | of {exact or LOCAL} | score [bps/Hz] | feasible drops | UEs satisfied | p50 [ms] |"
    lines = [f"{header} of {LOCAL}'s time |", "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    rows = ([(f"*{exact}*", [base])] if exact else []) + [
        (f"**{contender.title}**" if contender.passes else f"*{contender.title}*", trials)
        for contender, trials in found
    ]
    lines += [_cells_row(title, trials, base, local) for title, trials in rows]
    return [
        *lines,
        "",
        f"{num_drops} drops. At equal time, learned less the best classical row:",
        "",
        *_at_equal_time(found),
    ]


def _cells_row(title: str, trials: Sequence[Trial], base: Trial, local: Trial) -> str:
    scores = [trial.score.mean() for trial in trials]
    spread = f" ± {100 * np.std(scores, ddof=1) / base.score.mean():.2f}" if len(scores) > 1 else ""
    cells = (
        title,
        f"{100 * np.mean(scores) / base.score.mean():.2f}{spread} %",
        f"{np.mean(scores):.1f}",
        f"{np.mean([(trial.score > 0).mean() for trial in trials]):.1%}",
        f"{np.mean([trial.satisfied.mean() for trial in trials]):.2%}",
        f"{_p50(trials):.1f}",
        f"{_p50(trials) / _p50([local]):.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _p50(trials: Sequence[Trial]) -> float:
    return float(np.median([np.percentile(trial.latency_ms, 50) for trial in trials]))


def _at_equal_time(found: Found) -> list[str]:
    """Paired differences to the best classical row that takes no longer."""
    lines = ["| learned row | classical row | difference [bps/Hz] | 95 % |", "| --- | --- | ---: | ---: |"]
    classical = [(contender, trials) for contender, trials in found if not contender.passes]
    for contender, trials in found:
        allowed = [pair for pair in classical if _p50(pair[1]) <= EQUAL_TIME * _p50(trials)]
        if not contender.passes or not allowed:
            continue
        rival, rivals = max(allowed, key=lambda pair: pair[1][0].score.mean())
        difference = np.mean([trial.score for trial in trials], axis=0) - rivals[0].score
        low, high = interval(difference)
        lines.append(f"| {contender.title} | {rival.title} | {difference.mean():+.2f} | {low:+.2f} … {high:+.2f} |")
    return lines


Points = dict[str, list[tuple[float, float]]]
"""Processor time [ms] and score [bps/Hz] of each contender, by group."""


def _scaling(plan: Plan, say: Say, measured: dict[str, Found]) -> list[str]:
    """Score and time for 3, 7 and 19 RUs: one effort in a table, all of them in the figure."""
    lines = ["| RUs | UEs | local search | sweep, 3 + 2 | learned, 3 + 2 |", "| ---: | ---: | ---: | ---: | ---: |"]
    panels: dict[int, Points] = {}
    for rus, name in CELLS.items():
        found = {contender.title: trials for contender, trials in _contenders(plan, name, say, measured)}
        shown = (found[LOCAL], found["sweep, 3 + 2"], found["learned, 3 + 2"])
        cells = [f"{_mean_score(trials):.1f} in {_p50(trials):.1f} ms" for trials in shown]
        lines.append(f"| {rus} | {hard_cells.scenario_of(name).num_ues} | {' | '.join(cells)} |")
        panels[rus] = {
            label: sorted((_p50(found[each.title]), _mean_score(found[each.title])) for each in group)
            for label, group in (("classical sweeps", SWEEPS), ("learned", LEARNED))
        }
    _draw_scaling(plan, panels)
    return lines


def _mean_score(trials: Sequence[Trial]) -> float:
    return float(np.mean([trial.score.mean() for trial in trials]))


def _draw_scaling(plan: Plan, panels: dict[int, Points]) -> None:
    mpl.use("Agg")
    figure, axes = plt.subplots(1, len(panels), figsize=(10.0, 3.4))
    for panel, (rus, groups) in zip(axes, panels.items(), strict=True):
        for (label, points), style in zip(groups.items(), ("o-", "s-"), strict=True):
            panel.plot(*zip(*points, strict=True), style, label=label)
        panel.set_title(f"{rus} RUs")
        panel.set_xlim(left=0.0)
        panel.set_xlabel("processor time of a decision [ms]")
    axes[0].set_ylabel("score [bps/Hz]")
    axes[0].legend(fontsize=8, loc="lower right")
    _save(plan, figure, "hard-scaling.png")


# --- coupling over time -----------------------------------------------------------------------------------------------


def _queues(plan: Plan, say: Say) -> list[str]:
    lines = ["| decided by | eMBB UEs | eMBB lost | URLLC lost | mMTC lost |", "| --- | ---: | ---: | ---: | ---: |"]
    for load in hard_queues.LOADS:
        scenario = hard_queues.scenario_of(load)
        for title, make in hard_queues.contenders(scenario).items():
            say(f"queues: {load} eMBB UEs, {title}")
            lost = hard_queues.lost_share(make, scenario, len(plan.seeds))
            lines.append(f"| {title} | {load} | {' | '.join(f'{share:.2%}' for share in lost)} |")
    return lines


def _save(plan: Plan, figure: plt.Figure, name: str) -> None:
    figure.tight_layout()
    (plan.docs / "img").mkdir(parents=True, exist_ok=True)
    figure.savefig(plan.docs / "img" / name, dpi=110)
    plt.close(figure)
