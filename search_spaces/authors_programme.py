"""How much do the choices of the authors' released program matter that the paper does not state?

Each arm makes one choice of the program, with K = 0 and K = 1, and one arm makes all of them. On
``webnlg`` entities are whole spans, which is one more choice of the program; on ``webnlg_star``
each is one word. Arms that choose the epoch on test measure that choice and give no result. The
table *Switches* compares each arm with the paper's settings at the same K.

`docs/paper.md` has the list of choices.
"""

import dataclasses
from collections.abc import Mapping

from search_spaces.arms import BILSTM_S, rin
from search_spaces.selection import chosen_on_test
from search_spaces.space import Arm, Grid

BASES = (BILSTM_S, rin(1))
#: Name and label of each choice, and what it sets.
SWITCHES: Mapping[tuple[str, str], Mapping[str, object]] = {
    ("file-order", "batches in file order"): {"training.batch_order": "file"},
    ("word-dropout", "4 % word dropout"): {"training.word_dropout": 0.04},
    ("cased", "cased words"): {"data.lowercase": False},
    ("vocabulary", "every word with a vector"): {"data.vocabulary": "vectors"},
    ("200-epochs", "200 epochs"): {"training.max_epochs": 200},
}
TOGETHER = {path: value for own in SWITCHES.values() for path, value in own.items()}


def switched(base: Arm, name: str, label: str, settings: Mapping[str, object]) -> Arm:
    """Return an arm with some choices of the authors' program."""
    return dataclasses.replace(
        base,
        name=f"{base.name}-{name}",
        label=f"{base.label}, {label}",
        overrides={**base.overrides, **settings},
    )


def programme(base: Arm) -> tuple[Arm, ...]:
    """Return an arm, each choice alone, and all together, with the epoch chosen on test last."""
    together = switched(base, "all", "all of these", TOGETHER)
    return (
        base,
        chosen_on_test(base),
        *(switched(base, *names, own) for names, own in SWITCHES.items()),
        together,
        chosen_on_test(together),
    )


def random_order(base: Arm) -> Arm:
    """Return an arm with random batches, which neither the paper nor its program has."""
    return switched(base, "random-order", "random batches", {"training.batch_order": "random"})


SPACE = Grid(
    name="authors_programme",
    title="How much do the unstated choices of the authors' program matter?",
    arms=tuple(arm for base in BASES for arm in programme(base)),
    on_request=tuple(map(random_order, BASES)),
    seeds=(0, 1, 2),
    # The program marks an entity by its last word.
    settings={"webnlg": {"data.entity_word": "last"}},
)
