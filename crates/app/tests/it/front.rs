//! A server behind a proxy, and what its log keeps to itself.

use std::time::Duration;

use platform::params;
use testkit::process::{Child, wait_until};

use crate::support::Place;

const PASSWORD: &str = "a long password";

fn client() -> reqwest::Client {
    // Fails only when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// Waits until the server has said this in its log; all that it has said.
fn logged(server: &Child, words: &str) -> String {
    wait_until(words, Duration::from_secs(10), || server.output().contains(words)).unwrap();
    server.output()
}

async fn log_in(address: &str, from: &str, password: &str) -> u16 {
    let request = client().post(format!("{address}/admin/login")).header("x-forwarded-for", from);
    let form = format!("email=ana&password={}", password.replace(' ', "+"));
    let request =
        request.header("content-type", "application/x-www-form-urlencoded").header("x-forwarded-proto", "https");
    request.body(form).send().await.unwrap().status().as_u16()
}

fn furnish(place: &Place) {
    place.done(&["init"]);
    let ana = ["admin", "create", "--username", "ana", "--email", "ana@example.com", "--password-stdin"];
    assert_eq!(place.run_with(&ana, PASSWORD).code, 0);
}

testkit::both_engines! {
    async fn behind_a_proxy_a_guesser_locks_nobody_else_out(place: Place) {
        furnish(&place);
        place.done(&["setting", "set", "trusted_proxies", "127.0.0.1, 10.0.0.0/8"]);
        place.done(&["setting", "set", "failed_staff_login_ban_minutes", "0"]);
        let (_server, address) = place.serve(&["--no-worker"]);
        let mut answers = Vec::new();
        for _ in 0..11 {
            answers.push(log_in(&address, "192.0.2.1, 203.0.113.7", "wrong").await);
        }
        assert_eq!((answers[0], answers[10]), (422, 429), "{answers:?}");
        assert_eq!(log_in(&address, "203.0.113.7, 198.51.100.1, 10.1.1.1", PASSWORD).await, 303, "ana is elsewhere");
        let app = place.app().await;
        let mut conn = app.db.read().await.unwrap();
        let ips: Vec<String> =
            conn.column("SELECT ip FROM activity_log WHERE description = 'Logged in'", params![]).await.unwrap();
        assert_eq!(ips, ["198.51.100.1"]);
        let guessers: Vec<String> = conn.column("SELECT DISTINCT ip FROM login_failures", params![]).await.unwrap();
        assert_eq!(guessers, ["203.0.113.7"], "what stands left of it was written by the guesser");
    }

    async fn a_proxy_that_is_not_trusted_is_told_of_and_not_believed(place: Place) {
        furnish(&place);
        let (server, address) = place.serve(&["--no-worker"]);
        assert_eq!(log_in(&address, "203.0.113.7", PASSWORD).await, 303);
        logged(&server, "requests come through a proxy that is not trusted");
        let app = place.app().await;
        let mut conn = app.db.read().await.unwrap();
        let ip: String = conn.scalar("SELECT ip FROM activity_log WHERE description = 'Logged in'", params![]).await.unwrap();
        assert_eq!(ip, "127.0.0.1");
    }

    async fn a_token_in_an_address_is_not_in_the_log(place: Place) {
        furnish(&place);
        let mut command = place.command();
        command.env("INNKEEPER_LOG", "debug").args(["serve", "--listen", "127.0.0.1:0", "--no-worker"]);
        let mut server = Child::spawn("innkeeper serve", &mut command).unwrap();
        let line = server.wait_for_line("Innkeeper serves ", Duration::from_secs(30)).unwrap();
        let address = line.split("/admin").next().unwrap().to_owned();
        for path in ["/admin/welcome/0123456789abcdef", "/pay/0123456789abcdef", "/pay/0123456789abcdef/x"] {
            assert_eq!(client().get(format!("{address}{path}")).send().await.unwrap().status().as_u16(), 404, "{path}");
        }
        let log = logged(&server, "(no route)");
        assert!(log.contains("/admin/welcome/{token}") && log.contains("/pay/{token}"), "{log}");
        assert!(!log.contains("0123456789abcdef"), "{log}");
    }
}
