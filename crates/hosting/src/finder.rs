//! Finds services for the command bar: by the beginning of their domain. An index serves it among a million.

use accounts::clients;
use accounts::doors::finders::{self, Finders, Found, Hit};
use kernel::Result;
use platform::db::Conn;
use platform::params;

use crate::services::{self, ServiceStatus};

pub fn finders(finders: &mut Finders) {
    let list = "/admin/services?q=";
    finders.add("Services and domains", services::LIST, list, |conn, text| -> Found<'_> { Box::pin(find(conn, text)) });
}

async fn find(conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
    let start = text.to_lowercase();
    // Greater than every domain that begins so.
    let until = format!("{start}\u{10FFFF}");
    let rows: Vec<(i64, String, String, ServiceStatus, String, String, String)> = conn
        .all(
            "SELECT s.id, s.domain, p.name, s.status, c.company, c.first_name, c.last_name FROM services s \
             JOIN products p ON p.id = s.product_id JOIN clients c ON c.id = s.client_id \
             WHERE s.domain >= $1 AND s.domain < $2 ORDER BY s.domain, s.id LIMIT $3",
            params![start, until, finders::HITS],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, domain, product, status, company, first, last)| {
            let client = clients::name(&company, &first, &last);
            Hit {
                title: domain,
                detail: format!("{product} · {client}"),
                href: format!("/admin/services/{id}"),
                status: if status == ServiceStatus::Active { String::new() } else { status.label().to_owned() },
            }
        })
        .collect())
}
