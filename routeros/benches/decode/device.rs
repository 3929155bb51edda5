//! A device that answers five commands, each always the same.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use routeros::row::Row;
use routeros::server::{Receiver, Request, Response};

/// What a poll asks.
pub(crate) const MENUS: [&str; 5] = [
    "/system/resource",
    "/system/routerboard",
    "/interface",
    "/system/health",
    "/interface/wifi/registration-table",
];

/// Answers until its input ends, and says first on which port.
pub(crate) fn run() {
    std::thread::spawn(|| {
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        std::process::exit(0);
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming() {
        std::thread::spawn(move || serve(&mut stream.unwrap()));
    }
}

fn serve(stream: &mut TcpStream) {
    stream.set_nodelay(true).unwrap();
    let answers: Vec<(String, Vec<Response>)> = MENUS
        .iter()
        .map(|menu| {
            let rows = rows(menu).iter().map(Response::row).collect();
            (format!("{menu}/print"), rows)
        })
        .collect();
    let mut receiver = Receiver::new();
    receiver.signed_in();
    let mut buffer = vec![0; 64 << 10];
    let mut out = Vec::new();
    loop {
        let Ok(length @ 1..) = stream.read(&mut buffer) else {
            return;
        };
        receiver.feed(&buffer[..length]);
        while let Some(request) = receiver.poll().unwrap() {
            answer(&answers, &request, &mut out);
        }
        stream.write_all(&out).unwrap();
        out.clear();
    }
}

fn answer(answers: &[(String, Vec<Response>)], request: &Request, out: &mut Vec<u8>) {
    let found = answers.iter().find(|(path, _)| *path == request.path);
    for response in found.map(|(_, rows)| rows.as_slice()).unwrap_or_default() {
        request.respond(response.clone()).encode(out);
    }
    request.respond(Response::done()).encode(out);
}

/// All bytes of the answers to a poll whose commands have these tags.
pub(crate) fn answer_bytes(menu: &str, tag: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for row in rows(menu) {
        Response::row(&row)
            .tagged(Some(tag.as_bytes()))
            .encode(&mut out);
    }
    Response::done()
        .tagged(Some(tag.as_bytes()))
        .encode(&mut out);
    out
}

fn rows(menu: &str) -> Vec<Row> {
    match menu {
        "/system/resource" => vec![of(RESOURCE)],
        "/system/routerboard" => vec![of(ROUTERBOARD)],
        "/interface" => (1..=12_u64).map(interface).collect(),
        "/system/health" => HEALTH.iter().map(|words| of(words)).collect(),
        _ => (1..=20_u64).map(registration).collect(),
    }
}

fn of(words: &str) -> Row {
    let words = words.split(' ').filter_map(|word| word.split_once('='));
    words
        .map(|(name, value)| (name, value.replace('_', " ")))
        .collect()
}

const RESOURCE: &str = "uptime=4w2d5h20m38s version=7.20.8_(stable) \
    build-time=2025-06-26_11:42:37 factory-software=7.12 free-memory=836741120 \
    total-memory=1073741824 cpu=ARM64 cpu-count=4 cpu-frequency=864 cpu-load=7 \
    free-hdd-space=96649984 total-hdd-space=134217728 write-sect-since-reboot=10704 \
    write-sect-total=109298 bad-blocks=0 architecture-name=arm64 board-name=hAP_ax^2 \
    platform=MikroTik";

const ROUTERBOARD: &str = "routerboard=true board-name=hAP_ax^2 model=C52iG-5HaxD2HaxD \
    serial-number=HE708QPY3V6 firmware-type=ipq6000 factory-firmware=7.8 current-firmware=7.20.8 \
    upgrade-firmware=7.20.8";

const HEALTH: [&str; 3] = [
    ".id=*E name=temperature value=46 type=C",
    ".id=*11 name=cpu-temperature value=58 type=C",
    ".id=*1B59 name=voltage value=24.1 type=V",
];

fn interface(n: u64) -> Row {
    of(&format!(
        ".id=*{n:X} name=ether{n} default-name=ether{n} type=ether mtu=1500 actual-mtu=1500 \
         l2mtu=1596 max-l2mtu=9582 mac-address=48:A9:8A:0B:E2:{n:02X} \
         last-link-up-time=2025-07-21_09:38:39 link-downs={n} rx-byte={} tx-byte={} \
         rx-packet={} tx-packet={} rx-drop=0 tx-drop=0 tx-queue-drop={n} rx-error=0 tx-error=0 \
         running=true disabled=false comment=uplink_to_rack_{n}",
        n * 1_073_741_824_331,
        n * 973_741_824_117,
        n * 8_947_848,
        n * 6_114_520,
    ))
}

fn registration(n: u64) -> Row {
    of(&format!(
        ".id=*{n:X} interface=wifi1 ssid=office mac-address=2C:CF:67:18:44:{n:02X} uptime=5h49m36s \
         last-activity=170ms signal=-{} auth-type=wpa3-psk band=5ghz-ax tx-rate=1200900000 \
         rx-rate=960700000 packets={},17464 bytes={},2966351 tx-bits-per-second=104320 \
         rx-bits-per-second=8800 authorized=true",
        40 + n,
        n * 5_954,
        n * 1_753_667,
    ))
}
