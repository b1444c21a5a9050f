"""Transformers of a few hundred weights, saved as any model is: folders for ``encoder.model``."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    RobertaConfig,
    RobertaModel,
    RobertaTokenizer,
)

#: As many pieces as the tiny BERT can read at once.
POSITIONS = 40
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,'-éü"
#: Whole words, so that a sentence mixes words of one piece with words of many.
WHOLE = ("the", "of", "in", "is", "Paris", "city", "and", "was", "born")
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}


def save_bert(folder: Path, seed: int = 0, **changes: object) -> Path:
    """Write a cased BERT with WordPiece over single letters and a few whole words."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [*LETTERS, *(f"##{letter}" for letter in LETTERS), *WHOLE]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    BertTokenizer(vocab=vocabulary, do_lower_case=False, model_max_length=512).save_pretrained(
        folder
    )
    sizes = SIZES | {"intermediate_size": 32, "max_position_embeddings": POSITIONS}
    torch.manual_seed(seed)
    model = BertModel(BertConfig(vocab_size=len(pieces), **(sizes | changes)))
    with torch.no_grad():  # larger than BERT's start, so that context shows in the features
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    model.save_pretrained(folder)
    return folder


def save_roberta(folder: Path) -> Path:
    """Write a RoBERTa with byte-level pairs, for which a space belongs to the word after it."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    pieces += [*sorted(pre_tokenizers.ByteLevel.alphabet()), "Ġt", "Ġth", "Ġthe", "he", "in"]
    merges = [("Ġ", "t"), ("Ġt", "h"), ("Ġth", "e"), ("h", "e"), ("i", "n")]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    sizes = SIZES | {"intermediate_size": 32, "max_position_embeddings": 66}
    RobertaModel(RobertaConfig(vocab_size=len(pieces), **sizes)).save_pretrained(folder)
    return folder
