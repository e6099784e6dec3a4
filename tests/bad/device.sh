#!/bin/bash
# A device that is not there is refused before any work, with what was found and what to do; the choice is said and recorded.
# Needs scripts/sample_data.
program=$1
source "$(dirname "$0")/../support/checks.bash"
cd "$(dirname "$0")/../.."
limit=120
export OMP_NUM_THREADS=1
run=("$program" run experiments/smoke/tiny.toml --limit 1 --set train.steps=0 --set evaluate.overlays=false --out "$scratch/out")

# GPU 63 is on no machine, whether this build knows of CUDA or not.
missing='this device is not there; got cuda:63: .*(built without CUDA|no GPU found|GPU|cannot).*, expected a device that can be used; .*choose auto or cpu'
refuses 2 "train\.device: $missing" "${run[@]}" --set train.replicas=1 --set train.device=cuda:63
holds 'nothing was begun' test ! -e "$scratch/out"
refuses 2 "train\.device: $missing" "${run[@]}" --set train.replicas=1 --set train.device=cuda:63 --set 'seeds=[1,2]'
holds 'nor of a grid' test ! -e "$scratch/out"
refuses 2 'process 0 of this machine works on GPU 0; got cuda:63' "${run[@]}" --nproc 2 --set train.replicas=1 --set train.device=cuda:63
refuses 2 'train\.device is no device; got gpu, expected auto, cpu, cuda or cuda:N' "${run[@]}" --set train.device=gpu
refuses 2 'train\.replicas work side by side on the CPU alone; got 2 replicas on cuda' "${run[@]}" --set train.device=cuda
accepts 'internal_after' "${run[@]}" --set train.device=cpu
holds 'the device is said' grep -qE '^device .* cpu$' "$scratch/.err"
accepts 'device: cpu' bash -c '"$1" inspect "$2"/out/*.h5' _ "$program" "$scratch"
accepts 'internal_after' "${run[@]}" --set train.device=auto
holds 'and why auto took it' grep -qE '^device .* cpu \(for 2 replicas side by side\)$' "$scratch/.err"
accepts 'device auto +(cpu|cuda:0) \(.+\)' "$program" doctor

# predict names all faults at once, this one among them.
refuses 2 "--device: $missing" "$program" predict --checkpoint "$scratch/none.pt" --image "$scratch/none.png" --prompt a --out "$scratch/p" \
  --device cuda:63
holds 'beside the others' grep -q 'none.png' "$scratch/.err"
refuses 2 "--device: $missing" "$program" trace "$scratch" --out "$scratch/t.safetensors" --device cuda:63
finish
