# Includes against the direction of the layers.
source "$(dirname "$0")/../support/checks.bash"
check=$(cd "$(dirname "$0")/../../scripts" && pwd)/check_layers
layer_refuses() { # PATTERN FILE INCLUDE
  rm -rf "$scratch/tree"
  mkdir -p "$scratch/tree/$(dirname "$2")"
  echo "#include $3" >"$scratch/tree/$2"
  checks=$((checks + 1))
  local said code=0
  said=$("$check" "$scratch/tree" 2>&1) || code=$?
  if [ "$code" -ne 1 ] || ! grep -qE -- "$1" <<<"$said"; then
    failed=$((failed + 1)) && echo "FAILED: $2 with $3: code $code, said: $said"
  fi
}
layer_refuses "core/config includes core/registry/registry.h, against" core/config/a.cpp '"core/registry/registry.h"'
layer_refuses "core/train includes core/cli/command.h, against" core/train/a.h '"core/cli/command.h"'
layer_refuses "public header or its source includes core/api/x.h" core/api/a.h '"core/api/x.h"'
layer_refuses "core knows no plugin" core/eval/a.cpp '"plugins/geometry/boxes.h"'
layer_refuses "core/odd is no layer" core/odd/a.cpp '<vector>'
layer_refuses "a plugin includes core/config/read.h" plugins/losses/a/a.cpp '"core/config/read.h"'
layer_refuses "of another plugin" plugins/losses/a/a.cpp '"plugins/losses/b/b.h"'
layer_refuses "is relative" core/eval/a.cpp '"../train/trainer.h"'
rm -rf "$scratch/tree"
mkdir -p "$scratch/tree"/{core/config,plugins/datasets/shared/masks}
for file in core/config/grid.h plugins/datasets/shared/masks/polygon.h; do
  printf 'namespace sam3lab {\nstruct Point {\n  int x;\n};\nstruct Known;\n}\n' >"$scratch/tree/$file"
done
run_check 1 out 'plugins/datasets/shared/masks/polygon.h: defines sam3lab::Point, as core/config/grid.h does' "$check" "$scratch/tree"
accepts "against_direction=0" "$check"
finish
