//! Terminals into devices of the lab.

use russh::Preferred;
use tod_lab::{Device, Lab, Spec};
use tod_proto::api::relays::RelayControl;
use tod_proto::bus::task::{Report, TaskFailure, What};
use tod_proto::error::ErrorCode;
use tod_proto::id::RelayId;

use super::{Door, Place, exec, shell};
use crate::harness::{Setup, World};
use crate::lab::{one, record_of, spec};
use crate::ssh::SshDoor;

/// A place whose device is of the lab.
async fn lab_place(spec: Spec, setup: &[&str]) -> (Place, Lab, Device) {
    let mut world = World::start(Setup::default());
    let (lab, router) = one(spec).await;
    for line in setup {
        router.run(line).await.unwrap();
    }
    let device = world.grant(&record_of(&router)).await;
    world.answered().await;
    let place = Place {
        ssh: SshDoor::start(&world.supervisor, Preferred::DEFAULT).await,
        world,
        door: Door::open().await,
        device,
    };
    (place, lab, router)
}

impl Place {
    /// Asks for a terminal that is refused at once.
    async fn refused(&self) -> TaskFailure {
        let what = What::Relay {
            relay: RelayId::generate(),
            kind: shell(),
            ticket: "once".to_owned(),
            server: format!("http://{}", self.door.address),
            server_pin: None,
        };
        match self.world.ask(self.device, what).await {
            Report::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn no_more_terminals_are_opened_than_the_device_has_room_for() {
    let line = "/ip service set ssh max-sessions=1";
    let (place, _lab, _router) = lab_place(spec(), &[line]).await;
    let mut console = place.relay(shell()).await;
    assert_eq!(console.control().await, RelayControl::Opened);

    let refused = place.refused().await;

    assert_eq!(refused.code, ErrorCode::RateLimited);
    assert!(
        refused.message.raw().contains("max-sessions"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_account_without_the_policy_gets_no_terminal_and_no_login_is_tried() {
    let lines = [
        "/user add name=boss group=full password=x",
        "/user group add name=polls policy=read,api,test",
        "/user set admin group=polls",
    ];
    let (place, _lab, router) = lab_place(spec(), &lines).await;

    let refused = place.refused().await;

    assert_eq!(refused.code, ErrorCode::Forbidden);
    assert!(refused.message.raw().contains("`ssh`"), "{refused:?}");
    let counts = router.counts();
    assert_eq!((counts.logins, counts.failed_logins), (1, 0));
}

#[tokio::test]
async fn a_device_that_asks_for_its_password_is_answered() {
    let mut spec = spec();
    spec.switches.asks_password = true;
    let (place, _lab, _router) = lab_place(spec, &[]).await;

    let mut command = place.relay(exec("/system identity print")).await;

    assert_eq!(command.control().await, RelayControl::Opened);
    command.read_until("r1").await;
    assert_eq!(command.control().await, RelayControl::Exit { status: 0 });
}

#[tokio::test]
async fn a_device_of_the_lab_opens_its_console() {
    let (place, _lab, router) = lab_place(spec(), &[]).await;

    let mut command = place.relay(exec("/system identity print")).await;
    assert_eq!(command.control().await, RelayControl::Opened);
    command.read_until("r1").await;
    assert_eq!(command.control().await, RelayControl::Exit { status: 0 });

    let mut console = place.relay(shell()).await;
    assert_eq!(console.control().await, RelayControl::Opened);
    console.read_until("[admin@r1] >").await;
    console.type_in("/system identity set name=r2\r").await;
    console.read_until("[admin@r2] >").await;
    assert_eq!(
        router.rows("/system/identity")[0].text("name").unwrap(),
        "r2"
    );
}
