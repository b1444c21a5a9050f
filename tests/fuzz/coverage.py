"""Fuzz what reads input from elsewhere: ``python -m tests.fuzz.coverage TARGET --seconds 600``.

Atheris mutates inputs towards new branches. A finding is any exception but the documented one, or
an input that takes more than ten seconds; it is written to ``fuzz-findings/``. Findings that were
mended are kept as tests beside those of the module that reads.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import atheris

INSTRUMENTED = ["rin_core", "study.ledger.schema", "study.ledger.transfer", "study.ledger.ledger"]
with atheris.instrument_imports(include=INSTRUMENTED):
    from tests.fuzz.targets import FOLDER, TARGETS

SECONDS_OF_ONE = 10


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    seeds = FOLDER / "seeds"
    seeds.mkdir()
    for number, seed in enumerate(TARGETS[options.target].seeds()):
        (seeds / str(number)).write_bytes(seed)
    options.findings.mkdir(exist_ok=True)
    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-timeout={SECONDS_OF_ONE}",
        f"-artifact_prefix={options.findings}/{options.target}-",
        "-max_len=4096",
        "-print_final_stats=1",
        str(seeds),
    ]
    atheris.Setup(arguments, TARGETS[options.target].read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
