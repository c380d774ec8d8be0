//! Questions that users choose to be asked before their password is reset. Without any, nobody is asked.
//!
//! What must hold:
//! - What is kept of an answer is an Argon2id hash of its [normalised](answer) form; nobody can read it, staff neither.
//! - Whoever has an answer proves to know it before another takes its place. Staff can take it away.
//! - Wrong answers are counted like wrong passwords.
//! - A question that somebody has chosen stays.

pub mod admin;
mod answer;
pub mod api;
pub mod client;
mod store;
#[cfg(test)]
mod tests;

use kernel::{Error, FieldErrors, Result, Timestamp, single_line};
use platform::App;
use platform::db::{Conn, Tx};
use platform::record;

use crate::activity_log::{self, Activity, Actor, changes};
use crate::passwords::{self, Hash, guessing};
use crate::roles::Permission;
use crate::users::{self, User};

pub const CONFIGURE: Permission = Permission("Configure Security Questions");

record! {
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Question {
        pub id: i64,
        pub question: String,
        pub created_at: Timestamp,
    }
}

record! {
    /// What a user is asked.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
    pub struct Chosen {
        pub question_id: i64,
        pub question: String,
        /// Since when.
        pub set_at: Timestamp,
    }
}

const LENGTH: usize = 200;
/// More are no choice but a search.
const MOST: i64 = 100;

pub async fn all(conn: &mut Conn) -> Result<Vec<Question>> {
    store::all(conn).await
}

pub async fn find(conn: &mut Conn, id: i64) -> Result<Question> {
    store::find(conn, id).await?.ok_or(Error::NotFound("Security question"))
}

pub async fn create(tx: &mut Tx, by: &Actor, question: &str, now: Timestamp) -> Result<Question> {
    let question = worded(question)?;
    if store::how_many(tx).await? >= MOST {
        return Err(Error::refused(format!("There are {MOST} questions already. Delete one that nobody has chosen.")));
    }
    let Some(made) = store::insert(tx, &question, now).await? else { return Err(taken()) };
    log(tx, by, &made, "added", now).await?;
    Ok(made)
}

/// Changes the words. Answers stay: they are to be of the same question.
pub async fn update(tx: &mut Tx, by: &Actor, id: i64, question: &str, now: Timestamp) -> Result<Question> {
    let old = find(tx, id).await?;
    let question = worded(question)?;
    if question == old.question {
        return Ok(old);
    }
    if store::named(tx, &question).await?.is_some() {
        return Err(taken());
    }
    store::update(tx, id, &question).await?;
    let changed = changes([("Question", old.question, question.clone())]);
    let activity = Activity::new(format!("Security question “{question}” changed"));
    activity_log::record(tx, by, activity.about(subject(id)).changed(changed), now).await?;
    find(tx, id).await
}

/// Takes away a question that nobody has chosen.
pub async fn delete(tx: &mut Tx, by: &Actor, id: i64, now: Timestamp) -> Result<()> {
    let question = find(tx, id).await?;
    match store::users(tx, id).await? {
        0 => {}
        1 => return Err(Error::refused(format!("One user has chosen “{}”, so it stays.", question.question))),
        many => return Err(Error::refused(format!("{many} users have chosen “{}”, so it stays.", question.question))),
    }
    store::delete(tx, id).await?;
    log(tx, by, &question, "deleted", now).await
}

fn worded(question: &str) -> Result<String> {
    let mut errors = FieldErrors::default();
    let line = errors.take("question", single_line(question, LENGTH)).unwrap_or_default();
    if line.is_empty() && errors.is_empty() {
        errors.add("question", "Write a question.");
    }
    errors.check()?;
    Ok(line)
}

fn taken() -> Error {
    Error::invalid("question", "There is this question already.")
}

async fn log(tx: &mut Tx, by: &Actor, question: &Question, what: &str, now: Timestamp) -> Result<()> {
    let activity = Activity::new(format!("Security question “{}” {what}", question.question));
    activity_log::record(tx, by, activity.about(subject(question.id)), now).await
}

fn subject(id: i64) -> String {
    format!("security_question:{id}")
}

/// A user, as the activity log names it.
fn of(user_id: i64) -> String {
    format!("user:{user_id}")
}

/// What a user is asked; `None` when the user has chosen no question.
pub async fn of_user(conn: &mut Conn, user_id: i64) -> Result<Option<Chosen>> {
    store::chosen(conn, user_id).await
}

/// A question and the answer that somebody has chosen for it.
#[derive(Debug, Clone)]
pub struct NewAnswer {
    question_id: i64,
    hash: Hash,
}

/// Checks an answer and hashes it, which takes long: no transaction may be open. The fields of errors are `question` and
/// `answer`.
pub async fn choose(app: &App, question_id: i64, answer: &str) -> Result<NewAnswer> {
    let mut errors = FieldErrors::default();
    if store::find(&mut app.db.read().await?, question_id).await?.is_none() {
        errors.add("question", "Choose one of the questions.");
    }
    let answer = answer::normalised(answer);
    match answer.chars().count() {
        0 => errors.add("answer", "Write an answer."),
        length if length > answer::MAX => {
            errors.add("answer", format!("Shorten this to at most {} characters.", answer::MAX));
        }
        _ => {}
    }
    errors.check()?;
    Ok(NewAnswer { question_id, hash: passwords::hash(&answer).await? })
}

/// That somebody knows the answer that a user has now.
#[derive(Debug)]
pub struct Proof {
    user_id: i64,
    answer_hash: String,
}

/// Whether this is the user's answer. Of a user without one nothing is. Takes two transactions of its own; too many wrong
/// answers are refused before they are looked at.
pub async fn prove(app: &App, user_id: i64, answer: &str, ip: &str, now: Timestamp) -> Result<Option<Proof>> {
    let account = guessing::account("question", &user_id.to_string());
    let mut conn = app.db.read().await?;
    guessing::check(&mut conn, &account, ip, now).await?;
    let stored = store::stored(&mut conn, user_id).await?;
    drop(conn);
    let hash = stored.map(|stored| stored.answer_hash);
    let right = passwords::matches(&answer::normalised(answer), hash.as_deref()).await?;
    let mut tx = app.db.write().await?;
    if right {
        guessing::forget(&mut tx, &account, ip).await?;
    } else {
        guessing::note(&mut tx, &account, ip, now).await?;
    }
    tx.commit().await?;
    Ok(hash.filter(|_| right).map(|answer_hash| Proof { user_id, answer_hash }))
}

/// As [`prove`], for whoever only wants to know.
pub async fn check(app: &App, user_id: i64, answer: &str, ip: &str, now: Timestamp) -> Result<bool> {
    Ok(prove(app, user_id, answer, ip, now).await?.is_some())
}

/// Whether somebody has proved to know what a user is asked; nobody need who is asked nothing.
pub async fn is_proved(conn: &mut Conn, user_id: i64, proof: Option<&Proof>) -> Result<bool> {
    Ok(store::stored(conn, user_id).await?.is_none_or(|stored| fits(proof, user_id, &stored.answer_hash)))
}

/// A proof is of one user's answer, as it was then.
fn fits(proof: Option<&Proof>, user_id: i64, answer_hash: &str) -> bool {
    proof.is_some_and(|proof| proof.user_id == user_id && proof.answer_hash == answer_hash)
}

/// Gives a user a question and an answer. Whoever has one already must have [proved](prove) to know it.
pub async fn set(
    tx: &mut Tx,
    by: &Actor,
    user: &User,
    new: NewAnswer,
    proof: Option<&Proof>,
    now: Timestamp,
) -> Result<()> {
    let Some(question) = store::find(tx, new.question_id).await? else {
        return Err(Error::invalid("question", "Choose one of the questions."));
    };
    let (before, written) = match store::stored(tx, user.id).await? {
        None => (String::new(), store::first(tx, user.id, question.id, new.hash.as_str(), now).await?),
        Some(stored) => {
            if !fits(proof, user.id, &stored.answer_hash) {
                return Err(Error::invalid("current_answer", "This is not your present answer."));
            }
            let new = (question.id, new.hash.as_str());
            let before = find(tx, stored.question_id).await?.question;
            (before, store::replace(tx, user.id, &stored.answer_hash, new, now).await?)
        }
    };
    if written == 0 {
        return Err(Error::conflict("The security question has just been changed. Look again."));
    }
    // The words of the question are no secret; that the answer is another one is told by the entry itself.
    let changed = changes([("Question", before, question.question)]);
    let activity = Activity::new(format!("Security question of user {} set", user.email));
    activity_log::record(tx, by, activity.about(of(user.id)).changed(changed), now).await
}

/// Takes a user's question away, with the answer.
pub async fn remove(tx: &mut Tx, by: &Actor, user_id: i64, now: Timestamp) -> Result<()> {
    let user = users::find(tx, user_id).await?;
    let Some(chosen) = of_user(tx, user_id).await? else {
        return Err(Error::NotFound("Security question of this user"));
    };
    store::remove(tx, user_id).await?;
    let changed = changes([("Question", chosen.question, String::new())]);
    let activity = Activity::new(format!("Security question of user {} removed", user.email));
    activity_log::record(tx, by, activity.about(of(user_id)).changed(changed), now).await
}
