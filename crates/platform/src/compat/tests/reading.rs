//! Reading parameters.

use super::*;

#[test]
fn every_parameter_that_does_not_fit_is_reported_at_once() {
    let request = form("clientid=abc&amount=1.2.3&date=2026-02-30&flag=x&ids=1,b&note=a&note=b&email=+");
    let outcome = request.read(|params| {
        let client = params.required_int("clientid");
        let (_, _, _) = (params.decimal("amount"), params.date("date"), params.bool("flag"));
        let (_, _) = (params.ints("ids"), params.text("note"));
        let email = params.required("email");
        Ok((client?, email?))
    });
    let Err(Error::Invalid(errors)) = outcome else { panic!("{outcome:?}") };
    let fields: Vec<&str> = errors.iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["clientid", "amount", "date", "flag", "ids", "note", "email"]);
    assert_eq!(errors.of("clientid"), Some("Enter a whole number."));
    assert_eq!(errors.of("email"), Some("This is required."));
}

#[test]
fn what_is_sent_empty_is_missing_to_typed_getters_and_present_to_has() {
    let request = form("clientid=&note=&date=0000-00-00&amount=+");
    request
        .read(|params| {
            assert!(params.has("note") && params.has("clientid") && !params.has("other"));
            assert_eq!((params.text("note"), params.text("other")), (Some(""), None));
            assert_eq!((params.filled("note"), params.int("clientid")), (None, None));
            assert_eq!((params.date("date"), params.decimal("amount")), (None, None));
            Ok(())
        })
        .unwrap();
    assert_eq!(errors(&request, |p| p.required_int("clientid")).of("clientid"), Some("This is required."));
}

#[test]
fn a_rule_of_the_action_is_reported_like_a_wrong_parameter() {
    let request = form("status=Lost");
    let outcome: kernel::errors::Result<()> =
        request.read(|params| Err(params.refuse("status", "Enter Active, Inactive or Closed.")));
    assert_eq!(outcome.unwrap_err().to_string(), "status: Enter Active, Inactive or Closed.");
}

#[test]
fn numbers_are_strict() {
    for text in ["1.0", "1e3", "0x1", "1+", "+1", "--1", "-", "9223372036854775808", "١"] {
        assert_eq!(parse_int(text), Err("Enter a whole number."), "{text}");
    }
    for (text, number) in [("0", 0), ("-5", -5), ("007", 7), ("9223372036854775807", i64::MAX)] {
        assert_eq!(parse_int(text), Ok(number));
    }
    for (text, fits) in [
        ("12.50", true),
        ("-1.00", true),
        ("5", true),
        (".5", false),
        ("5.", false),
        ("1,5", false),
        ("1e2", false),
        ("-", false),
    ] {
        let request = form(&format!("amount={text}"));
        assert_eq!(request.read(|p| Ok(p.decimal("amount"))).is_ok(), fits, "{text}");
    }
}

#[test]
fn dates_may_carry_a_time_of_day() {
    let cases = [
        ("2026-01-31", Some(0)),
        ("20260131", Some(0)),
        ("2026-01-31+09:30:00", Some(34_200)),
        ("2026-01-31T23:59:59", Some(86_399)),
        ("2026-01-31+09:30", Some(34_200)),
        ("2026-01-31+24:00:00", None),
        ("2026-01-31+9:30", None),
        ("2026-01-31+09:30:00:00", None),
        ("2026-01-31+09:30:", None),
        ("2026-01-32", None),
        ("31/01/2026", None),
        ("2026011é", None),
    ];
    for (text, seconds) in cases {
        let moment = form(&format!("date={text}")).read(|p| Ok(p.moment("date"))).ok().flatten();
        assert_eq!(moment, seconds.map(|seconds| (Date::new(2026, 1, 31).unwrap(), seconds)), "{text}");
    }
}
