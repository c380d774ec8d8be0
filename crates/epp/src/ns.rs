//! The namespaces that this crate speaks, and the prefixes they are written with. A prefix means nothing in XML, but there
//! are servers that look for the one in the RFC's examples.

/// RFC 5730, the protocol itself.
pub const EPP: &str = "urn:ietf:params:xml:ns:epp-1.0";
/// RFC 5731, domains.
pub const DOMAIN: &str = "urn:ietf:params:xml:ns:domain-1.0";
/// RFC 5732, hosts.
pub const HOST: &str = "urn:ietf:params:xml:ns:host-1.0";
/// RFC 5733, contacts.
pub const CONTACT: &str = "urn:ietf:params:xml:ns:contact-1.0";
/// RFC 5910, keys of DNSSEC.
pub const SECDNS: &str = "urn:ietf:params:xml:ns:secDNS-1.1";
/// RFC 3915, grace periods and the restoring of a deleted domain.
pub const RGP: &str = "urn:ietf:params:xml:ns:rgp-1.0";
/// RFC 8748, what a command costs.
pub const FEE: &str = "urn:ietf:params:xml:ns:epp:fee-1.0";
/// RFC 8334, the phases in which a top-level domain is opened.
pub const LAUNCH: &str = "urn:ietf:params:xml:ns:launch-1.0";
/// RFC 7848, signed marks.
pub const SMD: &str = "urn:ietf:params:xml:ns:signedMark-1.0";

/// The objects that a session is opened for, where the server has them.
pub(crate) const OBJECTS: [&str; 3] = [DOMAIN, HOST, CONTACT];
/// The extensions that a session is opened for, where the server has them.
pub(crate) const EXTENSIONS: [&str; 4] = [SECDNS, RGP, FEE, LAUNCH];

/// The customary prefix; the protocol's own namespace has none.
pub(crate) fn prefix(ns: &str) -> Option<&'static str> {
    match ns {
        EPP => Some(""),
        DOMAIN => Some("domain"),
        HOST => Some("host"),
        CONTACT => Some("contact"),
        SECDNS => Some("secDNS"),
        RGP => Some("rgp"),
        FEE => Some("fee"),
        LAUNCH => Some("launch"),
        SMD => Some("smd"),
        _ => None,
    }
}
