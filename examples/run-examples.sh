#!/bin/sh
# Validates each example and runs a copy of those on files in build/examples/ against the simulator, twice: the second run must ask nothing.
# `make examples` calls it.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
work=$root/build/examples
state=$work/.llmbatch-simulator

for example in examples/*/job.yaml; do
  name=$(basename "$(dirname "$example")")
  echo "--- $name"
  bin/llmbatch validate "$example"
  # Needs a server, which `make test-s3` starts.
  case $name in s3) continue ;; esac
  # Outputs and work of an earlier run go; the simulator's state stays, as a simulator may still be running on it.
  rm -rf "${work:?}/$name"
  mkdir -p "$work/$name"
  cp -R "examples/$name/." "$work/$name/"
  rm -rf "$work/$name/out" "$work/$name/.llmbatch"
done

for example in "$work"/*/job.yaml; do
  echo "--- $(basename "$(dirname "$example")"): first run"
  "$root/bin/llmbatch" run "$example" --provider simulated --simulator-state "$state"
  echo "--- $(basename "$(dirname "$example")"): second run"
  again=$("$root/bin/llmbatch" run "$example" --provider simulated --simulator-state "$state")
  echo "$again"
  case $again in
    *'no provider call was made'*) ;;
    *) echo "a second run of a finished job asked the provider" >&2; exit 1 ;;
  esac
done
