//! Mail through a real server: what is delivered, and what is at rest before and after.

use axum::http::StatusCode;
use platform::{jobs, mail, params};
use serde_json::json;
use testkit::smtp::{Login, Sink};

use crate::support::Site;

/// The text of a message, whose long lines end in `=`.
fn plain(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).replace("=\r\n", "")
}

testkit::both_engines! {
    async fn a_link_is_good_in_the_mail_and_nowhere_else(site: Site) {
        let Some(sink) = testkit::peers::require(Sink::start()) else { return };
        let boss = site.boss().await;
        let client = json!({ "first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com", "country": "GB" });
        site.json(&boss, "POST", "/clients", client).await;
        let lines = json!([{ "description": "Hosting", "amount": "10.00" }]);
        let (status, _) = site.json(&boss, "POST", "/invoices", json!({ "client_id": 1, "lines": lines, "send": true })).await;
        assert_eq!(status, StatusCode::CREATED);
        jobs::drain(&site.app).await.unwrap();
        let mut conn = site.app.db.read().await.unwrap();
        let bodies = "SELECT text_body || html_body FROM mails";
        let waiting: String = conn.scalar(bodies, params![]).await.unwrap();
        let sealed = "SELECT COUNT(*) FROM mails WHERE sealed_token IS NOT NULL";
        assert_eq!(conn.scalar::<i64>(sealed, params![]).await.unwrap(), 1, "it waits for a server");
        drop(conn);

        let port = sink.port().to_string();
        for (key, value) in
            [("smtp_host", "127.0.0.1"), ("smtp_port", &port), ("smtp_security", "none"), ("mail_from", "billing@example.com")]
        {
            site.place.done(&["setting", "set", key, value]);
        }
        let mut tx = site.app.db.write().await.unwrap();
        tx.execute("UPDATE jobs SET run_at = 0 WHERE kind = 'mail.deliver'", params![]).await.unwrap();
        tx.commit().await.unwrap();
        jobs::drain(&site.app).await.unwrap();

        let messages = sink.messages();
        assert_eq!(messages.len(), 1);
        let text = plain(&messages[0].raw);
        let token = text.split("/pay/").nth(1).unwrap().chars().take_while(char::is_ascii_hexdigit).collect::<String>();
        assert_eq!(site.get(&format!("/pay/{token}"), None).await.0, StatusCode::OK);
        assert!(!text.contains(mail::TOKEN_PLACE), "{text}");
        assert!(waiting.contains(mail::TOKEN_PLACE) && !waiting.contains(&token));
        let mut conn = site.app.db.read().await.unwrap();
        let kept: String = conn.scalar(bodies, params![]).await.unwrap();
        assert_eq!(kept, waiting, "the message is kept as it was made");
        assert_eq!(conn.scalar::<i64>(sealed, params![]).await.unwrap(), 0, "and not what opens its link");
        drop(conn);
        let dump = site.place.folder.join("all.jsonl");
        site.place.done(&["backup", dump.to_str().unwrap()]);
        assert!(!std::fs::read_to_string(dump).unwrap().contains(&token));
    }

    async fn the_password_is_not_sent_to_another_server(site: Site) {
        let secret = || async {
            let mut conn = site.app.db.read().await.unwrap();
            platform::secrets::get(&mut conn, &site.app.vault, mail::PASSWORD_PLACE).await.unwrap()
        };
        let enter = || assert_eq!(site.place.run_with(&["setting", "set", "smtp_password"], "geheim\n").code, 0);
        // Entered before there was a server, it is for the first one.
        enter();
        site.place.done(&["setting", "set", "smtp_host", "mail.example.com"]);
        site.place.done(&["setting", "set", "smtp_port", "465"]);
        site.place.done(&["setting", "set", "smtp_security", "tls"]);
        site.place.done(&["setting", "set", "smtp_host", "mail.example.com"]);
        assert_eq!(secret().await.as_deref(), Some("geheim"));

        let boss = site.boss().await;
        let fields = [("was.smtp_host", "mail.example.com"), ("smtp_host", "evil.example")];
        assert_eq!(site.post("/admin/setup/settings", &boss, &fields).await.0, StatusCode::SEE_OTHER);
        assert_eq!(secret().await, None, "whoever changed the server does not get the password");
        enter();
        let told = site.place.run(&["setting", "set", "smtp_security", "none", "--json"]).json();
        assert!(told["note"].as_str().unwrap().contains("smtp_password"), "{told}");
        assert_eq!(secret().await, None);
        let (_, log) = site.get("/admin/logs/activity", Some(&boss)).await;
        assert!(log.contains("The SMTP password was forgotten"), "{log}");
    }

    async fn mail_waits_for_a_password_that_is_missing(site: Site) {
        let login = Login { user: "ada", password: "geheim" };
        let Some(sink) = testkit::peers::require(Sink::start_with_login(login)) else { return };
        let port = sink.port().to_string();
        for (key, value) in [
            ("smtp_host", "127.0.0.1"), ("smtp_port", &port), ("smtp_security", "none"), ("smtp_username", "ada"),
            ("mail_from", "billing@example.com"),
        ] {
            site.place.done(&["setting", "set", key, value]);
        }
        let new = mail::NewMail {
            key: "test".to_owned(),
            client_id: None,
            subject: None,
            template: "test",
            recipient: "bob@example.com".to_owned(),
            sender_name: "Inn".to_owned(),
            title: "Hello".to_owned(),
            text_body: "Hello".to_owned(),
            html_body: "<p>Hello</p>".to_owned(),
            token: None,
        };
        let mut tx = site.app.db.write().await.unwrap();
        let settings = platform::settings::Values::load(&mut tx).await.unwrap();
        mail::send(&mut tx, &site.app, new, &settings, site.app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        jobs::drain(&site.app).await.unwrap();
        let mut conn = site.app.db.read().await.unwrap();
        let waits: String = conn.scalar("SELECT error FROM mails", params![]).await.unwrap();
        assert!(waits.contains("innkeeper setting set smtp_password"), "{waits}");
        drop(conn);
        assert_eq!(site.place.run_with(&["setting", "set", "smtp_password"], "geheim\n").code, 0);
        let mut tx = site.app.db.write().await.unwrap();
        tx.execute("UPDATE jobs SET run_at = 0", params![]).await.unwrap();
        tx.commit().await.unwrap();
        jobs::drain(&site.app).await.unwrap();
        assert_eq!(sink.messages().len(), 1);
    }
}
