"""``annotations``: list triples of test that nearly all runs predict and that are not annotated."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from reports.errors.annotations import (
    FEWEST_RUNS,
    Candidate,
    Candidates,
    Kind,
    entity_at,
    find_candidates,
)
from reports.frames.studies import StudyData, study_data
from reports.page.studies import find_studies
from rin_core.data.corpus import Fact, Sentence, Span
from rin_core.files import open_atomically
from rin_core.plural import plural
from rin_core.predict.extraction import mention
from study.commands.arguments import Annotations
from study.commands.printing import say
from study.ledger.ledger import Ledger

_STDOUT = Path("-")


def run(options: Annotations, console: Console) -> int:
    """Print the first triples, and write all of them to a file if one is given.

    Returns:
        The exit code.

    Raises:
        ValueError: There is no such study, too few of its runs have predictions, or an option is
            invalid.
    """
    if options.n < 0:
        raise ValueError(f"--n {options.n}: must not be negative")
    if options.output is not None and options.output.is_dir():
        raise ValueError(f"--output {options.output}: is a folder; expected a file, or -")
    study = _find_study(options.runs, options.experiment)
    name, candidates = str(study.frame["experiment"].iloc[0]), find_candidates(study, options.share)
    if candidates is None:
        raise ValueError(_too_few(name, study))
    lines = [json.dumps(to_json(one, candidates), ensure_ascii=False) for one in candidates.found]
    if options.output == _STDOUT:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 0
    _print_summary(name, candidates, console)
    for candidate in candidates.found[: options.n]:
        _print(candidate, candidates, console)
    if lines:
        say(
            console,
            "\nEach may be a missing annotation, one that contradicts others, or a mistake of all "
            "models. In front is the number of the sentence in the test split, from 0.",
            "dim",
        )
    if options.output is not None:
        with open_atomically(options.output) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
        say(console, f"written: {options.output}, {plural(len(lines), 'line')}")
    elif options.n < len(lines):
        say(console, f"{options.n} of {len(lines)} are shown; --output FILE writes all of them")
    return 0


def _find_study(runs: Path, name: str | None) -> StudyData:
    """Return a study by name, or the one with predictions that was updated last."""
    if name is not None and name in Ledger(runs).search_names():
        raise ValueError(f"{name}: is a search; its final runs are the study {name}-confirmed")
    frames = find_studies(runs, name)
    frames.sort(key=lambda frame: str(frame["updated"].iloc[0]), reverse=True)
    studies = (study_data(runs, frame) for frame in frames)
    found = next((study for study in studies if study.counts.answers), None)
    return found or study_data(runs, frames[0])


def _too_few(name: str, study: StudyData) -> str:
    """Say that a study has too few runs, and what would change that."""
    text = f"{name}: has fewer than {FEWEST_RUNS} runs to ask, with triples predicted on test"
    if problems := study.counts.problems:
        return f"{text}: {problems[0]}"
    return f"{text}; run it with more seeds or models"


def _print_summary(name: str, candidates: Candidates, console: Console) -> None:
    found = candidates.found
    is_one = len(found) == 1
    say(
        console,
        f"{name}: at least {candidates.needed} of {candidates.runs} runs predict "
        f"{plural(len(found), 'triple')} of test that {'is' if is_one else 'are'} not annotated; "
        f"{candidates.annotated} are",
    )
    if candidates.left_out:
        runs = plural(candidates.left_out, "run")
        say(
            console,
            f"not asked: {runs} without triples, on a part of the training sentences, or with "
            "another data.entity_word than most",
            "dim",
        )
    kinds = Counter(candidate.kind for candidate in found)
    for kind in Kind:
        if kinds[kind]:
            verb = "is" if kinds[kind] == 1 else "are"
            how = "not annotated at all" if kind is Kind.ABSENT else f"annotated {kind}"
            say(console, f"  {kinds[kind]} {verb} {how}", "dim")


def _print(candidate: Candidate, candidates: Candidates, console: Console) -> None:
    """Print a triple with how it is annotated, and its sentence."""
    sentence = candidates.sentences[candidate.sentence]
    subject, relation, object_ = candidate.fact
    ends = [entity_at(sentence, word, candidates.entity_word) for word in (subject, object_)]
    first, second = (" ".join(sentence.words[span.start : span.end]) for span in ends)
    kind = "" if candidate.kind is Kind.ABSENT else f"; annotated {candidate.kind}"
    if candidate.kind in (Kind.RELATION, Kind.REVERSED):
        kind += f": {', '.join(dict.fromkeys(r for _, r, _ in candidate.annotated))}"
    runs = f"{candidate.runs} of {candidates.runs} runs"
    head = f"{candidate.sentence}: {first} – {relation} – {second} ({runs}{kind})"
    say(console, f"\n{head}", "bold")
    say(console, f"     {_marked(sentence.words, ends)}")


def _marked(words: Sequence[str], spans: Iterable[Span]) -> str:
    """Return a sentence with some spans in brackets."""
    marked = list(words)
    for start, end in set(spans):
        marked[start] = f"[{marked[start]}"
        marked[end - 1] = f"{marked[end - 1]}]"
    return " ".join(marked)


def to_json(candidate: Candidate, candidates: Candidates) -> dict[str, Any]:
    """Return a triple to check in JSON's types, its arguments as ``predict`` writes them."""
    sentence, entity_word = candidates.sentences[candidate.sentence], candidates.entity_word
    return {
        "sentence": candidate.sentence,
        "tokens": list(sentence.words),
        **_fact_json(candidate.fact, sentence, entity_word),
        "runs": candidate.runs,
        "runs_asked": candidates.runs,
        "annotated": str(candidate.kind),
        "annotated_triples": [
            _fact_json(fact, sentence, entity_word) for fact in candidate.annotated
        ],
    }


def _fact_json(fact: Fact, sentence: Sentence, entity_word: str) -> dict[str, Any]:
    subject, relation, object_ = fact
    first, second = (
        mention(sentence.words, *entity_at(sentence, word, entity_word)).to_json()
        for word in (subject, object_)
    )
    return {"subject": first, "relation": relation, "object": second}
