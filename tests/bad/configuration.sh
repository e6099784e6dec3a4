# Experiment files and command lines that must be refused: exit code 2, with the place, the reason and the way out.
source "$(dirname "$0")/../support/checks.bash"
program=$1
cd "$scratch" || exit 1

file() { cat >"$1"; }
file good.toml <<'END'
[backbone]
use = "sam3"
[matcher.one_to_one]
use = "hungarian"
[loss.box]
[scheme]
use = "full"
[dataset.brain]
use = "label_volume"
modality = "mri"
image = "absent.nii.gz"
labels = "absent_labels.nii.gz"
table = "table.toml"
[prompt.canonical]
dictionary = "words.toml"
[metric.dice]
[train]
steps = 2
END
echo '"brain" = { text = "brain" }' >words.toml
echo '"brain" = "nonzero"' >table.toml
child() { { echo 'extends = "good.toml"'; cat; } >"$1"; }

# The file itself.
refuses 2 "absent.toml: there is no file absent.toml" "$program" run absent.toml
refuses 2 "is no file; expected a TOML file" "$program" run .
refuses 2 "no experiment" "$program" run
printf 'a = 1\nb = [1,\n' >cut.toml
refuses 2 "cut.toml:[23]: bad TOML" "$program" run cut.toml
printf '[train]\nsteps = 1\nsteps = 2\n' >twice.toml
refuses 2 "twice.toml:3: bad TOML: .*steps" "$program" run twice.toml
head -c 300000 /dev/zero | tr '\0' '#' >large.toml
refuses 2 "large.toml is too large; expected at most 256 KiB" "$program" run large.toml
head -c 4096 /dev/urandom >noise.toml
refuses 2 "noise.toml:[0-9]+: bad TOML" "$program" run noise.toml
{ printf '['; for _ in $(seq 5000); do printf 'a.'; done; printf 'a]\n'; } >deep.toml
refuses 2 "deep.toml:1: bad TOML: a key of more than 16 dots" "$program" run deep.toml
{ printf 'a = '; for _ in $(seq 5000); do printf '['; done; } >nested.toml
refuses 2 "nested.toml:1: bad TOML" "$program" run nested.toml
printf '# Größe\n"größe" = 1\ngröße = 2\n' >letter.toml
refuses 2 "letter.toml:3: bad TOML: a letter outside ASCII that no quotes enclose" "$program" run letter.toml
: >empty.toml
refuses 2 "empty.toml: has no model; expected a table \[backbone\]" "$program" run empty.toml
refuses 2 "empty.toml: has no data" "$program" run empty.toml

# extends.
echo 'extends = "nowhere.toml"' >orphan.toml
refuses 2 "orphan.toml:1: there is no file nowhere.toml" "$program" run orphan.toml
echo 'extends = "b.toml"' >a.toml; echo 'extends = ["good.toml", "a.toml"]' >b.toml
refuses 2 "b.toml:1: extends goes in a circle: a.toml -> b.toml -> a.toml" "$program" run a.toml
echo 'extends = "self.toml"' >self.toml
refuses 2 "self.toml:1: extends goes in a circle" "$program" run self.toml
echo 'extends = 3' >three.toml
refuses 2 "three.toml:1: extends names no file; got 3" "$program" run three.toml

# Unknown names, at every depth.
child unknown.toml <<'END'
nmae = "x"
[trian]
steps = 1
[loss.box]
wieght_l1 = 1.0
[train]
learning_rte = 0.1
[dataset.brain]
rle = "internal"
[metric.dcie]
[matcher.one_to_on]
use = "hungarian"
END
refuses 2 "unknown.toml:2: unknown key nmae; known: .*; did you mean 'name'\?" "$program" run unknown.toml
refuses 2 "unknown.toml:3: unknown table trian; known: .*; did you mean 'train'\?" "$program" run unknown.toml
refuses 2 "unknown.toml:6: unknown key loss.box.wieght_l1 for 'box'; known: " "$program" run unknown.toml
refuses 2 "unknown.toml:8: unknown key train.learning_rte; known: .*; did you mean 'learning_rate'\?" "$program" run unknown.toml
refuses 2 "unknown.toml:10: unknown key dataset.brain.rle for 'label_volume'; known: .*; did you mean 'role'" "$program" run unknown.toml
refuses 2 "unknown.toml:11: unknown metric plugin 'dcie'; known: .*dice.*; did you mean 'dice'\?" "$program" run unknown.toml
refuses 2 "unknown.toml:12: unknown table matcher.one_to_on; .*did you mean 'one_to_one'" "$program" run unknown.toml
refuses 2 "set train.stps: unknown key train.stps; known: .*; did you mean 'steps'" "$program" run good.toml --set train.stps=3
refuses 2 "set loss.box.use: unknown loss plugin 'bxo'; known: .*did you mean 'box'" "$program" run good.toml --set loss.box.use=bxo

# Types and ranges.
child wrong.toml <<'END'
seeds = [1, 1]
name = "a/b"
[train]
steps = 1.5
learning_rate = nan
betas = [0.9, 1.0]
evaluate_before = "yes"
schedule = "cosin"
clip_norm = -1
[split]
held_out = 1
[dataset.brain]
modality = 3
image = { a = "b" }
END
refuses 2 "wrong.toml:2: seeds holds 1 twice" "$program" run wrong.toml
refuses 2 "wrong.toml:3: name cannot name files; got \"a/b\"" "$program" run wrong.toml
refuses 2 "wrong.toml:5: train.steps has the wrong type; got 1.5 \(number\), expected integer, at least 0" "$program" run wrong.toml
refuses 2 "wrong.toml:6: train.learning_rate is not finite; got nan" "$program" run wrong.toml
refuses 2 "wrong.toml:7: train.betas is out of range; got \[0.9, 1.0\]" "$program" run wrong.toml
refuses 2 "wrong.toml:8: train.evaluate_before has the wrong type; got \"yes\" \(text\), expected true or false" "$program" run wrong.toml
refuses 2 "wrong.toml:9: train.schedule is out of range; .*did you mean 'cosine'\?" "$program" run wrong.toml
refuses 2 "wrong.toml:10: train.clip_norm is out of range; got -1, expected at least 0" "$program" run wrong.toml
refuses 2 "wrong.toml:12: split.held_out is out of range; got 1, expected more than 0, less than 1" "$program" run wrong.toml
refuses 2 "wrong.toml:14: dataset.brain.modality has the wrong type" "$program" run wrong.toml
refuses 2 "wrong.toml:15: dataset.brain.image has the wrong type; got a table" "$program" run wrong.toml
refuses 2 "set train.steps: train.steps has the wrong type; got \"1O\" \(text\), expected integer" "$program" run good.toml --set train.steps=1O
refuses 2 "set a: no override; expected KEY=VALUE" "$program" run good.toml --set a
refuses 2 "train.steps is set twice" "$program" run good.toml --set train.steps=1 --set train.steps=2
for seeds in '[]' '7' '[-1]' '["a"]' '[1.5]'; do refuses 2 "set seeds: seeds " "$program" run good.toml --set "seeds=$seeds"; done
refuses 2 "dataset.head.modality is missing; expected text" "$program" run good.toml --set 'dataset.head={use="label_volume", image="x", labels="y", table="z"}' --set dataset.brain.use=none --set train.steps=0
refuses 2 "good.toml: has no loss; expected a table" "$program" run good.toml --set loss.box.use=none

# Grids.
child grid.toml <<'END'
[grid]
"train.steps" = [1, 2]
"train.schedule" = ["cosine", "constant"]
END
refuses 4 "cell 4 of 4 FAILED, train.schedule = \"constant\", train.steps = 2, seed 0:" "$program" run grid.toml --out out
child bad_grid.toml <<'END'
[grid]
"train.steps" = [1, "two"]
"loss.bx.use" = ["box", "none"]
"train.threads" = []
END
refuses 2 "bad_grid.toml:3: train.steps has the wrong type; got \"two\"" "$program" run bad_grid.toml
refuses 2 "bad_grid.toml:5: grid axis train.threads has no values" "$program" run bad_grid.toml
child variants.toml <<'END'
[variant.short]
"train.steps" = 1
[variant.long]
"train.stps" = 1
seeds = [1]
END
refuses 2 "variants.toml:5: unknown key train.stps" "$program" run variants.toml
refuses 2 "variants.toml:6: variant.long.seeds cannot stand in a variant" "$program" run variants.toml
refuses 2 "unknown variant; known: long, short; got .shrt.; did you mean 'short'" "$program" run variants.toml --set variant=shrt

# A valid configuration gets as far as its data: exit code 3.
refuses 3 "absent" "$program" run good.toml --out out
refuses 3 "absent" "$program" run grid.toml --out out --set train.steps=1 --set train.schedule=cosine
holds "a refused run leaves nothing behind" test ! -e out

# The command line.
refuses 2 "unknown command 'rnu'; known: .*did you mean 'run'" "$program" rnu
refuses 2 "unknown option --lmit; did you mean '--limit'" "$program" run good.toml --lmit 3
refuses 2 "unknown slot 'los'; known: backbone, .*did you mean 'loss'" "$program" list los
refuses 2 "unknown loss plugin 'bx'; known: .*did you mean 'box'" "$program" explain loss/bx
refuses 2 "unknown subject 'trian'.*did you mean 'train'" "$program" explain trian
refuses 2 "usage: sam3lab COMMAND" "$program"
refuses 3 "standard output: cannot be written" bash -c "\"$program\" list >/dev/full"
accepts "usage: sam3lab COMMAND" "$program" --help
for command in list explain doctor version run; do accepts "usage: sam3lab $command" "$program" "$command" --help; done
finish
