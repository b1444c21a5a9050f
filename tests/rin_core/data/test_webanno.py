"""WebAnno TSV 3, the export of INCEpTION."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rin_core.data.corpus import CorpusError, Sentence, Span, Triple
from rin_core.data.loading import load_corpus
from rin_core.data.readers.reading import Reading
from rin_core.data.readers.split import format_of, read_split
from rin_core.data.splits import corpus_files, find_splits
from tests.formats import ANN, BOB, MET, WEBANNO

HEAD = """#FORMAT=WebAnno TSV 3.3
#T_SP=my.Span|value
#T_RL=my.Relation|value|BT_my.Span


"""


def read(folder: Path, rows: str, head: str = HEAD) -> tuple[tuple[Sentence, ...], Reading]:
    """Read rows whose columns are separated by spaces."""
    lines = ["\t".join(row.split()) for row in rows.splitlines()]
    (folder / "d.tsv").write_text(head + "\n".join(lines), encoding="utf-8")
    reading = Reading()
    return read_split(folder / "d.tsv", reading), reading


def test_annotations_may_share_a_token(tmp_path: Path) -> None:
    (sentence,), reading = read(
        tmp_path,
        """1-1 0-2 my Thing[1]|PER[2] of 1-4[4_2]
           1-2 3-9 flower Thing[1] _ _
           1-3 10-11 , _ _ _
           1-4 12-14 me Thing[3]|PER[4] a|b 1-1[1_3]|1-1[2_4]""",
    )
    flower, my, me = Span(0, 2), Span(0, 1), Span(3, 4)
    assert dict(zip(sentence.entities, sentence.types, strict=True)) == {
        flower: "Thing",
        my: "PER",
        me: "Thing",
    }
    assert set(sentence.triples) == {
        Triple(me, "of", my),
        Triple(flower, "a", me),
        Triple(my, "b", me),
    }
    assert reading.counts == {"further-types": (1, "('Thing', 'PER') in d.tsv")}, "of one word"


def test_values_may_be_missing_or_have_signs(tmp_path: Path) -> None:
    (sentence,), reading = read(
        tmp_path,
        r"""1-1 0-3 Ann A\|B\[1\] _ _
            1-2 4-7 met _ _ _
            1-3 8-11 Bob * * 1-1""",
    )
    assert sentence.types == ("A|B[1]", "")
    assert sentence.triples == (Triple(Span(0, 1), "related", Span(2, 3)),)
    assert list(reading.counts) == ["relations-without-name"]


def test_a_part_of_a_token_is_widened_and_blank_tokens_are_left_out(tmp_path: Path) -> None:
    (sentence,), reading = read(
        tmp_path,
        """1-1 0-4 Anna _ _ _
           1-1.1 0-3 Ann PER _ _
           1-3 6-9 Bob PER met 1-1.1""",
    )
    assert sentence.triples == (Triple(Span(0, 1), "met", Span(1, 2)),)
    assert reading.counts["widened-entities"][0] == 1
    assert reading.mentions == 2
    blank = HEAD + "1-1\t0-1\t\u00a0\t*\t_\t_\t\n1-2\t1-2\ta\t_\t_\t_\t\n"
    (tmp_path / "d.tsv").write_text(blank, encoding="utf-8")
    assert read_split(tmp_path / "d.tsv")[0].words == ("a",)


def test_what_is_between_sentences_is_counted(tmp_path: Path) -> None:
    sentences, reading = read(
        tmp_path,
        """1-1 0-3 Ann PER _ _
           1-2 4-5 x X[1] _ _
           2-1 6-7 y X[1] _ _
           2-2 8-9 Bob PER met|is 1-1|2-1[1_0]""",
    )
    assert [s.entities for s in sentences] == [(Span(0, 1),), (Span(1, 2),)]
    assert {code: count for code, (count, _) in reading.counts.items()} == {
        "entities-across-sentences": 1,
        "relations-across-sentences": 2,
    }


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("1-1 0-1 a _ _", "field line 6: found 5 columns, expected 6"),
        ("1-1 0-1 a P r x", "field row 1-1: found 'x', expected the row of a source"),
        ("1-1 0-1 a P r 1-9", "field #T_RL: found a relation with .*1-9"),
        ("1-1 0-1 a P r|s 1-1", "field row 1-1: found .*a source for each relation"),
    ],
)
def test_faults(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"d\.tsv: {message}"):
        read(tmp_path, rows)


def test_a_file_without_relations_is_refused(tmp_path: Path) -> None:
    head = "#FORMAT=WebAnno TSV 3.3\n#T_SP=my.POS|value\n#T_RL=x.Dependency|a|BT_my.POS\n\n"
    with pytest.raises(CorpusError, match=r"#T_RL: found the layers \['my\.POS', .*relations"):
        read(tmp_path, "1-1 0-1 a _ _ _", head)


def test_a_folder_of_documents_is_a_split(tmp_path: Path) -> None:
    for name in ("train/1", "train/2", "dev/3", "test/4"):
        path = tmp_path / f"{name}.tsv"
        path.parent.mkdir(exist_ok=True)
        text = "\ufeff" * (name == "train/2") + WEBANNO
        path.write_text(text.replace("Rain", f"Rain{name[-1]}").replace("\n", "\r\n"))
    corpus = load_corpus(str(tmp_path))
    assert [s.place for s in corpus.train] == ["train/1.tsv"] * 2 + ["train/2.tsv"] * 2
    assert corpus.dev[0].triples == (MET,)
    assert corpus.dev[0].entities == (ANN, BOB)
    assert format_of(tmp_path / "train") == "WebAnno TSV"
    assert corpus_files(tmp_path / "train", 0.1) == {"train": (tmp_path / "train",)}
    with pytest.raises(CorpusError, match="documents without splits; cut dev and test"):
        load_corpus(str(tmp_path / "train"))


def test_no_file_ends_in_another_error(tmp_path: Path) -> None:
    for seed in range(300):
        draw = random.Random(seed)
        text = list(WEBANNO)
        for _ in range(draw.randint(1, 6)):
            place = draw.randrange(24, len(text))
            text[place] = draw.choice(
                ["", "\t", "\n", "|", "[", "]", "_", "*", "9", "-", ".", "\\"]
            )
        (tmp_path / "d.tsv").write_text("".join(text))
        try:
            read_split(tmp_path / "d.tsv")
        except CorpusError as error:
            assert "d.tsv" in str(error)  # noqa: PT017


def test_of_the_files_of_a_text_the_curation_is_read(tmp_path: Path) -> None:
    """INCEpTION exports a folder for each document with a file for each annotator."""
    document = tmp_path / "train" / "a.txt"
    document.mkdir(parents=True)
    plain = WEBANNO.replace("PER", "X")
    for name, text in (("INITIAL_CAS", plain), ("ann", plain), ("CURATION_USER", WEBANNO)):
        (document / f"{name}.tsv").write_text(text, encoding="utf-8")
    reading = Reading()
    sentences = read_split(tmp_path / "train", reading)
    assert [s.triples for s in sentences] == [(MET,), ()]
    assert sentences[0].types == ("PER", "PER")
    assert reading.counts["further-annotations"][0] == 2
    assert find_splits(tmp_path) == {"train": (tmp_path / "train",)}
