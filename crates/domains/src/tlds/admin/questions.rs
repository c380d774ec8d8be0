//! What a registry asks of registrants, in the staff area.

use accounts::doors::admin::error_list;
use accounts::doors::{AdminCx, Id, Redirect};
use axum::response::{IntoResponse, Response};
use hosting::view::option;
use kernel::{Error, Extension, FieldErrors, Result};
use minijinja::{Value, context};
use platform::web::{Fail, Form};

use super::{PAGE, SECTION};
use crate::tlds::fields::{self, Choice, Field, FieldKind};
use crate::tlds::{self, TldEdit};

const TEMPLATE: &str = "domains/tlds/questions.html";
/// Empty rows at the end, for new questions.
const SPARE: usize = 3;
const MOST: usize = 60;

/// `value = label` on each line; a line without `=` is both.
fn options(text: &str) -> Vec<Choice> {
    let line = |line: &str| {
        let (value, label) = line.split_once('=').unwrap_or((line, line));
        Choice { value: value.trim().to_owned(), label: label.trim().to_owned() }
    };
    text.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// A row without a name and a label is no question.
fn read(form: &Form) -> Result<Vec<Field>> {
    let mut errors = FieldErrors::default();
    let mut list = Vec::new();
    for at in 0..MOST {
        let text = |part: &str| form.text(&format!("q{at}_{part}")).to_owned();
        if text("name").is_empty() && text("label").is_empty() {
            continue;
        }
        let kind = errors.take(&format!("q{at}_kind"), FieldKind::parse(&text("kind")));
        list.extend(kind.map(|kind| Field {
            name: text("name"),
            label: text("label"),
            kind,
            options: options(form.raw(&format!("q{at}_options")).unwrap_or_default()),
            required: form.ticked(&format!("q{at}_required")),
            help: text("help"),
        }));
    }
    errors.check()?;
    Ok(list)
}

/// `fields[2].name` of the rules is `q2_name` here, because the rows are in the same order.
fn by_row(errors: &FieldErrors) -> FieldErrors {
    let mut named = FieldErrors::default();
    for (field, message) in errors.iter() {
        let row = field.strip_prefix("fields[").and_then(|rest| rest.split_once("]."));
        named.add(row.map_or(field.to_owned(), |(at, part)| format!("q{at}_{part}")), message);
    }
    named
}

async fn show(cx: &AdminCx, id: i64, typed: Option<&[Field]>, errors: &FieldErrors) -> Result<Response, Fail> {
    let tld = tlds::find(&mut cx.app.db.read().await?, id).await?;
    let list = typed.map_or_else(|| tld.questions(), <[Field]>::to_vec);
    let known = Extension::parse(&tld.extension).map(|extension| fields::shipped(&extension)).unwrap_or_default();
    let row = |at: usize| {
        let field = list.get(at);
        let lines = |field: &Field| {
            let line = |choice: &Choice| format!("{} = {}", choice.value, choice.label);
            field.options.iter().map(line).collect::<Vec<_>>().join("\n")
        };
        context! {
            at, new => field.is_none(),
            name => field.map(|field| &field.name), label => field.map(|field| &field.label),
            kind => field.map_or("text", |field| field.kind.as_str()), help => field.map(|field| &field.help),
            required => field.is_some_and(|field| field.required), options => field.map(lines),
        }
    };
    let rows: Vec<Value> = (0..(list.len() + SPARE).min(MOST)).map(row).collect();
    let title = format!("Questions for {}", tld.shown());
    let values = context! {
        rows, extension => tld.shown(), back => format!("{PAGE}/{id}"), action => format!("{PAGE}/{id}/questions"),
        kinds => vec![option("text", "Text"), option("choice", "Choice"), option("tick", "Tick box")],
        differs => known != list && typed.is_none(), known => known.len(),
    };
    if errors.is_empty() {
        cx.page(TEMPLATE, SECTION, &title, context! { errors => error_list(errors), ..values })
    } else {
        cx.again(TEMPLATE, SECTION, &title, errors, values)
    }
}

pub(super) async fn page(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    show(&cx, id, None, &FieldErrors::default()).await
}

pub(super) async fn save(cx: AdminCx, Id(id): Id) -> Result<Response, Fail> {
    let mut tx = cx.app.db.write().await?;
    let tld = tlds::find(&mut tx, id).await?;
    let list = if cx.form.text("do") == "known" {
        Extension::parse(&tld.extension).map(|extension| fields::shipped(&extension)).unwrap_or_default()
    } else {
        read(&cx.form)?
    };
    let edit = TldEdit { fields: Some(list.clone()), ..TldEdit::default() };
    match tlds::update(&mut tx, &cx.actor, id, &edit, cx.now).await {
        Ok(done) => {
            tx.commit().await?;
            let words = format!("Questions for {} saved", done.tld.shown());
            Ok(Redirect::to(format!("{PAGE}/{id}")).saying(words).into_response())
        }
        Err(Error::Invalid(errors)) => {
            tx.rollback().await?;
            show(&cx, id, Some(&list), &by_row(&errors)).await
        }
        Err(other) => Err(Fail(other)),
    }
}
