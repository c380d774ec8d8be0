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
    OUR_NETWORKS = "our_networks", "Domains", Kind::Lines { max: 5000 }, "", "Our networks",
        "Addresses and networks of our servers, with commas between them: a name that points there is one of ours.",
        "domains::resolver::ours", own_networks;
    OUR_NAME_SERVERS = "our_name_servers", "Domains", Kind::Text { max: 1000 }, "", "Our name servers",
        "Host names with commas between them; .host.example stands for every host under it.",
        "domains::resolver::ours", own_hosts;
    OUR_MAIL_HOSTS = "our_mail_hosts", "Domains", Kind::Text { max: 1000 }, "", "Our mail hosts",
        "Host names with commas between them; .host.example stands for every host under it.",
        "domains::resolver::ours", own_hosts;
    DNS_RESOLVERS = "dns_resolvers", "Domains", Kind::Text { max: 500 }, "", "DNS resolvers",
        "Addresses with commas between them, such as 192.0.2.53 or [2001:db8::53]:5353. Empty: those of this machine.",
        "domains::resolver::run", own_resolvers;
    DNS_MILLISECONDS = "dns_timeout_ms", "Domains", Kind::Int { min: 100, max: 30_000 }, "2000", "Wait for DNS",
        "Milliseconds for one attempt.", "domains::resolver::run", anything;
    DNS_RETRIES = "dns_retries", "Domains", Kind::Int { min: 0, max: 10 }, "2", "Ask DNS again",
        "How often after an attempt that was not answered.", "domains::resolver::run", anything;
    DNS_AT_ONCE = "dns_at_once", "Domains", Kind::Int { min: 1, max: 500 }, "64", "DNS questions at once",
        "How many sockets the domain resolver may have open.", "domains::resolver::run", anything;
    KEEP_RESOLVED = "keep_resolved_days", "Clean-up", Kind::Int { min: 1, max: 3650 }, "90", "Keep runs of the domain resolver",
        "Days for which what they found is listed.", "platform::prune::run", anything;
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

fn own_networks(text: &str, _: &Values) -> Result<String, String> {
    let all = crate::resolver::networks(text)?;
    Ok(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn own_hosts(text: &str, _: &Values) -> Result<String, String> {
    Ok(crate::resolver::hosts(text)?.join(", "))
}

fn own_resolvers(text: &str, _: &Values) -> Result<String, String> {
    let all = crate::resolver::resolvers(text)?;
    Ok(all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}
