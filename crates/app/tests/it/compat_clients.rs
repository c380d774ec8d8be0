//! The compatible API as other people's client libraries see it: each drives the running program through one life of a
//! client, and through what is refused. What a library made of the answers is compared here.

use std::path::Path;

use serde_json::json;
use testkit::peers;

use crate::support::{Place, Served};

testkit::both_engines! {
    async fn whmcspy_is_served(place: Place) {
        let Some(python) = peers::require(peers::python("whmcspy")) else { return };
        let served = Served::start(place, &[]);
        let told = served.drive(&python, None, "drive_whmcspy.py", "/includes/api.php", &[]);
        assert_eq!((&told["client"], &told["product"]), (&json!("1"), &json!(1)));
        let details = &told["details"]["client"];
        assert_eq!((&details["fullname"], &details["city"]), (&json!("Zoë Sørensen"), &json!("Århus")));
        assert_eq!(details["companyname"], "Sørensen & Sønner");
        assert_eq!(told["order"], json!({
            "result": "success", "orderid": "1", "serviceids": "1", "addonids": "", "domainids": "", "invoiceid": "1",
        }));
        assert_eq!(told["accepted"], json!({ "result": "success" }));
        assert_eq!(told["orders"].as_array().unwrap().len(), 1);
        assert_eq!((&told["orders"][0]["status"], &told["orders"][0]["amount"]), (&json!("Active"), &json!("15.00")));
        let service = &told["services"][0];
        assert_eq!((&service["domain"], &service["recurringamount"]), (&json!("zoë.example"), &json!("10.00")));
        assert_eq!(told["none of these"], json!([]));
        assert_eq!(told["updated"]["serviceid"], "1");
        let invoice = &told["invoices"][0];
        assert_eq!((&invoice["status"], &invoice["total"]), (&json!("Unpaid"), &json!("15.00")));
        assert_eq!(told["paid"], json!({ "result": "success" }));
        assert_eq!((&told["invoice"]["status"], &told["invoice"]["balance"]), (&json!("Paid"), &json!("0.00")));
        assert_eq!(told["transactions"], told["invoice"]["transactions"]["transaction"]);
        let transaction = &told["transactions"][0];
        assert_eq!((&transaction["transid"], &transaction["amountin"]), (&json!("bank-1"), &json!("15.00")));
        assert_eq!(transaction["date"], "2026-03-01 00:00:00");
        assert_eq!(told["no transactions"], json!([]));
        assert_eq!(told["other"]["serviceids"], "2,3");
        assert_eq!((&told["cancelled"], &told["left"]), (&json!("Cancelled"), &json!([1])));
        assert_eq!(told["credit"], "3.00");
        for (name, raised) in [
            ("wrong secret", "MissingPermission: Authentication Failed"),
            ("wrong identifier", "MissingPermission: Authentication Failed"),
            ("unknown action", "Error: Command Not Found"),
            ("missing parameter", "Error: invoiceid: This is required."),
            ("no such invoice", "Error: Invoice ID Not Found"),
            ("not a number", "Error: invoiceid: Enter a whole number."),
            ("no such client", "Error: Client Not Found"),
            ("no address", "Error: You did not enter your  address line 1"),
            ("no such product", "Error: pid[0]: There is no product 999."),
            ("no products", "Error: No items added to cart so order cannot proceed"),
            ("paid twice", "Error: Transaction ID must be Unique"),
            ("nothing owed", "Error: amount: Nothing is owed on this invoice. Send what was paid all the same; it becomes credit."),
            ("accepted twice", "Error: Order ID not found or Status not Pending"),
        ] {
            assert_eq!(told[name], raised, "{name}");
        }
        served.sound();
    }

    async fn whmcs_api_client_is_served(place: Place) {
        let Some(python) = peers::require(peers::python("whmcs-api-client")) else { return };
        let served = Served::start(place, &[]);
        let product = served
            .product(&json!({ "name": "Starter", "group_id": 1, "pay_type": "recurring", "quantity_mode": "scaling", "prices": [
                { "currency": "USD", "cycle": "monthly", "price": "10.00", "setup": "5.00" },
                { "currency": "USD", "cycle": "annually", "price": "100.00" },
            ] }))
            .await;
        let year = |operation: &str, price: &str| json!({ "currency": "USD", "operation": operation, "years": 1, "price": price });
        let prices = [year("register", "12.00"), year("renew", "13.00")];
        served.made("tlds", &json!({ "extension": ".com", "prices": prices })).await;
        let told = served.drive(&python, None, "drive_whmcs_api_client.py", "/includes", &["ada@example.com", &product]);
        // Numbers where its models have numbers: it read them without complaint.
        assert_eq!(told["added"], json!({ "result": "success", "clientid": 1 }));
        assert_eq!(told["order"]["result"], "success", "{told}");
        assert_eq!((&told["order"]["orderid"], &told["order"]["invoiceid"]), (&json!("1"), &json!("1")));
        assert_eq!(told["details"]["client"]["email"], "ada@example.com");
        assert_eq!((&told["details"]["stats"]["numunpaidinvoices"], &told["details"]["stats"]["dueinvoicesbalance"]), (&json!(1), &json!("$215.00 USD")));
        assert_eq!(told["by email"]["client"]["phonenumber"], "+43 732 1234");
        assert_eq!(told["clients"]["clients"]["client"][0]["id"], 1);
        let lines = told["orders"]["orders"]["order"][0]["lineitems"]["lineitem"].as_array().unwrap();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[1]["billingcycle"], &lines[1]["amount"]), (&json!("Annually"), &json!("200.00")));
        assert_eq!(told["services"]["products"]["product"][1]["qty"], "2");
        assert_eq!(told["products"]["products"]["product"][0]["pricing"]["USD"]["annually"], "100.00");
        assert_eq!(told["invoices"]["invoices"]["invoice"][0]["total"], "215.00");
        assert_eq!(told["currencies"]["currencies"]["currency"][0]["id"], 1);
        assert_eq!(told["gateways"]["paymentmethods"]["paymentmethod"][0]["module"], "banktransfer");
        assert_eq!(told["pricing"]["pricing"]["com"]["register"], json!({ "1": "12.00" }), "{}", told["pricing"]);
        assert_eq!((&told["updated"]["result"], &told["city"]), (&json!("success"), &json!("Graz")));
        assert_eq!((&told["cancelled"]["result"], &told["deleted"]["result"]), (&json!("success"), &json!("success")));
        assert_eq!(told["transactions"]["totalresults"], 0);
        for (name, raised) in [
            ("wrong secret", "ForbiddenException 403: Authentication Failed"),
            ("unknown action", "Command Not Found"),
            ("missing parameter", "Either clientid Or email Is Required"),
            ("no such client", "Client Not Found"),
            ("email taken", "A user already exists with that email address"),
            ("wrong country", "Valid country required"),
            ("no such gateway", "Invalid Payment Method. Valid options include banktransfer, mailin"),
        ] {
            assert_eq!(told[name], raised, "{name}");
        }
        served.sound();
    }

    async fn npm_whmcs_is_served(place: Place) {
        let Some(folder) = peers::require(peers::node("whmcs")) else { return };
        let served = Served::start(place, &[]);
        let told = served.drive(Path::new("node"), Some(&folder), "drive_whmcs.cjs", "/includes/api.php", &[]);
        assert_eq!(told["added"]["clientid"], "1");
        assert_eq!((&told["details"]["client"]["firstname"], &told["byEmail"]["client"]["lastname"]), (&json!("Grace"), &json!("Hopper")));
        assert_eq!(told["updated"]["clientid"], "1");
        assert_eq!(told["products"]["products"]["product"][0]["pricing"]["USD"]["monthly"], "12.50");
        assert_eq!((&told["order"]["serviceids"], &told["order"]["invoiceid"]), (&json!("1,2"), &json!("1")));
        assert_eq!(told["accepted"]["result"], "success");
        assert_eq!(told["orders"]["orders"]["order"][0]["status"], "Active");
        assert_eq!(told["services"]["products"]["product"][1]["billingcycle"], "Annually");
        assert_eq!(told["invoices"]["invoices"]["invoice"][0]["companyname"], "COBOL & Co");
        assert_eq!((&told["invoice"]["status"], &told["invoice"]["balance"]), (&json!("Unpaid"), &json!("100.00")));
        assert_eq!(told["transactions"]["transactions"]["transaction"][0]["amountin"], "37.50");
        assert_eq!(told["made"], json!({ "result": "success", "invoiceid": "2", "status": "Unpaid" }));
        assert_eq!((&told["credited"]["newbalance"], &told["credits"]["credits"]["credit"][0]["amount"]), (&json!("50.00"), &json!("50.00")));
        assert_eq!(told["applied"], json!({ "result": "success", "invoiceid": "2", "amount": "40.00", "invoicepaid": "true" }));
        let after = &told["madeAfter"];
        assert_eq!((&after["date"], &after["duedate"], &after["credit"]), (&json!("2026-03-01"), &json!("2026-03-15"), &json!("40.00")));
        assert_eq!(after["items"]["item"][0]["description"], "Migration, by hand");
        for (name, raised) in [
            ("wrong secret", "WHMCS Error (403): Authentication Failed"),
            ("older login", "WHMCS Error (403): Authentication Failed: an administrator's name with the MD5 of the password is not taken. Create an API credential and send its identifier and secret in the same fields."),
            ("unknown action", "WHMCS Error (200): Command Not Found"),
            ("missing parameter", "WHMCS Error (200): invoiceid: This is required."),
            ("no such invoice", "WHMCS Error (200): Invoice ID Not Found"),
            ("no such order", "WHMCS Error (200): Order ID not found or Status not Pending"),
            ("too much credit", "WHMCS Error (200): Invoice Not in Unpaid Status"),
            ("no method to charge", "WHMCS Error (200): Invoice Not Found or Not Unpaid"),
        ] {
            assert_eq!(told[name], raised, "{name}");
        }
        served.sound();
    }
}
