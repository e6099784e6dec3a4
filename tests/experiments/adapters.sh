#!/bin/bash
# What a scheme added is read back: predictions, an evaluation alone and further training begin where the run that made it ended; a merged
# model is the same; what does not fit is refused.
program=$1
source "$(dirname "$0")/../support/checks.bash"
source "$(dirname "$0")/../support/pictures.bash"
limit=180
make_pictures "$scratch" || exit 1
cd "$scratch" || exit 1
run=("$program" run tiny.toml --quiet)
figures_of() { # RESULT STAGE: every figure of a stage, in full precision
  "$program" inspect "$1" --json | python3 -c '
import json, sys
summary, stage = json.load(sys.stdin), sys.argv[1]
print(json.dumps([summary["internal"][stage], {k: v[stage] for k, v in summary["prompts"].items()}], sort_keys=True))' "$2"
}
same() { [ -s "$1" ] && cmp "$1" "$2"; }
differ() { [ -s "$1" ] && [ -s "$2" ] && ! cmp -s "$1" "$2"; }
near() { # DIR DIR DIFFERENCE: all scores of two predictions differ by at most so much
  python3 - "$@" <<'END'
import json, sys
def scores(folder):
    prompt = json.load(open(folder + "/predictions.json"))["images"][0]["prompts"][0]
    return [prompt["presence"]] + [i["score"] for i in prompt["instances"]]
one, other = scores(sys.argv[1]), scores(sys.argv[2])
assert len(one) > 1
sys.exit(0 if len(one) == len(other) and max(abs(a - b) for a, b in zip(one, other)) <= float(sys.argv[3]) else 1)
END
}
far() { ! near "$1" "$2" "$3"; }

accepts 'internal_after=' "${run[@]}" --out base --set train.evaluate_before=false
base=$(echo base/tiny-s1-*.safetensors)
on_base=(--set "checkpoint.load=$base" --set train.learning_rate=1e-2)
predict=("$program" predict --checkpoint "$base" --image picture.png --prompt 'bright disc' --threshold 0 --quiet)
accepts 'images=1' "${predict[@]}" --out masks_base

for scheme in lora adapter prefix; do
  accepts 'internal_after=' "${run[@]}" "${on_base[@]}" --out "$scheme" --set "scheme.use=$scheme"
  folder=$(echo "$scheme"/tiny-s1-*-adapter)
  holds "$scheme: the additions are saved" test -s "$folder/adapter_model.safetensors"
  figures_of "$scheme"/*.h5 before >"$scheme.before"
  figures_of "$scheme"/*.h5 after >"$scheme.after"
  holds "$scheme: training changed the scores" differ "$scheme.before" "$scheme.after"

  # Of the experiment's own scheme, full, nothing is used.
  accepts 'internal_before=none' "${run[@]}" "${on_base[@]}" --out "eval_$scheme" --set train.steps=0 --set "checkpoint.adapter=$folder"
  figures_of eval_"$scheme"/*.h5 after >"$scheme.evaluated"
  holds "$scheme: evaluation alone gives the scores that training ended with" same "$scheme.after" "$scheme.evaluated"
  accepts "$(sha256sum "$folder/adapter_model.safetensors" | cut -d' ' -f1)" "$program" inspect eval_"$scheme"/*.h5
  holds "$scheme: what the evaluation leaves is what it read" cmp <(tail -c 4000 "$folder/adapter_model.safetensors") \
    <(tail -c 4000 eval_"$scheme"/*-adapter/adapter_model.safetensors)

  accepts 'internal_after=' "${run[@]}" "${on_base[@]}" --out "more_$scheme" --set "scheme.use=$scheme" --set train.steps=2 \
    --set 'seeds=[2]' --set "checkpoint.adapter=$folder"
  figures_of more_"$scheme"/*.h5 before >"$scheme.more_before"
  holds "$scheme: further training begins with them" same "$scheme.after" "$scheme.more_before"

  accepts '"adapter": *\{' "${predict[@]}" --adapter "$folder" --out "masks_$scheme" --json
  holds "$scheme: predictions are not those of the base" far masks_base "masks_$scheme" 1e-5
done

# Merged low-rank updates are a model of their own.
lora=$(echo lora/tiny-s1-*-adapter)
accepts 'internal_before=none' "${run[@]}" "${on_base[@]}" --out merged --set train.steps=0 --set "checkpoint.adapter=$lora" --set checkpoint.merge=true
accepts 'images=1' "$program" predict --checkpoint merged/tiny-s1-*.safetensors --image picture.png --prompt 'bright disc' --threshold 0 --out masks_merged --quiet
holds 'scores of merged weights are those of weights and adapter' near masks_lora masks_merged 1e-4

# What does not fit.
more=("${run[@]}" "${on_base[@]}" --out refused --set "checkpoint.adapter=$lora" --set scheme.use=lora)
refuses 2 "another scheme.*got scheme 'adapter', expected 'lora'" "${more[@]/scheme.use=lora/scheme.use=adapter}"
refuses 3 'mis-shaped.*lora_A.*file 8x.*model 4x' "${more[@]}" --set scheme.rank=4
refuses 3 "another 'lora_alpha'; got 16.0, expected 8.0" "${more[@]}" --set scheme.alpha=8
refuses 3 'missing, e.g. base_model' "${more[@]}" --set 'scheme.targets=["*.q", "*.v", "*.mlp.fc1"]'
refuses 3 'unexpected, e.g. base_model' "${more[@]}" --set 'scheme.targets=["*.q"]'
refuses 3 'nowhere/adapter_model.safetensors' "${predict[@]}" --adapter nowhere --out none
mkdir other cut
cp "$base" other/adapter_model.safetensors
refuses 3 'does not say which scheme' "${predict[@]}" --adapter other --out none
head -c 3000 "$lora/adapter_model.safetensors" >cut/adapter_model.safetensors
refuses 3 'cut/adapter_model.safetensors' "${predict[@]}" --adapter cut --out none
sed 's/use = ..lora../use = \\"lara\\"/' "$lora/adapter_model.safetensors" >cut/adapter_model.safetensors
refuses 2 "unknown scheme plugin 'lara'.*did you mean 'lora'" "${predict[@]}" --adapter cut --out none
accepts '"what": "adapter"' "$program" plan tiny.toml --json --set checkpoint.adapter=nowhere
holds 'a refused run leaves no result' test -z "$(ls refused 2>/dev/null)"
finish
