use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{CNAME, NS, SOA};
use hickory_proto::rr::{Name, RData, Record as Row};
use proptest::prelude::*;

use super::message::{Question, Read, read};
use super::{Failure, Found, Kind};

const ID: u16 = 4711;

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{text}.")).unwrap()
}

fn row(owner: &str, data: RData) -> Row {
    Row::from_rdata(name(owner), 300, data)
}

fn alias(owner: &str, target: &str) -> Row {
    row(owner, RData::CNAME(CNAME(name(target))))
}

fn address(owner: &str) -> Row {
    row(owner, RData::A("192.0.2.1".parse().unwrap()))
}

/// A response to a question for the A records of example.test.
fn response() -> Message {
    let mut message = Message::response(ID, OpCode::Query);
    message.metadata.recursion_available = true;
    message.add_query(Query::query(name("example.test"), Kind::A.record_type()));
    message
}

fn understood(message: &Message) -> Result<Read, Failure> {
    read(&message.to_vec().unwrap(), ID, &Question::new("example.test", Kind::A))
}

fn found(message: &Message) -> Found {
    match understood(message) {
        Ok(Read::Answer(answer)) => answer.found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_answer_is_nothing_only_from_a_server_that_looks_for_us() {
    assert_eq!(found(&response()), Found::None);
    let mut referral = response();
    referral.add_authority(row("test", RData::NS(NS(name("ns.test")))));
    assert_eq!(found(&referral), Found::Unknown(Failure::Referral));
    let soa = SOA::new(name("ns.test"), name("root.test"), 1, 1, 1, 1, 1);
    referral.add_authority(row("test", RData::SOA(soa)));
    assert_eq!(found(&referral), Found::None, "an SOA record says that there is nothing");
    let mut left_to_us = response();
    left_to_us.metadata.recursion_available = false;
    left_to_us.add_answer(alias("example.test", "elsewhere.test"));
    assert_eq!(found(&left_to_us), Found::Unknown(Failure::Referral));
}

#[test]
fn aliases_that_lead_round_in_a_circle_are_no_answer() {
    let mut message = response();
    message.add_answer(alias("example.test", "a.test")).add_answer(alias("a.test", "example.test"));
    assert_eq!(found(&message), Found::Unknown(Failure::Malformed));
    let mut long = response();
    long.add_answer(alias("example.test", "n0.test"));
    for n in 0..40 {
        long.add_answer(alias(&format!("n{n}.test"), &format!("n{}.test", n + 1)));
    }
    assert_eq!(found(&long), Found::Unknown(Failure::Malformed));
}

#[test]
fn records_of_other_names_and_types_are_left_out() {
    let mut message = response();
    message.add_answer(address("other.test")).add_answer(row("example.test", RData::NS(NS(name("ns.test")))));
    assert_eq!(found(&message), Found::None);
    message.add_answer(address("EXAMPLE.test"));
    assert_eq!(found(&message), Found::Records(vec![super::Record::A("192.0.2.1".parse().unwrap())]));
}

#[test]
fn what_answers_another_question_is_passed_over() {
    let mut other_id = response();
    other_id.metadata.id = ID + 1;
    let mut other_name = response();
    other_name.queries[0].set_name(name("other.test"));
    let mut other_type = response();
    other_type.queries[0].set_query_type(Kind::Mx.record_type());
    let mut no_response = response();
    no_response.metadata.message_type = MessageType::Query;
    let mut nothing_repeated = response();
    nothing_repeated.queries.clear();
    for message in [other_id, other_name, other_type, no_response, nothing_repeated] {
        assert_eq!(understood(&message), Ok(Read::Other), "{message}");
    }
}

#[test]
fn each_code_has_its_own_reason() {
    for (code, reason) in [
        (ResponseCode::ServFail, Failure::ServFail),
        (ResponseCode::Refused, Failure::Refused),
        (ResponseCode::FormErr, Failure::Code(1)),
        (ResponseCode::NotImp, Failure::Code(4)),
    ] {
        let mut message = response();
        message.metadata.response_code = code;
        assert_eq!(found(&message), Found::Unknown(reason.clone()));
        message.queries.clear();
        assert_eq!(found(&message), Found::Unknown(reason), "and without the question");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = read(&bytes, ID, &Question::new("example.test", Kind::A));
    }

    #[test]
    fn no_bytes_after_a_good_header_make_the_reader_panic(
        counts in any::<[u8; 8]>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let header = [&ID.to_be_bytes()[..], &[0x81, 0x80], &counts].concat();
        let _ = read(&[header, bytes].concat(), ID, &Question::new("example.test", Kind::Txt));
    }

    #[test]
    fn a_response_with_changed_bytes_never_makes_the_reader_panic(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8),
        cut in any::<usize>(),
    ) {
        let mut message = response();
        message.add_answer(alias("example.test", "a.test")).add_answer(address("a.test"));
        let mut bytes = message.to_vec().unwrap();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(cut % (bytes.len() + 1));
        let _ = read(&bytes, ID, &Question::new("example.test", Kind::A));
    }
}
