#!/usr/bin/env python3
"""Checks that the PEFT library reads what `scheme = lora` saves, and writes tests/golden/peft_lora.safetensors, with which the tests
compare: which tensors PEFT keeps for the configuration that we write (tests/golden/peft/adapter_config.json, checked by the test as
well), and what transformers' Sam3Model with PEFT's layers computes at the size `tiny`.

Weights, adapters and images follow from the formula of tests/plugins/sam3/formula.h. With --adapter, the file of a run is read too:
PEFT must find each of its tensors, and lack none. It is read beside a model of the size and image size given.

Use:  PYTHON scripts/golden/peft_loads.py [--program build/sam3lab] [--out tests/golden] [--adapter FOLDER --size tiny --img-size 56]
PYTHON is an environment with transformers (5.23 was used) and peft (0.21); FOLDER holds adapter_model.safetensors and
adapter_config.json.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import Sam3Model

import sam3_model
from loads_elsewhere import PADDING, config_of
from package import SIZES

TEXTS, IMAGE_INDEX = ("liver", "left lung", "liver"), (1, 0, 0)
PROJECTION = 512  # width of CLIP's pooled text, which the image model does not read


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def model_by_formula(program, sizes, folder):
    """transformers' model whose weights are the formula's under our names: saved, renamed, filled, named back."""
    config = config_of(sizes, PROJECTION)
    Sam3Model(config).save_pretrained(folder)
    theirs, ours = folder / "model.safetensors", folder / "ours.safetensors"
    run(program, "convert", theirs, ours, "--layout", "bare")
    filled = {name: sam3_model.formula_weight(name, tuple(tensor.shape)) for name, tensor in load_file(ours).items()}
    save_file(filled, ours)
    run(program, "convert", ours, theirs, "--layout", "transformers")
    model, info = Sam3Model.from_pretrained(folder, output_loading_info=True)
    strange = [name for name in info["unexpected_keys"] if not name.startswith("detector.")]
    if info["missing_keys"] or info["mismatched_keys"] or strange:
        sys.exit(f"transformers: {info}")
    return model.eval()


def forward(program, model, sizes):
    images = sam3_model.uniform("images", (2, 3, sizes["img_size"], sizes["img_size"])).float()
    parts = []
    for image, text in zip(IMAGE_INDEX, TEXTS):
        ids = json.loads(run(program, "tokenize", text, "--json"))[0]["ids"]
        row = torch.zeros(1, sizes["context_length"], dtype=torch.long)
        row[0, :len(ids)] = torch.tensor(ids)
        with torch.no_grad():
            out = model(pixel_values=images[image:image + 1], input_ids=row, attention_mask=(row != 0).long(),
                        input_boxes=torch.full((1, 1, 4), 0.5), input_boxes_labels=torch.full((1, 1), PADDING))
        x0, y0, x1, y1 = out.pred_boxes.unbind(-1)
        boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], -1)
        parts.append((out.pred_logits[..., None], boxes, out.pred_masks, out.presence_logits, out.semantic_seg))
    return dict(zip(("logits", "boxes", "masks", "presence", "semantic"), (torch.cat(part) for part in zip(*parts))))


def check_loading(base, folder):
    """PEFT's own report of keys: none missing, none unexpected."""
    model = get_peft_model(base, LoraConfig.from_pretrained(folder))
    wanted, given = set(get_peft_model_state_dict(model)), set(load_file(pathlib.Path(folder) / "adapter_model.safetensors"))
    result = model.load_adapter(folder, "saved")
    unexpected, missing = list(result.unexpected_keys), [key for key in result.missing_keys if "lora_" in key and ".saved." in key]
    if wanted != given or unexpected or missing:
        sys.exit(f"{folder}: missing {sorted(wanted - given)[:3] + missing[:3]}, unexpected {sorted(given - wanted)[:3] + unexpected[:3]}")
    return len(given)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", default="build/sam3lab")
    options.add_argument("--out", default="tests/golden", type=pathlib.Path)
    options.add_argument("--adapter", type=pathlib.Path)
    options.add_argument("--size", default="tiny")
    options.add_argument("--img-size", type=int)
    given = options.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    if given.adapter:
        sizes = dict(SIZES[given.size], img_size=given.img_size or SIZES[given.size]["img_size"])
        print(f"adapter_tensors={check_loading(Sam3Model(config_of(sizes, PROJECTION)), given.adapter)} missing=0 unexpected=0")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = model_by_formula(program, SIZES["tiny"], folder)
        plain = forward(program, model, SIZES["tiny"])
        config = LoraConfig.from_pretrained(given.out / "peft")
        tuned = get_peft_model(model, config)
        shapes = {key: tuple(tensor.shape) for key, tensor in get_peft_model_state_dict(tuned).items()}
        saved = folder / "adapter"
        saved.mkdir()
        save_file({key: sam3_model.formula_weight(key, shape) * 0.3 for key, shape in shapes.items()}, saved / "adapter_model.safetensors")
        (saved / "adapter_config.json").write_text((given.out / "peft" / "adapter_config.json").read_text())
        loaded = PeftModel.from_pretrained(tuned.unload(), saved).eval()
        apart = forward(program, loaded, SIZES["tiny"])
        merged = forward(program, loaded.merge_and_unload(), SIZES["tiny"])
    worst = max(float((apart[key] - merged[key]).abs().max() / apart[key].abs().max()) for key in apart)
    moved = float((apart["semantic"] - plain["semantic"]).abs().max())
    golden = {key: torch.tensor(shape) for key, shape in shapes.items()}
    golden.update({"output." + key: sam3_model.samples(key, value) for key, value in apart.items()})
    save_file(golden, given.out / "peft_lora.safetensors")
    print(f"tensors={len(shapes)} merged_against_apart={worst:.1e} moved={moved:.3f}")
    sys.exit(not (worst <= 1e-4 and moved > 0.01))


if __name__ == "__main__":
    main()
