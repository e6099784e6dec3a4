"""Fundus, OCT, dermoscopy, histology and microscopy: fields of view, GIF, PPM in gzip, polygons, MATLAB, instances, ignored values."""

import json

import numpy as np
from PIL import Image, ImageDraw
from scipy import io, ndimage

from files import SIDE, box, disk, save, square, tiles, white


def fundus(out):
    for stem in ("21", "22"):
        out.save_picture("drive", f"training/images/{stem}_training.tif")
        vessel, seen = box(30, 0, 4, SIDE), disk(32, 32, 26)
        save(out.path("drive", f"training/1st_manual/{stem}_manual1.gif"), white(vessel & seen))
        save(out.path("drive", f"training/mask/{stem}_training_mask.gif"), white(seen))
        out.expect("drive", retinal_blood_vessel=(vessel & seen).sum())
    out.save_picture("drive", "test/images/01_test.tif")
    for eye in ("01L", "01R", "14L"):
        out.save_picture("chase_db1", f"Image_{eye}.jpg")
        Image.fromarray(white(box(20, 0, 3, SIDE))).convert("1").save(out.path("chase_db1", f"Image_{eye}_1stHO.png"))
        Image.fromarray(white(box(20, 0, 9, SIDE))).convert("1").save(out.path("chase_db1", f"Image_{eye}_2ndHO.png"))
        out.expect("chase_db1", group=r"Image_(\d+)", retinal_blood_vessel=3 * SIDE)
    for stem in ("im0001", "im0324"):
        save(out.path("stare", f"stare-images/{stem}.ppm.gz"), out.picture())
        save(out.path("stare", f"labels-ah/{stem}.ah.ppm.gz"), white(box(11, 0, 5, SIDE)))
        save(out.path("stare", f"labels-vk/{stem}.vk.ppm.gz"), white(box(11, 0, 7, SIDE)))
        out.expect("stare", retinal_blood_vessel=5 * SIDE)
    for stem in (
        "001_F_GA39_BW3120_PA42_DG0_PF0_D1_S01_1",
        "001_F_GA39_BW3120_PA42_DG0_PF0_D1_S01_2",
        "017_M_GA28_BW860_PA38_DG2_PF1_D1_S02_4",
    ):
        out.save_picture("coph100", f"{stem[:3]}/{stem}.jpg")
        save(out.path("coph100", f"{stem[:3]}/{stem}_mask.png"), white(box(40, 0, 4, SIDE)))
        out.expect("coph100", group=r"/(\d+)_", retinal_blood_vessel=4 * SIDE)
    out.path("coph100", "001/point_annotations.txt").write_text("1 2 3 4\n")
    for eye in ("002OD", "002OS", "004OD"):
        out.save_picture("papila", f"FundusImages/RET{eye}.jpg")
        for expert in (1, 2):
            for part, points in (("disc", square()), ("cup", square(14.75, 14.75, 8.0 + 2 * (expert - 1)))):
                text = "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points)
                out.path("papila", f"ExpertsSegmentations/Contours/RET{eye}_{part}_exp{expert}.txt").write_text(text)
        out.expect("papila", group=r"RET(\d+)", optic_disc=400, optic_cup=64)
    for stem in ("IR_Case_011", "IR_Case_017"):
        values = np.zeros((SIDE, SIDE), np.uint8)
        values[10:14], values[30:36] = 128, 255
        out.save_picture("ravir", f"train/training_images/{stem}.png", channels=1)
        save(out.path("ravir", f"train/training_masks/{stem}.png"), values)
        out.expect("ravir", retinal_artery=4 * SIDE, retinal_vein=6 * SIDE)
    out.save_picture("ravir", "test/IR_Case_006.png", channels=1)


def oct_and_skin(out):
    """Outlines of several cysts in one file; lesions as PNG and as BMP."""
    for case in ("1", "2"):
        outline = Image.new("RGB", (SIDE, SIDE))
        for ellipse in ((8, 8, 24, 20), (34, 30, 56, 50)):
            ImageDraw.Draw(outline).ellipse(ellipse, outline=(255, 255, 255), width=1)
        name = "intraretinal_cystoid_fluid"
        out.save_picture(name, f"{case}/images/image_{case}.jpeg")
        outline.save(out.path(name, f"{case}/masks/mask_{case}.png"))
        out.expect(name, cystoid_macular_edema=ndimage.binary_fill_holes(np.asarray(outline)[..., 0] > 0).sum())
    for part, stem in (("Training", "ISIC_0000000"), ("Validation", "ISIC_0012255"), ("Test", "ISIC_0012169")):
        out.save_picture("isic_2018", f"ISIC2018_Task1-2_{part}_Input/{stem}.jpg")
        save(out.path("isic_2018", f"ISIC2018_Task1_{part}_GroundTruth/{stem}_segmentation.png"), white(disk(32, 30, 15)))
        out.expect("isic_2018", skin_lesion=disk(32, 30, 15).sum())
    out.path("isic_2018", "ISIC2018_Task1-2_Training_Input/ATTRIBUTION.txt").write_text("CC-0\n")
    for stem in ("IMD002", "IMD437"):
        folder = f"PH2 Dataset images/{stem}"
        out.save_picture("ph2", f"{folder}/{stem}_Dermoscopic_Image/{stem}.bmp")
        Image.fromarray(white(disk(30, 30, 12))).convert("1").save(out.path("ph2", f"{folder}/{stem}_lesion/{stem}_lesion.bmp"))
        save(out.path("ph2", f"{folder}/{stem}_roi/{stem}_R1_Label1.bmp"), white(disk(30, 30, 5)))
        out.expect("ph2", skin_lesion=disk(30, 30, 12).sum())


def histology(out):
    first, second = disk(16, 16, 8), disk(44, 44, 10)
    numbered = np.zeros((SIDE, SIDE), np.uint8)
    numbered[first], numbered[second] = 1, 2
    for stem in ("train_1", "train_10", "testA_1", "testB_1"):
        out.save_picture("glas", f"{stem}.bmp")
        save(out.path("glas", f"{stem}_anno.bmp"), numbered)
        out.expect("glas", gland=first.sum() + second.sum())
    out.path("glas", "Grade.csv").write_text("name,patient ID,grade (GlaS),grade (Sirinukunwattana et al. 2015)\n")
    for name, image, xml, stems in (
        ("monuseg", "Tissue Images/", "Annotations/", ("TCGA-A7-A13E-01Z-00-DX1", "TCGA-18-5592-01Z-00-DX1")),
        ("monuseg_test", "", "", ("TCGA-2Z-A9J9-01A-01-TS1",)),
    ):
        for stem in stems:
            out.save_picture(name, f"{image}{stem}.tif")
            regions = "".join(aperio_region(n, points) for n, points in enumerate((square(), square(35.75, 38.75, 12.0)), 1))
            out.path(name, f"{xml}{stem}.xml").write_text(
                '<Annotations MicronsPerPixel="0.252000">\n <Annotation Id="1" Name="" ReadOnly="0" Type="4">\n  <Regions>\n'
                f"   <RegionAttributeHeaders/>\n{regions}  </Regions>\n  <Plots/>\n </Annotation>\n</Annotations>\n"
            )
            out.expect(name, group=r"(TCGA-\w+-\w+)-" if name == "monuseg" else None, nucleus=400 + 144)
    typed_nuclei(out)
    tissue_regions(out)


CONSEP = {
    1: "miscellaneous nucleus",
    2: "inflammatory nucleus",
    3: "healthy epithelial nucleus",
    4: "malignant epithelial nucleus",
    5: "fibroblast nucleus",
    6: "muscle nucleus",
    7: "endothelial nucleus",
}
BCSS = {
    1: "tumour",
    2: "stroma",
    3: "lymphocytic infiltrate",
    4: "necrosis",
    5: "glandular secretion",
    6: "blood",
    8: "metaplastic tissue",
    9: "fat",
    10: "plasma cell infiltrate",
    11: "immune infiltrate",
    12: "mucoid material",
    13: "normal acinus or duct",
    14: "lymphatic vessel",
    16: "nerve",
    17: "skin adnexa",
    18: "blood vessel",
    19: "angioinvasion",
    20: "ductal carcinoma in situ",
    21: "other tissue",
}


def typed_nuclei(out):
    """MATLAB 5, compressed, doubles: two nuclei of the fourth type, one of each other."""
    for part, stem in (("Train", "train_1"), ("Test", "test_1")):
        numbers, kinds = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
        for number, (kind, tile) in enumerate(zip([*CONSEP, 4], tiles(8)), 1):
            numbers[tile], kinds[tile] = number, kind
        out.save_picture("consep", f"{part}/Images/{stem}.png")
        io.savemat(
            out.path("consep", f"{part}/Labels/{stem}.mat"),
            {"inst_map": numbers, "type_map": kinds, "inst_type": np.array([[*CONSEP, 4]]).T, "inst_centroid": np.zeros((8, 2))},
            do_compression=True,
        )
        out.save_picture("consep", f"{part}/Overlay/{stem}.png")
        out.expect("consep")
        for kind, label in CONSEP.items():
            out.label("consep", label, 120 if kind == 4 else 60)


def tissue_regions(out):
    """Codes 0, 7 and 15 say nothing of their pixels."""
    for stem in ("TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0.2500", "TCGA-A2-A04P-DX1_xmin104246_ymin48517_MPP-0.2500"):
        codes = np.zeros((SIDE, SIDE), np.uint8)
        for code, tile in zip([*BCSS, 7, 15], tiles(len(BCSS) + 2)):
            codes[tile] = code
        out.save_picture("breast_cancer_segmentation", f"rgbs_colorNormalized/{stem}.png")
        save(out.path("breast_cancer_segmentation", f"masks/{stem}.png"), codes)
        out.expect("breast_cancer_segmentation", group=r"(TCGA-\w+-\w+)-")
        for label in BCSS.values():
            out.label("breast_cancer_segmentation", label, 60)
    out.path("breast_cancer_segmentation", "meta/gtruth_codes.tsv").write_text("label\tGT_code\noutside_roi\t0\ntumor\t1\n")


def aperio_region(number, points):
    vertices = "".join(f'<Vertex X="{x:.6f}" Y="{y:.6f}" Z="0.000000"/>' for x, y in points)
    return f'   <Region Id="{number}" Type="0" Zoom="1.0" Selected="0" Area="1" DisplayId="{number}">\n    <Attributes/>\n    <Vertices>{vertices}</Vertices>\n   </Region>\n'


def microscopy(out):
    for stem in (
        "00071198d059ba7f5914a526d124d28e6d010c92466da21d4a04cd5413362552",
        "003cee89357d9fe13516167fd67b609a164651b21934585648c740d2c3d86dc1",
    ):
        image = np.concatenate([out.picture(), np.full((SIDE, SIDE, 1), 255, np.uint8)], -1)
        save(out.path("dsb2018", f"stage1_train/{stem}/images/{stem}.png"), image)
        total = 0
        for number, mask in enumerate((disk(16, 16, 6), disk(40, 44, 7), disk(50, 12, 4))):
            save(out.path("dsb2018", f"stage1_train/{stem}/masks/{number:x}{stem[1:]}.png"), white(mask))
            total += mask.sum()
        out.expect("dsb2018", any_nucleus=total)
    for name in ("pcmmd", "mmdb"):
        for folder, label, stem in (
            ("plasma cells", "plasma_cell", "1692243677854"),
            ("non-plasma cells", "non_plasma_cell", "1692244012345"),
            ("plasma cells", None, "1692249999999"),
        ):
            out.save_picture(name, f"data/segmentation/{folder}/images/{stem}.jpg")
            if label:
                labelme(out.path(name, f"data/segmentation/{folder}/masks/{stem}.json"), f"{stem}.jpg", [(label, "polygon", square())])
                out.expect(name)
                out.label(name, "plasma cell", 400 if label == "plasma_cell" else 0)
                out.label(name, "non-plasma cell", 400 if label == "non_plasma_cell" else 0)
        out.path(name, "data/detection/train/labels.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    for stem, tumour in (("IMG000001", True), ("IMG000002", True), ("IMG001900", False)):
        out.save_picture("btxrd", f"images/{stem}.jpeg")
        if tumour:
            labelme(
                out.path("btxrd", f"Annotations/{stem}.json"),
                f"{stem}.jpeg",
                [("osteochondroma", "rectangle", [[5.0, 5.0], [40.0, 40.0]]), ("osteochondroma", "polygon", square())],
            )
        out.expect("btxrd", bone_tumour=400 if tumour else 0)
    out.path("btxrd", "dataset.xlsx").write_bytes(b"PK\x03\x04")


def labelme(path, image, shapes):
    path.write_text(
        json.dumps(
            {
                "version": "5.2.1",
                "flags": {},
                "imagePath": image,
                "imageData": None,
                "imageHeight": SIDE,
                "imageWidth": SIDE,
                "shapes": [
                    {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}} for label, kind, points in shapes
                ],
            }
        )
    )
