//! What a credential may be used for.

use accounts::sso_tokens::{CUSTOM, Target, destinations};

/// The log-in itself, which every use needs.
const SIGN_ON: &str = "clientarea:sso";

/// Names of scopes in their order, without repetitions. Only what there is a page of can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(Vec<&'static str>);

fn known() -> impl Iterator<Item = &'static str> {
    [SIGN_ON].into_iter().chain(destinations()).chain([CUSTOM])
}

impl Scope {
    /// From names with spaces between them; what is wrong is told in the documented sentences.
    pub fn parse(text: &str) -> Result<Scope, String> {
        let asked: Vec<&str> = text.split_whitespace().collect();
        let unknown = |name: &&str| !known().any(|known| known == *name);
        if let Some(name) = asked.iter().copied().find(|name| unknown(name)) {
            let shown: String = name.chars().take(60).collect();
            return Err(format!("The requested scope \"{shown}\" is invalid."));
        }
        if asked.is_empty() {
            return Err("At least one valid scope is required.".to_owned());
        }
        Ok(Scope(known().filter(|name| asked.contains(name)).collect()))
    }

    /// As it was stored. What another version knew besides is left out.
    pub fn stored(text: &str) -> Scope {
        Scope(known().filter(|name| text.split_whitespace().any(|stored| stored == *name)).collect())
    }

    pub fn text(&self) -> String {
        self.0.join(" ")
    }

    pub fn covers(&self, other: &Scope) -> bool {
        other.0.iter().all(|name| self.0.contains(name))
    }

    /// Where somebody with this scope is led; `path` is that of the destination that brings one along.
    pub fn target(&self, path: Option<&str>) -> Result<Target, String> {
        let places: Vec<&str> = self.0.iter().copied().filter(|name| *name != SIGN_ON).collect();
        match (places.as_slice(), path) {
            ([CUSTOM], path) => Target::of_path(path.unwrap_or_default()).map_err(str::to_owned),
            (_, Some(_)) => Err(format!("A path goes with the scope {CUSTOM} alone.")),
            ([], None) => Ok(Target::default()),
            ([place], None) => {
                Target::named(place).ok_or_else(|| format!("The requested scope \"{place}\" is invalid."))
            }
            _ => Err("Ask for one destination at a time.".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;

    #[test]
    fn a_scope_has_what_there_is_and_covers_its_parts() {
        let all = Scope::parse(" sso:custom_redirect clientarea:profile  clientarea:sso clientarea:sso").unwrap();
        assert_eq!(all.text(), "clientarea:sso clientarea:profile sso:custom_redirect");
        let one = Scope::parse("clientarea:profile").unwrap();
        assert!(all.covers(&one) && !one.covers(&all));
        assert_eq!(Scope::parse(" ").unwrap_err(), "At least one valid scope is required.");
        let told = Scope::parse("clientarea:sso clientarea:invoices").unwrap_err();
        assert_eq!(told, "The requested scope \"clientarea:invoices\" is invalid.");
        assert_eq!(Scope::stored("clientarea:profile gone"), one);
    }

    #[test]
    fn a_scope_leads_to_one_place() {
        let led = |text: &str, path| Scope::parse(text).unwrap().target(path).map(|target| target.path().to_owned());
        assert_eq!(led("clientarea:sso", None).unwrap(), "/account");
        assert_eq!(led("clientarea:sso clientarea:profile", None).unwrap(), "/account/details");
        assert_eq!(led("sso:custom_redirect", Some("/account/security")).unwrap(), "/account/security");
        for (text, path) in [
            ("sso:custom_redirect", None),
            ("sso:custom_redirect", Some("//evil.example")),
            ("clientarea:profile", Some("/account")),
            ("clientarea:profile sso:custom_redirect", Some("/account")),
            ("clientarea:profile sso:custom_redirect", None),
        ] {
            assert!(led(text, path).is_err(), "{text} {path:?}");
        }
    }
}
