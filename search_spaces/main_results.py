"""Table 1: the baselines and RIN; the paper's corpora are ``--data webnlg_star nyt``.

The BERT rows require a GPU and the pretrained model, so they run only on request:
``--arms 'bert-*'``. The paper's batch is 50, and 70 with BERT on NYT (§5.1):
``--set training.batch_size=70``. ``bilstm-s-wide`` is no row of the table: it has as many
parameters as RIN, without interaction.
"""

from search_spaces.arms import BILSTM, BILSTM_S, EQUAL_CAPACITY, rin, transformer
from search_spaces.space import Grid

SPACE = Grid(
    name="main_results",
    title="Does interaction beat the same network without it? (Table 1)",
    arms=(BILSTM, BILSTM_S, rin(1), rin(3), rin(5)),
    on_request=(EQUAL_CAPACITY, transformer(1, "bert", "BERT"), transformer(2, "bert", "BERT")),
)
