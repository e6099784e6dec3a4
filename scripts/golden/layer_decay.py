#!/usr/bin/env python3
"""Writes tests/golden/layer_decay.json: learning rate and weight decay of each parameter, by the published package's optimiser builder.

The settings are those of SAM3's fine-tuning recipe; once with its exemption of position embeddings from layer decay, once without.

Use:  PYTHON scripts/golden/layer_decay.py [--out tests/golden]
PYTHON is the one of the environment that scripts/parity makes: .deps/parity/bin/python.
"""
import argparse
import functools
import importlib
import json
import pathlib
import sys
import types

import torch

import package


def without_hydra():
    """The builder takes hydra for two things: to call what a file names, and to find a class by its name."""
    hydra, omegaconf = types.ModuleType("hydra"), types.ModuleType("omegaconf")
    hydra.utils = types.SimpleNamespace(
        instantiate=lambda given, *args: given(*args) if args else given,
        get_class=lambda path: getattr(importlib.import_module(path.rpartition(".")[0]), path.rpartition(".")[2]))
    omegaconf.DictConfig = dict
    sys.modules |= {"hydra": hydra, "omegaconf": omegaconf}


class Entry(dict):
    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


class Constant:
    def __init__(self, value):
        self.value = value

    def __call__(self, where):
        return self.value


def entry(value, **patterns):
    return Entry(scheduler=Constant(value), **patterns)


def rates(model, settings):
    from sam3.train.optim import optimizer
    overrides = [{"pattern": "*pos_embed*", "value": 1.0}] if settings["spare_positions"] else []
    decay = functools.partial(optimizer.layer_decay_param_modifier, layer_decay_value=settings["layer_decay"],
                              apply_to="backbone.vision_backbone.trunk", overrides=overrides)
    options = {
        "lr": [entry(settings["transformer"]),
               entry(settings["vision"], param_names=["backbone.vision_backbone.*"]),
               entry(settings["text"], param_names=["backbone.language_backbone.*"])],
        "weight_decay": [entry(settings["weight_decay"]),
                         entry(0.0, param_names=["*bias*"], module_cls_names=["torch.nn.LayerNorm"])],
    }
    made = optimizer.construct_optimizer(model, lambda groups: torch.optim.AdamW(groups, lr=0.0), options, [lambda **given: decay(**given)])
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: [group["lr"], group["weight_decay"]] for group in made.optimizer.param_groups for p in group["params"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("tests/golden"))
    out = parser.parse_args().out
    without_hydra()
    model = package.build_model(package.SIZES["tiny"])
    recipe = dict(transformer=8e-5, vision=2.5e-5, text=5e-6, layer_decay=0.9, weight_decay=0.1)
    golden = {}
    for name, spare in (("recipe", True), ("without_exemption", False)):
        settings = recipe | dict(spare_positions=spare)
        golden[name] = settings | dict(parameters=dict(sorted(rates(model, settings).items())))
    (out / "layer_decay.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
