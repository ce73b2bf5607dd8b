//! The HTML report in a real Chromium: what people see, click, type and hear, and that nothing leaves.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may panic"
)]

mod chromium;
mod hostile;
mod large;
mod page;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mtls_probe::matrix::Matrix;
use page::Page;
use serde_json::{Value, json};

#[test]
fn it_opens_without_a_complaint_and_says_first_what_is_wrong() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&fixed());
    assert_eq!(page.text("h1"), "13 of 38 cells are not as expected");
    let sections = "[...document.querySelectorAll('main > section')].map((one) => one.id)";
    assert_eq!(
        page.run(sections),
        json!([
            "findings", "matrix", "broken", "doubtful", "targets", "sources", "codes"
        ])
    );
    assert_eq!(page.count("#findings .finding"), 10);
    assert_eq!((page.count(".line"), page.count("#grid .cell")), (5, 30));
    assert_eq!(page.text(".line .cell"), "✓\nOK");
    page.keep("5x6-light");
    page.media("screen", "dark");
    page.keep("5x6-dark");
    page.media("screen", "light");
    page.run("document.querySelector('#matrix').scrollIntoView()");
    page.keep("5x6-matrix");
    page.assert_quiet();
}

#[test]
fn filters_search_and_order_show_what_is_asked_for() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&fixed());
    let all = (vec![SOURCES.to_vec(), TARGETS.to_vec()], 30);
    assert_eq!(shown(&mut page), all);

    page.choose("show", "standing:broken");
    let (names, count) = shown(&mut page);
    assert_eq!((names[0].len(), names[1].len(), count), (5, 5, 13));
    assert_eq!(
        page.text("#matches"),
        "13 of 30 squares, in 5 rows and 5 columns."
    );
    page.choose("show", "code:AUTHZ_DENIED");
    assert_eq!(
        shown(&mut page),
        (
            vec![vec!["sa/batch", "none"], vec!["payments", "partner"]],
            2
        )
    );
    page.choose("show", "mark:2");
    assert_eq!(shown(&mut page).1, 4, "we refuse the target");
    page.choose("show", "");

    page.write("from", "sa/");
    assert_eq!(shown(&mut page).0[0], ["sa/frontend", "sa/batch"]);
    page.write("to", "PAY");
    assert_eq!(
        shown(&mut page),
        (vec![vec!["sa/frontend", "sa/batch"], vec!["payments"]], 2)
    );
    page.write("from", "");
    page.write("to", "");

    for (words, targets, count) in [
        ("2001:db8", vec!["partner"], 5),
        ("other.example", vec!["partner"], 4),
        ("closed 0.4 ms", vec!["mallory"], 1),
        ("batch unknown", vec![], 0),
        ("rogue hints", vec!["api", "payments", "partner"], 3),
    ] {
        page.write("query", words);
        let (names, found) = shown(&mut page);
        assert_eq!((names[1].clone(), found), (targets, count), "{words}");
    }
    page.click("document.querySelector('#clear')");
    assert_eq!(shown(&mut page), all);

    page.choose("order", "broken");
    let (names, _) = shown(&mut page);
    assert_eq!(
        names[0],
        ["sa/batch", "sa/frontend", "rogue", "plaintext", "none"]
    );
    assert_eq!(
        names[1],
        ["ghost", "payments", "mallory", "legacy", "partner", "api"]
    );
    page.choose("order", "name");
    assert_eq!(
        shown(&mut page).0[1],
        ["api", "ghost", "legacy", "mallory", "partner", "payments"]
    );
    page.click("document.querySelector('.totals .doubt button')");
    assert_eq!(shown(&mut page).1, 3);
    page.assert_quiet();
}

#[test]
fn a_click_opens_the_evidence_of_a_cell() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&fixed());
    page.run(&format!(
        "{}.scrollIntoView({{ block: 'center' }})",
        cell("sa/batch", "payments")
    ));
    let place = place_of(&mut page, "sa/batch", "payments");
    page.click(&cell("sa/batch", "payments"));
    assert_eq!(page.text("#panel-title"), "sa/batch → payments");
    // What was clicked stays under the mouse.
    assert_eq!(place_of(&mut page, "sa/batch", "payments"), place);
    page.keep("evidence-light");
    for (selector, words) in [
        (".verdict-card", "AUTHZ_DENIED"),
        (".verdict-card", "payments refused sa/batch"),
        (".verdict-card", "expected AUTHZ_DENIED; certain"),
        (".part-of .evidence", "HTTP status 403"),
        (
            ".about",
            "TLS took us, certificate and all, and then policy said no",
        ),
        (".about", "Check the authorization policies of the target"),
        (".ends", "The target on us"),
        (".ends", "AUTHZ_DENIED"),
        (".ends", "We on the target"),
        (".ends", "spiffe://cluster.local/ns/default/sa/batch"),
        (".ends", "expired 3 h ago"),
        ("#evidence", "10.0.0.7:8443"),
        ("#evidence", "TLS_AES_256_GCM_SHA384"),
        (".times-key", "tls 1.34 ms"),
        (".times-key", "together 1.96 ms"),
    ] {
        page.run("for (const one of document.querySelectorAll('.panel details')) one.open = true");
        let all = format!(
            "[...document.querySelectorAll('#panel {selector}')].map((one) => one.innerText).join(' ')"
        );
        let text = page.run(&all);
        assert!(text.as_str().unwrap().contains(words), "{words}: {text}");
    }
    // Anchor, issuer, leaf: each within the one above.
    let chain = "[...document.querySelectorAll('.end:last-child .tree > li')].map((one) => [one.querySelector('.kind').innerText, one.querySelector('.life').ariaLabel])";
    assert_eq!(
        page.run(chain),
        json!([
            ["ANCHOR", "99 % of its life is over, 32 d of 3652 d left"],
            ["ISSUER", "58 % of its life is over, 152 d of 365 d left"],
            ["LEAF", "25 % of its life is over, 18 h of 24 h left"],
        ])
    );
    assert_eq!(
        page.count(".end:last-child .tree .tree .tree .life.valid"),
        1
    );

    // Each address of a target has its own.
    page.click(&cell("rogue", "payments"));
    assert_eq!(page.text(".verdict-card .code"), "UNKNOWN_CA");
    assert_eq!(page.count(".addresses button"), 3);
    page.click("document.querySelectorAll('.addresses button')[2]");
    assert_eq!(page.text(".verdict-card .code"), "OK");
    page.media("screen", "dark");
    page.keep("evidence-dark");
    page.click("document.querySelectorAll('.addresses button')[1]");
    page.click("document.querySelector('.about > summary')");
    page.click("document.querySelector('.about .causes summary')");
    assert!(
        page.text(".about pre")
            .starts_with("istioctl proxy-config rootca-compare")
    );
    page.keep("explained-dark");
    page.media("screen", "light");
    page.click("document.querySelector('#close')");
    assert_eq!(page.run("document.querySelector('#panel').hidden"), true);
    page.assert_quiet();
}

#[test]
fn the_keyboard_alone_does_it_all() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&fixed());
    let focused = "[document.activeElement.closest('.line')?.querySelector('.label').innerText, +document.activeElement.ariaColIndex]";
    page.key("Tab");
    assert_eq!(page.run("document.activeElement.className"), "skip");
    page.run("document.querySelector('#clear').focus()");
    page.key("Tab");
    assert_eq!(page.run(focused), json!(["sa/frontend", 2]));
    for key in [
        "ArrowRight",
        "ArrowRight",
        "ArrowRight",
        "ArrowDown",
        "ArrowLeft",
    ] {
        page.key(key);
    }
    assert_eq!(page.run(focused), json!(["sa/batch", 4]));
    page.key("Enter");
    assert_eq!(page.text("#panel-title"), "sa/batch → legacy");
    assert_eq!(page.run("document.activeElement.id"), "panel-title");
    page.key("Tab");
    assert_eq!(page.run("document.activeElement.id"), "close");
    page.key("Escape");
    assert_eq!(page.run("document.querySelector('#panel').hidden"), true);
    assert_eq!(
        page.run(focused),
        json!(["sa/batch", 4]),
        "the focus comes back"
    );
    page.key("End");
    assert_eq!(page.run(focused), json!(["sa/batch", 7]));
    page.key("ArrowRight");
    assert_eq!(
        page.run(focused),
        json!(["sa/batch", 7]),
        "there is no further"
    );
    // One stop for all cells: the next one is behind the matrix.
    page.key("Tab");
    assert_eq!(
        page.run("document.activeElement.closest('#grid')"),
        Value::Null
    );
    page.assert_quiet();
}

#[test]
fn a_screen_reader_is_told_what_others_see() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&fixed());
    let heard = page.aloud();
    let named = |role: &str, name: &str| heard.contains(&(role.into(), name.into()));
    for (role, name) in [
        ("heading", "13 of 38 cells are not as expected"),
        ("region", "Findings 10"),
        ("search", "Filter the matrix"),
        ("searchbox", "Search"),
        ("grid", "Sources as rows, targets as columns"),
        ("columnheader", "payments"),
        ("rowheader", "sa/frontend"),
        ("gridcell", "OK, accepted, as expected"),
        ("gridcell", "UNKNOWN_CA, the target refused us, as expected"),
        ("gridcell", "OK, accepted, not as expected, 1 of 3 say so"),
        ("status", ""),
    ] {
        assert!(named(role, name), "{role} {name:?} in {heard:#?}");
    }
    let cells = heard.iter().filter(|(role, _)| role == "gridcell");
    assert_eq!(cells.count(), 30);
    page.click(&cell("sa/frontend", "payments"));
    let heard = page.aloud();
    for (role, name) in [
        ("dialog", "sa/frontend → payments"),
        ("button", "Close (Escape)"),
        ("image", "25 % of its life is over, 18 h of 24 h left"),
    ] {
        let named = heard.contains(&(role.into(), name.into()));
        assert!(named, "{role} {name:?} in {heard:#?}");
    }
}

#[test]
fn every_text_stands_out_from_its_ground_by_day_and_by_night() {
    let Some(_turn) = turn() else { return };
    for open in [
        ("sa/frontend", "payments"),
        ("sa/batch", "legacy"),
        ("rogue", "mallory"),
        ("plaintext", "partner"),
    ] {
        let mut page = Page::of(&fixed());
        page.click(&cell(open.0, open.1));
        page.run("for (const one of document.querySelectorAll('details')) one.open = true");
        for scheme in ["light", "dark"] {
            page.media("screen", scheme);
            let faint = page.run(include_str!("contrast.js"));
            assert_eq!(faint, json!([]), "{scheme}");
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let Some(_turn) = turn() else { return };
    let matrix = hostile::matrix(include_str!("../../testdata/golden/result.json"));
    let mut page = Page::of(&matrix);
    let squares = page.count("#grid .cell");
    assert_eq!(squares, 30);
    let seen = "document.documentElement.textContent";
    for nth in 0..squares {
        page.run(&format!(
            "document.querySelectorAll('#grid .cell')[{nth}].click()"
        ));
        let evidence = page.text("#evidence");
        assert!(evidence.contains("<script>"), "{evidence}");
        let bare = "/[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]/";
        assert_eq!(page.run(&format!("{seen}.match({bare})")), Value::Null);
    }
    page.keep("hostile");
    assert_eq!(page.run("window.pwned"), Value::Null);
    // The script and its data: what the grid needs, what all cells share, and a row each.
    assert_eq!(page.count("script"), 1 + 2 + 5);
    assert_eq!(
        page.count("img, iframe, object, embed, link, base, form, a[href^=javascript]"),
        0
    );
    page.assert_quiet();
}

#[test]
fn nothing_in_the_page_can_load_run_or_send_anything() {
    let Some(_turn) = turn() else { return };
    let ways = [
        "fetch",
        "beacon",
        "socket",
        "events",
        "image",
        "style",
        "font",
        "background",
        "script",
        "inline",
        "markup",
        "handler",
        "frame",
        "object",
        "video",
        "worker",
        "form",
    ];
    let listeners = ways.map(|way| (way, TcpListener::bind("127.0.0.1:0").unwrap()));
    let url_of = |listener: &TcpListener| format!("http://{}/", listener.local_addr().unwrap());
    let urls: BTreeMap<&str, String> = (listeners.iter())
        .map(|(way, listener)| (*way, url_of(listener)))
        .collect();
    let mut page = Page::of(&fixed());
    page.assert_quiet();
    let tries = include_str!("escape.js").replace("LISTENERS", &json!(urls).to_string());
    let outcome = page.run(&tries);
    assert_eq!(outcome["ways"], json!(ways));
    assert_eq!(
        outcome["blocked"],
        json!([
            "connect-src",
            "font-src",
            "form-action",
            "frame-src",
            "img-src",
            "media-src",
            "require-trusted-types-for",
            "style-src-attr",
            "style-src-elem",
        ])
    );
    // Whoever listens for complaints has heard them all.
    assert!(page.browser.events("Log.entryAdded").count() > 9);
    assert!(page.requested().len() > 1);
    for (way, listener) in listeners {
        listener.set_nonblocking(true).unwrap();
        // For a frame it opens a connection before it asks the policy, and says nothing there.
        let heard = listener.accept().map(|(mut stream, _)| {
            stream.set_nonblocking(true).unwrap();
            stream.read(&mut [0; 512]).unwrap_or_default()
        });
        assert_eq!(heard.unwrap_or_default(), 0, "{way} got out: {outcome}");
    }
}

#[test]
fn ninety_thousand_cells_open_at_once_and_scroll() {
    let Some(_turn) = turn() else { return };
    let matrix = large::matrix(&fixed(), 300, 300);
    let mut page = Page::of(&matrix);
    // Others work on the machine as well: the best of a few tells what it takes.
    let mut took = vec![page.took];
    while took.iter().min().unwrap() >= &IN_TIME && took.len() < 5 {
        page = Page::of(&matrix);
        took.push(page.took);
    }
    let size = std::fs::metadata(&page.file).unwrap().len();
    say(&format!(
        "90000 cells in {size} bytes are on the screen after {took:.2?}"
    ));
    assert!(took.iter().min().unwrap() < &IN_TIME, "{took:?}");

    let scroll = page.run(include_str!("scroll.js"));
    say(&format!("scrolling: {scroll}"));
    assert!(scroll["median"].as_f64().unwrap() < 100.0, "{scroll}");
    assert!(scroll["elements"].as_u64().unwrap() < 20_000, "{scroll}");
    // At the far end the names are still there, beside and above the last cell.
    assert_eq!(scroll["blank"], 0, "{scroll}");
    assert_eq!(scroll["corner"], json!([301, 301]), "{scroll}");
    assert_eq!(scroll["stuck"], json!([true, true]), "{scroll}");

    page.write("query", "ledger-42 gateway-103");
    page.until("document.querySelector('#matches').innerText.startsWith('1 of 90000')");
    page.key("Tab");
    page.run("document.querySelector('#grid .cell:not(.out)').focus()");
    page.key("Enter");
    assert_eq!(
        page.text("#panel-title"),
        "observability/sa/ledger-42 → gateway-103.data"
    );
    page.assert_quiet();
}

#[test]
fn a_large_matrix_is_seen_whole_and_in_part() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&large::matrix(&fixed(), 200, 300));
    page.run("document.querySelector('#matrix').scrollIntoView()");
    assert_eq!(page.run("document.querySelector('#order').value"), "broken");
    page.keep("200x300-light");
    page.media("screen", "dark");
    page.keep("200x300-dark");
    page.media("screen", "light");
    let shares = "(() => { const { data } = document.querySelector('canvas').getContext('2d').getImageData(0, 0, 1200, 200); const counts = {}; for (let at = 0; at < data.length; at += 4) { const color = [data[at], data[at + 1], data[at + 2]]; counts[color] = (counts[color] ?? 0) + 1; } return counts; })()";
    let shares = page.run(shares);
    let red = shares["179,38,30"].as_u64().unwrap();
    let all = 1200 * 200;
    assert!(red > all / 40 && red < all / 10, "{shares}");
    // A click there brings that part here.
    page.click("document.querySelector('.overview canvas')");
    page.until("document.querySelector('#grid').scrollTop > 1000 && document.querySelector('#grid').scrollLeft > 1000");
    page.choose("size", "words");
    page.keep("200x300-codes");
    page.choose("size", "marks");
    page.click("[...document.querySelectorAll('.cell.broken')].find((one) => { const { x, y } = one.getBoundingClientRect(); return x > 400 && document.elementFromPoint(x + 9, y + 9) === one; })");
    page.until("!document.querySelector('#panel').hidden");
    page.keep("200x300-evidence");
    page.assert_quiet();
}

#[test]
fn it_goes_to_the_printer_whole_or_in_its_main_parts() {
    let Some(_turn) = turn() else { return };
    for (name, matrix, sheets) in [
        ("print-5x6", fixed(), 4..=9),
        ("print-200x300", large::matrix(&fixed(), 200, 300), 10..=40),
    ] {
        let mut page = Page::of(&matrix);
        let printed = page.print(name);
        assert!(sheets.contains(&printed), "{name}: {printed} sheets");
        page.media("print", "dark");
        page.run("dispatchEvent(new Event('beforeprint'))");
        let ground = "getComputedStyle(document.body).backgroundColor";
        assert_eq!(page.run(ground), "rgb(255, 255, 255)", "no toner is wasted");
        assert_eq!(
            page.run("document.querySelector('.controls').offsetHeight"),
            0
        );
        assert_eq!(
            page.run("document.querySelector('.finding:last-child').checkVisibility()"),
            true
        );
        page.assert_quiet();
    }
}

#[test]
fn a_browser_without_scripts_shows_a_plain_table() {
    let Some(_turn) = turn() else { return };
    let mut page = Page::of(&fixed());
    let off = json!({ "value": true });
    page.browser
        .call("Emulation.setScriptExecutionDisabled", off);
    page.browser.load("Page.reload", json!({}));
    page.keep("no-script");
    let heard = page.aloud();
    let cells: Vec<&str> = (heard.iter())
        .filter(|(role, name)| role == "cell" && name.contains("UNKNOWN_CA"))
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(cells, ["✗ UNKNOWN_CA", "✗ UNKNOWN_CA"]);
    let is_control = |(role, _): &&(String, String)| role == "searchbox" || role == "grid";
    assert_eq!(heard.iter().find(is_control), None);
}

#[test]
fn a_small_screen_needs_no_sideways_scrolling() {
    let Some(_turn) = turn() else { return };
    let screen = json!({ "width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": true });
    let mut page = Page::prepared(&fixed(), |browser| {
        browser.call("Emulation.setDeviceMetricsOverride", screen);
    });
    let over = "document.documentElement.scrollWidth - innerWidth";
    assert_eq!(page.run(over), 0);
    page.run("document.querySelector('#matrix').scrollIntoView()");
    page.keep("phone");
    page.click(&cell("sa/frontend", "api"));
    page.keep("phone-evidence");
    assert_eq!(page.run(over), 0);
    assert_eq!(
        page.run("document.querySelector('#panel').offsetWidth"),
        390
    );
    page.assert_quiet();
}

/// The names of rows and columns on display, and how many squares are wanted.
fn shown(page: &mut Page) -> (Vec<Vec<&'static str>>, u64) {
    // A filter waits until somebody stops typing.
    std::thread::sleep(Duration::from_millis(250));
    let names = "['.label', '.title'].map((all) => [...document.querySelectorAll(`#grid ${all}`)].map((one) => one.ariaLabel))";
    let names = page.run(names);
    let known = |name: &Value| {
        let all = SOURCES.iter().chain(&TARGETS).copied();
        let found = all.into_iter().find(|known| name == known);
        found.unwrap_or_else(|| panic!("{name}"))
    };
    let names = names.as_array().unwrap().iter();
    let names = names.map(|all| all.as_array().unwrap().iter().map(known).collect());
    let wanted = page.run("document.querySelectorAll('#grid .cell:not(.out, .absent)').length");
    (names.collect(), wanted.as_u64().unwrap())
}

/// Finds the square of a source and a target.
fn cell(source: &str, target: &str) -> String {
    format!(
        "(() => {{ \
           const titles = [...document.querySelectorAll('#grid .title')]; \
           const column = titles.find((one) => one.ariaLabel === {target:?}).ariaColIndex; \
           const labels = [...document.querySelectorAll('#grid .label')]; \
           const line = labels.find((one) => one.ariaLabel === {source:?}).parentElement; \
           const cell = line.querySelector(`.cell[aria-colindex=\"${{column}}\"]`); \
           return cell; \
         }})()"
    )
}

fn place_of(page: &mut Page, source: &str, target: &str) -> i64 {
    let script = format!(
        "Math.round({}.getBoundingClientRect().y)",
        cell(source, target)
    );
    page.run(&script).as_i64().unwrap()
}

fn fixed() -> Matrix {
    Matrix::stored(include_bytes!("../../testdata/golden/result.json")).unwrap()
}

const SOURCES: [&str; 5] = ["sa/frontend", "sa/batch", "rogue", "none", "plaintext"];
const TARGETS: [&str; 6] = ["api", "payments", "legacy", "partner", "ghost", "mallory"];

/// What a person takes for at once.
const IN_TIME: Duration = Duration::from_secs(2);

/// One browser at a time, so that they do not slow one another down. Nothing where there is none,
/// loudly; where nothing may be missing that is a failure.
fn turn() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    match chromium::version() {
        Ok(_) => Some(turn),
        Err(why) => {
            let words = format!("SKIPPED: the HTML report in a browser: {why}");
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "{words}");
            say(&words);
            None
        }
    }
}

/// The test harness swallows what `eprintln` says of a test that passes.
fn say(what: &str) {
    std::io::stderr()
        .write_all(format!("{what}\n").as_bytes())
        .unwrap();
}
