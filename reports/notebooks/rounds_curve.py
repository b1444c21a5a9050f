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
# # The rounds curve
#
# Figure 3 of the paper: do more rounds of interaction help, and does the GRU beat the RNN? Points
# are means over seeds, hollow where seeds are missing; the diamonds are the paper's Table 1, where
# it has a number.

# %%
from reports.frames.studies import study_data
from reports.page.experiment import curve_drawing
from reports.page.notebook_views import curves, heading, runs_folder, show
from reports.tables.experiment import differences_table, results_table

runs = runs_folder()
frames = curves(runs)
show(*map(heading, frames))

# %%
show(*(drawing for frame in frames for drawing in curve_drawing(frame)))

# %% [markdown]
# The same scores as numbers, and how far each arm is from RIN with one round, tested over seeds
# and over sentences.

# %%
studies = [study_data(runs, frame) for frame in frames]
show(*(results_table(study) for study in studies))

# %%
show(*(differences_table(study) for study in studies))
