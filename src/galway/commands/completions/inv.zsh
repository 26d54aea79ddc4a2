# For ~/.zshrc, after compinit: eval "$(scripts/inv completion zsh)". Serves `inv` and any path to it.
_galway_inv() {
    local -a candidates
    candidates=(${(f)"$("${words[1]}" --complete -- inv "${(@)words[2,CURRENT]}" 2>/dev/null)"})
    if ((${#candidates})); then compadd -a candidates; else _files; fi
}
compdef _galway_inv inv
