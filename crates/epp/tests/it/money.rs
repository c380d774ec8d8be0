//! Prices are asked, agreed to and charged (RFC 8748).

use epp::Code;
use epp::domain::{Check, Create, Delete, Renew};
use epp::fee::{self, Agreed, Operation, Quote};
use epp::{Error, Period};
use testkit::registry;

use crate::world::{NAME, World, code_of};

const PREMIUM: &str = "gold.example";

async fn world() -> World {
    World::start_with(
        |options| {
            let zone = options.zones.iter_mut().find(|zone| zone.name == "example").unwrap();
            let prices = [(registry::Operation::Create, 100_000), (registry::Operation::Renew, 50_000)];
            let premium = registry::Premium { class: "premium".to_owned(), prices: prices.into_iter().collect() };
            zone.premium.insert(PREMIUM.to_owned(), premium);
        },
        |_| (),
    )
    .await
}

#[tokio::test]
async fn prices_are_told_by_name_command_and_period() {
    let world = world().await;
    let commands = vec![Quote::of(Operation::Create, Some(Period::Years(2))), Quote::of(Operation::Restore, None)];
    let fee = Some(fee::Check { currency: Some("USD".to_owned()), commands });
    let answer = world.run(&Check { fee, ..Check::new([NAME, PREMIUM]) }).await.unwrap();
    let prices = answer.extensions.prices.unwrap();
    assert_eq!("USD", prices.currency);
    let of = |name: &str, operation: &Operation| prices.of(name).unwrap().of(operation).unwrap().fees[0].amount.clone();
    assert_eq!("20.00", of(NAME, &Operation::Create));
    assert_eq!("40.00", of(NAME, &Operation::Restore));
    assert_eq!("2000.00", of(PREMIUM, &Operation::Create));
    assert!(prices.of(PREMIUM).unwrap().is_premium() && !prices.of(NAME).unwrap().is_premium());
}

#[tokio::test]
async fn a_premium_name_is_not_bought_by_accident() {
    let world = world().await;
    assert!(matches!(world.run(&world.create(PREMIUM)).await.unwrap_err(), Error::Refused(_)));
    let too_little = Create { fee: Some(Agreed::total("USD", "20.00")), ..world.create(PREMIUM) };
    assert_eq!(Code(2004), code_of(world.run(&too_little).await));
    let agreed = Create { fee: Some(Agreed::total("USD", "2000.00")), ..world.create(PREMIUM) };
    let charged = world.run(&agreed).await.unwrap().extensions.charged.unwrap();
    assert_eq!(("2000.00", Some("8000.00")), (charged.fees[0].amount.as_str(), charged.balance.as_deref()));
    assert_eq!(200_000, world.registry.money("ClientX").taken["USD"]);
}

#[tokio::test]
async fn what_is_deleted_in_its_grace_period_is_paid_back() {
    let world = world().await;
    world.run(&Create { fee: Some(Agreed::total("USD", "20.00")), ..world.create(NAME) }).await.unwrap();
    let back = world.run(&Delete::new(NAME)).await.unwrap().extensions.charged.unwrap();
    assert_eq!("-20.00", back.credits[0].amount);
    assert_eq!(0, world.registry.money("ClientX").taken["USD"]);
}

#[tokio::test]
async fn without_money_nothing_is_renewed() {
    let poor = |options: &mut registry::Options| {
        let registrar = options.registrars.iter_mut().find(|registrar| registrar.id == "ClientX").unwrap();
        registrar.balances.insert("USD".to_owned(), 2500);
    };
    let world = World::start_with(poor, |_| ()).await;
    world.run(&world.create(NAME)).await.unwrap();
    let renew = Renew::new(NAME, "2028-01-15".parse().unwrap(), Period::Years(1));
    assert_eq!(Code::BILLING_FAILURE, code_of(world.run(&renew).await));
    assert_eq!(0, world.registry.counts(NAME).renewed);
    assert_eq!(500, world.registry.money("ClientX").balances["USD"]);
}
