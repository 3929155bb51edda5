//! Scripts: parsed, run and read as operations.

use std::time::Duration;

use proptest::prelude::*;
use routeros::export::{Export, Layout, Style};
use routeros::quote;
use routeros::row::Row;
use routeros::script::operation::{Action, Item, Operation, Selector};
use routeros::script::run::{Argument, Call, Data, Host, run};
use routeros::script::{Child, Problem, Tree, operations, parse, understand};

fn read(text: &str) -> Result<Vec<Operation>, String> {
    let script = parse(text.as_bytes()).map_err(|e| e.to_string())?;
    operations(&script).map_err(|e| e.to_string())
}

/// One line per operation, to compare with.
fn brief(text: &str) -> Vec<String> {
    read(text)
        .unwrap()
        .iter()
        .map(|op| format!("{} {:?}", op.menu, op.action))
        .collect()
}

#[test]
fn menus_may_be_written_in_every_way() {
    let expected = brief("/ip/address/add address=10.0.0.1/24 interface=ether1");
    for text in [
        "/ip address add address=10.0.0.1/24 interface=ether1",
        "/ip address\r\nadd address=10.0.0.1/24 \\\r\n    interface=ether1\r\n",
        "/ip/address\nadd address=\\\n    10.0.0.1/24 interface=ether1",
        "/ip address { add address=\"10.0.0.1/24\" interface=ether1 }",
        "/ip; address; add address=10.0.0.1/24 interface=ether1",
        "/ip route\n.. address add address=10.0.0.1/24 interface=ether1",
        "{ :local a 10.0.0.1; /ip address add address=($a . \"/24\") interface=\"ether$(2 - 1)\" }",
        ":do { /ip address add address=10.0.0.1/24 interface=ether1 } on-error={ :log info \"x\" }",
        "# comment\n:if (1 < 2 and !false) do={ /ip address add address=10.0.0.1/24 interface=ether1 \
         } else={ :error \"no\" }",
    ] {
        assert_eq!(brief(text), expected, "{text}");
    }
}

#[test]
fn items_are_selected_as_written() {
    let set = |text: &str| match read(text).unwrap().remove(0).action {
        Action::Set { target, .. } => target,
        other => panic!("{other:?}"),
    };
    let name = |name: &str| Item::Name(name.as_bytes().to_vec());
    assert_eq!(
        set("/ip service set telnet disabled=yes"),
        Selector::Items(vec![name("telnet")])
    );
    assert_eq!(
        set("/port set 0 name=serial0"),
        Selector::Items(vec![Item::Number(0)])
    );
    assert_eq!(
        set("/interface set ether1,*1A mtu=1400"),
        Selector::Items(vec![name("ether1"), Item::Id("*1A".to_owned())])
    );
    assert_eq!(set("/system identity set name=r1"), Selector::Singleton);
    for find in [
        "[find name=\"ether1\" disabled=no]",
        "[ find where name=ether1 and disabled=no ]",
        "[find where (name=ether1) && disabled=no]",
        "[/interface find name=ether1 disabled=no]",
    ] {
        let Selector::Find(condition) = set(&format!("/interface set {find} mtu=1400")) else {
            panic!("{find}");
        };
        let row = |disabled| {
            [("name", "ether1"), ("disabled", disabled)]
                .into_iter()
                .collect()
        };
        assert!(
            condition.holds(&row("false")) && !condition.holds(&row("true")),
            "{find}"
        );
    }
}

#[test]
fn every_alternative_counts() {
    let text = "/interface set [find where type=vlan or (mtu=1 && !disabled) or name~\"x\"] mtu=2";
    let operation = read(text).unwrap().remove(0);
    let Action::Set {
        target: Selector::Find(condition),
        ..
    } = &operation.action
    else {
        panic!("{operation:?}");
    };

    for (row, holds) in [
        (Row::new().with("type", "vlan"), true),
        (Row::new().with("mtu", "1"), true),
        (Row::new().with("mtu", "1").with("disabled", "true"), false),
        (Row::new().with("name", "axe"), true),
        (Row::new().with("name", "b"), false),
    ] {
        assert_eq!(condition.holds(&row), holds, "{row:?}");
    }
    let written = operation.to_string();
    assert_eq!(read(&written).unwrap()[0].to_string(), written);
}

#[test]
fn an_item_can_be_unset_commented_moved_and_gone_through() {
    let text = "/ip firewall filter\n\
        set [find comment=a] !protocol dst-port=22,23 comment=\"\"\n\
        comment [find comment=b] \"c\"\n\
        move [find comment=c] destination=0\n\
        add chain=input action=accept place-before=[find comment=d]\n\
        :foreach rule in=[find chain=old] do={ remove $rule }";
    let operations = read(text).unwrap();
    assert_eq!(operations.len(), 5);
    assert!(
        matches!(&operations[0].action, Action::Set { changes, .. } if *changes == [
            ("protocol".to_owned(), None),
            ("dst-port".to_owned(), Some(b"22,23".to_vec())),
            ("comment".to_owned(), Some(Vec::new())),
        ])
    );
    assert!(matches!(
        &operations[2].action,
        Action::Move {
            destination: Some(_),
            ..
        }
    ));
    assert!(
        matches!(&operations[3].action, Action::Add { place_before: Some(_), properties }
        if properties.len() == 2)
    );
    assert!(matches!(
        &operations[4].action,
        Action::Remove {
            target: Selector::Find(_)
        }
    ));
    assert_eq!(operations[4].position.line, 6);
}

#[test]
fn shortened_names_are_expanded() {
    let text = "/interface wifi set [find default-name=wifi1] configuration.country=Latvia .mode=ap \
        .ssid=x disabled=no";
    let Action::Set { changes, .. } = read(text).unwrap().remove(0).action else {
        panic!("not a set");
    };
    let names: Vec<_> = changes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "configuration.country",
            "configuration.mode",
            "configuration.ssid",
            "disabled"
        ]
    );
}

#[test]
fn mistakes_are_named_with_their_place_in_the_words_of_the_device() {
    for (text, message) in [
        (
            "/ip address add address=1.1.1.1/24)",
            "expected end of command (line 1 column 35)",
        ),
        (
            "/ip address\n/\nfoobar add x=1",
            "bad command name foobar (line 3 column 1)",
        ),
        (
            "/foobar\nadd x=1",
            "bad command name foobar (line 1 column 1)",
        ),
        (
            ":do { /ip address",
            "expected closing brace (line 1 column 18)",
        ),
        (
            "/ip address set [find x=1 y=2",
            "expected closing bracket (line 1 column 30)",
        ),
        (
            "/ip address remove",
            "missing value(s) of argument(s) numbers (line 1 column 1)",
        ),
        ("}", "expected command name (line 1 column 1)"),
        (": ", "expected command name (line 1 column 2)"),
        (
            "/ip address add comment=\"a\\q\"",
            "syntax error (line 1 column 28)",
        ),
        (":error \"no \\1B way\"", "no \\u{1b} way (line 1 column 1)"),
        (
            "/system reboot",
            "/system/reboot is not supported in a planned change (line 1 column 1)",
        ),
        (
            "/tool fetch url=x",
            "/tool/fetch is not supported in a planned change (line 1 column 1)",
        ),
        (
            ":while (true) do={ }",
            "runtime limit exceeded (line 1 column 1)",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn what_depends_on_the_device_is_not_planned() {
    for text in [
        ":if ([:len [/ip address find]] > 0) do={ /ip address remove 0 }",
        "/ip address add address=1.1.1.1/24 interface=[/interface get ether1 name]",
        "/ip address set [/interface find name=x] comment=y",
        "/ip address add copy-from=0",
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.contains("not supported in a planned change"),
            "{error}"
        );
    }
}

#[test]
fn a_script_that_nests_without_end_is_refused() {
    for open in ["{", "[", ":put (", ":put [", ":if ([", "/x {"] {
        assert!(parse(open.repeat(5000).as_bytes()).is_err(), "{open}");
    }
    let long = vec![b' '; routeros::script::MAX_SCRIPT + 1];
    assert_eq!(parse(&long).unwrap_err().problem, Problem::TooLong);
}

#[test]
fn a_script_runs_on_a_host() {
    let text = ":global n 3\n\
        :for i from=1 to=$n do={ :put (\"i=\" . $i) }\n\
        :foreach id in=[/ip address find where interface=ether1] do={\n\
          :do { /ip/address/remove $id } on-error={ :log warning \"kept $id\" }\n\
        }\n\
        :local count [:len [/ip address find]]\n\
        :if ($count = 2) do={ :put yes } else={ :put \"no: $count\" }\n\
        :delay 2s\n\
        :put ({1;2;3}->1); :put [:pick \"abcdef\" 1 3]; :put (7 % 4 * 2 - 1)\n\
        /system scheduler add name=x on-event={ :put \"later $n\" }";
    let mut host = Recorder::default();

    run(&parse(text.as_bytes()).unwrap(), &mut host).unwrap();

    assert_eq!(
        host.seen,
        [
            "put i=1",
            "put i=2",
            "put i=3",
            "find /ip/address",
            "remove /ip/address",
            "log warning kept *1",
            "remove /ip/address",
            "log warning kept *2",
            "find /ip/address",
            "put yes",
            "delay 2",
            "put 2",
            "put bc",
            "put 5",
            "add /system/scheduler",
        ]
    );
    assert_eq!(
        host.last.unwrap().arguments[1],
        Argument::Named(
            "on-event".to_owned(),
            Data::Text(b" :put \"later $n\" ".to_vec())
        )
    );
}

#[test]
fn a_failure_that_nobody_catches_has_a_place() {
    let script = parse(b":put 1\n/ip address remove *9").unwrap();
    let error = run(&script, &mut Recorder::default()).unwrap_err();
    assert_eq!(error.to_string(), "no such item (line 2 column 1)");
}

proptest! {
    /// What somebody puts into a value stays one, for the console and for an import.
    #[test]
    fn no_value_gets_out_of_its_quotes(
        value in proptest::collection::vec(prop_oneof![
            any::<u8>(),
            prop::sample::select(b"\"\\$[](){};\r\n #=?_".to_vec()),
        ], 0..60),
    ) {
        for quoted in [quote::value(&value), quote::quoted(&value)] {
            let line = format!("/ip address add address=1.1.1.1/8 comment={quoted} disabled=yes");
            let Action::Add { properties, .. } = read(&line).unwrap().remove(0).action else {
                panic!("not an add");
            };
            prop_assert_eq!(properties.len(), 3);
            prop_assert_eq!(&properties[1].1, &value);
            for style in [Style::Wrapped, Style::Terse] {
                let export = Export::parse(line.as_bytes());
                let layout = Layout { style, ..Layout::DEVICE };
                let text = export.print_as(layout);
                prop_assert_eq!(&read(std::str::from_utf8(&text).unwrap()).unwrap()[0].action,
                    &Action::Add { properties: properties.clone(), place_before: None });
                let export = Export::parse(&text);
                let command = export.commands().next().unwrap();
                let comment = command.properties().nth(1).unwrap();
                prop_assert_eq!(comment.value.bytes().unwrap().into_owned(), value.clone());
            }
        }
    }

    #[test]
    fn any_bytes_parse_or_are_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _script = parse(&text);
    }

    #[test]
    fn any_likely_text_parses_runs_or_is_refused(
        words in proptest::collection::vec(prop::sample::select(vec![
            "/ip", " ", "address", "\n", "add", "set", "[", "find", "]", "{", "}", "(", ")", ":do",
            ":if", "do=", "else=", "on-error=", ";", "$x", "\"", "\\", ":local x", "1", "-", "=", "!",
            "where", "and", "or", ".", ",", "->", ":for i from=1 to=9", ":foreach i in=", "*1", "~",
            ":while", "a=b", ":put", ":return", "#",
        ]), 0..40),
    ) {
        if let Ok(script) = parse(words.concat().as_bytes()) {
            let _operations = operations(&script);
        }
    }
}

/// A host with two addresses that cannot be removed.
#[derive(Default)]
struct Recorder {
    seen: Vec<String>,
    last: Option<Call>,
}

impl Host for Recorder {
    fn command(&mut self, call: &Call) -> Result<Data, Problem> {
        self.seen.push(format!("{} {}", call.verb, call.menu));
        self.last = Some(call.clone());
        match call.verb.as_str() {
            "find" => Ok(Data::ids(["*1", "*2"])),
            "remove" => Err(Problem::Failed("no such item".to_owned())),
            _ => Ok(Data::Nothing),
        }
    }

    fn put(&mut self, text: &[u8]) {
        self.seen
            .push(format!("put {}", String::from_utf8_lossy(text)));
    }

    fn log(&mut self, topic: &str, text: &[u8]) {
        self.seen
            .push(format!("log {topic} {}", String::from_utf8_lossy(text)));
    }

    fn delay(&mut self, time: Duration) -> Result<(), Problem> {
        self.seen.push(format!("delay {}", time.as_secs()));
        Ok(())
    }
}

/// A device with two menus.
#[derive(Debug)]
struct Small;

impl Tree for Small {
    fn child(&self, menu: &[String], word: &str) -> Option<Child> {
        let menu: Vec<&str> = menu.iter().map(String::as_str).collect();
        let (menus, commands): (&[&str], &[&str]) = match menu.as_slice() {
            [] => (&["ip"], &["put", "if", "do", "import"]),
            ["ip"] => (&["pool"], &[]),
            ["ip", "pool"] => (&[], &["add", "print", "find"]),
            _ => (&[], &[]),
        };
        let is_menu = menus.contains(&word).then(|| Child::Menu(word.to_owned()));
        is_menu.or_else(|| {
            commands
                .contains(&word)
                .then(|| Child::Command(word.to_owned()))
        })
    }

    fn takes(&self, _: &[String], _: &str, argument: &str) -> bool {
        ["name", "disabled", "file-name"].contains(&argument)
    }

    fn fits(&self, _: &[String], _: &str, argument: &str, value: &[u8]) -> bool {
        argument != "disabled" || [&b"yes"[..], b"no"].contains(&value)
    }
}

/// Runs a script on it, and returns what was done and what was wrong.
fn done(source: &str) -> (Vec<String>, Option<String>) {
    let mut lines = Lines(Vec::new());
    let ran = understand(source.as_bytes(), &Small).and_then(|block| run(&block, &mut lines));
    (lines.0, ran.err().map(|e| e.to_string()))
}

struct Lines(Vec<String>);

impl Host for Lines {
    fn command(&mut self, call: &Call) -> Result<Data, Problem> {
        self.0.push(format!("{}/{}", call.menu, call.verb));
        Ok(Data::Nothing)
    }

    fn put(&mut self, text: &[u8]) {
        self.0.push(String::from_utf8_lossy(text).into_owned());
    }

    fn log(&mut self, _: &str, _: &[u8]) {}

    fn delay(&mut self, _: Duration) -> Result<(), Problem> {
        Ok(())
    }
}

#[test]
fn a_wrong_name_is_an_error_when_it_comes_to_it_and_a_wrong_word_at_once() {
    let ran = |source| done(source);
    let done = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();

    let (lines, error) = ran("/ip pool\nadd name=a\nfoo x=1\nadd name=b");
    assert_eq!(lines, done(&["/ip/pool/add"]));
    assert_eq!(
        error.as_deref(),
        Some("bad command name foo (line 3 column 1)")
    );
    let (lines, error) = ran(":put 1; /ip pool add name=a colour=red; :put 2");
    assert_eq!(lines, done(&["1"]));
    assert_eq!(
        error.as_deref(),
        Some("bad parameter colour (line 1 column 29)")
    );
    let (lines, error) = ran(":if (1=2) do={ /nowhere print } ; :put [/ip pool find]");
    assert_eq!((lines.len(), error), (2, None));
    let (lines, error) = ran(":put 1\n/ip pool add name=a disabled=maybe");
    assert_eq!(lines, done(&[]));
    assert_eq!(error.as_deref(), Some("syntax error (line 2 column 30)"));
    let (lines, error) = ran("/import file-name=x; /ip pool add disabled=$later");
    assert_eq!(lines[..1], done(&["//import"]));
    assert_eq!(error, None);
}
