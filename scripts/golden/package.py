"""The published `sam3` package at any size: its own builder wires the model, with the sizes of a case in place of the published ones.

Dropout and drop path are 0 unless they are asked for: two implementations cannot agree on chance. Everything runs on the CPU in
float32.
"""
import contextlib
import importlib.util
import json
import pathlib
import types
import unittest.mock

import torch

SIZES = json.loads((pathlib.Path(__file__).parent / "sizes.json").read_text())


class _OnCpu(torch.overrides.TorchFunctionMode):
    """The package asks for "cuda" by name while it builds its tables of positions."""

    def __torch_function__(self, function, kinds, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if str(kwargs.get("device", "")).startswith("cuda"):
            kwargs["device"] = "cpu"
        return function(*args, **kwargs)


def vocabulary():
    """The wheel of sam3 lacks the tokenizer's vocabulary; open_clip_torch has the same file."""
    for package, below in (("sam3", "assets"), ("open_clip", "")):
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations if spec else ():
            path = pathlib.Path(folder, below, "bpe_simple_vocab_16e6.txt.gz")
            if path.is_file():
                return str(path)
    raise SystemExit("neither sam3 nor open_clip_torch has bpe_simple_vocab_16e6.txt.gz; scripts/parity installs both")


def _replacements(z):
    """Constructor of the builder: its arguments that a size or "no dropout" replaces."""
    width = dict(d_model=z["d_model"])
    layer = dict(width, dim_feedforward=z["dim_feedforward"], dropout=0.0)
    trunk = ("img_size", "pretrain_img_size", "patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "window_size")
    return {
        "ViT": {k: z[k] for k in trunk} | dict(global_att_blocks=tuple(z["global_att_blocks"]), drop_path_rate=0.0),
        "PositionEmbeddingSine": dict(num_pos_feats=z["d_model"]),
        "Sam3DualViTDetNeck": width,
        "VETextEncoder": dict(width, width=z["text_width"], heads=z["text_heads"], layers=z["text_layers"],
                              context_length=z["context_length"]),
        "MultiheadAttention": dict(num_heads=z["num_heads_detr"], embed_dim=z["d_model"], dropout=0.0),
        "TransformerEncoderLayer": layer,
        "TransformerEncoderFusion": dict(width, num_layers=z["encoder_layers"]),
        "TransformerDecoderLayer": dict(layer, n_heads=z["num_heads_detr"]),
        "TransformerDecoder": dict(width, num_layers=z["decoder_layers"], num_queries=z["num_queries"],
                                   resolution=z["img_size"], stride=z["patch_size"]),
        "TransformerWrapper": width,
        "MLP": dict(input_dim=z["d_model"], hidden_dim=z["dim_feedforward"], output_dim=z["d_model"], dropout=0.0),
        "DotProductScoring": dict(width, d_proj=z["d_model"]),
        "PixelDecoder": dict(hidden_dim=z["d_model"]),
        "UniversalSegmentationHead": dict(hidden_dim=z["d_model"]),
        "SequenceGeometryEncoder": dict(width, num_layers=z["geometry_layers"]),
    }


@contextlib.contextmanager
def _resized(builder, z, chance):
    def with_sizes(make, sizes):
        return lambda *args, **kwargs: make(*args, **(kwargs | sizes))

    wanted = {name: {k: v for k, v in sizes.items() if not (chance and k in ("dropout", "drop_path_rate"))}
              for name, sizes in _replacements(z).items()}
    patches = {name: with_sizes(getattr(builder, name), sizes) for name, sizes in wanted.items()}
    patches["nn"] = types.SimpleNamespace(LayerNorm=lambda _: torch.nn.LayerNorm(z["d_model"]))
    with unittest.mock.patch.multiple(builder, **patches):
        yield


def build_model(z, chance=False):
    """The image model in training mode, with the package's own Hungarian matcher in it; `chance`: with its dropout and drop path."""
    from sam3 import model_builder
    with _OnCpu(), _resized(model_builder, z, chance):
        model = model_builder.build_sam3_image_model(bpe_path=vocabulary(), device="cpu", eval_mode=False, load_from_HF=False)
    for module in model.modules() if not chance else ():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(module, torch.nn.MultiheadAttention):
            module.dropout = 0.0
    if not torch.cuda.is_available():
        torch.Tensor.pin_memory = lambda self, *a, **k: self
    return model.train()


def build_criterion():
    """Losses and matchers of the published fine-tuning recipe with segmentation."""
    import sam3.train.loss.loss_fns as terms
    from sam3.train.loss.sam3_loss import Sam3LossWrapper
    from sam3.train.matcher import BinaryHungarianMatcherV2, BinaryOneToManyMatcher
    if not hasattr(terms.sigmoid_focal_loss, "without_triton"):
        published = terms.sigmoid_focal_loss
        terms.sigmoid_focal_loss = lambda *a, **k: published(*a, **(k | dict(triton=False)))
        terms.sigmoid_focal_loss.without_triton = True
    find = [
        terms.Boxes(weight_dict=dict(loss_bbox=5.0, loss_giou=2.0)),
        terms.IABCEMdetr(weight_dict=dict(loss_ce=20.0, presence_loss=20.0), pos_weight=10.0, alpha=0.25, gamma=2, weak_loss=False,
                         use_presence=True, pos_focal=False, pad_n_queries=200, pad_scale_pos=1.0),
        terms.Masks(weight_dict=dict(loss_mask=200.0, loss_dice=10.0), focal_alpha=0.25, focal_gamma=2.0),
    ]
    semantic = terms.SemanticSegCriterion(
        weight_dict=dict(loss_semantic_seg=20.0, loss_semantic_presence=1.0, loss_semantic_dice=30.0), focal=True, focal_alpha=0.6,
        focal_gamma=2.0, downsample=False, presence_head=True, presence_loss=False)
    one_to_one = BinaryHungarianMatcherV2(focal=True, cost_class=2.0, cost_bbox=5.0, cost_giou=2.0, alpha=0.25, gamma=2, stable=False)
    return Sam3LossWrapper(
        loss_fns_find=find, loss_fn_semantic_seg=semantic, normalization="local", matcher=one_to_one,
        o2m_matcher=BinaryOneToManyMatcher(alpha=0.3, threshold=0.4, topk=4), o2m_weight=2.0, use_o2m_matcher_on_o2m_aux=False,
        scale_by_find_batch_size=True)


def datapoint(batch, texts):
    """A case's batch as the package takes it: (input, targets)."""
    from sam3.model.data_misc import BatchedDatapoint, BatchedFindTarget, FindStage
    queries, counts = len(texts), batch["num_boxes"].tolist()
    distinct = list(dict.fromkeys(texts))
    most = max(1, *counts)
    boxes, ids = torch.zeros(queries, most, 4), torch.full((queries, most), -1)
    for q, of_query in enumerate(batch["boxes"].split(counts)):
        boxes[q, : len(of_query)], ids[q, : len(of_query)] = of_query, torch.arange(len(of_query))
    prompts = batch.get("prompt_boxes", torch.zeros(queries, 0, 4))
    find = FindStage(
        img_ids=batch["image_index"], text_ids=torch.tensor([distinct.index(t) for t in texts]),
        input_boxes=prompts.transpose(0, 1).contiguous(),
        input_boxes_mask=batch.get("prompt_padding", torch.zeros(queries, 0)).bool(),
        input_boxes_label=batch.get("prompt_labels", torch.zeros(queries, 0, dtype=torch.long)).t().contiguous(),
        input_points=torch.zeros(0, queries, 257), input_points_mask=torch.zeros(queries, 0))
    targets = BatchedFindTarget(
        num_boxes=batch["num_boxes"], boxes=batch["boxes"], boxes_padded=boxes, repeated_boxes=batch["boxes"],
        segments=batch["masks"].bool(), semantic_segments=None,
        is_valid_segment=torch.ones(len(batch["boxes"]), dtype=torch.bool),
        is_exhaustive=torch.ones(queries, dtype=torch.bool), object_ids=ids[ids >= 0], object_ids_padded=ids)
    data = BatchedDatapoint(img_batch=batch["image"], find_text_batch=distinct, find_inputs=[find], find_targets=[targets],
                            find_metadatas=[None])
    return data, targets


def fill_weights(model, seed):
    """Matrices uniform with variance 1 / fan-in, vectors close to 1 (scales) or 0: no parameter sits at a symmetric value."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            u = (torch.rand(p.shape, generator=g) * 2 - 1) * 3.0**0.5
            if p.dim() > 1:
                p.copy_(u / p[0].numel() ** 0.5)
            else:
                p.copy_(u * 0.03 + float(name.endswith("weight")))
