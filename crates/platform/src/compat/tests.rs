#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::errors::{Error, FieldErrors};
use kernel::{Currency, Date, Money};
use proptest::prelude::*;
use quick_xml::events::Event;
use serde_json::{Value as Json, json};

use super::php;
use super::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

fn form(body: &str) -> Request {
    Request::parse(None, FORM, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error:?}"))
}

fn json_body(body: &Json) -> Request {
    Request::parse(None, Some("application/json; charset=utf-8"), body.to_string().as_bytes()).unwrap()
}

fn refused(query: Option<&str>, content_type: Option<&str>, body: &[u8]) -> String {
    Request::parse(query, content_type, body).unwrap_err().error.to_string()
}

/// The errors that reading leaves behind.
fn errors<T: std::fmt::Debug>(request: &Request, reader: impl FnOnce(&mut Params) -> T) -> FieldErrors {
    match request.read(|params| Ok(reader(params))) {
        Err(Error::Invalid(errors)) => errors,
        other => panic!("expected invalid parameters, got {other:?}"),
    }
}

fn ints(request: &Request, name: &str) -> Option<Vec<i64>> {
    request.read(|params| Ok(params.ints(name))).unwrap()
}

fn truth(request: &Request, name: &str) -> Option<bool> {
    request.read(|params| Ok(params.bool(name))).unwrap()
}

fn map(request: &Request, name: &str) -> Option<Vec<(String, String)>> {
    request.read(|params| Ok(params.map(name))).unwrap()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn identifier(identifier: &str, secret: &str) -> Login {
    Login::Identifier { identifier: identifier.to_owned(), secret: secret.to_owned() }
}

fn username(username: &str, password: &str) -> Login {
    Login::Username { username: username.to_owned(), password: password.to_owned() }
}

// Requests as recorded from client libraries.

#[test]
fn whmcspy_adds_a_client() {
    let request = form(
        "identifier=IDENT&secret=S3cret%2B%2F%3D&action=AddClient&responsetype=json&firstname=Zo%C3%AB\
         &lastname=M%C3%BCller+%26+Co&email=zoe%40example.com&address1=1+Rue+d%27%C3%89t%C3%A9&city=Paris&state=IDF\
         &postcode=75001&country=FR&phonenumber=%2B33+1+23&password2=p%C3%A4+ss&noemail=True&notes=",
    );
    assert_eq!(request.action(), "addclient");
    assert_eq!(request.format(), Format::Json);
    assert_eq!(request.credentials(), Credentials { login: identifier("IDENT", "S3cret+/="), access_key: None });
    assert_eq!(request.text("firstname"), Some("Zoë"));
    assert_eq!(request.text("lastname"), Some("Müller & Co"));
    assert_eq!(request.text("address1"), Some("1 Rue d'Été"));
    assert_eq!(request.text("phonenumber"), Some("+33 1 23"));
    assert_eq!(truth(&request, "noemail"), Some(true));
    assert_eq!(request.text("notes"), Some(""), "sent empty");
    assert_eq!(request.text("companyname"), None, "not sent");
}

#[test]
fn whmcspy_numbers_the_elements_of_lists() {
    let order = form(
        "identifier=IDENT&secret=S3cret%2B%2F%3D&action=AddOrder&responsetype=json&clientid=7\
         &paymentmethod=banktransfer&pid%5B0%5D=1&domain%5B0%5D=c.example&pid%5B1%5D=2&domain%5B1%5D=d.example\
         &billingcycle%5B0%5D=monthly&billingcycle%5B1%5D=annually",
    );
    order
        .read(|params| {
            assert_eq!(params.indexed("pid", Commas::Split), [(0, "1"), (1, "2")]);
            assert_eq!(params.indexed("domain", Commas::Split), [(0, "c.example"), (1, "d.example")]);
            assert_eq!(params.text("billingcycle[1]"), Some("annually"));
            assert_eq!(params.required_int("clientid"), Ok(7));
            Ok(())
        })
        .unwrap();

    let update = form(
        "identifier=IDENT&secret=S3cret%2B%2F%3D&action=UpdateInvoice&responsetype=json&invoiceid=3&publish=False\
         &itemdescription%5B0%5D=x&deletelineids%5B0%5D=4&deletelineids%5B1%5D=5",
    );
    assert_eq!(ints(&update, "deletelineids"), Some(vec![4, 5]));
    assert_eq!(truth(&update, "publish"), Some(false));
}

#[test]
fn whmcs_api_client_names_the_action_in_the_query_and_repeats_empty_brackets() {
    let body = "username=IDENT&password=S3cret%2B%2F%3D&accesskey=k%21%40%23&responsetype=json&clientid=7\
                &paymentmethod=mailin&pid%5B%5D=1&pid%5B%5D=2&domain%5B%5D=a.example&domain%5B%5D=\
                &billingcycle%5B%5D=monthly&billingcycle%5B%5D=annually&priceoverride%5B%5D=1.5&priceoverride%5B%5D=2\
                &promooverride=False&noinvoice=True&addons%5B%5D=1%2C2&addons%5B%5D=3&dnsmanagement%5B%5D=True\
                &dnsmanagement%5B%5D=False&domainrenewals=%7B%27x.example%27%3A+1%7D";
    let request = Request::parse(Some("action=AddOrder"), FORM, body.as_bytes()).unwrap();
    assert_eq!(request.action(), "addorder");
    assert_eq!(
        request.credentials(),
        Credentials { login: username("IDENT", "S3cret+/="), access_key: Some("k!@#".to_owned()) }
    );
    let usd = Currency::parse("USD").unwrap();
    request
        .read(|params| {
            assert_eq!(params.ints("pid"), Some(vec![1, 2]));
            assert_eq!(params.indexed("domain", Commas::Split), [(0, "a.example"), (1, "")]);
            assert_eq!(params.list("addons", Commas::Keep), Some(vec!["1,2", "3"]));
            assert_eq!(params.money("priceoverride[0]", usd), Some(Money::new(150, usd)));
            assert_eq!(params.bool("dnsmanagement[0]"), Some(true));
            assert_eq!(params.bool("dnsmanagement[1]"), Some(false));
            assert_eq!(params.bool("promooverride"), Some(false));
            assert_eq!(params.map("domainrenewals"), Some(pairs(&[("x.example", "1")])), "a Python dict as text");
            Ok(())
        })
        .unwrap();
}

#[test]
fn whmcs_api_client_may_send_no_response_type_and_empty_credentials() {
    let request = Request::parse(Some("action=GetCurrencies"), FORM, b"username=&password=").unwrap();
    assert_eq!(request.format(), Format::Json);
    assert_eq!(request.credentials(), Credentials { login: Login::None, access_key: None });
}

#[test]
fn npm_whmcs_sends_a_lower_case_action_an_access_key_and_serialized_custom_fields() {
    let request = form(
        "action=addclient&firstname=Zo%C3%AB&lastname=M%20%26%20Co&email=z%40example.com&noemail=true&notes=a%0Ab\
         &customfields=YToxOntpOjE7czo2OiJHb29nbGUiO30%3D&responsetype=json&username=admin\
         &password=0cc175b9c0f1b6a831c399e269772661&accesskey=k!%40%23%24%25.()*%5B%5D-_",
    );
    assert_eq!(request.action(), "addclient");
    assert_eq!(
        request.credentials(),
        Credentials {
            login: username("admin", "0cc175b9c0f1b6a831c399e269772661"),
            access_key: Some("k!@#$%.()*[]-_".to_owned())
        }
    );
    assert_eq!(request.text("lastname"), Some("M & Co"));
    assert_eq!(request.text("notes"), Some("a\nb"));
    assert_eq!(truth(&request, "noemail"), Some(true));
    assert_eq!(map(&request, "customfields"), Some(pairs(&[("1", "Google")])));
}

#[test]
fn npm_whmcs_repeats_names_for_lists_and_empties_what_it_cannot_write() {
    let request = form(
        "action=addorder&clientid=7&pid=1&pid=2&domain=a.example&domain=b.example&billingcycle=monthly&noinvoice=true\
         &addons=1%2C2&domainrenewals=&responsetype=json&username=admin&password=x",
    );
    request
        .read(|params| {
            assert_eq!(params.indexed("pid", Commas::Split), [(0, "1"), (1, "2")]);
            assert_eq!(params.text("domain[1]"), Some("b.example"));
            assert_eq!(params.text("billingcycle[0]"), Some("monthly"), "one value is a list of one");
            assert_eq!(params.ints("addons"), Some(vec![1, 2]));
            assert_eq!(params.map("domainrenewals"), Some(vec![]));
            assert!(params.keys("domainrenewals").is_empty());
            Ok(())
        })
        .unwrap();
}

#[test]
fn npm_whmcs_numbers_the_items_of_an_invoice() {
    let request = form(
        "action=createinvoice&userid=7&date=20260101&sendinvoice=false&itemdescription1=One&itemamount1=10.5\
         &itemtaxed1=1&itemdescription2=Two&itemamount2=2&itemtaxed2=0&responsetype=json&username=admin&password=x",
    );
    let eur = Currency::parse("EUR").unwrap();
    request
        .read(|params| {
            assert_eq!(params.date("date"), Some(Date::new(2026, 1, 1).unwrap()));
            assert_eq!(params.numbered("itemdescription"), [(1, "One"), (2, "Two")]);
            assert_eq!(params.money("itemamount1", eur), Some(Money::new(1050, eur)));
            assert_eq!(params.required_money("itemamount2", eur), Ok(Money::new(200, eur)));
            assert_eq!(params.bool("itemtaxed1"), Some(true));
            assert_eq!(params.bool("itemtaxed2"), Some(false));
            Ok(())
        })
        .unwrap();
}

#[test]
fn curl_from_php_sends_arrays_as_multipart() {
    let boundary = "------------------------d74496d66958873e";
    let part = |name: &str, value: &str| {
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = part("action", "AddOrder") + &part("pid[0]", "1") + &part("notes", "a\r\nb – c") + &part("empty", "");
    let content_type = format!("multipart/form-data; boundary={boundary}");
    let request = Request::parse(None, Some(&content_type), format!("{body}--{boundary}--\r\n").as_bytes()).unwrap();
    assert_eq!(request.action(), "addorder");
    assert_eq!(ints(&request, "pid"), Some(vec![1]));
    assert_eq!(request.text("notes"), Some("a\r\nb – c"));
    assert_eq!(request.text("empty"), Some(""));

    let file = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"attachments\"; filename=\"a.txt\"\r\n\
         Content-Type: text/plain\r\n\r\nhello\r\n--{boundary}--\r\n"
    );
    assert_eq!(
        refused(None, Some(&content_type), file.as_bytes()),
        "attachments: Send the file as base64 text, not as a file upload."
    );
    for broken in ["", "x", "--", &format!("--{boundary}"), &format!("--{boundary}\r\n\r\nx"), &body] {
        let outcome = Request::parse(None, Some(&content_type), broken.as_bytes());
        assert!(broken.is_empty() == outcome.is_ok(), "{broken:?}");
    }
    assert!(refused(None, Some("multipart/form-data"), b"x").contains("boundary"));
}

// Variants that must all mean the same.

#[test]
fn a_list_of_numbers_may_be_written_in_any_way() {
    let ways = [
        "ids[0]=1&ids[1]=2",
        "ids%5B0%5D=1&ids%5B1%5D=2",
        "ids[1]=2&ids[0]=1",
        "ids[]=1&ids[]=2",
        "ids=1&ids=2",
        "ids=1,2",
        "ids=1%2C+2",
        "ids=,1,,2,",
        "IDS=1,2",
        "ids=1&Ids=2",
        "ids[7]=1&ids[]=2",
        "ids[0]=1,2",
    ];
    for way in ways {
        assert_eq!(ints(&form(way), "ids"), Some(vec![1, 2]), "{way}");
        assert_eq!(ints(&form(way), "Ids"), Some(vec![1, 2]), "{way}");
    }
    for body in
        [json!({"ids": [1, 2]}), json!({"Ids": ["1", "2"]}), json!({"ids": "1,2"}), json!({"ids": {"3": 1, "4": 2}})]
    {
        assert_eq!(ints(&json_body(&body), "ids"), Some(vec![1, 2]), "{body}");
    }
    assert_eq!(ints(&form("ids=5"), "ids"), Some(vec![5]));
    assert_eq!(ints(&form("ids="), "ids"), Some(vec![]));
    assert_eq!(ints(&form(""), "ids"), None);
}

#[test]
fn a_truth_value_may_be_written_in_any_way() {
    for text in ["true", "True", "TRUE", "1", "on", "On", "yes", "YES", "+true+"] {
        assert_eq!(truth(&form(&format!("flag={text}")), "flag"), Some(true), "{text}");
    }
    for text in ["false", "False", "FALSE", "0", "off", "no", ""] {
        assert_eq!(truth(&form(&format!("flag={text}")), "flag"), Some(false), "{text}");
    }
    assert_eq!(truth(&form("flag"), "flag"), Some(false), "without an equals sign");
    assert_eq!(truth(&json_body(&json!({"flag": true})), "flag"), Some(true));
    assert_eq!(truth(&json_body(&json!({"flag": 0})), "flag"), Some(false));
    assert_eq!(truth(&json_body(&json!({"flag": null})), "flag"), None);
    assert_eq!(truth(&form(""), "flag"), None);
    assert_eq!(errors(&form("flag=maybe"), |p| p.bool("flag")).of("flag"), Some("Enter true or false."));
}

#[test]
fn the_action_may_stand_in_query_or_body_in_any_letter_case() {
    let cases = [
        (Some("action=GetClients"), ""),
        (Some("ACTION=GETCLIENTS"), ""),
        (None, "action=getclients"),
        (None, "Action=+GetClients"),
        (Some("action=other&x=1"), "Action=GetClients"),
        (Some("&&action=GetClients&"), "x=1"),
    ];
    for (query, body) in cases {
        let request = Request::parse(query, FORM, body.as_bytes()).unwrap();
        assert_eq!(request.action(), "getclients", "{query:?} {body}");
    }
    assert_eq!(Request::parse(None, None, b"").unwrap().action(), "");
    assert_eq!(json_body(&json!({"action": "GetClients"})).action(), "getclients");
}

#[test]
fn the_body_wins_over_the_query() {
    let request = Request::parse(Some("pid[0]=1&pid[1]=2&note=q&only=q"), FORM, b"PID[0]=9&note=").unwrap();
    assert_eq!(ints(&request, "pid"), Some(vec![9]), "as a whole, not element by element");
    assert_eq!(request.text("note"), Some(""));
    assert_eq!(request.text("only"), Some("q"));
}

#[test]
fn credentials_are_taken_from_whichever_pair_is_complete() {
    let cases = [
        ("identifier=i&secret=s", identifier("i", "s")),
        ("identifier=i&secret=s&username=&password=", identifier("i", "s")),
        ("identifier=i&secret=s&username=u&password=p", identifier("i", "s")),
        ("identifier=&secret=&username=u&password=p", username("u", "p")),
        ("identifier=i&secret=&username=u&password=p", username("u", "p")),
        ("Username=u&PASSWORD=p", username("u", "p")),
        ("identifier=i&password=p", Login::None),
        ("username=u", Login::None),
        ("", Login::None),
    ];
    for (body, login) in cases {
        assert_eq!(form(body).credentials(), Credentials { login, access_key: None }, "{body}");
    }
    assert_eq!(form("accesskey=").credentials().access_key, None);
}

#[test]
fn what_steers_the_call_is_sent_once() {
    for body in [
        "action=a&action=b",
        "action[]=a",
        "username=a&Username=b&password=x",
        "secret[a]=1",
        "accesskey=1&accesskey=1",
    ] {
        let error = refused(None, FORM, body.as_bytes());
        assert!(error.ends_with(": Send a single value, once."), "{body}: {error}");
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let request = form("action=x&username=u&password=hunter2&accesskey=key7&cardnum=4242");
    let shown = format!("{request:?} {:?}", request.credentials());
    assert!(shown.contains("cardnum") && shown.contains("\"u\""), "{shown}");
    for secret in ["hunter2", "key7", "4242"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn nested_maps_are_reached_by_the_path_of_the_wire() {
    let in_form = form(
        "pricing[1][monthly]=5.00&pricing[1][msetupfee]=1&pricing[2][monthly]=-1.00&email_preferences[general]=1\
         &email_preferences[domain]=0&lineitems[0][desc]=A&lineitems[0][qty]=2&lineitems[1][desc]=B,+C",
    );
    let in_json = json_body(&json!({
        "pricing": {"1": {"monthly": "5.00", "msetupfee": 1}, "2": {"monthly": "-1.00"}},
        "email_preferences": {"general": true, "domain": false},
        "lineitems": [{"desc": "A", "qty": 2}, {"desc": "B, C"}],
    }));
    let usd = Currency::parse("USD").unwrap();
    for request in [in_form, in_json] {
        request
            .read(|params| {
                assert_eq!(params.keys("pricing"), ["1", "2"]);
                assert_eq!(params.money("pricing[1][monthly]", usd), Some(Money::new(500, usd)));
                assert_eq!(params.decimal("pricing[2][monthly]"), Some("-1.00"));
                assert_eq!(params.money("pricing[2][annually]", usd), None);
                assert_eq!(params.bool("Email_Preferences[general]"), Some(true));
                assert_eq!(params.bool("email_preferences[domain]"), Some(false));
                assert!(params.has("email_preferences[domain]") && !params.has("email_preferences[support]"));
                assert_eq!(params.text("lineitems[1][desc]"), Some("B, C"));
                assert_eq!(params.keys("lineitems").len(), 2);
                Ok(())
            })
            .unwrap();
    }
    let wrong = errors(&form("pricing[1][monthly]=a.b"), |p| p.money("pricing[1][monthly]", usd));
    assert!(wrong.of("pricing[1][monthly]").is_some(), "{wrong}");
}

#[test]
fn commas_are_text_where_the_reader_says_so() {
    let request = form("itemdescription=Hosting,+Paris");
    request
        .read(|params| {
            assert_eq!(params.list("itemdescription", Commas::Keep), Some(vec!["Hosting, Paris"]));
            assert_eq!(params.list("itemdescription", Commas::Split), Some(vec!["Hosting", "Paris"]));
            assert_eq!(params.indexed("itemdescription", Commas::Keep), [(0, "Hosting, Paris")]);
            Ok(())
        })
        .unwrap();
    let split = form("domain=,b.example");
    assert_eq!(
        split.read(|p| Ok(p.indexed("domain", Commas::Split))).unwrap(),
        [(0, ""), (1, "b.example")],
        "positions count, as they match those of other lists"
    );
}

#[test]
fn elements_keep_their_numbers() {
    let request = form("itemdescription[12]=b&itemdescription[3]=a&itemamount[12]=1");
    let lines = request.read(|p| Ok(p.indexed("itemdescription", Commas::Keep))).unwrap();
    assert_eq!(lines, [(3, "a"), (12, "b")]);
    let named = errors(&form("pid[x]=1"), |p| p.ints("pid"));
    assert_eq!(named.of("pid"), Some("Send a list of single values."));
}

#[test]
fn numbered_names_are_sorted_by_number_and_not_confused_with_longer_names() {
    let request = form(
        "itemdescription10=j&itemdescription2=b&ItemDescription1=a&itemdescriptionx=no&itemdescription=no&itemdescription01=no",
    );
    let found = request.read(|p| Ok(p.numbered("itemdescription"))).unwrap();
    assert_eq!(found, [(1, "a"), (2, "b"), (10, "j")]);
    assert!(form("é1=x").read(|p| Ok(p.numbered("e"))).unwrap().is_empty());
}

// Reading.

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
    assert_eq!(errors(&request, |p| p.required_date("date")).of("date"), Some("This is required."));
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

// Refusals.

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

// Arrays serialized by PHP.

#[test]
fn php_arrays_of_scalars_are_read() {
    let text = "a:6:{i:1;s:6:\"Google\";s:4:\"name\";s:3:\"Zo\u{eb}\";i:-3;b:1;i:4;d:10.25;i:5;N;i:6;s:4:\"\";}x\";}";
    // The lengths count bytes: "Zoë" has four.
    let text = text.replace("s:3:\"Zo", "s:4:\"Zo");
    let request = form(&format!("customfields={}", BASE64.encode(&text).replace('=', "%3D").replace('+', "%2B")));
    let expected = [("1", "Google"), ("name", "Zoë"), ("-3", "1"), ("4", "10.25"), ("5", ""), ("6", "\";}x")];
    assert_eq!(map(&request, "customfields"), Some(pairs(&expected)));
}

#[test]
fn php_arrays_survive_careless_clients() {
    let encoded = BASE64.encode("a:1:{i:0;s:6:\"~~>>??\";}");
    assert!(encoded.contains('+'), "{encoded}");
    for sent in [encoded.clone(), encoded.replace('+', "%2B"), encoded.trim_end_matches('=').to_owned()] {
        assert_eq!(map(&form(&format!("f={sent}")), "f"), Some(pairs(&[("0", "~~>>??")])), "{sent}");
    }
    let wrapped = form(&format!("f={}%0D%0A{}%0D%0A", &encoded[..8], &encoded[8..].replace('+', "%2B")));
    assert_eq!(map(&wrapped, "f"), Some(pairs(&[("0", "~~>>??")])));
}

#[test]
fn the_array_of_each_ordered_product_is_reached_by_its_number() {
    let array = BASE64.encode("a:1:{i:5;i:2;}").replace('=', "%3D");
    for body in [format!("configoptions[0]={array}"), format!("configoptions={array}")] {
        assert_eq!(map(&form(&body), "configoptions[0]"), Some(pairs(&[("5", "2")])), "{body}");
    }
}

#[test]
fn maps_may_be_sent_openly() {
    let expected = Some(pairs(&[("1", "Google"), ("b", "2")]));
    assert_eq!(map(&form("f[1]=Google&f[b]=2"), "f"), expected);
    assert_eq!(map(&form("f={\"1\":\"Google\",\"b\":2}"), "f"), expected);
    assert_eq!(map(&form("f={'1':+'Google',+'b':+2}"), "f"), expected);
    assert_eq!(map(&json_body(&json!({"f": {"1": "Google", "b": 2}})), "f"), expected);
    for wrong in ["f=1&f=2", "f[a][b]=1", "f={\"a\":[1]}", "f={nonsense", "f={'a':+'it\\'s'}"] {
        assert_eq!(errors(&form(wrong), |p| p.map("f")).of("f"), Some("Send a single value for each name."), "{wrong}");
    }
}

#[test]
fn php_objects_and_references_are_refused_wherever_they_stand() {
    let dangerous = [
        "O:8:\"stdClass\":0:{}",
        "C:1:\"A\":0:{}",
        "E:3:\"A:B\";",
        "a:1:{i:0;O:8:\"stdClass\":0:{}}",
        "a:2:{i:0;i:1;i:1;R:2;}",
        "a:2:{i:0;i:1;i:1;r:1;}",
    ];
    for text in dangerous {
        assert_eq!(
            php::parse(text.as_bytes()),
            Err("Send plain values; PHP objects and references are not accepted."),
            "{text}"
        );
    }
}

#[test]
fn malformed_php_values_are_refused() {
    let malformed = [
        "",
        "a",
        "a:",
        "a:1",
        "a:1:{}",
        "a:0:{",
        "a:0:{}x",
        "a:-1:{}",
        "a:99999999999999999999:{}",
        "a:4294967295:{}",
        "a:1:{i:0;}",
        "a:1:{N;i:1;}",
        "a:1:{b:1;i:1;}",
        "a:2:{i:0;i:1;i:0;i:2;}",
        "s:5:\"abc\";",
        "s:2:\"abc\";",
        "s:3:abc;",
        "i:1",
        "i:;",
        "i:1.5;",
        "i:99999999999999999999;",
        "b:2;",
        "d:INF;",
        "d:NAN;",
        "d:x;",
        "d:1e999;",
        "N",
        "S:1:\"a\";",
        "x:1;",
        "s:18446744073709551615:\"a\";",
    ];
    for text in malformed {
        assert_eq!(php::parse(text.as_bytes()), Err("Send an array as PHP's serialize() writes it."), "{text}");
    }
    assert!(php::parse(b"s:1:\"\xff\";").is_err());
    assert!(php::decode(&BASE64.encode("i:1;")).is_err(), "not an array");
    assert!(php::decode("%%%").is_err());
    let nested = |depth: usize| "a:1:{i:0;".repeat(depth) + "N;" + &"}".repeat(depth);
    assert!(php::parse(nested(4).as_bytes()).is_ok());
    assert!(php::parse(nested(5).as_bytes()).is_err());
    assert!(php::parse("a:1:{i:0;".repeat(5_000).as_bytes()).is_err());
    let wide: String = (0..1_000).map(|at| format!("i:{at};N;")).collect();
    assert_eq!(php::parse(format!("a:1000:{{{wide}}}").as_bytes()), Err("Send fewer values."));
    assert_eq!(php::decode(&"A".repeat(200_000)), Err("Send a smaller array."));
}

// Answers.

fn clients() -> Answer {
    let list = vec![json!({"id": 1, "firstname": "Zoë & <Co>", "active": true}), json!({"id": 2, "notes": null})];
    Answer::success().with_counts(2, 0, 2).with_list("clients", "client", list)
}

#[test]
fn an_answer_in_json_keeps_its_order() {
    let rendered = clients().render(Format::Json, "getclients", "1.0.0");
    assert_eq!((rendered.status, rendered.content_type), (200, "application/json"));
    assert_eq!(
        rendered.body,
        "{\"result\":\"success\",\"totalresults\":2,\"startnumber\":0,\"numreturned\":2,\"clients\":{\"client\":[\
         {\"id\":1,\"firstname\":\"Zoë & <Co>\",\"active\":true},{\"id\":2,\"notes\":null}]}}"
    );
}

#[test]
fn an_answer_in_xml_repeats_the_elements_of_a_list() {
    let rendered = clients().render(Format::Xml, "getclients", "1.0.0");
    assert_eq!((rendered.status, rendered.content_type), (200, "application/xml; charset=utf-8"));
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi version=\"1.0.0\">\n<action>getclients</action>\n\
        <result>success</result>\n<totalresults>2</totalresults>\n<startnumber>0</startnumber>\n\
        <numreturned>2</numreturned>\n<clients>\n<client>\n<id>1</id>\n<firstname>Zoë &amp; &lt;Co&gt;</firstname>\n\
        <active>true</active>\n</client>\n<client>\n<id>2</id>\n<notes></notes>\n</client>\n</clients>\n</whmcsapi>";
    assert_eq!(rendered.body, expected);
}

#[test]
fn xml_has_a_place_for_every_shape() {
    let answer = Answer::success()
        .with_list("permissions", "permission", vec![json!("profile"), json!("contacts")])
        .with_list("none", "one", vec![])
        .with("filteredDepartments", json!([1, 2]))
        .with("pricing", json!({"co.uk": {"register": {"1": "9.95"}}, "": 0, "a b<c>": 1}))
        .with("grid", json!([[1, 2], []]));
    let body = answer.render(Format::Xml, "x", "1").body;
    for part in [
        "<permissions>\n<permission>profile</permission>\n<permission>contacts</permission>\n</permissions>\n",
        "<none>\n</none>\n",
        "<filteredDepartments>1</filteredDepartments>\n<filteredDepartments>2</filteredDepartments>\n",
        "<co.uk>\n<register>\n<_1>9.95</_1>\n</register>\n</co.uk>\n<_>0</_>\n<a_b_c_>1</a_b_c_>\n",
        "<grid>\n<item>1</item>\n<item>2</item>\n</grid>\n<grid>\n</grid>\n",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
}

#[test]
fn what_xml_cannot_carry_is_replaced_and_a_line_break_survives() {
    let answer = Answer::success().with("text", "a\u{0}b\u{1b}c\u{ffff}d\r\ne\t]]>");
    let body = answer.render(Format::Xml, "<&\u{8}>", "1\"<\u{1}").body;
    assert!(body.contains("<text>a\u{fffd}b\u{fffd}c\u{fffd}d&#13;\ne\t]]&gt;</text>"), "{body}");
    assert!(body.contains("<action>&lt;&amp;\u{fffd}&gt;</action>"), "{body}");
    assert!(body.contains("version=\"1&quot;&lt;\u{fffd}\""), "{body}");
}

#[test]
fn only_xml_is_answered_in_xml() {
    for (asked, format) in [
        ("xml", Format::Xml),
        ("XML", Format::Xml),
        ("json", Format::Json),
        ("", Format::Json),
        ("nvp", Format::Json),
        ("yaml", Format::Json),
    ] {
        assert_eq!(form(&format!("responsetype={asked}")).format(), format, "{asked}");
    }
    assert_eq!(form("").format(), Format::Json);
}

#[test]
fn an_error_has_a_result_a_message_and_a_status() {
    let cases = [
        (Answer::error("Client ID Not Found"), 200, "Client ID Not Found"),
        (Answer::denied("Invalid IP 192.0.2.1"), 403, "Invalid IP 192.0.2.1"),
        (Answer::from_error(&Error::Unauthenticated, "r"), 403, "Authentication Failed"),
        (
            Answer::from_error(&Error::Forbidden("View Clients"), "r"),
            403,
            "You do not have the permission “View Clients”.",
        ),
        (Answer::from_error(&Error::NotFound("client"), "r"), 200, "client not found"),
        (
            Answer::from_error(&Error::invalid("clientid", "Enter a whole number."), "r"),
            200,
            "clientid: Enter a whole number.",
        ),
        (Answer::from_error(&Error::refused("No."), "r"), 200, "No."),
        (
            Answer::from_error(&Error::TooMany { retry_after: 3 }, "r"),
            429,
            "Too many requests. Try again in 3 seconds.",
        ),
        (Answer::from_error(&Error::Unavailable("Try later.".to_owned()), "r"), 503, "Try later."),
        (Answer::from_error(&Error::broken("SELECT secret"), "r-7"), 500, "An internal error occurred. Reference: r-7"),
        (
            Answer::from_error(&Error::Unavailable("database: disk I/O error in: SELECT secret".to_owned()), "r-8"),
            503,
            "The database did not answer. Try again in a moment; the log has the reason as r-8.",
        ),
        (
            Answer::from_error(
                &Error::Unavailable("The PostgreSQL server cannot be reached: db.inside".to_owned()),
                "r",
            ),
            503,
            "The database did not answer. Try again in a moment; the log has the reason as r.",
        ),
        (
            Answer::from_error(&Error::Conflict("database: UNIQUE constraint in: INSERT INTO secret".to_owned()), "r"),
            200,
            "The same thing exists already. Reload the page and look before you try again.",
        ),
    ];
    for (answer, status, message) in cases {
        let rendered = answer.render(Format::Json, "x", "1");
        assert_eq!(
            (rendered.status, rendered.body),
            (status, json!({"result": "error", "message": message}).to_string())
        );
        let xml = answer.render(Format::Xml, "x", "1").body;
        assert!(xml.contains(&format!("<result>error</result>\n<message>{message}</message>\n")), "{xml}");
    }
}

// Properties.

/// Every getter over every name that occurs; values do not matter here, only that nothing panics.
fn read_everything(request: &Request) {
    let usd = Currency::parse("USD").unwrap();
    let names = ["a", "a[0]", "a[b]", "a[", "", "é", "pid", "action"];
    let _ = (request.action(), request.credentials(), format!("{request:?}"));
    for name in names {
        let _ = request.read(|p| {
            let _ = (p.text(name), p.int(name), p.bool(name), p.decimal(name), p.money(name, usd), p.moment(name));
            let _ = (p.ints(name), p.list(name, Commas::Keep), p.indexed(name, Commas::Split), p.numbered(name));
            let _ = (p.keys(name), p.map(name), p.currency(name));
            p.required(name).map(|_| ())
        });
    }
}

fn well_formed(xml: &str) -> bool {
    let mut reader = quick_xml::Reader::from_str(xml);
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => return true,
            Ok(Event::Text(text)) if !text.chars().all(|c| c >= ' ' || "\t\n".contains(c)) => return false,
            Ok(Event::GeneralRef(entity)) if !matches!(&*entity, "amp" | "lt" | "gt" | "quot" | "apos" | "#13") => {
                return false;
            }
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((".*", inner), 0..5).prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(query in ".{0,60}", kind in 0..5, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let kinds = [None, FORM, Some("application/json"), Some("multipart/form-data; boundary=x"), Some("multipart/form-data; \"=;")];
        if let Ok(request) = Request::parse(Some(&query), kinds[kind as usize], &body) {
            read_everything(&request);
        }
    }

    #[test]
    fn nothing_that_looks_like_a_form_makes_it_panic(body in "(a|b|pid|é|\\[|\\]|0|1|=|&|,|%5B|%|\\{|'|:|-|\\.){0,60}") {
        if let Ok(request) = Request::parse(None, FORM, body.as_bytes()) {
            read_everything(&request);
        }
    }

    #[test]
    fn nothing_that_looks_like_multipart_makes_it_panic(body in "(--x|\r\n|--|content-disposition: form-data|; name=\"a\"|; filename=|\"|=|;|v){0,30}") {
        let _ = Request::parse(None, Some("multipart/form-data; boundary=x"), body.as_bytes());
    }

    #[test]
    fn no_json_makes_it_panic(body in any_json()) {
        if let Ok(request) = Request::parse(None, Some("application/json"), body.to_string().as_bytes()) {
            read_everything(&request);
        }
    }

    #[test]
    fn no_bytes_make_the_php_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[abdisNOR0-9:;{}\".-]{0,60}") {
        let _ = (php::parse(&bytes), php::parse(text.as_bytes()), php::decode(&text), php::decode(&BASE64.encode(&bytes)));
    }

    #[test]
    fn any_text_survives_a_form(value in any::<String>()) {
        let encoded = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC);
        let request = form(&format!("note={encoded}"));
        prop_assert_eq!(request.text("note"), Some(value.as_str()));
    }

    #[test]
    fn any_map_survives_php(entries in prop::collection::btree_map("[a-zé ]{1,8}", ".{0,20}", 0..8)) {
        let serialized: String =
            entries.iter().map(|(k, v)| format!("s:{}:\"{k}\";s:{}:\"{v}\";", k.len(), v.len())).collect();
        let decoded = php::decode(&BASE64.encode(format!("a:{}:{{{serialized}}}", entries.len()))).unwrap();
        let read: Vec<_> = decoded.into_iter().map(|(k, v)| (k.to_string(), v.text().unwrap())).collect();
        prop_assert_eq!(read, entries.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn xml_is_well_formed_whatever_it_carries(value in any_json(), name in ".*", action in ".*", version in ".*") {
        let body = Answer::success().with(&name, value).render(Format::Xml, &action, &version).body;
        prop_assert!(well_formed(&body), "{}", body);
    }
}
