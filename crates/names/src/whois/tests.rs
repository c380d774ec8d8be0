use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use testkit::whois::{Reply, Whois};

use super::client::decode;
use super::judgement::judge;
use super::*;

static SHIPPED: LazyLock<Table> = LazyLock::new(Table::shipped);

fn settings() -> Settings {
    Settings { reach: Reach::Anywhere, timeout: Duration::from_secs(20), ..Settings::default() }
}

/// A client that knows `server` for names under `test`, by the pattern of the scripted server.
fn client_of(server: &Whois, settings: Settings) -> Client {
    let table = format!("test\t{}\t-x {{}}\tNo match for \"{{}}\"", server.address());
    Client::new(Table::parse(&table).unwrap(), settings)
}

async fn asked(reply: Reply) -> Lookup {
    let server = Whois::start(move |_| reply.clone());
    client_of(&server, settings()).look_up("example.test").await.unwrap()
}

/// What the table that comes along makes of an answer.
fn judged(name: &str, text: &str) -> State {
    judge(text, name, SHIPPED.find(name).unwrap(), &Record::read(text))
}

fn texts(moments: [&Option<crate::date::Moment>; 3]) -> [Option<String>; 3] {
    moments.map(|moment| moment.as_ref().and_then(|moment| moment.at).map(|at| at.to_string()[..10].to_owned()))
}

#[tokio::test]
async fn a_registered_name_is_read_in_full() {
    let server = Whois::start(|_| Reply::Registered);
    let found = client_of(&server, settings()).look_up("example.test").await.unwrap();
    assert_eq!(server.questions(), ["-x example.test\r\n"], "the question has the form that the table gives it");
    assert_eq!((found.state, found.server), (State::Registered, server.address().to_string()));
    let record = found.record;
    assert_eq!(record.domain.as_deref(), Some("example.test"));
    assert_eq!(record.registrar.as_deref(), Some("Example Registrar, Inc."));
    assert_eq!(record.registrar_iana_id.as_deref(), Some("376"));
    let dates = texts([&record.created, &record.changed, &record.expires]);
    assert_eq!(dates.map(Option::unwrap), ["1995-08-14", "2026-08-14", "2027-08-13"]);
    assert_eq!(record.name_servers, ["ns1.example.test", "ns2.example.net"]);
    assert_eq!(record.status, ["clientTransferProhibited"]);
}

#[tokio::test]
async fn only_what_is_certainly_not_registered_is_called_so() {
    let unknown = State::Unknown;
    for (reply, state) in [
        (Reply::NotFound, State::NotRegistered),
        (Reply::TooMany, unknown(Failure::TooMany)),
        (Reply::Garbage, unknown(Failure::NotUnderstood)),
        (Reply::Huge, unknown(Failure::TooLong)),
        (Reply::Empty, unknown(Failure::Empty)),
        (Reply::About("other.test".to_owned()), unknown(Failure::AnotherName("other.test".to_owned()))),
        (Reply::Raw(b"Access denied.\n".to_vec()), unknown(Failure::Refused)),
        (Reply::Raw(b"No match for \"other.test\"\n".to_vec()), unknown(Failure::NotUnderstood)),
        (Reply::Raw(b"Not found.\n".to_vec()), unknown(Failure::NotUnderstood)),
        (Reply::Raw(b"Reserved name\n".to_vec()), State::Reserved),
    ] {
        assert_eq!(asked(reply.clone()).await.state, state, "{reply:?}");
    }
    let both = format!("{}\r\nNo match for \"example.test\"\r\n", testkit::whois::registered("example.test"));
    assert_eq!(asked(Reply::Raw(both.into_bytes())).await.state, unknown(Failure::Contradiction));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let server = Whois::start(|_| Reply::Silence);
    let hasty = Settings { timeout: Duration::from_millis(60), ..settings() };
    let found = client_of(&server, hasty).look_up("example.test").await.unwrap();
    assert_eq!(found.state, State::Unknown(Failure::TimedOut));
    let closed = testkit::process::free_port();
    let table = Table::parse(&format!("test\t127.0.0.1:{closed}")).unwrap();
    let found = Client::new(table, settings()).look_up("example.test").await.unwrap();
    assert!(matches!(found.state, State::Unknown(Failure::Unreachable(_))), "{found:?}");
}

#[tokio::test]
async fn iana_is_asked_once_for_what_the_table_does_not_have() {
    let registry =
        Whois::start(|question| if question.starts_with("free") { Reply::NotFound } else { Reply::Registered });
    let address = registry.address();
    let iana = Whois::start(move |question| match question {
        "test" => {
            Reply::Raw(format!("% IANA WHOIS server\nrefer:        {address}\n\ndomain:       TEST\n").into_bytes())
        }
        "none" => Reply::Raw(b"domain: NONE\nstatus: ACTIVE\n".to_vec()),
        _ => Reply::TooMany,
    });
    let settings = Settings { iana: iana.address().to_string(), ..settings() };
    let client = Client::new(Table::parse("known\t-").unwrap(), settings);
    let state = async |name: &str| client.look_up(name).await.unwrap().state;
    assert_eq!(state("example.test").await, State::Registered);
    let not_free = State::Unknown(Failure::NotUnderstood);
    assert_eq!(state("free.test").await, not_free, "without a pattern nothing is called free");
    assert_eq!(state("example.none").await, State::Unknown(Failure::NoServer));
    assert_eq!(state("example.known").await, State::Unknown(Failure::NoServer));
    assert_eq!(iana.questions(), ["test\r\n", "none\r\n"]);
    for _ in 0..2 {
        assert_eq!(state("example.busy").await, not_free);
    }
    assert_eq!(iana.questions().len(), 4, "an answer that is not IANA's is not remembered");
    assert!(client.look_up("-x.test").await.is_err());
}

#[tokio::test]
async fn the_registrar_is_asked_once_and_only_if_that_is_wanted() {
    let registrar =
        Whois::start(|_| Reply::Raw(b"Registrant Organization: Example Ltd\nWhois Server: whois.more.test\n".to_vec()));
    let names_it = format!(
        "{}Registrar WHOIS Server: whois://{}/\r\n",
        testkit::whois::registered("example.test"),
        registrar.address()
    );
    let registry = Whois::start(move |_| Reply::Raw(names_it.clone().into_bytes()));
    let left = client_of(&registry, settings()).look_up("example.test").await.unwrap();
    assert_eq!((left.registrar, registrar.questions().len()), (None, 0));
    let asking = Settings { registrars: Registrars::Ask, ..settings() };
    let found = client_of(&registry, asking).look_up("example.test").await.unwrap();
    let Some(Referred::Answered { text, server, .. }) = found.registrar else { panic!("{:?}", found.registrar) };
    assert!(text.contains("Example Ltd") && server == registrar.address().to_string(), "{server}: {text}");
    assert_eq!(registrar.questions(), ["example.test\r\n"]);
}

#[tokio::test]
async fn servers_that_are_not_public_are_not_asked() {
    let inside = Whois::start(|_| Reply::Registered);
    let public = Settings { reach: Reach::Public, ..settings() };
    let other_port = client_of(&inside, public.clone()).look_up("example.test").await.unwrap();
    let State::Unknown(Failure::Forbidden(why)) = other_port.state else { panic!("{other_port:?}") };
    assert!(why.ends_with("is not on port 43"), "{why}");
    for host in ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254"] {
        let table = Table::parse(&format!("test\t{host}")).unwrap();
        let found = Client::new(table, public.clone()).look_up("example.test").await.unwrap();
        assert!(matches!(found.state, State::Unknown(Failure::Forbidden(_))), "{host}: {found:?}");
    }
    assert!(inside.questions().is_empty());
}

#[test]
fn answers_in_the_forms_of_registries_are_understood() {
    let nominet = "\r\n    Domain name:\r\n        example.co.uk\r\n\r\n    Registrar:\r\n        Example Ltd [Tag = EXAMPLE]\r\n        \
        URL: https://registrar.example\r\n\r\n    Relevant dates:\r\n        Registered on: 26-Nov-1996\r\n        \
        Expiry date:  26-Nov-2027\r\n\r\n    Name servers:\r\n        ns1.example.co.uk   192.0.2.1\r\n        \
        ns2.example.net\r\n\r\n    -- \r\nThis WHOIS information is provided for free by Nominet UK\r\n";
    assert_eq!(judged("example.co.uk", nominet), State::Registered);
    let record = Record::read(nominet);
    assert_eq!(record.registrar.as_deref(), Some("Example Ltd [Tag = EXAMPLE]"));
    assert_eq!(record.name_servers, ["ns1.example.co.uk", "ns2.example.net"]);
    let [created, _, expires] = texts([&record.created, &record.changed, &record.expires]);
    assert_eq!((created.as_deref(), expires.as_deref()), (Some("1996-11-26"), Some("2027-11-26")));

    let jprs = "[ JPRS database provides information on network administration. ]\n\nDomain Information:\n\
        [Domain Name]                   EXAMPLE.JP\n\n[Registrant]                    Example KK\n\n\
        [Name Server]                   ns1.example.jp\n[Name Server]                   ns2.example.jp\n\n\
        [Created on]                    2001/03/26\n[Expires on]                    2027/03/31\n[Status]        Active\n";
    assert_eq!(judged("example.jp", jprs), State::Registered);
    assert_eq!(Record::read(jprs).name_servers.len(), 2);
    assert_eq!(texts([&Record::read(jprs).expires, &None, &None])[0].as_deref(), Some("2027-03-31"));

    let denic = "% Terms\nDomain: example.de\nNserver: ns1.example.de 192.0.2.1\nStatus: connect\nChanged: 2026-01-02T03:04:05+01:00\n";
    assert_eq!(judged("example.de", denic), State::Registered);
    assert_eq!(judged("example.de", "Domain: example.de\nStatus: connect\n"), State::Registered);
    let finnish = "domain.............: example.fi\nstatus.............: Registered\ncreated............: 1.1.2001 00:00:00\n\
        expires............: 31.8.2027 09:15:54\nnserver............: ns1.example.fi [OK]\nregistrar..........: Example Oy\n";
    assert_eq!(judged("example.fi", finnish), State::Registered);
    assert_eq!(texts([&Record::read(finnish).expires, &None, &None])[0].as_deref(), Some("2027-08-31"));
    let italian = "Domain:             example.it\nStatus:             ok\nExpire Date:        2027-01-29\n\nRegistrar\n  \
        Organization:     Example s.r.l.\n  Name:             EX-REG\n\nNameservers\n  ns1.example.it\n  ns2.example.it\n";
    assert_eq!(judged("example.it", italian), State::Registered);
    let record = Record::read(italian);
    assert_eq!((record.registrar.as_deref(), record.name_servers.len()), (Some("EX-REG"), 2));
    let estonian = "Estonia .ee Top Level Domain WHOIS server\n\nDomain:\nname:       example.ee\nstatus:     ok (paid and in zone)\n\
        registered: 2011-01-23 00:00:07 +02:00\nexpire:     2027-01-24\n\nRegistrar:\nname:       Example OÜ\n\n\
        Name servers:\nnserver:   ns1.example.ee\n";
    assert_eq!(judged("example.ee", estonian), State::Registered);
    assert_eq!(Record::read(estonian).registrar.as_deref(), Some("Example OÜ"));
    let taiwanese =
        "Domain Name: example.tw\n   Registrant:\n      Example\n   Record expires on 2027-10-27 (YYYY-MM-DD)\n";
    assert_eq!(judged("example.tw", taiwanese), State::Registered);
    assert_eq!(texts([&Record::read(taiwanese).expires, &None, &None])[0].as_deref(), Some("2027-10-27"));
    let european = "% Terms\nDomain: example.eu\nScript: LATIN\n\nRegistrant:\n        NOT DISCLOSED!\n\nRegistrar:\n        \
        Name: Example NV\n        Website: https://registrar.example\n\nName servers:\n        ns1.example.eu (192.0.2.1)\n";
    assert_eq!(judged("example.eu", european), State::Registered);
    assert_eq!(Record::read(european).registrar.as_deref(), Some("Example NV"));
}

#[test]
fn the_lines_by_which_registries_say_that_there_is_nothing_are_known() {
    for (name, text) in [
        ("example.com", "   No match for \"EXAMPLE.COM\".\r\n>>> Last update of whois database: 2026 <<<\r\n"),
        ("example.org", "Domain not found.\r\nTerms of Use: Access to WHOIS information\r\n"),
        ("example.de", "Domain: example.de\nStatus: free\n"),
        (
            "example.co.uk",
            "\r\n    No match for \"example.co.uk\".\r\n\r\n    This domain name has not been registered.\r\n",
        ),
        ("example.eu", "% Terms\n\nDomain: example.eu\nScript: LATIN\n\nStatus: AVAILABLE\n"),
        ("example.be", "% .be\nDomain:\texample.be \nStatus:\tAVAILABLE \n"),
        ("example.it", "Domain:             example.it\nStatus:             AVAILABLE\n"),
        ("example.fr", "%%\n%% No entries found in the AFNIC Database.\n"),
        ("example.nl", "example.nl is free\n"),
        ("example.se", "domain \"example.se\" not found.\n"),
        ("example.ru", "% Terms\n\nNo entries found for the selected source(s).\n"),
        ("example.jp", "[ JPRS database ]\n\nNo match!!\n"),
        ("example.co.za", "Available\nDomain: example.co.za\n"),
        ("example.xyz", "The queried object does not exist: DOMAIN NOT FOUND\r\n"),
        ("example.berlin", "The queried object does not exist\r\n"),
        ("example.br", "% No match for example.br\n"),
        ("example.cz", "%ERROR:101: no entries found\n% \n% No entries found.\n"),
        ("example.rs", "%ERROR:103: Domain is not registered\n"),
        ("example.lv", "[Domain]\nDomain: example.lv\nStatus: free\n\n[Whois]\nUpdated: 2026-02-18 18:12:36.561777\n"),
        ("example.af", "Domain Name: example.af\nDomain Status: No Object Found\n"),
    ] {
        assert_eq!(judged(name, text), State::NotRegistered, "{name}");
    }
}

#[test]
fn what_only_resembles_such_a_line_is_not_taken_for_one() {
    for (name, text) in [
        ("example.co.za", "available at http://registry.example/whois\n"),
        ("example.de", "Domain: example.de\nStatus: invalid\n"),
        ("example.be", "Domain: example.be\nStatus: NOT AVAILABLE\nNot AVAILABLE\n"),
        ("example.com", "The page was not found.\nNo match for \"OTHER.COM\".\n"),
        ("example.nl", "other.nl is free\n"),
        ("example.de", "Domain: other.de\nStatus: free\n"),
        ("example.org", "Your connection limit exceeded. Please slow down and try again later.\n"),
        ("example.aw", "Domain not found\nNOT FOUND\nNo match\n"),
    ] {
        assert!(!matches!(judged(name, text), State::NotRegistered), "{name}: {text}");
    }
    assert_eq!(judged("example.xyz", "The queried object does not exist\nReserved by the registry\n"), State::Reserved);
}

#[test]
fn letters_are_utf_8_or_else_latin_1() {
    assert_eq!(decode("Müller".as_bytes().to_vec()), "Müller");
    assert_eq!(decode(b"M\xfcller".to_vec()), "Müller");
}

/// As simple as can be, so as not to share a mistake: does the text hold what one of the patterns begins with?
fn holds_a_pattern(text: &str, name: &str, entry: &Entry) -> bool {
    let text = text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
    entry.patterns.iter().any(|pattern| text.contains(pattern.replace("{}", name).trim_end_matches('$')))
}

/// Text out of pieces that stand in answers.
fn any_answer() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        ".{0,30}",
        Just("\n".to_owned()),
        Just("\r\n    ".to_owned()),
        Just("Domain Name: example.org".to_owned()),
        Just("Domain: ".to_owned()),
        Just("Status: available".to_owned()),
        Just("Status: free".to_owned()),
        Just("not found".to_owned()),
        Just("Domain not found".to_owned()),
        Just("No match for".to_owned()),
        Just("Registrar: Example".to_owned()),
        Just("Expiry Date: 2027-01-01".to_owned()),
        Just("[Name Server] ns1.example.org".to_owned()),
        Just("%: [".to_owned()),
        Just("]".to_owned()),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_is_free_without_a_pattern_of_the_suffix(text in any_answer(), which in 0..6_usize) {
        let name = ["example.org", "example.de", "example.com", "example.co.za", "example.aw", "example.uk"][which];
        let entry = SHIPPED.find(name).unwrap();
        let state = judge(&text, name, entry, &Record::read(&text));
        prop_assert!(state != State::NotRegistered || holds_a_pattern(&text, name, entry), "{text:?}");
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = decode(bytes);
        let state = judge(&text, "example.org", SHIPPED.find("example.org").unwrap(), &Record::read(&text));
        prop_assert!(state != State::NotRegistered, "{text:?}");
    }

    #[test]
    fn no_table_makes_the_reader_panic(text in "(=?[a-z@{}|$.\t -]{0,20}\n?){0,6}") {
        let _ = Table::parse(&text);
    }
}
