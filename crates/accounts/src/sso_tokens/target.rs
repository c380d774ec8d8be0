//! Where a token leads.

use kernel::Error;

/// A page of the client area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(String);

const HOME: &str = "/account";

/// The destinations of the compatible API of which there is a page here.
const DESTINATIONS: &[(&str, &str)] = &[("clientarea:profile", "/account/details")];

/// The destination that brings its path along.
pub const CUSTOM: &str = "sso:custom_redirect";

/// The longest path.
const MOST: usize = 500;

/// The destinations that lead somewhere, by their names.
pub fn destinations() -> impl Iterator<Item = &'static str> {
    DESTINATIONS.iter().map(|(name, _)| *name)
}

impl Default for Target {
    fn default() -> Target {
        Target(HOME.to_owned())
    }
}

impl Target {
    /// By the name that the compatible API has for it.
    pub fn named(destination: &str) -> Option<Target> {
        let found = DESTINATIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(destination));
        found.map(|(_, path)| Target((*path).to_owned()))
    }

    /// A path below `/account`, perhaps with a query. What a browser could take for another host, or for a step upwards,
    /// is refused, whatever would become of it.
    pub fn of_path(path: &str) -> Result<Target, &'static str> {
        let (page, query) = path.split_once('?').unwrap_or((path, ""));
        let inside = page.strip_prefix(HOME).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let steps = page.split('/').skip(1).all(|step| !matches!(step, "" | "." | ".."));
        let plain = |text: &str, more: &str| {
            text.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-_.~/".contains(letter) || more.contains(letter))
        };
        if inside && steps && path.len() <= MOST && plain(page, "") && plain(query, "%&=+,:") {
            return Ok(Target(path.to_owned()));
        }
        Err("Write a path of the client area, such as /account/security.")
    }

    pub fn path(&self) -> &str {
        &self.0
    }

    /// As it is stored. What another version has stored leads home if it leads nowhere.
    pub(super) fn stored(path: &str) -> Target {
        Target::of_path(path).unwrap_or_default()
    }
}

/// For doors that have the path in a field.
pub fn in_field(field: &str, path: Option<&str>) -> Result<Target, Error> {
    match path {
        None => Ok(Target::default()),
        Some(path) => Target::of_path(path).map_err(|message| Error::invalid(field, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_token_leads_to_pages_of_the_client_area_and_nowhere_else() {
        for path in ["/account", "/account/security", "/account/users/7", "/account?x=1&y=a%20b", "/account/a.b~c"] {
            assert_eq!(Target::of_path(path).map(|target| target.path().to_owned()), Ok(path.to_owned()));
        }
        let long = format!("/account/{}", "a".repeat(500));
        for path in [
            "",
            "/",
            "account",
            "/accounts",
            "/account/",
            "/account//evil.example",
            "//evil.example/account",
            "/\\evil.example",
            "/account\\..\\admin",
            "https://evil.example/account",
            "javascript:alert(1)",
            "/account/../admin",
            "/account/./x",
            "/account/%2e%2e/admin",
            "/account/..%2fadmin",
            "/account/x\r\nSet-Cookie: a=b",
            "/account#@evil.example",
            "/account@evil.example",
            "/account?next=//evil.example\\",
            "/account?x=<script>",
            "/account/é",
            "/admin",
            "/login",
            " /account",
            &long,
        ] {
            assert!(Target::of_path(path).is_err(), "{path}");
        }
        assert_eq!(Target::stored("//evil.example"), Target::default());
    }

    #[test]
    fn destinations_without_a_page_are_none() {
        assert_eq!(Target::named("ClientArea:Profile").unwrap().path(), "/account/details");
        for name in ["clientarea:invoices", "clientarea:", "", "sso:custom_redirect", "/account"] {
            assert_eq!(Target::named(name), None, "{name}");
        }
    }
}
