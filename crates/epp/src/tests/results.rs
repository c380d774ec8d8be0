//! RFC 5730, sections 2.4 and 2.6.

use super::{OURS, document, read};
use crate::domain::Delete;
use crate::greeting::Greeting;
use crate::xml::parse;
use crate::{Code, ns};

fn refusal(body: &str) -> crate::Refusal {
    let document = format!(
        r#"<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response>{body}
        <trID><clTRID>{OURS}</clTRID><svTRID>54321-XYZ</svTRID></trID></response></epp>"#
    );
    read(&Delete::new("example.com"), &document).unwrap().unwrap_err()
}

#[test]
fn a_refusal_says_which_value_was_wrong_and_why() {
    let refusal = refusal(
        r#"<result code="2004"><msg lang="en">Parameter value range error</msg>
          <value xmlns:obj="urn:ietf:params:xml:ns:obj"><obj:elem1>2525</obj:elem1></value></result>
        <result code="2005"><msg>Parameter value syntax error</msg>
          <extValue><value xmlns:obj="urn:ietf:params:xml:ns:obj"><obj:elem2>abc.ex(ample</obj:elem2></value>
            <reason>Invalid character found.</reason></extValue></result>"#,
    );
    assert_eq!((Code(2004), "Parameter value range error"), (refusal.code, refusal.message.as_str()));
    assert!(refusal.reasons[0].value.contains(">2525<"));
    assert!(refusal.reasons[1].value.contains("abc.ex(ample"));
    assert_eq!("Invalid character found.", refusal.reasons[1].reason);
    assert_eq!((OURS, "54321-XYZ"), (refusal.cltrid.as_str(), refusal.svtrid.as_str()));
    assert_eq!("2004 Parameter value range error; Invalid character found.", refusal.to_string());
}

#[test]
fn a_refusal_shows_no_password() {
    let refusal = refusal(
        r#"<result code="2202"><msg>2fooBAR is wrong</msg><extValue>
          <value><domain:authInfo xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:pw>2fooBAR</domain:pw></domain:authInfo></value>
          <reason>not 2fooBAR</reason></extValue></result>"#,
    );
    assert!(!format!("{refusal:?} {refusal}").contains("2fooBAR"));
    assert!(refusal.reasons[0].value.contains("<domain:authInfo"));
}

#[test]
fn only_an_answer_to_our_command_is_believed() {
    let delete = Delete::new("example.com");
    let good = document(1000, "");
    assert!(read(&delete, &good).is_ok());
    for bad in [
        good.replace(OURS, "ABC-12346"),
        good.replace(&format!("<clTRID>{OURS}</clTRID>"), ""),
        good.replace("<svTRID>54322-XYZ</svTRID>", ""),
        good.replace("epp-1.0", "epp-2.0"),
        good.replace("1000", "999"),
        good.replace("1000", "3000"),
        good.replace("1000", "yes"),
        good.replace("<msg>", r#"<msg/></result><result code="2400"><msg>"#),
        good.replace("result ", "outcome ").replace("/result", "/outcome"),
        good.replace("response", "greeting"),
    ] {
        assert!(read(&delete, &bad).is_err(), "{bad}");
    }
}

const GREETING: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting>
  <svID>Example EPP server epp.example.com</svID><svDate>2000-06-08T22:00:00.0Z</svDate>
  <svcMenu><version>1.0</version><lang>en</lang><lang>fr</lang>
    <objURI>urn:ietf:params:xml:ns:obj1</objURI><objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>
    <svcExtension><extURI>http://custom/obj1ext-1.0</extURI><extURI>urn:ietf:params:xml:ns:rgp-1.0</extURI></svcExtension>
  </svcMenu>
  <dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>
    <recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>
</greeting></epp>"#;

#[test]
fn a_session_is_for_what_both_sides_know() {
    let greeting = Greeting::read(&parse(GREETING.as_bytes(), 32).unwrap()).unwrap();
    assert_eq!("Example EPP server epp.example.com", greeting.server);
    assert_eq!(("fr", "en"), (greeting.language("fr").as_str(), greeting.language("de").as_str()));
    let services = greeting.services(&[]);
    assert_eq!(([ns::DOMAIN.to_owned()], [ns::RGP.to_owned()]), {
        let crate::greeting::Services { objects, extensions } = services;
        (objects.try_into().unwrap(), extensions.try_into().unwrap())
    });
    let more = greeting.services(&["http://custom/obj1ext-1.0".to_owned()]);
    assert_eq!(2, more.extensions.len());
}

#[test]
fn a_server_that_does_not_speak_version_1_is_no_server() {
    let other = GREETING.replace("<version>1.0", "<version>2.0");
    assert!(Greeting::read(&parse(other.as_bytes(), 32).unwrap()).is_err());
}
