# A picture of 96 x 192 with bright discs, their map, and an experiment over it that runs in seconds; needs no sample data.
# Source after checks.bash; leaves picture.png, objects.png, words.toml and tiny.toml in the folder given.
make_pictures() {
  local tree folder=$1
  tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  (cd "$folder" && PYTHONPATH=$tree/scripts/data PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
from array import array
from pathlib import Path
import formats
height, width = 96, 192
objects = array("H", bytes(2 * height * width))
for number in range(1, 17):  # the lower half stays empty
    cy, cx, r = 12 + 24 * ((number - 1) // 8), 12 + 24 * ((number - 1) % 8), 5 + number % 4
    for y in range(height):
        for x in range(width):
            if (y - cy) ** 2 + (x - cx) ** 2 <= r * r:
                objects[y * width + x] = number
grey = array("B", (200 + v % 7 * 5 if v else 40 + (i * 7919) % 23 for i, v in enumerate(objects)))
formats.write_grey_png(Path("picture.png"), height, width, grey, 8)
formats.write_grey_png(Path("objects.png"), height, width, objects, 16)
END
  ) || return 1
  printf '"disc" = { text = "bright disc" }\n"ground" = { text = "dark ground" }\n' >"$folder/words.toml"
  cat >"$folder/tiny.toml" <<'END'
name = "tiny"
seeds = [1]
[backbone]
use = "sam3"
size = "tiny"
img_size = 56
pretrain_img_size = 56
dropout = 0.0
drop_path = 0.0
[matcher.one_to_one]
use = "hungarian"
[matcher.one_to_many]
use = "one_to_many"
[loss.box]
[loss.classification_presence]
[loss.instance_mask]
[loss.semantic_mask]
[scheme]
use = "full"
[dataset.discs]
use = "instance_image"
modality = "fluorescence"
image = "picture.png"
instances = "objects.png"
label = "disc"
background = "ground"
tile = 48
[prompt.canonical]
dictionary = "words.toml"
[prompt.negative]
[metric.dice]
[metric.iou]
[split]
held_out = 0.25
[train]
steps = 8
images_per_step = 2
learning_rate = 1e-3
warmup_steps = 0
[evaluate]
confidence = 0.0
overlays = false
END
}
