//! One test body, run on both database engines.

use crate::{Folder, postgres};

/// A database engine that the product runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The embedded default.
    Sqlite,
    /// The server, for several nodes.
    Postgres,
}

/// What a [`both_engines!`](crate::both_engines) body asks for, opened on an engine.
pub trait Open: Sized {
    /// A fresh one, shared with no other test. Panics when it cannot be had.
    fn open(engine: Engine) -> impl Future<Output = Self>;
}

/// For a body that opens by itself what it needs.
impl Open for Engine {
    async fn open(engine: Engine) -> Self {
        engine
    }
}

impl Engine {
    /// The URL of an empty database that no other test has: a file in `folder`, or one in the cluster that the tests of a
    /// process share.
    pub async fn database(self, folder: &Folder) -> String {
        match self {
            Engine::Sqlite => format!("sqlite:{}", folder.join("test.db").display()),
            Engine::Postgres => {
                let cluster = postgres::shared();
                cluster.url(&cluster.create_database(None).await)
            }
        }
    }
}

/// Runs a test body on a runtime of its own, with two workers, as the product has several.
///
/// # Panics
/// When the system grants no threads, and when the body does.
pub fn run<F: Future>(body: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("test")
        .enable_all()
        .build()
        .expect("a runtime for the test")
        .block_on(body)
}

/// Makes each function two tests, `name::on_sqlite` and `name::on_postgres`.
///
/// ```
/// # use testkit::Engine as TestDb;
/// testkit::both_engines! {
///     async fn a_period_is_invoiced_once(db: TestDb) {
///         // …
///     }
/// }
/// ```
///
/// The argument is opened through its [`Open`](crate::Open), or by the function that `with = path::to::open;` before the
/// first test names: an `async fn(Engine) -> T`. A body may return whatever a `#[test]` may. Attributes go to both tests.
///
/// Without PostgreSQL's binaries the second test is reported as ignored. Whether they are there is found out when this
/// crate is built; `INNKEEPER_TEST_REQUIRE=all` makes it run, and fail, without them.
#[macro_export]
macro_rules! both_engines {
    (with = $open:path; $($tests:tt)*) => { $crate::__both_engines!([$open] $($tests)*); };
    ($($tests:tt)*) => { $crate::__both_engines!([] $($tests)*); };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __both_engines {
    ([$($open:path)?]) => {};
    (
        [$($open:path)?]
        $(#[$attribute:meta])*
        async fn $name:ident($argument:ident: $type:ty $(,)?) $(-> $result:ty)? $body:block
        $($more:tt)*
    ) => {
        // The function stands beside the module of the same name, not inside: what the body says is looked up where it
        // was written.
        #[cfg(test)]
        async fn $name(engine: $crate::Engine) $(-> $result)? {
            let $argument: $type = $crate::__opened!([$($open)?] $type, engine);
            $body
        }
        #[cfg(test)]
        mod $name {
            #[test]
            $(#[$attribute])*
            fn on_sqlite() $(-> $crate::__termination!($result))? {
                $crate::run(super::$name($crate::Engine::Sqlite))
            }
            $crate::if_postgres! {
                #[test]
                $(#[$attribute])*
                fn on_postgres() $(-> $crate::__termination!($result))? {
                    $crate::run(super::$name($crate::Engine::Postgres))
                }
            }
        }
        $crate::__both_engines!([$($open)?] $($more)*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __opened {
    ([] $type:ty, $engine:ident) => {
        <$type as $crate::Open>::open($engine).await
    };
    ([$open:path] $type:ty, $engine:ident) => {
        $open($engine).await
    };
}

/// The type itself may have no name inside the module.
#[doc(hidden)]
#[macro_export]
macro_rules! __termination {
    ($result:ty) => {
        impl ::std::process::Termination
    };
}

/// A test that needs PostgreSQL, or that is ignored where it is not installed.
#[cfg(has_postgres)]
#[macro_export]
macro_rules! if_postgres {
    ($test:item) => {
        $test
    };
}

/// A test that needs PostgreSQL, or that is ignored where it is not installed.
#[cfg(not(has_postgres))]
#[macro_export]
macro_rules! if_postgres {
    ($test:item) => {
        #[ignore = "PostgreSQL's binaries are not installed"]
        $test
    };
}
