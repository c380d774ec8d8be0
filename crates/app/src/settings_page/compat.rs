//! `GetConfigurationValue`, `SetConfigurationValue`.
//!
//! What must hold: a setting has one value and one rule, whatever it is called. Secrets are no settings: they are neither
//! told nor set here.

use accounts::doors::{Action, CompatCx, Routes};
use accounts::settings as rules;
use kernel::{Error, FieldErrors, Result};
use platform::compat::Answer;
use platform::settings::{Registry, Setting, Values};

use super::CONFIGURE;
use crate::wiring;

pub fn routes() -> Routes {
    Routes::new().action(Action::new("GetConfigurationValue", CONFIGURE, get_configuration_value)).action(Action::new(
        "SetConfigurationValue",
        CONFIGURE,
        set_configuration_value,
    ))
}

/// How a value is written under a name of the reference, where that is not as here.
#[derive(Debug, Clone, Copy)]
enum Written {
    Same,
    /// `on` or nothing.
    Switch,
    /// With a capital letter.
    Capital,
    /// With a slash at its end.
    Slash,
}

/// Names of the reference for what is a setting here.
const NAMES: &[(&str, &str, Written)] = &[
    ("CompanyName", "company_name", Written::Same),
    ("Email", "company_email", Written::Same),
    ("SystemURL", "system_url", Written::Slash),
    ("DefaultCountry", "default_country", Written::Same),
    ("InvoicePayTo", "pay_to", Written::Same),
    ("SystemEmailsFromEmail", "mail_from", Written::Same),
    ("AllowClientRegister", "client_registration", Written::Switch),
    ("EnableEmailVerification", "email_verification", Written::Switch),
    ("InvalidLoginBanLength", "failed_staff_login_ban_minutes", Written::Same),
    ("CreateInvoiceDaysBefore", "invoice_lead_days", Written::Same),
    ("CreateInvoiceDaysBeforeMonthly", "invoice_lead_days_monthly", Written::Same),
    ("CreateInvoiceDaysBeforeQuarterly", "invoice_lead_days_quarterly", Written::Same),
    ("CreateInvoiceDaysBeforeSemiAnnually", "invoice_lead_days_semiannually", Written::Same),
    ("CreateInvoiceDaysBeforeAnnually", "invoice_lead_days_annually", Written::Same),
    ("CreateInvoiceDaysBeforeBiennially", "invoice_lead_days_biennially", Written::Same),
    ("CreateInvoiceDaysBeforeTriennially", "invoice_lead_days_triennially", Written::Same),
    ("CreateDomainInvoiceDaysBefore", "invoice_lead_days_domains", Written::Same),
    ("ContinuousInvoiceGeneration", "continuous_invoicing", Written::Switch),
    ("SequentialInvoiceNumberFormat", "invoice_number_format", Written::Same),
    ("CCProcessDaysBefore", "capture_days_before_due", Written::Same),
    ("CCAttemptOnlyOnce", "capture_attempt_once", Written::Switch),
    ("CCRetryEveryWeekFor", "capture_retry_weeks", Written::Same),
    ("TaxEnabled", "tax_enabled", Written::Switch),
    ("TaxType", "tax_mode", Written::Capital),
    ("TaxInclusiveDeduct", "tax_deduct_inclusive", Written::Switch),
];

/// A setting under the name by which it was asked for.
struct Named {
    setting: &'static Setting,
    name: &'static str,
    written: Written,
}

fn named(registry: &Registry, name: &str) -> Option<Named> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    if let Some((name, key, written)) = NAMES.iter().find(|(known, ..)| is(known)) {
        return registry.find(key).map(|setting| Named { setting, name, written: *written });
    }
    let setting = registry.all().iter().copied().find(|setting| is(setting.key))?;
    Some(Named { setting, name: setting.key, written: Written::Same })
}

impl Named {
    fn shown(&self, value: &str) -> String {
        match self.written {
            Written::Same => value.to_owned(),
            Written::Switch => if value == "true" { "on" } else { "" }.to_owned(),
            Written::Capital => {
                value.get(..1).map(str::to_uppercase).unwrap_or_default() + value.get(1..).unwrap_or_default()
            }
            Written::Slash => format!("{value}/"),
        }
    }
}

const NOT_NAMED: &str = "Parameter setting is required";
const UNKNOWN: &str = "Invalid name for parameter setting";

/// The setting, or the documented sentence.
fn asked_for(cx: &CompatCx) -> Result<Result<Named, Answer>> {
    let name = cx.request.read(|params| Ok(params.filled("setting").map(str::to_owned)))?;
    let Some(name) = name else { return Ok(Err(Answer::error(NOT_NAMED))) };
    Ok(named(&cx.app.settings, &name).ok_or_else(|| Answer::error(UNKNOWN)))
}

async fn get_configuration_value(cx: CompatCx) -> Result<Answer> {
    let asked = match asked_for(&cx)? {
        Ok(asked) => asked,
        Err(answer) => return Ok(answer),
    };
    let values = Values::load(&mut cx.app.db.read().await?).await?;
    let value = asked.shown(values.text(asked.setting));
    Ok(Answer::success().with("setting", asked.name).with("value", value))
}

/// A value may be sent empty, which is one of its own.
async fn set_configuration_value(cx: CompatCx) -> Result<Answer> {
    let asked = match asked_for(&cx)? {
        Ok(asked) => asked,
        Err(answer) => return Ok(answer),
    };
    let value = cx.request.read(|params| Ok(params.text("value").map(str::to_owned)))?;
    let Some(value) = value else { return Ok(Answer::error("Parameter value is required")) };
    let mut tx = cx.app.db.write().await?;
    let stored = rules::store(&mut tx, &cx.actor, &[(asked.setting, &value)], cx.now).await.map_err(of_value)?;
    tx.commit().await?;
    wiring::refresh(&cx.app).await?;
    let changed = stored.changes.iter().any(|change| change.old != change.new);
    let answer = Answer::success().with("value_changed", changed);
    Ok(match stored.note {
        Some(note) => answer.with("note", note),
        None => answer,
    })
}

/// What is wrong stands with the parameter that was sent, not with the key that it is stored under.
fn of_value(error: Error) -> Error {
    let Error::Invalid(wrong) = error else { return error };
    let mut errors = FieldErrors::default();
    for (_, message) in wrong.iter() {
        errors.add("value", message);
    }
    Error::Invalid(errors)
}
