#!/bin/bash
# A metric in mm, lower is better, written and built out of tree, stands in for Dice and IoU in whole runs: it chooses the weights, ends
# training, ranks the overlays and shows in the progress line and in the report. Needs scripts/sample_data.
program=$1 build=$2
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=300
cp -r tests/support/out_of_tree/centroid_distance "$scratch/source"
accepts 'Generating done' cmake -S "$scratch/source" -B "$scratch/build" -G Ninja "-Dsam3lab_DIR=$build"
accepts 'centroid_distance.so' cmake --build "$scratch/build"
mkdir "$scratch/plugins"
cp "$scratch/build/centroid_distance.so" "$scratch/plugins/"
export SAM3LAB_PLUGIN_PATH=$scratch/plugins
accepts 'centroid_distance .*\(mm, lower is better, 0 to infinity, per slice\)' "$program" list metric
accepts 'dice .*\(higher is better, 0 to 1, per slice\)' "$program" list metric
accepts 'direction +lower is better' "$program" explain metric/centroid_distance
accepts 'empty masks +both masks empty: 0; exactly one empty: undefined' "$program" explain metric/centroid_distance
accepts '"highest": null' "$program" explain metric/centroid_distance --json

# Every prompt gets a mask, so that the distance is defined wherever the size of a pixel is known: on ct, not on fluorescence.
run=$scratch/run # NAME OPTIONS...
printf '#!/bin/bash\nexec "%s" run experiments/smoke/tiny.toml %s --out "%s/$1" "${@:2}" 2>&1\n' "$program" \
  "--limit 2 ${two_datasets[*]} --set metric.dice.use=none --set metric.iou.use=none --set metric.centre.use=centroid_distance \
   --set evaluate.confidence=0 --set evaluate.threshold=0.3" "$scratch" >"$run"
chmod +x "$run"
train=(--set train.evaluate_before=false --set train.steps=5 --set train.steps_per_epoch=1 --set train.warmup_steps=0
  --set train.cooldown_steps=0 --set train.learning_rate=1e-3 --set train.best_metric=centre)
cat >"$scratch/chosen.py" <<'PYTHON'
# Repeats the choice of weights from the rows of a result. Arguments: the result, epochs without a better one that end training.
import collections, glob, h5py, math, sys
file, patience = h5py.File(glob.glob(sys.argv[1])[0]), int(sys.argv[2])
values = collections.defaultdict(lambda: collections.defaultdict(list))
for row in file["eval/chest_ct/scores"]:
    if row["present"] and not math.isnan(row["centre"]):
        values[row["stage"].decode()][row["prompt"]].append(row["centre"])
means = {stage: sum(sum(v) / len(v) for v in rows.values()) / len(rows) for stage, rows in values.items()}
best, step, without, epochs = None, 0, 0, 0
while epochs < 5 and (patience == 0 or without < patience):
    epochs += 1
    mean = means[f"epoch_{epochs}"]
    best, step, without = (mean, epochs, 0) if best is None or mean < best else (best, step, without + 1)
print(means, best, step, file["environment"].attrs["best"])
assert len(set(means.values())) > 1, "nothing to choose from"
assert f"epoch_{epochs + 1}" not in means and len(file["train/steps"]) == epochs
assert file["environment"].attrs["best"] == f"centre {best:.4f} mm after step {step}"
assert abs(means["after"] - best) < 1e-6, "the best weights are those of the result"
assert all(math.isnan(row["centre"]) for row in file["eval/fluorescence/scores"]), "no size of a pixel, no distance"
PYTHON
chosen() { /usr/bin/python3 "$scratch/chosen.py" "$scratch/$1/*.h5" "$2"; }
accepts 'epoch_1 .*centre [0-9.]+ mm, best [0-9.]+ mm after step 1 \(lower is better\)' "$run" best "${train[@]}"
holds 'the weights with the shortest distance are chosen' chosen best 0
accepts 'centre after \[mm\] ↓' "$program" report "$scratch/best"
holds 'overlays are ranked by it' ls "$scratch"/best/*-overlays/chest_ct/*-best.png "$scratch"/best/*-overlays/overview.png
accepts 'internal_after' "$run" early "${train[@]}" --set train.early_stop_epochs=1 --set evaluate.overlays=false
holds 'the first epoch without a shorter distance ends training' chosen early 1
accepts 'internal_after' "$run" none --set train.steps=0
accepts "train.best_metric names no metric.*got dice, expected one of: centre" bash -c '"$@"; [ $? -eq 2 ]' _ "$run" a --set train.best_metric=dice
accepts "evaluate.overlay_metric names no metric.*got center.*did you mean 'centre'" bash -c '"$@"; [ $? -eq 2 ]' _ \
  "$run" b --set evaluate.overlay_metric=center
# A metric that breaks its own promise ends the run.
accepts 'metric far: a value outside of the range that the metric states; got 2000 for item .*expected 0 to 1000' \
  env SAM3LAB_PLUGIN_PATH="$scratch/plugins:$build/test_plugins/good" bash -c '"$@"; [ $? -eq 3 ]' _ \
  "$run" far --set train.steps=0 --set metric.far.use=test_score --set metric.far.count=2000
finish
