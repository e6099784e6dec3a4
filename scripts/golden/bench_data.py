"""Loading of training samples here and in the published package, on the same files; memory of `sam3lab verify`. See scripts/bench_data."""
import argparse
import json
import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np

SIDE = 1008
CATEGORIES = ["tumour", "vessel", "cell nucleus"]


def smooth(rng, height, width):
    """An uneven grey picture in 0..255 with some noise, as a scanner gives it."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width)
    picture = np.full((height, width), 110, np.float32)
    for _ in range(8):
        a, b, c = rng.uniform(-12, 12, 3)
        picture += 12 * np.sin(6.28 * (a * x + b * y) + c)
    return picture + rng.normal(0, 6, (height, width)).astype(np.float32)


def ellipse(rng, height, width):
    y, x = np.mgrid[0:height, 0:width]
    cy, cx = rng.uniform(0.15, 0.85) * height, rng.uniform(0.15, 0.85) * width
    ry, rx = rng.uniform(0.03, 0.15) * height, rng.uniform(0.03, 0.15) * width
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1


def write_coco(folder, images):
    """JPEG images with three to nine objects each, every category in every image, as COCO's JSON with compressed RLE."""
    from PIL import Image
    from pycocotools import mask as rle

    rng = np.random.default_rng(1)
    (folder / "images").mkdir(parents=True)
    document = {"images": [], "annotations": [], "categories": [{"id": i + 1, "name": n} for i, n in enumerate(CATEGORIES)]}
    for number in range(images):
        height, width = [(1024, 1280), (900, 1200), (1300, 1300), (768, 1024)][number % 4]
        grey = smooth(rng, height, width)
        for category in range(len(CATEGORIES)):
            for _ in range(int(rng.integers(1, 4))):
                mask = ellipse(rng, height, width)
                grey[mask] += 25 * (category + 1)
                code = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
                box = [float(v) for v in rle.toBbox(code)]
                document["annotations"].append({
                    "id": len(document["annotations"]) + 1, "image_id": number + 1, "category_id": category + 1, "iscrowd": 0,
                    "bbox": box, "area": int(mask.sum()), "segmentation": {"size": [height, width], "counts": code["counts"].decode()}})
        colour = np.stack([grey, grey * 0.8, grey * 0.9], 2).clip(0, 255).astype(np.uint8)
        name = f"{number:04d}.jpg"
        Image.fromarray(colour).save(folder / "images" / name, quality=92)
        document["images"].append({"id": number + 1, "file_name": name, "height": height, "width": width})
    (folder / "annotations.json").write_text(json.dumps(document))
    (folder / "words.toml").write_text("".join(f'"{c}" = {{ text = "{c}" }}\n' for c in CATEGORIES))
    (folder / "loading.toml").write_text("""[dataset.pictures]
use = "coco"
modality = "pictures"
root = "."
annotations = ["annotations.json"]
images = ["images"]
targets = "instances"
[prompt.canonical]
dictionary = "words.toml"
""")


def time_ours(program, folder, workers, draws):
    out = subprocess.run([program, folder / "loading.toml", "--workers", str(workers), "--draws", str(draws), "--side", str(SIDE)],
                         check=True, capture_output=True, text=True).stdout
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", out)}


def time_package(folder, workers, draws):
    """What the published training configuration does to an image with masks: decode, resize to the square, to tensor, normalise."""
    import torch
    from sam3.train.data.collator import collate_fn_api
    from sam3.train.data.sam3_image_dataset import Sam3ImageDataset
    from sam3.train.transforms.basic_for_api import ComposeAPI, NormalizeAPI, RandomResizeAPI, ToTensorAPI
    from sam3.train.transforms.segmentation import DecodeRle

    torch.set_num_threads(1)
    transforms = [ComposeAPI([DecodeRle(), RandomResizeAPI(sizes=SIDE, max_size=SIDE, square=True, consistent_transform=True),
                              ToTensorAPI(), NormalizeAPI(mean=[0.5] * 3, std=[0.5] * 3)])]
    dataset = Sam3ImageDataset(img_folder=str(folder / "images"), ann_file=str(folder / "annotations.json"), transforms=transforms,
                               max_ann_per_img=200, multiplier=1, training=True, load_segmentation=True)
    order = torch.utils.data.RandomSampler(dataset, replacement=False, num_samples=draws, generator=torch.Generator().manual_seed(1))
    loader = torch.utils.data.DataLoader(dataset, batch_size=1, sampler=order, num_workers=workers,
                                         collate_fn=lambda batch: collate_fn_api(batch, dict_key="all", with_seg_masks=True))
    images = triplets = masks = 0
    start = time.perf_counter()
    for batch in loader:
        batch = batch["all"]
        images += batch.img_batch.shape[0]
        triplets += len(batch.find_targets[0].num_boxes)
        masks += batch.find_targets[0].segments.shape[0]
        assert tuple(batch.img_batch.shape[-2:]) == (SIDE, SIDE)
    return {"images": images, "triplets": triplets, "masks": masks, "seconds": time.perf_counter() - start}


def png(pixels):
    """8-bit grey PNG of [H, W] uint8."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b"")


def write_pairs(folder, count, side=32):
    """Small pictures with one bright square each, and its mask: all different, of as many subjects."""
    rng = np.random.default_rng(2)
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    masks = {}
    for number in range(count):
        waves = rng.uniform(-6, 6, (6, 3))
        picture = 90 + sum(9 * np.sin(6.28 * (a * x + b * y) + c) for a, b, c in waves)
        top, left, size = (int(v) for v in (*rng.integers(2, side - 14, 2), rng.integers(6, 12)))
        picture[top:top + size, left:left + size] += 90
        if (top, left, size) not in masks:
            mask = np.zeros((side, side), np.uint8)
            mask[top:top + size, left:left + size] = 255
            masks[top, left, size] = png(mask)
        (folder / "images" / f"{number:06d}.png").write_bytes(png(picture.clip(0, 255).astype(np.uint8)))
        (folder / "masks" / f"{number:06d}.png").write_bytes(masks[top, left, size])
    (folder / "words.toml").write_text('"square" = { text = "bright square" }\n')
    (folder / "pairs.toml").write_text("""[dataset.pairs]
use = "paired_folders"
modality = "pictures"
root = "."
images = ["images/{id}.png"]
masks = ["masks/{id}.png"]
labels = ["square"]
encoding = "binary"
[prompt.canonical]
dictionary = "words.toml"
""")


def verify_peak(program, folder, workers):
    """GB, seconds, last line. The peak is that child's alone: the compiler may have been one of this process before."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([program, "verify", folder / "pairs.toml", "--workers", str(workers), "--quiet"], stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
        said.seek(0)
        text = said.read()
    if process.returncode != 0:
        sys.exit(f"verify ended with {process.returncode}:\n{text[-3000:]}")
    return usage.ru_maxrss * 1024 / 1e9, seconds, text.strip().splitlines()[-1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--verify", type=int, default=100000)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench_data.") as scratch:
        folder = options.keep or Path(scratch)
        peak = 0.0
        if options.verify > 0:
            if not (folder / "pairs/pairs.toml").exists():
                write_pairs(folder / "pairs", options.verify)
            peak, seconds, line = verify_peak(options.build / "sam3lab", folder / "pairs", options.workers)
            print(f"verify: {options.verify} images with masks in {seconds:.1f} s, {peak:.3f} GB; {line}", flush=True)
        ratios = []
        if options.rounds > 0:
            if not (folder / "coco/loading.toml").exists():
                write_coco(folder / "coco", options.images)
            draws = 3 * options.images  # so that the start of the workers counts for little
            time_ours(options.build / "loading", folder / "coco", options.workers, draws)  # files into memory
            for number in range(options.rounds):
                ours = time_ours(options.build / "loading", folder / "coco", options.workers, draws)
                with open(os.devnull, "w") as nowhere:  # the package prints
                    stdout, sys.stdout = sys.stdout, nowhere
                    theirs = time_package(folder / "coco", options.workers, draws)
                    sys.stdout = stdout
                rate = [side["triplets"] / side["seconds"] for side in (ours, theirs)]
                ratios.append(rate[0] / rate[1])
                for name, side in (("ours", ours), ("package", theirs)):
                    print(f"round {number + 1}, {name}: {side['triplets'] / side['seconds']:.1f} triplets/s "
                          f"({side['images']:.0f} images, {side['triplets']:.0f} triplets, {side['masks']:.0f} masks, {side['seconds']:.2f} s)",
                          flush=True)
        ratio = statistics.median(ratios) if ratios else float("nan")
        print(f"workers={options.workers} rounds={options.rounds} loader_ratio={ratio:.2f} verify_peak_gb={peak:.3f}")


if __name__ == "__main__":
    main()
