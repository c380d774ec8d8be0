//! Every way in which clients write the same request to the compatible API, against the running program.

use quick_xml::Reader;
use quick_xml::events::Event;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::{Place, Served, http};

const FORM: &str = "application/x-www-form-urlencoded";

/// A call as it goes over the wire; the status and the body.
async fn send(served: &Served, query: &str, kind: &str, body: String) -> (u16, String) {
    let url = format!("{}/includes/api.php{query}", served.url);
    let request = http().post(url).header(CONTENT_TYPE, kind).body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn login(served: &Served) -> String {
    format!("identifier={}&secret={}", served.login.identifier, served.login.secret)
}

async fn call(served: &Served, action: &str, form: &str) -> Value {
    let (_, body) = send(served, "", FORM, format!("action={action}&{}&{form}", login(served))).await;
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

async fn client(served: &Served, email: &str, more: &str) -> String {
    let form = format!("firstname=Ada&lastname=Lovelace&email={email}&country=GB&skipvalidation=true&{more}");
    let added = call(served, "AddClient", &form).await;
    added["clientid"].as_str().unwrap_or_else(|| panic!("{more}: {added}")).to_owned()
}

async fn products(served: &Served) {
    for name in ["Starter", "Plus"] {
        let prices = json!([
            { "currency": "USD", "cycle": "monthly", "price": "10.00" },
            { "currency": "USD", "cycle": "annually", "price": "100.00" },
        ]);
        served.product(&json!({ "name": name, "group_id": 1, "pay_type": "recurring", "prices": prices })).await;
    }
}

/// The text of every leaf, with the names that lead to it; what is empty is left out.
fn leaves_of_json(path: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves_of_json(&format!("{path}/{name}"), value, leaves);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves_of_json(path, item, leaves)),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => leaves.push((path.to_owned(), text.clone())),
        other => leaves.push((path.to_owned(), other.to_string())),
    }
}

fn leaves_of_xml(xml: &str) -> Vec<(String, String)> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut text, mut leaves) = (Vec::new(), String::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                path.push(start.name().as_ref().to_owned());
                text.clear();
            }
            Event::Text(found) => text.push_str(&found),
            Event::GeneralRef(found) => {
                text.push_str(quick_xml::escape::resolve_predefined_entity(&found).unwrap());
            }
            Event::End(_) => {
                if !text.trim().is_empty() {
                    leaves.push((format!("/{}", path[1..].join("/")), text.clone()));
                }
                path.pop();
                text.clear();
            }
            Event::Eof => return leaves,
            _ => {}
        }
    }
}

testkit::both_engines! {
    async fn a_list_may_be_written_in_any_way(place: Place) {
        let served = Served::start(place, &[]);
        products(&served).await;
        let id = client(&served, "ada@example.com", "").await;
        let rest = format!("clientid={id}&paymentmethod=banktransfer&noinvoice=1");
        for lists in [
            "pid[0]=1&pid[1]=2&billingcycle[0]=monthly&billingcycle[1]=annually",
            "pid%5B1%5D=2&pid%5B0%5D=1&billingcycle%5B1%5D=annually&billingcycle%5B0%5D=monthly",
            "pid[]=1&pid[]=2&billingcycle[]=monthly&billingcycle[]=annually",
            "pid=1&pid=2&billingcycle=monthly&billingcycle=annually",
            "pid=1,2&billingcycle=monthly,annually",
            "pid=1%2C2&billingcycle[0]=monthly&billingcycle[1]=annually",
        ] {
            let order = call(&served, "AddOrder", &format!("{rest}&{lists}")).await;
            let ids: Vec<&str> = order["serviceids"].as_str().unwrap_or_else(|| panic!("{lists}: {order}")).split(',').collect();
            assert_eq!(ids.len(), 2, "{lists}: {order}");
            for (service, pid, cycle) in [(ids[0], "1", "Monthly"), (ids[1], "2", "Annually")] {
                let shown = call(&served, "GetClientsProducts", &format!("serviceid={service}")).await;
                let shown = &shown["products"]["product"][0];
                assert_eq!((&shown["pid"], &shown["billingcycle"]), (&json!(pid), &json!(cycle)), "{lists}");
            }
        }
        for ids in ["pid=1,2", "pid[0]=1&pid[1]=2", "pid[]=2&pid[]=1", "pid=2&pid=1"] {
            let found = call(&served, "GetProducts", ids).await;
            assert_eq!((&found["totalresults"], &found["numreturned"]), (&json!(2), &json!(2)), "{ids}");
        }
        served.sound();
    }

    async fn truth_may_be_written_in_any_way(place: Place) {
        let served = Served::start(place, &[]);
        let ways = [
            ("true", true), ("True", true), ("TRUE", true), ("1", true), ("on", true), ("yes", true),
            ("false", false), ("False", false), ("0", false), ("off", false), ("no", false), ("", false),
        ];
        for (number, (written, truth)) in ways.into_iter().enumerate() {
            let id = client(&served, &format!("ada{number}@example.com"), &format!("marketingoptin={written}")).await;
            let details = call(&served, "GetClientsDetails", &format!("clientid={id}&stats={written}")).await;
            assert_eq!(details["client"]["marketing_emails_opt_in"], truth, "{written}");
            assert_eq!(details.get("stats").is_some(), truth, "{written}");
        }
        let refused = call(&served, "GetClientsDetails", "clientid=1&stats=perhaps").await;
        assert_eq!(refused["message"], "stats: Enter true or false.");
    }

    async fn the_action_may_stand_anywhere_in_any_letters(place: Place) {
        let served = Served::start(place, &[]);
        let login = login(&served);
        let success = |(status, body): (u16, String)| {
            let answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
            assert_eq!((status, &answer["result"]), (200, &json!("success")), "{body}");
            assert_eq!(answer["totalresults"], 1);
        };
        for action in ["GetCurrencies", "getcurrencies", "GETCURRENCIES", "getCurrencies"] {
            success(send(&served, "", FORM, format!("action={action}&{login}")).await);
            success(send(&served, &format!("?action={action}"), FORM, login.clone()).await);
        }
        // Everything in the query; the body's word counts where both say something.
        success(send(&served, &format!("?action=GetCurrencies&{login}"), FORM, String::new()).await);
        success(send(&served, "?action=GetClients", FORM, format!("Action=GetCurrencies&{login}")).await);
        let body = json!({ "action": "GetCurrencies", "identifier": served.login.identifier, "secret": served.login.secret });
        success(send(&served, "", "application/json", body.to_string()).await);
        let parts: String = [("action", "GetCurrencies"), ("identifier", &served.login.identifier), ("secret", &served.login.secret)]
            .iter()
            .map(|(name, value)| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"))
            .collect();
        success(send(&served, "", "multipart/form-data; boundary=x", format!("{parts}--x--\r\n")).await);
    }

    async fn credentials_may_stand_in_either_pair_of_fields(place: Place) {
        let served = Served::start(place, &[]);
        let (identifier, secret) = (&served.login.identifier, &served.login.secret);
        for (fields, status) in [
            (format!("identifier={identifier}&secret={secret}"), 200),
            (format!("username={identifier}&password={secret}"), 200),
            (format!("identifier={identifier}&secret={secret}&username=&password="), 200),
            (format!("identifier=&secret=&username={identifier}&password={secret}"), 200),
            (format!("identifier={identifier}&secret={secret}&accesskey=let-me-in"), 200),
            (format!("username={identifier}&password=wrong"), 403),
            (format!("identifier={identifier}&password={secret}"), 403),
            (String::new(), 403),
        ] {
            let (answered, body) = send(&served, "", FORM, format!("action=GetCurrencies&{fields}")).await;
            assert_eq!(answered, status, "{fields}: {body}");
            if status == 403 {
                assert_eq!(body, r#"{"result":"error","message":"Authentication Failed"}"#);
            }
        }
        let (status, body) = send(&served, "?responsetype=xml", FORM, "action=GetCurrencies".to_owned()).await;
        assert_eq!(status, 403);
        assert!(body.contains("<message>Authentication Failed</message>"), "{body}");
    }

    async fn xml_says_what_json_says(place: Place) {
        let served = Served::start(place, &[]);
        products(&served).await;
        let id = client(&served, "ada@example.com", "companyname=Caf%C3%A9+%26+%3CSons%3E&notes=a+%3Cb%3E%0Ac").await;
        call(&served, "AddOrder", &format!("clientid={id}&paymentmethod=banktransfer&pid=1,2&billingcycle=monthly,annually")).await;
        let payment = "invoiceid=1&transid=x&gateway=banktransfer&date=2026-01-31&amount=1";
        assert_eq!(call(&served, "AddInvoicePayment", payment).await["result"], "success");
        for question in [
            "action=GetClientsDetails&clientid=1&stats=1", "action=GetClients", "action=GetProducts", "action=GetOrders",
            "action=GetClientsProducts", "action=GetInvoices", "action=GetInvoice&invoiceid=1", "action=GetTransactions",
            "action=GetCurrencies", "action=GetPaymentMethods", "action=GetInvoice", "action=GetInvoice&invoiceid=99",
            "action=Nonsense", "action=GetCredits&clientid=1", "action=WhmcsDetails",
        ] {
            let form = format!("{question}&{}", login(&served));
            let (_, as_json) = send(&served, "", FORM, format!("{form}&responsetype=json")).await;
            for other in ["", "&responsetype=", "&responsetype=JSON", "&responsetype=nvp"] {
                assert_eq!(send(&served, "", FORM, format!("{form}{other}")).await.1, as_json, "{question}{other}");
            }
            let (status, xml) = send(&served, "", FORM, format!("{form}&responsetype=xml")).await;
            assert_eq!(status, 200);
            let action = question["action=".len()..].split('&').next().unwrap().to_lowercase();
            let mut wanted = vec![("/action".to_owned(), action)];
            leaves_of_json("", &serde_json::from_str(&as_json).unwrap(), &mut wanted);
            assert_eq!(leaves_of_xml(&xml), wanted, "{question}");
        }
    }
}
