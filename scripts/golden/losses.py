#!/usr/bin/env python3
"""Writes tests/golden/losses.safetensors: matchings, loss terms and gradients that the published `sam3` package computes.

Each case is a set of random predictions of three decoder layers (the last with masks) for one-to-one and one-to-many object queries,
and targets. Tensors are named <case>.<what>. Needs sam3 0.1.4 with its dependencies, torch and safetensors; the seeds are fixed
and every input is stored, so the tests depend on the file alone.

Use:  python scripts/golden/losses.py tests/golden/losses.safetensors
"""
import sys

import torch

import sam3.train.loss.loss_fns as losses
from sam3.model.box_ops import box_cxcywh_to_xyxy
from sam3.train.loss.sam3_loss import Sam3LossWrapper
from sam3.train.matcher import BinaryHungarianMatcherV2, BinaryOneToManyMatcher

OBJECTS, MASK, TARGET = 8, 7, 18  # object queries; side of predicted and of true masks, px
# name: (targets of each query, options of the classification loss, one-to-many matcher on auxiliary layers, downsample the targets)
CASES = {
    "mixed": ([2, 0, 3, 1], {}, False, False),
    "single": ([1], {}, True, False),
    "none": ([0, 0, 0], {}, False, False),
    "variant": ([1, 4, 0], dict(pad_n_queries=4, pos_focal=True, presence_gamma=1.5, presence_alpha=0.3), True, True),
    "padded": ([0, 2], dict(pad_scale_pos=2.5, use_presence=False), False, False),
}


def focal_without_triton():
    original = losses.sigmoid_focal_loss
    losses.sigmoid_focal_loss = lambda *a, **k: original(*a, **{**k, "triton": False})


def hungarian():
    return BinaryHungarianMatcherV2(focal=True, cost_class=2.0, cost_bbox=5.0, cost_giou=2.0, alpha=0.25, gamma=2, stable=False)


def one_to_many():
    return BinaryOneToManyMatcher(alpha=0.3, threshold=0.4, topk=4)


def random_boxes(g, *shape):
    extent = torch.rand(*shape, 2, generator=g) * 0.4 + 0.1
    centre = extent / 2 + torch.rand(*shape, 2, generator=g) * (1 - extent)
    return torch.cat([centre, extent], -1)


def make_targets(g, counts):
    boxes = random_boxes(g, sum(counts))
    width = max(1, *counts)
    padded, ids, start = torch.zeros(len(counts), width, 4), torch.full((len(counts), width), -1), 0
    for q, n in enumerate(counts):
        padded[q, :n], ids[q, :n] = boxes[start:start + n], torch.arange(n)
        start += n
    at = (torch.arange(TARGET) + 0.5) / TARGET
    x, y = at.view(1, 1, -1), at.view(1, -1, 1)
    cx, cy, w, h = (boxes[:, i].view(-1, 1, 1) for i in range(4))
    masks = ((x - cx) / (w / 2)) ** 2 + ((y - cy) / (h / 2)) ** 2 <= 1
    return dict(boxes=boxes, boxes_xyxy=box_cxcywh_to_xyxy(boxes), boxes_padded=padded, num_boxes=torch.tensor(counts), masks=masks,
                semantic_masks=None, is_valid_mask=torch.ones(sum(counts), dtype=torch.bool), object_ids_padded=ids,
                is_exhaustive=torch.ones(len(counts), dtype=torch.bool))


def make_predictions(g, targets, masks):
    """Half of the boxes lie near a target of their query, so that the one-to-many matcher has something to match."""
    counts = targets["num_boxes"].tolist()
    leaves = {}
    for ending in ("", "_o2m"):
        logits = torch.randn(len(counts), OBJECTS, 1, generator=g)
        boxes = random_boxes(g, len(counts), OBJECTS)
        for q, n in enumerate(counts):
            for k in range(OBJECTS // 2 if n else 0):
                near = targets["boxes_padded"][q, k % n] + 0.04 * torch.randn(4, generator=g)
                boxes[q, k] = near.clamp(0.02, 0.98)
                logits[q, k] += 1.5
        leaves["pred_logits" + ending], leaves["pred_boxes" + ending] = logits, boxes
        if masks:
            leaves["pred_masks" + ending] = torch.randn(len(counts), OBJECTS, MASK, MASK, generator=g) * 2
    leaves["presence_logit_dec"] = torch.randn(len(counts), 1, generator=g)
    return {k: v.requires_grad_(True) for k, v in leaves.items()}


def with_corners(leaves):
    out = dict(leaves)
    for ending in ("", "_o2m"):
        out["pred_boxes_xyxy" + ending] = box_cxcywh_to_xyxy(leaves["pred_boxes" + ending])
    return out


def packed(match, targets):
    """A matching as [3, M]: query, object query, packed target."""
    query, obj, target = match
    return torch.stack([query, obj, torch.arange(len(query)) if target is None else target]).long()


def compute(name, seed, into):
    counts, options, many_on_aux, downsample = CASES[name]
    g = torch.Generator().manual_seed(seed)
    targets = make_targets(g, counts)
    layers = [make_predictions(g, targets, masks=i == 2) for i in range(3)]  # auxiliary 0 and 1, then the last
    semantic = torch.randn(len(counts), 1, MASK, MASK, generator=g).requires_grad_(True)
    out = with_corners(layers[2]) | dict(semantic_seg=semantic, presence_logit=None)
    out["aux_outputs"] = [with_corners(layer) for layer in layers[:2]]
    for layer, kind in ((out, "last"), (out["aux_outputs"][0], "aux_0"), (out["aux_outputs"][1], "aux_1")):
        layer["indices"] = hungarian()(layer, targets)
        into[f"{name}.match.{kind}"] = packed(layer["indices"], targets)
        many = {k[:-4]: v for k, v in layer.items() if k.endswith("_o2m")}
        matcher = one_to_many() if kind == "last" or many_on_aux else hungarian()
        into[f"{name}.match.{kind}_o2m"] = packed(matcher(many, targets), targets)
    classification = dict(pos_weight=10.0, alpha=0.25, gamma=2, weak_loss=False, use_presence=True, pos_focal=False,
                          pad_n_queries=200, pad_scale_pos=1.0) | options
    criterion = Sam3LossWrapper(
        normalization="local", matcher=hungarian(), o2m_matcher=one_to_many(), o2m_weight=2.0,
        use_o2m_matcher_on_o2m_aux=many_on_aux, scale_by_find_batch_size=True,
        loss_fns_find=[
            losses.Boxes(weight_dict={"loss_bbox": 5.0, "loss_giou": 2.0}),
            losses.IABCEMdetr(weight_dict={"loss_ce": 20.0, "presence_loss": 20.0}, **classification),
            losses.Masks(focal_alpha=0.25, focal_gamma=2.0, weight_dict={"loss_mask": 200.0, "loss_dice": 10.0})])
    result = criterion.compute_loss(out, targets)
    segmentation = losses.SemanticSegCriterion(
        presence_head=True, presence_loss=False, focal=True, focal_alpha=0.6, focal_gamma=2.0, downsample=downsample,
        weight_dict={"loss_semantic_seg": 20.0, "loss_semantic_presence": 1.0, "loss_semantic_dice": 30.0})(out, targets)
    total = (result.pop("core_loss") + segmentation.pop("core_loss")) * len(counts) ** 0.5
    total.backward()
    for key in ("boxes", "boxes_padded", "num_boxes"):
        into[f"{name}.targets.{key}"] = targets[key]
    into[f"{name}.targets.masks"] = targets["masks"].to(torch.uint8)
    for kind, layer in zip(("aux_0", "aux_1", "last"), layers):
        for key, leaf in layer.items():
            into[f"{name}.{kind}.{key}"] = leaf.detach()
            into[f"{name}.grad.{kind}.{key}"] = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    into[f"{name}.semantic"], into[f"{name}.grad.semantic"] = semantic.detach(), semantic.grad
    into[f"{name}.loss.core_loss"] = total.detach().view(1)
    for key, value in (result | segmentation).items():
        if "f1" not in key and "acc" not in key and "miou" not in key:
            into[f"{name}.loss.{key}"] = torch.as_tensor(value).detach().float().view(1)


def crowded(into):
    """More targets than object queries."""
    g = torch.Generator().manual_seed(99)
    targets = make_targets(g, [OBJECTS + 3, 2])
    leaves = make_predictions(g, targets, masks=False)
    for key in ("pred_logits", "pred_boxes"):
        into[f"crowded.last.{key}"] = leaves[key].detach()
    for key in ("boxes", "boxes_padded", "num_boxes"):
        into[f"crowded.targets.{key}"] = targets[key]
    into["crowded.match.last"] = packed(hungarian()(leaves, targets), targets)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    from safetensors.torch import save_file
    torch.set_num_threads(1)
    focal_without_triton()
    tensors = {}
    for seed, name in enumerate(CASES):
        compute(name, seed + 1, tensors)
    crowded(tensors)
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, sys.argv[1])
    matched = {name: int(tensors[f"{name}.match.last_o2m"].shape[1]) for name in CASES}
    print(f"tensors={len(tensors)} " + " ".join(f"one_to_many_{k}={v}" for k, v in matched.items()))


if __name__ == "__main__":
    main()
