#!/usr/bin/env python3
"""Writes tests/golden/torch_save.pt: a checkpoint as Python's torch.save writes it, with every kind of tensor that the reader knows.

Its values are arithmetic progressions, so that the test states what it expects without another file.

Use:  python scripts/golden/torch_files.py tests/golden/torch_save.pt
"""
import collections
import sys

import torch

TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    model = torch.nn.Linear(3, 2)
    weights = collections.OrderedDict()
    for name in TYPES:
        weights["type." + name] = (torch.arange(6) % (2 if name == "bool" else 6)).view(2, 3).to(getattr(torch, name))
    base = torch.arange(24, dtype=torch.float32).view(4, 6)
    weights["view.whole"] = base
    weights["view.transposed"] = base.t()
    weights["view.column"] = base[1:, 2]
    weights["empty"] = torch.zeros(0, 5)
    weights["scalar"] = torch.tensor(7.5)
    weights["parameter"] = torch.nn.Parameter(torch.arange(3, dtype=torch.float32))
    weights.update({"module." + k: torch.full_like(v, 0.25) for k, v in model.state_dict().items()})
    weights._metadata = model.state_dict()._metadata
    torch.save({"model": weights, "epoch": 12, "best": 0.75, "note": "fine", "seed": -3, "big": 1 << 80, "nothing": None,
                "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999)}]}},
               sys.argv[1])
    print(f"tensors={len(weights)}")


if __name__ == "__main__":
    main()
