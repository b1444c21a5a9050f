"""Fuzz what reads input from elsewhere: ``python -m tests.fuzz.coverage TARGET --seconds 600``.

Atheris mutates inputs towards new branches. It keeps those that reached one in ``build/fuzz``, and
the next call begins with them. A finding is any exception but the documented one, or an input that
takes more than thirty seconds; it is written to ``fuzz-findings/``. Findings that were mended are
kept as tests beside those of the module that reads.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
#: Modules that Numba compiles: it does not know what Atheris adds.
COMPILED = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in ROOT.glob("rin_core/**/*.py")
    if "from numba import" in path.read_text(encoding="utf-8")
]
INSTRUMENTED = ["rin_core", "search_spaces", "study.ledger", "reports.cases", "study.commands"]
with atheris.instrument_imports(include=INSTRUMENTED, exclude=COMPILED):
    from tests.fuzz.targets import TARGETS

SECONDS_OF_ONE = 30
MEBIBYTES = 4096
LONGEST = 2**14
"""Bytes of an input."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"), help="inputs to keep")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    kept = options.corpus / options.target
    kept.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[options.target].seeds():
        (kept / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    options.findings.mkdir(exist_ok=True)
    arguments = [
        sys.argv[0],
        f"-max_total_time={options.seconds}",
        f"-timeout={SECONDS_OF_ONE}",
        f"-rss_limit_mb={MEBIBYTES}",
        f"-artifact_prefix={options.findings}/{options.target}-",
        f"-max_len={LONGEST}",
        "-print_final_stats=1",
        str(kept),
    ]
    atheris.Setup(arguments, TARGETS[options.target].read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
