"""Words dropped from a batch."""

from __future__ import annotations

import numpy as np
import torch

from rin_core.data.batches import drop_words, make_batch
from rin_core.data.demo import demo_corpus
from rin_core.data.encoding import encode_split
from rin_core.data.vocabulary import PAD, UNKNOWN, build_vocabulary


def test_a_share_of_the_words_becomes_unknown_and_no_padding() -> None:
    train = demo_corpus(sentences=100).train
    vocabulary = build_vocabulary(train, lowercase=True, use_pos=False)
    split = encode_split(train, vocabulary, "first")
    batch = make_batch(split, np.arange(len(train)), torch.device("cpu"))
    torch.manual_seed(0)
    dropped = drop_words(batch, 0.2)
    changed = dropped.words_BL != batch.words_BL
    assert (dropped.words_BL[changed] == UNKNOWN).all()
    assert not changed[batch.words_BL == PAD].any()
    share = changed.sum() / (batch.words_BL != PAD).sum()
    assert 0.15 < share < 0.25
    assert dropped.tags_BL is batch.tags_BL
