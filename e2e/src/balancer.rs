//! What stands before several servers: passes each connection to another one than the last.

use anyhow::Result;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A listening balancer. It ends with the test's process.
#[derive(Debug, Clone)]
pub(crate) struct Balancer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    behind: Arc<Mutex<Behind>>,
}

/// The servers, and whose turn it is.
#[derive(Debug, Default)]
struct Behind {
    servers: Vec<SocketAddr>,
    /// How many connections each was passed.
    passed: Vec<usize>,
    turn: usize,
}

impl Balancer {
    /// Listens on a free port.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let behind = Arc::new(Mutex::new(Behind::default()));
        let balancer = Self { address, behind };
        let servers = balancer.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Some(server) = servers.connect() else {
                    continue;
                };
                drop(pump(&client, &server));
            }
        });
        Ok(balancer)
    }

    /// Adds a server, after the others.
    pub(crate) fn add(&self, server: SocketAddr) {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.servers.push(server);
        behind.passed.push(0);
    }

    /// How many connections each server was passed until now.
    pub(crate) fn passed(&self) -> Vec<usize> {
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        behind.passed.clone()
    }

    /// The next server that answers.
    fn connect(&self) -> Option<TcpStream> {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..behind.servers.len() {
            let at = behind.turn % behind.servers.len();
            behind.turn += 1;
            let server = behind.servers.get(at).copied()?;
            if let Ok(stream) = TcpStream::connect(server) {
                if let Some(passed) = behind.passed.get_mut(at) {
                    *passed += 1;
                }
                return Some(stream);
            }
        }
        None
    }
}

/// Copies both ways until both ends are done.
fn pump(client: &TcpStream, server: &TcpStream) -> Result<()> {
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || {
            drop(std::io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Write));
        });
    }
    Ok(())
}
