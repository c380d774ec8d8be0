//! What holds whatever is sent.

use super::*;

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
