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
# # A search
#
# Which trials were run, what they cost, and what tuning gained on fresh seeds. A pruned trial has
# the score of its last epoch, and no mean includes it.

# %% tags=["parameters"]
runs = None  # a study's output folder; None: the folder `runs` of this checkout
search = None  # a search's name; None: the search that was updated last

# %%
from IPython.display import display

from reports.page.search import search_section
from reports.page.studies import find_search

data = find_search(runs, search)
print(data.experiment, "-", data.title)
data.trials.drop(columns=["variant", "reason"])  # one row for each trial

# %%
section = search_section(data)
display(*section.drawings)

# %%
display(*section.tables)
