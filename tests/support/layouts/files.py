"""Pictures, masks and volumes for generated data sets, written with other people's encoders, and a record of what is in them."""

import gzip
import io
import json
import pathlib

import numpy as np
from PIL import Image

SIDE = 64


class Layouts:
    """A folder of data sets in their original layouts, and what a reader must find there."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.found = {}
        self.seed = 0

    def path(self, name, relative):
        file = self.root / name / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def expect(self, name, images=1, group=None, **labels):
        """Adds to what must be found: so many images, and per label (words joined by '_') the pixels of one image that shows it, or
        [least, most] of them where a format leaves the border open; 0: the label exists, this image does not show it. `group`: an
        expression whose first group in an image's id is what no split may divide."""
        entry = self.found.setdefault(name, {"images": 0, "labels": {}})
        entry["images"] += images
        if group is not None:
            entry["group"] = group
        for label, pixels in labels.items():
            self.label(name, label.replace("_", " "), pixels)

    def label(self, name, label, pixels, images=1):
        least, most = pixels if isinstance(pixels, (list, tuple)) else (pixels, pixels)
        of_label = self.found[name]["labels"].setdefault(label, {"images": 0, "pixels": [0, 0]})
        of_label["images"] += images if most else 0
        of_label["pixels"][0] += int(least)
        of_label["pixels"][1] += int(most)

    def finish(self):
        with open(self.root / "expected.json", "w") as file:
            json.dump(self.found, file, indent=1, sort_keys=True)

    # Every picture differs from all others: near duplicates are a fault of their own.
    def picture(self, height=SIDE, width=SIDE, channels=3):
        self.seed += 1
        random = np.random.default_rng(self.seed)
        coarse = random.integers(0, 256, (8, 8) + ((channels,) if channels > 1 else ()), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.BICUBIC)
        return np.asarray(image)

    def save_picture(self, name, relative, height=SIDE, width=SIDE, channels=3, **how):
        save(self.path(name, relative), self.picture(height, width, channels), **how)


def save(path, array, **how):
    if path.suffix == ".gz":
        packed = io.BytesIO()  # Pillow would write behind gzip's back, by the number of its file
        Image.fromarray(array).save(packed, format="PPM")
        path.write_bytes(gzip.compress(packed.getvalue()))
        return
    if path.suffix.lower() in (".jpg", ".jpeg"):
        how.setdefault("quality", 90)
    Image.fromarray(array).save(path, **how)


def box(top, left, height, width, side=(SIDE, SIDE)):
    mask = np.zeros(side, bool)
    mask[top : top + height, left : left + width] = True
    return mask


def tiles(count):
    """`count` boxes of 6 x 10 px that do not touch."""
    return [box(2 + 8 * (n // 5), 2 + 12 * (n % 5), 6, 10) for n in range(count)]


def disk(row, column, radius, side=(SIDE, SIDE)):
    rows, columns = np.ogrid[: side[0], : side[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def white(mask):
    return np.where(mask, 255, 0).astype(np.uint8)


# A polygon whose filling covers the same 20 x 20 pixels whether a pixel's centre lies at i or at i + 0.5.
def square(left=9.75, top=9.75, side=20.0):
    return [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]


def decoded(path):
    """What another decoder makes of a picture."""
    return np.asarray(Image.open(path))
