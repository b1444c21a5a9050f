"""What a person calls a study: its question, and the corpus."""

from __future__ import annotations

from collections.abc import Iterable

from reports.frames.searches import SearchData
from reports.frames.studies import StudyData
from reports.published.numbers import corpus_title

#: By space, for records that have no title: a study records its title today, so a new space is not
#: needed here.
QUESTIONS = {
    "rounds_curve": "Do more rounds of interaction help, and does the GRU beat the RNN? (Figure 3)",
    "main_results": "Does interaction beat the same network without it? (Table 1)",
    "ablation": "Which parts of the interaction matter? (Table 5)",
    "tasks": "Does interaction help both tasks, relations and entities? (Table 4)",
    "encoder": "What does a pretrained encoder add, and do rounds still help it? (Table 1)",
    "scorer": "Does a scorer that sees word pairs find what the paper's separable one cannot?",
    "version": "Is the published version better than the arXiv version, and is interaction the "
    "reason?",
    "selection": "How much does choosing the epoch on test inflate the score?",
    "authors_programme": "How much do the unstated choices of the authors' program matter?",
    "learning_curve": "Would more annotated sentences help?",
    "claims": "What helps: interaction, more rounds, the cell, its parts, or only more parameters?",
}


def study_title(study: StudyData, searches: Iterable[SearchData]) -> str:
    """Return the corpus and the question of a study.

    Older records have no question: the name of a space of the reader's own stands for it.

    Args:
        study: The study.
        searches: Each runs its best settings on fresh seeds as a study with its own question.
    """
    experiment, space, title = (
        str(study.frame[name].iloc[0]) for name in ("experiment", "space", "title")
    )
    corpus = corpus_title(study.corpus)
    for search in searches:
        if search.confirmed is not None and experiment in set(search.confirmed["experiment"]):
            return f"{corpus}, fresh seeds: {search.title}"
    question = title or QUESTIONS.get(space) or space.replace("_", " ").capitalize()
    return f"{corpus}: {question}"


def search_title(search: SearchData) -> str:
    """Return the corpus and the question of a search."""
    return f"{corpus_title(search.corpus)}, search: {search.title}"
