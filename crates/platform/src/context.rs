//! What every door and job is given: the database, the clock, chance, the vault, and what wiring added.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::clock::{Clock, Random};
use crate::crypto::Vault;
use crate::db::Db;
use crate::jobs;
use crate::settings;
use crate::web::templates::Templates;

/// The running program. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub db: Db,
    pub clock: Clock,
    pub random: Random,
    pub vault: Vault,
    pub settings: settings::Registry,
    pub jobs: jobs::Registry,
    pub templates: Templates,
    /// A database made for trying things out: time may be set, test cards are taken.
    pub sandbox: bool,
    /// Names this process in leases and logs.
    pub node: String,
    /// Wakes the worker when a job was enqueued on this node.
    pub wake: Arc<tokio::sync::Notify>,
    pub extensions: Extensions,
}

impl App {
    pub fn new(parts: Parts) -> App {
        App(Arc::new(parts))
    }

    /// A thing that wiring put in, such as the list of payment gateways. Its absence is a defect of the wiring.
    pub fn get<T: Send + Sync + 'static>(&self) -> kernel::Result<Arc<T>> {
        self.extensions.get().ok_or_else(|| {
            kernel::Error::broken(format!("wiring: nothing of type {} was added", std::any::type_name::<T>()))
        })
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Things of crates further down the arrow, by type.
#[derive(Default)]
pub struct Extensions(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Extensions {
    pub fn add<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).cloned().and_then(|value| value.downcast().ok())
    }
}
