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
# Which triples are missed, which predicted triples are wrong, and what interaction changes. The
# predictions of every seed are compared with the gold triples of each test sentence.

# %% tags=["parameters"]
runs = None  # a study's output folder; None: `runs` in this folder, or in the checkout
name = None  # a study's name; None: the rounds curve, or the study that was updated last

# %%
from IPython.display import display

from reports.errors.changes import comparisons
from reports.errors.examples import example_table
from reports.errors.section import error_drawings
from reports.errors.tables import error_tables
from reports.page.studies import find_predictions
from reports.tables.breakdown import breakdown_table

data = find_predictions(runs, name)
trials, counts = data.frame, data.counts
tables = {table.name: table for table in error_tables(data)}
figures = {drawing.name: drawing for drawing in error_drawings(data)}
print(trials["experiment"].iloc[0])
trials.groupby(["label", "status"], sort=False).size().rename("runs").to_frame()


# %%
def show(*names: str) -> None:
    display(*(found[name] for name in names for found in (figures, tables) if name in found))


# %% [markdown]
# ## Types of errors
#
# The type of an error is what it has in common with a correct triple: both words but not the
# relation, the relation and one word, or nothing.

# %%
show("errors_kinds", "errors_missed", "errors_wrong")

# %% [markdown]
# ## Where errors occur
#
# By relation, sentence length, distance of subject and object, overlap class and number of triples.

# %%
show("errors_lines", "errors_length", "errors_distance", "errors_relation")

# %%
display(*filter(None, [breakdown_table(data)]))

# %% [markdown]
# ## Which relations are confused

# %%
show("errors_matrix", "errors_confusion")

# %% [markdown]
# ## What interaction fixes and breaks
#
# Each run of one arm against each run of the other. Two seeds of one arm disagree as well; the
# dashed lines show how much.

# %%
show("errors_rounds")

# %% [markdown]
# Triples that the first comparison of the table fixed or broke. Those with the most pairs of runs
# come first.

# %%
for compared in [one for one in comparisons(trials, counts) if not one.same_arm][:1]:
    display(*(example_table(compared, counts, field) for field in ("fixed", "broke")))
