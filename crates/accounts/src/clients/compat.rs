//! `AddClient`, `GetClients`, `GetClientsDetails`, `UpdateClient`, `CloseClient`.
//!
//! What surprises: an answer names the first thing that is wrong in the words that the reference documents for it,
//! because callers compare them.

use kernel::{Currency, Error, Money, Result};
use platform::compat::{Answer, Noted, Params};
use platform::db::Conn;
use platform::jiff::tz::TimeZone;
use platform::web::lists::{Column, Order, Sort};
use serde_json::{Map, Value, json};

use super::{
    ADD, Client, ClientEdit, ClientPanels, ClientStatus, DELETE, Dealt, Demand, EDIT, Filter, LIST, Listed, MailKind,
    NewClient, VIEW, country_name, email_preferences, store,
};
use crate::activity_log::{self, Activity};
use crate::doors::compat::part;
use crate::doors::{Action, CompatCx, Routes};
use crate::users::{self, Of, Owner};
use crate::{clients, company};

pub fn routes() -> Routes {
    Routes::new()
        .action(Action::new("AddClient", ADD, add_client))
        .action(Action::new("GetClients", LIST, get_clients))
        .action(Action::new("GetClientsDetails", VIEW, get_clients_details))
        .action(Action::new("UpdateClient", EDIT, update_client))
        .action(Action::new("CloseClient", DELETE, close_client))
}

/// The parameters that are text: theirs, ours.
const TEXTS: &[(&str, &str)] = &[
    ("firstname", "first_name"),
    ("lastname", "last_name"),
    ("companyname", "company"),
    ("email", "email"),
    ("address1", "address1"),
    ("address2", "address2"),
    ("city", "city"),
    ("state", "state"),
    ("postcode", "postcode"),
    ("country", "country"),
    ("phonenumber", "phone"),
    ("tax_id", "tax_id"),
    ("language", "language"),
    ("notes", "notes"),
];

/// What AddClient and UpdateClient have in common. `currencies` turns their currency ids into codes.
fn details(params: &mut Params<'_>, currencies: &[Dealt]) -> ClientEdit {
    let mut text = |name: &str| params.text(name).map(str::to_owned);
    let mut edit = ClientEdit {
        first_name: text("firstname"),
        last_name: text("lastname"),
        company: text("companyname"),
        email: text("email"),
        address1: text("address1"),
        address2: text("address2"),
        city: text("city"),
        state: text("state"),
        postcode: text("postcode"),
        country: text("country"),
        phone: text("phonenumber"),
        tax_id: text("tax_id"),
        language: text("language"),
        notes: text("notes"),
        ..ClientEdit::default()
    };
    edit.demand = if params.bool("skipvalidation") == Some(true) { Demand::Nothing } else { Demand::Address };
    edit.group_id = params.int("groupid");
    edit.marketing_opt_in = params.bool("marketingoptin");
    for kind in MailKind::ALL {
        if let Some(wanted) = params.bool(&format!("{}[{kind}]", email_preferences::FIELD)) {
            edit.email_preferences.push((*kind, wanted));
        }
    }
    if let Some(id) = params.int("currency").filter(|id| *id != 0) {
        match currencies.iter().find(|dealt| dealt.id == id) {
            Some(dealt) => edit.currency = Some(dealt.code.to_string()),
            None => {
                params.refuse("currency", format!("There is no currency with the id {id}."));
            }
        }
    }
    refuse_unbuilt(params);
    edit
}

const CARD: &[&str] = &["cardtype", "cardnum", "expdate", "startdate", "issuenumber", "cvv", "bankcode", "bankacct"];

/// Says no to what would otherwise be swallowed.
fn refuse_unbuilt(params: &mut Params<'_>) {
    for name in CARD {
        if params.filled(name).is_some() {
            params.refuse(
                name,
                "Numbers of cards and bank accounts are never taken here. Let the client enter them with the payment \
                 provider.",
            );
        }
    }
    let custom = params.map("customfields").unwrap_or_default();
    if let Some((field, _)) = custom.iter().find(|(_, value)| !value.trim().is_empty()) {
        params.refuse("customfields", format!("There are no custom fields of clients, so “{field}” cannot be stored."));
    }
    for name in ["securityqid", "securityqans"] {
        if params.filled(name).is_some_and(|value| value != "0") {
            params.refuse(name, "There are no security questions.");
        }
    }
    if params.bool("clearcreditcard") == Some(true) {
        params.refuse("clearcreditcard", "Stored cards are removed with the client's pay methods.");
    }
}

/// The documented sentence for the first thing that is wrong with a client's fields.
fn documented(error: Error, edit: &ClientEdit, email_taken: &str, email_wrong: &str) -> Result<Answer> {
    let Error::Invalid(errors) = error else { return Err(error) };
    let Some((field, message)) = errors.iter().next() else { return Err(Error::Invalid(errors)) };
    let empty = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    let sentence = match field {
        "owner_user_id" => "Invalid Owner User ID".to_owned(),
        "first_name" if empty(&edit.first_name) => "You did not enter your first name".to_owned(),
        "last_name" if empty(&edit.last_name) => "You did not enter your last name".to_owned(),
        "email" if empty(&edit.email) => "You did not enter your email address".to_owned(),
        "email" if message.contains("logs in with") || message.contains("just been made") => email_taken.to_owned(),
        "email" => email_wrong.to_owned(),
        // The two blanks are theirs.
        "address1" if empty(&edit.address1) => "You did not enter your  address line 1".to_owned(),
        "city" if empty(&edit.city) => "You did not enter your city".to_owned(),
        "state" if empty(&edit.state) => "You did not enter your state".to_owned(),
        "postcode" if empty(&edit.postcode) => "You did not enter your postcode".to_owned(),
        "country" => "Valid country required".to_owned(),
        "phone" if empty(&edit.phone) => "You did not enter your phone number".to_owned(),
        "phone" => "Invalid telephone phone number".to_owned(),
        email_preferences::DOMAIN_FIELD => "You must have at least one email address enabled to receive domain related \
                                            notifications as required by ICANN. To disable domain notifications, please \
                                            create an alternative contact that is set to receive them"
            .to_owned(),
        other => {
            let theirs = TEXTS.iter().find(|(_, ours)| *ours == other).map_or(other, |(theirs, _)| *theirs);
            format!("{theirs}: {message}")
        }
    };
    Ok(Answer::error(sentence))
}

async fn add_client(cx: CompatCx) -> Result<Answer> {
    let currencies = store::currencies(&mut cx.app.db.read().await?).await?;
    let (edit, owner, password, ip) = cx.request.read(|params| {
        let edit = details(params, &currencies);
        let owner = params.int("owner_user_id").filter(|id| *id != 0);
        let password = params.text("password2").filter(|password| !password.is_empty());
        let ip = params.parsed("clientip", str::parse::<std::net::IpAddr>);
        // No mail is sent for a new client, so there is none to leave out.
        params.bool("noemail");
        Ok((edit, owner, password, ip))
    })?;
    let owner = match (owner, password) {
        (Some(id), _) => Owner::Existing(id),
        (None, Some(password)) => {
            Owner::New { password: Some(clients::password_of(&cx.app, &edit, password, "password2").await?) }
        }
        (None, None) => Owner::default(),
    };
    let mut tx = cx.app.db.write().await?;
    let new = NewClient { details: edit.clone(), owner };
    let client = match clients::create(&mut tx, &cx.actor, new, &cx.app.random, cx.now).await {
        Ok(client) => client,
        Err(error) => {
            let taken = "A user already exists with that email address";
            return documented(error, &edit, taken, "The email address you entered was not valid");
        }
    };
    if let Some(ip) = ip {
        let activity = Activity::new(format!("Signed up from {ip}")).client(client.id);
        activity_log::record(&mut tx, &cx.actor, activity, cx.now).await?;
    }
    let users = users::of_client(&mut tx, client.id).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success().with("clientid", client.id.to_string()).with("owner_id", owner_of(&users).to_string()))
}

fn owner_of(users: &[Of]) -> i64 {
    users.iter().find(|user| user.is_owner).map_or(0, |user| user.id)
}

async fn update_client(cx: CompatCx) -> Result<Answer> {
    let mut conn = cx.app.db.read().await?;
    let currencies = store::currencies(&mut conn).await?;
    let (id, email, edit) = cx.request.read(|params| {
        let mut edit = details(params, &currencies);
        edit.status = params.parsed("status", ClientStatus::parse);
        edit.default_gateway = params.text("paymentmethod").map(str::to_owned);
        edit.no_late_fees = params.bool("latefeeoveride");
        edit.no_overdue_notices = params.bool("overideduenotices");
        edit.tax_exempt = params.bool("taxexempt");
        edit.separate_invoices = params.bool("separateinvoices");
        edit.no_auto_capture = params.bool("disableautocc");
        edit.no_auto_status = params.bool("overrideautoclose");
        Ok((params.int("clientid"), params.filled("clientemail"), edit))
    })?;
    let Some(client) = named(&mut conn, id, email).await? else { return Ok(Answer::error("Client ID Not Found")) };
    drop(conn);
    let mut tx = cx.app.db.write().await?;
    let mut locked = clients::lock(&mut tx, client.id).await?;
    let updated = clients::update(&mut locked, &cx.actor, client.id, edit.clone(), cx.now).await;
    if let Err(error) = updated {
        return documented(error, &edit, "Duplicate Email Address", "The email address entered is not valid");
    }
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success().with("clientid", client.id.to_string()))
}

async fn close_client(cx: CompatCx) -> Result<Answer> {
    let id = cx.request.read(|params| params.required_int("clientid"))?;
    let mut tx = cx.app.db.write().await?;
    let mut locked = match clients::lock(&mut tx, id).await {
        Err(Error::NotFound(_)) => return Ok(Answer::error("Client ID Not Found")),
        other => other?,
    };
    clients::close(&mut locked, &cx.actor, id, cx.now).await?;
    tx.commit().await?;
    cx.app.wake.notify_waiters();
    Ok(Answer::success().with("clientid", id))
}

async fn named(conn: &mut Conn, id: Option<i64>, email: Option<&str>) -> Result<Option<Client>> {
    match (id, email) {
        (Some(id), _) => store::find(conn, id).await,
        (None, Some(email)) => clients::by_email(conn, email).await,
        (None, None) => Ok(None),
    }
}

/// Columns that the list may be ordered by; without one, by name.
const ORDERS: &[Sort] = &[
    Sort::by("firstname", &[Column::text("c.first_name"), Column::text("c.last_name")]),
    Sort::by("id", &[]),
    Sort::by("lastname", &[Column::text("c.last_name"), Column::text("c.first_name")]),
    Sort::by("companyname", &[Column::text("c.company")]),
    Sort::by("email", &[Column::text("c.email_lower")]),
    Sort::by("groupid", &[Column::int("c.group_id").or_missing()]),
    Sort::by("datecreated", &[Column::int("c.created_at")]),
    Sort::by("status", &[Column::text("c.status")]),
];

fn ordering(params: &mut Params<'_>) -> Result<(&'static Sort, Order), Noted> {
    let direction = match params.filled("sorting").unwrap_or("ASC").to_ascii_uppercase().as_str() {
        "ASC" => Order::Ascending,
        "DESC" => Order::Descending,
        _ => return Err(params.refuse("sorting", "Send ASC or DESC.")),
    };
    let Some(name) = params.filled("orderby") else {
        return Ok((&ORDERS[0], direction));
    };
    match ORDERS.iter().find(|sort| sort.key.eq_ignore_ascii_case(name)) {
        Some(sort) => Ok((sort, direction)),
        None => {
            let names: Vec<&str> = ORDERS.iter().map(|sort| sort.key).collect();
            Err(params.refuse("orderby", format!("Send one of {}.", names.join(", "))))
        }
    }
}

async fn get_clients(cx: CompatCx) -> Result<Answer> {
    let (part, order, filter) = cx.request.read(|params| {
        let part = part(params);
        let order = ordering(params);
        let filter = Filter {
            statuses: params.parsed("status", ClientStatus::parse).into_iter().collect(),
            starts: params.filled("search").map(str::to_owned),
            ..Filter::default()
        };
        Ok((part?, order?, filter))
    })?;
    let mut conn = cx.app.db.read().await?;
    let zone = company::zone(&mut conn).await?;
    let query = store::query(&mut conn, &filter).await?;
    let total = query.count_all(&mut conn).await?;
    let clients: Vec<Listed> = query.part(&mut conn, &Listed::columns("c"), order, part.start, part.limit).await?;
    let shown: Vec<Value> = clients.iter().map(|client| listed(client, &zone)).collect();
    Ok(Answer::success()
        .with("totalresults", total)
        .with("startnumber", part.start)
        .with("numreturned", shown.len())
        .with_list("clients", "client", shown))
}

fn word(status: ClientStatus) -> &'static str {
    match status {
        ClientStatus::Active => "Active",
        ClientStatus::Inactive => "Inactive",
        ClientStatus::Closed => "Closed",
    }
}

fn listed(client: &Listed, zone: &TimeZone) -> Value {
    json!({
        "id": client.id,
        "firstname": client.first_name,
        "lastname": client.last_name,
        "companyname": client.company,
        "email": client.email,
        "datecreated": company::day(client.created_at, zone),
        "groupid": client.group_id.unwrap_or_default(),
        "status": word(client.status),
    })
}

async fn get_clients_details(cx: CompatCx) -> Result<Answer> {
    let (id, email, stats) = cx
        .request
        .read(|params| Ok((params.int("clientid"), params.filled("email"), params.bool("stats").unwrap_or(false))))?;
    if id.is_none() && email.is_none() {
        return Ok(Answer::error("Either clientid Or email Is Required"));
    }
    let mut conn = cx.app.db.read().await?;
    let Some(client) = named(&mut conn, id, email).await? else { return Ok(Answer::error("Client Not Found")) };
    let users = users::of_client(&mut conn, client.id).await?;
    let currencies = store::currencies(&mut conn).await?;
    let dealt = currencies.iter().find(|dealt| dealt.code == client.currency);
    let mut details = described(&client, &users, dealt);
    let mut figures = no_figures(client.currency, dealt);
    if let Some(contributed) = cx.app.extensions.get::<ClientPanels>() {
        for load in &contributed.figures {
            for (name, value) in load(&cx.app, &mut conn, &client).await? {
                let target = if name == "credit" { &mut details } else { &mut figures };
                target.insert(name.to_owned(), value);
            }
        }
    }
    // Callers of older versions read the fields beside `result`, newer ones inside `client`.
    let mut answer = Answer::success();
    for (name, value) in &details {
        answer = answer.with(name, value.clone());
    }
    answer = answer.with("client", Value::Object(details));
    if stats {
        answer = answer.with("stats", Value::Object(figures));
    }
    Ok(answer)
}

/// `+44.1234567890` as the country's code and the rest; other ways of writing have no code that could be told apart.
fn phone_parts(phone: &str) -> (&str, &str) {
    match phone.strip_prefix('+').and_then(|rest| rest.split_once('.')) {
        Some((code, rest)) if code.bytes().all(|byte| byte.is_ascii_digit()) => (code, rest),
        _ => ("", phone),
    }
}

fn described(client: &Client, users: &[Of], dealt: Option<&Dealt>) -> Map<String, Value> {
    let (phone_code, phone) = phone_parts(&client.phone);
    let users: Vec<Value> = users
        .iter()
        .map(|user| json!({ "id": user.id, "name": user.name(), "email": user.email, "is_owner": user.is_owner }))
        .collect();
    let owner = users.iter().find(|user| user["is_owner"] == true).map_or(json!(0), |user| user["id"].clone());
    let wants = |kind: MailKind| if client.email_preferences.wants(kind) { "1" } else { "0" };
    let preferences: Map<String, Value> =
        MailKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), json!(wants(*kind)))).collect();
    let details = [
        ("client_id", json!(client.id)),
        ("owner_user_id", json!(owner)),
        ("userid", json!(client.id)),
        ("id", json!(client.id)),
        ("uuid", json!(client.uuid)),
        ("firstname", json!(client.first_name)),
        ("lastname", json!(client.last_name)),
        ("fullname", json!(client.name())),
        ("companyname", json!(client.company)),
        ("email", json!(client.email)),
        ("address1", json!(client.address1)),
        ("address2", json!(client.address2)),
        ("city", json!(client.city)),
        ("fullstate", json!(client.state)),
        ("state", json!(client.state)),
        ("postcode", json!(client.postcode)),
        ("countrycode", json!(client.country)),
        ("country", json!(client.country)),
        ("phonenumber", json!(phone)),
        ("tax_id", json!(client.tax_id)),
        ("email_preferences", json!(preferences)),
        ("statecode", json!(client.state)),
        ("countryname", json!(country_name(&client.country).unwrap_or_default())),
        ("phonecc", json!(phone_code)),
        ("phonenumberformatted", json!(client.phone)),
        ("telephoneNumber", json!(client.phone)),
        ("billingcid", json!(0)),
        ("notes", json!(client.notes)),
        ("currency", json!(dealt.map_or(0, |dealt| dealt.id))),
        ("defaultgateway", json!(client.default_gateway.clone().unwrap_or_default())),
        ("groupid", json!(client.group_id.unwrap_or_default())),
        ("status", json!(word(client.status))),
        ("credit", json!(Money::zero(client.currency).decimal())),
        ("taxexempt", json!(client.tax_exempt)),
        ("latefeeoveride", json!(client.no_late_fees)),
        ("overideduenotices", json!(client.no_overdue_notices)),
        ("separateinvoices", json!(client.separate_invoices)),
        ("disableautocc", json!(client.no_auto_capture)),
        ("emailoptout", json!(!client.marketing_opt_in)),
        ("marketing_emails_opt_in", json!(client.marketing_opt_in)),
        ("overrideautoclose", json!(client.no_auto_status)),
        ("allowSingleSignOn", json!(0)),
        ("email_verified", json!(false)),
        ("language", json!(client.language)),
        ("isOptedInToMarketingEmails", json!(client.marketing_opt_in)),
        ("lastlogin", json!("")),
        ("currency_code", json!(client.currency)),
        ("customfields", json!(Value::Array(Vec::new()))),
        ("users", json!(json!({ "user": users }))),
    ];
    details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `stats` of a client of whom nothing is known but its name; what other crates know replaces these.
fn no_figures(currency: Currency, dealt: Option<&Dealt>) -> Map<String, Value> {
    const AMOUNTS: &[&str] = &[
        "dueinvoicesbalance",
        "creditbalance",
        "grossRevenue",
        "expenses",
        "income",
        "overdueinvoicesbalance",
        "draftInvoicesBalance",
        "unpaidinvoicesamount",
        "paidinvoicesamount",
        "cancelledinvoicesamount",
        "refundedinvoicesamount",
        "collectionsinvoicesamount",
        "paymentpendinginvoicesamount",
    ];
    const NAMES: &[&str] = &[
        "numdueinvoices",
        "dueinvoicesbalance",
        "incredit",
        "creditbalance",
        "grossRevenue",
        "expenses",
        "income",
        "numoverdueinvoices",
        "overdueinvoicesbalance",
        "numDraftInvoices",
        "draftInvoicesBalance",
        "numunpaidinvoices",
        "unpaidinvoicesamount",
        "numpaidinvoices",
        "paidinvoicesamount",
        "numcancelledinvoices",
        "cancelledinvoicesamount",
        "numrefundedinvoices",
        "refundedinvoicesamount",
        "numcollectionsinvoices",
        "collectionsinvoicesamount",
        "numpaymentpendinginvoices",
        "paymentpendinginvoicesamount",
        "productsnumactivehosting",
        "productsnumhosting",
        "productsnumactivereseller",
        "productsnumreseller",
        "productsnumactiveservers",
        "productsnumservers",
        "productsnumactiveother",
        "productsnumother",
        "productsnumactive",
        "productsnumtotal",
        "numactivedomains",
        "numdomains",
        "numacceptedquotes",
        "numquotes",
        "numtickets",
        "numactivetickets",
        "numaffiliatesignups",
        "isAffiliate",
    ];
    let (prefix, suffix) = dealt.map_or(("", ""), |dealt| (dealt.prefix.as_str(), dealt.suffix.as_str()));
    let nothing = format!("{prefix}{}{suffix}", Money::zero(currency).decimal());
    let figure = |name: &str| match name {
        "incredit" | "isAffiliate" => json!(false),
        name if AMOUNTS.contains(&name) => json!(nothing),
        _ => json!(0),
    };
    NAMES.iter().map(|name| ((*name).to_owned(), figure(name))).collect()
}
