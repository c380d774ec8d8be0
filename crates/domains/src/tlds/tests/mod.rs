//! Rules of TLDs, their file, and the doors to them.

mod doors;
mod endings;
mod file;

use kernel::{Error, Result};

use super::addon_prices::{self, Addon, AddonPrices};
use super::prices::{Fees, LateFee, Operation, Price, Prices};
use super::{Badge, BulkEdit, Filter, Offer, PriceChange, TldEdit};
use crate::testing::{Company, eur, money, usd};
use crate::tlds;

fn wrong<T: std::fmt::Debug>(result: Result<T>) -> Vec<(String, String)> {
    let Error::Invalid(errors) = result.unwrap_err() else { panic!("invalid") };
    errors.iter().map(|(field, message)| (field.to_owned(), message.to_owned())).collect()
}

fn fields<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    wrong(result).into_iter().map(|(field, _)| field).collect()
}

testkit::both_engines! {
    async fn an_extension_without_prices_is_sold_to_nobody(company: Company) {
        let made = company.tld("  .CO.uk ", TldEdit::default()).await.unwrap();
        assert_eq!((made.tld.extension.as_str(), made.tld.shown().as_str()), ("co.uk", ".co.uk"));
        assert!(made.prices.is_empty());
        assert_eq!(made.tld.category, "Country codes");
        assert_eq!(made.tld.questions()[0].name, "legal_type", "what Nominet asks is known");
        let mut conn = company.app.db.read().await.unwrap();
        let sold = |sold| Filter { sold: Some(sold), ..Filter::default() };
        assert_eq!(tlds::all(&mut conn, &sold(true)).await.unwrap(), []);
        assert_eq!(tlds::all(&mut conn, &sold(false)).await.unwrap(), [made.tld]);
    }

    async fn an_extension_is_here_once_however_it_is_written(company: Company) {
        company.tld("рф", TldEdit::default()).await.unwrap();
        let again = company.tld(".XN--P1AI", TldEdit::default()).await;
        assert_eq!(wrong(again), [("extension".to_owned(), ".рф is on the list already.".to_owned())]);
        for text in ["", ".", "a b", "1", "-x"] {
            assert_eq!(fields(company.tld(text, TldEdit::default()).await), ["extension"], "{text:?}");
        }
    }

    async fn a_group_pays_its_price_and_else_everybodys(company: Company) {
        let group = company.group("Resellers").await;
        let com = company.com().await;
        let slab = |operation, years, amount: &str| Price { group_id: Some(group), operation, years, amount: money(amount) };
        let list = com.prices.with(|_| false, vec![slab(Operation::Register, 1, "9.00"), slab(Operation::Register, 3, "25.00")]);
        let mut tx = company.app.db.write().await.unwrap();
        let edit = TldEdit { prices: Some(list), ..TldEdit::default() };
        tlds::update(&mut tx, &company.by, com.tld.id, &edit, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        let mut conn = company.app.db.read().await.unwrap();
        let tld = tlds::find(&mut conn, com.tld.id).await.unwrap();
        let of = tlds::priced(&mut conn, tld).await.unwrap().prices;
        assert_eq!(of.of(Some(group), usd(), Operation::Register, 1), Some(money("9.00")));
        assert_eq!(of.of(Some(group), usd(), Operation::Register, 2), Some(money("22.00")), "as everybody");
        assert_eq!(of.of(None, usd(), Operation::Register, 3), None, "sold to the group alone");
        assert_eq!(of.of(Some(group), eur(), Operation::Register, 1), None, "no price, not sold");
        assert_eq!(of.years(Some(group), usd(), Operation::Register), [1, 2, 3]);
        assert_eq!(of.groups(), [group]);
        drop(conn);
        // The group goes, and its prices with it.
        let mut tx = company.app.db.write().await.unwrap();
        accounts::client_groups::delete(&mut tx, &company.by, group, company.now()).await.unwrap();
        let tld = tlds::find(&mut tx, com.tld.id).await.unwrap();
        assert_eq!(tlds::priced(&mut tx, tld).await.unwrap().prices, com.prices);
    }

    async fn every_mistake_is_named_and_nothing_is_changed(company: Company) {
        let com = company.com().await;
        let jpy = kernel::Currency::parse("JPY").unwrap();
        let price = |group_id, operation, years, amount| Price { group_id, operation, years, amount };
        let list = Prices::new(vec![
            price(None, Operation::Register, 11, money("1")),
            price(None, Operation::Renew, 10, money("1")),
            price(None, Operation::Transfer, 1, money("1")),
            price(None, Operation::Transfer, 2, money("1")),
            price(Some(99), Operation::Register, 1, money("1")),
            price(None, Operation::Register, 1, kernel::Money::new(1, jpy)),
            price(None, Operation::Register, 1, money("-1")),
            price(None, Operation::Register, 2, money("1")),
            price(None, Operation::Register, 2, money("2")),
        ]);
        let edit = TldEdit {
            position: Some(-1),
            registrar: Some("off".to_owned()),
            grace_days: Some(366),
            redemption_days: Some(-1),
            prices: Some(list),
            fees: Some(Fees::new(vec![(LateFee::Grace, money("-1")), (LateFee::Redemption, kernel::Money::new(1, jpy))])),
            ..TldEdit::default()
        };
        let mut tx = company.app.db.write().await.unwrap();
        let found = fields(tlds::update(&mut tx, &company.by, com.tld.id, &edit, company.now()).await);
        for field in [
            "position", "registrar", "grace_days", "redemption_days", "price_0_USD_register_11", "price_0_USD_renew_10",
            "price_0_USD_transfer_2", "price_99_USD_register_1", "price_0_JPY_register_1", "price_0_USD_register_1",
            "price_0_USD_register_2", "fee_grace_USD", "fee_redemption_JPY",
        ] {
            assert!(found.iter().any(|name| name == field), "{field} is not in {found:?}");
        }
        assert_eq!(found.len(), 13, "{found:?}");
        let tld = tlds::find(&mut tx, com.tld.id).await.unwrap();
        assert_eq!(tlds::priced(&mut tx, tld).await.unwrap(), com);
    }

    async fn an_extension_keeps_its_name(company: Company) {
        let com = company.com().await;
        let mut tx = company.app.db.write().await.unwrap();
        let edit = |name: &str| TldEdit { extension: Some(name.to_owned()), ..TldEdit::default() };
        let refused = tlds::update(&mut tx, &company.by, com.tld.id, &edit(".net"), company.now()).await;
        assert_eq!(fields(refused), ["extension"]);
        let same = tlds::update(&mut tx, &company.by, com.tld.id, &edit("COM"), company.now()).await.unwrap();
        assert_eq!(same, com);
        let copy = tlds::duplicate(&mut tx, &company.by, com.tld.id, ".net", company.now()).await.unwrap();
        assert_eq!((copy.tld.extension.as_str(), &copy.prices), ("net", &com.prices));
        assert_eq!(copy.tld.position, com.tld.position + 1);
    }

    async fn eight_stand_in_the_spotlight(company: Company) {
        let lit = || TldEdit { spotlight: Some(true), ..TldEdit::default() };
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            company.tld(&format!("{name}{name}"), lit()).await.unwrap();
        }
        assert_eq!(fields(company.tld("ii", lit()).await), ["spotlight"]);
        company.tld("ii", TldEdit::default()).await.unwrap();
    }

    async fn many_are_changed_together_or_not_at_all(company: Company) {
        let com = company.com().await;
        let mut tx = company.app.db.write().await.unwrap();
        let net = tlds::duplicate(&mut tx, &company.by, com.tld.id, "net", company.now()).await.unwrap();
        let five = PriceChange {
            currency: None,
            operation: Some(Operation::Register),
            by: tlds::bulk::Change::Percent(500),
            ending: tlds::bulk::Ending::NinetyNine,
        };
        let edit = BulkEdit {
            edit: TldEdit {
                registrar: Some("first".to_owned()),
                badge: Some(Badge::Sale),
                id_protection: Some(Offer::Paid),
                ..TldEdit::default()
            },
            prices: Some(five),
        };
        let ids = [com.tld.id, net.tld.id];
        assert_eq!(tlds::change_many(&mut tx, &company.by, &ids, &edit, company.now()).await.unwrap(), 2);
        for id in ids {
            let tld = tlds::find(&mut tx, id).await.unwrap();
            assert_eq!((tld.registrar.as_str(), tld.badge, tld.id_protection), ("first", Badge::Sale, Offer::Paid));
            let of = tlds::priced(&mut tx, tld).await.unwrap().prices;
            assert_eq!(of.of(None, usd(), Operation::Register, 1), Some(money("12.99")), "12.60, rounded up");
            assert_eq!(of.of(None, usd(), Operation::Register, 2), Some(money("23.99")), "23.10, rounded up");
            assert_eq!(of.of(None, usd(), Operation::Renew, 1), Some(money("13.00")), "left alone");
        }
        tx.commit().await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        let gone = tlds::change_many(&mut tx, &company.by, &[com.tld.id, 999], &edit, company.now()).await;
        assert!(matches!(gone, Err(Error::NotFound(_))));
        tx.rollback().await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        tlds::delete_many(&mut tx, &company.by, &ids, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(company.activities().await[..2], ["TLD .net deleted".to_owned(), "TLD .com deleted".to_owned()]);
    }

    async fn addons_cost_what_their_list_says(company: Company) {
        let list = AddonPrices::new([(Addon::IdProtection, money("3.00")), (Addon::DnsManagement, money("0.00"))]);
        let mut tx = company.app.db.write().await.unwrap();
        addon_prices::replace(&mut tx, &company.by, &list, company.now()).await.unwrap();
        addon_prices::replace(&mut tx, &company.by, &list, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        let said = company.activities().await;
        assert_eq!(said.iter().filter(|text| text.contains("domain addons")).count(), 1, "the same again is no change");
        let edit = TldEdit { id_protection: Some(Offer::Paid), email_forwarding: Some(Offer::Free), ..TldEdit::default() };
        let tld = company.tld("com", edit).await.unwrap().tld;
        let stored = addon_prices::all(&mut company.app.db.read().await.unwrap()).await.unwrap();
        assert_eq!(stored.of(&tld, Addon::IdProtection, usd()), Some(money("3.00")));
        assert_eq!(stored.of(&tld, Addon::IdProtection, eur()), None, "no price, not sold");
        assert_eq!(stored.of(&tld, Addon::EmailForwarding, eur()), Some(kernel::Money::zero(eur())));
        assert_eq!(stored.of(&tld, Addon::DnsManagement, usd()), None, "not offered here");
        let mut tx = company.app.db.write().await.unwrap();
        let bad = AddonPrices::new([(Addon::IdProtection, money("-1"))]);
        assert_eq!(fields(addon_prices::replace(&mut tx, &company.by, &bad, company.now()).await), ["addon_id_protection_USD"]);
    }
}
