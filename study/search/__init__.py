"""Hyperparameter search: Optuna samplers and ASHA, one study an arm."""
