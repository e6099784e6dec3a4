#!/bin/bash
# Every file of experiments/ablations is a valid experiment, on the small model and on the full one, says its question, and runs.
# Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=240
folder=experiments/ablations
# One step of a model of some thousand parameters: does it run at all?
quick=(--quiet --limit 1 --set train.images_per_step=1 --set train.replicas=1 --set train.warmup_steps=0 --set 'seeds=[1]'
  --set backbone.size=tiny --set backbone.img_size=56 --set backbone.patch_size=14 --set dataset.fluorescence.stride=128
  --set dataset.chest_ct.every=4 --set evaluate.external=false --set train.evaluate_before=false)

# All faults of a configuration are said at once: one that is planted must be the only one.
sound() {
  "$program" run "$@" --set planted=1 >"$scratch/sound" 2>&1
  [ $? -eq 2 ] && grep -q '^--set planted: unknown key planted' "$scratch/sound" && [ "$(wc -l <"$scratch/sound")" -eq 1 ]
}

for file in "$folder"/*.toml; do
  name=$(basename "$file" .toml)
  holds "$name asks a question or says what it is for" grep -qE '^# .*(\?|start from)' "$file"
  holds "$name says how to run it" grep -q '^# run: ' "$file"
  holds "$name is the name of its results" grep -qx "name = \"$name\"" "$file"
  for parent in small_model full_model; do
    holds "$name is sound on $parent" sound "$file" --set "extends=experiments/base/$parent.toml"
  done
done

"$program" run "$folder/pretrain.toml" "${quick[@]}" --set train.steps=1 --out "$scratch/pretrain" >"$scratch/pretrain.out" 2>&1
weights=$(sed -n 's/^weights  *//p' "$scratch/pretrain.out")
holds "pretrain.toml leaves weights" test -f "$weights"
for name in schemes layer_decay one_to_many losses modality_left_out negatives; do
  sets=("${quick[@]}" --out "$scratch/$name")
  case $name in schemes | layer_decay) sets+=(--set "checkpoint.load=$weights") ;; esac
  # `frozen` trains nothing, which only a run of 0 steps may.
  [ "$name" = schemes ] && accepts 'cells=1 done=1' "$program" run "$folder/$name.toml" "${sets[@]}" --set variant=frozen
  [ "$name" = schemes ] && sets+=(--set 'variant=["adapter", "bitfit", "full", "head_only", "llrd", "lora", "prefix"]')
  accepts 'cells=[2-9] done=[2-9] skipped=0 failed=0' "$program" run "$folder/$name.toml" "${sets[@]}" --set train.steps=1
  accepts '^\|.*\| seeds' "$program" report "$scratch/$name" --modalities
done
finish
