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
# # The paper's tables
#
# Tables 1, 4 and 5 of Sun et al. with the published numbers next to ours, which of the paper's
# orderings hold, and Table 2 computed from the data. Every number comes from the ledger.

# %% tags=["parameters"]
runs = None  # a study's output folder; None: `runs` in this folder, or in the checkout
name = None  # a study's name; None: every study

# %%
from IPython.display import display

from reports.frames.trials import read_contents
from reports.page.corpora import corpora_section, paper_sections
from reports.page.studies import NothingToShow, find_studies, ledger_folder

studies = find_studies(runs, name)
trials, others = read_contents(ledger_folder(runs))  # one row for each run
trials.groupby(["corpus", "experiment", "status"], sort=False).size().rename("runs").to_frame()

# %%
sections = paper_sections(ledger_folder(runs), trials, studies, others)
if not sections:
    raise NothingToShow("no study of this ledger is on one of the paper's corpora")
for _, section in sections:
    display(*section.tables)

# %%
display(*corpora_section(ledger_folder(runs)).tables)
