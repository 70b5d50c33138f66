#!/usr/bin/env bash
# Prints the path of a Node of the given version, installing it into .cache/ once: scripts/node-version.sh 22.23.3
set -euo pipefail
version=$1
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$root/.cache/node-$version
if [ ! -x "$folder/node_modules/node/bin/node" ]; then
  mkdir -p "$folder"
  # The package's install script fetches the binary of this platform, so it has to be allowed by name.
  printf '{ "private": true, "dependencies": { "node": "%s" }, "allowScripts": { "node": true } }\n' "$version" \
    >"$folder/package.json"
  (cd "$folder" && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2)
fi
echo "$folder/node_modules/node/bin/node"
