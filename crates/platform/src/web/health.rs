//! For load balancers and monitoring.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::context::App;
use crate::params;

/// The process is alive.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The process can do its work: the database answers.
pub async fn ready(State(app): State<App>) -> Response {
    let asked = async { app.db.read().await?.scalar::<i64>("SELECT COUNT(*) FROM instance", params![]).await };
    match asked.await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.\n").into_response()
        }
    }
}

/// Prometheus text of what this process has counted.
pub async fn metrics(State(app): State<App>) -> Response {
    use std::sync::atomic::Ordering::Relaxed;
    let counters = app.db.counters();
    let mut text = app.extensions.get::<PrometheusHandle>().map(|handle| handle.render()).unwrap_or_default();
    text.push_str(&format!(
        "# TYPE innkeeper_db_statements_total counter\ninnkeeper_db_statements_total {}\n\
         # TYPE innkeeper_db_commits_total counter\ninnkeeper_db_commits_total {}\n",
        counters.statements.load(Relaxed),
        counters.commits.load(Relaxed)
    ));
    if let Ok(mut conn) = app.db.read().await {
        let states = "SELECT state, COUNT(*) FROM jobs WHERE state <> 'done' GROUP BY state";
        if let Ok(rows) = conn.all::<(String, i64)>(states, params![]).await {
            text.push_str("# TYPE innkeeper_jobs gauge\n");
            for (state, count) in rows {
                text.push_str(&format!("innkeeper_jobs{{state=\"{state}\"}} {count}\n"));
            }
        }
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Starts counting. Once a process; `None` when something counts already.
pub fn install_metrics() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().ok()
}
