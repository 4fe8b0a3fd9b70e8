//! wirecat and the servers and proxies that stand between it and a server in practice: nginx, squid,
//! tinyproxy, dante, haproxy, hypercorn, node. `.ci/peers` installs them.
//!
//! Each is configured as `docs/tls-and-proxies.md` shows it.

mod http2;
mod nginx;
mod nginx_serve;
mod proxies;

use std::path::Path;

use crate::support::components::Component;
use crate::support::tls::Authority;
use crate::support::{Output, wirecat};

/// Runs wirecat; names that end in `.example` lead to `component`.
#[track_caller]
fn run(component: &Component, authority: &Authority, options: &[&str]) -> Output {
    let names = ["ws", "members", "debug"];
    let names = names.map(|name| format!("{name}.example:{}:127.0.0.1", component.port));
    let resolve = names.iter().flat_map(|name| ["--resolve", name]);
    let cacert = authority.cacert();
    let common = resolve.chain(["--cacert", &cacert]);
    wirecat(common.chain(options.iter().copied())).run()
}

/// A message that is too large for a command line, and for one frame.
struct Large {
    text: String,
    /// The file that holds it, as `-d` takes it.
    argument: String,
    _file: tempfile::NamedTempFile,
}

impl Large {
    fn new() -> Large {
        let lines: Vec<String> = (0..100_000).map(|n| format!("line {n}")).collect();
        let text = lines.join("\n");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, &text).unwrap();
        Large {
            text,
            argument: format!("@{}", file.path().display()),
            _file: file,
        }
    }
}

/// Every file beside the tests here is a configuration.
#[test]
fn the_page_shows_what_the_tests_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/tls-and-proxies.md")).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(root.join("tests/components")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending != "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let shown = page.contains(&format!("\n{text}```\n"));
            assert!(shown, "{} is not as the page shows it", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}
