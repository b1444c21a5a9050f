"""The network with entity types in its tags equals the reference."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from rin_core.config import Config, EncoderConfig, ModelConfig
from rin_core.data.batches import make_batch
from rin_core.data.encoding import encode_split
from rin_core.model.rin import RIN
from tests.annotated import CASES, CORPUS, CPU, Annotated, assert_same_opinion
from tests.annotated import vocabulary as untyped
from tests.reference import Example, Reference

TYPES = ("place", "person")
VOCABULARY = dataclasses.replace(untyped(), entity_types=TYPES)
#: The tags by number, written by hand.
TAGS = (
    *("B-place", "I-place", "E-place", "S-place", "O"),
    *("B-person", "I-person", "E-person", "S-person"),
)


def kinds(sentence: Annotated) -> list[str]:
    """Give every second entity another type."""
    return [TYPES[number % 2] for number in range(len(sentence.spans))]


def typed_example(sentence: Annotated) -> Example:
    tags = ["O"] * len(sentence.words.split())
    for (start, end), kind in zip(sentence.spans, kinds(sentence), strict=True):
        for place in range(start, end):
            letter = sentence.tags.split()[place]
            # Where spans overlap, the hand-written letters say which of them is tagged.
            if letter in ("S" if end - start == 1 else "BIE"):
                tags[place] = f"{letter}-{kind}"
    numbers = [TAGS.index(tag) for tag in tags]
    return dataclasses.replace(sentence.example(with_pos=True), tags=numbers)


@pytest.mark.parametrize("name", ["gru, K=3", "-H", "camera-ready, K=3", "biaffine, K=2"])
def test_every_round_the_loss_and_every_gradient(name: str) -> None:
    model: ModelConfig = CASES[name]
    sentences = [dataclasses.replace(a.sentence(), types=tuple(kinds(a))) for a in CORPUS]
    batch = make_batch(encode_split(sentences, VOCABULARY, "first"), np.arange(len(CORPUS)), CPU)
    encoder = EncoderConfig(word_dim=4, pos_dim=2, hidden_size=6)
    rin = RIN(Config(encoder=encoder, model=model), VOCABULARY).double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in rin.parameters():
            parameter.uniform_(-0.9, 0.9, generator=generator)
    reference = Reference(model, rin.state_dict())
    examples = [typed_example(a) for a in CORPUS]
    assert {tag for example in examples for tag in example.tags} > {3, 4, 5, 7}
    opinions = [reference.refine(example) for example in examples]
    for k, prediction in enumerate(rin.refine(batch)):
        assert prediction.tags_BLT.shape[-1] == len(TAGS)
        assert_same_opinion(prediction, [rounds[k] for rounds in opinions])
    loss, wanted = rin(batch).loss(batch), reference.loss(examples)
    torch.testing.assert_close(loss, wanted, rtol=1e-10, atol=0)
    loss.backward()
    wanted.backward()
    for key, parameter in rin.named_parameters():
        torch.testing.assert_close(
            parameter.grad, reference.weights[key].grad, rtol=1e-8, atol=1e-11, msg=key
        )
