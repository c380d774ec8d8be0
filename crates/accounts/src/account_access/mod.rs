//! What a user may do for a client: the owner everything, others what the 13 keys say that were given to them.
//!
//! What must hold: a key that is stored but not known gives nothing; the owner needs no key.

use kernel::Result;
use platform::db::Conn;
use platform::params;

/// A part of the client area by its key. Every route of a client's account names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountPermission(pub &'static str);

pub const PROFILE: AccountPermission = AccountPermission("profile");
pub const CONTACTS: AccountPermission = AccountPermission("contacts");
pub const PRODUCTS: AccountPermission = AccountPermission("products");
pub const MANAGE_PRODUCTS: AccountPermission = AccountPermission("manageproducts");
pub const PRODUCT_SSO: AccountPermission = AccountPermission("productsso");
pub const DOMAINS: AccountPermission = AccountPermission("domains");
pub const MANAGE_DOMAINS: AccountPermission = AccountPermission("managedomains");
pub const INVOICES: AccountPermission = AccountPermission("invoices");
pub const QUOTES: AccountPermission = AccountPermission("quotes");
pub const TICKETS: AccountPermission = AccountPermission("tickets");
pub const AFFILIATES: AccountPermission = AccountPermission("affiliates");
pub const EMAILS: AccountPermission = AccountPermission("emails");
pub const ORDERS: AccountPermission = AccountPermission("orders");

/// In the order in which they are offered.
pub const ALL: [AccountPermission; 13] = [
    PROFILE,
    CONTACTS,
    PRODUCTS,
    MANAGE_PRODUCTS,
    PRODUCT_SSO,
    DOMAINS,
    MANAGE_DOMAINS,
    INVOICES,
    QUOTES,
    TICKETS,
    AFFILIATES,
    EMAILS,
    ORDERS,
];

/// A user's part in a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Owner,
    /// With these keys.
    Member(Vec<AccountPermission>),
}

impl Part {
    /// As `client_users` has it: the keys a line each.
    pub fn of(is_owner: bool, stored: &str) -> Part {
        if is_owner { Part::Owner } else { Part::Member(parse(stored)) }
    }

    pub fn may(&self, permission: AccountPermission) -> bool {
        match self {
            Part::Owner => true,
            Part::Member(keys) => keys.contains(&permission),
        }
    }
}

/// The keys that are stored, in the order in which they are offered.
pub fn parse(stored: &str) -> Vec<AccountPermission> {
    ALL.into_iter().filter(|permission| stored.lines().any(|key| key == permission.0)).collect()
}

/// A user's part in a client; none when the user has nothing to do with it.
pub async fn part(conn: &mut Conn, client_id: i64, user_id: i64) -> Result<Option<Part>> {
    let found: Option<(bool, String)> = conn
        .optional(
            "SELECT is_owner, permissions FROM client_users WHERE client_id = $1 AND user_id = $2",
            params![client_id, user_id],
        )
        .await?;
    Ok(found.map(|(is_owner, stored)| Part::of(is_owner, &stored)))
}
