#!/bin/bash
# `predict` on volumes: masks come back on the grid of the file, however it is turned; and runs over folders of volumes, COCO
# annotations and .npz cases. Needs scripts/sample_data for the MRI.
program=$1
source "$(dirname "$0")/../support/checks.bash"
source "$(dirname "$0")/../support/pictures.bash"
limit=240
tree=$(cd "$(dirname "$0")/../.." && pwd)
make_pictures "$scratch" || exit 1
cd "$scratch" || exit 1

PYTHONPATH=$tree/scripts/data PYTHONDONTWRITEBYTECODE=1 python3 - <<'END' || exit 1
import json, struct, zipfile
from array import array
from pathlib import Path
import formats
X, Y, Z = 20, 24, 12
def inside(x, y, z):
    return (x - 6) ** 2 + (y - 15) ** 2 + (2 * (z - 5)) ** 2 < 40
def grey(x, y, z):
    return 900 if inside(x, y, z) else (x * 7 + y * 13 + z * 29) % 90
def write(path, sizes, affine, value):
    voxels = (value(i, j, k) for k in range(sizes[2]) for j in range(sizes[1]) for i in range(sizes[0]))
    formats.write_nifti(Path(path), sizes, affine, array("h", voxels))
# The same head twice: as its axes run, and as i = downwards, j = to the left, k = forwards.
write("plain.nii.gz", [X, Y, Z], [[1, 0, 0, -7], [0, 1.5, 0, 3], [0, 0, 2, 0]], grey)
write("turned.nii.gz", [Z, X, Y], [[0, -1, 0, X - 1 - 7], [0, 0, 1.5, 3], [-2, 0, 0, 2 * (Z - 1)]],
      lambda i, j, k: grey(X - 1 - j, k, Z - 1 - i))
write("flat.nii.gz", [X, Y, Z], [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]], lambda i, j, k: 7)
Path("lesions/imagesTr").mkdir(parents=True)
Path("lesions/labelsTr").mkdir()
for case in range(2):
    affine = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0]]
    write(f"lesions/imagesTr/case_{case}.nii.gz", [X, Y, Z], affine, grey)
    write(f"lesions/labelsTr/case_{case}.nii.gz", [X, Y, Z], affine, lambda i, j, k: int(inside(i, j, k)))
pairs = [{"image": f"./imagesTr/case_{n}.nii.gz", "label": f"./labelsTr/case_{n}.nii.gz"} for n in range(2)]
Path("lesions/dataset.json").write_text(json.dumps({"labels": {"0": "background", "1": "disc"}, "training": pairs}))
Path("cells").mkdir()
images, marks = [], []
for n in range(8):
    pixels = (220 if 4 + n <= x < 14 + n and 8 <= y < 20 else 30 + x % 5 for y in range(32) for x in range(32))
    formats.write_grey_png(Path(f"cells/{n}.png"), 32, 32, array("B", pixels), 8)
    images.append({"id": n, "file_name": f"{n}.png", "height": 32, "width": 32})
    outline = [4 + n, 8, 14 + n, 8, 14 + n, 20, 4 + n, 20]
    marks.append({"id": n, "image_id": n, "category_id": 1, "segmentation": [outline], "iscrowd": 0})
document = {"images": images, "annotations": marks, "categories": [{"id": 1, "name": "disc"}]}
Path("cells/all.json").write_text(json.dumps(document))
def npy(shape, data):
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + bytes(data)
Path("packed").mkdir()
for case in range(2):
    with zipfile.ZipFile(f"packed/CT_{case}.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        order = [(x, y, z) for z in range(Z) for y in range(Y) for x in range(X)]
        archive.writestr("imgs.npy", npy((Z, Y, X), (min(255, grey(*p)) for p in order)))
        archive.writestr("gts.npy", npy((Z, Y, X), (int(inside(*p)) for p in order)))
END
printf '"disc" = [1]\n' >disc.toml
sed '/^\[dataset.discs\]/,/^tile/d' tiny.toml >folders.toml
cat >>folders.toml <<'END'
[dataset.lesions]
use = "volume_folder"
modality = "mri"
root = "lesions"
msd = "dataset.json"
window = "full"
[dataset.cells]
use = "coco"
modality = "microscopy"
root = "cells"
annotations = ["all.json"]
[dataset.packed]
use = "npz_cases"
modality = "ct"
root = "packed"
table = "disc.toml"
END

# Training and evaluation over the three kinds of folders.
accepts 'internal_after=' "$program" run folders.toml --quiet --out run
weights=$(echo run/tiny-s1-*.safetensors)
result=$(echo run/tiny-s1-*.h5)
for data in lesions cells packed; do
  accepts "$data" "$program" inspect "$result"
done
# With decoded cases in a folder: the same run; by itself, the same scores, and at the second start from the folder.
accepts 'finished before' "$program" run folders.toml --quiet --out run --set 'dataset.lesions.cache="kept"'
scores=$(grep -o 'internal_before=[^ ]* internal_after=[^ ]*' "$scratch/.out")
for start in empty filled; do
  accepts "${scores:-no scores}" "$program" run folders.toml --quiet --out $start --set 'dataset.lesions.cache="kept"'
done
holds 'two cases of equal contents are one' test "$(find kept -name '*.case' | wc -l) $(find kept -name '*.slices' | wc -l)" = '1 1'
mv cells/3.png kept.png
refuses 3 '3.png: no such file, though all.json names it' "$program" run folders.toml --quiet --out missing
mv kept.png cells/3.png

# A volume as it is and turned: the same masks in the same places, each in the order of its file.
for file in plain turned; do
  accepts "$file.nii.gz: bright disc: [0-9]+ voxels" "$program" predict --checkpoint "$weights" --image $file.nii.gz \
    --prompt 'bright disc' --prompt 'dark ground' --out $file --protocol strict --threshold 0 --axis coronal --window 0 1000
done
python3 - <<'END' || { failed=$((failed + 1)); echo "FAILED: masks of the turned volume lie elsewhere"; }
import gzip, json, struct
def read(path):
    data = gzip.open(path).read()
    sizes, kind = struct.unpack("<8h", data[40:56])[1:4], struct.unpack("<h", data[70:72])[0]
    assert kind == 2 and len(data) == 352 + sizes[0] * sizes[1] * sizes[2], (kind, len(data))
    return sizes, [struct.unpack("<4f", data[280 + 16 * r:296 + 16 * r]) for r in range(3)], data[352:]
X, Y, Z = 20, 24, 12
for name in ("01-bright_disc", "02-dark_ground", "map"):
    sizes, rows, a = read(f"plain/plain/{name}.nii.gz")
    turned_sizes, turned_rows, b = read(f"turned/turned/{name}.nii.gz")
    assert sizes == (X, Y, Z) and turned_sizes == (Z, X, Y), (sizes, turned_sizes)
    assert rows == [(1, 0, 0, -7), (0, 1.5, 0, 3), (0, 0, 2, 0)], rows
    assert turned_rows == [(0, -1, 0, 12), (0, 0, 1.5, 3), (-2, 0, 0, 22)], turned_rows
    assert set(a) <= ({0, 1, 2} if name == "map" else {0, 1})
    for x in range(X):
        for y in range(Y):
            for z in range(Z):
                assert a[x + X * (y + Y * z)] == b[Z - 1 - z + Z * (X - 1 - x + X * y)], (name, x, y, z)
    if name == "map":
        assert {1, 2} & set(a), "no prompt has any voxel"
        masks = [read(f"plain/plain/{n}.nii.gz")[2] for n in ("01-bright_disc", "02-dark_ground")]
        assert all(v == 0 or masks[v - 1][i] == 1 for i, v in enumerate(a))
for folder, array_axis in (("plain", 1), ("turned", 2)):
    [image] = json.load(open(f"{folder}/predictions.json"))["images"]
    assert image["axis"] == "coronal" and image["array_axis"] == array_axis and image["slices"] == Y, image["axis"]
    assert image["window"] == [0, 1000]
    for prompt in image["prompts"]:
        sizes, _, voxels = read(folder + "/" + prompt["mask"])
        assert prompt["voxels"] == sum(voxels) and abs(prompt["millilitres"] - sum(voxels) * 3 / 1000) < 1e-6
        stride = (1, sizes[0], sizes[0] * sizes[1])[array_axis]
        counts = [0] * sizes[array_axis]
        for at, v in enumerate(voxels):
            counts[at // stride % sizes[array_axis]] += v
        assert [s["slice"] for s in prompt["slices"]] == list(range(Y))
        for s in prompt["slices"]:
            assert s["pixels"] == counts[s["array_index"]] and 0 < s["score"] < 1 and 0 < s["presence"] < 1, s
        assert prompt["score"] == max(s["score"] for s in prompt["slices"])
END
checks=$((checks + 1))

# The sample MRI by the processor's rule: the mask has the grid of its header.
mri=${SAM3LAB_DATA:-$tree/data}/sample/brain_mri/image.nii.gz
accepts 'images=1 prompts=1' "$program" predict --checkpoint "$weights" --image "$mri" --prompt disc --out mri --window mr --axis sagittal
python3 - "$mri" mri/image/01-disc.nii.gz <<'END' || { failed=$((failed + 1)); echo "FAILED: the mask of the MRI has another grid"; }
import gzip, struct, sys
source, mask = (gzip.open(path).read(352) for path in sys.argv[1:])
sizes = struct.unpack("<8h", source[40:56])[1:4]
assert sizes == struct.unpack("<8h", mask[40:56])[1:4] == (181, 217, 181), sizes
qform, sform = struct.unpack("<2h", source[252:256])
rows = struct.unpack("<12f", mask[280:328])
if sform > 0:
    expected = struct.unpack("<12f", source[280:328])
else:
    assert qform > 0
    b, c, d, x, y, z = struct.unpack("<6f", source[256:280])
    assert abs(b) + abs(c) + abs(d) < 1e-6, "an upright head"
    dx, dy, dz = struct.unpack("<3f", source[80:92])
    expected = (dx, 0, 0, x, 0, dy, 0, y, 0, 0, dz, z)
assert all(abs(a - b) < 1e-5 for a, b in zip(rows, expected)), (rows, expected)
END
checks=$((checks + 1))
holds 'an overlay is there' test -s mri/image/01-disc-overlay.png

# Other formats: a DICOM series, its files in no order, and NRRD; both say left-posterior-superior.
/usr/bin/python3 - <<'END' || exit 1
import pathlib
import numpy, pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
def grey(x, y, z):
    return numpy.where((x - 6) ** 2 + (y - 15) ** 2 + (2 * (z - 5)) ** 2 < 40, 900, (x * 7 + y * 13 + z * 29) % 90)
pathlib.Path("series").mkdir()
study, series, y, x = generate_uid(), generate_uid(), *numpy.mgrid[:24, :20]
for k in range(12):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_ = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    slice_.is_little_endian, slice_.is_implicit_VR = True, False
    slice_.SOPClassUID, slice_.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    slice_.StudyInstanceUID, slice_.SeriesInstanceUID, slice_.Modality = study, series, "CT"
    slice_.PatientName, slice_.InstanceNumber = "Nobody^Real", 12 - k
    slice_.Rows, slice_.Columns, slice_.PixelSpacing, slice_.SliceThickness = 24, 20, [1.5, 1.0], 2.0
    slice_.ImageOrientationPatient, slice_.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [5, -10, 30 + 2 * k]
    slice_.SamplesPerPixel, slice_.PhotometricInterpretation, slice_.PixelRepresentation = 1, "MONOCHROME2", 0
    slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 16, 15
    slice_.RescaleSlope, slice_.RescaleIntercept = 1, -1024
    slice_.PixelData = (grey(x, y, k) + 1024).astype("<u2").tobytes()
    slice_.save_as(f"series/{(k * 5) % 12}.dcm", write_like_original=False)
header = ("NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 20 24 12\nspace directions: (1,0,0) (0,1.5,0) (0,0,2)\n"
          "endian: little\nencoding: raw\nspace origin: (5,-10,30)\n\n")
z, y, x = numpy.mgrid[:12, :24, :20]
pathlib.Path("scan.nrrd").write_bytes(header.encode() + grey(x, y, z).astype("<i2").tobytes())
END
for file in series scan.nrrd; do
  accepts "$file: disc: [0-9]+ voxels" "$program" predict --checkpoint "$weights" --image $file --prompt disc --out other_${file%.*} --protocol strict \
    --threshold 0 --window 0 1000
done
python3 - <<'END' || { failed=$((failed + 1)); echo "FAILED: masks of a DICOM series or NRRD have another grid"; }
import gzip, struct
masks = [gzip.open(f"other_{name}/{name}/01-disc.nii.gz").read() for name in ("series", "scan")]
for data in masks:
    assert struct.unpack("<8h", data[40:56])[1:4] == (20, 24, 12)
    rows = struct.unpack("<12f", data[280:328])
    assert rows == (-1, 0, 0, -5, 0, -1.5, 0, 10, 0, 0, 2, 30), rows
assert masks[0][352:] == masks[1][352:] and 0 < sum(masks[0][352:]), "the same voxels in both formats"
assert all(b"Nobody" not in data for data in masks)
END
checks=$((checks + 1))
holds 'no name of a patient is written' bash -c '! grep -rq Nobody other_series'

# What is refused, and what replaces.
ask=("$program" predict --checkpoint "$weights" --prompt disc --out none)
refuses 3 'flat.nii.gz: a volume without contrast' "${ask[@]}" --image flat.nii.gz
refuses 2 "--axis: is unknown; got axal, expected axial, coronal, sagittal; did you mean 'axial'" "${ask[@]}" --image plain.nii.gz --axis axal
refuses 2 "--window: is unknown; got ct_sft.*did you mean 'ct_soft'" "${ask[@]}" --image plain.nii.gz --window ct_sft
refuses 2 '--window: has a name, which is for volumes alone' "${ask[@]}" --image picture.png --window ct_soft
refuses 2 '--axis, --channel and --series: are for volumes' "${ask[@]}" --image picture.png --channel 1
refuses 2 'plain: holds an earlier prediction' "$program" predict --checkpoint "$weights" --prompt disc --out plain --image plain.nii.gz
accepts 'prompts=1' "$program" predict --checkpoint "$weights" --prompt disc --out plain --image plain.nii.gz --window=-1000,-10 --force
holds 'the earlier masks are gone' test ! -e plain/plain/map.nii.gz -a ! -e plain/plain/02-dark_ground.nii.gz -a -s plain/plain/01-disc.nii.gz
finish
