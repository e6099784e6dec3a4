#!/bin/bash
# Two launchers of one run, or of one grid: a run is held by one living process, whatever killed an earlier one. Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=300
settings=(experiments/smoke/tiny.toml --limit 1 --quiet --set evaluate.overlays=false --set train.evaluate_before=false "${two_datasets[@]}")
long=(--set train.steps=400 --set train.steps_per_epoch=10 --set record.checkpoint_steps=10)
until_it_is_there() { # GLOB: at most a minute
  for _ in $(seq 600); do compgen -G "$1" >/dev/null && return 0; sleep 0.1; done
  return 1
}

# --- The holder lives: the second start is refused, names it, and touches nothing ------------------------------------------------------
"$program" run "${settings[@]}" "${long[@]}" --out "$scratch/one" >/dev/null 2>"$scratch/one.err" &
first=$!
holds 'the first start trains' until_it_is_there "$scratch/one/*-checkpoints/step-*"
refuses 2 "lease: this run is going on; got held by process $first on " "$program" run "${settings[@]}" "${long[@]}" --out "$scratch/one"
refuses 2 "held by process $first" "$program" run "${settings[@]}" "${long[@]}" --out "$scratch/one" --resume
holds 'nothing was set aside' bash -c '! compgen -G "$1/*.old"' _ "$scratch/one"

# --- Killed without a chance to say so: the next start goes on by itself ---------------------------------------------------------------
kill -KILL "$first"
wait "$first" 2>/dev/null
holds 'the lease of the killed one lies there' compgen -G "$scratch/one/*.lease"
accepts 'internal_after' "$program" run "${settings[@]}" "${long[@]}" --out "$scratch/one" --resume
holds 'no lease is left' bash -c '! compgen -G "$1/*.lease"' _ "$scratch/one"
accepts 'internal_after' "$program" run "${settings[@]}" "${long[@]}" --out "$scratch/one"

# --- Two launchers of one grid share its cells: each cell is finished once ---------------------------------------------------------------
grid=(--set train.steps=40 --set train.steps_per_epoch=20 --set 'seeds=[1,2,3]' --out "$scratch/grid")
"$program" run "${settings[@]}" "${grid[@]}" >"$scratch/left" 2>&1 &
left=$!
"$program" run "${settings[@]}" "${grid[@]}" >"$scratch/right" 2>&1
right_code=$?
wait "$left"
left_code=$?
holds "both launchers end with 0 (got $left_code and $right_code)" test "$left_code$right_code" = 00
count() { sed -nE "s/^cells=3 .*\b$2=([0-9]+).*/\1/p" "$scratch/$1"; }
holds 'three cells are done by one or the other' test "$(($(count left 'done') + $(count right 'done')))" -eq 3
holds 'and each finds those of the other' test "$(($(count left skipped) + $(count right skipped)))" -eq 3
holds 'three results' test "$(ls "$scratch/grid"/*.h5 | wc -l)" -eq 3
finish
