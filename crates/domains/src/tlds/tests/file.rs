use super::*;
use crate::tlds::file::{self, Imported};

async fn import(company: &Company, text: &str) -> Result<Imported> {
    let mut tx = company.app.db.write().await?;
    let done = file::import(&mut tx, &company.by, text, company.now()).await?;
    tx.commit().await?;
    Ok(done)
}

async fn export(company: &Company) -> String {
    file::export(&mut company.app.db.read().await.unwrap(), &Filter::default()).await.unwrap()
}

testkit::both_engines! {
    async fn a_file_comes_back_as_it_went_out(company: Company) {
        let group = company.group("Resellers, “gold”").await;
        let com = company.com().await;
        let own = Price { group_id: Some(group), operation: Operation::Register, years: 1, amount: money("9.00") };
        let edit = TldEdit {
            registrar: Some("first".to_owned()),
            id_protection: Some(Offer::Paid),
            category: Some("=Popular".to_owned()),
            prices: Some(com.prices.with(|_| false, vec![own])),
            fees: Some(Fees::new(vec![(LateFee::Redemption, kernel::Money::parse("80", eur()).unwrap())])),
            ..TldEdit::default()
        };
        let mut tx = company.app.db.write().await.unwrap();
        tlds::update(&mut tx, &company.by, com.tld.id, &edit, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        company.tld("рф", TldEdit::default()).await.unwrap();
        let text = export(&company).await;
        assert_eq!(import(&company, &text).await.unwrap(), Imported { unchanged: 2, ..Imported::default() });
        assert_eq!(export(&company).await, text);
        // The same file makes the same list where there was none.
        let mut tx = company.app.db.write().await.unwrap();
        let all: Vec<i64> = tlds::all(&mut tx, &Filter::default()).await.unwrap().iter().map(|tld| tld.id).collect();
        tlds::delete_many(&mut tx, &company.by, &all, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(import(&company, &text).await.unwrap(), Imported { added: 2, ..Imported::default() });
        assert_eq!(export(&company).await, text);
    }

    async fn a_file_changes_what_it_has_columns_for(company: Company) {
        let com = company.com().await;
        let text = "extension,currency,register_1,register_2\n.com,USD,14.00,\ncom,EUR,13.00,25.00\nnet,USD,11.00,\n";
        assert_eq!(import(&company, text).await.unwrap(), Imported { added: 1, changed: 1, unchanged: 0 });
        assert_eq!(import(&company, text).await.unwrap(), Imported { unchanged: 2, ..Imported::default() }, "twice is once");
        let mut conn = company.app.db.read().await.unwrap();
        let tld = tlds::find(&mut conn, com.tld.id).await.unwrap();
        assert_eq!(tld.epp_required, com.tld.epp_required);
        let of = tlds::priced(&mut conn, tld).await.unwrap().prices;
        assert_eq!(of.of(None, usd(), Operation::Register, 1), Some(money("14.00")));
        assert_eq!(of.of(None, usd(), Operation::Register, 2), None, "emptied, so not sold");
        assert_eq!(of.of(None, usd(), Operation::Renew, 1), Some(money("13.00")), "no column, no change");
        assert_eq!(of.of(None, eur(), Operation::Register, 2).map(kernel::Money::decimal), Some("25.00".to_owned()));
    }

    async fn a_file_with_mistakes_changes_nothing_and_every_mistake_has_its_line(company: Company) {
        let text = "extension,currency,register_1,registrar,grace_days,client_group\n\
                    good,USD,1.00,,,\n\
                    b ad,USD,1.00,,,\n\
                    one,XXQ,1.00,,,\n\
                    two,USD,one,,,\n\
                    three,USD,1.00,nobody,,\n\
                    four,USD,1.00,,many,\n\
                    five,USD,1.00,,,Strangers\n";
        let messages: Vec<String> = wrong(import(&company, text).await).into_iter().map(|(_, message)| message).collect();
        for place in ["Line 3, extension", "Line 4, currency", "Line 5, register_1", "Line 7, grace_days", "Line 8, client_group"] {
            assert!(messages.iter().any(|message| message.starts_with(place)), "{place}: {messages:?}");
        }
        assert_eq!(export(&company).await.lines().count(), 1, "only the names of the columns");
        let late = "extension,registrar\ngood,first\nthree,nobody\n";
        let messages = wrong(import(&company, late).await);
        assert!(messages[0].1.starts_with("Line 3, registrar"), "{messages:?}");
        assert_eq!(export(&company).await.lines().count(), 1, "the good line is not kept either");
        for text in ["", "name,price\n.com,1\n", "extension,colour\n.com,red\n", "\0\u{1}\u{2}"] {
            assert_eq!(fields(import(&company, text).await), ["csv"], "{text:?}");
        }
    }

    async fn fifteen_hundred_extensions_in_four_currencies_fit_into_one_import(company: Company) {
        let mut tx = company.app.db.write().await.unwrap();
        for (code, rate) in [("GBP", "0.8"), ("CHF", "0.95")] {
            billing::currencies::add(&mut tx, kernel::Currency::parse(code).unwrap(), "", "", rate).await.unwrap();
        }
        tx.commit().await.unwrap();
        let years: Vec<String> = (1..=10).map(|years| format!("register_{years}")).collect();
        let mut text = format!("extension,currency,{},transfer_1,renew_1\n", years.join(","));
        for number in 0..1500 {
            for code in ["USD", "EUR", "GBP", "CHF"] {
                let amounts: Vec<String> = (1..=12).map(|years| format!("{years}.50")).collect();
                text.push_str(&format!("tld{number},{code},{}\n", amounts.join(",")));
            }
        }
        assert_eq!(import(&company, &text).await.unwrap().added, 1500);
        assert_eq!(import(&company, &text).await.unwrap(), Imported { unchanged: 1500, ..Imported::default() });
        let mut conn = company.app.db.read().await.unwrap();
        let prices: i64 = conn.scalar("SELECT COUNT(*) FROM tld_prices", platform::params![]).await.unwrap();
        assert_eq!(prices, 1500 * 4 * 12);
    }
}
