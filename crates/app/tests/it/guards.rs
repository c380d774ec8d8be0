//! Every route × who may not: nobody gets in by a door that was forgotten.

use accounts::doors::Access;
use axum::http::StatusCode;
use innkeeper::wiring;

use crate::support::{Session, Site, ask, read};

/// A path with something in its places.
fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

/// Money that has arrived is booked whatever becomes of those who listen, so they may only listen by a name.
#[test]
fn nobodys_failure_takes_a_payment_back() {
    let events = innkeeper::wiring::events();
    assert!(!events.has_binding::<billing::invoices::InvoicePaid>());
    assert!(!events.has_binding::<billing::payments::PaymentRecorded>());
    assert!(!events.has_binding::<billing::recurring::DueDateMoved>());
}

testkit::both_engines! {
    async fn a_staff_page_sends_strangers_to_the_login(site: Site) {
        let mut count = 0;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Staff(_))) {
            let path = filled(&entry.path);
            let (status, place) = read(site.send(ask(entry.method, &path, None, "")).await).await;
            assert_eq!(status, StatusCode::SEE_OTHER, "{} {path}", entry.method);
            assert!(place.starts_with("/admin/login"), "{path}: {place}");
            count += 1;
        }
        assert!(count > 10, "the table of routes is empty");
    }

    async fn a_staff_page_is_closed_without_its_permission(site: Site) {
        let nobody = site.log_in("nobody", "May do nothing").await;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Staff(_))) {
            let path = filled(&entry.path);
            let form = format!("csrf={}", nobody.csrf);
            let (status, _) = read(site.send(ask(entry.method, &path, Some(&nobody), &form)).await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", entry.method);
        }
    }

    async fn a_form_without_its_token_is_refused(site: Site) {
        let boss = site.boss().await;
        let posts = wiring::routes().table.into_iter().filter(|entry| matches!(entry.access, Access::Staff(_)));
        for entry in posts.filter(|entry| entry.method == "POST") {
            let path = filled(&entry.path);
            for form in ["", "csrf=", "csrf=0000000000000000000000000000000000000000000000000000000000000000"] {
                let (status, page) = read(site.send(ask("POST", &path, Some(&boss), form)).await).await;
                assert_eq!(status, StatusCode::CONFLICT, "{path} {form}");
                assert!(page.contains("out of date"), "{path}: {page}");
            }
        }
    }

    async fn the_api_answers_strangers_with_a_problem(site: Site) {
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Api(_))) {
            let path = filled(&entry.path);
            let response = site.send(ask(entry.method, &path, None, "")).await;
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
            let (status, body) = read(response).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {path}", entry.method);
            let problem: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(problem["status"], 401);
        }
    }

    async fn the_api_asks_for_the_permission_and_for_the_token_of_a_session(site: Site) {
        let nobody = site.log_in("nobody", "May do nothing").await;
        let boss = site.boss().await;
        for entry in wiring::routes().table.iter().filter(|entry| matches!(entry.access, Access::Api(_))) {
            let path = filled(&entry.path);
            let with_token = |session: &Session| {
                let mut request = ask(entry.method, &path, Some(session), "");
                request.headers_mut().insert("x-csrf-token", session.csrf.parse().unwrap());
                request
            };
            let (status, _) = read(site.send(with_token(&nobody)).await).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{} {path}", entry.method);
            if entry.method != "GET" {
                let (status, _) = read(site.send(ask(entry.method, &path, Some(&boss), "")).await).await;
                assert_eq!(status, StatusCode::CONFLICT, "{} {path} without a token", entry.method);
            }
        }
    }
}

#[test]
fn no_route_is_there_twice() {
    let mut seen = std::collections::HashSet::new();
    for entry in wiring::routes().table {
        assert!(seen.insert((entry.method, entry.path.clone())), "{} {}", entry.method, entry.path);
    }
}

#[test]
fn every_entry_of_the_sidebar_leads_to_a_page_that_asks_for_its_permission() {
    let routes = wiring::routes();
    let nav = wiring::nav();
    for item in nav.sections.iter().flat_map(|section| &section.items).chain(&nav.create) {
        let path = item.href.split('?').next().unwrap();
        let found = routes.table.iter().find(|entry| entry.method == "GET" && entry.path == path);
        let found = found.unwrap_or_else(|| panic!("{} leads nowhere: {}", item.label, item.href));
        assert_eq!(found.access, Access::Staff(item.permission), "{}", item.label);
    }
    for section in &nav.sections {
        let path = section.href.split('?').next().unwrap();
        assert!(routes.table.iter().any(|entry| entry.method == "GET" && entry.path == path), "{}", section.href);
    }
}
