//! Tax rules and the settings of tax in the staff area, with a calculator to try them out.

use accounts::clients;
use accounts::doors::admin::{error_list, or_back};
use accounts::doors::{AdminCx, Id, Redirect, Routes};
use accounts::settings as rules;
use axum::response::{IntoResponse, Response};
use kernel::{Date, Error, FieldErrors, Money, Rate, Result, nonempty};
use minijinja::{Value, context};
use platform::settings::Setting;
use platform::web::{Fail, Form};
use platform::{Kind, Tx};

use super::calculation::{Levels, TaxCategory, Totals};
use super::{CONFIGURE, NewRule, TaxRule};
use crate::currencies;
use crate::settings as keys;
use crate::terms::Terms;
use crate::view::{option, words};

const PAGE: &str = "/admin/setup/taxes";
const SECTION: &str = "configuration";
const SETTINGS: [&Setting; 5] =
    [&keys::TAX_ENABLED, &keys::TAX_MODE, &keys::TAX_ROUNDING, &keys::TAX_COMPOUND, &keys::TAX_DEDUCT];

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, index)
        .post(PAGE, CONFIGURE, create)
        .post("/admin/setup/taxes/settings", CONFIGURE, save_settings)
        .get("/admin/setup/taxes/new", CONFIGURE, new_page)
        .get("/admin/setup/taxes/{id}", CONFIGURE, edit_page)
        .post("/admin/setup/taxes/{id}", CONFIGURE, update)
        .post("/admin/setup/taxes/{id}/delete", CONFIGURE, delete)
}

fn countries() -> Vec<Value> {
    clients::countries().iter().map(|(code, name)| option(*code, *name)).collect()
}

fn row(rule: &TaxRule) -> Value {
    let country = rule.country.clone().unwrap_or_default();
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    context! {
        href => format!("{PAGE}/{}", rule.id),
        level => rule.level,
        name => &rule.name,
        place => match (&rule.country, &rule.state) {
            (None, _) => "Everywhere".to_owned(),
            (Some(_), None) => clients::country_name(&country).unwrap_or(&country).to_owned(),
            (Some(_), Some(state)) => format!("{state}, {}", clients::country_name(&country).unwrap_or(&country)),
        },
        rate => format!("{} %", rule.rate),
        category => words(rule.category.as_str()),
        from => date(rule.valid_from),
        until => date(rule.valid_until),
    }
}

fn setting_field(terms: &Terms, setting: &Setting) -> Value {
    let options: Vec<Value> = match setting.kind {
        Kind::Choice(choices) => choices.iter().map(|(value, label)| option(*value, *label)).collect(),
        _ => Vec::new(),
    };
    context! {
        key => setting.key, label => setting.label, help => setting.help, options,
        is_switch => setting.kind == Kind::Bool,
        value => terms.settings.text(setting),
    }
}

async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let asked = cx.params()?;
    let mut conn = cx.app.db.read().await?;
    let terms = Terms::load(&mut conn, cx.now).await?;
    let rules = super::all(&mut conn).await?;
    let base = currencies::all(&mut conn).await?.into_iter().find(|dealt| dealt.is_base);
    drop(conn);
    let mut errors = FieldErrors::default();
    let result = match (nonempty(asked.text("amount")), &base) {
        (Some(text), Some(base)) => {
            let amount = errors.take("amount", Money::parse(text, base.code));
            match amount {
                Some(amount) => Some(trial(&terms, &asked, amount)?),
                None => None,
            }
        }
        _ => None,
    };
    cx.page(
        "billing/taxes/list.html",
        SECTION,
        "Tax configuration",
        context! {
            rows => rules.iter().map(row).collect::<Vec<_>>(),
            fields => SETTINGS.map(|setting| setting_field(&terms, setting)).to_vec(),
            enabled => terms.settings.bool(&keys::TAX_ENABLED),
            countries => countries(),
            errors => error_list(&errors),
            currency => base.map(|base| base.code.code().to_owned()).unwrap_or_default(),
            trial => context! {
                amount => asked.text("amount"), country => asked.text("country"), state => asked.text("state"),
                exempt => asked.ticked("exempt"),
            },
            result,
        },
    )
}

/// What a client there would be charged today.
fn trial(terms: &Terms, asked: &Form, amount: Money) -> Result<Value> {
    let levels: Levels = terms.levels(asked.text("country"), asked.text("state"), terms.today);
    let totals: Totals = terms.tax(&[(amount, true)], amount.currency, &levels, asked.ticked("exempt"))?;
    let named = |level: &Option<super::calculation::Level>, tax: Money| {
        level
            .as_ref()
            .map(|level| context! { name => format!("{} {} %", level.name, level.rate), amount => tax.to_string() })
    };
    let taxes: Vec<Value> =
        [named(&levels.level1, totals.tax1), named(&levels.level2, totals.tax2)].into_iter().flatten().collect();
    Ok(context! {
        subtotal => totals.subtotal.to_string(),
        taxes,
        total => totals.total.to_string(),
    })
}

async fn save_settings(cx: AdminCx) -> Result<Redirect, Fail> {
    let done = async {
        let mut tx = cx.app.db.write().await?;
        let count = store_settings(&cx, &mut tx).await?;
        tx.commit().await?;
        Ok(Redirect::to(PAGE).saying(match count {
            0 => "Nothing was changed".to_owned(),
            1 => "One setting was changed; it counts for documents issued from now on".to_owned(),
            count => format!("{count} settings were changed; they count for documents issued from now on"),
        }))
    };
    or_back(done.await, PAGE)
}

async fn store_settings(cx: &AdminCx, tx: &mut Tx) -> Result<usize> {
    let given = |setting: &Setting| match setting.kind {
        Kind::Bool if cx.form.ticked(setting.key) => "true",
        Kind::Bool => "false",
        _ => cx.form.text(setting.key),
    };
    let wanted = SETTINGS.map(|setting| (setting, given(setting)));
    let stored = rules::store(tx, &cx.actor, &wanted, cx.now).await?;
    Ok(stored.changes.iter().filter(|change| change.old != change.new).count())
}

const FORM: &str = "billing/taxes/form.html";
const FIELDS: [&str; 8] = ["level", "name", "country", "state", "rate", "category", "valid_from", "valid_until"];

fn form_page(cx: &AdminCx, id: Option<i64>, shown: Value, wrong: Option<&FieldErrors>) -> Result<Response, Fail> {
    let title = if id.is_some() { "Tax rule" } else { "New tax rule" };
    let values = context! {
        new => id.is_none(),
        action => id.map_or_else(|| PAGE.to_owned(), |id| format!("{PAGE}/{id}")),
        v => shown,
        levels => vec![option("1", "Level 1"), option("2", "Level 2")],
        categories => TaxCategory::ALL.iter().map(|category| option(category.as_str(), words(category.as_str()))).collect::<Vec<_>>(),
        countries => countries(),
    };
    match wrong {
        None => cx.page(FORM, SECTION, title, context! { errors => error_list(&FieldErrors::default()), ..values }),
        Some(errors) => cx.again(FORM, SECTION, title, errors, values),
    }
}

fn typed(form: &Form) -> Value {
    Value::from_pairs(FIELDS.map(|name| (name, form.text(name).to_owned())))
}

async fn new_page(cx: AdminCx) -> Result<Response, Fail> {
    let blank = [("level".to_owned(), "1".to_owned()), ("category".to_owned(), "standard".to_owned())];
    form_page(&cx, None, typed(&Form::from_pairs(blank.to_vec())), None)
}

async fn edit_page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let rule = super::find(&mut cx.app.db.read().await?, id).await?;
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let shown = context! {
        level => rule.level.to_string(), name => rule.name, country => rule.country.unwrap_or_default(),
        state => rule.state.unwrap_or_default(), rate => rule.rate.to_string(), category => rule.category.as_str(),
        valid_from => date(rule.valid_from), valid_until => date(rule.valid_until),
    };
    form_page(&cx, Some(id), shown, None)
}

fn written(form: &Form) -> Result<NewRule> {
    let mut errors = FieldErrors::default();
    let level = errors.take("level", form.text("level").parse::<i64>().or(Err("Choose level 1 or 2.")));
    let rate = errors.take("rate", Rate::parse(form.text("rate")));
    let category = errors.take("category", TaxCategory::parse(form.text("category")));
    let mut date = |name: &str| nonempty(form.text(name)).and_then(|text| errors.take(name, Date::parse(text)));
    let (valid_from, valid_until) = (date("valid_from"), date("valid_until"));
    errors.check()?;
    let (Some(level), Some(rate), Some(category)) = (level, rate, category) else {
        return Err(Error::broken("a field of the tax rule was refused without a reason"));
    };
    Ok(NewRule {
        level,
        name: form.text("name").to_owned(),
        country: form.text("country").to_owned(),
        state: form.text("state").to_owned(),
        rate,
        category,
        valid_from,
        valid_until,
    })
}

async fn create(cx: AdminCx) -> Result<Response, Fail> {
    save(cx, None).await
}

async fn update(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    save(cx, Some(id)).await
}

async fn save(cx: AdminCx, id: Option<i64>) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let done = async {
        let new = written(&cx.form)?;
        match id {
            Some(id) => super::update(&mut tx, &cx.actor, id, new, cx.now).await,
            None => super::create(&mut tx, &cx.actor, new, cx.now).await,
        }
    };
    match done.await {
        Ok(rule) => {
            tx.commit().await?;
            let said = format!("{} {} % saved; it counts for documents issued from now on", rule.name, rule.rate);
            Ok(Redirect::to(PAGE).saying(said).into_response())
        }
        Err(Error::Invalid(errors)) => form_page(&cx, id, typed(&cx.form), Some(&errors)),
        Err(other) => Err(Fail(other)),
    }
}

async fn delete(cx: AdminCx, Id(id): Id) -> Result<Redirect, Fail> {
    let mut tx = cx.app.db.write().await?;
    super::delete(&mut tx, &cx.actor, id, cx.now).await?;
    tx.commit().await?;
    Ok(Redirect::to(PAGE).saying("Rule deleted; documents that were issued keep their taxes"))
}
