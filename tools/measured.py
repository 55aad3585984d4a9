"""Tables of what was measured, made from `benchmarks/results` and set into the pages that name them.

A page names a table by a line `<!-- measured: NAME -->`; what stands between it and `<!-- end -->` is replaced.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ragkit.evaluate.groundedness import Groundedness

__all__ = ["filled", "shipped_groundedness"]

REPOSITORY = Path(__file__).resolve().parent.parent
RESULTS = REPOSITORY / "benchmarks" / "results"
MEASURE = "nDCG@10"
MODES = ("keyword", "dense", "hybrid", "hybrid+rerank")
_PLACE = re.compile(r"(<!-- measured: ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(root: Path = REPOSITORY) -> dict[str, str]:
    """Each page that names tables, with its tables as they are now."""
    pages = {path: path.read_text("utf-8") for path in sorted((root / "docs").rglob("*.md"))}
    return {
        path.relative_to(root).as_posix(): _PLACE.sub(_table, text)
        for path, text in pages.items()
        if _PLACE.search(text)
    }


def _table(place: re.Match[str]) -> str:
    lines = TABLES[place[2]]()
    return f"{place[1]}\n" + "\n".join(lines) + f"\n\n{place[3]}"


def retrieval() -> list[str]:
    """Each mode of search on each test collection, and what combining gains."""
    run = _run("retrieval")
    summary = run["results"].pop("all")
    rows = [
        [name, one["questions"], *(_share(one["measures"][mode][MEASURE]) for mode in MODES)]
        + [_share(one["measures"][mode]["recall@10"]) for mode in MODES[2:]]
        + [_interval(one["gains"][mode][MEASURE]) for mode in MODES[2:]]
        for name, one in run["results"].items()
    ]
    header = ["set", "questions", *MODES, "recall@10", "reranked", "hybrid's gain", "reranked, gain"]
    gains = "; ".join(f"{mode} {found['mean_gain']:+.4f}" for mode, found in summary.items())
    return [*_lines(header, rows), "", f"Mean gain over the sets: {gains}. {_source(run)}"]


def fusion() -> list[str]:
    """Ways to merge the same two lists."""
    run = _run("fusion")
    sets = run["results"]["sets"]
    labels = [label for label in next(iter(sets.values())) if label not in ("questions", "over the better part")]
    rows = [[label, *(_share(one[label]) for one in sets.values())] for label in labels]
    return [*_lines(["", *sets], rows), "", _source(run)]


def keywords() -> list[str]:
    """Keyword search without each of its parts."""
    run = _run("keywords")
    sets = run["results"]
    labels = [label for label in next(iter(sets.values())) if label not in ("passages", "questions")]
    rows = [[label, *(_share(one[label]["ndcg_at_10"]) for one in sets.values())] for label in labels]
    return [*_lines(["", *sets], rows), "", _source(run)]


def peers() -> list[str]:
    """Hybrid search beside that of other frameworks."""
    run = _run("fused")
    names = ("LangChain", "LlamaIndex", "Haystack")
    rows = [
        [name, one["questions"], _share(one["ragkit"][MEASURE])]
        + [f"{_share(one[peer][MEASURE])} ({_interval(one[f'ragkit less {peer}'])})" for peer in names]
        for name, one in run["results"].items()
    ]
    return [*_lines(["set", "questions", "ragkit", *names], rows), "", _source(run)]


def chunking() -> list[str]:
    """Passages against highlighted excerpts."""
    run = _run("chunking")
    by_budget = run["results"]["by_budget"]
    budgets = list(next(iter(by_budget.values())))
    rows = [
        [side, *(_share(found[budget][key]) for budget in budgets for key in ("recall", "precision", "IoU"))]
        for side, found in by_budget.items()
    ]
    header = ["", *(f"{key}, {budget} tokens" for budget in budgets for key in ("recall", "precision", "IoU"))]
    return [*_lines(header, rows), "", _source(run)]


def speed() -> list[str]:
    """Times of a search at 100,000 passages."""
    run, scopes = _run("search"), _run("filters")
    found = [[mode, run["results"][mode]["p50"], run["results"][mode]["p95"], ""] for mode in MODES]
    found += [
        [f"hybrid, {name}", one["hybrid"]["p50_ms"], one["hybrid"]["p95_ms"], one["hybrid"].get("recall@10", "")]
        for name, one in scopes["results"]["scopes"].items()
        if name != "everything"
    ]
    header = ["search", "p50 ms", "p95 ms", "recall@10 against an exact search"]
    return [*_lines(header, found), "", _source(run)]


def large() -> list[str]:
    """Times of a search, and what it takes, by the size of the collection."""
    runs = [_run(name) for name in ("search", "search-1m")]
    rows = [
        [
            f"{run['parameters']['chunks']:,}",
            *(f"{found[mode]['p50']} / {found[mode]['p95']}" for mode in MODES),
            found["recall@10 of the vectors"],
            found["searches a second"],
            f"{found['memory_mb']['ragkit'] / 1e3:.1f} + {found['memory_mb']['chroma'] / 1e3:.1f}",
            " + ".join(f"{found['disk_mb'][part] / 1e3:.1f}" for part in ("catalog", "chroma", "keywords")),
        ]
        for run in runs
        for found in [run["results"]]
    ]
    header = ["passages", *MODES, "recall@10 of the vectors", "a second, 32 callers"]
    header += ["GB of memory, ragkit + Chroma", "GB on disk, catalog + Chroma + keywords"]
    return [*_lines(header, rows), "", *(_source(run | {"benchmark": "search"}) for run in runs)]


def golden() -> list[str]:
    """Answers without a model to the questions of the sample corpus."""
    run = _run("golden")
    found, bounds = run["results"], run["results"]["intervals"]
    rows = [[label, _share(found[name]), _bounds(bounds[name]), aim] for name, (label, aim) in GOLDEN.items()]
    asked = f"{found['answerable']} questions with an answer, {found['unanswerable']} without."
    return [*_lines(["", "reached", "95 % interval", "aim"], rows), "", f"{asked} {_source(run)}"]


def answers() -> list[str]:
    """Answers and refusals without a model, on the halves of public sets that nothing was fitted on."""
    run = _run("answers")
    rows = []
    for name, one in run["results"].items():
        shares = {label: one["refused"][label] for label in ("answerable", "unanswerable")}
        shares |= {label: one[label] for label in ("auroc", "answer_quoted_first", "answer_quoted") if label in one}
        told = {label: f"{_share(share['value'])} ({_bounds(share['interval'])})" for label, share in shares.items()}
        asked = ", ".join(f"{one['questions'][label]} {label}" for label in ("answerable", "unanswerable"))
        rows.append([name, asked, *(told.get(label, "") for label in ANSWERS)])
    return [*_lines(["set", "questions", *ANSWERS.values()], rows), "", _source(run)]


def verdicts() -> list[str]:
    """The probability of support against what people have labelled, beside plain overlap and length."""
    run = _run("groundedness")
    found, aims = run["results"], {"wice_dev": ".90", "scifact_validation": ".80"}
    rows = []
    for name, one in found["read"].items():
        if name not in aims:
            continue
        counts = ", ".join(f"{count} {label}" for label, count in one["statements"].items())
        length = one["length"]
        rows.append(
            [
                name,
                counts,
                *map(_share, (found["floor"][name], found["by_words"][name]["auroc"])),
                f"**{_share(one['auroc'])}** ({_bounds(one['auroc_interval'])})",
                aims[name],
                f"{_share(length['matched'])} ({length['matched_pairs']} pairs; {_share(length['alone'])})",
                f"{_share(one['ece'])} ({_bounds(one['ece_interval'])})",
            ]
        )
    header = ["set", "statements", "plain overlap", "words alone", "AUROC", "aim"]
    header += ["of like length (by length alone)", "calibration error"]
    return [*_lines(header, rows), "", _source(run)]


def shipped_groundedness() -> str:
    """What `ragkit evaluate groundedness` prints without a file."""
    names = [one.name for one in dataclasses.fields(Groundedness)]
    found = [
        {"dataset": name, **{key: value for key, value in one.items() if key in names}}
        for name, one in _run("groundedness")["results"]["read"].items()
        if "confusion" in one
    ]
    return json.dumps(found, indent=1) + "\n"


def confusion() -> list[str]:
    """Labels against verdicts."""
    run = _run("groundedness")
    rows = [
        [name, label, *counts.values()]
        for name, one in run["results"]["read"].items()
        for label, counts in one.get("confusion", {}).items()
    ]
    return [*_lines(["set", "label", "supported", "partly", "unsupported", "contradicted"], rows), "", _source(run)]


def errors() -> list[str]:
    """Errors put into true statements, by kind: those near the words of the source, and those into paraphrases."""
    run = _run("groundedness")
    near, far = (run["results"]["read"][name] for name in ("injected", "injected_into_paraphrases"))
    rows = []
    for kind, count in near["errors"].items():
        row = [kind, count]
        for one in (near, far):
            caught = (one["auroc_by_kind"], one["recall_at_5_percent"], one["verdicts"]["recall"])
            row += [_share(shares[kind]) if kind in shares else "" for shares in caught]
        rows.append(row)
    for one in (near, far):
        one["all"] = f"{_share(one['auroc'])} ({_bounds(one['auroc_interval'])})"
    rows.append(["all", sum(near["errors"].values()), near["all"], "", "", far["all"], "", ""])
    wrong = [_share(one["verdicts"]["false_positives"]) for one in (near, far)]
    rows.append(["true statements", near["true"], "", ".050", wrong[0], "", ".050", wrong[1]])
    header = ["error", "statements"]
    header += [
        f"{what}{where}" for where in ("", ", paraphrases") for what in ("AUROC", "recall at 5 %", "not supported")
    ]
    return [*_lines(header, rows), "", _source(run)]


def injection() -> list[str]:
    """What a model wrote that obeys every instruction in a document."""
    run = _run("injection")
    found = {**run["results"]["per_attack"], "all": run["results"]["all"]}
    rows = [
        [name.replace("_", " "), one["cases"]]
        + [_share(one[key]) for key in ("stopped", "stopped_or_marked_partly", "marked_where_nothing_is_blanked_out")]
        for name, one in found.items()
    ]
    header = ["attack", "cases", "unsupported or contradicted", "at least not supported", "by the check alone"]
    return [*_lines(header, rows), "", _source(run)]


def checking() -> list[str]:
    """Time that the check of ten sentences takes."""
    run = _run("checking")
    named = {"put_otherwise_ms": "ten sentences in other words", "quoted_ms": "ten sentences word for word"}
    rows = [[label, *run["results"][name].values()] for name, label in named.items()]
    return [*_lines(["one core", "p50 ms", "p95 ms", "p50 of the processor", "p95"], rows), "", _source(run)]


GOLDEN: Mapping[str, tuple[str, str]] = {
    "source_first": ("a right document is cited first", ".95"),
    "source_in_3": ("one is among the first three citations", ""),
    "facts": ("every fact asked for stands in the quotes", ".92"),
    "citation_precision": ("of the citations, those that quote a fact asked for from a right document", ".90"),
    "citation_recall": ("of the facts, those so quoted", ".90"),
    "refused_rightly": ("refused, of those that the corpus cannot answer", ".90"),
    "refused_wrongly": ("refused, of those that it can", "at most .05"),
}
ANSWERS: Mapping[str, str] = {
    "answer_quoted_first": "answer in the first statement",
    "answer_quoted": "in any",
    "auroc": "AUROC",
    "unanswerable": "refused, unanswerable",
    "answerable": "refused, answerable",
}


def similar() -> list[str]:
    """Replies to the nearest earlier question, by how near it must be."""
    run = _run("similar")
    sets = run["results"]
    rows = [
        [threshold]
        + [
            part
            for one in sets.values()
            for part in (f"{one[threshold]['hit_rate']:.2%}", f"{one[threshold]['false_of_hits']:.0%}")
        ]
        for threshold in map(str, run["parameters"]["thresholds"])
    ]
    header = ["cosine"]
    for name, one in sets.items():
        header += [f"answered from memory, {name} ({one['questions']:,})", "of these wrong"]
    return [*_lines(header, rows), "", _source(run)]


TABLES: Mapping[str, Callable[[], list[str]]] = {
    "answers": answers,
    "checking": checking,
    "chunking": chunking,
    "confusion": confusion,
    "errors": errors,
    "fusion": fusion,
    "golden": golden,
    "injection": injection,
    "keywords": keywords,
    "large": large,
    "peers": peers,
    "retrieval": retrieval,
    "similar": similar,
    "speed": speed,
    "verdicts": verdicts,
}


def _run(name: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
    return run


def _lines(header: Sequence[object], rows: Iterable[Sequence[object]]) -> list[str]:
    return [f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)]


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _interval(gain: Mapping[str, float]) -> str:
    return f"{gain['mean']:+.3f}, {gain['low']:+.3f} to {gain['high']:+.3f}"


def _bounds(interval: Sequence[float]) -> str:
    low, high = map(_share, interval)
    return f"{low} to {high}"


def _source(run: Mapping[str, Any]) -> str:
    """Where the numbers come from."""
    (commit, _, changes), machine = str(run["commit"]).partition("+"), run["machine"]
    source = f"{commit[:7]} and {changes}" if changes else commit[:7]
    return (
        f"`benchmarks/{run['benchmark']}.py`, {str(run['at'])[:10]}, commit {source}, "
        f"{machine['processor']}, {machine['cores']} cores."
    )
