#!/usr/bin/env python3
"""Writes tests/golden/processor.safetensors: what the published package's image processor makes of picture files, and of predictions.

  file.<name>          bytes of a small picture
  levels.<name>        [3,R,R] uint8: the processor's model tensor of it, as grey levels (the tensor is level / 255 / 0.5 - 1)
  tensor.<name>        [3,R,R] float32: the model tensor itself (some cases)
  post.<what>          predictions of one query: logits [1,K,1], boxes [1,K,4], masks [1,K,h,w], presence [1,1], size [2] (height, width)
  post.<T>.<what>      scores [n], boxes [n,4], masks [n,H,W] uint8 that the processor keeps at the confidence threshold T

Pictures of 8 bits are opened with Pillow and converted to RGB. 16-bit grey pictures are handed over as Pillow opens them, since
convert("RGB") clips them at 255: the processor's first step then takes the high byte. Needs sam3 0.1.4, torch, torchvision, Pillow,
numpy and safetensors; seeds are fixed and every input is stored, so the tests depend on the file alone.

Use:  python scripts/golden/processor.py tests/golden/processor.safetensors
"""
import io
import struct
import sys
import zlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.transforms import v2

from sam3.model.sam3_image_processor import Sam3Processor

DOWN, UP = ((31, 45), 20), ((13, 17), 42)  # (height, width) of the picture, side of the model's image


def picture(seed, height, width, channels):
    """Waves with a sharp edge and some noise, 0..255."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (3 + c) + seed) * np.cos(y / (4 + c)) + 60 * ((x + y) % 11 < 4) - 30 for c in range(channels)]
    return np.clip(np.stack(planes, -1) + rng.integers(-6, 7, (height, width, channels)), 0, 255).astype(np.uint8)


def encoded(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def png_rgb16(values):
    """Pillow does not write these."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + values[y].astype(">u2").tobytes() for y in range(height))
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def files(seed, height, width):
    rgb, grey = picture(seed, height, width, 3), picture(seed + 1, height, width, 1)[..., 0]
    alpha = picture(seed + 2, height, width, 1)
    deep = (rgb.astype(np.uint16) << 8) + picture(seed + 3, height, width, 3)
    palette = Image.fromarray(rgb).quantize(32)
    yield "grey.png", encoded(Image.fromarray(grey), "PNG")
    yield "bits.png", encoded(Image.fromarray(grey > 127), "PNG")
    yield "grey_alpha.png", encoded(Image.fromarray(np.concatenate([grey[..., None], alpha], -1)), "PNG")
    yield "rgb.png", encoded(Image.fromarray(rgb), "PNG")
    yield "rgba.png", encoded(Image.fromarray(np.concatenate([rgb, alpha], -1)), "PNG")
    yield "palette.png", encoded(palette, "PNG")
    yield "palette_alpha.png", encoded(palette, "PNG", transparency=bytes(range(0, 256, 8)))
    yield "grey16.png", encoded(Image.fromarray(deep[..., 0]), "PNG")
    yield "rgb16.png", png_rgb16(deep)
    yield "grey16.tif", encoded(Image.fromarray(deep[..., 1]), "TIFF")
    yield "rgb.jpg", encoded(Image.fromarray(rgb), "JPEG", quality=92)


def model_tensor(content, side):
    processor = Sam3Processor(None, resolution=side, device="cpu")
    image = Image.open(io.BytesIO(content))
    if not image.mode.startswith("I"):
        image = image.convert("RGB")
    return processor.transform(v2.functional.to_image(image))


class Answers:
    """Stands for the model: gives prepared predictions."""
    inst_interactive_predictor = None

    def __init__(self, outputs):
        self.outputs, self.backbone = outputs, self

    def forward_image(self, image):
        return {}

    def forward_text(self, texts, device):
        return {}

    def _get_dummy_prompt(self):
        return None

    def forward_grounding(self, **_):
        return self.outputs


def postprocessing(into):
    g = torch.Generator().manual_seed(3)
    queries, height, width = 8, 23, 37
    outputs = dict(pred_logits=torch.randn(1, queries, 1, generator=g) * 2, pred_boxes=torch.rand(1, queries, 4, generator=g),
                   pred_masks=torch.randn(1, queries, 10, 10, generator=g) * 4, presence_logit_dec=torch.full((1, 1), 2.5))
    into.update({"post.logits": outputs["pred_logits"], "post.boxes": outputs["pred_boxes"], "post.masks": outputs["pred_masks"],
                 "post.presence": outputs["presence_logit_dec"], "post.size": torch.tensor([height, width])})
    for threshold in (0.1, 0.5, 0.7, 0.99):
        processor = Sam3Processor(Answers(outputs), resolution=14, device="cpu", confidence_threshold=threshold)
        state = processor.set_text_prompt("any", processor.set_image(Image.new("RGB", (width, height))))
        into[f"post.{threshold}.scores"] = state["scores"].contiguous()
        into[f"post.{threshold}.boxes"] = state["boxes"].contiguous()
        into[f"post.{threshold}.masks"] = state["masks"][:, 0].to(torch.uint8).contiguous()
        print(f"threshold {threshold}: {len(state['scores'])} of {queries} kept")


def main():
    tensors = {}
    for which, ((height, width), side) in (("down", DOWN), ("up", UP)):
        for name, content in files(len(which), height, width):
            tensor = model_tensor(content, side)
            key = f"{which}_{name}"
            tensors[f"file.{key}"] = torch.tensor(list(content), dtype=torch.uint8)
            levels = ((tensor.double() + 1) * 127.5).round()
            assert ((tensor.double() + 1) * 127.5 - levels).abs().max() < 1e-4
            tensors[f"levels.{key}"] = levels.to(torch.uint8).contiguous()
            if name == "rgb.png" and which == "down":
                tensors[f"tensor.{key}"] = tensor.contiguous()
    postprocessing(tensors)
    save_file(tensors, sys.argv[1])


if __name__ == "__main__":
    main()
