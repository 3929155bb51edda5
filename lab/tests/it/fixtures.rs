//! Real exports, loaded and written again.

use std::path::PathBuf;

use tod_lab::{Device, Fleet, Lab, Options};

use crate::harness::spec;

/// Returns the exports that somebody lent us.
#[expect(
    clippy::disallowed_methods,
    reason = "how a test is told where things are"
)]
fn exports() -> Vec<PathBuf> {
    let home = std::env::var_os("TOD_FIXTURES").expect("TOD_FIXTURES says where the files are");
    let mut files = Vec::new();
    for folder in ["exports/v6", "exports/v7"] {
        let entries = std::fs::read_dir(PathBuf::from(&home).join(folder)).unwrap();
        files.extend(entries.map(|e| e.unwrap().path()));
    }
    files.sort();
    files
}

/// Returns the release that the header of an export names.
fn release(text: &str) -> String {
    let header = text.lines().find_map(|l| l.split_once(" by RouterOS "));
    let version = header.map_or("7.15.3", |(_, v)| v.trim());
    let version = version.split(' ').next().unwrap_or(version);
    version.to_owned()
}

/// Returns the commands of an export, with their menus, whole and in order.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace("\\\n    ", "");
    let mut menu = String::new();
    let mut commands = Vec::new();
    for line in text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
    {
        match line.strip_prefix('/') {
            Some(_) if !line.contains(" add ") && !line.contains(" set ") => {
                line.clone_into(&mut menu);
            }
            Some(_) => commands.push(line.trim_end().to_owned()),
            None => commands.push(format!("{menu} {}", line.trim_end())),
        }
    }
    commands
}

async fn written(device: &Device, is_terse: bool) -> String {
    let line = if is_terse {
        "/export terse show-sensitive"
    } else {
        "/export show-sensitive"
    };
    device.run(line).await.unwrap()
}

#[tokio::test]
async fn a_loaded_export_is_written_as_it_was() {
    let (mut all, mut same) = (0, 0);
    for path in exports() {
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("verbose") {
            continue;
        }
        let fleet = Fleet::one(spec().version(&release(&text)).export(&path));
        let lab = Lab::start(fleet, Options::default()).await.unwrap();
        let device = lab.device("r1").unwrap();

        let mut ours = commands(&written(&device, name.contains("terse")).await);
        let theirs = commands(&text);
        let before = theirs.len();
        let mut kept = 0;
        for command in &theirs {
            if let Some(at) = ours.iter().position(|c| c == command) {
                ours.remove(at);
                kept += 1;
            } else {
                println!("{name} - {}", command.chars().take(150).collect::<String>());
            }
        }
        println!("{name}: {kept} of {before}");
        all += before;
        same += kept;
    }

    assert!(same * 100 >= all * 98, "{same} of {all}");
}
