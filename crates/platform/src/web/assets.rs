//! The style sheet and the script, compiled in, cached by the hash of their content.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src/web/assets"]
struct Assets;

/// The address of an asset with its content hash: it may be kept for ever.
pub fn address(name: &str) -> String {
    let hash = Assets::get(name).map(|file| crate::crypto::hex(&file.metadata.sha256_hash()[..6])).unwrap_or_default();
    format!("/assets/{name}?v={hash}")
}

pub fn css() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("app.css"))
}

pub fn js() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("app.js"))
}

pub async fn serve(name: Result<Path<String>, PathRejection>) -> Response {
    // A name that is no text names nothing.
    let Path(name) = name.unwrap_or_else(|_| Path(String::new()));
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match Assets::get(&name) {
        Some(file) => (
            [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")],
            file.data.into_owned(),
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
