//! Events let a feature tell others that something happened without knowing them. Wiring says who listens;
//! listeners act inside the publisher's transaction, so they must be quick and must not talk to the network
//! (for that they enqueue a job).

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kernel::Result;

use crate::db::Tx;

pub type Reaction<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
type Listener = Arc<dyn for<'a> Fn(&'a mut Tx, &'a (dyn Any + Send + Sync)) -> Reaction<'a> + Send + Sync>;

/// Who listens to what. Built once, at the start, by wiring.
#[derive(Default, Clone)]
pub struct Events {
    listeners: HashMap<TypeId, Vec<Listener>>,
}

impl Events {
    /// Subscribes `listener` to events of type `E`.
    pub fn on<E, F>(&mut self, listener: F)
    where
        E: Send + Sync + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a E) -> Reaction<'a> + Send + Sync + 'static,
    {
        let call: Listener = Arc::new(move |tx, event| match event.downcast_ref::<E>() {
            Some(event) => listener(tx, event),
            None => Box::pin(std::future::ready(Ok(()))),
        });
        self.listeners.entry(TypeId::of::<E>()).or_default().push(call);
    }

    pub(crate) async fn publish<E: Send + Sync + 'static>(&self, tx: &mut Tx, event: &E) -> Result<()> {
        for listener in self.listeners.get(&TypeId::of::<E>()).into_iter().flatten() {
            listener(tx, event).await?;
        }
        Ok(())
    }
}
