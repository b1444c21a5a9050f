"""``python -m study``, the same as ``python study/run.py``."""

from study.commands.main import run

if __name__ == "__main__":
    run()
