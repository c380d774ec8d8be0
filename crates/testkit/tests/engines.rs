//! Each test of `both_engines!` runs on both, with what it asked for.

use testkit::{Engine, postgres};
use tokio_postgres::NoTls;

mod elsewhere {
    pub struct Store(pub testkit::Engine);
    pub async fn open(engine: testkit::Engine) -> Store {
        Store(engine)
    }
}

testkit::both_engines! {
    with = elsewhere::open;

    /// Attributes and documentation are kept.
    async fn a_path_opens_what_the_test_asks_for(store: elsewhere::Store) {
        assert!(matches!(store.0, Engine::Sqlite | Engine::Postgres));
        tokio::spawn(async {}).await.unwrap();
    }

    #[should_panic = "sentences"]
    async fn attributes_go_to_the_tests(_store: elsewhere::Store) {
        panic!("tests are sentences");
    }
}

testkit::both_engines! {
    async fn without_a_path_the_type_opens_itself(engine: Engine) -> Result<(), tokio_postgres::Error> {
        if engine == Engine::Sqlite {
            return Ok(());
        }
        let cluster = postgres::shared();
        let template = cluster.create_database(None).await;
        run(&cluster.url(&template), "CREATE TABLE guest (id BIGINT PRIMARY KEY)").await?;
        let copy = cluster.create_database(Some(&template)).await;
        assert_ne!(copy, template);
        run(&cluster.url(&copy), "INSERT INTO guest VALUES (1)").await?;
        cluster.drop_database(&copy).await;
        assert!(run(&cluster.url(&copy), "SELECT 1").await.is_err());
        Ok(())
    }
}

async fn run(url: &str, statement: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    client.batch_execute(statement).await?;
    drop(client);
    // A template is copied only when nobody is connected to it.
    let _ = connection.await;
    Ok(())
}

#[test]
fn a_durable_cluster_keeps_what_was_committed_before_a_crash() {
    let started = postgres::Cluster::start(postgres::Options { durable: true });
    let Some(mut cluster) = testkit::peers::require(started) else { return };
    testkit::run(async {
        let name = cluster.create_database(None).await;
        run(&cluster.url(&name), "CREATE TABLE guest (id BIGINT)").await.unwrap();
        run(&cluster.url(&name), "INSERT INTO guest VALUES (1)").await.unwrap();
        let (held, connection) = tokio_postgres::connect(&cluster.url(&name), NoTls).await.unwrap();
        tokio::spawn(connection);
        held.batch_execute("BEGIN; INSERT INTO guest VALUES (2)").await.unwrap();
        cluster.crash();
        cluster.restart().unwrap();
        run(&cluster.url(&name), "DO $$ BEGIN ASSERT (SELECT array_agg(id) FROM guest) = '{1}'; END $$").await.unwrap();
    });
}
