//! The fonts in the binary: which face serves which writing system, and what no face can draw.
//!
//! A face stays compressed until a document has a character for it, so a Latin invoice never unpacks the
//! five megabytes of Chinese, Japanese and Korean glyphs. Which faces a document gets depends on nothing but
//! its characters, and their order is the order of [`FACES`]: the same text always gives the same glyphs.
//! No font is read from the machine, because two nodes with different fonts would give different documents.

use std::collections::BTreeSet;
use std::io::Read;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use flate2::read::ZlibDecoder;
use skrifa::{FontRef, MetadataProvider};
use takumi_core::Fonts;
use takumi_core::resources::font::{FontOverride, FontResource, FontSource, GenericFamily};
use takumi_core::style::FontFamily;

use crate::{PdfError, REPLACEMENT};

/// What a bundled font is called and under which licence it may be passed on. Operators who redistribute the
/// binary show these; the full text travels inside each font's own name table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FontNotice {
    pub name: &'static str,
    pub copyright: &'static str,
    pub licence: &'static str,
}

/// The attribution that the licences of the bundled fonts ask for.
pub const FONT_NOTICES: [FontNotice; 3] = [
    FontNotice {
        name: "Noto Sans, Noto Serif, Noto Naskh Arabic, Noto Emoji",
        copyright: "Copyright Google LLC and the Noto Project Authors. Noto is a trademark of Google LLC.",
        licence: "SIL Open Font License 1.1",
    },
    FontNotice {
        name: "DejaVu Sans",
        copyright: "Copyright (c) 2003 Bitstream, Inc.; Copyright (c) 2006 Tavmjong Bah. DejaVu changes are in the public domain.",
        licence: "Bitstream Vera and Arev licence",
    },
    FontNotice {
        name: "Droid Sans Fallback",
        copyright: "Copyright (c) 2005-2008 The Android Open Source Project. Droid is a trademark of Google.",
        licence: "Apache-2.0",
    },
];

/// One font file in the binary.
struct Face {
    family: &'static str,
    packed: &'static [u8],
    unpacked: OnceLock<Vec<u8>>,
    weight: f32,
    serves: Serves,
}

/// When a face is asked for a character.
enum Serves {
    /// Every document has it: the text face in its four styles.
    Always,
    /// The characters in these ranges, which are the writing system's own.
    Ranges(&'static [RangeInclusive<char>]),
    /// What no face before it has.
    Rest,
}

macro_rules! face {
    ($family:literal, $weight:literal, $file:literal, $serves:expr) => {
        Face {
            family: $family,
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".z")),
            unpacked: OnceLock::new(),
            weight: $weight,
            serves: $serves,
        }
    };
}

const TEXT_FAMILY: &str = "Noto Sans";

const ARABIC: &[RangeInclusive<char>] = &[
    '\u{600}'..='\u{6ff}',
    '\u{750}'..='\u{77f}',
    '\u{8a0}'..='\u{8ff}',
    '\u{fb50}'..='\u{fdff}',
    '\u{fe70}'..='\u{fefe}',
];
const CJK: &[RangeInclusive<char>] = &[
    '\u{1100}'..='\u{11ff}',
    '\u{2e80}'..='\u{9fff}',
    '\u{ac00}'..='\u{d7a3}',
    '\u{f900}'..='\u{faff}',
    '\u{fe30}'..='\u{fe4f}',
    '\u{ff00}'..='\u{ffef}',
];

/// In the order in which they are asked for a glyph.
static FACES: [Face; 28] = [
    face!("Noto Sans", 400.0, "sans_regular", Serves::Always),
    face!("Noto Sans", 700.0, "sans_bold", Serves::Always),
    face!("Noto Sans", 400.0, "sans_italic", Serves::Always),
    face!("Noto Sans", 700.0, "sans_bold_italic", Serves::Always),
    face!("Noto Naskh Arabic", 400.0, "naskh_arabic", Serves::Ranges(ARABIC)),
    face!("Noto Sans Thaana", 400.0, "thaana", Serves::Ranges(&['\u{780}'..='\u{7bf}'])),
    face!(
        "Noto Serif Devanagari",
        400.0,
        "devanagari",
        Serves::Ranges(&['\u{900}'..='\u{97f}', '\u{a8e0}'..='\u{a8ff}'])
    ),
    face!("Noto Serif Bengali", 400.0, "bengali", Serves::Ranges(&['\u{980}'..='\u{9ff}'])),
    face!("Noto Serif Gurmukhi", 400.0, "gurmukhi", Serves::Ranges(&['\u{a00}'..='\u{a7f}'])),
    face!("Noto Serif Gujarati", 400.0, "gujarati", Serves::Ranges(&['\u{a80}'..='\u{aff}'])),
    face!("Noto Serif Oriya", 400.0, "oriya", Serves::Ranges(&['\u{b00}'..='\u{b7f}'])),
    face!("Noto Serif Tamil", 400.0, "tamil", Serves::Ranges(&['\u{b80}'..='\u{bff}'])),
    face!("Noto Serif Telugu", 400.0, "telugu", Serves::Ranges(&['\u{c00}'..='\u{c7f}'])),
    face!("Noto Serif Kannada", 400.0, "kannada", Serves::Ranges(&['\u{c80}'..='\u{cff}'])),
    face!("Noto Serif Malayalam", 400.0, "malayalam", Serves::Ranges(&['\u{d00}'..='\u{d7f}'])),
    face!("Noto Serif Sinhala", 400.0, "sinhala", Serves::Ranges(&['\u{d80}'..='\u{dff}'])),
    face!("Noto Serif Thai", 400.0, "thai", Serves::Ranges(&['\u{e00}'..='\u{e7f}'])),
    face!("Noto Serif Lao", 400.0, "lao", Serves::Ranges(&['\u{e80}'..='\u{eff}'])),
    face!("Noto Serif Myanmar", 400.0, "myanmar", Serves::Ranges(&['\u{1000}'..='\u{109f}'])),
    face!(
        "Noto Serif Georgian",
        400.0,
        "georgian",
        Serves::Ranges(&['\u{10a0}'..='\u{10ff}', '\u{1c90}'..='\u{1cbf}'])
    ),
    face!("Noto Serif Ethiopic", 400.0, "ethiopic", Serves::Ranges(&['\u{1200}'..='\u{139f}'])),
    face!("Noto Serif Khmer", 400.0, "khmer", Serves::Ranges(&['\u{1780}'..='\u{17ff}'])),
    face!("Noto Serif Armenian", 400.0, "armenian", Serves::Ranges(&['\u{530}'..='\u{58f}'])),
    face!("Droid Sans Fallback", 400.0, "cjk", Serves::Ranges(CJK)),
    face!("DejaVu Sans", 400.0, "dejavu_regular", Serves::Rest),
    face!("DejaVu Sans", 700.0, "dejavu_bold", Serves::Rest),
    // A newer Noto Sans, for what the text face of 2017 lacks: the manat and the lari, for instance.
    face!("Noto Sans 2", 400.0, "sans_recent", Serves::Rest),
    face!("Noto Emoji", 400.0, "emoji", Serves::Rest),
];

impl Face {
    fn bytes(&'static self) -> Result<&'static [u8], PdfError> {
        if let Some(bytes) = self.unpacked.get() {
            return Ok(bytes);
        }
        let mut bytes = Vec::with_capacity(self.packed.len() * 5 / 2);
        ZlibDecoder::new(self.packed).read_to_end(&mut bytes).map_err(|error| PdfError::Font(error.to_string()))?;
        Ok(self.unpacked.get_or_init(|| bytes))
    }

    fn has(&'static self, character: char) -> Result<bool, PdfError> {
        let font = FontRef::new(self.bytes()?).map_err(|error| PdfError::Font(error.to_string()))?;
        Ok(font.charmap().map(character).is_some_and(|glyph| glyph.to_u32() != 0))
    }

    fn may_serve(&self, character: char) -> bool {
        match &self.serves {
            Serves::Always | Serves::Rest => true,
            Serves::Ranges(ranges) => ranges.iter().any(|range| range.contains(&character)),
        }
    }
}

/// The fonts of one document.
pub(crate) struct Selection {
    pub fonts: Fonts,
    pub families: FontFamily,
    /// Characters that no bundled face has.
    pub missing: BTreeSet<char>,
}

/// Chooses and registers the faces that `text` needs.
pub(crate) fn select<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Selection, PdfError> {
    let mut families: BTreeSet<usize> = FACES.iter().position(|face| face.family == TEXT_FAMILY).into_iter().collect();
    let mut missing = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for character in texts.into_iter().flat_map(str::chars).filter(|c| needs_glyph(*c)) {
        if !seen.insert(character) {
            continue;
        }
        match serving(character)? {
            Some(index) => families.insert(index),
            None => missing.insert(character),
        };
    }

    if !missing.is_empty() {
        families.extend(serving(REPLACEMENT)?);
    }

    let mut names: Vec<&'static str> = families.into_iter().map(|index| FACES[index].family).collect();
    names.dedup();
    let mut fonts = Fonts::default();
    for face in FACES.iter().filter(|face| names.contains(&face.family)) {
        register(&mut fonts, face)?;
    }
    Ok(Selection { fonts, families: FontFamily::from_names(names.into_iter().map(str::to_owned)), missing })
}

fn register(fonts: &mut Fonts, face: &'static Face) -> Result<(), PdfError> {
    let named =
        FontOverride { family_name: Some(face.family.into()), weight: Some(face.weight), ..FontOverride::default() };
    let mut resource = FontResource::new(FontSource::from_static(face.bytes()?)).override_info(named);
    if face.family == TEXT_FAMILY {
        resource = resource.generic_family(GenericFamily::SANS_SERIF);
    }
    fonts.register(resource).map_err(|error| PdfError::Font(error.to_string()))?;
    Ok(())
}

/// The first face that has `character`, as an index into [`FACES`].
fn serving(character: char) -> Result<Option<usize>, PdfError> {
    for (index, face) in FACES.iter().enumerate() {
        if face.may_serve(character) && face.has(character)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// The characters of `text` that no bundled font can draw, in order and once each. [`crate::render`] puts
/// U+FFFD (�) in their place, so a caller that cares asks before it renders.
///
/// # Errors
/// [`PdfError::Font`] when a bundled font is damaged, which is a defect of the build.
pub fn missing_glyphs(text: &str) -> Result<Vec<char>, PdfError> {
    let mut missing = BTreeSet::new();
    for character in text.chars().filter(|c| needs_glyph(*c)) {
        if serving(character)?.is_none() {
            missing.insert(character);
        }
    }
    Ok(missing.into_iter().collect())
}

/// Whether a reader expects to see something. Controls and the default-ignorable code points (Unicode
/// DerivedCoreProperties) steer the text around them and have no glyph of their own.
fn needs_glyph(character: char) -> bool {
    !character.is_control()
        && !character.is_whitespace()
        && !matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
