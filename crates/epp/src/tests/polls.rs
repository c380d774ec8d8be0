//! RFC 5730, section 2.9.2.3, with the payloads of RFC 5731 to 5733.

use super::{answer_with, document, instant, read};
use crate::domain::TransferStatus;
use crate::poll::{Acknowledge, Payload, Request};

fn message(data: &str, extension: &str) -> String {
    format!(
        r#"<msgQ count="5" id="12345"><qDate>2000-06-08T22:00:00.0Z</qDate><msg>Transfer requested.</msg></msgQ>
        <resData>{data}</resData>{extension}"#
    )
}

fn payload(data: &str) -> Payload {
    answer_with(&Request, 1301, &message(data, "")).result.unwrap().payload
}

const TRANSFER: &str = r#"<obj:trnData xmlns:obj="urn:ietf:params:xml:ns:domain-1.0"><obj:name>example.com</obj:name>
  <obj:trStatus>pending</obj:trStatus><obj:reID>ClientX</obj:reID><obj:reDate>2000-06-08T22:00:00.0Z</obj:reDate>
  <obj:acID>ClientY</obj:acID><obj:acDate>2000-06-13T22:00:00.0Z</obj:acDate>
  <obj:exDate>2002-09-08T22:00:00.0Z</obj:exDate></obj:trnData>"#;

const PENDING: &str = r#"<domain:panData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"
    xmlns:epp="urn:ietf:params:xml:ns:epp-1.0"><domain:name paResult="1">example.com</domain:name>
  <domain:paTRID><epp:clTRID>ABC-12345</epp:clTRID><epp:svTRID>54321-XYZ</epp:svTRID></domain:paTRID>
  <domain:paDate>1999-04-04T22:00:00.0Z</domain:paDate></domain:panData>"#;

#[test]
fn a_message_tells_of_a_transfer() {
    let answer = answer_with(&Request, 1301, &message(TRANSFER, ""));
    let message = answer.result.unwrap();
    assert_eq!(("12345", 5), (message.id.as_str(), message.count));
    assert_eq!(
        (Some(instant("2000-06-08T22:00:00Z")), "Transfer requested."),
        (message.queued_at, message.text.as_str())
    );
    let Payload::DomainTransfer(state) = message.payload else { panic!("{:?}", message.payload) };
    assert_eq!(("example.com", TransferStatus::Pending), (state.name.as_str(), state.status));
}

#[test]
fn a_message_tells_how_something_pending_ended() {
    let Payload::DomainPending(pending) = payload(PENDING) else { panic!() };
    assert_eq!(("example.com", true), (pending.object.as_str(), pending.done));
    assert_eq!((Some("ABC-12345"), "54321-XYZ"), (pending.cltrid.as_deref(), pending.svtrid.as_str()));
    assert_eq!(instant("1999-04-04T22:00:00Z"), pending.decided_at);
    let refused = payload(&PENDING.replace(r#"paResult="1""#, r#"paResult="0""#));
    assert!(matches!(refused, Payload::DomainPending(pending) if !pending.done));
    let contact = PENDING.replace("domain-1.0", "contact-1.0").replace("domain:name", "domain:id");
    assert!(matches!(payload(&contact), Payload::ContactPending(pending) if pending.object == "example.com"));
    assert!(matches!(payload(&PENDING.replace("domain-1.0", "host-1.0")), Payload::HostPending(_)));
}

#[test]
fn an_empty_queue_has_no_message() {
    assert_eq!(None, answer_with(&Request, 1300, "").result);
}

#[test]
fn a_message_that_is_not_understood_is_handed_over_as_it_came() {
    let strange =
        r#"<bal:lowBalance xmlns:bal="http://registry.example/balance"><bal:left>3.00</bal:left></bal:lowBalance>"#;
    let Payload::Unknown(all) = payload(strange) else { panic!() };
    assert_eq!(Some("3.00"), all[0].text_of("left").as_deref());
    assert!(all[0].masked().contains("<ns1:left>3.00</ns1:left>"));
    let broken = TRANSFER.replace("2000-06-13T22:00:00.0Z", "soon");
    assert!(matches!(payload(&broken), Payload::Unknown(_)));
}

#[test]
fn what_we_did_not_log_in_for_is_handed_over() {
    // RFC 9038, section 3.
    let change = r#"</msg><extValue><value><changePoll:changeData
        xmlns:changePoll="urn:ietf:params:xml:ns:changePoll-1.0" state="after"><changePoll:who>URS Admin</changePoll:who>
        </changePoll:changeData></value><reason>urn:ietf:params:xml:ns:changePoll-1.0 not in login services</reason></extValue></result>"#;
    let document = document(1301, &message(TRANSFER, "")).replacen("</msg></result>", change, 1);
    let answer = read(&Request, &document).unwrap().unwrap();
    assert_eq!(Some("URS Admin"), answer.extensions.other[0].text_of("who").as_deref());
}

#[test]
fn a_broken_extension_does_not_block_the_queue() {
    let extension = r#"<extension><rgp:infData xmlns:rgp="urn:ietf:params:xml:ns:rgp-1.0"><rgp:rgpStatus/></rgp:infData></extension>"#;
    let answer = answer_with(&Request, 1301, &message(TRANSFER, extension));
    assert_eq!((0, 1), (answer.extensions.rgp.len(), answer.extensions.other.len()));
    // Where it is not about the queue, the same is not believed.
    assert!(read(&crate::domain::Delete::new("example.com"), &document(1000, extension)).is_err());
}

#[test]
fn an_acknowledgement_tells_how_many_are_left() {
    let acknowledge = Acknowledge { id: "12345".to_owned() };
    assert!(super::sent(&acknowledge).contains(r#"<poll op="ack" msgID="12345"/>"#));
    let queue = answer_with(&acknowledge, 1000, r#"<msgQ count="4" id="12346"/>"#).queue.unwrap();
    assert_eq!((4, "12346"), (queue.count, queue.id.as_str()));
}
