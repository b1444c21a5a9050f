"""Sentences a second of a trained model, and whether it finds what evaluation found.

    python -m benchmarks.predict --models runs/units/… --data webnlg_star --data-root DIR

The test split is predicted by the first model with each batch size and number of threads in
turn, then again, so that a machine that slows down slows all of them. Batch size 0 stands for
the model alone, on prepared batches: what the forward pass leaves of the time is the price of
reading and writing. Every model's triples and scores are compared with those of evaluation,
and its scores with the tags of the corpus, with each word's usual tag and without tags.
Results go to benchmarks/results/.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
import tyro
from rich.console import Console
from rich.table import Table

from rin_core.batching import encode_split, entity_place, make_batch, scoring_batches
from rin_core.corpus import Sentence, Span
from rin_core.dataset import load_corpus
from rin_core.metrics import Metrics, decode, decode_spans, score
from rin_core.model_io import find_weights
from rin_core.predictor import Predictor
from rin_core.vocabulary import build_vocabulary

CPU = torch.device("cpu")
RESULTS = Path(__file__).with_name("results")
CONSOLE = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure prediction on a corpus's test split."""

    models: tuple[str, ...]
    """Weights, units' folders or fingerprints; the first is timed."""
    runs: Path = Path("runs")
    """The ledger of fingerprints."""
    data: str = "webnlg_star"
    """The corpus the models were trained on."""
    data_root: Path | None = None
    """Folder of corpora [default: $RIN_DATA_ROOT]."""
    batch_tokens: tuple[int, ...] = (256, 512, 1024, 2048, 4096, 8192)
    """Words computed at once."""
    threads: tuple[int, ...] = (1, 2)
    """CPU threads."""
    repeats: int = 5
    """Rounds of measurement."""


def rates(
    predictor: Predictor, sentences: Sequence[Sentence], options: Options
) -> dict[tuple[str, int], list[float]]:
    """Return sentences a second by what is done and threads, one entry a round."""
    texts = [" ".join(s.words) for s in sentences]
    tasks: dict[str, Callable[[], object]] = {"model alone": model_alone(predictor, sentences)}
    for size in options.batch_tokens:
        tasks[f"words and tags, {size} at once"] = lambda size=size: predictor.predict(
            sentences, batch_tokens=size
        )
    tasks["text, 2048 at once"] = lambda: predictor.predict(texts)
    tasks["text to JSON, 2048 at once"] = lambda: [
        json.dumps(x.to_json()) for x in predictor.predict(texts)
    ]
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(options.repeats + 1):
        for threads in options.threads:
            torch.set_num_threads(threads)
            for name, task in tasks.items():
                started = time.perf_counter()
                task()
                rate = len(sentences) / (time.perf_counter() - started)
                found.setdefault((name, threads), []).append(rate)
    torch.set_num_threads(1)
    return {key: values[1:] for key, values in found.items()}  # the first round allocates


def model_alone(predictor: Predictor, sentences: Sequence[Sentence]) -> Callable[[], None]:
    """Return a forward pass over batches that are ready."""
    split = encode_split(sentences, predictor.vocabulary, predictor.config.data.entity_word)
    batches = [make_batch(split, rows, CPU) for rows in scoring_batches(split, 2048)]

    @torch.inference_mode()
    def run() -> None:
        for batch in batches:
            predictor.model(batch)

    return run


@dataclass(frozen=True, slots=True)
class Agreement:
    """One model's predictions beside evaluation's."""

    name: str
    triples: int
    """Triples that evaluation finds."""
    different: int
    """Triples and entities that only one of the two finds."""
    recorded_f1: float
    """What training wrote down."""
    f1: float
    """F1 of evaluation, now."""
    usual_f1: float
    """The same with each word's usual tag instead of the corpus's."""
    bare_f1: float
    """The same without tags."""


def agreement(weights: Path, sentences: Sequence[Sentence], train: Sequence[Sentence]) -> Agreement:
    """Predict the test split and compare."""
    predictor = Predictor.load(weights)
    entity_word = predictor.config.data.entity_word
    split = encode_split(sentences, predictor.vocabulary, entity_word)
    decoded = decode(predictor.model, split, CPU)
    found = predictor.predict(sentences)

    def word(start: int, end: int) -> int:
        return entity_place(Span(start, end), entity_word)[0]

    numbers = predictor.vocabulary.relation_ids
    triples = {
        (n, word(t.subject.start, t.subject.end), numbers[t.relation],
         word(t.object.start, t.object.end))
        for n, x in enumerate(found) for t in x.triples
    }  # fmt: skip
    spans = {(n, e.mention.start, e.mention.end) for n, x in enumerate(found) for e in x.entities}
    different = triples ^ set(map(tuple, decoded.triples_4N.T.tolist()))
    different |= spans ^ set(map(tuple, decode_spans(decoded.tags_NL).T.tolist()))
    # Models from before usual tags were kept get them here, from the same training split.
    lowercase = predictor.config.data.lowercase
    vocabulary = build_vocabulary(train, lowercase=lowercase, use_pos=True)

    def rescored(tags: Callable[[Sentence], tuple[str, ...] | None]) -> Metrics:
        other = encode_split(
            [replace(s, pos=tags(s)) for s in sentences], predictor.vocabulary, entity_word
        )
        return score(decode(predictor.model, other, CPU), other, entity_word)

    record = json.loads(weights.with_name("result.json").read_text())
    return Agreement(
        weights.parent.name,
        decoded.triples_4N.shape[1],
        len(different),
        record["test"]["f1"],
        score(decoded, split, entity_word).triple.f1,
        rescored(lambda s: vocabulary.usual_tags(s.words)).triple.f1,
        rescored(lambda _: None).triple.f1,
    )


def show_rates(found: dict[tuple[str, int], list[float]]) -> list[list[str]]:
    """Print and return the table of rates."""
    rows = [
        [name, str(threads), f"{median(values):.0f}", f"{min(values):.0f}", f"{max(values):.0f}"]
        for (name, threads), values in found.items()
    ]
    header = ["what", "threads", "sentences a second, median", "least", "most"]
    table = Table(*header, box=None)
    for row in rows:
        table.add_row(*row)
    CONSOLE.print(table)
    return [header, *rows]


def show_agreement(found: Sequence[Agreement]) -> list[list[str]]:
    """Print and return the table of agreement."""
    header = ["model", "triples", "different", "recorded test F1", "test F1", "usual tags", "none"]
    rows = [
        [a.name, str(a.triples), str(a.different)]
        + [f"{100 * f1:.2f}" for f1 in (a.recorded_f1, a.f1, a.usual_f1, a.bare_f1)]
        for a in found
    ]
    table = Table(*header, box=None)
    for row in rows:
        table.add_row(*row)
    CONSOLE.print(table)
    return [header, *rows]


def write(name: str, rows: list[list[str]]) -> None:
    """Write a table."""
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / name).open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    CONSOLE.print(f"written: {RESULTS / name}")


def main(options: Options) -> None:
    """Compare, measure, write."""
    torch.set_num_threads(1)
    corpus = load_corpus(options.data, options.data_root)
    weights = [find_weights(model, options.runs) for model in options.models]
    compared = [agreement(path, corpus.test, corpus.train) for path in weights]
    write(f"predict-agreement-{options.data}.csv", show_agreement(compared))
    measured = rates(Predictor.load(weights[0]), corpus.test, options)
    write(f"predict-speed-{options.data}.csv", show_rates(measured))


if __name__ == "__main__":
    main(tyro.cli(Options, description=Options.__doc__))
