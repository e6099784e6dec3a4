# Data that must be refused: exit code 3 (a label table or dictionary: 2), with the file, what was found and what was expected.
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
cat >volume.toml <<'END'
seeds = [1]
[backbone]
use = "sam3"
size = "tiny"
[matcher.one_to_one]
use = "hungarian"
[loss.box]
[scheme]
use = "full"
[dataset.data]
use = "label_volume"
modality = "ct"
image = "image.nii.gz"
labels = "labels.nii.gz"
table = "table.toml"
[prompt.canonical]
dictionary = "words.toml"
[metric.dice]
[train]
steps = 1
END
sed '/^image = /,/^table = /d; s/label_volume/instance_image/; s/^modality.*/&\nimage = "picture.png"\ninstances = "objects.png"\nlabel = "cell"\ntile = 16/' volume.toml >picture.toml
set_refused() {  # CODE PATTERN FILE KEY=VALUE...
  local code=$1 pattern=$2 file=$3 sets=()
  for set in "${@:4}"; do sets+=(--set "$set"); done
  refuses "$code" "$pattern" "$program" run "$file" --out "$scratch/results" "${sets[@]}"
}

# Volumes.
set_refused 3 "absent.nii.gz: no such file" volume.toml dataset.data.image=absent.nii.gz
set_refused 3 "short.nii.gz: label volume of another size than its image; got 24 x 24 x 39, expected 24 x 24 x 40" volume.toml dataset.data.labels=short.nii.gz
set_refused 3 "moved.nii.gz: label volume at another place than its image; got 9 mm apart" volume.toml dataset.data.labels=moved.nii.gz
set_refused 3 "cut.nii.gz: .*(ends early|damaged gzip)" volume.toml dataset.data.labels=cut.nii.gz
set_refused 3 "head.nii.gz: .*(ends early|damaged gzip)" volume.toml dataset.data.labels=head.nii.gz
set_refused 3 "cut.nii: the file ends early; got [0-9]+ bytes, expected at least [0-9]+" volume.toml dataset.data.labels=cut.nii
set_refused 3 "noise.png: not a NIfTI file" volume.toml dataset.data.image=noise.png
set_refused 3 "negative.nii.gz: voxels that are no label values" volume.toml dataset.data.labels=negative.nii.gz
set_refused 3 "flat.nii.gz: a volume without contrast" volume.toml dataset.data.image=flat.nii.gz
set_refused 3 "'data' is empty; got 0 images" volume.toml dataset.data.labels=blank.nii.gz dataset.data.keep_empty=false
set_refused 3 "the split leaves a side empty; got 0 to train on" volume.toml dataset.data.gap=100
set_refused 3 "the split leaves a side empty" volume.toml dataset.data.every=40
set_refused 3 "the split leaves a side empty" volume.toml 'split.mode="subject"'

# Pictures.
set_refused 3 "absent.png: no such file" picture.toml dataset.data.instances=absent.png
set_refused 3 "narrow.png: mask of another size than its image; got 32 x 63, expected 32 x 64" picture.toml dataset.data.instances=narrow.png
set_refused 3 "cut.png: not a readable PNG" picture.toml dataset.data.instances=cut.png
set_refused 3 "noise.png: unknown image format; expected PNG, JPEG, TIFF, BMP, GIF" picture.toml dataset.data.image=noise.png
set_refused 3 "old.png: not a readable GIF" picture.toml dataset.data.image=old.png
set_refused 3 "nothing.png: empty file" picture.toml dataset.data.image=nothing.png
set_refused 3 "not a file; expected a regular file" picture.toml dataset.data.image=.

# Folders of pictures and masks. What only a mask's pixels tell is found when it is read: the run has then begun.
read_refused() {  # CODE PATTERN KEY=VALUE...
  local code=$1 pattern=$2 sets=()
  for set in "${@:3}"; do sets+=(--set "$set"); done
  refuses "$code" "$pattern" "$program" run folder.toml --out "$scratch/begun" "${sets[@]}"
}
mkdir -p folder/images folder/masks folder/values
for name in a b c d e f g h; do cp picture.png folder/images/$name.png && cp objects.png folder/masks/$name.png && cp objects.png folder/values/$name.png; done
sed '/^image = /,/^tile = /d; s/instance_image/paired_folders/; s|^modality.*|&\nroot = "folder"\nimages = ["images/{id}.png"]\nmasks = ["masks/{id}.png"]\nlabels = ["cell"]\nthreshold = 0|' picture.toml >folder.toml
set_refused 3 "absent: the folder cannot be read; got No such file or directory" folder.toml dataset.data.root=absent
set_refused 3 "'data' is empty; got 0 images" folder.toml 'dataset.data.images=["images/{id}.jpg"]' 'dataset.data.orphans="allow"'
set_refused 3 "folder: another number of images than the source has; got 8, expected 9" folder.toml dataset.data.expect=9
set_refused 3 "folder: .exclude. names images that are not there; got 1: z" folder.toml 'dataset.data.exclude=["z"]'
set_refused 2 "template 'images/[{]id:[(][}].png': the expression of [{]id[}] has a group without its closing bracket" folder.toml 'dataset.data.images=["images/{id:(}.png"]'
set_refused 2 "this encoding needs a table; got values" folder.toml 'dataset.data.encoding="values"'
set_refused 2 "'[{]patient[}]' has a gap that the images' template has not" folder.toml 'dataset.data.subject="{patient}"'
printf '"cell" = [1, 2, 3]\n' >cells.toml
read_refused 3 "values/..png: values outside of the encoding; got 4 [(][0-9]+ px[)], 5 .* expected 1, 2, 3" 'dataset.data.encoding="values"' 'dataset.data.labels=[]' dataset.data.table=cells.toml 'dataset.data.masks=["values/{id}.png"]'
read_refused 3 "masks/..png: a mask that is not black, with nothing above the threshold; got values up to 8" dataset.data.threshold=127
read_refused 3 "masks/..png: no XML of annotations|masks/..png:1: no XML of annotations" 'dataset.data.encoding="ddti_xml"'
read_refused 3 "masks/..png:1: no point of a contour" 'dataset.data.encoding="points_text"'
read_refused 3 "masks/..png: an outline that is not closed" 'dataset.data.encoding="outline"'
rm folder/masks/b.png folder/images/c.png
set_refused 3 "folder: images without a mask; got 1: images/b.png, expected masks/[{]id[}].png" folder.toml
set_refused 3 "folder: masks without an image; got 1: masks/c.png" folder.toml
cp cut.png folder/masks/b.png
read_refused 3 "masks/b.png: not a readable PNG" 'dataset.data.orphans="allow"'
cp narrow.png folder/masks/b.png
read_refused 3 "masks/b.png: mask of another size than its image; got 32 x 63, expected 32 x 64" 'dataset.data.orphans="allow"'

# Labels and texts.
set_refused 3 "label 'vessel' of dataset 'data' has no prompt" picture.toml 'dataset.data.label="vessel"'
printf '"box" = { text = "box", colour = "red" }\n"spot" = 3\n' >odd_words.toml
set_refused 2 "odd_words.toml:1: 'colour' of 'box' is not understood" volume.toml prompt.canonical.dictionary=odd_words.toml
set_refused 2 "odd_words.toml:2: 'spot' is no entry" volume.toml prompt.canonical.dictionary=odd_words.toml
set_refused 2 "no_words.toml: .*check that the file is there" volume.toml prompt.canonical.dictionary=no_words.toml
printf '"box" = [1, 1]\n"spot" = "all"\n' >odd_table.toml
set_refused 2 "odd_table.toml:1: label 'box' lists a value twice" volume.toml dataset.data.table=odd_table.toml
set_refused 2 "odd_table.toml:2: label 'spot' has no values" volume.toml dataset.data.table=odd_table.toml
set_refused 2 "range is empty" volume.toml 'dataset.data.window="range"' 'dataset.data.range=[3, 3]'
set_refused 2 "either .label. or .types. and .table." picture.toml 'dataset.data.label=""'

# The same volume with another name trains and is scored elsewhere: two roles of one subject do not go together.
{ cat volume.toml; sed -n '/^\[dataset.data\]/,/^table/p' volume.toml | sed 's/dataset.data/dataset.other/; s/^use.*/&\nrole = "external"/'; } >leak.toml
set_refused 3 "an external dataset shares a subject with one that trains; got image" leak.toml

# None of this left a result behind.
holds "no result file" test -z "$(find results -name '*.h5' 2>/dev/null)"
finish
