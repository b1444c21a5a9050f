"""Which files are the splits of a corpus, and splits that are cut from train."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from rin_core.data.corpus import CorpusError, Sentence
from rin_core.data.demo import demo_corpus
from rin_core.data.loading import load_corpus
from rin_core.data.readers.text_files import documents as brat_documents
from rin_core.data.splits import cut, find_splits, take_share
from tests.corpora import TRIPLES, write_corpus, write_lines


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_lines(folder / name, [TRIPLES])
    return folder


@pytest.mark.parametrize(
    "names",
    [
        ("train_triples.json", "val_triples.json", "test_triples.json"),
        ("train_data.json", "valid_data.json", "test_data.json"),
        ("conll04_train.json", "conll04_dev.json", "conll04_test.json"),
        ("train.txt", "dev.txt", "test.txt"),
        ("train.JSON", "Dev.json", "test.Json"),
        ("train.ndjson", "dev.jsonlines", "test.jsonl"),
        ("my_train.TXT", "my_dev.txt", "my_test.txt"),
        ("data/train.jsonl", "data/validation.jsonl", "data/test.jsonl"),
        ("train.json", "val_triples.json", "test.json"),
    ],
)
def test_names_as_they_are_published(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = find_splits(touch(tmp_path, *names, "rel2id.json", "README.txt"))
    assert {split: path.name for split, (path,) in found.items()} == dict(
        zip(("train", "dev", "test"), (Path(name).name for name in names), strict=True)
    )


def test_the_name_that_most_splits_share_is_read(tmp_path: Path) -> None:
    names = ("train_triples.json", "val_triples.json", "test_triples.json")
    found = find_splits(touch(tmp_path, *names, "test_triples_epo.json", "test_triples_1.json"))
    assert found["test"] == (tmp_path / "test_triples.json",)


def test_shards_are_one_split(tmp_path: Path) -> None:
    shards = [f"data/train-0000{k}-of-00002.parquet" for k in (0, 1)]
    found = find_splits(touch(tmp_path, *shards, "data/validation-00000-of-00001.parquet"))
    assert [path.name for path in found["train"]] == [Path(shard).name for shard in shards]
    assert len(found["dev"]) == 1


def test_folders_of_a_dataset_that_was_saved(tmp_path: Path) -> None:
    names = [f"{split}/data-00000-of-00001.arrow" for split in ("train", "validation", "test")]
    found = find_splits(touch(tmp_path, *names))
    assert [path.parent.name for (path,) in found.values()] == ["train", "validation", "test"]


def test_a_whole_corpus_in_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "data").mkdir()
    for split in ("train", "validation", "test"):
        file = tmp_path / "data" / f"{split}-00000-of-00001.parquet"
        parquet.write_table(pyarrow.Table.from_pylist([TRIPLES] * 2), file)
    assert [len(s) for s in load_corpus(str(tmp_path)).splits().values()] == [2, 2, 2]


@pytest.mark.parametrize("suffix", [".json", "_triples.json", "/1.ann"])
def test_files_that_a_system_hides_are_not_read(tmp_path: Path, suffix: str) -> None:
    names = [f"{split}{suffix}" for split in ("train", "dev", "test")]
    (tmp_path / "plain").mkdir()
    (tmp_path / "hidden").mkdir()
    plain, folder = touch(tmp_path / "plain", *names), touch(tmp_path / "hidden", *names)
    for name in names:
        path = folder / name
        for hidden in (f"._{path.name}", ".ipynb_checkpoints/1.ann", "__MACOSX/._1.ann"):
            touch(path.parent, hidden)
    found, expected = find_splits(folder), find_splits(plain)
    assert [[p.name for p in files] for files in found.values()] == [
        [p.name for p in files] for files in expected.values()
    ]
    for files in found.values():
        assert len(brat_documents(files[0], ".ann")) == (suffix == "/1.ann")


@pytest.mark.parametrize(
    "names",
    [
        ("train_a.json", "train_b.json"),
        ("train.txt", "dev.txt", "valid.txt", "test.txt"),
    ],
)
def test_two_choices(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(CorpusError, match="could be the"):
        find_splits(touch(tmp_path, *names))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "no file is a split; the folder is empty"),
        (("a.json", "b.json"), r"found a\.json, b\.json; name the files after their splits"),
        (("corpus.xml",), r"corpus\.xml looks like XML: convert it to brat"),
        (("a.csv", "b.json", "c.json"), r"a\.csv looks like a table"),
        (
            ("train.json",),
            r"missing dev\.json and test\.json .* add the missing splits .*, "
            r"or cut both from train with --set data\.dev_fraction=0\.1",
        ),
        (("train.json", "dev.json"), r"missing test\.json .* cut it .*data\.dev_fraction=0\.1"),
        (("train.json", "test.json"), r"missing dev\.json .*--set data\.dev_fraction=0\.1"),
        (
            ("train.json", "dev.json", "test.json.gz"),
            r"test\.json\.gz looks like an archive: unpack",
        ),
        (("train.json.xz", "dev.json.xz"), r"dev\.json\.xz looks like an archive: unpack"),
        (("train", "dev", "test"), r"dev has another suffix: .* rename it to \.json"),
        (("train.XLSX", "dev.XLSX"), r"dev\.XLSX looks like a table: write one JSON record"),
        (("train/a.json", "dev/a.json"), r"no file is a split; move dev/a\.json to dev\.json"),
        (("train/a.json", "dev/a.json", "dev/b.json"), r"join the 2 files in dev in .* dev\.json"),
        (("train/a.tsv", "dev/a.tsv"), r"in dev: found a\.tsv; .* export WebAnno TSV v3\.3"),
        (("all.json",), r"all\.json: one file without dev and test; cut .*data\.dev_fraction"),
    ],
)
def test_what_lies_there_is_named(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        load_corpus(str(touch(tmp_path, *names)))


def test_a_file_in_place_of_its_folder(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "mine")
    with pytest.raises(CorpusError, match=f"give its folder {folder}, or cut"):
        load_corpus(str(folder / "train.json"))


class TestCut:
    def test_a_missing_dev_split(self, make_corpus: Callable[..., Path], tmp_path: Path) -> None:
        folder = write_corpus(tmp_path / "mine", (100, 5, 20))
        whole = load_corpus(str(folder))
        (folder / "dev.json").unlink()
        corpus = load_corpus(str(folder), dev_fraction=0.1)
        assert (len(corpus.train), len(corpus.dev), corpus.test) == (90, 10, whole.test)
        assert set(corpus.train) | set(corpus.dev) == set(whole.train)
        assert corpus.digest() == load_corpus(str(folder), dev_fraction=0.1).digest()
        assert corpus.digest() != load_corpus(str(folder), dev_fraction=0.2).digest()
        (finding,) = corpus.findings
        assert (finding.code, finding.split, finding.count) == ("cut-split", "dev", 10)

    def test_a_missing_test_split(self, tmp_path: Path) -> None:
        folder = write_corpus(tmp_path / "mine", (100, 5, 20))
        whole = load_corpus(str(folder))
        (folder / "test.json").unlink()
        corpus = load_corpus(str(folder), dev_fraction=0.1)
        assert (len(corpus.train), corpus.dev, len(corpus.test)) == (90, whole.dev, 10)
        assert set(corpus.train) | set(corpus.test) == set(whole.train)

    def test_only_train_is_cut_as_one_file_is(self, tmp_path: Path) -> None:
        folder = write_corpus(tmp_path / "mine", (100, 5, 20))
        (folder / "dev.json").unlink()
        (folder / "test.json").unlink()
        corpus = load_corpus(str(folder), dev_fraction=0.1)
        assert [len(s) for s in corpus.splits().values()] == [81, 9, 10]
        alone = load_corpus(str(folder / "train.json"), dev_fraction=0.1)
        assert corpus.digest() == alone.digest()

    def test_a_dev_split_that_is_there_is_kept(self, tmp_path: Path) -> None:
        folder = str(write_corpus(tmp_path / "mine"))
        assert load_corpus(folder, dev_fraction=0.1) == load_corpus(folder)

    def test_one_file(self, tmp_path: Path) -> None:
        folder = write_corpus(tmp_path / "mine", (100, 5, 20))
        (folder / "train.json").rename(tmp_path / "all.json")
        corpus = load_corpus(str(tmp_path / "all.json"), dev_fraction=0.1)
        assert corpus.name == "all"
        assert [len(s) for s in corpus.splits().values()] == [81, 9, 10]

    def test_the_order_of_the_file_does_not_matter(self) -> None:
        sentences = demo_corpus().train[:100]
        rest, chosen = cut(sentences, 0.2)
        other_rest, other = cut(sentences[::-1], 0.2)
        assert (set(rest), set(chosen)) == (set(other_rest), set(other))

    def test_equal_sentences_stay_together(self) -> None:
        sentences = demo_corpus().train[:50] * 2
        rest, chosen = cut(sentences, 0.2)
        assert len(chosen) == 20
        assert not {s.words for s in rest} & {s.words for s in chosen}


def documents(count: int, size: int) -> tuple[Sentence, ...]:
    return tuple(
        dataclasses.replace(sentence, place=f"{k // size}.ann")
        for k, sentence in enumerate(demo_corpus(sentences=count * size).train)
    )


class TestShares:
    SHARES = (0.125, 0.25, 0.5, 1.0)

    @pytest.mark.parametrize("sentences", [demo_corpus().train[:200], documents(50, 5)])
    def test_a_larger_share_has_the_smaller_ones(self, sentences: tuple[Sentence, ...]) -> None:
        parts = [take_share(sentences, share) for share in self.SHARES]
        for smaller, larger in itertools.pairwise(parts):
            assert set(smaller) < set(larger)
        assert parts[-1] == sentences
        for part, share in zip(parts, self.SHARES, strict=True):
            assert 0 <= len(part) - round(share * len(sentences)) < 5, "at most a document more"

    def test_the_order_of_the_file_does_not_matter(self) -> None:
        sentences = demo_corpus().train[:100]
        assert set(take_share(sentences[::-1], 0.3)) == set(take_share(sentences, 0.3))

    def test_a_sentence_that_repeats_often_does_not_fill_a_share(self) -> None:
        plain = demo_corpus(sentences=100).train
        part = take_share((*plain, *plain[:1] * 60), 0.25)
        assert plain[0] not in part
        assert len(part) == round(0.25 * (len(plain) + 60))

    def test_the_smallest_share_is_one_sentence(self) -> None:
        assert len(take_share(demo_corpus().train[:10], 1e-9)) == 1


class TestCutsOfDocuments:
    """Sentences of one document, and those that repeat."""

    def test_a_document_is_in_one_part(self) -> None:
        sentences = documents(20, 5)
        rest, part = cut(sentences, 0.2)
        assert not {s.place for s in rest} & {s.place for s in part}
        assert len(rest) + len(part) == len(sentences)

    def test_a_few_documents_are_cut_by_sentences(self) -> None:
        sentences = documents(3, 30)
        assert len(cut(sentences, 0.1)[1]) == round(0.1 * len(sentences))

    def test_places_of_single_sentences_change_nothing(self) -> None:
        plain = demo_corpus(sentences=200).train
        placed = tuple(dataclasses.replace(s, place=f"x:{k}") for k, s in enumerate(plain))
        assert cut(placed, 0.1) == cut(plain, 0.1)

    def test_a_sentence_that_repeats_often_does_not_fill_a_part(self) -> None:
        plain = demo_corpus(sentences=100).train
        rest, part = cut((*plain, *plain[:1] * 60), 0.1)
        assert rest.count(plain[0]) == 61
        assert len(part) <= 0.11 * (len(rest) + len(part)) + 1

    def test_sentences_that_are_all_equal_are_still_cut(self) -> None:
        rest, part = cut(demo_corpus().train[:1] * 9, 0.1)
        assert (len(rest), len(part)) == (0, 9)
