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
# its best dev F1 before it was pruned, and no mean includes it.

# %% tags=["parameters"]
runs = None  # a study's output folder; None: `runs` in this folder, or in the checkout
name = None  # a search's name; None: the search that was updated last

# %%
from IPython.display import display

import study
from reports.page.search import search_section
from reports.page.studies import find_search, ledger_folder

search = find_search(runs, name)
print(search.experiment, "-", search.title)
df = study.trials(ledger_folder(runs), search.experiment)  # one row for each trial
df.drop(columns=["variant", "reason"])

# %% [markdown]
# The best finished trials of each arm.

# %%
tuned = [setting for setting in search.parameters if setting in df]
finished = df[df["status"] == "finished"].sort_values("dev_f1", ascending=False)
finished.groupby("arm", sort=False).head(3)[["arm", "trial", "dev_f1", "epochs", *tuned]].round(4)

# %%
section = search_section(search)
display(*section.drawings)

# %%
display(*section.tables)
