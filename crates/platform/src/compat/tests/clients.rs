//! Requests as recorded from client libraries.

use super::*;

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
            assert_eq!(params.money("itemamount2", eur), Some(Money::new(200, eur)));
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
