#!/bin/sh
# build-versitygw.sh VERSION FILE: builds the S3 server of the tests from its source, with the machine's Go. Takes a minute or two.
set -eu
version=$1
file=$2

if ! command -v go >/dev/null; then
  echo "the S3 tests need Go 1.25 or newer to build versitygw, and there is no \`go\` in PATH: https://go.dev/doc/install" >&2
  exit 1
fi
have=$(go env GOVERSION)
case $have in
  go1.[0-9] | go1.[0-9].* | go1.[0-9][!0-9]* | go1.1[0-9] | go1.1[0-9][!0-9]* | go1.2[0-4] | go1.2[0-4][!0-9]*)
    echo "the S3 tests need Go 1.25 or newer to build versitygw, and \`go\` is $have: https://go.dev/doc/install" >&2
    exit 1
    ;;
esac

folder=$(dirname "$file")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
building=$(mktemp -d "$folder/building-XXXXXX")
trap 'rm -rf "$building"' EXIT
# -mod=mod overrides a GOFLAGS that `go install PACKAGE@VERSION` refuses; without cgo it needs no C compiler.
GOBIN=$building GO111MODULE=on CGO_ENABLED=0 go install -mod=mod "github.com/versity/versitygw/cmd/versitygw@$version"
mv "$building/versitygw" "$file"
ln -sf "$(basename "$file")" "$folder/versitygw"
