//! The administrator behind a request: found by session or credential in one question, together with the rights of the
//! role.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use kernel::{Error, Result, Timestamp};
use minijinja::Value;
use platform::{Conn, crypto, params, record};

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
    credential: Option<i64>,
}

/// Seconds for which a password that was shown is good for what opens or closes an account.
const FRESH: i64 = 15 * 60;

impl Staff {
    pub fn may(&self, permission: Permission) -> bool {
        self.rights.names.contains(permission.0)
    }

    /// The API credential that speaks for the administrator; `None` with a session.
    pub fn credential(&self) -> Option<i64> {
        self.credential
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
        Actor { kind, id: Some(self.id), name: self.username.clone(), ip: ip.to_owned(), rights, behalf: None }
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
    let rights = Rights::of(permissions.as_deref().unwrap_or_default());
    Staff { id, username, role, rights, confirmed_at: None, credential: None }
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

record! {
    /// A row of the question for a credential.
    struct Asked {
        admin_id: i64,
        username: String,
        role: String,
        permissions: Option<String>,
        admin_disabled: bool,
        id: i64,
        secret_hash: String,
        old_secret_hash: Option<String>,
        old_secret_until: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        revoked_at: Option<Timestamp>,
        networks: String,
        requests_per_minute: Option<i64>,
        last_used_at: Option<Timestamp>,
        allowed: bool,
    }
}

/// What an identifier and a secret are.
pub(super) enum Key {
    /// No credential has them: somebody may be guessing.
    Wrong,
    /// They were good once: revoked, expired, or of an administrator who is disabled.
    Ended,
    Good(Box<Credential>),
}

/// A credential that is in force.
pub(super) struct Credential {
    pub id: i64,
    pub staff: Staff,
    /// From where it is taken; empty: from everywhere.
    pub networks: String,
    pub requests_per_minute: Option<i64>,
    pub last_used_at: Option<Timestamp>,
    /// Whether its API role lets it do what is asked for.
    pub allowed: bool,
}

/// The credential behind an identifier and a secret, and whether its API role allows `deed`. The secret has 256 random
/// bits, so a fast hash of it is stored: a slow one would protect nothing that could be guessed, and cost every request a
/// tenth of a second.
pub(super) async fn key(conn: &mut Conn, identifier: &str, secret: &str, deed: &str, now: Timestamp) -> Result<Key> {
    let found: Option<Asked> = conn
        .optional(
            concat!(
                "SELECT ",
                of_staff!(),
                ", a.disabled, c.id, c.secret_hash, c.old_secret_hash, c.old_secret_until, c.expires_at, c.revoked_at, \
                 c.networks, c.requests_per_minute, c.last_used_at, (c.role_id IS NULL OR EXISTS (SELECT 1 FROM \
                 api_role_deeds d WHERE d.role_id = c.role_id AND d.deed = $2)) \
                 FROM api_credentials c JOIN admins a ON a.id = c.admin_id JOIN roles r ON r.id = a.role_id \
                 WHERE c.identifier = $1"
            ),
            params![identifier, deed],
        )
        .await?;
    let Some(found) = found else { return Ok(Key::Wrong) };
    let given = crypto::sha256_hex(secret.as_bytes());
    let old = found.old_secret_hash.as_deref().filter(|_| found.old_secret_until.is_some_and(|until| until > now));
    if !crypto::same(&found.secret_hash, &given) && !old.is_some_and(|old| crypto::same(old, &given)) {
        return Ok(Key::Wrong);
    }
    if found.revoked_at.is_some() || found.admin_disabled || found.expires_at.is_some_and(|end| end <= now) {
        return Ok(Key::Ended);
    }
    Ok(Key::Good(Box::new(Credential {
        id: found.id,
        staff: Staff {
            credential: Some(found.id),
            ..staff((found.admin_id, found.username, found.role, found.permissions))
        },
        networks: found.networks,
        requests_per_minute: found.requests_per_minute,
        last_used_at: found.last_used_at,
        allowed: found.allowed,
    })))
}

/// Whether a credential opens anything, and for whom.
#[cfg(test)]
pub(crate) async fn by_credential(conn: &mut Conn, identifier: &str, secret: &str) -> Result<Option<(i64, Staff)>> {
    Ok(match key(conn, identifier, secret, "", Timestamp::from_micros(0)).await? {
        Key::Good(found) => Some((found.id, found.staff)),
        Key::Wrong | Key::Ended => None,
    })
}
