//! How large the program is: all of it, with templates, style sheet and fonts.

use super::product;

pub fn print() {
    println!("\nSize of the program:");
    let mut profiles = vec!["release"];
    if std::env::var("INNKEEPER_BENCH_DIST").is_ok_and(|wanted| wanted == "1") {
        product::build("dist");
        profiles.push("dist");
    }
    for profile in profiles {
        let bytes = std::fs::metadata(product::program(profile)).unwrap().len();
        println!("  {profile:<8} {:>6.1} MiB", bytes as f64 / 1024.0 / 1024.0);
    }
}
