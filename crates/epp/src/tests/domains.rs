//! RFC 5731, section 3.

use super::{answer, answer_with, document, hostile, instant, read};
use crate::domain::{
    Check, Contact, Create, Delete, Info, NameServer, Operation, Renew, Role, Status, Transfer, TransferStatus,
};
use crate::{AuthInfo, Period, Secret, Standing};

const NS: &str = r#"xmlns:domain="urn:ietf:params:xml:ns:domain-1.0""#;

#[test]
fn a_check_tells_which_names_can_be_had_and_why_others_cannot() {
    let asked = Check::new(["example.com", "example.net", "example.org"]);
    let data = format!(
        r#"<domain:chkData {NS}>
          <domain:cd><domain:name avail="1">example.com</domain:name></domain:cd>
          <domain:cd><domain:name avail="0">example.net</domain:name><domain:reason>In use</domain:reason></domain:cd>
          <domain:cd><domain:name avail="true">EXAMPLE.org</domain:name></domain:cd>
        </domain:chkData>"#
    );
    let found = answer(&asked, &data).result;
    assert_eq!([true, false, true], [found[0].available, found[1].available, found[2].available]);
    assert_eq!(Some("In use"), found[1].reason.as_deref());
}

#[test]
fn a_check_that_leaves_a_name_out_or_adds_one_is_not_believed() {
    let one = |name: &str| format!(r#"<domain:cd><domain:name avail="1">{name}</domain:name></domain:cd>"#);
    let data = |names: &[&str]| {
        format!("<domain:chkData {NS}>{}</domain:chkData>", names.iter().map(|name| one(name)).collect::<String>())
    };
    let asked = Check::new(["a.example", "b.example"]);
    assert_eq!(2, answer(&asked, &data(&["b.example", "a.example"])).result.len());
    assert!(hostile(&asked, &data(&["a.example"])).contains("b.example"));
    assert!(hostile(&asked, &data(&["a.example", "a.example"])).contains("not asked"));
    assert!(hostile(&asked, &data(&["a.example", "b.example", "c.example"])).contains("c.example"));
}

fn info_data(name: &str) -> String {
    format!(
        r#"<domain:infData {NS}>
          <domain:name>{name}</domain:name><domain:roid>EXAMPLE1-REP</domain:roid>
          <domain:status s="ok"/><domain:status s="clientHold" lang="en">Payment overdue.</domain:status>
          <domain:registrant>jd1234</domain:registrant>
          <domain:contact type="admin">sh8013</domain:contact><domain:contact type="tech">sh8013</domain:contact>
          <domain:ns><domain:hostObj>ns1.example.com</domain:hostObj><domain:hostObj>ns1.example.net</domain:hostObj></domain:ns>
          <domain:host>ns1.example.com</domain:host><domain:host>ns2.example.com</domain:host>
          <domain:clID>ClientX</domain:clID>
          <domain:crID>ClientY</domain:crID><domain:crDate>1999-04-03T22:00:00.0Z</domain:crDate>
          <domain:upID>ClientX</domain:upID><domain:upDate>1999-12-03T09:00:00.0Z</domain:upDate>
          <domain:exDate>2005-04-03T22:00:00.0Z</domain:exDate>
          <domain:trDate>2000-04-08T09:00:00.0Z</domain:trDate>
          <domain:authInfo><domain:pw>2fooBAR</domain:pw></domain:authInfo>
        </domain:infData>"#
    )
}

/// An answer with as much in it as there can be.
pub fn everything() -> String {
    let extensions = super::extensions::ALL.concat();
    format!(
        r#"<msgQ count="5" id="12345"><qDate>2000-06-08T22:00:00.0Z</qDate><msg>Hello</msg></msgQ>
        <resData>{}</resData><extension>{extensions}</extension>"#,
        info_data("example.com")
    )
}

#[test]
fn all_that_there_can_be_is_understood_at_once() {
    let answer = answer_with(&Info::new("example.com"), 1000, &everything());
    let extensions = answer.extensions;
    assert!(extensions.secdns.is_some() && extensions.prices.is_some() && extensions.launch.is_some());
    assert!(extensions.other.is_empty() && answer.queue.is_some());
}

#[test]
fn an_info_tells_all_of_a_domain() {
    let answer = answer(&Info::new("example.com"), &info_data("example.com"));
    assert_eq!(("ABC-12345", "54322-XYZ"), (answer.cltrid.as_str(), answer.svtrid.as_str()));
    let domain = answer.result;
    assert_eq!("EXAMPLE1-REP", domain.roid);
    assert_eq!(vec![Status::Ok, Status::ClientHold], domain.statuses);
    assert_eq!(["", "Payment overdue."], domain.status_texts[..]);
    assert_eq!(Some("jd1234"), domain.registrant.as_deref());
    assert_eq!([Contact::new(Role::Admin, "sh8013"), Contact::new(Role::Tech, "sh8013")], domain.contacts[..]);
    let objects = ["ns1.example.com", "ns1.example.net"].map(|name| NameServer::Object(name.to_owned()));
    assert_eq!(objects, domain.name_servers[..]);
    assert_eq!(["ns1.example.com", "ns2.example.com"], domain.subordinate_hosts[..]);
    assert_eq!(("ClientX", Some("ClientY")), (domain.registrar.as_str(), domain.created_by.as_deref()));
    assert_eq!(Some(instant("1999-04-03T22:00:00Z")), domain.created_at);
    assert_eq!(Some(instant("1999-12-03T09:00:00Z")), domain.updated_at);
    assert_eq!(Some(instant("2005-04-03T22:00:00Z")), domain.expires_at);
    assert_eq!(Some(instant("2000-04-08T09:00:00Z")), domain.transferred_at);
    assert_eq!(Some(AuthInfo::new(Secret::new("2fooBAR"))), domain.auth_info);
}

#[test]
fn an_info_about_another_domain_is_not_believed() {
    assert!(
        hostile(&Info::new("example.com"), &info_data("example.net")).contains("example.net instead of example.com")
    );
}

#[test]
fn a_password_is_not_shown_by_debug() {
    let answer = answer(&Info::new("example.com"), &info_data("example.com"));
    assert!(!format!("{answer:?}").contains("2fooBAR"));
    let create = Create::new("example.com", Period::Years(1), Secret::new("2fooBAR"));
    assert!(!format!("{create:?}").contains("2fooBAR"));
}

#[test]
fn name_servers_can_be_attributes_with_addresses() {
    let data = info_data("example.com").replace(
        "<domain:hostObj>ns1.example.com</domain:hostObj><domain:hostObj>ns1.example.net</domain:hostObj>",
        r#"<domain:hostAttr><domain:hostName>ns1.example.com</domain:hostName>
             <domain:hostAddr ip="v4">192.0.2.2</domain:hostAddr>
             <domain:hostAddr ip="v6">1080:0:0:0:8:800:200C:417A</domain:hostAddr></domain:hostAttr>"#,
    );
    let servers = answer(&Info::new("example.com"), &data).result.name_servers;
    let addresses = vec!["192.0.2.2".parse().unwrap(), "1080::8:800:200c:417a".parse().unwrap()];
    assert_eq!([NameServer::Attribute { name: "ns1.example.com".to_owned(), addresses }], servers[..]);
}

fn create() -> Create {
    Create::new("example.com", Period::Years(2), Secret::new("2fooBAR"))
}

#[test]
fn a_create_tells_until_when() {
    let data = format!(
        r#"<domain:creData {NS}><domain:name>example.com</domain:name>
          <domain:crDate>1999-04-03T22:00:00.0Z</domain:crDate>
          <domain:exDate>2001-04-03T22:00:00.0Z</domain:exDate></domain:creData>"#
    );
    let answer = answer(&create(), &data);
    assert_eq!(Standing::Done, answer.standing);
    assert_eq!(Some(instant("2001-04-03T22:00:00Z")), answer.result.expires_at);
    let other = data.replace("example.com", "example.net");
    assert!(hostile(&create(), &other).contains("instead of"));
}

#[test]
fn a_create_that_is_done_has_data_and_one_that_is_pending_may_have_none() {
    assert!(read(&create(), &document(1000, "")).is_err());
    let answer = answer_with(&create(), 1001, "");
    assert!(answer.is_pending());
    assert_eq!(("example.com", None), (answer.result.name.as_str(), answer.result.expires_at));
}

#[test]
fn a_renewal_tells_the_new_date() {
    let renew = Renew::new("example.com", "2000-04-03".parse().unwrap(), Period::Years(5));
    let data = format!(
        r#"<domain:renData {NS}><domain:name>example.com</domain:name>
          <domain:exDate>2005-04-03T22:00:00.0Z</domain:exDate></domain:renData>"#
    );
    assert_eq!(Some(instant("2005-04-03T22:00:00Z")), answer(&renew, &data).result.expires_at);
    assert!(hostile(&renew, &data.replace("example.com", "example.net")).contains("instead of"));
    assert!(hostile(&renew, "").contains("renData"));
}

#[test]
fn a_transfer_tells_how_far_it_is() {
    let data = format!(
        r#"<domain:trnData {NS}><domain:name>example.com</domain:name><domain:trStatus>pending</domain:trStatus>
          <domain:reID>ClientX</domain:reID><domain:reDate>2000-06-06T22:00:00.0Z</domain:reDate>
          <domain:acID>ClientY</domain:acID><domain:acDate>2000-06-11T22:00:00.0Z</domain:acDate>
          <domain:exDate>2002-09-08T22:00:00.0Z</domain:exDate></domain:trnData>"#
    );
    let query = Transfer::about("example.com", Operation::Query);
    let state = answer(&query, &data).result;
    assert_eq!(TransferStatus::Pending, state.status);
    assert_eq!(("ClientX", instant("2000-06-06T22:00:00Z")), (state.requested_by.as_str(), state.requested_at));
    assert_eq!(("ClientY", instant("2000-06-11T22:00:00Z")), (state.acting_by.as_str(), state.act_at));
    assert_eq!(Some(instant("2002-09-08T22:00:00Z")), state.expires_at);
    assert!(hostile(&query, &data.replace("example.com", "example.net")).contains("instead of"));
}

#[test]
fn a_deletion_needs_no_data_and_may_be_pending() {
    assert!(!answer_with(&Delete::new("example.com"), 1000, "").is_pending());
    assert!(answer_with(&Delete::new("example.com"), 1001, "").is_pending());
}
