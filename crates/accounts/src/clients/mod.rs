//! Clients: who is billed. Who logs in are `users`.
//!
//! What must hold:
//! - What moves a client's money takes a [`Locked`] transaction, so it does not compile without the client's lock.
//! - A client's currency is fixed from the first invoice, payment or credit on.
//! - `party_id` points at the name and address as they are now; documents copy that pointer, so a later change of
//!   address makes a new party and leaves the documents alone.

pub mod admin;
pub mod api;
pub mod choose;
pub mod client;
pub mod compat;
mod countries;
mod email_preferences;
mod finder;
mod panels;
pub(crate) mod profile;
mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};

use kernel::{Currency, Error, FieldErrors, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::{App, Random, record};

use crate::activity_log::{self, Activity, Actor, Change, changes};
use crate::parties::{self, Party};
use crate::passwords::{self, Kinds};
use crate::roles::Permission;
use crate::users::{self, Owner};

pub use countries::{countries, country_name};
pub use email_preferences::{EmailPreferences, MailKind};
pub use finder::finders;
pub use panels::{
    ClientLink, ClientPanel, ClientPanels, ClosingEffect, Figures, LinkPlace, Panel, PanelFuture, Place, Seen, tabs,
};
pub use profile::{ClientEdit, Demand};
pub use store::{Dealt, Listed};

pub const LIST: Permission = Permission("List Clients");
pub const VIEW: Permission = Permission("View Clients Summary");
pub const ADD: Permission = Permission("Add New Client");
pub const EDIT: Permission = Permission("Edit Clients Details");
/// Closing a client; none is ever removed.
pub const DELETE: Permission = Permission("Delete Client");

kernel::text_enum! {
    pub enum ClientStatus {
        Active = "active",
        Inactive = "inactive",
        Closed = "closed",
    }
}
platform::enum_column!(ClientStatus);

record! {
    #[derive(Debug, Clone, PartialEq, serde::Serialize)]
    pub struct Client {
        pub id: i64,
        pub uuid: String,
        pub first_name: String,
        pub last_name: String,
        pub company: String,
        pub email: String,
        pub address1: String,
        pub address2: String,
        pub city: String,
        pub state: String,
        pub postcode: String,
        /// ISO 3166-1 alpha-2; empty when it was never asked for.
        pub country: String,
        pub phone: String,
        pub tax_id: String,
        pub currency: Currency,
        pub default_gateway: Option<String>,
        pub group_id: Option<i64>,
        pub status: ClientStatus,
        pub language: String,
        pub notes: String,
        pub tax_exempt: bool,
        pub no_late_fees: bool,
        pub no_overdue_notices: bool,
        pub separate_invoices: bool,
        pub no_auto_capture: bool,
        pub no_auto_status: bool,
        pub marketing_opt_in: bool,
        pub email_preferences: EmailPreferences,
        /// Name and address as they are now.
        pub party_id: i64,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

impl Client {
    pub fn name(&self) -> String {
        [self.first_name.as_str(), self.last_name.as_str()].join(" ").trim().to_owned()
    }

    /// How lists name the client: the company if there is one, else the person.
    pub fn display_name(&self) -> String {
        if self.company.is_empty() { self.name() } else { self.company.clone() }
    }

    /// Name and address as they are now, for documents.
    pub fn party(&self) -> Party {
        Party {
            name: self.name(),
            company: self.company.clone(),
            email: self.email.clone(),
            address1: self.address1.clone(),
            address2: self.address2.clone(),
            city: self.city.clone(),
            state: self.state.clone(),
            postcode: self.postcode.clone(),
            country: self.country.clone(),
            phone: self.phone.clone(),
            tax_id: self.tax_id.clone(),
        }
    }

    fn blank(uuid: String, currency: Currency, now: Timestamp) -> Client {
        Client {
            id: 0,
            uuid,
            first_name: String::new(),
            last_name: String::new(),
            company: String::new(),
            email: String::new(),
            address1: String::new(),
            address2: String::new(),
            city: String::new(),
            state: String::new(),
            postcode: String::new(),
            country: String::new(),
            phone: String::new(),
            tax_id: String::new(),
            currency,
            default_gateway: None,
            group_id: None,
            status: ClientStatus::Active,
            language: String::new(),
            notes: String::new(),
            tax_exempt: false,
            no_late_fees: false,
            no_overdue_notices: false,
            separate_invoices: false,
            no_auto_capture: false,
            no_auto_status: false,
            marketing_opt_in: false,
            email_preferences: EmailPreferences::default(),
            party_id: 0,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A client was added; its owner exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAdded {
    pub client_id: i64,
}

/// A client was closed: whoever charges it or works for it stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientClosed {
    pub client_id: i64,
    pub by: Actor,
    pub now: Timestamp,
}

/// A client as it was written, and who owns it.
#[derive(Debug, Clone, Default)]
pub struct NewClient {
    pub details: ClientEdit,
    pub owner: Owner,
}

/// Which clients a list shows. The default shows all of them.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Words that all occur in name, company or e-mail address; or an id.
    pub text: String,
    /// What a word of name, company or e-mail address, or several, begin with.
    pub starts: Option<String>,
    /// Empty: any.
    pub statuses: Vec<ClientStatus>,
    /// 0: those without a group.
    pub group_id: Option<i64>,
    pub currency: Option<Currency>,
    pub country: Option<String>,
}

/// A transaction that holds the lock of certain clients until it ends. Whatever changes balances, invoices or
/// payments takes one, so that it cannot be called without the lock.
pub struct Locked<'t> {
    tx: &'t mut Tx,
    ids: Vec<i64>,
}

impl Locked<'_> {
    /// A rule calls this with the client that it is about to touch. Broken when another client was locked.
    pub fn check(&self, client_id: i64) -> Result<()> {
        if self.ids.binary_search(&client_id).is_ok() {
            Ok(())
        } else {
            Err(Error::broken(format!("client {client_id} is not locked; locked are {:?}", self.ids)))
        }
    }

    /// The locked clients, in ascending order.
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }
}

impl Deref for Locked<'_> {
    type Target = Tx;
    fn deref(&self) -> &Tx {
        self.tx
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        self.tx
    }
}

/// How a list names a client: the company if there is one, else the person. For the alias `c` of `clients`.
pub const NAME: &str = "CASE WHEN c.company <> '' THEN c.company ELSE c.first_name || ' ' || c.last_name END";

/// As [`NAME`], of what was read.
pub fn name(company: &str, first_name: &str, last_name: &str) -> String {
    if company.is_empty() { [first_name, last_name].join(" ").trim().to_owned() } else { company.to_owned() }
}

/// Names of clients by id, for a list that knows only ids.
pub async fn names(conn: &mut Conn, ids: &[i64]) -> Result<HashMap<i64, String>> {
    let rows = store::names(conn, ids).await?;
    Ok(rows.into_iter().map(|(id, company, first, last)| (id, name(&company, &first, &last))).collect())
}

/// Locks one client until the transaction ends.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Locked<'_>> {
    lock_many(tx, &[id]).await
}

/// Locks several clients, in the order of their ids, so that two batches never wait for each other.
/// Not found when one of them does not exist.
pub async fn lock_many<'t>(tx: &'t mut Tx, ids: &[i64]) -> Result<Locked<'t>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let held = store::lock(tx, &ids).await?;
    if held.len() == ids.len() { Ok(Locked { tx, ids }) } else { Err(Error::NotFound("Client")) }
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Client> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Client"))
}

/// The client whose id stands in `field` of what was sent.
pub async fn named(conn: &mut Conn, field: &str, id: i64) -> Result<Client> {
    store::find(conn, id).await?.ok_or_else(|| Error::invalid(field, format!("There is no client {id}.")))
}

/// The oldest client with this e-mail address; several may share one.
pub async fn by_email(conn: &mut Conn, email: &str) -> Result<Option<Client>> {
    store::by_email(conn, &email.trim().to_lowercase()).await
}

/// Checks and hashes the password of a new client's owner. `field` is where it was typed.
pub async fn password_of(app: &App, details: &ClientEdit, password: &str, field: &str) -> Result<passwords::Hash> {
    let known = [&details.first_name, &details.last_name, &details.company, &details.email];
    let known: Vec<&str> = known.into_iter().flatten().map(String::as_str).collect();
    passwords::choose(app, passwords::Owner { kind: Kinds::User, known: &known }, password, field).await
}

/// Adds a client with its owner, active unless something else was written.
pub async fn create(tx: &mut Tx, by: &Actor, new: NewClient, random: &Random, now: Timestamp) -> Result<Client> {
    let mut errors = FieldErrors::default();
    let mut client = drafted(tx, &new.details, random.uuid(now).to_string(), now, &mut errors).await?;
    let owner = users::check_owner(tx, &new.owner, &client, &mut errors).await?;
    errors.check()?;
    client.party_id = parties::keep(tx, &client.party()).await?;
    client.id = store::insert(tx, &client).await?;
    let owner = users::own(tx, by, &client, owner, new.owner, now).await?;
    let activity = Activity::new(format!("Client {} added, owned by {}", client.display_name(), owner.email));
    activity_log::record(tx, by, activity.client(client.id).about(subject(client.id)), now).await?;
    tx.publish(&ClientAdded { client_id: client.id }).await?;
    Ok(client)
}

/// A new client as it was written, and what is wrong with it.
async fn drafted(
    conn: &mut Conn,
    details: &ClientEdit,
    uuid: String,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Result<Client> {
    let Some(base) = store::currencies(conn).await?.into_iter().find(|dealt| dealt.is_base) else {
        return Err(Error::refused("Add a currency first: a client is billed in one."));
    };
    let client = profile::applied(&Client::blank(uuid, base.code, now), details, errors);
    profile::demanded(&client, details, false, errors);
    check_references(conn, &client, details, errors).await?;
    Ok(client)
}

/// What is wrong with the details of a client that is not there yet, for whoever has more to ask before [`create`].
pub(crate) async fn check_new(
    conn: &mut Conn,
    details: &ClientEdit,
    now: Timestamp,
    errors: &mut FieldErrors,
) -> Result<()> {
    drafted(conn, details, String::new(), now, errors).await.map(|_| ())
}

/// The currencies in which somebody can be billed, the base one first.
pub async fn currencies(conn: &mut Conn) -> Result<Vec<Dealt>> {
    let mut dealt = store::currencies(conn).await?;
    dealt.sort_by_key(|dealt| !dealt.is_base);
    Ok(dealt)
}

/// Changes what was written. Setting the status to closed closes the client; setting another one reopens it.
pub async fn update(locked: &mut Locked<'_>, by: &Actor, id: i64, edit: ClientEdit, now: Timestamp) -> Result<Client> {
    locked.check(id)?;
    let old = find(locked, id).await?;
    let mut errors = FieldErrors::default();
    let mut client = profile::applied(&old, &edit, &mut errors);
    profile::demanded(&client, &edit, true, &mut errors);
    check_references(locked, &client, &edit, &mut errors).await?;
    if client.currency != old.currency && store::has_money(locked, id).await? {
        let fixed = old.currency;
        errors.add("currency", format!("The client has been billed in {fixed}, so the currency stays {fixed}."));
    }
    errors.check()?;
    if client == old {
        return Ok(old);
    }
    if client.status == ClientStatus::Closed && old.status != ClientStatus::Closed {
        by.require(DELETE)?;
    }
    if client.party() != old.party() {
        client.party_id = parties::keep(locked, &client.party()).await?;
    }
    client.updated_at = now;
    store::update(locked, &client).await?;
    let what = match (old.status, client.status) {
        (before, after) if before == after => "changed",
        (_, ClientStatus::Closed) => "closed",
        (ClientStatus::Closed, _) => "reopened",
        _ => "changed",
    };
    let activity =
        Activity::new(format!("Client {} {what}", client.display_name())).changed(differences(&old, &client));
    activity_log::record(locked, by, activity.client(id).about(subject(id)), now).await?;
    if what == "closed" {
        locked.publish(&ClientClosed { client_id: id, by: by.clone(), now }).await?;
    }
    Ok(client)
}

/// Closes a client. Closing it again changes nothing.
pub async fn close(locked: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    locked.check(id)?;
    close_these(locked, by, &[id], now).await?;
    Ok(())
}

/// Closes every locked client; how many were not closed before.
pub async fn close_all(locked: &mut Locked<'_>, by: &Actor, now: Timestamp) -> Result<usize> {
    let ids = locked.ids.clone();
    close_these(locked, by, &ids, now).await
}

async fn close_these(tx: &mut Tx, by: &Actor, ids: &[i64], now: Timestamp) -> Result<usize> {
    by.require(DELETE)?;
    let closed = store::close(tx, ids, now).await?;
    let activities: Vec<Activity> =
        closed.iter().map(|id| Activity::new("Client closed").client(*id).about(subject(*id))).collect();
    activity_log::record_all(tx, by, &activities, now).await?;
    for client_id in &closed {
        tx.publish(&ClientClosed { client_id: *client_id, by: by.clone(), now }).await?;
    }
    Ok(closed.len())
}

/// Opens a closed client again. What was stopped when it was closed stays stopped.
pub async fn reopen(locked: &mut Locked<'_>, by: &Actor, id: i64, now: Timestamp) -> Result<Client> {
    let client = find(locked, id).await?;
    if client.status != ClientStatus::Closed {
        return Ok(client);
    }
    let edit = ClientEdit { status: Some(ClientStatus::Active), demand: Demand::Nothing, ..ClientEdit::default() };
    update(locked, by, id, edit, now).await
}

/// Currency, group and gateway must exist. Only what was written is looked at.
async fn check_references(conn: &mut Conn, client: &Client, edit: &ClientEdit, errors: &mut FieldErrors) -> Result<()> {
    if edit.currency.is_some() && errors.of("currency").is_none() {
        let dealt = store::currencies(conn).await?;
        if !dealt.iter().any(|dealt| dealt.code == client.currency) {
            let codes: Vec<String> = dealt.iter().map(|dealt| dealt.code.to_string()).collect();
            errors.add(
                "currency",
                format!("You do not deal in {}. Choose one of: {}.", client.currency, codes.join(", ")),
            );
        }
    }
    if let (Some(_), Some(group)) = (edit.group_id, client.group_id)
        && let Err(error) = crate::client_groups::find(conn, group).await
    {
        match error {
            Error::NotFound(_) => errors.add("group_id", "Choose one of the client groups."),
            other => return Err(other),
        }
    }
    if let (Some(_), Some(gateway)) = (&edit.default_gateway, &client.default_gateway) {
        let known = store::gateways(conn).await?;
        if !known.iter().any(|(name, _)| name == gateway) {
            errors.add("default_gateway", "Choose one of the ways to pay that are in use.");
        }
    }
    Ok(())
}

fn differences(old: &Client, new: &Client) -> Vec<Change> {
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let word = |client: fn(&Client) -> bool, of: &Client| if client(of) { "yes" } else { "no" }.to_owned();
    let text = |field: fn(&Client) -> &String| (field(old).clone(), field(new).clone());
    let flag = |field: fn(&Client) -> bool| (word(field, old), word(field, new));
    let pairs = [
        ("First name", text(|client| &client.first_name)),
        ("Last name", text(|client| &client.last_name)),
        ("Company", text(|client| &client.company)),
        ("E-mail", text(|client| &client.email)),
        ("Address", text(|client| &client.address1)),
        ("Address, second line", text(|client| &client.address2)),
        ("City", text(|client| &client.city)),
        ("State", text(|client| &client.state)),
        ("Postcode", text(|client| &client.postcode)),
        ("Country", text(|client| &client.country)),
        ("Telephone", text(|client| &client.phone)),
        ("Tax number", text(|client| &client.tax_id)),
        ("Language", text(|client| &client.language)),
        ("Notes", text(|client| &client.notes)),
        ("Currency", (old.currency.to_string(), new.currency.to_string())),
        (
            "Default payment method",
            (old.default_gateway.clone().unwrap_or_default(), new.default_gateway.clone().unwrap_or_default()),
        ),
        ("Group", (id(old.group_id), id(new.group_id))),
        ("Status", (old.status.to_string(), new.status.to_string())),
        ("Tax exempt", flag(|client| client.tax_exempt)),
        ("No late fees", flag(|client| client.no_late_fees)),
        ("No overdue notices", flag(|client| client.no_overdue_notices)),
        ("Separate invoices", flag(|client| client.separate_invoices)),
        ("No automatic card payments", flag(|client| client.no_auto_capture)),
        ("No automatic status", flag(|client| client.no_auto_status)),
        ("Marketing mail", flag(|client| client.marketing_opt_in)),
    ];
    let mut changed = changes(pairs.map(|(field, (old, new))| (field, old, new)));
    let wants = |client: &Client, kind| if client.email_preferences.wants(kind) { "yes" } else { "no" }.to_owned();
    for kind in MailKind::ALL {
        let field = format!("Mail: {}", kind.label().to_lowercase());
        changed.extend(changes([(&field, wants(old, *kind), wants(new, *kind))]));
    }
    changed
}

fn subject(id: i64) -> String {
    format!("client:{id}")
}
