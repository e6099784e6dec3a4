# Checkpoints that `convert` and `inspect` must refuse, and what `tokenize` must: 2 for usage, 3 for a file. What is good beside them
# is converted there and back.
source "$(dirname "$0")/../support/checks.bash"
program=$1
cd "$scratch" || exit 1

python3 - <<'END'
import io, json, pickle, struct, zipfile
def tensors(path, entries, data=None, header=None):
    table, at = {}, 0
    for name, shape in entries:
        size = 4
        for n in shape: size *= n
        table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = (header or json.dumps(table)).encode()
    body = bytes(i * 7 % 251 for i in range(at)) if data is None else data
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)
good = [("detector.backbone.vision_backbone.trunk.pos_embed", [1, 5, 2]),
        ("detector.transformer.decoder.layers.0.self_attn.in_proj_weight", [6, 2]),
        ("detector.backbone.language_backbone.encoder.text_projection", [2, 3]),
        ("detector.backbone.vision_backbone.sam2_convs.0.conv_1x1.bias", [2]), ("tracker.no_mem_embed", [1, 2])]
tensors("good.safetensors", good)
whole = open("good.safetensors", "rb").read()
open("cut.safetensors", "wb").write(whole[:-9])
open("long.safetensors", "wb").write(struct.pack("<Q", 1 << 62) + whole[8:])
tensors("past.safetensors", [], b"", '{"detector.backbone.x":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}')
tensors("wrap.safetensors", [], b"", '{"backbone.x":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}')
part = '"%s":{"dtype":"%s","shape":[2],"data_offsets":[%d,%d]}'
tensors("overlap.safetensors", [], bytes(12), "{" + part % ("a", "F32", 0, 8) + "," + part % ("b", "F32", 4, 12) + "}")
tensors("double.safetensors", [], bytes(8), "{" + part % ("a", "F32", 0, 8) + "," + part % ("a", "F32", 0, 8) + "}")
tensors("dtype.safetensors", [], bytes(8), "{" + part % ("a", "F31", 0, 8) + "}")
with open("header.safetensors", "wb") as huge:  # zeros that take no place on the disk
    huge.write(struct.pack("<Q", 100_000_001) + b"{"); huge.truncate(8 + 100_000_001)
open("deep.safetensors.index.json", "w").write('{"weight_map":' + "[" * 100000)
open("out.safetensors.index.json", "w").write('{"weight_map":{"a":"../good.safetensors"}}')
tensors("other.safetensors", [("layer1.conv.weight", [2])])
tensors("twice.safetensors", [("backbone.x", [1]), ("detector.backbone.x", [1])])
tensors("odd.safetensors", [("detector.transformer.decoder.layers.0.self_attn.in_proj_weight", [7, 2])])
query = "detr_decoder.layers.0.self_attn.%s_proj.bias"
tensors("uneven.safetensors", [(query % "q", [2]), (query % "k", [3]), (query % "v", [2])])
class Run:
    def __reduce__(self):
        import os
        return os.system, ("touch executed",)
with zipfile.ZipFile("evil.pt", "w") as archive:
    archive.writestr("archive/data.pkl", pickle.dumps({"model": Run()}, 2))
with zipfile.ZipFile("bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("archive/data.pkl", b"\0" * 50_000_000)
open("noise.pt", "wb").write(b"PK\x03\x04" + bytes(range(256)) * 8)
END
: >empty.pt

for file in cut long past wrap overlap double dtype header; do
  refuses 3 "$file.safetensors" "$program" convert $file.safetensors out.pt --layout bare
  refuses 3 "$file.safetensors" "$program" inspect $file.safetensors
done
refuses 3 'overlaps' "$program" inspect overlap.safetensors
refuses 3 "'a' occurs twice" "$program" inspect double.safetensors
refuses 3 'F31.*one of: BOOL' "$program" inspect dtype.safetensors
refuses 3 'at most 100000000' "$program" inspect header.safetensors
refuses 3 'deep.safetensors.index.json.*levels' "$program" inspect deep.safetensors.index.json
refuses 3 'no plain file name' "$program" convert out.safetensors.index.json out.pt --layout bare
for file in evil bomb noise empty missing; do
  refuses 3 "$file.pt" "$program" convert $file.pt out.pt --layout bare
  refuses 3 "$file.pt" "$program" inspect $file.pt --json
done
holds "a checkpoint has run a command" test ! -e executed
refuses 3 'fit no known layout' "$program" convert other.safetensors out.pt --layout bare
accepts 'layout +none that a backbone knows' "$program" inspect other.safetensors
refuses 3 'mean the same parameter' "$program" convert twice.safetensors out.pt --layout bare
refuses 3 'got 7x2' "$program" convert odd.safetensors out.pt --layout transformers
refuses 3 'k_proj' "$program" convert uneven.safetensors out.pt --layout bare
refuses 3 'nowhere' "$program" convert good.safetensors nowhere/out.pt --layout bare
holds "a refused conversion left a file" test ! -e out.pt

refuses 2 'usage' "$program" convert good.safetensors --layout bare
refuses 2 'usage' "$program" convert good.safetensors out.pt
refuses 2 'unknown layout.*detector' "$program" convert good.safetensors out.pt --layout detectr
refuses 2 'unknown layout; got own, expected one of: bare, detector, ddp, transformers' "$program" convert good.safetensors out.pt --layout own
refuses 2 "unknown backbone plugin 'sam4'.*did you mean 'sam3'" "$program" convert good.safetensors out.pt --layout bare --backbone sam4
refuses 2 'names no format' "$program" convert good.safetensors out.bin --layout bare
refuses 2 'no text given' "$program" tokenize
refuses 2 "unknown backbone plugin 'nope'.*sam3" "$program" tokenize polyp --backbone nope
accepts '^49406 49407 0' "$program" tokenize ''
accepts '"ids":\[49406,268,343,49407,0' "$program" tokenize --json -- -x

accepts 'from=detector to=transformers tensors=8 not_built=2' "$program" convert good.safetensors port.pt --layout transformers
accepts '"layout": "transformers"' "$program" inspect port.pt --json
accepts 'layout +transformers, of backbone sam3' "$program" inspect port.pt
accepts 'sam2_convs +1 tensors, 2 values' "$program" inspect port.pt
accepts 'from=transformers to=ddp' "$program" convert port.pt wrapped.safetensors --layout ddp
accepts 'from=ddp to=detector' "$program" convert wrapped.safetensors back.safetensors --layout detector
accepts 'to=detector' "$program" convert good.safetensors same.safetensors --layout detector
holds "there and back is not the same" cmp same.safetensors back.safetensors
finish
