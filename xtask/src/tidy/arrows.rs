//! Which crate may know which. Changing this table is a design decision: change
//! `docs/architecture.md` with it.

use super::Finding;
use super::packages::{list, text};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// A folder and what its package may depend on.
struct Crate {
    folder: &'static str,
    /// In the product.
    may_use: &'static [&'static str],
    /// For its tests, besides.
    tests_may_use: &'static [&'static str],
    /// Packages of others that would break what the crate promises.
    never: &'static [&'static str],
}

const ALL: &[&str] = &[
    "proto", "routeros", "client", "tui", "cli", "service", "server", "poller", "daemon", "lab",
    "xtask",
];
const RUNTIMES: &[&str] = &[
    "tokio",
    "axum",
    "sqlx",
    "clap",
    "reqwest",
    "async-nats",
    "russh",
];

const TABLE: &[Crate] = &[
    Crate {
        folder: "proto",
        may_use: &[],
        tests_may_use: &[],
        never: RUNTIMES,
    },
    Crate {
        folder: "routeros",
        may_use: &[],
        tests_may_use: &[],
        never: RUNTIMES,
    },
    Crate {
        folder: "client",
        may_use: &["proto"],
        tests_may_use: &[],
        never: &[
            "clap",
            "axum",
            "sqlx",
            "async-nats",
            "comfy-table",
            "indicatif",
            "ratatui",
        ],
    },
    Crate {
        folder: "tui",
        may_use: &["client", "proto"],
        tests_may_use: &[],
        never: &["axum", "sqlx", "async-nats", "reqwest"],
    },
    Crate {
        folder: "cli",
        may_use: &["tui", "client", "proto"],
        tests_may_use: &["server"],
        never: &["sqlx", "async-nats", "russh"],
    },
    Crate {
        folder: "service",
        may_use: &["proto"],
        tests_may_use: &[],
        never: &["axum", "sqlx", "russh", "clap"],
    },
    Crate {
        folder: "server",
        may_use: &["proto", "service", "routeros"],
        tests_may_use: &["client"],
        never: &["russh", "clap"],
    },
    Crate {
        folder: "poller",
        may_use: &["proto", "service", "routeros"],
        tests_may_use: &["lab"],
        never: &["sqlx", "axum", "clap"],
    },
    Crate {
        folder: "daemon",
        may_use: &["server", "poller", "lab", "service", "client", "proto"],
        tests_may_use: &[],
        never: &["ratatui"],
    },
    Crate {
        folder: "lab",
        may_use: &["routeros", "proto"],
        tests_may_use: &[],
        never: &["sqlx", "async-nats", "axum"],
    },
    Crate {
        folder: "e2e",
        may_use: ALL,
        tests_may_use: &[],
        never: &[],
    },
    Crate {
        folder: "xtask",
        may_use: &[],
        tests_may_use: &[],
        never: RUNTIMES,
    },
];

/// Every arrow that the table does not have.
pub(super) fn check(metadata: &Value) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let members = list(metadata, "workspace_members")?;
    for package in list(metadata, "packages")? {
        if members.contains(package.get("id").unwrap_or(&Value::Null)) {
            found.extend(check_package(package)?);
        }
    }
    Ok(found)
}

fn check_package(package: &Value) -> Result<Vec<Finding>> {
    let name = text(package, "name")?;
    let folder = folder_of(package)?;
    let Some(row) = TABLE.iter().find(|row| row.folder == folder) else {
        return Ok(vec![Finding::new(
            "arrow",
            name,
            "not in the table of crates",
        )]);
    };
    let expected = match folder {
        "routeros" | "xtask" => folder.to_owned(),
        _ => format!("tod-{folder}"),
    };
    let mut found = Vec::new();
    if name != expected {
        found.push(Finding::new(
            "arrow",
            name,
            format!("its package is called `{expected}`"),
        ));
    }
    for dependency in list(package, "dependencies")? {
        let (to, kind) = (text(dependency, "name")?, dependency.get("kind"));
        let for_tests = kind.and_then(Value::as_str) == Some("dev");
        let ours = dependency.get("path").is_some();
        let target = to.strip_prefix("tod-").unwrap_or(to);
        let refused = if ours {
            let for_tests_only = for_tests && row.tests_may_use.contains(&target);
            !(row.may_use.contains(&target) || for_tests_only)
        } else {
            !for_tests && row.never.contains(&to)
        };
        if refused {
            let scope = if for_tests { "tests of " } else { "" };
            let what = format!("{scope}`{folder}` must not depend on `{to}`");
            found.push(Finding::new("arrow", name, what));
        }
    }
    Ok(found)
}

/// The folder that holds the package's manifest.
fn folder_of(package: &Value) -> Result<&str> {
    let manifest = text(package, "manifest_path")?;
    manifest
        .rsplit('/')
        .nth(1)
        .with_context(|| format!("`{manifest}` lies in no folder"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn messages(folder: &str, name: &str, dependencies: &Value) -> Vec<String> {
        let metadata = json!({
            "workspace_members": ["p"],
            "packages": [{
                "id": "p", "name": name, "manifest_path": format!("/x/{folder}/Cargo.toml"),
                "dependencies": dependencies,
            }],
        });
        check(&metadata)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn an_arrow_that_the_table_does_not_have_is_found() {
        let server = json!([{"name": "tod-server", "kind": null, "path": "/x/server"}]);
        assert_eq!(
            messages("poller", "tod-poller", &server),
            ["tod-poller: `poller` must not depend on `tod-server` [arrow]"]
        );
        assert_eq!(messages("daemon", "tod-daemon", &server), [""; 0]);
        assert_eq!(messages("cli", "tod-cli", &server).len(), 1);
    }

    #[test]
    fn tests_may_know_more_than_the_product() {
        let lab = json!([{"name": "tod-lab", "kind": "dev", "path": "/x/lab"}]);
        assert_eq!(messages("poller", "tod-poller", &lab), [""; 0]);
        assert_eq!(messages("server", "tod-server", &lab).len(), 1);
    }

    #[test]
    fn the_poller_never_has_a_database() {
        let sqlx = json!([{"name": "sqlx", "kind": null}]);
        assert_eq!(messages("poller", "tod-poller", &sqlx).len(), 1);
        assert_eq!(messages("server", "tod-server", &sqlx), [""; 0]);
    }

    #[test]
    fn a_package_is_named_after_its_folder() {
        assert_eq!(messages("server", "server", &json!([])).len(), 1);
        assert_eq!(messages("utils", "tod-utils", &json!([])).len(), 1);
    }
}
