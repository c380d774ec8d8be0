//! Contacts: people and organizations (RFC 5733). An address is told in one form or two: `int` in ASCII, `loc` in any script.

mod commands;
mod postal;

pub use commands::{Assigned, Change, Check, Create, Created, Delete, Details, Info, Update};
pub use postal::{Address, Disclose, Disclosure, Form, Phone, Postal, PostalChange};

use crate::tokens::tokens;

tokens! {
    /// What may be done with a contact (RFC 5733, section 2.2).
    Status {
        /// We let nobody delete it.
        ClientDeleteProhibited = "clientDeleteProhibited",
        /// We let nobody transfer it.
        ClientTransferProhibited = "clientTransferProhibited",
        /// We let nobody change it.
        ClientUpdateProhibited = "clientUpdateProhibited",
        /// A domain has it.
        Linked = "linked",
        /// Nothing forbids anything.
        Ok = "ok",
        /// Its creation is not finished.
        PendingCreate = "pendingCreate",
        /// Its deletion is not finished.
        PendingDelete = "pendingDelete",
        /// Its transfer is not finished.
        PendingTransfer = "pendingTransfer",
        /// Its change is not finished.
        PendingUpdate = "pendingUpdate",
        /// The registry lets nobody delete it.
        ServerDeleteProhibited = "serverDeleteProhibited",
        /// The registry lets nobody transfer it.
        ServerTransferProhibited = "serverTransferProhibited",
        /// The registry lets nobody change it.
        ServerUpdateProhibited = "serverUpdateProhibited",
    }
}
