"""The command: sentences and JSON lines in, triples out, and how it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rin_core.cli import exit_with_clear_errors
from rin_core.predict import __main__ as predict
from rin_core.predict.predictor import Predictor
from rin_core.train.epochs import Epoch
from rin_core.train.loop import train
from tests.conftest import Trained

ROOT = Path(__file__).parents[3]


def command(
    trained: Trained, *arguments: object, given: str | bytes = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a person does."""
    model = () if "--model" in arguments else ("--model", trained.weights)
    return subprocess.run(
        [sys.executable, "-m", "rin_core.predict", *map(str, model), *map(str, arguments)],
        cwd=ROOT,
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        check=False,
        env=os.environ | {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8"},
    )


def within(
    capsysbinary: pytest.CaptureFixture[bytes], trained: Trained, *arguments: object
) -> tuple[int, bytes, str]:
    """Run the command in this process, which is faster."""
    given = [str(argument) for argument in arguments]
    model = [] if "--model" in given else ["--model", str(trained.weights)]
    with pytest.raises(SystemExit) as ended:
        exit_with_clear_errors(
            lambda: predict.main(predict.parse([*model, *given])), interrupted="interrupted"
        )
    out, err = capsysbinary.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err.decode()


def lines(*records: object) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


def parsed(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def only(row: dict[str, Any]) -> dict[str, Any]:
    """Return the sentence of an answer that has one."""
    (sentence,) = row["sentences"]
    return sentence  # type: ignore[no-any-return]


def records_of(trained: Trained) -> list[dict[str, Any]]:
    return [
        {"id": f"dev-{n}", "tokens": list(s.words), "pos": list(s.pos or ())}
        for n, s in enumerate(trained.corpus.dev)
    ]


class TestCommand:
    def test_sentences_are_shown(self, trained: Trained) -> None:
        found = Predictor.load(trained.weights).predict(trained.corpus.train[:60])
        extraction = next(x for x in found if x.triples)
        text = " ".join(extraction.words)
        ran = command(trained, "--pretokenized", text, "Qwyx met 東京 🎉", "")
        assert ran.returncode == 0, ran.stderr
        shown = ran.stdout.decode()
        assert extraction.triples[0].relation in shown
        assert extraction.triples[0].subject.text in shown
        assert "not seen in training: Qwyx, 東京, 🎉" in shown
        assert "(no words)" in shown
        assert b"part-of-speech tags: " in ran.stderr
        assert len(ran.stderr.splitlines()) == 1

    def test_json_lines_through_pipes(self, trained: Trained) -> None:
        records = records_of(trained)
        ran = command(trained, "--input", "-", "--window", 7, given=lines(*records))
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr == b""
        found = parsed(ran.stdout)
        assert [row["id"] for row in found] == [record["id"] for record in records]
        assert [only(row)["tokens"] for row in found] == [record["tokens"] for record in records]
        wanted = Predictor.load(trained.weights).predict(trained.corpus.dev)
        assert sum(len(x.triples) for x in wanted) > 20
        for row, extraction in zip(found, wanted, strict=True):
            triples = extraction.to_json()["triples"]
            assert [(t["subject"], t["relation"], t["object"]) for t in only(row)["triples"]] == [
                (t["subject"], t["relation"], t["object"]) for t in triples
            ]
            for entity in only(row)["entities"]:
                words = row["tokens"][entity["start"] : entity["end"]]
                assert entity["text"] == " ".join(words)
                assert 0 < entity["probability"] <= 1

    def test_several_models_vote(
        self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
    ) -> None:
        copied = tmp_path / "weights.safetensors"
        copied.write_bytes(trained.weights.read_bytes())
        models = ("--model", trained.weights, "--model", copied)
        text = " ".join(trained.corpus.train[0].words)
        code, out, err = within(capsysbinary, trained, *models, text, "--pretokenized")
        assert code == 0
        assert "a triple counts if at least 2 of 2 models find it; an odd number of" in err
        head, *rows = out.decode().splitlines()[1:-1]
        assert head.split()[-1] == "votes"
        assert {row.split()[-1] for row in rows} == {"2"}
        code, out, _ = within(capsysbinary, trained, *models, text, "--pretokenized", "--json")
        assert code == 0
        _, alone, _ = within(capsysbinary, trained, text, "--pretokenized", "--json")
        (row,), (one,) = parsed(out), parsed(alone)
        for kind in ("entities", "triples"):
            assert only(row)[kind] == [found | {"votes": 2} for found in only(one)[kind]] != []

    def test_a_model_has_one_vote(
        self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        models = ("--model", trained.weights, "--model", trained.weights.parent)
        code, _, err = within(capsysbinary, trained, *models, "Ann met Bob .")
        assert code == 2
        assert f"and --model {trained.weights.parent} are the same model: give it once" in err

    def test_a_model_among_the_texts(
        self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        folder = trained.weights.parent
        code, _, err = within(capsysbinary, trained, "--model", folder, folder, "Ann met Bob .")
        assert code == 2
        assert f"{folder}: is a model, not a text; write --model before each model" in err
        code, _, _ = within(capsysbinary, trained, "README.md", "decade", str(ROOT), "tests", ".")
        assert code == 0

    def test_no_model(self) -> None:
        with pytest.raises(ValueError, match="--model RUN is missing"):
            predict.parse(["Ann met Bob ."]).check()

    def test_tags_of_another_set_are_told_of_once(
        self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path
    ) -> None:
        foreign = [
            record | {"pos": ["PROPN"] * len(record["pos"])} for record in records_of(trained)
        ]
        for records, notes in ((foreign, 1), (records_of(trained), 0)):
            (tmp_path / "in.jsonl").write_text(lines(*records))
            code, _, err = within(
                capsysbinary, trained, "--input", tmp_path / "in.jsonl", "--window", 5
            )
            assert code == 0
            assert len(err.splitlines()) == notes, err
            assert err.count("given are unknown to the model, such as 'PROPN'") == notes

    def test_a_reader_that_leaves_is_no_error(self, trained: Trained) -> None:
        arguments = (
            "-m",
            "rin_core.predict",
            "--model",
            str(trained.weights),
            "--input",
            "-",
        )
        ran = subprocess.run(
            f"{sys.executable} {' '.join(arguments)} --window 1 | head -n 1",
            shell=True,
            cwd=ROOT,
            input=lines(*records_of(trained) * 3).encode(),
            capture_output=True,
            check=False,
        )
        assert len(ran.stdout.splitlines()) == 1
        assert ran.stderr == b""

    @pytest.mark.parametrize("window", [1, 3, 10_000])
    def test_output_can_be_read_again(
        self,
        trained: Trained,
        tmp_path: Path,
        capsysbinary: pytest.CaptureFixture[bytes],
        window: int,
    ) -> None:
        first, again = tmp_path / "in.jsonl", tmp_path / "new" / "out.jsonl"
        first.write_text(lines(*records_of(trained)))
        assert within(capsysbinary, trained, "--input", first, "--output", again)[:2] == (0, b"")
        code, out, err = within(capsysbinary, trained, "--input", again, "--window", window)
        assert (code, err) == (0, "")
        assert len(parsed(out)) == len(trained.corpus.dev)
        for row, before in zip(parsed(out), parsed(again.read_bytes()), strict=True):
            assert without_probabilities(row) == without_probabilities(before)

    def test_output_may_replace_the_input(
        self, trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        path = tmp_path / "x.jsonl"
        path.write_text(lines({"text": "Ann met Bob."}, {"text": "Bob met Ann."}))
        assert within(capsysbinary, trained, "--input", path, "--output", path)[0] == 0
        assert [only(row)["tokens"][0] for row in parsed(path.read_bytes())] == ["Ann", "Bob"]
        assert list(tmp_path.iterdir()) == [path]

    def test_every_field_is_kept_and_blank_lines_are_counted(
        self, trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        path = tmp_path / "x.jsonl"
        ids = [7, "", "東京", "half \ud83d", 10**30, None, [1, {"a": 0.5}]]
        records = [
            {"id": name, "text": "Ann met Bob.", "entities": ["gold"], "triples": 3} for name in ids
        ]
        path.write_text("\ufeff" + "\n \n".join(map(json.dumps, records)) + "\n\n")
        _, out, err = within(capsysbinary, trained, "--input", path)
        found = parsed(out)
        assert [{k: v for k, v in row.items() if k != "sentences"} for row in found] == records
        assert "7 blank lines" in err

    def test_rounds(self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        code, out, _ = within(capsysbinary, trained, "--json", "--rounds", "Ann met Bob.")
        row = only(*parsed(out))
        assert code == 0
        assert [each["round"] for each in row["rounds"]] == [0, 1, 2]
        assert row["rounds"][2] == {
            "round": 2, "entities": row["entities"], "triples": row["triples"],
        }  # fmt: skip

    def test_how_text_is_split(
        self, trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        path = tmp_path / "x.jsonl"
        text = "Ann's. He left."
        texts = ({"text": text}, {"text": text, "pos": "X Y Z"}, {"sentText": text})
        path.write_text(lines(*texts))
        split = [["Ann", "'s", "."], ["He", "left", "."]]
        spaced = ["Ann's.", "He", "left."]
        for options, wanted in (
            ((), split),
            (("--one-sentence",), [[*split[0], *split[1]]]),
            (("--pretokenized",), [["Ann's."], ["He", "left."]]),
            (("--pretokenized", "--one-sentence"), [spaced]),
        ):
            _, out, _ = within(capsysbinary, trained, "--input", path, *options)
            found = [[s["tokens"] for s in row["sentences"]] for row in parsed(out)]
            assert found == [wanted, [spaced], [spaced]]

    def test_plain_text_by_content(
        self, trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        path = tmp_path / "x.jsonl"
        path.write_bytes('\ufeff\n  "Ann" met Bob. He left.\r\n\n[1] 東京。\n{"text": 3}'.encode())
        code, out, err = within(capsysbinary, trained, "--input", path, "--window", 1)
        assert code == 0
        assert [(row["line"], row["text"]) for row in parsed(out)] == [
            (2, '  "Ann" met Bob. He left.'),
            (4, "[1] 東京。"),
            (5, '{"text": 3}'),
        ]
        assert [len(row["sentences"]) for row in parsed(out)] == [2, 1, 1]
        assert "2 blank lines" in err

    @pytest.mark.parametrize("given", [(), ("--json",)])
    def test_an_empty_text_is_no_reason_for_a_note(
        self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes], given: tuple[str, ...]
    ) -> None:
        code, out, err = within(capsysbinary, trained, *given, "", " \n")
        assert (code, err) == (0, "")
        if given:
            assert [row["sentences"] for row in parsed(out)] == [[], []]
        else:
            assert out.split() == b"(no words) (no words)".split()

    def test_a_devices_place_is_kept(
        self, trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        assert within(capsysbinary, trained, "--output", os.devnull, "Ann met Bob.")[0] == 0
        assert Path(os.devnull).is_char_device()

    def test_a_unit_in_training_is_said_to_be(
        self, trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        def stop(_: Epoch) -> None:
            raise KeyboardInterrupt

        config = Predictor.load(trained.weights).config.override("training.max_epochs", 2)
        with pytest.raises(KeyboardInterrupt):
            train(config, trained.encoded, directory=tmp_path, on_epoch=stop)
        _, _, err = within(capsysbinary, trained, "--model", tmp_path, "Ann")
        assert "training has not finished" in err


def without_probabilities(row: object) -> object:
    if isinstance(row, dict):
        return {k: without_probabilities(v) for k, v in row.items() if k != "probability"}
    return [without_probabilities(v) for v in row] if isinstance(row, list) else row


class TestMalformedLines:
    BAD = (
        ('{"text": "a"', r"x.jsonl:3: not valid JSON"),
        ("[1]", r"x.jsonl:3: found \[1\], expected an object with fields"),
        ('{"id": 1}', r"x.jsonl:3: found the fields \['id'\], expected text or tokens"),
        ('{"text": null}', r"x.jsonl:3: field text: found None, expected text"),
        ('{"tokens": ["a"], "pos": []}', r"x.jsonl:3: field pos: found 0 tags, expected 1"),
        ('{"text": "a\\ud83d"}', r"x.jsonl:3: field text: found an unpaired surrogate"),
    )

    @pytest.mark.parametrize(("bad", "message"), BAD)
    def test_stop_at_the_first(
        self,
        trained: Trained,
        tmp_path: Path,
        capsysbinary: pytest.CaptureFixture[bytes],
        bad: str,
        message: str,
    ) -> None:
        path, output = tmp_path / "x.jsonl", tmp_path / "out.jsonl"
        path.write_text(f'{{"text": "a"}}\n\n{bad}\n{{"text": "b"}}\n')
        code, out, err = within(capsysbinary, trained, "--input", path, "--output", output)
        assert (code, out) == (2, b"")
        (line,) = (line for line in err.splitlines() if line.startswith("error"))
        assert re.search(message, line)
        assert list(tmp_path.iterdir()) == [path]

    def test_or_skip_and_count_them(
        self, trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        path = tmp_path / "x.jsonl"
        mixed = []
        for n, (bad, _) in enumerate(self.BAD):
            mixed += [json.dumps({"id": n, "text": "Ann met Bob."}), bad]
        path.write_bytes("\n".join(mixed).encode() + b'\n{"text": "\xff"}\n{"text": "b", "id": 6}')
        code, out, err = within(
            capsysbinary, trained, "--input", path, "--skip-malformed", "--window", 2
        )
        assert code == 0
        assert [row["id"] for row in parsed(out)] == list(range(len(self.BAD) + 1))
        assert f"{len(self.BAD) + 1} lines skipped; the first one: {path}:2: not valid JSON" in err

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                b'{\n "text": "a"}',
                r":1: a record continues on the next line; .*one record per line",
            ),
            (b'{"text":\n "a"}', r":1: not valid JSON .* one record per line"),
            (b'\n[{"text": "a"}]', ":2: a JSON list, expected one JSON object per line"),
            (b"[\n1]", ":1: a JSON list, expected one JSON object per line"),
            (b"text \xff", r":1: not UTF-8 text \(.*\): save it as UTF-8"),
            ("text".encode("utf-16"), ":1: not UTF-8 text but UTF-16 text: save it as UTF-8"),
            (b"PK\0", ":1: not text, but a binary file"),
        ],
    )
    def test_a_file_of_another_kind(
        self,
        trained: Trained,
        tmp_path: Path,
        capsysbinary: pytest.CaptureFixture[bytes],
        content: bytes,
        message: str,
    ) -> None:
        path = tmp_path / "x"
        path.write_bytes(content)
        code, out, err = within(capsysbinary, trained, "--input", path)
        assert (code, out) == (2, b"")
        assert re.search(message, err)
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize("models", [1, 2])
def test_a_threshold_changes_how_many_triples_are_found(
    trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], models: int
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(lines(*records_of(trained)))
    other = tmp_path / "weights.safetensors"
    other.write_bytes(trained.weights.read_bytes())
    given = [v for weights in [trained.weights, other][:models] for v in ("--model", weights)]
    counts = []
    for threshold in (0.1, 0.5, 0.9):
        arguments = (*given, "--input", path, "--threshold", threshold)
        code, out, _ = within(capsysbinary, trained, *arguments)
        assert code == 0
        found = [t["probability"] for row in parsed(out) for t in only(row)["triples"]]
        assert all(probability >= threshold for probability in found)
        counts.append(len(found))
    assert counts[0] > counts[1] > counts[2] > 0


def test_misuse_is_one_line_and_exit_code_2(
    trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (tmp_path / "checkpoint").mkdir()
    cases: dict[tuple[object, ...], str] = {
        (): "give either texts or --input FILE",
        ("Ann", "--input", "-"): "give either texts or --input FILE",
        ("Ann", "--window", "0"): "--window 0: must be at least 1",
        ("Ann", "--threshold", "1.5"): "--threshold 1.5: must be between 0 and 1",
        ("Ann", "--batch-tokens", "-1"): "--batch-tokens -1: must be at least 1",
        ("--input", tmp_path / "none"): "--input .*none: no such file",
        ("--input", tmp_path): "--input .*: is a folder",
        ("Ann", "--model", "nothing"): "--model nothing: no such run in",
        ("Ann", "--model", tmp_path): "has no weights.safetensors",
        ("Ann\udcff",): "field text: found an unpaired surrogate",
    }
    for arguments, expected in cases.items():
        code, out, err = within(capsysbinary, trained, *arguments)
        assert (code, out) == (2, b""), (arguments, err)
        assert re.search(expected, err), (arguments, err)
        assert len(err.splitlines()) == 1, (arguments, err)


def test_a_damaged_model_is_exit_code_1(
    trained: Trained, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    damaged = tmp_path / "weights.safetensors"
    damaged.write_bytes(trained.weights.read_bytes()[:-1])
    code, _, err = within(capsysbinary, trained, "--model", damaged, "Ann")
    assert code == 1
    assert "cannot be read as a model" in err
    assert len(err.splitlines()) == 1


def test_a_model_may_be_found_elsewhere(
    trained: Trained, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """What a program over this one needs to add a registry of models."""
    asked = []

    def find(model: str, runs: Path) -> Path:
        asked.append((model, runs))
        return trained.weights

    options = predict.parse(["--model", "registry:best", "--runs", "r", "--json", "Ann met Bob."])
    assert predict.main(options, find) == 0
    assert asked == [("registry:best", Path("r"))]
    (row,) = parsed(capsysbinary.readouterr().out)
    assert only(row)["tokens"] == ["Ann", "met", "Bob", "."]
