# scripts/new_plugin for every slot, outside the tree: built with find_package(sam3lab), loaded, explained, and used by an experiment.
source "$(dirname "$0")/../support/checks.bash"
program=$1 build=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
limit=600
slots="backbone matcher loss scheme dataset prompt metric"
for slot in $slots; do accepts "wrote .*/my_$slot.cpp" "$root/scripts/new_plugin" "$slot" "my_$slot" --into "$scratch/mine"; done
refuses 2 "exists already" "$root/scripts/new_plugin" loss my_loss --into "$scratch/mine"
refuses 2 "unknown slot 'los'" "$root/scripts/new_plugin" los x --into "$scratch/mine"
refuses 2 "cannot be a name" "$root/scripts/new_plugin" loss Dice2 --into "$scratch/mine"

# Sources that were compiled in an earlier test are not compiled again; ccache sees every header that they include.
export CCACHE_BASEDIR=$scratch CCACHE_NOHASHDIR=1
accepts "." cmake -S "$scratch/mine" -B "$scratch/mine/build" -G Ninja -Dsam3lab_DIR="$build" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" \
  -DCMAKE_CXX_FLAGS_RELEASE=-O0 \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache)"
accepts "." cmake --build "$scratch/mine/build"
export SAM3LAB_PLUGIN_PATH=$scratch/mine/build
for slot in $slots; do accepts "  my_$slot +what it does" "$program" list "$slot"; done
accepts "weight  number, at least 0; default 1.0" "$program" explain loss/my_loss
accepts '"file": ".*/mine/build/loss_my_loss.so"' "$program" explain loss/my_loss --json

# The seven together are a whole experiment: a colour filter learns to find discs.
cat >"$scratch/discs.toml" <<'END'
name = "discs"
[backbone]
use = "my_backbone"
[matcher.one_to_one]
use = "my_matcher"
[loss.my_loss]
[loss.semantic_mask]
[scheme]
use = "my_scheme"
[dataset.discs]
use = "my_dataset"
modality = "drawing"
[prompt.my_prompt]
[metric.my_metric]
[metric.dice]
[train]
steps = 40
steps_per_epoch = 20
learning_rate = 0.1
END
accepts "internal_after=" "$program" run "$scratch/discs.toml" --out "$scratch/results"
holds "a result file is there" test -s "$(ls "$scratch"/results/*.h5 2>/dev/null | head -1)"
finish
