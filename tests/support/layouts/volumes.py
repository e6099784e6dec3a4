"""Volumes and stacks: NIfTI, MetaImage, HDF5, NumPy, COCO and the decathlon's dataset.json, as the data sets are downloaded."""

import json
import zlib

import h5py
import nibabel
import numpy as np

from files import SIDE, box, disk, square, tiles

DEPTH = 8


def write_nifti(path, array, spacing=(0.8, 0.8, 3.0)):
    """Stored to the patient's left, posterior and superior, as most CT is."""
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    nibabel.save(nibabel.Nifti1Image(array, affine), path)


def write_mha(path, array, compressed=False):
    """`array` [..., y, x]: the fastest axis comes last."""
    data = np.ascontiguousarray(array, np.uint8).tobytes()
    dims = array.ndim
    header = {
        "ObjectType": "Image",
        "NDims": dims,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(compressed),
    }
    if compressed:
        data = zlib.compress(data)
        header["CompressedDataSize"] = len(data)
    header["TransformMatrix"] = " ".join(str(int(i == j)) for i in range(dims) for j in range(dims))
    header["Offset"] = " ".join("0" * dims)
    header["ElementSpacing"] = " ".join("1" * dims)
    header["DimSize"] = " ".join(str(n) for n in reversed(array.shape))
    header["ElementType"] = "MET_UCHAR"
    header["ElementDataFile"] = "LOCAL"
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in header.items()).encode() + data)


def write_h5(path, key, array):
    with h5py.File(path, "w") as file:
        file.create_dataset(key, data=array, compression="gzip")


def scan(out, shape=(SIDE, 48, DEPTH), dtype=np.int16, low=-200, high=300):
    out.seed += 1
    random = np.random.default_rng(out.seed)
    coarse = random.integers(low, high, tuple(max(1, n // 8) for n in shape))
    for axis, n in enumerate(shape):
        coarse = np.repeat(coarse, -(-n // coarse.shape[axis]), axis)
    return coarse[tuple(slice(n) for n in shape)].astype(dtype)


SEEN = 4  # slices 2 to 5 hold the labels


def labelled(out, name, image, mask, values, groups=None, channels=0, dtype=np.int16, group=None, low=-200, high=300):
    """One case: each value has an 8 x 6 px brick in slices 2 to 5. `groups`: label -> values, where that is not one to one."""
    volume, codes = scan(out, dtype=dtype, low=low, high=high), np.zeros((SIDE, 48, DEPTH), np.uint8)
    for number, value in enumerate(values.values()):
        row, column = 2 + 10 * (number % 6), 2 + 8 * (number // 6)
        codes[row : row + 8, column : column + 6, 2:6] = value
    if channels:
        volume = np.stack([volume] + [scan(out, dtype=dtype, low=low, high=high) for _ in range(channels - 1)], -1)
    write_nifti(out.path(name, image), volume)
    write_nifti(out.path(name, mask), codes)
    out.expect(name, images=SEEN, group=group)
    for label, of_label in (groups or {label: [value] for label, value in values.items()}).items():
        out.label(name, label, SEEN * 48 * len(of_label), images=SEEN)


ABDOMEN = ["spleen", "right kidney", "left kidney", "gallbladder", "esophagus", "liver", "stomach", "aorta", "inferior vena cava"]


def abdomen(out):
    btcv = ABDOMEN + ["portal vein and splenic vein", "pancreas", "right adrenal gland", "left adrenal gland"]
    for case in ("0001", "0040"):
        labelled(
            out,
            "btcv",
            f"RawData/Training/img/img{case}.nii.gz",
            f"RawData/Training/label/label{case}.nii.gz",
            {label: n for n, label in enumerate(btcv, 1)},
            group=r"img/img(\d+)",
        )
    amos = ABDOMEN + ["pancreas", "right adrenal gland", "left adrenal gland", "duodenum", "urinary bladder", "prostate or uterus"]
    for name, cases in (("amos_ct", (("Tr", "0001"), ("Va", "0013"))), ("amos_mri", (("Tr", "0507"), ("Va", "0530")))):
        for part, case in cases:
            for other in ("amos_ct", "amos_mri"):  # CT and MRI lie in the same folders
                volume, codes = f"images{part}/amos_{case}.nii.gz", f"labels{part}/amos_{case}.nii.gz"
                if other == name:
                    labelled(out, name, volume, codes, {label: n for n, label in enumerate(amos, 1)}, group=r"amos_(\d+)", low=0, high=400)
                else:
                    write_nifti(out.path(other, volume), scan(out))
                    write_nifti(out.path(other, codes), np.zeros((SIDE, 48, DEPTH), np.uint8))
        out.path(name, "dataset.json").write_text("{}\n")
    tumour = {"liver": [1, 2], "liver tumour": [2]}
    for batch, case in (("Training Batch 1", "0"), ("Training Batch 2", "28")):
        labelled(
            out,
            "lits",
            f"{batch}/volume-{case}.nii",
            f"{batch}/segmentation-{case}.nii",
            {"liver": 1, "tumour": 2},
            groups=tumour,
            group=r"volume-(\d+)",
        )


def head_and_heart(out):
    for part, patient, frames in (("training", "001", ("01", "12")), ("testing", "101", ("01",))):
        folder = f"database/{part}/patient{patient}"
        for frame in frames:
            stem = f"{folder}/patient{patient}_frame{frame}"
            labelled(
                out,
                "acdc",
                f"{stem}.nii.gz",
                f"{stem}_gt.nii.gz",
                {"right ventricle": 1, "myocardium": 2, "left ventricle": 3},
                group=r"patient(\d+)_",
                low=0,
                high=300,
            )
        write_nifti(out.path("acdc", f"{folder}/patient{patient}_4d.nii.gz"), np.zeros((8, 8, 2, 3), np.int16))
        out.path("acdc", f"{folder}/Info.cfg").write_text("ED: 1\nES: 12\nGroup: DCM\n")
    for name, stem, other, enhancing in (
        ("brats2021", "BraTS2021_00000/BraTS2021_00000_", ("flair", "t1", "t1ce", "t2"), 4),
        ("brats2023_gli", "BraTS-GLI-00000-000/BraTS-GLI-00000-000-", ("t2f", "t1n", "t1c", "t2w"), 3),
    ):
        groups = {
            "brain tumour": [1, 2, enhancing],
            "enhancing tumour": [enhancing],
            "necrotic tumour core": [1],
            "peritumoral edema": [2],
            "tumour core": [1, enhancing],
        }
        labelled(
            out,
            name,
            f"{stem}{other[0]}.nii.gz",
            f"{stem}seg.nii.gz",
            {"core": 1, "edema": 2, "enhancing": enhancing},
            groups=groups,
            low=0,
            high=900,
        )
        for sequence in other[1:]:
            write_nifti(out.path(name, f"{stem}{sequence}.nii.gz"), scan(out))


DECATHLON = [
    (
        "msd_brain_tumour",
        "BRATS_001",
        4,
        {"edema": 1, "non-enhancing tumor": 2, "enhancing tumour": 3},
        {"brain tumour": [1, 2, 3], "enhancing tumour": [3], "non-enhancing tumour": [2], "peritumoral edema": [1]},
    ),
    ("msd_heart", "la_003", 0, {"left atrium": 1}, {"left atrium": [1]}),
    ("msd_liver", "liver_0", 0, {"liver": 1, "cancer": 2}, {"liver": [1, 2], "liver tumour": [2]}),
    (
        "msd_hippocampus",
        "hippocampus_001",
        0,
        {"Anterior": 1, "Posterior": 2},
        {"anterior hippocampus": [1], "posterior hippocampus": [2], "hippocampus": [1, 2]},
    ),
    (
        "msd_prostate",
        "prostate_00",
        2,
        {"PZ": 1, "TZ": 2},
        {"prostate": [1, 2], "prostate peripheral zone": [1], "prostate transition zone": [2]},
    ),
    ("msd_lung", "lung_001", 0, {"cancer": 1}, {"lung tumour": [1]}),
    ("msd_pancreas", "pancreas_001", 0, {"pancreas": 1, "cancer": 2}, {"pancreas": [1, 2], "pancreatic tumour": [2]}),
    ("msd_hepatic_vessel", "hepaticvessel_001", 0, {"Vessel": 1, "Tumour": 2}, {"hepatic vessel": [1], "liver tumour": [2]}),
    ("msd_spleen", "spleen_2", 0, {"spleen": 1}, {"spleen": [1]}),
    ("msd_colon", "colon_001", 0, {"colon cancer primaries": 1}, {"colon cancer": [1]}),
]


def decathlon(out):
    for name, case, channels, values, groups in DECATHLON:
        labelled(out, name, f"imagesTr/{case}.nii.gz", f"labelsTr/{case}.nii.gz", values, groups=groups, channels=channels, low=0, high=400)
        out.path(name, f"imagesTr/._{case}.nii.gz").write_bytes(b"\x00\x05\x16\x07")  # what the archives carry along
        write_nifti(out.path(name, f"imagesTs/{case}9.nii.gz"), scan(out))
        described = {
            "name": name,
            "tensorImageSize": "4D" if channels else "3D",
            "modality": {"0": "CT"},
            "numTraining": 1,
            "numTest": 1,
            "labels": {"0": "background", **{str(value): label for label, value in values.items()}},
            "training": [{"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"}],
            "test": [f"./imagesTs/{case}9.nii.gz"],
        }
        out.path(name, "dataset.json").write_text(json.dumps(described))


def ultrasound_volumes(out):
    for volunteer, sweep in (("001", "P1_1_left"), ("001", "P1_1_right")):
        labelled(
            out,
            "segthy_us",
            f"ground_truth_data/US/{volunteer}_{sweep}_US.nii",
            f"ground_truth_data/US_thyroid_label/{volunteer}_{sweep}.nii",
            {"thyroid gland": 1},
            dtype=np.uint8,
            low=0,
            high=255,
        )
    labelled(
        out, "segthy_mri", "MRI/001_MRI.nii.gz", "MRI_thyroid_label/001_MRI_thyroid_label.nii.gz", {"thyroid gland": 1}, low=0, high=800
    )
    vessels = np.full((SIDE, 48, DEPTH), 4, np.uint8)
    write_nifti(out.path("segthy_mri", "MRI_thyroid+jugular+carotid_label/001_MRI_thyroid+jugular+carotid_label.nii.gz"), vessels)
    for number in ("00001", "04000"):
        codes = np.where(box(5, 5, 12, 20), 1, np.where(disk(44, 40, 12), 2, 0))
        write_mha(out.path("ps_fh_aop_2023", f"image_mha/{number}.mha"), np.moveaxis(out.picture(), -1, 0), compressed=True)
        write_mha(out.path("ps_fh_aop_2023", f"label_mha/{number}.mha"), codes)
        out.expect("ps_fh_aop_2023", pubic_symphysis=240, fetal_head=disk(44, 40, 12).sum())
    case = "6a6a06a3-5f8d-4b5e-9b6f-4cf1f0a7e3c1"
    frames, codes = np.stack([out.picture(channels=1) for _ in range(DEPTH)]), np.zeros((DEPTH, SIDE, SIDE), np.uint8)
    codes[3, 10:30, 10:40], codes[4, 10:30, 10:42] = 2, 1
    write_mha(out.path("acouslic_ai", f"images/stacked_fetal_ultrasound/{case}.mha"), frames, compressed=True)
    write_mha(out.path("acouslic_ai", f"masks/stacked_fetal_abdomen/{case}.mha"), codes, compressed=True)
    out.expect("acouslic_ai", images=2)
    out.label("acouslic_ai", "fetal abdomen", 20 * 30 + 20 * 32, images=2)


def cells(out):
    """HDF5 is stored [Z, Y, X]; the slices lie along Z."""
    numbered = np.zeros((DEPTH, 48, SIDE), np.uint16)
    numbered[2:6, 5:15, 5:20], numbered[2:6, 25:37, 30:50] = 7, 300
    for variant in ("ColonTissue_LowNoise_3D_HDF5", "ColonTissue_HighNoise_3D_HDF5"):
        write_h5(
            out.path("mucic_colon_tissue", f"{variant}/image-final_0001.h5"), "Image", scan(out, (DEPTH, 48, SIDE), np.uint16, 0, 4000)
        )
        write_h5(out.path("mucic_colon_tissue", f"{variant}/image-labels_0001.h5"), "Image", (numbered > 0).astype(np.uint16))
    for variant in ("HL60_LowNoise_C00_3D_HDF5", "Granulocytes_HighNoise_3D_HDF5"):
        write_h5(
            out.path("mucic_hl60_granulocytes", f"{variant}/image-final_0001.h5"), "Image", scan(out, (DEPTH, 48, SIDE), np.uint16, 0, 4000)
        )
        write_h5(out.path("mucic_hl60_granulocytes", f"{variant}/image-labels_0001.h5"), "Image", numbered)
    for part in ("train", "val"):
        write_h5(out.path("nucmm_z", f"Image/{part}/img_0000_0000.h5"), "main", scan(out, (DEPTH, 48, SIDE), np.uint8, 0, 255))
        write_h5(out.path("nucmm_z", f"Label/{part}/seg_0000_0000.h5"), "main", numbered)
    area = 10 * 15 + 12 * 20
    for name, label in (("mucic_colon_tissue", "cell"), ("mucic_hl60_granulocytes", "cell nucleus"), ("nucmm_z", "any nucleus")):
        out.expect(name, images=2 * SEEN)
        out.label(name, label, 2 * SEEN * area, images=2 * SEEN)
    organelles(out)
    for fold in (1, 2):
        masks = np.zeros((2, SIDE, SIDE, 6))
        for channel, tile in enumerate(tiles(5)):
            masks[channel % 2, ..., channel][tile] = 7 + channel
        masks[0, 30:40, 30:45, 0] = 4  # a second one
        masks[..., 5] = masks[..., :5].sum(-1) == 0
        np.save(
            out.path("pannuke", f"Fold {fold}/images/fold{fold}/images.npy"), np.stack([out.picture() for _ in range(2)]).astype(np.float64)
        )
        np.save(out.path("pannuke", f"Fold {fold}/masks/fold{fold}/masks.npy"), masks)
        np.save(out.path("pannuke", f"Fold {fold}/images/fold{fold}/types.npy"), np.array(["Breast", "Colon"]))
        out.expect("pannuke", images=2)
        for label, pixels in (
            ("neoplastic nucleus", 60 + 150),
            ("inflammatory nucleus", 60),
            ("connective tissue nucleus", 60),
            ("dead nucleus", 60),
            ("epithelial nucleus", 60),
        ):
            out.label("pannuke", label, pixels)


def organelles(out):
    """The second volume has no file for lysosomes: nothing is known of them there."""
    area = 10 * 15
    for case, folders in (
        ("fib1-0-0-0", ("mito/instance", "lyso/instance", "fv/instance", "golgi/precise")),
        ("fib1-4-3-0", ("mito/instance", "golgi/precise")),
    ):
        write_nifti(out.path("urocell", f"data/{case}.nii.gz"), scan(out, dtype=np.uint8, low=0, high=255), (1, 1, 1))
        out.expect("urocell", images=SEEN)
        for number, folder in enumerate(folders):
            codes = np.zeros((SIDE, 48, DEPTH), np.uint8)
            codes[5:15, 2 + 10 * number : 2 + 10 * number + 5, 2:6] = 1 if folder.startswith("golgi") else 3
            codes[25:35, 2 + 10 * number : 2 + 10 * number + 10, 2:6] = 1 if folder.startswith("golgi") else 9
            write_nifti(out.path("urocell", f"{folder}/{case}.nii.gz"), codes, (1, 1, 1))
            label = {"mito": "mitochondrion", "lyso": "lysosome", "fv": "fusiform vesicle", "golgi": "golgi apparatus"}[
                folder.split("/")[0]
            ]
            out.label("urocell", label, SEEN * area, images=SEEN)


def coronary_arteries(out):
    segments = [
        {"id": n, "name": name, "supercategory": ""}
        for n, name in enumerate("1 2 3 4 5 6 7 8 9 9a 10 10a 11 12 12a 13 14 14a 15 16 16a 16b 16c 12b 14b stenosis".split(), 1)
    ]
    for name, half, ids in (("arcade_syntax", "syntax", (1, 10)), ("arcade_stenosis", "stenosis", (26, 26))):
        for part in ("train", "val", "test"):
            out.save_picture(name, f"{half}/{part}/images/1.png", channels=1 if half == "syntax" else 3)
            shapes = (square(), square(35.75, 38.75, 12.0))
            annotations = [
                {
                    "id": n,
                    "image_id": 1,
                    "category_id": category,
                    "segmentation": [[value for point in points for value in point]],
                    "area": 400.0,
                    "bbox": [points[0][0], points[0][1], 20.0, 20.0],
                    "iscrowd": 0,
                    "attributes": {"occluded": False},
                }
                for n, (points, category) in enumerate(zip(shapes, ids), 1)
            ]
            out.path(name, f"{half}/{part}/annotations/{part}.json").write_text(
                json.dumps(
                    {
                        "licenses": [{"name": "", "id": 0, "url": ""}],
                        "info": {},
                        "categories": segments,
                        "annotations": annotations,
                        "images": [{"id": 1, "width": SIDE, "height": SIDE, "file_name": "1.png", "license": 0, "date_captured": 0}],
                    }
                )
            )
            out.expect(name)
            out.label(name, "coronary artery" if half == "syntax" else "coronary stenosis", 400 + 144)
