//! The year behind the demonstration's company: week by week clients come, order, are invoiced and pay.

use accounts::activity_log::Actor;
use accounts::clients::{self, ClientEdit, NewClient};
use billing::gateways::{self, Configure};
use billing::generation::{self, Detail, Mode, Scope};
use billing::pay_methods::{self, MakeDefault};
use billing::payments::{self, Duplicate, NewPayment};
use billing::settings as billing_settings;
use billing::taxes::calculation::TaxCategory;
use billing::taxes::{self, NewRule};
use billing::terms::Terms;
use billing::{captures, currencies};
use hosting::config_options::OptionValue;
use hosting::services::{self, FirstInvoice, NewAddon, NewService, ServiceStatus};
use kernel::{Currency, Cycle, Date, Error, Money, Result, Timestamp};
use platform::runs::Progress;
use platform::{App, params, settings};

use super::catalogue::{self, Catalogue, Item};
use super::desk::{self, Seen};
use super::{Dice, people};

const WEEKS: i64 = 52;
const CLIENTS: usize = 200;
const SERVICES: usize = 600;
/// The last so many come as orders that staff place, and of these the last few wait to be accepted.
const ORDERS: usize = 40;
const PENDING: usize = 6;
const SEED: u64 = 0x1_2026;

pub async fn build(app: &App) -> Result<()> {
    let by = Actor::system("Demo");
    let now = app.clock.now();
    let mut dice = Dice(SEED);
    let start = week(now, 0);
    app.clock.set(start);
    let catalogue = company(app, &by).await?;
    let mut client_ids: Vec<i64> = Vec::new();
    let mut made = 0;
    for number in 0..WEEKS {
        app.clock.set(week(now, number));
        let wanted = CLIENTS * usize::try_from(number + 1).unwrap_or(1) / usize::try_from(WEEKS).unwrap_or(1);
        while client_ids.len() < wanted {
            client_ids.push(client(app, &by, client_ids.len() + 1, &mut dice).await?);
        }
        let wanted = SERVICES * usize::try_from(number + 1).unwrap_or(1) / usize::try_from(WEEKS).unwrap_or(1);
        while made < wanted {
            // Everyone has one service before some have several.
            let client_id = if made < client_ids.len() { client_ids[made] } else { *dice.pick_of(&client_ids) };
            service(app, &by, client_id, made + 1, &catalogue, &mut dice).await?;
            made += 1;
        }
        routine(app, &by, &mut dice).await?;
    }
    app.clock.resume();
    desk::build(app, &by).await?;
    difficult_cards(app, &by).await
}

/// The same weekday and hour, `number` weeks after the start.
fn week(now: Timestamp, number: i64) -> Timestamp {
    now.plus_seconds((number - WEEKS) * 7 * 86_400)
}

async fn company(app: &App, by: &Actor) -> Result<Catalogue> {
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    let values = [
        (&billing_settings::COMPANY_NAME, "Larkspur Hosting"),
        (&billing_settings::COMPANY_EMAIL, "billing@larkspur.example"),
        (&billing_settings::COMPANY_ADDRESS, "Larkspur Hosting Ltd\n4 Wharf Road\nBristol BS1 6UT"),
        (&billing_settings::COMPANY_COUNTRY, "GB"),
        (&billing_settings::COMPANY_TAX_ID, "GB 000 0000 00"),
        (&billing_settings::PAY_TO, "Larkspur Hosting Ltd\nIBAN GB00 XMPL 0000 0000 0000 00"),
        (&billing_settings::TAX_ENABLED, "true"),
    ];
    for (setting, value) in values {
        settings::set(&mut tx, setting, value, now).await?;
    }
    for (code, prefix, rate) in [("EUR", "€", "0.92"), ("GBP", "£", "0.79")] {
        currencies::add(&mut tx, Currency::parse(code)?, prefix, &format!(" {code}"), rate).await?;
    }
    for (country, name, rate) in [("GB", "VAT", "20"), ("DE", "MwSt.", "19"), ("FR", "TVA", "20")] {
        let rule = NewRule {
            level: 1,
            name: name.to_owned(),
            country: country.to_owned(),
            state: String::new(),
            rate: kernel::Rate::parse(rate)?,
            category: TaxCategory::Standard,
            valid_from: None,
            valid_until: None,
        };
        taxes::create(&mut tx, by, rule, now).await?;
    }
    gateways::configure(&mut tx, app, by, "sandbox", Configure::default(), now).await?;
    let catalogue = catalogue::build(&mut tx, by, now).await?;
    tx.commit().await?;
    Ok(catalogue)
}

async fn client(app: &App, by: &Actor, number: usize, dice: &mut Dice) -> Result<i64> {
    let person = people::person(number, dice);
    let pays_by_card = dice.below(10) < 7;
    let gateway = if pays_by_card { "sandbox" } else { "banktransfer" };
    let text = |value: &str| Some(value.to_owned());
    let details = ClientEdit {
        first_name: text(person.first),
        last_name: text(person.last),
        company: Some(person.company),
        email: Some(person.email),
        address1: Some(person.street),
        city: text(person.city.0),
        state: text(person.city.1),
        postcode: text(person.city.2),
        country: text(person.place.country),
        phone: Some(person.phone),
        currency: text(person.place.currency),
        default_gateway: text(gateway),
        ..ClientEdit::default()
    };
    let mut tx = app.db.write().await?;
    let new = NewClient { details, ..NewClient::default() };
    let client = clients::create(&mut tx, by, new, &app.random, app.clock.now()).await?;
    tx.commit().await?;
    if pays_by_card {
        pay_methods::add(app, by, client.id, "sandbox", "ok", "", MakeDefault::Yes).await?;
    }
    Ok(client.id)
}

/// What some choose beside the product.
fn options(catalogue: &Catalogue, item: &Item, dice: &mut Dice) -> Vec<OptionValue> {
    let mut chosen = Vec::new();
    if !item.cycles.is_empty() && dice.one_in(6) {
        chosen.push(OptionValue { option_id: catalogue.disk.option_id, value: *dice.pick_of(&catalogue.disk.choices) });
    }
    if item.needs_domain && dice.one_in(8) {
        chosen.push(OptionValue { option_id: catalogue.scan_option, value: 1 });
    }
    chosen
}

async fn service(
    app: &App,
    by: &Actor,
    client_id: i64,
    number: usize,
    catalogue: &Catalogue,
    dice: &mut Dice,
) -> Result<()> {
    let now = app.clock.now();
    let weights: Vec<usize> = catalogue.items.iter().map(|item| item.weight).collect();
    let item = &catalogue.items[dice.weighted(&weights)];
    // Monthly and annually are what most choose; every cycle is there.
    let cycle = (!item.cycles.is_empty()).then(|| item.cycles[dice.weighted(&[55, 12, 8, 20, 3, 2])]);
    let domain = if item.needs_domain { people::domain(number, dice) } else { String::new() };
    if number > SERVICES - ORDERS {
        let seen = if number > SERVICES - PENDING { Seen::NotYet } else { Seen::Accepted };
        return desk::order(app, by, client_id, (item, cycle, domain), seen).await;
    }
    let with_addon = catalogue.addon_products.contains(&item.product_id) && dice.one_in(5);
    let addons = if with_addon {
        vec![NewAddon { addon_id: catalogue.addon_id, quantity: 1, cycle: None, price: None }]
    } else {
        Vec::new()
    };
    let mut tx = app.db.write().await?;
    let client = clients::find(&mut tx, client_id).await?;
    let today = Terms::load(&mut tx, now).await?.today;
    let mut locked = clients::lock(&mut tx, client_id).await?;
    let new = NewService {
        client_id,
        product_id: item.product_id,
        order_id: None,
        domain,
        username: String::new(),
        quantity: 1,
        cycle,
        gateway: client.default_gateway.unwrap_or_else(|| "banktransfer".to_owned()),
        options: options(catalogue, item, dice),
        addons,
        price: None,
        setup: None,
        ordered_on: today,
        first_invoice: FirstInvoice::Generation,
    };
    let created = services::create(&mut locked, by, new, now).await?;
    services::set_status(&mut locked, by, created.service.id, ServiceStatus::Active, now).await?;
    // Some leave again, and some are suspended for a while.
    if cycle == Some(Cycle::Monthly) && number.is_multiple_of(37) {
        services::suspend(&mut locked, by, created.service.id, "Overdue on Payment", now).await?;
    }
    tx.commit().await
}

/// What a week brings: invoices, card payments, transfers.
async fn routine(app: &App, by: &Actor, dice: &mut Dice) -> Result<()> {
    let terms = Terms::load(&mut app.db.read().await?, app.clock.now()).await?;
    let scope = Scope { no_mails: true, ..Scope::default() };
    generation::run(&app.db, by, &terms, &scope, Mode::Real, Detail::Counts, &Progress::default()).await?;
    captures::run(app, by, &terms, &Progress::default()).await?;
    transfers(app, by, terms.today, dice).await
}

/// Clients who pay by bank transfer do so around the due date, most of them.
async fn transfers(app: &App, by: &Actor, today: Date, dice: &mut Dice) -> Result<()> {
    let until = today.plus_days(4)?;
    let open: Vec<(i64, i64, i64, Currency)> = app
        .db
        .read()
        .await?
        .all(
            "SELECT id, client_id, balance, currency FROM invoices \
             WHERE status = 'unpaid' AND gateway = 'banktransfer' AND due_on <= $1 ORDER BY id",
            params![until],
        )
        .await?;
    let now = app.clock.now();
    let mut tx = app.db.write().await?;
    for (id, client_id, balance, currency) in open {
        if !dice.one_in(9) {
            let mut locked = clients::lock(&mut tx, client_id).await?;
            let new = NewPayment {
                client_id,
                gateway: "banktransfer".to_owned(),
                external_id: format!("BT{id:06}"),
                duplicate: Duplicate::Refuse,
                amount: Money::new(balance, currency),
                fees: Money::zero(currency),
                occurred_on: today,
                description: "Bank transfer".to_owned(),
                invoices: vec![id],
            };
            payments::record(&mut locked, by, new, now).await?;
        }
    }
    tx.commit().await
}

/// A few of those who are charged today have cards with which something happens.
async fn difficult_cards(app: &App, by: &Actor) -> Result<()> {
    let terms = Terms::load(&mut app.db.read().await?, app.clock.now()).await?;
    let due = captures::due(&mut app.db.read().await?, app, &terms).await?;
    // One invoice each, so that one card is one story.
    let once = |id: i64| due.iter().filter(|due| due.client_id == id).count() == 1;
    let clients = due.iter().map(|due| due.client_id).filter(|id| once(*id));
    for (client_id, card) in clients.zip(["declined", "sca", "timeout", "declined", "expired"]) {
        pay_methods::add(app, by, client_id, "sandbox", card, "", MakeDefault::Yes).await?;
    }
    Ok(())
}

/// What there is now, in numbers.
pub async fn told(app: &App) -> Result<String> {
    let mut conn = app.db.read().await?;
    let mut count =
        async |table: &str| -> Result<i64> { conn.scalar(&format!("SELECT COUNT(*) FROM {table}"), params![]).await };
    let (clients, services) = (count("clients").await?, count("services").await?);
    let (invoices, payments) = (count("invoices").await?, count("transactions").await?);
    if clients == 0 {
        return Err(Error::broken("demo: nobody came"));
    }
    Ok(format!("{clients} clients, {services} services, {invoices} invoices, {payments} payments"))
}
