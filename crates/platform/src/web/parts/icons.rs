//! The icons: 16 × 16, one stroke, coloured by the text around them.

/// What every icon begins with.
pub(super) const BEGIN: &str = r#"<svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">"#;

/// The lines of an icon; a dot for a name that nobody has drawn.
pub(super) fn lines(name: &str) -> &'static str {
    match name {
        "dashboard" | "home" => r##"<path d="M2.5 7.2 8 2.5l5.5 4.7v6.3h-4v-4h-3v4h-4z"/>"##,
        "clients" => {
            r##"<circle cx="6" cy="5.2" r="2.6"/><path d="M1.5 13.5c.2-2.8 2-4.2 4.5-4.2s4.3 1.4 4.5 4.2M10.6 2.9a2.5 2.5 0 0 1 0 4.6M12.2 9.7c1.4.6 2.2 1.9 2.3 3.8"/>"##
        }
        "orders" => {
            r##"<path d="M1.5 2.5h2l1.6 7.7h7l1.4-5.5H4.1"/><circle cx="6" cy="13" r=".9"/><circle cx="11.3" cy="13" r=".9"/>"##
        }
        "billing" | "invoice" => r##"<path d="M3.5 1.8h9v12.4l-2.2-1.3L8 14.2l-2.3-1.3-2.2 1.3zM6 5.3h4M6 8.3h4"/>"##,
        "services" | "hosting" => {
            r##"<rect x="2" y="2.5" width="12" height="4.6" rx="1"/><rect x="2" y="8.9" width="12" height="4.6" rx="1"/><path d="M4.5 4.8h.01M4.5 11.2h.01M8.5 4.8h3M8.5 11.2h3"/>"##
        }
        "domains" => {
            r##"<circle cx="8" cy="8" r="6"/><path d="M2 8h12M8 2c3.6 3.7 3.6 8.3 0 12M8 2c-3.6 3.7-3.6 8.3 0 12"/>"##
        }
        "support" | "tickets" => r##"<path d="M2 3.5h12v7.5H8.2L5 13.7V11H2zM5 6.2h6M5 8.4h4"/>"##,
        "reports" => r##"<path d="M2.2 13.7h11.6M4 11V8M8 11V3M12 11V5.8"/>"##,
        "utilities" | "tools" => {
            r##"<path d="M13.6 4.7a3.6 3.6 0 0 1-4.9 4L4.5 13a1.5 1.5 0 0 1-2.2-2.2l4.3-4.2a3.6 3.6 0 0 1 4-4.9L8.7 3.9l.4 2 2 .4z"/>"##
        }
        "logs" => r##"<path d="M5.5 4h8.3M5.5 8h8.3M5.5 12h8.3M2.3 4h.01M2.3 8h.01M2.3 12h.01"/>"##,
        "configuration" | "settings" => {
            r##"<path d="M2 4.5h6M11.6 4.5H14M2 11.5h2.4M8 11.5h6"/><circle cx="9.8" cy="4.5" r="1.8"/><circle cx="6.2" cy="11.5" r="1.8"/>"##
        }
        "automation" => {
            r##"<path d="M13.7 7A5.8 5.8 0 0 0 3 5M2.3 9A5.8 5.8 0 0 0 13 11M3 2.2V5h2.8M13 13.8V11h-2.8"/>"##
        }
        "affiliates" => {
            r##"<circle cx="4" cy="8" r="2"/><circle cx="12" cy="3.8" r="2"/><circle cx="12" cy="12.2" r="2"/><path d="m5.8 7.1 4.4-2.4M5.8 8.9l4.4 2.4"/>"##
        }
        "search" => r##"<circle cx="7" cy="7" r="4.6"/><path d="m10.5 10.5 3.6 3.6"/>"##,
        "plus" => r##"<path d="M8 2.8v10.4M2.8 8h10.4"/>"##,
        "menu" => r##"<path d="M2 4h12M2 8h12M2 12h12"/>"##,
        "more" => r##"<path d="M3.5 8h.01M8 8h.01M12.5 8h.01" stroke-width="2.4"/>"##,
        "down" => r##"<path d="m4 6.3 4 3.9 4-3.9"/>"##,
        "next" => r##"<path d="m6.2 3.8 4 4.2-4 4.2"/>"##,
        "prev" => r##"<path d="m9.8 3.8-4 4.2 4 4.2"/>"##,
        "close" => r##"<path d="m3.5 3.5 9 9M12.5 3.5l-9 9"/>"##,
        "check" | "ok" => r##"<path d="m2.8 8.6 3.5 3.5 7-8"/>"##,
        "warn" | "bad" => r##"<path d="M8 2 14.5 13.5h-13zM8 6.3v3.4M8 11.7h.01"/>"##,
        "info" => r##"<circle cx="8" cy="8" r="6"/><path d="M8 7.4v3.6M8 5h.01"/>"##,
        "theme" => r##"<circle cx="8" cy="8" r="5.8"/><path d="M8 2.2a5.8 5.8 0 0 1 0 11.6z" fill="currentColor"/>"##,
        "sidebar" => r##"<rect x="1.8" y="2.8" width="12.4" height="10.4" rx="1.5"/><path d="M6 3v10"/>"##,
        "copy" => r##"<rect x="5.5" y="5.5" width="8" height="8" rx="1.3"/><path d="M10.5 5.5v-3h-8v8h3"/>"##,
        "filter" => r##"<path d="M2 3.5h12M4.5 8h7M6.8 12.5h2.4"/>"##,
        "download" => r##"<path d="M8 2v8M4.6 7 8 10.3 11.4 7M2.5 13.5h11"/>"##,
        "lock" => r##"<rect x="3" y="7" width="10" height="6.8" rx="1.2"/><path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2"/>"##,
        "card" => r##"<rect x="1.5" y="3" width="13" height="10" rx="1.5"/><path d="M1.5 6.3h13M4 10.3h2.5"/>"##,
        "out" => r##"<path d="M6.5 2.5h-4v11h4M10.5 5l3 3-3 3M13.5 8H6"/>"##,
        "user" => r##"<circle cx="8" cy="5" r="2.8"/><path d="M2.8 14c.3-3 2.3-4.5 5.2-4.5s4.9 1.5 5.2 4.5"/>"##,
        _ => r##"<circle cx="8" cy="8" r="2.5"/>"##,
    }
}
