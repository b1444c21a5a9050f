"""``python -m study``, the same as ``rin-study``."""

from study.commands.main import run

if __name__ == "__main__":
    run()
