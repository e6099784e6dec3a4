#!/usr/bin/env python3
"""Writes tests/golden from the published sam3 package: training steps (steps_*.safetensors) and learning rates (schedule.json).

A steps file has the batch but its images, which follow, as the weights do, from the formula of scripts/golden/sam3_model.py; every
loss term of the first step; samples of each parameter's gradient and movement in it; and the loss before each of several steps.

Use:  PYTHON scripts/golden/sam3_training.py [--out tests/golden] [--only NAME]
PYTHON is the one of the environment that scripts/parity makes: .deps/parity/bin/python.
"""
import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file

import cases
import package
import sam3_model

SAMPLES = 24
PROMPTS = [[(0.3, 0.3, 0.5, 0.2, 1), (0.8, 0.2, 0.1, 0.3, 0)], [], [(0.6, 0.5, 0.2, 0.7, 0)]]
CASES = {
    "mixed": cases.Case("mixed", "odd", 1, [(0, 2), (1, 0), (0, 1)], texts=["polyp", "optic disc", "polyp"], steps=10),
    "no_target": cases.Case("no_target", "odd", 2, [(0, 0), (1, 0)], steps=2),
    "many_targets": cases.Case("many_targets", "odd", 3, [(1, 6), (0, 3)], steps=1),
    "near": cases.Case("near", "odd", 4, [(0, 2), (0, 1), (1, 2)], boxes=PROMPTS, near=True, steps=10),
}
# Of the published recipes and around them: (warm-up, cool-down, timescale), 200 steps each.
SCHEDULES = [(20, 20, 20), (100, 50, 10), (0, 0, 30), (5, 0, 50), (0, 40, 1)]


def steps_case(case, path):
    z = package.SIZES[case.size]
    model = package.build_model(z)
    sam3_model.fill_by_formula(model)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    batch, texts = cases.make_batch(case, z, model)
    batch["image"] = sam3_model.uniform("images", tuple(batch["image"].shape)).float()
    if case.near:  # the targets belong to the predictions for these images
        counts = batch["num_boxes"].tolist()
        g = torch.Generator().manual_seed(case.seed)
        batch["boxes"] = cases.boxes_on_predictions(g, model, batch, texts, counts)
        batch["masks"] = cases.make_masks(g, batch["boxes"], z["img_size"])
    data, targets = package.datapoint(batch, texts)
    result = cases.training_tensors(model, data, targets, max(2, case.steps))  # two at least: then the first is copied
    golden = {"in." + k: v for k, v in batch.items() if k != "image"}
    golden |= {k: v for k, v in result.items() if k.startswith("loss.") and not any(w in k for w in ("_f1", "_acc", "miou"))}
    golden["pairs"] = result["pairs.one_to_many"]
    golden["curve"] = result["steps.core_loss"][: case.steps]
    names = sorted(start)
    moved = [n for n in names if "grad." + n in result]
    golden["gradients"] = torch.cat([sam3_model.samples(n, result["grad." + n], SAMPLES) for n in moved])
    golden["gradient_peaks"] = torch.stack([result["grad." + n].abs().max() for n in moved])
    golden["movements"] = torch.cat([sam3_model.samples(n, result["param." + n].double() - start[n].double(), SAMPLES) for n in moved])
    meta = dict(texts=json.dumps(texts), sizes=json.dumps(z), images=str(case.images), samples=str(SAMPLES), moved=json.dumps(moved),
                lr=str(cases.LEARNING_RATE), weight_decay=str(cases.WEIGHT_DECAY))
    save_file({k: v.contiguous() for k, v in golden.items()}, path, metadata=meta)
    print(f"{path}: {len(golden)} tensors, {path.stat().st_size // 1024} KiB, {int(golden['pairs'])} one-to-many pairs")


def layer_scales(decay):
    """Scale of the learning rate of each parameter of the image encoder's trunk, and of some that layer decay leaves alone."""
    from sam3.train.optim.optimizer import layer_decay_param_modifier
    model = package.build_model(package.SIZES["tiny"])
    trunk = "backbone.vision_backbone.trunk"
    names = {n for n, _ in model.named_parameters() if n.startswith((trunk, "backbone.vision_backbone.convs.0"))}
    groups = layer_decay_param_modifier([[dict(option="lr", scheduler=lambda step, where: 1.0, parameter_names=names)]], model, decay,
                                        apply_to=trunk)
    return {n: group["scheduler"](0, 0.0) for group in groups[0] for n in sorted(group["parameter_names"])}


def schedules(path):
    from sam3.train.optim.schedulers import InverseSquareRootParamScheduler
    rows = []
    for warmup, cooldown, timescale in SCHEDULES:
        schedule = InverseSquareRootParamScheduler(base_lr=1.0, warmup_steps=warmup, cooldown_steps=cooldown, timescale=timescale)
        factors = [schedule(step, step / 200) for step in range(200)]
        if warmup == 0 and cooldown:  # at step 0 the package takes the whole length for 1 and divides that by the cool-down
            factors[0] = None
        rows.append(dict(warmup=warmup, cooldown=cooldown, timescale=timescale, steps=200, factors=factors))
    layers = [dict(decay=decay, scales=layer_scales(decay)) for decay in (0.9, 0.85)]
    path.write_text(json.dumps(dict(schedules=rows, layer_decay=layers), separators=(",", ":")).replace('{"', '\n{"') + "\n")
    print(f"{path}: {path.stat().st_size // 1024} KiB")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden")
    ap.add_argument("--only", help="one case, or `schedule`")
    a = ap.parse_args()
    torch.set_num_threads(1)
    for name, case in CASES.items():
        if a.only in (None, name):
            steps_case(case, a.out / f"steps_{name}.safetensors")
    if a.only in (None, "schedule"):
        schedules(a.out / "schedule.json")


if __name__ == "__main__":
    main()
