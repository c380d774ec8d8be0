//! RFC 5732 and 5733, section 3.

use super::{answer, answer_with, hostile, instant};
use crate::contact::{self, Address, Assigned, Disclose, Form, Phone, Postal};
use crate::host;
use crate::{Period, Secret, domain};

const CONTACT: &str = r#"xmlns:contact="urn:ietf:params:xml:ns:contact-1.0""#;
const HOST: &str = r#"xmlns:host="urn:ietf:params:xml:ns:host-1.0""#;

fn contact_data() -> String {
    format!(
        r#"<contact:infData {CONTACT}><contact:id>sh8013</contact:id><contact:roid>SH8013-REP</contact:roid>
          <contact:status s="linked"/><contact:status s="clientDeleteProhibited"/>
          <contact:postalInfo type="int"><contact:name>John Doe</contact:name><contact:org>Example Inc.</contact:org>
            <contact:addr><contact:street>123 Example Dr.</contact:street><contact:street>Suite 100</contact:street>
              <contact:city>Dulles</contact:city><contact:sp>VA</contact:sp><contact:pc>20166-6503</contact:pc>
              <contact:cc>US</contact:cc></contact:addr></contact:postalInfo>
          <contact:voice x="1234">+1.7035555555</contact:voice><contact:fax>+1.7035555556</contact:fax>
          <contact:email>jdoe@example.com</contact:email>
          <contact:clID>ClientY</contact:clID><contact:crID>ClientX</contact:crID>
          <contact:crDate>1999-04-03T22:00:00.0Z</contact:crDate>
          <contact:upID>ClientX</contact:upID><contact:upDate>1999-12-03T09:00:00.0Z</contact:upDate>
          <contact:trDate>2000-04-08T09:00:00.0Z</contact:trDate>
          <contact:authInfo><contact:pw>2fooBAR</contact:pw></contact:authInfo>
          <contact:disclose flag="0"><contact:voice/><contact:email/></contact:disclose></contact:infData>"#
    )
}

fn info() -> contact::Info {
    contact::Info { id: "sh8013".to_owned(), auth_info: None }
}

fn john() -> Postal {
    let street = vec!["123 Example Dr.".to_owned(), "Suite 100".to_owned()];
    let address = Address {
        street,
        city: "Dulles".to_owned(),
        state: Some("VA".to_owned()),
        postal_code: Some("20166-6503".to_owned()),
        country: "US".to_owned(),
    };
    let organization = Some("Example Inc.".to_owned());
    Postal { form: Form::International, name: "John Doe".to_owned(), organization, address }
}

#[test]
fn an_info_tells_all_of_a_contact() {
    let contact = answer(&info(), &contact_data()).result;
    assert_eq!([contact::Status::Linked, contact::Status::ClientDeleteProhibited], contact.statuses[..]);
    assert_eq!([john()], contact.postal[..]);
    let voice = Phone { number: "+1.7035555555".to_owned(), extension: Some("1234".to_owned()) };
    assert_eq!((Some(voice), Some(Phone::new("+1.7035555556"))), (contact.voice, contact.fax));
    assert_eq!(Some("jdoe@example.com"), contact.email.as_deref());
    assert_eq!(("ClientY", Some("ClientX")), (contact.registrar.as_str(), contact.created_by.as_deref()));
    assert_eq!(Some(instant("2000-04-08T09:00:00Z")), contact.transferred_at);
    assert_eq!(Some("2fooBAR"), contact.auth_info.as_ref().map(|auth_info| auth_info.password.expose()));
    let disclose = contact.disclose.unwrap();
    assert_eq!((false, vec![Disclose::Voice, Disclose::Email]), (disclose.shown, disclose.parts));
}

#[test]
fn an_info_about_another_contact_is_not_believed() {
    let other = contact_data().replace(">sh8013<", ">sh8014<");
    assert!(hostile(&info(), &other).contains("sh8014 instead of sh8013"));
}

#[test]
fn a_contact_of_somebody_else_may_tell_less() {
    let data = format!(
        r#"<contact:infData {CONTACT}><contact:id>sh8013</contact:id><contact:roid>SH8013-REP</contact:roid>
          <contact:status s="ok"/><contact:clID>ClientY</contact:clID></contact:infData>"#
    );
    let contact = answer(&info(), &data).result;
    assert_eq!((None, None, None), (contact.email, contact.voice, contact.auth_info));
    assert!(contact.postal.is_empty());
}

#[test]
fn a_check_tells_which_ids_can_be_had() {
    let check = contact::Check { ids: vec!["sh8013".to_owned(), "sah8013".to_owned()] };
    let data = format!(
        r#"<contact:chkData {CONTACT}><contact:cd><contact:id avail="1">sh8013</contact:id></contact:cd>
          <contact:cd><contact:id avail="0">sah8013</contact:id><contact:reason>In use</contact:reason></contact:cd>
        </contact:chkData>"#
    );
    let found = answer(&check, &data).result;
    assert_eq!((true, false), (found[0].available, found[1].available));
}

#[test]
fn an_id_that_the_registry_chose_is_believed_only_where_it_may_choose() {
    let mut create = contact::Create::new("sh8013", john(), "jdoe@example.com", Secret::new("2fooBAR"));
    let data = |id: &str| {
        format!(
            r#"<contact:creData {CONTACT}><contact:id>{id}</contact:id>
              <contact:crDate>1999-04-03T22:00:00.0Z</contact:crDate></contact:creData>"#
        )
    };
    let created = answer(&create, &data("sh8013")).result;
    assert_eq!(Some(instant("1999-04-03T22:00:00Z")), created.created_at);
    assert!(hostile(&create, &data("REG-1")).contains("instead of"));
    create.assigned = Assigned::ByRegistry;
    assert_eq!("REG-1", answer(&create, &data("REG-1")).result.id);
}

#[test]
fn an_info_tells_all_of_a_host() {
    let data = format!(
        r#"<host:infData {HOST}><host:name>ns1.example.com</host:name><host:roid>NS1_EXAMPLE1-REP</host:roid>
          <host:status s="linked"/><host:status s="clientUpdateProhibited"/>
          <host:addr ip="v4">192.0.2.2</host:addr><host:addr ip="v4">192.0.2.29</host:addr>
          <host:addr ip="v6">1080:0:0:0:8:800:200C:417A</host:addr>
          <host:clID>ClientY</host:clID><host:crID>ClientX</host:crID><host:crDate>1999-04-03T22:00:00.0Z</host:crDate>
          <host:upID>ClientX</host:upID><host:upDate>1999-12-03T09:00:00.0Z</host:upDate>
          <host:trDate>2000-04-08T09:00:00.0Z</host:trDate></host:infData>"#
    );
    let info = host::Info { name: "ns1.example.com".to_owned() };
    let host = answer(&info, &data).result;
    assert_eq!([host::Status::Linked, host::Status::ClientUpdateProhibited], host.statuses[..]);
    let addresses: [host::Address; 3] =
        ["192.0.2.2", "192.0.2.29", "1080::8:800:200c:417a"].map(|ip| ip.parse().unwrap());
    assert_eq!(addresses, host.addresses[..]);
    assert_eq!(Some(instant("1999-12-03T09:00:00Z")), host.updated_at);
    assert!(hostile(&info, &data.replace("ns1.example.com", "ns2.example.com")).contains("instead of"));
    assert!(hostile(&info, &data.replace(r#"ip="v6""#, r#"ip="v4""#)).contains("another kind"));
}

#[test]
fn hosts_are_checked_and_created() {
    let check = host::Check { names: vec!["ns1.example.com".to_owned()] };
    let data = format!(
        r#"<host:chkData {HOST}><host:cd><host:name avail="0">ns1.example.com</host:name>
          <host:reason>In use</host:reason></host:cd></host:chkData>"#
    );
    assert!(!answer(&check, &data).result[0].available);
    let create = host::Create { name: "ns1.example.com".to_owned(), addresses: Vec::new() };
    let data = format!(
        r#"<host:creData {HOST}><host:name>ns1.example.com</host:name>
          <host:crDate>1999-04-03T22:00:00.0Z</host:crDate></host:creData>"#
    );
    assert_eq!(Some(instant("1999-04-03T22:00:00Z")), answer(&create, &data).result.created_at);
    assert_eq!(None, answer_with(&create, 1001, "").result.created_at);
}

#[test]
fn a_period_reads_as_it_is_written() {
    let create = domain::Create::new("example.com", Period::Months(6), Secret::new("2fooBAR"));
    assert!(super::sent(&create).contains(r#"<domain:period unit="m">6</domain:period>"#));
}
