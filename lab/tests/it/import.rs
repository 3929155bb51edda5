//! `/import` and pasted scripts: what is looked at before anything runs, and what only on the way.

use tod_lab::Device;

use crate::harness::{Client, one, spec};

/// Puts a file on a device and imports it; returns what was shown, or what was wrong.
async fn import(device: &Device, text: &str, words: &str) -> Result<String, String> {
    device.run("/file remove [find name=x.rsc]").await.unwrap();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let text = text.replace('$', "\\$").replace('\n', "\\n");
    let add = format!("/file add name=x.rsc contents=\"{text}\"");
    device.run(&add).await.unwrap();
    let said = device
        .run(&format!("/import file-name=x.rsc {words}"))
        .await;
    said.map_err(|trap| trap.message)
}

fn lists(device: &Device) -> Vec<String> {
    let rows = device.rows("/interface/list");
    let names = rows.iter().filter_map(|r| r.text("name"));
    names
        .filter(|n| n.len() == 1)
        .map(std::borrow::Cow::into_owned)
        .collect()
}

async fn fresh(version: &str) -> (tod_lab::Lab, Device) {
    one(spec().version(version)).await
}

const LOADED: &str = "\r\nScript file loaded and executed successfully\r\n";

#[tokio::test]
async fn what_is_not_the_language_is_found_before_anything_runs() {
    for (text, error) in [
        (
            "add name=B disabled=\"x",
            "expected closing quote (line 3 column 21)",
        ),
        (
            ":if (1=1) do={ :put 1",
            "expected closing brace (line 5 column 1)",
        ),
        (
            "add name=[find",
            "expected closing bracket (line 5 column 1)",
        ),
        (
            "add name=B ) x",
            "expected end of command (line 3 column 12)",
        ),
        // A word of which the console knows all that can stand there.
        (
            "/ip address add disabled=maybe",
            "syntax error (line 3 column 26)",
        ),
        (
            "/ip firewall filter add chain=input action=nope",
            "syntax error (line 3 column 44)",
        ),
        (
            "/interface bridge add protocol-mode=xstp name=b",
            "syntax error (line 3 column 37)",
        ),
    ] {
        let (_lab, device) = fresh("7.22.3").await;
        let file = format!("/interface list\nadd name=A\n{text}\nadd name=Z\n");
        let said = import(&device, &file, "");

        assert_eq!(said.await, Err(error.to_owned()), "{text}");
        assert_eq!(lists(&device), Vec::<String>::new(), "{text}");
    }
}

#[tokio::test]
async fn names_that_do_not_exist_stop_an_import_where_they_stand() {
    for (version, text, error) in [
        (
            "7.22.3",
            "nope name=B",
            "bad command name nope (line 3 column 1)",
        ),
        (
            "7.22.3",
            "/ip nowhere print",
            "bad command name nowhere (line 3 column 5)",
        ),
        ("7.22.3", ":nope", "bad command name nope (line 3 column 2)"),
        (
            "7.22.3",
            "add name=B colour=red",
            "bad parameter colour (line 3 column 12)",
        ),
        (
            "7.12.1",
            "add name=B colour=red",
            "expected end of command (line 3 column 12)",
        ),
        (
            "6.49.18",
            "/interface wireguard add name=x",
            "bad command name wireguard (line 3 column 12)",
        ),
        // Devices of that release do not have it yet.
        (
            "7.12.1",
            "/ip service set api max-sessions=4",
            "expected end of command (line 3 column 21)",
        ),
    ] {
        let (_lab, device) = fresh(version).await;
        let file = format!("/interface list\nadd name=A\n{text}\nadd name=Z\n");
        let said = import(&device, &file, "");

        assert_eq!(said.await, Err(error.to_owned()), "{version} {text}");
        assert_eq!(lists(&device), ["A"], "{text}");
    }
    let (_lab, device) = fresh("7.22.3").await;
    let text = "/interface list\n:if (1=2) do={ /nowhere print }\nadd name=Z\n";
    assert_eq!(import(&device, text, "").await.as_deref(), Ok(LOADED));
    assert_eq!(lists(&device), ["Z"], "it never came to that");
}

#[tokio::test]
async fn what_a_command_refuses_stops_an_import_too_and_what_ran_stays() {
    let (_lab, device) = fresh("7.20.8").await;
    let text = "/interface list\nadd name=A\n/interface bridge\nadd name=ether1\n\
                /interface list\nadd name=Z\n";
    let said = import(&device, text, "").await.unwrap_err();
    assert_eq!(said, "failure: already have device with such name");
    assert_eq!(lists(&device), ["A"]);
    let text = "/ip address\nadd address=10.0.0.1/24 interface=nope\n";
    let said = import(&device, text, "").await.unwrap_err();
    assert_eq!(said, "input does not match any value of interface");

    let mut client = Client::log_in(&device).await;
    let trap = client.run("/import", &["file-name=x.rsc"]).await.trap;
    assert_eq!(
        trap.as_deref(),
        Some("input does not match any value of interface")
    );
    let trap = client.run("/import", &["file-name=none.rsc"]).await.trap;
    assert_eq!(trap.as_deref(), Some("failure: file does not exist"));
}

#[tokio::test]
async fn a_verbose_import_goes_line_by_line_and_shows_each() {
    let (_lab, device) = fresh("7.20.8").await;
    let text = "# a note\n/interface list\nadd name=A\n:if (1=1) do={\n  add name=B\n}\nadd name=\\\n  C\n";
    let said = import(&device, text, "verbose=yes").await.unwrap();
    assert_eq!(
        said,
        format!(
            "#line 1\r\n# a note\r\n#line 2\r\n/interface list\r\n#line 3\r\nadd name=A\r\n\
             #line 4\r\n:if (1=1) do={{\r\n  add name=B\r\n}}\r\n#line 7\r\nadd name=\\\r\n  C\r\n{LOADED}"
        )
    );
    assert_eq!(lists(&device), ["A", "B", "C"]);

    // What is not the language stops it as late as all else.
    let text = "/interface list\nadd name=D\nadd name=\"E\n";
    let said = import(&device, text, "verbose=yes").await.unwrap_err();
    assert_eq!(said, "expected closing quote (line 3 column 10)");
    assert_eq!(lists(&device), ["A", "B", "C", "D"]);
    let text = "/interface list\nadd name=E\nadd name=F what=x\nadd name=G\n";
    let said = import(&device, text, "verbose=yes").await.unwrap_err();
    assert_eq!(said, "bad parameter what (line 3 column 12)");
    assert_eq!(lists(&device), ["A", "B", "C", "D", "E"]);
    let text = "/interface list add name=X\nnope\n/interface list\nadd name=H\n";
    import(&device, text, "from-line=3").await.unwrap();
    assert_eq!(lists(&device), ["A", "B", "C", "D", "E", "H"]);
}

#[tokio::test]
async fn a_dry_run_does_nothing_and_tells_all_that_is_wrong() {
    let (_lab, device) = fresh("7.20.8").await;
    let text = "/interface list\nadd name=A what=x\nadd name=B\nnope\n";
    device.run("/file add name=y.rsc contents=x").await.unwrap();
    let said = import(&device, text, "verbose=yes dry-run=yes").await;
    assert_eq!(
        said,
        Err("bad parameter what (line 2 column 12)".to_owned())
    );
    assert_eq!(lists(&device), Vec::<String>::new());

    let right = import(
        &device,
        "/interface list\nadd name=B\n",
        "verbose=yes dry-run=yes",
    )
    .await;
    assert!(right.unwrap().contains("#line 2\r\nadd name=B\r\n"));
    assert_eq!(lists(&device), Vec::<String>::new());
    assert!(
        import(&device, "x", "dry-run=yes")
            .await
            .unwrap_err()
            .contains("verbose")
    );
    let (_lab, old) = fresh("7.15.3").await;
    let said = import(&old, "x", "verbose=yes dry-run=yes")
        .await
        .unwrap_err();
    assert!(said.starts_with("expected end of command"), "{said}");
}

#[tokio::test]
async fn names_may_be_shortened_as_far_as_they_are_clear() {
    let (_lab, device) = fresh("7.20.8").await;
    device.run("/int li a name=A").await.unwrap();
    device.run("/interf lis add name=B").await.unwrap();
    assert_eq!(lists(&device), ["A", "B"]);
    let said = device.run("/i a p").await.unwrap_err();
    assert!(said.message.starts_with("bad command name i "), "{said:?}");
}
