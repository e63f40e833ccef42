"""Makes the inputs of the simulation: small files whose row groups give several chunks. Run once, with PyArrow 26."""
import pyarrow as pa
import pyarrow.parquet as pq


def rows(first: int, count: int) -> pa.Table:
    ids = list(range(first, first + count))
    return pa.table({
        "id": pa.array(ids, pa.int64()),
        "title": pa.array([None if i % 11 == 3 else f'Row {i} "quoted" é\n{i * 7919 % 1000}' for i in ids]),
    })


pq.write_table(rows(0, 24), "a.parquet", row_group_size=8, compression="zstd")
pq.write_table(rows(100, 10), "b.parquet", compression="snappy")
pq.write_table(rows(200, 0), "empty.parquet", compression="zstd")
