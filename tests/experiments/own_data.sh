#!/bin/bash
# "Point at a folder" of docs/howto/own_data.md, word for word, on pictures made here; and pixels that are ignored, which no score may see.
program=$1 build=$2
source "$(dirname "$0")/../support/checks.bash"
tree=$(cd "$(dirname "$0")/../.." && pwd)
cd "$scratch" || exit 1
ln -s "$tree" sam3lab
limit=180

# Twelve pictures with a bright disc. masks: the disc. view: the left three quarters, the rest is outside. beside: the same masks with other
# pixels outside of the view; inside: with other pixels within it; cut: without those outside of it.
PYTHONPATH=$tree/scripts/data PYTHONDONTWRITEBYTECODE=1 python3 - <<'END_OF_PYTHON'
from array import array
from pathlib import Path
import re
import formats
side = 48
def write(name, value):
    file = Path("my_data") / name
    file.parent.mkdir(parents=True, exist_ok=True)
    formats.write_grey_png(file, side, side, array("B", (value(x, y) for y in range(side) for x in range(side))), 8)
for n in range(1, 13):
    def disc(x, y): return (x - 10 - n) ** 2 + (y - 24) ** 2 <= 64
    write(f"images/case{n}.png", lambda x, y: 200 if disc(x, y) else 50 + (x * 7 + y * 13) % 20)
    write(f"masks/case{n}.png", lambda x, y: 255 if disc(x, y) else 0)
    write(f"view/case{n}.png", lambda x, y: 255 if x < 36 else 0)
    write(f"beside/case{n}.png", lambda x, y: 255 if (x >= 38 if x >= 36 else disc(x, y)) else 0)
    write(f"cut/case{n}.png", lambda x, y: 255 if x < 36 and disc(x, y) else 0)
    write(f"inside/case{n}.png", lambda x, y: 255 if (x in (4, 5) or disc(x, y)) else 0)
blocks = re.findall(r"```toml\n(.*?)```", (Path("sam3lab") / "docs/howto/own_data.md").read_text(), re.S)
Path("liver.toml").write_text(next(block for block in blocks if "[dataset.liver]" in block))
Path("words.toml").write_text(next(block for block in blocks if block.startswith('"liver" = { text')))
END_OF_PYTHON

# What the page says, as it says it.
accepts 'internal_after' "$program" run liver.toml --set train.steps=0 --limit 2 --quiet --out a
accepts 'internal_after=0' "$program" run liver.toml --set train.steps=2 --set train.steps_per_epoch=2 --set train.replicas=1 --limit 2 --out b
accepts '"liver"' "$program" inspect "$(echo a/*.h5)" --json

# Scores with a field of view: the same for masks that differ outside of it, and others for masks that differ within.
scores() {  # MASKS [KEY=VALUE...]
  local sets=()
  for set in "${@:2}"; do sets+=(--set "$set"); done
  "$program" run liver.toml --set train.steps=0 --limit 2 --quiet --out "out-$1-$#" --set "dataset.liver.masks=[\"$1/{id}.png\"]" "${sets[@]}" >/dev/null || return 1
  "$program" inspect "$(echo "out-$1-$#"/*.h5)" --json | python3 -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["internal"], sort_keys=True))'
}
view='dataset.liver.field_of_view="view/{id}.png"'
seen=$(scores masks "$view")
holds 'there are scores' test -n "$seen"
holds 'truth outside of the view changes no score' test "$seen" = "$(scores beside "$view")"
holds 'truth within the view does' test "$seen" != "$(scores inside "$view")"
# Truth is the same here; what differs is whether a prediction outside of the view counts against it.
dice() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])["after"]["dice"])' "$1"; }
better() { awk -v a="$(dice "$1")" -v b="$(dice "$2")" 'BEGIN { exit !(a > b + 1e-4) }'; }
holds 'a prediction outside of the view changes no score' better "$seen" "$(scores cut)"
holds 'without a view, truth outside of it counts' test "$(scores masks)" != "$(scores beside)"

# The size of a pixel comes from a table and reaches the metrics, those of surface distances too.
printf 'image,row mm,column mm\r\n' >my_data/sizes.csv
for n in $(seq 12); do printf 'case%d.png,0.25,0.5\r\n' "$n" >>my_data/sizes.csv; done
sizes=('dataset.liver.spacing_table="sizes.csv"' 'dataset.liver.spacing_name="image"' 'dataset.liver.spacing_mm=["row mm", "column mm"]')
export SAM3LAB_PLUGIN_PATH=$build/test_plugins/pixel_size
sized() {  # MM-SCORE FOLDER [KEY=VALUE...]
  local sets=(--set 'metric.pixel_size.use="pixel_size"')
  for set in "${@:3}"; do sets+=(--set "$set"); done
  "$program" run liver.toml --set train.steps=0 --limit 2 --quiet --out "$2" "${sets[@]}" >/dev/null || return 1
  /usr/bin/python3 -c 'import glob, h5py, sys; assert set(map(str, h5py.File(glob.glob(sys.argv[1])[0])["eval/liver/scores"]["pixel_size"])) == {sys.argv[2]}' \
    "$2/*.h5" "$1"
}
holds 'metrics are told the size of a pixel' sized 250.5 sized-table "${sizes[@]}"
holds 'where nothing says it, the size of a pixel is unknown and the metric undefined' sized nan sized-plain
unset SAM3LAB_PLUGIN_PATH
sed -i -e '3s/0.5/0/' -e 5d my_data/sizes.csv
refuses 3 'images without a row.*case4.png' "$program" run liver.toml --set "${sizes[0]}" --set "${sizes[1]}" --set "${sizes[2]}"
refuses 3 "case2.png \('0' in line 3\)" "$program" run liver.toml --set "${sizes[0]}" --set "${sizes[1]}" --set "${sizes[2]}"

# Training sees it as little: the same weights, byte for byte.
train() {
  "$program" run liver.toml --set train.steps=3 --set train.steps_per_epoch=3 --set train.replicas=1 --limit 1 --quiet --out "train-$1" \
    --set "dataset.liver.masks=[\"$1/{id}.png\"]" --set "$view" --set evaluate.overlays=false >/dev/null || return 1
  # Without the header, which names the run.
  python3 -c 'import glob, hashlib, sys; data = open(glob.glob(sys.argv[1])[0], "rb").read(); print(hashlib.sha256(data[8 + int.from_bytes(data[:8], "little"):]).hexdigest())' \
    "train-$1/*.safetensors"
}
learnt=$(train masks)
holds 'there are weights' test -n "$learnt"
holds 'truth outside of the view changes no weight' test "$learnt" = "$(train beside)"
holds 'truth within the view does change weights' test "$learnt" != "$(train inside)"
finish
