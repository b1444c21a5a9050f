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
# The search of this ledger that was updated last: what was tried, what it cost, and what tuning
# bought on fresh seeds. A stopped trial has the score of the epochs it got; it is averaged with
# nothing.

# %%
from reports.page.notebook_views import last_search, runs_folder, show
from reports.page.search import search_section

search = search_section(last_search(runs_folder()))

# %%
show(search)
