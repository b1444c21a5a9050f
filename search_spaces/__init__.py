"""Search spaces: which configurations a study compares, as frozen Python values."""

from pathlib import Path

from rin_core.suggestions import suggestion
from search_spaces import (
    ablation,
    authors_programme,
    claims,
    encoder,
    fair_rounds,
    learning_curve,
    learning_rate,
    main_results,
    rounds_curve,
    scorer,
    selection,
    tasks,
    tune_rin,
    version,
)
from search_spaces.own import SUFFIX, read_space
from search_spaces.search import Search
from search_spaces.space import Grid, SpaceError

SPACES: dict[str, Grid] = {
    module.SPACE.name: module.SPACE
    for module in (
        rounds_curve,
        main_results,
        ablation,
        tasks,
        encoder,
        scorer,
        version,
        selection,
        authors_programme,
        claims,
        learning_curve,
    )
}
SEARCHES: dict[str, Search] = {
    module.SPACE.name: module.SPACE for module in (learning_rate, tune_rin, fair_rounds)
}


def find_space(name: str) -> Grid | Search:
    """Return a space by name, or from a TOML file (:mod:`search_spaces.own`).

    Raises:
        SpaceError: No such space, or a file that describes none; says what would be right.
    """
    known: dict[str, Grid | Search] = {**SPACES, **SEARCHES}
    if name.endswith(SUFFIX):
        return read_space(Path(name), known)
    if name not in known:
        hint = suggestion(name, known, "--list shows them")
        raise SpaceError(f"--space {name}: no such space; {hint}; one of your own is FILE{SUFFIX}")
    return known[name]


__all__ = ["SEARCHES", "SPACES", "Grid", "Search", "SpaceError", "find_space"]
