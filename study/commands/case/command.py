"""The case study (Table 3): sentences through trained models, round by round.

``rin-study case --models 6556121a 87a14292 --data webnlg_star --find 3``

Runs the ledger's models, writes the numbers to ``<runs>/cases/<name>.json``, prints the triples of
each round and writes a page. ``python reports/build.py`` writes the page again from the numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from reports.cases.page import write_page
from reports.cases.views import CaseView, case_view
from study.commands.arguments import CaseStudy
from study.commands.case.models import distinct, load
from study.commands.case.sentences import choose_cases, follow
from study.commands.printing import say
from study.ledger.corpus_schema import Cases
from study.ledger.ledger import Ledger

#: Characters of a name that is chosen here; many sentences of a corpus would make it longer.
_LONGEST_NAME = 60


def run(options: CaseStudy, console: Console) -> int:
    """Follow the sentences, print them, and write the numbers and the page.

    Raises:
        ValueError: An option is invalid, a model does not exist, or the name is taken.
    """
    _check(options)
    torch.set_num_threads(1)
    ledger = Ledger(options.runs)
    models = distinct([load(ledger, name) for name in options.models])
    for note in dict.fromkeys(model.note for model in models if model.note):
        say(console, note)
    followed = [follow(case, models) for case in choose_cases(options, models)]
    cases = Cases.model_validate({"cases": followed})
    views = [case_view(case) for case in cases.to_json()["cases"]]
    for view in views:
        say(console, summary(view))
    name = _free_name(options, cases, ledger)
    path = ledger.record_cases(name, cases)
    page = write_page(views, ledger.root / "reports" / "cases" / f"{name}.html")
    say(console, f"numbers: {path}", whole=True)
    say(console, f"page: {page}", whole=True)
    return 0


def _free_name(options: CaseStudy, cases: Cases, ledger: Ledger) -> str:
    """Return the name that was given, or else one that no other case study has.

    Raises:
        ValueError: A case study with other sentences or models has the given name.
    """

    def is_free(name: str) -> bool:
        recorded = ledger.case(name)
        return options.replace or recorded is None or recorded.to_json() == cases.to_json()

    if options.name is None:
        usual = default_name(options)
        later = (f"{usual}-{number}" for number in itertools.count(2))
        return next(filter(is_free, itertools.chain([usual], later)))
    if not is_free(options.name):
        raise ValueError(
            f"--name {options.name}: the ledger has a case study of this name, with other "
            "sentences or models; nothing was written. Give another --name, or --replace"
        )
    return options.name


def default_name(options: CaseStudy) -> str:
    """Return what a case study shows, as a name: ``webnlg_star-find3``, ``demo-test0-4``."""
    found = "-".join(map(str, options.test))
    parts = ["sentences"] if options.sentence else []
    parts += [Path(options.data).stem] if options.data and (options.test or options.find) else []
    parts += [f"test{found}"] if options.test else []
    parts += [f"find{options.find}"] if options.find else []
    return "-".join(parts)[:_LONGEST_NAME] or "table3"


def summary(view: CaseView) -> str:
    """Return the triples that each model predicts after each round, a line for each round.

    A triple that is not in the gold annotation has a cross, if there is one.
    """
    lines = [f"{view.title} ({view.source})", " ".join(view.words)]
    if view.gold_known:
        lines.append(_line("gold", [row.text for row in view.triples if row.gold]))
    for n, label in enumerate(view.published):
        lines.append(_line(f"paper's {label}", [r.text for r in view.triples if r.published[n]]))
    for n, model in enumerate(view.models):
        for k in range(len(model.entity_words)):
            found = [
                f"{row.text} ✗" if row.gold is False else row.text
                for row in view.triples
                if any(row.models[n].predicted[k : k + 1])
            ]
            lines.append(_line(f"{model.label}, k = {k}", found))
    return "\n".join(lines) + "\n"


def _line(label: str, triples: Sequence[str]) -> str:
    return f"  {label}: {', '.join(triples) or 'no triple'}"


def _check(options: CaseStudy) -> None:
    name = options.name
    if name is not None and (Path(name).name != name or not name.strip(".")):
        raise ValueError(f"--name {name!r}: must be a name without folders")
    if options.find < 0:
        raise ValueError(f"--find {options.find}: must be 0 or more")
