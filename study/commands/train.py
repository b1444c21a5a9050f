"""Train one configuration without Ray: ``rin-study train``."""

from __future__ import annotations

from rich.console import Console

from rin_core.config import Config
from rin_core.data.encoding import EncodedCorpus
from rin_core.data.loading import load_dataset
from rin_core.device import require_gpu
from rin_core.problems import short
from search_spaces.presets import find_preset, preset_of
from study.commands.arguments import Train
from study.commands.caveats import print_caveats
from study.commands.corpora import print_corpora
from study.commands.options import parse_overrides
from study.commands.printing import print_faster, print_presets, say
from study.execution.trial import train_run
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.schema import Epoch
from study.planning.continuing import Continuations
from study.planning.corpora import keep_word_table, record_corpus, record_vectors
from study.planning.requirements import Device, check_settings, faster_settings

MOST_THREADS = 4_096


def run(options: Train, console: Console) -> int:
    """Train, and print each epoch and the scores.

    Raises:
        ValueError: An option, a setting or the corpus is invalid.
        LedgerError: Another process trains the run, or a study writes to the ledger.
    """
    if not 1 <= options.threads <= MOST_THREADS:
        raise ValueError(
            f"--threads {short(options.threads)}: must be at least 1, and at most {MOST_THREADS:,}"
        )
    if options.gpu:
        require_gpu()
    preset = preset_of(options.data) if options.preset is None else find_preset(options.preset)
    overrides = parse_overrides(options.set, options.max_epochs)
    config = Config().with_overrides({**preset.settings, **overrides})
    corpus = load_dataset(
        options.data, config, data_root=options.data_root, embeddings=options.embeddings
    )
    print_presets({corpus.name: preset}, console)
    print_corpora([corpus], console)
    device: Device = "cuda" if options.gpu else "cpu"
    check_settings(config, corpus, device)
    print_faster(faster_settings([config], device), console)
    ledger = Ledger(options.runs)
    run = ledger.run(config.fingerprint(corpus.digest))
    with ledger.training(run):
        return _train(options, config, corpus, run, ledger, console)


def _train(
    options: Train,
    config: Config,
    corpus: EncodedCorpus,
    run: Run,
    ledger: Ledger,
    console: Console,
) -> int:
    record_corpus(ledger, corpus.content, options.data, options.data_root, config.data)
    record_vectors(ledger, corpus)
    keep_word_table(ledger, corpus)
    found = Continuations(ledger).begin(run, config, corpus.digest)
    if found is not None:
        say(console, f"{run.fingerprint}: {found}")

    split = config.training.selection

    def print_epoch(row: Epoch) -> None:
        say(
            console,
            f"epoch {row.epoch:3}  loss {row.train_loss:9.4f}  "
            f"{split} F1 {100 * row.selection_f1:6.2f}  {row.seconds:6.2f} s",
        )

    record = train_run(
        config, corpus, run, threads=options.threads, gpu=options.gpu, on_epoch=print_epoch
    )
    selected, test = record.selection_scores["f1"], record.test_scores
    scores = f"{split} F1 {100 * selected:.2f}, test F1 {100 * test['f1']:.2f}"
    if "strict_f1" in test:
        boundaries, strict = 100 * test["exact_f1"], 100 * test["strict_f1"]
        scores += f" (boundaries {boundaries:.2f}, strict {strict:.2f})"
    text = f"{run.fingerprint}: epoch {record.best_epoch}, {scores} ({run.path})"
    say(console, text)
    if record.averaged_selection_scores and record.averaged_test_scores:
        selected, test = record.averaged_selection_scores["f1"], record.averaged_test_scores
        text = f"{split} F1 {100 * selected:.2f}, test F1 {100 * test['f1']:.2f}"
        say(console, f"averaged weights: {text} ({run.averaged_weights})")
    print_caveats([record], console)
    return 0
