//! The administrator behind a request: found by session or credential in one question, together with the rights of the
//! role.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use kernel::{Error, Result, Timestamp};
use minijinja::Value;
use platform::{Conn, crypto, params};

use crate::activity_log::{self, Actor, ActorKind};
use crate::roles::Permission;
use crate::sessions;

/// The administrator behind a request.
#[derive(Debug)]
pub struct Staff {
    pub id: i64,
    pub username: String,
    pub role: String,
    rights: Arc<Rights>,
    /// When the password was last shown in this session; `None` for an API credential.
    confirmed_at: Option<Timestamp>,
}

/// Seconds for which a password that was shown is good for what opens or closes an account.
const FRESH: i64 = 15 * 60;

impl Staff {
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.names.contains(permission.0)
    }

    /// Whether the password was shown not long ago.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.confirmed_at.is_some_and(|at| now.seconds_since(at) < FRESH)
    }

    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.may(permission) { Ok(()) } else { Err(Error::Forbidden(permission.0)) }
    }

    /// The names of all permissions, in no order.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.rights.names.iter().map(String::as_str)
    }

    /// The one whom rules and the activity log know.
    pub fn actor(&self, kind: ActorKind, ip: &str) -> Actor {
        let rights = activity_log::Rights::These(self.rights.names.clone());
        Actor { kind, id: Some(self.id), name: self.username.clone(), ip: ip.to_owned(), rights }
    }

    pub(super) fn rights(&self) -> &Arc<Rights> {
        &self.rights
    }
}

/// What a role may do.
#[derive(Debug)]
pub(super) struct Rights {
    names: Arc<HashSet<String>>,
    /// For templates: a map of names.
    pub shown: Value,
}

/// Sets of permissions by the text that the database has them as. Few roles differ, and a page need not take apart the
/// same sixty names again.
static KNOWN: RwLock<Option<HashMap<String, Arc<Rights>>>> = RwLock::new(None);
const MOST_KNOWN: usize = 64;

impl Rights {
    fn of(text: &str) -> Arc<Rights> {
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.as_ref().and_then(|known| known.get(text)) {
            return found.clone();
        }
        drop(known);
        let names: Arc<HashSet<String>> = Arc::new(text.lines().map(str::to_owned).collect());
        let shown = Value::from_pairs(names.iter().map(|name| (name.clone(), true)));
        let rights = Arc::new(Rights { names, shown });
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(text.to_owned(), rights.clone());
        rights
    }
}

/// The columns of an administrator `a` with the role `r`.
macro_rules! of_staff {
    () => {
        "a.id, a.username, r.name, \
         (SELECT string_agg(p.permission, '\n') FROM role_permissions p WHERE p.role_id = r.id)"
    };
}

type Row = (i64, String, String, Option<String>);

fn staff((id, username, role, permissions): Row) -> Staff {
    Staff { id, username, role, rights: Rights::of(permissions.as_deref().unwrap_or_default()), confirmed_at: None }
}

/// Somebody who is logged in.
pub(super) struct LoggedIn {
    pub staff: Staff,
    pub csrf: String,
    pub seen_at: Timestamp,
    pub token_hash: String,
}

pub(super) async fn by_session(conn: &mut Conn, token: &str, now: Timestamp) -> Result<Option<LoggedIn>> {
    let token_hash = sessions::hash(token);
    let found: Option<(i64, String, String, Option<String>, String, Timestamp, Timestamp)> = conn
        .optional(
            concat!(
                "SELECT ",
                of_staff!(),
                ", s.csrf, s.seen_at, s.confirmed_at FROM sessions s JOIN admins a ON a.id = s.admin_id JOIN roles r ON r.id = a.role_id \
                 WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3 AND NOT a.disabled"
            ),
            params![token_hash, now, sessions::idle_since(now)],
        )
        .await?;
    Ok(found.map(|(id, username, role, permissions, csrf, seen_at, confirmed_at)| LoggedIn {
        staff: Staff { confirmed_at: Some(confirmed_at), ..staff((id, username, role, permissions)) },
        csrf,
        seen_at,
        token_hash,
    }))
}

/// The id of a credential that is in force, and whose it is. The secret has 256 random bits, so a fast hash of it is
/// stored: a slow one would protect nothing that could be guessed, and cost every request a tenth of a second.
pub(crate) async fn by_credential(conn: &mut Conn, identifier: &str, secret: &str) -> Result<Option<(i64, Staff)>> {
    let found: Option<(i64, String, String, Option<String>, i64, String)> = conn
        .optional(
            concat!(
                "SELECT ",
                of_staff!(),
                ", c.id, c.secret_hash FROM api_credentials c JOIN admins a ON a.id = c.admin_id \
                 JOIN roles r ON r.id = a.role_id \
                 WHERE c.identifier = $1 AND c.revoked_at IS NULL AND NOT a.disabled"
            ),
            params![identifier],
        )
        .await?;
    let given = crypto::sha256_hex(secret.as_bytes());
    Ok(found.and_then(|(id, username, role, permissions, credential, hash)| {
        crypto::same(&hash, &given).then(|| (credential, staff((id, username, role, permissions))))
    }))
}
