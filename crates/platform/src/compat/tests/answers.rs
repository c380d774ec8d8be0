//! Answers in JSON and XML.

use super::*;

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
