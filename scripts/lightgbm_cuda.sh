#!/usr/bin/env bash
# Builds LightGBM for CUDA into wheels/, for the environment of this checkout: docs/lightgbm.md.
# scripts/lightgbm_cuda.sh [CUDA ARCHITECTURES, such as "90" or "80;90"]
set -euo pipefail
cd "$(dirname "$0")/.."
architectures=${1:-75;80;86;89;90;100;120}
python=$PWD/.venv/bin/python

command -v nvcc >/dev/null || {
    echo "There is no nvcc: install the CUDA toolkit (13.0, as PyTorch's) and put its bin on PATH." >&2
    exit 1
}
version=$("$python" -c 'from importlib.metadata import version; print(version("lightgbm"))')
nccl=$("$python" -c 'import nvidia.nccl; print(nvidia.nccl.__path__[0])')

# The wheel of NCCL has libnccl.so.2 alone, and CMake looks for libnccl.so.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lib"
ln -s "$nccl/include" "$work/include"
ln -s "$nccl/lib/libnccl.so.2" "$work/lib/libnccl.so.2"
ln -s libnccl.so.2 "$work/lib/libnccl.so"

# CPATH: LightGBM's CMake tells the NCCL headers to some of its files only.
NCCL_ROOT=$work CPATH=$work/include "$python" -m pip wheel --no-deps --no-cache-dir \
    --no-binary lightgbm --wheel-dir wheels \
    --config-settings=cmake.define.USE_CUDA=ON \
    --config-settings=cmake.define.BUILD_WITH_SHARED_NCCL=ON \
    "--config-settings=cmake.define.CMAKE_CUDA_ARCHITECTURES=$architectures" \
    "lightgbm==$version"
echo "Now: $python -m pip install --no-deps --force-reinstall wheels/lightgbm-$version-*-linux_*.whl"
