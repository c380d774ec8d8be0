//! Finds clients for the command bar: by id, or by words of name, company and e-mail address.

use kernel::Result;
use platform::db::{Conn, ToValue};
use platform::web::lists::Where;

use super::ClientStatus;
use crate::doors::finders::{self, Finders, Found, Hit};
use crate::search;

pub fn finders(finders: &mut Finders) {
    finders.add("Clients", super::LIST, "/admin/clients?q=", |conn, text| -> Found<'_> { Box::pin(find(conn, text)) });
}

async fn find(conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
    let lower = text.to_lowercase();
    let id = text.trim_start_matches('#').parse::<i64>().unwrap_or_default();
    let mut words = Where::default();
    for word in lower.split_whitespace() {
        words.and("search LIKE ? ESCAPE '\\'", search::anywhere(word));
    }
    let next = words.next();
    let found = words.sql().trim_start_matches("WHERE ").to_owned();
    let sql = format!(
        "SELECT id, first_name, last_name, company, email, status FROM clients WHERE id = ${next} OR ({found}) \
         ORDER BY id LIMIT {}",
        finders::HITS
    );
    words.params.push(id.to_value());
    let rows: Vec<(i64, String, String, String, String, ClientStatus)> = conn.all(&sql, &words.params).await?;
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
