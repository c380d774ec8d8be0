//! Opening an account.

use crate::email_verification::ASKED;
use crate::registration::{ALLOWED, TERMS};
use crate::testing::{House, PASSWORD};

const CY: &[(&str, &str)] = &[
    ("first_name", "Cy"),
    ("last_name", "Young"),
    ("company", "Cy & Sons"),
    ("email", "Cy@example.com"),
    ("address1", "2 Low Road"),
    ("postcode", "1010"),
    ("city", "Wien"),
    ("country", "AT"),
    ("phone", "+43 1 2345"),
    ("tax_id", "ATU1"),
    ("currency", "EUR"),
    ("language", "german"),
    ("password", PASSWORD),
    ("again", PASSWORD),
];

fn with<'a>(changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = CY.iter().copied().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    kept.chain(changed.iter().copied()).collect()
}

testkit::both_engines! {
    async fn a_stranger_opens_an_account_and_is_logged_in(house: House) {
        let mut cy = house.visitor("192.0.2.10");
        let page = cy.get("/register").await.text;
        assert!(page.contains("Open an account") && page.contains("Austria") && !page.contains("terms of service"), "{page}");
        assert_eq!(cy.bare_post("/register", CY).await.to, "/account");
        let home = cy.get("/account").await.text;
        assert!(home.contains("Welcome, Cy Young") && home.contains("Cy &amp; Sons"), "{home}");
        let client = house.api("GET", "/clients/1", serde_json::Value::Null).await.json();
        let fields = ["company", "currency", "country", "tax_id", "status", "language"].map(|name| client[name].as_str().unwrap_or_default().to_owned());
        assert_eq!(fields, ["Cy & Sons", "EUR", "AT", "ATU1", "active", "german"]);
        assert_eq!(house.mailed("email_verification").await[0].0, "Cy@example.com");
        assert_eq!(house.logged("Client Cy & Sons added").await, ["Registration"]);
        assert_eq!(house.visitor("192.0.2.11").log_in("cy@example.com", PASSWORD).await.status, 303);
        // Sent twice, it is one account.
        let again = house.visitor("192.0.2.10").bare_post("/register", CY).await;
        assert!(again.status == 422 && again.text.contains("Somebody logs in with this address already."), "{}", again.text);
        assert!(!again.text.contains("Cy Young logs in"), "nobody's name is told");
        assert_eq!([house.count("clients").await, house.count("users").await], [1, 1]);
    }

    async fn everything_that_is_wrong_is_told_at_once_and_nothing_typed_is_lost(house: House) {
        let before = house.rows().await;
        let fields = with(&[
            ("email", "nonsense"), ("country", ""), ("city", ""), ("password", "password"), ("again", "other"), ("phone", "x"),
            // What is not the client's to say.
            ("tax_exempt", "1"), ("status", "closed"), ("notes", "x"), ("group_id", "1"),
        ]);
        let again = house.visitor("192.0.2.10").bare_post("/register", &fields).await;
        assert_eq!(again.status, 422);
        for told in ["Enter the city.", "Choose the country", "leaked passwords", "The two passwords differ.", "Enter a telephone number"] {
            assert!(again.text.contains(told), "{told}: {}", again.text);
        }
        assert!(again.text.contains("value=\"nonsense\"") && again.text.contains("Cy &amp; Sons"), "{}", again.text);
        assert!(!again.text.contains(PASSWORD));
        assert_eq!(house.rows().await, before);
        let fields = with(&[("tax_exempt", "1"), ("status", "closed"), ("notes", "x")]);
        assert_eq!(house.visitor("192.0.2.10").bare_post("/register", &fields).await.status, 303);
        let client = house.api("GET", "/clients/1", serde_json::Value::Null).await.json();
        assert_eq!((client["status"].as_str(), client["tax_exempt"].as_bool(), client["notes"].as_str()), (Some("active"), Some(false), Some("")));
    }

    async fn the_terms_are_agreed_to_when_there_are_some(house: House) {
        house.configure(&TERMS, "https://example.com/terms").await;
        let mut cy = house.visitor("192.0.2.10");
        assert!(cy.get("/register").await.text.contains("https:&#x2f;&#x2f;example.com&#x2f;terms"));
        let again = cy.bare_post("/register", CY).await;
        assert!(again.status == 422 && again.text.contains("agree to them"), "{}", again.text);
        assert_eq!(cy.bare_post("/register", &with(&[("terms", "1")])).await.status, 303);
        let wrong = platform::settings::checked(&Default::default(), &[(&TERMS, "javascript:alert(1)")]);
        assert!(wrong.unwrap_err().to_string().contains("Write a web address"));
    }

    async fn who_may_not_register_does_not(house: House) {
        house.configure(&ALLOWED, "false").await;
        let mut cy = house.visitor("192.0.2.10");
        assert!(!cy.get("/login").await.text.contains("/register"));
        assert_eq!(cy.get("/register").await.status, 409);
        assert_eq!(cy.bare_post("/register", CY).await.status, 409);
        assert_eq!(house.count("users").await, 0);
    }

    async fn no_proof_is_asked_for_when_the_setting_is_off(house: House) {
        house.configure(&ASKED, "false").await;
        assert_eq!(house.visitor("192.0.2.10").bare_post("/register", CY).await.status, 303);
        assert_eq!(house.mailed("email_verification").await.len(), 0);
    }

    async fn a_banned_address_is_refused_and_the_try_counted(house: House) {
        house.api("POST", "/security/banned-emails", serde_json::json!({ "email": "example.com" })).await;
        let again = house.visitor("192.0.2.10").bare_post("/register", &with(&[("city", "")])).await;
        for told in ["This e-mail address cannot be used here.", "Enter the city."] {
            assert!(again.status == 422 && again.text.contains(told), "{told}: {}", again.text);
        }
        let banned = house.api("GET", "/security/banned-emails/1", serde_json::Value::Null).await.json();
        assert_eq!((&banned["blocked"], house.count("clients").await), (&serde_json::json!(1), 0));
    }

    async fn a_security_question_may_be_chosen_where_there_are_some(house: House) {
        assert!(!house.visitor("192.0.2.10").get("/register").await.text.contains("Security question"));
        house.api("POST", "/security/questions", serde_json::json!({ "question": "Where were you born?" })).await;
        assert!(house.visitor("192.0.2.10").get("/register").await.text.contains("Where were you born?"));
        for (fields, told) in [
            (with(&[("question", "1"), ("answer", " ")]), "Write an answer."),
            (with(&[("question", "9"), ("answer", "Linz")]), "Choose one of the questions."),
        ] {
            let again = house.visitor("192.0.2.10").bare_post("/register", &fields).await;
            assert!(again.status == 422 && again.text.contains(told), "{}", again.text);
        }
        assert_eq!(house.count("clients").await, 0);
        let fields = with(&[("question", "1"), ("answer", "Linz")]);
        assert_eq!(house.visitor("192.0.2.10").bare_post("/register", &fields).await.to, "/account");
        let right = crate::security_questions::check(&house.app, 1, "LINZ", "192.0.2.10", house.now).await.unwrap();
        assert!(right);
    }
}
