//! The cluster's configuration, written anew at each start.

use std::path::Path;

use super::Role;
use super::account::Account;
use crate::data_dir::write_public;

pub(super) fn write(
    home: &Path,
    socket: &Path,
    account: &Account,
    durable: bool,
) -> anyhow::Result<()> {
    write_file(home, account, "postgresql.conf", &main(socket, durable))?;
    write_file(home, account, "pg_hba.conf", "local all all peer map=tod\n")?;
    let may = |role: Role| format!("tod {} {}\n", quoted(account.own()), role.name());
    let map: String = [Role::Owner, Role::App, Role::System].map(may).concat();
    write_file(home, account, "pg_ident.conf", &map)
}

fn write_file(home: &Path, account: &Account, name: &str, text: &str) -> anyhow::Result<()> {
    let path = home.join(name);
    write_public(
        &path,
        format!("# Written by todd at each start.\n{text}").as_bytes(),
    )?;
    account.own_path(&path)
}

fn main(socket: &Path, durable: bool) -> String {
    let memory = if small_shared_memory() {
        "mmap"
    } else {
        "posix"
    };
    let (fsync, commit) = if durable {
        ("on", "on")
    } else {
        ("off", "off")
    };
    let socket = socket.display().to_string().replace('\'', "''");
    format!(
        "listen_addresses = ''\n\
         port = 5432\n\
         unix_socket_directories = '{socket}'\n\
         unix_socket_permissions = 0700\n\
         max_connections = 100\n\
         shared_buffers = 128MB\n\
         dynamic_shared_memory_type = {memory}\n\
         max_wal_size = 1GB\n\
         fsync = {fsync}\n\
         synchronous_commit = {commit}\n\
         full_page_writes = {fsync}\n\
         password_encryption = scram-sha-256\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         log_min_messages = log\n\
         log_checkpoints = off\n\
         log_autovacuum_min_duration = -1\n\
         log_min_error_statement = panic\n\
         log_parameter_max_length = 0\n\
         log_parameter_max_length_on_error = 0\n\
         idle_in_transaction_session_timeout = 60s\n"
    )
}

fn small_shared_memory() -> bool {
    let found = rustix::fs::statvfs("/dev/shm");
    found.map_or(true, |found| {
        found.f_blocks.saturating_mul(found.f_frsize) < 256 << 20
    })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
