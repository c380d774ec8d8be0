//! Whose fault it is that a client cannot be invoiced: the client's own, or that of something that all of them need. Pure.

use kernel::{Error, Result};

use super::Made;

/// So many in a row are not all broken themselves.
const MOST_IN_A_ROW: usize = 20;
/// At the end of a run nobody comes after the last ones, who could have shown that invoices can be made.
const MOST_AT_THE_END: usize = 2;

/// Clients that failed by an error which need not be theirs, with nobody invoiced after them yet.
#[derive(Debug, Default)]
pub(super) struct Doubts(Vec<(i64, Error)>);

impl Doubts {
    /// A client failed. What a rule says of it is its own; a defect, or what the database says, is when another client
    /// can be invoiced afterwards. The error of the run, when it concerns too many in a row.
    pub fn sort(&mut self, client_id: i64, error: Error) -> Result<Option<(i64, Error)>> {
        if matches!(error, Error::Refused(_) | Error::Invalid(_) | Error::NotFound(_)) {
            return Ok(Some((client_id, error)));
        }
        self.0.push((client_id, error));
        if self.0.len() < MOST_IN_A_ROW { Ok(None) } else { Err(self.fault()) }
    }

    /// Others were tried: if invoices could be made, those before them failed by themselves.
    pub fn after(&mut self, made: &[Made]) -> Vec<(i64, Error)> {
        if made.is_empty() { Vec::new() } else { std::mem::take(&mut self.0) }
    }

    /// The run is over: who failed by itself, given whether anybody was invoiced; or the error of the run.
    pub fn at_the_end(mut self, anybody_was: bool) -> Result<Vec<(i64, Error)>> {
        match self.0.len() {
            0 => Ok(Vec::new()),
            few if anybody_was && few <= MOST_AT_THE_END => Ok(self.0),
            _ => Err(self.fault()),
        }
    }

    fn fault(&mut self) -> Error {
        let count = self.0.len();
        let Some((client_id, error)) = self.0.drain(..).next() else { return Error::broken("no client failed") };
        let who = if count == 1 { format!("Client {client_id}") } else { format!("{count} clients in a row") };
        let text = format!("{who} could not be invoiced. The fault need not be theirs, so nobody is parked: {error}");
        match error {
            Error::Conflict(_) => Error::Conflict(text),
            _ => Error::Broken(text),
        }
    }
}
