//! RFC 3915, 5910, 8334 and 8748.

use super::{answer_with, document, read};
use crate::domain::{Check, Create, Renew, Update};
use crate::fee::{self, Operation, Quote};
use crate::launch::{self, Stage};
use crate::secdns::{Ds, Key, Records};
use crate::{Extensions, Period, Secret, rgp};

fn extended(extension: &str) -> Extensions {
    try_extended(extension).unwrap()
}

fn try_extended(extension: &str) -> Result<Extensions, crate::Hostile> {
    let document = document(1000, &format!("<extension>{extension}</extension>"));
    Ok(read(&Update::new("example.com"), &document)?.unwrap().extensions)
}

const DS: &str = r#"<secDNS:infData xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1">
  <secDNS:maxSigLife>604800</secDNS:maxSigLife>
  <secDNS:dsData><secDNS:keyTag>12345</secDNS:keyTag><secDNS:alg>3</secDNS:alg><secDNS:digestType>1</secDNS:digestType>
    <secDNS:digest>49FD46E6C4B45C55D4AC</secDNS:digest>
    <secDNS:keyData><secDNS:flags>257</secDNS:flags><secDNS:protocol>3</secDNS:protocol><secDNS:alg>1</secDNS:alg>
      <secDNS:pubKey>AQPJ////4Q==</secDNS:pubKey></secDNS:keyData></secDNS:dsData></secDNS:infData>"#;

const KEY: &str = r#"<secDNS:infData xmlns:secDNS="urn:ietf:params:xml:ns:secDNS-1.1">
  <secDNS:keyData><secDNS:flags>257</secDNS:flags><secDNS:protocol>3</secDNS:protocol><secDNS:alg>1</secDNS:alg>
    <secDNS:pubKey>AQPJ//
      //4Q==</secDNS:pubKey></secDNS:keyData></secDNS:infData>"#;

/// One of each.
pub const ALL: [&str; 3] = [DS, PRICES, CLAIMS];

fn key() -> Key {
    Key { flags: 257, protocol: 3, algorithm: 1, public_key: "AQPJ////4Q==".to_owned() }
}

#[test]
fn an_info_tells_digests_or_keys() {
    let keys = extended(DS).secdns.unwrap();
    assert_eq!(Some(604_800), keys.max_signature_life);
    let digest = "49FD46E6C4B45C55D4AC".to_owned();
    let ds = Ds { key_tag: 12345, algorithm: 3, digest_type: 1, digest, key: Some(key()) };
    assert_eq!(Records::Ds(vec![ds]), keys.records);
    assert_eq!(Records::Keys(vec![key()]), extended(KEY).secdns.unwrap().records);
}

#[test]
fn keys_that_cannot_be_read_are_not_taken_for_none() {
    assert!(try_extended(&DS.replace("12345", "123456")).is_err());
    assert!(try_extended(&KEY.replace("keyData", "otherData")).is_err());
    assert!(try_extended(&KEY.replace("infData", "newData")).unwrap().secdns.is_none());
}

#[test]
fn an_info_tells_grace_periods_and_an_update_how_far_the_restore_is() {
    let data = |element: &str, status: &str| {
        format!(
            r#"<rgp:{element} xmlns:rgp="urn:ietf:params:xml:ns:rgp-1.0"><rgp:rgpStatus s="{status}"/></rgp:{element}>"#
        )
    };
    assert_eq!([rgp::Status::RedemptionPeriod], extended(&data("infData", "redemptionPeriod")).rgp[..]);
    assert_eq!([rgp::Status::PendingRestore], extended(&data("upData", "pendingRestore")).rgp[..]);
    assert_eq!([rgp::Status::Other("new".to_owned())], extended(&data("upData", "new")).rgp[..]);
}

const PRICES: &str = r#"<fee:chkData xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>USD</fee:currency>
  <fee:cd avail="1"><fee:objID>example.com</fee:objID><fee:class>Premium</fee:class>
    <fee:command name="create" standard="0"><fee:period unit="y">2</fee:period>
      <fee:fee description="Registration Fee" refundable="1" grace-period="P5D">10.00</fee:fee></fee:command>
    <fee:command name="restore"><fee:fee description="Redemption Fee" applied="delayed">5.00</fee:fee>
      <fee:credit description="Goodwill">-1.50</fee:credit></fee:command></fee:cd>
  <fee:cd avail="0"><fee:objID>example.net</fee:objID><fee:reason>minimum period is 2 years</fee:reason></fee:cd>
  </fee:chkData>"#;

fn priced() -> Check {
    let quote = Quote::of(Operation::Create, Some(Period::Years(2)));
    let fee = fee::Check { currency: Some("USD".to_owned()), commands: vec![quote] };
    Check { fee: Some(fee), ..Check::new(["example.com", "example.net"]) }
}

fn priced_answer(prices: &str) -> Result<Extensions, crate::Hostile> {
    let data = r#"<resData><domain:chkData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">
      <domain:cd><domain:name avail="1">example.com</domain:name></domain:cd>
      <domain:cd><domain:name avail="1">example.net</domain:name></domain:cd></domain:chkData></resData>"#;
    let document = document(1000, &format!("{data}<extension>{prices}</extension>"));
    Ok(read(&priced(), &document)?.unwrap().extensions)
}

#[test]
fn a_check_tells_prices_classes_and_why_there_are_none() {
    let prices = priced_answer(PRICES).unwrap().prices.unwrap();
    let premium = prices.of("EXAMPLE.com").unwrap();
    assert!(premium.available && premium.is_premium());
    let create = premium.of(&Operation::Create).unwrap();
    assert_eq!((Some(Period::Years(2)), false), (create.period, create.standard));
    let fee = &create.fees[0];
    assert_eq!(
        ("10.00", Some("Registration Fee"), Some(true)),
        (fee.amount.as_str(), fee.description.as_deref(), fee.refundable)
    );
    assert_eq!("P5D", fee.grace_for.unwrap().0.to_string());
    let restore = premium.of(&Operation::Restore).unwrap();
    assert!(restore.fees[0].delayed && !fee.delayed);
    assert_eq!("-1.50", restore.credits[0].amount);
    let none = prices.of("example.net").unwrap();
    assert_eq!((false, Some("minimum period is 2 years")), (none.available, none.reason.as_deref()));
    assert!(!none.is_premium());
}

#[test]
fn prices_of_other_names_or_in_another_currency_are_not_believed() {
    assert!(priced_answer(&PRICES.replace("example.net", "example.org")).is_err());
    assert!(priced_answer(&PRICES.replace("USD", "EUR")).is_err());
    assert!(priced_answer(&PRICES.replace("10.00", "1e1")).is_err());
    assert!(priced_answer(&PRICES.replace("10.00", "")).is_err());
}

#[test]
fn a_renewal_tells_what_it_cost_and_what_is_left() {
    let charged = r#"<fee:renData xmlns:fee="urn:ietf:params:xml:ns:epp:fee-1.0"><fee:currency>USD</fee:currency>
      <fee:fee refundable="1">5.00</fee:fee><fee:balance>-5.00</fee:balance><fee:creditLimit>1000.00</fee:creditLimit></fee:renData>"#;
    let data = r#"<resData><domain:renData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">
      <domain:name>example.com</domain:name></domain:renData></resData>"#;
    let renew = Renew::new("example.com", "2000-04-03".parse().unwrap(), Period::Years(5));
    let answer = answer_with(&renew, 1000, &format!("{data}<extension>{charged}</extension>"));
    let charged = answer.extensions.charged.unwrap();
    assert_eq!((Some("USD"), "5.00"), (charged.currency.as_deref(), charged.fees[0].amount.as_str()));
    assert_eq!((Some("-5.00"), Some("1000.00")), (charged.balance.as_deref(), charged.credit_limit.as_deref()));
}

const CLAIMS: &str = r#"<launch:chkData xmlns:launch="urn:ietf:params:xml:ns:launch-1.0">
  <launch:phase>claims</launch:phase>
  <launch:cd><launch:name exists="0">domain1.example</launch:name></launch:cd>
  <launch:cd><launch:name exists="1">domain2.example</launch:name>
    <launch:claimKey validatorID="tmch">2013041500/2/6/9/rJ1NrDO92vDsAzf7EQzgjX4R0000000001</launch:claimKey>
    <launch:claimKey validatorID="custom-tmch">20140423200/1/2/3/rJ1Nr2vDsAzasdff7EasdfgjX4R000000002</launch:claimKey>
  </launch:cd></launch:chkData>"#;

#[test]
fn a_check_tells_of_trademarks() {
    let launch = Some(launch::Check::Claims(Stage::Claims.into()));
    let check = Check { launch, ..Check::new(["domain1.example", "domain2.example"]) };
    let answer = answer_with(&check, 1000, &format!("<extension>{CLAIMS}</extension>"));
    assert!(answer.result.is_empty());
    let reply = answer.extensions.launch.unwrap();
    assert_eq!(Some(Stage::Claims), reply.phase.map(|phase| phase.stage));
    assert_eq!((false, true), (reply.claims[0].exist, reply.claims[1].exist));
    assert_eq!(Some("custom-tmch"), reply.claims[1].keys[1].validator.as_deref());
    assert!(reply.claims[1].keys[0].key.starts_with("2013041500/2/6/9/"));
    let other = CLAIMS.replace("domain2.example", "domain3.example");
    assert!(read(&check, &document(1000, &format!("<extension>{other}</extension>"))).is_err());
}

#[test]
fn an_application_has_an_id_and_a_status() {
    let created = r#"<launch:creData xmlns:launch="urn:ietf:params:xml:ns:launch-1.0"><launch:phase>sunrise</launch:phase>
      <launch:applicationID>2393-9323-E08C-03B1</launch:applicationID></launch:creData>"#;
    let create = Create::new("domain.example", Period::Years(1), Secret::new("2fooBAR"));
    let answer = answer_with(&create, 1001, &format!("<extension>{created}</extension>"));
    assert!(answer.is_pending());
    assert_eq!(Some("2393-9323-E08C-03B1"), answer.extensions.launch.unwrap().application.as_deref());
    let info = r#"<launch:infData xmlns:launch="urn:ietf:params:xml:ns:launch-1.0"><launch:phase>sunrise</launch:phase>
      <launch:applicationID>abc123</launch:applicationID><launch:status s="pendingValidation"/>
      <mark:mark xmlns:mark="urn:ietf:params:xml:ns:mark-1.0"/></launch:infData>"#;
    let reply = extended(info).launch.unwrap();
    assert_eq!((Some(launch::Status::PendingValidation), 1), (reply.status, reply.marks.len()));
}

#[test]
fn what_is_not_known_is_handed_over() {
    let strange = r#"<x:thing xmlns:x="http://registry.example/x">1</x:thing>"#;
    let extensions = extended(strange);
    assert!(extensions.other[0].is("http://registry.example/x", "thing"));
}
