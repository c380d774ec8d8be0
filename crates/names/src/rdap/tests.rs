use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use testkit::rdap::{Rdap, Reply};

use super::*;

fn client_of(servers: &[&Rdap], settings: Settings) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut bootstrap = Bootstrap::default();
    bootstrap.set("test", servers.iter().map(|server| server.base_url()).collect());
    Client::new(reqwest::Client::builder().no_proxy(), bootstrap, settings).unwrap()
}

fn anywhere() -> Settings {
    Settings { reach: Reach::Anywhere, timeout: Duration::from_secs(20), ..Settings::default() }
}

async fn asked(reply: Reply) -> Lookup {
    let server = Rdap::start(move |_| reply.clone());
    client_of(&[&server], anywhere()).look_up("example.test").await.unwrap()
}

fn failure(found: Lookup) -> Failure {
    match found {
        Lookup::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_registered_name_is_read_in_full() {
    let Lookup::Registered(domain) = asked(Reply::Registered).await else { panic!("not registered") };
    assert_eq!((domain.name.as_str(), domain.handle.as_deref()), ("example.test", Some("2336799_DOMAIN_TEST")));
    assert_eq!(domain.status, ["client transfer prohibited", "active"]);
    let at = |action| domain.event(action).and_then(|on| on.at).map(|at| at.to_string());
    assert_eq!(at("registration").as_deref(), Some("1995-08-14T04:00:00Z"));
    assert_eq!(at("expiration").as_deref(), Some("2027-08-13T04:00:00Z"));
    assert_eq!(at("last changed").as_deref(), Some("2026-08-14T07:01:34Z"));
    assert_eq!(at("transfer").as_deref(), Some("2001-02-03T04:05:06Z"));
    assert_eq!(domain.name_servers[0].name, "ns1.example.test");
    assert_eq!(domain.name_servers[0].addresses, ["192.0.2.53", "2001:db8::53"]);
    assert_eq!(domain.name_servers[1].name, "ns2.example.net");
    let registrar = domain.registrar.as_ref().unwrap();
    assert_eq!(registrar.name.as_deref(), Some("Example Registrar, Inc."));
    assert_eq!(registrar.iana_id.as_deref(), Some("376"));
    let secure = domain.secure_dns.as_ref().unwrap();
    assert_eq!((secure.delegation_signed, secure.ds[0].key_tag, secure.ds[0].algorithm), (Some(true), 370, 13));
    let [registrant, abuse] = domain.contacts.as_slice() else { panic!("{:?}", domain.contacts) };
    assert_eq!(
        (registrant.redacted, &registrant.name, registrant.organisation.as_deref()),
        (true, &None, Some("Example Ltd"))
    );
    assert_eq!(abuse.email.as_deref(), Some("abuse@registrar.example"));
    assert_eq!(abuse.phone.as_deref(), Some("+1.5555551234"));
    assert_eq!(domain.redacted, ["Registrant Name"]);
    assert_eq!(domain.notices[0].lines, ["Be kind.", "Ask seldom."]);
    assert_eq!(domain.raw["handle"], "2336799_DOMAIN_TEST");
    assert!(domain.server.ends_with("/domain/example.test"), "{}", domain.server);
}

#[tokio::test]
async fn only_what_is_certainly_not_registered_is_called_so() {
    assert!(matches!(asked(Reply::NotFound).await, Lookup::NotRegistered { .. }));
    assert!(matches!(asked(Reply::Raw(404, "X: y".to_owned(), Vec::new())).await, Lookup::NotRegistered { .. }));
    let deep = Reply::Raw(200, "X: y".to_owned(), b"[".repeat(500_000));
    assert!(matches!(failure(asked(deep).await), Failure::Malformed(_)));
    let other_code = Reply::Raw(404, "X: y".to_owned(), br#"{"errorCode": 500}"#.to_vec());
    for reply in [Reply::NoSuchPage, Reply::Garbage, other_code, Reply::Raw(404, "X: y".to_owned(), b"[]".to_vec())] {
        assert!(matches!(failure(asked(reply.clone()).await), Failure::Malformed(_)), "{reply:?}");
    }
    assert_eq!(
        failure(asked(Reply::About("other.test".to_owned())).await),
        Failure::AnotherName("other.test".to_owned())
    );
    for status in [400, 401, 403, 410, 422, 500, 501, 503] {
        let reply = Reply::Raw(status, "X: y".to_owned(), b"no".to_vec());
        assert_eq!(failure(asked(reply).await), Failure::Status(status));
    }
    let no_domain = Reply::Raw(200, "X: y".to_owned(), br#"{"objectClassName": "entity"}"#.to_vec());
    assert!(matches!(failure(asked(no_domain).await), Failure::Malformed(_)));
    let nameless = Reply::Raw(200, "X: y".to_owned(), br#"{"objectClassName": "domain"}"#.to_vec());
    assert!(matches!(failure(asked(nameless).await), Failure::Malformed(_)));
}

#[tokio::test]
async fn a_server_that_is_asked_too_often_says_for_how_long() {
    for (header, expected) in [
        ("30", Some(Duration::from_secs(30))),
        ("Mon, 23 Nov 2026 12:01:30 GMT", Some(Duration::from_secs(90))),
        ("Mon, 23 Nov 2026 11:00:00 GMT", None),
        ("soon", None),
    ] {
        let too_many = failure(asked(Reply::TooMany(header.to_owned())).await);
        assert_eq!(too_many, Failure::TooMany { retry_after: expected }, "{header}");
    }
}

#[tokio::test]
async fn what_is_too_long_or_too_slow_is_given_up() {
    assert_eq!(failure(asked(Reply::Huge).await), Failure::TooLong);
    let silent = Rdap::start(|_| Reply::Silence);
    let hasty = Settings { timeout: Duration::from_millis(60), ..anywhere() };
    assert_eq!(failure(client_of(&[&silent], hasty).look_up("example.test").await.unwrap()), Failure::TimedOut);
}

#[tokio::test]
async fn the_registry_s_next_server_is_asked_when_one_fails() {
    let broken = Rdap::start(|_| Reply::Raw(503, "X: y".to_owned(), Vec::new()));
    let good = Rdap::start(|_| Reply::Registered);
    let found = client_of(&[&broken, &good], anywhere()).look_up("example.test").await.unwrap();
    assert!(matches!(found, Lookup::Registered(_)), "{found:?}");
    let refusing = Rdap::start(|_| Reply::TooMany("1".to_owned()));
    let found = client_of(&[&refusing, &good], anywhere()).look_up("example.test").await.unwrap();
    assert!(matches!(failure(found), Failure::TooMany { .. }));
    assert_eq!(failure(client_of(&[], anywhere()).look_up("example.test").await.unwrap()), Failure::NoServer);
    assert!(client_of(&[], anywhere()).look_up("Example.test").await.is_err());
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_only_to_web_addresses() {
    let good = Rdap::start(|_| Reply::Registered);
    let target = good.base_url();
    let redirecting = Rdap::start(move |_| Reply::Redirect(target.clone()));
    let client = client_of(&[&redirecting], anywhere());
    let Lookup::Registered(domain) = client.look_up("example.test").await.unwrap() else { panic!("not followed") };
    assert!(domain.server.starts_with(&good.base_url()));
    assert!(good.requests()[0].contains("application/rdap+json"));

    let round = Rdap::start(|_| Reply::Raw(302, "Location: example.test".to_owned(), Vec::new()));
    assert!(matches!(
        failure(client_of(&[&round], anywhere()).look_up("example.test").await.unwrap()),
        Failure::Forbidden(_)
    ));
    assert_eq!(round.requests().len(), anywhere().redirects + 1);
    for location in ["file:///etc/passwd", "ftp://example.test/", "gopher://127.0.0.1:1/"] {
        let reply = Reply::Raw(301, format!("Location: {location}"), Vec::new());
        assert!(matches!(failure(asked(reply).await), Failure::Forbidden(_)), "{location}");
    }
    assert!(matches!(failure(asked(Reply::Raw(302, "X: y".to_owned(), Vec::new())).await), Failure::Malformed(_)));
}

#[test]
fn a_redirect_never_gives_up_tls() {
    let next = |from: &str, to: &str| {
        let headers = [(reqwest::header::LOCATION, to.parse().unwrap())].into_iter().collect();
        super::client::next(&from.parse().unwrap(), &headers).map(String::from)
    };
    assert!(matches!(next("https://a.example/domain/x", "http://b.example/"), Err(Failure::Forbidden(_))));
    assert_eq!(next("https://a.example/domain/x", "/y").as_deref(), Ok("https://a.example/y"));
    assert_eq!(next("http://a.example/domain/x", "https://b.example/").as_deref(), Ok("https://b.example/"));
}

#[tokio::test]
async fn servers_that_are_not_public_are_not_asked() {
    let inside = Rdap::start(|_| Reply::Registered);
    let port = inside.address().port();
    let public = Settings { reach: Reach::Public, ..anywhere() };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let urls = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"];
    for host in urls {
        let mut bootstrap = Bootstrap::default();
        bootstrap.set("test", vec![format!("http://{host}:{port}/")]);
        let client = Client::new(reqwest::Client::builder().no_proxy(), bootstrap, public.clone()).unwrap();
        let found = failure(client.look_up("example.test").await.unwrap());
        assert!(matches!(found, Failure::Forbidden(_)), "{host}: {found:?}");
    }
    assert!(inside.requests().is_empty());
}

#[test]
fn a_name_in_another_script_is_recognised_by_its_unicode_form() {
    let raw = json!({"objectClassName": "domain", "unicodeName": "Bücher.test"});
    assert_eq!(Domain::read(raw, "xn--bcher-kva.test", "").unwrap().name, "xn--bcher-kva.test");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((".{0,6}", inner), 0..5).prop_map(|pairs| pairs.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_reader_panic(pieces in proptest::collection::vec((0..12_usize, any_json()), 0..12)) {
        let members = ["events", "status", "nameservers", "entities", "secureDNS", "redacted", "notices", "remarks",
            "handle", "ldhName", "unicodeName", "publicIds"];
        let mut raw = testkit::rdap::domain("example.test");
        for (member, value) in pieces {
            raw[members[member]] = value;
        }
        let _ = Domain::read(raw, "example.test", "");
    }

    #[test]
    fn no_entity_makes_the_reader_panic(entity in any_json(), card in any_json(), roles in any_json()) {
        let mut raw = testkit::rdap::domain("example.test");
        raw["entities"][0]["vcardArray"] = card;
        raw["entities"][1]["roles"] = roles;
        raw["entities"].as_array_mut().unwrap().push(entity);
        let _ = Domain::read(raw, "example.test", "");
    }

    #[test]
    fn no_bytes_make_the_bootstrap_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), json in any_json()) {
        let _ = Bootstrap::parse(&bytes);
        let _ = Bootstrap::parse(json!({"version": "1.0", "services": json}).to_string().as_bytes());
    }
}
