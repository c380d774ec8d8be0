//! `GenInvoices`.

use std::collections::HashSet;

use accounts::clients;
use accounts::doors::{Action, CompatCx, Routes};
use kernel::{Error, Result};
use platform::compat::Answer;

use super::jobs::run_now;
use super::{GENERATE, Scope};
use crate::terms::Terms;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GenInvoices", GENERATE, gen_invoices))
}

async fn gen_invoices(cx: CompatCx) -> Result<Answer> {
    let (client_id, no_mails, lists) = cx.request.read(|params| {
        let client_id = params.int("clientid").filter(|id| *id != 0);
        let no_mails = params.bool("noemails").unwrap_or(false);
        let lists = [("serviceids", "service"), ("addonids", "addon"), ("domainids", "domain")]
            .map(|(name, owner)| (owner, params.ints(name).unwrap_or_default()));
        Ok((client_id, no_mails, lists))
    })?;
    let mut conn = cx.app.db.read().await?;
    if let Some(id) = client_id {
        match clients::find(&mut conn, id).await {
            Err(Error::NotFound(_)) => return Ok(Answer::error("Client ID Not Found")),
            found => found.map(|_| ())?,
        }
    }
    let terms = Terms::load(&mut conn, cx.now).await?;
    drop(conn);
    let owners: HashSet<(String, i64)> =
        lists.into_iter().flat_map(|(kind, ids)| ids.into_iter().map(move |id| (kind.to_owned(), id))).collect();
    let scope = Scope { client_id, owners: (!owners.is_empty()).then_some(owners), no_mails };
    let (_, report) = run_now(&cx.app, &cx.actor, &terms, &scope, "api").await?;
    let mut answer = Answer::success().with("numcreated", report.invoices.to_string());
    if report.last_invoice_id > 0 {
        answer = answer.with("latestinvoiceid", report.last_invoice_id.to_string());
    }
    if let Some(failure) = report.failures.first().filter(|_| report.invoices == 0) {
        return Ok(Answer::error(failure.message.clone()));
    }
    Ok(answer)
}
