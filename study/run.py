"""``python study/run.py``, the same as ``rin-study`` and ``python -m study``."""

if __name__ != "__main__":  # the package has a function of this name
    raise ImportError("study/run.py is a program; the function is `run` of `import study`")

from study.__main__ import run

run()
