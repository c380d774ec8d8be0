//! The countries of ISO 3166-1, by the names that people write on envelopes.

use std::sync::OnceLock;

/// ISO's formal names, where English has a shorter one (those of Unicode CLDR).
const SHORT: &[(&str, &str)] = &[
    ("BN", "Brunei"),
    ("BO", "Bolivia"),
    ("CD", "Congo (Kinshasa)"),
    ("CG", "Congo (Brazzaville)"),
    ("FK", "Falkland Islands"),
    ("FM", "Micronesia"),
    ("GB", "United Kingdom"),
    ("IR", "Iran"),
    ("KP", "North Korea"),
    ("KR", "South Korea"),
    ("LA", "Laos"),
    ("MD", "Moldova"),
    ("NL", "Netherlands"),
    ("PS", "Palestine"),
    ("RU", "Russia"),
    ("SY", "Syria"),
    ("TW", "Taiwan"),
    ("TZ", "Tanzania"),
    ("US", "United States"),
    ("VA", "Vatican City"),
    ("VE", "Venezuela"),
    ("VN", "Vietnam"),
];

/// The English name of a country by its two capital letters; `None` when there is no such country.
pub fn country_name(code: &str) -> Option<&'static str> {
    let country = rust_iso3166::from_alpha2(code)?;
    let short = SHORT.iter().find(|(known, _)| *known == code).map(|(_, name)| *name);
    Some(short.unwrap_or(country.name))
}

/// Code and name of every country, by name.
pub fn countries() -> &'static [(&'static str, &'static str)] {
    static ALL: OnceLock<Vec<(&'static str, &'static str)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<_> =
            rust_iso3166::ALL_ALPHA2.iter().filter_map(|code| Some((*code, country_name(code)?))).collect();
        all.sort_by_cached_key(|(_, name)| name.chars().map(plain).collect::<String>());
        all
    })
}

/// Åland stands with A.
fn plain(letter: char) -> char {
    match letter {
        'Å' => 'A',
        'ô' => 'o',
        'ç' => 'c',
        'é' => 'e',
        'ü' => 'u',
        other => other,
    }
}
