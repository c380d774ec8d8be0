//! The small parts that stand in every row of every page, as functions that `macros.html` hands out beside its macros.
//! They are here and not there because a list page has five hundred of them, and a macro takes ten times as long.
//!
//! As with a macro, what is left out is empty, what is misspelt is an error, and text is escaped unless it is marked safe.

mod icons;

use std::fmt::Write;
use std::sync::Arc;

use super::templates::amount;
use minijinja::value::{Object, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

type Result<T = ()> = std::result::Result<T, Error>;

/// Most parameters that a part has.
const MOST: usize = 5;

#[derive(Debug)]
struct Part {
    name: &'static str,
    params: &'static [&'static str],
    /// So many of them must be given.
    required: usize,
    write: fn(&mut String, &[Value; MOST]) -> Result,
}

/// All parts by their name.
pub(super) fn all() -> Value {
    let part = |name, required, params, write| (name, Value::from_object(Part { name, params, required, write }));
    Value::from_pairs([
        part("icon", 1, &["name"], |out, [name, ..]| icon(out, name)),
        part("csrf", 1, &["token"], |out, [token, ..]| {
            tag(out, "<input type=\"hidden\" name=\"csrf\" value=\"", token, "\">")
        }),
        part("pill", 1, &["status", "tone"], |out, [status, tone, ..]| pill(out, status, tone)),
        part("money", 1, &["text", "tone"], |out, [text, tone, ..]| {
            out.push_str("<span class=\"money");
            if_given(out, " money-", tone, "")?;
            tag(out, "\">", &amount(text.clone()), "</span>")
        }),
        part("when", 1, &["text", "instant"], |out, [text, instant, ..]| {
            out.push_str("<time dir=\"auto\"");
            if_given(out, " datetime=\"", instant, "\"")?;
            if_given(out, " title=\"", instant, "\"")?;
            tag(out, ">", text, "</time>")
        }),
        part("cut", 1, &["text"], |out, [text, ..]| {
            tag(out, "<bdi class=\"cut\" title=\"", text, "\">")?;
            tag(out, "", text, "</bdi>")
        }),
        part("button", 1, &["label", "kind", "name", "value", "icon_name"], button),
        part("link_button", 2, &["label", "href", "kind", "icon_name"], link_button),
        part("cell_class", 2, &["num", "low"], |out, [num, low, ..]| {
            out.push_str(cell_class(num, low));
            Ok(())
        }),
        part("head", 1, &["label", "num", "low"], |out, [label, num, low, ..]| {
            out.push_str("<th scope=\"col\"");
            out.push_str(cell_class(num, low));
            if label.is_true() {
                tag(out, ">", label, "</th>")
            } else {
                out.push_str("><span class=\"vh\">Actions</span></th>");
                Ok(())
            }
        }),
        part("tick", 2, &["value", "label", "name"], |out, [value, label, name, ..]| {
            out.push_str(
                "<td class=\"tick\"><label class=\"tick-target\"><input type=\"checkbox\" class=\"tick-box\" name=\"",
            );
            or(out, name, "id")?;
            tag(out, "\" value=\"", value, "\">")?;
            tag(out, "<span class=\"vh\">", label, "</span></label></td>")
        }),
        part("label_line", 3, &["name", "label", "required"], |out, [name, label, required, ..]| {
            tag(out, "<label for=\"f-", name, "\">")?;
            text(out, label)?;
            if required.is_true() {
                out.push_str(" <span class=\"required\">required</span>");
            }
            out.push_str("</label>");
            Ok(())
        }),
        part("help_line", 2, &["name", "help"], |out, [name, help, ..]| {
            if help.is_true() {
                tag(out, "<p class=\"help\" id=\"h-", name, "\">")?;
                tag(out, "", help, "</p>")?;
            }
            Ok(())
        }),
        part("message_for", 2, &["name", "errors"], |out, [name, errors, ..]| message_for(out, name, errors)),
        part("described", 3, &["name", "errors", "help"], described),
        part("options_of", 2, &["options", "value"], |out, [options, value, ..]| options_of(out, options, value)),
        part("filter_text", 2, &["name", "label", "value", "type", "inputmode"], filter_text),
        part("filter_search", 2, &["name", "label", "value"], |out, [name, label, value, ..]| {
            tag(out, "<div class=\"filter filter-search\"><label for=\"q-", name, "\" class=\"vh\">")?;
            tag(out, "", label, "</label>")?;
            draw(out, "search");
            tag(out, "<input type=\"search\" id=\"q-", name, "\"")?;
            tag(out, " name=\"", name, "\" value=\"")?;
            or(out, value, "")?;
            tag(out, "\" placeholder=\"", label, "\" dir=\"auto\"></div>")
        }),
    ])
}

impl Object for Part {
    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, args: &[Value]) -> Result<Value> {
        let (placed, named) = match args.split_last() {
            Some((last, rest)) if last.is_kwargs() => (rest, Some(last)),
            _ => (args, None),
        };
        let wrong = |what: &str| Error::new(ErrorKind::TooManyArguments, format!("{}: {what}", self.name));
        if placed.len() > self.params.len() {
            return Err(wrong("more arguments than it takes"));
        }
        let mut values: [Value; MOST] = Default::default();
        values[..placed.len()].clone_from_slice(placed);
        if let Some(named) = named {
            let mut known = 0;
            for (at, name) in self.params.iter().enumerate() {
                let value = named.get_attr(name)?;
                if value.is_undefined() {
                    continue;
                }
                known += 1;
                if at < placed.len() {
                    return Err(wrong("an argument is given twice"));
                }
                values[at] = value;
            }
            if named.len() != Some(known) {
                return Err(wrong("an argument that it does not take"));
            }
        }
        if let Some(missing) = values.iter().take(self.required).position(Value::is_undefined) {
            let what = format!("{}: {} is not defined", self.name, self.params[missing]);
            return Err(Error::new(ErrorKind::UndefinedError, what));
        }
        let mut out = String::with_capacity(192);
        (self.write)(&mut out, &values)?;
        Ok(Value::from_safe_string(out))
    }
}

/// A value as it stands in HTML.
fn text(out: &mut String, value: &Value) -> Result {
    match value.as_str() {
        Some(text) if value.is_safe() => out.push_str(text),
        Some(text) => escape(out, text),
        None if value.is_undefined() => return Err(Error::from(ErrorKind::UndefinedError)),
        None if matches!(value.kind(), ValueKind::Number | ValueKind::Bool | ValueKind::None) => {
            let _ = write!(out, "{value}");
        }
        None => escape(out, &value.to_string()),
    }
    Ok(())
}

/// Text as it stands in HTML.
pub fn escape(out: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'' | b'/')) {
        let _ = write!(out, "{}", minijinja::HtmlEscape(text));
    } else {
        out.push_str(text);
    }
}

fn tag(out: &mut String, before: &str, value: &Value, after: &str) -> Result {
    out.push_str(before);
    text(out, value)?;
    out.push_str(after);
    Ok(())
}

fn if_given(out: &mut String, before: &str, value: &Value, after: &str) -> Result {
    if value.is_true() { tag(out, before, value, after) } else { Ok(()) }
}

/// A value, or what stands for it when it is left out.
fn or(out: &mut String, value: &Value, otherwise: &str) -> Result {
    if value.is_undefined() {
        out.push_str(otherwise);
        return Ok(());
    }
    text(out, value)
}

/// An icon.
pub fn draw(out: &mut String, name: &str) {
    out.push_str(icons::BEGIN);
    out.push_str(icons::lines(name));
    out.push_str("</svg>");
}

fn icon(out: &mut String, name: &Value) -> Result {
    draw(out, name.as_str().unwrap_or_default());
    Ok(())
}

/// A status as a word in a tint; without a tone the word decides.
fn pill(out: &mut String, status: &Value, tone: &Value) -> Result {
    out.push_str("<span class=\"pill pill-");
    if tone.is_true() {
        text(out, tone)?;
    } else {
        out.push_str(tone_of(&status.to_string().to_lowercase()));
    }
    tag(out, "\">", status, "</span>")
}

fn tone_of(word: &str) -> &'static str {
    match word {
        "active" | "paid" | "accepted" | "completed" | "answered" | "resolved" | "delivered" | "sent" | "success"
        | "succeeded" | "online" | "verified" | "enabled" | "valid" | "applied" | "registered" | "yes" | "won"
        | "finished" | "done" | "answer" => "ok",
        "pending"
        | "open"
        | "customer-reply"
        | "customer reply"
        | "payment pending"
        | "pending registration"
        | "pending transfer"
        | "running"
        | "queued"
        | "scheduled"
        | "in progress"
        | "processing"
        | "new"
        | "on hold"
        | "published"
        | "partly paid" => "info",
        "unpaid" | "suspended" | "grace" | "redemption" | "expiring" | "due" | "warning" | "disputed" | "parked"
        | "unknown" | "retrying" | "awaiting reply" | "medium" => "warn",
        "overdue" | "fraud" | "failed" | "declined" | "terminated" | "collections" | "expired" | "banned" | "error"
        | "offline" | "critical" | "high" | "bounced" | "chargeback" | "lost" => "bad",
        _ => "mute",
    }
}

fn cell_class(num: &Value, low: &Value) -> &'static str {
    match (num.is_true(), low.is_true()) {
        (true, true) => " class=\"num low\"",
        (true, false) => " class=\"num\"",
        (false, true) => " class=\"low\"",
        (false, false) => "",
    }
}

fn button(out: &mut String, [label, kind, name, value, icon_name]: &[Value; MOST]) -> Result {
    out.push_str("<button class=\"button");
    if_given(out, " button-", kind, "")?;
    out.push('"');
    if name.is_true() {
        tag(out, " name=\"", name, "\" value=\"")?;
        or(out, value, "")?;
        out.push('"');
    }
    out.push('>');
    if icon_name.is_true() {
        icon(out, icon_name)?;
    }
    tag(out, "<span>", label, "</span></button>")
}

fn link_button(out: &mut String, [label, href, kind, icon_name, _]: &[Value; MOST]) -> Result {
    out.push_str("<a class=\"button");
    if_given(out, " button-", kind, "")?;
    tag(out, "\" href=\"", href, "\">")?;
    if icon_name.is_true() {
        icon(out, icon_name)?;
    }
    tag(out, "<span>", label, "</span></a>")
}

/// The messages of a field, of pairs of field and message.
fn messages<'a>(errors: &'a Value, name: &'a Value) -> Result<impl Iterator<Item = Result<Value>> + 'a> {
    Ok(errors.try_iter()?.filter_map(move |error| match error.get_item_by_index(0) {
        Ok(field) if field == *name => Some(error.get_item_by_index(1)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    }))
}

fn message_for(out: &mut String, name: &Value, errors: &Value) -> Result {
    for (at, message) in messages(errors, name)?.enumerate() {
        out.push_str("<p class=\"field-error\"");
        if at == 0 {
            tag(out, " id=\"e-", name, "\"")?;
        }
        out.push('>');
        draw(out, "warn");
        tag(out, "<span><span class=\"vh\">Error: </span>", &message?, "</span></p>")?;
    }
    Ok(())
}

fn described(out: &mut String, [name, errors, help, ..]: &[Value; MOST]) -> Result {
    let wrong = messages(errors, name)?.next().is_some();
    if wrong {
        out.push_str(" aria-invalid=\"true\"");
    }
    if wrong || help.is_true() {
        out.push_str(" aria-describedby=\"");
        if wrong {
            tag(out, "e-", name, if help.is_true() { " " } else { "" })?;
        }
        if help.is_true() {
            tag(out, "h-", name, "")?;
        }
        out.push('"');
    }
    Ok(())
}

/// The choices of a select box: those without a group first, then the groups in order of their names.
fn options_of(out: &mut String, options: &Value, value: &Value) -> Result {
    let chosen = value.to_string();
    let mut grouped: Vec<(String, Value, Value)> = Vec::new();
    for option in options.try_iter()? {
        let group = option.get_attr("group")?;
        let name = if group.is_undefined() { String::new() } else { group.to_string() };
        grouped.push((name.to_lowercase(), group, option));
    }
    grouped.sort_by(|left, right| left.0.cmp(&right.0));
    for same in grouped.chunk_by(|left, right| left.0 == right.0) {
        let group = &same[0].1;
        if_given(out, "<optgroup label=\"", group, "\">")?;
        for (_, _, option) in same {
            let value = option.get_attr("value")?;
            tag(out, "<option value=\"", &value, "\"")?;
            if value.as_str().map_or_else(|| value.to_string() == chosen, |value| value == chosen) {
                out.push_str(" selected");
            }
            if option.get_attr("disabled")?.is_true() {
                out.push_str(" disabled");
            }
            tag(out, ">", &option.get_attr("label")?, "</option>")?;
        }
        if group.is_true() {
            out.push_str("</optgroup>");
        }
    }
    Ok(())
}

fn filter_text(out: &mut String, [name, label, value, kind, inputmode]: &[Value; MOST]) -> Result {
    out.push_str("<div class=\"filter");
    out.push_str(if inputmode.is_true() { " filter-number" } else { "" });
    tag(out, "\"><label for=\"q-", name, "\">")?;
    tag(out, "", label, "</label><input type=\"")?;
    or(out, kind, "text")?;
    tag(out, "\" id=\"q-", name, "\"")?;
    tag(out, " name=\"", name, "\" value=\"")?;
    or(out, value, "")?;
    out.push('"');
    if_given(out, " inputmode=\"", inputmode, "\"")?;
    out.push_str("></div>");
    Ok(())
}
