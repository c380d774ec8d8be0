//! The statements about clients.

use kernel::Result;
use platform::db::{Conn, Tx, dialect};
use platform::params;

use super::Client;

pub(super) async fn lock(tx: &mut Tx, ids: &[i64]) -> Result<Vec<i64>> {
    let sql = format!("SELECT id FROM clients WHERE id IN $1[] ORDER BY id{}", dialect::for_update(tx.engine()));
    tx.column(&sql, params![ids]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Client>> {
    let sql = format!("SELECT {} FROM clients WHERE id = $1", Client::columns(""));
    conn.optional(&sql, params![id]).await
}
