"""Table 1: the baselines and RIN; the paper's corpora are ``--data webnlg_star nyt``.

The rows over a pretrained encoder run only on request: ``--arms 'bert-*'``, or ``'minilm-*'`` and
``'mpnet-*'`` for those that ``make encoders`` installs. The paper's batch is 50, and 70 with BERT
on NYT (§5.1):
``--set training.batch_size=70``. ``bilstm-s-wide`` is no row of the table: it has as many
parameters as RIN, without interaction.
"""

from search_spaces.arms import BILSTM, BILSTM_S, EQUAL_CAPACITY, rin, transformer
from search_spaces.space import Grid

SPACE = Grid(
    name="main_results",
    title="Does interaction beat the same network without it? (Table 1)",
    arms=(BILSTM, BILSTM_S, rin(1), rin(3), rin(5)),
    on_request=(
        EQUAL_CAPACITY,
        *(transformer(rounds, name) for name in ("bert", "minilm", "mpnet") for rounds in (1, 2)),
    ),
)
