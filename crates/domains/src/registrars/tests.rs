use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::contract::{Ability, Availability, Checked, Cost, Field, FieldKind, Premium};
use super::*;
use crate::testing::Company;
use crate::tlds::TldEdit;

/// Says what it was given, so that a test sees what arrives.
struct Echo;

const FIELDS: &[Field] = &[
    field("host", "Host", FieldKind::Address, true, "https://registry.example"),
    field("login", "Login", FieldKind::Text, true, ""),
    field("password", "Password", FieldKind::Secret, true, ""),
    field("key", "Key", FieldKind::SecretLines, false, ""),
    field("test", "Test system", FieldKind::Tick, false, ""),
    field("prices", "Prices", FieldKind::Lines, false, ""),
];

const fn field(
    key: &'static str,
    label: &'static str,
    kind: FieldKind,
    required: bool,
    default: &'static str,
) -> Field {
    Field { key, label, help: "", kind, required, default }
}

#[async_trait::async_trait]
impl Registrar for Echo {
    fn module(&self) -> &'static str {
        "echo"
    }

    fn display_name(&self) -> &'static str {
        "Echo"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn abilities(&self, account: &Account) -> BTreeSet<Ability> {
        let mut abilities = BTreeSet::new();
        if account.ticked("test") {
            abilities.extend([Ability::Check, Ability::Renew]);
        }
        if account.get("prices").is_some() {
            abilities.insert(Ability::PriceList);
        }
        abilities
    }

    fn check_address(&self, _: &str, value: &str, _: bool) -> std::result::Result<(), String> {
        if value.starts_with("https://") { Ok(()) } else { Err("Write an address such as https://…".to_owned()) }
    }

    /// `taken`, `gold` and `kept` of any extension are known; of `dumb` it says nothing; the word `hostile` in the list of
    /// prices makes it answer about another name.
    async fn check(
        &self,
        account: &Account,
        names: &[kernel::DomainName],
    ) -> std::result::Result<Vec<Checked>, RegistrarError> {
        if account.get("prices") == Some("down") {
            return Err(RegistrarError::Unavailable("connection refused".to_owned()));
        }
        let one = |name: &kernel::DomainName| {
            let state = match name.split().0 {
                "taken" => Availability::Registered,
                "kept" => Availability::Reserved,
                "dumb" => Availability::Unknown("try later".to_owned()),
                _ => Availability::Available,
            };
            let premium = (name.split().0 == "gold").then(|| Premium {
                register: Some(crate::testing::money("900")),
                renew: None,
                transfer: None,
                restore: None,
            });
            Checked { name: name.clone(), state, premium }
        };
        let mut all: Vec<Checked> = names.iter().map(one).collect();
        if account.get("prices") == Some("hostile") {
            all.iter_mut().for_each(|checked| checked.name = kernel::DomainName::parse("other.example").unwrap());
        }
        Ok(all)
    }

    async fn price_list(&self, account: &Account) -> std::result::Result<Vec<Cost>, RegistrarError> {
        match account.get("prices").unwrap_or_default() {
            "down" => Err(RegistrarError::Unavailable("connection refused".to_owned())),
            lines => Ok(lines.lines().map(cost).collect()),
        }
    }

    async fn test(&self, account: &Account) -> std::result::Result<String, RegistrarError> {
        match account.get("password") {
            Some("sesame") => Ok(format!("Hello {}", account.get("login").unwrap_or_default())),
            _ => Err(RegistrarError::Refused { code: "2200".to_owned(), message: "Authentication error".to_owned() }),
        }
    }
}

/// `com USD 10 11 9`: extension, currency, a year of registration, renewal and transfer; `-` for none; then, where there are
/// any, days and fee of redemption.
pub fn cost(line: &str) -> Cost {
    let words: Vec<&str> = line.split_whitespace().collect();
    let word = |at: usize| words.get(at).filter(|word| **word != "-").map(|word| (*word).to_owned());
    Cost {
        extension: kernel::Extension::parse(words[0]).unwrap(),
        currency: kernel::Currency::parse(words[1]).or(Err(words[1].to_owned())),
        min_years: 1,
        max_years: 10,
        register: word(2),
        renew: word(3),
        transfer: word(4),
        grace_days: None,
        grace_fee: None,
        redemption_days: word(5).map(|days| days.parse().unwrap()),
        redemption_fee: word(6),
        epp_required: None,
    }
}

pub fn modules() -> Registrars {
    Registrars::new(vec![Arc::new(Echo)])
}

fn set_up(values: &[(&str, &str)]) -> Configure {
    let values = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Configure { title: Some("My Registry".to_owned()), active: None, values }
}

async fn made(company: &Company) -> SetUp {
    let mut tx = company.app.db.write().await.unwrap();
    let new = set_up(&[("login", "ada"), ("password", "sesame"), ("test", "1")]);
    let made = add(&mut tx, &company.app, &company.by, "echo", None, new, company.now()).await.unwrap();
    tx.commit().await.unwrap();
    made
}

fn fields<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    let Error::Invalid(errors) = result.unwrap_err() else { panic!("invalid") };
    errors.iter().map(|(field, _)| field.to_owned()).collect()
}

testkit::both_engines! {
    async fn a_module_can_be_set_up_several_times(company: Company) {
        let first = made(&company).await;
        let second = made(&company).await;
        assert_eq!((first.name.as_str(), second.name.as_str()), ("my-registry", "my-registry-2"));
        assert!(first.active && !first.config.contains("sesame"), "{}", first.config);
        let mut conn = company.app.db.read().await.unwrap();
        let (_, account) = account(&mut conn, &company.app, &second).await.unwrap();
        assert_eq!((account.get("password"), account.get("login")), (Some("sesame"), Some("ada")));
        assert_eq!(account.get("host"), Some("https://registry.example"), "the default");
        assert!(!format!("{account:?}").contains("sesame"));
        drop(conn);
        assert!(!company.activities().await.join("\n").contains("sesame"));
    }

    async fn what_is_missing_or_strange_is_named(company: Company) {
        let mut tx = company.app.db.write().await.unwrap();
        let try_it = set_up(&[("password", " "), ("colour", "red"), ("test", "perhaps"), ("host", "http://x")]);
        let found = fields(add(&mut tx, &company.app, &company.by, "echo", None, try_it, company.now()).await);
        assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(["password", "colour", "test", "host", "login"]));
        let name = add(&mut tx, &company.app, &company.by, "echo", Some("My Name"), set_up(&[]), company.now()).await;
        assert_eq!(fields(name), ["name"]);
        let taken = add(&mut tx, &company.app, &company.by, "echo", Some("first"), set_up(&[]), company.now()).await;
        assert_eq!(fields(taken), ["name"]);
        let module = add(&mut tx, &company.app, &company.by, "nobody", None, set_up(&[]), company.now()).await;
        assert_eq!(fields(module), ["module"]);
    }

    async fn a_secret_is_not_sent_to_another_address(company: Company) {
        let of = made(&company).await;
        let mut tx = company.app.db.write().await.unwrap();
        let elsewhere = set_up(&[("host", "https://thief.example")]);
        let refused = configure(&mut tx, &company.app, &company.by, of.id, elsewhere, company.now()).await;
        assert_eq!(fields(refused), ["password"]);
        let again = set_up(&[("host", "https://new.example"), ("password", "sesame")]);
        configure(&mut tx, &company.app, &company.by, of.id, again, company.now()).await.unwrap();
    }

    async fn a_registrar_that_extensions_name_stays(company: Company) {
        let of = made(&company).await;
        company.tld("com", TldEdit { registrar: Some(of.name.clone()), ..TldEdit::default() }).await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        let refused = delete(&mut tx, &company.app, &company.by, of.id, company.now()).await.unwrap_err();
        assert!(refused.to_string().contains("One TLD sends orders to “My Registry”"), "{refused}");
        let second = add(&mut tx, &company.app, &company.by, "echo", None, set_up(&[("login", "a"), ("password", "b")]), company.now()).await.unwrap();
        delete(&mut tx, &company.app, &company.by, second.id, company.now()).await.unwrap();
        assert!(!secrets::exists(&mut tx, &place(second.id, "password")).await.unwrap(), "its secrets went with it");
    }

    async fn a_test_says_what_the_registry_said_and_is_in_the_log(company: Company) {
        let of = made(&company).await;
        let doors = company.doors().await;
        assert_eq!(test(&company.app, of.id).await.unwrap(), Ok("Hello ada".to_owned()));
        let path = format!("/admin/setup/registrars/{}", of.id);
        assert_eq!(doors.post(&format!("{path}/test"), &[]).await.status, 303);
        let change = doors.api("PATCH", &format!("/registrars/{}", of.id), json!({ "values": { "password": "wrong" } })).await;
        assert_eq!(change.status, 200, "{}", change.text);
        let refused = doors.api("POST", &format!("/registrars/{}/test", of.id), json!({})).await.json();
        assert_eq!(refused, json!({ "works": false, "message": "Refused (2200): Authentication error" }));
        let log = doors.api("GET", "/registrar-log?result=error", Value::Null).await.json();
        assert_eq!((&log["total"], &log["items"][0]["registrar"]), (&json!(1), &json!("my-registry")));
        let page = doors.page("/admin/logs/registrars").await;
        assert!(page.contains("Authentication error") && page.contains("Hello ada"));
        assert!(doors.page("/admin/logs/registrars?format=csv").await.contains("my-registry,test,error"));
    }

    async fn staff_set_a_registrar_up_and_no_page_shows_its_secrets(company: Company) {
        let doors = company.doors().await;
        assert!(doors.page("/admin/setup/registrars").await.contains("Echo"));
        let new = "/admin/setup/registrars/new?module=echo";
        assert!(doors.page(new).await.contains("Set up Echo"));
        let again = doors.post(new, &[("title", "Mine"), ("login", ""), ("password", "sesame"), ("active", "1")]).await;
        assert!(again.status == 422 && again.text.contains("Login is required"), "{}", again.text);
        assert!(!again.text.contains("sesame"));
        let good = [("title", "Mine"), ("login", "ada"), ("password", "sesame"), ("key", "-----\nabc"), ("test", "1"), ("active", "1")];
        assert_eq!(doors.post(new, &good).await.status, 303);
        let id = by_name(&mut company.app.db.read().await.unwrap(), "mine").await.unwrap().unwrap().id;
        let path = format!("/admin/setup/registrars/{id}");
        let page = doors.page(&path).await;
        assert!(page.contains("It is set") && page.contains("ada") && !page.contains("sesame"), "{page}");
        assert_eq!(doors.post(&path, &[("title", "Mine"), ("login", "eve"), ("password", "")]).await.status, 303);
        let shown = doors.api("GET", &format!("/registrars/{id}"), Value::Null).await.json();
        assert_eq!((&shown["secrets_set"], &shown["values"]["login"]), (&json!(["password", "key"]), &json!("eve")));
        assert_eq!((&shown["active"], &shown["values"]["test"]), (&json!(false), &json!("")), "boxes that are not ticked");
        assert_eq!(doors.post(&format!("{path}/switch"), &[("on", "1")]).await.status, 303);
        let known = doors.compat("GetRegistrars", &[]).await;
        assert_eq!(known["registrars"][1], json!({ "module": "mine", "display_name": "Mine" }), "{known}");
        assert_eq!(doors.post(&format!("{path}/delete"), &[]).await.status, 303);
        assert_eq!(doors.get(&path).await.status, 404);
    }

    async fn the_json_api_sets_a_registrar_up(company: Company) {
        let doors = company.doors().await;
        let modules = doors.api("GET", "/registrar-modules", Value::Null).await.json();
        assert_eq!(modules["items"][0]["fields"][2], json!({
            "key": "password", "label": "Password", "help": "", "default": "", "required": true, "secret": true, "tick": false,
        }));
        let body = json!({ "module": "echo", "name": "my-echo", "values": { "login": "ada", "password": "sesame" } });
        let made = doors.api("POST", "/registrars", body).await;
        assert!(made.status == 201 && !made.text.contains("sesame"), "{}", made.text);
        assert_eq!((&made.json()["name"], &made.json()["active"]), (&json!("my-echo"), &json!(true)));
        let list = doors.api("GET", "/registrars", Value::Null).await.json();
        assert_eq!(list["total"], 3);
        let gone = doors.api("DELETE", &format!("/registrars/{}", made.json()["id"]), json!({})).await;
        assert_eq!(gone.json(), json!({ "deleted": true }));
    }
}
