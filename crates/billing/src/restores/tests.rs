use std::sync::Arc;

use platform::params;
use testkit::Engine;

use super::*;
use crate::testing::{Company, Scripted};

async fn open(engine: Engine) -> Company {
    Company::with_gateways(engine, vec![Arc::<Scripted>::default()]).await
}

async fn restored(company: &Company) {
    let now = company.app.clock.now();
    let mut tx = company.app.db.write().await.unwrap();
    tx.execute("INSERT INTO restores (backup_made_at, restored_at) VALUES ($1, $1)", params![now]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn on_hold(company: &Company) -> bool {
    hold(&mut company.app.db.read().await.unwrap()).await.unwrap().is_some()
}

testkit::both_engines! {
    with = open;

    async fn a_gateway_that_cannot_be_asked_keeps_payments_on_hold_until_staff_have_looked(company: Company) {
        restored(&company).await;
        let report = reconcile(&company.app, &company.by, Release::WhenClear).await.unwrap();
        assert_eq!(report.unasked.len(), 1, "{report:?}");
        assert!(!report.released && on_hold(&company).await);

        let report = reconcile(&company.app, &company.by, Release::Checked).await.unwrap();
        assert!(report.released && !on_hold(&company).await);
        let again = reconcile(&company.app, &company.by, Release::WhenClear).await.unwrap();
        assert!(again.released && again.since.is_none());
    }

    async fn nothing_runs_by_itself_and_nothing_is_charged_while_payments_are_on_hold(company: Company) {
        restored(&company).await;
        assert_eq!(crate::schedule::tick(&company.app).await.unwrap(), 0);
        let terms = company.terms().await;
        let refused = captures::run(&company.app, &company.by, &terms, &Default::default()).await.unwrap_err();
        assert!(refused.to_string().contains("on hold"), "{refused}");

        reconcile(&company.app, &company.by, Release::Checked).await.unwrap();
        assert_eq!(crate::schedule::tick(&company.app).await.unwrap(), 1);
        captures::run(&company.app, &company.by, &terms, &Default::default()).await.unwrap();
    }
}
