#!/usr/bin/env python3
"""Checks that both Python implementations of SAM3 load what `sam3lab convert` writes, and compute from it what `sam3lab trace` does.

A reference case gives weights and inputs. Its weights are converted into every layout and format; the published package loads those
with its own names and transformers' Sam3Model the others, each with no key missing; the three forward passes are compared. Then
transformers saves the model itself, and sam3lab computes from that file.

Use:  PYTHON scripts/golden/loads_elsewhere.py [--program build/sam3lab] [--case tiny_mixed_1]
PYTHON is an environment with the package and transformers (5.23 was used); `scripts/parity --loads` makes it and calls this.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
from safetensors.torch import load_file

import cases
import package

LIMIT = 1e-4  # of the largest value of an output
OUTPUTS = ("pred_logits", "pred_boxes", "pred_masks", "presence_logit_dec", "semantic_seg")
PADDING = -10  # the label with which transformers marks a box that is none


def config_of(z, projection):
    from transformers import CLIPTextConfig, Sam3Config
    d, heads, wide = z["d_model"], z["num_heads_detr"], z["dim_feedforward"]
    grid = z["img_size"] // z["patch_size"]
    part = dict(hidden_size=d, num_attention_heads=heads, intermediate_size=wide)
    vision = dict(fpn_hidden_size=d, backbone_feature_sizes=[[grid * k, grid * k] for k in (4, 2, 1)], backbone_config=dict(
        model_type="sam3_vit_model", hidden_size=z["embed_dim"], intermediate_size=int(z["embed_dim"] * z["mlp_ratio"]),
        num_hidden_layers=z["depth"], num_attention_heads=z["num_heads"], image_size=z["img_size"], patch_size=z["patch_size"],
        window_size=z["window_size"], global_attn_indexes=z["global_att_blocks"], pretrain_image_size=z["pretrain_img_size"]))
    text = dict(vocab_size=49408, hidden_size=z["text_width"], intermediate_size=4 * z["text_width"], projection_dim=projection,
                num_hidden_layers=z["text_layers"], num_attention_heads=z["text_heads"],
                max_position_embeddings=z["context_length"], hidden_act="gelu")
    return Sam3Config(vision_config=vision, text_config=CLIPTextConfig(**text).to_dict(),
                      geometry_encoder_config=dict(part, num_layers=z["geometry_layers"]),
                      detr_encoder_config=dict(part, num_layers=z["encoder_layers"]),
                      detr_decoder_config=dict(part, num_layers=z["decoder_layers"], num_queries=z["num_queries"]),
                      mask_decoder_config=dict(hidden_size=d, num_attention_heads=heads))


def own_names(file):
    """Names of the package from any of our layouts that keep them."""
    state = torch.load(file, weights_only=True)["model"] if file.suffix != ".safetensors" else load_file(file)
    return {name.removeprefix("module.").removeprefix("detector."): tensor for name, tensor in state.items()}


def from_package(z, file, case, texts):
    model = package.build_model(z).eval()
    missing, unexpected = model.load_state_dict(own_names(file), strict=False)
    missing = [name for name in missing if not name.endswith("freqs_cis")]  # computed by the constructor
    if missing or unexpected:
        sys.exit(f"{file.name}: the package lacks {missing[:4]}, does not know {unexpected[:4]}")
    with torch.no_grad():
        result = cases.last_stage(model(package.datapoint(case, texts)[0]))
    return {name: result[name].float() for name in OUTPUTS}


def from_transformers(folder, tokens, case, saved):
    from transformers import Sam3Model
    model, info = Sam3Model.from_pretrained(folder, output_loading_info=True)
    strange = [name for name in info["unexpected_keys"] if not name.startswith("detector.")]
    if info["missing_keys"] or info["mismatched_keys"] or strange:
        sys.exit(f"transformers: {info}")
    model.eval()
    model.save_pretrained(saved)
    parts = []
    with torch.no_grad():
        for image, row in zip(case["image_index"].tolist(), tokens):
            # A box that is marked as padding lets the prompt encoder's own token in, as the package does with no box.
            out = model(pixel_values=case["image"][image:image + 1], input_ids=row[None], attention_mask=(row != 0).long()[None],
                        input_boxes=torch.full((1, 1, 4), 0.5), input_boxes_labels=torch.full((1, 1), PADDING))
            x0, y0, x1, y1 = out.pred_boxes.unbind(-1)
            boxes = torch.stack([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], -1)
            parts.append((out.pred_logits[..., None], boxes, out.pred_masks, out.presence_logits, out.semantic_seg))
    return dict(zip(OUTPUTS, (torch.cat(part) for part in zip(*parts)))), len(info["unexpected_keys"])


def worst(got, want):
    values = {}
    for name in OUTPUTS:
        a, b = got[name].double().reshape(-1), want["forward." + name].double().reshape(-1)
        values[name] = float("inf") if a.shape != b.shape else float((a - b).abs().max() / b.abs().max())
    return max(values.items(), key=lambda item: item[1])


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--program", default="build/sam3lab")
    options.add_argument("--case", default="tiny_mixed_1", help="one without box prompts (cases.py --list)")
    given = options.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    values = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        case_folder = folder / "case"
        # A process of its own: building the package's model replaces functions of torch that transformers relies on.
        subprocess.run([sys.executable, "-W", "ignore", cases.__file__, given.case, case_folder], check=True)
        subprocess.run([program, "trace", case_folder, "--out", folder / "ours.safetensors", "--steps", "0"], check=True)
        ours = load_file(folder / "ours.safetensors")
        case, z = load_file(case_folder / "batch.safetensors"), json.loads((case_folder / "model.json").read_text())["sizes"]
        texts = json.loads(texts_of(case_folder))

        def convert(source, target, layout):
            subprocess.run([program, "convert", source, target, "--layout", layout], check=True, stdout=subprocess.DEVNULL)
            return target

        port = folder / "port"
        port.mkdir()
        first = convert(case_folder / "checkpoint.pt", port / "model.safetensors", "transformers")
        files = [convert(first, folder / (layout + ending), layout)
                 for layout, ending in (("detector", ".pt"), ("bare", ".safetensors"), ("ddp", ".pth"))]
        state = own_names(files[0])
        config_of(z, state["backbone.language_backbone.encoder.text_projection"].shape[1]).save_pretrained(port)
        index = [list(dict.fromkeys(texts)).index(text) for text in texts]
        got, beside = from_transformers(port, ours["forward.tokens"][index], case, folder / "saved")
        values.append((f"transformers ({beside} keys beside the model)", *worst(got, ours)))
        # And back: what transformers itself wrote, in the place of the case's weights.
        shutil.copy(folder / "saved" / "model.safetensors", case_folder / "checkpoint.pt")
        subprocess.run([program, "trace", case_folder, "--out", folder / "back.safetensors", "--steps", "0"], check=True)
        back = {name.removeprefix("forward."): tensor for name, tensor in load_file(folder / "back.safetensors").items()}
        values.append(("sam3lab, file that transformers saved", *worst(back, ours)))
        for file in files:
            values.append((f"package, {file.name}", *worst(from_package(z, file, case, texts), ours)))
    for what, output, value in values:
        print(f"{'ok  ' if value <= LIMIT else 'FAIL'} {value:.1e} {output:18} {what}")
    print(f"loads={len(values)} worst={max(value for _, _, value in values):.1e}")
    sys.exit(any(not value <= LIMIT for _, _, value in values))


def texts_of(case_folder):
    from safetensors import safe_open
    with safe_open(case_folder / "batch.safetensors", "pt") as file:
        return file.metadata()["texts"]


if __name__ == "__main__":
    main()
