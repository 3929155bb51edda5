//! Examples in the help of commands whose own file has none.

use clap::Command;

/// Each command by its words, with its examples: what is typed, and what needs saying about it.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "account delete",
        &["todctl account delete --confirm ana@example.org"],
    ),
    (
        "account export",
        &[
            "todctl account export -O me.json",
            "todctl account export | jq .me",
        ],
    ),
    (
        "account kit save",
        &[
            "todctl account kit save",
            "todctl account kit save kit.pdf --paper letter",
        ],
    ),
    (
        "account kit show",
        &["todctl account kit show", "todctl account kit show --qr"],
    ),
    (
        "account show",
        &["todctl account show", "todctl account show -o json"],
    ),
    (
        "account sessions",
        &["todctl account sessions", "todctl account sessions -o json"],
    ),
    ("account totp disable", &["todctl account totp disable"]),
    ("account totp enable", &["todctl account totp enable"]),
    (
        "account totp status",
        &["todctl account totp status -o json"],
    ),
    (
        "apikey list",
        &["todctl apikey list", "todctl apikey list -o json"],
    ),
    ("apikey revoke", &["todctl apikey revoke ci --yes"]),
    (
        "apikey rotate",
        &["todctl apikey rotate ci > key    # the old secret is good no longer"],
    ),
    ("apikey show", &["todctl apikey show ci"]),
    (
        "audit show",
        &["todctl audit show a-17", "todctl audit show a-17 -o json"],
    ),
    (
        "auth can-i",
        &[
            "todctl auth can-i",
            "todctl auth can-i change.apply && todctl config apply …",
        ],
    ),
    (
        "completion",
        &[
            "todctl completion bash > ~/.local/share/bash-completion/completions/todctl",
            "todctl completion zsh > ~/.zfunc/_todctl",
            "todctl completion fish > ~/.config/fish/completions/todctl.fish",
        ],
    ),
    ("config confirm", &["todctl config confirm c-17"]),
    (
        "config history",
        &[
            "todctl config history",
            "todctl config history ber-core-01 -o json",
        ],
    ),
    (
        "config pending",
        &[
            "todctl config pending",
            "todctl config pending -o json | jq '.items[].number'",
        ],
    ),
    (
        "config revert",
        &[
            "todctl config revert c-17",
            "todctl config revert c-17 --yes",
        ],
    ),
    (
        "context add",
        &["todctl context add lab --server https://lab.example.org:8443"],
    ),
    ("context list", &["todctl context list"]),
    ("context prompt", &["PS1='$(todctl context prompt) \\$ '"]),
    ("context remove", &["todctl context remove lab"]),
    ("context set", &["todctl context set prod tenant=acme"]),
    (
        "context show",
        &["todctl context show", "todctl context show -o json"],
    ),
    ("context use", &["todctl context use prod"]),
    (
        "device delete",
        &[
            "todctl device delete ber-core-01",
            "todctl device delete site=bern --dry-run",
        ],
    ),
    (
        "device interfaces",
        &["todctl device interfaces ber-core-01"],
    ),
    (
        "device show",
        &[
            "todctl device show ber-core-01",
            "todctl device show ber-core-01 -o json",
        ],
    ),
    (
        "doctor",
        &[
            "todctl doctor",
            "todctl doctor -o json | jq '.items[0].checks[] | select(.verdict != \"ok\")'",
        ],
    ),
    (
        "enrol",
        &[
            "todctl enrol --server https://noc.example.org:8443 --email bo@example.org --token-file invitation",
        ],
    ),
    (
        "help",
        &["todctl help selectors", "todctl help config apply"],
    ),
    (
        "kms retire",
        &["todctl kms rewrap && todctl kms retire --below 3"],
    ),
    ("kms rewrap", &["todctl kms rotate && todctl kms rewrap"]),
    ("kms rotate", &["todctl kms rotate"]),
    (
        "kms status",
        &["todctl kms status", "todctl kms status -o json"],
    ),
    (
        "logout",
        &[
            "todctl logout",
            "todctl logout --forget    # the Secret Key, too",
        ],
    ),
    (
        "man",
        &[
            "todctl man config-apply | man -l -",
            "todctl man --dir ~/.local/share/man/man1",
        ],
    ),
    (
        "metrics get",
        &["todctl metrics get ber-core-01 cpu --since 24h -o json"],
    ),
    (
        "metrics graph",
        &["todctl metrics graph ber-core-01 cpu --since 24h"],
    ),
    ("run list", &["todctl run list", "todctl run list -o json"]),
    (
        "run show",
        &["todctl run show r-17", "todctl run show r-17 -o jsonl"],
    ),
    ("session keys", &["todctl session keys"]),
    (
        "session rotate-keys",
        &[
            "todctl session rotate-keys",
            "todctl session rotate-keys --at-once",
        ],
    ),
    ("tenant create", &["todctl tenant create acme"]),
    (
        "tenant delete",
        &["todctl tenant delete acme --confirm acme"],
    ),
    (
        "tenant list",
        &["todctl tenant list", "todctl tenant list -o json"],
    ),
    (
        "tenant set",
        &[
            "todctl tenant set acme --max-devices 500 --require-totp on",
            "todctl tenant set acme --audit-retention 365d",
            "todctl tenant set acme --suspend",
        ],
    ),
    ("tenant show", &["todctl tenant show acme"]),
    ("tenant use", &["todctl tenant use acme"]),
    (
        "top",
        &[
            "todctl top",
            "todctl top site=berlin --sort rx",
            "todctl top --once -o json",
        ],
    ),
    ("tui", &["todctl tui", "todctl tui --theme light"]),
    ("user delete", &["todctl user delete bo@example.org"]),
    ("user disable", &["todctl user disable bo@example.org"]),
    ("user enable", &["todctl user enable bo@example.org"]),
    (
        "user invite",
        &["todctl user invite bo@example.org --role operator > invitation"],
    ),
    (
        "user list",
        &["todctl user list", "todctl user list -o json"],
    ),
    (
        "user remove-totp",
        &["todctl user remove-totp bo@example.org"],
    ),
    (
        "user reset",
        &["todctl user reset bo@example.org > invitation"],
    ),
    ("user role", &["todctl user role bo@example.org admin"]),
    ("user sessions", &["todctl user sessions bo@example.org"]),
    (
        "user set",
        &["todctl user set bo@example.org --role operator --enable"],
    ),
    ("user show", &["todctl user show bo@example.org"]),
    (
        "version",
        &["todctl version", "todctl version --check -o json"],
    ),
    (
        "whoami",
        &[
            "todctl whoami",
            "todctl whoami -o json | jq -r .items[0].role",
        ],
    ),
];

/// The tree with its examples.
pub fn with(tree: Command) -> Command {
    EXAMPLES.iter().fold(tree, |tree, (path, examples)| {
        let words: Vec<&str> = path.split(' ').collect();
        put(tree, &words, examples)
    })
}

fn put(command: Command, path: &[&str], examples: &[&str]) -> Command {
    let Some((first, rest)) = path.split_first() else {
        return command.after_help(text(examples));
    };
    command.mut_subcommand(first, |sub| put(sub, rest, examples))
}

fn text(examples: &[&str]) -> String {
    let word = if examples.len() == 1 {
        "Example"
    } else {
        "Examples"
    };
    let lines: Vec<String> = examples.iter().map(|line| format!("  {line}")).collect();
    format!("{word}:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_and_none_has_them_twice() {
        fn walk(bare: &Command, whole: &Command, path: &str, wrong: &mut Vec<String>) {
            for sub in whole.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                let path = format!("{path} {}", sub.get_name());
                let bare = bare.find_subcommand(sub.get_name()).unwrap();
                let has = |command: &Command| {
                    command
                        .get_after_help()
                        .is_some_and(|help| help.to_string().contains("Example"))
                };
                let listed = EXAMPLES.iter().any(|(words, _)| *words == path.trim());
                if !sub.has_subcommands() && (!has(sub) || (has(bare) && listed)) {
                    wrong.push(path.clone());
                }
                walk(bare, sub, &path, wrong);
            }
        }
        let bare = crate::args::bare();
        let mut wrong = Vec::new();

        walk(&bare, &with(bare.clone()), "", &mut wrong);

        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
