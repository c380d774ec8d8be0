//! What there is to be had, and for how much.

use std::collections::BTreeMap;

use domains::registrars::contract::{Availability, Checked, Cost, Premium, RegistrarError, Suggest};
use kernel::{Currency, DomainName, Extension, Money};
use serde::Deserialize;
use serde_json::json;

use super::api::{Api, LARGE};
use super::wire::{Amount, Parts, Price, Prices, Text, flag, list, number, unreadable};

/// More names in one question are answered with an error.
const NAMES: usize = 15;
/// Extensions in one answer; with their prices well under the most that is read.
const PAGE: usize = 500;
/// There are about 1,500 top-level domains and as many below them.
const MOST_PAGES: usize = 40;
const MOST_SUGGESTIONS: usize = 50;

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Listed<T> {
    #[serde(default, deserialize_with = "list")]
    results: Vec<T>,
    #[serde(default, deserialize_with = "number")]
    total: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Looked {
    #[serde(default)]
    domain: Text,
    #[serde(default)]
    status: Text,
    #[serde(default)]
    reason: Text,
    #[serde(default, deserialize_with = "flag")]
    is_premium: Option<bool>,
    #[serde(default)]
    price: Option<Prices>,
}

/// An answer for each name, in the order of the question.
pub(super) async fn check(api: &Api<'_>, names: &[DomainName]) -> Result<Vec<Checked>, RegistrarError> {
    let mut known = BTreeMap::new();
    let (idns, plain): (Vec<&DomainName>, Vec<&DomainName>) = names.iter().partition(|name| name.is_idn());
    for names in plain.chunks(NAMES) {
        known.extend(check_some(api, names).await?);
    }
    for name in idns {
        // The API wants to be told the script of some of these, and refuses the whole question for one.
        match check_some(api, &[name]).await {
            Ok(answers) => known.extend(answers),
            Err(RegistrarError::Refused { message, .. }) => {
                known.insert(name.clone(), (Availability::Unknown(message), None));
            }
            Err(error) => return Err(error),
        }
    }
    let silent = || (Availability::Unknown("Openprovider did not answer for this name.".to_owned()), None);
    let checked = |name: &DomainName| {
        let (state, premium) = known.get(name).cloned().unwrap_or_else(silent);
        Checked { name: name.clone(), state, premium }
    };
    Ok(names.iter().map(checked).collect())
}

type Answer = (DomainName, (Availability, Option<Premium>));

async fn check_some(api: &Api<'_>, names: &[&DomainName]) -> Result<Vec<Answer>, RegistrarError> {
    let domains: Vec<Parts> = names.iter().map(|name| Parts::of(name)).collect();
    let body = json!({ "domains": domains, "with_price": true });
    let listed = api.post::<Listed<Looked>>("/v1beta/domains/check", &body).await?.data;
    let mut answers = Vec::new();
    for result in listed.results {
        let Ok(name) = DomainName::parse(result.domain.as_str()) else { continue };
        let premium = result.premium()?;
        answers.push((name, (result.availability(api), premium)));
    }
    Ok(answers)
}

impl Looked {
    fn availability(&self, api: &Api<'_>) -> Availability {
        match self.status.as_str() {
            "free" => Availability::Available,
            "active" | "in use" => Availability::Registered,
            "reserved" => Availability::Reserved,
            status => {
                let words = format!("{status} {}", self.reason.as_str());
                Availability::Unknown(api.without_secrets(words.trim(), ""))
            }
        }
    }

    /// What it costs us, in the currency of our account. What it costs to renew is another question.
    fn premium(&self) -> Result<Option<Premium>, RegistrarError> {
        if self.is_premium != Some(true) {
            return Ok(None);
        }
        let price = self.price.as_ref().and_then(|price| price.reseller.as_ref());
        let register = price.map(Price::money).transpose()?;
        Ok(Some(Premium { register, renew: None, transfer: None, restore: None }))
    }
}

#[derive(Deserialize)]
pub(super) struct Suggested {
    #[serde(default)]
    domain: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    tld: Text,
}

impl Suggested {
    /// The documentation has the label in `domain` and the whole in `name`, which says the opposite; either is understood.
    fn full_name(&self) -> Option<DomainName> {
        let tld = self.tld.as_str().trim_start_matches('.');
        let ending = format!(".{tld}");
        let texts = [self.name.as_str(), self.domain.as_str()];
        let whole = texts.into_iter().find(|text| text.ends_with(&ending)).map(str::to_owned);
        let joined = || texts.into_iter().find(|text| !text.is_empty()).map(|label| format!("{label}{ending}"));
        DomainName::parse(&whole.or_else(joined)?).ok()
    }
}

/// Names like these words, each looked up.
pub(super) async fn suggestions(api: &Api<'_>, ask: &Suggest) -> Result<Vec<Checked>, RegistrarError> {
    let most = ask.most.min(MOST_SUGGESTIONS);
    let words: String = ask.words.split_whitespace().collect();
    if most == 0 || words.is_empty() {
        return Ok(Vec::new());
    }
    let tlds: Vec<&str> = ask.extensions.iter().map(Extension::as_str).collect();
    let body = json!({ "name": words, "limit": most, "tlds": tlds });
    let listed = api.post::<Listed<Suggested>>("/v1beta/domains/suggest-name", &body).await?.data;
    let mut names: Vec<DomainName> = Vec::new();
    for name in listed.results.iter().filter_map(Suggested::full_name) {
        let wanted = ask.extensions.is_empty() || ask.extensions.iter().any(|one| name.label_under(one).is_some());
        if wanted && !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(most);
    check(api, &names).await
}

/// <https://docs.openprovider.com>, `tldTld`.
#[derive(Deserialize)]
pub(super) struct Tld {
    name: String,
    #[serde(default)]
    status: Text,
    #[serde(default, deserialize_with = "number")]
    min_period: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    max_period: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    soft_quarantine_period: Option<i64>,
    #[serde(default, deserialize_with = "number")]
    quarantine_period: Option<i64>,
    #[serde(default, deserialize_with = "flag")]
    is_transfer_auth_code_required: Option<bool>,
    #[serde(default)]
    prices: Option<TldPrices>,
}

#[derive(Deserialize)]
pub(super) struct TldPrices {
    /// Without discounts.
    create_price: Option<Prices>,
    /// What a registration costs us today.
    reseller_price: Option<Today>,
    renew_price: Option<Prices>,
    transfer_price: Option<Prices>,
    restore_price: Option<Prices>,
}

#[derive(Deserialize)]
pub(super) struct Today {
    reseller: Option<Price>,
    promotion_details: Option<Promotion>,
}

#[derive(Deserialize)]
pub(super) struct Promotion {
    non_promo_price: Option<Prices>,
}

/// What everything costs us, for every extension that is sold now. What a registration costs is without passing
/// promotions: prices for clients are made of it.
pub(super) async fn price_list(api: &Api<'_>) -> Result<Vec<Cost>, RegistrarError> {
    let mut costs = BTreeMap::new();
    let mut read = 0;
    for _ in 0..MOST_PAGES {
        let (limit, offset) = (PAGE.to_string(), read.to_string());
        let query = [("limit", limit.as_str()), ("offset", &offset), ("with_price", "true")];
        let page = api.get_for::<Listed<Tld>>("/v1beta/tlds", &query, LARGE).await?.data;
        let total = page.total.and_then(|total| usize::try_from(total).ok());
        let total = total.ok_or_else(|| unreadable("a price list that does not say how long it is"))?;
        read += page.results.len();
        let last = page.results.is_empty() || read >= total;
        for tld in page.results {
            if let Some(cost) = tld.cost()? {
                costs.insert(cost.extension.clone(), cost);
            }
        }
        if last && read >= total {
            return Ok(costs.into_values().collect());
        }
        if last {
            return Err(unreadable(&format!("a price list of {total} extensions that ends after {read}")));
        }
    }
    Err(unreadable("a price list without an end"))
}

impl Tld {
    /// `None` for what is not sold, or not yet.
    fn cost(self) -> Result<Option<Cost>, RegistrarError> {
        let Some(prices) = self.prices.as_ref().filter(|_| ["ACT", ""].contains(&self.status.as_str())) else {
            return Ok(None);
        };
        let Ok(extension) = Extension::parse(&self.name) else { return Ok(None) };
        let ours = |prices: &Option<Prices>| prices.as_ref().and_then(|prices| prices.reseller.clone());
        let [renew, transfer, restore] = [&prices.renew_price, &prices.transfer_price, &prices.restore_price].map(ours);
        let register = prices.register();
        let Some(currency) = one_currency(&self.name, [&register, &renew, &transfer, &restore])? else {
            return Ok(None);
        };
        let text = |price: Option<Price>| price.map(|price| price.price.as_str().to_owned());
        let years = |period: Option<i64>, otherwise| {
            period.and_then(|years| u8::try_from(years).ok()).filter(|years| *years > 0).unwrap_or(otherwise)
        };
        let days = |days: Option<i64>| days.filter(|days| *days >= 0);
        Ok(Some(Cost {
            extension,
            currency: Currency::parse(&currency).map_err(|_| currency),
            min_years: years(self.min_period, 1),
            max_years: years(self.max_period, domains::tlds::prices::MAX_YEARS),
            register: text(register),
            renew: text(renew),
            transfer: text(transfer),
            grace_days: days(self.soft_quarantine_period),
            // “period in days that allows to restore an expired domain w/o additional fees”
            grace_fee: self.soft_quarantine_period.filter(|days| *days > 0).map(|_| "0".to_owned()),
            redemption_days: days(self.quarantine_period),
            redemption_fee: text(restore),
            epp_required: self.is_transfer_auth_code_required,
        }))
    }
}

impl TldPrices {
    fn register(&self) -> Option<Price> {
        let today = self.reseller_price.as_ref();
        let usual = today
            .and_then(|today| today.promotion_details.as_ref()?.non_promo_price.as_ref())
            .and_then(|prices| prices.reseller.clone())
            .filter(|price| !price.currency.as_str().is_empty());
        usual
            .or_else(|| today.and_then(|today| today.reseller.clone()))
            .or_else(|| self.create_price.as_ref().and_then(|prices| prices.reseller.clone()))
    }
}

/// The currency of all these prices; `None` when there are none.
fn one_currency(tld: &str, prices: [&Option<Price>; 4]) -> Result<Option<String>, RegistrarError> {
    let mut codes = prices.into_iter().flatten().map(|price| price.currency.as_str());
    let Some(first) = codes.next() else { return Ok(None) };
    if codes.any(|code| code != first) {
        return Err(unreadable(&format!("prices of .{tld} in several currencies")));
    }
    Ok(Some(first.to_owned()))
}

#[derive(Deserialize)]
pub(super) struct Reseller {
    balance: Amount,
    #[serde(default)]
    reserved_balance: Option<Amount>,
    settings: Settings,
}

#[derive(Deserialize)]
pub(super) struct Settings {
    currency: Text,
}

/// What may be spent: what is there, without what is reserved for requests that are not decided yet.
pub(super) async fn balance(api: &Api<'_>) -> Result<Money, RegistrarError> {
    let reseller = api.get::<Reseller>("/v1beta/resellers", &[("with_settings", "true")]).await?.data;
    let price = |amount: Amount| Price { price: amount, currency: reseller.settings.currency.clone() };
    let there = price(reseller.balance).money()?;
    match reseller.reserved_balance.map(|reserved| price(reserved).money()).transpose()? {
        Some(reserved) => there.checked_sub(reserved).map_err(|error| unreadable(&error.to_string())),
        None => Ok(there),
    }
}
