"""Table 4: relation and entity F1 side by side, a report over Table 1's runs."""

from search_spaces.arms import BILSTM, BILSTM_S, rin
from search_spaces.space import Grid

SPACE = Grid(
    name="tasks",
    title="Does interaction help both tasks, relations and entities? (Table 4)",
    arms=(BILSTM, BILSTM_S, rin(1), rin(5)),
)
