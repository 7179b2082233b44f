#!/usr/bin/env bash
# Installs what the lock names, and this project's wheel, into a new environment: install.sh TARGET [EXTRA...]
# The image is made by it, and a test runs it as it stands. UV and PYTHON name the tools; nothing is built but our wheel.
set -euo pipefail
target=$1
extras=()
for extra in "${@:2}"; do extras+=(--extra "$extra"); done
uv=${UV:-uv} python=${PYTHON:-python3}
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$uv" export --quiet --locked --no-dev --no-emit-project --format requirements.txt "${extras[@]}" \
  --output-file "$work/requirements.txt"
"$uv" venv --quiet --no-python-downloads --python "$python" "$target"
"$uv" pip install --quiet --python "$target/bin/python" --link-mode copy --compile-bytecode \
  --require-hashes --only-binary :all: --requirements "$work/requirements.txt"

# From a copy, since a build leaves its traces beside the sources.
mkdir "$work/source"
cp -r streams agents tables models sinks api pyproject.toml README.md LICENSE "$work/source"
"$uv" build --quiet --wheel --python "$target/bin/python" --build-constraints release/build-constraints.txt \
  --require-hashes --out-dir "$work/wheel" "$work/source"
wheel=("$work"/wheel/headrace-*.whl)
hash=$(sha256sum "${wheel[0]}" | cut -d ' ' -f 1)
echo "headrace @ file://${wheel[0]} --hash=sha256:$hash" > "$work/own.txt"
"$uv" pip install --quiet --python "$target/bin/python" --link-mode copy --compile-bytecode \
  --require-hashes --no-deps --requirements "$work/own.txt"
if [ -n "${WHEEL_DIRECTORY:-}" ]; then mkdir -p "$WHEEL_DIRECTORY" && cp "${wheel[0]}" "$WHEEL_DIRECTORY"; fi
