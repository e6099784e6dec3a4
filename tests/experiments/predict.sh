#!/bin/bash
# `predict` on pictures: what it writes, that it is what a program can read back, that equal calls give equal files, and where the model's
# sizes may come from.
program=$1
source "$(dirname "$0")/../support/checks.bash"
source "$(dirname "$0")/../support/pictures.bash"
limit=180
make_pictures "$scratch" || exit 1
cd "$scratch" || exit 1
accepts 'internal_after=' "$program" run tiny.toml --quiet --out run
weights=$(echo run/tiny-s1-*.safetensors)
ask=(--image picture.png --prompt 'bright disc' --prompt 'dark ground')

# The sizes: from the result beside the weights, from the experiment, from --set.
accepts 'images=1 prompts=2 instances=[1-9]' "$program" predict --checkpoint "$weights" "${ask[@]}" --out a --threshold 0
for file in predictions.json picture/01-bright_disc-1.png picture/01-bright_disc-union.png picture/01-bright_disc-semantic.png \
  picture/01-bright_disc-overlay.png picture/02-dark_ground-20.png; do
  holds "$file is there" test -s "a/$file"
done
cp "$weights" alone.safetensors
accepts 'images=1' "$program" predict --checkpoint alone.safetensors --model tiny.toml "${ask[@]}" --out b --threshold 0 --quiet
printf '[backbone]\nuse = "sam3"\nsize = "tiny"\nimg_size = 56\n' >sizes.toml
accepts 'images=1' "$program" predict --checkpoint alone.safetensors --model sizes.toml --set backbone.pretrain_img_size=56 "${ask[@]}" --out c --threshold 0
accepts 'images=1' "$program" predict --checkpoint alone.safetensors --model run/tiny-s1-*.h5 "${ask[@]}" --out d --threshold 0
for other in b c d; do holds "$other has the same masks" diff -r a/picture $other/picture; done

# Every layout of the same weights gives the same masks.
for layout in ddp transformers; do
  accepts "to=$layout" "$program" convert "$weights" $layout.pt --layout $layout
  accepts 'images=1' "$program" predict --checkpoint $layout.pt --model tiny.toml "${ask[@]}" --out $layout --threshold 0
  holds "$layout has the same masks" diff -r a/picture $layout/picture
done

# predictions.json against the files that it names.
python3 - <<'END' || { failed=$((failed + 1)); echo "FAILED: predictions.json says something else than the masks"; }
import hashlib, json, pathlib, struct, zlib
def png(path):
    data, at, body, head = pathlib.Path(path).read_bytes(), 8, b"", None
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        head = struct.unpack(">IIBB", chunk[:10]) if kind == b"IHDR" else head
        body += chunk if kind == b"IDAT" else b""
        at += 12 + size
    width, height, bits, colour = head
    assert (bits, colour) == (8, 0), head
    raw, rows, last = zlib.decompress(body), [], bytes(width)
    for y in range(height):
        kind, line = raw[y * (width + 1)], bytearray(raw[y * (width + 1) + 1:(y + 1) * (width + 1)])
        for x in range(width):
            a, b, c = line[x - 1] if x else 0, last[x], last[x - 1] if x else 0
            paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            line[x] = line[x] + (0, a, b, (a + b) // 2, paeth)[kind] & 255
        rows.append(bytes(line))
        last = rows[-1]
    return width, height, b"".join(rows)
document = json.load(open("a/predictions.json"))
assert document["checkpoint_sha256"] == hashlib.sha256(open(document["checkpoint"], "rb").read()).hexdigest()
assert document["protocol"].startswith("processor: "), document["protocol"]
assert "missing 0" in document["checkpoint_tensors"]
[image] = document["images"]
assert (image["height"], image["width"]) == (96, 192)
assert [p["prompt"] for p in image["prompts"]] == ["bright disc", "dark ground"]
for prompt in image["prompts"]:
    assert 0 < prompt["presence"] < 1
    scores = [i["score"] for i in prompt["instances"]]
    assert scores == sorted(scores, reverse=True) and len(scores) == 20, scores
    union = bytes(192 * 96)
    for instance in prompt["instances"]:
        width, height, pixels = png("a/" + instance["mask"])
        assert (width, height) == (192, 96) and set(pixels) <= {0, 255}
        assert instance["pixels"] == pixels.count(255)
        x0, y0, x1, y1 = instance["box"]
        assert x0 <= x1 and y0 <= y1
        union = bytes(a | b for a, b in zip(union, pixels))
    assert union == png("a/" + prompt["union"])[2]
END
checks=$((checks + 1))

# The other two rules: one mask a prompt; a map over the prompts.
accepts 'instances=2' "$program" predict --checkpoint "$weights" "${ask[@]}" --out strict --protocol strict --threshold 0
holds 'one mask a prompt, and a map' bash -c 'test -s strict/picture/map.png && test ! -e strict/picture/01-bright_disc-2.png'
holds 'the best mask is the processor'"'"'s first' cmp a/picture/02-dark_ground-1.png strict/picture/02-dark_ground-1.png
accepts '"protocol": "upstream: .*above confidence 0.1' "$program" predict --checkpoint "$weights" "${ask[@]}" --out upstream --protocol upstream --json
accepts 'instances=0' "$program" predict --checkpoint "$weights" "${ask[@]}" --out none --threshold 1
holds 'nothing found is an empty mask' test -s none/picture/01-bright_disc-union.png

# Nothing is overwritten unasked; --force leaves no mask of before behind.
refuses 2 'a/predictions.json: is there already.*--force' "$program" predict --checkpoint "$weights" "${ask[@]}" --out a
refuses 2 'a/picture: holds an earlier prediction' "$program" predict --checkpoint "$weights" "${ask[@]}" --out a
accepts 'instances=0' "$program" predict --checkpoint "$weights" "${ask[@]}" --out a --threshold 1 --force
holds 'the earlier masks are gone' test ! -e a/picture/01-bright_disc-1.png

# 16-bit pictures: the high byte, or a window; two files of one name.
mkdir deep
cp objects.png deep/picture.png
accepts 'images=2 prompts=2' "$program" predict --checkpoint "$weights" --image picture.png --image deep/picture.png --prompt disc --out two --window 0 255
holds 'both have a folder' test -s two/picture/01-disc-union.png -a -s two/picture-2/01-disc-union.png
accepts '"percentiles"' "$program" predict --checkpoint "$weights" --image deep/picture.png --prompt disc --out deep_out --percentiles 1 99 --json
finish
