"""The command ``case``: sentences through trained models, round by round."""
