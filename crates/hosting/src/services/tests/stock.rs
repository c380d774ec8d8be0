//! Services of products that count their stock.

use super::*;

/// A product of which there are so many.
async fn counted(company: &Company, name: &str, stock: i64) -> products::Product {
    let edit = ProductEdit {
        stock_control: Some(true),
        stock: Some(stock),
        quantity_mode: Some(QuantityMode::Scaling),
        ..company.product_edit(name, list(&[("monthly", "1", "0")]))
    };
    company.product(edit).await
}

async fn left(company: &Company, product: &products::Product) -> i64 {
    products::find(&mut company.app.db.read().await.unwrap(), product.id).await.unwrap().stock
}

testkit::both_engines! {
    async fn what_was_never_set_up_goes_back_into_the_stock(company: Company) {
        use ServiceStatus::{Active, Cancelled, Fraud, Pending, Suspended, Terminated};
        let client = company.client("ada@client.example").await;
        let product = counted(&company, "Nodes", 5).await;
        let stock = async || left(&company, &product).await;
        let order = |quantity| NewService { quantity, ..company.order(&client, &product) };
        let first = company.place(order(4)).await.unwrap().service;
        assert_eq!(stock().await, 1);
        for (status, left) in [(Cancelled, 5), (Cancelled, 5), (Fraud, 5), (Pending, 1), (Fraud, 5), (Pending, 1), (Terminated, 5)] {
            to(&company, &first, status).await;
            assert_eq!(stock().await, left, "{status}");
        }
        // Another client was faster: it cannot come back, and stays what it is.
        let second = company.place(order(2)).await.unwrap().service;
        let back = ServiceEdit { status: Some(Pending), ..ServiceEdit::default() };
        let Err(Error::Refused(why)) = change(&company, &first, back).await else { panic!("there are not enough") };
        assert_eq!(why, "“Nodes” is out of stock.");
        assert_eq!((stored(&company, first.id).await.status, stock().await), (Terminated, 3));
        // What has run was sold: nothing goes back, and nothing is taken when it goes on.
        for status in [Active, Suspended, Terminated, Active, Fraud, Pending] {
            to(&company, &second, status).await;
            assert_eq!(stock().await, 3, "{status}");
        }
        to(&company, &second, Cancelled).await;
        assert_eq!(stock().await, 5);
    }

    async fn more_of_a_pending_service_is_taken_from_the_stock(company: Company) {
        use ServiceStatus::{Active, Cancelled};
        let client = company.client("ada@client.example").await;
        let product = counted(&company, "Nodes", 5).await;
        let stock = async || left(&company, &product).await;
        let of = |quantity| ServiceEdit { quantity: Some(quantity), ..ServiceEdit::default() };
        let order = |quantity| NewService { quantity, ..company.order(&client, &product) };
        let service = company.place(order(2)).await.unwrap().service;
        for (quantity, left) in [(4, 1), (4, 1), (5, 0), (1, 4)] {
            change(&company, &service, of(quantity)).await.unwrap();
            assert_eq!(stock().await, left, "{quantity}");
        }
        let Err(Error::Refused(why)) = change(&company, &service, of(6)).await else { panic!("there are five") };
        assert_eq!(why, "“Nodes” is out of stock.");
        assert_eq!((stored(&company, service.id).await.quantity, stock().await), (1, 4));
        to(&company, &service, Cancelled).await;
        assert_eq!(stock().await, 5);
        change(&company, &service, of(3)).await.unwrap();
        to(&company, &service, ServiceStatus::Pending).await;
        assert_eq!(stock().await, 2, "it comes back with the quantity that it has by now");
        // Set up in the same step, it is sold as many times as it says; more of it later is not a new order.
        change(&company, &service, ServiceEdit { status: Some(Active), ..of(4) }).await.unwrap();
        assert_eq!(stock().await, 1);
        change(&company, &service, of(2)).await.unwrap();
        assert_eq!(stock().await, 1);
    }

    // Staff change what the pending service is made of, and how the product is counted.
    async fn stock_goes_back_to_where_it_was_taken(company: Company) {
        use ServiceStatus::{Cancelled, Pending};
        let client = company.client("ada@client.example").await;
        let (old, new) = (counted(&company, "Old", 1).await, counted(&company, "New", 1).await);
        let left = async || (left(&company, &old).await, left(&company, &new).await);
        let service = company.place(company.order(&client, &old)).await.unwrap().service;
        let made_of = async |product: &products::Product| {
            let edit = ServiceEdit { product_id: Some(product.id), ..ServiceEdit::default() };
            change(&company, &service, edit).await.unwrap();
        };
        made_of(&new).await;
        assert_eq!(left().await, (1, 0));
        made_of(&old).await;
        assert_eq!(left().await, (0, 1));
        to(&company, &service, Cancelled).await;
        assert_eq!(left().await, (1, 1));
        made_of(&new).await;
        assert_eq!(left().await, (1, 1), "what was called off takes nothing");
        to(&company, &service, Pending).await;
        assert_eq!(left().await, (1, 0), "it is made of something else by now");
        to(&company, &service, Cancelled).await;
        // Not counted meanwhile: what was taken then goes back once it is.
        let service = company.place(company.order(&client, &old)).await.unwrap().service;
        let count = async |on: bool| {
            let mut tx = company.app.db.write().await.unwrap();
            let edit = ProductEdit { stock_control: Some(on), ..ProductEdit::default() };
            products::update(&mut tx, &company.by, old.id, &edit, company.now()).await.unwrap();
            tx.commit().await.unwrap();
        };
        count(false).await;
        to(&company, &service, Cancelled).await;
        to(&company, &service, Pending).await;
        count(true).await;
        assert_eq!(left().await, (0, 1));
        to(&company, &service, Cancelled).await;
        assert_eq!(left().await, (1, 1));
    }

    // Nothing is made of it any more, though something of its stock was taken.
    async fn a_product_goes_when_what_took_its_stock_is_made_of_another(company: Company) {
        let client = company.client("ada@client.example").await;
        let (old, new) = (counted(&company, "Old", 1).await, counted(&company, "New", 1).await);
        let service = company.place(company.order(&client, &old)).await.unwrap().service;
        change(&company, &service, ServiceEdit { product_id: Some(new.id), ..ServiceEdit::default() }).await.unwrap();
        let mut tx = company.app.db.write().await.unwrap();
        products::delete(&mut tx, &company.by, old.id, company.now()).await.unwrap();
        tx.commit().await.unwrap();
        to(&company, &service, ServiceStatus::Cancelled).await;
        to(&company, &service, ServiceStatus::Pending).await;
    }
}
