#!/usr/bin/python3
"""check.py EXPECTED VERIFIED SPLIT: compares what `sam3lab verify --json` found in the generated layouts, and the groups of its split file,
with what was put there."""
import json
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
    yield from (f"{name}: unexpected label '{label}' in {got['images']} images" for label, got in seen.items() if got["images"])


def main():
    expected, verified = load(sys.argv[1]), load(sys.argv[2])
    found = {dataset["name"]: dataset for dataset in verified["datasets"]}
    faults = [f"{name}: not read" for name in sorted(set(expected) - set(found))]
    for name in sorted(set(expected) & set(found)):
        faults += compare(name, expected[name], found[name])
    allowed = set(sys.argv[4:])
    faults += [f"{finding['severity']} {finding['check']}: {finding['text']} {finding.get('datasets')} {finding.get('examples', [])[:2]}" for finding in verified["findings"]
               if finding["severity"] == "error" and finding["check"] not in allowed]
    for fault in faults:
        print(fault)
    print(f"datasets={len(found)} labels={sum(len(dataset['labels']) for dataset in found.values())} faults={len(faults)}")
    sys.exit(1 if faults else 0)


main()
