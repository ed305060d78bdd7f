//! The reports, opened in a browser without network: their plots are there, and nothing is wrong with them.

#[path = "../common/mod.rs"]
mod common;

mod chromium;

use chromium::{Chromium, Picture};
use common::{Folder, dyad, json, succeeds};

/// What the probe finds in the page: its height, what it needs and loaded, and each plot.
const PROBE: &str = "<script>
const probe = document.currentScript;
window.addEventListener('load', () => {
  const box = (e) => { const b = e.getBoundingClientRect(); return [b.left + scrollX, b.top + scrollY, b.width, b.height]; };
  const drawn = (svg) => [...svg.querySelectorAll('rect,polyline')].map(box).filter((b) => b[2] > 0 || b[3] > 0).length;
  const title = (svg) => { let e = svg; while (e && e.tagName !== 'H2') e = e.previousElementSibling; return e && e.textContent; };
  const outside = (svg) => [...svg.querySelectorAll('text')].filter((t) => {
    const [a, b] = [t.getBoundingClientRect(), svg.getBoundingClientRect()];
    return a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1; }).map((t) => t.textContent);
  const plots = [...document.querySelectorAll('svg')].map((svg) =>
    ({title: title(svg), box: box(svg), drawn: drawn(svg), texts: svg.querySelectorAll('text').length, outside: outside(svg)}));
  const beside = [...document.querySelectorAll('[src],[href],link,script,iframe,object,embed,style')].filter((e) =>
    e !== probe && (e.tagName !== 'STYLE' || /url\\(|@import/.test(e.textContent))).length;
  const found = {height: document.documentElement.scrollHeight, beside, plots,
    loaded: performance.getEntriesByType('resource').length};
  document.body.replaceChildren();
  document.body.textContent = 'FOUND' + JSON.stringify(found) + 'END';
});
</script>";

/// Width of the window in pixels.
const WIDTH: u32 = 1000;

/// What is found in a page that stands at `path`.
fn probe(browser: &Chromium, folder: &Folder, path: &str) -> serde_json::Value {
    let page = std::fs::read_to_string(path).unwrap();
    folder.write("probe.html", (page + PROBE).as_bytes());
    let dom = browser.dom(&folder.path("probe.html"), WIDTH);
    let found =
        dom.split_once("FOUND").and_then(|(_, rest)| rest.split_once("END")).unwrap_or_else(|| panic!("{dom}")).0;
    json(&found.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
}

/// Fraction of the pixels inside a plot that have a colour, neither white nor grey.
fn coloured(picture: &Picture, plot: &serde_json::Value) -> f64 {
    let at = |index: usize| plot["box"][index].as_f64().unwrap() as u32;
    let (left, top, width, height) = (at(0), at(1), at(2), at(3));
    let pixels = (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y)));
    let colour = |(x, y)| {
        let [r, g, b] = picture.pixel(x, y);
        r.max(g).max(b) - r.min(g).min(b) > 20
    };
    pixels.filter(|at| colour(*at)).count() as f64 / f64::from(width * height)
}

#[test]
fn a_report_shows_its_plots_with_no_network() {
    let folder = Folder::new("browser");
    let browser = Chromium::new(folder.path("profile"));
    let report = folder.path("report");
    let arguments = ["--count", "60", "--depth", "8", "--km", "1", "--store-mib", "2", "--report", &report];
    succeeds(dyad(&["bench"]).args(arguments).args(["--sweep", "km=0,1", "--sweep", "loss=0,0.05"]));
    let page = format!("{report}/report.html");

    let found = probe(&browser, &folder, &page);
    let needs = (&found["beside"], &found["loaded"]);
    assert_eq!(needs, (&0.into(), &0.into()), "the page needs something beside it: {found}");
    let plots = found["plots"].as_array().unwrap();
    for title in [
        "Latency by stage",
        "Distribution of the latency",
        "Latency over time",
        "Goodput over time",
        "The floor on a board",
        "Goodput against distance",
        "Goodput against loss",
        "Latency against distance",
        "Latency against loss",
    ] {
        assert!(plots.iter().any(|plot| plot["title"] == title), "no plot under `{title}`: {found}");
    }
    let height = found["height"].as_u64().unwrap() as u32;
    let screenshot = folder.path("report.png");
    let said = browser.screenshot(&page, &screenshot, (WIDTH, height));
    assert_eq!(said, Vec::<String>::new(), "the browser found something wrong with the page");
    let picture = Picture::read(&screenshot);
    for plot in plots {
        assert!(plot["box"][2].as_f64().unwrap() > 500.0 && plot["box"][3].as_f64().unwrap() > 80.0, "small: {plot}");
        assert!(plot["drawn"].as_u64().unwrap() >= 1 && plot["texts"].as_u64().unwrap() >= 3, "empty: {plot}");
        assert_eq!(plot["outside"], serde_json::json!([]), "text runs out of its plot: {plot}");
        // A thin line over a plot of 860 by 260 is half of a hundredth of it, and a flat one a third of that.
        assert!(coloured(&picture, plot) > 0.001, "no colour in the picture of {plot}");
    }
}

#[test]
fn a_page_that_is_wrong_is_found() {
    let folder = Folder::new("browser-bad");
    let browser = Chromium::new(folder.path("profile"));
    let bad = "<!DOCTYPE html><html><body><h2>Empty</h2><svg viewBox='0 0 860 260' style='width:100%'></svg>\
               <img src='missing.png'><script>undefinedName.x</script></body></html>";
    folder.write("bad.html", bad.as_bytes());
    let path = folder.path("bad.html");
    let found = probe(&browser, &folder, &path);
    assert_eq!((&found["beside"], &found["plots"][0]["drawn"]), (&2.into(), &0.into()), "{found}");
    let said = browser.screenshot(&path, &folder.path("bad.png"), (WIDTH, 700));
    assert!(said.len() == 1 && said[0].contains("undefinedName"), "{said:?}");
    assert_eq!(coloured(&Picture::read(&folder.path("bad.png")), &found["plots"][0]), 0.0);
}
