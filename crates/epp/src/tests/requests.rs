//! What goes out: as the RFCs show it, or not at all.

use super::{OURS, instant, sent};
use crate::command::{self, Command, prepare};
use crate::contact::{self, Address, Disclose, Disclosure, Form, Phone, Postal, PostalChange};
use crate::domain::{
    AuthInfoChange, Change, Check, Contact, Create, Delete, Info, NameServer, Operation, Renew, Role, Status, Transfer,
    Update,
};
use crate::error::NotSent;
use crate::fee::{self, Agreed, Quote};
use crate::launch::{self, Kind, Notice, Phase, Stage};
use crate::rgp::{Report, Restore};
use crate::secdns::{self, Ds, Keys, Records, Removal};
use crate::{AuthInfo, Element, Period, Secret, host};

const DOMAIN: &str = r#" xmlns:domain="urn:ietf:params:xml:ns:domain-1.0""#;

/// The command as it is expected, without the space that makes it readable here.
fn assert_sent(command: &impl Command, expected: &str) {
    let expected: String = expected.lines().map(str::trim).collect();
    assert_eq!(format!("<command>{expected}<clTRID>{OURS}</clTRID></command>"), sent(command));
}

fn refused(command: &impl Command) -> String {
    match prepare(command, OURS).map(|_| ()) {
        Err(NotSent::Invalid(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn object(name: &str) -> NameServer {
    NameServer::Object(name.to_owned())
}

fn create() -> Create {
    Create {
        hosts: vec![object("ns1.example.net"), object("ns2.example.net")],
        registrant: Some("jd1234".to_owned()),
        contacts: vec![Contact::new(Role::Admin, "sh8013"), Contact::new(Role::Tech, "sh8013")],
        ..Create::new("example.com", Period::Years(2), Secret::new("2fooBAR"))
    }
}

#[test]
fn a_create_is_in_the_order_of_the_schema() {
    let expected = format!(
        r#"<create><domain:create{DOMAIN}><domain:name>example.com</domain:name>
        <domain:period unit="y">2</domain:period>
        <domain:ns><domain:hostObj>ns1.example.net</domain:hostObj><domain:hostObj>ns2.example.net</domain:hostObj></domain:ns>
        <domain:registrant>jd1234</domain:registrant>
        <domain:contact type="admin">sh8013</domain:contact><domain:contact type="tech">sh8013</domain:contact>
        <domain:authInfo><domain:pw>2fooBAR</domain:pw></domain:authInfo></domain:create></create>"#
    );
    assert_sent(&create(), &expected);
}

#[test]
fn a_create_carries_keys_claims_notice_and_price() {
    let ds = Ds { key_tag: 12345, algorithm: 3, digest_type: 1, digest: "49FD46E6".to_owned(), key: None };
    let notice = Notice {
        id: "370d0b7c9223372036854775807".to_owned(),
        validator: Some("tmch".to_owned()),
        not_after: instant("2014-06-19T10:00:00Z"),
        accepted_at: instant("2014-06-19T09:00:00Z"),
    };
    let launch = launch::Create {
        phase: Phase { stage: Stage::Custom, name: Some("non-tmch".to_owned()) },
        kind: Some(Kind::Application),
        marks: vec!["ZW5jb2RlZA==".to_owned()],
        notice: Some(notice),
    };
    let command = Create {
        ds: Some(Keys { max_signature_life: Some(604_800), records: Records::Ds(vec![ds]) }),
        fee: Some(Agreed::total("USD", "10.00")),
        launch: Some(launch),
        ..create()
    };
    let sent = sent(&command);
    let extension = &sent[sent.find("<extension>").unwrap()..];
    let expected = r#"<extension><secDNS:create xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1">
        <secDNS:maxSigLife>604800</secDNS:maxSigLife>
        <secDNS:dsData><secDNS:keyTag>12345</secDNS:keyTag><secDNS:alg>3</secDNS:alg>
        <secDNS:digestType>1</secDNS:digestType><secDNS:digest>49FD46E6</secDNS:digest></secDNS:dsData></secDNS:create>
        <launch:create xmlns:launch="urn:ietf:params:xml:ns:launch-1.0" type="application">
        <launch:phase name="non-tmch">custom</launch:phase>
        <smd:encodedSignedMark xmlns:smd="urn:ietf:params:xml:ns:signedMark-1.0">ZW5jb2RlZA==</smd:encodedSignedMark>
        <launch:notice><launch:noticeID validatorID="tmch">370d0b7c9223372036854775807</launch:noticeID>
        <launch:notAfter>2014-06-19T10:00:00Z</launch:notAfter>
        <launch:acceptedDate>2014-06-19T09:00:00Z</launch:acceptedDate></launch:notice></launch:create>
        <fee:create xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>USD</fee:currency>
        <fee:fee>10.00</fee:fee></fee:create></extension>
        <clTRID>ABC-12345</clTRID></command>"#;
    assert_eq!(expected.lines().map(str::trim).collect::<String>(), extension);
}

#[test]
fn a_check_asks_for_prices_and_claims() {
    let quotes = vec![
        Quote { phase: Some("sunrise".to_owned()), ..Quote::of(fee::Operation::Create, Some(Period::Years(2))) },
        Quote::of(fee::Operation::Restore, None),
    ];
    let check = Check {
        fee: Some(fee::Check { currency: Some("USD".to_owned()), commands: quotes }),
        launch: Some(launch::Check::Availability(Stage::Landrush.into())),
        ..Check::new(["example.com"])
    };
    let expected = format!(
        r#"<check><domain:check{DOMAIN}><domain:name>example.com</domain:name></domain:check></check>
        <extension><fee:check xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>USD</fee:currency>
        <fee:command name="create" phase="sunrise"><fee:period unit="y">2</fee:period></fee:command>
        <fee:command name="restore"/></fee:check>
        <launch:check xmlns:launch="urn:ietf:params:xml:ns:launch-1.0" type="avail">
        <launch:phase>landrush</launch:phase></launch:check></extension>"#
    );
    assert_sent(&check, &expected);
}

#[test]
fn an_info_says_which_hosts_and_whose_password() {
    let info = Info { auth_info: Some(AuthInfo::new(Secret::new("a<b"))), ..Info::new("example.com") };
    let expected = format!(
        r#"<info><domain:info{DOMAIN}><domain:name hosts="all">example.com</domain:name>
        <domain:authInfo><domain:pw>a&lt;b</domain:pw></domain:authInfo></domain:info></info>"#
    );
    assert_sent(&info, &expected);
}

#[test]
fn a_renewal_carries_the_current_expiry() {
    let renew = Renew {
        fee: Some(Agreed::total("USD", "5.00")),
        ..Renew::new("example.com", "2000-04-03".parse().unwrap(), Period::Years(5))
    };
    let expected = format!(
        r#"<renew><domain:renew{DOMAIN}><domain:name>example.com</domain:name>
        <domain:curExpDate>2000-04-03</domain:curExpDate><domain:period unit="y">5</domain:period></domain:renew></renew>
        <extension><fee:renew xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>USD</fee:currency>
        <fee:fee>5.00</fee:fee></fee:renew></extension>"#
    );
    assert_sent(&renew, &expected);
}

#[test]
fn a_transfer_carries_the_password_and_only_a_request_a_period() {
    let auth_info = AuthInfo { roid: Some("JD1234-REP".to_owned()), ..AuthInfo::new(Secret::new("2fooBAR")) };
    let request = Transfer::request("example.com", Some(Period::Years(1)), auth_info);
    let expected = format!(
        r#"<transfer op="request"><domain:transfer{DOMAIN}><domain:name>example.com</domain:name>
        <domain:period unit="y">1</domain:period>
        <domain:authInfo><domain:pw roid="JD1234-REP">2fooBAR</domain:pw></domain:authInfo></domain:transfer></transfer>"#
    );
    assert_sent(&request, &expected);
    for (operation, word) in [
        (Operation::Query, "query"),
        (Operation::Cancel, "cancel"),
        (Operation::Approve, "approve"),
        (Operation::Reject, "reject"),
    ] {
        assert!(sent(&Transfer::about("example.com", operation)).contains(&format!(r#"<transfer op="{word}">"#)));
        refused(&Transfer { operation, ..request.clone() });
    }
}

#[test]
fn an_update_adds_removes_and_changes() {
    let update = Update {
        add: Change {
            name_servers: vec![object("ns2.example.com")],
            contacts: vec![Contact::new(Role::Tech, "mak21")],
            statuses: vec![Status::ClientTransferProhibited],
        },
        remove: Change { name_servers: vec![object("ns1.example.com")], ..Change::default() },
        registrant: Some("sh8013".to_owned()),
        auth_info: Some(AuthInfoChange::Set(AuthInfo::new(Secret::new("2BARfoo")))),
        ..Update::new("example.com")
    };
    let expected = format!(
        r#"<update><domain:update{DOMAIN}><domain:name>example.com</domain:name>
        <domain:add><domain:ns><domain:hostObj>ns2.example.com</domain:hostObj></domain:ns>
        <domain:contact type="tech">mak21</domain:contact><domain:status s="clientTransferProhibited"/></domain:add>
        <domain:rem><domain:ns><domain:hostObj>ns1.example.com</domain:hostObj></domain:ns></domain:rem>
        <domain:chg><domain:registrant>sh8013</domain:registrant>
        <domain:authInfo><domain:pw>2BARfoo</domain:pw></domain:authInfo></domain:chg></domain:update></update>"#
    );
    assert_sent(&update, &expected);
    let open = Update { auth_info: Some(AuthInfoChange::Remove), ..Update::new("example.com") };
    assert!(sent(&open).contains("<domain:chg><domain:authInfo><domain:null/></domain:authInfo></domain:chg>"));
    refused(&Update::new("example.com"));
}

#[test]
fn keys_are_removed_before_others_are_added() {
    let ds = |key_tag| Ds { key_tag, algorithm: 13, digest_type: 2, digest: "49FD46E6".to_owned(), key: None };
    let change = secdns::Update {
        remove: Some(Removal::These(Records::Ds(vec![ds(1)]))),
        add: Some(Records::Ds(vec![ds(2)])),
        max_signature_life: Some(605_900),
        urgent: true,
    };
    let text = sent(&Update { ds: Some(change.clone()), ..Update::new("example.com") });
    assert!(text.contains(r#"<secDNS:update xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1" urgent="true"><secDNS:rem><secDNS:dsData><secDNS:keyTag>1<"#));
    assert!(text.contains("</secDNS:rem><secDNS:add><secDNS:dsData><secDNS:keyTag>2<"));
    assert!(text.contains("</secDNS:add><secDNS:chg><secDNS:maxSigLife>605900</secDNS:maxSigLife></secDNS:chg>"));
    let all = secdns::Update { remove: Some(Removal::All), ..secdns::Update::default() };
    let text = sent(&Update { ds: Some(all), ..Update::new("example.com") });
    assert!(text.contains("<secDNS:rem><secDNS:all>true</secDNS:all></secDNS:rem></secDNS:update>"));
    for bad in [
        secdns::Update::default(),
        secdns::Update { add: Some(Records::Keys(Vec::new())), ..change.clone() },
        secdns::Update { max_signature_life: Some(0), ..change.clone() },
        secdns::Update { add: Some(Records::Ds(vec![Ds { digest: "xyz".to_owned(), ..ds(3) }])), ..change },
    ] {
        refused(&Update { ds: Some(bad), ..Update::new("example.com") });
    }
}

#[test]
fn a_restore_is_asked_for_and_reported_on() {
    let restore = |restore| Update { restore: Some(restore), ..Update::new("example.com") };
    let expected = format!(
        r#"<update><domain:update{DOMAIN}><domain:name>example.com</domain:name><domain:chg/></domain:update></update>
        <extension><rgp:update xmlns:rgp="urn:ietf:params:xml:ns:rgp-1.0"><rgp:restore op="request"/></rgp:update></extension>"#
    );
    assert_sent(&restore(Restore::Request), &expected);
    let report = Report {
        before: "Pre-delete registration data goes here.".to_owned(),
        after: "Post-restore registration data goes here.".to_owned(),
        deleted_at: instant("2003-07-10T22:00:00Z"),
        restored_at: instant("2003-07-20T22:00:00Z"),
        reason: "Registrant error.".to_owned(),
        statement: "First.".to_owned(),
        second_statement: "Second.".to_owned(),
        other: None,
    };
    let text = sent(&restore(Restore::Report(Box::new(report.clone()))));
    let expected = r#"<rgp:restore op="report"><rgp:report>
        <rgp:preData>Pre-delete registration data goes here.</rgp:preData>
        <rgp:postData>Post-restore registration data goes here.</rgp:postData>
        <rgp:delTime>2003-07-10T22:00:00Z</rgp:delTime><rgp:resTime>2003-07-20T22:00:00Z</rgp:resTime>
        <rgp:resReason>Registrant error.</rgp:resReason>
        <rgp:statement>First.</rgp:statement><rgp:statement>Second.</rgp:statement></rgp:report></rgp:restore>"#;
    assert!(text.contains(&expected.lines().map(str::trim).collect::<String>()), "{text}");
    refused(&restore(Restore::Report(Box::new(Report { reason: String::new(), ..report }))));
}

fn postal() -> Postal {
    let address = Address {
        street: vec!["123 Example Dr.".to_owned()],
        city: "Dulles".to_owned(),
        state: Some("VA".to_owned()),
        postal_code: Some("20166-6503".to_owned()),
        country: "US".to_owned(),
    };
    Postal { form: Form::International, name: "John Doe".to_owned(), organization: None, address }
}

const ADDRESS: &str = "<contact:addr><contact:street>123 Example Dr.</contact:street><contact:city>Dulles</contact:city>\
    <contact:sp>VA</contact:sp><contact:pc>20166-6503</contact:pc><contact:cc>US</contact:cc></contact:addr>";

#[test]
fn a_contact_is_created_with_what_is_to_be_hidden() {
    let create = contact::Create {
        voice: Some(Phone { number: "+1.7035555555".to_owned(), extension: Some("1234".to_owned()) }),
        disclose: Some(Disclosure {
            shown: false,
            parts: vec![Disclose::Email, Disclose::Voice, Disclose::Name(Form::International)],
        }),
        ..contact::Create::new("sh8013", postal(), "jdoe@example.com", Secret::new("2fooBAR"))
    };
    let expected = format!(
        r#"<create><contact:create xmlns:contact="urn:ietf:params:xml:ns:contact-1.0"><contact:id>sh8013</contact:id>
        <contact:postalInfo type="int"><contact:name>John Doe</contact:name>{ADDRESS}</contact:postalInfo>
        <contact:voice x="1234">+1.7035555555</contact:voice><contact:email>jdoe@example.com</contact:email>
        <contact:authInfo><contact:pw>2fooBAR</contact:pw></contact:authInfo>
        <contact:disclose flag="0"><contact:name type="int"/><contact:voice/><contact:email/></contact:disclose>
        </contact:create></create>"#
    );
    assert_sent(&create, &expected);
}

#[test]
fn a_contact_is_changed_in_part() {
    let change = contact::Change {
        postal: vec![PostalChange {
            form: Form::Local,
            name: Some("Jörg".to_owned()),
            organization: Some(String::new()),
            address: None,
        }],
        fax: Some(Phone::new("")),
        ..contact::Change::default()
    };
    let update = contact::Update {
        id: "sh8013".to_owned(),
        add: vec![contact::Status::ClientDeleteProhibited],
        change,
        ..contact::Update::default()
    };
    let expected = r#"<update><contact:update xmlns:contact="urn:ietf:params:xml:ns:contact-1.0">
        <contact:id>sh8013</contact:id><contact:add><contact:status s="clientDeleteProhibited"/></contact:add>
        <contact:chg><contact:postalInfo type="loc"><contact:name>Jörg</contact:name><contact:org></contact:org></contact:postalInfo>
        <contact:fax></contact:fax></contact:chg></contact:update></update>"#;
    assert_sent(&update, expected);
    refused(&contact::Update { id: "sh8013".to_owned(), ..contact::Update::default() });
}

#[test]
fn contacts_that_no_registry_takes_are_not_sent() {
    let with = |change: &dyn Fn(&mut contact::Create)| {
        let mut create = contact::Create::new("sh8013", postal(), "jdoe@example.com", Secret::new("2fooBAR"));
        change(&mut create);
        refused(&create)
    };
    assert!(with(&|create| create.postal[0].name = "Jörg".to_owned()).contains("ASCII"));
    assert!(with(&|create| create.postal[0].address.country = "usa".to_owned()).contains("country"));
    assert!(with(&|create| create.postal[0].address.street = vec![String::new(); 4]).contains("three"));
    assert!(with(&|create| create.postal.push(postal())).contains("twice"));
    assert!(with(&|create| create.postal.clear()).contains("address"));
    assert!(with(&|create| create.voice = Some(Phone::new("0703 555"))).contains("+1.7035555555"));
    assert!(with(&|create| create.id = "x".to_owned()).contains("id"));
    assert!(with(&|create| create.auth_info.password = Secret::new("a\nb")).contains("password"));
}

#[test]
fn a_host_is_created_renamed_and_given_addresses() {
    let addresses = vec!["192.0.2.2".parse().unwrap(), "2001:db8::1".parse().unwrap()];
    let create = host::Create { name: "ns1.example.com".to_owned(), addresses: addresses.clone() };
    let expected = r#"<create><host:create xmlns:host="urn:ietf:params:xml:ns:host-1.0"><host:name>ns1.example.com</host:name>
        <host:addr ip="v4">192.0.2.2</host:addr><host:addr ip="v6">2001:db8::1</host:addr></host:create></create>"#;
    assert_sent(&create, expected);
    let update = host::Update {
        name: "ns1.example.com".to_owned(),
        add: host::Change { addresses, statuses: vec![host::Status::ClientUpdateProhibited] },
        rename: Some("ns2.example.com".to_owned()),
        ..host::Update::default()
    };
    let expected = r#"<update><host:update xmlns:host="urn:ietf:params:xml:ns:host-1.0"><host:name>ns1.example.com</host:name>
        <host:add><host:addr ip="v4">192.0.2.2</host:addr><host:addr ip="v6">2001:db8::1</host:addr>
        <host:status s="clientUpdateProhibited"/></host:add>
        <host:chg><host:name>ns2.example.com</host:name></host:chg></host:update></update>"#;
    assert_sent(&update, expected);
    refused(&host::Update { name: "ns1.example.com".to_owned(), ..host::Update::default() });
}

#[test]
fn a_name_that_is_none_is_not_sent() {
    let long = format!("{}.example", "a".repeat(64));
    for name in ["", "example", "a..b", ".a.b", "a.b.", "-a.b", "a-.b", "a b.c", "ä.example", "a\n.b", "<a>.b", &long]
    {
        assert!(refused(&Delete::new(name)).contains("domain name"), "{name}");
    }
    for name in ["a.b", "xn--4ca.example", "1.2.3", "A-b.CO.uk"] {
        sent(&Delete::new(name));
    }
    assert!(sent(&Delete::new("Example.COM")).contains(">example.com<"));
    assert!(sent(&Check::new(["Example.COM"])).contains(">example.com<"));
    assert!(sent(&Info::new("Example.COM")).contains(">example.com<"));
    assert!(refused(&Check::new(["a.b", "A.b"])).contains("twice"));
    refused(&Check::new(Vec::<String>::new()));
}

#[test]
fn amounts_currencies_periods_and_ids_are_checked() {
    for (currency, amount) in [("usd", "1"), ("USD", "1,00"), ("USD", "-1"), ("USD", ""), ("USD", "1e3"), ("USD", ".")]
    {
        refused(&Create { fee: Some(Agreed::total(currency, amount)), ..create() });
    }
    refused(&Create { period: Some(Period::Years(0)), ..create() });
    refused(&Create { period: Some(Period::Years(100)), ..create() });
    refused(&Create { registrant: Some("a".repeat(17)), ..create() });
    let mixed = NameServer::Attribute { name: "ns1.example.com".to_owned(), addresses: Vec::new() };
    refused(&Create { hosts: vec![object("ns1.example.net"), mixed], ..create() });
    for id in ["", "ab", " abc", "a  bc", "a\tbc", &"a".repeat(65)] {
        assert!(prepare(&create(), id).is_err(), "{id:?}");
    }
}

#[test]
fn an_element_of_somebody_elses_extension_can_be_added() {
    let element = Element::new("http://registry.example/x", "idn").with_leaf("table", "de");
    let command = command::Extended { command: Delete::new("example.com"), elements: vec![element] };
    let expected = format!(
        r#"<delete><domain:delete{DOMAIN}><domain:name>example.com</domain:name></domain:delete></delete>
        <extension><ns1:idn xmlns:ns1="http://registry.example/x"><ns1:table>de</ns1:table></ns1:idn></extension>"#
    );
    assert_sent(&command, &expected);
}
