#!/usr/bin/env python3
"""Writes tests/golden from the published sam3 package: model outputs and gradients (sam3_*.safetensors) and token ids.

Weights and images follow from a formula that tests/plugins/sam3/formula.h repeats, so that the files hold samples of results only.

Use:  PYTHON scripts/golden/sam3_model.py [--out tests/golden] [--only NAME]
PYTHON is the one of the environment that scripts/parity makes: .deps/parity/bin/python.
"""
import argparse
import json
import pathlib

import numpy
import torch
from safetensors.torch import save_file

import package

SAMPLES = 128
# size, images, prompts as (image, text), boxes of each prompt as (cx, cy, w, h, label)
CASES = {
    "text": ("tiny", 2, [(0, "polyp"), (1, "retinal blood vessel"), (0, "cell nucleus"), (1, "polyp")], None),
    "boxes": ("tiny", 2, [(1, "left lung"), (0, "tumour core"), (1, "visual")],
              [[(0.5, 0.4, 0.3, 0.6, 1), (0.11, 0.93, 0.2, 0.1, 0), (0.7, 0.7, 0.01, 0.02, 1)], [], [(0.95, 0.5, 0.4, 1.0, 0)]]),
    "one_image": ("tiny", 1, [(0, "liver"), (0, "spleen & kidney"), (0, "")], [[], [(0.5, 0.5, 1.0, 1.0, 1)], []]),
    "unused_image": ("tiny", 3, [(2, "giraffe"), (0, "nerve")], None),
    "odd": ("odd", 2, [(1, "an optic disc with a far too long description for its context"), (1, "cup")], [[(0.3, 0.3, 0.5, 0.2, 1)], []]),
    "small": ("small", 2, [(0, "polyp"), (1, "brain tumour")], [[(0.4, 0.6, 0.3, 0.3, 1)], [(0.2, 0.2, 0.1, 0.1, 0)]]),
}


def mix(x):
    """SplitMix64's output function on an array of uint64."""
    x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return x ^ (x >> numpy.uint64(31))


def stream(name, count):
    """`count` numbers of the stream `name`: FNV-1a of the name, stepped by the golden ratio, mixed."""
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    with numpy.errstate(over="ignore"):
        return mix(numpy.uint64(h) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15))


def uniform(name, shape):
    """float64 in -1..1 with 24 bits."""
    count = int(numpy.prod(shape)) if len(shape) else 1
    return torch.from_numpy((stream(name, count) >> numpy.uint64(40)).astype(numpy.float64) / 2.0**23 - 1.0).reshape(shape)


def formula_weight(name, shape):
    u = uniform(name, shape) * 3.0**0.5
    if len(shape) >= 2:
        return (u * max(1, int(numpy.prod(shape[1:]))) ** -0.5).float()
    return ((1.0 if name.endswith("weight") else 0.0) + 0.02 * u).float()


def fill_by_formula(model):
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.copy_(formula_weight(key, tuple(p.shape)))


def samples(name, tensor, most=SAMPLES):
    flat = tensor.detach().double().reshape(-1)
    if flat.numel() > most:
        flat = flat[torch.from_numpy((stream("sample " + name, most) % numpy.uint64(flat.numel())).astype(numpy.int64))]
    return flat.float().contiguous()


def outputs(out):
    """Names as in the test: the last layer's, then those of the layers before it."""
    keys = ("pred_logits", "pred_boxes", "pred_masks", "presence_logit_dec", "semantic_seg", "pred_logits_o2m", "pred_boxes_o2m",
            "pred_masks_o2m", "encoder_hidden_states")
    found = {k: out[k] for k in keys if k in out}
    for i, auxiliary in enumerate(out.get("aux_outputs", [])):
        found.update({f"aux_{i}.{k}": auxiliary[k] for k in keys if k in auxiliary})
    return found


def datapoint(images, prompts, boxes):
    from sam3.model.data_misc import BatchedDatapoint, FindStage
    texts = list(dict.fromkeys(text for _, text in prompts))
    q, width = len(prompts), max((len(b) for b in boxes), default=0) if boxes else 0
    coordinates, labels, padding = torch.zeros(width, q, 4), torch.zeros(width, q, dtype=torch.long), torch.ones(q, width, dtype=torch.bool)
    for i, row in enumerate(boxes or []):
        for j, (cx, cy, w, h, label) in enumerate(row):
            coordinates[j, i], labels[j, i], padding[i, j] = torch.tensor([cx, cy, w, h]), label, False
    find = FindStage(img_ids=torch.tensor([i for i, _ in prompts]), text_ids=torch.tensor([texts.index(t) for _, t in prompts]),
                     input_boxes=coordinates, input_boxes_mask=padding, input_boxes_label=labels,
                     input_points=torch.zeros(0, q, 257), input_points_mask=torch.zeros(q, 0))
    return BatchedDatapoint(img_batch=images, find_text_batch=texts, find_inputs=[find], find_targets=[None], find_metadatas=[None])


def training_pass(model, data):
    """Outputs of one pass in training mode, and the objective whose gradients it adds to the parameters."""
    found, total = outputs(model(data)[0]), 0.0
    for key, value in found.items():
        total = total + (uniform("weigh " + key, tuple(value.shape)).float() * value).sum() / value.numel() ** 0.5
    total.backward()
    return found, total


def effect_of_rounding(model, golden, images, prompts, boxes, rounds=8):
    """By how much the package's own gradients change when its images change by one unit in the last place: for each gradient, in the
    order of names, the largest norm of the difference of samples. Where a ReLU's input is close to zero, rounding decides whether it
    opens, and gradients jump by far more than rounding errors."""
    names = sorted(key[5:] for key in golden if key.startswith("grad."))
    largest = dict.fromkeys(names, 0.0)
    for i in range(rounds):
        steps = torch.from_numpy((stream(f"rounding {i}", images.numel()) % numpy.uint64(3)).astype(numpy.float32)).reshape(images.shape)
        model.zero_grad()
        training_pass(model, datapoint(images * (1 + (steps - 1) * 2.0**-23), prompts, boxes))
        for key, p in model.named_parameters():
            if p.grad is not None:
                largest[key] = max(largest[key], float((samples(key, p.grad) - golden["grad." + key]).norm()))
    return torch.tensor([largest[name] for name in names])


def model_case(name, path):
    size, count, prompts, boxes = CASES[name]
    z = package.SIZES[size]
    model = package.build_model(z).eval()
    model._compute_matching = lambda *a: None  # no targets here: losses are another test's
    model.back_convert = lambda targets: None
    fill_by_formula(model)
    images = uniform("images", (count, 3, z["img_size"], z["img_size"])).float()
    golden = {"in.image_index": torch.tensor([i for i, _ in prompts])}
    data = datapoint(images, prompts, boxes)
    if boxes:
        golden.update({"in.boxes": data.find_inputs[0].input_boxes.transpose(0, 1).contiguous(),
                       "in.box_labels": data.find_inputs[0].input_boxes_label.t().contiguous(),
                       "in.box_padding": data.find_inputs[0].input_boxes_mask.to(torch.uint8)})
    with torch.no_grad():
        for key, value in outputs(model(data)[0]).items():
            golden["eval." + key] = samples(key, value)
    model.train()
    trained, total = training_pass(model, data)
    golden |= {"train." + key: samples(key, value) for key, value in trained.items()}
    golden["total"] = total.detach().view(1)
    for key, p in model.named_parameters():
        if p.grad is not None:
            golden["grad." + key] = samples(key, p.grad)
            golden["norm." + key] = p.grad.norm().view(1)
    golden["rounding"] = effect_of_rounding(model, golden, images, prompts, boxes)
    meta = {"texts": json.dumps([t for _, t in prompts]), "sizes": json.dumps(z), "images": str(count)}
    save_file(golden, path, metadata=meta)
    print(f"{path}: {len(golden)} tensors, {path.stat().st_size // 1024} KiB")


def token_case(path):
    from sam3.model.tokenizer_ve import SimpleTokenizer
    tokenizer = SimpleTokenizer(bpe_path=package.vocabulary())
    texts = json.loads((pathlib.Path(__file__).resolve().parents[2] / "tests/golden/texts.json").read_text())
    rows = [{"text": t, "ids": tokenizer.encode(t)} for t in texts]
    path.write_text("[\n" + ",\n".join(json.dumps(r, ensure_ascii=True) for r in rows) + "\n]\n")
    print(f"{path}: {len(rows)} strings")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2] / "tests/golden")
    ap.add_argument("--only", help="one case, or `tokens`")
    a = ap.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    for name in CASES:
        if a.only in (None, name):
            model_case(name, a.out / f"sam3_{name}.safetensors")
    if a.only in (None, "tokens"):
        token_case(a.out / "tokens.json")


if __name__ == "__main__":
    main()
