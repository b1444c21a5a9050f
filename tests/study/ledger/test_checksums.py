"""Changed records and those of another run are refused: checksums, names, numbers that disagree."""

import json
import math
import shutil
from pathlib import Path

import pytest

from study.ledger.corpus_schema import Cases, Vectors
from study.ledger.files import LedgerError, checksum_of
from study.ledger.layout import PREDICTIONS, RESULT
from study.ledger.ledger import Ledger
from study.ledger.run import Run
from study.ledger.state import TrialState
from tests.records import (
    NO_PREDICTIONS,
    a_planned_run,
    a_result,
    a_search,
    a_study,
    scores,
)

#: How to read what has a name, and no run.
NAMED = {
    "studies": Ledger.study,
    "searches": Ledger.search,
    "vectors": Ledger.vectors,
    "cases": Ledger.case,
}


def finished(ledger: Ledger, fingerprint: str, f1: float) -> Run:
    run = ledger.run(fingerprint)
    result = a_result(fingerprint, test_scores=scores(f1))
    predictions = NO_PREDICTIONS.model_copy(update={"relations": [fingerprint]})
    run.finish(result, predictions, run.claim())
    return run


def without_checksum(path: Path) -> None:
    """Make a record one of an earlier version, written in another way."""
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps(content, indent=3, sort_keys=True))


class TestWhatBelongsToARun:
    def test_a_changed_number_is_refused(self, tmp_path: Path) -> None:
        run = finished(Ledger(tmp_path), "aa", 0.25)
        path = run.path / RESULT
        result = run.result()
        assert result is not None
        assert result.test_scores["f1"] == 0.25
        path.write_text(path.read_text().replace("0.25", "0.75"))
        with pytest.raises(LedgerError, match=str(path)):
            run.result()
        assert run.state() is TrialState.UNREADABLE

    @pytest.mark.parametrize("checksum", [True, False])
    @pytest.mark.parametrize(
        ("value", "message"), [(math.nan, "nan: must be a finite"), ("0.4", "'0.4': must be a val")]
    )
    def test_a_score_that_is_no_number_is_refused(
        self, tmp_path: Path, value: object, message: str, checksum: bool
    ) -> None:
        """Also by a program that writes the right checksum."""
        run = finished(Ledger(tmp_path), "aa", 0.5)
        result = run.result()
        assert result is not None
        content = result.to_json()
        content["test_scores"]["f1"] = value
        if checksum:
            content["checksum"] = checksum_of(content, "aa")
        (run.path / RESULT).write_text(json.dumps(content))
        with pytest.raises(LedgerError, match=rf"result\.json: .*test_scores\.f1 = {message}"):
            run.result()
        assert run.state() is TrialState.UNREADABLE

    @pytest.mark.parametrize("score", ["f1", "precision", "entity_recall"])
    @pytest.mark.parametrize("scores", ["test_scores", "selection_scores", "history"])
    def test_numbers_without_a_checksum_must_agree(
        self, tmp_path: Path, scores: str, score: str
    ) -> None:
        run = finished(Ledger(tmp_path), "aa", 0.5)
        result = run.result()
        assert result is not None
        content = result.to_json()
        (run.path / RESULT).write_text(json.dumps(content))
        assert run.result() is not None
        row = content["history"][0]["selection_scores"] if scores == "history" else content[scores]
        row[score] = 0.75
        (run.path / RESULT).write_text(json.dumps(content))
        with pytest.raises(
            LedgerError, match=rf"result\.json: damaged record \({scores}.*; delete"
        ):
            run.result()

    @pytest.mark.parametrize("name", [RESULT, PREDICTIONS])
    def test_a_file_of_another_run_is_refused(self, tmp_path: Path, name: str) -> None:
        one, other = (finished(Ledger(tmp_path), run, 0.5) for run in ("aa", "bb"))
        shutil.copy(other.path / name, one.path / name)
        with pytest.raises(LedgerError, match=str(one.path / name)):
            _ = one.result(), one.predictions()
        predictions = other.predictions()
        assert predictions is not None
        assert predictions.relations == ["bb"]

    @pytest.mark.parametrize("name", [RESULT, PREDICTIONS])
    def test_records_of_earlier_versions_have_no_checksum(self, tmp_path: Path, name: str) -> None:
        run = finished(Ledger(tmp_path), "aa", 0.5)
        wanted = run.result(), run.predictions()
        without_checksum(run.path / name)
        assert (run.result(), run.predictions()) == wanted

    def test_an_earlier_result_of_another_run_is_refused(self, tmp_path: Path) -> None:
        one, other = (finished(Ledger(tmp_path), run, 0.5) for run in ("aa", "bb"))
        without_checksum(other.path / RESULT)
        shutil.copy(other.path / RESULT, one.path / RESULT)
        with pytest.raises(LedgerError, match=r"aa/result\.json: is the record of bb; delete"):
            one.result()


def with_two_of_each(folder: Path) -> Ledger:
    ledger = Ledger(folder)
    for name in ("one", "other"):
        ledger.record_study(a_study([a_planned_run(0)], name))
        ledger.record_search(a_search({"a": {}}, experiment=name))
        ledger.record_vectors(Vectors(digest=name, name="v", with_vector=["met"], unseen=[]))
        ledger.record_cases(name, Cases(cases=[]))
    return ledger


@pytest.mark.parametrize("folder", NAMED)
class TestRecordsWithAName:
    def test_that_of_another_is_refused(self, tmp_path: Path, folder: str) -> None:
        ledger = with_two_of_each(tmp_path)
        path = tmp_path / folder / "one.json"
        shutil.copy(tmp_path / folder / "other.json", path)
        with pytest.raises(LedgerError, match=rf"{path}: damaged record \(its checksum"):
            NAMED[folder](ledger, "one")
        NAMED[folder](ledger, "other")

    def test_a_changed_one_is_refused(self, tmp_path: Path, folder: str) -> None:
        ledger = with_two_of_each(tmp_path)
        path = tmp_path / folder / "one.json"
        content = json.loads(path.read_text())
        content[next(key for key in content if key not in ("version", "checksum"))] = "another"
        path.write_text(json.dumps(content))
        with pytest.raises(LedgerError, match=rf"{path}: damaged record \(its checksum"):
            NAMED[folder](ledger, "one")

    def test_older_ones_have_a_name_alone(self, tmp_path: Path, folder: str) -> None:
        ledger = with_two_of_each(tmp_path)
        wanted = NAMED[folder](ledger, "one")
        for name in ("one", "other"):
            without_checksum(tmp_path / folder / f"{name}.json")
        assert NAMED[folder](ledger, "one") == wanted
        if folder == "cases":  # whose record does not have its name
            return
        shutil.copy(tmp_path / folder / "other.json", tmp_path / folder / "one.json")
        with pytest.raises(LedgerError, match=r"one\.json: is the record of .*other"):
            NAMED[folder](ledger, "one")
