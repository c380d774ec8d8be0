//! The statements about security questions and answers.

use kernel::{Result, Timestamp};
use platform::db::{Conn, Tx};
use platform::web::lists::COUNT_LIMIT;
use platform::{params, record};

use super::{Chosen, Question};

record! {
    /// A line of the list.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Counted {
        pub id: i64,
        pub question: String,
        /// How many users have chosen it, counted as far as lists count.
        pub users: i64,
    }
}

record! {
    /// What a user has chosen, as it is stored.
    pub struct Stored {
        pub question_id: i64,
        pub answer_hash: String,
    }
}

pub(super) async fn all(conn: &mut Conn) -> Result<Vec<Question>> {
    let sql = format!("SELECT {} FROM security_questions ORDER BY question, id", Question::columns(""));
    conn.all(&sql, params![]).await
}

pub(super) async fn counted(conn: &mut Conn) -> Result<Vec<Counted>> {
    let sql = format!(
        "SELECT q.id, q.question, (SELECT COUNT(*) FROM (SELECT 1 AS one FROM security_answers a \
         WHERE a.question_id = q.id LIMIT {}) AS chosen) FROM security_questions q ORDER BY q.question, q.id",
        COUNT_LIMIT + 1
    );
    conn.all(&sql, params![]).await
}

pub(super) async fn find(conn: &mut Conn, id: i64) -> Result<Option<Question>> {
    let sql = format!("SELECT {} FROM security_questions WHERE id = $1", Question::columns(""));
    conn.optional(&sql, params![id]).await
}

pub(super) async fn named(conn: &mut Conn, question: &str) -> Result<Option<i64>> {
    let found: Option<(i64,)> =
        conn.optional("SELECT id FROM security_questions WHERE question = $1", params![question]).await?;
    Ok(found.map(|(id,)| id))
}

pub(super) async fn how_many(conn: &mut Conn) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM security_questions", params![]).await
}

/// `None` when there is this question already.
pub(super) async fn insert(tx: &mut Tx, question: &str, now: Timestamp) -> Result<Option<Question>> {
    let sql = format!(
        "INSERT INTO security_questions (question, created_at) VALUES ($1, $2) ON CONFLICT (question) DO NOTHING \
         RETURNING {}",
        Question::columns("")
    );
    tx.optional(&sql, params![question, now]).await
}

pub(super) async fn update(tx: &mut Tx, id: i64, question: &str) -> Result<()> {
    tx.execute("UPDATE security_questions SET question = $2 WHERE id = $1", params![id, question]).await?;
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    tx.execute("DELETE FROM security_questions WHERE id = $1", params![id]).await?;
    Ok(())
}

/// How many users have chosen it.
pub(super) async fn users(conn: &mut Conn, id: i64) -> Result<i64> {
    conn.scalar("SELECT COUNT(*) FROM security_answers WHERE question_id = $1", params![id]).await
}

pub(super) async fn chosen(conn: &mut Conn, user_id: i64) -> Result<Option<Chosen>> {
    conn.optional(
        "SELECT q.id, q.question, a.set_at FROM security_answers a JOIN security_questions q ON q.id = a.question_id \
         WHERE a.user_id = $1",
        params![user_id],
    )
    .await
}

pub(super) async fn stored(conn: &mut Conn, user_id: i64) -> Result<Option<Stored>> {
    let sql = format!("SELECT {} FROM security_answers WHERE user_id = $1", Stored::columns(""));
    conn.optional(&sql, params![user_id]).await
}

/// The first answer of a user; 0 when there has just been another.
pub(super) async fn first(tx: &mut Tx, user_id: i64, question_id: i64, hash: &str, now: Timestamp) -> Result<u64> {
    let sql = "INSERT INTO security_answers (user_id, question_id, answer_hash, set_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id) DO NOTHING";
    tx.execute(sql, params![user_id, question_id, hash, now]).await
}

/// Another answer in place of the one that is stored as `before`; 0 when that has just been replaced.
pub(super) async fn replace(
    tx: &mut Tx,
    user_id: i64,
    before: &str,
    (question_id, hash): (i64, &str),
    now: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE security_answers SET question_id = $3, answer_hash = $4, set_at = $5 \
               WHERE user_id = $1 AND answer_hash = $2";
    tx.execute(sql, params![user_id, before, question_id, hash, now]).await
}

pub(super) async fn remove(tx: &mut Tx, user_id: i64) -> Result<u64> {
    tx.execute("DELETE FROM security_answers WHERE user_id = $1", params![user_id]).await
}
