# Data that must be refused: exit code 3 (a label table or dictionary: 2), with the file, what was found and what was expected. This makes
# the files; data.txt has the commands.
source "$(dirname "$0")/../support/checks.bash"
program=$1
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
cd "$scratch" || exit 1

# A volume of 24 x 24 x 40 with a bright box (value 1) and a small one (value 2), and a picture of 64 x 32 with eight objects.
PYTHONPATH=$source_dir/scripts/data PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
from array import array
from pathlib import Path
import formats
sizes, affine = [24, 24, 40], [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0]]
labels = array("B", (1 if 4 <= x < 12 and 4 <= y < 14 else 2 if x > 18 and y > 18 else 0 for z in range(40) for y in range(24) for x in range(24)))
formats.write_nifti(Path("image.nii.gz"), sizes, affine, array("h", (60 * v + i % 7 for i, v in enumerate(labels))))
formats.write_nifti(Path("labels.nii.gz"), sizes, affine, labels)
formats.write_nifti(Path("short.nii.gz"), [24, 24, 39], affine, labels[:24 * 24 * 39])
formats.write_nifti(Path("moved.nii.gz"), sizes, [[1, 0, 0, 9], [0, 1, 0, 0], [0, 0, 2, 0]], labels)
formats.write_nifti(Path("flat.nii.gz"), sizes, affine, array("h", [5]) * len(labels))
formats.write_nifti(Path("negative.nii.gz"), sizes, affine, array("h", [-1]) * len(labels))
formats.write_nifti(Path("blank.nii.gz"), sizes, affine, array("B", [0]) * len(labels))
objects = array("H", ((x // 8) + 1 if x % 8 < 5 and 8 < y < 20 else 0 for y in range(32) for x in range(64)))
formats.write_grey_png(Path("picture.png"), 32, 64, array("B", (20 * v for v in objects)), 8)
formats.write_grey_png(Path("objects.png"), 32, 64, objects, 16)
formats.write_grey_png(Path("narrow.png"), 32, 63, objects[:32 * 63], 16)
END
head -c $(($(stat -c %s labels.nii.gz) / 2)) labels.nii.gz >cut.nii.gz
head -c 40 labels.nii.gz >head.nii.gz
python3 -c "import gzip; open('cut.nii', 'wb').write(gzip.open('labels.nii.gz').read()[:-50])"
head -c 60 objects.png >cut.png
head -c 5000 /dev/urandom >noise.png
printf 'GIF89a' >old.png
: >nothing.png
printf '"box" = [1]\n"spot" = [2]\n' >table.toml
printf '"box" = { text = "box" }\n"spot" = { text = "spot" }\n"cell" = { text = "cell" }\n' >words.toml
mkdir -p folder/images folder/masks folder/values
for name in a b c d e f g h; do cp picture.png folder/images/$name.png && cp objects.png folder/masks/$name.png && cp objects.png folder/values/$name.png; done

command_checks "$source_dir/tests/bad/data.txt"
# None of this left a result behind.
holds "no result file" test -z "$(find results -name '*.h5' 2>/dev/null)"
finish
