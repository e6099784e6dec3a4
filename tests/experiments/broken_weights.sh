#!/bin/bash
# Weights that cannot be what the model reads: quantised ones, NaN, infinity. They are refused by name; none is scored as a model that finds
# nothing. Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=300
settings=(experiments/smoke/tiny.toml --limit 1 --quiet --set evaluate.overlays=false "${two_datasets[@]}")
accepts 'internal_after' "$program" run "${settings[@]}" --set train.steps=1 --set train.steps_per_epoch=1 --set train.evaluate_before=false --out "$scratch/whole"
weights=$(echo "$scratch"/whole/*.safetensors)
# Header and data of the format by hand: an 8-byte length, JSON, bytes.
python3 - "$weights" "$scratch" <<'PY'
import json, struct, sys
raw = open(sys.argv[1], "rb").read()
length = struct.unpack("<Q", raw[:8])[0]
header, data = json.loads(raw[8 : 8 + length]), bytearray(raw[8 + length :])
name = max((n for n in header if n != "__metadata__" and header[n]["dtype"] == "F32"), key=lambda n: header[n]["data_offsets"][1] - header[n]["data_offsets"][0])
def write(path, changed, body):
    text = json.dumps(changed).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + bytes(body))
begin = header[name]["data_offsets"][0]
for label, value in (("nan", float("nan")), ("inf", float("-inf"))):
    body = bytearray(data)
    body[begin : begin + 4] = struct.pack("<f", value)
    write(f"{sys.argv[2]}/{label}.safetensors", header, body)
body, changed = bytearray(), {"__metadata__": header.get("__metadata__", {})}
for n, entry in header.items():
    if n == "__metadata__":
        continue
    part = data[slice(*entry["data_offsets"])]
    if n == name:
        part, entry = bytes(1 for _ in range(len(part) // 4)), dict(entry, dtype="I8")
    changed[n] = dict(entry, data_offsets=[len(body), len(body) + len(part)])
    body += part
write(f"{sys.argv[2]}/int8.safetensors", changed, body)
PY
load=(--set train.steps=0 --out "$scratch/loaded")
refuses 5 'nan.safetensors: has weights that are NaN or infinite, e.g. ' "$program" run "${settings[@]}" "${load[@]}" --set checkpoint.load="$scratch/nan.safetensors"
refuses 5 'inf.safetensors: has weights that are NaN or infinite, e.g. ' "$program" run "${settings[@]}" "${load[@]}" --set checkpoint.load="$scratch/inf.safetensors"
refuses 3 'int8.safetensors: has weights of a type that cannot be cast .*file Char, model Float' "$program" run "${settings[@]}" "${load[@]}" \
  --set checkpoint.load="$scratch/int8.safetensors"
refuses 3 'int8.safetensors: has weights of a type' "$program" run "${settings[@]}" "${load[@]}" --set checkpoint.load="$scratch/int8.safetensors" \
  --set checkpoint.allow_missing=true
accepts 'internal_after' "$program" run "${settings[@]}" "${load[@]}" --set checkpoint.load="$weights"
finish
