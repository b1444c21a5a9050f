"""Part-of-speech tags: of the corpus, of a tagger, or none."""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from rin_core.config import Config
from rin_core.data.corpus import Corpus
from rin_core.data.demo import demo_corpus
from rin_core.data.loading import load_dataset
from rin_core.data.tagging import tag_pos, tag_source, tag_words
from rin_core.data.vocabulary import Vocabulary, build_vocabulary
from tests.rin_core.data.test_vocabulary import sentence


def install_tagger(monkeypatch: pytest.MonkeyPatch, tag: Callable[[str], str]) -> None:
    """Let a function be the tagger."""
    textblob = types.ModuleType("textblob.en")
    find_tags = lambda words: [[word, tag(word)] for word in words]  # noqa: E731
    textblob.parser = types.SimpleNamespace(find_tags=find_tags)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "textblob", types.ModuleType("textblob"))
    monkeypatch.setitem(sys.modules, "textblob.en", textblob)


class TestTagging:
    def corpus(self, *tags: str | None) -> Corpus:
        train, dev, test = (sentence("a b", pos) for pos in tags)
        return Corpus(name="x", train=(train,), dev=(dev,), test=(test,))

    def test_tags_of_the_corpus(self) -> None:
        demo = demo_corpus(10)
        assert tag_pos(demo) == (demo, "from the corpus")

    def test_no_tagger(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "textblob.en", None)
        bare = self.corpus(None, None, None)
        got, source = tag_pos(bare)
        assert got == bare
        assert source.startswith("none; ")
        assert "make pos" in source

    def test_some_tags_are_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "textblob.en", None)
        got, source = tag_pos(self.corpus("N N", "N N", None))
        assert got == self.corpus(None, None, None)
        assert "1 of 3 sentences have none" in source

    def test_the_tagger_tags_every_sentence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        install_tagger(monkeypatch, str.upper)
        monkeypatch.setattr("rin_core.data.tagging.version", lambda _: "0.20")
        got, source = tag_pos(self.corpus("N N", None, None))
        assert got == self.corpus("A B", "A B", "A B")
        assert source == "from textblob's tagger, version 0.20"

    def test_the_real_tagger_gives_penn_tags(self) -> None:
        pytest.importorskip("textblob", reason="make pos installs it")
        words = ("Ann", "quickly", "met", "the", "\u00a0", "a/b", "<&>", "painters", ".")
        (tags,) = tag_words([words])
        assert tags is not None
        assert len(tags) == len(words)
        assert (*tags[:4], *tags[-2:]) == ("NNP", "RB", "VBD", "DT", "NNS", ".")

    @pytest.mark.parametrize(
        ("tagger", "usual", "installed", "source"),
        [
            ("", True, True, "usual"),
            ("textblob", True, True, "textblob"),
            ("textblob", True, False, "usual"),
            ("", False, True, "textblob"),
            ("", False, False, "none"),
        ],
    )
    def test_a_model_reads_tags_as_in_its_training(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tagger: str,
        usual: bool,
        installed: bool,
        source: str,
    ) -> None:
        if installed:
            install_tagger(monkeypatch, str.upper)
        else:
            monkeypatch.setitem(sys.modules, "textblob.en", None)
        corpus = self.corpus("A N", "A N", "A N")
        found = build_vocabulary(corpus.train, lowercase=True, use_pos=True)
        usual_pos = found.usual_pos if usual else ()
        vocabulary = dataclasses.replace(found, tagger=tagger, usual_pos=usual_pos)
        assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
        assert tag_source(vocabulary) == source
        assert tag_source(dataclasses.replace(vocabulary, pos=())) is None

    def test_the_vocabulary_of_a_tagged_corpus_names_the_tagger(
        self, monkeypatch: pytest.MonkeyPatch, make_corpus: Callable[..., Path]
    ) -> None:
        install_tagger(monkeypatch, str.upper)
        monkeypatch.setattr("rin_core.data.tagging.version", lambda _: "0.20")
        record = {"text": "Ann met Bob .", "triple_list": [["Ann", "met", "Bob"]]}
        tagged = record | {"pos": ["N", "V", "N", "."]}
        for number, one in enumerate((record, tagged)):
            folder = make_corpus(f"c{number}", train=[one], dev=[one], test=[one])
            vocabulary = load_dataset(str(folder), Config()).vocabulary
            assert vocabulary.tagger == ("textblob", "")[number]
