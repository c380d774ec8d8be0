//! Clients: who is billed. Who logs in are `users`.
//!
//! What must hold:
//! - What moves a client's money takes a [`Locked`] transaction, so it does not compile without the client's lock.
//! - A client's currency is fixed from the first invoice, payment or credit on.
//! - `party_id` points at the name and address as they are now; documents copy that pointer, so a later change of
//!   address makes a new party and leaves the documents alone.

mod finder;
mod store;

use std::ops::{Deref, DerefMut};

use kernel::{Currency, Error, Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::record;

pub use finder::finders;

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

/// The English short name of ISO 3166-1.
pub fn country_name(code: &str) -> Option<&'static str> {
    rust_iso3166::from_alpha2(code).map(|country| country.name)
}
