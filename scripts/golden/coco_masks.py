"""COCO's own library on polygons and masks of every kind -> tests/golden/coco_masks.json.

Use: python scripts/golden/coco_masks.py     needs numpy and pycocotools 2.0.11
"""
import json
from pathlib import Path

import numpy
from pycocotools import mask as coco

random = numpy.random.default_rng(20260711)


def polygon(height, width):
    corners = int(random.integers(3, 12))
    kind = random.integers(4)
    if kind == 0:  # whole pixels
        points = random.integers([-2, -2], [width + 3, height + 3], (corners, 2)).astype(float)
    elif kind == 1:  # anywhere, often beyond the border and through itself
        points = random.uniform([-width / 2, -height / 2], [width * 1.5, height * 1.5], (corners, 2))
    elif kind == 2:  # a star around a point, as outlines are drawn
        angle = numpy.sort(random.uniform(0, 2 * numpy.pi, corners))
        radius = random.uniform(0.1, 0.5, corners) * min(height, width)
        points = numpy.stack([width / 2 + radius * numpy.cos(angle), height / 2 + radius * numpy.sin(angle)], 1)
    else:  # corners twice, lines there and back
        points = numpy.repeat(random.uniform([0, 0], [width, height], (corners, 2)), 2, 0)
    return [float(v) for v in numpy.round(points, 2).flatten()]


cases = []
for number in range(120):
    height, width = (int(n) for n in random.integers(1, 40, 2))
    polygons = [polygon(height, width) for _ in range(random.integers(1, 4))]
    code = coco.merge(coco.frPyObjects(polygons, height, width))
    cases.append({"height": height, "width": width, "polygons": polygons, "counts": code["counts"].decode()})
masks = []
for number in range(20):
    height, width = (int(n) for n in random.integers(1, 70, 2))
    bits = (random.uniform(size=(height, width)) < random.uniform()).astype(numpy.uint8)
    code = coco.encode(numpy.asfortranarray(bits))["counts"].decode()
    masks.append({"height": height, "width": width, "counts": code, "rows": ["".join(str(b) for b in row) for row in bits]})
target = Path(__file__).resolve().parents[2] / "tests" / "golden" / "coco_masks.json"
target.write_text(json.dumps({"polygons": cases, "masks": masks}, separators=(",", ":")) + "\n")
print(target.name, len(cases), len(masks), target.stat().st_size)
