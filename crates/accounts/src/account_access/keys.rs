//! Keys as they are written, stored and shown.

use kernel::{Error, Result};

use super::{ALL, AccountPermission};

impl AccountPermission {
    /// What it lets somebody do, in words.
    pub fn label(self) -> &'static str {
        match self.0 {
            "profile" => "Change the account's name and address",
            "contacts" => "See and change contacts",
            "products" => "See products and services",
            "manageproducts" => "Manage products and services",
            "productsso" => "Log in to control panels",
            "domains" => "See domains",
            "managedomains" => "Manage domains",
            "invoices" => "See and pay invoices",
            "quotes" => "See and accept quotes",
            "tickets" => "See and open tickets",
            "affiliates" => "See the affiliate account",
            "emails" => "See mails that were sent",
            "orders" => "Order, upgrade and cancel",
            other => other,
        }
    }
}

/// The permissions with these keys, in the order in which they are offered. The error names every key that there is none
/// of, and those that there are.
pub fn read<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<Vec<AccountPermission>, String> {
    let keys: Vec<&str> = keys.into_iter().map(str::trim).filter(|key| !key.is_empty()).collect();
    let unknown: Vec<String> = keys
        .iter()
        .filter(|key| !ALL.iter().any(|known| known.0.eq_ignore_ascii_case(key)))
        .take(5)
        .map(|key| format!("“{}”", key.chars().filter(|c| !c.is_control()).take(40).collect::<String>()))
        .collect();
    if !unknown.is_empty() {
        let known: Vec<&str> = ALL.iter().map(|known| known.0).collect();
        return Err(format!("There is no permission {}. There are: {}.", unknown.join(", "), known.join(", ")));
    }
    Ok(ALL.into_iter().filter(|known| keys.iter().any(|key| known.0.eq_ignore_ascii_case(key))).collect())
}

/// At least one, each once, in their order.
pub(super) fn some(permissions: &[AccountPermission]) -> Result<Vec<AccountPermission>> {
    let found: Vec<AccountPermission> = ALL.into_iter().filter(|known| permissions.contains(known)).collect();
    if found.is_empty() {
        return Err(Error::invalid("permissions", "Choose at least one permission."));
    }
    Ok(found)
}

/// As `client_users` has them: a line each.
pub fn stored(permissions: &[AccountPermission]) -> String {
    listed(permissions).join("\n")
}

pub fn listed(permissions: &[AccountPermission]) -> Vec<&'static str> {
    permissions.iter().map(|permission| permission.0).collect()
}

/// For a sentence or a cell.
pub fn shown(permissions: &[AccountPermission]) -> String {
    match permissions.len() {
        0 => "none".to_owned(),
        len if len == ALL.len() => "all".to_owned(),
        _ => listed(permissions).join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{INVOICES, ORDERS, OWNER, PROFILE, Part, parse};
    use super::*;

    #[test]
    fn keys_are_read_in_any_case_and_order_and_what_is_none_is_named() {
        assert_eq!(read(["orders", " Invoices ", "orders", ""]), Ok(vec![INVOICES, ORDERS]));
        assert_eq!(read([]), Ok(vec![]));
        let refused = read(["invoices", "owner", "all"]).unwrap_err();
        assert!(
            refused.starts_with("There is no permission “owner”, “all”. There are: profile, contacts,"),
            "{refused}"
        );
    }

    #[test]
    fn what_is_stored_is_read_again() {
        for permissions in [&ALL[..], &[PROFILE, ORDERS], &[]] {
            assert_eq!(parse(&stored(permissions)), permissions);
        }
        assert_eq!(
            (shown(&ALL), shown(&[PROFILE, ORDERS]), shown(&[])),
            ("all".into(), "profile, orders".into(), "none".into())
        );
        assert!(ALL.iter().all(|key| key.label() != key.0), "each is explained");
    }

    #[test]
    fn nobody_but_the_owner_passes_as_the_owner() {
        assert!(Part::of(true, "").may(OWNER));
        assert!(!Part::of(false, "owner\nprofile").may(OWNER));
        assert!(!Part::Member(ALL.to_vec()).may(OWNER));
    }
}
