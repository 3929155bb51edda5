//! People of a tenant: invited, given roles, switched off.

use std::time::Duration;

use serde_json::json;
use tod_proto::api::account::{Me, SrpSession};
use tod_proto::api::users::{Invitation, User};
use tod_proto::endpoint::Role;
use tod_proto::page::Page;

use crate::harness::{Answer, ByHand, Office};

const BO: &str = "bo@example.net";

impl Office {
    fn users(&self) -> String {
        format!("/api/tenants/{}/users", self.tenant)
    }

    async fn invite(&self, email: &str, role: &str) -> Answer {
        let body = json!({ "email": email, "name": "Bo", "role": role });
        self.app.post(&self.ana, &self.users(), body).await
    }

    async fn set(&self, user: &User, patch: serde_json::Value) -> Answer {
        let path = format!("{}/{}", self.users(), user.id);
        self.app.patch(&self.ana, &path, patch).await
    }

    async fn enrol(&self, who: &ByHand, token: &str) -> Answer {
        let body = who.enrolment(token, None);
        self.app.send(None, "POST", "/api/enrol", Some(body)).await
    }

    async fn acts(&self, act: &str) -> i64 {
        let mut conn = self.app.superuser().await;
        sqlx::query_scalar("select count(*) from audit_log where act = $1 and tenant_id = $2")
            .bind(act)
            .bind(self.tenant.0)
            .fetch_one(&mut conn)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn an_invitation_lets_its_person_in_once() {
    let office = Office::new().await;
    let (bo, eve) = (ByHand::new(BO), ByHand::new("eve@example.net"));
    let invitation: Invitation = office.invite("Bo@Example.net", "operator").await.ok();
    assert_eq!(invitation.user.email, BO);
    assert!(!invitation.user.enrolled);
    // Until then they are a stranger.
    bo.sign_in(&office.app).await.refused(401);

    office.enrol(&eve, &invitation.token).await.refused(401);
    let me: Me = office.enrol(&bo, &invitation.token).await.ok();
    office.enrol(&bo, &invitation.token).await.refused(401);

    assert_eq!((me.role, me.tenant), (Role::Operator, Some(office.tenant)));
    let session: SrpSession = bo.sign_in(&office.app).await.ok();
    assert_eq!(session.me, me);
    let people: Page<User> = office.app.get(&office.ana, &office.users()).await.ok();
    let listed = people.items.iter().find(|user| user.email == BO).unwrap();
    assert!(listed.enrolled && listed.active && listed.last_sign_in.is_some());
    assert_eq!(office.acts("user.invite").await, 1);
    assert_eq!(office.acts("account.enrol").await, 1);
    assert_eq!(office.acts("account.sign_in").await, 1);
}

#[tokio::test]
async fn an_invitation_is_good_for_three_days_and_until_the_next() {
    let office = Office::new().await;
    let bo = ByHand::new(BO);
    let first: Invitation = office.invite(BO, "viewer").await.ok();
    let second: Invitation = office.invite(BO, "operator").await.ok();
    assert_eq!(first.user.id, second.user.id, "one person, invited twice");

    office.enrol(&bo, &first.token).await.refused(401);
    office.app.hands.advance(Duration::from_hours(72));
    office.enrol(&bo, &second.token).await.refused(401);

    // The administrator's own token has ended meanwhile.
    let late = Office {
        ana: office.app.member(office.tenant, Role::Admin).await,
        ..office
    };
    let third: Invitation = late.invite(BO, "viewer").await.ok();
    let me: Me = late.enrol(&bo, &third.token).await.ok();
    assert_eq!(me.role, Role::Viewer, "the last invitation counts");
}

#[tokio::test]
async fn who_is_here_already_is_not_invited() {
    let office = Office::new().await;
    let colleague = office.app.member(office.tenant, Role::Viewer).await;

    office.invite(&colleague.email, "viewer").await.refused(409);
    for (email, role) in [
        ("nonsense", "viewer"),
        ("a b@c", "viewer"),
        ("x@", "viewer"),
    ] {
        let refused = office.invite(email, role).await;
        assert!(refused.status.is_client_error(), "{email}: {refused}");
        assert!(refused.body.contains("email"), "{refused}");
    }
    let evil = json!({ "email": BO, "name": "\u{1b}[2J", "role": "viewer" });
    let refused = office.app.post(&office.ana, &office.users(), evil).await;
    assert!(refused.status.is_client_error(), "{refused}");
    assert_eq!(office.acts("user.invite").await, 0);
}

/// Two tenants may invite one address; whose it becomes is decided when its person enrols.
#[tokio::test]
async fn an_address_is_one_persons_from_enrolment_on() {
    let office = Office::new().await;
    let elsewhere = office.app.tenant("globex").await;
    let other = Office {
        ana: office.app.member(elsewhere, Role::Admin).await,
        tenant: elsewhere,
        app: office.app,
    };
    let boss = other.app.member(office.tenant, Role::Admin).await;
    let here = format!("/api/tenants/{}/users", office.tenant);
    let body = json!({ "email": BO, "name": "Bo", "role": "viewer" });
    let ours: Invitation = other.app.post(&boss, &here, body).await.ok();
    let theirs: Invitation = other.invite(BO, "viewer").await.ok();
    let (bo, thief) = (ByHand::new(BO), ByHand::new(BO));

    let me: Me = other.enrol(&bo, &ours.token).await.ok();
    let refused = other.enrol(&thief, &theirs.token).await.refused(401);
    let nonsense = other.enrol(&thief, "invite_none").await.refused(401);

    assert_eq!(me.tenant, Some(office.tenant));
    assert_eq!(refused.message, nonsense.message, "the reason is not told");
    let session: SrpSession = bo.sign_in(&other.app).await.ok();
    assert_eq!(session.me.tenant, Some(office.tenant));
    // A reset does not give it away.
    let reset = format!("{here}/{}/reset", me.id);
    let again: Invitation = other.app.post(&boss, &reset, json!({})).await.ok();
    let theirs: Invitation = other.invite(BO, "viewer").await.ok();
    other.enrol(&thief, &theirs.token).await.refused(401);
    other.enrol(&bo, &again.token).await.ok::<Me>();
    // Who is removed is gone from the server, and the address is free.
    let gone = format!("{here}/{}", me.id);
    assert_eq!(other.app.delete(&boss, &gone).await.status, 200);
    other.enrol(&bo, &theirs.token).await.refused(401);
    let theirs: Invitation = other.invite(BO, "viewer").await.ok();
    let me: Me = other.enrol(&bo, &theirs.token).await.ok();
    assert_eq!(
        me.tenant,
        Some(elsewhere),
        "an invitation is good for one try"
    );
}

#[tokio::test]
async fn nobody_gives_or_takes_a_role_above_their_own() {
    let office = Office::new().await;
    let boss = office.app.member(office.tenant, Role::SuperAdmin).await;
    let invited: Invitation = office.invite(BO, "admin").await.ok();

    office
        .invite("x@example.net", "super_admin")
        .await
        .refused(403);
    let up = json!({ "role": "super_admin" });
    office.set(&invited.user, up).await.refused(403);
    let path = format!("{}/{}", office.users(), boss.user);
    let down = json!({ "role": "viewer" });
    office
        .app
        .patch(&office.ana, &path, down)
        .await
        .refused(403);
    let own = format!("{}/{}", office.users(), office.ana.user);
    for patch in [json!({ "role": "viewer" }), json!({ "active": false })] {
        office
            .app
            .patch(&office.ana, &own, patch)
            .await
            .refused(409);
    }

    assert_eq!(office.acts("user.set").await, 0);
    office.app.get(&boss, "/api/auth/whoami").await.ok::<Me>();
}

#[tokio::test]
async fn who_is_switched_off_is_out_and_their_sessions_stay_ended() {
    let office = Office::new().await;
    let bo = ByHand::new(BO);
    let invitation: Invitation = office.invite(BO, "operator").await.ok();
    office.enrol(&bo, &invitation.token).await.ok::<Me>();
    let tokens = bo.sign_in(&office.app).await.ok::<SrpSession>().tokens;
    let whoami = || {
        let token = Some(&*tokens.access_token);
        office.app.send(token, "GET", "/api/auth/whoami", None)
    };

    let off: User = office
        .set(&invitation.user, json!({ "active": false }))
        .await
        .ok();
    assert!(!off.active);
    whoami().await.refused(401);
    let refresh = json!({ "refresh_token": tokens.refresh_token });
    let refreshed = office
        .app
        .send(None, "POST", "/api/auth/refresh", Some(refresh))
        .await;
    refreshed.refused(401);
    bo.sign_in(&office.app).await.refused(401);

    let on: User = office
        .set(&invitation.user, json!({ "active": true }))
        .await
        .ok();
    assert!(on.active);
    assert_eq!(on.role, Role::Operator, "what is not given stays");
    whoami().await.refused(401);
    bo.sign_in(&office.app).await.ok::<SrpSession>();
    assert_eq!(office.acts("user.set").await, 2);
}

#[tokio::test]
async fn an_invitation_of_someone_switched_off_is_no_good() {
    let office = Office::new().await;
    let bo = ByHand::new(BO);
    let invitation: Invitation = office.invite(BO, "viewer").await.ok();

    office
        .set(&invitation.user, json!({ "active": false }))
        .await
        .ok::<User>();

    office.enrol(&bo, &invitation.token).await.refused(401);
}
