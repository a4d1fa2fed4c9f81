#!/usr/bin/env bash
# Writes what the programs tell about themselves: manual pages and completions.  usage: generate.sh DIRECTORY_OF_PROGRAMS TARGET
set -euo pipefail
programs=${1:?usage: generate.sh DIRECTORY_OF_PROGRAMS TARGET} target=${2:?usage: generate.sh DIRECTORY_OF_PROGRAMS TARGET}
mkdir -p "$target"
for program in synap-server synap-migrate; do
    "$programs/$program" --man >"$target/$program.1"
    "$programs/$program" --completions bash >"$target/$program.bash"
    "$programs/$program" --completions zsh >"$target/_$program"
    "$programs/$program" --completions fish >"$target/$program.fish"
done
