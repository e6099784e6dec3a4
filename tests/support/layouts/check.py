#!/usr/bin/python3
"""check.py EXPECTED VERIFIED...: compares what `sam3lab verify --json` found in the generated layouts with what was put there.
check.py EXPECTED --groups SPLIT: whether a split file, made by subject, keeps each group on one side and has something on both."""

import json
import re
import sys


def load(path):
    with open(path) as file:
        return json.load(file)


def compare(name, expected, found):
    if found["items"] != expected["images"] or found["read"] != expected["images"]:
        yield f"{name}: {found['items']} items, {found['read']} read; expected {expected['images']}"
    seen = {label["label"]: label for label in found["labels"]}
    for label, want in expected["labels"].items():
        got = seen.pop(label, {"images": 0, "pixels": 0})
        least, most = want["pixels"]
        if got["images"] != want["images"] or not least <= got["pixels"] <= most:
            yield f"{name}: '{label}' in {got['images']} images with {got['pixels']} px; expected {want['images']} with {least} to {most}"
    known = found["spacing_mm"]  # null where the source does not say
    spacing = known and [known[end] for end in ("low", "high")]
    if spacing != expected.get("spacing_mm", spacing):
        yield f"{name}: pixels of {spacing} mm; expected {expected['spacing_mm']}"
    yield from (f"{name}: unexpected label '{label}' in {got['images']} images" for label, got in seen.items() if got["images"])


def divided(name, pattern, sides):
    groups = {}
    for side in ("train", "held_out"):
        if not sides[side]:
            yield f"{name}: nothing in {side}"
        for item in sides[side]:
            group = re.search(pattern, item)
            if group is None:
                yield f"{name}: no group in '{item}'"
            else:
                groups.setdefault(group[1], set()).add(side)
    yield from (f"{name}: group '{group}' is on both sides" for group, where in groups.items() if len(where) > 1)


def check_groups(expected, split):
    faults, compared = [], 0
    for name, sides in split["datasets"].items():
        if "group" in expected[name]:
            compared += 1
            faults += divided(name, expected[name]["group"], sides)
    return faults, f"groups={compared}"


def check_contents(expected, files):
    found = {dataset["name"]: dataset for verified in files for dataset in verified["datasets"]}
    faults = [f"{name}: not read" for name in sorted(set(expected) - set(found))]
    for name in sorted(set(expected) & set(found)):
        faults += compare(name, expected[name], found[name])
    faults += [
        f"{finding['severity']} {finding['check']}: {finding['text']} {finding.get('datasets')} {finding.get('examples', [])[:2]}"
        for verified in files
        for finding in verified["findings"]
        if finding["severity"] == "error"
    ]
    return faults, f"datasets={len(found)} labels={sum(len(dataset['labels']) for dataset in found.values())}"


def main():
    expected = load(sys.argv[1])
    if sys.argv[2] == "--groups":
        faults, said = check_groups(expected, load(sys.argv[3]))
    else:
        faults, said = check_contents(expected, [load(file) for file in sys.argv[2:]])
    for fault in faults:
        print(fault)
    print(f"{said} faults={len(faults)}")
    sys.exit(1 if faults else 0)


main()
