//! What the files promise: readable colours, no inline code, nothing from elsewhere.

use std::collections::BTreeMap;

use super::*;

fn text(file: &str) -> String {
    String::from_utf8(Assets::get(file).unwrap().data.into_owned()).unwrap()
}

/// Every `--name: light-dark(#rrggbb, #rrggbb)` of the tokens.
fn tokens() -> BTreeMap<String, [[f64; 3]; 2]> {
    text("tokens.css")
        .lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(':')?;
            let pair = value.trim().strip_prefix("light-dark(")?.strip_suffix(");")?;
            let (light, dark) = pair.split_once(',')?;
            Some((name.to_owned(), [color(light.trim())?, color(dark.trim())?]))
        })
        .collect()
}

fn color(text: &str) -> Option<[f64; 3]> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map(f64::from).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

/// Relative luminance and contrast: WCAG 2.2, 1.4.3.
fn luminance([r, g, b]: [f64; 3]) -> f64 {
    let linear = |part: f64| {
        let part = part / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn mix(over: [f64; 3], under: [f64; 3], share: f64) -> [f64; 3] {
    std::array::from_fn(|at| over[at] * share + under[at] * (1.0 - share))
}

const STATES: [&str; 7] =
    ["running", "completed", "failed", "retrying", "waiting", "cancelled", "timed-out"];

#[test]
fn every_text_is_readable_on_every_surface() {
    let tokens = tokens();
    for theme in [0, 1] {
        for surface in ["bg", "surface", "raised", "hover"] {
            let under = tokens[surface][theme];
            for name in ["text", "muted", "accent"].iter().chain(&STATES) {
                let ratio = contrast(tokens[*name][theme], under);
                assert!(ratio >= 4.5, "{name} on {surface}, theme {theme}: {ratio:.2}");
            }
            // A pill stands on a tint of its own colour.
            for name in STATES {
                let tone = tokens[name][theme];
                let ratio = contrast(tone, mix(tone, under, 0.09));
                assert!(ratio >= 4.5, "{name} on its tint, theme {theme}: {ratio:.2}");
            }
        }
        for name in ["accent", "failed"] {
            let ratio = contrast(tokens["on-accent"][theme], tokens[name][theme]);
            assert!(ratio >= 4.5, "on-accent on {name}, theme {theme}: {ratio:.2}");
        }
    }
}

#[test]
fn every_token_that_styles_use_exists() {
    let styles: Vec<_> = Assets::iter().filter(|file| file.ends_with(".css")).collect();
    let all: String = styles.iter().map(|file| text(file)).collect();
    for used in all.split("var(--").skip(1) {
        let name = used.split([')', ',']).next().unwrap();
        assert!(all.contains(&format!("--{name}:")), "--{name} is set nowhere");
    }
}

#[test]
fn scripts_load_only_their_neighbours() {
    for file in Assets::iter().filter(|file| file.ends_with(".js")) {
        for line in text(&file).lines().filter(|line| line.starts_with("import ")) {
            let from = line.rsplit_once("from \"./").unwrap().1.trim_end_matches("\";");
            assert!(Assets::get(from).is_some(), "{file} imports {from}");
        }
        for forbidden in ["eval(", "new Function", "innerHTML", "http://", "https://"] {
            assert!(!text(&file).contains(forbidden), "{file} has {forbidden}");
        }
    }
}
