#!/usr/bin/python3
"""table.py ROOT: the table of docs/reference/datasets.md, from the recipes and the dictionary. table.py ROOT --check: compares; says what
differs. table.py ROOT --write: puts it into the page."""

import pathlib
import sys
import tomllib

BEGIN, END = "<!-- table: tests/support/layouts/table.py -->\n", "<!-- end of the table -->\n"


def toml(path):
    with open(path, "rb") as file:
        return tomllib.load(file)


def labels_of(recipe, folder):
    return sorted(toml(folder / recipe["table"])) if "table" in recipe else sorted(set(recipe["labels"]))


def group_of(recipe):
    if "subject_table" in recipe:
        return "table of sequences"
    subject = recipe.get("subject", "")
    if not subject:
        return "image"
    names = [piece.split("}")[0] for piece in subject.split("{")[1:]]
    return ", ".join(names) if names else "one, in blocks"


def table(root):
    folder = root / "experiments/base/datasets"
    served = {label: name for name, term in toml(root / "experiments/base/dictionary.toml").items() for label in term.get("labels", [name])}
    rows = ["| recipe | modality | images | encoding | terms | group | licence | layout |", "|---|---|---|---|---|---|---|---|"]
    faults = []
    for file in sorted(folder.glob("*.toml")):
        for name, recipe in toml(file)["dataset"].items():
            if name != file.stem:
                faults.append(f"{file.name} describes '{name}'")
            labels = labels_of(recipe, folder)
            faults += [f"{name}: no term for label '{label}'" for label in labels if label not in served]
            terms = ", ".join(labels) if len(labels) <= 4 else f"{', '.join(labels[:3])} and {len(labels) - 3} more"
            kind = recipe.get("encoding", {"coco": "COCO", "volume_folder": "volumes", "array_stack": "arrays", "npz_cases": "NPZ"}.get(recipe["use"], ""))
            rows.append(
                f"| {name} | {recipe['modality']} | {recipe.get('expect', '')} | {kind} | {terms} | {group_of(recipe)} | {recipe['licence']} | {recipe['layout_status']} |"
            )
            for key in ("source", "citation", "layout_source", "layout_status", "licence", "modality", "defects"):
                if not recipe.get(key) and not (key == "defects" and recipe["layout_status"] == "confirmed"):
                    faults.append(f"{name}: no {key}")
    return "".join(row + "\n" for row in rows), faults


def main():
    root = pathlib.Path(sys.argv[1])
    page = root / "docs/reference/datasets.md"
    rows, faults = table(root)
    for fault in faults:
        print(fault)
    if "--check" in sys.argv or "--write" in sys.argv:
        text = page.read_text()
        before, rest = text.split(BEGIN)
        old, after = rest.split(END)
        if "--write" in sys.argv:
            page.write_text(before + BEGIN + rows + END + after)
        elif old != rows:
            print(f"{page.name}: the table is not that of the recipes; run tests/support/layouts/table.py . --write")
            faults.append("table")
    else:
        print(rows, end="")
    sys.exit(1 if faults else 0)


main()
