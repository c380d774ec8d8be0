//! Adding, showing and removing passkeys.

use ::passkeys::{Key, Proof, Question, Refusal, Site};
use kernel::{Error, Result, Timestamp, nonempty, single_line};
use platform::db::{Conn, Tx};
use platform::{App, crypto};
use serde_json::Value;

use super::{
    Passkey, Person, check_not_last, check_wanted, factors, forget_recovery_without_factor, log, renew_recovery_codes,
    store,
};
use crate::activity_log::Actor;
use crate::company;

/// Seconds for which a question may stand.
const LIFE: i64 = 300;
/// More are no use to anybody.
const MOST: usize = 20;
const NAME: usize = 60;

/// For what a passkey is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Add(Person),
    /// As the second factor of somebody who is known.
    Prove(Person),
    /// As the whole login of somebody of staff.
    LogInStaff,
    /// As the whole login of a user.
    LogInUser,
}

impl Purpose {
    fn text(self) -> String {
        match self {
            Purpose::Add(person) => format!("add:{person}"),
            Purpose::Prove(person) => format!("prove:{person}"),
            Purpose::LogInStaff => "login:staff".to_owned(),
            Purpose::LogInUser => "login:user".to_owned(),
        }
    }

    fn admits(self, person: Person) -> bool {
        match self {
            Purpose::Add(whose) | Purpose::Prove(whose) => whose == person,
            Purpose::LogInStaff => matches!(person, Person::Staff(_)),
            Purpose::LogInUser => matches!(person, Person::User(_)),
        }
    }
}

/// What a browser gets.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Comes back with the answer.
    pub token: String,
    pub options: Value,
}

/// The address that passkeys are bound to: the system address of the settings.
pub async fn site(conn: &mut Conn, name: &str) -> Result<Site> {
    let address = company::system_url(conn).await?;
    Site::new(&address, name).map_err(refusal)
}

fn refusal(refused: Refusal) -> Error {
    match refused {
        Refusal::Address(why) => Error::refused(why),
        Refusal::Answer(why) => {
            tracing::info!(%why, "an answer of a passkey was refused");
            Error::refused("The passkey was not accepted. Try again, or use another way.")
        }
        Refusal::Kept(why) => Error::broken(format!("passkeys: {why}")),
    }
}

fn key(passkey: &Passkey) -> Key {
    Key { id: passkey.key_id.clone(), text: passkey.key_text.clone() }
}

async fn ask(tx: &mut Tx, app: &App, purpose: Purpose, question: Question) -> Result<Asked> {
    let token = app.random.token();
    let expires = app.clock.now().plus_seconds(LIFE);
    store::insert_question(tx, &crypto::sha256_hex(token.as_bytes()), &purpose.text(), &question.state, expires)
        .await?;
    Ok(Asked { token, options: question.options })
}

/// Uses up a question, together with what a good answer does. A bad one leaves it, for as long as it stands.
async fn question(tx: &mut Tx, purpose: Purpose, token: &str, now: Timestamp) -> Result<String> {
    let hash = crypto::sha256_hex(token.as_bytes());
    store::take_question(tx, &hash, &purpose.text(), now)
        .await?
        .ok_or_else(|| Error::refused("This took too long, or was sent twice. Try again."))
}

/// Asks the browser for a new passkey of somebody.
pub async fn ask_for_new(
    tx: &mut Tx,
    app: &App,
    site: &Site,
    person: Person,
    login: &str,
    name: &str,
) -> Result<Asked> {
    check_wanted(tx, person).await?;
    let known = store::passkeys(tx, &person.to_string()).await?;
    if known.len() >= MOST {
        return Err(Error::refused(format!("There are {MOST} passkeys already. Remove one that you no longer use.")));
    }
    let made = app.random.uuid(app.clock.now()).to_string();
    let handle = store::handle(tx, &person.to_string(), &made).await?;
    let keys: Vec<Key> = known.iter().map(key).collect();
    let question = site.ask_for_new(&handle, login, name, &keys).map_err(refusal)?;
    ask(tx, app, Purpose::Add(person), question).await
}

/// An answer of a browser, with the token of the question.
#[derive(Debug, Clone)]
pub struct Answer {
    pub token: String,
    pub response: Value,
}

/// Adds the passkey that an answer brings. Who had no factor before gets recovery codes.
pub async fn add(
    tx: &mut Tx,
    app: &App,
    site: &Site,
    by: &Actor,
    person: Person,
    name: &str,
    answer: Answer,
) -> Result<Option<Vec<String>>> {
    let now = app.clock.now();
    let name = name_of(name)?;
    check_wanted(tx, person).await?;
    let state = question(tx, Purpose::Add(person), &answer.token, now).await?;
    let key = site.take_new(&state, answer.response).map_err(refusal)?;
    if !store::insert_passkey(tx, &person.to_string(), &name, &key.id, &key.text, now).await? {
        return Err(Error::refused("This passkey is in use already."));
    }
    log(tx, by, person, &format!("Passkey “{name}” added"), now).await?;
    if store::recovery_codes(tx, &person.to_string()).await? > 0 {
        return Ok(None);
    }
    renew_recovery_codes(tx, person, &app.random).await.map(Some)
}

fn name_of(text: &str) -> Result<String> {
    let name = single_line(text, NAME).map_err(|message| Error::invalid("name", message))?;
    Ok(nonempty(&name).map_or_else(|| "Passkey".to_owned(), str::to_owned))
}

/// Asks for one of somebody's passkeys.
pub async fn ask_person(tx: &mut Tx, app: &App, site: &Site, person: Person) -> Result<Asked> {
    let known = store::passkeys(tx, &person.to_string()).await?;
    if known.is_empty() {
        return Err(Error::refused("There is no passkey to ask for."));
    }
    let keys: Vec<Key> = known.iter().map(key).collect();
    ask(tx, app, Purpose::Prove(person), site.ask(&keys).map_err(refusal)?).await
}

/// Judges the answer of somebody who is known already.
pub async fn prove(tx: &mut Tx, app: &App, site: &Site, person: Person, answer: Answer) -> Result<()> {
    let now = app.clock.now();
    let state = question(tx, Purpose::Prove(person), &answer.token, now).await?;
    let known = store::passkeys(tx, &person.to_string()).await?;
    let keys: Vec<Key> = known.iter().map(key).collect();
    let proof = site.judge(&state, answer.response, &keys).map_err(refusal)?;
    used(tx, &proof, now).await
}

/// Asks for whatever passkey the device has.
pub async fn ask_anybody(tx: &mut Tx, app: &App, site: &Site, purpose: Purpose) -> Result<Asked> {
    ask(tx, app, purpose, site.ask_anybody().map_err(refusal)?).await
}

/// Who has logged in by a passkey alone.
pub async fn identify(tx: &mut Tx, app: &App, site: &Site, purpose: Purpose, answer: Answer) -> Result<Person> {
    let now = app.clock.now();
    let state = question(tx, purpose, &answer.token, now).await?;
    let unknown = || refusal(Refusal::Answer("an unknown passkey".to_owned()));
    let (handle, id) = site.who(&answer.response).map_err(refusal)?;
    let owner = store::owner_of_handle(tx, &handle).await?.ok_or_else(unknown)?;
    let person = Person::parse(&owner)?;
    let known = store::passkeys(tx, &owner).await?;
    let found = known.iter().find(|passkey| passkey.key_id == id).filter(|_| purpose.admits(person));
    let passkey = found.ok_or_else(unknown)?;
    let proof = site.judge_anybody(&state, answer.response, &key(passkey)).map_err(refusal)?;
    used(tx, &proof, now).await?;
    Ok(person)
}

async fn used(tx: &mut Tx, proof: &Proof, now: Timestamp) -> Result<()> {
    store::passkey_used(tx, &proof.id, proof.text.as_deref(), now).await
}

/// Gives a passkey of somebody another name.
pub async fn rename(tx: &mut Tx, by: &Actor, person: Person, id: i64, name: &str, now: Timestamp) -> Result<()> {
    let name = name_of(name)?;
    let passkey = find(tx, person, id).await?;
    if passkey.name == name {
        return Ok(());
    }
    store::rename_passkey(tx, &person.to_string(), id, &name).await?;
    log(tx, by, person, &format!("Passkey “{}” is now named “{name}”", passkey.name), now).await
}

/// Removes a passkey, by its owner.
pub async fn remove(tx: &mut Tx, by: &Actor, person: Person, id: i64, now: Timestamp) -> Result<()> {
    let passkey = find(tx, person, id).await?;
    let known = factors(tx, person).await?;
    check_not_last(tx, person, known.totp_since.is_some() || known.passkeys.len() > 1).await?;
    store::remove_passkey(tx, &person.to_string(), id).await?;
    forget_recovery_without_factor(tx, person).await?;
    log(tx, by, person, &format!("Passkey “{}” removed", passkey.name), now).await
}

async fn find(conn: &mut Conn, person: Person, id: i64) -> Result<Passkey> {
    let known = store::passkeys(conn, &person.to_string()).await?;
    known.into_iter().find(|passkey| passkey.id == id).ok_or(Error::NotFound("Passkey"))
}
