//! Orders of products that count their stock.

use super::*;

testkit::both_engines! {
    // Each would wait for the other: the first has A and wants B, the second has B and wants A.
    async fn orders_of_the_same_stock_the_other_way_round_do_not_block_each_other(shop: Shop) {
        let mut products = Vec::new();
        for number in 1..=12 {
            let edit = ProductEdit { stock_control: Some(true), stock: Some(5), ..ProductEdit::default() };
            products.push(shop.product(&format!("Rare {number}"), &[("monthly", "5.00", "0")], edit).await.id);
        }
        let (ada, bob) = (shop.client("ada@example.com").await, shop.client("bob@example.com").await);
        let items = |ids: Vec<i64>| ids.into_iter().map(monthly).collect::<Vec<_>>();
        let forwards = shop.order(&ada, items(products.clone()));
        let backwards = shop.order(&bob, items(products.iter().rev().copied().collect()));
        let (one, two) = tokio::join!(shop.place(forwards), shop.place(backwards));
        assert_eq!((one.unwrap().services.len(), two.unwrap().services.len()), (12, 12));
        let mut tx = shop.app.db.write().await.unwrap();
        let left: Vec<i64> = tx.column("SELECT DISTINCT stock FROM products", platform::params![]).await.unwrap();
        assert_eq!(left, [3]);
        drop(tx);
        shop.is_sound().await;
    }

    async fn what_is_called_off_goes_back_into_the_stock(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit {
            stock_control: Some(true),
            stock: Some(2),
            quantity_mode: Some(QuantityMode::Services),
            ..ProductEdit::default()
        };
        let product = shop.product("Rare", &[("monthly", "5.00", "0")], edit).await;
        let stock = async || products::find(&mut conn(&shop).await, product.id).await.unwrap().stock;
        let two = || vec![NewItem { quantity: 2, ..monthly(product.id) }];
        let placed = shop.place(shop.order(&client, two())).await.unwrap();
        let id = placed.order.id;
        for (to, left) in [(Move::Cancel, 2), (Move::Pending, 0), (Move::Fraud, 2), (Move::Pending, 0), (Move::Cancel, 2)] {
            step(&shop, id, to).await.unwrap();
            assert_eq!(stock().await, left, "{to:?}");
        }
        // Sold to somebody else by now: all of it stays as it is.
        let other = shop.place(shop.order(&client, two())).await.unwrap();
        let before = shop.rows().await;
        let why = step(&shop, id, Move::Pending).await.unwrap_err();
        assert_eq!(why.to_string(), "“Rare” is out of stock.");
        assert_eq!((status(&shop, id).await, shop.rows().await), (OrderStatus::Cancelled, before));
        // What runs was sold.
        step(&shop, other.order.id, Move::Accept).await.unwrap();
        step(&shop, other.order.id, Move::Cancel).await.unwrap();
        assert_eq!(stock().await, 0);
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = lock(&mut tx, id).await.unwrap();
        delete(&mut locked, &shop.by, id, shop.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stock().await, 0, "deleting gives nothing back a second time");
        shop.is_sound().await;
    }

    async fn a_closed_client_gives_back_what_was_never_set_up(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { stock_control: Some(true), stock: Some(2), ..ProductEdit::default() };
        let product = shop.product("Rare", &[("monthly", "5.00", "0")], edit).await;
        for accepted in [true, false] {
            let placed = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
            if accepted {
                step(&shop, placed.order.id, Move::Accept).await.unwrap();
            }
        }
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        clients::close(&mut locked, &shop.by, client.id, shop.now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(products::find(&mut conn(&shop).await, product.id).await.unwrap().stock, 1);
    }

    // As with placing them: each has taken of all products, in another order.
    async fn orders_of_the_same_stock_are_called_off_at_once(shop: Shop) {
        let mut made = Vec::new();
        for number in 1..=12 {
            let edit = ProductEdit { stock_control: Some(true), stock: Some(5), ..ProductEdit::default() };
            made.push(shop.product(&format!("Rare {number}"), &[("monthly", "5.00", "0")], edit).await.id);
        }
        let (ada, bob) = (shop.client("ada@example.com").await, shop.client("bob@example.com").await);
        let items = |ids: Vec<i64>| ids.into_iter().map(monthly).collect::<Vec<_>>();
        let forwards = shop.place(shop.order(&ada, items(made.clone()))).await.unwrap().order.id;
        let backwards = shop.place(shop.order(&bob, items(made.iter().rev().copied().collect()))).await.unwrap().order.id;
        let (one, two) = tokio::join!(step(&shop, forwards, Move::Cancel), step(&shop, backwards, Move::Fraud));
        assert_eq!((one.unwrap(), two.unwrap()), (InvoiceFate::Cancelled, InvoiceFate::Cancelled));
        let left: Vec<i64> = conn(&shop).await.column("SELECT DISTINCT stock FROM products", platform::params![]).await.unwrap();
        assert_eq!(left, [5]);
        shop.is_sound().await;
    }
}
