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

/// What a sales operator may not: money that leaves, configuration, the books' levers.
const NOT_FOR_SALES: &[&str] = &[
    "Configure General Settings",
    "Configure Automation Settings",
    "Configure Client Groups",
    "Configure Payment Gateways",
    "Configure Currencies",
    "Tax Configuration",
    "Refund Invoice Payments",
    "Delete Transaction",
    "API Access",
    "View System Jobs",
];
/// What a support operator may: look, and correct a client's details.
const FOR_SUPPORT: &[&str] = &[
    "Main Homepage",
    "List Clients",
    "View Clients Summary",
    "Edit Clients Details",
    "List Services",
    "View Orders",
    "View Order Details",
    "List Invoices",
    "View Activity Log",
];

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
            let granted = match name {
                FULL_ADMINISTRATOR => true,
                SALES_OPERATOR => !NOT_FOR_SALES.contains(&permission.0),
                _ => FOR_SUPPORT.contains(&permission.0),
            };
            if granted {
                rows.row(cells![id, permission.0]);
            }
        }
        rows.run(tx).await?;
    }
    Ok(())
}
