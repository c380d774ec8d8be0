//! TLDs in the staff area.

mod addons;
mod bulk;
mod form;
mod import;
mod list;
mod questions;

use accounts::doors::Routes;
use kernel::{FieldErrors, Result, nonempty};
use minijinja::Value;
use platform::web::Form;

use super::{Badge, CONFIGURE, Filter, Offer};
use hosting::view::option;

const PAGE: &str = "/admin/setup/tlds";
const SECTION: &str = "configuration";

pub fn routes() -> Routes {
    Routes::new()
        .get(PAGE, CONFIGURE, list::index)
        .post(PAGE, CONFIGURE, form::create)
        .get("/admin/setup/tlds/new", CONFIGURE, form::new_page)
        .post("/admin/setup/tlds/bulk", CONFIGURE, bulk::ask)
        .post("/admin/setup/tlds/change", CONFIGURE, bulk::change)
        .post("/admin/setup/tlds/delete", CONFIGURE, bulk::delete)
        .get("/admin/setup/tlds/import", CONFIGURE, import::page)
        .post("/admin/setup/tlds/import", CONFIGURE, import::run)
        .get("/admin/setup/tlds/export.csv", CONFIGURE, import::export)
        .get("/admin/setup/tlds/addons", CONFIGURE, addons::page)
        .post("/admin/setup/tlds/addons", CONFIGURE, addons::save)
        .get("/admin/setup/tlds/{id}", CONFIGURE, form::edit_page)
        .post("/admin/setup/tlds/{id}", CONFIGURE, form::update)
        .post("/admin/setup/tlds/{id}/duplicate", CONFIGURE, form::duplicate)
        .post("/admin/setup/tlds/{id}/delete", CONFIGURE, form::delete)
        .get("/admin/setup/tlds/{id}/questions", CONFIGURE, questions::page)
        .post("/admin/setup/tlds/{id}/questions", CONFIGURE, questions::save)
}

impl Filter {
    /// From the fields of an address: `q`, `registrar`, `badge`, `sold`, `spotlight`.
    pub(in crate::tlds) fn parse(form: &Form) -> Result<Filter> {
        let mut errors = FieldErrors::default();
        let given = |name: &str| nonempty(form.text(name)).map(str::to_owned);
        let mut yes = |name: &str| {
            let text = given(name)?;
            errors.take(name, platform::compat::parse_bool(&text))
        };
        let (sold, spotlight) = (yes("sold"), yes("spotlight"));
        let badge = given("badge").and_then(|text| errors.take("badge", Badge::parse(&text)));
        errors.check()?;
        Ok(Filter { text: form.text("q").to_owned(), registrar: given("registrar"), badge, spotlight, sold })
    }
}

fn badges() -> Vec<Value> {
    vec![option("hot", "Hot"), option("new", "New"), option("sale", "Sale")]
}

fn offers() -> Vec<Value> {
    let label = |offer: &Offer| match offer {
        Offer::None => "Not offered",
        Offer::Free => "Free of charge",
        Offer::Paid => "By the price list of addons",
    };
    Offer::ALL.iter().map(|offer| option(offer, label(offer))).collect()
}
