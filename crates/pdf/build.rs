//! Compresses the fonts of the font crates into `OUT_DIR`, one zlib stream per face, so that the binary
//! carries half their size and a document pays only for the scripts it uses. Nothing is downloaded.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Faces of `mupdf-fonts-noto`: the file name in `OUT_DIR` (which `src/fonts.rs` includes) and the name there.
const NOTO: [(&str, &str); 21] = [
    ("sans_recent", "Noto Sans"),
    ("naskh_arabic", "Noto Naskh Arabic"),
    ("thaana", "Noto Sans Thaana"),
    ("armenian", "Noto Serif Armenian"),
    ("bengali", "Noto Serif Bengali"),
    ("devanagari", "Noto Serif Devanagari"),
    ("ethiopic", "Noto Serif Ethiopic"),
    ("georgian", "Noto Serif Georgian"),
    ("gujarati", "Noto Serif Gujarati"),
    ("gurmukhi", "Noto Serif Gurmukhi"),
    ("kannada", "Noto Serif Kannada"),
    ("khmer", "Noto Serif Khmer"),
    ("lao", "Noto Serif Lao"),
    ("malayalam", "Noto Serif Malayalam"),
    ("myanmar", "Noto Serif Myanmar"),
    ("oriya", "Noto Serif Oriya"),
    ("sinhala", "Noto Serif Sinhala"),
    ("tamil", "Noto Serif Tamil"),
    ("telugu", "Noto Serif Telugu"),
    ("thai", "Noto Serif Thai"),
    ("emoji", "Noto Emoji"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);

    pack(out, "sans_regular", notosans::REGULAR_TTF)?;
    pack(out, "sans_bold", notosans::BOLD_TTF)?;
    pack(out, "sans_italic", notosans::ITALIC_TTF)?;
    pack(out, "sans_bold_italic", notosans::BOLD_ITALIC_TTF)?;
    pack(out, "dejavu_regular", dejavu::sans::regular())?;
    pack(out, "dejavu_bold", dejavu::sans::bold())?;
    for (file, name) in NOTO {
        let font = mupdf_fonts_noto::find_by_name(name, false, false).ok_or(format!("no font named {name}"))?;
        pack(out, file, font.data)?;
    }
    let cjk = mupdf_fonts_droid::find_by_name("Droid Sans Fallback Full", false, false).ok_or("no CJK font")?;
    pack(out, "cjk", cjk.data)
}

fn pack(out: &Path, name: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    fs::write(out.join(format!("{name}.z")), encoder.finish()?)?;
    Ok(())
}
