//! Turns an HTML document with its CSS into the bytes of a PDF/A-3b file.
//!
//! What always holds:
//! - The same [`Document`] gives the same bytes: no clock, no random numbers, no font of the
//!   machine. The bytes can be hashed and signed.
//! - Nothing is fetched or opened, whatever the HTML says. The only pictures are `data:` URLs (PNG, JPEG, GIF, WebP).
//! - Hostile HTML gives an [`PdfError`] or an odd-looking page, never a crash: layout runs on a thread of its own
//!   with a known stack, and a panic in it becomes [`PdfError::Broken`].
//!
//! Rendering is pure computation that takes milliseconds to seconds: call it from `spawn_blocking`.
//!
//! What a template may use: flex, grid, tables (the `<thead>` repeats on each page), `break-inside: avoid`,
//! `break-before: page`, `dir` and `lang`. Name `sans-serif` and leave the rest to the fallback, which has Latin,
//! Cyrillic, Greek, Arabic, Hebrew, Chinese, Japanese, Korean, the scripts of India and south-east Asia, and emoji.
//! The footer is a `<div class="page-footer">` that the document's CSS can restyle or hide.

mod fonts;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use takumi_core::html::{FromHtmlOptions, HtmlError, ParsedHtml, parse_html};
use takumi_core::style::{Lang, StyleSheet};
use takumi_pdf::{
    AttachmentRelationship, PageMargin, PageMargins, PageOptions, PdfDate, PdfMetadata, PdfOptions, PdfStandard,
    UncoveredText,
};

pub use fonts::{FONT_NOTICES, FontNotice, missing_glyphs};

/// Longer HTML is refused: an invoice of a thousand lines has about 400 kB.
pub const MAX_HTML_BYTES: usize = 8 << 20;
/// Deeper nesting is refused. Templates need about fifteen levels.
pub const MAX_DEPTH: usize = 100;

/// Layout recurses once or twice for each level of nesting.
const STACK_BYTES: usize = 64 << 20;
const PX_PER_MM: f32 = 96.0 / 25.4;
const REPLACEMENT: char = '\u{fffd}';

/// Comes before the document's own CSS, so that it can be overridden.
const BASE_CSS: &str = "html { font-family: sans-serif; font-size: 13px; line-height: 1.4; color: #1a1f26; } \
    body { margin: 0; } \
    .page-footer { display: flex; justify-content: space-between; width: 100%; box-sizing: border-box; \
    padding: 0 15mm; font-family: sans-serif; font-size: 10px; color: #6b7480; } \
    .page-footer span { unicode-bidi: plaintext; }";

/// What to print.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// A whole page or a fragment; CSS stands in its `<style>` elements.
    pub html: &'a str,
    /// Shown by viewers as the window's title, and in the footer. In a right-to-left title a number with dashes
    /// needs isolates around it (U+2066 … U+2069), as anywhere.
    pub title: &'a str,
    /// BCP 47, such as `en` or `zh-Hant`; screen readers and hyphenation need it.
    pub language: &'a str,
    pub paper: Paper,
    /// Seconds since 1970-01-01 UTC, written as the creation date.
    pub created: i64,
    /// Files to embed, such as the XML of an electronic invoice.
    pub attachments: &'a [Attachment<'a>],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paper {
    #[default]
    A4,
    Letter,
}

/// A file inside the PDF. PDF/A-3 demands a type and a description.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    pub name: &'a str,
    /// `type/subtype`.
    pub mime: &'a str,
    pub description: &'a str,
    pub relationship: Relationship,
    pub bytes: &'a [u8],
}

/// What an attachment is to the document (`AFRelationship` of ISO 19005-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Relationship {
    /// The document was made from it.
    Source,
    /// Data shown in the document.
    Data,
    /// The same content in another form: the usual choice for e-invoices.
    #[default]
    Alternative,
    Supplement,
}

#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("The document has {0} bytes of HTML; at most {MAX_HTML_BYTES} are printed.")]
    TooLarge(usize),
    #[error("The document nests elements more than {MAX_DEPTH} levels deep.")]
    TooDeep,
    #[error("“{0}” is not a language tag.")]
    Language(String),
    #[error("{0} is not a date between the years 1 and 9999.")]
    Date(i64),
    /// The HTML asks for something that cannot be printed: a damaged picture, a blur filter, 20,000 pages, a
    /// letter with thousands of accents (PDF/A has limits).
    #[error("The document cannot be printed: {0}")]
    Unprintable(String),
    #[error("A bundled font is damaged: {0}")]
    Font(String),
    /// A defect in the layout engine. The text is for the log.
    #[error("Printing failed: {0}")]
    Broken(String),
}

/// Renders `document`. Characters without a glyph become U+FFFD (�): see [`missing_glyphs`].
///
/// # Errors
/// See [`PdfError`]; every variant but `Font` and `Broken` is about the document.
pub fn render(document: &Document<'_>) -> Result<Vec<u8>, PdfError> {
    if document.html.len() > MAX_HTML_BYTES {
        return Err(PdfError::TooLarge(document.html.len()));
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("pdf".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || print(document))
            .map_err(|error| PdfError::Broken(error.to_string()))?;
        thread.join().unwrap_or_else(|panic| Err(PdfError::Broken(panic_message(&*panic))))
    })
}

fn print(document: &Document<'_>) -> Result<Vec<u8>, PdfError> {
    let language = Lang::parse(document.language).map_err(|_| PdfError::Language(document.language.to_owned()))?;
    let created = pdf_date(document.created)?;
    let mut body = parse(document.html)?;
    let mut footer = footer_html(document.title);

    // The tree's own text has its character references resolved; the source also has what CSS inserts.
    let selection = fonts::select([document.html, &body.node.to_html(), document.title])?;
    if !selection.missing.is_empty() {
        let cover = |text: &str| text.replace(|c| selection.missing.contains(&c), REPLACEMENT.encode_utf8(&mut [0; 4]));
        body = parse(&cover(document.html))?;
        footer = cover(&footer);
    }

    let mut css = vec![BASE_CSS.to_owned()];
    css.append(&mut body.css);
    let options = PdfOptions::builder()
        .node(body.node)
        .stylesheet(Arc::new(StyleSheet::parse_owned_list_loosy(css)))
        .fonts(&selection.fonts)
        .font_families(Some(selection.families))
        .lang(Some(language))
        .page(page(document.paper))
        .footer(parse(&footer)?.node)
        .metadata(PdfMetadata {
            title: Some(document.title.to_owned()),
            creation_date: Some(created),
            ..PdfMetadata::default()
        })
        .producer("Innkeeper".to_owned())
        .standard(PdfStandard::A3b)
        .attachments(document.attachments.iter().map(Attachment::embedded).collect())
        // Only characters that a reference or a CSS escape hid from the selection get here.
        .uncovered_text(UncoveredText::Blank)
        .build();
    takumi_pdf::render(options).map_err(refused)
}

fn parse(html: &str) -> Result<ParsedHtml, PdfError> {
    let options = FromHtmlOptions::builder().max_depth(MAX_DEPTH).build();
    parse_html(html, options).map_err(|error| match error {
        HtmlError::MaxDepthExceeded(_) => PdfError::TooDeep,
        error => PdfError::Unprintable(error.to_string()),
    })
}

/// Every page's foot: the title, and the page's number of the number of pages.
fn footer_html(title: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<div class=\"page-footer\"><span>{title}</span>\
         <span><span class=\"pageNumber\"></span> / <span class=\"totalPages\"></span></span></div>"
    )
}

fn page(paper: Paper) -> PageOptions {
    let size = match paper {
        Paper::A4 => PageOptions::A4,
        Paper::Letter => PageOptions::LETTER,
    };
    let millimetres = |length: f32| PageMargin::Px(length * PX_PER_MM);
    PageOptions {
        margin: PageMargins {
            top: millimetres(15.0),
            right: millimetres(15.0),
            bottom: millimetres(18.0),
            left: millimetres(15.0),
        },
        ..size
    }
}

fn pdf_date(seconds: i64) -> Result<PdfDate, PdfError> {
    let date = || {
        let at = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).datetime();
        let part = |value: i8| u8::try_from(value).ok();
        let year = u16::try_from(at.year()).ok().filter(|year| *year > 0)?;
        Some(PdfDate {
            year,
            month: part(at.month())?,
            day: part(at.day())?,
            hour: part(at.hour())?,
            minute: part(at.minute())?,
            second: part(at.second())?,
        })
    };
    date().ok_or(PdfError::Date(seconds))
}

impl Attachment<'_> {
    fn embedded(&self) -> takumi_pdf::Attachment {
        takumi_pdf::Attachment {
            name: self.name.to_owned(),
            data: self.bytes.to_vec(),
            mime_type: Some(self.mime.to_owned()),
            description: Some(self.description.to_owned()),
            relationship: match self.relationship {
                Relationship::Source => AttachmentRelationship::Source,
                Relationship::Data => AttachmentRelationship::Data,
                Relationship::Alternative => AttachmentRelationship::Alternative,
                Relationship::Supplement => AttachmentRelationship::Supplement,
            },
            modification_date: None,
        }
    }
}

/// Tells the document's fault from the engine's.
fn refused(error: takumi_pdf::PdfError) -> PdfError {
    use takumi_pdf::PdfError as Engine;
    match error {
        Engine::Font(error) => PdfError::Font(error.to_string()),
        Engine::InvalidStandard | Engine::MissingViewport => PdfError::Broken(error.to_string()),
        error => PdfError::Unprintable(error.to_string()),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    message.unwrap_or("the layout engine panicked").to_owned()
}
