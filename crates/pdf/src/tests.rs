#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::*;

/// Names that a client list of a host has, with what must come out of the file again.
const NAMES: [&str; 14] = [
    "Łukasz Żółć-Gößner",
    "Дмитрий Щукин",
    "Ελένη Παπαδοπούλου",
    "محمد عبد الرحمن",
    "שרה כהן",
    "王小明",
    "陳美玲",
    "高橋 健太 エンジニアリング",
    "김민준",
    "प्रिया शर्मा",
    "สมชาย ใจดี",
    "Նարեկ Հակոբյան",
    "გიორგი ბერიძე",
    "Nguyễn Thị Hồng",
];

fn document(html: &str) -> Document<'_> {
    Document {
        html,
        title: "Invoice 2026-000123",
        language: "en",
        paper: Paper::A4,
        created: 1_767_225_600,
        attachments: &[],
    }
}

fn invoice(context: &Value) -> String {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("invoice.pdf.html", include_str!("../../billing/src/invoices/invoice.pdf.html")).unwrap();
    templates.get_template("invoice.pdf.html").unwrap().render(minijinja::value::Serde(context)).unwrap()
}

fn sample(lines: &[Value]) -> Value {
    json!({
        "language": "en", "direction": "ltr", "title": "Invoice", "number": "2026-000123",
        "status": "overdue", "status_text": "Overdue", "issued_on": "1 January 2026", "due_on": "15 January 2026",
        "reference": "PO 4711", "logo": PIXEL,
        "words": {
            "to": "Billed to", "from": "From", "number": "Number", "issued": "Issued", "due": "Due", "reference": "Your reference",
            "tax_number": "VAT", "registration_number": "Reg. no.", "description": "Description", "period": "Period",
            "quantity": "Quantity", "unit_price": "Unit price", "tax": "VAT", "amount": "Amount", "subtotal": "Subtotal",
            "total": "Total", "paid": "Paid", "balance": "Balance due", "payment": "How to pay", "notes": "Notes",
        },
        "seller": {
            "name": "Example Hosting GmbH", "lines": ["Hauptstraße 1", "10115 Berlin", "Germany"], "tax_number": "DE123456789",
            "registration_number": "HRB 1234", "email": "billing@example.com", "phone": "+49 30 1234567", "website": "example.com",
        },
        "buyer": {
            "name": "محمد عبد الرحمن", "company": "株式会社 山田 & Söhne", "lines": ["東京都千代田区丸の内1-1-1", "100-0005 Tokyo", "日本"],
            "tax_number": "JP1234567890", "registration_number": null,
        },
        "lines": lines, "subtotal": "€1,234.00", "adjustments": [{ "text": "Discount NEWYEAR", "amount": "−€34.00" }],
        "taxes": [
            { "name": "VAT", "rate": "19 %", "base": "€1,000.00", "amount": "€190.00" },
            { "name": "VAT", "rate": "7 %", "base": "€200.00", "amount": "€14.00" },
        ],
        "tax_note": null, "total": "€1,404.00",
        "payments": [{ "on": "3 January 2026", "method": "Bank transfer", "reference": "TX-1", "amount": "€404.00" }],
        "paid": "€404.00", "balance": "€1,000.00",
        "payment": { "instructions": ["IBAN DE02 1203 0000 0000 2020 51", "BIC BYLADEM1001"], "link": "https://example.com/pay/2026-000123" },
        "notes": ["Thank you for your business. Questions? Reply to the mail that brought this invoice."],
        "footer": ["Example Hosting GmbH · Amtsgericht Berlin HRB 1234 · Geschäftsführerin: Ελένη Παπαδοπούλου"],
    })
}

fn lines(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| {
            json!({
                "description": format!("VPS {} for {}", n + 1, NAMES[n % NAMES.len()]), "details": "4 vCPU, 8 GB\nDatacentre Falkenstein",
                "period": "1–31 Jan 2026", "quantity": "1", "unit_price": "€12.00", "tax": "19 %", "amount": "€12.00",
            })
        })
        .collect()
}

/// A red dot, as PNG.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// Runs a PDF tool on a file, or says why not: tests that need one are skipped on a machine without it, unless
/// `INNKEEPER_TEST_REQUIRE=all`.
fn tool(name: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(name).args(arguments).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // pdfinfo 22 stumbles over `/Suspects false`, which ISO 32000 has as a boolean.
            let errors = String::from_utf8_lossy(&output.stderr)
                .replace("Syntax Error: Suspects object is wrong type (boolean)\n", "");
            assert!(output.status.success() && errors.is_empty(), "{name} {arguments:?}: {text}{errors}");
            Some(text)
        }
        Err(error) if std::env::var("INNKEEPER_TEST_REQUIRE").is_ok_and(|what| what == "all") => {
            panic!("{name} is required: {error}")
        }
        Err(error) => {
            println!("skipped: {name} is not here ({error})");
            None
        }
    }
}

fn saved(pdf: &[u8], folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("document.pdf");
    std::fs::write(&path, pdf).unwrap();
    path.to_str().unwrap().to_owned()
}

fn text_of(pdf: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    tool("pdftotext", &["-layout", &saved(pdf, &folder), "-"])
}

/// The characters of a text without spaces and the marks that a reader of bidirectional text inserts.
fn letters(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'))
        .collect()
}

/// `INNKEEPER_PDF_OUT=folder` keeps what the tests print, and from what, to look at and to measure.
fn keep(name: &str, bytes: &[u8]) {
    if let Ok(folder) = std::env::var("INNKEEPER_PDF_OUT") {
        std::fs::write(Path::new(&folder).join(name), bytes).unwrap();
    }
}

fn unprintable(html: &str) -> PdfError {
    render(&document(html)).map(|pdf| pdf.len()).unwrap_err()
}

fn page_count(pdf: &[u8]) -> Option<usize> {
    let folder = tempfile::tempdir().unwrap();
    tool("qpdf", &["--show-npages", &saved(pdf, &folder)]).map(|count| count.trim().parse().unwrap())
}

#[test]
fn an_invoice_with_names_in_every_script_can_be_read_back() {
    let html = invoice(&sample(&lines(NAMES.len())));
    assert_eq!(missing_glyphs(&html).unwrap(), Vec::<char>::new());
    let pdf = render(&document(&html)).unwrap();
    keep("invoice.html", html.as_bytes());
    keep("invoice.pdf", &pdf);
    let Some(text) = text_of(&pdf) else { return };
    let text = letters(&text);
    let others = ["株式会社 山田 & Söhne", "€1,234.00", "−€34.00", "https://example.com/pay/2026-000123"];
    for name in NAMES.into_iter().chain(others) {
        assert!(text.contains(&letters(name)), "{name} is not in {text}");
    }
}

#[test]
fn the_same_names_in_bold_and_italic_can_be_read_back() {
    let html = NAMES.map(|name| format!("<p><b>{name}</b> <i>{name}</i></p>")).concat();
    let pdf = render(&document(&html)).unwrap();
    keep("styles.pdf", &pdf);
    let Some(text) = text_of(&pdf) else { return };
    for name in NAMES {
        assert_eq!(letters(&text).matches(&letters(name)).count(), 2, "{name} in {text}");
    }
}

#[test]
fn an_arabic_invoice_runs_from_right_to_left() {
    let mut context = sample(&lines(3));
    context["direction"] = json!("rtl");
    context["language"] = json!("ar");
    context["title"] = json!("فاتورة");
    context["words"]["to"] = json!("إلى السيد");
    context["words"]["description"] = json!("الوصف");
    context["words"]["total"] = json!("المجموع");
    let html = invoice(&context);
    let pdf =
        render(&Document { language: "ar", title: "فاتورة \u{2066}2026-000123\u{2069}", ..document(&html) }).unwrap();
    keep("arabic.pdf", &pdf);
    let Some(text) = text_of(&pdf) else { return };
    let row = text.lines().find(|line| letters(line).contains("الوصف")).unwrap();
    // pdftotext writes a right-to-left line in reading order: the first column comes first.
    assert!(letters(row).contains("Amount"), "{row}");
    let place = |text: &str| word_place(&pdf, text);
    if let (Some(first), Some(last)) = (place("الوصف"), place("Amount")) {
        assert!(first > last, "the first column is the rightmost: {first} {last}");
    }
}

/// Where a word starts on its page, in points from the left.
fn word_place(pdf: &[u8], word: &str) -> Option<f32> {
    let folder = tempfile::tempdir().unwrap();
    let boxes = tool("pdftotext", &["-bbox", &saved(pdf, &folder), "-"])?;
    let line = boxes.lines().find(|line| letters(line).contains(&format!(">{word}<")))?;
    line.split("xMin=\"").nth(1)?.split('"').next()?.parse().ok()
}

#[test]
fn arabic_letters_join() {
    // "ه" takes four shapes; unjoined, three of them in a row would have one width.
    let width = |text: &str| {
        let pdf = render(&document(&format!("<p style=\"font-size:60px\">{text}</p>"))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let boxes = tool("pdftotext", &["-bbox", &saved(&pdf, &folder), "-"])?;
        let line = boxes.lines().find(|line| line.contains("<word") && !line.contains("Invoice"))?;
        let number = |name: &str| line.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.parse::<f32>().ok();
        Some(number("xMax")? - number("xMin")?)
    };
    let (Some(alone), Some(joined)) = (width("ه"), width("ههه")) else { return };
    assert!((joined - 3.0 * alone).abs() > 1.0, "{alone} {joined}");
}

#[test]
fn no_page_draws_the_box_for_a_missing_glyph() {
    // Medefaidrin has no face here; the words around it stay.
    let html = "<p>before \u{16e45} after</p>";
    assert_eq!(missing_glyphs(html).unwrap(), ['\u{16e45}']);
    let pdf = render(&document(html)).unwrap();
    let Some(text) = text_of(&pdf) else { return };
    assert!(text.contains("before \u{fffd} after"), "{text}");
}

#[test]
fn a_character_hidden_in_a_reference_leaves_a_gap_and_not_a_failure() {
    let pdf = render(&document("<p>before &#x16e45; after</p><style>p::after { content: '\\16e45' }</style>")).unwrap();
    let Some(text) = text_of(&pdf) else { return };
    assert!(letters(&text).contains("before") && letters(&text).contains("after"), "{text}");
}

#[test]
fn marks_that_steer_the_text_are_not_missing_glyphs() {
    assert_eq!(
        missing_glyphs("a\u{200d}b\u{202e}\u{2069}\u{fe0f}\u{ad}\n\t\u{a0}\u{3000}").unwrap(),
        Vec::<char>::new()
    );
}

#[test]
fn every_letter_of_the_common_scripts_has_a_glyph() {
    let ranges = [
        ("Latin", '\u{21}', '\u{17f}'),
        ("Vietnamese", '\u{1ea0}', '\u{1ef9}'),
        ("Greek", '\u{3b1}', '\u{3ce}'),
        ("Cyrillic", '\u{400}', '\u{45f}'),
        ("Hebrew", '\u{5d0}', '\u{5ea}'),
        ("Arabic", '\u{621}', '\u{64a}'),
        ("Persian and Urdu", '\u{671}', '\u{6d3}'),
        ("Devanagari", '\u{904}', '\u{939}'),
        ("Thai", '\u{e01}', '\u{e3a}'),
        ("Hiragana", '\u{3041}', '\u{3094}'),
        ("Katakana", '\u{30a1}', '\u{30f6}'),
        ("Han of Unicode 1", '\u{4e00}', '\u{9fa5}'),
        ("Han, extension A", '\u{3400}', '\u{4db5}'),
        ("Hangul", '\u{ac00}', '\u{d7a3}'),
        ("Currencies", '\u{20a0}', '\u{20bf}'),
    ];
    for (script, first, last) in ranges {
        let text: String = (first..=last).collect();
        assert_eq!(missing_glyphs(&text).unwrap(), Vec::<char>::new(), "{script}");
    }
}

#[test]
fn emoji_in_a_product_name_are_printed() {
    let pdf = render(&document("<p>🚀 Rocket plan ✓ ★</p>")).unwrap();
    keep("emoji.pdf", &pdf);
    let Some(text) = text_of(&pdf) else { return };
    assert!(text.contains("🚀") && text.contains('✓') && text.contains('★'), "{text}");
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let html = invoice(&sample(&lines(30)));
    let first = render(&document(&html)).unwrap();
    render(&document("<p>something else, 金</p>")).unwrap();
    assert!(first == render(&document(&html)).unwrap(), "one after the other");
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn({
                let html = html.clone();
                move || render(&document(&html)).unwrap()
            })
        })
        .collect();
    for thread in threads {
        assert!(first == thread.join().unwrap(), "side by side");
    }
}

#[test]
fn the_file_is_sound_and_says_it_is_pdf_a_3b() {
    let xml = b"<?xml version=\"1.0\"?><Invoice/>";
    let attachment = Attachment {
        name: "factur-x.xml",
        mime: "text/xml",
        description: "The invoice as data",
        relationship: Relationship::Alternative,
        bytes: xml,
    };
    let html = invoice(&sample(&lines(5)));
    let attachments = [attachment];
    let pdf = render(&Document { attachments: &attachments, ..document(&html) }).unwrap();
    let raw = String::from_utf8_lossy(&pdf);
    assert!(raw.contains("<pdfaid:part>3</pdfaid:part>") && raw.contains("<pdfaid:conformance>B</pdfaid:conformance>"));
    assert!(raw.contains("2026-01-01T00:00:00"), "the date is the caller's");

    let folder = tempfile::tempdir().unwrap();
    let path = saved(&pdf, &folder);
    tool("qpdf", &["--check", &path]);
    if let Some(attached) = tool("qpdf", &["--show-attachment=factur-x.xml", &path]) {
        assert_eq!(attached.as_bytes(), xml);
    }
    if let Some(fonts) = tool("pdffonts", &[&path]) {
        for font in fonts.lines().skip(2) {
            let flags: Vec<_> = font.split_whitespace().rev().skip(2).take(3).collect();
            assert_eq!(flags, ["yes", "yes", "yes"], "embedded, a subset, with Unicode: {font}");
        }
    }
}

#[test]
fn every_page_has_the_table_head_and_its_number() {
    let html = invoice(&sample(&lines(40)));
    let pdf = render(&document(&html)).unwrap();
    let (Some(text), Some(count)) = (text_of(&pdf), page_count(&pdf)) else { return };
    let pages: Vec<_> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!(count > 3 && pages.len() == count, "{count} pages");
    for (index, page) in pages.iter().enumerate() {
        assert!(letters(page).contains(&format!("{}/{count}", index + 1)), "{page}");
        if page.contains("VPS ") {
            assert!(page.contains("Unit price"), "{page}");
        }
    }
}

#[test]
fn letter_paper_is_eight_and_a_half_by_eleven_inches() {
    let pdf = render(&Document { paper: Paper::Letter, ..document("<p>x</p>") }).unwrap();
    let folder = tempfile::tempdir().unwrap();
    if let Some(facts) = tool("pdfinfo", &[&saved(&pdf, &folder)]) {
        assert!(facts.contains("612 x 792 pts") && facts.contains("Invoice 2026-000123"), "{facts}");
    }
}

#[test]
fn nothing_outside_the_document_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.png");
    std::fs::write(&secret, b"\x89PNG not really").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (file, web) = (secret.display(), listener.local_addr().unwrap());
    let plain = render(&document("<p>text</p>")).unwrap();
    for reference in
        ["file:///etc/passwd".to_owned(), format!("file://{file}"), file.to_string(), format!("http://{web}/a.png")]
    {
        let html = format!(
            "<link rel=stylesheet href='{reference}'><style>@import url('{reference}'); \
             @font-face {{ font-family: x; src: url('{reference}') }} \
             p {{ background-image: url('{reference}'); font-family: x }} li {{ list-style-image: url('{reference}') }}</style>\
             <img src='{reference}'><iframe src='{reference}'></iframe><object data='{reference}'></object>\
             <svg><image href='{reference}'/></svg><embed src='{reference}'><ul><li>a</ul><p>text</p>"
        );
        // Refusing is as good as leaving the picture out.
        if let Ok(pdf) = render(&document(&html)) {
            assert!(pdf.len() < plain.len() + 20_000);
            assert!(!text_of(&pdf).unwrap_or_default().contains("root:"));
        }
    }
    assert!(listener.accept().is_err(), "no connection was made");
}

#[test]
fn scripts_are_not_printed() {
    let Some(text) = text_of(&render(&document("<script>alert(1)</script><p onclick=x>shown</p>")).unwrap()) else {
        return;
    };
    assert!(text.contains("shown") && !text.contains("alert"), "{text}");
}

#[test]
fn nesting_ten_thousand_deep_is_refused() {
    for element in ["div", "span", "table><tr><td", "b", "ul><li", "section style='display:flex'"] {
        assert!(matches!(unprintable(&format!("<{element}>").repeat(10_000)), PdfError::TooDeep), "{element}");
    }
    // The parser closes a paragraph before the next one, so these do not nest.
    render(&document(&"<p style='display:flex'>".repeat(10_000))).unwrap();
}

#[test]
fn nesting_as_deep_as_is_allowed_is_printed() {
    for style in [
        "display:block",
        "display:flex",
        "display:grid",
        "display:inline-block",
        "float:left",
        "position:relative",
        "display:table",
    ] {
        let started = Instant::now();
        let html =
            format!("{}deep{}", format!("<div style='{style}'>").repeat(MAX_DEPTH - 2), "</div>".repeat(MAX_DEPTH - 2));
        render(&document(&html)).unwrap_or_else(|error| panic!("{style}: {error}"));
        println!("{style}: {:?}", started.elapsed());
    }
}

#[test]
fn malformed_html_is_printed_somehow() {
    let scraps = [
        "",
        "<",
        "<p",
        "</div></div>",
        "<table><td><table><tr>",
        "<!-- ",
        "<![CDATA[",
        "&#x110000;&#0;&bogus;",
        "<p a='\u{0}",
        "<style>p{{{",
        "<img src=\"data:image/png;base64,%%%\">",
        "\u{feff}\u{0}\u{1b}",
        "<p style='width:1e38px;font-size:1e30px'>x",
        "<p style='margin:-1e9px'>x",
        "<div style='height:99999999px'>x</div>",
    ];
    for scrap in scraps {
        let started = Instant::now();
        match render(&document(scrap)) {
            Ok(_) | Err(PdfError::Unprintable(_)) => {}
            Err(error) => panic!("{scrap:?}: {error:?}"),
        }
        assert!(started.elapsed().as_secs() < 20, "{scrap:?} took {:?}", started.elapsed());
    }
}

#[test]
fn css_and_tables_that_ask_for_too_much_end_in_bounded_time() {
    let greedy = [
        "<table><tr><td colspan=4294967295 rowspan=4294967295>x</table>".to_owned(),
        "<table><tr><td colspan=65534>x<tr><td>y</table>".to_owned(),
        "<div style='display:grid;grid-template-columns:repeat(1000000,1px)'>x</div>".to_owned(),
        "<div style='display:grid'><p style='grid-column:999999/1000000;grid-row:999999'>x</p></div>".to_owned(),
        "<p style='box-shadow:0 0 9999px red;text-shadow:0 0 9999px red;border-radius:1e9px'>x</p>".to_owned(),
        "<p style='filter:blur(4px)'>x</p>".to_owned(),
        "<p style='columns:1000000'>x</p>".to_owned(),
        format!("<style>{}</style><p class=a>x</p>", ":is(".repeat(5_000)),
        format!("<style>p {{ width: {}1px{} }}</style><p>x</p>", "calc(".repeat(5_000), ")".repeat(5_000)),
        format!(
            "<style>{}</style>{}",
            ".a .a .a .a .a b { color: red }".repeat(200),
            "<p class=a><b>x</b></p>".repeat(500)
        ),
        "<p style='counter-increment:a 2147483647'>x</p>".repeat(50),
        format!("<p>{}</p>", "<b>x".repeat(90)),
        format!("<p>{}x</p>", "\u{202e}\u{2067}".repeat(20_000)),
        format!("<p>e{}</p>", "\u{301}".repeat(50_000)),
    ];
    for html in greedy {
        let started = Instant::now();
        let start: String = html.chars().take(80).collect();
        match render(&document(&html)) {
            Ok(_) | Err(PdfError::Unprintable(_)) => {}
            Err(error) => panic!("{start}: {error}"),
        }
        println!("{:?} {start}", started.elapsed());
        assert!(started.elapsed().as_secs() < 20, "{start} took {:?}", started.elapsed());
    }
}

#[test]
fn a_name_with_hundreds_of_accents_is_printed() {
    render(&document(&format!("<p>e{}</p>", "\u{301}".repeat(500)))).unwrap();
}

#[test]
fn a_picture_that_unpacks_to_gigabytes_is_refused_or_left_out() {
    let before = peak_memory();
    let side = 40_000_u32;
    let mut rows = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..side {
        rows.write_all(&vec![0; side as usize / 8 + 1]).unwrap();
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[1, 0, 0, 0, 0]].concat();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", rows.finish().unwrap()), (b"IEND", Vec::new())] {
        let mut sum = flate2::Crc::new();
        sum.update(&[kind, &data[..]].concat());
        png.extend(
            [&u32::try_from(data.len()).unwrap().to_be_bytes()[..], kind, &data, &sum.sum().to_be_bytes()].concat(),
        );
    }
    let url: String = png.iter().map(|byte| format!("%{byte:02x}")).collect();
    let printed = render(&document(&format!("<img src='data:image/png,{url}'>"))).map(|pdf| pdf.len());
    println!("{printed:?}, {} MB more at the peak", (peak_memory() - before) / 1000);
    assert!(peak_memory() - before < 500_000);
}

#[test]
fn a_huge_paragraph_is_printed_in_bounded_time() {
    for word in ["word ", "x", "漢", "ه"] {
        let started = Instant::now();
        let html = format!("<p>{}</p>", word.repeat(200_000 / word.len()));
        let pdf = render(&document(&html)).unwrap();
        println!("{word:?}: {:?}, {} bytes", started.elapsed(), pdf.len());
        assert!(started.elapsed().as_secs() < 60);
    }
}

#[test]
fn html_over_the_limit_is_refused() {
    assert!(matches!(unprintable(&"x".repeat(MAX_HTML_BYTES + 1)), PdfError::TooLarge(_)));
}

#[test]
fn a_wrong_language_or_date_is_refused() {
    assert!(matches!(render(&Document { language: "?", ..document("x") }), Err(PdfError::Language(_))));
    assert!(matches!(render(&Document { created: i64::MAX, ..document("x") }), Err(PdfError::Date(_))));
}

#[test]
fn an_invoice_of_a_thousand_lines_is_printed_in_seconds() {
    let html = invoice(&sample(&lines(1000)));
    keep("thousand.html", html.as_bytes());
    let before = peak_memory();
    let started = Instant::now();
    let pdf = render(&document(&html)).unwrap();
    let took = started.elapsed();
    println!(
        "{} kB of HTML, {} kB of PDF, {took:?}, peak {} → {} MB",
        html.len() / 1000,
        pdf.len() / 1000,
        before / 1000,
        peak_memory() / 1000
    );
    assert!(took.as_secs() < 60);
    assert!(peak_memory() - before < 500_000, "peak memory in kB: {before} → {}", peak_memory());
    if let Some(text) = text_of(&pdf) {
        assert!(text.contains("VPS 1000 for "));
    }
}

/// The most memory this process has held, in kB; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default()
}
