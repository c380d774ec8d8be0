//! minijinja with one loader: every crate hands in the templates that stand beside its handlers. One is compiled when it is
//! first rendered, because compiled ones take megabytes and most servers show few of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::{Html, IntoResponse, Response};
use kernel::{Error, Result};
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src/web/templates"]
#[include = "*.html"]
struct Frame;

type Sources = BTreeMap<String, Cow<'static, [u8]>>;

/// All templates of the program.
#[derive(Clone)]
pub struct Templates {
    env: Arc<Environment<'static>>,
    sources: Arc<Sources>,
}

pub struct Builder {
    env: Environment<'static>,
    sources: Sources,
}

impl Templates {
    /// Starts with the frame: layout, macros, login, error page.
    pub fn builder() -> Builder {
        let mut env = Environment::new();
        // A misspelt name is an error in the first test that renders the page, not an empty cell for ever.
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(20_000_000));
        env.add_global("small_parts", super::parts::all());
        env.add_filter("amount", amount);
        let mut builder = Builder { env, sources: Sources::new() };
        builder.add::<Frame>("");
        builder
    }

    /// Renders `name` with `context` as an HTML page.
    pub fn page(&self, name: &str, context: minijinja::Value) -> Result<Response> {
        Ok(Html(self.render(name, context)?).into_response())
    }

    pub fn render(&self, name: &str, context: minijinja::Value) -> Result<String> {
        let render = || self.env.get_template(name)?.render(context);
        render().map_err(|error| Error::broken(format!("template {name}: {error:#}")))
    }

    /// Compiles every template, for the test that finds mistakes before anybody opens the page; how many there are.
    pub fn check(&self) -> Result<usize> {
        for name in self.sources.keys() {
            self.env.get_template(name).map_err(|error| Error::broken(format!("template {name}: {error:#}")))?;
        }
        Ok(self.sources.len())
    }
}

impl Builder {
    /// Adds the templates of a crate under a prefix: `invoices/list.html` of billing is `billing/invoices/list.html`.
    pub fn add<E: RustEmbed>(&mut self, prefix: &str) {
        for file in E::iter() {
            let Some(content) = E::get(&file) else { continue };
            let name = if prefix.is_empty() { file.to_string() } else { format!("{prefix}/{file}") };
            self.sources.insert(name, content.data);
        }
    }

    pub fn build(self) -> Templates {
        let (mut env, sources) = (self.env, Arc::new(self.sources));
        let known = sources.clone();
        env.set_loader(move |name| Ok(known.get(name).map(|source| String::from_utf8_lossy(source).into_owned())));
        Templates { env: Arc::new(env), sources }
    }
}

/// Amounts for the eye: `1234567.50 USD, 2 JPY` as `1,234,567.50 USD, 2 JPY`. Any other text stays as it is.
pub(super) fn amount(value: minijinja::Value) -> minijinja::Value {
    let Some(text) = value.as_str() else { return value };
    let one = |text: &str| {
        let (number, currency) = text.split_once(' ')?;
        is_code(currency).then(|| Some(format!("{} {currency}", grouped(number)?)))?
    };
    let shown: Option<Vec<String>> = text.split(", ").map(one).collect();
    shown.map_or(value, |amounts| minijinja::Value::from(amounts.join(", ")))
}

fn is_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Commas between the thousands of a decimal number; `None` when the text is none.
fn grouped(number: &str) -> Option<String> {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, decimals) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let decimal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !decimal(whole) || decimals.is_some_and(|rest| !decimal(rest)) {
        return None;
    }
    let whole = super::lists::grouped(whole.parse().ok()?);
    Some(decimals.map_or_else(|| format!("{sign}{whole}"), |rest| format!("{sign}{whole}.{rest}")))
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn the_thousands_of_an_amount_are_grouped_and_nothing_else() {
        let shown = |text: &str| amount(minijinja::Value::from(text)).to_string();
        assert_eq!(shown("1234567.50 USD"), "1,234,567.50 USD");
        assert_eq!(shown("-1234 JPY"), "-1,234 JPY");
        assert_eq!(shown("-0.50 EUR"), "-0.50 EUR");
        assert_eq!(shown("12.50 USD"), "12.50 USD");
        assert_eq!(shown("12500.00 USD, 1000 JPY"), "12,500.00 USD, 1,000 JPY");
        for same in ["1234567", "2026-01-31", "1234567 invoices", "Noah 1234 USD", "12345 usd", "", "1,000.00 USD"] {
            assert_eq!(shown(same), same);
        }
        assert_eq!(amount(minijinja::Value::from(12_345)).to_string(), "12345");
    }
}
