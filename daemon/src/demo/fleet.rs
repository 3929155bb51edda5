//! The simulated routers, and their records at the server.

use anyhow::Context as _;
use tod_lab::{Fleet, Lab, Options};
use tod_proto::api::devices::{Add, DevicePatch, List, ListQuery, NewDevice, Set, TlsMode};
use tod_proto::lab::Device;
use tod_proto::page::Empty;

use super::note::Note;
use super::people::People;

/// Often enough that something is seen to happen.
const POLL_SECONDS: u32 = 10;

/// Starts the lab: at the ports that it had before, else at the usual ones, else at any.
pub(super) async fn start(fleet: Fleet, before: Option<&Note>) -> anyhow::Result<Lab> {
    if let Some(note) = before {
        let options = Options {
            api_port: note.ports.api,
            api_ssl_port: note.ports.api_ssl,
            ssh_port: note.ports.ssh,
            ..Options::default()
        };
        let started = Lab::start(fleet, options).await;
        return started.context("the simulated routers cannot have their ports again");
    }
    match Lab::start(fleet.clone(), Options::default().usual_ports()).await {
        Ok(lab) => Ok(lab),
        Err(_) => Lab::start(fleet, Options::default()).await,
    }
}

/// Adds a record for each router to the tenant that it belongs to.
pub(super) async fn add(people: &People, lab: &Lab) -> anyhow::Result<()> {
    for device in lab.devices() {
        let device = device.summary();
        let (_, tenant) = people
            .tenants
            .iter()
            .find(|(name, _)| *name == device.tenant)
            .with_context(|| format!("{} belongs to nobody", device.name))?;
        let name = device.name.clone();
        let added = people
            .admin
            .call(Add, *tenant, Empty {}, record(device))
            .await;
        added.with_context(|| format!("cannot add {name}"))?;
    }
    Ok(())
}

/// Has the server take each router as it is: a new lab makes new certificates and host keys.
pub(super) async fn forget_pins(people: &People) -> anyhow::Result<()> {
    let everything = ListQuery {
        limit: Some(250),
        ..ListQuery::default()
    };
    for (_, tenant) in &people.tenants {
        let listed = people
            .admin
            .call(List, *tenant, everything.clone(), Empty {});
        for device in listed.await?.items {
            let patch = DevicePatch {
                forget_pins: true,
                ..DevicePatch::default()
            };
            let path = (*tenant, device.id);
            people.admin.call(Set, path, Empty {}, patch).await?;
        }
    }
    Ok(())
}

fn record(device: Device) -> NewDevice {
    // ber-core-01 is a core.
    let kind = device.name.split('-').nth(1).map(str::to_owned);
    NewDevice {
        address: device.address.to_string(),
        port: Some(device.api_ssl_port),
        ssh_port: Some(device.ssh_port),
        tls: TlsMode::Auto,
        username: device.user,
        password: device.password,
        zone: None,
        site: Some(device.site),
        tags: kind.into_iter().collect(),
        note: None,
        poll_seconds: Some(POLL_SECONDS),
        name: Some(device.name),
    }
}
