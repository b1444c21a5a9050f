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
# Tables 1, 4 and 5 of Sun et al. with the published numbers beside ours, which of the paper's
# orderings hold, and Table 2 computed from the data. Every number comes from the ledger;
# its runs are named where the pointer rests on it.

# %%
from reports.build import corpora_section, paper_sections
from reports.frames.trials import experiments, read_ledger, select_settings
from reports.page.notebook_views import any_studies, runs_folder, show

runs = runs_folder()
everything = any_studies(runs)
selected = [select_settings(read_ledger(runs, [name])) for name in experiments(runs)]

# %%
show(*(section for _, section in paper_sections(runs, everything, selected)))

# %%
show(corpora_section(runs))
