//! Bad input through every door: the answer names the field, and nothing in the database has changed.

use axum::body::Body;
use axum::http::{Request, header};
use kernel::Timestamp;
use platform::App;
use serde_json::{Value, json};

use crate::support::{Credential, Place, Served, Session, Site, ask, http, read};

/// A request, and where its error must be.
enum Try<'a> {
    /// Method, path, body, field.
    Api(&'a str, &'a str, Value, &'a str),
    /// Action, form, what the message must contain: the parameter, or the documented sentence.
    Action(&'a str, &'a str, &'a str),
    /// Path, form, field.
    Page(&'a str, &'a str, &'a str),
    /// Path, form: what the page is about, in a hidden field, is not there.
    Gone(&'a str, &'a str),
    /// Arguments, what must be said.
    Command(&'a [&'a str], &'a str),
}

/// An installation with something in it: client 1 with a service and an open invoice of 10.00, closed client 2.
struct Stage {
    site: Site,
    boss: Session,
    login: Credential,
}

impl Stage {
    async fn set(site: Site) -> Stage {
        let boss = site.boss().await;
        let login = site.credential().await;
        let person = "firstname=Ada&lastname=Lovelace&country=GB&skipvalidation=1";
        for (action, form) in [
            ("AddClient", format!("{person}&email=ada@example.com")),
            ("AddClient", format!("{person}&email=closed@example.com")),
            ("CloseClient", "clientid=2".to_owned()),
            ("AddProduct", "name=Starter&gid=1&paytype=recurring&pricing[1][monthly]=10.00".to_owned()),
            (
                "AddOrder",
                "clientid=1&pid=1&billingcycle=monthly&paymentmethod=banktransfer&domain=a.example".to_owned(),
            ),
            ("AddCredit", "clientid=1&description=Gift&amount=5.00".to_owned()),
        ] {
            let answer = call(&site, &login, action, form.as_bytes()).await;
            assert_eq!(answer["result"], "success", "{action}: {answer}");
        }
        let (status, answer) = site
            .api(
                &login,
                "POST",
                "/invoices",
                &json!({
                    "client_id": 1, "draft": true, "lines": [{ "description": "Work", "amount": "7.00" }],
                }),
            )
            .await;
        assert_eq!(status, 201, "{answer}");
        Stage { site, boss, login }
    }

    async fn dump(&self) -> String {
        dump(&self.site.app).await
    }

    async fn refuses(&self, tries: &[Try<'_>]) {
        let before = self.dump().await;
        let mut wrong = Vec::new();
        for one in tries {
            wrong.extend(self.try_one(one).await.err());
        }
        assert_eq!(wrong, Vec::<String>::new());
        assert!(self.dump().await == before, "one of these has changed the database");
    }

    async fn try_one(&self, one: &Try<'_>) -> Result<(), String> {
        let (told, text) = match one {
            Try::Api(method, path, body, field) => {
                let (status, answer) = self.site.api(&self.login, method, path, body).await;
                let named =
                    answer["errors"].as_array().is_some_and(|all| all.iter().any(|error| error["field"] == *field));
                (status == 422 && named, format!("{status} {answer}"))
            }
            Try::Action(action, form, part) => {
                let answer = call(&self.site, &self.login, action, form.as_bytes()).await;
                let message = answer["message"].as_str().unwrap_or_default();
                (answer["result"] == "error" && message.contains(part), answer.to_string())
            }
            Try::Page(path, form, field) => {
                let form = format!("csrf={}&{form}", self.boss.csrf);
                let (status, page) = read(self.site.send(ask("POST", path, Some(&self.boss), &form)).await).await;
                (status == 422 && page.contains(&format!("#f-{field}\"")), format!("{status} {page}"))
            }
            Try::Gone(path, form) => {
                let form = format!("csrf={}&{form}", self.boss.csrf);
                let (status, page) = read(self.site.send(ask("POST", path, Some(&self.boss), &form)).await).await;
                (status == 404 && page.contains("Client not found"), format!("{status} {page}"))
            }
            Try::Command(arguments, part) => {
                let ended = self.site.place.run(arguments);
                (ended.code != 0 && ended.err.contains(part), format!("{ended:?}"))
            }
        };
        if told {
            Ok(())
        } else {
            Err(format!("{} was answered {}", shown(one), &text.chars().take(2000).collect::<String>()))
        }
    }
}

fn shown(one: &Try<'_>) -> String {
    match one {
        Try::Api(method, path, body, field) => format!("{method} {path} {body} ({field})"),
        Try::Action(action, form, part) => format!("{action} {form} ({part})"),
        Try::Page(path, form, field) => format!("page {path} {form} ({field})"),
        Try::Gone(path, form) => format!("page {path} {form}"),
        Try::Command(arguments, part) => format!("{arguments:?} ({part})"),
    }
}

/// Everything in the database, as a backup has it; but PostgreSQL's sequences do not go back with what is undone.
async fn dump(app: &App) -> String {
    let mut dump = Vec::new();
    platform::backup::write(&app.db, &mut dump, Timestamp::from_micros(0)).await.unwrap();
    let text = String::from_utf8(dump).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("{\"end\":"));
    lines.map(|line| line.split(",\"last_id\":").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

async fn call(site: &Site, login: &Credential, action: &str, form: &[u8]) -> Value {
    let mut body = format!("action={action}&identifier={}&secret={}&", login.identifier, login.secret).into_bytes();
    body.extend(form);
    let request = Request::post("/includes/api.php").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (_, text) = read(site.send(request.body(Body::from(body)).unwrap()).await).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{action}: {error}: {text}"))
}

const INVOICE_FORM: &str = "client=1&gateway=banktransfer&description=Work";
const PAYMENT_FORM: &str = "gateway=banktransfer&reference=r1&fees=&once=0123456789abcdef";
const SERVICE_FORM: &str = "product_id=1&status=pending&cycle=monthly&gateway=banktransfer&quantity=1&registered_on=2026-01-01&first_amount=10.00";
const ORDER_FORM: &str = "client_id=1&gateway=banktransfer&do=place&items[0].product_id=1&items[0].seen=1";

fn lines(amount: &str) -> Value {
    json!([{ "description": "Work", "amount": amount }])
}

fn item(cycle: &str, price: &str) -> Value {
    json!([{ "product_id": 1, "cycle": cycle, "price": price }])
}

testkit::both_engines! {
    async fn malformed_dates(site: Site) {
        let stage = Stage::set(site).await;
        let invoice = |date: &str| json!({ "client_id": 1, "due_on": date, "lines": lines("1.00") });
        let payment = |date: &str| json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": "1.00", "date": date });
        stage.refuses(&[
            Try::Api("POST", "/invoices", invoice("2026-02-30"), "due_on"),
            Try::Api("POST", "/invoices", invoice("tomorrow"), "due_on"),
            Try::Api("POST", "/invoices", invoice("31.01.2026"), "due_on"),
            Try::Api("POST", "/invoices", invoice("10000-01-01"), "due_on"),
            Try::Api("POST", "/invoices", invoice(""), "due_on"),
            Try::Api("PATCH", "/invoices/2", json!({ "due_on": "2026-13-01" }), "due_on"),
            Try::Api("POST", "/transactions", payment("2026-00-10"), "date"),
            Try::Api("POST", "/clients/1/credits", json!({ "amount": "1.00", "description": "x", "date": "2026-02-29" }), "date"),
            Try::Api("PATCH", "/services/1", json!({ "next_due_on": "2026-1-1" }), "next_due_on"),
            Try::Api("POST", "/invoices/generate-due", json!({ "date": "2026-02-30" }), "date"),
            Try::Api("GET", "/invoices?due_from=2026-02-30", Value::Null, "due_from"),
            Try::Action("CreateInvoice", "userid=1&duedate=2026-02-30&itemdescription1=x&itemamount1=1", "duedate: "),
            Try::Action("CreateInvoice", "userid=1&date=yesterday&itemdescription1=x&itemamount1=1", "date: "),
            Try::Action("AddInvoicePayment", "invoiceid=1&transid=x&gateway=banktransfer&date=2026-02-30", "date: "),
            Try::Action("AddTransaction", "userid=1&paymentmethod=banktransfer&amountin=1&date=31/02/2026", "date: "),
            Try::Action("AddCredit", "clientid=1&description=x&amount=1&date=20260230", "Date Format is not Valid"),
            Try::Action("UpdateClientProduct", "serviceid=1&nextduedate=2026-02-30", "nextduedate: "),
            Try::Page("/admin/invoices", &format!("{INVOICE_FORM}&amount=1.00&due_on=2026-02-30"), "due_on"),
            Try::Page("/admin/invoices/1/pay", &format!("{PAYMENT_FORM}&amount=1.00&date=30.2.2026"), "date"),
            Try::Page("/admin/clients/1/credit", "kind=add&amount=1.00&description=x&date=soon", "date"),
            Try::Page("/admin/services/1", &format!("{SERVICE_FORM}&recurring_amount=10.00&next_due_on=2026-02-30"), "next_due_on"),
            Try::Command(&["invoices", "generate", "--date", "2026-02-30"], "--date"),
            Try::Command(&["payments", "capture", "--date", "today"], "--date"),
        ]).await;
    }

    async fn negative_and_overflowing_amounts(site: Site) {
        let stage = Stage::set(site).await;
        let mut tries = Vec::new();
        for amount in ["-1.00", "99999999999999999999", "92233720368547758.08", "1e400", "1.005", "1,00", "ten", "NaN", "0x10"] {
            let invoice = json!({ "client_id": 1, "lines": lines(amount) });
            let payment = json!({ "client_id": 1, "gateway": "banktransfer", "amount_in": amount, "date": "2026-03-01" });
            tries.push(Try::Api("POST", "/transactions", payment, "amount_in"));
            tries.push(Try::Api("POST", "/clients/1/credits", json!({ "amount": amount, "description": "x", "kind": "add" }), "amount"));
            tries.push(Try::Api("POST", "/orders", json!({ "client_id": 1, "gateway": "mailin", "items": item("monthly", amount) }), "items[0].price"));
            tries.push(Try::Api("POST", "/products", json!({ "name": "x", "group_id": 1, "pay_type": "recurring",
                "prices": [{ "currency": "USD", "cycle": "monthly", "price": amount }] }), if amount == "-1.00" { "prices[0]" } else { "prices[0].price" }));
            tries.push(Try::Api("PATCH", "/services/1", json!({ "recurring_amount": amount }), "recurring_amount"));
            tries.push(Try::Api("POST", "/invoices/1/apply-credit", json!({ "amount": amount }), "amount"));
            // A line may take off; alone it makes an invoice of less than nothing.
            tries.push(Try::Api("POST", "/invoices", invoice, if amount == "-1.00" { "lines" } else { "lines[0].amount" }));
        }
        let text: Vec<String> = ["-1.00", "99999999999999999999", "ten"].iter().flat_map(|amount| [
            format!("AddInvoicePayment invoiceid=1&transid=x&gateway=banktransfer&date=2026-03-01&amount={amount} amount: "),
            format!("AddTransaction userid=1&paymentmethod=banktransfer&transid=y&amountin={amount} amountin: "),
            format!("AddOrder clientid=1&pid=1&billingcycle=monthly&paymentmethod=mailin&priceoverride={amount} priceoverride[0]: "),
            format!("AddProduct name=x&gid=1&paytype=recurring&pricing[1][monthly]={amount} pricing[1][monthly]: "),
            format!("UpdateClientProduct serviceid=1&recurringamount={amount} recurringamount: "),
            format!("AddCredit clientid=1&description=x&amount={amount} Amount must be in decimal format: ### or ###.##"),
        ]).collect();
        for line in &text {
            // The product that is not sold has the price -1 there.
            if line.contains("monthly]=-1.00") {
                continue;
            }
            let (action, rest) = line.split_once(' ').unwrap();
            let (form, part) = rest.split_once(' ').unwrap();
            tries.push(Try::Action(action, form, part));
        }
        tries.push(Try::Action("AddProduct", "name=x&gid=1&paytype=recurring&pricing[1][monthly]=-2.00", "pricing[1][monthly]: "));
        tries.push(Try::Action("CreateInvoice", "userid=1&itemdescription1=x&itemamount1=99999999999999999999", "itemamount1: "));
        let huge = "itemdescription1=a&itemamount1=90000000000000000.00&itemdescription2=b&itemamount2=90000000000000000.00";
        let overflow = format!("userid=1&{huge}");
        tries.push(Try::Action("CreateInvoice", &overflow, "lines"));
        let pages: Vec<(&str, String, &str)> = ["-1.00", "99999999999999999999", "ten"].into_iter().flat_map(|amount| [
            ("/admin/invoices/1/pay", format!("{PAYMENT_FORM}&date=2026-03-01&amount={amount}"), "amount"),
            ("/admin/clients/1/credit", format!("kind=add&description=x&date=2026-03-01&amount={amount}"), "amount"),
            ("/admin/services/1", format!("{SERVICE_FORM}&next_due_on=2026-04-01&recurring_amount={amount}"), "recurring_amount"),
            ("/admin/orders/new", format!("{ORDER_FORM}&items[0].cycle=monthly&items[0].price={amount}"), "items[0].price"),
        ]).collect();
        tries.extend(pages.iter().map(|(path, form, field)| Try::Page(path, form, field)));
        let huge_form = format!("{INVOICE_FORM}&due_on=2026-04-01&amount=99999999999999999999");
        tries.push(Try::Page("/admin/invoices", &huge_form, "amount0"));
        stage.refuses(&tries).await;
    }

    async fn unknown_currencies(site: Site) {
        let stage = Stage::set(site).await;
        let client = |currency: &str| json!({ "email": "b@example.com", "country": "GB", "first_name": "B", "currency": currency });
        let person = "first_name=B&last_name=B&email=b@example.com&country=GB&address1=1&city=c&state=s&postcode=p&phone=1";
        stage.refuses(&[
            Try::Api("POST", "/clients", client("XXX"), "currency"),
            Try::Api("POST", "/clients", client("EUR"), "currency"),
            Try::Api("POST", "/clients", client("US"), "currency"),
            Try::Api("POST", "/currencies", json!({ "code": "ZZZ", "rate": "1" }), "code"),
            Try::Api("POST", "/currencies", json!({ "code": "EUR", "rate": "-1" }), "rate"),
            Try::Api("POST", "/transactions", json!({ "currency": "EUR", "gateway": "mailin", "amount_in": "1", "date": "2026-03-01" }), "currency"),
            Try::Api("POST", "/products", json!({ "name": "x", "group_id": 1, "pay_type": "recurring",
                "prices": [{ "currency": "EUR", "cycle": "monthly", "price": "1" }] }), "prices[0]"),
            Try::Api("GET", "/clients?currency=XXX", Value::Null, "currency"),
            Try::Action("AddClient", "firstname=B&lastname=B&email=b@example.com&country=GB&skipvalidation=1&currency=99", "currency: "),
            Try::Action("AddTransaction", "paymentmethod=mailin&amountin=1&currencyid=99", "Currency ID Not Found"),
            Try::Action("AddProduct", "name=x&gid=1&paytype=recurring&pricing[99][monthly]=1", "pricing[99]: "),
            Try::Page("/admin/clients", &format!("{person}&currency=XXX"), "currency"),
            Try::Page("/admin/clients", &format!("{person}&currency=EUR"), "currency"),
            Try::Page("/admin/setup/currencies", "code=ZZZ&rate=1", "code"),
            Try::Command(&["init", "--currency", "ZZZ"], "ZZZ"),
        ]).await;
    }

    async fn unknown_and_closed_clients(site: Site) {
        let stage = Stage::set(site).await;
        let order = |id: i64| json!({ "client_id": id, "gateway": "mailin", "items": [{ "product_id": 1, "cycle": "monthly" }] });
        let closed = "Unable to add order when client status is Closed";
        stage.refuses(&[
            Try::Api("POST", "/orders", order(99), "client_id"),
            Try::Api("POST", "/orders", order(2), "client_id"),
            Try::Api("POST", "/orders", order(-1), "client_id"),
            Try::Api("POST", "/orders", order(i64::MAX), "client_id"),
            Try::Api("POST", "/invoices", json!({ "client_id": 99, "lines": lines("1.00") }), "client_id"),
            Try::Api("POST", "/invoices", json!({ "client_id": 2, "lines": lines("1.00") }), "client_id"),
            Try::Api("POST", "/transactions", json!({ "client_id": 99, "gateway": "mailin", "amount_in": "1", "date": "2026-03-01" }), "client_id"),
            Try::Api("POST", "/invoices/generate-due", json!({ "client_id": 99 }), "client_id"),
            Try::Action("AddOrder", "clientid=99&pid=1&billingcycle=monthly&paymentmethod=mailin", "Client ID Not Found"),
            Try::Action("AddOrder", "clientid=2&pid=1&billingcycle=monthly&paymentmethod=mailin", closed),
            Try::Action("CreateInvoice", "userid=99&itemdescription1=x&itemamount1=1", "Client ID Not Found"),
            Try::Action("CreateInvoice", "userid=2&itemdescription1=x&itemamount1=1", "userid: "),
            Try::Action("GenInvoices", "clientid=99", "Client ID Not Found"),
            Try::Action("GetClientsDetails", "clientid=99", "Client Not Found"),
            Try::Action("UpdateClient", "clientid=99&notes=x", "Client ID Not Found"),
            Try::Action("AddTransaction", "userid=99&paymentmethod=mailin&amountin=1", "Client ID Not Found"),
            Try::Action("AddCredit", "clientid=99&description=x&amount=1", "Client ID Not Found"),
            Try::Gone("/admin/orders/new", "client_id=99&gateway=mailin&do=place&items[0].product_id=1&items[0].seen=1&items[0].cycle=monthly"),
            Try::Page("/admin/orders/new", "client_id=2&gateway=mailin&do=place&items[0].product_id=1&items[0].seen=1&items[0].cycle=monthly", "client_id"),
            Try::Gone("/admin/invoices", "client=99&gateway=mailin&description=x&amount=1&due_on=2026-04-01"),
            Try::Page("/admin/invoices", "client=2&gateway=mailin&description=x&amount=1&due_on=2026-04-01", "client"),
            Try::Action("AddPayMethod", "clientid=99&gateway_module_name=sandbox&remote_token=ok", "Invalid Client ID"),
            Try::Action("AddPayMethod", "clientid=1&remote_token=ok&card_start=0125", "card_start: "),
            Try::Command(&["invoices", "generate", "--client", "99"], "--client"),
            Try::Command(&["invoices", "generate", "--client", "x"], "--client"),
        ]).await;
    }

    async fn an_unpriced_cycle(site: Site) {
        let stage = Stage::set(site).await;
        let order = |cycle: &str| json!({ "client_id": 1, "gateway": "mailin", "items": [{ "product_id": 1, "cycle": cycle }] });
        let quarterly = format!("{ORDER_FORM}&items[0].cycle=quarterly");
        let fortnightly = format!("{ORDER_FORM}&items[0].cycle=fortnightly");
        stage.refuses(&[
            Try::Api("POST", "/orders", order("quarterly"), "items[0].cycle"),
            Try::Api("POST", "/orders", order("fortnightly"), "items[0].cycle"),
            Try::Api("POST", "/orders", order("onetime"), "items[0].cycle"),
            Try::Api("POST", "/orders", order("free"), "items[0].cycle"),
            Try::Action("AddOrder", "clientid=1&pid=1&billingcycle=quarterly&paymentmethod=mailin", "billingcycle[0]: "),
            Try::Action("AddOrder", "clientid=1&pid=1&billingcycle=fortnightly&paymentmethod=mailin", "billingcycle[0]: "),
            Try::Page("/admin/orders/new", &quarterly, "items[0].cycle"),
            Try::Page("/admin/orders/new", &fortnightly, "items[0].cycle"),
        ]).await;
    }

    async fn text_that_is_no_utf8(site: Site) {
        let stage = Stage::set(site).await;
        let before = stage.dump().await;
        let api = |path: &str, body: &'static [u8]| {
            let request = Request::builder().method(if body.is_empty() { "GET" } else { "POST" }).uri(format!("/api/v1{path}"));
            let request = request.header(header::AUTHORIZATION, stage.login.basic());
            request.body(Body::from(body)).unwrap()
        };
        for (request, field) in [
            (api("/clients", b"{\"email\": \"a\xFF@example.com\"}"), "body"),
            (api("/clients", b"{\"email\": \"a"), "body"),
            (api("/clients", b"[1]"), "body"),
            (api("/clients", b"{\"first_name\": \"a\\u0000b\", \"email\": \"a@example.com\", \"country\": \"GB\"}"), "first_name"),
            (api("/clients?q=%FF", b""), "q"),
        ] {
            let (status, text) = read(stage.site.send(request).await).await;
            let problem: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!(field)), "{problem}");
        }
        for (form, part) in [
            (&b"firstname=a%FF&email=a@example.com"[..], "firstname: "),
            (b"firstname=a\xFF&email=a@example.com", "firstname: "),
            (b"first%FFname=a", "UTF-8"),
            (b"firstname=a%00b&lastname=b&email=a@example.com&country=GB&skipvalidation=1", "firstname: "),
        ] {
            let answer = call(&stage.site, &stage.login, "AddClient", form).await;
            assert!(answer["result"] == "error" && answer["message"].as_str().unwrap().contains(part), "{answer}");
        }
        for (field, form) in [("company", "company=a%FF"), ("first_name", "first_name=%C3%28")] {
            let form = format!("csrf={}&{form}", stage.boss.csrf);
            let (status, page) = read(stage.site.send(ask("POST", "/admin/clients", Some(&stage.boss), &form)).await).await;
            assert_eq!(status, 422, "{page}");
            assert!(page.contains(&format!("{field}: The text is not valid UTF-8.")), "{page}");
        }
        for path in ["/admin/clients?q=%FF", "/admin/clients/%FF", "/admin/welcome/%FF", "/assets/%FF", "/gateways/%FF/webhook"] {
            let (status, _) = stage.site.get(path, Some(&stage.boss)).await;
            assert!(status.is_client_error(), "{path}: {status}");
        }
        assert_eq!(stage.dump().await, before);
    }

    async fn a_body_of_ten_megabytes(place: Place) {
        let served = Served::start(place, &[]);
        let rows = async || {
            let app = served.place.app().await;
            dump(&app).await
        };
        let before = rows().await;
        let big = "x".repeat(10 * 1024 * 1024);
        let client = http();
        let api = client.post(format!("{}/api/v1/clients", served.url)).header("authorization", served.login.basic());
        let answer = api.body(format!("{{\"notes\": \"{big}\"}}")).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!((&problem["status"], &problem["errors"][0]["field"]), (&json!(413), &json!("body")));
        let form = format!("action=AddClient&identifier={}&secret={}&notes={big}", served.login.identifier, served.login.secret);
        let compat = client.post(format!("{}/includes/api.php", served.url)).header("content-type", "application/x-www-form-urlencoded");
        let answer = compat.body(form).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        let refused: Value = answer.json().await.unwrap();
        assert_eq!(refused, json!({ "result": "error", "message": "body: The request is larger than 2 MiB." }));
        let login = client.post(format!("{}/admin/login", served.url)).header("content-type", "application/x-www-form-urlencoded");
        let answer = login.body(format!("email=ana&password={big}")).send().await.unwrap();
        assert_eq!(answer.status(), 413);
        assert!(answer.text().await.unwrap().contains("larger than 2 MiB"));
        assert!(rows().await == before, "the database has changed");
    }
}
