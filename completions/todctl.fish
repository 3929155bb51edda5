complete --keep-order --exclusive --command todctl --arguments "(COMPLETE=fish todctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
