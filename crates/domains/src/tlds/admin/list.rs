//! The list of TLDs.

use accounts::doors::AdminCx;
use axum::response::Response;
use kernel::{Currency, Money, Result};
use minijinja::{Value, context};
use platform::web::Fail;
use platform::web::lists::{Order, Page};

use super::{PAGE, SECTION, badges};
use crate::tlds::prices::Operation;
use crate::tlds::{self, Badge, Filter, Offer, Priced, Tld, store};
use hosting::view::option;

pub(super) const FILTERS: [&str; 5] = ["q", "registrar", "badge", "sold", "spotlight"];

pub(super) async fn index(cx: AdminCx) -> Result<Response, Fail> {
    let request = cx.list(tlds::SORTS, Order::Ascending)?;
    let filter = Filter::parse(&request.form)?;
    let mut conn = cx.app.db.read().await?;
    let page: Page<Tld> = store::query(&filter).page(&mut conn, &request, &Tld::columns("t")).await?;
    let priced = tlds::priced_many(&mut conn, page.rows.clone()).await?;
    let currencies = hosting::prices::currencies(&mut conn).await?;
    let registrars = store::registrars(&mut conn).await?;
    drop(conn);
    let filtered = FILTERS.iter().any(|name| !request.filter(name).is_empty());
    let mut list = request.view(&page);
    if !filtered || !page.rows.is_empty() {
        let query = cx.query.clone();
        list = context! { csv => format!("{PAGE}/export.csv?{query}"), ..list };
    }
    cx.page(
        "domains/tlds/list.html",
        SECTION,
        "Domain pricing",
        context! {
            list,
            filter => Value::from_pairs(FILTERS.map(|name| (name, request.filter(name).to_owned()))),
            clear => if filtered { PAGE } else { "" },
            badges => badges(),
            sold => vec![option("1", "Sold"), option("0", "Not sold")],
            registrars => registrars.iter().map(|name| option(name, name)).collect::<Vec<_>>(),
            base => currencies.first().map(Currency::to_string),
            rows => priced.iter().map(|one| row(one, currencies.first().copied())).collect::<Vec<_>>(),
        },
    )
}

fn row(of: &Priced, base: Option<Currency>) -> Value {
    let tld = &of.tld;
    // The shortest term that everybody can have; a transfer has one.
    let price = |operation: Operation| {
        let years = base.and_then(|base| of.prices.years(None, base, operation).first().copied())?;
        let amount = of.prices.of(None, base?, operation, years).map(Money::decimal)?;
        Some(if years == 1 { amount } else { format!("{amount} / {years} y") })
    };
    let addons = [("DNS", tld.dns_management), ("E-mail", tld.email_forwarding), ("ID", tld.id_protection)];
    let offered = addons.into_iter().filter(|(_, offer)| *offer != Offer::None);
    context! {
        id => tld.id, href => format!("{PAGE}/{}", tld.id), extension => tld.shown(),
        register => price(Operation::Register), transfer => price(Operation::Transfer), renew => price(Operation::Renew),
        sold => !of.prices.is_empty(),
        addons => offered.map(|(name, _)| name).collect::<Vec<_>>().join(", "),
        registrar => &tld.registrar, position => tld.position,
        badge => match tld.badge { Badge::None => "", Badge::Hot => "Hot", Badge::New => "New", Badge::Sale => "Sale" },
        spotlight => tld.spotlight,
    }
}
