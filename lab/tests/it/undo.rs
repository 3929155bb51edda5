//! Ways back: safe mode, history, backups and files.

use routeros::command::Command;
use tod_proto::lab::Event;

use crate::harness::{Client, one, spec};

#[tokio::test]
async fn safe_mode_is_undone_when_its_session_is_lost() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let mut first = Client::log_in(&device).await;
    let mut second = Client::log_in(&device).await;

    first.run("/safe-mode/take", &[]).await.ok();
    assert!(second.run("/safe-mode/take", &[]).await.trap.is_some());
    first
        .run(
            "/ip/address/add",
            &["address=10.9.0.1/24", "interface=ether2"],
        )
        .await
        .ok();
    second
        .run("/system/identity/set", &["name=other"])
        .await
        .ok();
    assert_ne!(device.tree(), before);
    drop(first);

    device
        .wait_for(|e| matches!(e, Event::SafeMode { act, .. } if act.starts_with("lost")))
        .await;
    assert_eq!(device.tree(), before);
}

#[tokio::test]
async fn released_safe_mode_stays_and_unrolled_does_not() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let name =
        async |client: &mut Client| client.run("/system/identity/print", &[]).await.one("name");

    client.run("/safe-mode/take", &[]).await.ok();
    client
        .run("/system/identity/set", &["name=kept"])
        .await
        .ok();
    client.run("/safe-mode/release", &[]).await.ok();
    client.run("/safe-mode/take", &[]).await.ok();
    client
        .run("/system/identity/set", &["name=lost"])
        .await
        .ok();
    assert_eq!(name(&mut client).await, "lost");
    client.run("/safe-mode/unroll", &[]).await.ok();

    assert_eq!(name(&mut client).await, "kept");
}

#[tokio::test]
async fn a_loaded_backup_reboots_and_restores() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let before = client.run("/ip/address/print", &[]).await.rows;

    client
        .run("/system/backup/save", &["name=b", "dont-encrypt=yes"])
        .await
        .ok();
    client
        .run(
            "/ip/address/add",
            &["address=10.9.0.1/24", "interface=ether2"],
        )
        .await
        .ok();
    let refused = client.run("/system/backup/load", &["name=b"]).await;
    assert_eq!(
        refused.trap.unwrap(),
        "missing value(s) of argument(s) password"
    );
    client
        .send(&[Command::new("/system/backup/load")
            .attribute("name", "b")
            .flag("password")])
        .await;
    device.wait_for(|e| *e == Event::Booted).await;
    while client.reply().await.is_some() {}

    let mut client = Client::log_in(&device).await;
    assert_eq!(client.run("/ip/address/print", &[]).await.rows, before);
    assert_eq!(device.counts().reboots, 1);
}

#[tokio::test]
async fn the_history_is_undone_one_by_one() {
    let (_lab, device) = one(spec()).await;
    let before = device.tree();
    let mut client = Client::log_in(&device).await;

    client
        .run(
            "/ip/address/add",
            &["address=10.9.0.1/24", "interface=ether2"],
        )
        .await
        .ok();
    client.run("/system/identity/set", &["name=x"]).await.ok();
    assert_eq!(client.run("/system/history/print", &[]).await.rows.len(), 2);
    client.run("/undo", &[]).await.ok();
    client.run("/undo", &[]).await.ok();

    assert_eq!(device.tree(), before);
    assert!(client.run("/undo", &[]).await.trap.is_some());
}

#[tokio::test]
async fn safe_mode_leaves_silently_after_a_hundred_actions() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;

    client.run("/safe-mode/take", &[]).await.ok();
    for n in 0..101 {
        client
            .run("/system/identity/set", &[&format!("name=n{n}")])
            .await
            .ok();
    }
    drop(client);

    device
        .wait_for(|e| matches!(e, Event::SafeMode { act, .. } if act == "overflown"))
        .await;
    device.wait_for(|e| matches!(e, Event::Closed { .. })).await;
    assert_eq!(
        device.rows("/system/identity")[0].text("name").unwrap(),
        "n100"
    );
}

#[tokio::test]
async fn files_are_written_read_in_pieces_and_imported() {
    let (_lab, device) = one(spec()).await;
    let mut client = Client::log_in(&device).await;
    let text = "/system identity\nset name=imported\n";

    client
        .run("/file/add", &["name=a.rsc", &format!("contents={text}")])
        .await
        .ok();
    let piece = client
        .run("/file/read", &["file=a.rsc", "offset=1", "chunk-size=6"])
        .await;
    client.run("/import", &["file-name=a.rsc"]).await.ok();
    client.run("/export", &["file=all"]).await.ok();

    assert_eq!(piece.one("data"), "system");
    assert_eq!(
        client.run("/system/identity/print", &[]).await.one("name"),
        "imported"
    );
    let files = client.run("/file/print", &["?name=all.rsc"]).await;
    assert!(files.one("contents").contains("set name=imported\r\n"));
}
