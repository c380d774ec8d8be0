//! Charts as SVG text, made on the server: no script, no external file, no style attribute.
//!
//! The SVG carries class names only (`s0` … `s5` for series); the stylesheet colours them in both themes. Every chart has
//! a `<title>` and a `<desc>` in words, and [`table`] gives the same numbers as HTML for a disclosure under it, because a
//! picture alone is not reachable for everyone. All text is escaped: the results may be marked safe in a template.

use std::f64::consts::TAU;
use std::fmt::Write;

/// What a chart shows. A series that is shorter than `categories` ends early; values that are not finite are gaps.
#[derive(Debug, Clone, Default)]
pub struct ChartSpec {
    pub title: String,
    /// What the values count, such as "EUR" or "tickets".
    pub unit: String,
    pub categories: Vec<String>,
    pub series: Vec<Series>,
}

/// One row of numbers, a value for each category.
#[derive(Debug, Clone, Default)]
pub struct Series {
    pub name: String,
    pub values: Vec<f64>,
}

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 220.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 24.0;
const RIGHT: f64 = 8.0;
const LEGEND: f64 = 20.0;
/// The stylesheet knows this many series colours; more series begin again.
const COLOURS: usize = 6;
/// Width of a character at the largest size that the stylesheet gives to text (12.5 units), on average.
const CHARACTER: f64 = 6.8;

/// Bars, side by side within a category.
pub fn bars(spec: &ChartSpec) -> String {
    let plot = Plot::of(spec);
    let mut svg = plot.open(spec);
    let group = plot.step() * 0.72;
    let width = (group / spec.series.len().max(1) as f64).min(36.0);
    for (s, series) in spec.series.iter().enumerate() {
        for (c, value) in points(spec, series) {
            let x = plot.x(c) - width * spec.series.len() as f64 / 2.0 + width * s as f64;
            let (y, zero) = (plot.y(value), plot.y(0.0));
            let _ = write!(
                svg,
                "<rect class=\"chart-bar s{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"1.5\"><title>{}</title></rect>",
                s % COLOURS,
                x + width * 0.06,
                y.min(zero),
                width * 0.88,
                (y - zero).abs(),
                told(spec, series, c, value),
            );
        }
    }
    plot.close(svg, spec)
}

/// A line for each series, with a dot at every value while there is room for dots.
pub fn lines(spec: &ChartSpec) -> String {
    let plot = Plot::of(spec);
    let mut svg = plot.open(spec);
    for (s, series) in spec.series.iter().enumerate() {
        let class = s % COLOURS;
        let mut path = String::new();
        let mut previous = None;
        for (c, value) in points(spec, series) {
            let joined = c > 0 && previous == Some(c - 1);
            let _ = write!(path, "{}{:.1} {:.1}", if joined { "L" } else { "M" }, plot.x(c), plot.y(value));
            previous = Some(c);
        }
        if !path.is_empty() {
            let _ = write!(svg, "<path class=\"chart-line s{class}\" d=\"{path}\"/>");
        }
        let radius = if spec.categories.len() > 40 { 1.2 } else { 2.6 };
        for (c, value) in points(spec, series) {
            let _ = write!(
                svg,
                "<circle class=\"chart-dot s{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\"><title>{}</title></circle>",
                plot.x(c),
                plot.y(value),
                told(spec, series, c, value),
            );
        }
    }
    plot.close(svg, spec)
}

/// The parts of a whole: the first series, one slice for each category. Negative values have no slice.
pub fn doughnut(spec: &ChartSpec) -> String {
    const SHOWN: usize = 8;
    let none = Series::default();
    let series = spec.series.first().unwrap_or(&none);
    let parts: Vec<(usize, f64)> = points(spec, series).filter(|(_, value)| *value > 0.0).collect();
    let total: f64 = parts.iter().map(|(_, value)| value).sum();
    let mut svg = head(spec, "chart chart-round", HEIGHT);
    let (cx, cy, outer, inner) = (112.0, HEIGHT / 2.0, 92.0, 62.0);
    let mut from = 0.0;
    for (c, value) in &parts {
        let share = value / total;
        let told = format!("{} ({:.1} %)", told(spec, series, *c, *value), share * 100.0);
        let to = from + share;
        let d = if share > 0.9999 {
            // An arc that ends where it begins would vanish: two halves instead.
            format!("{}{}", arc(cx, cy, outer, inner, 0.0, 0.5), arc(cx, cy, outer, inner, 0.5, 1.0))
        } else {
            arc(cx, cy, outer, inner, from, to)
        };
        let _ = write!(svg, "<path class=\"chart-slice s{}\" d=\"{d}\"><title>{told}</title></path>", c % COLOURS);
        from = to;
    }
    let _ = write!(
        svg,
        "<text class=\"chart-total\" x=\"{cx}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text><text x=\"{cx}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
        cy + 2.0,
        number(total),
        cy + 18.0,
        escape(&spec.unit),
    );
    let rows = parts.len().min(SHOWN);
    for (row, (c, value)) in parts.iter().take(SHOWN).enumerate() {
        let y = cy + (row as f64 - (rows as f64 - 1.0) / 2.0) * 22.0;
        let name = spec.categories.get(*c).map_or("", String::as_str);
        let _ = write!(
            svg,
            "<rect class=\"chart-key s{}\" x=\"236\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\"/><text class=\"chart-name\" x=\"254\" y=\"{:.1}\">{}</text><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{} · {}</text>",
            c % COLOURS,
            y - 5.0,
            y + 4.0,
            escape(&shortened(name, 18)),
            WIDTH - RIGHT,
            y + 4.0,
            number(*value),
            percent(value / total),
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A number's history in the height of a line of text, without axes; the words are in `<title>`.
pub fn sparkline(spec: &ChartSpec) -> String {
    let (width, height) = (120.0, 28.0);
    let none = Series::default();
    let series = spec.series.first().unwrap_or(&none);
    let known: Vec<(usize, f64)> = points(spec, series).collect();
    let low = known.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let high = known.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let range = if high > low { high - low } else { 1.0 };
    let last = spec.categories.len().max(2) as f64 - 1.0;
    let at = |c: usize, value: f64| (c as f64 / last * width, height - 2.0 - (value - low) / range * (height - 4.0));
    let mut path = String::new();
    for (i, (c, value)) in known.iter().enumerate() {
        let (x, y) = at(*c, *value);
        let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
    }
    let mut svg = format!(
        "<svg class=\"sparkline\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" role=\"img\"><title>{}</title>",
        escape(&in_words(spec))
    );
    if let (Some(first), Some(end)) = (known.first(), known.last()) {
        let (from, to) = (at(first.0, first.1).0, at(end.0, end.1).0);
        let _ = write!(
            svg,
            "<path class=\"chart-area\" d=\"{path}L{to:.1} {height}L{from:.1} {height}Z\"/><path class=\"chart-line s0\" d=\"{path}\"/>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The numbers of a chart as an HTML table.
pub fn table(spec: &ChartSpec) -> String {
    let mut html = format!(
        "<div class=\"table-wrap\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table><caption class=\"vh\">{0}",
        escape(&spec.title)
    );
    if !spec.unit.is_empty() {
        let _ = write!(html, ", in {}", escape(&spec.unit));
    }
    html.push_str("</caption><thead><tr><td></td>");
    for series in &spec.series {
        let _ = write!(html, "<th scope=\"col\" class=\"num\">{}</th>", escape(&series.name));
    }
    html.push_str("</tr></thead><tbody>");
    for (c, category) in spec.categories.iter().enumerate() {
        let _ = write!(html, "<tr><th scope=\"row\">{}</th>", escape(category));
        for series in &spec.series {
            let value = series.values.get(c).filter(|value| value.is_finite());
            let _ = write!(html, "<td class=\"num\">{}</td>", value.map_or("–".to_string(), |value| number(*value)));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

/// Where values and categories lie on the picture.
struct Plot {
    left: f64,
    bottom: f64,
    height: f64,
    categories: usize,
    low: f64,
    high: f64,
    tick: f64,
}

impl Plot {
    fn of(spec: &ChartSpec) -> Plot {
        let values = || spec.series.iter().flat_map(|series| points(spec, series)).map(|(_, value)| value);
        let (low, high, tick) = scale(values().fold(0.0, f64::min), values().fold(0.0, f64::max));
        let widest = ticks(low, high, tick).map(|value| axis_number(value, tick).chars().count()).max().unwrap_or(1);
        let legend = if spec.series.len() > 1 { LEGEND } else { 0.0 };
        Plot {
            left: widest as f64 * CHARACTER + 10.0,
            bottom: HEIGHT - BOTTOM,
            height: HEIGHT + legend,
            categories: spec.categories.len(),
            low,
            high,
            tick,
        }
    }

    fn step(&self) -> f64 {
        (WIDTH - RIGHT - self.left) / self.categories.max(1) as f64
    }

    fn x(&self, category: usize) -> f64 {
        self.left + self.step() * (category as f64 + 0.5)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - TOP)
    }

    fn open(&self, spec: &ChartSpec) -> String {
        let mut svg = head(spec, "chart", self.height);
        let _ = write!(svg, "<text x=\"0\" y=\"11\">{}</text>", escape(&spec.unit));
        for value in ticks(self.low, self.high, self.tick) {
            let y = self.y(value);
            let class = if value == 0.0 { "chart-base" } else { "chart-grid" };
            let _ = write!(
                svg,
                "<line class=\"{class}\" x1=\"{:.1}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                self.left,
                WIDTH - RIGHT,
                self.left - 6.0,
                y + 3.8,
                axis_number(value, self.tick),
            );
        }
        let longest = spec.categories.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(12);
        let every = ((longest as f64 * CHARACTER + 8.0) / self.step()).ceil().max(1.0) as usize;
        for (c, name) in spec.categories.iter().enumerate().filter(|(c, _)| c % every == 0) {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                self.x(c),
                self.bottom + 16.0,
                escape(&shortened(name, 12)),
            );
        }
        svg
    }

    fn close(&self, mut svg: String, spec: &ChartSpec) -> String {
        if spec.series.len() > 1 {
            let mut x = self.left;
            for (s, series) in spec.series.iter().enumerate() {
                let name = shortened(&series.name, 24);
                let _ = write!(
                    svg,
                    "<rect class=\"chart-key s{}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\"/><text class=\"chart-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    s % COLOURS,
                    self.height - 13.0,
                    x + 15.0,
                    self.height - 4.0,
                    escape(&name),
                );
                x += 15.0 + name.chars().count() as f64 * CHARACTER + 16.0;
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

fn head(spec: &ChartSpec, class: &str, height: f64) -> String {
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\"><title>{}</title><desc>{}</desc>",
        escape(&spec.title),
        escape(&in_words(spec)),
    )
}

/// The values that can be drawn, with the index of their category.
fn points<'a>(spec: &ChartSpec, series: &'a Series) -> impl Iterator<Item = (usize, f64)> + use<'a> {
    series.values.iter().copied().take(spec.categories.len()).enumerate().filter(|(_, value)| value.is_finite())
}

/// What a reader of the picture would say: from where to where each series goes, and its highest value.
fn in_words(spec: &ChartSpec) -> String {
    let mut words = spec.title.clone();
    for series in &spec.series {
        let known: Vec<(usize, f64)> = points(spec, series).collect();
        let (Some(first), Some(last)) = (known.first(), known.last()) else { continue };
        let top = known.iter().fold(first, |top, point| if point.1 > top.1 { point } else { top });
        let _ = write!(
            words,
            ". {}: {} in {}, {} in {}, highest {} in {}",
            series.name,
            number(first.1),
            spec.categories[first.0],
            number(last.1),
            spec.categories[last.0],
            number(top.1),
            spec.categories[top.0],
        );
    }
    if spec.unit.is_empty() { words + "." } else { format!("{words}. Values in {}.", spec.unit) }
}

fn told(spec: &ChartSpec, series: &Series, category: usize, value: f64) -> String {
    let name = spec.categories.get(category).map_or("", String::as_str);
    let what = if spec.series.len() > 1 { format!("{name}, {}", series.name) } else { name.to_string() };
    escape(format!("{what}: {} {}", number(value), spec.unit).trim_end())
}

/// A range that holds both values in four to six steps of 1, 2, 2.5 or 5 times a power of ten: (low, high, step).
fn scale(low: f64, high: f64) -> (f64, f64, f64) {
    if high <= low {
        return (0.0, 1.0, 0.25);
    }
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let tick = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|t| *t >= rough).unwrap_or(power * 10.0);
    ((low / tick).floor() * tick, (high / tick).ceil() * tick, tick)
}

fn ticks(low: f64, high: f64, tick: f64) -> impl Iterator<Item = f64> {
    // By index rather than by adding, so that zero is exactly zero.
    let (from, to) = ((low / tick).round() as i64, (high / tick).round() as i64);
    (from..=to).map(move |i| i as f64 * tick)
}

/// Short enough for an axis: thousands as k, millions as M.
fn axis_number(value: f64, tick: f64) -> String {
    let (divisor, suffix) = match value.abs().max(tick) {
        v if v >= 1e9 => (1e9, "bn"),
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let short = number(value / divisor);
    let short = if short.contains('.') { short.trim_end_matches('0') } else { &short };
    if value == 0.0 { "0".to_string() } else { format!("{short}{suffix}") }
}

/// At most two decimals, thousands parted by commas, as everywhere on the pages.
fn number(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, "00"));
    let mut out = String::new();
    if value < 0.0 && text != "0.00" {
        out.push('−');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if decimals != "00" {
        out.push('.');
        out.push_str(decimals);
    }
    out
}

fn arc(cx: f64, cy: f64, outer: f64, inner: f64, from: f64, to: f64) -> String {
    let at = |share: f64, radius: f64| {
        let angle = share * TAU;
        (cx + radius * angle.sin(), cy - radius * angle.cos())
    };
    let ((ax, ay), (bx, by)) = (at(from, outer), at(to, outer));
    let ((dx, dy), (ex, ey)) = (at(to, inner), at(from, inner));
    let large = u8::from(to - from > 0.5);
    format!(
        "M{ax:.2} {ay:.2}A{outer} {outer} 0 {large} 1 {bx:.2} {by:.2}L{dx:.2} {dy:.2}A{inner} {inner} 0 {large} 0 {ex:.2} {ey:.2}Z"
    )
}

/// A share as a whole percentage; a part that exists is never said to be nothing.
fn percent(share: f64) -> String {
    if share < 0.005 { "&lt;1 %".to_string() } else { format!("{:.0} %", share * 100.0) }
}

fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_string();
    }
    text.chars().take(characters - 1).chain(['…']).collect()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(values: &[f64]) -> ChartSpec {
        ChartSpec {
            title: "Income".into(),
            unit: "EUR".into(),
            categories: (1..=values.len()).map(|month| format!("M{month}")).collect(),
            series: vec![Series { name: "Paid".into(), values: values.to_vec() }],
        }
    }

    #[test]
    fn ticks_are_round_and_hold_every_value() {
        for high in [0.3, 1.0, 7.0, 99.0, 101.0, 1234.0, 98_765.4, 3e9] {
            let (low, top, tick) = scale(0.0, high);
            let steps = ticks(low, top, tick).count();
            assert_eq!(low, 0.0);
            assert!(top >= high && (4..=7).contains(&steps), "{high}: {top} in {steps}");
        }
    }

    #[test]
    fn a_scale_of_losses_and_gains_has_a_tick_at_zero() {
        let (low, high, tick) = scale(-37.0, 112.0);
        assert!(low <= -37.0 && high >= 112.0);
        assert!(ticks(low, high, tick).any(|value| value == 0.0));
    }

    #[test]
    fn every_value_has_a_bar_and_every_bar_its_words() {
        let svg = bars(&spec(&[1200.0, 0.0, -300.5]));
        assert_eq!(svg.matches("class=\"chart-bar s0\"").count(), 3);
        assert!(svg.contains("<title>M1: 1,200 EUR</title>"));
        assert!(svg.contains("<title>M3: −300.50 EUR</title>"));
        assert!(!svg.contains("height=\"-"));
    }

    #[test]
    fn text_from_people_is_escaped() {
        let mut hostile = spec(&[1.0, 2.0]);
        hostile.title = "<script>\"&'".into();
        hostile.categories[0] = "<b>".into();
        hostile.series[0].name = "</svg>".into();
        hostile.unit = "<i>".into();
        for text in [bars(&hostile), lines(&hostile), doughnut(&hostile), sparkline(&hostile), table(&hostile)] {
            for raw in ["<script", "<b>", "<i>"] {
                assert!(!text.contains(raw), "{raw} in {text}");
            }
            assert!(text.matches("</svg>").count() <= 1);
        }
    }

    #[test]
    fn a_chart_without_numbers_is_still_a_picture_and_a_table() {
        for empty in [ChartSpec::default(), spec(&[]), spec(&[f64::NAN]), spec(&[0.0])] {
            for svg in [bars(&empty), lines(&empty), doughnut(&empty), sparkline(&empty)] {
                assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
            assert!(table(&empty).ends_with("</table></div>"));
        }
    }

    #[test]
    fn a_gap_breaks_the_line_and_shows_as_a_dash_in_the_table() {
        let gap = spec(&[1.0, f64::NAN, 3.0, 4.0]);
        let svg = lines(&gap);
        let path = svg.split(" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1));
        assert!(table(&gap).contains("<td class=\"num\">–</td>"));
    }

    #[test]
    fn values_beyond_the_categories_are_not_drawn() {
        let mut long = spec(&[1.0, 2.0]);
        long.series[0].values.push(99.0);
        assert_eq!(lines(&long).matches("<circle").count(), 2);
    }

    #[test]
    fn the_slices_of_a_doughnut_say_their_share() {
        let svg = doughnut(&spec(&[30.0, 10.0]));
        assert!(svg.contains("M1: 30 EUR (75.0 %)") && svg.contains("M2: 10 EUR (25.0 %)"));
    }

    #[test]
    fn a_single_part_fills_the_whole_ring() {
        let svg = doughnut(&spec(&[5.0]));
        assert_eq!(svg.matches("chart-slice").count(), 1);
        assert_eq!(svg.matches('Z').count(), 2);
    }

    #[test]
    fn many_categories_share_the_axis_without_overlapping() {
        let values: Vec<f64> = (0..90).map(f64::from).collect();
        let svg = lines(&spec(&values));
        assert!(svg.matches("text-anchor=\"middle\"").count() <= 18);
    }

    #[test]
    fn nothing_carries_a_style_attribute() {
        let numbers = spec(&[1.0, 2.0, 3.0]);
        for svg in [bars(&numbers), lines(&numbers), doughnut(&numbers), sparkline(&numbers), table(&numbers)] {
            assert!(!svg.contains("style=") && !svg.contains("onclick"));
        }
    }

    #[test]
    fn large_numbers_are_short_on_the_axis_and_whole_in_the_table() {
        assert_eq!(axis_number(250_000.0, 50_000.0), "250k");
        assert_eq!(axis_number(2_500_000.0, 500_000.0), "2.5M");
        assert_eq!(number(1_234_567.5), "1,234,567.50");
    }
}
