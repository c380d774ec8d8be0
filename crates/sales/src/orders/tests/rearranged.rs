//! Orders whose invoices staff have merged and split.

use super::*;

testkit::both_engines! {
    async fn the_payment_of_a_merged_invoice_sets_up_every_order_on_it(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("Prepaid", &[("monthly", "31.00", "10.00")], edit).await;
        let mut placed = Vec::new();
        for _ in 0..2 {
            placed.push(shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap());
        }
        let ids: Vec<i64> = placed.iter().map(|placed| placed.invoice.as_ref().unwrap().id).collect();
        let terms = shop.terms().await;
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let merged = rearrange::merge(&mut locked, &shop.by, &terms, &ids).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(merged.total, usd("82.00"), "with both setup fees");
        for placed in &placed {
            let order = find(&mut conn(&shop).await, placed.order.id).await.unwrap();
            assert_eq!((order.status, order.invoice_id), (OrderStatus::Pending, Some(merged.id)));
        }
        shop.pay(merged.id).await;
        for placed in &placed {
            assert_eq!(status(&shop, placed.order.id).await, OrderStatus::Active);
            let service = service(&shop, placed.services[0].id).await;
            assert_eq!((service.status, service.next_due_on), (ServiceStatus::Active, Some(date("2026-02-15"))));
        }
        shop.is_sound().await;
    }

    async fn a_payment_sets_up_what_it_paid_for_and_nothing_that_was_split_off(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        for first_paid in [0, 1] {
            let (placed, old, new) = split_order(&shop, &client).await;
            let invoices = [old, new];
            shop.pay(invoices[first_paid]).await;
            let half = if first_paid == 0 { [Active, Pending] } else { [Pending, Active] };
            assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (half.to_vec(), OrderStatus::Pending));
            shop.pay(invoices[1 - first_paid]).await;
            assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
            shop.is_sound().await;
        }
    }

    // What is split off, or what stays, may ask for nothing: then it is paid in the very moment of the split.
    async fn what_asks_for_nothing_is_set_up_and_nothing_else(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        let edit = || ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let dear = shop.product("Dear", &[("monthly", "21.00", "0")], edit()).await;
        let free = shop.product("Free", &[("monthly", "0.00", "0")], edit()).await;
        for moves in [0, 1] {
            let placed = shop.place(shop.order(&client, vec![monthly(dear.id), monthly(free.id)])).await.unwrap();
            let old = placed.invoice.as_ref().unwrap().id;
            let lines = invoices::lines(&mut conn(&shop).await, old).await.unwrap();
            let mine = |line: &&Line| line.owner_id == Some(placed.services[moves].id);
            let ids: Vec<i64> = lines.iter().filter(mine).map(|line| line.id).collect();
            let new = split(&shop, old, &ids).await;
            let half = (service_states(&shop, &placed).await, status(&shop, placed.order.id).await);
            assert_eq!(half, (vec![Pending, Active], OrderStatus::Pending), "{moves}");
            shop.pay([new, old][moves]).await;
            let whole = (service_states(&shop, &placed).await, status(&shop, placed.order.id).await);
            assert_eq!(whole, (vec![Active, Active], OrderStatus::Active), "{moves}");
            shop.is_sound().await;
        }
    }

    // Only the setup fee stands elsewhere; and what was split off is split once more.
    async fn what_is_paid_for_in_part_is_not_set_up(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        let lines = invoices::lines(&mut conn(&shop).await, new).await.unwrap();
        let setup: Vec<i64> = lines.iter().filter(|line| line.kind == LineKind::Setup).map(|line| line.id).collect();
        let third = split(&shop, new, &setup).await;
        shop.pay(old).await;
        shop.pay(new).await;
        assert_eq!(service_states(&shop, &placed).await, [Active, Pending]);
        let page = shop.get(&format!("/admin/orders/{}", placed.order.id)).await.text;
        for id in [old, new, third] {
            assert!(page.contains(&format!("/admin/invoices/{id}\"")), "invoice {id} is missing in {page}");
        }
        shop.pay(third).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;
    }

    async fn an_order_that_is_called_off_takes_along_what_was_split_off(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        let page = shop.get(&format!("/admin/orders/{}/cancel", placed.order.id)).await.text;
        assert!(page.contains("31.00 USD open; it is cancelled") && page.contains("19.00 USD open; it is cancelled"), "{page}");
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::Cancelled);
        for id in [old, new] {
            assert_eq!(invoice_state(&shop, id).await, (InvoiceStatus::Cancelled, 0));
        }
        shop.is_sound().await;
        // It comes back as one invoice over all of it.
        step(&shop, placed.order.id, Move::Pending).await.unwrap();
        let back = find(&mut conn(&shop).await, placed.order.id).await.unwrap().invoice_id.unwrap();
        assert_eq!(invoice_state(&shop, back).await, (InvoiceStatus::Unpaid, 5000));
        assert_eq!(shop.count("invoices").await, 3);
        shop.is_sound().await;
        shop.pay(back).await;
        assert_eq!(service_states(&shop, &placed).await, [ServiceStatus::Active, ServiceStatus::Active]);
        shop.is_sound().await;
    }

    // Money that came for a part of it is for staff to decide about, and what it paid for is not billed again.
    async fn what_was_split_off_and_paid_is_kept_when_the_order_is_called_off(shop: Shop) {
        use ServiceStatus::{Active, Cancelled, Pending};
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        shop.pay(new).await;
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::Cancelled);
        assert_eq!((invoice_state(&shop, old).await.0, invoice_state(&shop, new).await.0), (InvoiceStatus::Cancelled, InvoiceStatus::Paid));
        assert_eq!(service_states(&shop, &placed).await, [Cancelled, Active]);
        step(&shop, placed.order.id, Move::Pending).await.unwrap();
        let back = find(&mut conn(&shop).await, placed.order.id).await.unwrap().invoice_id.unwrap();
        assert_eq!((invoice_state(&shop, back).await, service_states(&shop, &placed).await), ((InvoiceStatus::Unpaid, 3100), vec![Pending, Active]));
        shop.pay(back).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;

        let (placed, old, new) = split_order(&shop, &client).await;
        shop.pay_part(new, "5.00").await;
        assert_eq!(step(&shop, placed.order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        assert_eq!(invoice_state(&shop, old).await, (InvoiceStatus::Cancelled, 0));
        assert_eq!(invoice_state(&shop, new).await, (InvoiceStatus::Unpaid, 1400));
        step(&shop, placed.order.id, Move::Pending).await.unwrap();
        let back = find(&mut conn(&shop).await, placed.order.id).await.unwrap().invoice_id.unwrap();
        assert_eq!(invoice_state(&shop, back).await, (InvoiceStatus::Unpaid, 3100), "the rest is asked for already");
        shop.pay(back).await;
        assert_eq!(service_states(&shop, &placed).await, [Active, Pending]);
        shop.pay(new).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;
    }

    // Two orders on one invoice, of which one is split off again: each is called off and set up by itself.
    async fn orders_that_were_merged_and_split_go_their_own_ways(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let edit = ProductEdit { auto_setup: Some(AutoSetup::Payment), ..ProductEdit::default() };
        let product = shop.product("Prepaid", &[("monthly", "31.00", "10.00")], edit).await;
        let mut placed = Vec::new();
        for _ in 0..2 {
            placed.push(shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap());
        }
        let ids: Vec<i64> = placed.iter().map(|placed| placed.invoice.as_ref().unwrap().id).collect();
        let merged = merge(&shop, &client, &ids).await;
        let of_second = |line: &&Line| line.owner_id == Some(placed[1].services[0].id);
        let lines = invoices::lines(&mut conn(&shop).await, merged).await.unwrap();
        let moved: Vec<i64> = lines.iter().filter(of_second).map(|line| line.id).collect();
        let own = split(&shop, merged, &moved).await;
        assert_eq!(step(&shop, placed[1].order.id, Move::Cancel).await.unwrap(), InvoiceFate::Cancelled);
        assert_eq!(invoice_state(&shop, own).await.0, InvoiceStatus::Cancelled);
        assert_eq!(invoice_state(&shop, merged).await, (InvoiceStatus::Unpaid, 4100), "that is the other's");
        shop.pay(merged).await;
        assert_eq!((status(&shop, placed[0].order.id).await, status(&shop, placed[1].order.id).await), (OrderStatus::Active, OrderStatus::Cancelled));
        shop.is_sound().await;
    }

    // What was split off is merged with another invoice of the client.
    async fn what_was_split_off_is_followed_when_it_is_merged(shop: Shop) {
        use ServiceStatus::{Active, Pending};
        let client = shop.client("ada@example.com").await;
        let (placed, old, new) = split_order(&shop, &client).await;
        let product = shop.starter().await;
        let other = shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap();
        let merged = merge(&shop, &client, &[new, other.invoice.as_ref().unwrap().id]).await;
        shop.pay(old).await;
        assert_eq!(service_states(&shop, &placed).await, [Active, Pending]);
        assert_eq!(step(&shop, other.order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        shop.pay(merged).await;
        assert_eq!((service_states(&shop, &placed).await, status(&shop, placed.order.id).await), (vec![Active, Active], OrderStatus::Active));
        shop.is_sound().await;
    }

    // One order that is called off must not take the other's money along.
    async fn a_merged_invoice_is_left_to_staff_when_an_order_is_called_off(shop: Shop) {
        let client = shop.client("ada@example.com").await;
        let product = shop.starter().await;
        let mut placed = Vec::new();
        for _ in 0..2 {
            placed.push(shop.place(shop.order(&client, vec![monthly(product.id)])).await.unwrap());
        }
        let ids: Vec<i64> = placed.iter().map(|placed| placed.invoice.as_ref().unwrap().id).collect();
        let terms = shop.terms().await;
        let mut tx = shop.app.db.write().await.unwrap();
        let mut locked = clients::lock(&mut tx, client.id).await.unwrap();
        let merged = rearrange::merge(&mut locked, &shop.by, &terms, &ids).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(step(&shop, placed[0].order.id, Move::Cancel).await.unwrap(), InvoiceFate::LeftOpen);
        let invoice = invoices::find(&mut conn(&shop).await, merged.id).await.unwrap();
        assert_eq!(invoice.status, InvoiceStatus::Unpaid);
        shop.is_sound().await;
    }
}
