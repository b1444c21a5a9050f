# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Errors
#
# Which triples are missed, which are wrong, where, and what interaction changes. One study of the
# ledger: a rounds curve where there is one. Predictions of every seed are compared with the gold
# triples of test, sentence by sentence.

# %%
from reports.errors.examples import example_table
from reports.errors.rounds import steps
from reports.errors.section import error_drawings
from reports.errors.tables import error_tables
from reports.page.notebook_views import answered_study, heading, runs_folder, show
from reports.tables.breakdown import breakdown_table

study = answered_study(runs_folder())
frame, counts = study.frame, study.counts
tables = {table.name: table for table in error_tables(frame, counts)}
figures = {drawing.name: drawing for drawing in error_drawings(frame, counts)}
show(heading(frame))

# %% [markdown]
# ## What errors are
#
# An error is told from what it nearly was: the right words with another relation, the right
# relation with one wrong word, or nothing alike.

# %%
show(figures["errors_kinds"], tables.get("errors_missed"), tables.get("errors_wrong"))

# %% [markdown]
# ## Where they lie
#
# By relation, by length of the sentence, by distance of subject and object, by overlap class and
# by number of triples.

# %%
show(figures["errors_lines"], tables.get("errors_length"), tables.get("errors_distance"))

# %%
show(breakdown_table(study), tables.get("errors_relation"))

# %% [markdown]
# ## What is taken for what

# %%
show(figures["errors_matrix"], tables.get("errors_confusion"))

# %% [markdown]
# ## What interaction fixed and broke
#
# Pairs of runs of one seed. Two seeds of one arm disagree as well; the dashed lines show how much.

# %%
show(figures.get("errors_rounds"), tables.get("errors_rounds"))

# %% [markdown]
# Triples that the first step of the table fixed or broke, those that most seeds agree on first.

# %%
compared = [step for step in steps(frame, counts) if not step.chance][:1]
show(*(example_table(step, counts, kind) for step in compared for kind in ("fixed", "broke")))
