"""Data sets of single pictures with a mask file each: names, folders and encodings as the sets are downloaded."""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from files import SIDE, box, decoded, disk, save, tiles, white


def xray(out):
    lung = "Lung Segmentation Data/Lung Segmentation Data"
    infection = "Infection Segmentation Data/Infection Segmentation Data"
    for part, kind, name in (("Train", "COVID-19", "covid_1"), ("Val", "Normal", "Normal (2)"), ("Test", "Non-COVID", "non_COVID (3)")):
        mask = box(8, 4, 40, 20) | box(8, 40, 40, 20)
        out.save_picture("covid_qu_ex", f"{lung}/{part}/{kind}/images/{name}.png", channels=1)
        save(out.path("covid_qu_ex", f"{lung}/{part}/{kind}/lung masks/{name}.png"), white(mask))
        out.expect("covid_qu_ex", lung=mask.sum())
        ill = disk(20, 14, 5) if kind == "COVID-19" else np.zeros_like(mask)
        out.save_picture("covid_qu_ex_infection", f"{infection}/{part}/{kind}/images/{name}.png", channels=1)
        save(out.path("covid_qu_ex_infection", f"{infection}/{part}/{kind}/lung masks/{name}.png"), white(mask))
        save(out.path("covid_qu_ex_infection", f"{infection}/{part}/{kind}/infection masks/{name}.png"), white(ill))
        out.expect("covid_qu_ex_infection", lung=mask.sum(), lung_infection=ill.sum())
    for name, ill in (("0_train_0_", False), ("1_train_1_", True), ("0_test_1_", True)):
        mask = box(10, 10, 12, 30) if ill else box(0, 0, 0, 0)
        out.save_picture("chest_xray_pneumothorax", f"png_images/{name}.png", channels=1)
        save(out.path("chest_xray_pneumothorax", f"png_masks/{name}.png"), white(mask))
        out.expect("chest_xray_pneumothorax", pneumothorax=mask.sum())
    out.path("chest_xray_pneumothorax", "stage_1_train_images.csv").write_text("new_filename,ImageId,has_pneumo\n")
    name = "chest_xray_masks_and_labels"
    for image, mask in (("CHNCXR_0001_0", "CHNCXR_0001_0_mask"), ("MCUCXR_0001_0", "MCUCXR_0001_0"), ("CHNCXR_0343_1", None)):
        out.save_picture(name, f"Lung Segmentation/CXR_png/{image}.png", channels=1)
        if mask:
            save(out.path(name, f"Lung Segmentation/masks/{mask}.png"), white(box(6, 6, 30, 18)))
            out.expect(name, lung=30 * 18)
    out.path(name, "Lung Segmentation/ClinicalReadings/CHNCXR_0001_0.txt").write_text("male 45yrs\nnormal\n")


def ultrasound(out):
    name = "busi"
    lesions = {
        "benign/benign (1)": [disk(30, 30, 10)],
        "benign/benign (10)": [disk(20, 20, 5), disk(45, 45, 6)],
        "malignant/malignant (1)": [disk(32, 32, 14)],
        "normal/normal (1)": [np.zeros((SIDE, SIDE), bool)],
    }
    for stem, masks in lesions.items():
        out.save_picture(name, f"{stem}.png")
        for number, mask in enumerate(masks):
            save(out.path(name, f"{stem}_mask{'' if number == 0 else f'_{number}'}.png"), white(mask))
        out.expect(name, breast_lesion=sum(mask.sum() for mask in masks))
    for stem, colour in (("ANFO_005", (0, 255, 0)), ("ANFO_006", None), ("BLKS_001", (255, 0, 0))):
        mask = disk(30, 30, 9) if colour else box(0, 0, 0, 0)
        coloured = np.zeros((SIDE, SIDE, 3), np.uint8)
        coloured[mask] = colour or 0
        out.save_picture("bus_uclm", f"images/{stem}.png")
        save(out.path("bus_uclm", f"masks/{stem}.png"), coloured)
        out.expect(
            "bus_uclm",
            group=r"images/([A-Z]+)_",
            breast_lesion=mask.sum(),
            benign_breast_lesion=mask.sum() if colour == (0, 255, 0) else 0,
            malignant_breast_lesion=mask.sum() if colour == (255, 0, 0) else 0,
        )
    for stem, mask in (("1_1", disk(30, 30, 8)), ("1_2", box(0, 0, 0, 0)), ("33_77", disk(40, 20, 6))):
        out.save_picture("us_nerve", f"train/{stem}.tif", channels=1)
        save(out.path("us_nerve", f"train/{stem}_mask.tif"), white(mask))
        out.expect("us_nerve", group=r"train/(\d+)_", brachial_plexus=mask.sum())
    out.save_picture("us_nerve", "test/9.tif", channels=1)
    for stem in ("1", "2"):
        out.save_picture("ct2us_kidney", f"slice/slice/{stem}.png")
        save(out.path("ct2us_kidney", f"mask/mask/{stem}.png"), white(disk(30, 30, 9)))
        out.expect("ct2us_kidney", kidney=disk(30, 30, 9).sum())
    for part, stem in (("trainval", "0000"), ("trainval", "0001"), ("test", "0000")):
        jpeg_mask(out, "tn3k", f"{part}-image/{stem}.jpg", f"{part}-mask/{stem}.jpg", disk(30, 33, 11), "thyroid nodule")
    for file in ("label4trainval.csv", "tn3k-trainval-fold0.json"):
        out.path("tn3k", file).write_text("{}\n")
    for stem in ("0000", "0001", "0002"):
        jpeg_mask(out, "tg3k", f"thyroid-image/{stem}.jpg", f"thyroid-mask/{stem}.jpg", disk(30, 33, 17), "thyroid gland")
    out.path("tg3k", "tg3k-trainval.json").write_text("{}\n")
    for stem in ("0000", "0001"):
        out.save_picture("ddti", f"1_or_data/image/{stem}.PNG", channels=1)
        save(out.path("ddti", f"1_or_data/mask/{stem}.PNG"), white(disk(22, 40, 7)))
        out.expect("ddti", thyroid_nodule=disk(22, 40, 7).sum())
    out.path("ddti", "1_or_data/category.csv").write_text("ID,CATE\n0000.PNG,1\n")
    fetal_heads(out)
    nodules_in_xml(out)


def jpeg_mask(out, name, image, mask_file, mask, label):
    """A mask in JPEG holds more values than two; above 127 counts."""
    out.save_picture(name, image)
    path = out.path(name, mask_file)
    save(path, white(mask), quality=75)
    values = decoded(path)
    assert len(np.unique(values)) > 2, "the JPEG mask must not be binary"
    out.expect(name)
    out.label(name, label, (values > 127).sum())


def fetal_heads(out):
    """An ellipse, one pixel thin; the third one leaves the picture."""
    for stem, ellipse in (("000_HC", (10, 14, 50, 44)), ("010_HC", (8, 8, 40, 56)), ("010_2HC", (30, 20, 90, 50))):
        outline, filled = Image.new("L", (SIDE, SIDE)), Image.new("L", (SIDE, SIDE))
        ImageDraw.Draw(outline).ellipse(ellipse, outline=255, width=1)
        ImageDraw.Draw(filled).ellipse(ellipse, outline=255, fill=255)
        area = int((np.asarray(filled) > 0).sum())
        assert stem == "010_2HC" or ndimage.binary_fill_holes(np.asarray(outline) > 0).sum() == area
        out.save_picture("hc18", f"training_set/{stem}.png", channels=1)
        outline.save(out.path("hc18", f"training_set/{stem}_Annotation.png"))
        out.expect("hc18", group=r"(\d+)_\w*HC$", fetal_head=area)
    sizes = {"000_HC": "0.0691358041432,44.3", "010_HC": "0.0899659954541,173.05", "010_2HC": "0.110366097659,181.65"}
    rows = "".join(f"{stem}.png,{size}\n" for stem, size in sizes.items())
    out.path("hc18", "training_set_pixel_size_and_HC.csv").write_text("filename,pixel size(mm),head circumference (mm)\n" + rows)
    out.found["hc18"]["spacing_mm"] = [0.0691358041432, 0.110366097659]
    out.save_picture("hc18", "test_set/000_HC.png", channels=1)


def nodules_in_xml(out):
    """Outlines as JSON within XML, several pictures a case; in two cases of the release the text is cut off."""
    points = "[" + ", ".join(f'{{"x": {x}, "y": {y}}}' for x, y in ((10, 12), (30, 12), (30, 40), (10, 40))) + "]"
    outline = f'[{{"points": {points}, "annotation": "", "regionType": "freehand"}}]'
    for case, pictures, text in (("1", 1, outline), ("38", 2, outline), ("197", 1, outline[:40]), ("205", 1, outline[:40])):
        marks = "".join(f"<mark><image>{n}</image><svg>{text}</svg></mark>" for n in range(1, pictures + 1))
        out.path("ddti_xml", f"{case}.xml").write_text(
            f"<case><number>{case}</number><age>49</age><sex>F</sex><tirads>3</tirads>{marks}</case>\n"
        )
        for n in range(1, pictures + 1):
            out.save_picture("ddti_xml", f"{case}_{n}.jpg")
            if text == outline:
                out.expect("ddti_xml", group=r"^(\d+)_", thyroid_nodule=[20 * 28, 21 * 29])


def endoscopy(out):
    for stem in ("cju0qkwl35piu0993l0dewei2", "cju0qoxqj9q6s0835b43399p4"):
        jpeg_mask(out, "kvasir_seg", f"images/{stem}.jpg", f"masks/{stem}.jpg", disk(30, 30, 13), "polyp")
    out.path("kvasir_seg", "kavsir_bboxes.json").write_text("{}\n")
    for centre, stem in (("C1", "100H0050"), ("C1", "102OLCV1_100H0002"), ("C4", "1_endocv2021_C4")):
        jpeg_mask(
            out,
            "polypgen",
            f"data_{centre}/images_{centre}/{stem}.jpg",
            f"data_{centre}/masks_{centre}/{stem}_mask.jpg",
            disk(25, 33, 12),
            "polyp",
        )
    out.save_picture("polypgen", "sequenceData/negativeOnly/seq1_neg/1.jpg")
    for stem, red, green in (("0a5f3601ad4f13ccf1f4b331a412fc44", True, False), ("0a7ef5a8e3a1f0a1d2a3fb7c9e1f5d3b", True, True)):
        colours = np.zeros((SIDE, SIDE, 3), np.uint8)
        if red:
            colours[disk(20, 20, 10)] = (255, 0, 0)
        if green:
            colours[disk(46, 46, 9)] = (0, 255, 0)
        out.save_picture("bkai_igh_neopolyp", f"train/train/{stem}.jpeg")
        path = out.path("bkai_igh_neopolyp", f"train_gt/train_gt/{stem}.jpeg")
        save(path, colours, quality=75, subsampling=0)
        values = decoded(path).astype(int)
        nearest = np.argmin([((values - colour) ** 2).sum(-1) for colour in ((0, 0, 0), (255, 0, 0), (0, 255, 0))], 0)
        assert len(np.unique(values.reshape(-1, 3), axis=0)) > 3
        out.expect("bkai_igh_neopolyp", neoplastic_polyp=(nearest == 1).sum(), polyp=(nearest > 0).sum())
        out.label("bkai_igh_neopolyp", "non-neoplastic polyp", (nearest == 2).sum())
    out.save_picture("bkai_igh_neopolyp", "test/test/0cd2c1ef0a5a5b0d0c0b0e0d0c0b0a09.jpeg")
    for frame in (1, 25, 26, 612):  # the last of one sequence, the first of the next, the last of all
        out.save_picture("cvc_clinicdb", f"Original/{frame}.tif")
        save(out.path("cvc_clinicdb", f"Ground Truth/{frame}.tif"), white(disk(30, 25, 8)))
        out.expect("cvc_clinicdb", polyp=disk(30, 25, 8).sum())
    for frame in (1, 2, 196):
        out.save_picture("etis_larib", f"images/{frame}.png")
        save(out.path("etis_larib", f"masks/{frame}.png"), white(disk(30, 25, 10)))
        out.expect("etis_larib", polyp=disk(30, 25, 10).sum())
    for stem in ("anon001_02785", "anon001_02807"):
        out.save_picture("fetoplac", f"video01/images/{stem}.png")
        save(out.path("fetoplac", f"video01/masks_gt/{stem}.png"), white(box(30, 0, 6, SIDE)))
        out.expect("fetoplac", placental_vessel=6 * SIDE)
    operations(out)


CHOLEC = {
    11: "abdominal wall",
    21: "liver",
    13: "gastrointestinal tract",
    12: "fat",
    31: "grasper",
    23: "connective tissue",
    24: "blood",
    25: "cystic duct",
    32: "l-hook electrocautery",
    22: "gallbladder",
    33: "hepatic vein",
    5: "liver ligament",
}
M2CAI = {
    (0, 85, 170): "grasper",
    (0, 85, 255): "bipolar forceps",
    (0, 170, 255): "l-hook electrocautery",
    (0, 255, 85): "scissors",
    (0, 255, 170): "clip applier",
    (85, 0, 170): "suction irrigator",
    (85, 0, 255): "specimen bag",
    (170, 85, 85): "trocar",
    (170, 170, 170): "surgical clip",
    (85, 170, 0): "liver",
    (85, 170, 255): "gallbladder",
    (85, 255, 0): "fat",
    (85, 255, 170): "abdominal wall",
    (170, 0, 255): "artery",
    (255, 0, 255): "intestine",
    (255, 255, 0): "bile",
    (255, 0, 0): "blood",
}


def operations(out):
    """Grey classes given as RGB, one mask with an alpha channel and one with a white frame; classes as colours, one of them unknown."""
    for number, (video, clip, frame) in enumerate(
        (("video01", "video01_00080", 80), ("video01", "video01_00080", 81), ("video12", "video12_15750", 15750))
    ):
        grey = np.full((SIDE, SIDE), 50, np.uint8)
        for value, tile in zip(CHOLEC, tiles(len(CHOLEC))):
            grey[tile] = value
        if number == 2:
            grey[:2] = grey[-2:] = 255
        mask = np.stack([grey] * 3 + ([np.full_like(grey, 255)] if number == 1 else []), -1)
        stem = f"{video}/{clip}/frame_{frame}_endo"
        out.save_picture("cholecseg8k", f"{stem}.png")
        save(out.path("cholecseg8k", f"{stem}_watershed_mask.png"), mask)
        save(out.path("cholecseg8k", f"{stem}_mask.png"), mask)
        out.save_picture("cholecseg8k", f"{stem}_color_mask.png")
        out.expect("cholecseg8k", group=r"(video\d+)/")
        for label in CHOLEC.values():
            out.label("cholecseg8k", label, 60)
    for part, stem in (("train", "00"), ("train", "225"), ("test", "475")):
        colours = np.zeros((SIDE, SIDE, 3), np.uint8)
        for colour, tile in zip([*M2CAI, (170, 0, 85)], tiles(len(M2CAI) + 1)):
            colours[tile] = colour
        out.save_picture("m2caiseg", f"{part}/images/{stem}.jpg")
        save(out.path("m2caiseg", f"{part}/groundtruth/{stem}_gt.png"), colours)
        out.expect("m2caiseg")
        for label in M2CAI.values():
            out.label("m2caiseg", label, 60)
    out.save_picture("m2caiseg", "trainval/images/00.jpg")
