//! The answers of the compatible API beside those that its reference documents: every field that an example there has is
//! in ours, and of the same kind. `compat_answers.json` has the names and kinds of the examples.

use serde_json::{Value, json};

use crate::support::{Credential, Site};

/// Where ours differ knowingly, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("totalresults", "a number everywhere, because clients count with it; the reference has numbers and text"),
    ("GetClientsDetails.client.customfields", "there are no custom fields"),
    ("GetClientsDetails.client.customfields1", "there are no custom fields"),
    ("GetProducts.products.product[].customfields.customfield", "there are no custom fields"),
    ("GetPayMethods.paymethods[].bank_name", "of a bank account; ours here is a card"),
    (
        "GetInvoice.transactions",
        "empty text without payments, as in the example; with them as GetTransactions has them",
    ),
];

fn is_otherwise(path: &str) -> bool {
    OTHERWISE
        .iter()
        .any(|(known, _)| path == *known || path.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
}

/// What of `ours` is missing or of another kind.
fn compare(path: &str, documented: &Value, ours: Option<&Value>, wrong: &mut Vec<String>) {
    if is_otherwise(path) {
        return;
    }
    let Some(ours) = ours else { return wrong.push(format!("{path} is missing")) };
    let fits = match documented {
        Value::Object(fields) => {
            for (name, documented) in fields {
                compare(&format!("{path}.{name}"), documented, ours.get(name), wrong);
            }
            ours.is_object() || fields.is_empty()
        }
        Value::Array(elements) => {
            if let Some(element) = elements.first() {
                compare(&format!("{path}[]"), element, ours.get(0), wrong);
            }
            ours.is_array()
        }
        kind => match kind.as_str().unwrap() {
            "text" | "empty text" => ours.is_string(),
            "number" => ours.is_number(),
            "number or text" => ours.is_number() || ours.is_string(),
            "bool" => ours.is_boolean(),
            "null" => true,
            other => panic!("{path}: {other}"),
        },
    };
    if !fits {
        wrong.push(format!("{path}: {documented} is documented, ours is {ours}"));
    }
}

/// Calls actions, and compares every answer.
struct Caller<'a> {
    site: &'a Site,
    login: Credential,
    documented: Value,
    called: Vec<String>,
    wrong: Vec<String>,
}

impl Caller<'_> {
    async fn call(&mut self, name: &str, fields: &[(&str, &str)]) -> Value {
        let answer = self.site.action(&self.login, name, fields).await;
        assert_eq!(answer["result"], "success", "{name}: {answer}");
        compare(name, &self.documented[name], Some(&answer), &mut self.wrong);
        self.called.push(name.to_owned());
        answer
    }

    async fn api(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.site.api(&self.login, "POST", path, &body).await;
        assert_eq!(status, 201, "{path}: {answer}");
        answer
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().map_or_else(|| answer[field].to_string(), str::to_owned)
}

testkit::both_engines! {
    async fn every_documented_field_is_there_and_of_its_kind(site: Site) {
        site.boss().await;
        site.place.done(&["gateway", "configure", "sandbox"]);
        site.set(&[("invoice_lead_days", "365"), ("continuous_invoicing", "true")]).await;
        let documented: Value = serde_json::from_str(include_str!("compat_answers.json")).unwrap();
        let mut caller = Caller {
            login: site.credential().await, site: &site, documented, called: Vec::new(), wrong: Vec::new(),
        };
        let client = caller.call("AddClient", &[
            ("firstname", "Ada"), ("lastname", "Lovelace"), ("email", "ada@example.com"), ("address1", "1 Mill Lane"),
            ("city", "London"), ("state", "London"), ("postcode", "N1 9GU"), ("country", "GB"), ("phonenumber", "+44.2079460000"),
        ]).await;
        let client = text(&client, "clientid");
        let client = client.as_str();
        caller.call("GetClients", &[]).await;
        caller.call("UpdateClient", &[("clientid", client), ("notes", "Wrote programs")]).await;
        let product = caller.call("AddProduct", &[
            ("name", "Engine"), ("gid", "1"), ("paytype", "recurring"), ("pricing[1][monthly]", "10.00"),
        ]).await;
        let product = text(&product, "pid");
        let ids = json!([product.parse::<i64>().unwrap()]);
        let option = caller.api("/config-options", json!({ "name": "Wheels", "kind": "dropdown", "product_ids": ids })).await;
        let prices = json!([{ "currency": "USD", "cycle": "monthly", "price": "1.00" }]);
        let choices = format!("/config-options/{}/choices", option["id"]);
        let option = caller.api(&choices, json!({ "name": "Brass", "prices": prices })).await;
        let option_field = format!("configoptions[0][{}]", option["id"]);
        let choice = option["choices"][0]["id"].to_string();
        caller.call("GetProducts", &[("pid", &product)]).await;
        let ordered = [
            ("clientid", client), ("pid[0]", &product), ("billingcycle[0]", "monthly"), ("paymentmethod", "sandbox"),
            ("domain[0]", "engine.example"), (option_field.as_str(), choice.as_str()),
        ];
        let order = caller.call("AddOrder", &ordered).await;
        caller.call("AcceptOrder", &[("orderid", &text(&order, "orderid"))]).await;
        caller.call("GetOrders", &[("userid", client)]).await;
        let other = text(&caller.call("AddOrder", &ordered).await, "orderid");
        caller.call("PendingOrder", &[("orderid", &other)]).await;
        caller.call("CancelOrder", &[("orderid", &other)]).await;
        caller.call("DeleteOrder", &[("orderid", &other)]).await;
        let services = caller.call("GetClientsProducts", &[("clientid", client)]).await;
        let service = text(&services["products"]["product"][0], "id");
        caller.call("UpdateClientProduct", &[("serviceid", &service), ("notes", "x")]).await;
        let invoice = text(&order, "invoiceid");
        let unpaid = caller.call("GetInvoice", &[("invoiceid", &invoice)]).await;
        assert_eq!(unpaid["transactions"], "");
        caller.call("GetInvoices", &[("userid", client)]).await;
        caller.call("AddInvoicePayment", &[
            ("invoiceid", &invoice), ("transid", "bank-1"), ("gateway", "banktransfer"), ("date", "2026-03-01 09:30:00"),
        ]).await;
        let paid = caller.call("GetInvoice", &[("invoiceid", &invoice)]).await;
        let listed = caller.call("GetTransactions", &[("clientid", client)]).await;
        assert_eq!(paid["transactions"]["transaction"], listed["transactions"]["transaction"]);
        caller.call("GenInvoices", &[("clientid", client)]).await;
        let made = caller.call("CreateInvoice", &[
            ("userid", client), ("paymentmethod", "sandbox"), ("itemdescription1", "Cards"), ("itemamount1", "30.00"),
            ("status", "Draft"),
        ]).await;
        let made = text(&made, "invoiceid");
        caller.call("UpdateInvoice", &[("invoiceid", &made), ("publish", "1")]).await;
        caller.call("AddCredit", &[("clientid", client), ("description", "Goodwill"), ("amount", "12.00")]).await;
        caller.call("ApplyCredit", &[("invoiceid", &made), ("amount", "10.00")]).await;
        caller.call("GetCredits", &[("clientid", client)]).await;
        let details = caller.call("GetClientsDetails", &[("clientid", client), ("stats", "true")]).await;
        let stats = &details["stats"];
        assert_eq!((&details["client"]["credit"], &stats["incredit"]), (&json!("2.00"), &json!(true)));
        assert_eq!((&stats["numpaidinvoices"], &stats["paidinvoicesamount"]), (&json!(1), &json!("$11.00 USD")));
        assert_eq!((&stats["grossRevenue"], &stats["income"]), (&json!("$11.00 USD"), &json!("$11.00 USD")));
        assert_eq!(stats["numcancelledinvoices"], 1, "of the order that came to nothing: {stats}");
        assert!(stats["numunpaidinvoices"].as_i64().unwrap() >= 2, "{stats}");
        let method = caller.call("AddPayMethod", &[
            ("clientid", client), ("type", "RemoteCreditCard"), ("gateway_module_name", "sandbox"), ("remote_token", "ok"),
            ("description", "Hers"),
        ]).await;
        let method = text(&method, "paymethodid");
        caller.call("GetPayMethods", &[("clientid", client)]).await;
        caller.call("CapturePayment", &[("invoiceid", &made)]).await;
        caller.call("UpdatePayMethod", &[("clientid", client), ("paymethodid", &method), ("set_as_default", "true")]).await;
        caller.call("DeletePayMethod", &[("clientid", client), ("paymethodid", &method)]).await;
        caller.call("AddTransaction", &[
            ("paymentmethod", "banktransfer"), ("userid", client), ("amountin", "1.00"), ("transid", "bank-2"),
        ]).await;
        caller.call("GetCurrencies", &[]).await;
        caller.call("GetPaymentMethods", &[]).await;
        caller.call("LogActivity", &[("description", "Looked at it"), ("clientid", client)]).await;
        caller.call("GetActivityLog", &[]).await;
        caller.call("WhmcsDetails", &[]).await;
        caller.call("GetAdminUsers", &[]).await;
        caller.call("UpdateAdminNotes", &[("notes", "Look at it")]).await;
        caller.call("GetAdminDetails", &[]).await;
        caller.call("GetStaffOnline", &[]).await;
        let user = caller.call("AddUser", &[
            ("firstname", "Mary"), ("lastname", "Somerville"), ("email", "mary@example.com"), ("password2", "lantern gravel 81 pony"),
        ]).await;
        caller.call("UpdateUser", &[("user_id", &text(&user, "user_id")), ("language", "english")]).await;
        caller.call("GetUsers", &[]).await;
        caller.call("GetPermissionsList", &[]).await;
        let sealed = caller.call("EncryptPassword", &[("password2", "teststring")]).await;
        let opened = caller.call("DecryptPassword", &[("password2", &text(&sealed, "password"))]).await;
        assert_eq!(opened["password"], "teststring");
        caller.call("GetConfigurationValue", &[("setting", "SystemURL")]).await;
        caller.call("SetConfigurationValue", &[("setting", "CompanyName"), ("value", "Lee & Söhne")]).await;
        let made = caller.call("CreateOAuthCredential", &[
            ("grantType", "single_sign_on"), ("scope", "clientarea:sso clientarea:profile"), ("serviceId", &service),
        ]).await;
        let credential = text(&made, "credentialId");
        caller.call("UpdateOAuthCredential", &[("credentialId", &credential), ("resetSecret", "true")]).await;
        caller.call("ListOAuthCredentials", &[]).await;
        caller.call("DeleteOAuthCredential", &[("credentialId", &credential)]).await;
        caller.call("CreateSsoToken", &[("client_id", client), ("destination", "clientarea:profile")]).await;
        caller.call("CloseClient", &[("clientid", client)]).await;
        assert_eq!(caller.wrong, Vec::<String>::new());
        let missed: Vec<&String> = caller.documented.as_object().unwrap().keys().filter(|name| !caller.called.contains(name)).collect();
        assert_eq!(missed, Vec::<&String>::new());
        let mut conn = site.app.db.read().await.unwrap();
        assert_eq!(billing::doctor::check(&mut conn).await.unwrap(), []);
    }
}
