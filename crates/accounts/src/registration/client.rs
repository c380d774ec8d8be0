//! The form by which somebody opens an account.

use std::sync::Arc;

use axum::extract::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kernel::{Error, FieldErrors, Result, nonempty};
use minijinja::{Value, context};
use platform::settings::Values;
use platform::web::{Fail, Form};

use super::{Agreed, Registration, Secrets, TERMS};
use crate::captcha::{self, Guarded};
use crate::clients::admin::option;
use crate::clients::{self, ClientEdit};
use crate::company::DEFAULT_COUNTRY;
use crate::doors::admin::{error_list, plain_frame};
use crate::doors::limits::Limits;
use crate::doors::{PublicCx, Routes};
use crate::logins::client::after_password;
use crate::passwords::{self, Kinds, Owner};
use crate::two_factor::half::Wish;
use crate::{registration, security_questions};

const PATH: &str = "/register";

pub fn routes() -> Routes {
    Routes::new().public_get(PATH, page).public_post(PATH, register)
}

/// What is shown again as it was typed; passwords are not.
const FIELDS: &[&str] = &[
    "first_name",
    "last_name",
    "company",
    "email",
    "address1",
    "address2",
    "city",
    "state",
    "postcode",
    "country",
    "phone",
    "tax_id",
    "currency",
    "language",
    "question",
    "terms",
];

async fn page(cx: PublicCx) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let values = registration::require_allowed(&mut conn).await?;
    drop(conn);
    let country = ("country".to_owned(), values.text(&DEFAULT_COUNTRY).to_owned());
    show(&cx, &values, &Form::from_pairs(vec![country]), &FieldErrors::default()).await
}

async fn show(cx: &PublicCx, values: &Values, form: &Form, errors: &FieldErrors) -> Result<Response, Fail> {
    let mut conn = cx.app.db.read().await?;
    let currencies = clients::currencies(&mut conn).await?;
    let questions = security_questions::client::options(&mut conn).await?;
    drop(conn);
    let typed = FIELDS.iter().map(|name| (*name, form.raw(name).unwrap_or_default().to_owned()));
    let slot = captcha::slot(&cx.app, Guarded::Registration, cx.now).await?;
    let page = cx.app.templates.page(
        "accounts/registration/form.html",
        context! {
            page => context! { wide => true, ..plain_frame(&cx.app, "Open an account") },
            v => Value::from_pairs(typed),
            errors => error_list(errors),
            countries => clients::admin::country_options(),
            currencies => currencies.iter().map(|dealt| option(dealt.code.code(), dealt.code.code())).collect::<Vec<_>>(),
            minimum => passwords::MIN_USER,
            questions,
            terms => values.text(&TERMS),
            captcha => &slot.view,
        },
    )?;
    Ok(slot.dress(page))
}

fn registration_of(form: &Form) -> Registration {
    let text = |name: &str| Some(form.raw(name).unwrap_or_default().to_owned());
    let details = ClientEdit {
        first_name: text("first_name"),
        last_name: text("last_name"),
        company: text("company"),
        email: text("email"),
        address1: text("address1"),
        address2: text("address2"),
        city: text("city"),
        state: text("state"),
        postcode: text("postcode"),
        country: text("country"),
        phone: text("phone"),
        tax_id: text("tax_id"),
        currency: nonempty(form.text("currency")).map(str::to_owned),
        language: text("language"),
        ..ClientEdit::default()
    };
    Registration { details, agreed: if form.ticked("terms") { Agreed::Yes } else { Agreed::No } }
}

async fn register(cx: PublicCx, Extension(limits): Extension<Arc<Limits>>) -> Result<Response, Fail> {
    let form = cx.form()?;
    limits.login(&cx.ip, cx.now)?;
    let values = registration::require_allowed(&mut cx.app.db.read().await?).await?;
    match open(&cx, &form).await {
        Ok(response) => Ok(response),
        Err(Error::Invalid(errors)) => {
            let page = show(&cx, &values, &form, &errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(other) => Err(Fail(other)),
    }
}

/// The number of the question, 0 without one, and the answer.
fn chosen_question(form: &Form) -> (i64, &str) {
    (form.text("question").parse().unwrap_or_default(), form.raw("answer").unwrap_or_default())
}

async fn open(cx: &PublicCx, form: &Form) -> Result<Response> {
    // First: what else is wrong tells who logs in here, which is not for robots.
    captcha::check(&cx.app, form, Guarded::Registration, &cx.ip, cx.now).await?;
    let new = registration_of(form);
    let password = form.raw("password").unwrap_or_default();
    let known = ["first_name", "last_name", "company", "email"].map(|name| form.text(name));
    let owner = Owner { kind: Kinds::User, known: &known };
    let mut errors = registration::check(&cx.app, &new, cx.now).await?;
    if let Some(why) = passwords::check(&cx.app, owner, password).await? {
        errors.add("password", why);
    }
    if form.raw("again").unwrap_or_default() != password {
        errors.add("again", "The two passwords differ.");
    }
    let (question_id, answer) = chosen_question(form);
    let mut conn = cx.app.db.read().await?;
    let asked = security_questions::any(&mut conn).await?;
    if asked {
        errors.gather(security_questions::check_choice(&mut conn, question_id, answer).await)?;
    }
    drop(conn);
    errors.check()?;
    let password = passwords::hash(password).await?;
    let answer = match asked {
        true => Some(security_questions::choose(&cx.app, question_id, answer).await?),
        false => None,
    };
    let mut tx = cx.app.db.write().await?;
    let secrets = Secrets { password, answer };
    let (_, user) = registration::register(&mut tx, &cx.app, new, secrets, &cx.ip, cx.now).await?;
    let entered = after_password(cx, tx, user.id, Wish { next: "/account", remember: false }).await?;
    cx.app.wake.notify_waiters();
    Ok(entered)
}
