"""Vectors of words from their characters (Ma and Hovy 2016; Lample et al. 2016).

They are computed once for each distinct form of a batch.

Shapes: U distinct forms · C characters, padded · E width of a character · F width of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from rin_core.data.vocabulary import PAD

#: Width of a character's own vector (Ma and Hovy 2016, Table 1).
CHARACTER_WIDTH = 30


class CharacterCNN(nn.Module):
    """The largest answer of each filter to any three characters in a row.

    Args:
        characters: How many there are, with those for padding and the unknown.
        size: F, the number of filters.
    """

    def __init__(self, characters: int, size: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, CHARACTER_WIDTH, padding_idx=PAD)
        self.filters = nn.Conv1d(CHARACTER_WIDTH, size, kernel_size=3, padding=1)

    def forward(self, characters_UC: Tensor) -> Tensor:
        """Return vectors [U, F]; zeros for a form without characters."""
        answers_UFC = self.filters(self.characters(characters_UC).transpose(1, 2))
        padding_U1C = (characters_UC == PAD)[:, None, :]
        best_UF: Tensor = answers_UFC.masked_fill(padding_U1C, float("-inf")).amax(-1)
        return best_UF.masked_fill(padding_U1C.all(-1), 0.0)


class CharacterLSTM(nn.Module):
    """The last states of a BiLSTM over the characters; arguments as :class:`CharacterCNN`."""

    def __init__(self, characters: int, size: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, CHARACTER_WIDTH, padding_idx=PAD)
        self.forwards = nn.LSTM(CHARACTER_WIDTH, size - size // 2, batch_first=True)
        self.backwards = nn.LSTM(CHARACTER_WIDTH, size // 2, batch_first=True)

    def forward(self, characters_UC: Tensor) -> Tensor:
        """Return vectors [U, F]; zeros for a form without characters."""
        lengths_U = (characters_UC != PAD).sum(1)
        last_U = (lengths_U - 1).clamp(min=0)
        C = characters_UC.shape[1]
        place_UC = (last_U[:, None] - torch.arange(C, device=last_U.device)) % C
        inputs_UCE = self.characters(characters_UC)
        reversed_UCE = self.characters(characters_UC.gather(1, place_UC))
        row_U = torch.arange(len(last_U), device=last_U.device)
        ends = [
            states_UCH[row_U, last_U]
            for states_UCH in (self.forwards(inputs_UCE)[0], self.backwards(reversed_UCE)[0])
        ]
        return torch.cat(ends, dim=-1).masked_fill((lengths_U == 0)[:, None], 0.0)


#: Every way to read characters, by ``encoder.characters``.
CHARACTER_ENCODERS: Mapping[str, Callable[[int, int], nn.Module]] = {
    "cnn": CharacterCNN,
    "lstm": CharacterLSTM,
}
