//! What load balancers and monitoring ask.

use axum::http::HeaderValue;

use crate::support::{Site, ask, read};

testkit::both_engines! {
    async fn a_running_installation_says_that_it_is_well(site: Site) {
        assert_eq!(site.get("/healthz", None).await, (200.try_into().unwrap(), "ok\n".to_owned()));
        assert_eq!(site.get("/readyz", None).await, (200.try_into().unwrap(), "ready\n".to_owned()));
        let (status, metrics) = site.get("/metrics", None).await;
        assert_eq!(status, 200);
        assert!(metrics.contains("innkeeper_db_statements_total"), "{metrics}");
    }

    async fn what_an_unknown_proxy_forwards_may_not_read_the_metrics(site: Site) {
        let forwarded = |path| {
            let mut request = ask("GET", path, None, "");
            request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("127.0.0.1"));
            site.send(request)
        };
        let (status, text) = read(forwarded("/metrics").await).await;
        assert_eq!(status, 403);
        assert!(!text.contains("innkeeper_db"), "{text}");
        assert_eq!(forwarded("/healthz").await.status(), 200);
    }

    async fn without_its_database_it_lives_but_is_not_ready(site: Site) {
        match site.place.url.strip_prefix("sqlite:") {
            Some(path) => rusqlite::Connection::open(path).unwrap().execute("DROP TABLE instance", []).map(|_| ()).unwrap(),
            None => {
                let name = site.place.url.split("@/").nth(1).unwrap().split('?').next().unwrap();
                testkit::postgres::shared().drop_database(name).await;
            }
        }
        assert_eq!(site.get("/readyz", None).await, (503.try_into().unwrap(), "The database does not answer.\n".to_owned()));
        assert_eq!(site.get("/healthz", None).await.0, 200);
    }

    async fn what_is_not_there_is_told_in_the_readers_form(site: Site) {
        let (status, page) = site.get("/admin/nowhere", None).await;
        assert_eq!(status, 404);
        assert!(page.contains("<html"), "{page}");
        let (status, problem) = site.get("/api/v1/nowhere", None).await;
        assert_eq!(status, 404);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&problem).unwrap()["status"], 404);
        assert_eq!(site.get("/", None).await.1, "/login");
    }
}
