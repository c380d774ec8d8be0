//! Answers in the shapes of Openprovider's examples.

use serde_json::{Value, json};

pub(super) fn prices((dollars, euros): (f64, f64)) -> Value {
    json!({ "product": { "currency": "USD", "price": dollars }, "reseller": { "currency": "EUR", "price": euros } })
}

pub(super) fn tld(name: &str, euros: f64) -> Value {
    let price = |euros: f64| prices((9.5, euros));
    json!({
        "name": name, "status": "ACT", "min_period": 1, "max_period": 10, "quarantine_period": 38,
        "soft_quarantine_period": 44, "is_transfer_auth_code_required": true, "renew_available": true,
        "prices": {
            "create_price": price(10.5), "renew_price": price(euros + 1.0), "transfer_price": price(euros),
            "restore_price": price(80.0), "soft_restore_price": price(euros + 1.0),
            "reseller_price": {
                "product": { "currency": "USD", "price": 9.5 }, "reseller": { "currency": "EUR", "price": euros },
            },
            "min_period": 1, "max_period": 10,
        },
    })
}

pub(super) fn domain(id: i64, label: &str, extension: &str, status: &str, until: &str) -> Value {
    json!({
        "id": id, "domain": { "name": label, "extension": extension }, "status": status, "type": "NEW", "autorenew": "off",
        "creation_date": "2020-06-01 17:14:44", "order_date": "2020-06-01 17:14:44", "last_changed": "2025-04-18 07:13:05",
        "renewal_date": format!("{until} 00:00:00"), "expiration_date": format!("{until} 17:14:44"),
        "deleted_at": "0000-00-00 00:00:00", "delete_status": "", "soft_quarantine_expiry_date": "",
        "hard_quarantine_expiry_date": "", "quarantine_expiration_date": "", "restorable_until": "",
        "name_servers": [], "dnssec": "unsigned", "dnssec_keys": [], "is_dnssec_enabled": false, "is_deleted": false,
        "is_lockable": true, "is_locked": false, "is_private_whois_allowed": true, "is_private_whois_enabled": false,
        "is_premium": false, "owner_handle": "", "admin_handle": "", "tech_handle": "", "billing_handle": "",
        "comments": "", "ns_group": "", "verification_email_name": "", "verification_email_status": "not verified",
        "reseller_id": 12_345, "unit": "y", "renew": 1, "can_renew": true,
    })
}

pub(super) fn suggest(body: &Value) -> Value {
    let tlds = body["tlds"].as_array().cloned().unwrap_or_default();
    let label = format!("your{}", body["name"].as_str().unwrap_or_default());
    let results: Vec<Value> = tlds
        .iter()
        .map(|tld| json!({ "domain": label, "name": format!("{label}.{}", tld.as_str().unwrap_or_default()), "tld": tld }))
        .collect();
    json!({ "results": results })
}

/// A part of a list, at most 1,000.
pub(super) fn page(all: &[Value], limit: Option<&str>, offset: Option<&str>) -> Value {
    let number = |text: Option<&str>, otherwise: usize| text.and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (limit, offset) = (number(limit, 100).min(1_000), number(offset, 0));
    let results: Vec<&Value> = all.iter().skip(offset).take(limit).collect();
    json!({ "results": results, "total": all.len() })
}
