# For ~/.config/fish/config.fish: scripts/inv completion fish | source. Serves `inv` and any path to it.
function __galway_inv
    set --local typed (commandline --tokenize --cut-at-cursor --current-process) (commandline --current-token --cut-at-cursor)
    $typed[1] --complete -- inv $typed[2..] 2>/dev/null
end
complete --command inv --arguments '(__galway_inv)'
