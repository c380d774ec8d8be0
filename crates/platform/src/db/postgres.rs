//! PostgreSQL through tokio-postgres and a deadpool.

use std::error::Error as _;

use bytes::{BufMut, BytesMut};
use deadpool_postgres::{Manager, ManagerConfig, Object, RecyclingMethod};
use futures::StreamExt as _;
use kernel::{Error, Result};
use tokio_postgres::AsyncMessage;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::{Cell, Engine, FromRow, Row, Value, dialect, first_words, tls};

const CONNECTIONS: usize = 16;

pub(super) async fn connect(url: &str) -> Result<deadpool_postgres::Pool> {
    let (config, connector, hint) = tls::read(url)?;
    let manager = Manager::from_config(config, connector, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = deadpool_postgres::Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .wait_timeout(Some(std::time::Duration::from_secs(30)))
        .build()
        .map_err(|error| Error::broken(format!("database: {error}")))?;
    // Fail now, with the reason, rather than at the first request.
    match (get(&pool).await, hint) {
        (Ok(connection), _) => drop(connection),
        (Err(Error::Unavailable(why)), Some(hint)) if why.contains("TLS") => {
            return Err(Error::Unavailable(format!("{why}. {hint}")));
        }
        (Err(other), _) => return Err(other),
    }
    Ok(pool)
}

pub(super) async fn get(pool: &deadpool_postgres::Pool) -> Result<Object> {
    pool.get().await.map_err(|error| {
        // The innermost cause, such as what is wrong with a certificate, is what helps.
        let mut why = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !why.ends_with(&text) {
                why.push_str(": ");
                why.push_str(&text);
            }
            cause = inner.source();
        }
        Error::Unavailable(format!("The PostgreSQL server cannot be reached: {why}"))
    })
}

/// Listens on a connection of its own, outside the pool, until it is lost.
pub(super) async fn listen(url: &str, called: &tokio::sync::Notify) -> Result<()> {
    let (config, connector, _) = tls::read(url)?;
    let lost = |error: tokio_postgres::Error| Error::Unavailable(format!("database: listening: {}", chain(&error)));
    let (client, mut connection) = config.connect(connector).await.map_err(lost)?;
    let listening = format!("LISTEN {}", dialect::CHANNEL);
    let mut begun = std::pin::pin!(client.batch_execute(&listening));
    let mut is_begun = false;
    loop {
        tokio::select! {
            done = &mut begun, if !is_begun => {
                done.map_err(lost)?;
                is_begun = true;
                // Whatever was told before.
                called.notify_one();
            }
            message = futures::future::poll_fn(|context| connection.poll_message(context)) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => called.notify_one(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(error)),
                None => return Ok(()),
            },
        }
    }
}

pub(super) async fn batch(client: &Object, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| explain(&error, sql))
}

pub(super) async fn execute(client: &mut Object, sql: &str, params: &[Value<'_>]) -> Result<u64> {
    let text = dialect::text(Engine::Postgres, sql);
    let run = async {
        let statement = client.prepare_cached(&text).await?;
        client.execute(&statement, &bound(params)).await
    };
    run.await.map_err(|error| explain(&error, sql))
}

/// Each row is turned into what the caller wants as it comes, because a million rows of the wire take a hundred bytes
/// apiece more than what is read from them.
pub(super) async fn all<T: FromRow>(client: &mut Object, sql: &str, params: &[Value<'_>]) -> Result<Vec<T>> {
    let mut out = Vec::new();
    each(client, sql, params, |row| {
        out.push(T::from_row(row)?);
        Ok(())
    })
    .await?;
    Ok(out)
}

pub(super) async fn each(
    client: &mut Object,
    sql: &str,
    params: &[Value<'_>],
    mut take: impl FnMut(&Row<'_>) -> Result<()> + Send,
) -> Result<()> {
    let text = dialect::text(Engine::Postgres, sql);
    let start = async {
        let statement = client.prepare_cached(&text).await?;
        client.query_raw(&statement, bound(params)).await
    };
    let rows = start.await.map_err(|error| explain(&error, sql))?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.next().await {
        let row = row.map_err(|error| explain(&error, sql))?;
        take(&Row::Postgres(&row))?;
    }
    Ok(())
}

fn bound<'a>(params: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => return Ok(IsNull::Yes),
            Value::Int(value) => match *ty {
                Type::INT2 => out.put_i16(i16::try_from(*value)?),
                Type::INT4 => out.put_i32(i32::try_from(*value)?),
                _ => out.put_i64(*value),
            },
            Value::Bool(value) => out.put_u8(u8::from(*value)),
            Value::Text(value) => {
                if value.contains('\0') {
                    return Err("text with a NUL character cannot be stored".into());
                }
                out.put_slice(value.as_bytes());
            }
            Value::Bytes(value) => out.put_slice(value),
            Value::Ints(values) => return values.as_ref().to_sql(ty, out),
            Value::Texts(values) => return values.to_sql(ty, out),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

struct Wire<'a>(Cell<'a>);

impl<'a> FromSql<'a> for Wire<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Wire<'a>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Wire(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Cell::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Cell::Bool(bool::from_sql(ty, raw)?),
            Type::BYTEA => Cell::Bytes(raw),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN => Cell::Text(std::str::from_utf8(raw)?),
            _ => return Err(format!("a column of type {ty} is not read here; cast it").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Wire<'a>, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Wire(Cell::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

pub(super) fn cell(row: &tokio_postgres::Row, at: usize) -> Result<Cell<'_>> {
    row.try_get::<_, Wire<'_>>(at)
        .map(|wire| wire.0)
        .map_err(|error| Error::broken(format!("database: column {at}: {}", chain(&error))))
}

fn chain(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn explain(error: &tokio_postgres::Error, sql: &str) -> Error {
    use tokio_postgres::error::SqlState;
    let text = format!("database: {} in: {}", chain(error), first_words(sql));
    match error.code() {
        Some(code) if *code == SqlState::UNIQUE_VIOLATION => Error::Conflict(text),
        Some(code)
            if [
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::ADMIN_SHUTDOWN,
                SqlState::CANNOT_CONNECT_NOW,
                SqlState::TOO_MANY_CONNECTIONS,
            ]
            .contains(code) =>
        {
            Error::Unavailable(text)
        }
        None if error.is_closed() => Error::Unavailable(text),
        _ => Error::Broken(text),
    }
}
