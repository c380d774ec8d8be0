//! Adding and changing extensions.

use accounts::activity_log::{self, Activity, Actor};
use hosting::edit as write;
use kernel::{Error, Extension, FieldErrors, Result, Timestamp};
use platform::db::Tx;

use super::fields::{self, Field};
use super::prices::{Fees, Prices};
use super::{Badge, Offer, Priced, SPOTLIGHTS, Tld, store};
use crate::registrars;

/// The fields as they were written; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct TldEdit {
    /// With or without its dot, in any script.
    pub extension: Option<String>,
    pub position: Option<i64>,
    pub category: Option<String>,
    pub dns_management: Option<Offer>,
    pub email_forwarding: Option<Offer>,
    pub id_protection: Option<Offer>,
    pub epp_required: Option<bool>,
    /// Empty for none.
    pub registrar: Option<String>,
    pub badge: Option<Badge>,
    pub spotlight: Option<bool>,
    pub allows_idn: Option<bool>,
    pub grace_days: Option<i64>,
    pub redemption_days: Option<i64>,
    /// The whole list.
    pub fields: Option<Vec<Field>>,
    /// The whole list: what is not in it is not sold from now on.
    pub prices: Option<Prices>,
    /// The whole list.
    pub fees: Option<Fees>,
}

const MAX_DAYS: i64 = 365;

/// Adds an extension. Without prices it is sold to nobody. The registry's questions are those that are known of it, unless
/// others are written.
pub async fn create(tx: &mut Tx, by: &Actor, edit: &TldEdit, now: Timestamp) -> Result<Priced> {
    let known = edit.extension.as_deref().and_then(|text| Extension::parse(text).ok());
    let base = Priced { tld: blank(known.as_ref(), store::last_position(tx).await? + 1, now), ..nothing() };
    let mut new = checked(tx, &base, edit, now).await?;
    new.tld.id = store::insert(tx, &new.tld).await?;
    put_costs(tx, &base, &new).await?;
    let activity = Activity::new(format!("TLD {} added", new.tld.shown())).about(new.tld.subject());
    let changes = write::differences(described(&base), described(&new));
    activity_log::record(tx, by, activity.changed(changes), now).await?;
    Ok(new)
}

pub async fn update(tx: &mut Tx, by: &Actor, id: i64, edit: &TldEdit, now: Timestamp) -> Result<Priced> {
    let tld = super::find(tx, id).await?;
    let base = super::priced(tx, tld).await?;
    let new = checked(tx, &base, edit, now).await?;
    let changes = write::differences(described(&base), described(&new));
    if changes.is_empty() {
        return Ok(base);
    }
    store::update(tx, &new.tld).await?;
    put_costs(tx, &base, &new).await?;
    let activity = Activity::new(format!("TLD {} changed", new.tld.shown())).about(new.tld.subject());
    activity_log::record(tx, by, activity.changed(changes), now).await?;
    Ok(new)
}

/// Another extension with everything that this one has, but for the spotlight and the registry's questions.
pub async fn duplicate(tx: &mut Tx, by: &Actor, id: i64, extension: &str, now: Timestamp) -> Result<Priced> {
    let tld = super::find(tx, id).await?;
    let from = super::priced(tx, tld).await?;
    let edit = TldEdit {
        extension: Some(extension.to_owned()),
        category: Some(from.tld.category.clone()),
        dns_management: Some(from.tld.dns_management),
        email_forwarding: Some(from.tld.email_forwarding),
        id_protection: Some(from.tld.id_protection),
        epp_required: Some(from.tld.epp_required),
        registrar: Some(from.tld.registrar.clone()),
        badge: Some(from.tld.badge),
        allows_idn: Some(from.tld.allows_idn),
        grace_days: Some(from.tld.grace_days),
        redemption_days: Some(from.tld.redemption_days),
        prices: Some(from.prices),
        fees: Some(from.fees),
        ..TldEdit::default()
    };
    create(tx, by, &edit, now).await
}

fn nothing() -> Priced {
    Priced { tld: blank(None, 0, Timestamp::from_micros(0)), prices: Prices::default(), fees: Fees::default() }
}

fn blank(extension: Option<&Extension>, position: i64, now: Timestamp) -> Tld {
    let questions = extension.map(fields::shipped).unwrap_or_default();
    Tld {
        id: 0,
        extension: String::new(),
        position,
        category: extension.map(category).unwrap_or_default().to_owned(),
        dns_management: Offer::None,
        email_forwarding: Offer::None,
        id_protection: Offer::None,
        epp_required: true,
        registrar: String::new(),
        badge: Badge::None,
        spotlight: false,
        allows_idn: extension.is_some_and(Extension::is_idn),
        grace_days: 0,
        redemption_days: 0,
        fields: as_json(&questions),
        created_at: now,
        updated_at: now,
    }
}

/// Under which heading it comes unless somebody says otherwise.
fn category(extension: &Extension) -> &'static str {
    match extension.as_str() {
        "com" | "net" | "org" | "info" | "biz" => "Popular",
        _ if extension.is_country_code() => "Country codes",
        _ if extension.is_idn() => "International",
        _ => "Other",
    }
}

fn as_json(questions: &[Field]) -> String {
    serde_json::to_string(questions).unwrap_or_else(|_| "[]".to_owned())
}

async fn put_costs(tx: &mut Tx, base: &Priced, new: &Priced) -> Result<()> {
    if base.prices != new.prices {
        store::replace_prices(tx, &[(new.tld.id, &new.prices)]).await?;
    }
    if base.fees != new.fees {
        store::replace_fees(tx, &[(new.tld.id, &new.fees)]).await?;
    }
    Ok(())
}

/// The extension with the edit applied, or everything that is wrong with it.
pub(super) async fn checked(tx: &mut Tx, base: &Priced, edit: &TldEdit, now: Timestamp) -> Result<Priced> {
    let mut errors = FieldErrors::default();
    let mut tld = Tld { updated_at: now, ..base.tld.clone() };
    name(tx, &mut tld, edit, &mut errors).await?;
    write::set(&mut tld.position, &edit.position);
    write::within("position", tld.position, 0, 1_000_000, &mut errors);
    write::line(&mut tld.category, "category", &edit.category, 60, &mut errors);
    write::set(&mut tld.dns_management, &edit.dns_management);
    write::set(&mut tld.email_forwarding, &edit.email_forwarding);
    write::set(&mut tld.id_protection, &edit.id_protection);
    write::set(&mut tld.epp_required, &edit.epp_required);
    write::set(&mut tld.badge, &edit.badge);
    write::set(&mut tld.spotlight, &edit.spotlight);
    write::set(&mut tld.allows_idn, &edit.allows_idn);
    write::set(&mut tld.grace_days, &edit.grace_days);
    write::within("grace_days", tld.grace_days, 0, MAX_DAYS, &mut errors);
    write::set(&mut tld.redemption_days, &edit.redemption_days);
    write::within("redemption_days", tld.redemption_days, 0, MAX_DAYS, &mut errors);
    if let Some(questions) = &edit.fields {
        fields::check(questions, &mut errors);
        tld.fields = as_json(questions);
    }
    if let Some(registrar) = edit.registrar.as_ref().filter(|wanted| **wanted != base.tld.registrar) {
        tld.registrar = registrar.trim().to_owned();
        registrars::check(tx, &tld.registrar, &mut errors).await?;
    }
    if tld.spotlight && !base.tld.spotlight && store::spotlights(tx, &[tld.id]).await? >= SPOTLIGHTS {
        errors.add("spotlight", format!("{SPOTLIGHTS} extensions are in the spotlight. Take one out first."));
    }
    let (prices, fees) = costs(tx, base, edit, &mut errors).await?;
    errors.check()?;
    Ok(Priced { tld, prices, fees })
}

async fn name(tx: &mut Tx, tld: &mut Tld, edit: &TldEdit, errors: &mut FieldErrors) -> Result<()> {
    let Some(written) = &edit.extension else {
        if tld.extension.is_empty() {
            errors.add("extension", "Enter an extension such as .com or .co.uk.");
        }
        return Ok(());
    };
    let Some(extension) = errors.take("extension", Extension::parse(written)) else { return Ok(()) };
    if extension.as_str() == tld.extension {
        return Ok(());
    }
    if !tld.extension.is_empty() {
        // Domains, prices and orders know it by its name.
        errors.add("extension", "An extension keeps its name. Duplicate it under the other name instead.");
    } else if store::by_extension(tx, extension.as_str()).await?.is_some() {
        errors.add("extension", format!("{} is on the list already.", extension.shown()));
    }
    tld.extension = extension.to_string();
    Ok(())
}

async fn costs(tx: &mut Tx, base: &Priced, edit: &TldEdit, errors: &mut FieldErrors) -> Result<(Prices, Fees)> {
    let (prices, fees) = (edit.prices.as_ref(), edit.fees.as_ref());
    if prices.is_some() || fees.is_some() {
        let dealt = hosting::prices::currencies(tx).await?;
        let groups = store::group_ids(tx).await?;
        if let Some(prices) = prices {
            prices.check(&dealt, &groups, errors);
        }
        if let Some(fees) = fees {
            fees.check(&dealt, errors);
        }
    }
    Ok((prices.unwrap_or(&base.prices).clone(), fees.unwrap_or(&base.fees).clone()))
}

/// For the activity log.
pub(super) fn described(of: &Priced) -> Vec<(&'static str, String)> {
    let tld = &of.tld;
    let questions: Vec<String> = tld.questions().into_iter().map(|question| question.name).collect();
    vec![
        ("extension", tld.extension.clone()),
        ("position", tld.position.to_string()),
        ("category", tld.category.clone()),
        ("dns_management", tld.dns_management.to_string()),
        ("email_forwarding", tld.email_forwarding.to_string()),
        ("id_protection", tld.id_protection.to_string()),
        ("epp_required", write::yes(tld.epp_required)),
        ("registrar", tld.registrar.clone()),
        ("badge", tld.badge.to_string()),
        ("spotlight", write::yes(tld.spotlight)),
        ("allows_idn", write::yes(tld.allows_idn)),
        ("grace_days", tld.grace_days.to_string()),
        ("redemption_days", tld.redemption_days.to_string()),
        ("fields", questions.join(", ")),
        ("fields as JSON", tld.fields.clone()),
        ("prices", of.prices.described()),
        ("fees", of.fees.described()),
    ]
}

/// The rows of several, checked one by one before; `Error::NotFound` when one is gone.
pub(super) async fn several(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Priced>> {
    let tlds = store::by_ids(tx, ids).await?;
    if tlds.len() < ids.len() {
        return Err(Error::NotFound("TLD"));
    }
    super::priced_many(tx, tlds).await
}
