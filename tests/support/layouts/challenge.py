"""Cases of the CVPR 2025 challenge: one .npz each, in folders by modality and data set."""

import numpy as np

from files import SIDE
from volumes import ABDOMEN, scan

SHAPE = (6, SIDE, 48)  # D, H, W
SEEN = 4  # slices 1 to 4 hold the labels


def case(out, name, relative, labels, group, spacing, boxes=False):
    """Each label has an 8 x 6 px brick in four slices. `boxes`: the optional prompts, an array of Python objects that no reader needs."""
    codes = np.zeros(SHAPE, np.uint8)
    for number, value in enumerate(labels.values()):
        row, column = 2 + 10 * (number % 6), 2 + 8 * (number // 6)
        codes[1:5, row : row + 8, column : column + 6] = value
    arrays = {"imgs": scan(out, SHAPE, np.uint8, 0, 255), "gts": codes, "spacing": np.array(spacing)}
    if boxes:
        arrays["boxes"] = np.array([{"z_min": 1, "z_max": 4, "z_mid": 2}], dtype=object)
    np.savez_compressed(out.path(name, relative), **arrays)
    out.expect(name, images=SEEN, group=group)
    for label in labels:
        out.label(name, label, SEEN * 48, images=SEEN)


def packed_cases(out):
    """All data sets of the challenge lie below one root; the ids of CT and MRI differ."""
    amos = ABDOMEN + ["pancreas", "right adrenal gland", "left adrenal gland", "duodenum", "urinary bladder", "prostate or uterus"]
    organs = {label: value for value, label in enumerate(amos, 1)}
    heart = {"left ventricle": 1, "myocardium": 2, "left atrium": 3}
    for name, stem, labels, ids, group in (
        ("cvpr25_ct_amos", "CT/CT_AMOS/CT_AMOS_amos_{}", organs, ("0001", "0377"), r"amos_(\d+)"),
        ("cvpr25_mr_amos", "MR/MR_AMOS/MR_AMOSMR_amos_{}", organs, ("0517", "0597"), r"amos_(\d+)"),
        (
            "cvpr25_us_cardiac",
            "US3D/US_Cardiac/US_Cardiac_{}_half_sequence",
            heart,
            ("patient0011_2CH", "patient0011_4CH", "patient0015_2CH"),
            r"(patient\d+)_",
        ),
    ):
        for number, one in enumerate(ids):
            case(out, name, stem.format(one) + ".npz", labels, group, (0.8, 0.7, 5.0), boxes=number == 0)
        other = out.path(name, "CT/CT_Lungs/CT_LungMasks_LUNG1-326.npz")
        np.savez_compressed(other, imgs=np.zeros(SHAPE, np.uint8), gts=np.zeros(SHAPE, np.uint8), spacing=np.ones(3))
