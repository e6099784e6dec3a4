#!/bin/bash
# Every recipe of experiments/base/datasets on a small copy of its data set, in the layout, names and encodings of the real one: number of
# images, labels, areas, groups. The copies are made from the facts of the sources, not from the recipes (tests/support/layouts).
program=$1
source "$(dirname "$0")/../support/checks.bash"
root=$(cd "$(dirname "$0")/../.." && pwd)
layouts=$root/tests/support/layouts
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
python=/usr/bin/python3   # Debian's, for which scripts/setup brings the encoders

holds 'layouts are made' "$python" "$layouts/make.py" "$scratch/data"
accepts 'datasets=' "$python" - "$root" "$scratch" <<'PY'
import json, pathlib, sys, tomllib
root, scratch = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
recipes = sorted((root / "experiments/base/datasets").glob("*.toml"))
grouped = {name for name, found in json.loads((scratch / "data/expected.json").read_text()).items() if "group" in found}

def write(file, chosen, split, role):
    parents = chosen if role else [root / "experiments/base/paper_data.toml"]
    text = 'extends = [\n' + "".join(f'  "{parent}",\n' for parent in parents) + f"]\n[split]\n{split}\n"
    text += f'[prompt.canonical]\nuse = "canonical"\ndictionary = "{root}/experiments/base/dictionary.toml"\n'
    for recipe in chosen:
        said = tomllib.loads(recipe.read_text())["dataset"][recipe.stem]
        text += f'[dataset.{recipe.stem}]\nroot = "{scratch}/data/{recipe.stem}"\n'
        # The copies are small, and how many slices are taken or left out is no matter of the layout.
        for key, value in (("expect", 0), ("every", 1), ("gap", 0.0)):
            text += f"{key} = {value}\n" if key in said else ""
        text += "accept_unconfirmed = true\n" if said["layout_status"] == "unconfirmed" else ""
        text += f'role = "{role}"\n' if role else ""
    (scratch / file).write_text(text)

for half in (0, 1):  # an experiment takes 64 parents; external: nothing is divided
    write(f"all_{half}.toml", recipes[half::2], "", "external")
paper = tomllib.loads((root / "experiments/base/paper_data.toml").read_text())["extends"]
named = [root / "experiments/base" / file for file in paper]
assert len(set(paper)) == 40 and all(file in recipes for file in named)
write("paper.toml", named, 'file = ""', None)
write("groups.toml", [recipe for recipe in recipes if recipe.stem in grouped], 'mode = "subject"\nheld_out = 0.5', "internal")
print(f"datasets={len(recipes)}")
PY

for half in 0 1; do
  "$program" --quiet verify "$scratch/all_$half.toml" --json >"$scratch/found_$half.json" 2>>"$scratch/verify.err"
done
accepts 'faults=0' "$python" "$layouts/check.py" "$scratch/data/expected.json" "$scratch/found_0.json" "$scratch/found_1.json"
[ "$failed" -eq 0 ] || head -20 "$scratch/verify.err"
"$program" --quiet verify "$scratch/groups.toml" --write-split "$scratch/split.json" >/dev/null 2>"$scratch/verify.err"
accepts 'groups=1[0-9] faults=0' "$python" "$layouts/check.py" "$scratch/data/expected.json" --groups "$scratch/split.json"

# The paper's sets as one parent; those of which it counts masks alone have lost the images without one. So small, some cannot be divided.
run_check 3 out '^  busi +ultrasound +research +3 ' "$program" --quiet verify "$scratch/paper.toml"
cp "$scratch/.out" "$scratch/paper.txt"
accepts 'datasets=40 ' cat "$scratch/paper.txt"
accepts '^errors=1 ' grep '^errors=' "$scratch/paper.txt"
accepts '^error split:' grep '^error ' "$scratch/paper.txt"

# A set that is not whole, and a layout that nobody confirmed.
printf 'extends = "%s"\n[dataset.busi]\nroot = "%s"\n' "$root/experiments/base/datasets/busi.toml" "$scratch/data/busi" >"$scratch/busi.toml"
run_check 3 out 'got 4, expected 780' "$program" verify "$scratch/busi.toml"
printf 'extends = "%s"\n[dataset.mmdb]\nroot = "%s"\n' "$root/experiments/base/datasets/mmdb.toml" "$scratch/data/mmdb" >"$scratch/mmdb.toml"
refuses 2 'accept_unconfirmed' "$program" verify "$scratch/mmdb.toml"

# The page and the dictionary say what the recipes say.
holds 'docs/reference/datasets.md is up to date' "$python" "$layouts/table.py" "$root" --check
cd "$root"
accepts '^optic cup +optic cup +< optic disc < retina < eye' "$program" list term
accepts 'UBERON 0002107' "$program" explain term/liver
accepts '"name": "stained cell nucleus"' "$program" explain term/nucleus --json
refuses 2 "did you mean 'polyp'" "$program" explain term/polyb
finish
