#!/bin/bash
# A run that is killed at random instants and resumed ends with the bytes of one that was never killed; signals, changed settings, lost
# checkpoints and a full disk. SAM3LAB_KILLS=20 kills more often, SAM3LAB_KILL_SEED=N at other instants. Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
experiment=experiments/smoke/tiny.toml
limit=400
RANDOM=${SAM3LAB_KILL_SEED:-1}
# Everything that has a state: dropout, augmentation, averages, the choice of the best, accumulation, two copies, two workers.
settings=(--limit 1 --quiet --set train.steps=12 --set train.steps_per_epoch=4 --set train.images_per_step=4 --set train.accumulate=2
  --set train.deterministic=true --set train.workers=2 --set backbone.dropout=0.1 --set backbone.drop_path=0.1
  --set train.ema_decay=0.9 --set train.best_metric=dice --set augment.rotate_degrees=10 --set augment.noise=0.02
  --set evaluate.overlays=false --set record.checkpoint_steps=3 --set record.keep=3 "${two_datasets[@]}")
weights_in() { echo "$1"/smoke-s1-????????.safetensors; }
# Weights, moments and averages after the last step, without the header, which has wall times: the saved weights are the best ones, and
# those may be early ones.
last_state() {
  local file length
  file=$(echo "$1"/*-checkpoints/step-00000012.safetensors)
  length=$(od -An -t u8 -N8 "$file" | tr -d ' ')
  tail -c +$((9 + length)) "$file"
}
same_end() { cmp "$reference" "$(weights_in "$1")" && cmp <(last_state "$scratch/whole") <(last_state "$1"); }
rows_of() { "$program" inspect "$(echo "$1"/smoke-s1-????????.h5)" | sed -nE 's/^steps +([0-9]+).*/\1/p'; }

# --- The run that is never killed ------------------------------------------------------------------------------------------------
began=$(date +%s%N)
accepts 'internal_after' "$program" run "$experiment" "${settings[@]}" --out "$scratch/whole"
whole_ms=$((($(date +%s%N) - began) / 1000000))
reference=$(weights_in "$scratch/whole")
holds 'a finished run leaves its result, its weights and what it should keep' test "$(ls "$scratch/whole" | wc -l)" -eq 3
holds 'the state is there to compare' test "$(last_state "$scratch/whole" | wc -c)" -gt 1000000
holds 'it has a row a step' test "$(rows_of "$scratch/whole")" -eq 12

# --- Killed at random instants ---------------------------------------------------------------------------------------------------
kills=0 lives=0
while [ "$kills" -lt "${SAM3LAB_KILLS:-5}" ]; do
  lives=$((lives + 1))
  out=$scratch/life$lives
  while ! test -f "$(weights_in "$out")" && [ "$kills" -lt "${SAM3LAB_KILLS:-5}" ]; do
    "$program" run "$experiment" "${settings[@]}" --resume --out "$out" >/dev/null 2>"$scratch/life.err" &
    child=$!
    pause=$((RANDOM % (whole_ms / 2)))
    sleep "$((pause / 1000)).$(printf %03d $((pause % 1000)))"
    kill -KILL "$child" 2>/dev/null && kills=$((kills + 1))
    wait "$child" 2>/dev/null
    code=$?
    [ "$code" -eq 137 ] || [ "$code" -eq 0 ] || { holds "exit code $code: $(cat "$scratch/life.err")" false; break 2; }
  done
  accepts 'internal_after' "$program" run "$experiment" "${settings[@]}" --resume --out "$out"
  holds "life $lives: the same end after $kills kills" same_end "$out"
  holds "life $lives: a row a step" test "$(rows_of "$out")" -eq 12
  holds "life $lives: nothing stays behind" test -z "$(ls "$out" | grep -vE '^smoke-s1-[0-9a-f]{8}\.(h5|safetensors)(\.......)?$|-checkpoints$')"
done

# --- Signals: the step is finished, everything is saved, exit 130 -------------------------------------------------------------------
signalled() { # SIGNAL FOLDER: starts a run, sends the signal when it trains, waits
  "$program" run "$experiment" "${settings[@]}" "${@:3}" --out "$2" >/dev/null 2>"$2.err" &
  local child=$!
  for _ in $(seq 300); do ls "$2"/*-checkpoints/step-* >/dev/null 2>&1 && break; sleep 0.05; done
  kill "-$1" "$child"
  wait "$child"
}
signalled TERM "$scratch/term"
holds 'SIGTERM ends with 130' test $? -eq 130
holds 'and leaves a checkpoint' test -n "$(ls "$scratch"/term/*-checkpoints/step-*)"
refuses 2 'other settings; got .*learning_rate' "$program" run "$experiment" "${settings[@]}" --resume --out "$scratch/term" --set train.learning_rate=2e-3
# A crash between record and checkpoint, or a checkpoint that was deleted: rows behind the checkpoint that is there are made again.
cp -r "$scratch/term" "$scratch/older"
newest=$(ls "$scratch"/older/*-checkpoints/step-* | tail -1)
[ "$(ls "$scratch"/older/*-checkpoints/step-* | wc -l)" -gt 1 ] && rm "$newest"
for folder in term older; do
  accepts 'internal_after' "$program" run "$experiment" "${settings[@]}" --resume --out "$scratch/$folder"
  holds "$folder: the same end" same_end "$scratch/$folder"
  holds "$folder: a row a step" test "$(rows_of "$scratch/$folder")" -eq 12
done
holds 'record.keep leaves checkpoints' test "$(ls "$scratch"/term/*-checkpoints/step-* | wc -l)" -eq 3
accepts 'finished before' "$program" run "$experiment" "${settings[@]}" --resume --out "$scratch/term"

# --- A damaged checkpoint, a full disk, a start without --resume --------------------------------------------------------------------
signalled INT "$scratch/cut"
holds 'SIGINT ends with 130' test $? -eq 130
checkpoint=$(ls "$scratch"/cut/*-checkpoints/step-* | tail -1)
cp -r "$scratch/cut" "$scratch/full"
(limited() { ulimit -f 600; exec "$@"; }
  limited "$program" run "$experiment" "${settings[@]}" --resume --out "$scratch/full" >/dev/null 2>"$scratch/full.err")
holds 'a full disk during a checkpoint ends with 3' test $? -eq 3
holds 'the message names the checkpoint' grep -qE '(step|best)-0.*\.safetensors: cannot write' "$scratch/full.err"
holds 'the checkpoint before it stays as it was' cmp "$checkpoint" "${checkpoint/cut/full}"
accepts 'internal_after' "$program" run "$experiment" "${settings[@]}" --resume --out "$scratch/full"
holds 'after a full disk: the same end' same_end "$scratch/full"
truncate -s 1000 "$checkpoint"
refuses 3 "$(basename "$checkpoint")" "$program" run "$experiment" "${settings[@]}" --resume --out "$scratch/cut"
accepts 'internal_after' "$program" run "$experiment" "${settings[@]}" --out "$scratch/cut"
holds 'started over: the same end' same_end "$scratch/cut"
holds 'the unfinished run is set aside' test -d "$(echo "$scratch"/cut/*-checkpoints.old)"
echo "kills=$kills lives=$lives whole_ms=$whole_ms"
finish
