"""``python study/run.py``, the same as ``python -m study``."""

from study.commands.main import run

if __name__ == "__main__":
    run()
