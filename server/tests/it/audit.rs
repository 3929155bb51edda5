//! The chain of acts.

use std::time::Duration;

use tod_proto::api::devices::Device;
use tod_proto::error::ErrorCode;
use tod_proto::page::Page;
use tod_server::audit::{self, Chain};

use crate::devices::{acme, router};
use crate::harness::TestApp;

#[tokio::test]
async fn every_act_is_in_the_chain_and_a_change_behind_its_back_shows() {
    let app = TestApp::new().await;
    let (tenant, ana, devices) = acme(&app).await;
    for n in 1..4 {
        let body = router(&format!("core-{n}"), &format!("10.0.0.{n}"));
        app.post(&ana, &devices, body).await.ok::<Device>();
        app.hands.advance(Duration::from_millis(1));
    }
    let chain = async || {
        let mut tx = app.app.db.tenant(tenant).await.unwrap();
        audit::verify(&mut tx, tenant).await.unwrap()
    };
    assert_eq!(chain().await, Chain::Whole(3));
    let mut conn = app.superuser().await;
    let mut meddle = async |sql: &'static str| {
        sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    };

    meddle("update audit_log set actor = 'nobody' where seq = 2").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
    meddle("delete from audit_log where seq = 2").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
    meddle("delete from audit_log where seq > 1").await;
    assert_eq!(chain().await, Chain::BrokenAt(2));
}

#[tokio::test]
async fn an_act_that_cannot_be_audited_does_not_happen() {
    let app = TestApp::new().await;
    let (_, ana, devices) = acme(&app).await;
    let mut conn = app.superuser().await;
    sqlx::raw_sql("revoke insert on audit_log from tod_app")
        .execute(&mut conn)
        .await
        .unwrap();

    let refused = app.post(&ana, &devices, router("core-1", "10.0.0.1")).await;

    assert_eq!(refused.refused(500).code, ErrorCode::Internal);
    let page: Page<Device> = app.get(&ana, &devices).await.ok();
    assert_eq!(page.total, 0);
}
