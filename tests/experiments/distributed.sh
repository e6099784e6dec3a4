#!/bin/bash
# Several processes for one run: the weights and scores of one process, ZeRO-1, resumption, signals, ranks that die, bad environments.
# Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
experiment=experiments/smoke/tiny.toml
limit=180
export OMP_NUM_THREADS=1
fast=(--limit 3 --quiet --set evaluate.overlays=false --set train.images_per_step=4)
light=("${two_datasets[@]}" --set train.evaluate_before=false)
single=(--set train.replicas=1) # the experiment has two
# run FOLDER OPTION...: a file, for `timeout` starts no functions
starter() { printf '#!/bin/bash\nexec "%s" run %s %s --out "%s/$1" "${@:2}"\n' "$program" "$experiment" "$*" "$scratch"; }
starter "${fast[@]}" "${light[@]}" >"$scratch/run"
starter "${fast[@]}" >"$scratch/run_all" # all data, external ones included
chmod +x "$scratch/run" "$scratch/run_all"
run() { "$scratch/run" "$@"; }
weights_of() { echo "$scratch/$1"/smoke-s1-????????.safetensors; }
values_of() { # weights without the header, which names the run
  local length
  length=$(od -An -t u8 -N8 "$(weights_of "$1")" | tr -d ' ')
  tail -c +$((9 + length)) "$(weights_of "$1")"
}
same() { cmp <(values_of "$1") <(values_of "$2"); }
differ() { test -s "$(weights_of "$1")" -a -s "$(weights_of "$2")" && ! same "$1" "$2" >/dev/null; }
# Largest difference between two files of float32 values.
difference() {
  paste <(values_of "$1" | od -An -v -t f4 -w4) <(values_of "$2" | od -An -v -t f4 -w4) |
    awk '{ d = $1 - $2; if (d < 0) d = -d; if (!(d <= most)) most = d } END { print most + 0 }'
}
near() { awk -v d="$(difference "$1" "$2")" -v limit="$3" 'BEGIN { exit !(d <= limit) }'; }

# --- Weights -----------------------------------------------------------------------------------------------------------------------
# With epsilon = 1 and rate 1 an update is nearly the gradient itself: weights then differ as gradients do.
plainly=(--set train.steps=1 --set train.epsilon=1 --set train.learning_rate=1 --set train.weight_decay=0 --set train.warmup_steps=0
  --set train.cooldown_steps=0 --set train.clip_norm=0)
three_steps=(--set train.steps=3)
run copies "${three_steps[@]}" >"$scratch/copies.out" 2>&1
run two --nproc 2 "${single[@]}" "${three_steps[@]}" >"$scratch/two.out" 2>"$scratch/two.err"
holds 'two processes finish' grep -q internal_after "$scratch/two.out"
holds 'two processes: the bits of one with two copies' same copies two
accepts internal_after "$scratch/run" sharded --nproc 2 "${single[@]}" "${three_steps[@]}" --set train.shard_optimizer=true
holds 'ZeRO-1: the same bits' same two sharded
all_prompts=("${three_steps[@]}" --set prompt.canonical.per_image=0) # images then have different numbers of targets
accepts internal_after "$scratch/run" mean_boxes "${all_prompts[@]}"
accepts internal_after "$scratch/run" local_copies "${all_prompts[@]}" --set train.local_boxes=true
accepts internal_after "$scratch/run" local --nproc 2 "${single[@]}" "${all_prompts[@]}" --set train.local_boxes=true
holds 'losses by the boxes of each process: the bits of one with two copies' same local_copies local
holds 'and others than by their mean' differ mean_boxes local
# A copy multiplies its loss with the square root of its number of prompts, as the published code does in each process. Gradients of norm 1
# are compared, without that factor.
prompts=(--set prompt.canonical.per_image=1)
unit=("${plainly[@]/clip_norm=0/clip_norm=1}")
accepts internal_after "$scratch/run" whole_batch "${single[@]}" "${prompts[@]}" "${unit[@]}"
accepts internal_after "$scratch/run" halves --nproc 2 "${single[@]}" "${prompts[@]}" "${unit[@]}"
holds "gradients of one process with twice the batch: $(difference whole_batch halves)" near whole_batch halves 1e-6
accepts internal_after "$scratch/run" dropout_copies --set train.replicas=4 --set backbone.dropout=0.2 "${plainly[@]}"
accepts internal_after "$scratch/run" dropout --nproc 2 --set backbone.dropout=0.2 "${plainly[@]}"
holds "with dropout, the random numbers of one process: $(difference dropout dropout_copies)" near dropout_copies dropout 1e-6
accepts internal_after "$scratch/run" three --nproc 3 "${single[@]}" --set train.workers=2 "${plainly[@]}"
accepts internal_after "$scratch/run" three_copies --set train.replicas=3 "${plainly[@]}"
holds "three processes, one with an image more: $(difference three three_copies)" near three three_copies 1e-6

# --- Scores ------------------------------------------------------------------------------------------------------------------------
# At confidence 0 every mask counts, so that scores are not all 0. Everything but the run's name and its seconds must be equal.
for n in 1 2; do
  accepts internal_after "$scratch/run_all" "scores$n" --nproc "$n" --set train.steps=0 --set evaluate.confidence=0.0
  "$program" inspect --json "$(echo "$scratch/scores$n"/*.h5)" | grep -v '"identity"\|"seconds"' >"$scratch/scores$n.json"
done
holds 'there are scores to compare' grep -q '"dice": 0\.0*[1-9]' "$scratch/scores1.json"
holds 'scores and their number are those of one process' cmp "$scratch/scores1.json" "$scratch/scores2.json"
holds 'rank 0 alone writes' test "$(ls "$scratch/two" | wc -l)" -eq 2

# --- torchrun's environment ---------------------------------------------------------------------------------------------------------
port=$((20000 + RANDOM % 20000))
for rank in 0 1; do
  RANK=$rank WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=$port GLOO_SOCKET_IFNAME=lo run env "${single[@]}" "${three_steps[@]}" >"$scratch/env$rank.out" 2>"$scratch/env$rank.err" &
  ranks[rank]=$!
done
wait "${ranks[0]}"; code0=$?
wait "${ranks[1]}"; code1=$?
holds 'both ranks end with 0' test "$code0 $code1" = '0 0'
holds 'rank 1 prints nothing' test ! -s "$scratch/env1.out"
holds 'the environment gives the bits of --nproc' same two env
refuses 2 'RANK.*got 2, expected a whole number from 0 to 1' env RANK=2 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1 "$program" run "$experiment"
refuses 2 'MASTER_ADDR' env RANK=0 WORLD_SIZE=2 MASTER_PORT=1 "$program" run "$experiment"
refuses 2 'WORLD_SIZE' env RANK=0 WORLD_SIZE=two MASTER_ADDR=127.0.0.1 MASTER_PORT=1 "$program" run "$experiment"
refuses 2 'one of several already' env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1 "$program" run "$experiment" --nproc 2
refuses 2 '1 to 256' "$program" run "$experiment" --nproc 0
refuses 2 'one cell, not on a grid' env RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=1 "$program" run "$experiment" --set 'seeds=[1, 2]'
refuses 2 'without an image.*4 images a step for 5' "$scratch/run" few --nproc 5

# --- A grid: the cells one after another, each in processes of its own ----------------------------------------------------------------
cells=(--nproc 2 "${single[@]}" "${three_steps[@]}" --set 'seeds=[1, 2]')
accepts '^cells=2 done=2 skipped=0 failed=0$' "$scratch/run" grid "${cells[@]}"
holds 'a cell has the bits of a single run' same two grid
accepts '^cells=2 done=0 skipped=2 failed=0$' "$scratch/run" grid "${cells[@]}"
refuses 4 'cell 2 of 2 FAILED, seed 2:' "$scratch/run" broken "${cells[@]}" --set train.learning_rate=1e38 --set train.clip_norm=0
holds 'both cells say why' test "$(grep -cE 'step [0-9]+: .*(NaN|not finite)' "$scratch/.err")" -ge 2

# --- Signals, resumption ------------------------------------------------------------------------------------------------------------
long=(--nproc 2 "${single[@]}" --set train.steps=24 --set train.steps_per_epoch=12 --set record.checkpoint_steps=3 --set train.shard_optimizer=true
  --set train.best_metric=dice)
accepts internal_after "$scratch/run" whole "${long[@]}"
"$program" run "$experiment" "${fast[@]}" "${light[@]}" --out "$scratch/cut" "${long[@]}" >/dev/null 2>"$scratch/cut.err" &
child=$!
for _ in $(seq 600); do ls "$scratch"/cut/*-checkpoints/step-* >/dev/null 2>&1 && break; sleep 0.05; done
kill -TERM "$child"
wait "$child"
holds 'SIGTERM ends with 130' test $? -eq 130
accepts internal_after "$scratch/run" cut --resume "${long[@]}"
holds 'a resumed run has the bits of one never stopped' cmp "$(weights_of whole)" "$(weights_of cut)"

# --- A rank that dies ---------------------------------------------------------------------------------------------------------------
"$program" run "$experiment" "${fast[@]}" "${light[@]}" --out "$scratch/dies" "${long[@]/train.steps=24/train.steps=100000}" >/dev/null 2>"$scratch/dies.err" &
child=$!
for _ in $(seq 600); do ls "$scratch"/dies/*-checkpoints/step-* >/dev/null 2>&1 && break; sleep 0.05; done
began=$SECONDS
kill -KILL "$(awk '{ print $NF }' "/proc/$child/task/$child/children")"
wait "$child"
holds 'the run ends with 5' test $? -eq 5
holds 'within a minute' test $((SECONDS - began)) -lt 60
holds 'and says which rank was killed' grep -q 'rank 1 of 2 was ended by signal 9' "$scratch/dies.err"
refuses 5 'step [0-9]+: .*(NaN|not finite)' "$scratch/run" nan --nproc 2 "${single[@]}" --set train.learning_rate=1e38 --set train.clip_norm=0
holds 'the batches of both ranks are there' test "$(ls "$scratch"/nan/*-diagnosis*.safetensors | wc -l)" -eq 2
finish
