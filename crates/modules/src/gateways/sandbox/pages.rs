//! What the sandbox's bank and payment page would show a client: pages of ours, in sandbox databases only.

use accounts::doors::admin::plain_frame;
use accounts::doors::{PublicCx, Routes, Word};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use billing::captures::{self, Attempt};
use billing::gateways::{Outcome, PageState};
use billing::pay_methods::setups;
use kernel::{Error, Result};
use minijinja::{Value, context};
use platform::web::lists::escape;
use platform::web::{Fail, Form};

use super::scenario::{self, Scenario};

const SANDBOX: &str = "sandbox";
const CHALLENGE: &str = "/sandbox/authenticate";
const PAGE: &str = "/sandbox/page";

/// What a client can choose on the payment page.
const CARDS: [Scenario; 4] = [Scenario::Ok, Scenario::Declined, Scenario::Expired, Scenario::Sca];

pub fn routes() -> Routes {
    Routes::new()
        .public_get("/sandbox/authenticate/{attempt}", ask)
        .public_post("/sandbox/authenticate/{attempt}", answer)
        .public_get("/sandbox/page/{reference}", show)
        .public_post("/sandbox/page/{reference}", choose)
}

/// Where a client who is there is asked whether it is him.
pub(super) fn challenge(attempt: &str, return_url: &str) -> String {
    address(CHALLENGE, attempt, return_url)
}

/// Where a client chooses a card.
pub(super) fn page(reference: &str, return_url: &str) -> String {
    address(PAGE, reference, return_url)
}

/// On the site that the client comes back to, which is ours.
fn address(page: &str, id: &str, return_url: &str) -> String {
    let path_at = return_url.find("://").and_then(|at| return_url[at + 3..].find('/').map(|slash| at + 3 + slash));
    let (origin, back) = return_url.split_at(path_at.unwrap_or(return_url.len()));
    format!("{origin}{page}/{id}?back={}", escape(back))
}

/// Where to send the browser: a page of ours on which clients pay, and nothing else.
fn back(form: &Form) -> Result<String> {
    let path = form.text("back");
    let is_ours = (path.starts_with("/pay/") || path.starts_with("/add-card/"))
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte));
    if is_ours { Ok(path.to_owned()) } else { Err(Error::NotFound("This page")) }
}

fn check(cx: &PublicCx) -> Result<()> {
    if cx.app.sandbox { Ok(()) } else { Err(Error::NotFound("This page")) }
}

async fn attempt_of(cx: &PublicCx, public_id: &str) -> Result<Attempt> {
    let found = captures::by_public_id(&mut cx.app.db.read().await?, SANDBOX, public_id).await?;
    found.ok_or(Error::NotFound("This page"))
}

async fn ask(cx: PublicCx, Word(id): Word) -> Result<Response, Fail> {
    check(&cx)?;
    let back = back(&Form::parse(cx.query.as_bytes())?)?;
    let attempt = attempt_of(&cx, &id).await?;
    let values = context! {
        page => plain_frame(&cx.app, "Test bank"),
        here => format!("{CHALLENGE}/{id}"), back,
        amount => attempt.money().to_string(),
        open => attempt.waits(),
    };
    Ok(cx.app.templates.page("modules/gateways/sandbox/authenticate.html", values)?)
}

async fn answer(cx: PublicCx, Word(id): Word) -> Result<Response, Fail> {
    check(&cx)?;
    let form = cx.form()?;
    let back = back(&form)?;
    let attempt = attempt_of(&cx, &id).await?;
    // Answering again, after the payment was decided or given up, changes nothing.
    if attempt.waits() {
        let outcome = match form.text("do") {
            "authenticate" => paid(Scenario::Sca, &attempt),
            _ => Outcome::Declined {
                external_id: attempt.external_id.clone(),
                code: "authentication_failed".to_owned(),
                reason: "The bank could not authenticate you.".to_owned(),
            },
        };
        captures::charge_told(&cx.app, SANDBOX, Some(&id), outcome, attempt.money()).await?;
    }
    Ok(Redirect::to(&back).into_response())
}

fn paid(scenario: Scenario, attempt: &Attempt) -> Outcome {
    Outcome::Succeeded { external_id: scenario.payment_id(&attempt.public_id), fee: super::fee(attempt.money()) }
}

/// What a payment page is for.
enum For {
    Payment(Attempt),
    Setup(setups::Setup),
}

impl For {
    async fn of(cx: &PublicCx, reference: &str) -> Result<For> {
        let mut conn = cx.app.db.read().await?;
        if let Some(attempt) = captures::by_public_id(&mut conn, SANDBOX, reference).await? {
            return Ok(For::Payment(attempt));
        }
        let setup = setups::by_public_id(&mut conn, SANDBOX, reference).await?;
        setup.map(For::Setup).ok_or(Error::NotFound("This page"))
    }

    fn is_open(&self) -> bool {
        match self {
            For::Payment(attempt) => attempt.waits(),
            For::Setup(setup) => setup.state == setups::SetupState::Open,
        }
    }

    fn client_id(&self) -> i64 {
        match self {
            For::Payment(attempt) => attempt.client_id,
            For::Setup(setup) => setup.client_id,
        }
    }
}

async fn show(cx: PublicCx, Word(reference): Word) -> Result<Response, Fail> {
    let back = back(&Form::parse(cx.query.as_bytes())?)?;
    render(&cx, &reference, &back, "").await
}

async fn render(cx: &PublicCx, reference: &str, back: &str, problem: &str) -> Result<Response, Fail> {
    check(cx)?;
    let what = For::of(cx, reference).await?;
    let cards: Vec<Value> = CARDS
        .iter()
        .map(|scenario| {
            let label = match scenario {
                Scenario::Ok => "Visa •••• 4242, works",
                Scenario::Declined => "Visa •••• 0002, declined",
                Scenario::Expired => "Visa •••• 0069, expired",
                _ => "Visa •••• 3155, the bank asks each time",
            };
            context! { name => scenario.name(), label }
        })
        .collect();
    let values = context! {
        page => plain_frame(&cx.app, "Test payment page"),
        here => format!("{PAGE}/{reference}"), back, problem, cards,
        open => what.is_open(),
        amount => match &what {
            For::Payment(attempt) => Some(attempt.money().to_string()),
            For::Setup(_) => None,
        },
    };
    Ok(cx.app.templates.page("modules/gateways/sandbox/page.html", values)?)
}

async fn choose(cx: PublicCx, Word(reference): Word) -> Result<Response, Fail> {
    check(&cx)?;
    let form = cx.form()?;
    let back = back(&form)?;
    let what = For::of(&cx, &reference).await?;
    if !what.is_open() {
        return Ok(Redirect::to(&back).into_response());
    }
    let chosen = CARDS.into_iter().find(|scenario| scenario.name() == form.text("card"));
    let card = chosen.and_then(|scenario| Some((scenario, scenario::test_card(scenario.name())?)));
    let Some((scenario, card)) = card else {
        return again(&cx, &reference, &back, "Choose a card.").await;
    };
    if matches!((&what, scenario), (For::Payment(_), Scenario::Declined | Scenario::Expired)) {
        return again(&cx, &reference, &back, "The bank declines this card. Choose another one.").await;
    }
    let method = Some(card.stored(what.client_id()));
    match what {
        For::Payment(attempt) => {
            let payment = Some(paid(scenario, &attempt));
            captures::page_told(&cx.app, SANDBOX, &reference, PageState::Finished { payment, method }).await?;
        }
        For::Setup(_) => {
            let state = PageState::Finished { payment: None, method };
            setups::page_told(&cx.app, SANDBOX, &reference, state).await?;
        }
    }
    Ok(Redirect::to(&back).into_response())
}

async fn again(cx: &PublicCx, reference: &str, back: &str, problem: &str) -> Result<Response, Fail> {
    Ok((StatusCode::UNPROCESSABLE_ENTITY, render(cx, reference, back, problem).await?).into_response())
}
