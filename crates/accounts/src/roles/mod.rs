//! Roles of staff: a name and a set of permissions. Permission names are those of the WHMCS-compatible API, so that
//! roles can be carried over.

use kernel::Result;
use platform::db::{Insert, Tx};
use platform::{cells, params};

/// A permission by its name. Every route names one; a feature declares those it checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission(pub &'static str);

pub const FULL_ADMINISTRATOR: &str = "Full Administrator";
pub const SALES_OPERATOR: &str = "Sales Operator";
pub const SUPPORT_OPERATOR: &str = "Support Operator";

/// What a sales operator may: sell, and bill what was sold. Not money that leaves, nor configuration, nor the books'
/// levers (credit, notes, batches, transactions). Whoever adds a permission decides whether it belongs here.
const FOR_SALES: &[&str] = &[
    "Main Homepage",
    "List Clients",
    "View Clients Summary",
    "Add New Client",
    "Edit Clients Details",
    "List Services",
    "View Clients Products/Services",
    "Edit Clients Products/Services",
    "View Orders",
    "View Order Details",
    "Add New Order",
    "Delete Order",
    "View Products/Services",
    "List Invoices",
    "Create Invoice",
    "Manage Invoice",
    "Delete Invoice",
    "List Transactions",
    "List Credit and Debit Notes",
    "View Credit Log",
    "View Activity Log",
];
/// What a support operator may: look, and correct a client's details.
const FOR_SUPPORT: &[&str] = &[
    "Main Homepage",
    "List Clients",
    "View Clients Summary",
    "Edit Clients Details",
    "List Services",
    "View Clients Products/Services",
    "View Orders",
    "View Order Details",
    "List Invoices",
    "View Activity Log",
];

/// The permissions that a default role other than the full administrator begins with.
pub fn allowed(role: &str) -> &'static [&'static str] {
    match role {
        SALES_OPERATOR => FOR_SALES,
        SUPPORT_OPERATOR => FOR_SUPPORT,
        _ => &[],
    }
}

/// Makes the three default roles out of the permissions that exist. Doing it again adds permissions that are new to
/// the full administrator and changes nothing else.
pub async fn seed(tx: &mut Tx, permissions: &[Permission]) -> Result<()> {
    for name in [FULL_ADMINISTRATOR, SALES_OPERATOR, SUPPORT_OPERATOR] {
        let inserted: Option<(i64,)> = tx
            .optional(
                "INSERT INTO roles (name, built_in) VALUES ($1, TRUE) ON CONFLICT (name) DO NOTHING RETURNING id",
                params![name],
            )
            .await?;
        let (id, is_new) = match inserted {
            Some((id,)) => (id, true),
            None => (tx.scalar("SELECT id FROM roles WHERE name = $1", params![name]).await?, false),
        };
        if !is_new && name != FULL_ADMINISTRATOR {
            continue;
        }
        let mut rows = Insert::into("role_permissions", &["role_id", "permission"])
            .then("ON CONFLICT (role_id, permission) DO NOTHING");
        for permission in permissions {
            if name == FULL_ADMINISTRATOR || allowed(name).contains(&permission.0) {
                rows.row(cells![id, permission.0]);
            }
        }
        rows.run(tx).await?;
    }
    Ok(())
}
