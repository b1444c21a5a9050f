"""Table 1: the baselines and RIN; the paper's corpora are ``--data webnlg_star nyt``."""

from search_spaces.arms import BILSTM, BILSTM_S, rin
from search_spaces.space import Arm, Grid

RECURRENT = (BILSTM, BILSTM_S, rin(1), rin(3), rin(5))

#: The paper's batch is 50 on WebNLG, as here; on NYT it is 70: ``--set training.batch_size=70``.
BERT = tuple(
    Arm(
        name=f"bert-{rounds}",
        label=f"RIN (BERT, K = {rounds})",
        overrides={
            "encoder.kind": "transformer",
            "model.rounds": rounds,
            "training.learning_rate": 2e-4,
        },
    )
    for rounds in (1, 2)
)

SPACE = Grid(
    name="main_results",
    title="Does interaction beat the same network without it? (Table 1)",
    arms=RECURRENT,
)
