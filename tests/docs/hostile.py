"""The table of damaged and hostile input in the documents: ``python -m tests.docs.hostile``.

Each row is an input that once did harm, and the test that fails if the fault comes back.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "hostile.md"
HEADER = """# Damaged and hostile input

Each of these inputs once caused a wrong number, a hang, a traceback or wrong advice. Each has a
test that fails if the fault returns. Paths are relative to [tests](../tests).
[Fault injection](chaos.md) tests faults of a running study, and `make fuzz` reads thousands of
damaged files. `python -m tests.docs.hostile` writes this page.

| fault | input | test |
|---|---|---|
"""
LEDGER, EXPORTED = "study/ledger/test_ledger.py::", "study/ledger/test_exported.py::"
OF_RUN, WEIGHTS = (
    "study/ledger/test_checksums.py::TestWhatBelongsToARun::",
    "rin_core/predict/test_loading.py::",
)
NO_MODEL, SPACES = f"{WEIGHTS}TestWhatIsNoModel::", "search_spaces/test_own.py::"
MLFLOW, DATABASES = "study/tracking/mlflow/", "environments/test_databases.py::"
SYNC, DEADLINE = "study/commands/test_sync.py::", f"{MLFLOW}test_deadline.py::"
FIELD = f"{SPACES}test_what_a_file_cannot_say_names_the_field"
BOUNDS = f"{NO_MODEL}test_settings_of_a_file_have_the_same_bounds"
VALUE = f"{EXPORTED}test_a_value_must_be_of_its_parameters_kind_and_range"
FORM = f"{NO_MODEL}test_metadata_of_another_form"
PLACE = f"{LEDGER}test_a_file_in_place_of_a_folder_is_named_before_anything_is_trained"
MISUSE = "study/commands/test_misuse.py::test_misuse_is_one_line_and_exit_code_2"

#: By fault: inputs, each with the tests that read it.
INPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "wrong number": {
        "the `result.json` or `predictions.json` of another run": (
            f"{OF_RUN}test_a_file_of_another_run_is_refused",
            f"{OF_RUN}test_an_earlier_result_of_another_run_is_refused",
        ),
        "a score that is NaN or text, with or without a checksum": (
            f"{OF_RUN}test_a_score_that_is_no_number_is_refused",
        ),
        "one changed number": (f"{OF_RUN}test_a_changed_number_is_refused",),
        "one changed number and no checksum": (
            f"{OF_RUN}test_numbers_without_a_checksum_must_agree",
            f"{EXPORTED}test_one_changed_number_contradicts_others",
        ),
    },
    "hang": {
        "an MLflow server that sends its response byte by byte, when a study starts": (
            f"{DEADLINE}test_it_holds_up_no_start",
        ),
        "the same server when a study ends": (f"{DEADLINE}test_it_holds_up_no_end",),
        "a compressed export of valid records that does not fit in memory": (
            f"{EXPORTED}test_valid_records_that_pack_too_well_are_refused_before_they_fill_the_memory",
            f"{EXPORTED}test_a_file_that_unpacks_to_very_much_is_refused",
            f"{EXPORTED}test_a_history_of_millions_is_refused_before_it_fills_the_memory",
        ),
        "an Arrow table that claims more rows than it has bytes": (
            "rin_core/data/test_tables.py::test_more_rows_than_bytes_are_refused",
        ),
        "`model.rounds = 1000000` in a weights file": (BOUNDS,),
        "a weights file whose configuration needs more weights than it has": (
            f"{NO_MODEL}test_a_configuration_larger_than_the_file_takes_no_memory",
        ),
    },
    "traceback": {
        "numbers of 20 and 400 digits in a space": (FIELD,),
        "numbers of 20 and 400 digits in `--set`": (MISUSE,),
        "numbers of 20 and 400 digits in a weights file": (BOUNDS,),
        "TOML with thousands of nested levels": (FIELD,),
        "a weights file whose metadata has thousands of nested levels": (
            f"{NO_MODEL}test_metadata_nested_too_deeply",
        ),
        "records with thousands of nested levels": (
            f"{LEDGER}test_a_damaged_result_names_file_and_remedy",
            f"{EXPORTED}test_malformed_lines",
        ),
        "a range with a step of 1e-300 in a space": (FIELD,),
        "a range with a step of 1e-300 in an export": (VALUE,),
        "an export with a list, an object or text in place of a number, or without choices": (
            VALUE,
        ),
        "an export with labels that are not text": (
            f"{EXPORTED}test_a_plan_that_the_ledger_could_not_use_is_refused",
        ),
        "a weights file whose `config` is a list, null or text": (FORM,),
        "a weights file whose tag table has the wrong structure": (
            f"{NO_MODEL}test_a_vocabulary_of_another_form",
        ),
        "a weights file in place of a checkpoint": (
            "rin_core/train/test_loop.py::test_weights_in_the_checkpoints_place_are_refused",
            "study/execution/test_damaged_checkpoints.py::test_another_file_in_its_place",
        ),
        "resource usage rows with the wrong structure": (
            "study/ledger/test_upgrade.py::test_usage_that_is_no_usage_is_left_out",
        ),
        "unexpected JSON from an MLflow server": (
            f"{MLFLOW}test_other_answers.py::test_it_is_one_line_that_asks_for_the_address",
        ),
        "a disk quota that is exceeded while MLflow writes": (
            f"{MLFLOW}test_sender.py::"
            "test_a_quota_is_one_line_when_it_is_met_and_one_when_there_is_room",
        ),
        "a full disk at the start of a command": (
            f"{DATABASES}test_a_full_disk_ends_a_command_with_one_line",
        ),
        "`optuna.db` truncated, zeroed, or text": (
            f"{SYNC}test_a_damaged_database_of_optuna_is_moved_away",
        ),
        "`optuna.db` of another program": (
            f"{SYNC}test_a_database_of_another_program_is_moved_away",
            f"{SYNC}test_mlflows_database_under_optunas_name_is_moved_away",
        ),
        "a missing `optuna.db` while a search has running trials": (
            "study/search/test_optuna_store.py::test_what_optuna_lacks_is_taken_from_the_record",
        ),
    },
    "two drivers": {
        "`.lock` deleted while a study runs": (
            f"{LEDGER}test_deleting_the_lock_file_does_not_let_a_second_driver_in",
        ),
    },
    "wrong advice": {
        "a damaged `mlflow.db`": (
            f"{DATABASES}test_sync_rebuilds_a_damaged_mlflow_database",
            f"{SYNC}test_damaged_databases_are_made_again",
        ),
        "a folder in place of `mlflow.db`": (
            f"{DATABASES}test_an_error_names_a_folder_in_place_of_the_database",
        ),
        "a file in place of `reports`, `ray` or another folder": (
            PLACE,
            f"{LEDGER}test_a_reader_names_the_file_that_is_no_folder",
        ),
        "a file in place of a run's folder": (
            f"{LEDGER}test_a_file_in_place_of_a_runs_folder_is_named",
        ),
    },
}


def named() -> Iterator[str]:
    """Yield the identity of each test, below the folder of tests."""
    for inputs in INPUTS.values():
        for found in inputs.values():
            yield from found


def exists(test: str) -> bool:
    """Tell whether a test, as ``file::Class::function``, is in its file."""
    file, *names = test.split("::")
    path = ROOT / "tests" / file
    if not path.is_file():
        return False
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for name in names:
        kinds = ast.ClassDef | ast.FunctionDef
        found = [node for node in body if isinstance(node, kinds) and node.name == name]
        if not found:
            return False
        body = found[0].body
    return True


def page() -> str:
    """Return the page."""
    rows = [
        f"| {fault if n == 0 else ''} | {what} | {'<br>'.join(f'`{test}`' for test in found)} |"
        for fault, inputs in INPUTS.items()
        for n, (what, found) in enumerate(inputs.items())
    ]
    return "\n".join([HEADER.rstrip(), *rows, ""])


def main() -> None:
    """Write the page."""
    DOCUMENT.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
