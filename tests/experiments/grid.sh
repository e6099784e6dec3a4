#!/bin/bash
# Several cells: variants, grid and seeds; a cell that fails, one that is found again, an interruption; and the report over them.
# Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=240
base=experiments/smoke/tiny.toml
fast=(--limit 1 --quiet --set evaluate.overlays=false --set evaluate.external=false --set train.evaluate_before=false "${two_datasets[@]}")
rates='grid."train.learning_rate"=[1e-3, 1e38]'

# The second rate ends in numbers that are not finite: reported, passed over, exit code 4.
both=("${fast[@]}" --set 'seeds=[1, 2]' --set "$rates" --set train.clip_norm=0 --set train.steps=4 --out "$scratch/a")
refuses 4 'cell 3 of 4 FAILED, train.learning_rate = 1e\+38, seed 1' "$program" run $base "${both[@]}"
holds 'two cells left a finished result' test "$("$program" report "$scratch/a" --json 2>/dev/null | grep -c '"files"')" -eq 1
"$program" run $base "${both[@]}" >"$scratch/again" 2>/dev/null
holds 'finished cells are skipped, failed ones tried again' grep -qx 'cells=4 done=0 skipped=2 failed=2' "$scratch/again"
holds 'the table names the state of each cell' grep -q '| train.learning_rate = 1e+38, seed 2 *| failed ' "$scratch/again"
holds 'the error is in the output' grep -qE 'not finite|NaN or infinite' "$scratch/again"

# Faults of the file come before any cell runs, all at once.
refuses 2 'train.steps is out of range; got -1' "$program" run $base "${fast[@]}" --set 'grid."train.steps"=[2, -1]' --out "$scratch/b"
refuses 2 'train.threads is out of range; got 0' "$program" run $base "${fast[@]}" --set 'grid."train.steps"=[2, -1]' --set 'grid."train.threads"=[1, 0]' --out "$scratch/b"
holds 'nothing was run' test ! -e "$scratch/b"

# A grid leaves the figures of single runs: each cell in a process of its own changes nothing.
variants=("${fast[@]}" --set 'seeds=[1]' --set 'variant.long."train.steps"=3' --set 'variant.short."train.steps"=2' --out "$scratch/c")
accepts '^cells=2 done=2 skipped=0 failed=0$' "$program" run $base "${variants[@]}"
accepts 'cells=1 done=0 skipped=1 failed=0$' "$program" run $base "${fast[@]}" --set 'seeds=[1]' --set train.steps=2 --out "$scratch/c"
accepts 'cells=1 done=1 skipped=0 failed=0$' "$program" run $base "${fast[@]}" --set 'seeds=[1]' --set train.steps=3 --out "$scratch/d"
long=$(basename "$scratch"/d/*.h5)
holds 'the weights of a cell are those of a single run' cmp "$scratch/c/${long%.h5}.safetensors" "$scratch/d/${long%.h5}.safetensors"
accepts '"state": "skipped"' "$program" run $base "${variants[@]}" --json

# The report: rows are cells, columns costs; a part of the data is said aloud; bad files are named.
accepts '^\| variant +\| seeds +\| trainable' "$program" report "$scratch/c"
accepts 'NOT FOR REPORTING: 2 of 2 runs' "$program" report "$scratch/c"
accepts '^variant,protocol,seeds,trainable_parameters_mean' "$program" report "$scratch/c" --format csv
accepts '"flops": *\{' "$program" report "$scratch/c" --json --out "$scratch/tables"
holds 'three tables are written' test -s "$scratch/tables/report.md" -a -s "$scratch/tables/report.csv" -a -s "$scratch/tables/report.json"
flops() { "$program" report "$1" --json 2>/dev/null | sed -n '/"flops"/,/}/p' | grep -qE '"mean": [1-9]'; }
holds 'training FLOPs were counted' flops "$scratch/d"
refuses 3 "$scratch/nowhere: there is no such file" "$program" report "$scratch/c" "$scratch/nowhere"
mkdir "$scratch/empty"
refuses 3 'holds no result' "$program" report "$scratch/empty"
head -c 3000 "$(ls "$scratch"/c/*.h5 | head -1)" >"$scratch/empty/cut.h5"
echo text >"$scratch/empty/text.h5"
refuses 3 'empty/cut.h5' "$program" report "$scratch/empty" "$scratch/c"
refuses 3 'empty/text.h5' "$program" report "$scratch/empty" "$scratch/c"
refuses 2 'unknown format; got xlsx' "$program" report "$scratch/c" --format xlsx
refuses 2 'no results given' "$program" report

# A signal to the program alone: the cell saves and stops, those behind it do not start.
"$program" run $base "${fast[@]}" --out "$scratch/i" --set train.steps=100000 --set 'seeds=[1, 2]' >"$scratch/i.out" 2>"$scratch/i.err" &
child=$!
for _ in $(seq 200); do "$program" inspect "$scratch"/i/*.h5 2>/dev/null | grep -q '^steps  *[1-9]' && break; sleep 0.3; done
kill -TERM "$child"
wait "$child"
holds 'SIGTERM ends with 130' test $? -eq 130
holds 'one result' test "$(ls "$scratch"/i/*.h5 | wc -l)" -eq 1
holds 'the state of both cells is said' grep -q '| waiting ' "$scratch/i.out"
accepts 'not finished' "$program" report "$scratch/i"

# A cell that is killed is a failed one.
"$program" run $base "${fast[@]}" --out "$scratch/k" --set train.steps=100000 --set 'seeds=[1, 2]' >"$scratch/k.out" 2>"$scratch/k.err" &
child=$!
for seed in 1 2; do
  for _ in $(seq 200); do "$program" inspect "$scratch"/k/*-s$seed-*.h5 2>/dev/null | grep -q '^steps  *[1-9]' && break; sleep 0.3; done
  kill -KILL $(cat "/proc/$child/task/$child/children")
done
wait "$child"
holds 'a grid whose cells were killed ends with 4' test $? -eq 4
holds 'the signal is named' grep -q 'ended by signal 9' "$scratch/k.err"
finish
