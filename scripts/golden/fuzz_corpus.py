#!/usr/bin/env python3
"""Writes the first seeds of the fuzz targets: python3 scripts/golden/fuzz_corpus.py tests/fuzz/corpus

good_* must be accepted by its target and bad_* refused; the fuzzer's own finds lie beside them under other names and stay. Needs
Pillow and numpy. Records (record/, record_reply/) come from a run of the program and are not made here.
"""
import gzip
import io
import json
import pickle
import pathlib
import struct
import sys
import zipfile
import zlib

import numpy
from PIL import Image

OUT = pathlib.Path(sys.argv[1])


def put(target, name, data):
    (OUT / target).mkdir(parents=True, exist_ok=True)
    (OUT / target / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def entry(dtype="U8", shape=(1,), begin=0, end=1):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def header(name, text, size):
    text = text if isinstance(text, str) else json.dumps(text)
    put("safetensors_header", name, struct.pack("<Q", size) + text.encode())
    body = text.encode()
    put("checkpoint", name.replace("_", "_safetensors_", 1), struct.pack("<Q", len(body)) + body + bytes(min(size, 64)))


def safetensors():
    header("good_two", {"__metadata__": {"format": "pt"}, "a": entry("F32", (2, 3), 0, 24), "b": entry("BOOL", (2,), 24, 26)}, 26)
    header("good_empty", {}, 0)
    header("good_none", {"detector.backbone.x": entry("F16", (0, 4), 0, 0)}, 0)
    kinds = "U8 I8 I16 U16 I32 U32 I64 U64 F16 BF16 F32 F64 C64 F8_E4M3 F8_E5M2".split()
    sizes = [1, 1, 2, 2, 4, 4, 8, 8, 2, 2, 4, 8, 8, 1, 1]
    at, table = 0, {}
    for kind, size in zip(kinds, sizes):
        table[kind] = entry(kind, (1,), at, at + size)
        at += size
    header("good_types", table, at)
    header("bad_overlap", {"a": entry(shape=(4,), end=4), "b": entry(shape=(4,), begin=2, end=6)}, 6)
    header("bad_gap", {"a": entry(), "b": entry(begin=2, end=3)}, 3)
    header("bad_past", {"a": entry(shape=(9,), end=9)}, 2)
    header("bad_dtype", {"a": entry("F31")}, 1)
    header("bad_twice", '{"a":%s,"a":%s}' % ((json.dumps(entry()),) * 2), 1)
    header("bad_wrap", {"a": entry("F32", (1 << 62, 4), 0, 0)}, 0)
    header("bad_huge", '{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,18446744073709551615]}}', 1)
    header("bad_deep", "[" * 500, 0)
    put("checkpoint", "bad_safetensors_length", struct.pack("<Q", 1 << 63) + b"{}")


def index():
    def write(name, weight_map, whole=None):
        put("safetensors_index", name, whole or json.dumps({"metadata": {"total_size": 3}, "weight_map": weight_map}))

    write("good_index", {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"})
    write("good_one", {"a": "one.safetensors"})
    write("bad_missing", {"a": "three.safetensors"})
    write("bad_lacks", {"a": "one.safetensors", "z": "one.safetensors"})
    write("bad_unnamed", {"b": "two.safetensors"})
    write("bad_outside", {"a": "../one.safetensors"})
    write("bad_itself", {"a": "m.index.json"})
    write("bad_number", {"a": 1})
    write("bad_twice", None, '{"weight_map":{"a":"one.safetensors","a":"one.safetensors"}}')
    write("bad_maps", None, '{"weight_map":{"a":"one.safetensors"},"weight_map":{"a":"one.safetensors"}}')
    write("bad_deep", None, '{"weight_map":' + "[" * 400)
    write("bad_list", None, "[]")


class Run:
    def __reduce__(self):
        import os
        return os.system, ("touch executed",)


TENSOR = (b"\x80\x02}q\x00X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
          b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtRs.")


def archive(entries, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as made:
        for name, data in entries.items():
            made.writestr(zipfile.ZipInfo(name), data, compress_type=options.get("compression", zipfile.ZIP_STORED))
    return out.getvalue()


def torch():
    plain = {"a": 1, "b": [1.5, None, True, (2, -3, 1 << 70)], "c": {"d": "text", "e": b"bytes"}}
    for protocol in (2, 4):
        # Protocol 2 writes bytes as a call of _codecs.encode, which is refused like any call.
        data = plain if protocol > 2 else {**plain, "c": {"d": "text"}}
        put("pickle", f"good_plain{protocol}", pickle.dumps(data, protocol))
        put("pickle", f"bad_call{protocol}", pickle.dumps({"model": Run()}, protocol))
    put("pickle", "good_tensor", TENSOR)
    put("pickle", "bad_cut", TENSOR[:-3])
    put("pickle", "bad_long", b"\x80\x02X\xff\xff\xff\xff.")
    put("pickle", "bad_mark", b"\x80\x02t.")
    put("pickle", "good_itself", b"\x80\x02]q\x00h\x00a.")
    storage = struct.pack("<4f", 1, 2, 3, 4)
    whole = {"archive/data.pkl": TENSOR, "archive/byteorder": b"little", "archive/data/0": storage, "archive/version": b"3\n"}
    put("checkpoint", "good_torch", archive(whole))
    put("checkpoint", "bad_torch_call", archive({**whole, "archive/data.pkl": pickle.dumps({"model": Run()}, 2)}))
    put("checkpoint", "bad_torch_bomb", archive({**whole, "archive/data.pkl": bytes(5_000_000)}, compression=zipfile.ZIP_DEFLATED))
    put("checkpoint", "bad_torch_short", archive({**whole, "archive/data/0": storage[:8]}))
    put("checkpoint", "bad_torch_wide", archive({**whole, "archive/data.pkl": TENSOR.replace(b"K\x02K\x01\x86", b"K\x00K\x7f\x86")}))
    put("checkpoint", "bad_torch_old", b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9")
    put("zip", "good_stored", archive(whole))
    put("zip", "good_nothing", archive({}))
    put("zip", "bad_packed", archive(whole, compression=zipfile.ZIP_DEFLATED))
    put("zip", "bad_cut", archive(whole)[:-1])
    inner = b"PK\3\4" + bytes(22) + struct.pack("<HH", 1, 0) + b"b" + bytes(4)
    twins = bytearray(archive({"a": inner, "b": bytes(4)}))
    record = twins.rindex(b"PK\1\2")
    struct.pack_into("<I", twins, record + 42, twins.index(inner))
    put("zip", "bad_overlap", bytes(twins))
    twice = archive({"a": b"x"})
    first, last = twice.index(b"PK\1\2"), twice.index(b"PK\5\6")
    put("zip", "bad_twice", twice[:last] + twice[first:last] + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 2, 2, 2 * (last - first), first, 0))
    put("zip", "bad_behind", archive(whole) + b"x")
    wide = io.BytesIO()
    with zipfile.ZipFile(wide, "w") as made, made.open(zipfile.ZipInfo("archive/data/0"), "w", force_zip64=True) as stream:
        stream.write(storage)
    put("zip", "good_local64", wide.getvalue())
    # ZIP64 throughout: every 32-bit field says "see the wide one".
    name, body = b"archive/data/0", storage
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 45, 0, 0, 0, 33, zlib.crc32(body), 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20)
    local += name + struct.pack("<HHQQ", 1, 16, len(body), len(body)) + body
    central = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 45, 45, 0, 0, 0, 33, zlib.crc32(body), 0xFFFFFFFF, 0xFFFFFFFF, len(name),
                          28, 0, 0, 0, 0, 0xFFFFFFFF) + name + struct.pack("<HHQQQ", 1, 24, len(body), len(body), 0)
    end = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(central), len(local))
    end += struct.pack("<4sIQI", b"PK\6\7", 0, len(local) + len(central), 1)
    put("zip", "good_wide", local + central + end + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def pictures():
    ramp = numpy.arange(7 * 5 * 4, dtype=numpy.uint8).reshape(7, 5, 4)
    grey, rgb, rgba = Image.fromarray(ramp[..., 0]), Image.fromarray(ramp[..., :3]), Image.fromarray(ramp)
    deep = Image.fromarray((ramp[..., 0].astype(numpy.uint16) * 257))
    palette, bits = rgb.quantize(8), grey.point(lambda v: 255 * (v > 60)).convert("1")

    def save(target, name, image, **options):
        out = io.BytesIO()
        image.save(out, {"png": "PNG", "jpeg": "JPEG", "tiff": "TIFF"}[target], **options)
        put(target, name, out.getvalue())
        return out.getvalue()

    for name, image in {"grey": grey, "rgb": rgb, "rgba": rgba, "deep": deep, "palette": palette, "bits": bits}.items():
        whole = save("png", "good_" + name, image)
        save("tiff", "good_" + name, image)
    for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        save("tiff", "good_" + name, rgb, compression=name)
    for name in ("group3", "group4", "tiff_ccitt"):
        save("tiff", "good_" + name, bits, compression=name)
    save("tiff", "good_pages", grey, save_all=True, append_images=[grey])
    save("tiff", "bad_float", Image.fromarray(ramp[..., 0].astype(numpy.float32)))
    put("png", "bad_cut", whole[:-20])
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    magic = b"\x89PNG\r\n\x1a\n"
    for name, depth, colour, interlace in (("good_adam7", 8, 2, 1), ("good_deep_alpha", 16, 6, 0), ("good_two_bits", 2, 0, 0)):
        row = {(8, 2): 15, (16, 6): 40, (2, 0): 2}[depth, colour]
        data = b"\0" * (7 * (row + 1) + (60 if interlace else 0))
        put("png", name, magic + chunk(b"IHDR", struct.pack(">IIBBBBB", 5, 7, depth, colour, 0, 0, interlace)) +
            chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))
    put("png", "good_blank", magic + chunk(b"IHDR", struct.pack(">IIBBBBB", 1000, 1000, 1, 3, 0, 0, 0)) + chunk(b"PLTE", b"\7\10\11") +
        chunk(b"IDAT", zlib.compress(bytes(126 * 1000), 9)) + chunk(b"IEND", b""))
    put("png", "bad_huge", magic + chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 31, 1 << 31, 8, 2, 0, 0, 0)))
    put("png", "bad_bomb", magic + chunk(b"IHDR", struct.pack(">IIBBBBB", 16000, 16000, 8, 2, 0, 0, 0)) +
        chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    big = Image.fromarray(numpy.tile(ramp[..., :3], (4, 4, 1)))
    for name, options in {"grey": {}, "rgb": {}, "progressive": {"progressive": True}}.items():
        whole = save("jpeg", "good_" + name, grey if name == "grey" else big,
                     quality=40, **options)
    save("jpeg", "good_colours", big, subsampling=0, quality=90)
    save("jpeg", "good_restarts", big, restart_marker_blocks=1, quality=30)
    save("jpeg", "bad_cmyk", big.convert("CMYK"))
    put("jpeg", "bad_cut", whole[:-30])
    small = io.BytesIO()
    Image.new("L", (8, 8), 90).save(small, "JPEG", progressive=True)
    small = small.getvalue()
    frame, scan = small.index(b"\xff\xc2"), small.index(b"\xff\xda")
    put("jpeg", "bad_progressive_bomb", small[:frame + 5] + struct.pack(">HH", 16000, 16000) + small[frame + 9:])
    second = small.index(b"\xff\xda", scan + 2)
    put("jpeg", "bad_scans", small[:scan] + small[scan:second] * 600 + b"\xff\xd9")
    tags = [(256, 4, 16000), (257, 4, 16000), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1), (322, 4, 16384), (323, 4, 16384),
            (324, 4, 8), (325, 4, 1 << 28)]
    put("tiff", "bad_tile_bomb", struct.pack("<2sHIH", b"II", 42, 8, len(tags)) +
        b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4))


def volumes():
    def header(sizes=(2, 3, 2), datatype=4, order="<", offset=352, sform=1, qform=0, slope=1.0):
        raw = bytearray(348)
        struct.pack_into(order + "i", raw, 0, 348)
        struct.pack_into(order + "8h", raw, 40, 3, *sizes, 1, 1, 1, 1)
        struct.pack_into(order + "2h", raw, 70, datatype, 16)
        struct.pack_into(order + "8f", raw, 76, 1, 1, 2, 3, 0, 0, 0, 0)
        struct.pack_into(order + "3f", raw, 108, offset, slope, 0)
        struct.pack_into(order + "2h6f", raw, 252, qform, sform, 0, 0, 0.6, 1, 2, 3)
        struct.pack_into(order + "12f", raw, 280, 0, 2, 0, 9, -1, 0, 0, 8, 0, 0, 3, 7)
        raw[344:348] = b"n+1\0"
        return bytes(raw) + bytes(4)

    voxels = lambda kind: numpy.arange(12).astype(kind).tobytes()
    for number, kind in {2: "u1", 256: "i1", 4: "<i2", 512: "<u2", 8: "<i4", 768: "<u4", 16: "<f4", 64: "<f8", 1024: "<i8", 1280: "<u8"}.items():
        put("nifti", f"good_type{number}", header(datatype=number) + voxels(kind))
    put("nifti", "good_big_endian", header(order=">") + voxels(">i2"))
    put("nifti", "good_quaternion", header(sform=0, qform=1) + voxels("<i2"))
    put("nifti", "good_spacing", header(sform=0) + voxels("<i2"))
    put("nifti", "good_packed", gzip.compress(header(slope=0.5) + voxels("<i2"), mtime=0))
    put("nifti", "bad_cut", header() + voxels("<i2")[:-1])
    put("nifti", "bad_packed_cut", gzip.compress(header() + voxels("<i2"), mtime=0)[:-9])
    put("nifti", "bad_huge", header(sizes=(32767, 32767, 2)) + voxels("<i2"))
    put("nifti", "bad_bomb", gzip.compress(header(sizes=(32767, 9, 9), datatype=64) + bytes(20000), mtime=0))
    put("nifti", "bad_offset", header(offset=1e30) + voxels("<i2"))
    put("nifti", "bad_type", header(datatype=32) + voxels("<i2"))
    second = bytearray(540)
    struct.pack_into("<i8s2h8q", second, 0, 540, b"n+2\0\r\n\x1a\n", 4, 16, 3, 2, 3, 2, 1, 1, 1, 1)
    struct.pack_into("<8dq2d", second, 104, 1, 1, 1, 1, 1, 1, 1, 1, 544, 1, 0)
    put("nifti", "good_second", bytes(second) + bytes(4) + voxels("<i2"))


EXPERIMENT = '''name = "e"
extends = "base.toml"
seeds = [1, 2]
[backbone]
use = "one"
count = 3
[matcher.one]
[loss.two]
weight = 0.5
texts = ["a", "b"]
[scheme]
use = "two"
[dataset.d]
use = "one"
role = "internal"
dictionary = { a = "x", "b c" = "y" }
[prompt.one]
[metric.one]
[train]
steps = 10
[evaluate]
[grid]
"train.steps" = [1, 2]
'''


def texts():
    put("experiment", "seed_whole", EXPERIMENT)
    put("experiment", "seed_axis", EXPERIMENT.replace('"train.steps"', "loss.two.weight"))
    put("experiment", "bad_empty", b"")
    put("experiment", "bad_itself", 'extends = "experiment.toml"\n')
    put("experiment", "bad_unknown", EXPERIMENT + "[los.x]\ny = 1\n")
    put("experiment", "bad_grid", "[grid]\n" + "".join(f'"train.a{i}" = [1,2,3,4,5,6,7,8]\n' for i in range(9)))
    for target in ("toml", "plugin_tables"):
        put(target, "bad_dots", "a" + ".a" * 2000 + " = 1")
        put(target, "bad_letter", "x = 1 \u3000\n".encode())
        put(target, "bad_open", 'a = "x')
        put(target, "bad_nested", "a = " + "[" * 2000)
        put(target, "bad_tables", "a = " + "{a=" * 1000)
    put("toml", "good_kinds", 'a = 1\nb = 0x1F\nc = 1e3\nd = true\ne = """x\\\n  y"""\nf = \'z\'\ng = [1, [2.5, inf]]\nh.i = {j = "\\u00e9"}\n'
        '[t."u v"]\nk = 1979-05-27T07:32:00Z\n[[list]]\nx = 1\n')
    put("toml", "good_override", "train.steps=10")
    put("plugin_tables", "good_labels", '"lung" = [5, 6]\n"brain" = "nonzero"\n"Mü" = [0]\n')
    put("plugin_tables", "good_dictionary", '"thoracic spine" = { text = "spine", synonyms = ["vertebral column", "Wirbelsäule"] }\n')
    put("plugin_tables", "bad_value", '"lung" = [5, -6, 70000, 5, 1.5]\n')
    put("plugin_tables", "bad_empty", b"")
    for i, text in enumerate(("left lung", "Ménière&rsquo;s disease &amp;amp; more", "â€œquotedâ€\x9d nÃ¤h", "  a\u3000b\u200bc\x85 ", "ﬁ ﬀ ①½ ＡＢＣ",
                              "<b>&lt;&#x27;&#169;&NotEqualTilde;&#xD800;", "\U0001F9E0\u200d\u2642\ufe0f 日本語 İstanbul ΑΣ", "don't I'LL we've", "a" * 300)):
        put("prompt_text", f"good_{i}", text)
    put("prompt_text", "good_bytes", bytes(range(256)))
    put("vocabulary", "good_plain", 'heading\na b\nab c</w>\n')
    put("vocabulary", "good_packed", gzip.compress(b"heading\na b\n" * 9, mtime=0))
    put("vocabulary", "bad_bomb", gzip.compress(b"a b\n" * 400_000, mtime=0))
    put("vocabulary", "bad_cut", gzip.compress(b"heading\na b\n", mtime=0)[:-6])


safetensors()
index()
torch()
pictures()
volumes()
texts()
