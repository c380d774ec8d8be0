//! The settings that domains read.

use platform::{Kind, Setting, settings};

macro_rules! settings {
    ($($name:ident = $key:literal, $section:literal, $kind:expr, $default:literal, $label:literal, $help:literal,
       $reader:literal;)+) => {
        $(pub const $name: Setting = Setting {
            key: $key, kind: $kind, default: $default, section: $section, label: $label, help: $help, read_by: $reader,
            rule: settings::anything,
        };)+
        pub const SETTINGS: &[Setting] = &[$($name),+];
    };
}

settings! {
    KEEP_REGISTRAR_LOG = "keep_registrar_log_days", "Clean-up", Kind::Int { min: 30, max: 3650 }, "730",
        "Keep the registrar log",
        "Days. What was asked of registrars and what they answered; disputes with a registry are settled by it.",
        "platform::prune::run";
    KEEP_TLD_LISTS = "keep_tld_lists_days", "Clean-up", Kind::Int { min: 1, max: 3650 }, "30",
        "Keep price lists of registrars", "Days. Prices are imported from a list as long as it is kept.",
        "platform::prune::run";
}
