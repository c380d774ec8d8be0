//! Events let a feature tell others that something happened without knowing them. Wiring says who listens;
//! listeners act inside the publisher's transaction, so they must be quick and must not talk to the network
//! (for that they enqueue a job).
//!
//! What must hold: what has happened in the world, as money that has arrived, is written down whatever becomes of those
//! who listen. Such events are [`Lasting`]: a listener that fails is undone by itself, and a job calls it again.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kernel::{Error, Result, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::context::App;
use crate::db::Tx;
use crate::jobs::{self, Done, Job, NewJob, Registry};

pub type Reaction<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
type Listener = Arc<dyn for<'a> Fn(&'a mut Tx, &'a (dyn Any + Send + Sync)) -> Reaction<'a> + Send + Sync>;
type Again = Arc<dyn for<'a> Fn(&'a mut Tx, Value) -> Reaction<'a> + Send + Sync>;

/// An event that its publisher cannot take back because somebody else fails. [`Tx::announce`] tells it.
pub trait Lasting: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Stands in stored jobs, so it stays.
    const NAME: &'static str;

    /// What it is about, such as `invoice:17`, for the job of a listener that failed.
    fn subject(&self) -> String;
}

/// Who listens to what. Built once, at the start, by wiring.
#[derive(Default, Clone)]
pub struct Events {
    listeners: HashMap<TypeId, Vec<Listener>>,
    lasting: HashMap<&'static str, Vec<Named>>,
}

/// A listener that can be called again from what a job has stored.
#[derive(Clone)]
struct Named {
    name: &'static str,
    listener: Listener,
    again: Again,
}

const AGAIN: &str = "platform.listener";

/// The kinds of jobs of events.
pub fn register(registry: &mut Registry) {
    registry.add(AGAIN, call_again);
}

fn erased<E, F>(listener: F) -> Listener
where
    E: Send + Sync + 'static,
    F: for<'a> Fn(&'a mut Tx, &'a E) -> Reaction<'a> + Send + Sync + 'static,
{
    Arc::new(move |tx, event| match event.downcast_ref::<E>() {
        Some(event) => listener(tx, event),
        None => Box::pin(std::future::ready(Ok(()))),
    })
}

impl Events {
    /// Subscribes `listener` to events of type `E`. Its failure is the publisher's.
    pub fn on<E, F>(&mut self, listener: F)
    where
        E: Send + Sync + 'static,
        F: for<'a> Fn(&'a mut Tx, &'a E) -> Reaction<'a> + Send + Sync + 'static,
    {
        self.listeners.entry(TypeId::of::<E>()).or_default().push(erased(listener));
    }

    /// Subscribes `listener` to a lasting event. It may be called once more later, by a job in a transaction of its own:
    /// so it takes the lock of the client itself before it reads what it decides by, and looks at how things are then.
    /// The name stands in stored jobs, so it stays.
    pub fn on_lasting<E, F>(&mut self, name: &'static str, listener: F)
    where
        E: Lasting,
        F: for<'a> Fn(&'a mut Tx, &'a E) -> Reaction<'a> + Send + Sync + 'static,
    {
        let listener = erased::<E, F>(listener);
        let again: Again = Arc::new({
            let listener = listener.clone();
            move |tx, stored| {
                let listener = listener.clone();
                Box::pin(async move {
                    let event: E = serde_json::from_value(stored)
                        .map_err(|error| Error::broken(format!("the stored event {}: {error}", E::NAME)))?;
                    listener(tx, &event).await
                })
            }
        });
        self.lasting.entry(E::NAME).or_default().push(Named { name, listener, again });
    }

    /// Whether somebody listens to the event whose failure would be the publisher's.
    pub fn has_binding<E: 'static>(&self) -> bool {
        self.listeners.contains_key(&TypeId::of::<E>())
    }

    pub(crate) async fn publish<E: Send + Sync + 'static>(&self, tx: &mut Tx, event: &E) -> Result<()> {
        for listener in self.listeners.get(&TypeId::of::<E>()).into_iter().flatten() {
            listener(tx, event).await?;
        }
        Ok(())
    }

    pub(crate) async fn announce<E: Lasting>(&self, tx: &mut Tx, event: &E, now: Timestamp) -> Result<()> {
        self.publish(tx, event).await?;
        for Named { name, listener, .. } in self.lasting.get(E::NAME).into_iter().flatten() {
            tx.mark().await?;
            let done = match listener(tx, event).await {
                Ok(()) => tx.keep().await,
                failed => failed,
            };
            match done {
                Ok(()) => {}
                // The whole is tried again then: a deadlock, say, or a server that went away.
                Err(error @ Error::Unavailable(_)) => return Err(error),
                Err(error) => {
                    tx.undo().await?;
                    let subject = event.subject();
                    tracing::error!(event = E::NAME, listener = name, subject, %error, "a listener failed; a job calls it again");
                    let data = serde_json::to_value(event)
                        .map_err(|error| Error::broken(format!("the event {}: {error}", E::NAME)))?;
                    let payload = json!({ "event": E::NAME, "listener": name, "data": data });
                    jobs::enqueue(tx, NewJob::now(AGAIN, payload, now).about(subject), now).await?;
                }
            }
        }
        Ok(())
    }

    fn again(&self, event: &str, listener: &str) -> Option<Again> {
        self.lasting.get(event)?.iter().find(|named| named.name == listener).map(|named| named.again.clone())
    }
}

async fn call_again(app: App, job: Job) -> Result<Done> {
    let payload = job.payload()?;
    let text = |key: &str| payload[key].as_str().unwrap_or_default();
    let Some(again) = app.db.events().again(text("event"), text("listener")) else {
        return Err(Error::broken(format!("{} does not listen to {}", text("listener"), text("event"))));
    };
    let mut tx = app.db.write().await?;
    again(&mut tx, payload["data"].clone()).await?;
    tx.commit().await?;
    Ok(Done::Finished)
}
