#!/usr/bin/env python3
"""What the pages say of options, compared with what the program says; and every file that a page names exists.

Use: documented.py PROGRAM ROOT [PAGE]   PAGE replaces docs/reference/experiment.md (for tests of this script)

 - docs/reference/experiment.md names each option of the program's own tables once, as `name = VALUE` or `# name = DEFAULT`. A default
   equals the program's, in type and value. The comment, on the line or on the lines above, has "(RANGE; UNIT)" as `sam3lab explain` says
   them, and no range where the program has none.
 - ```toml blocks of all pages: tables and keys of plugins and of the program exist, values have the type and are in range, and a value
   behind "#" is the default.
 - `train.steps` and its like in a page's text are options.
 - Links lead to a file and to a heading of it; paths of this repository, in pages, sources and scripts, exist.
Last line: pages= options= values= paths= faults=."""
import functools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROGRAM, ROOT = sys.argv[1], Path(sys.argv[2]).resolve()
REFERENCE = "docs/reference/experiment.md"
RANGE = re.compile(r"\((?:\d+ values|at least|more than|less than|at most|one of:|-?[\d.]+ to -?[\d.]+)[^)]*\)")
ASSIGNMENT = re.compile(r"^(# )?([a-z_0-9]+) = (.*)$")
HEADER = re.compile(r"^\[([a-z_]+)(?:\.([A-Za-z_0-9]+))?\]")
counts = {"options": 0, "values": 0, "paths": 0}
faults = []


def fault(place, what):
    faults.append(f"{place}: {what}")


@functools.cache
def explain(subject):
    """The options of a plugin or a table by name, those that every dataset has included; nothing if the program knows no such subject."""
    if subject == "dataset/*":
        plugins = [p.name for p in (ROOT / "plugins/datasets").iterdir() if p.name != "shared" and p.is_dir()]
        return {name: option for plugin in plugins for name, option in explain(f"dataset/{plugin}").items()}
    done = subprocess.run([PROGRAM, "explain", subject, "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        return None
    said = json.loads(done.stdout)
    return {option["name"]: option for option in said["options"] + said.get("common", [])}


@functools.cache
def tables():
    said = subprocess.run([PROGRAM, "explain", "no_such_table"], capture_output=True, text=True).stderr
    return re.search(r"SLOT/NAME or one of ([a-z, ]+)", said)[1].replace(",", "").split()


def split_comment(text):
    """VALUE and comment of `VALUE  # comment`; the value may hold a # in quotes and may go on in the next line (then None)."""
    for end in [m.start() for m in re.finditer("#", text)] + [len(text)]:
        try:
            return tomllib.loads("v = " + text[:end])["v"], text[end:].lstrip("# ")
        except tomllib.TOMLDecodeError:
            continue
    return None, ""


def type_fits(option, value):
    kind = option["type"]
    one = {"integer": lambda v: type(v) is int, "number": lambda v: type(v) in (int, float), "text": lambda v: type(v) is str,
           "true or false": lambda v: type(v) is bool}
    if kind in one:
        return one[kind](value)
    if kind.startswith("list of "):
        item = kind.removeprefix("list of ").rstrip("s")
        return type(value) is list and all(one.get(item, lambda v: True)(v) for v in value)
    return type(value) is dict if "table" in kind else True


def in_range(option, value):
    values = value if type(value) is list else [value]
    limits = option["limits"]
    if words := option.get("one_of"):
        return all(v in words for v in values)
    if size := re.search(r"(\d+) values", limits):
        if len(values) != int(size[1]):
            return False
    tests = [(r"at least (\S+?)(?:,|$)", lambda v, b: v >= b), (r"more than (\S+?)(?:,|$)", lambda v, b: v > b),
             (r"less than (\S+?)(?:,|$)", lambda v, b: v < b), (r"at most (\S+?)(?:,|$)", lambda v, b: v <= b),
             (r"(-?[\d.]+) to -?[\d.]+", lambda v, b: v >= b), (r"-?[\d.]+ to (-?[\d.]+)", lambda v, b: v <= b)]
    for pattern, holds in tests:
        if bound := re.search(pattern, limits):
            if not all(holds(v, float(bound[1])) for v in values if type(v) in (int, float)):
                return False
    return True


def check_value(place, subject, option, value, is_default):
    counts["values"] += 1
    name = f"{subject} {option['name']}"
    if not type_fits(option, value):
        fault(place, f"{name}: {value!r} is no {option['type']}")
    elif not in_range(option, value):
        fault(place, f"{name}: {value!r} is out of range; expected {option['limits']}")
    elif is_default and option["required"]:
        fault(place, f"{name} is required and has no default; write it without #")
    elif is_default and (type(value), value) != (type(option["default"]), option["default"]):
        fault(place, f"{name}: the default is {option['default']!r}, not {value!r}")


def toml_blocks(page):
    """(number of the first line, lines) of each ```toml block."""
    block, first = None, 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() == "```toml":
            block, first = [], number + 1
        elif line.strip() == "```" and block is not None:
            yield first, block
            block = None
        elif block is not None:
            block.append(line)


def subject_of(slot, name, block, at):
    """What `sam3lab explain` calls the table whose header is block[at]; None: it belongs to no plugin (grid, variant)."""
    if slot in tables():
        return slot
    if slot in ("grid", "variant"):
        return None
    for line in block[at + 1:]:
        if line.startswith("["):
            break
        if use := re.match(r'use = "([^"]*)"', line):
            return None if use[1] == "none" else f"{slot}/{use[1]}"
    if slot == "dataset" and explain(f"dataset/{name}") is None:  # a recipe's, or a dataset of the reader's: what any dataset may have
        return "dataset/*"
    return f"{slot}/{name}" if name else None


def check_block(page, first, block):
    subject = None
    for at, line in enumerate(block):
        place = f"{page}:{first + at}"
        if header := HEADER.match(line):
            subject = subject_of(header[1], header[2], block, at)
            if subject and explain(subject) is None:
                fault(place, f"the program knows no {subject}")
                subject = None
            continue
        assignment = ASSIGNMENT.match(line)
        if not subject or not assignment or assignment[2] == "use":
            continue
        option = explain(subject).get(assignment[2])
        value, _ = split_comment(assignment[3])
        if option is None:
            if not assignment[1] or value is not None:
                fault(place, f"{subject} has no option {assignment[2]}")
        elif value is not None:
            check_value(place, subject, option, value, bool(assignment[1]))


def check_reference(path, name):
    """Every option of the program's tables is there once, and its comment has range and unit."""
    block = max((b for b in toml_blocks(path)), key=lambda b: len(b[1]))
    found, table, above = {}, "", []
    for number, line in enumerate(block[1], block[0]):
        if header := HEADER.match(line):
            table, above = header[1], []
        elif (assignment := ASSIGNMENT.match(line)) and table in tables() and assignment[2] in explain(table):
            text = " ".join([*above, split_comment(assignment[3])[1]])
            found.setdefault((table, assignment[2]), []).append((number, text))
            above = []
        else:
            above.append(line.strip("# "))
    for table in tables():
        for key, option in explain(table).items():
            counts["options"] += 1
            places = found.get((table, key), [])
            if len(places) != 1:
                fault(name, f"{table}.{key} stands there {len(places)} times; expected once")
                continue
            number, text = places[0]
            expected = "; ".join(part for part in (option["limits"], option["unit"]) if part)
            if expected and f"({expected})" not in text:
                fault(f"{name}:{number}", f"{table}.{key}: the comment lacks ({expected})")
            if not option["limits"] and RANGE.search(text):
                fault(f"{name}:{number}", f"{table}.{key} has no range; the comment says {RANGE.search(text)[0]}")


def check_words(page, text):
    """`train.steps` in the text is an option of the program."""
    names = "|".join(tables())
    for match in re.finditer(rf"`(?:--set )?({names})\.([a-z_0-9]+)(?=[`= ])", text):
        if match[2] not in explain(match[1]) and match[2] not in ("h", "cpp", "md", "toml", "py", "pt", "safetensors", "json"):
            place = f"{page}:{text.count(chr(10), 0, match.start()) + 1}"
            fault(place, f"{match[1]} has no option {match[2]}")


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def without_code(text):
    """The page without its code blocks, whose comments are no headings; line numbers stay."""
    return re.sub(r"^```.*?^```", lambda m: "\n" * m[0].count("\n"), text, flags=re.S | re.M)


def check_links(page, text):
    outside = without_code(text)
    for match in re.finditer(r"\]\(([^)\s]+)\)", outside):
        target, _, anchor = match[1].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        counts["paths"] += 1
        place = f"{page}:{outside.count(chr(10), 0, match.start()) + 1}"
        file = (ROOT / page).parent / target if target else ROOT / page
        if not file.exists():
            fault(place, f"the link {match[1]} leads nowhere")
        elif anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", without_code(file.read_text(encoding="utf-8") if target else text), re.M)
            if anchor not in map(slug, headings):
                fault(place, f"{target or page} has no heading #{anchor}")


PATH = re.compile(r"(?<![\w./<-])((?:core|plugins|tests|scripts|docs|experiments|cmake)/[\w./*?{},-]*[\w*}/])(?![\w<$])")


def exists(path):
    """A path of the repository, with shell patterns and one level of braces; a page may leave out the ending of a source."""
    braces = re.fullmatch(r"(.*)\{([^{}]*)\}(.*)", path)
    if braces:
        return all(exists(braces[1] + word + braces[3]) for word in braces[2].split(","))
    if re.search(r"[*?]", path):
        return any(True for _ in ROOT.glob(path.rstrip("/")))
    return (ROOT / path).exists()


# Names that stand for a name of the reader's: plugins/losses/my_loss, scripts/golden/TARGET.py.
STANDS_FOR = re.compile(r"[A-Z]{3,}|\bmy_|/(?:mine|your)\b|\.\.\.|/x\.|/a\.")


def check_paths(page, text):
    for match in PATH.finditer(text):
        path = match[1].rstrip(".,")
        before = text[text.rfind("\n", 0, match.start()) + 1: match.start()]
        # A path in a quoted message (file:line), after a variable, or of the repository that a recipe cites.
        if STANDS_FOR.search(path) or before.endswith("$") or re.match(r":\d", text[match.end():]) or "source = " in before:
            continue
        counts["paths"] += 1
        if not exists(path):
            fault(f"{page}:{text.count(chr(10), 0, match.start()) + 1}", f"there is no {path}")


def main():
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True)
    files = [f for f in tracked.stdout.splitlines() if (ROOT / f).is_file()]
    pages = [f for f in files if f.endswith(".md")]
    replaced = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    check_reference(replaced or ROOT / REFERENCE, REFERENCE)
    for page in pages:
        path = replaced if replaced and page == REFERENCE else ROOT / page
        text = path.read_text(encoding="utf-8")
        check_links(page, text)
        if page == "docs/changelog.md":  # tells what was
            continue
        check_words(page, text)
        check_paths(page, text)
        for first, block in toml_blocks(path):
            check_block(page, first, block)
    for file in files:
        if file.endswith((".h", ".cpp", ".cu", ".cmake", ".py", ".bash", ".toml")) and not file.startswith(("tests/", "docs/")):
            check_paths(file, (ROOT / file).read_text(encoding="utf-8"))
    print("\n".join(faults), end="\n" if faults else "")
    print(f"pages={len(pages)} options={counts['options']} values={counts['values']} paths={counts['paths']} faults={len(faults)}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
