//! What is in the account, and what requests do to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::shapes::{domain, page, prices, suggest, tld};
use crate::http::Request;

pub const USERNAME: &str = "innkeeper@example.com";
/// With characters that JSON and HTML write in another way.
pub const PASSWORD: &str = "sEcret/\"5?&<word";

const EXTENSIONS: [&str; 10] = ["com", "net", "org", "info", "nl", "de", "eu", "co.uk", "tools", "pending"];
/// Registered there by somebody else, whatever the extension.
const TAKEN: &str = "taken";

/// The account. Dates are `YYYY-MM-DD hh:mm:ss`, amounts in euros.
#[derive(Debug)]
pub struct State {
    /// The day of the account's clock.
    pub today: String,
    pub balance: f64,
    pub reserved: f64,
    pub customers: BTreeMap<String, Value>,
    /// With the fields of `domainGetDomainResponseData`.
    pub domains: Vec<Value>,
    /// With the fields of `nameserverNameserver`.
    pub hosts: BTreeMap<String, Value>,
    /// With the fields of `recordRecordInfo`.
    pub zones: BTreeMap<String, Vec<Value>>,
    /// What a premium name costs in dollars and in euros.
    pub premium: BTreeMap<String, (f64, f64)>,
    /// With the fields of `tldTld`.
    pub tlds: Vec<Value>,
    /// The authorisation code of a domain; without one it is mailed.
    pub auth_codes: BTreeMap<String, String>,
    tokens: BTreeSet<String>,
    made: i64,
}

type Done = Result<Value, Value>;

impl State {
    pub(super) fn new() -> State {
        State {
            today: "2026-06-01".to_owned(),
            balance: 1000.0,
            reserved: 0.0,
            customers: BTreeMap::new(),
            domains: Vec::new(),
            hosts: BTreeMap::new(),
            zones: BTreeMap::new(),
            premium: BTreeMap::from([("god.tools".to_owned(), (250.0, 219.8))]),
            tlds: EXTENSIONS.iter().map(|name| tld(name, 8.06)).collect(),
            auth_codes: BTreeMap::new(),
            tokens: BTreeSet::new(),
            made: 0,
        }
    }

    /// As many extensions as this, `tld0000` and so on.
    pub fn sell(&mut self, extensions: usize) {
        self.tlds = (0..extensions).map(|number| tld(&format!("tld{number:04}"), 8.06)).collect();
    }

    /// A domain that is there already, which expires on this day.
    pub fn hold(&mut self, name: &str, expires_on: &str) -> i64 {
        let id = self.next();
        let (label, extension) = name.split_once('.').unwrap_or_default();
        self.domains.push(domain(id, label, extension, "ACT", expires_on));
        id
    }

    /// The newest domain of this name.
    ///
    /// # Panics
    /// When there is none.
    pub fn domain(&mut self, name: &str) -> &mut Value {
        let found = self.domains.iter_mut().rev().find(|one| full_name(one) == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    /// No token is good any more.
    pub fn forget_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Noon of the account's day, as HTTP writes it (RFC 9110, 5.6.7).
    pub(super) fn date_header(&self) -> String {
        let part = |range| self.today.get(range).and_then(|text: &str| text.parse::<usize>().ok()).unwrap_or(1);
        let (year, month, day) = (part(0..4), part(5..7), part(8..10));
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        format!("{}, {day:02} {} {year} 12:00:00 GMT", weekday(year, month, day), months[(month - 1) % 12])
    }

    fn next(&mut self) -> i64 {
        self.made += 1;
        10_592_138 + self.made
    }

    pub(super) fn act(&mut self, request: &Request, body: &Value) -> Done {
        let path: Vec<&str> = request.path.trim_start_matches("/v1beta/").split('/').collect();
        if path == ["auth", "login"] {
            return self.login(body);
        }
        let bearer = request.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
        if !bearer.is_some_and(|token| self.tokens.contains(token)) {
            return refuse(196, "Authentication/Authorization Failed", "");
        }
        let query = |name: &str| request.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["resellers"]) => Ok(json!({
                "id": 123_456_789, "company_name": "Example company", "status": "new",
                "balance": self.balance, "reserved_balance": self.reserved, "settings": { "currency": "EUR" },
            })),
            ("GET", ["tlds"]) => Ok(page(&self.tlds, query("limit"), query("offset"))),
            ("POST", ["domains", "check"]) => self.check(body),
            ("POST", ["domains", "suggest-name"]) => Ok(suggest(body)),
            ("GET", ["domains", "prices"]) => self.price(query("domain.name"), query("domain.extension")),
            ("GET", ["domains"]) => Ok(self.list(query("full_name"), query("queue_status"))),
            ("POST", ["domains"]) => self.create(body),
            ("POST", ["domains", "transfer"]) => self.transfer(body),
            ("POST", ["domains", id, "renew"]) => self.renew(id, body),
            ("POST", ["domains", id, "restore"]) => self.restore(id),
            ("GET", ["domains", id, "authcode"]) => self.auth_code(id),
            ("PUT", ["domains", id]) => self.update(id, body),
            ("DELETE", ["domains", id]) => self.delete(id),
            ("GET", ["customers"]) => Ok(self.customers(query("email_pattern"))),
            ("POST", ["customers"]) => Ok(self.new_customer(body)),
            ("GET", ["customers", handle]) => {
                self.customers.get(*handle).cloned().map_or_else(|| refuse(101, "Customer not found", ""), Ok)
            }
            ("GET", ["dns", "nameservers"]) => {
                let ending = query("pattern").unwrap_or_default().trim_start_matches('*').to_owned();
                let found: Vec<Value> = self
                    .hosts
                    .iter()
                    .filter(|(name, _)| name.ends_with(&ending))
                    .map(|(_, host)| host.clone())
                    .collect();
                Ok(page(&found, query("limit"), query("offset")))
            }
            ("POST", ["dns", "nameservers"]) => {
                self.hosts.insert(text(&body["name"]), body.clone());
                Ok(body.clone())
            }
            ("PUT", ["dns", "nameservers", name]) => match self.hosts.get_mut(*name) {
                Some(host) => {
                    *host = body.clone();
                    Ok(json!({ "success": true }))
                }
                None => refuse(201, "Nameserver not found", ""),
            },
            ("DELETE", ["dns", "nameservers", name]) => Ok(json!({ "success": self.hosts.remove(*name).is_some() })),
            ("GET", ["dns", "zones", name, "records"]) => match self.zones.get(*name) {
                Some(records) => Ok(page(records, query("limit"), query("offset"))),
                None => refuse(872, "Zone specified is not found", ""),
            },
            ("POST", ["dns", "zones"]) => {
                let name = format!("{}.{}", text(&body["domain"]["name"]), text(&body["domain"]["extension"]));
                self.set_zone(&name, &body["records"]);
                Ok(json!({ "success": true }))
            }
            ("PUT", ["dns", "zones", name]) => self.change_zone(name, &body["records"]),
            _ => refuse(4001, "Wrong command name", ""),
        }
    }

    fn login(&mut self, body: &Value) -> Done {
        if body["username"] != USERNAME || body["password"] != PASSWORD {
            // It quotes more than it should, to see that nobody else does.
            return refuse(196, "Authentication/Authorization Failed", &text(&body["password"]));
        }
        let token = format!("20d65561c9636d262e59aec85{:07}", self.next());
        self.tokens.insert(token.clone());
        Ok(json!({ "reseller_id": 123_456, "token": token }))
    }

    fn check(&self, body: &Value) -> Done {
        let asked = body["domains"].as_array().cloned().unwrap_or_default();
        if asked.len() > 15 {
            return refuse(199, "An unknown error has occurred!", "");
        }
        let results: Vec<Value> = asked
            .iter()
            .map(|parts| {
                let name = format!("{}.{}", text(&parts["name"]), text(&parts["extension"]));
                let free = parts["name"] != TAKEN && !self.domains.iter().any(|one| full_name(one) == name);
                let mut result = json!({
                    "domain": name, "status": if free { "free" } else { "active" },
                    "price": prices(self.premium.get(&name).copied().unwrap_or((8.57, 7.53))),
                });
                if !free {
                    result["reason"] = json!("Domain exists");
                }
                if let Some((dollars, _)) = self.premium.get(&name) {
                    result["is_premium"] = json!(true);
                    result["premium"] = json!({ "currency": "USD", "price": { "create": dollars } });
                }
                result
            })
            .collect();
        Ok(json!({ "results": results }))
    }

    fn price(&self, name: Option<&str>, extension: Option<&str>) -> Done {
        let name = format!("{}.{}", name.unwrap_or_default(), extension.unwrap_or_default());
        let premium = self.premium.get(&name);
        Ok(json!({
            "is_premium": premium.is_some(), "is_promotion": false,
            "price": prices(premium.copied().unwrap_or((8.57, 7.53))),
        }))
    }

    fn list(&self, name: Option<&str>, queue: Option<&str>) -> Value {
        let fits = |one: &&Value| {
            let queued = queue.is_none_or(|queue| queue == text(&one["type"]).to_ascii_lowercase());
            name.is_none_or(|name| full_name(one) == name) && queued
        };
        let found: Vec<&Value> = self.domains.iter().filter(fits).collect();
        json!({ "results": found, "total": found.len() })
    }

    fn create(&mut self, body: &Value) -> Done {
        let (label, extension) = (text(&body["domain"]["name"]), text(&body["domain"]["extension"]));
        let name = format!("{label}.{extension}");
        if label == TAKEN || self.domains.iter().any(|one| full_name(one) == name && one["status"] != "FAI") {
            let why = "An error has occurred; for more details, please refer to the registry message below.";
            return refuse(399, why, "Object exists");
        }
        self.check_handles(body)?;
        let years = body["period"].as_i64().unwrap_or(1);
        let mut cost = 7.53 * years as f64;
        if let Some((dollars, euros)) = self.premium.get(&name) {
            if body["accept_premium_fee"].as_f64() != Some(*dollars) {
                return refuse(311, "The domain is a premium one, and its price was not accepted", "");
            }
            cost = *euros;
        }
        self.pay(cost)?;
        let status = if extension == "pending" { "REQ" } else { "ACT" };
        let until = later(&self.today, years);
        let id = self.enter(body, &label, &extension, status, &until);
        let mut answer = json!({ "id": id, "status": status, "auth_code": "C8$#wgG#25tQ" });
        if status == "ACT" {
            let at = |day: &str| format!("{day} 17:15:19");
            answer["activation_date"] = json!(at(&self.today));
            answer["expiration_date"] = json!(at(&until));
            answer["renewal_date"] = json!(at(&until));
        }
        Ok(answer)
    }

    fn transfer(&mut self, body: &Value) -> Done {
        let (label, extension) = (text(&body["domain"]["name"]), text(&body["domain"]["extension"]));
        if body["auth_code"] == "wrong" {
            let why = "An error has occurred; for more details, please refer to the registry message below.";
            return refuse(399, why, "The authorisation code wrong is wrong");
        }
        self.check_handles(body)?;
        self.pay(7.53)?;
        let until = later(&self.today, 1);
        let id = self.enter(body, &label, &extension, "REQ", &until);
        self.domain(&format!("{label}.{extension}"))["type"] = json!("TRANSFER");
        Ok(json!({ "id": id, "status": "REQ", "auth_code": body["auth_code"] }))
    }

    fn enter(&mut self, body: &Value, label: &str, extension: &str, status: &str, until: &str) -> i64 {
        let id = self.next();
        let mut new = domain(id, label, extension, status, until);
        for field in ["owner_handle", "admin_handle", "tech_handle", "billing_handle", "name_servers", "comments"] {
            if !body[field].is_null() {
                new[field] = body[field].clone();
            }
        }
        for field in ["is_private_whois_enabled", "autorenew", "ns_group"] {
            if !body[field].is_null() {
                new[field] = body[field].clone();
            }
        }
        new["verification_email_name"] = self.customers[&text(&body["owner_handle"])]["email"].clone();
        self.domains.push(new);
        id
    }

    fn check_handles(&self, body: &Value) -> Result<(), Value> {
        for role in ["owner_handle", "admin_handle", "tech_handle", "billing_handle"] {
            if !self.customers.contains_key(&text(&body[role])) {
                refuse(303, "The contact is not found", role)?;
            }
        }
        Ok(())
    }

    fn pay(&mut self, euros: f64) -> Result<(), Value> {
        if self.balance - self.reserved < euros {
            refuse(901, "Your balance is insufficient", "")?;
        }
        self.balance = ((self.balance - euros) * 100.0).round() / 100.0;
        Ok(())
    }

    fn held(&mut self, id: &str) -> Result<&mut Value, Value> {
        let found = self.domains.iter_mut().find(|one| one["id"].as_i64().is_some_and(|held| held.to_string() == id));
        found.ok_or_else(|| refusal(320, "The domain is not in your account", ""))
    }

    fn renew(&mut self, id: &str, body: &Value) -> Done {
        let years = body["period"].as_i64().unwrap_or(1);
        if self.held(id)?["status"] != "ACT" {
            return refuse(350, "This domain already exists in Openprovider but NOT active", "");
        }
        self.pay(7.53 * years as f64)?;
        extend(self.held(id)?, years);
        Ok(json!({ "status": "ACT" }))
    }

    fn restore(&mut self, id: &str) -> Done {
        let today = self.today.clone();
        let soft = text(&self.held(id)?["soft_quarantine_expiry_date"]);
        if self.held(id)?["status"] != "DEL" {
            return refuse(351, "The status of the domain does not allow to restore it", "");
        }
        self.pay(if soft > today { 7.53 } else { 87.53 })?;
        let domain = self.held(id)?;
        domain["status"] = json!("ACT");
        extend(domain, 1);
        Ok(json!({ "status": "ACT" }))
    }

    fn update(&mut self, id: &str, body: &Value) -> Done {
        let domain = self.held(id)?;
        for (field, value) in body.as_object().into_iter().flatten() {
            if field != "id" && field != "domain" {
                domain[field] = value.clone();
            }
        }
        Ok(json!({ "id": domain["id"], "status": domain["status"] }))
    }

    fn delete(&mut self, id: &str) -> Done {
        let today = self.today.clone();
        let domain = self.held(id)?;
        domain["status"] = json!("DEL");
        domain["hard_quarantine_expiry_date"] = json!(format!("{} 00:00:00", later(&today, 1)));
        Ok(json!({ "status": "DEL" }))
    }

    fn auth_code(&mut self, id: &str) -> Done {
        let name = full_name(self.held(id)?);
        Ok(match self.auth_codes.get(&name) {
            Some(code) => json!({ "auth_code": code, "success": false, "type": "external" }),
            None => json!({ "auth_code": "", "success": true, "type": "external" }),
        })
    }

    fn customers(&self, email: Option<&str>) -> Value {
        let fits = |one: &&Value| email.is_none_or(|email| one["email"] == email);
        let found: Vec<&Value> = self.customers.values().filter(fits).collect();
        json!({ "results": found, "total": found.len() })
    }

    fn new_customer(&mut self, body: &Value) -> Value {
        let handle = format!("XX{:06}-{}", self.next() % 1_000_000, text(&body["address"]["country"]));
        let mut customer = body.clone();
        customer["handle"] = json!(handle);
        self.customers.insert(handle.clone(), customer);
        json!({ "handle": handle })
    }

    fn set_zone(&mut self, name: &str, records: &Value) {
        let own = [
            json!({ "name": name, "type": "SOA", "value": "ns1.openprovider.nl", "ttl": 86_400 }),
            json!({ "name": name, "type": "NS", "value": "ns1.openprovider.nl", "ttl": 86_400 }),
        ];
        let given = records.as_array().into_iter().flatten().map(|record| {
            let mut record = record.clone();
            let host = text(&record["name"]);
            record["name"] = json!(if host.is_empty() { name.to_owned() } else { format!("{host}.{name}") });
            record
        });
        self.zones.insert(name.to_owned(), own.into_iter().chain(given).collect());
    }

    fn change_zone(&mut self, name: &str, records: &Value) -> Done {
        let Some(held) = self.zones.get_mut(name) else { return refuse(872, "Zone specified is not found", "") };
        let gone: Vec<Value> = records["remove"].as_array().cloned().unwrap_or_default();
        held.retain(|one| {
            let host = text(&one["name"]);
            let host = host.strip_suffix(name).unwrap_or(&host).trim_end_matches('.');
            let same =
                |other: &Value| other["name"] == host && other["type"] == one["type"] && other["value"] == one["value"];
            !gone.iter().any(same)
        });
        // An empty set is no set.
        if records["replace"].as_array().is_some_and(|all| !all.is_empty()) {
            self.set_zone(name, &records["replace"]);
        }
        Ok(json!({ "success": true }))
    }
}

fn refuse<T>(code: i64, desc: &str, data: &str) -> Result<T, Value> {
    Err(refusal(code, desc, data))
}

fn refusal(code: i64, desc: &str, data: &str) -> Value {
    json!({ "code": code, "desc": desc, "data": data })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn full_name(domain: &Value) -> String {
    format!("{}.{}", text(&domain["domain"]["name"]), text(&domain["domain"]["extension"]))
}

fn extend(domain: &mut Value, years: i64) {
    for field in ["renewal_date", "expiration_date"] {
        domain[field] = json!(later(&text(&domain[field]), years));
    }
}

/// The same day years later.
fn later(date: &str, years: i64) -> String {
    let (year, rest) = date.split_once('-').unwrap_or(("2000", "01-01"));
    format!("{}-{rest}", year.parse().unwrap_or(2000) + years)
}

/// Zeller's congruence.
fn weekday(year: usize, month: usize, day: usize) -> &'static str {
    let (year, month) = if month < 3 { (year - 1, month + 12) } else { (year, month) };
    let number = (day + 13 * (month + 1) / 5 + year + year / 4 - year / 100 + year / 400) % 7;
    ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"][number]
}
