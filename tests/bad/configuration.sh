# Experiment files and command lines that must be refused. configuration.txt has them; what is left here needs a process.
source "$(dirname "$0")/../support/checks.bash"
here=$(cd "$(dirname "$0")" && pwd)
program=$1
cd "$scratch" || exit 1
command_checks "$here/configuration.txt"

# The program itself answers as it does within a test.
refuses 2 "unknown command 'rnu'; known: .*did you mean 'run'" "$program" rnu
refuses 2 "absent.toml: there is no file absent.toml" "$program" run absent.toml
accepts "usage: sam3lab run" "$program" run --help
refuses 3 "standard output: cannot be written" bash -c "\"$program\" list >/dev/full"

# A check that does not hold is found.
printf '$ run absent.toml\nexit 3\nerr there is no file\nout nothing\nabsent wrong.txt\nerr no file$\n' >wrong.txt
run_check 1 out "file=wrong.txt commands=1 checks=5 failed=4" "${program%/*}/command_checks" wrong.txt
printf '$ run absent.toml\n$ list\nexit 0\n' >wrong.txt
run_check 1 out "wrong.txt:2: nothing is expected of: run absent.toml" "${program%/*}/command_checks" wrong.txt
printf 'exti 3\n' >wrong.txt
run_check 1 out "wrong.txt:1: unknown word exti" "${program%/*}/command_checks" wrong.txt
finish
