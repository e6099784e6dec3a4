#!/bin/bash
# `inspect` on what is no result: exit code 3 and a message that names the file.
set -u
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0

refuse() {  # NAME EXPECTED_CODE EXPECTED_TEXT ARGUMENT...
  local name=$1 code=$2 text=$3 output got
  shift 3
  output=$("$program" inspect "$@" 2>&1)
  got=$?
  if [ "$got" -ne "$code" ] || ! grep -qF -- "$text" <<<"$output"; then
    echo "FAILED $name: exit $got, expected $code with '$text'; it said: $output"
    failed=$((failed + 1))
  fi
}

magic='\x89HDF\r\n\x1a\n'
printf 'no result at all' >"$folder/text.h5"
: >"$folder/empty.h5"
printf "$magic" >"$folder/magic.h5"
{ printf "$magic"; head -c 5000 /dev/zero; } >"$folder/zeros.h5"
{ printf "$magic"; head -c 5000 /dev/urandom; } >"$folder/noise.h5"
{ printf "$magic"; head -c 96 /dev/zero; printf '\nsam3lab-seal sha256 %064d\n' 0; } >"$folder/seal.h5"

refuse missing 3 "$folder/missing.h5" "$folder/missing.h5"
refuse text 3 "$folder/text.h5" "$folder/text.h5"
refuse empty 3 "$folder/empty.h5" "$folder/empty.h5"
refuse magic 3 "$folder/magic.h5" "$folder/magic.h5"
refuse zeros 3 "$folder/zeros.h5" "$folder/zeros.h5"
refuse noise 3 "$folder/noise.h5" "$folder/noise.h5"
refuse seal 3 'does not match its SHA-256' "$folder/seal.h5"
refuse folder 3 "$folder" "$folder"
refuse json 3 "$folder/zeros.h5" "$folder/zeros.h5" --json
refuse no_file 2 'no file given'
refuse two_files 2 'usage: sam3lab inspect' "$folder/a" "$folder/b"
refuse unknown_option 2 'unknown option' --nonsense

echo "bad=record failed=$failed"
[ "$failed" -eq 0 ]
