"""From names on a command line to corpora and arrays."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rin_core.config import Config
from rin_core.data import loading
from rin_core.data.corpus import Corpus, CorpusError
from rin_core.data.findings import missing_findings
from rin_core.data.loading import find_corpus, load_corpus, load_dataset
from rin_core.data.vectors import VectorsError
from tests.corpora import COPYRE, SPERT, TRIPLES, Record, changed, write_corpus, write_lines

WHOLE = {"train": [TRIPLES], "dev": [TRIPLES], "test": [SPERT, COPYRE]}

NOTHING: Record = {"entities": [], "relations": []}


class TestLoading:
    def test_by_name_by_path_and_by_environment(
        self, make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = make_corpus(**WHOLE)
        monkeypatch.delenv("RIN_DATA_ROOT", raising=False)
        by_path = load_corpus(str(folder))
        assert (by_path.name, len(by_path.test)) == ("small", 2)
        assert load_corpus("small", tmp_path) == by_path
        monkeypatch.setenv("RIN_DATA_ROOT", str(tmp_path))
        assert load_corpus("small") == by_path

    def test_the_demo_needs_no_data(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RIN_DATA_ROOT", raising=False)
        assert load_corpus("demo").name == "demo"

    @pytest.mark.parametrize("stem", ["dev", "valid", "validation", "val"])
    def test_names_of_the_dev_split(self, make_corpus: Callable[..., Path], stem: str) -> None:
        folder = make_corpus(train=[TRIPLES], test=[TRIPLES], **{stem: [SPERT]})
        assert load_corpus(str(folder)).dev[0].words == tuple(SPERT["tokens"])

    def test_two_files_for_a_split(self, make_corpus: Callable[..., Path]) -> None:
        folder = make_corpus(**WHOLE, valid=[TRIPLES])
        with pytest.raises(CorpusError, match=r"both dev\.json and valid\.json could be the dev"):
            load_corpus(str(folder))

    def test_a_missing_split(self, make_corpus: Callable[..., Path]) -> None:
        folder = make_corpus(dev=[TRIPLES])
        wanted = r"small: missing train\.json and test\.json \(found dev\.json\)"
        with pytest.raises(CorpusError, match=wanted):
            load_corpus(str(folder))

    def test_an_unknown_name_lists_the_corpora(
        self, make_corpus: Callable[..., Path], tmp_path: Path
    ) -> None:
        make_corpus(**WHOLE)
        (tmp_path / "embeddings").mkdir()
        with pytest.raises(
            CorpusError, match=r"'smal'.*known corpora: demo, small; .*RIN_DATA_ROOT"
        ):
            find_corpus("smal", tmp_path)

    def test_no_data_root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RIN_DATA_ROOT", raising=False)
        with pytest.raises(CorpusError, match=r"'x': .*--data-root or RIN_DATA_ROOT"):
            find_corpus("x", None)
        with pytest.raises(CorpusError, match=r"gone cannot be read \(No such file"):
            find_corpus("x", tmp_path / "gone")
        with pytest.raises(CorpusError, match="'': no such folder"):
            find_corpus("", tmp_path)

    @pytest.mark.parametrize(
        ("split", "use"), [("train", "learned"), ("dev", "selected"), ("test", "scored")]
    )
    def test_nothing_to_learn_to_select_by_or_to_score(
        self, make_corpus: Callable[..., Path], split: str, use: str
    ) -> None:
        folder = make_corpus(**WHOLE | {split: [changed(TRIPLES, triple_list=[])]})
        wanted = rf"{split}\.json: no sentence has a triple, so nothing can be {use}"
        with pytest.raises(CorpusError, match=wanted):
            load_corpus(str(folder))


class TestTrainShare:
    def test_the_model_knows_a_share_of_the_sentences_and_trains_for_as_many_steps(self) -> None:
        config = Config()
        whole = load_dataset("demo", config)
        part = load_dataset("demo", config.override("data.train_share", 0.05))
        assert (len(part.train), len(whole.train)) == (80, 1600)
        assert part.epoch_size == whole.epoch_size == 1600
        assert part.epoch_tokens == 20 * part.train.tokens
        assert whole.epoch_tokens == whole.train.tokens
        assert set(part.vocabulary.words) < set(whole.vocabulary.words)
        assert len(set(part.train.words_S.tolist())) < len(set(whole.train.words_S.tolist()))
        assert (part.dev.tokens, part.test.tokens) == (whole.dev.tokens, whole.test.tokens)
        # It is the same corpus, and its records in a ledger are the same.
        assert (part.content, part.as_read) == (whole.content, whole.as_read)
        assert (part.summary, part.findings) == (whole.summary, whole.findings)
        assert part.digest != whole.digest
        note = "data.train_share=0.05: 80 of 1,600 training sentences, repeated in an epoch"
        assert note in part.notes
        assert not any("train_share" in other for other in whole.notes)

    def test_an_unknown_word_has_the_usual_tag_of_words_that_the_share_has_once(
        self, make_corpus: Callable[..., Path]
    ) -> None:
        size = len(SPERT["tokens"])
        tagged = [
            {**SPERT, "tokens": [f"w{k}-{n}" for n in range(size)], "pos": ["NN"] * size}
            for k in range(8)
        ]
        folder = str(make_corpus(train=tagged, dev=tagged[:1], test=tagged[:1]))
        part = load_dataset(folder, Config().override("data.train_share", 0.5))
        assert part.vocabulary.usual_tags(["new"]) == ("NN",)

    def test_tags_that_a_tagger_adds_are_part_of_the_content(
        self, make_corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        untagged = [{**SPERT, "tokens": [*SPERT["tokens"], str(k)]} for k in range(8)]
        folder = str(make_corpus(train=untagged, dev=untagged[:1], test=untagged[1:2]))

        def with_tags(corpus: Corpus, config: Config) -> tuple[Corpus, str]:
            train, dev, test = (
                tuple(dataclasses.replace(s, pos=("X",) * len(s.words)) for s in split)
                for split in corpus.splits().values()
            )
            return dataclasses.replace(corpus, train=train, dev=dev, test=test), "a tagger"

        monkeypatch.setattr(loading, "corpus_with_tags", with_tags)
        whole, part = (
            load_dataset(folder, Config().override("data.train_share", share))
            for share in (1.0, 0.5)
        )
        assert (part.content, part.as_read) == (whole.content, whole.as_read)
        assert part.content != part.as_read

    def test_a_share_without_a_triple(self, make_corpus: Callable[..., Path]) -> None:
        plain = {**SPERT, "entities": [], "relations": []}
        empty = [{**plain, "tokens": [f"w{k}"] * 9} for k in range(99)]
        folder = make_corpus(train=[*empty, SPERT], dev=[SPERT], test=[SPERT])
        config = Config().override("data.train_share", 0.05)
        wanted = r"^small: data\.train_share=0\.05: 5 of 100 training sentences, none with a triple"
        with pytest.raises(CorpusError, match=wanted):
            load_dataset(str(folder), config)


class TestMissingTriples:
    #: One of ten triples cannot be located.
    RECORDS = (*[TRIPLES] * 9, changed(TRIPLES, triple_list=[["Bean", "crew", "Apollo 13"]]))

    def test_too_many_are_an_error_that_names_the_fix(
        self, make_corpus: Callable[..., Path]
    ) -> None:
        folder = make_corpus(**WHOLE | {"dev": self.RECORDS})
        wanted = (
            r"dev\.json: 1 of 10 triples \(10\.00%\) .*first is \('Bean', 'crew', 'Apollo 13'\) in "
            r"'Bean left Apollo 12 \.'.*the limit is 1\.00%.*--set data\.max_missing=0\.1"
        )
        with pytest.raises(CorpusError, match=wanted):
            load_corpus(str(folder))

    def test_the_fix_it_names_works(self, make_corpus: Callable[..., Path]) -> None:
        folder = make_corpus(**WHOLE | {"dev": self.RECORDS[-3:]})
        with pytest.raises(CorpusError) as caught:
            load_corpus(str(folder), max_missing=0.33)
        named = re.search(r"max_missing=([\d.]+)", str(caught.value))
        assert named
        corpus = load_corpus(str(folder), max_missing=float(named[1]))
        (finding,) = missing_findings("dev", corpus.dev)
        assert (finding.code, finding.count) == ("argument-not-found", 1)
        assert finding.text.startswith("dev: 1 of 3 triples (33.33%)")

    def test_a_share_that_rounding_once_denied(self, make_corpus: Callable[..., Path]) -> None:
        """29 of 100 are 0.29, and 0.29 * 100 is less than 29."""
        records = [*self.RECORDS[:1] * 71, *self.RECORDS[-1:] * 29]
        folder = make_corpus(**WHOLE | {"dev": records})
        assert len(load_corpus(str(folder), max_missing=0.29).dev) == 100

    def test_an_allowed_share_may_be_reached(self, make_corpus: Callable[..., Path]) -> None:
        folder = make_corpus(**WHOLE | {"dev": self.RECORDS})
        assert load_corpus(str(folder), max_missing=0.1).dev[-1].triples == ()

    def test_a_part_of_a_word_needs_another_fix(self, make_corpus: Callable[..., Path]) -> None:
        record = changed(TRIPLES, triple_list=[["Bea", "crew", "Apollo 12"]])
        with pytest.raises(CorpusError, match=r"part of a longer word.*put spaces") as caught:
            load_corpus(str(make_corpus(**WHOLE | {"dev": [record]})))
        assert "max_missing" not in str(caught.value)

    def test_a_few_parts_of_words_may_be_left_out(self, make_corpus: Callable[..., Path]) -> None:
        part = changed(TRIPLES, triple_list=[["Bea", "crew", "Apollo 12"]])
        folder = make_corpus(**WHOLE | {"dev": [*[TRIPLES] * 9, part]})
        with pytest.raises(CorpusError, match=r"longer word.*--set data\.max_missing=0\.1$"):
            load_corpus(str(folder))

    def test_other_capitals_need_another_fix(self, make_corpus: Callable[..., Path]) -> None:
        record = changed(TRIPLES, triple_list=[["bean", "crew", "Apollo 12"]])
        with pytest.raises(CorpusError, match=r"other capitals .*write it as the text") as caught:
            load_corpus(str(make_corpus(**WHOLE | {"dev": [record]})))
        assert "max_missing" not in str(caught.value)

    def test_a_limit_for_most_triples_is_no_fix(self, make_corpus: Callable[..., Path]) -> None:
        record = changed(TRIPLES, triple_list=[["Eve", "crew", "Apollo 12"]])
        with pytest.raises(CorpusError, match="does not occur") as caught:
            load_corpus(str(make_corpus(**WHOLE | {"dev": [record, TRIPLES, record]})))
        assert "max_missing" not in str(caught.value)

    def test_damaged_text_is_named_as_the_cause(self, make_corpus: Callable[..., Path]) -> None:
        record = changed(TRIPLES, text="B&eacute;an left Apollo 12 .")
        with pytest.raises(CorpusError, match=r"does not occur .*sentences with HTML: 1 of 1"):
            load_corpus(str(make_corpus(**WHOLE | {"dev": [record]})))


def test_without_a_triple_what_was_left_out_is_named(make_corpus: Callable[..., Path]) -> None:
    entity = {"type": "A", "offset": [0, 2], "text": "Bean"}
    record = {
        "tokens": ["Bean", "left", "Apollo"],
        "entity": [entity],
        "relation": [{"type": "crew", "args": [entity, entity]}],
    }
    with pytest.raises(CorpusError, match=r"no sentence has a triple.*left out relations of .*: 1"):
        load_corpus(str(make_corpus(**WHOLE | {"dev": [record]})))


def test_a_split_without_annotations_names_what_to_do(make_corpus: Callable[..., Path]) -> None:
    folder = make_corpus(**WHOLE | {"test": [changed(SPERT, **NOTHING)]})
    with pytest.raises(CorpusError, match=r"scored; .*cut test from train with --set data\.dev_fr"):
        load_corpus(str(folder))


@pytest.mark.parametrize(
    ("annotated", "fraction", "wanted"),
    [
        (1, 0.1, "dev: none of the 2 sentences cut from train has a triple; raise data.dev_frac"),
        (20, 0.1, ""),
        (0, 0.1, "no sentence has a triple, so nothing can be learned; annotate"),
    ],
)
def test_a_split_that_was_cut_without_a_triple(
    tmp_path: Path, annotated: int, fraction: float, wanted: str
) -> None:
    records = [
        changed(SPERT, tokens=[f"x{k}", "a", "b", "c"], **({} if k < annotated else NOTHING))
        for k in range(20)
    ]
    file = write_lines(tmp_path / "all.jsonl", records)
    if not wanted:
        assert len(load_corpus(str(file), dev_fraction=fraction).dev) == 2
        return
    with pytest.raises(CorpusError, match=re.escape(wanted)):
        load_corpus(str(file), dev_fraction=fraction)


def test_a_file_whose_records_are_all_left_out(tmp_path: Path) -> None:
    task = {"data": {"text": "Ann met Bob."}, "annotations": []}
    file = write_lines(tmp_path / "all.jsonl", [changed(task, id=k) for k in range(50)])
    with pytest.raises(
        CorpusError, match=r"all\.jsonl: no sentence is left; left out tasks .* annotation .*: 50, "
    ):
        load_corpus(str(file), dev_fraction=0.1)


def test_a_folder_cannot_be_called_as_the_embedded_corpus(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "demo", (10, 5, 5))
    with pytest.raises(CorpusError, match="demo is the name of the embedded corpus; rename"):
        load_corpus(str(folder))


def vectors_file(folder: Path, value: float) -> Path:
    folder.mkdir(parents=True)
    path = folder / "small.txt"
    path.write_text("the " + " ".join([str(value)] * 4) + "\n")
    return path


def test_vectors_are_found_from_here_and_then_under_the_data_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, here = tmp_path / "root", tmp_path / "here"
    config = Config().override("encoder.word_dim", 4)
    name = Path("embeddings/small.txt")

    def value(data_root: Path | None) -> float:
        vectors = load_dataset("demo", config, data_root=data_root, embeddings=name).vectors
        assert vectors is not None
        return float(vectors.matrix[vectors.found][0, 0])

    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("RIN_DATA_ROOT", raising=False)
    vectors_file(root / "embeddings", 0.5)
    assert value(root) == 0.5
    with pytest.raises(VectorsError, match=r"embeddings/small\.txt: no such file"):
        value(None)
    monkeypatch.setenv("RIN_DATA_ROOT", str(root))
    assert value(None) == 0.5
    vectors_file(here / "embeddings", 0.25)
    assert value(root) == 0.25


@pytest.mark.corpus
@pytest.mark.skipif(not os.environ.get("RIN_DATA_ROOT"), reason="RIN_DATA_ROOT is not set")
class TestRealCorpora:
    def test_webnlg_star(self) -> None:
        corpus = load_corpus("webnlg_star", max_missing=0)
        assert [len(s) for s in corpus.splits().values()] == [5019, 500, 703]
        everything = [s for split in corpus.splits().values() for s in split]
        assert len({t.relation for s in everything for t in s.triples}) == 171
        assert all(s.pos is not None for s in everything)
        assert {e.end - e.start for s in everything for e in s.entities} == {1}

    def test_webnlg_with_full_spans(self) -> None:
        corpus = load_corpus("webnlg", max_missing=0)
        assert [len(s) for s in corpus.splits().values()] == [5019, 500, 703]
        assert len({t.relation for s in corpus.train for t in s.triples}) == 211
        assert any(e.end - e.start > 1 for s in corpus.train for e in s.entities)

    def test_nyt_has_no_training_split(self) -> None:
        if find_corpus("nyt", None).joinpath("train.json").exists():
            pytest.skip("this NYT is whole")
        with pytest.raises(CorpusError, match=r"nyt: missing train\.json \(found dev\.json, test"):
            load_corpus("nyt")
