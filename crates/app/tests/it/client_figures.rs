//! What the compatible API tells of a client's money, through the whole program: each crate has its part in it.

use accounts::activity_log::Actor;
use accounts::{admins, api_credentials, roles};
use axum::http::StatusCode;
use platform::web::lists::escape;
use serde_json::{Value, json};

use crate::support::{Site, ask, read};

struct Caller<'s> {
    site: &'s Site,
    identifier: String,
    secret: String,
}

impl Caller<'_> {
    async fn of(site: &Site) -> Caller<'_> {
        let by = Actor::system("Test");
        let mut tx = site.app.db.write().await.unwrap();
        let new = admins::NewAdmin {
            username: "caller".to_owned(),
            email: "caller@example.com".to_owned(),
            role: roles::FULL_ADMINISTRATOR.to_owned(),
            password: None,
        };
        let now = site.app.clock.now();
        let admin = admins::create(&mut tx, &by, new, now).await.unwrap();
        let made = api_credentials::create(&mut tx, &by, admin.id, &site.app.random, now).await.unwrap();
        tx.commit().await.unwrap();
        Caller { site, identifier: made.identifier, secret: made.secret }
    }

    async fn done(&self, action: &str, fields: &[(&str, &str)]) -> Value {
        let own =
            [("action", action), ("identifier", &self.identifier), ("secret", &self.secret), ("responsetype", "json")];
        let pairs = own.iter().chain(fields).map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let form = pairs.collect::<Vec<_>>().join("&");
        let (status, text) = read(self.site.send(ask("POST", "/includes/api.php", None, &form)).await).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["result"], "success", "{action}: {answer}");
        answer
    }

    async fn invoice(&self, amount: &str, due: &str, status: &str) -> String {
        let fields = [
            ("userid", "1"),
            ("status", status),
            ("date", "2020-01-01"),
            ("duedate", due),
            ("itemdescription1", "Hosting"),
            ("itemamount1", amount),
            ("itemtaxed1", "0"),
        ];
        self.done("CreateInvoice", &fields).await["invoiceid"].as_str().unwrap().to_owned()
    }

    async fn pay(&self, invoice: &str, amount: &str, fees: &str, id: &str) {
        let fields = [
            ("invoiceid", invoice),
            ("transid", id),
            ("gateway", "banktransfer"),
            ("date", "2020-01-02"),
            ("amount", amount),
            ("fees", fees),
        ];
        self.done("AddInvoicePayment", &fields).await;
    }
}

testkit::both_engines! {
    async fn a_clients_money_is_what_the_books_say(site: Site) {
        let caller = Caller::of(&site).await;
        let client = [("firstname", "Ann"), ("lastname", "Lee"), ("email", "ann@example.com"), ("skipvalidation", "true")];
        caller.done("AddClient", &client).await;
        caller.done("AddCredit", &[("clientid", "1"), ("description", "Sorry"), ("amount", "12.50")]).await;
        let late = caller.invoice("10.00", "2020-01-15", "Unpaid").await;
        caller.invoice("20.00", "2099-01-01", "Unpaid").await;
        caller.invoice("5.00", "2099-01-01", "Draft").await;
        let paid = caller.invoice("7.00", "2020-01-15", "Unpaid").await;
        let gone = caller.invoice("3.00", "2020-01-15", "Unpaid").await;
        caller.pay(&late, "4.00", "0.50", "T1").await;
        caller.pay(&paid, "7.00", "0.00", "T2").await;
        // What was taken back as a mistake never came in.
        caller.pay(&late, "1.00", "0.10", "T3").await;
        let mut tx = site.app.db.write().await.unwrap();
        let now = site.app.clock.now();
        billing::payments::corrections::void(&mut tx, &Actor::system("Test"), 3, "", now).await.unwrap();
        tx.commit().await.unwrap();
        caller.done("UpdateInvoice", &[("invoiceid", &gone), ("status", "Cancelled")]).await;
        let details = caller.done("GetClientsDetails", &[("clientid", "1"), ("stats", "true")]).await;
        assert_eq!((&details["credit"], &details["client"]["credit"]), (&json!("12.50"), &json!("12.50")));
        let currency = caller.done("GetCurrencies", &[]).await["currencies"]["currency"][0].clone();
        let amount = |text: &str| {
            json!(format!("{}{text}{}", currency["prefix"].as_str().unwrap(), currency["suffix"].as_str().unwrap()))
        };
        for (name, value) in [
            ("incredit", json!(true)), ("creditbalance", amount("12.50")),
            ("numdueinvoices", json!(2)), ("dueinvoicesbalance", amount("26.00")),
            ("numoverdueinvoices", json!(1)), ("overdueinvoicesbalance", amount("6.00")),
            ("numunpaidinvoices", json!(2)), ("unpaidinvoicesamount", amount("30.00")),
            ("numDraftInvoices", json!(1)), ("draftInvoicesBalance", amount("5.00")),
            ("numpaidinvoices", json!(1)), ("paidinvoicesamount", amount("7.00")),
            ("numcancelledinvoices", json!(1)), ("cancelledinvoicesamount", amount("3.00")),
            ("numrefundedinvoices", json!(0)), ("refundedinvoicesamount", amount("0.00")),
            ("numcollectionsinvoices", json!(0)), ("numpaymentpendinginvoices", json!(0)),
            ("grossRevenue", amount("11.00")), ("expenses", amount("0.50")), ("income", amount("10.50")),
        ] {
            assert_eq!(details["stats"][name], value, "{name}: {details}");
        }
    }
}
