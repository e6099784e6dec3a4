#!/bin/bash
# Options of the training engine on real data: precision, moving average, early stop, workers, accumulation; and how it stops when numbers
# or memory run out. Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
experiment=experiments/smoke/tiny.toml
limit=300
fast=(--limit 1 --quiet --set evaluate.overlays=false --set train.evaluate_before=false "${two_datasets[@]}")
run=$scratch/run # NAME OPTIONS...: a program of its own, which the checks can put a time limit on
printf '#!/bin/bash\nexec "%s" run %s %s --out "%s/$1" "${@:2}"\n' "$program" "$experiment" "${fast[*]}" "$scratch" >"$run"
chmod +x "$run"
values_of() { # weights without the header, which names the run
  local file length
  file=$(echo "$scratch/$1"/smoke-s1-????????.safetensors)
  length=$(od -An -t u8 -N8 "$file" | tr -d ' ')
  tail -c +$((9 + length)) "$file"
}
differ() { ! cmp -s <(values_of "$1") <(values_of "$2"); }
same() { cmp <(values_of "$1") <(values_of "$2"); }

accepts internal_after "$run" plain
accepts internal_after "$run" no_workers --set train.workers=0
accepts internal_after "$run" many_workers --set train.workers=5
holds 'the images do not depend on the number of workers' same plain no_workers
holds 'nor on a larger one' same plain many_workers
accepts internal_after "$run" deterministic --set train.deterministic=true
holds 'the CPU is deterministic anyway' same plain deterministic
accepts internal_after "$run" dropout --set backbone.dropout=0.3 --set train.steps_per_epoch=3
accepts internal_after "$run" dropout_again --set backbone.dropout=0.3 --set train.steps_per_epoch=6
holds 'equal seeds give equal weights, with dropout and two copies' same dropout dropout_again
holds 'dropout is used' differ plain dropout

for precision in bfloat16 float16; do
  accepts internal_after "$run" "$precision" --set "train.precision=$precision" --set backbone.recompute=on
  accepts "$precision" "$program" inspect "$(echo "$scratch/$precision"/*.h5)"
  accepts 'activations: all are computed again' "$program" inspect "$(echo "$scratch/$precision"/*.h5)"
  holds "$precision is used" differ plain "$precision"
done
# The record has the settings as they are used: nothing replaces what the file says of the backbone.
accepts internal_after "$run" lean --set train.steps=1 --set train.memory=lean --set backbone.memory=fast
accepts 'activations: all are kept' "$program" inspect "$(echo "$scratch"/lean/*.h5)"
holds 'the resolved experiment keeps both' /usr/bin/python3 -c '
import glob, h5py, sys
text = h5py.File(glob.glob(sys.argv[1])[0])["config/resolved"][()].decode()
assert "memory = \"lean\"" in text.split("[train]")[1].split("\n[")[0], text
assert "memory = \"fast\"" in text.split("[backbone]")[1].split("\n[")[0], text' "$scratch/lean/*.h5"
# A scale under which gradients overflow costs no step: one step changes the weights, and as a scale that fits from the start does.
one_step=(--set train.steps=1 --set train.warmup_steps=0 --set train.cooldown_steps=0 --set train.precision=float16)
accepts internal_after "$run" fits "${one_step[@]}" --set train.loss_scale=4
accepts internal_after "$run" too_large "${one_step[@]}" --set train.loss_scale=1e6
accepts internal_after "$run" no_step "${one_step[@]}" --set train.learning_rate=1e-30
holds 'a step that overflows is made again' differ no_step too_large
close() { # how far the first of two is from the third, by how far the second is
  paste <(values_of "$1" | od -An -v -t f4 -w4) <(values_of "$2" | od -An -v -t f4 -w4) <(values_of "$3" | od -An -v -t f4 -w4) |
    awk '{ a += ($1 - $2) ^ 2; b += ($2 - $3) ^ 2 } END { exit !(a < 0.01 * b) }'
}
holds 'and its weights are those under a scale that fits' close too_large fits no_step
refuses 5 'not finite|NaN or infinite|whatever the loss scale' "$run" hopeless --set train.precision=float16 --set train.learning_rate=1e38 --set train.clip_norm=0
accepts internal_after "$run" average --set train.ema_decay=0.5
holds 'the average is saved in place of the weights' differ plain average

# Scores that cannot rise: training stops after the second epoch.
accepts internal_after "$run" early --set train.best_metric=dice --set train.early_stop_epochs=1 --set train.learning_rate=1e-12
accepts '^steps +4( |$)' "$program" inspect "$(echo "$scratch"/early/*.h5)"
refuses 2 'names no metric.*did you mean' "$run" a --set train.best_metric=dise
refuses 2 'early_stop_epochs needs' "$run" b --set train.early_stop_epochs=2
refuses 2 'parts without images' "$run" c --set train.accumulate=2

# Numbers that are not finite: the batch is there to look at.
refuses 5 'smoke-s1-[0-9a-f]{8}-diagnosis.safetensors' "$run" nan --set train.learning_rate=1e38 --set train.clip_norm=0
accepts '' "$program" inspect "$(echo "$scratch"/nan/*-diagnosis.safetensors)"

# Memory: the message names what helps.
refuses 5 'images_per_step.*memory = "disk" or "lean".*smaller backbone' bash -c 'ulimit -v 1500000; exec "$0" memory "$@"' "$run" \
  --set backbone.img_size=1008 --set backbone.recompute=off --set train.images_per_step=8
finish
