# The example of docs/reference/experiment.md is a valid experiment. What pages say of options (names, types, defaults, ranges, units) is
# what the program says, and files that they name exist.
source "$(dirname "$0")/../support/checks.bash"
program=$1 limit=300
root=$(cd "$(dirname "$0")/../.." && pwd)
page=$root/docs/reference/experiment.md
sed -n '/^```toml$/,/^```$/p' "$page" | sed '1d;$d' >"$scratch/reference.toml"
holds "the page has an example" test -s "$scratch/reference.toml"
mkdir "$scratch/data"
echo '"brain" = { text = "brain" }
"nucleus" = { text = "nucleus" }' >"$scratch/data/words.toml"
echo '"brain" = "nonzero"' >"$scratch/data/head_labels.toml"
# Its data do not exist: a configuration fault would end with 2.
refuses 3 "data/" "$program" run "$scratch/reference.toml" --out "$scratch/out"

check=(python3 "$root/tests/support/documented.py" "$program" "$root")
accepts "pages=[0-9]{2,} options=[0-9]{2,} values=[0-9]{3,} paths=[0-9]{3,} faults=0$" "${check[@]}"

# The same page with one fault of each kind.
sed -E -e 's/^# noise = 0.0 /# noise = 0 /; s/^# brightness = 0.0 /# brightness = 0.5 /; s/(^# warmup_steps .*)at least 0; steps/\1at least 0; epochs/' \
  -e 's/(^# clip_norm .*)at least 0/\1at least 1/; /^# side_step =/d; s/^# fold = 0/# fold = 0\n# fold = 0/; s/^giou = 2.0/guio = 2.0/' \
  -e 's/^l1 = 5.0/l1 = -5.0/; s/^steps = 700 /steps = "many" /; s/^# source = ""/& (at least 1)/; s/^# file = "".*/& (one of: a, b)/' \
  -e 's/^## Identity/## Self/; s/^\[metric.iou\]/[metric.uoi]/' "$page" >"$scratch/wrong.md"
printf '[here](#identity), [there](no_page.md), `tests/unit/no_test.cpp`, `train.stps`\n' >>"$scratch/wrong.md"
run_check 1 out "faults=15$" "${check[@]}" "$scratch/wrong.md"
cp "$scratch/.out" "$scratch/faults"
for fault in "augment noise: the default is 0.0, not 0$" "augment brightness: the default is 0.0, not 0.5$" \
  "train.warmup_steps: the comment lacks \(at least 0; steps\)" "train.clip_norm: the comment lacks \(at least 0\)" \
  "augment.side_step stands there 0 times" "split.fold stands there 2 times" "loss/box has no option guio" \
  "loss/box l1: -5.0 is out of range; expected at least 0" "train steps: 'many' is no integer" "split.file has no range; the comment says \(one of: a, b\)" \
  "the program knows no metric/uoi" "experiment.md has no heading #identity" "the link no_page.md leads nowhere" \
  "there is no tests/unit/no_test.cpp" "train has no option stps"; do
  holds "the fault is found: $fault" grep -qE -- "$fault" "$scratch/faults"
done
finish
