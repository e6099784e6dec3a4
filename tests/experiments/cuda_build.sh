#!/bin/bash
# What is compiled for CUDA alone compiles, where nvcc is: no GPU is needed, and of LibTorch its headers alone.
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
build=$2
nvcc=$(command -v nvcc || ls -d /usr/local/cuda*/bin/nvcc 2>/dev/null | tail -n 1)
if [ -z "$nvcc" ]; then
  echo "NOT RUN: core/optim/cuda was not compiled, for this machine has no nvcc (CUDA toolkit 13.0)"
  exit 0
fi
toolkit=$(dirname "$(dirname "$nvcc")")
torch=$(sed -n 's/^SAM3LAB_TORCH:PATH=//p' "$build/CMakeCache.txt")
# The flags of cmake/cuda.cmake.
compile() { "$nvcc" -std=c++20 -O2 -fmad=false -Werror all-warnings -Xcompiler -Wall,-Wextra,-fPIC -I. "$@" core/optim/cuda/adamw.cu; }
holds 'the kernels compile for the oldest and the newest card' compile -gencode arch=compute_75,code=sm_75 \
  -gencode arch=compute_120,code=sm_120 -c -o "$scratch/adamw.o"
holds 'to intermediate code' compile -arch compute_90 -ptx -o "$scratch/adamw.ptx"
holds 'there is arithmetic in it' grep -q 'mul\.rn\.f32' "$scratch/adamw.ptx"
holds 'products and sums are rounded apart, roots and quotients exactly: the bits of the CPU' \
  bash -c '! grep -qE "[[:space:]](fma|mad\.f32|div\.(approx|full)|sqrt\.approx|rsqrt|[a-z]+\.[a-z.]*ftz)" "$1"' _ "$scratch/adamw.ptx"
holds 'the module around them compiles' g++ -std=c++20 -Wall -Wextra -Werror -fPIC -I. -isystem "$torch/include" \
  -isystem "$toolkit/include" -c core/optim/cuda/module.cpp -o "$scratch/module.o"
# c10's CUDA half may be missing here; the symbol that the program asks for must not be.
holds 'the module links' g++ -shared -o "$scratch/libsam3lab_cuda.so" "$scratch/module.o" "$scratch/adamw.o" -L"$toolkit/lib64" -lcudart
holds 'and has its symbol' bash -c 'nm -D --defined-only "$1" | grep -q " T sam3lab_adamw_bfloat16$"' _ "$scratch/libsam3lab_cuda.so"
finish
