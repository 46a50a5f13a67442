"""``python -m rapp``: serve the model store, make data sets, train, evaluate, publish, or all in one go."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console

from e2sim import scenario as scenarios
from oran.errors import ConfigError, SuiteError
from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client
from rapp import datasets, evaluation, models_cli, pipeline
from rapp.a1_publisher import A1Publisher, Publication
from rapp.display import dataset_bar, show_verdict, training_bar
from rapp.early_stopping import EarlyStopping
from rapp.experience import cli as experience_cli
from rapp.figures import alcor as figures_alcor
from rapp.figures import diffusion_ql as figures_diffusion_ql
from rapp.figures import dqn as figures_dqn
from rapp.figures import hard as figures_hard
from rapp.figures import ssvae as figures_ssvae
from rapp.figures import tables as figures
from rapp.incumbent import allocator_of
from rapp.journal import Journal
from rapp.local import cli as one_machine
from rapp.models_cli import SigningKeyOption
from rapp.rollout_cli import rollout
from rapp.runs import Run, RunConfig
from rapp.serve import serve
from rapp.signing import SigningStore, key_from
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import build
from xapps.runtime.model_store import ModelStoreClient

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(one_machine.app)
app.add_typer(figures_alcor.app, name="alcor")
app.add_typer(experience_cli.app, name="experience")
app.add_typer(models_cli.keys, name="keys")
app.command()(serve)
app.command()(models_cli.sign)
app.command()(models_cli.models)
app.command()(rollout)
console = Console()

RunsRoot = Annotated[Path, typer.Option(help="Folder of training runs")]
Store = Annotated[str, typer.Option(help="host:port of the model store")]
ScenarioName = Annotated[str, typer.Option("--scenario", help="Name or YAML file of the radio")]
Data = Annotated[Path | None, typer.Argument(help="Folder of the labelled data set")]
Seed = Annotated[int, typer.Option(min=0)]
Drops = Annotated[int, typer.Option(min=2, help="Independent drops")]
Against = Annotated[str, typer.Option(help='What serves now: a classic allocator, "model" or "model:version"')]
PAGES: dict[str, Callable[[figures.Plan, figures.Say, Sequence[str]], None]] = {
    "dqn": figures_dqn.dqn,
    "hard": figures_hard.hard,
    "ssvae": figures_ssvae.ssvae,
    "diffusion_ql": figures_diffusion_ql.diffusion_ql,
}
"""Pages whose tables can be measured anew: what ``figures`` is asked for -> what measures and writes them."""
StopEarly = Annotated[
    str, typer.Option(help="Stop when the gate's score has ceased to rise: JSON object of rules, {} for the defaults")
]
PolicyType = Annotated[int, typer.Option(help='Id of the policy type "model" in the xApp\'s descriptor')]


@app.command()
def dataset(
    folder: Annotated[Path, typer.Argument(help="Where the data set goes")],
    scenario: ScenarioName = "cell",
    num_drops: Drops = 2000,
    seed: Seed = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core")] = 0,
    labels_by: Annotated[str, typer.Option(help="Classic allocator that labels")] = "exact",
) -> None:
    """Draw drops and label them with the exact solver or another allocator; continues where it was cut."""
    manifest = datasets.describe(scenarios.load(scenario), seed=seed, num_drops=num_drops, labels_by=labels_by)
    with dataset_bar(console, num_drops) as on_progress:
        datasets.build(folder, manifest, workers=workers or None, on_progress=on_progress)
    console.print(f"{num_drops} labelled drops of [bold]{scenario}[/] in {folder}")


@app.command()
def train(
    data: Data = None,
    scenario: Annotated[str, typer.Option(help="Instead of a data set: radio to learn in without labels")] = "",
    preset: Annotated[str, typer.Option()] = "sane",
    changes: Annotated[str, typer.Option(help="JSON object of preset fields to replace")] = "{}",
    seed: Seed = 0,
    allocator: Annotated[str, typer.Option()] = "ssvae",
    stop_early: StopEarly = "",
    teacher: Annotated[str, typer.Option(help="Folder of a finished run that is learned from")] = "",
    runs: RunsRoot = Path("out/runs"),
) -> None:
    """Train a model, from a labelled data set or in a scenario without labels; continues where it was cut."""
    source = {"dataset": str(data or ""), "scenario": scenario}
    config = RunConfig(
        allocator=allocator,
        model=allocator,
        preset=preset,
        changes=_json_object(changes),
        seed=seed,
        early_stopping=_early_stopping(stop_early),
        teacher=teacher,
        **source,
    )
    run = Run.create(runs, config)
    model = _trained(run)
    console.print(f"run [bold]{run.folder.name}[/]: {model.manifest.training}")


@app.command()
def evaluate(
    run_id: Annotated[str, typer.Argument(help="A finished run")],
    scenario: ScenarioName = "cell",
    against: Against = "equal",
    num_drops: Drops = 200,
    seed: Seed = 1,
    runs: RunsRoot = Path("out/runs"),
    store: Store = "127.0.0.1:50051",
    output: Annotated[Path | None, typer.Option(help="Verdict as JSON")] = None,
) -> None:
    """Put a trained model through the gate; exits 1 if it is refused."""
    verdict = _evaluated(Run.named(runs, run_id), scenario, against, num_drops, seed, store)
    if output is not None:
        output.write_text(json.dumps(verdict.to_dict(), indent=1))
    raise typer.Exit(0 if verdict.accepted else 1)


@app.command()
def publish(
    model: Annotated[str, typer.Argument(help="Name in the model store")],
    version: Annotated[int, typer.Option(min=0, help="0: the newest")] = 0,
    a1: Annotated[str, typer.Option(help="URL of the A1 mediator")] = "http://127.0.0.1:10000",
    store: Store = "127.0.0.1:50051",
    policy_type: PolicyType = DEFAULT_MODEL_TYPE_ID,
    runs: RunsRoot = Path("out/runs"),
) -> None:
    """Name a stored version to the xApp; exits 1 unless it is enforced."""
    with ModelStoreClient(store) as client, A1Client(a1) as mediator:
        manifest = client.get(model, version).manifest
        stored = next(each for each in client.list(model) if each.version == manifest.version)
        publication = _publisher(mediator, store, policy_type, runs).publish(stored, manifest.allocator)
    _show_publication(publication)
    raise typer.Exit(0 if publication.enforced else 1)


@app.command(name="figures")
def all_figures(
    what: Annotated[str, typer.Argument(help=f"One of {', '.join(PAGES)}")],
    labels: Annotated[int, typer.Option(min=10, help="Labelled drops a scenario")] = 2000,
    held_out: Annotated[int, typer.Option(min=2, help="Drops that everybody is judged on")] = 300,
    seeds: Annotated[list[int], typer.Option(help="Training seeds; may be repeated")] = [0],  # noqa: B006 - typer copies
    table: Annotated[list[str], typer.Option(help="Only this table; may be repeated")] = [],  # noqa: B006
    yardstick: Annotated[str, typer.Option(help="Classic allocator that scores are shares of")] = "exact",
    root: Annotated[Path, typer.Option(help="Folder of data sets and runs")] = Path("out/figures"),
    docs: Annotated[Path, typer.Option(help="Folder of the pages")] = Path("docs"),
) -> None:
    """Measure a paper's tables anew and write them into its page; continues where it was cut."""
    if what not in PAGES:
        raise ConfigError("figures", what, f"known are {', '.join(PAGES)}")
    plan = figures.Plan(labels=labels, held_out=held_out, seeds=tuple(seeds), yardstick=yardstick, root=root, docs=docs)
    PAGES[what](plan, lambda text: console.print(text, style="dim"), table)


@app.command(name="pipeline")
def whole_pipeline(
    data: Data = None,
    preset: Annotated[str, typer.Option()] = "sane",
    scenario: ScenarioName = "cell",
    allocator: Annotated[str, typer.Option()] = "ssvae",
    against: Against = "equal",
    num_drops: Drops = 200,
    seed: Seed = 0,
    stop_early: StopEarly = "",
    runs: RunsRoot = Path("out/runs"),
    store: Store = "127.0.0.1:50051",
    a1: Annotated[str, typer.Option(help="URL of the A1 mediator")] = "http://127.0.0.1:10000",
    policy_type: PolicyType = DEFAULT_MODEL_TYPE_ID,
    signing_key: SigningKeyOption = None,
) -> None:
    """Train (without a data set: in the gate's scenario), evaluate, put and publish; exits 1 unless it then serves."""
    source = {"scenario": scenario} if data is None else {"dataset": str(data)}
    stopping = _early_stopping(stop_early)
    config = RunConfig(
        allocator=allocator, model=allocator, preset=preset, seed=seed, early_stopping=stopping, **source
    )
    run = Run.create(runs, config)
    key = key_from(signing_key)
    with ModelStoreClient(store) as client, A1Client(a1) as mediator:
        outcome = pipeline.run(
            train=lambda: _trained(run),
            evaluate=lambda _: _evaluated(run, scenario, against, num_drops, seed + 1, store),
            store=client if key is None else SigningStore(client, key),
            publisher=_publisher(mediator, store, policy_type, runs),
        )
    if outcome.publication is not None:
        _show_publication(outcome.publication)
    raise typer.Exit(0 if outcome.serving else 1)


def _publisher(mediator: A1Client, store: str, policy_type: int, runs: Path) -> A1Publisher:
    """Publishes, and notes the answer beside the runs, where the serving rApp reads it."""
    return A1Publisher(mediator, store, policy_type_id=policy_type, on_answer=Journal(runs).published)


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError("changes", text, f"is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError("changes", text, "must be a JSON object")
    return value


def _early_stopping(rules: str) -> EarlyStopping | None:
    try:
        return EarlyStopping.model_validate_json(rules) if rules else None
    except ValidationError as error:
        raise ConfigError("stop_early", rules, error.errors()[0]["msg"]) from error


def _trained(run: Run) -> ModelFile:
    with training_bar(console) as on_progress:
        return run.execute(on_progress)


def _evaluated(run: Run, scenario: str, against: str, num_drops: int, seed: int, store: str) -> evaluation.Verdict:
    verdict = evaluation.gate(
        build(run.model()).allocator,
        allocator_of(against, store),
        evaluation.references(scenarios.load(scenario)),
        scenarios.load(scenario),
        seed=seed,
        num_drops=num_drops,
        on_progress=lambda name: console.print(f"deciding {num_drops} drops: {name}", style="dim"),
    )
    run.keep_verdict(verdict.to_dict())
    show_verdict(console, verdict)
    return verdict


def _show_publication(publication: Publication) -> None:
    colour = "green" if publication.enforced else "red"
    console.print(f"policy {publication.policy_id}: [{colour}]{publication.status}[/] {publication.reason}")


def main() -> None:
    """Run a command; our errors end it with one line and exit code 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except SuiteError as error:
        console.print(f"[red]{type(error).__name__}[/]: {error}")
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
