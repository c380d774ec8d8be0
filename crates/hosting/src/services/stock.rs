//! What services take from the stock of their products. It is taken with the order, goes back when the service is called
//! off before it was set up, and is taken again when it comes back. What has run was sold, and stays so.
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

/// Goes along with a change of a service.
pub(super) async fn follow(tx: &mut Locked<'_>, before: ServiceStatus, service: &Service) -> Result<()> {
    match (before.is_over(), service.status.is_over()) {
        (false, true) if before == ServiceStatus::Pending => give_back(tx, service).await,
        (true, false) => take_again(tx, service).await,
        _ => Ok(()),
    }
}

async fn give_back(tx: &mut Locked<'_>, service: &Service) -> Result<()> {
    match store::return_stock(tx, service.id).await? {
        Some((product, quantity)) => products::give_stock(tx, product, quantity).await,
        None => Ok(()),
    }
}

async fn take_again(tx: &mut Locked<'_>, service: &Service) -> Result<()> {
    let Some((product, quantity)) = store::returned_stock(tx, service.id).await? else { return Ok(()) };
    // It is made of something else by now, and a change of the product takes nothing.
    if product != service.product_id {
        return store::forget_stock(tx, service.id).await;
    }
    let product = products::find(tx, product).await?;
    products::take_stock(tx, &product, quantity).await?;
    if product.stock_control {
        store::hold_stock(tx, service.id).await?;
    }
    Ok(())
}

/// Locks the products whose stock services have taken, before several of them are changed. See [`products::lock_stock`].
pub async fn lock_stock(tx: &mut Tx, service_ids: &[i64]) -> Result<()> {
    let products = store::stock_of(tx, service_ids).await?;
    products::lock_stock(tx, &products).await
}
