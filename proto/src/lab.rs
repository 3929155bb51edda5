//! Control messages of the lab: one JSON object a line, each request answered by one line.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What can be asked of a lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum Request {
    /// Lists the devices.
    Devices,
    /// Reads the rows of a menu.
    Get {
        /// Its name.
        device: String,
        /// The menu, such as `/ip/address`.
        path: String,
    },
    /// Sets properties, as somebody at the device would.
    Set {
        /// Its name.
        device: String,
        /// The menu.
        path: String,
        /// The row, by `.id` or name; none for a menu with one record.
        #[serde(default)]
        row: Option<String>,
        /// The properties.
        values: BTreeMap<String, String>,
    },
    /// Runs a console command line.
    Run {
        /// Its name.
        device: String,
        /// The line, such as `/ip address add address=10.0.0.1/24 interface=ether2`.
        command: String,
    },
    /// Reads what was done to devices.
    Log {
        /// Only to this one.
        #[serde(default)]
        device: Option<String>,
        /// Only entries after this number.
        #[serde(default)]
        since: Option<u64>,
    },
    /// Dumps the whole configuration.
    Tree {
        /// Its name.
        device: String,
    },
    /// Adds a fault.
    Fault {
        /// Its name.
        device: String,
        /// What goes wrong from now on.
        fault: Fault,
    },
    /// Adds a fault to every device.
    FaultAll {
        /// What goes wrong from now on.
        fault: Fault,
    },
    /// Takes faults away, from one device or from all.
    ClearFaults {
        /// Its name.
        #[serde(default)]
        device: Option<String>,
    },
    /// Switches a device off and on.
    Reboot {
        /// Its name.
        device: String,
    },
    /// Switches all devices off and on, as a power cut does.
    RebootAll,
    /// Plugs a cable in, or pulls it.
    Cable {
        /// Its name.
        device: String,
        /// The port, by the name it was made with.
        port: String,
        /// Whether it is plugged in.
        plugged: bool,
    },
    /// Puts a release into a channel of the feed that devices look for updates in.
    Feed {
        /// Such as `stable`; `upgrade` leads from 6 to 7.
        channel: String,
        /// Such as `7.22.3`.
        version: String,
    },
    /// Lets time pass at once for all devices.
    Time {
        /// By how much; 0 only asks.
        #[serde(default)]
        advance_ms: u64,
    },
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The devices.
    Devices(Vec<Device>),
    /// Rows, each with all its properties.
    Rows(Vec<BTreeMap<String, String>>),
    /// What a console printed.
    Text(String),
    /// What was done.
    Log(Vec<Entry>),
    /// The configuration: rows by menu, without what moves by itself.
    Tree(Tree),
    /// Done.
    Done,
    /// The lab's time.
    Time(Timestamp),
    /// It could not be done.
    Error(String),
}

/// The configuration of a device: rows by menu, in order, without what moves by itself.
pub type Tree = BTreeMap<String, Vec<BTreeMap<String, String>>>;

/// A device of a lab, with all that is needed to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name, which is its identity unless somebody changed that.
    pub name: String,
    /// Where it answers.
    pub address: IpAddr,
    /// The port of the API.
    pub api_port: u16,
    /// The port of the API over TLS.
    pub api_ssl_port: u16,
    /// The port of SSH.
    pub ssh_port: u16,
    /// The port of SNMP, over UDP.
    #[serde(default)]
    pub snmp_port: u16,
    /// The port of telnet, which refuses everybody.
    #[serde(default)]
    pub telnet_port: u16,
    /// Who may sign in.
    pub user: String,
    /// With what.
    pub password: String,
    /// The RouterOS release, such as `7.15.3`.
    pub version: String,
    /// The board.
    pub board: String,
    /// The serial number.
    pub serial: String,
    /// The site it stands at.
    pub site: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// Whether it is running.
    pub is_up: bool,
    /// What was counted since the lab was started.
    pub counts: Counts,
}

/// What a device counted since the lab was started; it outlives the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Connections that were answered.
    pub connections: u64,
    /// Sign-ins that succeeded.
    pub logins: u64,
    /// Sign-ins that failed.
    pub failed_logins: u64,
    /// Commands over the API.
    pub commands: u64,
    /// Round trips over the API: how often it had to wait for the client before a command.
    pub turns: u64,
    /// Boots after the first.
    pub reboots: u64,
    /// Scheduler entries that ran.
    pub fired: u64,
}

/// Something that goes wrong, until it is cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// Answers nothing any more, on no connection.
    Silent,
    /// Refuses new connections.
    Refuse,
    /// Sends one byte at a time.
    DripBytes {
        /// Milliseconds between bytes.
        every_ms: u64,
    },
    /// Resets each new connection after so many bytes sent.
    ResetAfter {
        /// How many.
        bytes: u64,
    },
    /// Answers API commands with bytes that are no sentences.
    Garbage,
    /// Answers API commands with a word that claims 4 GiB.
    HugeWord,
    /// Rejects every password.
    WrongPassword,
    /// Shows another SSH host key and another certificate.
    HostKeyChanged,
    /// Runs API commands of this path but never answers them.
    LoseReplyTo {
        /// Such as `/ip/address/add`.
        command: String,
    },
    /// Runs an API command of this path, and reboots before it answers.
    RebootMid {
        /// Such as `/ip/address/add`.
        command: String,
    },
    /// Alters one line of each `on-event` text that is written from now on.
    CorruptScheduler,
    /// The device's clock is wrong by so much.
    ClockJump {
        /// Seconds, forwards or backwards.
        seconds: i64,
    },
    /// Takes an identity of escape sequences and invalid UTF-8.
    EvilNames,
    /// Gives interfaces comments of every byte, of 64 KiB, and of writing that turns around.
    EvilComments,
    /// Answers API commands with a control byte, which no length begins with.
    ControlByte,
    /// Spells every length longer than it needs to be, which no device does.
    LongLengths,
    /// Answers every `print` with rows that never end.
    EndlessRows,
    /// Answers API commands with a sentence whose words never end.
    EndlessWords,
    /// Answers API commands with empty sentences that never end.
    EndlessEmpty,
    /// Sends a reply word that nobody knows before every reply.
    UnknownReply,
    /// Sends `!empty` before every reply, whatever the command.
    EmptyAlways,
    /// Ends API sessions at the next command, with these words.
    FatalText {
        /// Such as `session closed`.
        text: String,
    },
    /// Never sends the `!done` of API commands.
    NoDone,
    /// Tags its replies with a tag that nobody gave.
    ForeignTag,
    /// Goes on replying to commands that were cancelled.
    RepliesAfterCancel,
    /// Gives numbers that are negative, too large, with a unit, twice or not at all.
    OddNumbers,
    /// Sets all interface counters to zero, once.
    CounterReset,
    /// Counts with 32 bits.
    CounterWrap,
    /// Gives only the first half of a menu's rows.
    PartialRows {
        /// Such as `/interface/wifi/registration-table`.
        menu: String,
    },
    /// Answers nothing any more on a connection after so many bytes sent; it stays open.
    MuteAfter {
        /// How many.
        bytes: u64,
    },
    /// Accepts a TLS connection and never shakes hands.
    TlsStall,
    /// Shows a certificate that has expired.
    CertificateExpired,
    /// Shows a certificate of another name.
    CertificateOtherName,
    /// Speaks the plain API where TLS is due.
    Downgrade,
    /// Speaks HTTP on the ports of the API.
    SpeaksHttp,
    /// Speaks SSH on the ports of the API.
    SpeaksSsh,
    /// Cannot ask its RADIUS server who may sign in.
    RadiusTimeout,
    /// Says it has serial number, licence and MAC addresses of another device.
    CloneOf {
        /// The other device.
        device: String,
    },
    /// Runs API commands of this path and sends half of the answer, then nothing any more.
    HangMid {
        /// Such as `/ip/address/add`.
        command: String,
    },
    /// Forgets its scheduler entries at the next boot.
    ForgetScheduler,
    /// Has no room for files.
    FlashFull,
    /// Cannot save backups.
    BackupFails,
    /// Somebody else holds safe mode.
    SafeModeHeld,
    /// Answers so many commands at once, and then each one only after so long.
    SlowCpu {
        /// How many at once.
        burst: u32,
        /// How long each one takes after that.
        then_ms: u64,
    },
    /// Writes `#error exporting` into exports instead of this menu.
    ExportTimeout {
        /// Such as `/ip/route`.
        menu: String,
    },
}

/// A fault that comes and goes by the lab's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedFault {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// How long after the lab's start, in seconds.
    #[serde(default)]
    pub at_s: u64,
    /// For how long, in seconds; for ever if absent.
    #[serde(default)]
    pub for_s: Option<u64>,
}

/// One line of what was done to devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, counted over the whole lab.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The name of the device.
    pub device: String,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can be done to a device, or by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A connection was answered.
    Connected {
        /// The session's number.
        session: u64,
        /// `api`, `api-ssl` or `ssh`.
        via: String,
        /// Who.
        peer: IpAddr,
    },
    /// A connection was refused.
    Refused {
        /// The session's number.
        session: u64,
        /// The service.
        via: String,
        /// Who.
        peer: IpAddr,
        /// Why.
        why: String,
    },
    /// A connection met silence, at the beginning or in its life.
    Silenced {
        /// The session's number.
        session: u64,
        /// The service.
        via: String,
        /// Why.
        why: String,
    },
    /// A connection that met silence is answered again.
    Restored {
        /// The session's number.
        session: u64,
    },
    /// Somebody signed in.
    LoggedIn {
        /// The session's number.
        session: u64,
        /// The service.
        via: String,
        /// Who.
        user: String,
    },
    /// Somebody could not sign in.
    LoginFailed {
        /// The session's number.
        session: u64,
        /// The service.
        via: String,
        /// Who it said it was.
        user: String,
    },
    /// A connection ended.
    Closed {
        /// The session's number.
        session: u64,
        /// The service.
        via: String,
    },
    /// A command came in over the API, or a line over SSH or the control socket.
    Command {
        /// The session's number.
        session: Option<u64>,
        /// The service.
        via: String,
        /// The command word, or the line.
        command: String,
        /// Its attributes, without secrets.
        args: BTreeMap<String, String>,
        /// Which round trip of the session it belongs to.
        turn: u64,
    },
    /// A terminal got a size, at first or later.
    Resized {
        /// The session's number.
        session: u64,
        /// Its width.
        columns: u32,
        /// Its height.
        rows: u32,
    },
    /// A command was refused.
    Trapped {
        /// The session's number.
        session: Option<u64>,
        /// The command word, or the line.
        command: String,
        /// The device's words.
        message: String,
    },
    /// A row changed.
    Changed {
        /// Who or what did it, such as `api:admin@127.0.0.1` or `scheduler:x`.
        cause: String,
        /// The menu.
        path: String,
        /// The row.
        id: String,
        /// `added`, `set`, `removed` or `moved`.
        change: String,
        /// What was set, without secrets.
        values: BTreeMap<String, String>,
    },
    /// A scheduler entry ran.
    Fired {
        /// Its name.
        job: String,
        /// What stopped it.
        error: Option<String>,
    },
    /// Safe mode was taken, released, unrolled or overflown.
    SafeMode {
        /// What happened.
        act: String,
        /// Who held it.
        session: Option<u64>,
    },
    /// The device goes down to come back.
    Rebooting {
        /// Who or what did it.
        cause: String,
    },
    /// The device is up again.
    Booted,
    /// A fault was added.
    Faulted {
        /// Which.
        fault: Fault,
    },
}
