//! The page for every person: on a narrow screen, in the dark, without motion, without a mouse.

use serde_json::json;

use super::endpoints::{open, try_endpoint};
use crate::support::server::serve;
use crate::support::webdriver::{Browser, ENTER, TAB};

/// Lets the page see these preferences of its user.
#[track_caller]
fn prefer(browser: &Browser, features: &[(&str, &str)]) {
    let features = features.iter();
    let features = features.map(|(name, value)| json!({"name": name, "value": value}));
    let features: Vec<_> = features.collect();
    browser.devtools("Emulation.setEmulatedMedia", &json!({"features": features}));
}

/// Presses Tab until this element has the focus, and looks that every focus on the way is visible.
#[track_caller]
pub(super) fn tab_to(browser: &Browser, id: &str) {
    let look = "const at = document.activeElement, style = getComputedStyle(at);
                return [at.id, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2]";
    for _ in 0..100 {
        browser.press(TAB);
        let focus = browser.run(look, &[]);
        assert!(
            focus[0] == "" || focus[1] == true,
            "the focus at {focus} cannot be seen"
        );
        if focus[0] == id {
            return;
        }
    }
    panic!("Tab never reaches {id}");
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn it_fits_on_a_narrow_screen() {
    let server = serve();
    let browser = open(&server);
    let phone = json!({"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true});
    browser.devtools("Emulation.setDeviceMetricsOverride", &phone);
    browser.wait_for("[aria-labelledby=endpoints]", "/frames/KIND");
    try_endpoint(&browser, "/echo");
    browser.wait_for("#try-state", "Open");
    browser.type_into("#try-text", &format!("{}{ENTER}", "long".repeat(200)));
    browser.wait_for("#try-log .received", "longlong");
    let widths = "return [innerWidth, document.documentElement.scrollWidth,
                          document.querySelector('#try-log').scrollWidth <= 360]";
    assert_eq!(browser.run(widths, &[]), json!([360, 360, true]));
}

/// The lowest contrast (WCAG 2.2, "contrast ratio") of texts on what is behind them.
const CONTRAST: &str = "
    const channels = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => {
        const [r, g, b] = channels(color).slice(0, 3).map(value => value / 255)
            .map(value => value <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const behind = element => {
        const color = getComputedStyle(element).backgroundColor;
        return (channels(color)[3] ?? 1) > 0 || !element.parentElement ? color : behind(element.parentElement);
    };
    const ratios = ['p', 'dt', 'label', 'a', 'input', 'button.main', 'button:enabled', '.sent b', '.received b',
        '.log time', '.error'].map(selector => {
        const element = document.querySelector(selector);
        const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
        return (pair[0] + .05) / (pair[1] + .05);
    });
    return [getComputedStyle(document.body).backgroundColor, Math.min(...ratios)]";

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn it_is_light_or_dark_and_readable_in_both() {
    let server = serve();
    let browser = open(&server);
    try_endpoint(&browser, "/echo");
    browser.wait_for("#try-state", "Open");
    browser.type_into("#try-text", &format!("a{ENTER}"));
    browser.wait_for("#try-log .received", "a");
    for (scheme, background) in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")] {
        prefer(
            &browser,
            &[
                ("prefers-color-scheme", scheme),
                ("prefers-reduced-motion", "reduce"),
            ],
        );
        let looks = browser.run(CONTRAST, &[]);
        assert_eq!(looks[0], background);
        assert!(looks[1].as_f64().unwrap() >= 4.5, "{scheme}: {looks}");
    }
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn nothing_moves_where_that_is_not_wanted() {
    let server = serve();
    let browser = open(&server);
    let moving = "return document.getAnimations().length + [...document.querySelectorAll('*')]
        .filter(one => parseFloat(getComputedStyle(one).transitionDuration) > 0).length";
    prefer(&browser, &[("prefers-reduced-motion", "no-preference")]);
    assert_ne!(browser.run(moving, &[]), 0);
    prefer(&browser, &[("prefers-reduced-motion", "reduce")]);
    assert_eq!(browser.run(moving, &[]), 0);
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn every_field_has_a_label_and_every_button_a_name() {
    let server = serve();
    let browser = open(&server);
    browser.wait_for("[aria-labelledby=endpoints]", "/frames/KIND");
    let nameless = "return [...document.querySelectorAll('input, select, textarea, button')]
        .filter(one => !(one.labels?.length || one.textContent.trim() || one.ariaLabel))
        .map(one => one.outerHTML)";
    assert_eq!(browser.run(nameless, &[]), json!([]));
    let live =
        "return [...document.querySelectorAll('[role=log], [role=status], [role=alert]')].length";
    assert_eq!(browser.run(live, &[]), 7);
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn an_endpoint_is_tried_by_keyboard() {
    let server = serve();
    let browser = open(&server);
    tab_to(&browser, "path");
    browser.press(ENTER);
    browser.wait_for("#try-state", "Open");
    tab_to(&browser, "try-text");
    browser.press("by keyboard");
    browser.press(ENTER);
    browser.wait_for("#try-log .received", "by keyboard");
    tab_to(&browser, "try-log");
}
