"""Small models over a transformer, and the features of its own library."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from rin_core.config import Config
from rin_core.data.corpus import Sentence
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import (
    EncodedCorpus,
    EncodedSplit,
    corpus_vocabulary,
    encode_corpus,
    encode_split,
)
from rin_core.data.pretrained import Pretrained, load_pretrained
from rin_core.data.vocabulary import Vocabulary
from rin_core.model.transformer import TransformerEncoder

CPU = torch.device("cpu")
VOCABULARY = Vocabulary(words=("<pad>", "<unk>"), pos=(), relations=("r",), lowercase=True)
SENTENCES = ("Paris is the city", "xyz", "Ann was born in Rome , the city", "é a . b", "of the")
BACKBONE = "encoder.backbone."


def split_of(pretrained: Pretrained, *sentences: str) -> EncodedSplit:
    found = [
        Sentence(words=tuple(words.split()), pos=None, entities=(), triples=())
        for words in sentences
    ]
    return encode_split(found, VOCABULARY, "first", pretrained.tokenizer)


def settings(folder: Path | str, **changes: object) -> Config:
    fields = {
        "encoder.kind": "transformer",
        "encoder.model": str(folder),
        "model.feature_size": 16,
        "training.batch_size": 5,
        "training.learning_rate": 0.01,
        "training.encoder_learning_rate": 0.003,
        "training.warmup": 0.2,
        "training.weight_decay": 0.01,
        "training.max_epochs": 4,
    }
    return Config().with_overrides(fields | {k.replace("__", "."): v for k, v in changes.items()})


def encoder_of(folder: Path | str, **changes: object) -> tuple[TransformerEncoder, Pretrained]:
    config = settings(folder, **changes).encoder
    pretrained = load_pretrained(str(folder), config.max_pieces)
    return TransformerEncoder(config, pretrained), pretrained


def slow_features(folder: Path | str, words: list[str]) -> Tensor:
    """Run the library on one sentence and pick the states of its words' first pieces [L, D]."""
    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0]
    word_ids = inputs.word_ids()
    return torch.stack([states[word_ids.index(word)] for word in range(len(words))])


def small_corpus(config: Config) -> EncodedCorpus:
    whole = demo_corpus()
    train_ = tuple(s for s in whole.train if len(s.words) <= 12)[:25]
    corpus = dataclasses.replace(whole, train=train_, dev=train_[:15], test=train_[10:])
    pretrained = load_pretrained(config.encoder.model, config.encoder.max_pieces)
    vocabulary = corpus_vocabulary(corpus, config.data)
    return encode_corpus(corpus, config.data, None, vocabulary, pretrained)
