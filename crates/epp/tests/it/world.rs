//! A registry and a registrar's pool of sessions with it.

use std::fmt::Debug;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use epp::contact::{self, Address, Form, Postal};
use epp::domain::Create;
use epp::{Answer, Code, Command, Endpoint, Error, Identity, Period, Pool, Roots, Secret, Settings};
use testkit::registry::{DomainSnapshot, Options, Registrar, Registry};

/// The domain that most tests are about.
pub const NAME: &str = "shop.example";

/// Long enough for an answer, short enough to wait for one that does not come.
pub const SHORT: Duration = Duration::from_millis(300);

const PASSWORD: &str = "foo-BAR2";

pub fn secret() -> Secret {
    Secret::new("2fooBAR")
}

pub struct World {
    pub registry: Rc<Registry>,
    pub settings: Settings,
    pub pool: Pool,
    ids: AtomicUsize,
}

impl World {
    pub async fn start() -> World {
        World::start_with(|_| (), |_| ()).await
    }

    pub async fn start_with(options: impl FnOnce(&mut Options), settings: impl FnOnce(&mut Settings)) -> World {
        let mut chosen = Options {
            client_certificate: true,
            registrars: ["ClientX", "ClientY"].map(|id| Registrar::new(id, PASSWORD)).into(),
            ..Options::default()
        };
        options(&mut chosen);
        let registry = Registry::start(chosen);
        let certificate = registry.certificate("registrar");
        let endpoint = Endpoint {
            host: registry.address().ip().to_string(),
            port: registry.address().port(),
            server_name: Some("localhost".to_owned()),
            roots: Roots::Pem(registry.authority_pem().as_bytes().to_vec()),
            identity: Some(Identity {
                chain_pem: certificate.certificate_pem.into_bytes(),
                key_pem: certificate.key_pem.into_bytes(),
            }),
        };
        let mut all = Settings::new(endpoint, "ClientX", Secret::new(PASSWORD));
        settings(&mut all);
        World {
            registry: Rc::new(registry),
            pool: Pool::new(all.clone()).unwrap(),
            settings: all,
            ids: AtomicUsize::new(0),
        }
    }

    /// The other registrar at the same registry.
    pub fn other_registrar(&self) -> World {
        let settings = Settings { client_id: "ClientY".to_owned(), ..self.settings.clone() };
        let pool = Pool::new(settings.clone()).unwrap();
        World { registry: self.registry.clone(), settings, pool, ids: AtomicUsize::new(0) }
    }

    /// Runs a command with an id of its own.
    pub async fn run<C: Command>(&self, command: &C) -> Result<Answer<C::Result>, Error> {
        let id = format!("{}-{}", self.settings.client_id, self.ids.fetch_add(1, Ordering::Relaxed));
        self.pool.run(command, &id).await
    }

    pub fn advance_days(&self, days: u32) {
        self.registry.advance(days);
    }

    pub fn snapshot(&self, name: &str) -> Option<DomainSnapshot> {
        self.registry.domain(name)
    }

    /// Registers a name for two years, until 15 January 2028.
    pub fn create(&self, name: &str) -> Create {
        Create::new(name, Period::Years(2), secret())
    }

    pub fn john(id: &str) -> contact::Create {
        let address = Address {
            street: vec!["123 Example Dr.".to_owned(), "Suite 100".to_owned()],
            city: "Dulles".to_owned(),
            state: Some("VA".to_owned()),
            postal_code: Some("20166-6503".to_owned()),
            country: "US".to_owned(),
        };
        let name = "John Doe".to_owned();
        let postal = Postal { form: Form::International, name, organization: Some("Example Inc.".to_owned()), address };
        contact::Create::new(id, postal, "jdoe@example.com", secret())
    }

    pub async fn contact(&self, id: &str) {
        self.run(&World::john(id)).await.unwrap();
    }
}

/// The code of a refusal.
pub fn code_of<T: Debug>(outcome: Result<Answer<T>, Error>) -> Code {
    match outcome {
        Err(Error::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}
