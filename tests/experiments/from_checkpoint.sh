#!/bin/bash
# A run starts from the checkpoint that it is given, whatever its layout: an evaluation alone (steps = 0) gives the scores that the
# run which wrote the weights ended with, and a fine-tuning run begins with them.
program=$1
source "$(dirname "$0")/../support/checks.bash"
source "$(dirname "$0")/../support/pictures.bash"
limit=180
make_pictures "$scratch" || exit 1
cd "$scratch" || exit 1
run=("$program" run tiny.toml --quiet)
# Every figure of a stage, in full precision: figures_of RESULT STAGE
figures_of() {
  "$program" inspect "$1" --json | python3 -c '
import json, sys
summary, stage = json.load(sys.stdin), sys.argv[1]
print(json.dumps([summary["internal"][stage], {k: v[stage] for k, v in summary["prompts"].items()}], sort_keys=True))' "$2"
}
same() { [ -s "$1" ] && cmp "$1" "$2"; }
differ() { [ -s "$1" ] && [ -s "$2" ] && ! cmp -s "$1" "$2"; }

accepts 'internal_after=' "${run[@]}" --out teacher
weights=$(echo teacher/tiny-s1-*.safetensors)
figures_of teacher/*.h5 before >seeded
figures_of teacher/*.h5 after >trained
holds 'training changed the scores' differ seeded trained

for target in 'detector one.pt' 'ddp two.safetensors' 'transformers three.pt' 'bare four.safetensors'; do
  read -r layout file <<<"$target"
  accepts "to=$layout" "$program" convert "$weights" "$file" --layout "$layout"
  accepts 'internal_before=none' "${run[@]}" --out "eval_$layout" --set train.steps=0 --set "checkpoint.load=$file"
  figures_of eval_"$layout"/*.h5 after >"eval_$layout.figures"
  holds "$layout: evaluation alone gives the scores of the run that wrote the weights" same trained "eval_$layout.figures"
  holds "$layout: they are not those of the seeded start" differ seeded "eval_$layout.figures"
  accepts "$(sha256sum "$file" | cut -d' ' -f1)" "$program" inspect eval_"$layout"/*.h5
  accepts 'checkpoint: matched [1-9][0-9]*, missing 0, unexpected 0, mis-shaped 0' "$program" inspect eval_"$layout"/*.h5
done

# Another seed, the same weights: the seed's own start is not seen.
accepts 'internal_after=' "${run[@]}" --out pupil --set seeds='[2]' --set train.steps=4 --set checkpoint.load=two.safetensors
figures_of pupil/*.h5 before >pupil_before
figures_of pupil/*.h5 after >pupil_after
holds 'fine-tuning begins with the scores of the checkpoint' same trained pupil_before
holds 'and goes on from there' differ pupil_before pupil_after

# A checkpoint without one of its tensors is refused; with allow_missing that one starts at random.
python3 - "$weights" cut.safetensors <<'END'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
size = struct.unpack("<Q", data[:8])[0]
table, body = json.loads(data[8:8 + size]), data[8 + size:]
name = next(n for n in table if n.endswith("presence_token.weight"))
begin, end = table.pop(name)["data_offsets"]
for entry in table.values():
    if "data_offsets" in entry and entry["data_offsets"][0] >= end:
        entry["data_offsets"] = [o - (end - begin) for o in entry["data_offsets"]]
text = json.dumps(table).encode()
open(sys.argv[2], "wb").write(struct.pack("<Q", len(text)) + text + body[:begin] + body[end:])
END
refuses 3 'presence_token.*missing 1' "${run[@]}" --out cut --set train.steps=0 --set checkpoint.load=cut.safetensors
accepts 'internal_after=' "${run[@]}" --out cut --set train.steps=0 --set checkpoint.load=cut.safetensors --set checkpoint.allow_missing=true

# The published evaluator's protocol: named with its numbers, and samples without a target are not asked.
accepts 'internal_after=' "${run[@]}" --out upstream --set train.steps=0 --set checkpoint.load=one.pt --set evaluate.protocol=upstream --set evaluate.confidence=0.1
accepts '"protocol": "upstream: as the published evaluator: .* above confidence 0.1; .*without a target are skipped' "$program" inspect upstream/*.h5 --json
upstream_counts() { "$program" inspect upstream/*.h5 --json | grep -c '"off_prompt_n": 0,'; }
holds 'upstream asks nothing of samples without a target' test "$(upstream_counts)" -ge 4 -a -z "$("$program" inspect upstream/*.h5 --json | grep '"off_prompt_n": [1-9]')"
accepts '"off_prompt_n": [1-9]' "$program" inspect eval_bare/*.h5 --json
accepts '"protocol": "strict: ' "$program" inspect eval_bare/*.h5 --json
refuses 2 'tiny.toml:[0-9]+: evaluate.confidence is fixed under protocol "upstream"; got 0.0, expected 0.1' "${run[@]}" --out none --set evaluate.protocol=upstream
finish
