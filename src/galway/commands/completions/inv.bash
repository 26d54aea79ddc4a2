# For ~/.bashrc: eval "$(scripts/inv completion bash)". Serves `inv`, `scripts/inv` and any other path to it.
_galway_inv() {
    local candidates
    candidates=$("$1" --complete -- inv "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$2")
}
complete -o default -F _galway_inv inv
