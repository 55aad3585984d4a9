"""`ragkit evaluate`: how good search and answers are, by questions with known answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from ragkit.cli import groundedness
from ragkit.cli.connect import local
from ragkit.cli.ingest import progress
from ragkit.cli.options import Json
from ragkit.cli.output import console, print_json, print_table
from ragkit.types import Mode

if TYPE_CHECKING:
    from ragkit.blocking import Ragkit
    from ragkit.evaluate.compare import Comparison, Flip
    from ragkit.evaluate.runs import Evaluation, PerQuestion
    from ragkit.evaluate.significance import Difference

__all__ = ["app"]

GOLDEN, CORPUS = Path("data/golden/questions.jsonl"), Path("data/corpus")
EVERY = 500
"""Questions between two lines that say how far it is."""
SHOWN = 5
"""Questions that are named of those that got better, and of those that got worse; `--json` has all."""

app = typer.Typer(help="How good search and answers are, by questions with known answers.", no_args_is_help=True)

Modes = Annotated[str, typer.Option("--mode", help="One or more of hybrid, dense, keyword, hybrid+rerank; by commas.")]
There = Annotated[
    str | None, typer.Option("--collection", "-c", help="A collection that is there, instead of the folder's corpus.")
]
Against = Annotated[
    str | None, typer.Option(help="Compare with this evaluation, or with the `last` one of the same questions.")
]


@app.command()
def retrieval(
    folder: Annotated[Path, typer.Argument(help="corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv, as BEIR has them.")],
    mode: Modes = "hybrid",
    split: Annotated[str, typer.Option(help="Which judgements: qrels/SPLIT.tsv.")] = "test",
    collection: There = None,
    against: Against = None,
    json: Json = False,
) -> None:
    """Ingest a test collection, search it, and measure how well its judged documents are found."""
    modes = _modes(mode)
    with local("To evaluate") as kit, progress() as show:
        _check(kit, against)
        found = kit.evaluate.retrieval(
            folder, modes=modes, split=split, collection=collection, on_progress=show, on_question=_asked
        )
        _report(kit, found, against, json=json)


@app.command()
def chunking(
    folder: Annotated[Path, typer.Argument(help="questions_df.csv and corpora/, as chunking_evaluation has them.")],
    mode: Modes = "hybrid",
    budget: Annotated[int, typer.Option(help="Tokens that are read for each question.", min=1)] = 1_000,
    against: Against = None,
    json: Json = False,
) -> None:
    """Ingest documents, and measure how much of the highlighted excerpts a budget of tokens brings back."""
    modes = _modes(mode)
    with local("To evaluate") as kit, progress() as show:
        _check(kit, against)
        found = kit.evaluate.chunking(folder, modes=modes, budget=budget, on_progress=show)
        _report(kit, found, against, json=json)


@app.command()
def golden(
    file: Annotated[Path | None, typer.Argument(help="A question a line; none: data/golden over data/corpus.")] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Which one answers; RAGKIT_COLLECTION by default.")
    ] = None,
    corpus: Annotated[Path | None, typer.Option(help="Ingest this folder first, and let it answer.")] = None,
    against: Against = None,
    json: Json = False,
) -> None:
    """Ask golden questions: is the right source cited, are the facts quoted, is refused what must be?"""
    if file is None:
        file, corpus = GOLDEN, corpus if corpus or collection else CORPUS
    if corpus and collection:
        raise typer.BadParameter("--corpus and --collection both say who answers.")
    with local("To evaluate") as kit:
        _check(kit, against)
        _report(kit, kit.evaluate.golden(file, collection=collection, corpus=corpus), against, json=json)


groundedness.register(app)


@app.command("runs")
def list_runs(json: Json = False) -> None:
    """The evaluations that are stored, newest first."""
    with local("To evaluate") as kit:
        found = kit.evaluate.list()
    if json:
        print_json({"evaluations": found})
        return
    rows = [
        [
            e.id,
            e.kind,
            e.dataset,
            f"{e.started_at:%Y-%m-%d %H:%M}",
            (e.made.commit or e.made.version)[:12],
            _headline(e),
        ]
        for e in found
    ]
    print_table(["id", "kind", "dataset", "made", "by", "result"], rows, empty="There is none yet.")


@app.command()
def show(
    evaluation: Annotated[str, typer.Argument(help="From `ragkit evaluate runs`.")],
    against: Against = None,
    questions: Annotated[bool, typer.Option("--questions", help="Also the values of each question.")] = False,
    json: Json = False,
) -> None:
    """One evaluation, on request against another one of the same questions."""
    with local("To evaluate") as kit:
        each = kit.evaluate.per_question(evaluation) if questions else None
        _report(kit, kit.evaluate.show(evaluation), against, each=each, json=json)


def _modes(given: str) -> list[Mode]:
    known = get_args(Mode)
    modes = list(dict.fromkeys(name.strip() for name in given.split(",")))
    if unknown := [name for name in modes if name not in known]:
        raise typer.BadParameter(f"There is no mode {unknown[0]!r}; there are {', '.join(known)}.")
    return [name for name in known if name in modes]


def _asked(mode: str, done: int, total: int) -> None:
    if done % EVERY == 0:
        console(stderr=True).print(f"{mode}: {done}/{total} questions", markup=False)


def _check(kit: Ragkit, against: str | None) -> None:
    """Before the work begins."""
    if against not in (None, "last"):
        kit.evaluate.show(against)


def _report(
    kit: Ragkit, found: Evaluation, against: str | None, *, each: PerQuestion | None = None, json: bool
) -> None:
    compared = kit.evaluate.compare(found.id, against=against) if against else None
    if json:
        more = {"comparison": compared, "per_question": each}
        print_json(asdict(found) | {name: asdict(value) for name, value in more.items() if value})
        return
    _print(found)
    if each:
        _print_questions(each)
    if compared:
        _print_comparison(compared)


def _print(found: Evaluation) -> None:
    out = console()
    out.print(
        f"[bold]{found.dataset}[/]: {found.settings['questions']} questions, collection {found.collection}, "
        f"generation {found.generation}, {found.took_s:.1f} s; stored as {found.id}"
    )
    columns = list(dict.fromkeys(name for measures in found.measures.values() for name in measures))
    times = list(dict.fromkeys(name for taken in found.times.values() for name in taken))
    rows = [
        [mode, *(_with_bounds(found, mode, name) for name in columns), *(_number(found.times, mode, t) for t in times)]
        for mode in found.measures
    ]
    print_table(["", *columns, *(name.replace("_", " ") for name in times)], rows, empty="")
    for mode, differences in found.gains.items():
        name, gain = next(iter(differences.items()))
        out.print(f"{mode} less the better of dense and keyword, {name}: {_said(gain)}", markup=False)
    for lost in found.missing:
        out.print(f"not in the index: {lost.uri}: {lost.detail}", style="yellow", markup=False)
    for note in found.notes:
        out.print(f"note: {note}", style="yellow", markup=False)


def _print_questions(each: PerQuestion) -> None:
    columns = [(mode, name) for mode, measures in each.values.items() for name in measures]
    rows = [
        [key, *("" if (value := each.values[m][n][place]) is None else f"{value:g}" for m, n in columns), text]
        for place, (key, text) in enumerate(zip(each.ids, each.texts, strict=True))
    ]
    print_table(["id", *(f"{mode} {name}" for mode, name in columns), "question"], rows, empty="")


def _print_comparison(compared: Comparison) -> None:
    out = console()
    out.print(f"\n[bold]Against {compared.against}[/]")
    rows = [
        [mode, name, _said(difference)]
        for mode, differences in compared.differences.items()
        for name, difference in differences.items()
    ]
    print_table(["", "measure", "difference"], rows, empty="")
    for mode in compared.differences:
        _print_flips(f"{mode}: {len(compared.better[mode])} questions got better", compared.better[mode])
        _print_flips(f"{mode}: {len(compared.worse[mode])} questions got worse", compared.worse[mode])


def _print_flips(title: str, flips: tuple[Flip, ...]) -> None:
    out = console()
    out.print(title, markup=False)
    for flip in flips[:SHOWN]:
        out.print(f"  {flip.before:.2f} → {flip.after:.2f}  {flip.text}", markup=False)


def _with_bounds(found: Evaluation, mode: str, name: str) -> str:
    if name not in found.measures[mode]:
        return ""
    low, high = found.intervals[mode][name]
    return f"{found.measures[mode][name]:.4f} [{low:.3f}, {high:.3f}]"


def _number(times: Any, mode: str, name: str) -> str:
    return f"{times[mode][name]:g}" if name in times.get(mode, {}) else ""


def _said(difference: Difference) -> str:
    return f"{difference.mean:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}], p = {difference.p:g}"


def _headline(found: Evaluation) -> str:
    firsts = ((mode, *next(iter(measures.items()))) for mode, measures in found.measures.items() if measures)
    return ", ".join(f"{mode} {name} {value:.3f}" for mode, name, value in firsts)
