"""Would more annotated sentences help? The full model on shares of the training sentences.

Each share is twice the one before. The last step, from half of the sentences to all, is the best
guide to what twice the corpus would bring. All seeds of a share have the same sentences, and a
larger share has those of each smaller one.
"""

import dataclasses

from search_spaces.arms import BILSTM_S, rin
from search_spaces.space import Arm, Grid

#: Name, label and value of each share.
SHARES = (("eighth", "1/8", 0.125), ("quarter", "1/4", 0.25), ("half", "1/2", 0.5))


def with_shares(base: Arm) -> tuple[Arm, ...]:
    """Return an arm on each share of the training sentences, and on all of them last."""
    parts = tuple(
        dataclasses.replace(
            base,
            name=f"{base.name}-{name}",
            label=f"{base.label}, {label} of train",
            overrides={**base.overrides, "data.train_share": share},
        )
        for name, label, share in SHARES
    )
    return (*parts, base)


SPACE = Grid(
    name="learning_curve",
    title="Would more annotated sentences help?",
    arms=with_shares(rin(1)),
    on_request=with_shares(BILSTM_S),
)
