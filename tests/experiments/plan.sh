#!/bin/bash
# `plan`: the three recipes at full size on a machine without checkpoint, and with data or without; the rate of every layer by the published
# rule; grids; what is refused. Runs nothing.
program=$1
source "$(dirname "$0")/../support/checks.bash"
root=$(cd "$(dirname "$0")/../.." && pwd)
recipes=$root/experiments/recipes

# A copy of the experiments beside which there is no data folder.
mkdir "$scratch/tree"
cp -r "$root/experiments" "$scratch/tree/experiments"

# rates FILE BASE VISION TEXT DECAY POSITION FUSION WEIGHT_DECAY: checks groups of a plan in JSON. BASE is the decoder's and the heads' rate.
rates() {
  python3 - "$@" <<'PY'
import json, math, re, sys
plan = json.load(open(sys.argv[1]))
base, vision, text, decay, position, fusion, weight_decay = map(float, sys.argv[2:])
groups = {g["name"]: g for g in plan["groups"]}
assert len(groups) == len(plan["groups"]), "two groups of one name"
assert plan["parameters"] == sum(g["parameters"] for g in plan["groups"]), "parameters do not add up"
assert all(g["trains"] and g["tensors"] > 0 for g in plan["groups"])
close = lambda a, b: math.isclose(a, b, rel_tol=1e-12)
trunk = "backbone.vision_backbone.trunk."
expected = {trunk + "pos_embed": position, trunk + "patch_embed.proj": vision * decay ** 33, trunk + "ln_pre.no_decay": vision * decay ** 33,
            "backbone.vision_backbone.convs": vision, "backbone.vision_backbone.convs.no_decay": vision,
            "backbone.language_backbone": text, "segmentation_head": base, "dot_prod_scoring": base}
if position != vision:  # not exempt: one group with the rest of layer 0
    expected.pop(trunk + "pos_embed")
    expected.pop(trunk + "patch_embed.proj")
    expected[trunk.rstrip(".")] = vision * decay ** 33
for block in range(32):
    expected[f"{trunk}blocks.{block}"] = expected[f"{trunk}blocks.{block}.no_decay"] = vision * decay ** (32 + 1 - (block + 1))
expected["transformer.encoder.layers.constant_rate" if fusion != base else "transformer"] = fusion
for name, rate in expected.items():
    assert name in groups, f"no group {name}: {sorted(groups)}"
    assert close(groups[name]["lr"], rate), (name, groups[name]["lr"], rate)
for name, group in groups.items():
    assert group["weight_decay"] == (0.0 if ".no_decay" in name else weight_decay), name
    assert group["schedule"] == ("constant" if name.endswith(".constant_rate") else "inverse_square_root"), name
    assert (group["schedule"] == "constant") == (fusion != base and name.startswith("transformer.encoder")), name
PY
}

limit=180
plan() {  # NAME ARGUMENTS...: a recipe's plan as JSON
  local name=$1
  shift
  (cd "$scratch/tree" && "$program" plan "experiments/recipes/$name.toml" --json "$@") >"$scratch/$name.json"
}
for name in sam3_finetune medical_sam3 medical_sam3_v2; do
  holds "$name: plan without data and checkpoint ends with 0" plan "$name"
  holds "$name: 840 million parameters" grep -q '"parameters": 840509750,' "$scratch/$name.json"
  holds "$name: names the missing checkpoint" grep -q '"what": "checkpoint"' "$scratch/$name.json"
  holds "$name: names the missing data" grep -q '"what": "dataset chest_ct, image"' "$scratch/$name.json"
done
accepts '^missing +checkpoint: .*data/sam3.pt' "$program" plan "$scratch/tree/experiments/recipes/medical_sam3.toml"
holds 'sam3_finetune: rates' rates "$scratch/sam3_finetune.json" 8e-5 2.5e-5 5e-6 0.9 2.5e-5 8e-5 0.1
holds 'medical_sam3: rates' rates "$scratch/medical_sam3.json" 8e-5 2.5e-5 5e-6 0.9 2.5e-5 8e-5 0.1
holds 'medical_sam3_v2: rates' rates "$scratch/medical_sam3_v2.json" 3e-4 5e-5 5e-5 0.85 0 1e-5 0.05
holds 'nothing was made' test -z "$(find "$scratch/tree" -newer "$scratch/medical_sam3_v2.json" -type f)"

# Every value that the sources leave open is marked.
holds 'recipes mark choices' test "$(grep -l 'our choice' "$recipes"/*.toml | wc -l)" -eq 3

# says 'WHAT' PATTERN...: the text of the last `accepts` holds each pattern.
says() {
  local what=$1 pattern
  shift
  for pattern in "$@"; do holds "$what: $pattern" grep -qE -- "$pattern" "$scratch/.out"; done
}

# A small model on the sample data: images are counted, and no weight is read.
tiny=$root/experiments/smoke/tiny.toml
accepts '^  chest_ct .* [1-9][0-9]* train, [1-9][0-9]* held out' "$program" plan "$tiny" --out "$scratch/nowhere" --set train.schedule=cosine
says tiny 'not known: no run of these settings' '^schedule +cosine' '^parameters +[0-9]+, of which [0-9]+ train'
accepts '"trainable_parameters": 0,' "$program" plan "$tiny" --set train.steps=0 --json

# Frozen parts are listed as well. Without data, which take the most time.
small=$scratch/tree/experiments/smoke/tiny.toml
accepts '^  backbone\.vision_backbone\.frozen .* no$' "$program" plan "$small" --set scheme.use=head_only
says head_only '^  transformer\.decoder .* yes$' '^  transformer\.encoder\..*frozen .* no$' '^  segmentation_head .* yes$'
moments() { "$program" plan "$small" --json "$@" | sed -nE 's/^ *"moments": ([0-9]+).*/\1/p'; }
holds 'lean: half the moments' test "$(moments)" -eq $((2 * $(moments --set train.memory=lean)))
accepts "\"moments_file\": $(moments)" "$program" plan "$small" --set train.memory=disk --json
accepts 'GiB of moments while it trains' "$program" plan "$small" --set train.memory=disk
accepts '^  backbone\.vision_backbone\..*no_decay .* yes$' "$program" plan "$small" --set scheme.use=bitfit

# A grid: its cells, and the seeds.
cat >"$scratch/grid.toml" <<TOML
extends = "$small"
seeds = [1, 2, 3]
[grid]
"scheme.use" = ["full", "head_only"]
TOML
accepts '^runs +6: 2 cells, 3 seeds' "$program" plan "$scratch/grid.toml"
says grid 'cell 2 of 2: scheme.use = "head_only"'
accepts '"grid": \[' "$program" plan "$scratch/grid.toml" --json

# What a run measured is found again.
accepts 'internal_after' "$program" run "$tiny" --limit 1 --quiet --out "$scratch/done" --set evaluate.overlays=false
accepts 's a step, as measured in' "$program" plan "$tiny" --out "$scratch/done" --set evaluate.overlays=false

# Faults are refused as in a run.
refuses 2 'unknown key train.stepz' "$program" plan "$small" --set train.stepz=1
refuses 2 'matches no parameter' "$program" plan "$small" --set scheme.use=llrd --set 'scheme.patterns=["neck.*"]' --set 'scheme.pattern_scales=[1.0]'
refuses 2 "part 'geometry', which has no layers" "$program" plan "$small" --set scheme.use=llrd --set 'scheme.decayed_parts=["geometry"]'
refuses 2 'leaves nothing to train' "$program" plan "$small" --set scheme.use=frozen
refuses 2 'no experiment given' "$program" plan
refuses 2 'nowhere.toml' "$program" plan nowhere.toml
finish
