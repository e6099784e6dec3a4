#!/usr/bin/env python3
"""Runs the package's training step and ours by turns, and prints a table and one line of ratios. scripts/bench_step calls this."""
import argparse
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def run(label, command):
    """Figures of the last step, each in its own process: the peak of one must not hide that of another."""
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    last = [line for line in lines if line.startswith("step=")][-1]
    print(f"{label:28} {last}", flush=True)
    return {key: float(value) for key, value in re.findall(r"(\w+)=([-+.\deE]+)", last)}


def run_heads(command, work):
    """How many times as fast a step of the heads is when all in front of them is cached. The folder starts empty."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        lines = subprocess.run([*command, "--cache", folder], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for line in lines:
        print(f"{'heads':28} {line}", flush=True)
    speedup, same = re.fullmatch(r"head_only_speedup=([\d.]+) same_gradients=(yes|no)", lines[-1]).groups()
    if same == "no":
        sys.exit("bench_step: a cached step has other gradients than one without the cache")
    return speedup


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--program", required=True)
    ap.add_argument("--work", type=pathlib.Path, required=True)
    ap.add_argument("--pairs", type=int, default=3)
    ap.add_argument("--steps", type=int, default=2, help="of each process; the last one counts, for the first touches new memory")
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--size", default="full")
    ap.add_argument("--only", default="", help="one of reference, disk, fast, exact, lean, unclipped, heads: that alone, without ratios")
    a = ap.parse_args()
    case = a.work / f"step_{a.size}"
    theirs = [sys.executable, "-W", "ignore", str(HERE / "training_step.py"), str(case)]
    if not (case / "model.json").exists():
        subprocess.run([*theirs, "--make", a.size], check=True)
    common = ["--steps", str(a.steps), "--threads", str(a.threads)]
    sides = {"reference": [*theirs, *common], "unclipped": [a.program, str(case), *common, "--memory", "disk", "--clip", "0"]}
    for memory in ("disk", "fast", "exact", "lean"):
        sides[memory] = [a.program, str(case), *common, "--memory", memory]
    heads = [a.program, str(case), "--steps", "3", "--threads", str(a.threads)]
    if a.only == "heads":
        return print(f"head_only_speedup={run_heads(heads, a.work)}")
    if a.only:
        return run(a.only, sides[a.only])
    found = {side: [] for side in sides}
    for pair in range(1, a.pairs + 1):
        for side in ("reference", "disk", "fast"):
            found[side].append(run(f"pair {pair}, {side}", sides[side]))
    for side in ("exact", "lean", "unclipped"):
        found[side].append(run(side, sides[side]))
    speedup = run_heads(heads, a.work)

    def ratios(side):
        values = [ours["seconds"] / reference["seconds"] for ours, reference in zip(found[side], found["reference"])]
        print(f"{side}: {min(values):.3f} to {max(values):.3f} of the package's time in {len(values)} pairs")
        return statistics.median(values)

    peak = {side: max(row["peak_gb"] for row in rows) for side, rows in found.items()}
    disk, fast = ratios("disk"), ratios("fast")
    ratios("exact")
    ratios("lean")
    print(f"peak memory in GB: package {peak['reference']:.2f}, fast {peak['fast']:.2f}, exact {peak['exact']:.2f}, "
          f"disk without clipping {peak['unclipped']:.2f}")
    print(f"step_time_ratio={disk:.3f} fast_time_ratio={fast:.3f} peak_gb={peak['disk']:.2f} lean_peak_gb={peak['lean']:.2f} "
          f"head_only_speedup={speedup}")


if __name__ == "__main__":
    main()
