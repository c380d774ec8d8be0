//! minijinja with one loader: every crate hands in the templates that stand beside its handlers.

use std::sync::Arc;

use axum::response::{Html, IntoResponse, Response};
use kernel::{Error, Result};
use minijinja::{Environment, UndefinedBehavior};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/src/web/templates"]
#[include = "*.html"]
struct Frame;

/// All templates of the program.
#[derive(Clone)]
pub struct Templates(Arc<Environment<'static>>);

pub struct Builder(Environment<'static>);

impl Templates {
    /// Starts with the frame: layout, macros, login, error page.
    pub fn builder() -> Result<Builder> {
        let mut env = Environment::new();
        // A misspelt name is an error in the first test that renders the page, not an empty cell for ever.
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(20_000_000));
        env.add_global("small_parts", super::parts::all());
        let mut builder = Builder(env);
        builder.add::<Frame>("")?;
        Ok(builder)
    }

    /// Renders `name` with `context` as an HTML page.
    pub fn page(&self, name: &str, context: minijinja::Value) -> Result<Response> {
        Ok(Html(self.render(name, context)?).into_response())
    }

    pub fn render(&self, name: &str, context: minijinja::Value) -> Result<String> {
        let render = || self.0.get_template(name)?.render(context);
        render().map_err(|error| Error::broken(format!("template {name}: {error:#}")))
    }

    pub fn names(&self) -> Vec<String> {
        self.0.templates().map(|(name, _)| name.to_owned()).collect()
    }
}

impl Builder {
    /// Adds the templates of a crate under a prefix: `invoices/list.html` of billing is `billing/invoices/list.html`.
    pub fn add<E: RustEmbed>(&mut self, prefix: &str) -> Result<()> {
        for file in E::iter() {
            let Some(content) = E::get(&file) else { continue };
            let name = if prefix.is_empty() { file.to_string() } else { format!("{prefix}/{file}") };
            let source = String::from_utf8_lossy(&content.data).into_owned();
            self.0
                .add_template_owned(name.clone(), source)
                .map_err(|error| Error::broken(format!("template {name}: {error:#}")))?;
        }
        Ok(())
    }

    pub fn build(self) -> Templates {
        Templates(Arc::new(self.0))
    }
}
