"""Checks that an output file holds the input's rows and columns unchanged, and one answer per row, as PyArrow and DuckDB read them.

usage: check_readers.py [--junit FILE] INPUT OUTPUT [INPUT OUTPUT ...]
"""

import argparse
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

ADDED = {"llm_response": "string", "llm_status": "string", "llm_error": "string", "llm_prompt_tokens": "int32", "llm_completion_tokens": "int32"}


class Mismatch(Exception):
    """The output is not what it must be; the message says where."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise Mismatch(message)


def same_values(expected: pa.ChunkedArray, actual: pa.ChunkedArray) -> bool:
    """Equality in which NaN equals NaN."""
    if expected.equals(actual):
        return True
    return all(repr(a) == repr(b) for a, b in zip(expected, actual, strict=True))


def pyarrow_columns(source: Path, output: Path) -> None:
    before, after = pq.ParquetFile(source).read(), pq.ParquetFile(output).read()
    expect(before.num_rows == after.num_rows, f"{after.num_rows} rows, not {before.num_rows}")
    expect(after.column_names == before.column_names + list(ADDED), f"columns are {after.column_names}")
    for field in before.schema:
        expect(after.schema.field(field.name).equals(field, check_metadata=True), f"column {field.name} is {after.schema.field(field.name)}, not {field}")
        expect(same_values(before[field.name], after[field.name]), f"column {field.name} has other values")
    for name, kind in ADDED.items():
        expect(str(after.schema.field(name).type) == kind and after.schema.field(name).nullable, f"column {name} is {after.schema.field(name)}")


def pyarrow_physical(source: Path, output: Path) -> None:
    """The footer's own words on the old columns; and the file's data, byte for byte."""
    before, after = pq.ParquetFile(source, page_checksum_verification=True), pq.ParquetFile(output, page_checksum_verification=True)
    leaves = before.metadata.num_columns
    for leaf in range(leaves):
        expect(before.schema.column(leaf).equals(after.schema.column(leaf)), f"leaf {leaf} is {after.schema.column(leaf)}")
    expect(before.metadata.num_row_groups == after.metadata.num_row_groups, "the number of row groups differs")
    for group in range(before.metadata.num_row_groups):
        old, new = before.metadata.row_group(group), after.metadata.row_group(group)
        expect(old.num_rows == new.num_rows, f"row group {group} has {new.num_rows} rows, not {old.num_rows}")
        added = sum(new.column(leaf).total_uncompressed_size for leaf in range(leaves, new.num_columns))
        expect(new.total_byte_size == old.total_byte_size + added, f"row group {group} has {new.total_byte_size} bytes, not {old.total_byte_size} + {added}")
        for leaf in range(leaves):
            expect(old.column(leaf).equals(new.column(leaf)), f"row group {group}, leaf {leaf}: the column chunk differs")
    after.read()
    data = source.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    expect(output.read_bytes()[:start] == data[:start], "the data before the footer differs")


def duckdb_columns(source: Path, output: Path) -> None:
    connection = duckdb.connect()
    types = [connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall() for path in (source, output)]
    before, after = ([row[:2] for row in rows] for rows in types)
    expect(after[: len(before)] == before, f"types differ: {set(before) - set(after)}")
    # As text: exact for every type, and Python has no nanoseconds.
    columns = ", ".join(f"{quoted(name)}::varchar" for name, _ in before)
    old, new = (duckdb.connect().execute(f"select {columns} from read_parquet(?)", [str(path)]) for path in (source, output))
    count = 0
    while expected := old.fetchmany(1000):
        expect(expected == new.fetchmany(1000), f"rows from {count} on differ")
        count += len(expected)
    expect(new.fetchone() is None, f"there are more than {count} rows")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def answers(source: Path, output: Path) -> None:
    total = pq.ParquetFile(source).metadata.num_rows
    connection = duckdb.connect()
    read = lambda query: connection.execute(query, [str(output)]).fetchone()[0]
    expect(read("select count(*) from read_parquet(?)") == total, "DuckDB counts other rows")
    expect(read("select count(*) from read_parquet(?) where llm_status is null") == 0, "rows without a status")
    expect(read("select count(*) from read_parquet(?) where llm_status = 'Succeeded' and llm_response is null") == 0, "succeeded rows without an answer")
    expect(read("select count(*) from read_parquet(?) where llm_status <> 'Succeeded' and (llm_error is null or llm_response is not null)") == 0, "failed rows without an error, or with an answer")


def filtered(source: Path, output: Path) -> None:
    """A reader that skips by statistics finds each answer that a full scan finds."""
    table = pq.read_table(output, columns=["llm_response", "llm_status"])
    for column in ("llm_response", "llm_status"):
        wanted = next((value for value in reversed(table[column].to_pylist()) if value is not None), None)
        if wanted is None:
            continue
        expected = table[column].to_pylist().count(wanted)
        expect(pq.read_table(output, columns=[column], filters=[(column, "==", wanted)]).num_rows == expected, f"PyArrow's filter on {column} loses rows")
        found = duckdb.connect().execute(f"select count(*) from read_parquet(?) where {column} = ?", [str(output), wanted]).fetchone()[0]
        expect(found == expected, f"DuckDB's filter on {column} loses rows")


CHECKS = {"PyArrow reads the input's columns": pyarrow_columns, "footer and data are kept": pyarrow_physical, "DuckDB reads the input's columns": duckdb_columns, "one answer per row": answers, "filters by statistics": filtered}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--junit", type=Path, default=Path("build/test/readers.xml"), help="where the JUnit report goes (build/test/readers.xml)")
    parser.add_argument("files", type=Path, nargs="+", metavar="INPUT OUTPUT")
    options = parser.parse_args()
    if len(options.files) % 2 != 0:
        parser.error("files come in pairs: INPUT OUTPUT")
    suite = ElementTree.Element("testsuite", name="readers")
    failed = 0
    for source, output in zip(options.files[::2], options.files[1::2], strict=True):
        for name, check in CHECKS.items():
            case = ElementTree.SubElement(suite, "testcase", classname=output.name, name=name)
            started = time.monotonic()
            try:
                check(source, output)
            except Exception as error:  # a reader that fails is a failed test, whatever it throws
                failed += 1
                message = f"{type(error).__name__}: {error}"
                ElementTree.SubElement(case, "failure", message=message)
                print(f"FAILED {output.name}: {name}: {message}")
            case.set("time", f"{time.monotonic() - started:.3f}")
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failed))
    options.junit.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(suite).write(options.junit, encoding="utf-8", xml_declaration=True)
    print(f"{len(suite) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
