# The example of docs/reference/experiment.md is a valid experiment, and names every option of the program's own tables.
source "$(dirname "$0")/../support/checks.bash"
program=$1
page=$(cd "$(dirname "$0")/../../docs/reference" && pwd)/experiment.md
sed -n '/^```toml$/,/^```$/p' "$page" | sed '1d;$d' >"$scratch/reference.toml"
holds "the page has an example" test -s "$scratch/reference.toml"
mkdir "$scratch/data"
echo '"brain" = { text = "brain" }
"nucleus" = { text = "nucleus" }' >"$scratch/data/words.toml"
echo '"brain" = "nonzero"' >"$scratch/data/head_labels.toml"
# Its data do not exist: a configuration fault would end with 2.
refuses 3 "data/" "$program" run "$scratch/reference.toml" --out "$scratch/out"

tables=$("$program" explain no_such_table 2>&1 | sed -nE 's/.*SLOT\/NAME or one of ([a-z, ]+).*/\1/p' | tr -d ,)
holds "explain names the tables" test -n "$tables"
for table in $tables; do
  sed -n "/^\[$table\]/,/^\[/p" "$scratch/reference.toml" >"$scratch/table"
  for option in $("$program" explain "$table" --json | sed -nE 's/^ *"name": "([a-z_0-9]+)",?$/\1/p'); do
    holds "experiment.md lacks $table.$option" grep -qE "^(# )?$option = " "$scratch/table"
  done
done
finish
