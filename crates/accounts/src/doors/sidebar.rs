//! The sidebar of every staff page, in Rust because it is the same on all of them and long.

use platform::web::parts::{draw, escape};

use super::{Nav, NavItem, NavSection, Staff};

/// The sections that somebody may see, as the layout has them inside its `<nav>`. `here` is the section of the page.
pub(super) fn html(nav: &Nav, staff: &Staff, here: &str, path: &str) -> String {
    let mut out = String::with_capacity(8 * 1024);
    for section in &nav.sections {
        let items: Vec<&NavItem> = section.items.iter().filter(|item| staff.may(item.permission)).collect();
        if items.is_empty() && !section.items.is_empty() {
            continue;
        }
        let here = section.key == here;
        small(&mut out, section, here);
        if items.is_empty() {
            top(&mut out, section, here);
        } else {
            open(&mut out, section, here);
            for item in items {
                link(&mut out, item, path);
            }
            out.push_str("</ul></details>");
        }
    }
    out
}

fn put(out: &mut String, before: &str, text: &str, after: &str) {
    out.push_str(before);
    escape(out, text);
    out.push_str(after);
}

/// What stands for the section where the sidebar shows icons only.
fn small(out: &mut String, section: &NavSection, here: bool) {
    put(out, "\n<a class=\"nav-mini\" href=\"", section.href, "\"");
    put(out, " title=\"", section.label, "\"");
    put(out, " aria-label=\"", section.label, if here { "\" aria-current=\"true\">" } else { "\">" });
    draw(out, section.key);
    out.push_str("</a>");
}

fn top(out: &mut String, section: &NavSection, here: bool) {
    put(out, "\n<a class=\"nav-top\" href=\"", section.href, if here { "\" aria-current=\"page\">" } else { "\">" });
    draw(out, section.key);
    put(out, "<span class=\"nav-label\">", section.label, "</span></a>");
}

fn open(out: &mut String, section: &NavSection, here: bool) {
    out.push_str(if here {
        "\n<details class=\"nav-section\" open><summary class=here>"
    } else {
        "\n<details class=\"nav-section\"><summary>"
    });
    draw(out, section.key);
    put(out, "<span class=\"nav-label\">", section.label, "</span>");
    draw(out, "next");
    out.push_str("</summary>\n<ul>");
}

fn link(out: &mut String, item: &NavItem, path: &str) {
    put(out, "<li><a href=\"", item.href, if item.href == path { "\" aria-current=\"page\">" } else { "\">" });
    put(out, "<span class=\"nav-label\">", item.label, "</span></a></li>");
}
