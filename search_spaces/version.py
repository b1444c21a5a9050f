"""Beyond the paper: the arXiv version against the published one, with and without interaction.

All arms take the published version's settings: its K for partial match (on ``webnlg``, whose
entities are whole spans, for exact match), its learning rate and its epochs. One arm changes the
rounds alone and keeps the arXiv version's scorer, so that the two changes can be told apart.

References:
    Sun et al. (2020), "Recurrent Interaction Network for Jointly Extracting Entities and
    Classifying Relations", EMNLP.
"""

from collections.abc import Mapping

from search_spaces.space import Arm, Grid

CAMERA_READY = {"model.architecture": "camera_ready", "model.scorer": "concat"}


def settings(rounds: int, learning_rate: float, epochs: int) -> Mapping[str, object]:
    """Return what all arms share on a corpus."""
    return {
        "model.rounds": rounds,
        "training.learning_rate": learning_rate,
        "training.max_epochs": epochs,
    }


SPACE = Grid(
    name="version",
    title="Is the published version better than the arXiv version, and is interaction the reason?",
    arms=(
        Arm(name="arxiv", label="arXiv"),
        Arm(
            name="arxiv-no-interaction",
            label="arXiv, no interaction",
            overrides={"model.rounds": 0},
        ),
        Arm(name="camera-ready", label="camera-ready", overrides=CAMERA_READY),
        Arm(
            name="camera-ready-no-interaction",
            label="camera-ready, no interaction",
            overrides={**CAMERA_READY, "model.rounds": 0},
        ),
        Arm(
            name="camera-ready-separable",
            label="camera-ready rounds, separable scorer",
            overrides={**CAMERA_READY, "model.scorer": "separable"},
        ),
    ),
    settings={
        "webnlg_star": settings(rounds=2, learning_rate=5e-4, epochs=150),
        "webnlg": settings(rounds=3, learning_rate=5e-4, epochs=150),
        "nyt*": settings(rounds=4, learning_rate=1e-3, epochs=100),
        "*": {"model.rounds": 2},
    },
)
