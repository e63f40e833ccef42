"""Writes Parquet files of many shapes, as PyArrow and DuckDB write them, to DIR/<name>.input.parquet."""

import datetime
import decimal
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 2_500
UTC = datetime.timezone.utc


def every(n: int, value, row: int):
    """value, or None in each n-th row."""
    return None if row % n == 0 else value


def typed_table() -> pa.Table:
    rows = range(ROWS)
    start = datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
    columns = {
        "id": pa.array(rows, pa.int64()),
        "title": pa.array([every(7, f"Title {i} – ünïcödé 🎉\n\"quoted\"", i) for i in rows], pa.string()),
        "large": pa.array([f"text {i}" * (i % 40) for i in rows], pa.large_string()),
        "int8": pa.array([i % 256 - 128 for i in rows], pa.int8()),
        "uint64": pa.array([every(5, 2**64 - 1 - i, i) for i in rows], pa.uint64()),
        "float32": pa.array([every(9, i / 3, i) for i in rows], pa.float32()),
        "float64": pa.array([i * 0.1 for i in rows], pa.float64()),
        "flag": pa.array([every(4, i % 2 == 0, i) for i in rows], pa.bool_()),
        "price": pa.array([every(6, decimal.Decimal(i).scaleb(-2), i) for i in rows], pa.decimal128(12, 2)),
        "wide": pa.array([decimal.Decimal(f"{10**29 + i}.{i:08d}") for i in rows], pa.decimal128(38, 8)),
        "day": pa.array([every(8, start.date() + datetime.timedelta(days=i), i) for i in rows], pa.date32()),
        "local": pa.array([start + datetime.timedelta(seconds=i) for i in rows], pa.timestamp("us")),
        "zoned": pa.array([every(3, start.replace(tzinfo=UTC) + datetime.timedelta(hours=i), i) for i in rows], pa.timestamp("ns", tz="America/New_York")),
        "clock": pa.array([datetime.time(i % 24, i % 60, i % 60, i) for i in rows], pa.time64("us")),
        "blob": pa.array([bytes([i % 256, 255]) for i in rows], pa.binary()),
        "fixed": pa.array([bytes([i % 256] * 4) for i in rows], pa.binary(4)),
        "category": pa.array([every(10, f"c{i % 17}", i) for i in rows], pa.string()).dictionary_encode(),
        "tags": pa.array([every(5, [f"t{j}" for j in range(i % 4)], i) for i in rows], pa.list_(pa.string())),
        "attributes": pa.array([every(6, {"a": i, "b": {"c": every(4, f"x{i}", i)}}, i) for i in rows], pa.struct([("a", pa.int32()), ("b", pa.struct([("c", pa.string())]))])),
        "counts": pa.array([every(7, [(f"k{j}", i + j) for j in range(i % 3)], i) for i in rows], pa.map_(pa.string(), pa.int64())),
        "nothing": pa.nulls(ROWS),
    }
    return pa.table(columns).replace_schema_metadata({"owner": "catalog"})


def pyarrow_files(folder: Path) -> None:
    table = typed_table()
    write = lambda name, data, **options: pq.write_table(data, folder / f"pyarrow-{name}.input.parquet", **options)
    for codec in ("snappy", "zstd", "gzip", "brotli", "lz4", "none"):
        write(codec, table, compression=codec, row_group_size=700)
    write("v2-indexed", table, data_page_version="2.0", write_page_index=True, write_page_checksum=True, data_page_size=4096, row_group_size=1000)
    write("no-arrow-schema", table, store_schema=False, use_dictionary=False)
    write("one-row-groups", table.slice(0, 23), row_group_size=1)
    write("empty", table.slice(0, 0))
    write("sorted", table, sorting_columns=[pq.SortingColumn(0)], row_group_size=999)
    write("many-columns", pa.table({f"c{i}": [i, None, -i] for i in range(300)}))
    with pq.ParquetWriter(folder / "pyarrow-empty-row-groups.input.parquet", table.schema) as writer:
        for rows in (0, 5, 0, 7, 0):
            writer.write_table(table.slice(0, rows), row_group_size=max(rows, 1))


def duckdb_files(folder: Path) -> None:
    connection = duckdb.connect()
    connection.execute(f"""
        create table rows as select
          i as id, 'Title ' || i as title, i::hugeint as huge, (i / 7)::decimal(18, 4) as price, uuid() as key,
          timestamp '2024-02-29 12:00:00' + to_seconds(i) as at, timestamptz '2024-02-29 12:00:00+02' as zoned, date '2000-01-01' + i::integer as day,
          case when i % 3 = 0 then null else ['a' || i, null] end as tags, {{'a': i, 'b': {{'c': 'x' || i}}}} as attributes,
          map {{'k' || i: i}} as counts, (['red', 'green'])[1 + i % 2]::enum('red', 'green') as colour, ('\\x00\\xFF')::blob as bytes,
          ('{{"i": ' || i || '}}')::json as document, i % 2 = 0 as flag, i::utinyint as small
        from range(250) t(i)""")
    for name, options in {"v1-snappy": "compression snappy", "v2-zstd": "compression zstd, parquet_version v2", "gzip": "compression gzip"}.items():
        target = folder / f"duckdb-{name}.input.parquet"
        connection.execute(f"copy rows to '{target}' (format parquet, row_group_size 100, {options})")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.parquet"):
        old.unlink()
    pyarrow_files(folder)
    duckdb_files(folder)


main()
