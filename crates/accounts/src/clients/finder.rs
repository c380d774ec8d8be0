//! Finds clients for the command bar: by id, or by how words of name, company and e-mail address begin.

use kernel::Result;
use platform::db::Conn;

use super::{ClientStatus, store};
use crate::doors::finders::{self, Finders, Found, Hit};

pub fn finders(finders: &mut Finders) {
    finders.add("Clients", super::LIST, "/admin/clients?q=", |conn, text| -> Found<'_> { Box::pin(find(conn, text)) });
}

async fn find(conn: &mut Conn, text: &str) -> Result<Vec<Hit>> {
    let found = store::found(conn, text, finders::HITS).await?;
    let hit = |row: store::Hit| Hit {
        title: row.title(),
        detail: format!("#{} · {}", row.id, row.email),
        href: format!("/admin/clients/{}", row.id),
        status: if row.status == ClientStatus::Active { String::new() } else { capitalised(row.status.as_str()) },
    };
    Ok(found.into_iter().map(hit).collect())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
