//! What services take from the stock of their products. It is taken with the order, goes back when the service is called
//! off before it was set up, and is taken again when it comes back. What has run was sold, and stays so.
//!
//! As long as it is pending, it takes what staff make of it: another product, more or fewer.
//!
//! What must hold: a service holds its stock once. What it took, and of which product, was written down then; a product
//! that is counted from today on, or not any more, changes nothing about it.

use accounts::clients::Locked;
use kernel::Result;
use platform::db::Tx;

use super::{Service, ServiceStatus, store};
use crate::products::{self, Product};

/// Takes it for a new service, which has its id by now.
pub(super) async fn take(tx: &mut Locked<'_>, service: &Service, product: &Product) -> Result<()> {
    products::take_stock(tx, product, service.quantity).await?;
    if product.stock_control {
        store::insert_stock(tx, service).await?;
    }
    Ok(())
}

/// Goes along with a change of a service, which is made of `product` by now.
pub(super) async fn follow(tx: &mut Locked<'_>, before: &Service, service: &Service, product: &Product) -> Result<()> {
    match (before.status.is_over(), service.status.is_over()) {
        (false, true) if before.status == ServiceStatus::Pending => give_back(tx, service.id).await,
        (true, false) => take_again(tx, service, product).await,
        (false, false) if before.status == ServiceStatus::Pending => move_along(tx, before, service, product).await,
        _ => Ok(()),
    }
}

/// What was not set up yet takes what it is made of now, and gives back the rest.
async fn move_along(tx: &mut Locked<'_>, before: &Service, service: &Service, product: &Product) -> Result<()> {
    let moves = before.product_id != service.product_id;
    if !moves && before.quantity == service.quantity {
        return Ok(());
    }
    // What was ordered before its product was counted took nothing of it, and more of the same takes nothing either.
    let held = store::holds_stock(tx, service.id).await?;
    if !held && !moves {
        return Ok(());
    }
    products::lock_stock(tx, &[before.product_id, service.product_id]).await?;
    if held {
        give_back(tx, service.id).await?;
        store::forget_stock(tx, service.id).await?;
    }
    take(tx, service, product).await
}

async fn give_back(tx: &mut Locked<'_>, service_id: i64) -> Result<()> {
    match store::return_stock(tx, service_id).await? {
        Some((product, quantity)) => products::give_stock(tx, product, quantity).await,
        None => Ok(()),
    }
}

/// Staff may have changed what it is made of meanwhile: it takes that.
async fn take_again(tx: &mut Locked<'_>, service: &Service, product: &Product) -> Result<()> {
    if !store::gave_stock_back(tx, service.id).await? {
        return Ok(());
    }
    store::forget_stock(tx, service.id).await?;
    take(tx, service, product).await
}

/// Locks the products whose stock services have taken, before several of them are changed. See [`products::lock_stock`].
pub async fn lock_stock(tx: &mut Tx, service_ids: &[i64]) -> Result<()> {
    let products = store::stock_of(tx, service_ids).await?;
    products::lock_stock(tx, &products).await
}
