//! The settings that billing reads.

use accounts::company::country;
pub use accounts::company::{COMPANY_NAME, SYSTEM_URL, TIME_ZONE, system_url};
use platform::settings::{self, Values};
use platform::{Kind, Setting};

use crate::invoices::numbering::{Format, Reset};

macro_rules! settings {
    ($($name:ident = $key:literal, $section:literal, $kind:expr, $default:literal, $label:literal, $help:literal,
       $reader:literal $(, $rule:ident)?;)+) => {
        $(pub const $name: Setting = Setting {
            key: $key, kind: $kind, default: $default, section: $section, label: $label, help: $help, read_by: $reader,
            rule: rule!($($rule)?),
        };)+
        pub const SETTINGS: &[Setting] = &[$($name),+];
    };
}

macro_rules! rule {
    () => {
        settings::anything
    };
    ($rule:ident) => {
        $rule
    };
}

const DAYS: Kind = Kind::Int { min: 0, max: 365 };
const CYCLE_DAYS: Kind = Kind::OptionalInt { min: 0, max: 365 };

settings! {
    COMPANY_EMAIL = "company_email", "General", Kind::Email, "", "Company e-mail",
        "Printed on invoices.", "billing::terms::Terms::load";
    COMPANY_ADDRESS = "company_address", "General", Kind::Lines { max: 1000 }, "", "Company address",
        "Printed on invoices, a line each. Documents that are issued keep the address they were issued with.",
        "billing::terms::Terms::load";
    COMPANY_COUNTRY = "company_country", "General", Kind::Text { max: 2 }, "", "Company country",
        "Two letters, such as DE.", "billing::terms::Terms::load", country;
    COMPANY_TAX_ID = "company_tax_id", "General", Kind::Text { max: 60 }, "", "Company tax id",
        "Your VAT or tax number on invoices.", "billing::terms::Terms::load";
    PAY_TO = "pay_to", "General", Kind::Lines { max: 2000 }, "", "Pay-to text",
        "Printed under invoices, for example your bank account.", "billing::invoices::pdf::invoice";

    AUTOMATION_HOUR = "automation_hour", "Automation", Kind::Int { min: 0, max: 23 }, "9", "Hour of the daily batch",
        "Invoices are generated and cards are charged once a day from this hour on, in your time zone. A missed day is made up for.",
        "billing::schedule::tick";
    AUTOMATION_ENABLED = "automation_enabled", "Automation", Kind::Bool, "true", "Run the daily batch",
        "Off: invoices are generated and cards charged only when somebody asks for it.", "billing::schedule::tick";
    LEAD_DAYS = "invoice_lead_days", "Automation", DAYS, "14", "Invoice generation",
        "Days before the due date on which an invoice is made.", "billing::terms::Terms::load";
    LEAD_MONTHLY = "invoice_lead_days_monthly", "Automation", CYCLE_DAYS, "", "Invoice generation, monthly",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    LEAD_QUARTERLY = "invoice_lead_days_quarterly", "Automation", CYCLE_DAYS, "", "Invoice generation, quarterly",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    LEAD_SEMIANNUALLY = "invoice_lead_days_semiannually", "Automation", CYCLE_DAYS, "", "Invoice generation, semi-annually",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    LEAD_ANNUALLY = "invoice_lead_days_annually", "Automation", CYCLE_DAYS, "", "Invoice generation, annually",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    LEAD_BIENNIALLY = "invoice_lead_days_biennially", "Automation", CYCLE_DAYS, "", "Invoice generation, biennially",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    LEAD_TRIENNIALLY = "invoice_lead_days_triennially", "Automation", CYCLE_DAYS, "", "Invoice generation, triennially",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    LEAD_DOMAINS = "invoice_lead_days_domains", "Automation", CYCLE_DAYS, "", "Invoice generation, domains",
        "Days before the due date. Empty: as for all.", "billing::terms::Terms::load";
    CAPTURE_DAYS_BEFORE = "capture_days_before_due", "Automation", DAYS, "0", "Charge cards before due",
        "Days before the due date on which a stored card is first charged; 0 on the due date.", "billing::captures::due";
    CAPTURE_ONCE = "capture_attempt_once", "Automation", Kind::Bool, "false", "Attempt only once",
        "On: a declined card is not tried again by itself.", "billing::captures::due";
    CAPTURE_RETRY_WEEKS = "capture_retry_weeks", "Automation", Kind::Int { min: 0, max: 52 }, "1", "Retry every week for",
        "Weeks during which a declined card is tried again once a week; 0 tries every day until it succeeds.",
        "billing::captures::due";
    CAPTURE_CONCURRENCY = "capture_concurrency", "Automation", Kind::Int { min: 1, max: 32 }, "4", "Charges at once",
        "How many charges may be under way at the provider at the same time.", "billing::captures::run";

    CONTINUOUS = "continuous_invoicing", "Invoices", Kind::Bool, "false", "Continuous invoice generation",
        "On: a service is invoiced for its next period even while an older invoice is unpaid.", "billing::generation::run";
    NUMBER_FORMAT = "invoice_number_format", "Invoices", Kind::Text { max: 60 }, "{NUMBER}", "Invoice number format",
        "With {NUMBER}, {YEAR}, {MONTH}, {DAY}; {NUMBER:6} fills up with noughts.", "billing::terms::Terms::load", number_format;
    NUMBER_RESET = "invoice_number_reset", "Invoices",
        Kind::Choice(&[("never", "Never"), ("yearly", "Every year"), ("monthly", "Every month")]), "never",
        "Start numbers anew", "Needs {YEAR} (and {MONTH}) in the format, so that no number appears twice.",
        "billing::terms::Terms::load", number_reset;
    NOTE_FORMAT = "credit_note_number_format", "Invoices", Kind::Text { max: 60 }, "CN-{NUMBER}", "Credit note number format",
        "As for invoices; the two must never give the same text.", "billing::terms::Terms::load", note_format;
    MAIL_INVOICES = "mail_invoice_created", "Invoices", Kind::Bool, "true", "Mail new invoices",
        "A mail to the client for each invoice that is generated.", "billing::generation::run";
    AUTO_CREDIT = "auto_apply_credit", "Credit", Kind::Bool, "true", "Use credit automatically",
        "Credit of a client pays recurring invoices as soon as they are generated.", "billing::generation::run";

    TAX_ENABLED = "tax_enabled", "Tax", Kind::Bool, "false", "Charge tax",
        "By the tax rules, on what is marked as taxed.", "billing::terms::Terms::load";
    TAX_MODE = "tax_mode", "Tax", Kind::Choice(&[("exclusive", "Added to prices"), ("inclusive", "Included in prices")]),
        "exclusive", "Prices", "Whether your prices contain the tax.", "billing::terms::Terms::load";
    TAX_ROUNDING = "tax_rounding", "Tax", Kind::Choice(&[("document", "On the sum"), ("line", "On each line")]),
        "document", "Tax is rounded", "On the sum of the taxed lines, or line by line.", "billing::terms::Terms::load";
    TAX_COMPOUND = "tax_compound", "Tax",
        Kind::Choice(&[("price", "On the price"), ("price_and_tax", "On the price and the first tax")]), "price",
        "Level 2 tax", "What the second tax is a percentage of.", "billing::terms::Terms::load";
    TAX_DEDUCT = "tax_deduct_inclusive", "Tax", Kind::Bool, "true", "Deduct tax for exempt clients",
        "With prices that include tax: an exempt client pays the price without it.", "billing::terms::Terms::load";

    KEEP_GATEWAY_LOG = "keep_gateway_log_days", "Clean-up", Kind::Int { min: 30, max: 3650 }, "730", "Keep the gateway log",
        "Days for which what was asked of a gateway, and what it answered, is listed. Payments and attempts stay for ever.",
        "platform::prune::run";
}

fn number_format(value: &str, others: &Values) -> Result<String, String> {
    let format = Format::parse(value)?;
    format.check(reset(others))?;
    told_apart(&format, others.text(&NOTE_FORMAT), "credit notes")?;
    Ok(value.to_owned())
}

fn note_format(value: &str, others: &Values) -> Result<String, String> {
    let format = Format::parse(value)?;
    format.check(reset(others))?;
    told_apart(&format, others.text(&NUMBER_FORMAT), "invoices")?;
    Ok(value.to_owned())
}

/// Both formats must bear it that counting starts anew.
fn number_reset(value: &str, others: &Values) -> Result<String, String> {
    for setting in [&NUMBER_FORMAT, &NOTE_FORMAT] {
        let wrong = |message: String| format!("{}: {message}", setting.label);
        Format::parse(others.text(setting)).and_then(|format| format.check(reset(others))).map_err(wrong)?;
    }
    Ok(value.to_owned())
}

fn reset(values: &Values) -> Reset {
    Reset::parse(values.text(&NUMBER_RESET)).unwrap_or(Reset::Never)
}

fn told_apart(format: &Format, other: &str, of: &str) -> Result<(), String> {
    match Format::parse(other) {
        Ok(theirs) if format.may_look_like(&theirs) => Err(format!(
            "Some of these numbers would look like those of {of}, “{other}”. Put letters before one of them."
        )),
        _ => Ok(()),
    }
}
