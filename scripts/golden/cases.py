#!/usr/bin/env python3
"""Parity cases: folders that `sam3lab trace` reads, with what the published package computes from them in expected.safetensors.

  model.json, checkpoint.pt, batch.safetensors   see docs/howto/compare_implementations.md
  expected.safetensors  forward.*  outputs in evaluation mode          loss.*   every term of the first training step
                        grad.*, param.*  of that step                  steps.core_loss  the loss before each of several steps

Use:  PYTHON scripts/golden/cases.py CASE FOLDER   (PYTHON: the environment that scripts/parity makes; --list names the cases)
"""
import argparse
import dataclasses
import json
import pathlib

import torch

import package

TEXTS = ["polyp", "optic disc", "cell nuclei", "left ventricle", "surgical instrument", "Hämangiom", "skin lesion", "thyroid nodule"]
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 0.05
# A pair counts for the one-to-many matcher from 0.3 p + 0.7 IoU > 0.4: boxes this close to a prediction always do.
NEAR = 0.02


@dataclasses.dataclass
class Case:
    name: str
    size: str
    seed: int
    prompts: list  # (image, number of targets) of each
    boxes: list = dataclasses.field(default_factory=list)  # of each prompt: box prompts as (cx, cy, w, h, label)
    texts: list = None
    near: bool = False  # targets lie on predictions of the one-to-many queries
    steps: int = 1

    @property
    def images(self):
        return 1 + max(image for image, _ in self.prompts)


MIXED = [(0, 2), (1, 1), (0, 3), (1, 0)]
BOXES = [[(0.5, 0.4, 0.3, 0.6, 1), (0.11, 0.93, 0.2, 0.1, 0), (0.7, 0.7, 0.01, 0.02, 1)], [], [(0.95, 0.5, 0.4, 1.0, 0)], []]


def all_cases():
    cases = []
    for size in ("tiny", "small"):
        of_size = [
            Case("mixed_1", size, 11, MIXED), Case("mixed_2", size, 12, [(1, 1), (0, 0), (1, 2)]),
            Case("mixed_3", size, 13, [(0, 4), (1, 1), (2, 1)]),
            Case("one_image", size, 21, [(0, 1), (0, 0), (0, 2), (0, 1), (0, 3)]),
            Case("one_target", size, 22, [(0, 1)]),
            Case("many_targets", size, 23, [(0, 9), (1, 12), (1, 5)]),
            Case("no_target", size, 24, [(0, 0), (1, 0), (0, 0)]),
            Case("same_text", size, 25, [(0, 1), (1, 2), (1, 0)], texts=["polyp", "polyp", "no such thing here"]),
            Case("boxes", size, 31, MIXED, boxes=BOXES),
            Case("boxes_negative", size, 32, [(0, 1), (1, 1)], boxes=[[(0.3, 0.3, 0.2, 0.2, 0)], [(0.6, 0.5, 0.5, 0.3, 0)]]),
            Case("boxes_no_target", size, 33, [(0, 0), (0, 0)], boxes=[[(0.2, 0.7, 0.3, 0.3, 1)], []]),
            Case("near_1", size, 41, MIXED, near=True), Case("near_2", size, 42, [(0, 5), (0, 3)], near=True),
            Case("near_boxes", size, 43, MIXED, boxes=BOXES, near=True),
            Case("ten_steps", size, 51, MIXED, steps=10), Case("ten_steps_near", size, 52, MIXED, near=True, steps=10),
        ]
        cases += [dataclasses.replace(case, name=f"{size}_{case.name}") for case in of_size]
    cases += [Case("odd", "odd", 61, [(1, 2), (0, 1), (1, 0)], boxes=[[(0.3, 0.3, 0.5, 0.2, 1)], [], []]),
              Case("odd_near", "odd", 62, [(0, 3), (1, 1)], near=True), Case("odd_steps", "odd", 63, [(0, 2), (1, 0)], steps=10),
              Case("wide", "wide", 64, MIXED), Case("wide_boxes", "wide", 65, MIXED, boxes=BOXES, near=True),
              Case("full", "full", 71, [(0, 2), (0, 0)], boxes=[[(0.4, 0.6, 0.3, 0.2, 1)], []])]
    return {case.name: case for case in cases}


def make_image(g, side):
    """Smooth structure with grain on it, in -1..1."""
    coarse = torch.rand(1, 3, 6, 6, generator=g) * 2 - 1
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic", align_corners=False)[0]
    return (0.8 * smooth + 0.3 * torch.randn(3, side, side, generator=g)).clamp(-1, 1)


def random_boxes(g, count):
    extent = 0.12 + 0.4 * torch.rand(count, 2, generator=g)
    return torch.cat([extent / 2 + torch.rand(count, 2, generator=g) * (1 - extent), extent], 1)


def make_masks(g, boxes, side):
    """An ellipse in each box, or, for one box of three, two ellipses in its corners."""
    grid = (torch.arange(side) + 0.5) / side
    x, y = grid.view(1, 1, -1), grid.view(1, -1, 1)

    def ellipse(b):
        return ((x - b[:, 0, None, None]) * 2 / b[:, 2, None, None]) ** 2 + ((y - b[:, 1, None, None]) * 2 / b[:, 3, None, None]) ** 2 <= 1

    quarter = torch.tensor([0.25, 0.25])
    first, second = (torch.cat([boxes[:, :2] + s * quarter * boxes[:, 2:], boxes[:, 2:] / 2], 1) for s in (-1, 1))
    split = (torch.arange(len(boxes)) % 3 == 2).view(-1, 1, 1)
    return torch.where(split, ellipse(first) | ellipse(second), ellipse(boxes)).to(torch.uint8)


def boxes_on_predictions(g, model, batch, texts, counts):
    """Targets that a one-to-many query of the start weights nearly hits."""
    with torch.no_grad():
        predicted = model(package.datapoint(batch, texts)[0])[0]
    predicted = (predicted[-1] if isinstance(predicted, list) else predicted)["pred_boxes_o2m"]
    boxes = []
    for q, count in enumerate(counts):
        picked = predicted[q, torch.randperm(predicted.shape[1], generator=g)[:count]]
        picked = picked * (1 + NEAR * torch.randn(picked.shape, generator=g))
        boxes.append(torch.cat([picked[:, :2].clamp(0.05, 0.95), picked[:, 2:].clamp(0.04, 0.9)], 1))
    return torch.cat(boxes)


def make_batch(case, z, model):
    g = torch.Generator().manual_seed(1000 + case.seed)
    side, counts = z["img_size"], [count for _, count in case.prompts]
    texts = case.texts or [TEXTS[(case.seed + i) % len(TEXTS)] for i in range(len(counts))]
    batch = dict(image=torch.stack([make_image(g, side) for _ in range(case.images)]), num_boxes=torch.tensor(counts),
                 image_index=torch.tensor([image for image, _ in case.prompts]))
    if case.boxes:
        most = max(len(row) for row in case.boxes)
        shape = (len(counts), most)
        coordinates, labels = torch.zeros(*shape, 4), torch.zeros(shape, dtype=torch.long)
        padding = torch.ones(shape, dtype=torch.uint8)
        for q, row in enumerate(case.boxes):
            for i, (*box, label) in enumerate(row):
                coordinates[q, i], labels[q, i], padding[q, i] = torch.tensor(box), label, 0
        batch |= dict(prompt_boxes=coordinates, prompt_labels=labels, prompt_padding=padding)
    boxes = random_boxes(g, sum(counts))
    if case.near:
        no_targets = dict(batch, num_boxes=torch.zeros(len(counts), dtype=torch.long), boxes=torch.zeros(0, 4),
                          masks=torch.zeros(0, side, side, dtype=torch.uint8))
        boxes = boxes_on_predictions(g, model, no_targets, texts, counts)
    return batch | dict(boxes=boxes, masks=make_masks(g, boxes, side)), texts


def last_stage(outputs):
    stage = outputs[0]
    return stage[-1] if isinstance(stage, list) else stage


def forward_tensors(model, data, context_length):
    out = {}
    with torch.no_grad():
        result = last_stage(model(data))
        for key in ("pred_logits", "pred_boxes", "pred_masks", "semantic_seg", "presence_logit_dec", "encoder_hidden_states"):
            out[key] = result[key]
        pyramid = model.backbone.forward_image(data.img_batch)["backbone_fpn"]
        out |= {f"backbone_fpn.{level}": features for level, features in enumerate(pyramid)}
        text = model.backbone.forward_text(data.find_text_batch, device="cpu")
        out |= dict(language_features=text["language_features"], language_mask=text["language_mask"].to(torch.uint8))
        out["tokens"] = model.backbone.language_backbone.tokenizer(data.find_text_batch, context_length=context_length).long()
    return {f"forward.{k}": v.float() if v.is_floating_point() else v for k, v in out.items()}


def training_tensors(model, data, targets, steps):
    """Keeps live gradients and parameters where no later step changes them: the full model's must not be held twice."""
    out, curve = {}, []
    criterion = package.build_criterion()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    keep = (lambda t: t.clone()) if steps > 1 else (lambda t: t)
    for step in range(steps):
        optimiser.zero_grad(set_to_none=True)
        result = model(data)
        terms = criterion(result, [model.back_convert(targets)])
        curve.append(terms["core_loss"].item())
        if step == 0:
            out |= {f"loss.{k}": torch.as_tensor(v).detach().float().reshape(1) for k, v in terms.items()}
            out["pairs.one_to_many"] = torch.tensor([one_to_many_pairs(criterion, last_stage(result), model.back_convert(targets))])
        terms["core_loss"].backward()
        del result, terms
        if step == 0:
            out |= {f"grad.{n}": keep(p.grad) for n, p in model.named_parameters() if p.grad is not None}
        optimiser.step()
        if step == 0:
            out |= {f"param.{n}": keep(p.detach()) for n, p in model.named_parameters()}
    if steps > 1:
        out["steps.core_loss"] = torch.tensor(curve)
    return out


def one_to_many_pairs(criterion, outputs, targets):
    many = {k[: -len("_o2m")]: v for k, v in outputs.items() if k.endswith("_o2m")}
    return len(criterion.o2m_matcher(many, targets)[0])


def write_case(case, folder):
    from safetensors.torch import save_file
    z = package.SIZES[case.size]
    folder.mkdir(parents=True, exist_ok=True)
    model = package.build_model(z)
    package.fill_weights(model, case.seed)
    weights = {"detector." + k: v for k, v in model.state_dict().items() if "freqs_cis" not in k}
    torch.save({"model": weights}, folder / "checkpoint.pt")
    batch, texts = make_batch(case, z, model)
    save_file({k: v.contiguous() for k, v in batch.items()}, folder / "batch.safetensors", metadata={"texts": json.dumps(texts)})
    data, targets = package.datapoint(batch, texts)
    model.eval()
    expected = forward_tensors(model, data, z["context_length"])
    model.train()
    expected |= training_tensors(model, data, targets, case.steps)
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")
    model_json = dict(sizes=z, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, case=case.name, steps=case.steps)
    (folder / "model.json").write_text(json.dumps(model_json, indent=1))  # last: a case with it is whole


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("case", nargs="?")
    ap.add_argument("folder", nargs="?", type=pathlib.Path)
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    cases = all_cases()
    if a.list:
        print("\n".join(cases))
    elif a.case not in cases or a.folder is None:
        ap.error("give a case (--list names them) and a folder")
    else:
        write_case(cases[a.case], a.folder)


if __name__ == "__main__":
    main()
