//! The page that asks for which client something is to be made: found by name, company, e-mail address or id, and then
//! the same page again with `?client=17`.

use axum::response::Response;
use kernel::nonempty;
use minijinja::{Value, context};
use platform::web::Fail;

use super::{ClientStatus, store};
use crate::doors::AdminCx;

/// So many are shown; who has more to choose from types more.
const HITS: i64 = 20;

/// Asks for a client. `path` is the page that needs one; what else is in its address is kept.
pub async fn page(cx: &AdminCx, section: &str, title: &str, crumb: (&str, &str)) -> Result<Response, Fail> {
    let form = cx.params()?;
    let text = form.text("q");
    let found = match text {
        "" => Vec::new(),
        text => store::found(&mut cx.app.db.read().await?, text, HITS).await?,
    };
    let clients: Vec<Value> = found
        .into_iter()
        .map(|row| {
            context! {
                id => row.id, title => row.title(), email => &row.email, closed => row.status == ClientStatus::Closed,
                href => format!("{}?client={}", cx.path, row.id),
            }
        })
        .collect();
    let values = context! {
        q => text, clients, path => &cx.path,
        crumb => context! { label => crumb.0, href => crumb.1 },
        unknown => nonempty(form.text("client")).map(|id| format!("There is no client {id}.")),
    };
    cx.page("accounts/clients/choose.html", section, title, values)
}
