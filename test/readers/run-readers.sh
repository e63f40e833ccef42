#!/usr/bin/env bash
# Checks with PyArrow and DuckDB what the assembler makes of files that they wrote, and the demo's output if there is one.
# Needs Python 3.11 or newer; keeps a virtual environment in build/venv. Ends in "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/node_modules/.bin:$PATH"

venv=build/venv
requirements=test/readers/requirements.txt
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$venv/requirements.txt"
fi

fixtures=build/readers
"$venv/bin/python" test/readers/make_fixtures.py "$fixtures"
node test/readers/append-fixtures.ts "$fixtures"

pairs=()
for input in "$fixtures"/*.input.parquet; do
  pairs+=("$input" "${input%.input.parquet}.output.parquet")
done
# `make demo` answers build/demo/NAME.parquet in build/demo/out/NAME.parquet.
for output in build/demo/out/*.parquet; do
  input="build/demo/$(basename "$output")"
  if [ -e "$output" ] && [ -e "$input" ]; then pairs+=("$input" "$output"); fi
done
exec "$venv/bin/python" test/readers/check_readers.py "${pairs[@]}"
