"""Writes expected-values.json: the values of each file here as PyArrow reads them, as JSON.

usage: python make_expected.py   (with the packages of test/readers/requirements.txt)
"""

import datetime
import decimal
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DIGITS = {"s": 3, "ms": 3, "us": 6, "ns": 9}
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class Refused(Exception):
    """A value without an exact text."""


def number(value: float, short: bool):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if not short:
        return value
    to_float = lambda v: pa.scalar(v, pa.float32()).as_py()
    return next(float(f"{value:.{digits}g}") for digits in range(6, 10) if to_float(float(f"{value:.{digits}g}")) == value)


def timestamp(scalar: pa.TimestampScalar) -> str:
    seconds, fraction = divmod(scalar.value, PER_SECOND[scalar.type.unit])
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
    digits = str(fraction).zfill(len(str(PER_SECOND[scalar.type.unit])) - 1).ljust(DIGITS[scalar.type.unit], "0")
    return f"{moment.isoformat()}.{digits}{'Z' if scalar.type.tz else ''}"


def plain(scalar: pa.Scalar):
    kind = scalar.type
    if not scalar.is_valid:
        return None
    if pa.types.is_struct(kind):
        return {field.name: plain(scalar[field.name]) for field in kind}
    if pa.types.is_map(kind):
        return {str(plain(item["key"])): plain(item["value"]) for item in scalar.values}
    if pa.types.is_list(kind):
        return [plain(item) for item in scalar.values]
    if pa.types.is_timestamp(kind):
        return timestamp(scalar)
    if pa.types.is_fixed_size_binary(kind):
        raise Refused
    value = scalar.as_py()
    if isinstance(value, float):
        return number(value, pa.types.is_float32(kind))
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def expected(path: Path):
    columns = {}
    table = pq.ParquetFile(path).read()
    for name in table.column_names:
        try:
            columns[name] = [plain(scalar) for scalar in table[name]]
        except Refused:
            columns[name] = "unsupported"
    return columns


def main() -> None:
    folder = Path(__file__).parent
    files = {}
    for path in sorted(folder.glob("*.parquet*")):
        try:
            files[path.name] = expected(path)
        except (pa.ArrowException, OSError) as error:
            files[path.name] = f"unreadable: {error}".splitlines()[0]
    (folder / "expected-values.json").write_text("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in files.items()) + "\n}\n")


main()
