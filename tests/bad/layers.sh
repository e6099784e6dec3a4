# Includes that the tables of docs/explain/design.md do not allow, and tables that are not true.
source "$(dirname "$0")/../support/checks.bash"
check=$(cd "$(dirname "$0")/../../scripts" && pwd)/check_layers
tree=$scratch/tree

# A tree of three layers and the files that its table needs: config -> base, train -> base and config.
page() { # ROW...
  {
    printf '## Folders\n\n| folder of `core` | job | may include |\n|---|---|---|\n'
    printf '%s\n' "$@"
    printf '\n| folder of `plugins` | job | may include |\n|---|---|---|\n'
    printf '| `plugins/<slot>s/<name>` | a | `core/base`, `plugins/geometry`, `plugins/losses/shared`, `plugins/<slot>s/shared` |\n'
    printf '| `plugins/<slot>s/shared` | b | `core/base`, `plugins/geometry` |\n| `plugins/geometry` | c | `core/base` |\n'
    printf '## Other\n| `odd` | no row | `base` |\n'
  } >"$tree/docs/explain/design.md"
}
put() { mkdir -p "$tree/$(dirname "$1")"; printf '#include %s\n' "${@:2}" >"$tree/$1"; }
base='| `base` | utilities | nothing else |' config='| `config` | files | `base` |' train='| `train` | steps | `base`, `config` |'
api='| `api` | slots | nothing else |'
fresh() {
  rm -rf "$tree"; mkdir -p "$tree/docs/explain"
  page "$api" "$base" "$config" "$train"
  put core/api/a.h '<vector>'; put core/base/a.h '<sam3lab/api/a.h>'
  put core/config/a.cpp '"core/base/a.h"' '"core/config/a.h"'
  put core/train/a.cpp '"core/base/a.h"' '"core/config/a.h"' '<sam3lab/plugin.h>'
  put plugins/losses/a/a.cpp '<sam3lab/plugin.h>' '"core/base/a.h"' '"plugins/losses/a/a.h"' '"plugins/losses/shared/a.h"'
  put plugins/schemes/a/a.cpp '"plugins/losses/shared/a.h"' '"plugins/schemes/shared/a.h"' '"plugins/geometry/a.h"'
}
# PATTERN: exit code 1, and it is the only fault.
refuses_tree() { run_check 1 out "$1" "$check" "$tree"; run_check 1 out "against_direction=1$" "$check" "$tree"; }
refuses_include() { fresh; put "$2" "$3"; refuses_tree "$1"; }

fresh
accepts "layer_files=6 arrows=3 against_direction=0" "$check" "$tree"
refuses_include "core/config/b.cpp:1: core/config includes core/train/a.h, against the arrows" core/config/b.cpp '"core/train/a.h"'
refuses_include "core/base/b.h:1: core/base includes core/config/a.h, .*may include: api;" core/base/b.h '"core/config/a.h"'
refuses_include "public header or its source includes core/api/x.h" core/api/b.h '"core/api/x.h"'
refuses_include "core knows no plugin" core/train/b.cpp '"plugins/geometry/boxes.h"'
refuses_include "core/odd has no row in docs/explain/design.md; known: api base config train" core/odd/a.cpp '<vector>'
refuses_include "a plugin includes core/config/read.h" plugins/losses/b/b.cpp '"core/config/read.h"'
refuses_include "a plugin includes sam3lab/stamp.h" plugins/losses/b/b.cpp '<sam3lab/stamp.h>'
refuses_include "of another plugin" plugins/losses/b/b.cpp '"plugins/losses/a/a.h"'
refuses_include "of another plugin" plugins/losses/shared/b.cpp '"plugins/losses/a/a.h"'
refuses_include "of another plugin" plugins/losses/b/b.cpp '"plugins/schemes/shared/a.h"'
refuses_include "of another plugin" plugins/geometry/b.cpp '"plugins/losses/shared/a.h"'
refuses_include "core/train/b.cpp:1: ../config/a.h is relative" core/train/b.cpp '"../config/a.h"'
refuses_include "is relative" plugins/losses/b/b.cpp '"./b.h"'

fresh
for file in core/config/grid.h plugins/datasets/shared/masks/polygon.h; do
  mkdir -p "$tree/$(dirname "$file")"
  printf 'namespace sam3lab {\nstruct Point {\n  int x;\n};\nstruct Known;\n}\n' >"$tree/$file"
done
refuses_tree 'plugins/datasets/shared/masks/polygon.h: defines sam3lab::Point, as core/config/grid.h does'

# The page itself.
fresh; put core/train/a.cpp '"core/config/a.h"'
refuses_tree "docs/explain/design.md:8: stale: train may include base, and no file does"
fresh; page "$api" "$base" "$config" "$train" '| `old` | gone | nothing else |'
refuses_tree "design.md:9: there is no folder core/old; remove the row"
fresh; page "$api" "$base" '| `config` | files | `base`, `odd` |' "$train"
run_check 1 out "design.md:7: config may include odd, which has no row" "$check" "$tree"
fresh; page "$api" "$base" '| `config` | files | `base`, `train` |' "$train"; put core/config/b.cpp '"core/train/a.h"'
refuses_tree "the arrows go in a circle: config, train"
fresh; echo '# Nothing' >"$tree/docs/explain/design.md"
run_check 1 out "has no table of folders below" "$check" "$tree"
rm "$tree/docs/explain/design.md"
refuses 1 "docs/explain/design.md: does not exist" "$check" "$tree"
accepts "against_direction=0" "$check"
finish
