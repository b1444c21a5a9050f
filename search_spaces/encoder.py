"""Table 1's two encoders: the BiLSTM against a pretrained transformer, at K = 0, 1 and 2.

The small encoder that ``make encoders`` installs runs by default. On request run the base-size one
(``--arms 'mpnet-*'``), BERT-Base cased, the paper's (``'bert-*'``), and any other
(``--arms 'transformer-*' --set encoder.model=NAME_OR_FOLDER``).
"""

from search_spaces.arms import BILSTM_S, rin, transformer
from search_spaces.space import Grid

SPACE = Grid(
    name="encoder",
    title="What does a pretrained encoder add, and do rounds still help it? (Table 1)",
    arms=(
        BILSTM_S,
        rin(1),
        rin(2),
        *(transformer(rounds, "minilm") for rounds in range(3)),
    ),
    on_request=tuple(
        transformer(rounds, name)
        for name in ("mpnet", "bert", "transformer")
        for rounds in range(3)
    ),
)
