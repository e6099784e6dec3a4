#!/bin/bash
# `inspect` on what is no result: exit code 3 and a message that names the file.
program=$1
source "$(dirname "$0")/../support/checks.bash"
folder=$scratch named=${scratch//./\\.}  # patterns are regular expressions

magic='\x89HDF\r\n\x1a\n'
printf 'no result at all' >"$folder/text.h5"
: >"$folder/empty.h5"
printf "$magic" >"$folder/magic.h5"
{ printf "$magic"; head -c 5000 /dev/zero; } >"$folder/zeros.h5"
{ printf "$magic"; head -c 5000 /dev/urandom; } >"$folder/noise.h5"
{ printf "$magic"; head -c 96 /dev/zero; printf '\nsam3lab-seal sha256 %064d\n' 0; } >"$folder/seal.h5"

refuses 3 "$named/missing\.h5" "$program" inspect "$folder/missing.h5"
refuses 3 "$named/text\.h5" "$program" inspect "$folder/text.h5"
refuses 3 "$named/empty\.h5" "$program" inspect "$folder/empty.h5"
refuses 3 "$named/magic\.h5" "$program" inspect "$folder/magic.h5"
refuses 3 "$named/zeros\.h5" "$program" inspect "$folder/zeros.h5"
refuses 3 "$named/noise\.h5" "$program" inspect "$folder/noise.h5"
refuses 3 'does not match its SHA-256' "$program" inspect "$folder/seal.h5"
refuses 3 "$named" "$program" inspect "$folder"
refuses 3 "$named/zeros\.h5" "$program" inspect "$folder/zeros.h5" --json
refuses 2 'no file given' "$program" inspect
refuses 2 'usage: sam3lab inspect' "$program" inspect "$folder/a" "$folder/b"
refuses 2 'unknown option' "$program" inspect --nonsense
finish
