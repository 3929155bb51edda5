//! OpenSSH's `ssh` and `sftp`: commands, keys, files there and back, a shell with a terminal.

use std::path::Path;
use std::process::{Output, Stdio};

use tod_lab::Device;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::{RELEASES, lab};
use crate::harness::SOON;

pub(super) const QUIETLY: &[&str] = &[
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "NumberOfPasswordPrompts=1",
];

/// Builds a command of OpenSSH's with a password and without files of its own.
fn with_password(program: &str, device: &Device, options: &[&str]) -> Command {
    let at = device.summary();
    let mut command = Command::new("sshpass");
    command.args(["-p", "lab", program]).args(QUIETLY);
    command
        .args(["-o", &format!("Port={}", at.ssh_port)])
        .args(options);
    command.arg(format!("admin@{}", at.address));
    command.kill_on_drop(true);
    command
}

/// Lets `sftp` carry out a batch.
pub(crate) async fn sftp(device: &Device, batch: &str) -> Output {
    let mut sftp = with_password("sftp", device, &["-o", "BatchMode=no", "-b", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = sftp.stdin.take().unwrap();
    input.write_all(batch.as_bytes()).await.unwrap();
    drop(input);
    let output = timeout(SOON, sftp.wait_with_output()).await;
    output.unwrap().unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

pub(crate) async fn exec(device: &Device, options: &[&str], line: &str) -> Output {
    let mut ssh = with_password("ssh", device, options);
    let output = ssh.arg(line).stdin(Stdio::null()).output();
    timeout(SOON, output).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_brings_files_there_and_back() {
    let lab = lab(RELEASES).await;
    let here = tempfile::tempdir().unwrap();
    let path = |name: &str| here.path().join(name).display().to_string();
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(300_000).collect();
    std::fs::write(path("big.bin"), &bytes).unwrap();
    std::fs::write(path("note.txt"), b"a note\r\n").unwrap();
    for device in lab.devices() {
        let batch = format!(
            "put {} big.bin\nput {} note.txt\nmkdir dir\nrename note.txt dir/note.txt\n\
             ls -l\nls -1 dir\nget big.bin {}\nget dir/note.txt {}\nrm big.bin\nls -1\n",
            path("big.bin"),
            path("note.txt"),
            path("back.bin"),
            path("back.txt"),
        );

        let output = sftp(&device, &batch).await;

        let said = text(&output);
        assert!(output.status.success(), "{said}");
        assert_eq!(std::fs::read(path("back.bin")).unwrap(), bytes);
        assert_eq!(std::fs::read(path("back.txt")).unwrap(), b"a note\r\n");
        assert!(
            said.contains("300000") && said.contains("big.bin"),
            "{said}"
        );
        let names = names(&device);
        assert!(names.contains(&"dir/note.txt".to_owned()), "{names:?}");
        assert!(!names.contains(&"big.bin".to_owned()), "{names:?}");
    }
}

fn names(device: &Device) -> Vec<String> {
    let rows = device.rows("/file");
    rows.iter()
        .filter_map(|r| r.text("name").map(std::borrow::Cow::into_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_meets_refusals_and_runs_what_is_automatic() {
    let lab = lab(RELEASES).await;
    let here = tempfile::tempdir().unwrap();
    let script = here.path().join("a.auto.rsc");
    std::fs::write(&script, "/system identity set name=automatic\n").unwrap();
    for device in lab.devices() {
        let missing = sftp(&device, "get nothing.txt /dev/null\n").await;
        assert!(!missing.status.success());
        assert!(text(&missing).contains("not found"), "{}", text(&missing));

        let output = sftp(&device, &format!("put {} a.auto.rsc\n", script.display())).await;

        assert!(output.status.success(), "{}", text(&output));
        device
            .wait_for(|e| {
                matches!(e, tod_lab::wire::Event::Changed { path, .. }
                if path == "/system/identity")
            })
            .await;
        let rows = device.rows("/system/identity");
        assert_eq!(rows[0].text("name").as_deref(), Some("automatic"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_runs_commands_and_exports() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        let release = device.summary().version;
        let export = text(&exec(&device, &[], "/export").await);
        let addresses = text(&exec(&device, &[], "/ip address print").await);
        let wrong = text(&exec(&device, &[], "/ip address remove *99").await);

        assert!(
            export.contains(&format!("by RouterOS {release}\r\n")),
            "{export}"
        );
        assert!(
            export.contains("/ip address\r\nadd address=127.20.6."),
            "{export}"
        );
        assert!(addresses.contains("127.20.6."), "{addresses}");
        assert_eq!(wrong, "no such item\r\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_brought_by_sftp_signs_in_and_ends_passwords() {
    let lab = lab(RELEASES).await;
    let here = tempfile::tempdir().unwrap();
    let key = here.path().join("key");
    make_key(&key).await;
    for device in lab.devices() {
        let put = format!("put {}.pub key.pub\n", key.display());
        assert!(sftp(&device, &put).await.status.success());
        device
            .run("/user ssh-keys import public-key-file=key.pub user=admin")
            .await
            .unwrap();

        let at = device.summary();
        let mut ssh = Command::new("ssh");
        ssh.args(QUIETLY)
            .args(["-o", "BatchMode=yes", "-i"])
            .arg(&key);
        ssh.args([
            "-p",
            &at.ssh_port.to_string(),
            &format!("admin@{}", at.address),
        ]);
        let output = ssh.arg(":put signed").stdin(Stdio::null()).output();
        let output = timeout(SOON, output).await.unwrap().unwrap();

        assert_eq!(text(&output), "signed\r\n");
        assert!(!exec(&device, &[], ":put in").await.status.success());
        let switch = if device.summary().version == "7.22.3" {
            "password-authentication=yes"
        } else {
            "always-allow-password-login=yes"
        };
        device.run(&format!("/ip ssh set {switch}")).await.unwrap();
        assert_eq!(text(&exec(&device, &[], ":put in").await), "in\r\n");
    }
}

async fn make_key(at: &Path) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"])
        .arg(at);
    assert!(command.status().await.unwrap().success());
}

/// Types into a shell with a terminal of 80 by 24; returns the screen.
async fn shell(device: &Device, user: &str, typed: &[u8]) -> String {
    let at = device.summary();
    // `script` gives ssh a terminal of its own.
    let mut shell = Command::new("sshpass");
    shell.args(["-p", "lab", "ssh", "-tt"]).args(QUIETLY);
    shell.args([
        "-p",
        &at.ssh_port.to_string(),
        &format!("{user}@{}", at.address),
    ]);
    shell.kill_on_drop(true);
    let mut shell = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(typed).await.unwrap();
    let output = timeout(SOON, shell.wait_with_output()).await;
    text(&output.unwrap().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_pages_unless_it_is_told_not_to() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        for n in 0..60 {
            let line = format!("/ip firewall address-list add list=l address=10.5.0.{n}");
            device.run(&line).await.unwrap();
        }

        let user = "admin+ct80w24h";
        let list = "/ip firewall address-list print";
        let paged = shell(&device, user, format!("{list}\rq/quit\r").as_bytes()).await;
        let dumped = shell(&device, user, format!("{list}\rd/quit\r").as_bytes()).await;
        let whole = format!("{list} without-paging\r/quit\r");
        let whole = shell(&device, user, whole.as_bytes()).await;

        assert!(paged.contains("-- [Q quit|D dump|down]"), "{paged}");
        assert!(!paged.contains("10.5.0.59"), "{paged}");
        assert!(dumped.contains("10.5.0.59"), "{dumped}");
        assert!(
            whole.contains("10.5.0.59") && !whole.contains("Q quit"),
            "{whole}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_edits_its_line_and_says_goodbye() {
    let lab = lab(RELEASES).await;
    for device in lab.devices() {
        // Home, End, left, delete, kill to the end, recall.
        let typed = b":put ac\x1b[Db\r\x01#\x05x\x01\x0b:put gone\x03:put kept\r\x1b[A\r/quit\r";

        let screen = shell(&device, "admin+cte80w", typed).await;

        assert!(screen.contains("abc\r\n"), "{screen:?}");
        assert_eq!(screen.matches("\nkept\r\n").count(), 2, "{screen:?}");
        assert!(!screen.contains("\ngone\r\n"), "{screen:?}");
        assert!(screen.contains("interrupted"), "{screen:?}");
        // A dumb terminal gets no escape sequences at all.
        assert!(!screen.contains('\x1b'), "{screen:?}");
        let log = device.own_log().join("\n");
        assert!(
            log.contains("user admin logged in from 127.0.0.1 via ssh"),
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scp_copies_in_its_old_protocol_too() {
    let lab = lab(RELEASES).await;
    let here = tempfile::tempdir().unwrap();
    let (from, back) = (here.path().join("a.txt"), here.path().join("b.txt"));
    std::fs::write(&from, "copied\n").unwrap();
    for device in lab.devices() {
        let at = device.summary();
        let remote = format!("admin@{}:copy.txt", at.address);
        let port = at.ssh_port.to_string();
        for (source, target) in [
            (from.display().to_string(), remote.clone()),
            (remote.clone(), back.display().to_string()),
        ] {
            let mut scp = Command::new("sshpass");
            scp.args(["-p", "lab", "scp", "-O", "-P", &port])
                .args(QUIETLY);
            scp.args([source, target]).stdin(Stdio::null());
            let output = timeout(SOON, scp.output()).await.unwrap().unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
        assert_eq!(std::fs::read(&back).unwrap(), b"copied\n");
        std::fs::remove_file(&back).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_long_ago_need_clients_that_still_speak_their_algorithms() {
    let old = tod_lab::Spec {
        switches: tod_lab::Switches {
            old_ssh: true,
            ..tod_lab::Switches::default()
        },
        ..crate::harness::spec().version("6.49.18").board("hEX")
    };
    let (_lab, device) = crate::harness::one(old).await;

    let refused = exec(&device, &[], ":put in").await;
    let options = [
        "-o",
        "HostKeyAlgorithms=+ssh-rsa",
        "-o",
        "KexAlgorithms=+diffie-hellman-group14-sha1",
        "-o",
        "Ciphers=+aes128-cbc",
    ];
    let taken = exec(&device, &options, ":put in").await;

    assert!(!refused.status.success());
    assert_eq!(text(&taken), "in\r\n");
}
