"""The keys under which names of datasets are compared."""

from __future__ import annotations

import pytest

from lineage.suggestions.names import address_key, plain_key


@pytest.mark.parametrize(
    ("name", "scope", "key"),
    [
        ("s3://lake/orders", "", "s3://lake/orders"),
        ("s3a://LAKE//orders/", "", "s3://lake/orders"),
        ("postgresql://user:pw@DB:5432/shop.orders", "", "postgres://db/shop.orders"),
        ("postgres://db:5433/shop.orders", "", "postgres://db:5433/shop.orders"),
        ("file:///data/a.csv", "", "file:/data/a.csv"),
        ("file://localhost/data/a.csv", "", "file:/data/a.csv"),
        ("shop.orders", "postgres://db:5432", "postgres://db/shop.orders"),
        ("abfss://raw@lake.dfs.core.windows.net/a", "", "abfss://raw@lake.dfs.core.windows.net/a"),
        ("orders", "", ""),
        ("dataset", "experiment-1", ""),
        ("orders", "warehouse", ""),
        ("s3://[broken/orders", "", "s3://[broken/orders"),
    ],
)
def test_one_address_has_one_key(name: str, scope: str, key: str) -> None:
    assert address_key(name, scope) == key


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Orders-Table", "orderstable"),
        ("s3://lake/orders_table.csv.gz", "orderstable"),
        ("s3://lake/train.parquet", ""),
        ("dataset", ""),
        ("a.b", ""),
        ("顧客データ表", "顧客データ表"),
    ],
)
def test_names_that_look_alike_have_one_key(name: str, key: str) -> None:
    assert plain_key(name) == key
