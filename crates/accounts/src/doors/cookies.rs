//! The cookies of sessions. Behind TLS their names begin with `__Host-`: a browser then takes them from this host alone,
//! encrypted, so that no neighbour under the same domain can slip one in.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::serve::{cookie, set_cookie};

/// Whether the browser speaks TLS, which a proxy in front of the program does for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tls(pub bool);

impl Tls {
    fn name(self, name: &str) -> String {
        if self.0 { format!("__Host-{name}") } else { name.to_owned() }
    }

    fn attributes(self) -> &'static str {
        if self.0 { "Path=/; HttpOnly; SameSite=Lax; Secure" } else { "Path=/; HttpOnly; SameSite=Lax" }
    }
}

/// How long a browser keeps the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    UntilClosed,
    Seconds(i64),
}

pub(crate) fn session(headers: &HeaderMap, name: &str, tls: Tls) -> Option<String> {
    cookie(headers, &tls.name(name))
}

pub(crate) fn set_session(headers: &mut HeaderMap, name: &str, token: &str, tls: Tls, keep: Keep) {
    let age = match keep {
        Keep::UntilClosed => String::new(),
        Keep::Seconds(seconds) => format!("; Max-Age={seconds}"),
    };
    set_cookie(headers, &format!("{}={token}; {}{age}", tls.name(name), tls.attributes()));
}

/// The end of a session: its cookie is taken away, and the browser shows what it has kept of the pages to nobody after it.
pub(crate) fn leave(headers: &mut HeaderMap, name: &str, tls: Tls) {
    clear_session(headers, name, tls);
    headers.insert(HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));
}

pub(crate) fn clear_session(headers: &mut HeaderMap, name: &str, tls: Tls) {
    set_cookie(headers, &format!("{}=; {}; Max-Age=0", tls.name(name), tls.attributes()));
}
