#!/usr/bin/python3
"""make.py FOLDER: small data sets in the layouts, names and encodings of those that experiments/base/datasets describes, made from the
facts of their sources and not from those files; expected.json says what a reader must find."""

import sys

import challenge
import eyes_and_tissue
import pictures
import volumes
from files import Layouts


def main():
    out = Layouts(sys.argv[1])
    for part in (
        pictures.xray,
        pictures.ultrasound,
        pictures.endoscopy,
        eyes_and_tissue.fundus,
        eyes_and_tissue.oct_and_skin,
        eyes_and_tissue.histology,
        eyes_and_tissue.microscopy,
        volumes.abdomen,
        volumes.head_and_heart,
        volumes.decathlon,
        volumes.ultrasound_volumes,
        volumes.cells,
        volumes.coronary_arteries,
        challenge.packed_cases,
    ):
        part(out)
    out.finish()
    print(f"datasets={len(out.found)} images={sum(found['images'] for found in out.found.values())}")


main()
