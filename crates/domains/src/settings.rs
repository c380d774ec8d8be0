//! The settings that domains read.

use platform::settings::{Values, anything};
use platform::{Kind, Setting};

macro_rules! settings {
    ($($name:ident = $key:literal, $section:literal, $kind:expr, $default:literal, $label:literal, $help:literal,
       $reader:literal, $rule:ident;)+) => {
        $(pub const $name: Setting = Setting {
            key: $key, kind: $kind, default: $default, section: $section, label: $label, help: $help, read_by: $reader,
            rule: $rule,
        };)+
        pub const SETTINGS: &[Setting] = &[$($name),+];
    };
}

settings! {
    LOOKUP_ORDER = "lookup_order", "Domains", Kind::Text { max: 40 }, "rdap, whois", "Look-ups ask",
        "rdap and whois, in the order in which registries are asked whether a name can be registered. The registrar of an \
         extension comes before both, where it can say.", "domains::lookups::look_up", sources;
    LOOKUP_SECONDS = "lookup_seconds", "Domains", Kind::Int { min: 1, max: 60 }, "20", "Wait for look-ups",
        "Seconds. What is not known by then is shown as unknown.", "domains::lookups::look_up", anything;
    LOOKUPS_AT_ONCE = "lookups_at_once", "Domains", Kind::Int { min: 1, max: 50 }, "8", "Look-ups at once",
        "How many names registries are asked about at the same time.", "domains::lookups::look_up", anything;
    LOOKUP_CACHE_MINUTES = "lookup_cache_minutes", "Domains", Kind::Int { min: 0, max: 1440 }, "5", "Keep answers",
        "Minutes for which an answer about a name is used again; 0 asks every time.", "domains::lookups::look_up", anything;
    KEEP_LOOKUP_LOG = "keep_lookup_log_days", "Clean-up", Kind::Int { min: 1, max: 3650 }, "90", "Keep the look-up log",
        "Days.", "platform::prune::run", anything;
    KEEP_REGISTRAR_LOG = "keep_registrar_log_days", "Clean-up", Kind::Int { min: 30, max: 3650 }, "730",
        "Keep the registrar log",
        "Days. What was asked of registrars and what they answered; disputes with a registry are settled by it.",
        "platform::prune::run", anything;
    KEEP_TLD_LISTS = "keep_tld_lists_days", "Clean-up", Kind::Int { min: 1, max: 3650 }, "30",
        "Keep price lists of registrars", "Days. Prices are imported from a list as long as it is kept.",
        "platform::prune::run", anything;
}

/// `rdap, whois`: each once, at least one.
fn sources(text: &str, _: &Values) -> Result<String, String> {
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_lowercase()).collect();
    let known = words.iter().all(|word| matches!(word.as_str(), "rdap" | "whois"));
    let twice = words.len() > 1 && words[0] == words[1];
    if known && !twice && words.len() <= 2 {
        Ok(words.join(", "))
    } else {
        Err("Write rdap, whois, or both with a comma between them.".to_owned())
    }
}
