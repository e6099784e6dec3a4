#!/bin/bash
# The `run` command on real data: what it leaves behind, that a second start runs nothing, that equal seeds give equal figures, and how it
# ends on a signal, on numbers that are not finite and on a disk that is full. Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
experiment=experiments/smoke/tiny.toml
limit=180
fast=(--limit 1 --quiet --set evaluate.overlays=false)

accepts '^internal_before=0\.[0-9]+ internal_after=' "$program" run "$experiment" --limit 1 --quiet --out "$scratch/a"
result=$(echo "$scratch"/a/smoke-s1-*.h5)
holds 'there is one result' test -f "$result"
holds 'weights are saved' test -f "${result%.h5}.safetensors"
holds 'overlays are drawn' test -s "${result%.h5}-overlays/overview.png"
holds 'no temporary file stays' test "$(ls "$scratch/a" | wc -l)" -eq 3
accepts 'NOT FOR REPORTING' "$program" inspect "$result"
accepts '"shuffled_prompts"' "$program" inspect "$result" --json
accepts '"off_prompt_rate"' "$program" inspect "$result" --json
accepts '^Internal: held-out blocks of [0-9]+ subjects? that (is|are) also trained on: a demonstration, no evidence\.$' "$program" inspect "$result"
accepts '"headline": "iou"' "$program" inspect "$result" --metric iou --json
accepts 'IoU before \| +IoU after \| +Dice after' "$program" inspect "$result" --metric iou
accepts 'IoU before \| +IoU after' "$program" report "$result" --metric iou
refuses 2 'no such metric is scored; got assd, expected dice, iou' "$program" inspect "$result" --metric assd
refuses 2 'no such metric is scored; got assd, expected dice, iou' "$program" report "$result" --metric assd
accepts 'finished before' "$program" run "$experiment" --limit 1 --quiet --out "$scratch/a"

# The same seed gives the same figures; another seed another result beside it.
accepts 'internal_after' "$program" run "$experiment" "${fast[@]}" --out "$scratch/b"
accepts 'internal_after' "$program" run "$experiment" "${fast[@]}" --out "$scratch/c"
accepts 'internal_after' "$program" run "$experiment" "${fast[@]}" --out "$scratch/b" --set 'seeds=[2]'
holds 'another seed is another file' test "$(ls "$scratch"/b/*.h5 | wc -l)" -eq 2
holds 'equal seeds give equal weights' cmp "$scratch"/b/smoke-s1-*.safetensors "$scratch"/c/smoke-s1-*.safetensors

# Weights go in where they came out.
weights=$(echo "$scratch"/a/*.safetensors)
accepts 'internal_before=none' "$program" run "$experiment" "${fast[@]}" --out "$scratch/d" --set train.steps=0 --set "checkpoint.load=$weights"
refuses 3 'does not fit the model' "$program" run "$experiment" "${fast[@]}" --out "$scratch/e" --set "checkpoint.load=$weights" --set backbone.d_model=64
holds 'a refused run leaves no result' test ! -e "$scratch/e"/smoke*.h5

# Numbers that are not finite.
refuses 5 'not finite|NaN or infinite' "$program" run "$experiment" "${fast[@]}" --out "$scratch/f" --set train.learning_rate=1e38 --set train.clip_norm=0

# Nothing trains.
refuses 2 'leaves nothing to train' "$program" run "$experiment" "${fast[@]}" --out "$scratch/g" --set scheme.use=frozen

# A signal: the step is finished, the result holds what was done, exit 130. After SIGKILL the last commit is there.
"$program" run "$experiment" --quiet --limit 1 --out "$scratch/h" --set train.steps=100000 --set train.evaluate_before=false 2>"$scratch/h.err" &
child=$!
for _ in $(seq 100); do "$program" inspect "$scratch"/h/*.h5 2>/dev/null | grep -q '^steps  *[1-9]' && break; sleep 0.3; done
kill -INT "$child"
wait "$child"
holds 'SIGINT ends with 130' test $? -eq 130
accepts '^steps  *[1-9]' "$program" inspect "$scratch"/h/*.h5
accepts 'not finished' "$program" inspect "$scratch"/h/*.h5

"$program" run "$experiment" --quiet --limit 1 --out "$scratch/i" --set train.steps=100000 --set train.evaluate_before=false 2>/dev/null &
child=$!
for _ in $(seq 100); do "$program" inspect "$scratch"/i/*.h5 2>/dev/null | grep -q '^steps  *[1-9]' && break; sleep 0.3; done
kill -KILL "$child"
wait "$child" 2>/dev/null
accepts '^steps  *[1-9]' "$program" inspect "$scratch"/i/*.h5

# A full disk, as a file-size limit: exit 3, nothing half-written.
limited() { (ulimit -f 8; exec "$@"); }
export -f limited
refuses 3 'smoke-s1-[0-9a-f]{8}\.h5' bash -c 'limited "$@"' _ "$program" run "$experiment" "${fast[@]}" --out "$scratch/j"
holds 'a full disk leaves no file' test -z "$(ls "$scratch/j" 2>/dev/null)"
finish
