//! Variants of a request that must all mean the same.

use super::*;

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
