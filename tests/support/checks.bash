# For the scripts of tests/bad and tests/experiments: source "$(dirname "$0")/../support/checks.bash".
# refuses CODE 'PATTERN' COMMAND...   the command must end with CODE and say PATTERN (extended regular expression) on standard error
# accepts 'PATTERN' COMMAND...        it must end with 0 and print PATTERN
# command_checks FILE [NAME=VALUE...] the commands of a text file, all in one process, in the folder $scratch (tests/bad/README.md)
# finish                              one line of figures; its exit code says whether all held
set -u
checks=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

run_check() {
  timeout "${limit:-60}" "${@:4}" >"$scratch/.out" 2>"$scratch/.err"
  local code=$?
  checks=$((checks + 1))
  if [ "$code" -ne "$1" ] || ! grep -qE -- "$3" "$scratch/.$2"; then
    failed=$((failed + 1))
    printf 'FAILED: %s\n  exit code %s, expected %s; no match for: %s\n' "${*:4}" "$code" "$1" "$3"
    sed 's/^/  | /' "$scratch/.out" "$scratch/.err" | head -20
  fi
}
refuses() { run_check "$1" err "$2" "${@:3}"; }
accepts() { run_check 0 out "$1" "${@:2}"; }
command_checks() {
  local said last
  said=$(cd "$scratch" && timeout 600 "${program%/*}/command_checks" "$@" 2>"$scratch/.err")
  last=$(grep -E '^file=[^ ]+ commands=[0-9]+ checks=[0-9]+ failed=[0-9]+$' <<<"$said" | tail -n 1)
  if [ -z "$last" ]; then
    checks=$((checks + 1)) failed=$((failed + 1))
    printf 'FAILED: command_checks %s\n%s\n' "$1" "$said"; sed 's/^/  | /' "$scratch/.err" | tail -n 20
    return
  fi
  said=$(grep -vxF -- "$last" <<<"$said") && printf '%s\n' "$said"
  last=${last#*checks=}
  checks=$((checks + ${last%% *})) failed=$((failed + ${last#*failed=}))
}
# holds 'WHAT' COMMAND...   the command must succeed
holds() {
  checks=$((checks + 1))
  "${@:2}" >/dev/null 2>&1 || { failed=$((failed + 1)); echo "FAILED: $1"; }
}
# Two of the sample data sets in place of five: what is about the engine needs no more, and a run starts in half the time.
two_datasets=(--set dataset.brain_mask.use=none --set dataset.brain_regions.use=none --set dataset.he_nuclei.use=none
  --set dataset.macaque.use=none)
finish() {
  echo "script=$(basename "$0") checks=$checks failed=$failed"
  [ "$failed" -eq 0 ] && [ "$checks" -gt 0 ]
}
