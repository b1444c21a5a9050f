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
runs = None  # a study's output folder; None: `runs` in this folder, or in the checkout
name = None  # a study's name; None: every study that compares numbers of rounds
baseline = "gru-1"  # the arm to compare with; if the study does not have it, its first arm

# %%
# %config InlineBackend.figure_formats = ["svg", "png"]
import pandas as pd
from matplotlib import pyplot as plt

import study
from reports.page.studies import curve_names, ledger_folder

runs = ledger_folder(runs)
df = study.trials(runs, curve_names(runs, name))  # one row for each trial, scores in points
df = df[df["settings"] == df.groupby("study")["settings"].transform("last")]
df.drop(columns=["variant", "settings", "settings_except_rounds"])

# %% [markdown]
# Mean and standard deviation of test F1 over seeds.

# %%
df.groupby(["study", "label"], sort=False)["test_f1"].agg(["mean", "std", "count"]).round(1)

# %% [markdown]
# `study.curve` returns axes that you can change.

# %%
for title, trials in df.groupby("study", sort=False):
    figure, axes = plt.subplots(1, 3, figsize=(8.6, 3.6), sharey=True, layout="constrained")
    figure.suptitle(str(title))
    for ax, metric in zip(axes, ("test_f1", "test_precision", "test_recall"), strict=True):
        study.curve(trials, metric, ax).set_title(metric, loc="left")
        ax.label_outer()
        legend = ax.get_legend()
        legend.remove()
    names = [text.get_text() for text in legend.get_texts()]  # one legend for all
    figure.legend(legend.legend_handles, names, loc="outside lower center", ncols=4, frameon=False)
    plt.show()

# %% [markdown]
# The difference of each arm from the baseline, with the variance of all runs on the corpus.

# %%
found = {}
for title, trials in df.groupby("study", sort=False):
    chosen = baseline if baseline in set(trials["arm"]) else trials["arm"].iloc[0]
    found[str(title)] = study.differences(trials, chosen, pool=study.trials(runs))
pd.concat(found, names=["study"]).round(3)
