//! Finds clients for the command bar: by id, or by how words of name, company and e-mail address begin.

use kernel::Result;
use platform::db::Conn;
use platform::web::lists::Where;

use super::ClientStatus;
use crate::doors::finders::{self, Finders, Found, Hit};
use crate::search::{self, Kind};

pub fn finders(finders: &mut Finders) {
    finders.add("Clients", super::LIST, "/admin/clients?q=", |conn, text| -> Found<'_> { Box::pin(find(conn, text)) });
}

async fn find(conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
    let mut found = search::find(conn, Kind::Client, text).await?;
    if let Ok(id) = text.trim_start_matches('#').parse::<i64>() {
        found = found.or_id(id);
    }
    let mut clauses = Where::default();
    found.limit(&mut clauses, "c.id");
    let sql = format!(
        "SELECT c.id, c.first_name, c.last_name, c.company, c.email, c.status FROM clients c {} ORDER BY c.id LIMIT {}",
        clauses.sql(),
        finders::HITS
    );
    let rows: Vec<(i64, String, String, String, String, ClientStatus)> = conn.all(&sql, &clauses.params).await?;
    Ok(rows
        .into_iter()
        .map(|(id, first, last, company, email, status)| {
            let name = format!("{first} {last}");
            let title = [company.trim(), name.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
            Hit {
                title: if title.is_empty() { email.clone() } else { title.join(" · ") },
                detail: format!("#{id} · {email}"),
                href: format!("/admin/clients/{id}"),
                status: if status == ClientStatus::Active { String::new() } else { capitalised(status.as_str()) },
            }
        })
        .collect())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
