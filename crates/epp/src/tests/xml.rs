//! The reader against bytes that nobody should send, the writer against texts that somebody will.

use proptest::prelude::*;

use crate::ns;
use crate::xml::{Element, Unwritable, instant, parse};

proptest! {
    #[test]
    fn any_text_survives(text in any::<String>(), attribute in any::<String>()) {
        let element = Element::new(ns::DOMAIN, "name").with_attribute("hosts", &attribute).with_text(&text);
        match element.document() {
            Ok(document) => {
                let read = parse(document.as_bytes(), 8).unwrap();
                prop_assert_eq!(Some(attribute.as_str()), read.attribute("hosts"));
                prop_assert_eq!(text, read.whole_text());
            }
            Err(Unwritable) => {
                let cannot = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
                prop_assert!(text.chars().chain(attribute.chars()).any(cannot));
            }
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, 8);
    }

    #[test]
    fn no_markup_makes_the_reader_panic(text in r#"(<|>|/|&|;|#|x|"|'|=| |!|\[|\]|-|\?|a|b:|xmlns|CDATA|DOCTYPE|1|\n|é){0,60}"#) {
        if let Ok(root) = parse(text.as_bytes(), 8) {
            // What was read can be written and read again.
            let again = parse(root.document().unwrap().as_bytes(), 8).unwrap();
            prop_assert_eq!(root.text(), again.text());
        }
    }

    #[test]
    fn a_damaged_answer_does_not_make_the_reader_panic(at in 0_usize..2000, byte in any::<u8>()) {
        let whole = super::document(1001, r#"<msgQ count="5" id="12345"/><resData><a:b xmlns:a="x">&#233;<![CDATA[<]]></a:b></resData>"#);
        let mut bytes = whole.into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = super::read(&crate::domain::Delete::new("example.com"), &text);
        let _ = super::read(&crate::poll::Request, &text);
    }

    #[test]
    fn a_damaged_detail_does_not_make_a_command_panic(at in 0_usize..10_000, text in r#"[-<>&;+.0-9a-z"\u{e9}]{0,3}"#) {
        let mut document = super::document(1301, &super::domains::everything());
        let at = (0..=at % document.len()).rev().find(|at| document.is_char_boundary(*at)).unwrap();
        document.replace_range(at..at + usize::from(document[at..].starts_with(|c: char| c.is_ascii())), &text);
        let _ = super::read(&crate::domain::Info::new("example.com"), &document);
        if let Ok(Ok(answer)) = super::read(&crate::poll::Request, &document) {
            prop_assert!(answer.result.is_none_or(|message| message.id.len() < 100));
        }
    }

    #[test]
    fn no_bytes_make_a_frame_larger_than_the_limit(bytes in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        if let Ok(body) = runtime.block_on(crate::frame::read(&mut bytes.as_slice(), 200)) {
            prop_assert!(body.len() + 4 <= 200);
            prop_assert_eq!(&bytes[4..4 + body.len()], body.as_slice());
            let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            prop_assert_eq!(length, body.len() + 4);
        }
    }
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(parse(nested(32).as_bytes(), 32).is_ok());
    assert!(parse(nested(33).as_bytes(), 32).is_err());
    assert!(parse("<a>".repeat(300_000).as_bytes(), 32).is_err());
}

#[test]
fn what_takes_much_time_or_memory_is_refused() {
    let wide = format!("<a>{}</a>", "<b/>".repeat(100_001));
    assert!(parse(wide.as_bytes(), 32).unwrap_err().to_string().contains("too many elements"));
    let attributes: String = (0..100_000).map(|number| format!(" a{number}=''")).collect();
    assert!(parse(format!("<a{attributes}/>").as_bytes(), 32).unwrap_err().to_string().contains("attributes"));
    let bindings: String = (0..100_000).map(|number| format!(" xmlns:a{number}='x'")).collect();
    assert!(parse(format!("<a{bindings}/>").as_bytes(), 32).is_err());
    let namespace = format!("<a xmlns='{}'/>", "x".repeat(300));
    assert!(parse(namespace.as_bytes(), 32).unwrap_err().to_string().contains("namespace"));
}

#[test]
fn document_types_entities_and_instructions_are_refused() {
    for (bad, why) in [
        (r#"<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>"#, "document type"),
        (r#"<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>"#, "document type"),
        ("<a>&b;</a>", "entity"),
        ("<?php?><a/>", "instruction"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "encoding"),
        ("<x:a/>", "prefix"),
        ("<a/><b/>", "well-formed"),
        ("<a></b>", "well-formed"),
        ("<a b='1' b='2'/>", "well-formed"),
        ("<a>&#0;</a>", "well-formed"),
        ("<a>&#xFFFE;</a>", "well-formed"),
        ("text", "well-formed"),
        ("", "well-formed"),
        ("<a>", "well-formed"),
    ] {
        assert!(parse(bad.as_bytes(), 32).unwrap_err().to_string().contains(why), "{bad}");
    }
    assert!(parse(b"<a>\xff</a>", 32).unwrap_err().to_string().contains("UTF-8"));
    assert!(parse(b"\xef\xbb\xbf<a>1</a>", 32).is_ok());
}

#[test]
fn prefixes_say_nothing_and_namespaces_all() {
    let root = parse(br#"<a xmlns="x" xmlns:p="y"><p:b/><b/><b xmlns="y"/></a>"#, 32).unwrap();
    assert_eq!(1, root.all("b").count());
    assert_eq!(2, root.elements().filter(|element| element.is("y", "b")).count());
}

#[test]
fn text_is_joined_and_trimmed() {
    let root = parse(b"<a> x &amp;<!-- no --> <![CDATA[<y>]]>&#x41; </a>", 32).unwrap();
    assert_eq!("x & <y>A", root.text());
}

#[test]
fn an_instant_without_a_zone_is_in_utc() {
    let noon: jiff::Timestamp = "2000-06-08T12:00:00Z".parse().unwrap();
    for text in ["2000-06-08T12:00:00.0Z", "2000-06-08T14:00:00+02:00", "2000-06-08T12:00:00"] {
        assert_eq!(noon, instant(text).unwrap(), "{text}");
    }
    assert!(instant("yesterday").is_err());
}

#[test]
fn secrets_are_masked_whatever_their_namespace() {
    let root = parse(br#"<l:login xmlns:l="x"><l:pw>one</l:pw><l:newPW>two</l:newPW><l:authInfo><l:ext>three</l:ext></l:authInfo><l:id>four</l:id></l:login>"#, 32);
    let root = root.unwrap();
    assert_eq!(["one", "two", "three"], root.secrets()[..]);
    let shown = format!("{root:?}");
    assert!(!["one", "two", "three"].iter().any(|secret| shown.contains(secret)) && shown.contains("four"), "{shown}");
}
