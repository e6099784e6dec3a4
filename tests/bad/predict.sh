# What `predict` must refuse: 2 for the call, 3 for files; everything at once and before a model is built.
source "$(dirname "$0")/../support/checks.bash"
source "$(dirname "$0")/../support/pictures.bash"
program=$1
make_pictures "$scratch" || exit 1
cd "$scratch" || exit 1
python3 - <<'END'
import json, struct
def tensors(path, names):
    table = {n: {"dtype": "F32", "shape": [2], "data_offsets": [8 * i, 8 * i + 8]} for i, n in enumerate(names)}
    text = json.dumps(table).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + bytes(8 * len(names)))
tensors("small.safetensors", ["backbone.vision_backbone.trunk.pos_embed", "transformer.decoder.norm.weight"])
tensors("other.safetensors", ["layer1.conv.weight"])
END
printf 'noise' >noise.png
head -c 200 picture.png >cut.png
cp objects.png volume.nii.gz
: >empty.pt
good=(--checkpoint small.safetensors --model tiny.toml --image picture.png --prompt disc --out out)
with() { refuses "$1" "$2" "$program" predict "${good[@]}" "${@:3}"; }

# The call.
refuses 2 "the option '--checkpoint' is required" "$program" predict --image picture.png --prompt disc --out out
refuses 2 "the option '--out' is required" "$program" predict --checkpoint small.safetensors --image picture.png --prompt disc
refuses 2 'no image given.*--image' "$program" predict --checkpoint small.safetensors --prompt disc --out out
refuses 2 'no prompt given.*--prompt' "$program" predict --checkpoint small.safetensors --image picture.png --out out
with 2 '--prompt: is empty; expected a text' --prompt ''
with 2 '--prompt: is empty' --prompt '  '
with 2 '--prompt: is given twice; got disc' --prompt disc
with 2 '--image: is given twice' --image picture.png
with 2 '--threshold: is out of range; got 1.5, expected 0 to 1' --threshold 1.5
with 2 '--threshold: is out of range; got nan' --threshold nan
with 2 "--protocol: is unknown; got strct, expected processor, strict, upstream; did you mean 'strict'" --protocol strct
with 2 '--threshold: is fixed under --protocol upstream' --protocol upstream --threshold 0.3
with 2 '--window: is no range; got 9 3' --window 9 3
with 2 '--window: is no range; got 9' --window 9
with 2 '--percentiles: is no range; got 0 101' --percentiles 0 101
with 2 '--window: and --percentiles are both given' --window 0 9 --percentiles 0 99
with 2 '--threads: is negative' --threads -1
with 2 "unknown option --treshold; did you mean '--threshold'" --treshold 0.3
refuses 2 'picture.png: is no folder' "$program" predict --checkpoint small.safetensors --model tiny.toml --image picture.png --prompt disc --out picture.png

# The files.
with 3 'absent.png: no such file' --image absent.png
with 3 'noise.png: unknown image format; expected PNG, JPEG, TIFF, BMP, GIF' --image noise.png
with 3 'cut.png: not a readable PNG' --image cut.png
with 3 'volume.nii.gz: ' --image volume.nii.gz
for file in absent.pt empty.pt noise.png; do
  refuses 3 "$file" "$program" predict --checkpoint $file --model tiny.toml --image picture.png --prompt disc --out out
done
refuses 3 'fit no known layout' "$program" predict --checkpoint other.safetensors --model tiny.toml --image picture.png --prompt disc --out out

# The model.
refuses 2 'nothing says the sizes of the model.*got embed_dim unknown.*expected embed_dim 1024.*--model' "$program" predict --checkpoint small.safetensors --image picture.png --prompt disc --out out
with 3 'small.safetensors: does not fit the model, e.g. .*matched [0-9]+, missing [1-9]'
printf '[metric.dice]\n' >bare.toml
printf '[backbone]\nuse = "sam4"\n' >unknown.toml
printf '[backbone]\nuse = "sam3"\nsize = "tiny"\n[grid]\n"backbone.depth" = [2, 4]\n' >grid.toml
with() { refuses "$1" "$2" "$program" predict --checkpoint small.safetensors --image picture.png --prompt disc --out out "${@:3}"; }
with 2 'absent.toml: ' --model absent.toml
with 2 'bare.toml: has no model; expected a table \[backbone\]' --model bare.toml
with 2 "unknown.toml:2: unknown backbone plugin 'sam4'; known: .*did you mean 'sam3'" --model unknown.toml
with 2 'grid.toml:[0-9]+: the model is an axis of a grid; got backbone.depth.*--set backbone.depth=' --model grid.toml
with 2 "unknown key backbone.dpth for 'sam3'.*did you mean 'depth'" --model tiny.toml --set backbone.dpth=2
with 2 '--set train.steps: only the model can be set here' --model tiny.toml --set train.steps=2

# All at once; a fault of the call decides the exit code.
with 2 'cut.png: not a readable PNG' --model tiny.toml --prompt '' --image cut.png --image absent.png
for part in '--prompt: is empty' 'absent.png: no such file'; do
  holds "all faults are said: $part" grep -q -- "$part" "$scratch/.err"
done
holds 'nothing was written' test ! -e out
finish
