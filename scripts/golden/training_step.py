#!/usr/bin/env python3
"""Seconds and peak memory of full-parameter training steps of the published sam3 package; its side of scripts/bench_step.

Use:  PYTHON scripts/golden/training_step.py FOLDER [--make SIZE] [--steps N] [--threads N] [--clip X] [--seed N]
FOLDER holds model.json and batch.safetensors; --make writes them first (one image, one prompt with two targets) and stops.
One line a step, as tests/bench/training_step.cpp prints: step= forward= backward= update= seconds= peak_gb= loss= norm=
"""
import argparse
import json
import pathlib
import resource
import time

import torch
from safetensors import safe_open
from safetensors.torch import save_file

import cases
import package


def make(folder, size):
    batch, texts = cases.make_batch(cases.Case("step", size, 81, [(0, 2)]), package.SIZES[size], None)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in batch.items()}, folder / "batch.safetensors", metadata={"texts": json.dumps(texts)})
    (folder / "model.json").write_text(json.dumps(dict(sizes=package.SIZES[size], lr=1e-5, weight_decay=0.1)))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("folder", type=pathlib.Path)
    ap.add_argument("--make", metavar="SIZE")
    ap.add_argument("--steps", type=int, default=1)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--clip", type=float, default=0.1)
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    if a.make:
        return make(a.folder, a.make)
    torch.set_num_threads(a.threads)
    settings = json.loads((a.folder / "model.json").read_text())
    with safe_open(a.folder / "batch.safetensors", "pt") as file:
        batch, texts = {k: file.get_tensor(k) for k in file.keys()}, json.loads(file.metadata()["texts"])
    model = package.build_model(settings["sizes"], chance=True)
    package.fill_weights(model, a.seed)
    torch.manual_seed(a.seed)
    data, targets = package.datapoint(batch, texts)
    criterion = package.build_criterion()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
    for step in range(1, a.steps + 1):
        times = [time.monotonic()]
        result = model(data)
        terms = criterion(result, [model.back_convert(targets)])
        loss = terms["core_loss"].item()
        times.append(time.monotonic())
        terms["core_loss"].backward()
        del result, terms
        times.append(time.monotonic())
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), a.clip).item() if a.clip > 0 else 0.0
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        times.append(time.monotonic())
        forward, backward, update = (after - before for before, after in zip(times, times[1:]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(f"step={step} forward={forward:.2f} backward={backward:.2f} update={update:.2f} seconds={times[-1] - times[0]:.2f} "
              f"peak_gb={peak:.3f} loss={loss:.5f} norm={norm:.4f}", flush=True)


if __name__ == "__main__":
    main()
