//! `AddProduct` and `GetProducts`.
//!
//! What surprises: there a price of −1 says that a cycle is not sold, and a one-time price stands in the column of the
//! monthly one.

use accounts::doors::{Action, CompatCx, Routes};
use billing::currencies::{self, DealtCurrency};
use kernel::{Cycle, Error, FieldErrors, Money, Result};
use platform::compat::{Answer, Params};
use platform::db::Conn;
use serde_json::{Map, Value, json};

use super::{AutoSetup, CREATE, Filter, Product, ProductEdit, ProductKind, QuantityMode, VIEW};
use crate::config_options::{self, FullOption, OptionKind};
use crate::prices::{self, Owner, PayType, Price, PriceList};
use crate::{product_groups, products};

pub fn routes() -> Routes {
    Routes::new().action(Action::new("AddProduct", CREATE, add_product)).action(Action::new(
        "GetProducts",
        VIEW,
        get_products,
    ))
}

/// The columns of a price list and their setup fees.
const COLUMNS: [(&str, &str, Cycle); 6] = [
    ("monthly", "msetupfee", Cycle::Monthly),
    ("quarterly", "qsetupfee", Cycle::Quarterly),
    ("semiannually", "ssetupfee", Cycle::SemiAnnually),
    ("annually", "asetupfee", Cycle::Annually),
    ("biennially", "bsetupfee", Cycle::Biennially),
    ("triennially", "tsetupfee", Cycle::Triennially),
];

const NO_NAME: &str = "You must supply a name for the product";
const NO_GROUP: &str = "You must supply a valid Product Group ID";
const NO_MAIL: &str = "You must supply a valid welcome email ID";
const BAD_TYPE: &str =
    "Invalid product type. Must be one of \"hostingaccount\", \"reselleraccount\", \"server\" or \"other\"";
const BAD_PAY_TYPE: &str = "Invalid pay type. Must be one of \"free\", \"onetime\" or \"recurring\"";
const BAD_AUTO_SETUP: &str = "Invalid autosetup value. Must be one of \"\", \"on\", \"order\" or \"payment\"";
const BAD_COLOUR: &str = "The color must be a valid hexadecimal value.";
const BAD_RECOMMENDATION: &str = "The recommendation product ID is invalid. This must be an existing product ID.";

async fn add_product(cx: CompatCx) -> Result<Answer> {
    let mut tx = cx.app.db.write().await?;
    if let Some(message) = documented(&mut tx, &cx).await? {
        return Ok(Answer::error(message));
    }
    let dealt = currencies::all(&mut tx).await?;
    let edit = cx.request.read(|params| Ok(written(params, &dealt)))?;
    match products::create(&mut tx, &cx.actor, &edit, cx.now).await {
        Ok(product) => {
            tx.commit().await?;
            Ok(Answer::success().with("pid", product.id))
        }
        Err(Error::Invalid(errors)) if errors.of("name").is_some() => Ok(Answer::error(NO_NAME)),
        Err(Error::Invalid(errors)) if errors.of("colour").is_some() => Ok(Answer::error(BAD_COLOUR)),
        Err(Error::Invalid(errors)) => Err(Error::Invalid(as_callers_know(&errors, &dealt))),
        Err(other) => Err(other),
    }
}

/// `pricing[1][monthly]` for what the form calls `price_USD_monthly`.
fn as_callers_know(errors: &FieldErrors, dealt: &[DealtCurrency]) -> FieldErrors {
    let mut theirs = FieldErrors::default();
    for (field, message) in errors.iter() {
        let column = dealt.iter().find_map(|one| {
            let same = |cycle| field == prices::form::field("price", one.code, cycle);
            let (column, ..) = COLUMNS
                .iter()
                .find(|(column, _, cycle)| same(*cycle) || *column == "monthly" && same(Cycle::OneTime))?;
            Some(format!("pricing[{}][{column}]", one.id))
        });
        theirs.add(column.unwrap_or_else(|| field.to_owned()), message);
    }
    theirs
}

/// The first thing that is wrong in the words that the reference has for it: callers compare them.
async fn documented(conn: &mut Conn, cx: &CompatCx) -> Result<Option<&'static str>> {
    let text = |name: &str| cx.request.text(name).unwrap_or_default().trim();
    if text("name").is_empty() {
        return Ok(Some(NO_NAME));
    }
    let group = text("gid").parse::<i64>().unwrap_or_default();
    if !product_groups::exists(conn, group).await? {
        return Ok(Some(NO_GROUP));
    }
    // There are no mail templates of products to choose from.
    if !matches!(text("welcomeemail"), "" | "0") {
        return Ok(Some(NO_MAIL));
    }
    let bad = |value: &str, parses: bool| !value.is_empty() && !parses;
    if bad(text("type"), ProductKind::parse(text("type")).is_ok()) {
        return Ok(Some(BAD_TYPE));
    }
    if bad(text("paytype"), PayType::parse(text("paytype")).is_ok()) {
        return Ok(Some(BAD_PAY_TYPE));
    }
    if AutoSetup::parse(text("autosetup")).is_err() {
        return Ok(Some(BAD_AUTO_SETUP));
    }
    let wanted: Vec<i64> = cx.request.read(|params| Ok(recommended(params)))?;
    if !wanted.is_empty() {
        let known = products::list(conn, &Filter { ids: wanted.clone(), ..Filter::default() }).await?;
        if wanted.iter().any(|id| !known.iter().any(|product| product.id == *id)) {
            return Ok(Some(BAD_RECOMMENDATION));
        }
    }
    Ok(None)
}

/// The ids of `recommendations[0][id]`, or of a plain list.
fn recommended(params: &mut Params<'_>) -> Vec<i64> {
    let keys = params.keys("recommendations");
    let nested = |key: &String| format!("recommendations[{key}][id]");
    let mut ids = Vec::new();
    for key in keys {
        let path = if params.has(&nested(&key)) { nested(&key) } else { format!("recommendations[{key}]") };
        ids.extend(params.int(&path));
    }
    ids
}

fn written(params: &mut Params<'_>, dealt: &[DealtCurrency]) -> ProductEdit {
    refuse_unbuilt(params);
    let has_prices = !params.keys("pricing").is_empty();
    let pay_type = match params.filled("paytype").map(PayType::parse) {
        Some(Ok(pay_type)) => pay_type,
        _ if has_prices => PayType::Recurring,
        _ => PayType::Free,
    };
    let mut text = |name: &str| params.text(name).map(str::to_owned);
    let mut edit = ProductEdit {
        name: text("name"),
        slug: text("slug"),
        tagline: text("tagline"),
        short_description: text("shortdescription"),
        description: text("description"),
        colour: text("color"),
        module: text("module"),
        ..ProductEdit::default()
    };
    edit.group_id = params.int("gid");
    edit.kind = params.parsed("type", ProductKind::parse);
    edit.pay_type = Some(pay_type);
    edit.auto_setup = params.parsed("autosetup", AutoSetup::parse);
    edit.stock_control = params.bool("stockcontrol");
    edit.stock = params.int("qty");
    edit.hidden = params.bool("hidden");
    edit.needs_domain = params.bool("showdomainoptions");
    edit.taxed = params.bool("tax");
    edit.featured = params.bool("isfeatured");
    edit.prorata = params.bool("proratabilling");
    edit.prorata_day = params.int("proratadate").filter(|day| *day != 0);
    edit.prorata_cutoff = params.int("proratachargenextmonth");
    edit.position = params.int("order");
    edit.prices = Some(price_list(params, pay_type, dealt));
    edit
}

/// Says no to what would otherwise be swallowed.
fn refuse_unbuilt(params: &mut Params<'_>) {
    let set = |value: &str| !matches!(value.trim(), "" | "0" | "false" | "off" | "no");
    for (name, message) in [
        ("servergroupid", "There are no server groups yet. Leave this out."),
        ("subdomain", "Subdomains are not offered yet. Leave this out."),
        ("ondemandrenewalconfigurationoverride", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalsenabled", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalperiodmonthly", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalperiodquarterly", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalperiodsemiannually", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalperiodannually", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalperiodbiennially", "There are no on-demand renewals yet. Leave this out."),
        ("ondemandrenewalperiodtriennially", "There are no on-demand renewals yet. Leave this out."),
    ] {
        if params.text(name).is_some_and(set) {
            params.refuse(name, message);
        }
    }
    for (number, value) in params.numbered("configoption") {
        if !value.is_empty() {
            let name = format!("configoption{number}");
            params.refuse(&name, "Modules have no settings yet. Leave this out.");
        }
    }
    if !params.keys("recommendations").is_empty() {
        params.refuse("recommendations", "Products cannot be recommended yet. Leave this out.");
    }
}

/// `pricing[currency id][monthly]`, with `msetupfee` and so on beside it.
fn price_list(params: &mut Params<'_>, pay_type: PayType, dealt: &[DealtCurrency]) -> PriceList {
    let mut list = Vec::new();
    for key in params.keys("pricing") {
        let path = format!("pricing[{key}]");
        let found = dealt.iter().find(|one| one.id.to_string() == key || one.code.code().eq_ignore_ascii_case(&key));
        let Some(currency) = found.map(|one| one.code) else {
            params.refuse(&path, format!("There is no currency with the id {key}."));
            continue;
        };
        for name in params.keys(&path) {
            if !COLUMNS.iter().any(|(cycle, setup, _)| name == *cycle || name == *setup) {
                params.refuse(&format!("{path}[{name}]"), "Use monthly, quarterly and so on, or msetupfee and so on.");
            }
        }
        for (column, setup_column, cycle) in COLUMNS {
            let cycle = match pay_type {
                PayType::Recurring => cycle,
                PayType::OneTime if cycle == Cycle::Monthly => Cycle::OneTime,
                _ => continue,
            };
            let Some(price) = sold(params, &format!("{path}[{column}]"), currency) else { continue };
            let setup = sold(params, &format!("{path}[{setup_column}]"), currency).unwrap_or(Money::zero(currency));
            list.push(Price { cycle, price, setup });
        }
    }
    PriceList::new(list)
}

/// `None` for −1, what is not sold.
fn sold(params: &mut Params<'_>, path: &str, currency: kernel::Currency) -> Option<Money> {
    let amount = params.money(path, currency)?;
    if !amount.is_negative() {
        return Some(amount);
    }
    let minus_one = Money::parse("-1", currency);
    if minus_one != Ok(amount) {
        params.refuse(path, "Send an amount of nought or more, or -1 for what is not sold.");
    }
    None
}

async fn get_products(cx: CompatCx) -> Result<Answer> {
    let filter = cx.request.read(|params| {
        Ok(Filter {
            ids: params.ints("pid").unwrap_or_default(),
            group_id: params.int("gid"),
            module: params.filled("module").map(str::to_owned),
        })
    })?;
    let mut conn = cx.app.db.read().await?;
    let products = products::list(&mut conn, &filter).await?;
    let ids: Vec<i64> = products.iter().map(|product| product.id).collect();
    let lists = prices::of_many(&mut conn, Owner::Product, &ids).await?;
    let options = config_options::of_products(&mut conn, &ids).await?;
    let dealt = currencies::all(&mut conn).await?;
    drop(conn);
    let none = PriceList::default();
    let shown: Vec<Value> = products
        .iter()
        .map(|product| {
            let options = options.get(&product.id).map(Vec::as_slice).unwrap_or_default();
            product_json(product, lists.get(&product.id).unwrap_or(&none), options, &dealt)
        })
        .collect();
    let count = u64::try_from(shown.len()).unwrap_or_default();
    Ok(Answer::success().with_counts(count, 0, count).with_list("products", "product", shown))
}

fn product_json(product: &Product, list: &PriceList, options: &[FullOption], dealt: &[DealtCurrency]) -> Value {
    let options: Vec<Value> = options.iter().map(|full| option_json(full, product.pay_type, dealt)).collect();
    json!({
        "pid": product.id,
        "gid": product.group_id,
        "type": product.kind,
        "name": product.name,
        "slug": product.slug,
        // No page of the shop leads there yet.
        "product-url": "",
        "shortdescription": product.short_description,
        "tagline": product.tagline,
        "color": product.colour,
        "description": product.description,
        "module": product.module,
        "paytype": product.pay_type,
        "allowqty": match product.quantity_mode {
            QuantityMode::None => 0,
            QuantityMode::Services => 1,
            QuantityMode::Scaling => 2,
        },
        "quantity_available": if product.stock_control { product.stock } else { 0 },
        "pricing": pricing(list, product.pay_type, dealt, Affixes::Shown),
        "customfields": { "customfield": [] },
        "configoptions": { "configoption": options },
    })
}

/// Whether a price list says how its currency is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Affixes {
    Shown,
    Left,
}

fn pricing(list: &PriceList, pay_type: PayType, dealt: &[DealtCurrency], affixes: Affixes) -> Value {
    let mut all = Map::new();
    for currency in dealt {
        let mut one = Map::new();
        if affixes == Affixes::Shown {
            one.insert("prefix".to_owned(), json!(currency.prefix));
            one.insert("suffix".to_owned(), json!(currency.suffix));
        }
        let price = |cycle: Cycle| match (pay_type, cycle) {
            (PayType::OneTime, Cycle::Monthly) => list.get(currency.code, Cycle::OneTime),
            (PayType::OneTime, _) => None,
            _ => list.get(currency.code, cycle),
        };
        for (_, setup, cycle) in COLUMNS {
            let fee = price(cycle).map_or(Money::zero(currency.code), |price| price.setup);
            one.insert(setup.to_owned(), json!(two_decimals(fee.decimal())));
        }
        for (column, _, cycle) in COLUMNS {
            let amount = price(cycle).map_or("-1.00".to_owned(), |price| two_decimals(price.price.decimal()));
            one.insert(column.to_owned(), json!(amount));
        }
        all.insert(currency.code.to_string(), Value::Object(one));
    }
    Value::Object(all)
}

/// Callers expect decimals also of currencies that have none.
fn two_decimals(amount: String) -> String {
    if amount.contains('.') { amount } else { format!("{amount}.00") }
}

fn option_json(full: &FullOption, pay_type: PayType, dealt: &[DealtCurrency]) -> Value {
    let choices: Vec<Value> = full
        .choices
        .iter()
        .filter(|choice| !choice.choice.hidden)
        .map(|choice| {
            json!({
                "id": choice.choice.id,
                "name": choice.choice.name,
                "rawName": choice.choice.name,
                "recurring": i64::from(pay_type == PayType::Recurring),
                "required": null,
                "pricing": pricing(&choice.prices, pay_type, dealt, Affixes::Left),
            })
        })
        .collect();
    json!({
        "id": full.option.id,
        "name": full.option.name,
        "type": match full.option.kind {
            OptionKind::Dropdown => "1",
            OptionKind::Radio => "2",
            OptionKind::YesNo => "3",
            OptionKind::Quantity => "4",
        },
        "minqty": full.option.min_quantity,
        "maxqty": full.option.max_quantity,
        "options": { "option": choices },
    })
}
