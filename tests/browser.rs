//! The report in a real browser: nothing is asked for, nothing complains, everything is there, at three widths, in both
//! themes, by mouse and by keyboard, on screen and on paper.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Browser, Results};

const WIDTHS: [u32; 3] = [360, 768, 1280];

/// The report of a real run.
fn report() -> (tempfile::TempDir, PathBuf) {
    let results = Results::new();
    // Long enough a label and a note to break a careless page.
    let label = "a-label-without-any-space-".repeat(8);
    results.run(&format!("-f function1,thumbnailer --repetitions 8 --processes 2 --label {label}")).succeeds();
    results.command(&["results", "note", "latest", "<b>bold</b> & \"quoted\" \u{202e}turned"]).succeeds();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    results.command(&["report", "-o", path.to_str().unwrap()]).succeeds();
    (folder, path)
}

/// Plots that take no room, or hold no text.
const BAD_PLOTS: &str = "[...document.querySelectorAll('svg.plot')].filter(plot => {
    const box = plot.getBoundingClientRect();
    return box.width < 200 || box.height < 50 || plot.querySelectorAll('text').length < 2;
}).map(plot => plot.parentElement.id)";

/// Texts of plots that stick out of their plot.
const CUT_TEXTS: &str = "[...document.querySelectorAll('svg.plot')].flatMap(plot => {
    const room = plot.getBoundingClientRect();
    return [...plot.querySelectorAll('text')].filter(text => {
        const box = text.getBoundingClientRect();
        return box.left < room.left - 2 || box.right > room.right + 2 || box.top < room.top - 2 || box.bottom > room.bottom + 2;
    }).map(text => plot.parentElement.id + ': ' + text.textContent);
})";

/// How far the ground is from black, 0 to 255.
const GROUND: &str = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3";

fn empty() -> Value {
    Value::Array(Vec::new())
}

#[test]
fn the_report_is_whole_at_every_width_in_both_themes_and_asks_for_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    let (_folder, path) = report();
    let own = format!("file://{}", path.display());
    for width in WIDTHS {
        for theme in ["light", "dark"] {
            browser.open(&path, width, theme);
            let place = format!("{width} px, {theme}");
            assert_eq!(browser.complaints(), Vec::<String>::new(), "{place}");
            let strangers: Vec<String> = browser.requests().into_iter().filter(|url| *url != own).collect();
            assert_eq!(strangers, Vec::<String>::new(), "{place}");
            let plots = browser.value("document.querySelectorAll('svg.plot').length").as_u64().unwrap();
            assert!(plots >= 10, "{place}: {plots} plots");
            assert_eq!(browser.value(BAD_PLOTS), empty(), "{place}");
            assert_eq!(browser.value(CUT_TEXTS), empty(), "{place}");
            let wide = browser.value("document.documentElement.scrollWidth - innerWidth").as_i64().unwrap();
            assert!(wide <= 0, "{place}: the page is {wide} px too wide");
            let ground = browser.value(GROUND).as_f64().unwrap();
            assert_eq!(ground > 128.0, theme == "light", "{place}: {ground}");
            browser.screenshot(&format!("report-{width}-{theme}"));
        }
    }
    // What a user wrote is text.
    assert_eq!(browser.value("document.querySelectorAll('main b').length"), 0);
    assert_eq!(browser.value("document.body.textContent.includes('<b>bold</b>')"), true);
}

#[test]
fn every_plot_has_words_and_numbers_for_those_who_do_not_see_it() {
    let Some(mut browser) = Browser::start() else { return };
    let (_folder, path) = report();
    browser.open(&path, 1280, "light");
    let without = "[...document.querySelectorAll('svg.plot')].filter(plot => {
        const named = plot.getAttribute('aria-labelledby').split(' ').map(id => document.getElementById(id));
        const rows = plot.parentElement.querySelectorAll('details table tbody tr');
        return plot.getAttribute('role') !== 'img' || named.some(part => !part || !/\\w/.test(part.textContent)) || !rows.length;
    }).map(plot => plot.parentElement.id)";
    assert_eq!(browser.value(without), empty());
    assert_eq!(browser.value("new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size === document.querySelectorAll('[id]').length"), true);
    // Headings go down by one.
    let levels = "[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))";
    let levels: Vec<u64> = serde_json::from_value(browser.value(levels)).unwrap();
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1) && levels[0] == 1, "{levels:?}");
}

#[test]
fn pointing_at_a_plot_and_stepping_through_it_say_its_values() {
    let Some(mut browser) = Browser::start() else { return };
    let (_folder, path) = report();
    browser.open(&path, 1280, "light");
    browser.value("document.querySelector('svg.plot').scrollIntoView({ block: 'center' })");
    let place = "(() => {
        const plot = document.querySelector('svg.plot');
        const spot = JSON.parse(plot.dataset.spots)[0];
        const point = new DOMPoint(spot[0], spot[1]).matrixTransform(plot.getScreenCTM());
        return [point.x, point.y, spot[spot.length - 1]];
    })()";
    let place = browser.value(place);
    browser.point_at(place[0].as_f64().unwrap() + 1.0, place[1].as_f64().unwrap() + 1.0);
    let tip = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent";
    assert_eq!(browser.value(tip), place[2]);
    assert!(place[2].as_str().unwrap().contains(|letter: char| letter.is_ascii_digit()), "{place}");
    browser.point_at(2.0, 890.0);
    assert_eq!(browser.value(tip), "");

    browser.value("document.querySelector('svg.plot').focus()");
    browser.press("ArrowRight", "ArrowRight", "");
    assert_eq!(browser.value(tip), place[2]);
    browser.press("ArrowRight", "ArrowRight", "");
    assert_ne!(browser.value(tip), place[2]);
    browser.press("Escape", "Escape", "");
    assert_eq!(browser.value(tip), "");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_theme_and_folded_parts_are_reached_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let (_folder, path) = report();
    browser.open(&path, 1280, "light");
    browser.value("document.getElementById('theme').focus()");
    browser.press("Enter", "Enter", "\r");
    assert!(browser.value(GROUND).as_f64().unwrap() < 128.0, "the theme did not change");
    browser.value("document.querySelector('figure details summary').focus()");
    browser.press("Enter", "Enter", "\r");
    assert_eq!(browser.value("document.querySelector('figure details').open"), true);
    // The first thing that a keyboard reaches leads past the contents.
    browser.value("document.activeElement.blur(), scrollTo(0, 0)");
    assert_eq!(browser.value("document.querySelector('a').getAttribute('href')"), "#main");
}

#[test]
fn on_paper_there_are_no_buttons_and_the_ground_is_white() {
    let Some(mut browser) = Browser::start() else { return };
    let (_folder, path) = report();
    browser.open(&path, 1280, "dark");
    browser.media("print", "dark");
    assert_eq!(
        browser.value("[...document.querySelectorAll('button, nav')].filter(one => one.offsetParent).length"),
        0
    );
    assert!(browser.value(GROUND).as_f64().unwrap() > 250.0);
    let inside = "[...document.querySelectorAll('figure')].every(one => getComputedStyle(one).breakInside === 'avoid')";
    assert_eq!(browser.value(inside), true);
}
