#!/bin/bash
# [train] cache: frozen parts are computed once, whoever runs and whatever is in the folder, and nothing else changes. Needs
# scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
experiment=experiments/smoke/tiny.toml
limit=120
fast=(--limit 1 --set evaluate.overlays=false --set train.evaluate_before=false --set train.steps=4)
run=$scratch/run # NAME OPTIONS...: the heads train
printf '#!/bin/bash\nexec "%s" run %s %s --set scheme.use=head_only --out "%s/$1" "${@:2}"\n' \
  "$program" "$experiment" "${fast[*]}" "$scratch" >"$run"
chmod +x "$run"
cache=(--set train.feature_cache="$scratch/cache")
values_of() { # weights without the header, which names the run
  local file length
  file=$(echo "$scratch/$1"/smoke-s1-????????.safetensors)
  length=$(od -An -t u8 -N8 "$file" | tr -d ' ')
  tail -c +$((9 + length)) "$file"
}
same() { cmp <(values_of "$1") <(values_of "$2"); }
found() { "$program" inspect "$(echo "$scratch/$1"/*.h5)" | grep -E "cache: cached: image encoder, text encoder, fusion encoder; $2"; }
flops() { "$program" inspect "$(echo "$scratch/$1"/*.h5)" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["cost"]["flops"])'; }
fewer() { python3 -c "import sys; sys.exit(not 0 < $(flops "$1") < 0.9 * $(flops "$2"))"; }

all='cached: image encoder, text encoder, fusion encoder'
accepts "^cache +$all; at most 20 GB in $scratch/cache" "$program" plan "$experiment" "${cache[@]}" --set scheme.use=head_only
accepts '"fusion encoder"' "$program" plan "$experiment" "${cache[@]}" --set scheme.use=head_only --json
accepts '^cache +nothing is cached: every parameter trains' "$program" plan "$experiment" "${cache[@]}"
accepts '^cache +cached: text encoder;' "$program" plan "$experiment" "${cache[@]}" --set scheme.use=lora \
  --set 'scheme.targets=["backbone.vision_backbone.*"]'
holds 'plan makes no folder' test ! -e "$scratch/cache"

# Figures of runs with the cache on are equal to the last bit: filling, filled, shared, damaged.
accepts internal_after "$run" filling "${cache[@]}"
holds 'run says what is cached' grep -q "$all; in $scratch/cache" "$scratch/.err"
holds 'the record says that it was computed' found filling '[0-9]+ found, [1-9][0-9]* computed$'
accepts internal_after "$run" filled "${cache[@]}"
holds 'a second run computes none of it' found filled '[1-9][0-9]* found, 0 computed$'
holds 'and ends with the same weights' same filling filled
holds 'with fewer FLOPs' fewer filled filling
for file in "$scratch"/cache/*.features; do printf damaged >>"$file"; done
accepts internal_after "$run" damaged "${cache[@]}"
holds 'damaged files are computed again' found damaged '[0-9]+ found, [1-9][0-9]* computed$'
holds 'and change nothing' same filling damaged
"$run" left --set train.feature_cache="$scratch/shared" >"$scratch/left.out" 2>&1 &
accepts internal_after "$run" right --set train.feature_cache="$scratch/shared"
wait $!
holds 'two processes fill one folder' same filling left
holds 'and read it' same filling right
accepts internal_after "$run" narrow --set train.feature_cache="$scratch/narrow" --set train.feature_cache_gb=0.001
holds 'a bound that holds little' test "$(cat "$scratch"/narrow/*.features | wc -c)" -le 1000000
holds 'changes nothing either' same filling narrow

# Beside a run without: the same losses but for rounding, for batches are computed one by one.
accepts internal_after "$run" without
holds 'a run without it computes more' fewer filled without
close() { # two files of float32
  python3 - "$1" "$2" <<'PY'
import struct, sys
a, b = (open(path, "rb").read() for path in sys.argv[1:])
a, b = (struct.unpack(f"{len(x) // 4}f", x) for x in (a, b))
assert len(a) == len(b)
sys.exit(max(abs(x - y) for x, y in zip(a, b)) > 1e-4)
PY
}
values_of filling >"$scratch/filling.numbers"
values_of without >"$scratch/without.numbers"
holds 'and ends close by' close "$scratch/filling.numbers" "$scratch/without.numbers"

# Random changes of images: refused, or some versions of each.
refuses 2 'augment.views' "$run" a "${cache[@]}" --set augment.flip=0.5
# Few images, which come twice.
few=(--set dataset.chest_ct.every=6)
for other in brain_regions brain_mask fluorescence he_nuclei macaque; do few+=(--set "dataset.$other.use=none"); done
views() { # NAME VIEWS
  accepts internal_after "$run" "$1" --set train.feature_cache="$scratch/of_$2" "${few[@]}" --set augment.rotate_degrees=10 \
    --set augment.views="$2"
}
images() { grep -LF 'fusion encoder' $(grep -lF 'image encoder' "$scratch/of_$1"/*.features) | wc -l; }
views one 1
views one_again 1
holds 'recorded views are found again' found one_again '[1-9][0-9]* found, 0 computed$'
views two 2
holds 'two views of an image are more than one' test "$(images 2)" -gt "$(images 1)"
accepts internal_after "$run" no_views --set train.feature_cache="$scratch/of_0" "${few[@]}"
holds 'one view is as many images as there are' test "$(images 1)" -eq "$(images 0)"

echo file >"$scratch/file"
refuses 3 'folder of cached features' "$run" b --set train.feature_cache="$scratch/file"
holds 'before anything is written' test ! -e "$scratch/b"/*.h5
refuses 2 'feature_cache_gb' "$run" c "${cache[@]}" --set train.feature_cache_gb=0
finish
