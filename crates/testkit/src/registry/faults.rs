//! What a test lets go wrong.
//!
//! A command is named by its verb (`create`), or by object and verb (`domain:create`), or by either with the operation
//! (`domain:transfer:request`, `poll:ack`).

use std::time::Duration;

/// Something that goes wrong with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not carried out, never answered; the connection stays open.
    HangBefore(&'static str),
    /// Carried out, never answered; the connection stays open.
    HangAfter(&'static str),
    /// Not carried out; the connection is closed without an answer.
    CloseBefore(&'static str),
    /// Carried out; the connection is closed without an answer.
    CloseAfter(&'static str),
    /// Not carried out, but refused with this code and reason.
    Refuse(&'static str, u16, String),
    /// Not carried out; answered with this text instead, in which `{clTRID}` and `{svTRID}` are filled in.
    Answer(&'static str, String),
    /// Carried out; answered with this text instead, as with [`Fault::Answer`].
    AnswerAfter(&'static str, String),
    /// Carried out; these octets are sent instead of a frame with its header, and the connection is closed.
    Octets(&'static str, Vec<u8>),
    /// Carried out; answered after a while of real time.
    Slow(&'static str, Duration),
}

impl Fault {
    fn command(&self) -> &'static str {
        match self {
            Self::HangBefore(command)
            | Self::HangAfter(command)
            | Self::CloseBefore(command)
            | Self::CloseAfter(command)
            | Self::Refuse(command, ..)
            | Self::Answer(command, _)
            | Self::AnswerAfter(command, _)
            | Self::Octets(command, _)
            | Self::Slow(command, _) => command,
        }
    }

    /// Whether the command is carried out all the same.
    pub(super) fn is_after(&self) -> bool {
        !matches!(self, Self::HangBefore(_) | Self::CloseBefore(_) | Self::Refuse(..) | Self::Answer(..))
    }
}

/// The faults that are yet to happen, in the order in which they were injected.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(Fault, u32)>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault, times: u32) {
        if times > 0 {
            self.0.push((fault, times));
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn pending(&self) -> usize {
        self.0.iter().map(|(_, times)| *times as usize).sum()
    }

    /// The next fault of this command, which is used up by one; `command` is `object:verb:operation`.
    pub(super) fn take(&mut self, command: &str) -> Option<Fault> {
        let at = self.0.iter().position(|(fault, _)| names(fault.command(), command))?;
        let (fault, times) = &mut self.0[at];
        let fault = fault.clone();
        *times -= 1;
        if *times == 0 {
            self.0.remove(at);
        }
        Some(fault)
    }
}

/// Whether the parts of `name` stand next to each other in `command`.
pub(super) fn names(name: &str, command: &str) -> bool {
    format!(":{command}:").contains(&format!(":{name}:"))
}
