"""Sentences per second of a trained model, and whether it finds what evaluation found.

    python -m benchmarks.predict --models runs/units/… --data webnlg_star --data-root DIR

The first model predicts the test split with each batch size and number of threads in turn, several
times, so a machine that slows down affects all of them. On a busy machine, compare the CPU time.
"Model alone" is the forward pass on prepared batches; the rest of the time is reading and writing.
The triples and scores of each model are compared with those of evaluation. F1 is measured with the
tags of the corpus, with each word's usual tag, and without tags. The results are written to
benchmarks/results/.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.command import RESULTS, Corpus, DataRoot, Repeats, run
from benchmarks.timing import spread_text
from rin_core.data.batches import make_batch, scoring_batches
from rin_core.data.corpus import Sentence, Span, entity_place
from rin_core.data.encoding import encode_split
from rin_core.data.loading import load_corpus
from rin_core.data.tags import decode_spans
from rin_core.data.vocabulary import build_vocabulary
from rin_core.predict.extraction import Extraction, Mention
from rin_core.predict.loading import find_weights
from rin_core.predict.predictor import Predictor
from rin_core.predict.texts import TextSplitter
from rin_core.train.metrics import Decoded, decode, score
from study.ledger.run import Run

CPU = torch.device("cpu")
CONSOLE = Console()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Measure the speed of prediction on a test split, and compare it with evaluation."""

    models: Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN")]
    """Weights files, folders of runs, or fingerprints. The first model is timed."""
    runs: Annotated[Path, tyro.conf.arg(metavar="FOLDER")] = Path("runs")
    """The ledger that has the runs."""
    data: Corpus = "webnlg_star"
    data_root: DataRoot = None
    batch_tokens: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (
        512,
        1024,
        2048,
        4096,
        8192,
    )
    """Words in a batch."""
    threads: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N")] = (1, 2)
    """CPU threads."""
    repeats: Repeats = 5


Rates = dict[tuple[str, int], list[tuple[float, float]]]
"""By task and threads: sentences per second and per second of CPU time, for each repetition."""


def rates(predictor: Predictor, sentences: Sequence[Sentence], options: Options) -> Rates:
    """Time each task with each number of threads, in turn."""
    texts = [" ".join(s.words) for s in sentences]
    tasks: dict[str, Callable[[], object]] = {"model alone": model_alone(predictor, sentences)}
    for size in options.batch_tokens:
        predict = partial(predictor.predict, sentences, batch_tokens=size)
        tasks[f"words and tags, {size} at once"] = predict
    splitter = TextSplitter(predictor.vocabulary, one_sentence=True)

    def from_text() -> list[Extraction]:
        return predictor.predict([part for text in texts for part in splitter.split(text)])

    tasks["text, 2048 at once"] = from_text
    tasks["text to JSON, 2048 at once"] = lambda: [json.dumps(x.to_json()) for x in from_text()]
    found: Rates = {}
    for _ in range(options.repeats + 1):
        for threads in options.threads:
            torch.set_num_threads(threads)
            for name, task in tasks.items():
                started, used = time.perf_counter(), time.process_time()
                task()
                spent = time.perf_counter() - started, time.process_time() - used
                rate = len(sentences) / spent[0], len(sentences) / spent[1]
                found.setdefault((name, threads), []).append(rate)
    torch.set_num_threads(1)
    return {key: values[1:] for key, values in found.items()}  # the first round allocates


def model_alone(predictor: Predictor, sentences: Sequence[Sentence]) -> Callable[[], None]:
    """Return a forward pass over prepared batches."""
    split = encode_split(sentences, predictor.vocabulary, predictor.config.data.entity_word)
    batches = [make_batch(split, rows, CPU) for rows in scoring_batches(split, 2048)]

    @torch.inference_mode()
    def run() -> None:
        for batch in batches:
            predictor.model(batch)

    return run


@dataclass(frozen=True, slots=True)
class Agreement:
    """One model's predictions compared with those of evaluation."""

    name: str
    triples: int
    """Triples that evaluation finds."""
    different: int
    """Triples and entities that only one of the two finds."""
    recorded_f1: float
    """F1 in the result of the run; NaN if it has no result."""
    f1: float
    """F1 of evaluation in this run of the benchmark."""
    usual_f1: float
    """The same with each word's usual tag instead of the corpus's."""
    bare_f1: float
    """The same without tags."""


def agreement(predictor: Predictor, weights: Path, sentences: Sequence[Sentence]) -> Agreement:
    """Predict the test split and compare."""
    entity_word = predictor.config.data.entity_word

    def evaluated(tagged: Sequence[Sentence]) -> tuple[Decoded, float]:
        split = encode_split(tagged, predictor.vocabulary, entity_word)
        decoded = decode(predictor.model, split, CPU)
        return decoded, score(decoded, split, entity_word).triple.f1

    decoded, f1 = evaluated(sentences)
    triples, spans = as_rows(predictor.predict(sentences), predictor)
    different = triples ^ set(map(tuple, decoded.triples_4N.T.tolist()))
    different |= spans ^ set(map(tuple, decode_spans(decoded.tags_NL)[:3].T.tolist()))
    usual = [replace(s, pos=predictor.vocabulary.usual_tags(s.words)) for s in sentences]
    recorded = Run(weights.parent).result()
    return Agreement(
        name=weights.parent.name,
        triples=decoded.triples_4N.shape[1],
        different=len(different),
        recorded_f1=recorded.test_scores["f1"] if recorded else math.nan,
        f1=f1,
        usual_f1=evaluated(usual)[1],
        bare_f1=evaluated([replace(s, pos=None) for s in sentences])[1],
    )


Rows = set[tuple[int, ...]]


def as_rows(found: Sequence[Extraction], predictor: Predictor) -> tuple[Rows, Rows]:
    """Return triples and spans as evaluation writes them, in words and numbers of relations."""

    def word(mention: Mention) -> int:
        span = Span(mention.start, mention.end)
        return entity_place(span, predictor.config.data.entity_word)[0]

    numbers = predictor.vocabulary.relation_ids
    triples: Rows = {
        (n, word(t.subject), numbers[t.relation], word(t.object))
        for n, extraction in enumerate(found)
        for t in extraction.triples
    }
    spans: Rows = {
        (n, e.mention.start, e.mention.end) for n, x in enumerate(found) for e in x.entities
    }
    return triples, spans


def load(weights: Path, train: Sequence[Sentence]) -> Predictor:
    """Load a model with the usual tags of the training split, which old files do not store."""
    loaded = Predictor.load(weights)
    lowercase, has_tags = loaded.config.data.lowercase, bool(loaded.vocabulary.pos)
    usual = build_vocabulary(train, lowercase=lowercase, use_pos=has_tags).usual_pos
    vocabulary = replace(loaded.vocabulary, usual_pos=usual)
    return Predictor(loaded.model, vocabulary, loaded.config, loaded.tokenizer)


def show_rates(found: Rates) -> list[list[str]]:
    """Print and return the table of rates: medians with their ranges."""
    header = ["what", "threads", "sentences a second", "sentences a second of CPU time"]
    rows = [
        [name, str(threads), *(spread_text(column, ".0f") for column in zip(*pairs, strict=True))]
        for (name, threads), pairs in found.items()
    ]
    return show(header, rows)


def show_agreement(found: Sequence[Agreement]) -> list[list[str]]:
    """Print and return the table of agreement."""
    header = ["model", "triples", "different", "recorded test F1", "test F1", "usual tags", "none"]
    rows = [
        [a.name, str(a.triples), str(a.different)]
        + [f"{100 * f1:.2f}" for f1 in (a.recorded_f1, a.f1, a.usual_f1, a.bare_f1)]
        for a in found
    ]
    return show(header, rows)


def show(header: list[str], rows: list[list[str]]) -> list[list[str]]:
    """Print a table and return it with its header."""
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
    predictors = [load(path, corpus.train) for path in weights]
    pairs = zip(predictors, weights, strict=True)
    compared = [agreement(predictor, path, corpus.test) for predictor, path in pairs]
    write(f"predict-agreement-{options.data}.csv", show_agreement(compared))
    measured = rates(predictors[0], corpus.test, options)
    write(f"predict-speed-{options.data}.csv", show_rates(measured))


if __name__ == "__main__":
    run(Options, main, "predict")
