//! The parser's verdict on scripts: the console's own, where `TOD_FIXTURES` says where the answers
//! of consoles are, and ours on scripts of our own.

use std::collections::BTreeMap;
use std::path::Path;

use routeros::script::{Child, Tree, check};
use serde_json::Value;

use crate::fixtures::fixtures;

/// A command tree as a device tells it.
#[derive(Debug)]
struct Told(Value);

impl Told {
    fn read(version: &str) -> Self {
        let folder = fixtures("inspect").unwrap();
        let text = std::fs::read(folder.join(format!("{version}.base.inspect.json"))).unwrap();
        Self(serde_json::from_slice(&text).unwrap())
    }

    fn at(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.0, |node, word| &node[word])
    }
}

/// The entry of that name, or the only one that begins so.
fn entry<'v>(node: &'v Value, word: &str) -> Option<(&'v str, &'v Value)> {
    let entries = node.as_object()?;
    if let Some((name, entry)) = entries.get_key_value(word) {
        return entry.is_object().then_some((name.as_str(), entry));
    }
    let mut begin = entries
        .iter()
        .filter(|(name, entry)| name.starts_with(word) && entry.is_object());
    let (name, entry) = begin.next()?;
    begin.next().is_none().then_some((name, entry))
}

impl Tree for Told {
    fn child(&self, menu: &[String], word: &str) -> Option<Child> {
        let menu: Vec<&str> = menu.iter().map(String::as_str).collect();
        let (name, entry) = entry(self.at(&menu), word)?;
        match entry["_type"].as_str()? {
            "cmd" => Some(Child::Command(name.to_owned())),
            "dir" | "path" => Some(Child::Menu(name.to_owned())),
            _ => None,
        }
    }

    fn takes(&self, menu: &[String], command: &str, argument: &str) -> bool {
        let mut path: Vec<&str> = menu.iter().map(String::as_str).collect();
        path.push(command);
        let node = self.at(&path);
        // A part of a name, or one of a group, is not told.
        entry(node, argument).is_some() || argument.contains('.')
    }
}

/// What `:parse` answered, as a verdict: nothing if it took the script.
fn verdict(answer: &str) -> Option<&str> {
    let words = answer.split_once(" (line ").map_or("/", |(words, _)| words);
    if words.bytes().all(|b| b.is_ascii_lowercase() || b == b' ') {
        return Some(answer);
    }
    // Otherwise it is the script as the console understood it, with errors in the places of names.
    ["(<%% bad command name ", "(evl bad parameter "]
        .iter()
        .find_map(|start| {
            let from = answer.find(start)? + start.find("bad")?;
            let text = answer.get(from..)?;
            let end = text.find(')')? + 1;
            text.get(..end)
        })
}

fn ours(text: &[u8], tree: &dyn Tree) -> Option<String> {
    check(text, tree).err().map(|error| error.to_string())
}

fn scripts(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            scripts(&path, found);
        } else if path.extension().is_some_and(|e| e == "rsc") {
            found.push(path);
        }
    }
}

#[test]
fn our_verdict_is_the_one_of_the_console_on_every_script() {
    let Some(folder) = fixtures("script/lsp-routeros-ts") else {
        return;
    };
    let mut found = Vec::new();
    scripts(&folder, &mut found);
    found.sort();
    let trees = BTreeMap::from([
        ("7.20.8", Told::read("7.20.8")),
        // Neither is there, and the next one has the same in what scripts use.
        ("7.22.1", Told::read("7.24")),
        ("7.23rc1", Told::read("7.24")),
    ]);
    let (mut agreed, mut wrong) = (0, Vec::new());
    for path in &found {
        for (version, tree) in &trees {
            let answer = format!("{}.v{version}.parseil", path.display());
            // One is too long for a console to be asked.
            let Ok(answer) = std::fs::read(answer) else {
                continue;
            };
            let answer = String::from_utf8_lossy(&answer);
            let text = std::fs::read(path).unwrap();
            let (is, wanted) = (ours(&text, tree), verdict(&answer));
            if is.as_deref() == wanted {
                agreed += 1;
            } else {
                wrong.push(format!(
                    "{} {version}: {is:?}, not {wanted:?}",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(agreed, (found.len() - 1) * trees.len());
}

/// Lines that consoles were asked about, and what they answered.
fn probes(folder: &Path) -> Vec<(String, String)> {
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let mut probes: Vec<(String, String)> = Vec::new();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let oracle = read("parse-oracle.json");
    for list in ["canonicalAccepted", "badParameter", "badCommandName"] {
        for probe in oracle[list].as_array().unwrap() {
            if probe.get("corpusScript").is_none() {
                probes.push((text(&probe["input"]), text(&probe["raw"])));
            }
        }
    }
    let sweep = &read("operators.json")["sweep"];
    for list in ["controls", "opAxis"] {
        for probe in sweep[list].as_array().unwrap() {
            probes.push((text(&probe["source"]), text(&probe["il"])));
        }
    }
    for list in ["lowered", "notOperators"] {
        for probe in sweep[list].as_array().unwrap() {
            let source = format!("(1 {} 2)", text(&probe["spelling"]));
            probes.push((source, text(&probe["example"])));
        }
    }
    for operator in sweep["operators"].as_array().unwrap() {
        let spelling = text(&operator["spelling"]);
        for arity in operator["arities"].as_array().unwrap() {
            let source = if arity == 1 {
                format!("({spelling} 2)")
            } else {
                format!("(1 {spelling} 2)")
            };
            probes.push((source, String::new()));
        }
    }
    let values = read("values.json");
    for probe in values["contexts"].as_array().unwrap() {
        // What a value has to be is not known to a parser.
        if !text(&probe["il"]).starts_with("syntax") {
            probes.push((text(&probe["input"]), text(&probe["il"])));
        }
    }
    probes
}

#[test]
fn our_verdict_is_the_one_of_the_console_on_every_probe() {
    let Some(folder) = fixtures("api/centrs") else {
        return;
    };
    let tree = Told::read("7.24");
    let probes = probes(&folder);
    assert!(probes.len() > 60, "{}", probes.len());
    let wrong: Vec<String> = probes
        .iter()
        .filter_map(|(source, answer)| {
            let (is, wanted) = (ours(source.as_bytes(), &tree), verdict(answer));
            let is_same = is.as_deref() == wanted;
            (!is_same).then(|| format!("{source}: {is:?}, not {wanted:?}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}\n{}",
        wrong.len(),
        probes.len(),
        wrong.join("\n")
    );
}

/// A small tree of our own.
fn small() -> Told {
    let leaf = |arguments: &[&str]| {
        let mut node = serde_json::json!({"_type": "cmd"});
        for argument in arguments {
            node[argument] = serde_json::json!({"_type": "arg"});
        }
        node
    };
    let menu = |commands: &[(&str, Value)]| {
        let mut node = serde_json::json!({"_type": "dir"});
        for (name, command) in commands {
            node[name] = command.clone();
        }
        node
    };
    let items = |arguments: &[&str]| {
        let set = [arguments, &["numbers"]].concat();
        menu(&[
            ("add", leaf(arguments)),
            ("set", leaf(&set)),
            ("find", leaf(&["where"])),
            ("print", leaf(&["where"])),
            ("remove", leaf(&["numbers"])),
        ])
    };
    let address = items(&["address", "comment", "interface"]);
    let filter = items(&["chain", "action", "comment"]);
    let mut root = menu(&[
        (
            "ip",
            menu(&[
                ("address", address),
                ("firewall", menu(&[("filter", filter)])),
            ]),
        ),
        ("interface", items(&["name", "mtu"])),
    ]);
    for word in [
        "put", "local", "global", "set", "if", "do", "foreach", "for", "while", "len",
    ] {
        root[word] = leaf(&[]);
    }
    Told(root)
}

#[test]
fn a_script_is_judged_by_the_commands_of_the_device() {
    let tree = small();
    for text in [
        "/ip address add address=10.0.0.1/24 interface=ether1",
        "/ip/address/add address=10.0.0.1/24; /int print",
        "/ip addr\nset [find interface=x] comment=\"a $[:len 1]\"\n..\nfirewall filter print",
        "/ip { address { add address=1.1.1.1/8 } ; firewall/filter print }",
        "/ip address\n:foreach i in=[find] do={ set $i comment=x; /interface print }\nprint",
        ":global f do={ /ip address print }\n$f 1 a=2",
        ":local a (1 + 2 * $b); :put ($a <%% {1;2}); :set a 3",
        ":if ($a = 1 || !$b) do={ :put yes } else={ :put {1; 2, 3; \"k\"=[:len x]} }",
        "/ip address\n/\ninterface print",
        "# nothing\r\n\r\n",
    ] {
        assert_eq!(ours(text.as_bytes(), &tree), None, "{text}");
    }
    for (text, wanted) in [
        (":foo 1", "bad command name foo (line 1 column 2)"),
        (
            "/ip adress print",
            "bad command name adress (line 1 column 5)",
        ),
        ("/ip adress/print", "syntax error (line 1 column 11)"),
        (
            "/ip address\nmonitor 1",
            "bad command name monitor (line 2 column 1)",
        ),
        (
            "/ip address\n:foreach i in=[fnd] do={}",
            "bad command name fnd (line 2 column 16)",
        ),
        (
            "/ip address add adress=1",
            "bad parameter adress (line 1 column 23)",
        ),
        (
            "/ip address set 0 adress=1",
            "bad parameter adress (line 1 column 19)",
        ),
        (
            ":global f do={ /interface fly }",
            "bad command name fly (line 1 column 27)",
        ),
        (":foo\n:put \"x", "expected closing quote (line 2 column 6)"),
        (
            ":local caf\u{e9} 1",
            "expected end of command (line 1 column 11)",
        ),
        (":put (1 @ 2)", "syntax error (line 1 column 9)"),
        (":put ()", "syntax error (line 1 column 7)"),
        ("/ip//address print", "syntax error (line 1 column 5)"),
    ] {
        assert_eq!(
            ours(text.as_bytes(), &tree).as_deref(),
            Some(wanted),
            "{text}"
        );
    }
}
