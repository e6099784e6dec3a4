# Plugins that must not be loaded, each with exit code 2 and both sides named.
source "$(dirname "$0")/../support/checks.bash"
program=$1 made=$2/test_plugins

refuses 2 "wrong_stamp.so: wrong stamp; got 'GNU.*torch-1.13.1.*', expected '.*torch-2.*'; rebuild it" "$program" list --plugin "$made/wrong_stamp/wrong_stamp.so"
refuses 2 "wrong_magic.so: is no sam3lab plugin; got another magic word" "$program" list --plugin "$made/wrong_magic/wrong_magic.so"
refuses 2 "wrong_api.so: has another plugin interface; got version 2, expected version 1" "$program" list --plugin "$made/wrong_api/wrong_api.so"
refuses 2 "no_symbol.so: is no sam3lab plugin; got a library without the section" "$program" list --plugin="$made/no_symbol/no_symbol.so"
refuses 2 "unresolved.so: cannot be loaded; got .*sam3lab_function_that_nobody_has" "$program" list --plugin "$made/unresolved/unresolved.so"
refuses 2 "early_constructor.so: wrong stamp; got 'GNU.*torch-1.13.1" "$program" list --plugin "$made/early_constructor/early_constructor.so"
refuses 2 "debug_containers.so: wrong stamp; got 'GNU[^ ]* cxx11abi-. glibcxx-debug" "$program" list --plugin "$made/debug_containers/debug_containers.so"
refuses 2 "old_abi.so: wrong stamp; got 'GNU[^ ]* cxx11abi-0" "$program" list --plugin "$made/old_abi/old_abi.so"
torch=$(sed -n 's/^SAM3LAB_TORCH:PATH=//p' "$2/CMakeCache.txt")
mkdir "$scratch/torch"
cp "$torch/lib/libc10.so" "$scratch/torch/"
refuses 2 "libc10.so: is no sam3lab plugin" env SAM3LAB_PLUGIN_PATH="$scratch/torch" "$program" list
mkdir "$scratch/empty"
refuses 2 "empty: plugin folder holds no plugin" env SAM3LAB_PLUGIN_PATH="$scratch/empty" "$program" list
refuses 2 "text.so: cannot be loaded; got (no 64-bit ELF library|a file too short)" "$program" list --plugin "$made/text/text.so"
refuses 2 "throws.so: SAM3LAB_PLUGIN\(throws\) failed; got the table of this plugin is lost" "$program" list --plugin "$made/throws/throws.so"
refuses 2 "metric/bad_default: option 'rate' has a default of -1.0, which is not at least 0" "$program" list --plugin "$made/bad_default/bad_default.so"
refuses 2 "duplicate.so: metric/test_score is claimed twice; first claimed by .*good.so" \
  "$program" list --plugin "$made/good/good.so" --plugin "$made/duplicate/duplicate.so"
refuses 2 "absent.so: there is no such plugin file" "$program" list --plugin "$scratch/absent.so"
refuses 2 "names no file" "$program" list --plugin

# Every .so of a folder counts, and all that is wrong is said at once.
mkdir "$scratch/folder"
cp "$made/wrong_stamp/wrong_stamp.so" "$made/no_symbol/no_symbol.so" "$scratch/folder"
refuses 2 "wrong_stamp.so: wrong stamp" env SAM3LAB_PLUGIN_PATH="$scratch/folder" "$program" list
refuses 2 "no_symbol.so: is no sam3lab plugin" env SAM3LAB_PLUGIN_PATH="$scratch/folder" "$program" list
refuses 2 "nowhere: plugin folder cannot be read" env SAM3LAB_PLUGIN_PATH="$made/good:$scratch/nowhere" "$program" list
ln -s absent "$scratch/folder/broken.so"
refuses 2 "broken.so: there is no such plugin file" env SAM3LAB_PLUGIN_PATH="$scratch/folder" "$program" list
head -c 3000 "$made/good/good.so" >"$scratch/cut.so"
refuses 2 "cut.so: cannot be loaded; got a library that is cut off" "$program" list --plugin "$scratch/cut.so"
for bytes in 0 10 64 200 1000; do
  head -c "$bytes" "$made/good/good.so" >"$scratch/cut.so"
  refuses 2 "cut.so: cannot be loaded; got " "$program" list --plugin "$scratch/cut.so"
done
mkdir "$scratch/folder.so"
refuses 2 "folder.so: cannot be loaded; got no regular file" "$program" list --plugin "$scratch/folder.so"

# What is sound is taken, however it is named.
accepts "test_score +factor x count" "$program" list metric --plugin "$made/good/good.so"
accepts "test_score" env SAM3LAB_PLUGIN_PATH=":$made/good:$made/good:" "$program" list metric
accepts "factor  number, 0 to 10, in mm; default 1.0" "$program" explain metric/test_score --plugin "$made/good/good.so"
finish
