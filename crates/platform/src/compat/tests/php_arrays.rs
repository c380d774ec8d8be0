//! Arrays serialized by PHP.

use super::*;

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
