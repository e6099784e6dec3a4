# Plugins that must not be loaded, each with exit code 2 and both sides named: plugins.txt has the commands.
source "$(dirname "$0")/../support/checks.bash"
here=$(cd "$(dirname "$0")" && pwd)
program=$1 made=$2/test_plugins
torch=$(sed -n 's/^SAM3LAB_TORCH:PATH=//p' "$2/CMakeCache.txt")
mkdir "$scratch/torch" "$scratch/empty" "$scratch/folder" "$scratch/folder.so" "$scratch/broken"
cp "$torch/lib/libc10.so" "$scratch/torch/"
cp "$made/wrong_stamp/wrong_stamp.so" "$made/no_symbol/no_symbol.so" "$scratch/folder"
cp "$made/wrong_stamp/wrong_stamp.so" "$made/no_symbol/no_symbol.so" "$scratch/broken"
ln -s absent "$scratch/broken/broken.so"
command_checks "$here/plugins.txt" made="$made" scratch="$scratch"
finish
