//! A whole list as a CSV file, read and sent a part at a time.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use kernel::{Error, Result};

use super::{Place, Query, Request, Sort, Way};
use crate::db::{Db, FromRow};

/// Lines that are read at once.
const BATCH: i64 = 1_000;

/// What is still to be sent.
struct Rest<T, F> {
    db: Db,
    query: Query<'static>,
    columns: String,
    order: (Way, Sort, bool),
    cells: F,
    kind: Kind,
    /// `None` at the end.
    from: Option<From>,
    row: std::marker::PhantomData<fn() -> T>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Csv,
    /// The one cell of each row is a line of JSON.
    JsonLines,
}

enum From {
    Beginning,
    Place(Place),
}

/// The list as a file, in the order of the page. Each part is read when the one before has been taken, with a statement
/// of its own, so what is added or moved in the order meanwhile may be in it or not. When it cannot be read to its end
/// the transfer breaks off, so that nobody takes a part for the whole.
pub async fn file<T, F>(
    db: &Db,
    request: &Request,
    query: Query<'_>,
    columns: &str,
    (name, head): (&str, &[&str]),
    cells: F,
) -> Result<Response>
where
    T: FromRow + 'static,
    F: Fn(&T) -> Vec<String> + Send + Sync + 'static,
{
    let head: Vec<String> = head.iter().map(|text| (*text).to_owned()).collect();
    send(db, request, query, columns, (name, Kind::Csv, lines(&[head])?), cells).await
}

/// As [`file`], with a value of JSON for each row, which no spreadsheet opens by itself.
pub async fn json_lines<T, F>(
    db: &Db,
    request: &Request,
    query: Query<'_>,
    columns: &str,
    name: &str,
    line: F,
) -> Result<Response>
where
    T: FromRow + 'static,
    F: Fn(&T) -> String + Send + Sync + 'static,
{
    send(db, request, query, columns, (name, Kind::JsonLines, Vec::new()), move |row: &T| vec![line(row)]).await
}

async fn send<T, F>(
    db: &Db,
    request: &Request,
    query: Query<'_>,
    columns: &str,
    (name, kind, head): (&str, Kind, Vec<u8>),
    cells: F,
) -> Result<Response>
where
    T: FromRow + 'static,
    F: Fn(&T) -> Vec<String> + Send + Sync + 'static,
{
    let query = query.into_owned();
    let order = query.way_of(&mut db.read().await?, request).await?;
    let rest = Rest {
        db: db.clone(),
        query,
        columns: columns.to_owned(),
        order,
        cells,
        kind,
        from: Some(From::Beginning),
        row: std::marker::PhantomData,
    };
    // What is wrong with the filter shows itself in the first part, while the answer can still be an error.
    let (first, rest) = rest.part().await?;
    let begin = [head, first].concat();
    let others = futures::stream::unfold(Some(rest), |rest| async {
        let rest = rest.filter(|rest| rest.from.is_some())?;
        match rest.part().await {
            Ok((part, rest)) => Some((Ok(Bytes::from(part)), Some(rest))),
            Err(error) => {
                tracing::error!(%error, "a file broke off");
                Some((Err(std::io::Error::other(error.to_string())), None))
            }
        }
    });
    let first = futures::stream::once(std::future::ready(Ok::<Bytes, std::io::Error>(Bytes::from(begin))));
    // Fused: what compresses the answer asks once more after the end, and this must not fail.
    let body = Body::from_stream(first.chain(others).fuse());
    let (media, ending) = match kind {
        Kind::Csv => ("text/csv; charset=utf-8", "csv"),
        Kind::JsonLines => ("application/jsonl", "jsonl"),
    };
    let headers = [
        (header::CONTENT_TYPE, media.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")),
    ];
    Ok((headers, body).into_response())
}

impl<T, F> Rest<T, F>
where
    T: FromRow + 'static,
    F: Fn(&T) -> Vec<String> + Send + Sync + 'static,
{
    async fn part(mut self) -> Result<(Vec<u8>, Self)> {
        let from = match &self.from {
            Some(From::Place(place)) => Some(place),
            _ => None,
        };
        let mut conn = self.db.read().await?;
        let (rows, next) = self.query.batch::<T>(&mut conn, &self.columns, self.order, from, BATCH).await?;
        drop(conn);
        let cells: Vec<Vec<String>> = rows.iter().map(&self.cells).collect();
        let text = match self.kind {
            Kind::Csv => lines(&cells)?,
            Kind::JsonLines => cells.iter().flatten().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().into(),
        };
        self.from = next.map(From::Place);
        Ok((text, self))
    }
}

fn lines(rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let broken = |error: String| Error::broken(format!("csv: {error}"));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        match writer.write_record(row.iter().map(|cell| csv_cell(cell))) {
            Ok(()) => {}
            Err(error) => return Err(broken(error.to_string())),
        }
    }
    match writer.into_inner() {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(broken(error.to_string())),
    }
}

/// A cell of a CSV file. A spreadsheet must not take it for a formula.
pub fn csv_cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}
