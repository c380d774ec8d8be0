//! Requests that are refused.

use super::*;

#[test]
fn nul_is_refused_in_every_form_of_a_request() {
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\0y\r\n--b--";
    let kind = Some("multipart/form-data; boundary=b");
    assert_eq!(refused(Some("a=x%00"), None, b""), "a: Remove the NUL character.");
    assert_eq!(refused(None, FORM, b"a[0]=%00x"), "a[0]: Remove the NUL character.");
    assert_eq!(refused(None, FORM, b"a%00b=1"), "ab: Remove the NUL character.");
    assert_eq!(refused(None, Some("application/json"), br#"{"a":{"b":"\u0000"}}"#), "a[b]: Remove the NUL character.");
    assert_eq!(refused(None, kind, multipart.as_bytes()), "a: Remove the NUL character.");
}

#[test]
fn text_that_is_not_utf8_is_refused_by_name() {
    assert_eq!(refused(None, FORM, b"a=1&city=Z%FCrich"), "city: Send valid UTF-8; byte 1 is not.");
    assert_eq!(refused(None, FORM, b"a=\xff"), "a: Send valid UTF-8; byte 0 is not.");
    assert_eq!(refused(Some("%ff=1"), FORM, b""), "\u{fffd}: Send valid UTF-8; byte 0 is not.");
    assert!(refused(None, Some("application/json"), b"{\"a\": \"\xff\"}").starts_with("body: Send valid JSON"));
}

#[test]
fn an_unreadable_request_is_answered_in_the_format_it_asks_for() {
    let error = Request::parse(Some("responsetype=xml"), FORM, b"a=%FF").unwrap_err();
    assert_eq!(error.format, Format::Xml);
    let answer = error.answer();
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.get("message"), Some(&json!("a: Send valid UTF-8; byte 0 is not.")));
    assert_eq!(Request::parse(None, FORM, b"responseType=XML&a=%FF").unwrap_err().format, Format::Xml);
    assert_eq!(Request::parse(None, FORM, b"a=%FF").unwrap_err().format, Format::Json);
}

#[test]
fn names_that_cannot_be_read_are_refused() {
    let deep = format!("a{}=1", "[b]".repeat(6));
    let long = format!("{}=1", "a".repeat(300));
    for body in ["a[=1", "a[b=1", "a[b]c=1", "a]=1", "[b]=1", "=1", "a[[b]]=1", "a[]]=1", &deep, &long] {
        assert!(Request::parse(None, FORM, body.as_bytes()).is_err(), "{body}");
    }
    form(&format!("a{}=1", "[b]".repeat(5)));
}

#[test]
fn contradictory_parameters_are_refused() {
    let cases = [
        ("a[0]=1&a[0]=2", "a[0]: Send this once."),
        ("a=1&a[0]=2", "a[0]: Send either a single value or a list, not both."),
        ("a[0]=1&a=2", "a: Send either a single value or a list, not both."),
        ("a[0]=1&a[0][b]=2", "a[0][b]: Send either a single value or a list, not both."),
        ("a[0][b]=1&a[0]=2", "a[0]: Send this once."),
        ("a[9223372036854775807]=1&a[]=2", "a[]: Use smaller numbers."),
    ];
    for (body, message) in cases {
        assert_eq!(refused(None, FORM, body.as_bytes()), message, "{body}");
    }
}

#[test]
fn the_number_of_values_is_bounded() {
    let many = |count: usize| (0..count).map(|at| format!("p{at}=1")).collect::<Vec<_>>().join("&");
    form(&many(2_000));
    assert_eq!(refused(None, FORM, many(2_001).as_bytes()), "p2000: Send at most 2000 values in one request.");
    let list: Vec<i32> = (0..2_001).collect();
    let error = refused(None, Some("application/json"), json!({ "ids": list }).to_string().as_bytes());
    assert_eq!(error, "ids[2000]: Send at most 2000 values in one request.");
}

#[test]
fn other_bodies_are_refused() {
    assert!(refused(None, Some("text/xml"), b"<a/>").starts_with("Content-Type: Send application/x-www-form"));
    assert!(Request::parse(None, Some("text/xml"), b"").is_ok(), "nothing is a body of any type");
    assert_eq!(refused(None, Some("application/json"), b"[1]"), "body: Send a JSON object.");
    assert!(refused(None, Some("APPLICATION/JSON"), b"{").starts_with("body: Send valid JSON"));
    assert!(Request::parse(None, None, b"action=x").is_ok(), "a form, when nothing is said");
}

#[test]
fn a_json_number_never_loses_digits_of_an_amount() {
    let request = json_body(&json!({"a": 10.5, "b": 0.1, "c": 3, "d": 9_007_199_254_740_993_i64}));
    for (name, text) in [("a", "10.5"), ("b", "0.1"), ("c", "3"), ("d", "9007199254740993")] {
        assert_eq!(request.text(name), Some(text));
    }
    let large = refused(None, Some("application/json"), br#"{"a": 12345678901234567.89}"#);
    assert_eq!(large, "a: Send numbers of this size as text, so that no digit is lost.");
}
