#!/bin/bash
# The README's plugin, taken from the README as it stands: it builds out of tree, explains itself, trains, and refuses a misspelt option.
program=$1 build=$2
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=300
sed -n '/^```cpp$/,/^```$/p' README.md | sed '1d;$d' >"$scratch/mask_bce.cpp"
holds 'the README has an example of at most 25 lines' test "$(wc -l <"$scratch/mask_bce.cpp")" -le 25
cat >"$scratch/CMakeLists.txt" <<'PROJECT'
cmake_minimum_required(VERSION 3.25)
project(mine LANGUAGES CXX)
find_package(sam3lab REQUIRED)
sam3lab_plugin(mask_bce mask_bce.cpp)
PROJECT
accepts 'Generating done' cmake -S "$scratch" -B "$scratch/build" -G Ninja "-Dsam3lab_DIR=$build"
accepts 'mask_bce.so' cmake --build "$scratch/build"
mkdir "$scratch/plugins"
cp "$scratch/build/mask_bce.so" "$scratch/plugins/"
export SAM3LAB_PLUGIN_PATH=$scratch/plugins
accepts 'factor of the term' "$program" explain loss/mask_bce
accepts 'internal_after' "$program" run experiments/smoke/tiny.toml --limit 1 --quiet --out "$scratch/run" --set evaluate.overlays=false \
  --set train.steps=2 --set loss.mask_bce.weight=2.0
refuses 2 "did you mean 'weight'" "$program" run experiments/smoke/tiny.toml --set loss.mask_bce.wieght=2.0
finish
