//! Terminals, by OpenSSH's client on a terminal of a given size.

use std::process::Stdio;

use tod_lab::Device;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::harness::{SOON, one, spec};

/// What `ssh` is told so that it asks nobody anything.
const QUIETLY: &str = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                       -o LogLevel=ERROR -o NumberOfPasswordPrompts=1";

/// A terminal with `ssh` in it, that is typed into and looked at.
pub(crate) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    /// All that was shown.
    shown: String,
    /// How much of it was looked at.
    seen: usize,
}

impl Terminal {
    /// Opens one of a size, and a shell in it.
    pub(crate) async fn open(device: &Device, user: &str, size: (u32, u32)) -> Self {
        let at = device.summary();
        let (columns, rows) = size;
        let (port, address) = (at.ssh_port, at.address);
        let line = format!(
            "stty cols {columns} rows {rows} raw -echo; \
             exec sshpass -p lab ssh -tt {QUIETLY} -p {port} '{user}@{address}'"
        );
        let mut script = Command::new("script");
        script.args(["-qefc", &line, "/dev/null"]);
        script.kill_on_drop(true);
        let mut child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut terminal = Self {
            keys: child.stdin.take().unwrap(),
            screen: child.stdout.take().unwrap(),
            child,
            shown: String::new(),
            seen: 0,
        };
        terminal.see("> ").await;
        terminal
    }

    pub(crate) async fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).await.unwrap();
        self.keys.flush().await.unwrap();
    }

    /// Waits until a text is shown; returns what came up to its end since the last look.
    pub(crate) async fn see(&mut self, text: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let fresh = self.shown.get(self.seen..).unwrap();
            if let Some(at) = fresh.find(text) {
                let until = self.seen + at + text.len();
                let came = self.shown.get(self.seen..until).unwrap().to_owned();
                self.seen = until;
                return came;
            }
            let read = timeout(SOON, self.screen.read(&mut buffer)).await;
            let read = read
                .unwrap_or_else(|_| panic!("no {text:?} in {fresh:?}"))
                .unwrap();
            assert!(read > 0, "the end, and no {text:?} in {fresh:?}");
            self.shown
                .push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
    }

    /// Types a line and returns what it led to, up to the next prompt.
    pub(crate) async fn run(&mut self, line: &str) -> String {
        self.press(&format!("{line}\r")).await;
        self.see("\r\n").await;
        self.see("] ").await;
        let shown = self.shown.get(..self.seen).unwrap();
        let typed = format!("{line}\r\n");
        let shown = &shown[shown.rfind(&typed).unwrap() + typed.len()..];
        let came = shown
            .rfind("\r\n")
            .map_or("", |end| &shown[..end])
            .to_owned();
        self.see("> ").await;
        came
    }

    /// Waits until it ends by itself.
    pub(crate) async fn end(mut self) {
        let mut rest = Vec::new();
        let read = self.screen.read_to_end(&mut rest);
        timeout(SOON, read).await.unwrap().unwrap();
        timeout(SOON, self.child.wait()).await.unwrap().unwrap();
    }
}

fn widest(text: &str) -> usize {
    let lines = text.lines().map(|l| l.trim_end().chars().count());
    lines.max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_in_detail_is_as_wide_as_the_terminal() {
    let (_lab, device) = one(spec()).await;
    let mut wide = Terminal::open(&device, "admin", (150, 50)).await;
    let mut narrow = Terminal::open(&device, "admin", (60, 50)).await;
    let mut told = Terminal::open(&device, "admin+cte100w", (60, 50)).await;
    let line = "/interface ethernet print detail without-paging";

    let wide = widest(&wide.run(line).await);
    let narrow = widest(&narrow.run(line).await);
    let told_to = widest(&told.run(line).await);
    told.press("/quit\r").await;
    told.end().await;

    assert!((110..=150).contains(&wide), "{wide}");
    assert!((40..=60).contains(&narrow), "{narrow}");
    assert!((75..=100).contains(&told_to), "{told_to}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_fit_the_terminal_as_their_release_makes_them() {
    let (_lab, old) = one(spec().version("6.49.18").board("hEX")).await;
    let mut terminal = Terminal::open(&old, "admin", (80, 50)).await;

    let said = terminal.run("/interface print without-paging").await;
    let titles = said
        .lines()
        .find(|l| l.contains("NAME"))
        .unwrap()
        .trim_end();
    assert!(!titles.contains("MAC-ADDRESS"), "{titles}");
    assert!(widest(&said) <= 80, "{said}");
    let said = terminal.run("/ip route print without-paging").await;
    let legend: Vec<_> = said.lines().take(3).collect();
    assert_eq!(
        legend,
        [
            "Flags: X - disabled, A - active, D - dynamic,",
            "C - connect, S - static, r - rip, b - bgp, o - ospf, m - mme,",
            "B - blackhole, U - unreachable, P - prohibit",
        ]
    );
    let mut wide = Terminal::open(&old, "admin+cte120w", (80, 50)).await;
    let said = wide.run("/interface print without-paging").await;
    let titles = said
        .lines()
        .find(|l| l.contains("NAME"))
        .unwrap()
        .trim_end();
    assert!(titles.ends_with("MAC-ADDRESS"), "{titles}");

    let (_lab, new) = one(spec().version("7.20.8")).await;
    let bridge = "/interface bridge add name=BR1; \
                  /interface bridge port add bridge=BR1 interface=ether3 path-cost=10 \
                  internal-path-cost=10 horizon=none";
    new.run(bridge).await.unwrap();
    let mut terminal = Terminal::open(&new, "admin", (80, 50)).await;
    let said = terminal.run("/interface print without-paging").await;
    assert!(widest(&said) <= 80, "{said}");
    assert!(said.contains("Columns: NAME, TYPE, ACTUAL-MTU, "), "{said}");
    // Titles give way before values do.
    let mut narrow = Terminal::open(&new, "admin+cte72w", (80, 50)).await;
    let line = "/interface bridge port print without-paging";
    let said = narrow.run(line).await;
    assert!(said.contains(", INTERNAL-PATH-COST, "), "{said}");
    assert!(said.contains("PATH-COST  IN  HORIZON"), "{said}");
    assert!(said.contains("       10  10  none"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_values_stand_one_below_the_other() {
    let (_lab, device) = one(spec().version("7.20.8")).await;
    let mut terminal = Terminal::open(&device, "admin", (80, 90)).await;

    let said = terminal.run("/user group print without-paging").await;

    let lines: Vec<_> = said.lines().map(str::trim_end).collect();
    assert_eq!(lines[0], "Columns: NAME, POLICY, SKIN");
    let policies = lines
        .iter()
        .filter(|l| l.trim() == "telnet" || l.trim() == "ssh");
    assert!(policies.count() >= 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_completes_and_a_second_one_lists() {
    let (_lab, device) = one(spec().version("7.20.8").board("hEX")).await;
    let mut terminal = Terminal::open(&device, "admin", (80, 24)).await;

    // What can only be one thing is written out.
    terminal.press("/inter\t").await;
    terminal.see("/interface ").await;
    terminal.press("eth\t").await;
    terminal.see("ethernet ").await;
    terminal.press("se\t").await;
    terminal.see("set ").await;
    // What can be several is written as far as they are the same, and listed when asked again.
    terminal.press("e\t").await;
    terminal.see("ether").await;
    terminal.press("\t\t").await;
    let listed = terminal.see("ether2").await;
    assert!(listed.contains("\r\nether1  "), "{listed}");
    terminal.see("> /interface ethernet set ether").await;
    terminal.press("1 comm\t").await;
    terminal.see("comment=").await;
    terminal.press("kept\r").await;
    terminal.see("] > ").await;
    let port = &device.rows("/interface/ethernet")[0];
    assert_eq!(port.text("comment").as_deref(), Some("kept"));
    // Values are known, too, and letters in their order when nothing begins with them.
    terminal.press("/ip/firewall/filter/add action=dr\t").await;
    terminal.see("drop ").await;
    terminal.press("\x03/interface mt\t").await;
    terminal.see("monitor-traffic ").await;
    terminal.press("\x03:put [/system identity g\t").await;
    terminal.see("[/system identity get ").await;
    // A key rubs out what was completed, in the middle of a line as at its end.
    terminal
        .press("\x03/ip/addr/print\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\x1b[D\t\r")
        .await;
    terminal.see("Columns: ADDRESS, ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn help_is_asked_for_as_the_release_has_it() {
    let (_lab, old) = one(spec().version("6.49.18").board("hEX")).await;
    let mut terminal = Terminal::open(&old, "admin", (80, 24)).await;
    terminal.press("/ip address ?").await;
    let said = terminal.see("> /ip address ").await;
    assert!(said.contains("  add -- Create a new item\r\n"), "{said}");
    assert!(said.contains("  print -- "), "{said}");
    terminal
        .press("\x03/ip address set 0 comment=\"what?\"\r")
        .await;
    terminal.see("] > ").await;
    let addresses = old.rows("/ip/address");
    let comment = addresses[0].text("comment");
    assert_eq!(comment.as_deref(), Some("what?"));

    let (_lab, new) = one(spec().version("7.20.8")).await;
    let mut terminal = Terminal::open(&new, "admin", (80, 24)).await;
    // A question mark is a character now; F1 helps.
    terminal.press("/ip/address/add disabled?\x7f=\x1bOP").await;
    let said = terminal.see("> /ip/address/add disabled=").await;
    assert!(said.contains("disabled?"), "{said}");
    assert!(said.contains("  no\r\n  yes\r\n"), "{said}");
    terminal.press("\x03/ip/address/add address=\x1b[11~").await;
    let said = terminal.see("> /ip/address/add address=").await;
    assert!(said.contains("  A.B.C.D/M    (IP prefix)\r\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_can_be_typed_in_their_short_forms() {
    for version in ["6.49.18", "7.20.8"] {
        let (_lab, device) = one(spec().version(version).board("hEX")).await;
        let mut terminal = Terminal::open(&device, "admin", (120, 50)).await;

        let short = terminal.run("ip addr pr det without-pag").await;
        let full = terminal
            .run("/ip address print detail without-paging")
            .await;
        assert_eq!(short, full);
        assert!(full.contains("address=127.20.0.7/24"), "{full}");
        let added = terminal.run("int br ad na=short comm=\"a b\"").await;
        assert_eq!(added, "");
        terminal.press("int br\r").await;
        let separator = if version.starts_with('6') { ' ' } else { '/' };
        terminal
            .see(&format!("] /interface{separator}bridge> "))
            .await;
        terminal.press("rem [fin name=short]\r").await;
        terminal.see("bridge> ").await;
        assert!(
            device
                .rows("/interface/bridge")
                .iter()
                .all(|r| r.text("name").as_deref() != Some("short"))
        );
        // What can be several things is none of them.
        terminal.press("/i\r").await;
        terminal.see("bad command name i (line 1 column 2)").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn monitors_and_echoes_go_on_until_a_key_is_pressed() {
    let (_lab, device) = one(spec().version("7.20.8").board("hEX")).await;
    let mut terminal = Terminal::open(&device, "admin", (80, 40)).await;

    terminal.press("/interface/ethernet/monitor ether1\r").await;
    terminal.see("    name: ether1\r\n").await;
    terminal.see("\r\n-- [Q quit|D dump|C-z pause]").await;
    // The next sample takes the place of the last.
    terminal.see("A\x1b[J").await;
    terminal.see("status: ").await;
    terminal.see("-- [Q quit|D dump|C-z pause]").await;
    terminal.press("q").await;
    terminal.see("[admin@r1] > ").await;

    terminal.press("/ping 127.20.0.254\r").await;
    terminal.see("  SEQ HOST  ").await;
    terminal.see("\r\n    1 127.20.0.254 ").await;
    terminal.press("\x03").await;
    let total = terminal.see("[admin@r1] > ").await;
    assert!(total.contains("packet-loss=0% min-rtt="), "{total}");
    // With an end of their own, they end by themselves.
    let said = terminal.run("/ping 127.20.0.254 count=2").await;
    assert!(said.contains("sent=2 received=2"), "{said}");
    let said = terminal.run("/tool/profile duration=1s interval=1s").await;
    assert!(
        said.contains("NAME                    CPU        USAGE"),
        "{said}"
    );
    assert!(said.contains("\r\ntotal "), "{said}");
    let said = terminal
        .run("/interface/ethernet/monitor ether1 once")
        .await;
    assert!(!said.contains("[Q quit"), "{said}");
}
