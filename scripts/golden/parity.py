#!/usr/bin/env python3
"""Runs `sam3lab trace` on cases of the published package and says how far it is off. scripts/parity makes the environment and calls this.

Limits:
  forward   max |got - expected| / max |expected| of each tensor                       1e-4; tokens and padding: equal
  loss      |got - expected| / max(1, |expected|) of each term                         1e-4
  grad      ||got - expected|| / ||expected|| over all gradients                       1e-3
  worst     the same for each gradient whose square is above 1e-8 of the sum's         5e-3
  param     ||step - expected step|| / ||expected step|| over all parameters, where    1e-2
            the gradient is not rounding noise (AdamW's first step is nearly its sign)
  curve     |got - expected| / max(1, |expected|) of the loss before each of N steps    1e-3
A parameter without a gradient must stay as it is. Memory of the full size: 20 GB.
"""
import argparse
import fnmatch
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs/reference/parity.md"
LIMITS = dict(forward=1e-4, loss=1e-4, grad=1e-3, worst=5e-3, param=1e-2, curve=1e-3)
MEMORY_LIMIT_GB = 20.0
EXACT = ("forward.tokens", "forward.language_mask")
# Diagnostics of the package, and terms that it reports as 0 where they are switched off, are no part of the loss.
DIAGNOSTIC = re.compile("_f1|_acc|miou")


def relative(got, want, least):
    """Largest difference over the largest expected value; infinite where shapes differ or a value is not finite."""
    if got.shape != want.shape:
        return math.inf
    if want.numel() == 0:
        return 0.0
    value = float((got.double() - want.double()).abs().max()) / max(float(want.double().abs().max()), least)
    return value if math.isfinite(value) else math.inf


class Comparison:
    """Files are read tensor by tensor: at full size neither fits in memory beside the other."""

    def __init__(self, case, got):
        import torch
        from safetensors import safe_open
        self.want, self.got = safe_open(case / "expected.safetensors", "pt"), safe_open(got, "pt")
        weights = torch.load(case / "checkpoint.pt", mmap=True, weights_only=True)["model"]
        self.start = {k.removeprefix("detector."): v for k, v in weights.items()}
        self.names = set(self.want.keys())
        self.have = set(self.got.keys())
        self.worst, self.where, self.faults = {}, {}, []

    def note(self, kind, value, name):
        if value >= self.worst.get(kind, 0.0):
            self.worst[kind], self.where[kind] = value, name

    def pair(self, name):
        return self.got.get_tensor(name), self.want.get_tensor(name)

    def in_group(self, prefix):
        return sorted(n for n in self.names & self.have if n.startswith(prefix + "."))

    def missing(self):
        ours = {n for n in self.names if not n.startswith("pairs.")}
        for name in sorted(ours - self.have):
            switched_off = name.startswith("loss.") and float(self.want.get_tensor(name)) == 0.0
            if not switched_off and not DIAGNOSTIC.search(name):
                self.faults.append(f"{name} is missing")
        for name in sorted(n for n in self.have - self.names if n.startswith(("loss.", "grad."))):
            if float(self.got.get_tensor(name).abs().max()) != 0.0:
                self.faults.append(f"{name} is not in the package's case")

    def values(self):
        for name in self.in_group("forward"):
            got, want = self.pair(name)
            if name in EXACT:
                self.note("forward", 0.0 if got.shape == want.shape and bool((got == want).all()) else math.inf, name)
            else:
                self.note("forward", relative(got, want, 1e-12), name)
        for name in self.in_group("loss"):
            self.note("loss", relative(*self.pair(name), 1.0), name)
        for name in self.in_group("steps"):
            got, want = self.pair(name)
            for step in range(len(want)):
                self.note("curve", relative(got[step], want[step], 1.0), f"step {step}")

    def gradients_and_steps(self):
        largest, sums = 0.0, []
        for name in self.in_group("grad"):
            got, want = self.pair(name)
            if got.shape != want.shape:
                self.faults.append(f"{name} has the shape {tuple(got.shape)}, not {tuple(want.shape)}")
                continue
            off, size = float((got.double() - want.double()).pow(2).sum()), float(want.double().pow(2).sum())
            sums.append((name, off, size))
            largest = max(largest, size**0.5)
        self.ratio("grad", sums)
        total = sum(size for _, _, size in sums)
        for name, off, size in sums:
            if size > 1e-8 * total:
                self.note("worst", (off / size) ** 0.5 if math.isfinite(off) else math.inf, name.removeprefix("grad."))
        self.ratio("param", list(self.steps(largest)))

    def steps(self, largest):
        for name in self.in_group("param"):
            key = name.removeprefix("param.")
            got, want = self.pair(name)
            start = self.start[key].double()
            if "grad." + key not in self.names:
                if not bool((got == want).all()):
                    self.faults.append(f"{name} moved although it has no gradient")
                continue
            gradient = self.want.get_tensor("grad." + key)
            if float(gradient.norm()) < 1e-4 * largest:
                continue
            counts = gradient.abs() > 1e-2 * gradient.abs().max()
            want, got = (want.double() - start)[counts], (got.double() - start)[counts]
            yield name, float((got - want).pow(2).sum()), float(want.pow(2).sum())

    def ratio(self, kind, sums):
        if not sums:
            return
        off, total = (sum(s[i] for s in sums) for i in (1, 2))
        value = (off / max(total, 1e-30)) ** 0.5
        self.note(kind, value if math.isfinite(value) else math.inf, f"{len(sums)} tensors")

    def run(self):
        self.missing()
        self.values()
        self.gradients_and_steps()
        for kind, value in self.worst.items():
            if not value <= LIMITS[kind]:
                self.faults.append(f"{kind} {value:.1e} is above {LIMITS[kind]:.0e} ({self.where[kind]})")
        return self


def generate(case, folder, threads):
    """In a process of its own for the full size, whose memory must be free again before ours starts."""
    if case.size != "full":
        import cases
        return cases.write_case(case, folder)
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    script = pathlib.Path(__file__).with_name("cases.py")
    subprocess.run([sys.executable, "-W", "ignore", script, case.name, folder], env=environment, check=True)


def trace(program, case, folder, threads):
    """(seconds, peak resident GB) of the program."""
    command = [program, "trace", folder, "--out", folder / "got.safetensors", "--steps", case.steps, "--threads", threads]
    started = time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"{case.name}: sam3lab trace ended with {child.returncode}\n{said}")
    return time.monotonic() - started, usage.ru_maxrss * 1024 / 1e9


def run_case(case, a):
    folder = a.work / case.name
    if a.fresh or not (folder / "model.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        generate(case, folder, a.threads_full)
    seconds, memory = trace(a.program, case, folder, a.threads_full if case.size == "full" else 1)
    result = Comparison(folder, folder / "got.safetensors").run()
    pairs = int(result.want.get_tensor("pairs.one_to_many"))
    if case.near and pairs == 0:
        result.faults.append("no target has a one-to-many pair: the case does not test what it is for")
    if case.size == "full" and memory > MEMORY_LIMIT_GB:
        result.faults.append(f"needs {memory:.1f} GB, more than {MEMORY_LIMIT_GB}")
    shown = " ".join(f"{kind}={value:.1e}" for kind, value in result.worst.items())
    shown += f" one_to_many_pairs={pairs} seconds={seconds:.1f}"
    if case.size == "full":  # a small program's peak is hidden by that of this one, which it inherits
        shown += f" memory_gb={memory:.1f}"
    print(f"{'FAIL' if result.faults else 'ok  '} {case.name:22} {shown}", flush=True)
    for fault in result.faults[:8]:
        print(f"     {fault}", flush=True)
    if not a.keep:
        shutil.rmtree(folder)
    return dict(case=case.name, size=case.size, worst=result.worst, pairs=pairs, seconds=seconds, memory=memory,
                failed=bool(result.faults))


def row(name, rows):
    def cell(kind):
        values = [r["worst"][kind] for r in rows if kind in r["worst"]]
        return f"{max(values):.1e}" if values else "-"

    cells = [name, str(len(rows)), *(cell(kind) for kind in LIMITS), str(sum(r["pairs"] for r in rows))]
    return "| " + " | ".join(cells) + " |"


def write_table(rows, path):
    text = path.read_text()
    kept = [line for line in text.splitlines() if line.startswith("| full ")]
    groups = {}
    for r in rows:
        groups.setdefault(r["size"], []).append(r)
    head = ["| size | cases | forward | loss terms | all gradients | worst gradient | step of AdamW | curve of ten steps | one-to-many pairs |",
            "|---|---|---|---|---|---|---|---|---|"]
    lines = [row(size, of_size) for size, of_size in groups.items()]
    if "full" not in groups:
        lines += kept
    lines.append("| *limit* | | " + " | ".join(f"{limit:.0e}" for limit in LIMITS.values()) + " | |")
    body = "\n".join(head + lines)
    pattern = re.compile("(<!-- parity table: written by scripts/parity -->\n).*?(<!-- end of the table -->)", re.S)
    if not pattern.search(text):
        raise SystemExit(f"{path} has lost the markers of its table")
    path.write_text(pattern.sub(lambda m: m[1] + "\n" + body + "\n\n" + m[2], text))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--full", action="store_true", help="also the full size: 20 GB of memory, 11 GB of disk, 10 minutes on 2 cores")
    ap.add_argument("--only", metavar="PATTERN", help="cases whose name fits, e.g. 'tiny_*'; leaves the table alone")
    ap.add_argument("--program", type=lambda p: pathlib.Path(p).resolve(), default=ROOT / "build/sam3lab")
    ap.add_argument("--work", type=pathlib.Path, default=ROOT / "build/parity", help="folder for cases")
    ap.add_argument("--keep", action="store_true", help="leave the cases there, to look into one")
    ap.add_argument("--fresh", action="store_true", help="compute cases anew that are already there")
    ap.add_argument("--threads-full", type=int, default=os.cpu_count(), help="threads at full size; 1 at the others")
    a = ap.parse_args()
    import cases
    import torch
    torch.set_num_threads(1)
    chosen = [c for c in cases.all_cases().values()
              if (fnmatch.fnmatch(c.name, a.only) if a.only else c.size != "full" or a.full)]
    if not chosen:
        raise SystemExit(f"no case is called {a.only}; python scripts/golden/cases.py --list names them")
    rows = [run_case(case, a) for case in chosen]
    if not a.only:
        write_table(rows, TABLE)
    failed = [r["case"] for r in rows if r["failed"]]
    if failed:
        print("failed: " + " ".join(failed))
    worst = {kind: max((r["worst"].get(kind, 0.0) for r in rows), default=0.0) for kind in ("forward", "loss", "grad")}
    print(" ".join(f"worst_{kind}={value:.2e}" for kind, value in worst.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
