#!/usr/bin/env bash
# Builds the explorer anew, fails where the committed build is of other sources, and runs its tests.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --no-audit --no-fund
npm run build
changed=$(git status --porcelain -- ../crates/latlas-server/assets)
if [ -n "$changed" ]; then
    echo "the committed build is not of these sources: commit what 'npm run build' writes" >&2
    echo "$changed" >&2
    exit 1
fi
npm test
