#!/usr/bin/env python3
"""Writes tests/golden/checkpoint_names.txt: all names of SAM3's two layouts with shapes of the same pattern, but tiny.

Each line is LAYOUT NAME SHAPE TYPE; {0..31} in a name stands for every number of the range. FOLDER holds the state_dicts of the
published packages as tables: sam3_video_state_dict.tsv and transformers_sam3_state_dict.tsv (name, shape, dtype).

Use:  python scripts/golden/checkpoint_names.py FOLDER [tests/golden/checkpoint_names.txt]
"""
import pathlib
import re
import sys

FILES = {"detector": "sam3_video_state_dict.tsv", "transformers": "transformers_sam3_state_dict.tsv"}
# Sizes that occur, in order: each keeps an own small stand-in, so that equal stays equal and packed stays three times its parts.
SMALL = {49408: 19, 5184: 18, 4736: 17, 4096: 16, 3072: 12, 2048: 11, 1024: 4, 768: 9, 577: 8, 576: 7, 512: 5, 258: 6, 256: 3, 200: 10,
         144: 14, 128: 13, 64: 15}


def small(shape):
    return "x".join(str(SMALL.get(int(n), min(int(n), 32))) for n in shape.split("x") if n) or "scalar"


def grouped(rows):
    """Lines with {a..b} where names differ by one number only and the shapes agree."""
    left = dict(rows)
    for name in [name for name, _ in rows]:
        if name not in left:
            continue
        value = left[name]
        best = [name]
        pattern = name
        for found in re.finditer(r"(?<=\.)\d+(?=\.)", name):
            head, tail, number = name[:found.start()], name[found.end():], int(found.group())
            run = []
            while left.get(f"{head}{number}{tail}") == value:
                run.append(f"{head}{number}{tail}")
                number += 1
            if len(run) > len(best):
                best, pattern = run, f"{head}{{{found.group()}..{number - 1}}}{tail}"
        for used in best:
            del left[used]
        yield pattern, value


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else "tests/golden/checkpoint_names.txt")
    lines = []
    for layout, file in FILES.items():
        rows = []
        for line in (pathlib.Path(sys.argv[1]) / file).read_text().splitlines():
            name, shape, dtype = line.split("\t")
            rows.append((name, (small(shape), dtype)))
        lines += [f"{layout} {pattern} {shape} {dtype}" for pattern, (shape, dtype) in grouped(rows)]
    out.write_text("\n".join(lines) + "\n")
    print(f"lines={len(lines)}")


if __name__ == "__main__":
    main()
