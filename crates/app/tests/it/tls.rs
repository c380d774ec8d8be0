//! PostgreSQL over a network: encrypted, with the server's proof.

use platform::{Db, Events, params};
use testkit::postgres::{Cluster, Options};

async fn outcome(url: &str) -> Result<bool, String> {
    let db = Db::open(url, Events::default()).await.map_err(|error| error.to_string())?;
    let mut conn = db.read().await.map_err(|error| error.to_string())?;
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    conn.scalar(sql, params![]).await.map_err(|error| error.to_string())
}

#[test]
#[cfg_attr(not(unix), ignore = "PostgreSQL's sockets need Unix")]
fn a_server_is_asked_for_as_much_as_the_url_says() {
    let started = testkit::postgres::available().and_then(|()| Cluster::start_with_tls(Options::default()));
    let Some(cluster) = testkit::peers::require(started) else { return };
    testkit::run(async {
        let tls = cluster.tls().unwrap();
        let name = cluster.create_database(None).await;
        let url = |host: &str, query: &str| format!("postgres://innkeeper@{host}:{}/{name}?{query}", tls.port);
        let (ca, own) = (tls.authority.display(), tls.own.display());

        // Within the machine, and by its socket, as it always was.
        assert_eq!(outcome(&url("127.0.0.1", "connect_timeout=9")).await, Ok(false));
        assert_eq!(outcome(&cluster.url(&name)).await, Ok(false));
        assert_eq!(outcome(&format!("{}&sslmode=verify-full", cluster.url(&name))).await, Ok(false));
        assert_eq!(outcome(&url("localhost", "sslmode=prefer")).await, Ok(true));

        for good in [
            url("127.0.0.1", "sslmode=require"),
            url("127.0.0.1", &format!("sslmode=require&sslrootcert={ca}")),
            url("127.0.0.1", &format!("sslmode=verify-ca&sslrootcert={ca}")),
            url("localhost", &format!("sslmode=verify-full&sslrootcert={ca}")),
            // Its own certificate is proof enough, by whatever name it is reached.
            url("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={own}")),
        ] {
            assert_eq!(outcome(&good).await, Ok(true), "{good}");
        }
        for (bad, why) in [
            (url("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={ca}")), "not valid for name"),
            (url("localhost", "sslmode=verify-full"), "UnknownIssuer"),
            (url("localhost", "sslmode=verify-ca&sslrootcert=system"), "UnknownIssuer"),
        ] {
            let refused = outcome(&bad).await.unwrap_err();
            assert!(refused.contains(why) && refused.contains("sslrootcert=FILE"), "{bad}: {refused}");
        }

        // The whole program over an encrypted connection.
        let place = crate::support::Place {
            folder: testkit::Folder::new(),
            url: url("localhost", &format!("sslmode=verify-full&sslrootcert={ca}")),
        };
        place.done(&["init"]);
        place.done(&["setting", "list"]);
    });
}
