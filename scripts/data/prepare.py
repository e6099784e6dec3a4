"""Makes one set of the sample data from files that scripts/sample_data has fetched.

Use: prepare.py list                      the sets, one a line
     prepare.py sources SET               what a set is made from: package and file, separated by a tab
     prepare.py make SET PACKAGES FOLDER  makes the set; PACKAGES/NAME holds what was unpacked of package NAME
     prepare.py check SET FOLDER          exit code 0 if the set is there, whole, and made from today's sources
"""
import hashlib
import json
import shutil
import sys
import tomllib
from array import array
from pathlib import Path

import formats

SETS = tomllib.loads((Path(__file__).parent / "sources.toml").read_text())
TISSUES = {1: "connective", 2: "inflammatory", 3: "neoplastic"}  # as the package's own table of the same nuclei counts them


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def copies(sources, folder):
    for source in sources:
        shutil.copyfile(source["path"], folder / source["becomes"])


def nrrd_pair(sources, folder):
    """Image and 3D Slicer segmentation of one grid -> NIfTI, and the segments' own names as a label table."""
    (image_fields, image), (fields, labels) = (formats.read_nrrd(source["path"]) for source in sources)
    affine = formats.nrrd_affine(image_fields)
    if formats.nrrd_sizes(fields) != formats.nrrd_sizes(image_fields):
        raise ValueError("image and segmentation differ in size")
    if any(abs(a - b) > 1e-3 for rows in zip(affine, formats.nrrd_affine(fields)) for a, b in zip(*rows)):
        raise ValueError("image and segmentation differ in position")
    formats.write_nifti(folder / "image.nii.gz", formats.nrrd_sizes(fields), affine, array("h", image))
    formats.write_nifti(folder / "labels.nii.gz", formats.nrrd_sizes(fields), affine, labels)
    lines = ["# The segments as the source names them. The three levels of the spine are wrong there: merge them."]
    segment = 0
    while f"Segment{segment}_Name" in fields:
        lines.append(f'"{fields[f"Segment{segment}_Name"]}" = [{int(fields[f"Segment{segment}_LabelValue"])}]')
        segment += 1
    (folder / "labels.toml").write_text("\n".join(lines) + "\n")


def histology(sources, folder):
    """Instance and type arrays -> grey PNG files; the picture stays as it is."""
    picture, instances, types = (source["path"] for source in sources)
    shutil.copyfile(picture, folder / "image.jpg")
    formats.write_grey_png(folder / "instances.png", *formats.read_npz(instances), bits=16)
    formats.write_grey_png(folder / "types.png", *formats.read_npz(types), bits=8)
    (folder / "types.toml").write_text("".join(f'"{name} nucleus" = [{value}]\n' for value, name in TISSUES.items()))


def make(name, packages, folder):
    entry = SETS[name]
    sources = [dict(source) for source in entry["source"]]
    for source in sources:
        path = Path(source["file"])
        source["path"] = path if path.is_absolute() else Path(packages) / source["package"].partition("=")[0] / path
        if not source["path"].is_file():
            sys.exit(f"sample_data: {source['path']} is missing; it belongs to {source['package']}")
        got = sha256(source["path"])
        if got != source["sha256"]:
            sys.exit(f"sample_data: {source['path']} is another file than the one that this set was made for; got SHA-256 {got}, "
                     f"expected {source['sha256']}; install {source['package']} as named in docs/reference/sample_data.md")
    part = Path(folder).with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    {"copies": copies, "nrrd_pair": nrrd_pair, "histology": histology}[entry["make"]](sources, part)
    record = {"title": entry["title"], "sources": entry["source"],
              "files": {path.name: sha256(path) for path in sorted(part.iterdir())}}
    (part / "source.json").write_text(json.dumps(record, indent=2) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def check(name, folder):
    record_path = Path(folder) / "source.json"
    if not record_path.is_file():
        return False
    try:
        record = json.loads(record_path.read_text())
        return record["sources"] == SETS[name]["source"] and all(
            (Path(folder) / file).is_file() and sha256(Path(folder) / file) == digest for file, digest in record["files"].items())
    except (ValueError, KeyError, AttributeError, TypeError):
        return False


def main(arguments):
    match arguments:
        case ["list"]:
            print("\n".join(SETS))
        case ["sources", name]:
            print("\n".join(f"{source['package']}\t{source['file']}" for source in SETS[name]["source"]))
        case ["make", name, packages, folder]:
            make(name, packages, Path(folder))
        case ["check", name, folder]:
            return 0 if check(name, folder) else 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
