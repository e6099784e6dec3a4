# `sam3lab verify`: every defect planted in a generated folder is found, none is invented on a clean one; licences, layouts, splits.
source "$(dirname "$0")/../support/checks.bash"
program=$1
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
cd "$scratch" || exit 1

# Pictures of 64 x 64: uneven grey with one bright square, which is the mask. Each folder has {train,test}/{images,masks}/NNN.png.
PYTHONPATH=$source_dir/scripts/data PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
import math, random
from array import array
from pathlib import Path
import formats
SIDE = 64
def picture(seed, gain=1.0, shift=0.0):
    r = random.Random(seed)
    waves = [(r.uniform(-7, 7), r.uniform(-7, 7), r.uniform(0, 6)) for _ in range(6)]
    top, left, size = r.randrange(4, 40), r.randrange(4, 40), r.randrange(10, 20)
    rows = [[90 + sum(9 * math.sin(6.28 * (a * x + b * y) / SIDE + c) for a, b, c in waves) for x in range(SIDE)] for y in range(SIDE)]
    mask = [[0] * SIDE for _ in range(SIDE)]
    for y in range(top, top + size):
        for x in range(left, left + size):
            rows[y][x] += 90
            mask[y][x] = 255
    return [[max(0, min(255, int(gain * v + shift))) for v in row] for row in rows], mask
def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    formats.write_grey_png(path, len(rows), len(rows[0]), array("B", (v for row in rows for v in row)), 8)
def folder(name, first, train=24, test=8, change=lambda n, image, mask: (image, mask)):
    for n in range(train + test):
        part = Path(name, "train" if n < train else "test")
        image, mask = change(n, *picture(first + n))
        if image: write(part / "images" / f"{n:03}.png", image)
        if mask: write(part / "masks" / f"{n:03}.png", mask)
folder("clean", 0)
folder("other", 1000)
black = [[0] * SIDE for _ in range(SIDE)]
def planted(n, image, mask):
    if n == 0: return image, None                                  # no mask
    if n == 1: return None, mask                                   # no image
    if n == 2: return image, [row[:-1] for row in mask]            # another size
    if n == 4: return image, black                                 # empty
    if n == 5: return [[70] * SIDE for _ in range(SIDE)], mask     # nothing to see
    if n == 25: return picture(2006)[0], mask                      # tested on, and 006 trains
    if n == 26: return picture(2007, 0.9, 6)[0], mask              # the same, darker
    if n == 27: return [list(row) for row in zip(*picture(2011)[0][::-1])], mask     # 011, turned
    if n == 28: return [row[::-1] for row in picture(2012, 0.9, 6)[0]], mask         # 012, mirrored and darker
    if n == 9: return picture(2008)[0], mask                       # twice in training
    if n == 13: return picture(2014)[0][::-1], mask                # and once more, upside down
    return image, mask
folder("planted", 2000, change=planted)
Path("planted/train/images/003.png").write_bytes(Path("planted/train/images/010.png").read_bytes()[:200])
folder("copy", 1000)                                               # `other` under another name
folder("shuffled", 3000, change=lambda n, image, mask: (image, picture(3000 + (n + 7) % 32)[1]))
def beside(n, image, mask):                                        # the square is on the left, its mask on the right
    return ([[v if x < 32 else 0 for x, v in enumerate(row)] for row in image],
            [[255 if 40 <= x < 60 and 20 <= y < 40 else 0 for x in range(SIDE)] for y in range(SIDE)])
folder("beside", 4000, change=beside)
folder("values", 5000, change=lambda n, image, mask: (image, [[v // 255 * (9 if n in (3, 30) else 1 + n // 24) for v in row] for row in mask]))
END
printf '"square" = { text = "bright square" }\n"gland" = { text = "thyroid gland" }\n"one" = { text = "blob" }\n"two" = { text = "blobs" }\n' >words.toml
printf '"one" = [1]\n"two" = [2]\n"three" = [3]\n' >table.toml
dataset() {  # NAME LABEL [MORE LINES]
  printf '[dataset.%s]\nuse = "paired_folders"\nmodality = "pictures"\nroot = "%s"\nimages = ["{subset:train|test}/images/{id}.png"]\nmasks = ["{subset}/masks/{id}.png"]\nsubset = "{subset}"\n' "$1" "$1"
  [ -z "$2" ] || printf 'labels = ["%s"]\nencoding = "binary"\n' "$2"
  printf '%s\n' "${@:3}"
}
{ printf '[prompt.canonical]\ndictionary = "words.toml"\n[split]\nofficial = "test"\n'; } >words_and_split.toml
{ cat words_and_split.toml; dataset clean square 'licence = "CC0"'; } >clean.toml
{ cat words_and_split.toml; dataset planted square; dataset other square; dataset copy square; dataset shuffled square; dataset beside square
  dataset values '' 'encoding = "values"' 'table = "table.toml"'; dataset clean gland 'published_prompt = "thyroid nodule"' 'defects = ["a known one"]'; } >planted.toml

# Nothing is invented.
accepts 'errors=0 warnings=0 notes=0 datasets=1 images=32' "$program" verify clean.toml --quiet
accepts 'errors=0 warnings=0' "$program" verify clean.toml --set 'split.official=""' --workers 3 --quiet

# Each is found, where it is, and nothing else: check, datasets, how often.
"$program" verify planted.toml --json --quiet --html page >found.json 2>found.err
code=$?
holds "exit code 3, not $code: $(cat found.err)" test "$code" -eq 3
cat >expected.txt <<'END'
error duplicate_leak planted 1
error near_duplicate_leak planted 1
error no_term values 1
error pairs planted 2
error prompt_conflict values 2
error rotated_duplicate_leak planted 2
error same_dataset copy+other 32
error size planted 1
error unreadable planted 1
error values values 2
error zero_overlap beside 32
note empty_masks planted 2
note flat_images planted 1
note known_defect clean 1
warning duplicate copy+other 32
warning duplicate planted 1
warning label_unused values 1
warning one_side values 1
warning one_side values 1
warning pairing beside 32
warning pairing shuffled 32
warning published_prompt clean 1
warning rotated_duplicate planted 1
END
python3 - <<'END' >found.txt
import json
report = json.load(open("found.json"))
assert report["format"] == "sam3lab-verify-1"
for line in sorted(f"{f['severity']} {f['check']} {'+'.join(f['datasets'])} {f['count']}" for f in report["findings"]): print(line)
END
holds "what is found is what was planted:
$(diff expected.txt found.txt)" cmp -s expected.txt found.txt
holds "how a copy is turned is said" grep -q 'planted: train/012 (train) = planted: test/028 (held_out), flipped left to right' found.json
holds "the page says it, too" grep -q 'the first, rotated by .* degrees, is the second' page/verify.html
holds "the page shows pictures" grep -q 'data:image/png;base64,iVBOR' page/verify.html
holds "the page needs nothing beside it" sh -c '! grep -qE "(src|href)=\"(http|[a-z]+[./])" page/verify.html'
accepts 'only some images' "$program" verify clean.toml --limit 5 --quiet

# A split is a file; a changed one is refused, and so is one for other data.
accepts 'errors=0' "$program" verify clean.toml --write-split split.json --quiet
accepts 'errors=0' "$program" verify clean.toml --set 'split.official=""' --set split.file=split.json --quiet
refuses 2 'split.file has the sides of all items' "$program" verify clean.toml --set split.file=split.json
sed -i 's/"train\/023"/"train\/099"/' split.json
accepts_not() { run_check 3 out "$@"; }
accepts_not 'names items that the data lack' "$program" verify clean.toml --set 'split.official=""' --set split.file=split.json --quiet
accepts_not 'has no such subset' "$program" verify clean.toml --set split.official=fold3 --quiet

# What must not be used as it is, is refused before anything is read.
command_checks "$source_dir/tests/bad/verify.txt"
# A run's record has the licences and the SHA-256 of the split file; the licence is no part of its identity.
accepts 'errors=0' "$program" verify clean.toml --write-split split.json --quiet
cat >tiny.toml <<'END'
extends = "clean.toml"
[backbone]
use = "sam3"
size = "tiny"
img_size = 56
pretrain_img_size = 56
[split]
official = ""
file = "split.json"
[metric.dice]
[train]
steps = 0
END
"$program" run tiny.toml --limit 1 --out results --quiet --json >/dev/null 2>run.err
holds "a run on a split file: $(cat run.err)" ls results/tiny-s0-*.h5
accepts 'licences: CC0: clean' "$program" inspect results/tiny-s0-*.h5
accepts "split_file_sha256: $(sha256sum split.json | cut -d' ' -f1)" "$program" inspect results/tiny-s0-*.h5
"$program" run tiny.toml --limit 1 --out results --quiet --set dataset.clean.licence=own >/dev/null 2>&1
holds "another licence is the same run" test "$(ls results/*.h5 | wc -l)" -eq 1

# What would stop a run, does: the same faults, as an error.
cat >run.toml <<'END'
extends = "planted.toml"
[backbone]
use = "sam3"
size = "tiny"
[metric.dice]
[train]
steps = 0
END
refuses 3 'planted' "$program" run run.toml --out results

# Recipes beside the plugins.
mkdir -p recipes/datasets
cp words.toml recipes/dictionary.toml
dataset clean square 'licence = "CC0"' 'subject = "{patient}"' 'layout_status = "unconfirmed"' >recipes/datasets/clean.toml
accepts 'clean +pictures +internal +CC0 +1 +binary +unconfirmed' "$program" list dataset --recipes recipes/datasets
accepts '"text": "bright square"' "$program" list dataset --recipes recipes/datasets --json
printf '[dataset.broken]\nlicence = "GPL"\n' >recipes/datasets/broken.toml
refuses 2 'licence is out of range' "$program" list dataset --recipes recipes/datasets
accepts 'busi +ultrasound' "$program" list dataset --recipes "$source_dir/experiments/base/datasets"
finish
