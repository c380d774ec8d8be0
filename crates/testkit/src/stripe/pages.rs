//! The pages that a client sees: the payment page and the bank's.

use super::Card;
use super::state::State;
use crate::http::{Reply, Request};

pub(super) fn serve(state: &mut State, request: &Request) -> Reply {
    let parts: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    let to = match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["pay", id]) if state.is_open(id) => return page("Pay", &form(&["visa", "asks", "declined"])),
        ("GET", ["bank", id]) if state.waits(id) => return page("Your bank", &form(&["complete", "fail"])),
        ("GET", ["pay" | "bank", _]) => return page("This page is over", ""),
        ("POST", ["pay", id]) => match request.field("do") {
            Some("visa") => state.pay(id, Card::Pays),
            Some("asks") => state.pay(id, Card::Asks),
            _ => return page("Your card was declined", &form(&["visa", "asks", "declined"])),
        },
        ("POST", ["bank", id]) => state.authenticate(id, request.field("do") == Some("complete")),
        _ => None,
    };
    match to {
        Some(to) => Reply { status: 303, headers: vec![("Location", to)], body: String::new() },
        None => Reply { status: 404, headers: Vec::new(), body: "There is nothing here.".to_owned() },
    }
}

fn form(buttons: &[&str]) -> String {
    let buttons: Vec<String> =
        buttons.iter().map(|name| format!("<button name=\"do\" value=\"{name}\">{name}</button>")).collect();
    format!("<form method=\"post\">{}</form>", buttons.join(" "))
}

fn page(title: &str, body: &str) -> Reply {
    let html = format!("<!doctype html><html lang=\"en\"><title>{title}</title><h1>{title}</h1>{body}</html>");
    Reply { status: 200, headers: vec![("Content-Type", "text/html; charset=utf-8".to_owned())], body: html }
}
