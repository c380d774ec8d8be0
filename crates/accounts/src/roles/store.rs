//! The statements about roles.

use std::collections::BTreeSet;

use kernel::Result;
use platform::db::{Conn, Insert, Tx, dialect};
use platform::{cells, params, record};

use super::{FULL_ADMINISTRATOR, Role};

record! {
    /// A role as the list shows it.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Listed {
        pub id: i64,
        pub name: String,
        pub built_in: bool,
        /// How many administrators have it.
        pub members: i64,
        /// How many permissions it has.
        pub permissions: i64,
    }
}

/// Every role, those that are always there first.
pub async fn all(conn: &mut Conn) -> Result<Vec<Listed>> {
    conn.all(
        "SELECT r.id, r.name, r.built_in, (SELECT COUNT(*) FROM admins a WHERE a.role_id = r.id), \
         (SELECT COUNT(*) FROM role_permissions p WHERE p.role_id = r.id) FROM roles r \
         ORDER BY CASE WHEN r.built_in THEN 0 ELSE 1 END, CASE WHEN r.built_in THEN r.id ELSE 0 END, r.name",
        params![],
    )
    .await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Role>> {
    let sql = format!("SELECT {} FROM roles WHERE id = $1", Role::columns(""));
    conn.optional(&sql, params![id]).await
}

/// As [`find`]; nobody else changes or gives the role until the transaction has ended.
pub(super) async fn locked(tx: &mut Tx, id: i64) -> Result<Option<Role>> {
    let sql = format!("SELECT {} FROM roles WHERE id = $1{}", Role::columns(""), dialect::for_update(tx.engine()));
    tx.optional(&sql, params![id]).await
}

pub(super) async fn named(conn: &mut Conn, name: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> = conn.optional("SELECT id FROM roles WHERE name = $1", params![name]).await?;
    Ok(found.map(|(id,)| id))
}

pub(super) async fn permissions(conn: &mut Conn, id: i64) -> Result<BTreeSet<String>> {
    let names: Vec<String> =
        conn.column("SELECT permission FROM role_permissions WHERE role_id = $1", params![id]).await?;
    Ok(names.into_iter().collect())
}

/// Of a role's permissions those that the full administrator has too, by name.
pub(super) async fn counted(conn: &mut Conn, id: i64) -> Result<Vec<String>> {
    conn.column(
        "SELECT p.permission FROM role_permissions p WHERE p.role_id = $1 AND EXISTS (SELECT 1 FROM role_permissions f \
         JOIN roles r ON r.id = f.role_id WHERE r.name = $2 AND f.permission = p.permission) ORDER BY p.permission",
        params![id, FULL_ADMINISTRATOR],
    )
    .await
}

/// The new role's id; `None` when there is one of this name.
pub(super) async fn insert(tx: &mut Tx, name: &str) -> Result<Option<i64>> {
    let made: Option<(i64,)> = tx
        .optional(
            "INSERT INTO roles (name, built_in) VALUES ($1, FALSE) ON CONFLICT (name) DO NOTHING RETURNING id",
            params![name],
        )
        .await?;
    Ok(made.map(|(id,)| id))
}

pub(super) async fn rename(tx: &mut Tx, id: i64, name: &str) -> Result<()> {
    tx.execute("UPDATE roles SET name = $2 WHERE id = $1", params![id, name]).await?;
    Ok(())
}

pub(super) async fn give(tx: &mut Tx, id: i64, names: &BTreeSet<String>) -> Result<()> {
    let mut rows = Insert::into("role_permissions", &["role_id", "permission"])
        .then("ON CONFLICT (role_id, permission) DO NOTHING");
    for name in names {
        rows.row(cells![id, name]);
    }
    rows.run(tx).await?;
    Ok(())
}

pub(super) async fn take(tx: &mut Tx, id: i64, names: &[String]) -> Result<()> {
    tx.execute("DELETE FROM role_permissions WHERE role_id = $1 AND permission IN $2[]", params![id, names]).await?;
    Ok(())
}

pub(super) async fn members(conn: &mut Conn, id: i64) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM admins WHERE role_id = $1", params![id]).await
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM role_permissions WHERE role_id = $1", params![id]).await?;
    tx.execute("DELETE FROM roles WHERE id = $1", params![id]).await?;
    Ok(())
}
