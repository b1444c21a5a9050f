"""The table of the speed benchmark: like is compared with like."""

from __future__ import annotations

from benchmarks.drawing import HEADER, table_of


def test_each_row_is_compared_with_the_product_on_the_same_batches() -> None:
    seconds = {
        "dense, K = 1": [20.0, 30.0, 40.0],
        "product, K = 1": [2.0, 2.0, 2.0],
        "dense on random batches, K = 1": [80.0] * 3,
        "product on random batches, K = 1": [4.0] * 3,
        "plain on batches of the file, K = 5": [9.0] * 3,
        "product on batches of the file, K = 5": [6.0] * 3,
        "bare LSTM": [1.0] * 3,
    }
    found = {"seconds an epoch": seconds, "MiB of a step": {"dense, K = 1": 300.4}}
    rows = {row[0]: dict(zip(HEADER[1:], row[1:], strict=True)) for row in table_of(found, 1)}
    ratios = {name: row["times the product on the same batches"] for name, row in rows.items()}
    assert ratios == {
        "dense, K = 1": "15.00 (10.00 to 20.00)",
        "product, K = 1": "1.00 (1.00 to 1.00)",
        "dense on random batches, K = 1": "20.00 (20.00 to 20.00)",
        "product on random batches, K = 1": "1.00 (1.00 to 1.00)",
        "plain on batches of the file, K = 5": "1.50 (1.50 to 1.50)",
        "product on batches of the file, K = 5": "1.00 (1.00 to 1.00)",
        "bare LSTM": "0.50 (0.50 to 0.50)",
    }
    assert rows["dense, K = 1"]["MiB of a step"] == "300"
