//! Registrars: the accounts through which domains are registered.

use accounts::roles::Permission;
use kernel::{FieldErrors, Result};
use platform::db::Conn;
use platform::{params, record};

pub const CONFIGURE: Permission = Permission("Configure Domain Registrars");

record! {
    /// A registrar as it is set up here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SetUp {
        pub id: i64,
        pub name: String,
        pub module: String,
        pub title: String,
        pub active: bool,
        pub config: String,
    }
}

pub async fn all(conn: &mut Conn) -> Result<Vec<SetUp>> {
    let sql = format!("SELECT {} FROM registrars ORDER BY title, id", SetUp::columns(""));
    conn.all(&sql, params![]).await
}

/// Those that orders may go to.
pub async fn active(conn: &mut Conn) -> Result<Vec<SetUp>> {
    Ok(all(conn).await?.into_iter().filter(|registrar| registrar.active).collect())
}

/// Notes it when nothing can be ordered through a registrar of this name. Empty is nobody, and fine.
pub async fn check(conn: &mut Conn, name: &str, errors: &mut FieldErrors) -> Result<()> {
    if name.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = active(conn).await?.into_iter().map(|registrar| registrar.name).collect();
    if names.is_empty() {
        errors.add("registrar", "No registrar is active. Set one up first, or choose none.");
    } else if !names.iter().any(|known| known == name) {
        errors
            .add("registrar", format!("There is no active registrar of this name. Use {}, or none.", names.join(", ")));
    }
    Ok(())
}
