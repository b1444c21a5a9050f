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
# Figure 3 of the paper: do more rounds of interaction help, and is the GRU better than the RNN?
# Points are means over seeds, and hollow where seeds are missing. Diamonds are the paper's Table 1.

# %% tags=["parameters"]
runs = None  # a study's output folder; None: the folder `runs` of this checkout
study = None  # a study's name; None: every study that compares numbers of rounds

# %%
import pandas as pd
from IPython.display import display

from reports.frames.studies import study_data
from reports.page.experiment import curve_drawing, experiment_section
from reports.page.studies import find_curves, ledger_folder

curves = find_curves(runs, study)
trials = pd.concat(curves, ignore_index=True)  # one row for each run
trials[["experiment", "label", "seed", "status", "best_epoch", "dev_f1", "test_f1"]]

# %% [markdown]
# Mean and standard deviation of test F1 over seeds, as fractions.

# %%
trials.groupby(["experiment", "label"], sort=False)["test_f1"].agg(["mean", "std", "count"])

# %% [markdown]
# Each drawing has a matplotlib figure (`drawing.figure`) to change or save.

# %%
for frame in curves:
    display(*curve_drawing(frame))

# %% [markdown]
# The same scores as tables, and the difference of each arm from RIN with one round, tested over
# seeds and over sentences.

# %%
for frame in curves:
    display(*experiment_section(study_data(ledger_folder(runs), frame)).tables)
